/* Real reports, each with the certificate that verifies it, and with every other one. Files of
 * PHALA_VECTORS/snp, which belong to their makers and are not in the repository: without them each
 * case skips. What to expect is what MANIFEST.tsv says of each. */

#include "attest/amd/snp.h"
#include "attest/amd/snp_certs_priv.h"
#include "attest/x509.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"

/* In the order of `pairs`. */
static const struct {
    const char *report, *vek, *chain;
    const char *at; /* within the validity of its certificate */
    uint32_t version;
    enum ph_snp_product product;
    enum ph_tcb_status status;
    struct ph_snp_tcb reported;
} pairs[] = {
    {"go-sev-guest/attestation.bin",
     "go-sev-guest/vcek.testcer",
     "go-sev-guest/milan.testcer",
     "2024-01-01T00:00:00Z",
     2,
     PH_SNP_MILAN,
     PH_TCB_UP_TO_DATE,
     {.bootloader = 2, .snp = 5, .microcode = 0x44}},
    {"microsoft-tav/milan_attestation_report.bin",
     "microsoft-tav/milan_vcek.pem",
     "go-sev-guest/milan.testcer",
     "2026-03-01T00:00:00Z",
     3,
     PH_SNP_MILAN,
     PH_TCB_UP_TO_DATE,
     {.bootloader = 4, .snp = 24, .microcode = 219}},
    {"microsoft-tav/turin_attestation_report.bin",
     "microsoft-tav/turin_vcek.pem",
     "go-sev-guest/verify/trust/ask_ark_turin_vcek.pem",
     "2026-03-01T00:00:00Z",
     5,
     PH_SNP_TURIN,
     PH_TCB_UP_TO_DATE,
     {.fmc = 1, .bootloader = 1, .tee = 1, .snp = 4, .microcode = 81}},
    {"trustee/test-vlek-report.bin",
     "trustee/test-vlek.der",
     "go-sev-guest/milanvlek.testcer",
     "2025-06-01T00:00:00Z",
     3,
     PH_SNP_MILAN,
     PH_TCB_OUT_OF_DATE,
     {.bootloader = 4, .snp = 24, .microcode = 0xd9}},
};
enum { GO, MS_MILAN, MS_TURIN, TRUSTEE, PAIRS };
_Static_assert(PH_LEN(pairs) == PAIRS, "a name for each");

struct set {
    struct ph_buf report, vek, chain;
    struct ph_attest_roots roots;
    struct ph_policy policy;
    int64_t now_s;
};

static void open_set(size_t i, struct set *s)
{
    s->report = ph_test_vector("snp/%s", pairs[i].report);
    s->vek = ph_test_vector("snp/%s", pairs[i].vek);
    s->chain = ph_test_vector("snp/%s", pairs[i].chain);
    s->roots = ph_attest_roots_production();
    s->policy = *ph_policy_builtin_hardware();
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(pairs[i].at), &s->now_s) == PH_OK);
}

static void close_set(struct set *s)
{
    ph_buf_clear(&s->report);
    ph_buf_clear(&s->vek);
    ph_buf_clear(&s->chain);
}

static struct ph_snp_args args_of(const struct set *s)
{
    return (struct ph_snp_args){.report = ph_buf_view(&s->report),
                                .vek = ph_buf_view(&s->vek),
                                .roots = &s->roots,
                                .policy = &s->policy,
                                .report_data_unchecked = true,
                                .now_s = s->now_s};
}

/* What each needs beyond the built-in policy. */
static void permit(size_t i, struct set *s)
{
    if (i == GO)
        s->policy.allow_debug_insecure = true;
    if (i == TRUSTEE) {
        s->policy.statuses |= 1u << PH_TCB_OUT_OF_DATE;
        s->policy.snp.allow_provisional = true;
        s->policy.snp.max_vmpl = 1;
    }
}

TEST(real_reports_are_accepted_with_what_they_need_and_no_less)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct set s;
        struct ph_verdict v;
        open_set(i, &s);
        struct ph_snp_args a = args_of(&s);
        const enum ph_err err = ph_snp_verify(&a, &v);
        static const enum ph_check strict[PAIRS] = {PH_CHECK_POLICY_DEBUG, PH_CHECK_CNT,
                                                    PH_CHECK_CNT, PH_CHECK_POLICY_STATUS};
        if (v.check != strict[i])
            fail_msg("%s: %s", pairs[i].report, v.reason);
        CHECK(err == (strict[i] == PH_CHECK_CNT ? PH_OK : PH_ERR_UNTRUSTED));
        CHECK(v.status == pairs[i].status); /* also where the policy refuses */

        permit(i, &s);
        CHECK(ph_snp_verify(&a, &v) == PH_OK && v.accepted && v.status == pairs[i].status);
        const struct ph_snp_claims *c = &v.claims.snp;
        CHECK(v.claims.tee == PH_TEE_SNP && v.claims.quote_version == pairs[i].version);
        CHECK(c->product == pairs[i].product && c->is_vlek == (i == TRUSTEE));
        CHECK(memcmp(&c->reported, &pairs[i].reported, sizeof(c->reported)) == 0);
        CHECK(!c->revocation_checked && !v.insecure_simulator && !v.measurements_demanded);
        CHECK(memcmp(c->measurement, s.report.ptr + 0x90, 48) == 0);
        if (i == TRUSTEE)
            CHECK(strcmp(c->csp_id, "CN=cc-us-east-2.amazonaws.com") == 0);

        /* The same with the certificates given: AMD's own are the same. */
        a.chain_pem = ph_buf_view(&s.chain);
        CHECK(ph_snp_verify(&a, &v) == PH_OK);
        a.report_data_unchecked = false;
        a.report_data = s.report.ptr + 0x50;
        CHECK(ph_snp_verify(&a, &v) == PH_OK && v.claims.report_data_checked);
        close_set(&s);
    }
}

TEST(the_vlek_needs_each_permission)
{
    struct set s;
    struct ph_verdict v;
    open_set(TRUSTEE, &s);
    const struct ph_snp_args a = args_of(&s);
    permit(TRUSTEE, &s);
    s.policy.snp.max_vmpl = 0;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_VMPL);
    permit(TRUSTEE, &s);
    s.policy.snp.allow_provisional = false;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_PROVISIONAL);
    permit(TRUSTEE, &s);
    s.policy.snp.deny_vlek = true;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_VLEK);
    s.policy.snp.deny_vlek = false;
    s.policy.snp.require_crl = true;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CRL_PRESENT);
    s.policy.snp.require_crl = false;
    s.now_s += 400 * 86400; /* a VLEK lives for a year */
    const struct ph_snp_args later = args_of(&s);
    CHECK(ph_snp_verify(&later, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_SNP_CHAIN_NOT_AFTER && v.status == PH_TCB_OUT_OF_DATE);
    close_set(&s);
}

TEST(a_report_verifies_under_its_own_certificate_and_no_other)
{
    static const char *const extra[] = {"trustee/test-vcek-invalid-new.der"};
    for (size_t i = 0; i < PAIRS; i++) {
        for (size_t k = 0; k < PAIRS + PH_LEN(extra); k++) {
            struct set s;
            struct ph_verdict v;
            if (k == i)
                continue;
            open_set(i, &s);
            permit(i, &s);
            struct ph_buf other PH_OWNED(ph_buf_clear) =
                ph_test_vector("snp/%s", k < PAIRS ? pairs[k].vek : extra[k - PAIRS]);
            struct ph_snp_args a = args_of(&s);
            a.vek = ph_buf_view(&other);
            CHECK(ph_snp_verify(&a, &v) != PH_OK && v.status == PH_TCB_UNKNOWN);
            close_set(&s);
        }
        /* Every other chain. */
        for (size_t k = 0; k < PAIRS; k++) {
            struct set s;
            struct ph_verdict v;
            if (strcmp(pairs[k].chain, pairs[i].chain) == 0)
                continue;
            open_set(i, &s);
            permit(i, &s);
            struct ph_buf other PH_OWNED(ph_buf_clear) = ph_test_vector("snp/%s", pairs[k].chain);
            struct ph_snp_args a = args_of(&s);
            a.chain_pem = ph_buf_view(&other);
            CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED);
            CHECK(v.status == PH_TCB_UNKNOWN && v.step == PH_STEP_VEK_CHAIN);
            close_set(&s);
        }
    }
}

TEST(every_bit_of_a_report_counts)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct set s;
        struct ph_verdict v;
        struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
        open_set(i, &s);
        permit(i, &s);
        CHECK(ph_attest_cache_new(4, &cache) == PH_OK);
        struct ph_snp_args a = args_of(&s);
        a.cache = cache;
        CHECK(ph_snp_verify(&a, &v) == PH_OK);
        for (size_t bit = 0; bit < PH_SNP_REPORT_LEN * 8; bit++) {
            s.report.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (ph_snp_verify(&a, &v) == PH_OK)
                fail_msg("%s: bit %zu", pairs[i].report, bit);
            s.report.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CHECK(ph_snp_verify(&a, &v) == PH_OK);
        close_set(&s);
    }
}

TEST(the_certificates_that_are_built_in_are_those_that_were_published)
{
    static const struct {
        const char *file;
        enum ph_snp_product product;
        bool is_vlek;
    } files[] = {
        {"go-sev-guest/milan.testcer", PH_SNP_MILAN, false},
        {"go-sev-guest/milanvlek.testcer", PH_SNP_MILAN, true},
        {"go-sev-guest/verify/trust/ask_ark_genoa.pem", PH_SNP_GENOA, false},
        {"go-sev-guest/verify/trust/ask_ark_genoa_vlek.pem", PH_SNP_GENOA, true},
        {"go-sev-guest/verify/trust/ask_ark_turin_vcek.pem", PH_SNP_TURIN, false},
        {"go-sev-guest/verify/trust/ask_ark_turin_vlek.pem", PH_SNP_TURIN, true},
        {"roots/milan_ask_ark_asvk.pem", PH_SNP_MILAN, false},
        {"roots/genoa_ask_ark_asvk.pem", PH_SNP_GENOA, false},
        {"roots/turin_ask_ark_asvk.pem", PH_SNP_TURIN, false},
    };
    for (size_t i = 0; i < PH_LEN(files); i++) {
        struct ph_buf pem PH_OWNED(ph_buf_clear) = ph_test_vector("snp/%s", files[i].file);
        struct ph_buf ask PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
        struct ph_buf ark PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
        struct ph_buf asvk PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
        struct ph_reader r = {ph_buf_view(&pem)};
        const struct ph_snp_issuers own =
            ph_snp_builtin_issuers(files[i].product, files[i].is_vlek);
        CHECK(ph_pem_next(&r, "CERTIFICATE", &ask) == PH_OK);
        CHECK(ph_pem_next(&r, "CERTIFICATE", &ark) == PH_OK);
        CHECK(ph_bytes_equal(ph_buf_view(&ask), own.ask));
        CHECK(ph_bytes_equal(ph_buf_view(&ark), own.ark));
        if (ph_pem_next(&r, "CERTIFICATE", &asvk) == PH_OK)
            CHECK(ph_bytes_equal(ph_buf_view(&asvk),
                                 ph_snp_builtin_issuers(files[i].product, true).ask));
    }
}

PH_TEST_MAIN(CASE(real_reports_are_accepted_with_what_they_need_and_no_less),
             CASE(the_vlek_needs_each_permission),
             CASE(a_report_verifies_under_its_own_certificate_and_no_other),
             CASE(every_bit_of_a_report_counts),
             CASE(the_certificates_that_are_built_in_are_those_that_were_published))
