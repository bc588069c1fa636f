/* The simulator's evidence, judged by the verifier that judges hardware. */
#include "attest/intel/verify.h"
#include "base/own.h"
#include "base/test.h"
#include "tee/quote.h"
#include "tee/simulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW = 1750000000, DAY = 86400 };

static char dir[] = "/tmp/phala-simulator-test-XXXXXX";
static const uint8_t report_data[64] = "bound to this worker";
static char why[PH_TEE_WHY_LEN];

static struct ph_tee *open_simulator(void)
{
    const struct ph_tee_config config = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                         .dir = dir};
    struct ph_tee *tee = NULL;

    if (ph_tee_open(&config, &tee, why) != PH_OK)
        fail_msg("%s", why);
    return tee;
}

/* Judge a bundle; `policy` NULL: the built-in one for hardware. */
static enum ph_err judge(struct ph_bytes bundle, const struct ph_policy *policy,
                         const uint8_t expected[64], int64_t now_s, struct ph_verdict *out)
{
    struct ph_evidence_bundle *parsed PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_json_why json_why;

    CHECK(ph_evidence_parse(bundle, &parsed, &json_why) == PH_OK);
    const struct ph_evidence *e = ph_evidence_view(parsed);
    CHECK(ph_collateral_parse(&e->collateral, &collateral, &json_why) == PH_OK);
    return ph_quote_verify(e->quote, collateral, &roots,
                           policy ? policy : ph_policy_builtin_hardware(), expected, now_s, out);
}

/* What a development installation writes for itself: hardware's rules, and this one root. */
static struct ph_policy *development_policy(const struct ph_tee *tee)
{
    struct ph_policy *policy = malloc(sizeof(*policy));
    CHECK(policy);
    *policy = *ph_policy_builtin_hardware();
    policy->has_simulator_root_insecure = true;
    CHECK(ph_tee_simulator_root(tee, policy->simulator_root_insecure) == PH_OK);
    return policy;
}

static void evidence(struct ph_tee *tee, int64_t now_s, struct ph_buf *out)
{
    if (ph_tee_evidence(tee, report_data, now_s, out, why) != PH_OK)
        fail_msg("%s", why);
}

TEST(only_a_policy_that_names_its_root_accepts_it_and_says_so)
{
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = open_simulator();
    struct ph_policy *policy PH_OWNED(ph_freep) = development_policy(tee);
    struct ph_verdict *v PH_OWNED(ph_freep) = malloc(sizeof(*v));
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);

    CHECK(v && ph_tee_is_simulator(tee));
    evidence(tee, NOW, &bundle);
    if (judge(ph_buf_view(&bundle), policy, report_data, NOW, v) != PH_OK)
        fail_msg("%s", v->sentence);
    CHECK(v->accepted && v->insecure_simulator && v->claims.insecure_simulator);
    CHECK(v->status == PH_TCB_UP_TO_DATE && v->claims.quote_version == 4);
    CHECK(memcmp(v->claims.tdx.mr_td, "INSECURE-SIMULATOR", 18) == 0);
    CHECK(memcmp(v->claims.report_data, report_data, 64) == 0);

    CHECK(judge(ph_buf_view(&bundle), NULL, report_data, NOW, v) == PH_ERR_UNTRUSTED);
    CHECK(!v->accepted);
    policy->simulator_root_insecure[0] ^= 1; /* another installation's root */
    CHECK(judge(ph_buf_view(&bundle), policy, report_data, NOW, v) == PH_ERR_UNTRUSTED);
}

TEST(a_quote_is_over_its_report_data_only)
{
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = open_simulator();
    struct ph_policy *policy PH_OWNED(ph_freep) = development_policy(tee);
    struct ph_verdict *v PH_OWNED(ph_freep) = malloc(sizeof(*v));
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
    uint8_t other[64];

    CHECK(v);
    memcpy(other, report_data, 64);
    other[0] ^= 1;
    evidence(tee, NOW, &bundle);
    CHECK(judge(ph_buf_view(&bundle), policy, other, NOW, v) == PH_ERR_UNTRUSTED);
}

TEST(the_mark_is_in_every_certificate)
{
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = open_simulator();
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);

    CHECK(ph_tee_quote(tee, report_data, &quote, why) == PH_OK);
    CHECK(memmem(quote.ptr, quote.len, "INSECURE-SIMULATOR", 18));
    CHECK(strstr(ph_tee_provider_name(ph_tee_provider(tee)), "INSECURE-SIMULATOR"));
}

TEST(root_and_collateral_stay_over_a_restart)
{
    uint8_t first[32], second[32];
    struct ph_tee *tee = open_simulator();

    CHECK(ph_tee_simulator_root(tee, first) == PH_OK);
    ph_tee_free(tee);
    tee = open_simulator();
    CHECK(ph_tee_simulator_root(tee, second) == PH_OK);
    ph_tee_free(tee);
    CHECK(memcmp(first, second, 32) == 0);
}

TEST(collateral_is_issued_anew_before_it_expires)
{
    static const int days[] = {0, 1, 14, 16, 29, 31, 100, 400, 3};
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = open_simulator();
    struct ph_policy *policy PH_OWNED(ph_freep) = development_policy(tee);
    struct ph_verdict *v PH_OWNED(ph_freep) = malloc(sizeof(*v));

    CHECK(v);
    for (size_t i = 0; i < PH_LEN(days); i++) {
        struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
        const int64_t now_s = NOW + (int64_t)days[i] * DAY;
        evidence(tee, now_s, &bundle);
        if (judge(ph_buf_view(&bundle), policy, report_data, now_s, v) != PH_OK)
            fail_msg("day %d: %s", days[i], v->sentence);
        CHECK(v->valid_until_s >= now_s + 10 * DAY);
        if (judge(ph_buf_view(&bundle), policy, report_data, now_s + 60 * DAY, v) == PH_OK)
            fail_msg("day %d: accepted after its time", days[i]);
    }
}

TEST(a_seed_file_is_private_and_a_broken_one_is_refused)
{
    const struct ph_tee_config config = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                         .dir = dir};
    const struct ph_tee_config nowhere = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                          .dir = "/nonexistent"};
    struct ph_tee *tee = open_simulator();
    char path[128];
    struct stat st;

    ph_tee_free(tee);
    tee = NULL;
    (void)snprintf(path, sizeof(path), "%s/" PH_SIMULATOR_SEED_FILE, dir);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 32);
    CHECK(truncate(path, 31) == 0);
    CHECK(ph_tee_open(&config, &tee, why) == PH_ERR_MALFORMED && strstr(why, path));
    CHECK(truncate(path, 33) == 0);
    CHECK(ph_tee_open(&config, &tee, why) == PH_ERR_MALFORMED);
    CHECK(unlink(path) == 0);
    tee = open_simulator(); /* with another seed, and certificates of that */
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
    struct ph_policy *policy PH_OWNED(ph_freep) = development_policy(tee);
    struct ph_verdict *v PH_OWNED(ph_freep) = malloc(sizeof(*v));
    CHECK(v);
    evidence(tee, NOW, &bundle);
    CHECK(judge(ph_buf_view(&bundle), policy, report_data, NOW, v) == PH_OK);
    ph_tee_free(tee);
    tee = NULL;
    CHECK(ph_tee_open(&nowhere, &tee, why) == PH_ERR_IO && !tee);
}

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) ? 0 : -1;
}
static int remove_dir(void **unused)
{
    (void)unused;
    static const char *const names[] = {PH_SIMULATOR_SEED_FILE, PH_SIMULATOR_PCK_FILE,
                                        PH_SIMULATOR_SIGNER_FILE};
    char path[128];
    for (size_t i = 0; i < PH_LEN(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(only_a_policy_that_names_its_root_accepts_it_and_says_so),
        CASE(a_quote_is_over_its_report_data_only),
        CASE(the_mark_is_in_every_certificate),
        CASE(root_and_collateral_stay_over_a_restart),
        CASE(collateral_is_issued_anew_before_it_expires),
        CASE(a_seed_file_is_private_and_a_broken_one_is_refused),
    };
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
