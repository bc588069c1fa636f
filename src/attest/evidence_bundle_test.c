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
    CHECK(!memmem(text.ptr, text.len, "event_log", 9) && !memmem(text.ptr, text.len, "snp", 3));
}

TEST(every_kind_of_part_goes_through)
{
    struct ph_evidence in = {
        .kind = PH_EVIDENCE_SNP,
        .quote = PH_BYTES_LIT("report"),
        .event_log = PH_BYTES_LIT("\x00\xff"),
        .event_log_rtmr3_alone = true,
        .vm_config = PH_BYTES_LIT("{ \"a\":\"\\n\"}"),
        .snp = {PH_BYTES_LIT("vek"), PH_BYTES_LIT("-----BEGIN\n"), PH_BYTES_LIT("crl"),
                PH_BYTES_LIT("{\"b\":1}")},
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
    CHECK(ph_bytes_equal(out->vm_config, in.vm_config) && out->event_log_rtmr3_alone);
    CHECK(ph_bytes_equal(out->snp.mr_config, in.snp.mr_config));
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
#define GPUS "\"nvidia\":{\"evidence\":\"[]\"}"
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"", ""},
        {"[]", ""},
        {"{}", "format"},
        {"{\"format\":\"phala-evidence-v2\"}", "format"},
        {"{\"format\":7}", "expected a string"},
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
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"vm_config\":{}}", "vm_config"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"event_log_rtmr3_alone\":1}",
         "event_log_rtmr3_alone"},
        {HEAD "\"vm_config\":\"{}\",\"nvidia\":{\"evidence\":\"[]\"}}", "quote"},
        {HEAD "\"kind\":\"snp-report\"}", "quote"},
        {HEAD "\"collateral\":{},\"nvidia\":{\"evidence\":\"[]\"}}", "quote"},
        {HEAD "\"event_log\":\"AA==\",\"nvidia\":{\"evidence\":\"[]\"}}", "quote"},
        {"{\"format\":\"phala-evidence-v1\",\"time\":\"2025-06-19T10:32:27Z\"}", "quote"},
        {HEAD "\"kind\":\"snp-report\"," GPUS "}", "quote"},
        {HEAD "\"snp\":{}," GPUS "}", "quote"},
        {HEAD "\"quote\":\"AA==\"," GPUS "}", "collateral"},
        {HEAD "\"quote\":\"AA==\",\"snp\":{}," GPUS "}", "collateral"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"none\",\"collateral\":{}}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"phala-evidence-v1\"}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"\"}", "kind"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"event_log\":\"\"}", "event_log"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"snp\":{\"crl\":\"?\"}}", "snp.crl"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"snp\":{\"crl\":7}}", "snp.crl"},
        {HEAD "\"quote\":\"AA==\",\"kind\":\"snp-report\",\"collateral\":7}", "collateral"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"nvidia\":[]}", "nvidia"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"snp\":7}", "snp"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"snp\":{\"crl\":\"?\"}}", "snp.crl"},
        {HEAD "\"quote\":\"AA==\",\"collateral\":{},\"event_log\":\"?\"}", "event_log"},
        {HEAD "\"quote\":\"?\",\"collateral\":{}," GPUS "}", "quote"},
        {HEAD "\"quote\":7," GPUS "}", "quote"},
        {"{\"format\":\"phala-evidence-v1\",\"time\":\"2025\"," GPUS "}", "time"},
        {HEAD "\"nvidia\":[]}", "nvidia"},
        {HEAD "\"nvidia\":{\"evidence\":\"\"}}", "evidence"},
        {HEAD "\"nvidia\":{\"evidence\":[]}}", "evidence: expected a string"},
        {HEAD "\"nvidia\":{\"evidence\":\"\\ud800\"}}", ""},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"rims\":[\"\"]}}", "rims"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"ocsp\":7}}", "ocsp"},
        {HEAD "\"nvidia\":{\"evidence\":\"[]\",\"ocsp\":[\"AA==\",\"\"]}}", "ocsp"},
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

/* What the bundle's text is read as. */
static enum ph_err reads(const char *text, struct ph_evidence_bundle **out)
{
    const enum ph_err err = ph_evidence_parse(ph_bytes_str(text), out, &why);
    CHECK((err == PH_OK) == (*out != NULL));
    return err;
}

TEST(each_kind_that_a_quote_can_be_is_taken)
{
    static const enum ph_evidence_kind kinds[] = {PH_EVIDENCE_INTEL, PH_EVIDENCE_SNP,
                                                  PH_EVIDENCE_AZURE, PH_EVIDENCE_NITRO};
    for (size_t i = 0; i < PH_LEN(kinds); i++) {
        struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = NULL;
        char text[256];
        (void)snprintf(text, sizeof(text), HEAD "\"kind\":\"%s\",\"quote\":\"AA==\"}",
                       ph_evidence_kind_name(kinds[i]));
        CHECK(reads(text, &b) == PH_OK && ph_evidence_view(b)->kind == kinds[i]);
    }
    struct ph_evidence_bundle *plain PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(reads(HEAD "\"quote\":\"AA==\",\"collateral\":{}}", &plain) == PH_OK);
    CHECK(ph_evidence_view(plain)->kind == PH_EVIDENCE_NONE);
    struct ph_evidence_bundle *gpus PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(reads(HEAD GPUS "}", &gpus) == PH_OK && ph_evidence_view(gpus)->nvidia.rim_cnt == 0);
}

/* A bundle of GPUs with `cnt` manifests or answers. */
static enum ph_err reads_list(const char *key, size_t cnt)
{
    struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    CHECK(ph_buf_add_str(&text, HEAD "\"nvidia\":{\"evidence\":\"[]\",\"") == PH_OK);
    CHECK(ph_buf_add_str(&text, key) == PH_OK && ph_buf_add_str(&text, "\":[") == PH_OK);
    for (size_t i = 0; i < cnt; i++)
        CHECK(ph_buf_add_str(&text, i == 0 ? "\"AA==\"" : ",\"AA==\"") == PH_OK);
    CHECK(ph_buf_add_str(&text, "]}}") == PH_OK);
    return ph_evidence_parse(ph_buf_view(&text), &b, &why);
}

TEST(lists_hold_as_many_as_can_be_judged)
{
    CHECK(reads_list("rims", PH_EVIDENCE_RIMS_MAX) == PH_OK);
    CHECK(reads_list("rims", PH_EVIDENCE_RIMS_MAX + 1) != PH_OK);
    CHECK(reads_list("ocsp", PH_EVIDENCE_OCSP_MAX) == PH_OK);
    CHECK(reads_list("ocsp", PH_EVIDENCE_OCSP_MAX + 1) != PH_OK);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence e = {.nvidia = {.evidence = PH_BYTES_LIT("[]")}};
    e.nvidia.ocsp_cnt = PH_EVIDENCE_OCSP_MAX + 1;
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_LIMIT && text.len == 0);
    e.nvidia.ocsp_cnt = 0;
    e.nvidia.rim_cnt = PH_EVIDENCE_RIMS_MAX + 1;
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_LIMIT && text.len == 0);
}

TEST(one_part_of_snp_is_enough_to_be_written)
{
    for (size_t i = 0; i < 3; i++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
        struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = NULL;
        struct ph_evidence e = {.kind = PH_EVIDENCE_SNP, .quote = PH_BYTES_LIT("q")};
        e.event_log = PH_BYTES_LIT("l");
        e.nvidia.evidence = PH_BYTES_LIT("[]");
        struct ph_bytes *const in[] = {&e.snp.vek_cert, &e.snp.cert_chain, &e.snp.crl};
        *in[i] = PH_BYTES_LIT("x");
        CHECK(ph_evidence_encode(&e, &text) == PH_OK);
        CHECK(ph_evidence_parse(ph_buf_view(&text), &b, &why) == PH_OK);
        const struct ph_snp_parts *s = &ph_evidence_view(b)->snp;
        const struct ph_bytes out[] = {s->vek_cert, s->cert_chain, s->crl};
        for (size_t k = 0; k < 3; k++)
            CHECK(ph_bytes_is(out[k], k == i ? "x" : ""));
        CHECK(ph_bytes_is(ph_evidence_view(b)->event_log, "l"));
        CHECK(!memmem(text.ptr, text.len, "rims", 4)); /* no empty lists */
    }
}

TEST(a_part_may_be_as_long_as_all_of_them)
{
    static uint8_t big[PH_EVIDENCE_MAX + 1];
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4 * PH_EVIDENCE_MAX);
    struct ph_evidence e = {.kind = PH_EVIDENCE_SNP, .quote = {big, PH_EVIDENCE_MAX}};

    CHECK(ph_evidence_encode(&e, &text) == PH_OK);
    text.len = 0;
    e.quote.len++;
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_LIMIT);
    e.quote.len = 1;
    e.snp.cert_chain = PH_BYTES_LIT("\xff"); /* no UTF-8: the first error is told */
    e.snp.crl = PH_BYTES_OF(big);
    CHECK(ph_evidence_encode(&e, &text) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(each_kind_that_a_quote_can_be_is_taken),
             CASE(lists_hold_as_many_as_can_be_judged),
             CASE(one_part_of_snp_is_enough_to_be_written),
             CASE(a_part_may_be_as_long_as_all_of_them), CASE(what_goes_in_comes_out),
             CASE(absent_parts_stay_absent), CASE(every_kind_of_part_goes_through),
             CASE(what_cannot_be_written_is_refused), CASE(what_is_wrong_is_refused_and_named))
