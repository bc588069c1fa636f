/* What a committee's member finds in evidence, and what it refuses; evidence is the simulators'. */

#include "committee.h"

#include "attest/evidence.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"
#include "tee/quote.h"

#include <stdlib.h>
#include <unistd.h>

enum { DEVELOPMENT = 31337, SIMULATORS = 2 };

static char dir[] = "/tmp/phala-committee-test-XXXXXX";
static char why[CLUSTER_WHY_LEN];
static struct ph_buf tdx, snp; /* bundles over `bind` */
static const struct ph_hash32 bind = {{0xb1, 0x2d}};
static struct ph_abi_verifier_committee_claims claims;

static int64_t now(void)
{
    return ph_clock_wall_ms() / 1000;
}

static enum ph_err judge(uint64_t chain_id, const struct ph_buf *evidence,
                         const struct ph_hash32 *what, int64_t time_s)
{
    why[0] = '\0';
    return committee_judge(chain_id, ph_buf_view(evidence), what, time_s, &claims, why);
}

static void expect_refused(enum ph_err err, const char *because)
{
    CHECK(err != PH_OK);
    if (!strstr(why, because))
        fail_msg("%s", why);
}

TEST(genuine_evidence_has_the_claims_that_contracts_compare)
{
    const struct ph_buf *const evidence[SIMULATORS] = {&tdx, &snp};
    const uint64_t kinds[SIMULATORS] = {2, 3};
    struct ph_hash32 platform[SIMULATORS];

    for (size_t i = 0; i < SIMULATORS; i++) {
        if (judge(DEVELOPMENT, evidence[i], &bind, now()) != PH_OK)
            fail_msg("%s", why);
        CHECK(claims.kind == kinds[i] && claims.tcb_status == 1);
        CHECK(claims.flags >> 31 == 1);
        CHECK(claims.valid_until > (uint64_t)now() && claims.evidence_time <= (uint64_t)now());
        platform[i] = claims.platform_id;
    }
    CHECK(claims.eval_no == 0 && claims.tcb_date == 0); /* AMD has none */
    CHECK(memcmp(platform[0].b, platform[1].b, 32) != 0);
}

/* The tuple, put together another way. */
TEST(an_image_is_the_whole_measurement_tuple)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_buf tuple PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_json_why where;
    struct ph_hash32 image;

    CHECK(judge(DEVELOPMENT, &snp, &bind, now()) == PH_OK);
    CHECK(ph_evidence_parse(ph_buf_view(&snp), &bundle, &where) == PH_OK);
    const uint8_t *report = ph_evidence_view(bundle)->quote.ptr;
    CHECK(ph_buf_add(&tuple, PH_BYTES_LIT("\0\3")) == PH_OK);
    CHECK(ph_buf_add(&tuple, (struct ph_bytes){report + 0x04, 0x30 - 0x04}) == PH_OK);
    CHECK(ph_buf_add(&tuple, (struct ph_bytes){report + 0x90, 0x140 - 0x90}) == PH_OK);
    ph_keccak256(ph_buf_view(&tuple), image.b);
    CHECK(memcmp(image.b, claims.image.b, 32) == 0);
}

TEST(a_simulator_counts_on_the_development_chain_alone)
{
    expect_refused(judge(1, &tdx, &bind, now()), "root");
    expect_refused(judge(1, &snp, &bind, now()), "ark-unknown");
}

TEST(evidence_that_binds_something_else_is_refused)
{
    const struct ph_hash32 other = {{0xb1, 0x2e}};

    expect_refused(judge(DEVELOPMENT, &tdx, &other, now()), "report-data");
    expect_refused(judge(DEVELOPMENT, &snp, &other, now()), "report-data");
}

TEST(it_is_judged_at_the_time_that_is_named)
{
    expect_refused(judge(DEVELOPMENT, &tdx, &bind, now() + 90 * 86400), "evidence refused");
    expect_refused(judge(DEVELOPMENT, &snp, &bind, 1500000000), "not-yet-valid");
}

TEST(one_bit_of_a_report_is_enough_to_refuse_it)
{
    struct ph_buf broken PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_json_why where;
    uint8_t report[2048];

    CHECK(ph_evidence_parse(ph_buf_view(&snp), &bundle, &where) == PH_OK);
    struct ph_evidence evidence = *ph_evidence_view(bundle);
    memcpy(report, evidence.quote.ptr, evidence.quote.len);
    report[0xc0] ^= 1; /* HOST_DATA */
    evidence.quote = (struct ph_bytes){report, evidence.quote.len};
    CHECK(ph_evidence_encode(&evidence, &broken) == PH_OK);
    expect_refused(judge(DEVELOPMENT, &broken, &bind, now()), "report-signature");
}

TEST(without_a_revocation_list_nothing_is_certified)
{
    struct ph_buf bare PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_json_why where;

    CHECK(ph_evidence_parse(ph_buf_view(&snp), &bundle, &where) == PH_OK);
    struct ph_evidence evidence = *ph_evidence_view(bundle);
    evidence.snp.crl = (struct ph_bytes){NULL, 0};
    CHECK(ph_evidence_encode(&evidence, &bare) == PH_OK);
    expect_refused(judge(DEVELOPMENT, &bare, &bind, now()), "crl");
}

TEST(what_is_no_evidence_of_one_machine_is_refused)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);

    CHECK(ph_buf_add_str(&text, "{}") == PH_OK);
    CHECK(judge(DEVELOPMENT, &text, &bind, now()) == PH_ERR_MALFORMED);
    ph_buf_clear(&text);
    CHECK(ph_buf_add_str(&text,
                         "{\"format\":\"phala-evidence-v1\",\"time\":\"2026-01-01T00:00:00Z\","
                         "\"kind\":\"nitro-document\",\"quote\":\"AAAA\"}") == PH_OK);
    CHECK(judge(DEVELOPMENT, &text, &bind, now()) == PH_ERR_UNSUPPORTED);
    expect_refused(PH_ERR_UNSUPPORTED, "one quote of Intel's or one SEV-SNP report");
}

static void make(enum ph_tee_provider provider, struct ph_buf *out)
{
    const struct ph_tee_config config = {.provider = provider, .dir = dir};
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = NULL;
    uint8_t report_data[64] = {0};
    char reason[PH_TEE_WHY_LEN];

    *out = PH_BUF(PH_EVIDENCE_MAX);
    memcpy(report_data, bind.b, 32);
    if (ph_tee_open(&config, &tee, reason) != PH_OK ||
        ph_tee_evidence(tee, report_data, now(), out, reason) != PH_OK)
        fail_msg("%s", reason);
}

static int set_up(void **unused)
{
    (void)unused;
    if (!mkdtemp(dir))
        return -1;
    make(PH_TEE_PROVIDER_SIMULATOR_INSECURE, &tdx);
    make(PH_TEE_PROVIDER_SIMULATOR_SNP_INSECURE, &snp);
    return 0;
}

static int tear_down(void **unused)
{
    static const char *const names[] = {
        "simulator-insecure.seed", "simulator-insecure.seed.pck.pem",
        "simulator-insecure.seed.signer.pem", "simulator-insecure.seed.snp.json"};

    (void)unused;
    ph_buf_clear(&tdx);
    ph_buf_clear(&snp);
    for (size_t i = 0; i < PH_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(genuine_evidence_has_the_claims_that_contracts_compare),
        CASE(an_image_is_the_whole_measurement_tuple),
        CASE(a_simulator_counts_on_the_development_chain_alone),
        CASE(evidence_that_binds_something_else_is_refused),
        CASE(it_is_judged_at_the_time_that_is_named),
        CASE(one_bit_of_a_report_is_enough_to_refuse_it),
        CASE(without_a_revocation_list_nothing_is_certified),
        CASE(what_is_no_evidence_of_one_machine_is_refused),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
