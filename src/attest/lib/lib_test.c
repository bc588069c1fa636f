/* The library by its public header, against the shared object: what is mandatory, what errors
 * mean, and that it says what the verifier inside says. */

#include "attest/lib/phala_attest.h"

#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

static struct phala_attest_why why;
static char policy_text[256];

struct fixture {
    struct world w;
    struct ph_synth_pki *pki;
    struct ph_buf quote;
    struct phala_attest_evidence *evidence;
    struct phala_attest_policy *policy;
    struct phala_attest_request request;
};

static void add(struct fixture *f, enum phala_attest_part part, struct ph_bytes bytes)
{
    CHECK(phala_attest_evidence_add(f->evidence, part, bytes.ptr, bytes.len) == PHALA_ATTEST_OK);
}

static void setup(struct fixture *f)
{
    char hex[65];
    uint8_t root[64], hash[32];

    memset(f, 0, sizeof(*f));
    world_init(&f->w);
    f->quote = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_synth_pki_new(&f->w.s, &f->pki) == PH_OK);
    CHECK(ph_synth_tdx_quote(&f->w.s, f->pki, &f->w.td, NULL, &f->quote) == PH_OK);
    CHECK(phala_attest_evidence_open(f->quote.ptr, f->quote.len, &f->evidence, &why) ==
          PHALA_ATTEST_OK);
    const struct ph_collateral_parts p = ph_synth_pki_parts(f->pki);
    add(f, PHALA_ATTEST_INTEL_TCB_INFO, p.tcb_info_json);
    add(f, PHALA_ATTEST_INTEL_TCB_INFO_CHAIN, p.tcb_info_chain_pem);
    add(f, PHALA_ATTEST_INTEL_QE_IDENTITY, p.qe_identity_json);
    add(f, PHALA_ATTEST_INTEL_QE_IDENTITY_CHAIN, p.qe_identity_chain_pem);
    add(f, PHALA_ATTEST_INTEL_PCK_CRL, p.pck_crl);
    add(f, PHALA_ATTEST_INTEL_ROOT_CA_CRL, p.root_ca_crl);

    ph_synth_pki_root(f->pki, root);
    ph_attest_root_hash(root, hash);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    (void)snprintf(policy_text, sizeof(policy_text),
                   "{\"statuses\":[\"UpToDate\"],\"measurements\":\"any\","
                   "\"simulator_root_insecure\":\"%s\"}",
                   hex);
    CHECK(phala_attest_policy_parse(policy_text, strlen(policy_text), &f->policy, &why) ==
          PHALA_ATTEST_OK);
    f->request = (struct phala_attest_request){.size = sizeof(f->request),
                                               .evidence = f->evidence,
                                               .policy = f->policy,
                                               .now_s = f->w.now_s,
                                               .report_data = f->w.expected};
}

static void teardown(struct fixture *f)
{
    phala_attest_evidence_free(f->evidence);
    phala_attest_policy_free(f->policy);
    ph_synth_pki_free(f->pki);
    ph_buf_clear(&f->quote);
}

static struct fixture f;

/* Judge the request: the error, and the reason if there is a verdict. */
static enum phala_attest_error judge(const char **reason)
{
    struct phala_attest_verdict *v = NULL;
    const enum phala_attest_error err = phala_attest_verify(&f.request, &v);
    static char text[64];

    CHECK((v != NULL) == (err != PHALA_ATTEST_ARGUMENT && err != PHALA_ATTEST_NOMEM));
    CHECK(!v || phala_attest_verdict_accepted(v) == (err == PHALA_ATTEST_OK));
    (void)snprintf(text, sizeof(text), "%s", v ? phala_attest_verdict_reason(v) : "");
    *reason = text;
    phala_attest_verdict_free(v);
    return err;
}

TEST(accepted_evidence_is_told_by_its_verdict)
{
    struct phala_attest_verdict *v = NULL;
    char *json = NULL;
    size_t len = 0;
    setup(&f);
    CHECK(phala_attest_verify(&f.request, &v) == PHALA_ATTEST_OK);
    CHECK(phala_attest_verdict_accepted(v) && phala_attest_verdict_insecure_simulator(v));
    CHECK(!phala_attest_verdict_measurements_demanded(v));
    CHECK(strcmp(phala_attest_verdict_reason(v), "accepted") == 0);
    CHECK(strcmp(phala_attest_verdict_step(v), "none") == 0);
    CHECK(strcmp(phala_attest_verdict_status(v), "UpToDate") == 0);
    CHECK(strcmp(phala_attest_verdict_tee(v), "TDX") == 0);
    CHECK(strstr(phala_attest_verdict_sentence(v), "INSECURE-SIMULATOR"));
    CHECK(phala_attest_verdict_valid_until(v) > f.w.now_s);
    CHECK(phala_attest_verdict_advisory(v, 0) == NULL);
    const uint8_t *data = phala_attest_verdict_claim(v, "report_data", &len);
    CHECK(data && len == 64 && memcmp(data, f.w.expected, 64) == 0);
    const uint8_t *mrtd = phala_attest_verdict_claim(v, "mr_td", &len);
    CHECK(mrtd && len == 48 && memcmp(mrtd, f.quote.ptr + 48 + 136, 48) == 0);
    CHECK(phala_attest_verdict_claim(v, "fmspc", &len) && len == 6);
    CHECK(!phala_attest_verdict_claim(v, "mrenclave", &len) && len == 6);
    CHECK(!phala_attest_verdict_claim(v, "measurement", &len));
    CHECK(phala_attest_verdict_json(v, &json) == PHALA_ATTEST_OK);
    CHECK(strstr(json, "{\"verdict\":\"accepted\",\"status\":\"UpToDate\",") == json);
    phala_attest_free(json);
    phala_attest_verdict_free(v);
    teardown(&f);
}

TEST(refused_evidence_is_told_by_its_verdict)
{
    struct phala_attest_verdict *v = NULL;
    size_t len = 0;
    setup(&f);
    f.w.expected[0] ^= 1;
    CHECK(phala_attest_verify(&f.request, &v) == PHALA_ATTEST_REFUSED);
    CHECK(!phala_attest_verdict_accepted(v));
    CHECK(strcmp(phala_attest_verdict_reason(v), "report-data-mismatch") == 0);
    CHECK(strcmp(phala_attest_verdict_step(v), "report-data") == 0);
    CHECK(!phala_attest_verdict_claim(v, "report_data", &len));
    CHECK(strcmp(phala_attest_verdict_tee(v), "none") == 0);
    phala_attest_verdict_free(v);
    teardown(&f);
}

TEST(what_a_verdict_depends_on_is_mandatory)
{
    const char *reason;
    setup(&f);
    const struct phala_attest_request whole = f.request;
    CHECK(judge(&reason) == PHALA_ATTEST_OK);
    f.request.size = 0;
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request.size = offsetof(struct phala_attest_request, cache);
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request = whole;
    f.request.evidence = NULL;
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request = whole;
    f.request.policy = NULL;
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request = whole;
    f.request.now_s = 0;
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request = whole;
    f.request.report_data = NULL;
    CHECK(judge(&reason) == PHALA_ATTEST_ARGUMENT);
    f.request.report_data_unchecked_insecure = true;
    CHECK(judge(&reason) == PHALA_ATTEST_OK);
    /* The flag takes nothing away from an expectation that is given. */
    f.w.expected[5] ^= 1;
    f.request.report_data = f.w.expected;
    CHECK(judge(&reason) == PHALA_ATTEST_REFUSED && strcmp(reason, "report-data-mismatch") == 0);
    CHECK(phala_attest_verify(NULL, NULL) == PHALA_ATTEST_ARGUMENT);
    teardown(&f);
}

TEST(a_policy_decides)
{
    struct phala_attest_policy *hardware = NULL, *denies = NULL, *none = NULL;
    const char *reason;
    setup(&f);
    CHECK(phala_attest_policy_hardware(&hardware) == PHALA_ATTEST_OK);
    f.request.policy = hardware; /* the simulator's root is not Intel's */
    CHECK(judge(&reason) == PHALA_ATTEST_REFUSED && strcmp(reason, "root-untrusted") == 0);
    CHECK(phala_attest_policy_parse("{}", 2, &denies, NULL) == PHALA_ATTEST_OK);
    f.request.policy = denies;
    CHECK(judge(&reason) == PHALA_ATTEST_REFUSED);
    why.text[0] = '\0';
    CHECK(phala_attest_policy_parse("{\"x\":1}", 7, &none, &why) == PHALA_ATTEST_MALFORMED);
    CHECK(strstr(why.text, "x") && !none);
    CHECK(phala_attest_policy_parse("[]", 2, &none, NULL) == PHALA_ATTEST_MALFORMED);
    phala_attest_policy_free(hardware);
    phala_attest_policy_free(denies);
    phala_attest_policy_free(NULL);
    teardown(&f);
}

TEST(parts_are_added_one_by_one)
{
    const uint8_t byte[1] = {'x'};
    const char *reason;
    setup(&f);
    for (enum phala_attest_part p = PHALA_ATTEST_INTEL_TCB_INFO; p <= PHALA_ATTEST_NVIDIA_OCSP; p++)
        CHECK(phala_attest_evidence_add(f.evidence, p, byte, 0) == PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_evidence_add(f.evidence, (enum phala_attest_part)0, byte, 1) ==
          PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_evidence_add(f.evidence, (enum phala_attest_part)16, byte, 1) ==
          PHALA_ATTEST_ARGUMENT);
    for (size_t i = 0; i < 16; i++)
        add(&f, PHALA_ATTEST_NVIDIA_RIM, PH_BYTES_OF(byte));
    CHECK(phala_attest_evidence_add(f.evidence, PHALA_ATTEST_NVIDIA_RIM, byte, 1) ==
          PHALA_ATTEST_LIMIT);
    CHECK(judge(&reason) == PHALA_ATTEST_OK);
    add(&f, PHALA_ATTEST_INTEL_PCK_CRL, PH_BYTES_OF(byte)); /* in place of the good one */
    CHECK(judge(&reason) == PHALA_ATTEST_MALFORMED && strcmp(reason, "not-judged") == 0);
    teardown(&f);
}

TEST(evidence_becomes_a_bundle_and_is_read_back)
{
    struct phala_attest_evidence *again = NULL;
    char *text = NULL, *shown = NULL;
    const char *reason;
    setup(&f);
    CHECK(strcmp(phala_attest_evidence_kind(f.evidence), "intel-quote") == 0);
    CHECK(phala_attest_evidence_time(f.evidence) == 0);
    CHECK(phala_attest_evidence_bundle(f.evidence, f.w.now_s, &text) == PHALA_ATTEST_OK);
    CHECK(phala_attest_evidence_open((const uint8_t *)text, strlen(text), &again, &why) ==
          PHALA_ATTEST_OK);
    CHECK(phala_attest_evidence_time(again) == f.w.now_s);
    CHECK(strcmp(phala_attest_evidence_kind(again), "intel-quote") == 0);
    f.request.evidence = again;
    CHECK(judge(&reason) == PHALA_ATTEST_OK);
    CHECK(phala_attest_evidence_show(again, &shown, &why) == PHALA_ATTEST_OK);
    CHECK(strncmp(shown, "{\"kind\":\"intel-tdx-quote\",", 25) == 0);
    phala_attest_free(text);
    phala_attest_free(shown);
    phala_attest_evidence_free(again);
    again = NULL;
    const uint8_t nothing[] = {1, 2, 3};
    CHECK(phala_attest_evidence_open(nothing, 3, &again, &why) == PHALA_ATTEST_UNSUPPORTED);
    CHECK(!again && why.text[0]);
    teardown(&f);
}

TEST(every_check_is_explained)
{
    char *text = NULL;
    setup(&f);
    f.w.expected[0] ^= 1;
    CHECK(phala_attest_explain(&f.request, &text) == PHALA_ATTEST_REFUSED);
    CHECK(strstr(text, "\"check\":\"report-data-mismatch\",\"step\":\"report-data\","
                       "\"result\":\"FAIL\""));
    CHECK(strstr(text, "\"check\":\"quote-version\",\"step\":\"quote-format\","
                       "\"result\":\"PASS\""));
    CHECK(!strstr(text, "gpu_checks"));
    phala_attest_free(text);
    teardown(&f);
}

TEST(a_batch_shares_collateral_and_cache)
{
    struct phala_attest_collateral *collateral = NULL;
    struct phala_attest_cache *cache = NULL;
    struct phala_attest_verdicts *v = NULL;
    struct phala_attest_quote quote[5];
    int64_t from_s, until_s;
    setup(&f);
    for (size_t i = 0; i < PH_LEN(quote); i++)
        quote[i] = (struct phala_attest_quote){f.quote.ptr, f.quote.len, f.w.expected};
    CHECK(phala_attest_collateral_parse(f.evidence, &collateral, &why) == PHALA_ATTEST_OK);
    phala_attest_collateral_window(collateral, &from_s, &until_s);
    CHECK(from_s < f.w.now_s && f.w.now_s < until_s);
    CHECK(phala_attest_cache_new(0, &cache) == PHALA_ATTEST_LIMIT);
    CHECK(phala_attest_cache_new(8, &cache) == PHALA_ATTEST_OK);
    f.request.cache = cache;
    CHECK(phala_attest_verify_batch(&f.request, quote, 5, 2, &v) == PHALA_ATTEST_REFUSED);
    CHECK(!phala_attest_verdict_accepted(phala_attest_verdicts_at(v, 0))); /* no collateral */
    phala_attest_verdicts_free(v);
    v = NULL;
    f.request.collateral = collateral;
    CHECK(phala_attest_verify_batch(&f.request, quote, 0, 2, &v) == PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_verify_batch(&f.request, quote, 5, 65, &v) == PHALA_ATTEST_LIMIT);
    CHECK(!v && phala_attest_verify_batch(&f.request, quote, 5, 2, &v) == PHALA_ATTEST_OK);
    for (size_t i = 0; i < 5; i++)
        CHECK(phala_attest_verdict_accepted(phala_attest_verdicts_at(v, i)));
    CHECK(!phala_attest_verdicts_at(v, 5));
    phala_attest_verdicts_free(v);
    v = NULL;
    quote[3].quote_len--;
    CHECK(phala_attest_verify_batch(&f.request, quote, 5, 2, &v) == PHALA_ATTEST_REFUSED);
    for (size_t i = 0; i < 5; i++)
        CHECK(phala_attest_verdict_accepted(phala_attest_verdicts_at(v, i)) == (i != 3));
    phala_attest_verdicts_free(v);
    v = NULL;
    quote[1].report_data = NULL;
    CHECK(phala_attest_verify_batch(&f.request, quote, 5, 2, &v) == PHALA_ATTEST_ARGUMENT && !v);
    phala_attest_cache_free(cache);
    phala_attest_collateral_free(collateral);
    teardown(&f);
}

TEST(one_call_does_all_of_it)
{
    struct phala_attest_verdict *v = NULL;
    char *text = NULL;
    setup(&f);
    const uint8_t *quote = f.quote.ptr, *data = f.w.expected;
    const size_t len = f.quote.len;
    const int64_t now_s = f.w.now_s;
    CHECK(phala_attest_evidence_bundle(f.evidence, now_s, &text) == PHALA_ATTEST_OK);
    const uint8_t *bundle = (const uint8_t *)text;
    const size_t bundle_len = strlen(text);
    static const struct {
        bool quote, bundle, policy, data;
        enum phala_attest_error want;
        bool verdict;
    } rows[] = {
        {1, 1, 1, 1, PHALA_ATTEST_OK, true},
        {1, 0, 1, 1, PHALA_ATTEST_REFUSED, true}, /* no collateral */
        {1, 1, 0, 1, PHALA_ATTEST_REFUSED, true}, /* the hardware policy knows no simulator */
        {1, 1, 1, 0, PHALA_ATTEST_ARGUMENT, false},
        {0, 1, 1, 1, PHALA_ATTEST_ARGUMENT, false},
    };
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        const enum phala_attest_error err = phala_attest_verify_bytes(
            rows[i].quote ? quote : NULL, len, rows[i].bundle ? bundle : NULL, bundle_len,
            rows[i].policy ? policy_text : NULL, rows[i].data ? data : NULL, now_s, &v);
        CHECK(err == rows[i].want && (v != NULL) == rows[i].verdict);
        CHECK(!v || phala_attest_verdict_accepted(v) == (err == PHALA_ATTEST_OK));
        phala_attest_verdict_free(v);
        v = NULL;
    }
    CHECK(phala_attest_verify_bytes(bundle, bundle_len, NULL, 0, policy_text, data, now_s, &v) ==
          PHALA_ATTEST_OK); /* a bundle brings its own */
    phala_attest_verdict_free(v);
    v = NULL;
    CHECK(phala_attest_verify_bytes(bundle, bundle_len, bundle, bundle_len - 1, policy_text, data,
                                    now_s, &v) == PHALA_ATTEST_MALFORMED);
    CHECK(phala_attest_verify_bytes(quote, len, bundle, bundle_len, "{", data, now_s, &v) ==
          PHALA_ATTEST_MALFORMED);
    CHECK(phala_attest_verify_bytes(quote, len, bundle, bundle_len, policy_text, data, now_s,
                                    NULL) == PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_verify_bytes(quote, len, bundle, bundle_len, policy_text, data, 0, &v) ==
          PHALA_ATTEST_ARGUMENT);
    CHECK(!v);
    phala_attest_free(text);
    teardown(&f);
}

/* What a certificate says is told by ratls_test.c; here: what the request may have, and that a
 * certificate without evidence, or none, is refused with a sentence. */
TEST(certificates_are_judged_by_a_request_without_report_data)
{
    static const uint8_t data[64] = {0};
    struct phala_attest_verdict *v = NULL;
    struct phala_attest_policy *p = NULL;

    CHECK(phala_attest_policy_hardware(&p) == PHALA_ATTEST_OK);
    struct phala_attest_request r = {.size = sizeof(r), .policy = p, .now_s = 1750000000};
    const uint8_t *none = (const uint8_t *)"{}";
    CHECK(phala_attest_verify_certificate(none, 2, &r, &v, &why) == PHALA_ATTEST_MALFORMED);
    CHECK(strstr(why.text, "DER or PEM"));
    CHECK(phala_attest_verify_certificate(NULL, 2, &r, &v, &why) == PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_verify_certificate(none, 2, &r, NULL, &why) == PHALA_ATTEST_ARGUMENT);
    CHECK(phala_attest_verify_certificate(none, 2, NULL, &v, NULL) == PHALA_ATTEST_ARGUMENT);
    r.report_data = data;
    CHECK(phala_attest_verify_certificate(none, 2, &r, &v, NULL) == PHALA_ATTEST_ARGUMENT);
    r.report_data = NULL;
    r.nonce = data;
    CHECK(phala_attest_verify_certificate(none, 2, &r, &v, NULL) == PHALA_ATTEST_ARGUMENT);
    r.nonce = NULL;
    r.report_data_unchecked_insecure = true;
    CHECK(phala_attest_verify_certificate(none, 2, &r, &v, NULL) == PHALA_ATTEST_ARGUMENT);
    CHECK(!v);
    phala_attest_policy_free(p);
}

TEST(errors_have_names)
{
    for (int e = PHALA_ATTEST_OK; e <= PHALA_ATTEST_ARGUMENT; e++)
        CHECK(strcmp(phala_attest_error_name((enum phala_attest_error)e), "unknown") != 0);
    CHECK(strcmp(phala_attest_error_name((enum phala_attest_error)7), "unknown") == 0);
    CHECK(phala_attest_version()[0] != '\0');
}

PH_TEST_MAIN(CASE(accepted_evidence_is_told_by_its_verdict),
             CASE(refused_evidence_is_told_by_its_verdict),
             CASE(what_a_verdict_depends_on_is_mandatory), CASE(a_policy_decides),
             CASE(parts_are_added_one_by_one), CASE(evidence_becomes_a_bundle_and_is_read_back),
             CASE(every_check_is_explained), CASE(a_batch_shares_collateral_and_cache),
             CASE(one_call_does_all_of_it),
             CASE(certificates_are_judged_by_a_request_without_report_data),
             CASE(errors_have_names))
