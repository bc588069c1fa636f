/* Bundles: what goes in comes out, byte for byte; everything else is refused. */

#include "attest/evidence_bundle.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

static struct ph_json_why why;

TEST(what_goes_in_comes_out)
{
    static const uint8_t quote[] = {4, 0, 2, 0, 0x81}, crl[] = {0x30, 0x00, 0xff};
    const struct ph_evidence in = {
        .quote = PH_BYTES_OF(quote),
        .collateral = {.tcb_info_json =
                           PH_BYTES_LIT("{\"tcbInfo\": {\"a\" :1},\n\"é\":\"\\u00e9\"}"),
                       .tcb_info_chain_pem = PH_BYTES_LIT("-----BEGIN\r\n"),
                       .qe_identity_json = PH_BYTES_LIT("{}"),
                       .qe_identity_chain_pem = PH_BYTES_LIT("x"),
                       .pck_crl = PH_BYTES_OF(crl),
                       .root_ca_crl = PH_BYTES_LIT("\0"),
                       .pck_chain_pem = PH_BYTES_LIT("y")},
        .time_s = 1750000000,
    };
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(ph_evidence_encode(&in, &text) == PH_OK);
    CHECK(ph_evidence_parse(ph_buf_view(&text), &bundle, &why) == PH_OK);
    const struct ph_evidence *out = ph_evidence_view(bundle);
    CHECK(out->time_s == in.time_s && ph_bytes_equal(out->quote, in.quote));
    const struct ph_bytes *a = (const struct ph_bytes *)&in.collateral;
    const struct ph_bytes *b = (const struct ph_bytes *)&out->collateral;
    for (size_t i = 0; i < sizeof(in.collateral) / sizeof(*a); i++)
        CHECK(ph_bytes_equal(a[i], b[i]));
}

TEST(absent_parts_stay_absent)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    const struct ph_evidence in = {.quote = PH_BYTES_LIT("q")};
    CHECK(ph_evidence_encode(&in, &text) == PH_OK);
    CHECK(ph_evidence_parse(ph_buf_view(&text), &bundle, &why) == PH_OK);
    CHECK(ph_evidence_view(bundle)->collateral.pck_crl.len == 0);
    CHECK(ph_evidence_view(bundle)->collateral.tcb_info_json.len == 0);
}

TEST(every_kind_of_part_goes_through)
{
    struct ph_evidence in = {
        .kind = PH_EVIDENCE_SNP,
        .quote = PH_BYTES_LIT("report"),
        .event_log = PH_BYTES_LIT("\x00\xff"),
        .snp = {PH_BYTES_LIT("vek"), PH_BYTES_LIT("-----BEGIN\n"), PH_BYTES_LIT("crl")},
        .nvidia = {.evidence = PH_BYTES_LIT("[ {\"a\":\"b\"}]")},
        .time_s = 1750000000,
    };
    static const char text_of_rim[] = "<SoftwareIdentity a=\"\xc3\xa9\"/>\r\n";
    for (size_t i = 0; i < PH_EVIDENCE_RIMS_MAX; i++)
        in.nvidia.rim[in.nvidia.rim_cnt++] =
            (struct ph_bytes){(const uint8_t *)text_of_rim, sizeof(text_of_rim) - 1 - i % 4};
    for (size_t i = 0; i < PH_EVIDENCE_OCSP_MAX; i++)
        in.nvidia.ocsp[in.nvidia.ocsp_cnt++] = PH_BYTES_LIT("\x30\x00");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(ph_evidence_encode(&in, &text) == PH_OK);
    if (ph_evidence_parse(ph_buf_view(&text), &bundle, &why) != PH_OK)
        fail_msg("%s", why.text);
    const struct ph_evidence *out = ph_evidence_view(bundle);
    CHECK(out->kind == PH_EVIDENCE_SNP && out->time_s == in.time_s);
    CHECK(ph_bytes_equal(out->quote, in.quote) && ph_bytes_equal(out->event_log, in.event_log));
    CHECK(ph_bytes_equal(out->snp.vek_cert, in.snp.vek_cert));
    CHECK(ph_bytes_equal(out->snp.cert_chain, in.snp.cert_chain));
    CHECK(ph_bytes_equal(out->snp.crl, in.snp.crl));
    CHECK(ph_bytes_equal(out->nvidia.evidence, in.nvidia.evidence));
    CHECK(out->nvidia.rim_cnt == in.nvidia.rim_cnt && out->nvidia.ocsp_cnt == in.nvidia.ocsp_cnt);
    for (size_t i = 0; i < in.nvidia.rim_cnt; i++)
        CHECK(ph_bytes_equal(out->nvidia.rim[i], in.nvidia.rim[i]));
    for (size_t i = 0; i < in.nvidia.ocsp_cnt; i++)
        CHECK(ph_bytes_equal(out->nvidia.ocsp[i], in.nvidia.ocsp[i]));

    /* GPUs alone. */
    struct ph_evidence_bundle *alone PH_OWNED(ph_evidence_freep) = NULL;
    in.quote.len = 0;
    in.kind = PH_EVIDENCE_NONE;
    text.len = 0;
    CHECK(ph_evidence_encode(&in, &text) == PH_OK);
    CHECK(ph_evidence_parse(ph_buf_view(&text), &alone, &why) == PH_OK);
    CHECK(ph_evidence_view(alone)->quote.len == 0 && ph_evidence_view(alone)->nvidia.rim_cnt == 16);
    in.nvidia.rim_cnt++;
    CHECK(ph_evidence_encode(&in, &text) == PH_ERR_LIMIT);
    in.nvidia.evidence.len = 0;
    CHECK(ph_evidence_encode(&in, &text) == PH_ERR_MALFORMED);
}

TEST(what_cannot_be_written_is_refused)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    static uint8_t big[PH_EVIDENCE_MAX + 1];
    struct ph_evidence e = {.quote = PH_BYTES_LIT("q")};
    e.collateral.tcb_info_json = PH_BYTES_LIT("\xff"); /* no UTF-8 */
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_MALFORMED);
    e.collateral.tcb_info_json = PH_BYTES_OF(big);
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_LIMIT);
    e.collateral.tcb_info_json.len = 0;
    e.quote = PH_BYTES_OF(big);
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_LIMIT);
    CHECK(text.len == 0);
}

TEST(what_is_wrong_is_refused_and_named)
{
#define HEAD "{\"format\":\"phala-evidence-v1\",\"time\":\"2025-06-19T10:32:27Z\","
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"", ""},
        {"[]", ""},
        {"{}", "format"},
        {"{\"format\":\"phala-evidence-v2\"}", "format"},
        {"{\"format\":7}", "format"},
        {"{\"format\":\"phala-evidence-v1\"}", "time"},
        {"{\"format\":\"phala-evidence-v1\",\"time\":\"2025-06-19 10:32:27Z\"}", "time"},
        {HEAD "\"collateral\":{}}", "quote"},
        {HEAD "\"quote\":\"\",\"collateral\":{}}", "quote"},
        {HEAD "\"quote\":\"A\",\"collateral\":{}}", "quote"},
        {HEAD "\"quote\":\"AA== \",\"collateral\":{}}", "quote"},
        {HEAD "\"quote\":7,\"collateral\":{}}", "quote"},
        {HEAD "\"quote\":\"AA==\"}", "collateral"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":[]}", "collateral"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{\"crl\":\"AA==\"}}", "crl"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{\"pck_crl\":\"?\"}}", "pck_crl"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{\"pck_crl\":\"\"}}", "pck_crl"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{\"tcb_info\":{}}}", "tcb_info"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"now\":1}", "now"},
        {HEAD "\"quote\":\"AA==\",\"quote\":\"AA==\",\"collateral\":{}}", ""},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{}} x", ""},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"tpm\"}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"nvidia\"}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":7}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"snp\":[]}", "snp"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"snp\":{\"x\":\"\"}}", "snp.x"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"event_log\":\"?\"}", "event_log"},
        {HEAD "\"kind\":\"snp-report\"}", "quote"},
        {HEAD "\"collateral\":{},\"nvidia\":{\"evidence\":\"[]\"}}", "quote"},
        {HEAD "\"event_log\":\"AA==\",\"nvidia\":{\"evidence\":\"[]\"}}", "quote"},
        {HEAD "\"nvidia\":{}}", "evidence"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"rims\":\"\"}}", "rims"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"rims\":[7]}}", "rims"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"ocsp\":[\"?\"]}}", "ocsp"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"nonce\":\"\"}}", "nonce"},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_evidence_bundle *bundle = NULL;
        why.text[0] = '\0';
        if (ph_evidence_parse(ph_bytes_str(bad[i].text), &bundle, &why) != PH_ERR_MALFORMED ||
            bundle || why.text[0] == '\0' || !strstr(why.text, bad[i].names))
            fail_msg("%s: %s", bad[i].text, why.text);
    }
    static uint8_t big[PH_EVIDENCE_MAX + 1];
    struct ph_evidence_bundle *bundle = NULL;
    CHECK(ph_evidence_parse(PH_BYTES_OF(big), &bundle, &why) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(what_goes_in_comes_out), CASE(absent_parts_stay_absent),
             CASE(every_kind_of_part_goes_through), CASE(what_cannot_be_written_is_refused),
             CASE(what_is_wrong_is_refused_and_named))
