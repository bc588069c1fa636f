/* The SEV-SNP simulator, judged by the verifier. */

#include "tee/simulator_snp.h"

#include "attest/evidence.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/phala-simulator-snp-XXXXXX";
static char why[PH_TEE_WHY_LEN];

static struct ph_simulator_snp *open_it(void)
{
    struct ph_simulator_snp *sim = NULL;

    if (ph_simulator_snp_open(dir, &sim, why) != PH_OK)
        fail_msg("%s", why);
    return sim;
}

static enum ph_err judge(const struct ph_simulator_snp *sim, bool trusted, struct ph_verdict *out)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    const struct ph_attest_roots roots = ph_attest_roots_production();
    uint8_t report_data[64] = {1, 2, 3};

    CHECK(policy && ph_simulator_snp_report(sim, report_data, &report) == PH_OK);
    policy->statuses = 1u << PH_TCB_UP_TO_DATE;
    policy->any_measurement = true;
    policy->snp.require_crl = true;
    policy->has_simulator_root_insecure = trusted;
    ph_simulator_snp_root(sim, policy->simulator_root_insecure);
    const struct ph_evidence evidence = {
        .kind = PH_EVIDENCE_SNP, .quote = ph_buf_view(&report), .snp = ph_simulator_snp_parts(sim)};
    const struct ph_evidence_args args = {.evidence = &evidence,
                                          .roots = &roots,
                                          .policy = policy,
                                          .report_data = report_data,
                                          .now_s = ph_clock_wall_ms() / 1000};
    return ph_evidence_verify(&args, out);
}

TEST(its_reports_are_proved_by_its_own_root_alone)
{
    struct ph_verdict *v PH_OWNED(ph_freep) = calloc(1, sizeof(*v));
    struct ph_simulator_snp *sim = open_it();

    if (judge(sim, true, v) != PH_OK)
        fail_msg("%s", v->sentence);
    CHECK(v->insecure_simulator && v->claims.tee == PH_TEE_SNP);
    CHECK(memcmp(v->claims.snp.measurement, "INSECURE-SIMULATOR", 18) == 0);
    CHECK(judge(sim, false, v) == PH_ERR_UNTRUSTED);
    assert_string_equal(v->reason, "ark-unknown");
    ph_simulator_snp_free(sim);
}

TEST(it_is_the_same_platform_after_a_restart)
{
    struct ph_verdict *v PH_OWNED(ph_freep) = calloc(2, sizeof(*v));

    for (int i = 0; i < 2; i++) {
        struct ph_simulator_snp *sim = open_it();
        CHECK(judge(sim, true, &v[i]) == PH_OK);
        ph_simulator_snp_free(sim);
    }
    CHECK(memcmp(v[0].claims.snp.chip_id, v[1].claims.snp.chip_id, 64) == 0);
    CHECK(memcmp(v[0].claims.snp.host_data, v[1].claims.snp.host_data, 32) == 0);
}

TEST(a_file_that_is_none_of_its_own_is_refused)
{
    struct ph_simulator_snp *sim = NULL;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/" PH_SIMULATOR_SNP_FILE, dir);
    CHECK(truncate(path, 100) == 0);
    CHECK(ph_simulator_snp_open(dir, &sim, why) == PH_ERR_MALFORMED && !sim);
    CHECK(strstr(why, "remove it"));
    CHECK(unlink(path) == 0);
}

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    (void)unused;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(its_reports_are_proved_by_its_own_root_alone),
        CASE(it_is_the_same_platform_after_a_restart),
        CASE(a_file_that_is_none_of_its_own_is_refused),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
