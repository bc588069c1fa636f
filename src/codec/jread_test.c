/* Reading members of a scanned document: what is accepted, and what each refusal says. */

#include "codec/jread.h"

#include "base/own.h"
#include "base/test.h"

static struct ph_jtok toks[64];
static struct ph_jdoc doc;
static struct ph_json_why why;

static void open_doc(const char *text)
{
    CHECK(ph_jread_open(ph_bytes_str(text), 1024, toks, PH_LEN(toks), &doc, &why) == PH_OK);
}

TEST(members_are_read_and_absent_ones_left_alone)
{
    static const char *const keys[] = {"i", "b", "s", "h", "t", "a", "o", NULL};
    uint64_t i = 7, untouched = 7;
    bool b = false, has_h = false, has_x = false;
    struct ph_bytes s = {0};
    uint8_t h[2] = {0};
    int64_t t = 0;
    uint32_t a, o, x, sum = 0;

    open_doc("{\"i\":42,\"b\":true,\"s\":\"abc\",\"h\":\"01FF\",\"t\":\"1970-01-01T00:01:00Z\","
             "\"a\":[1,2,3],\"o\":{\"p\":1}}");
    CHECK(ph_jread_only_keys(&doc, 0, "", keys, &why) == PH_OK);
    CHECK(ph_jread_int(&doc, 0, "", "i", 42, 42, &i, &why) == PH_OK && i == 42);
    CHECK(ph_jread_int(&doc, 0, "", "x", 0, 1, &untouched, &why) == PH_OK && untouched == 7);
    CHECK(ph_jread_bool(&doc, 0, "", "b", &b, &why) == PH_OK && b);
    CHECK(ph_jread_str(&doc, 0, "", "s", 3, 3, &s, &why) == PH_OK && ph_bytes_is(s, "abc"));
    CHECK(ph_jread_hex(&doc, 0, "", "h", h, 2, &has_h, &why) == PH_OK && has_h);
    CHECK(h[0] == 1 && h[1] == 0xff);
    CHECK(ph_jread_hex_0x(&doc, 0, "", "h", h, 2, &has_h, &why) == PH_OK && has_h);
    CHECK(ph_jread_hex_0x(&doc, 0, "", "x", h, 2, &has_x, &why) == PH_OK && !has_x);
    CHECK(ph_jread_hex(&doc, 0, "", "x", h, 2, &has_x, &why) == PH_OK && !has_x);
    CHECK(ph_jread_time(&doc, 0, "", "t", &t, &why) == PH_OK && t == 60);
    CHECK(ph_jread_array(&doc, 0, "", "a", 3, &a, &why) == PH_OK && a != 0);
    for (uint32_t k = ph_jscan_first(a); ph_jread_in(&doc, a, k); k = doc.toks[k].next)
        sum++;
    CHECK(sum == 3);
    CHECK(ph_jread_object(&doc, 0, "", "o", &o, &why) == PH_OK && o != 0);
    CHECK(ph_jread_object(&doc, 0, "", "x", &x, &why) == PH_OK && x == 0);
}

TEST(refusals_name_the_place)
{
    static const char *const keys[] = {"known", NULL};
    uint64_t i = 0;
    bool b = false;
    struct ph_bytes s;
    uint8_t h[2];
    int64_t t;
    uint32_t tok;

    open_doc("{\"i\":42,\"e\":\"a\\n\",\"a\":[1,2,3]}");
    CHECK(ph_jread_only_keys(&doc, 0, "p", keys, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "p.i: unknown key") == 0);
    CHECK(ph_jread_int(&doc, 0, "p", "i", 0, 41, &i, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "p.i: expected an integer from 0 to 41") == 0 && i == 0);
    CHECK(ph_jread_int(&doc, 0, "", "i", 43, 44, &i, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "i: expected an integer from 43 to 44") == 0);
    CHECK(ph_jread_int(&doc, 0, "", "e", 0, 1, &i, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_bool(&doc, 0, "", "i", &b, &why) == PH_ERR_MALFORMED && !b);
    CHECK(ph_jread_str(&doc, 0, "", "e", 0, 9, &s, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_str(&doc, 0, "", "i", 0, 9, &s, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_hex(&doc, 0, "", "e", h, 2, &b, &why) == PH_ERR_MALFORMED && !b);
    CHECK(ph_jread_time(&doc, 0, "", "e", &t, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_array(&doc, 0, "", "a", 2, &tok, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "a: expected an array of at most 2") == 0);
    CHECK(ph_jread_array(&doc, 0, "", "i", 2, &tok, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_object(&doc, 0, "", "a", &tok, &why) == PH_ERR_MALFORMED);

    CHECK(ph_jread_open(PH_BYTES_LIT("{} "), 2, toks, 64, &doc, &why) == PH_ERR_LIMIT);
    CHECK(ph_jread_open(PH_BYTES_LIT("[1,2]"), 9, toks, 2, &doc, &why) == PH_ERR_LIMIT);
    CHECK(ph_jread_open(PH_BYTES_LIT("[1,"), 9, toks, 64, &doc, &why) == PH_ERR_MALFORMED);
    open_doc("[1]");
    CHECK(ph_jread_only_keys(&doc, 0, "", keys, &why) == PH_ERR_MALFORMED);
}

TEST(ethereums_hexadecimal_has_0x_in_front_or_not)
{
    bool has = false;
    uint8_t h[2] = {0};

    open_doc("{\"a\":\"0x01ff\",\"b\":\"01FF\",\"c\":\"0x01\",\"d\":\"0x01ff0\",\"e\":1,\"f\":"
             "\"0x0x01\"}");
    CHECK(ph_jread_hex_0x(&doc, 0, "", "a", h, 2, &has, &why) == PH_OK && has && h[1] == 0xff);
    CHECK(ph_jread_hex(&doc, 0, "", "a", h, 2, &has, &why) == PH_ERR_MALFORMED);
    CHECK(ph_jread_hex_0x(&doc, 0, "", "b", h, 2, &has, &why) == PH_OK);
    for (const char *key = "cdef"; *key; key++) {
        const char name[2] = {*key, '\0'};
        has = false;
        CHECK(ph_jread_hex_0x(&doc, 0, "p", name, h, 2, &has, &why) == PH_ERR_MALFORMED && !has);
        CHECK(strstr(why.text, ": expected 2 bytes in hexadecimal"));
    }
}

TEST(a_missing_key_is_named_before_an_unknown_one)
{
    static const char *const keys[] = {"a", "b", NULL};

    open_doc("{\"a\":1,\"b\":2}");
    CHECK(ph_jread_all_keys(&doc, 0, "", keys, &why) == PH_OK);
    open_doc("{\"a\":1,\"B\":2}");
    CHECK(ph_jread_all_keys(&doc, 0, "p", keys, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "p.b: is missing") == 0);
    open_doc("{\"a\":1,\"b\":2,\"c\":3}");
    CHECK(ph_jread_all_keys(&doc, 0, "", keys, &why) == PH_ERR_MALFORMED);
    CHECK(strcmp(why.text, "c: unknown key") == 0);
    open_doc("[1]");
    CHECK(ph_jread_all_keys(&doc, 0, "", keys, &why) == PH_ERR_MALFORMED);
}

TEST(escapes_are_resolved)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(256);

    open_doc("[\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud83d\\ude00z\",1]");
    CHECK(ph_jread_unescape(&doc, 1, &out) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&out), "a\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"));
    CHECK(ph_jread_unescape(&doc, 2, &out) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(members_are_read_and_absent_ones_left_alone), CASE(refusals_name_the_place),
             CASE(ethereums_hexadecimal_has_0x_in_front_or_not),
             CASE(a_missing_key_is_named_before_an_unknown_one), CASE(escapes_are_resolved))
