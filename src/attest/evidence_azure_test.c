/* Azure's wrapping of SEV-SNP reports through the front: the hardware binds the runtime data, and
 * its user data is what the guest asked for. */

#include "attest/amd/snp_world.h"
#include "attest/evidence.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

enum { JSON_AT = 1236 };

struct fixture {
    struct snp_world w;
    struct snp_evidence made;
    uint8_t blob[4096];
    struct ph_evidence evidence;
    struct ph_evidence_args args;
};

static struct fixture f;
static struct ph_verdict v;
static struct ph_trace trace;

/* A good report whose report data is SHA-256 of this runtime data, wrapped. */
static void setup(const char *runtime)
{
    const uint32_t n = (uint32_t)strlen(runtime);

    memset(&f, 0, sizeof(f));
    snp_world_init(&f.w, PH_SNP_MILAN, 3, false);
    memset(f.w.s.report.report_data, 0, 64);
    ph_sha256(ph_bytes_str(runtime), f.w.s.report.report_data);
    snp_world_make(&f.w, &f.made);
    CHECK(f.made.report.len == 1184);
    memcpy(f.blob, "HCLA", 4);
    ph_put_u32le(f.blob + 4, 2);
    ph_put_u32le(f.blob + 8, JSON_AT + n);
    ph_put_u32le(f.blob + 12, 2);
    memcpy(f.blob + 32, f.made.report.ptr, 1184);
    ph_put_u32le(f.blob + 1216, 20 + n);
    ph_put_u32le(f.blob + 1220, 1);
    ph_put_u32le(f.blob + 1224, 2);
    ph_put_u32le(f.blob + 1228, 1);
    ph_put_u32le(f.blob + 1232, n);
    memcpy(f.blob + JSON_AT, runtime, n);
    f.evidence = (struct ph_evidence){.kind = PH_EVIDENCE_AZURE,
                                      .quote = {f.blob, JSON_AT + n},
                                      .snp = {.vek_cert = ph_buf_view(&f.made.vek),
                                              .cert_chain = ph_buf_view(&f.made.chain),
                                              .crl = ph_buf_view(&f.made.crl)}};
    f.args = (struct ph_evidence_args){.evidence = &f.evidence,
                                       .roots = &f.made.roots,
                                       .policy = &f.w.policy,
                                       .now_s = f.w.now_s,
                                       .trace = &trace};
}

static void is_refused(enum ph_check check)
{
    static const struct ph_claims nothing;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED);
    if (v.check != check)
        fail_msg("%s", v.sentence);
    CHECK(!v.accepted && memcmp(&v.claims, &nothing, sizeof(nothing)) == 0);
    CHECK(trace.check[check].result == PH_TRACE_FAIL && strncmp(v.sentence, "Refused: ", 9) == 0);
}

TEST(the_guests_user_data_is_its_report_data)
{
    uint8_t expected[64] = {0xaa, 0xbb};
    setup("{\"keys\":[],\"user-data\":\"aabb\"}"); /* zeros follow */
    f.args.report_data = expected;
    if (ph_evidence_verify(&f.args, &v) != PH_OK)
        fail_msg("%s", v.sentence);
    CHECK(v.accepted && v.claims.tee == PH_TEE_SNP && v.claims.report_data_checked);
    CHECK(memcmp(v.claims.report_data, expected, 64) == 0);
    for (size_t i = 0; i < 64; i++) {
        expected[i] ^= 1;
        is_refused(PH_CHECK_REPORT_DATA);
        expected[i] ^= 1;
    }
    /* The hardware's own report data is not what the guest asked for. */
    f.args.report_data = f.w.s.report.report_data;
    is_refused(PH_CHECK_REPORT_DATA);
    f.args.report_data = NULL;
    is_refused(PH_CHECK_REPORT_DATA);
    f.args.report_data_unchecked = true;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_OK && !v.claims.report_data_checked);
    snp_evidence_clear(&f.made);
}

TEST(runtime_data_is_bound_also_where_nothing_is_expected)
{
    setup("{\"keys\":[],\"user-data\":\"aabb\"}");
    f.args.report_data_unchecked = true;
    f.blob[JSON_AT + 25] ^= 1; /* a digit of the user data */
    is_refused(PH_CHECK_REPORT_DATA);
    snp_evidence_clear(&f.made);
}

TEST(a_blob_without_user_data_answers_no_expectation)
{
    static const uint8_t zeros[64];
    setup("{\"keys\":[]}");
    f.args.report_data = zeros;
    is_refused(PH_CHECK_REPORT_DATA);
    snp_evidence_clear(&f.made);
}

TEST(the_report_inside_is_judged_as_any_other)
{
    uint8_t expected[64] = {0xaa, 0xbb};
    setup("{\"keys\":[],\"user-data\":\"aabb\"}");
    f.args.report_data = expected;
    f.blob[32 + 0x90] ^= 1; /* the measurement */
    is_refused(PH_CHECK_SNP_SIGNATURE);
    f.blob[32 + 0x90] ^= 1;
    f.made.roots.pin_cnt = 0;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && !v.accepted);
    f.evidence.quote.len = 40;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_MALFORMED && !v.accepted);
    CHECK(strcmp(v.reason, "not-judged") == 0);
    snp_evidence_clear(&f.made);
}

static bool shows(const char *text)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &out};
    struct ph_json_why why;

    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_OK && ph_jput_end(&j) == PH_OK);
    return memmem(out.ptr, out.len, text, strlen(text));
}

TEST(what_is_wrapped_is_shown)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &out};
    struct ph_json_why why = {""};

    setup("{\"keys\":[],\"user-data\":\"aabb\"}");
    CHECK(shows("{\"kind\":\"azure-") && shows("\"report\":{"));
    CHECK(shows("\"runtime_data\":\"{\\\"keys\\\":[],") && !shows("tdreport"));
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_OK);
    struct ph_buf few PH_OWNED(ph_buf_clear) = PH_BUF(out.len - 1); /* all but the last bracket */
    j = (struct ph_jput){.out = &few};
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_ERR_LIMIT);
    j = (struct ph_jput){.out = &out};
    f.blob[32] = 9; /* no version of a report */
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_ERR_UNSUPPORTED && why.text[0]);
    f.evidence.quote.len = 40;
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_ERR_MALFORMED && why.text[0]);
    snp_evidence_clear(&f.made);
}

TEST(a_tdreport_is_shown_but_not_judged)
{
    setup("{\"keys\":[],\"user-data\":\"aabb\"}");
    ph_put_u32le(f.blob + 1224, 4);
    memset(f.blob + 32 + 1024, 0, 160);
    CHECK(shows("\"tdreport\":\"") && !shows("\"report\":"));
    f.args.report_data_unchecked = true;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNSUPPORTED && !v.accepted);
    CHECK(strcmp(v.reason, "not-judged") == 0 && strstr(v.sentence, "TDREPORT"));
    snp_evidence_clear(&f.made);
}

PH_TEST_MAIN(CASE(what_is_wrapped_is_shown), CASE(a_tdreport_is_shown_but_not_judged),
             CASE(the_guests_user_data_is_its_report_data),
             CASE(runtime_data_is_bound_also_where_nothing_is_expected),
             CASE(a_blob_without_user_data_answers_no_expectation),
             CASE(the_report_inside_is_judged_as_any_other))
