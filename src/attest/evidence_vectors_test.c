/* Real evidence of each maker through the front: the verdict of the maker's own verifier. Files of
 * PHALA_VECTORS, which are not in the repository: without them each case skips. */

#include "attest/evidence.h"

#include "attest/amd/snp.h"
#include "attest/nitro/nitro.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"

static struct ph_json_why why;
static struct ph_verdict v, own;

static int64_t at(const char *text)
{
    int64_t s;
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(text), &s) == PH_OK);
    return s;
}

TEST(a_real_snp_report)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) =
        ph_test_vector("snp/microsoft-tav/milan_attestation_report.bin");
    struct ph_buf vek PH_OWNED(ph_buf_clear) = ph_test_vector("snp/microsoft-tav/milan_vcek.pem");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_buf shown PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_jput j = {.out = &shown};
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_evidence e = {.kind = PH_EVIDENCE_SNP,
                            .quote = ph_buf_view(&report),
                            .snp = {.vek_cert = ph_buf_view(&vek)}};
    uint8_t data[64];
    CHECK(ph_snp_peek_report_data(e.quote, data) == PH_OK);
    CHECK(ph_attest_cache_new(8, &cache) == PH_OK);
    /* As a bundle, to and fro. */
    CHECK(ph_evidence_encode(&e, &text) == PH_OK);
    if (ph_evidence_open(ph_buf_view(&text), &bundle, &why) != PH_OK)
        fail_msg("%s", why.text);
    const struct ph_evidence_args args = {.evidence = ph_evidence_view(bundle),
                                          .roots = &roots,
                                          .policy = ph_policy_builtin_hardware(),
                                          .report_data = data,
                                          .now_s = at("2026-03-01T00:00:00Z"),
                                          .cache = cache};
    const struct ph_snp_args direct = {.report = e.quote,
                                       .vek = e.snp.vek_cert,
                                       .roots = &roots,
                                       .policy = args.policy,
                                       .report_data = data,
                                       .now_s = args.now_s};
    for (int round = 0; round < 2; round++) {
        if (ph_evidence_verify(&args, &v) != PH_OK)
            fail_msg("%s", v.sentence);
        CHECK(ph_snp_verify(&direct, &own) == PH_OK && memcmp(&v, &own, sizeof(v)) == 0);
        CHECK(v.claims.tee == PH_TEE_SNP && v.claims.report_data_checked);
    }
    CHECK(ph_evidence_show(&e, &j, NULL, &why) == PH_OK && ph_jput_end(&j) == PH_OK);
    CHECK(memmem(shown.ptr, shown.len, "\"kind\":\"amd-snp-report\"", 23));
    data[0] ^= 1;
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    data[0] ^= 1;
    e.event_log = PH_BYTES_LIT("[]");
    struct ph_evidence_args with_log = args;
    with_log.evidence = &e;
    CHECK(ph_evidence_verify(&with_log, &v) != PH_OK && !v.accepted);
}

TEST(a_real_nitro_document)
{
    /* The file is a field of a larger structure: its length first, in four bytes. */
    struct ph_buf doc PH_OWNED(ph_buf_clear) = ph_test_vector("nitro/nitro_attestation.bin");
    const struct ph_attest_roots roots = ph_attest_roots_production();
    CHECK(doc.len > 4);
    const size_t len = (size_t)(doc.ptr[2] | doc.ptr[3] << 8) >> 2;
    const struct ph_evidence e = {.quote = {doc.ptr + 4, len}};
    CHECK(len <= doc.len - 4);
    struct ph_nitro_doc parsed;
    enum ph_check failed;

    CHECK(ph_nitro_parse(e.quote, &parsed, &failed) == PH_OK);
    struct ph_evidence_args args = {.evidence = &e,
                                    .roots = &roots,
                                    .policy = ph_policy_builtin_hardware(),
                                    .report_data_unchecked = true,
                                    .now_s = (int64_t)(parsed.timestamp_ms / 1000) + 1};
    if (ph_evidence_verify(&args, &v) != PH_OK)
        fail_msg("%s", v.sentence);
    CHECK(v.claims.tee == PH_TEE_NITRO && !v.claims.report_data_checked);
    args.now_s += 7 * 86400;
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNTRUSTED && !v.accepted);
}

/* A report whose report data binds no runtime data, wrapped as Azure wraps it. */
TEST(a_real_report_in_a_false_azure_wrapping)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) =
        ph_test_vector("snp/microsoft-tav/milan_attestation_report.bin");
    struct ph_buf vek PH_OWNED(ph_buf_clear) = ph_test_vector("snp/microsoft-tav/milan_vcek.pem");
    static const char runtime[] = "{\"keys\":[],\"user-data\":\"00\"}";
    const struct ph_attest_roots roots = ph_attest_roots_production();
    uint8_t blob[1236 + sizeof(runtime) - 1] = "HCLA";
    const uint32_t n = sizeof(runtime) - 1;

    CHECK(report.len == 1184);
    ph_put_u32le(blob + 4, 2);
    ph_put_u32le(blob + 8, sizeof(blob));
    ph_put_u32le(blob + 12, 2);
    memcpy(blob + 32, report.ptr, 1184);
    ph_put_u32le(blob + 1216, 20 + n);
    ph_put_u32le(blob + 1220, 1);
    ph_put_u32le(blob + 1224, 2);
    ph_put_u32le(blob + 1228, 1);
    ph_put_u32le(blob + 1232, n);
    memcpy(blob + 1236, runtime, n);
    const struct ph_evidence e = {.quote = PH_BYTES_OF(blob),
                                  .snp = {.vek_cert = ph_buf_view(&vek)}};
    const struct ph_evidence_args args = {.evidence = &e,
                                          .roots = &roots,
                                          .policy = ph_policy_builtin_hardware(),
                                          .report_data_unchecked = true,
                                          .now_s = at("2026-03-01T00:00:00Z")};
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_REPORT_DATA && !v.accepted);
    ph_put_u32le(blob + 1224, 4); /* a TDREPORT proves nothing alone */
    memset(blob + 32 + 1024, 0, 160);
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNSUPPORTED && !v.accepted);
    CHECK(strstr(v.sentence, "TDREPORT"));
}

PH_TEST_MAIN(CASE(a_real_snp_report), CASE(a_real_nitro_document),
             CASE(a_real_report_in_a_false_azure_wrapping))
