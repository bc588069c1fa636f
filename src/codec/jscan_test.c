/* The scanner of signed JSON: structure, exact bytes, every refusal, real collateral. */

#include "codec/jscan.h"

#include "base/own.h"
#include "base/test_vectors.h"

#include <stdio.h>

enum { TOKS = 4096 };
static struct ph_jtok toks[TOKS];

static enum ph_err scan(struct ph_bytes text, struct ph_jdoc *doc)
{
    return ph_jscan(text, toks, TOKS, doc);
}

static enum ph_err scan_text(const char *text)
{
    struct ph_jdoc doc;
    return scan(ph_bytes_str(text), &doc);
}

static bool raw_is(const struct ph_jdoc *doc, uint32_t tok, const char *want)
{
    return ph_bytes_is(ph_jscan_raw(doc, tok), want);
}

TEST(a_document_becomes_tokens_in_order_with_exact_bytes)
{
    struct ph_jdoc doc;
    uint64_t n;
    struct ph_bytes s;

    CHECK(scan(PH_BYTES_LIT(
                   " {\"a\" : [1, {\"b\":\"x y\"} ,null],\n\"c\":{},\"d\":-12,\"e\":true} \r\n\t"),
               &doc) == PH_OK);
    CHECK(doc.tok_cnt == 9 && toks[0].type == PH_JOBJECT && toks[0].cnt == 4 && toks[0].next == 9);
    CHECK(toks[0].key_start == 0 && toks[0].key_end == 0);

    const uint32_t a = ph_jscan_get(&doc, 0, "a");
    CHECK(a == 1 && toks[a].type == PH_JARRAY && toks[a].cnt == 3);
    CHECK(raw_is(&doc, a, "[1, {\"b\":\"x y\"} ,null]"));
    uint32_t i = ph_jscan_first(a);
    CHECK(toks[i].type == PH_JINT && ph_jscan_u64(&doc, i, &n) == PH_OK && n == 1);
    i = toks[i].next;
    CHECK(toks[i].type == PH_JOBJECT && raw_is(&doc, i, "{\"b\":\"x y\"}"));
    const uint32_t b = ph_jscan_get(&doc, i, "b");
    CHECK(ph_jscan_str(&doc, b, &s) == PH_OK && ph_bytes_is(s, "x y"));
    CHECK(raw_is(&doc, b, "\"x y\""));
    i = toks[i].next;
    CHECK(toks[i].type == PH_JNULL && raw_is(&doc, i, "null") && toks[i].next == toks[a].next);

    const uint32_t c = ph_jscan_get(&doc, 0, "c");
    CHECK(toks[c].type == PH_JOBJECT && toks[c].cnt == 0 && toks[c].next == c + 1);
    CHECK(ph_jscan_get(&doc, c, "a") == 0);
    const uint32_t d = ph_jscan_get(&doc, 0, "d");
    CHECK(raw_is(&doc, d, "-12") && ph_jscan_u64(&doc, d, &n) == PH_ERR_MALFORMED);
    CHECK(toks[ph_jscan_get(&doc, 0, "e")].type == PH_JBOOL);
    CHECK(ph_jscan_get(&doc, 0, "b") == 0); /* not of this object */
    CHECK(ph_jscan_get(&doc, a, "b") == 0); /* an array has no names */
    CHECK(ph_jscan_get(&doc, 99, "a") == 0);
}

TEST(any_value_may_be_the_document)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "7",
                                       "null",
                                       "true",
                                       "false",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       " [ ] ",
                                       "[[]]",
                                       "\"\\u0000\"",
                                       "999999999999999999",
                                       "-999999999999999999",
                                       "[0,0]"};

    for (size_t i = 0; i < PH_LEN(good); i++)
        CHECK(scan_text(good[i]) == PH_OK);
}

TEST(what_the_header_refuses_is_refused)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{'a':1}",
        "nul",
        "nullx",
        "True",
        "+1",
        "01",
        "-",
        "-01",
        "1.0",
        "1.",
        ".5",
        "1e3",
        "1E3",
        "0x10",
        "1234567890123456789",
        "NaN",
        "\"",
        "\"a",
        "\"a\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\ud800\\udbff\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x1f\"",
        "1 1",
        "{}{}",
        "[] x",
        "// c\n1",
        "\xef\xbb\xbf{}",
        "\v1",
        "\f1",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\xf0\x9f\x98\"",
        "\"\xc3",
        "\"\xff\"",
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        if (scan_text(bad[i]) != PH_ERR_MALFORMED)
            fail_msg("accepted: %s", bad[i]);
    }
    struct ph_jdoc doc;
    CHECK(scan((struct ph_bytes){(const uint8_t *)"{}\0", 3}, &doc) == PH_ERR_MALFORMED);
}

TEST(utf8_and_escapes_are_kept_as_written)
{
    struct ph_jdoc doc;
    struct ph_bytes s;
    const char *text = "[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4"
                       "\x8f\xbf\xbf\x7f\","
                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"]";

    CHECK(scan(ph_bytes_str(text), &doc) == PH_OK && doc.tok_cnt == 3);
    CHECK(ph_jscan_str(&doc, 1, &s) == PH_OK && s.len == 22);
    CHECK(ph_jscan_str(&doc, 2, &s) == PH_ERR_MALFORMED); /* escapes need another reader */
    CHECK(ph_jscan_str(&doc, 0, &s) == PH_ERR_MALFORMED);
}

TEST(duplicate_keys_are_refused_however_they_are_written)
{
    static const char *const bad[] = {
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"b\":2,\"a\":{}}",
        "{\"\":1,\"\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\u0061\":1,\"\\u0061\":2}",
        "{\"\\n\":1,\"\\u000A\":2}",
        "{\"/\":1,\"\\/\":2}",
        "{\"\xc3\xa9\":1,\"\\u00e9\":2}",
        "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}",
        "[{\"x\":{\"k\":1,\"k\":2}}]",
        "{\"a\":{\"z\":[{}]},\"b\":[1,2],\"a\":1}",
    };
    static const char *const good[] = {
        "{\"a\":1,\"A\":2,\"aa\":3,\"\":4}",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
        "{\"\\u0061b\":1,\"a\":2,\"b\":3,\"\\\\\":4,\"\\\\u0061\":5}",
        "[{\"a\":1},{\"a\":1}]",
    };

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(scan_text(bad[i]) == PH_ERR_MALFORMED);
    for (size_t i = 0; i < PH_LEN(good); i++)
        CHECK(scan_text(good[i]) == PH_OK);
}

TEST(a_key_with_an_escape_never_matches_a_name)
{
    struct ph_jdoc doc;

    CHECK(scan(PH_BYTES_LIT("{\"\\u0061\":1,\"x\\n\":2}"), &doc) == PH_OK);
    CHECK(ph_jscan_get(&doc, 0, "a") == 0);
    CHECK(ph_jscan_get(&doc, 0, "\\u0061") == 0);
    CHECK(ph_jscan_get(&doc, 0, "x\\n") == 0 && ph_jscan_get(&doc, 0, "x\n") == 0);
}

/* `depth` arrays or objects inside each other. */
static enum ph_err scan_nested(size_t depth, bool object)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_jdoc doc;

    for (size_t i = 0; i < depth; i++)
        CHECK(ph_buf_add_str(&text, object ? "{\"k\":" : "[") == PH_OK);
    CHECK(ph_buf_add_str(&text, "0") == PH_OK);
    for (size_t i = 0; i < depth; i++)
        CHECK(ph_buf_add_str(&text, object ? "}" : "]") == PH_OK);
    return scan(ph_buf_view(&text), &doc);
}

TEST(depth_members_and_tokens_are_limited)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_jdoc doc;

    for (int object = 0; object < 2; object++) {
        CHECK(scan_nested(PH_JSCAN_DEPTH, object) == PH_OK);
        CHECK(scan_nested(PH_JSCAN_DEPTH + 1, object) == PH_ERR_MALFORMED);
    }
    for (int extra = 0; extra < 2; extra++) {
        text.len = 0;
        for (int i = 0; i < PH_JSCAN_MEMBERS_MAX + extra; i++)
            CHECK(ph_buf_addf(&text, "%c\"k%d\":0", i == 0 ? '{' : ',', i) == PH_OK);
        CHECK(ph_buf_add_str(&text, "}") == PH_OK);
        CHECK(scan(ph_buf_view(&text), &doc) == (extra == 0 ? PH_OK : PH_ERR_LIMIT));
    }
    CHECK(ph_jscan(PH_BYTES_LIT("[1,2]"), toks, 3, &doc) == PH_OK);
    CHECK(ph_jscan(PH_BYTES_LIT("[1,2,3]"), toks, 3, &doc) == PH_ERR_LIMIT);
    CHECK(ph_jscan(PH_BYTES_LIT("1"), toks, 0, &doc) == PH_ERR_LIMIT);

    const size_t max = PH_JSCAN_TEXT_MAX;
    uint8_t *big PH_OWNED(ph_freep) = malloc(max + 1);
    CHECK(big != NULL);
    memset(big, ' ', max + 1);
    big[0] = '1';
    CHECK(scan((struct ph_bytes){big, max}, &doc) == PH_OK);
    CHECK(scan((struct ph_bytes){big, max + 1}, &doc) == PH_ERR_LIMIT);
}

TEST(numbers_and_hex_strings)
{
    struct ph_jdoc doc;
    uint8_t out[4] = {9, 9, 9, 9};
    uint64_t n;

    CHECK(scan(PH_BYTES_LIT(
                   "[999999999999999999,0,\"00aBff7F\",\"0x00aBff\",\"00aBff7\",\"00aBfg7F\",-0]"),
               &doc) == PH_OK);
    CHECK(ph_jscan_u64(&doc, 1, &n) == PH_OK && n == 999999999999999999ull);
    CHECK(ph_jscan_u64(&doc, 2, &n) == PH_OK && n == 0);
    CHECK(ph_jscan_u64(&doc, 3, &n) == PH_ERR_MALFORMED);
    CHECK(ph_jscan_u64(&doc, 7, &n) == PH_ERR_MALFORMED);
    for (uint32_t i = 4; i <= 6; i++)
        CHECK(ph_jscan_hex(&doc, i, out, 4) == PH_ERR_MALFORMED);
    CHECK(ph_jscan_hex(&doc, 1, out, 4) == PH_ERR_MALFORMED);
    CHECK(ph_jscan_hex(&doc, 3, out, 3) == PH_ERR_MALFORMED);
    CHECK(ph_jscan_hex(&doc, 3, out, 4) == PH_OK);
    CHECK(out[0] == 0x00 && out[1] == 0xab && out[2] == 0xff && out[3] == 0x7f);
}

TEST(every_truncation_of_a_document_is_refused)
{
    static const char text[] =
        "{\"a\":[1,{\"b\":\"\\u00e9\xc3\xa9\"},null],\"c\":{},\"d\":-12,\"e\":true}";
    struct ph_jdoc doc;

    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        /* An exact copy, so that a read past the end is seen by ASan. */
        uint8_t *copy PH_OWNED(ph_freep) = malloc(n + 1);
        CHECK(copy != NULL);
        memcpy(copy, text, n);
        uint8_t *exact PH_OWNED(ph_freep) = n > 0 ? realloc(PH_TAKE(copy), n) : NULL;
        CHECK(scan((struct ph_bytes){exact, n}, &doc) == PH_ERR_MALFORMED);
    }
    CHECK(scan_text(text) == PH_OK);
}

/* The signed bytes of Intel's answer are the raw bytes of one member. */
TEST(real_collateral_scans_and_keeps_its_signed_bytes)
{
    struct ph_buf whole PH_OWNED(ph_buf_clear) =
        ph_test_vector("intel/dcapqvl-tdx4/tcb_info.signed.json");
    struct ph_buf body PH_OWNED(ph_buf_clear) =
        ph_test_vector("intel/dcapqvl-tdx4/tcb_info.body.json");
    struct ph_jdoc doc;

    CHECK(scan(ph_buf_view(&whole), &doc) == PH_OK);
    const uint32_t info = ph_jscan_get(&doc, 0, "tcbInfo");
    CHECK(info != 0 && ph_jscan_get(&doc, 0, "signature") != 0);
    CHECK(ph_bytes_equal(ph_jscan_raw(&doc, info), ph_buf_view(&body)));
    CHECK(ph_jscan_get(&doc, info, "tcbLevels") != 0);
}

PH_TEST_MAIN(CASE(a_document_becomes_tokens_in_order_with_exact_bytes),
             CASE(any_value_may_be_the_document), CASE(what_the_header_refuses_is_refused),
             CASE(utf8_and_escapes_are_kept_as_written),
             CASE(duplicate_keys_are_refused_however_they_are_written),
             CASE(a_key_with_an_escape_never_matches_a_name),
             CASE(depth_members_and_tokens_are_limited), CASE(numbers_and_hex_strings),
             CASE(every_truncation_of_a_document_is_refused),
             CASE(real_collateral_scans_and_keeps_its_signed_bytes))
