/* Quotes taken apart: every truncation, every body, every certification data type; and the JSON
 * that shows quotes, verdicts and traces. */

#include "attest/intel/quote.h"

#include "attest/synth/synth_world.h"
#include "attest/verdict_json.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct ph_buf make_quote(struct world *w)
{
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote = PH_BUF(PH_QUOTE_MAX + 16);
    struct ph_attest_roots roots;
    world_make(w, &c, &quote, &roots);
    return quote;
}

TEST(every_truncation_of_every_version_is_malformed)
{
    for (uint16_t version = 3; version <= 5; version++) {
        struct world w;
        struct ph_intel_quote q;
        enum ph_check check;
        world_init(&w);
        if (version == 3)
            world_sgx(&w, 3);
        w.s.quote_version = version;
        w.td15 = version == 5;
        struct ph_buf quote PH_OWNED(ph_buf_clear) = make_quote(&w);
        CHECK(ph_intel_quote_parse(ph_buf_view(&quote), &q, &check) == PH_OK &&
              check == PH_CHECK_CNT);
        CHECK(q.trailing.len == 0 && q.version == version);
        for (size_t len = 0; len < quote.len; len++) {
            const struct ph_bytes cut = {quote.ptr, len};
            CHECK(ph_intel_quote_parse(cut, &q, &check) == PH_ERR_MALFORMED);
            CHECK(check == PH_CHECK_QUOTE_LENGTH || check == PH_CHECK_QUOTE_AUTH_LENGTH);
        }
    }
}

TEST(size_is_limited)
{
    static uint8_t big[PH_QUOTE_MAX + 1];
    struct ph_intel_quote q;
    enum ph_check check;
    CHECK(ph_intel_quote_parse(PH_BYTES_OF(big), &q, &check) == PH_ERR_LIMIT);
}

/* A version 5 quote with this body type and size in its header. */
static enum ph_err parse_body(uint32_t tee, uint16_t type, uint32_t size, enum ph_check *check)
{
    static uint8_t raw[4096];
    struct ph_intel_quote q;
    struct world w;
    world_init(&w);
    w.s.quote_version = 5;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = make_quote(&w);
    memset(raw, 0, sizeof(raw));
    memcpy(raw, quote.ptr, 48);
    ph_put_u32le(raw + 4, tee);
    ph_put_u16le(raw + 48, type);
    ph_put_u32le(raw + 50, size);
    return ph_intel_quote_parse(PH_BYTES_OF(raw), &q, check);
}

TEST(body_type_size_and_tee_must_agree)
{
    static const struct {
        uint16_t type;
        uint32_t size, tee;
    } good[] = {{1, 384, 0}, {2, 584, 0x81}, {3, 648, 0x81}, {4, 885, 0x81}};
    enum ph_check check;
    for (size_t i = 0; i < PH_LEN(good); i++) {
        /* Past the body the zeroed signature data cannot be right. */
        CHECK(parse_body(good[i].tee, good[i].type, good[i].size, &check) == PH_ERR_MALFORMED);
        CHECK(check == PH_CHECK_QUOTE_AUTH_LENGTH);
        CHECK(parse_body(good[i].tee, good[i].type, good[i].size + 1, &check) ==
              PH_ERR_UNSUPPORTED);
        CHECK(check == PH_CHECK_QUOTE_BODY);
        CHECK(parse_body(good[i].tee ^ 0x81, good[i].type, good[i].size, &check) ==
              PH_ERR_MALFORMED);
        CHECK(check == PH_CHECK_QUOTE_TEE_TYPE);
    }
    CHECK(parse_body(0x81, 5, 0, &check) == PH_ERR_UNSUPPORTED && check == PH_CHECK_QUOTE_BODY);
    CHECK(parse_body(0x81, 0, 0, &check) == PH_ERR_UNSUPPORTED && check == PH_CHECK_QUOTE_BODY);
}

/* A version 4 quote whose certification data has this type and size. */
static enum ph_err parse_cert(uint16_t type, size_t size, enum ph_check *check)
{
    enum { CERT_AT = 1252 };
    struct ph_intel_quote q;
    struct world w;
    world_init(&w);
    struct ph_buf quote PH_OWNED(ph_buf_clear) = make_quote(&w);
    quote.len = CERT_AT;
    uint8_t head[6] = {0};
    ph_put_u16le(head, type);
    ph_put_u32le(head + 2, (uint32_t)size);
    CHECK(ph_buf_add(&quote, PH_BYTES_OF(head)) == PH_OK);
    for (size_t i = 0; i < size; i++)
        CHECK(ph_buf_add(&quote, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    ph_put_u32le(quote.ptr + 632, (uint32_t)(quote.len - 636));
    ph_put_u32le(quote.ptr + 766, (uint32_t)(quote.len - 770));
    return ph_intel_quote_parse(ph_buf_view(&quote), &q, check);
}

TEST(certification_data_has_the_size_of_its_type)
{
    static const struct {
        uint16_t type;
        size_t good, bad;
    } rows[] = {{1, 34, 33},   {1, 36, 35}, {2, 274, 273}, {2, 276, 34},
                {3, 402, 403}, {3, 404, 0}, {4, 1, 0},     {5, 1, 0}};
    enum ph_check check;
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        CHECK(parse_cert(rows[i].type, rows[i].good, &check) == PH_OK);
        CHECK(parse_cert(rows[i].type, rows[i].bad, &check) == PH_ERR_MALFORMED);
        CHECK(check == PH_CHECK_QUOTE_CERT_DATA);
    }
    CHECK(parse_cert(0, 16, &check) == PH_ERR_MALFORMED && check == PH_CHECK_QUOTE_CERT_DATA);
    CHECK(parse_cert(6, 16, &check) == PH_ERR_MALFORMED && check == PH_CHECK_QUOTE_CERT_DATA);
    CHECK(parse_cert(7, 16, &check) == PH_ERR_MALFORMED && check == PH_CHECK_QUOTE_CERT_DATA);
    CHECK(strcmp(ph_quote_cert_type_name(7), "platform manifest") == 0);
    CHECK(strcmp(ph_quote_cert_type_name(8), "unknown") == 0);
    CHECK(strcmp(ph_quote_body_name(5), "unknown") == 0);
}

TEST(report_data_can_be_peeked_at)
{
    struct world w;
    uint8_t got[64];
    for (int sgx = 0; sgx < 2; sgx++) {
        world_init(&w);
        if (sgx)
            world_sgx(&w, 3);
        struct ph_buf quote PH_OWNED(ph_buf_clear) = make_quote(&w);
        CHECK(ph_quote_peek_report_data(ph_buf_view(&quote), got) == PH_OK);
        CHECK(memcmp(got, w.expected, 64) == 0);
        quote.len = 100;
        CHECK(ph_quote_peek_report_data(ph_buf_view(&quote), got) == PH_ERR_MALFORMED);
    }
}

/* Written by the library, read by jansson. */
static json_t *load(const struct ph_jput *j)
{
    struct ph_json_why why;
    json_t *doc = NULL;

    CHECK(ph_jput_end(j) == PH_OK);
    if (ph_json_load(ph_buf_view(j->out), 1 << 20, &doc, &why) != PH_OK)
        fail_msg("%s", why.text);
    return doc;
}

static enum ph_err quote_doc(struct ph_bytes quote, json_t **out, enum ph_check *check)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};

    PH_TRY(ph_quote_json(quote, &j, NULL, check));
    *out = load(&j);
    return PH_OK;
}

static json_t *verdict_doc(const struct ph_verdict *v)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};

    ph_verdict_json(v, &j, NULL);
    return load(&j);
}

static const char *str(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

TEST(a_quote_is_shown_field_by_field)
{
    struct world w;
    enum ph_check check;
    world_init(&w);
    w.s.quote_version = 5;
    w.td15 = true;
    w.td.td_attributes[0] = 1;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = make_quote(&w);
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    CHECK(quote_doc(ph_buf_view(&quote), &doc, &check) == PH_OK);
    CHECK(strcmp(str(doc, "kind"), "intel-tdx-quote") == 0);
    CHECK(strcmp(str(doc, "body"), "TDX 1.5") == 0);
    CHECK(json_array_size(json_object_get(doc, "td_attributes")) == 2); /* DEBUG, SEPT_VE_DISABLE */
    CHECK(strcmp(str(json_object_get(doc, "pck"), "fmspc"), "b0c06f000000") == 0);
    bool found = false;
    const json_t *fields = json_object_get(doc, "fields");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i);
        if (strcmp(str(f, "name"), "mr_service_td") == 0)
            found = json_integer_value(json_object_get(f, "offset")) == 54 + 600 &&
                    strlen(str(f, "value")) == 96;
    }
    CHECK(found);

    world_init(&w);
    world_sgx(&w, 3);
    w.s.omit_pck_chain = true;
    struct ph_buf sgx PH_OWNED(ph_buf_clear) = make_quote(&w);
    json_t *shown PH_OWNED(ph_json_freep) = NULL;
    CHECK(quote_doc(ph_buf_view(&sgx), &shown, &check) == PH_OK);
    CHECK(strcmp(str(shown, "kind"), "intel-sgx-quote") == 0);
    CHECK(json_is_null(json_object_get(shown, "pck")));
    CHECK(quote_doc(PH_BYTES_LIT("no quote"), &shown, &check) == PH_ERR_MALFORMED);
}

TEST(a_verdict_always_has_its_keys)
{
    static const char *const keys[] = {"verdict",
                                       "status",
                                       "step",
                                       "reason",
                                       "advisories",
                                       "tcb_date",
                                       "evaluation_number",
                                       "claims",
                                       "valid_until",
                                       "sentence",
                                       "measurements_demanded",
                                       "insecure_simulator"};
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.level[0].advisories = "[\"INTEL-SA-00002\"]";
    for (int bad = 0; bad < 3; bad++) {
        if (bad == 1)
            w.expected[0] ^= 1;
        if (bad == 2)
            w.cut = 10;
        const enum ph_err err = world_judge(&w, &v);
        json_t *doc PH_OWNED(ph_json_freep) = NULL;
        doc = verdict_doc(&v);
        for (size_t i = 0; i < PH_LEN(keys); i++)
            CHECK(json_object_get(doc, keys[i]));
        CHECK(json_object_size(doc) == PH_LEN(keys));
        CHECK(strcmp(str(doc, "verdict"), err == PH_OK ? "accepted" : "rejected") == 0);
        CHECK(json_is_object(json_object_get(doc, "claims")) == (err == PH_OK));
        CHECK(json_is_null(json_object_get(doc, "step")) == (err == PH_OK));
        if (bad == 0) {
            CHECK(strcmp(str(doc, "tcb_date"), "2024-03-13") == 0);
            CHECK(json_array_size(json_object_get(doc, "advisories")) == 1);
            CHECK(strlen(str(json_object_get(doc, "claims"), "mr_td")) == 96);
        }
        if (bad == 2)
            CHECK(json_is_null(json_object_get(doc, "tcb_date")) &&
                  json_is_null(json_object_get(doc, "valid_until")));
    }
    /* SGX and TD 1.5 claims have their own fields. */
    world_init(&w);
    world_sgx(&w, 3);
    CHECK(world_judge(&w, &v) == PH_OK);
    json_t *sgx PH_OWNED(ph_json_freep) = NULL;
    sgx = verdict_doc(&v);
    CHECK(strlen(str(json_object_get(sgx, "claims"), "mrenclave")) == 64);
    world_init(&w);
    w.s.quote_version = 5;
    w.td15 = true;
    w.s.processor_ca = true;
    CHECK(world_judge(&w, &v) == PH_OK);
    json_t *td PH_OWNED(ph_json_freep) = NULL;
    td = verdict_doc(&v);
    CHECK(strlen(str(json_object_get(td, "claims"), "tee_tcb_svn2")) == 32);
    CHECK(json_is_null(json_object_get(json_object_get(td, "claims"), "platform_instance")));
}

/* Where a check stands in a printed trace: checks of other kinds of evidence are left out. */
static size_t trace_index(const struct ph_trace *trace, enum ph_check check)
{
    size_t at = 0;

    for (enum ph_check k = 0; k < check; k++)
        at += ph_trace_has(trace, k);
    return at;
}

TEST(a_trace_tells_where_each_check_looked)
{
    struct world w;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    struct ph_verdict v;
    struct ph_trace trace;
    json_t *list PH_OWNED(ph_json_freep) = NULL;
    world_init(&w);
    w.td.td_attributes[0] = 1;
    world_make(&w, &c, &quote, &roots);
    const struct ph_verify_args args = {.quote = ph_buf_view(&quote),
                                        .collateral = c,
                                        .roots = &roots,
                                        .policy = &w.policy,
                                        .report_data = w.expected,
                                        .now_s = w.now_s,
                                        .trace = &trace};
    CHECK(ph_quote_verify_with(&args, &v) == PH_ERR_UNTRUSTED);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    ph_trace_json(&trace, args.quote, &j, NULL);
    list = load(&j);
    CHECK(json_array_size(list) == trace_index(&trace, PH_CHECK_CNT));
    const json_t *debug = json_array_get(list, trace_index(&trace, PH_CHECK_POLICY_DEBUG));
    CHECK(strcmp(str(debug, "check"), "policy-debug") == 0);
    CHECK(strcmp(str(debug, "result"), "FAIL") == 0 && strcmp(str(debug, "step"), "policy") == 0);
    const json_t *bytes = json_object_get(debug, "bytes");
    CHECK(strcmp(str(bytes, "in"), "quote") == 0);
    CHECK(json_integer_value(json_object_get(bytes, "offset")) == 48 + 120);
    CHECK(strcmp(str(bytes, "head"), "0100001000000000") == 0);
    const json_t *info = json_array_get(list, trace_index(&trace, PH_CHECK_TCB_INFO_SIGNATURE));
    CHECK(strcmp(str(info, "result"), "PASS") == 0);
    CHECK(strcmp(str(json_object_get(info, "bytes"), "in"), "collateral") == 0);
    const json_t *skipped = json_array_get(list, trace_index(&trace, PH_CHECK_POLICY_SERVICE_TD));
    CHECK(strcmp(str(skipped, "result"), "SKIP") == 0);
    CHECK(json_is_null(json_object_get(skipped, "bytes")));
}

PH_TEST_MAIN(CASE(every_truncation_of_every_version_is_malformed), CASE(size_is_limited),
             CASE(body_type_size_and_tee_must_agree),
             CASE(certification_data_has_the_size_of_its_type), CASE(report_data_can_be_peeked_at),
             CASE(a_quote_is_shown_field_by_field), CASE(a_verdict_always_has_its_keys),
             CASE(a_trace_tells_where_each_check_looked))
