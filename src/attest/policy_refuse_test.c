/* One wrong member beside right ones: it alone refuses the document. */

#include "attest/policy.h"
#include "base/own.h"
#include "base/test.h"

static struct ph_policy policy, before;
static struct ph_json_why why;

static enum ph_err parse(const char *text)
{
    return ph_policy_parse(ph_bytes_str(text), &policy, &why);
}

#define A48                                                                                        \
    "111111111111111111111111111111111111111111111111"                                             \
    "111111111111111111111111111111111111111111111111"
#define A32 "2222222222222222222222222222222222222222222222222222222222222222"
#define TDX(more) "{\"measurements\":{\"tdx\":[{\"mr_td\":\"" A48 "\"," more "}]}}"
#define SGX(members) "{\"measurements\":{\"sgx\":[{" members "}]}}"
#define NITRO(more) "{\"measurements\":{\"nitro\":[{\"pcr0\":\"" A48 "\"," more "}]}}"
#define SNP(more) "{\"measurements\":{\"snp\":[{\"measurement\":\"" A48 "\"," more "}]}}"
#define ENCLAVE "\"mrenclave\":\"" A32 "\""
#define SIGNER "\"mrsigner\":\"" A32 "\""

TEST(one_wrong_member_beside_right_ones_refuses_the_document)
{
    static const struct {
        const char *text, *names;
    } bad[] = {
        {TDX("\"rtmr0\":\"11\""), "rtmr0"},
        {TDX("\"rtmr3\":7"), "rtmr3"},
        {TDX("\"mr_seam\":\"" A32 "\""), "mr_seam"},
        {SGX(ENCLAVE ",\"isvsvn\":1"), "isvsvn"},
        {SGX(ENCLAVE "," SIGNER ",\"isvprodid\":1,\"min_isvsvn\":1,\"debug\":true"), "debug"},
        {SGX("\"mrenclave\":\"22\"," SIGNER ",\"isvprodid\":1,\"min_isvsvn\":1"), "mrenclave"},
        {SGX(ENCLAVE ",\"mrsigner\":\"22\""), "mrsigner"},
        {SGX(SIGNER ",\"isvprodid\":1"), "min_isvsvn"},
        {SGX(SIGNER ",\"min_isvsvn\":1"), "isvprodid"},
        {SGX(ENCLAVE ",\"isvprodid\":1"), "isvprodid"},
        {SGX(ENCLAVE ",\"isvprodid\":65536"), "isvprodid"},
        {SGX(ENCLAVE ",\"min_isvsvn\":65536"), "min_isvsvn"},
        {SGX(ENCLAVE ",\"min_isvsvn\":\"1\""), "min_isvsvn"},
        {NITRO("\"pcr3\":\"11\""), "pcr3"},
        {NITRO("\"pcr8\":true"), "pcr8"},
        {SNP("\"host_data\":\"22\""), "host_data"},
        {SNP("\"id_key_digest\":\"22\""), "id_key_digest"},
        {SNP("\"author_key_digest\":\"22\""), "author_key_digest"},
        {"{\"measurements\":{\"snp\":[{\"measurement\":\"22\"}]}}", "expected 48 bytes"},
        {"{\"snp\":{\"min_tcb\":{\"milan\":[]}}}", "milan"},
        {"{\"snp\":{\"min_abi\":[]}}", "min_abi"},
        {"{\"snp\":{\"min_abi\":{\"major\":256}}}", "major: expected an integer"},
        {"{\"snp\":{\"min_abi\":{\"major\":1,\"minor\":256}}}", "minor"},
        {"{\"snp\":{\"chip_ids\":{}}}", "chip_ids"},
        {"{\"snp\":true}", "snp"},
        {"{\"measurements\":{\"sgx\":{}}}", "sgx"},
        {"{\"measurements\":{\"nvidia\":{}}}", "nvidia"},
        {"{\"measurements\":[]}", "expected \"any\""},
        {"{\"measurements\":true}", "expected \"any\""},
        {"{\"denied_advisories\":{}}", "denied_advisories"},
        {"{\"denied_advisories\":\"INTEL-SA-00001\"}", "denied_advisories"},
        {"{\"denied_advisories\":[\"INTEL-SA-00000000000000000000001\"]}", "denied_advisories"},
        {"{\"platform_instances\":[\"" A32 "\"]}", "platform_instances"},
        {"{\"nvidia\":[]}", "nvidia"},
        {"{\"nvidia\":1}", "nvidia"},
        {"{\"statuses\":{}}", "statuses"},
        {"{\"statuses\":[\"NoMatchingLevel\"]}", "statuses"},
        {"{\"statuses\":[\"Unknown\"]}", "statuses"},
        {"{\"statuses\":[1]}", "statuses"},
        {"{\"min_tcb_date\":1}", "min_tcb_date"},
        {"[]", ""},
    };
    memset(&before, 0x5c, sizeof(before));
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        policy = before;
        why.text[0] = '\0';
        if (parse(bad[i].text) != PH_ERR_MALFORMED || !strstr(why.text, bad[i].names))
            fail_msg("%s: %s", bad[i].text, why.text);
        CHECK(memcmp(&policy, &before, sizeof(before)) == 0);
    }
}

TEST(the_longest_advisory_and_the_largest_numbers_are_taken)
{
    CHECK(parse("{\"denied_advisories\":[\"INTEL-SA-0000000000000000000001\"],\"grace_s\":7776000,"
                "\"min_evaluation_number\":4294967295}") == PH_OK);
    CHECK(strlen(policy.denied_advisories[0]) == PH_ADVISORY_LEN_MAX);
    CHECK(policy.grace_s == PH_POLICY_GRACE_MAX_S && policy.min_evaluation_number == UINT32_MAX);
    CHECK(parse(SGX(SIGNER ",\"isvprodid\":65535,\"min_isvsvn\":65535")) == PH_OK);
    CHECK(policy.sgx_cnt == 1 && policy.sgx[0].isvprodid == 65535 && !policy.sgx[0].has_mrenclave);
    CHECK(policy.sgx[0].min_isvsvn == 65535);
}

/* `cnt` times the same element, as the array that `head` opens and `tail` closes. */
static enum ph_err parse_many(const char *head, const char *element, size_t cnt, const char *tail)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_POLICY_JSON_MAX);

    CHECK(ph_buf_add_str(&text, head) == PH_OK);
    for (size_t i = 0; i < cnt; i++) {
        CHECK(i == 0 || ph_buf_add_str(&text, ",") == PH_OK);
        CHECK(ph_buf_add_str(&text, element) == PH_OK);
    }
    CHECK(ph_buf_add_str(&text, tail) == PH_OK);
    return ph_policy_parse(ph_buf_view(&text), &policy, &why);
}

TEST(lists_end_at_their_limits)
{
    static const struct {
        const char *head, *element, *tail;
        size_t max;
    } lists[] = {
        {"{\"measurements\":{\"tdx\":[", "{\"mr_td\":\"" A48 "\"}", "]}}",
         PH_POLICY_MEASUREMENTS_MAX},
        {"{\"measurements\":{\"sgx\":[", "{" ENCLAVE "}", "]}}", PH_POLICY_MEASUREMENTS_MAX},
        {"{\"measurements\":{\"nitro\":[", "{\"pcr0\":\"" A48 "\"}", "]}}",
         PH_POLICY_MEASUREMENTS_MAX},
        {"{\"measurements\":{\"snp\":[", "{\"measurement\":\"" A48 "\"}", "]}}",
         PH_POLICY_SNP_MEASUREMENTS_MAX},
        {"{\"measurements\":{\"nvidia\":[", "{\"arch\":\"HOPPER\"}", "]}}", PH_POLICY_NVIDIA_MAX},
        {"{\"nvidia\":{\"device_ids\":[", "\"" A32 "\"", "]}}", PH_POLICY_NVIDIA_IDS_MAX},
        {"{\"snp\":{\"chip_ids\":[", "\"1111111111111111\"", "]}}", PH_POLICY_SNP_CHIPS_MAX},
        {"{\"denied_advisories\":[", "\"INTEL-SA-00001\"", "]}", PH_POLICY_ADVISORIES_MAX},
        {"{\"platform_instances\":[", "\"33333333333333333333333333333333\"", "]}",
         PH_POLICY_INSTANCES_MAX},
    };
    for (size_t i = 0; i < PH_LEN(lists); i++) {
        CHECK(parse_many(lists[i].head, lists[i].element, lists[i].max, lists[i].tail) == PH_OK);
        CHECK(parse_many(lists[i].head, lists[i].element, lists[i].max + 1, lists[i].tail) ==
              PH_ERR_MALFORMED);
    }
}

PH_TEST_MAIN(CASE(one_wrong_member_beside_right_ones_refuses_the_document),
             CASE(the_longest_advisory_and_the_largest_numbers_are_taken),
             CASE(lists_end_at_their_limits))
