#include "base/test.h"
#include "tee/snp_key.h"

#include <string.h>

TEST(request_asks_for_vcek_with_policy_and_measurement)
{
    uint8_t req[PH_SNP_KEY_REQ_LEN], want[PH_SNP_KEY_REQ_LEN] = {[8] = 0x09};

    memset(req, 0xff, sizeof(req));
    ph_snp_key_request(req);
    CHECK(memcmp(req, want, sizeof(want)) == 0);
}

TEST(key_is_taken_only_from_a_good_response)
{
    uint8_t rsp[PH_SNP_KEY_RSP_LEN] = {0}, key[32] = {7};

    CHECK(ph_snp_key_response(rsp, key) == PH_ERR_MALFORMED && key[0] == 7);
    for (size_t i = 0; i < 32; i++)
        rsp[32 + i] = (uint8_t)(i + 1);
    CHECK(ph_snp_key_response(rsp, key) == PH_OK && memcmp(key, rsp + 32, 32) == 0);
    rsp[0] = 0x16; /* invalid parameters */
    key[0] = 7;
    CHECK(ph_snp_key_response(rsp, key) == PH_ERR_UNTRUSTED && key[0] == 7);
}

TEST(a_machine_without_the_device_gets_no_key)
{
    uint8_t key[32];
    char why[PH_SNP_KEY_WHY_LEN];

    CHECK(ph_snp_sealing_key("/nonexistent/sev-guest", key, why) == PH_ERR_NOT_FOUND);
    CHECK(strstr(why, "SEV-SNP"));
    CHECK(ph_snp_sealing_key("/dev/null", key, why) == PH_ERR_IO);
}

PH_TEST_MAIN(CASE(request_asks_for_vcek_with_policy_and_measurement),
             CASE(key_is_taken_only_from_a_good_response),
             CASE(a_machine_without_the_device_gets_no_key))
