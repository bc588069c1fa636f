/* Limited JSON documents and their canonical form. */

#include "codec/json.h"

#include "base/own.h"
#include "base/test.h"

static struct ph_json_why why;

static json_t *load(const char *text)
{
    json_t *doc = NULL;
    if (ph_json_load(ph_bytes_str(text), 1 << 20, &doc, &why) != PH_OK)
        fail_msg("%s: %s", text, why.text);
    return doc;
}

TEST(strict_documents_load)
{
    static const char *const good[] = {"{}", "[]", " {\"a\":[1,2.5,\"x\",null,true]} \n",
                                       "{\"a\":{\"a\":1}}", "[\"[[[[{{{{\\\"\"]"};

    for (size_t i = 0; i < PH_LEN(good); i++)
        json_decref(load(good[i]));
}

TEST(everything_else_is_refused_with_its_place)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{}x",
                                      "{} {}",
                                      "{'a':1}",
                                      "[01]",
                                      "[\"\\u0000\"]",
                                      "[\"\xff\"]",
                                      "[1e999]",
                                      "{\"a\":1,\"a\":2}",
                                      "[NaN]",
                                      "[99999999999999999999]",
                                      "{\"a\":{\"b\":1,\"b\":1}}",
                                      "[\"\n\"]"};
    json_t *doc = NULL;

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_json_load(ph_bytes_str(bad[i]), 1000, &doc, &why) == PH_ERR_MALFORMED);
        CHECK(doc == NULL && strncmp(why.text, "line ", 5) == 0);
    }
    CHECK(ph_json_load(PH_BYTES_LIT("{\n \"a\": 1,\n \"b\" 2}"), 1000, &doc, &why) ==
          PH_ERR_MALFORMED);
    CHECK(strncmp(why.text, "line 3, column ", 15) == 0);
    CHECK(ph_json_load((struct ph_bytes){NULL, 0}, 1000, &doc, &why) == PH_ERR_MALFORMED);
}

TEST(size_and_depth_are_limited)
{
    char text[2 * (PH_JSON_DEPTH + 1) + 1];
    json_t *doc = NULL;

    CHECK(ph_json_load(PH_BYTES_LIT("[1,2]"), 5, &doc, &why) == PH_OK);
    json_decref(doc);
    doc = NULL;
    CHECK(ph_json_load(PH_BYTES_LIT("[1,2]"), 4, &doc, &why) == PH_ERR_LIMIT);
    assert_string_equal(why.text, "the document has 5 bytes; at most 4 are accepted");
    for (size_t extra = 0; extra < 2; extra++) {
        const size_t n = PH_JSON_DEPTH + extra;
        memset(text, '[', n);
        memset(text + n, ']', n);
        const enum ph_err err =
            ph_json_load((struct ph_bytes){(uint8_t *)text, 2 * n}, 1000, &doc, &why);
        CHECK(err == (extra == 0 ? PH_OK : PH_ERR_MALFORMED));
        if (extra == 0)
            json_decref(doc);
    }
    assert_string_equal(why.text, "nested deeper than 64 levels");
}

TEST(unknown_keys_are_named_with_the_known_ones)
{
    static const char *const allowed[] = {"cpuMs", "wallMs", NULL};
    json_t *doc PH_OWNED(ph_json_freep) = load("{\"cpuMs\":1,\"wallms\":2}");
    json_t *fine PH_OWNED(ph_json_freep) = load("{\"wallMs\":1}");
    json_t *array PH_OWNED(ph_json_freep) = load("[]");

    CHECK(ph_json_only_keys(fine, "limits", allowed, &why) == PH_OK);
    CHECK(ph_json_only_keys(doc, "limits", allowed, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "limits.wallms: unknown key; known here: cpuMs, wallMs");
    CHECK(ph_json_only_keys(doc, "", allowed, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "wallms: unknown key; known here: cpuMs, wallMs");
    CHECK(ph_json_only_keys(array, "limits", allowed, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "limits: expected an object");
    CHECK(ph_json_only_keys(NULL, "", allowed, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "document: expected an object");
}

TEST(members_are_read_within_their_range)
{
    json_t *doc PH_OWNED(ph_json_freep) =
        load("{\"n\":30000,\"s\":\"abc\",\"f\":1.0,\"neg\":-5,\"nul\":null,\"e\":\"\"}");
    int64_t n = 7;
    const char *s = "default";

    CHECK(ph_json_int(doc, "", "n", 1, 30000, &n, &why) == PH_OK && n == 30000);
    CHECK(ph_json_int(doc, "", "neg", -5, 5, &n, &why) == PH_OK && n == -5);
    CHECK(ph_json_int(doc, "", "absent", 1, 2, &n, &why) == PH_OK && n == -5);
    CHECK(ph_json_int(doc, "limits", "n", 1, 29999, &n, &why) == PH_ERR_MALFORMED && n == -5);
    assert_string_equal(why.text, "limits.n: expected an integer from 1 to 29999");
    CHECK(ph_json_int(doc, "", "n", 30001, 40000, &n, &why) == PH_ERR_MALFORMED);
    CHECK(ph_json_int(doc, "", "f", 0, 9, &n, &why) == PH_ERR_MALFORMED);
    CHECK(ph_json_int(doc, "", "s", 0, 9, &n, &why) == PH_ERR_MALFORMED);
    CHECK(ph_json_int(doc, "", "nul", 0, 9, &n, &why) == PH_ERR_MALFORMED);
    CHECK(ph_json_int(NULL, "", "n", 0, 9, &n, &why) == PH_ERR_MALFORMED && n == -5);

    CHECK(ph_json_str(doc, "", "absent", 1, 9, &s, &why) == PH_OK);
    assert_string_equal(s, "default");
    CHECK(ph_json_str(doc, "", "s", 3, 3, &s, &why) == PH_OK);
    assert_string_equal(s, "abc");
    CHECK(ph_json_str(doc, "", "e", 0, 3, &s, &why) == PH_OK);
    CHECK(ph_json_str(doc, "a.b", "s", 4, 9, &s, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "a.b.s: expected a string of 4 to 9 bytes");
    CHECK(ph_json_str(doc, "", "s", 0, 2, &s, &why) == PH_ERR_MALFORMED);
    CHECK(ph_json_str(doc, "", "n", 0, 9, &s, &why) == PH_ERR_MALFORMED);
    assert_string_equal(s, "");
}

TEST(reasons_hold_no_control_characters)
{
    static const char *const allowed[] = {NULL};
    json_t *doc PH_OWNED(ph_json_freep) = load("{\"a\\nb\\u001b[31m\":1}");

    CHECK(ph_json_only_keys(doc, "", allowed, &why) == PH_ERR_MALFORMED);
    assert_string_equal(why.text, "a?b?[31m: unknown key; known here: none");
}

typedef enum ph_err (*writer)(const json_t *, struct ph_buf *);

static void check_text(writer fn, const char *in, const char *want)
{
    json_t *doc PH_OWNED(ph_json_freep) = load(in);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    CHECK(ph_buf_add_str(&out, ">") == PH_OK);
    CHECK(fn(doc, &out) == PH_OK && ph_buf_add(&out, (struct ph_bytes){(uint8_t *)"", 1}) == PH_OK);
    assert_string_equal((char *)out.ptr + 1, want);
}

TEST(dump_keeps_the_order_of_insertion)
{
    check_text(ph_json_dump, " { \"b\" : [ 1 , {} ] , \"a\" : \"\xc3\xa9\" } ",
               "{\"b\":[1,{}],\"a\":\"\xc3\xa9\"}");
}

/* RFC 8785 §3.2.2, §3.2.3 and appendix B: its own examples, with the fractions left out. */
TEST(canonical_form_is_that_of_rfc8785)
{
    check_text(ph_json_canonical,
               "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
               "\"literals\":[null,true,false]}",
               "{\"literals\":[null,true,false],"
               "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    check_text(
        ph_json_canonical,
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet "
        "With Dagesh\","
        "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
        "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
        "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
        "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With "
        "Dagesh\"}");
    check_text(ph_json_canonical, "[{},[],{\"b\":[{\"d\":1,\"c\":-2}],\"a\":0},56]",
               "[{},[],{\"a\":0,\"b\":[{\"c\":-2,\"d\":1}]},56]");
    check_text(ph_json_canonical,
               "{\"aa\":1,\"a\":2,\"\":3,\"b\":4,\"B\":5,\"\\uffff\":6,\"\\ue000\":7,"
               "\"\\ud800\\udc00\":8}",
               "{\"\":3,\"B\":5,\"a\":2,\"aa\":1,\"b\":4,\"\xf0\x90\x80\x80\":8,\"\xee\x80\x80\":7,"
               "\"\xef\xbf\xbf\":6}");
    check_text(ph_json_canonical, "[\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"]",
               "[\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\"]");
    check_text(ph_json_canonical, "[9007199254740991,-9007199254740991]",
               "[9007199254740991,-9007199254740991]");
}

TEST(numbers_without_one_exact_form_have_no_canonical_text)
{
    static const char *const bad[] = {"[1.5]", "[1.0]", "{\"a\":[1,{\"b\":1e3}]}",
                                      "[9007199254740992]", "[-9007199254740992]"};
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        json_t *doc PH_OWNED(ph_json_freep) = load(bad[i]);
        CHECK(ph_json_canonical(doc, &out) == PH_ERR_UNSUPPORTED && out.len == 0);
    }
}

TEST(writers_respect_the_limit_of_the_buffer_and_of_depth)
{
    json_t *doc PH_OWNED(ph_json_freep) = load("{\"a\":[1,2,3]}");
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(13);

    CHECK(ph_json_dump(doc, &out) == PH_OK && out.len == 13);
    out.len = 1;
    CHECK(ph_json_dump(doc, &out) == PH_ERR_LIMIT && out.len == 1);
    CHECK(ph_json_canonical(doc, &out) == PH_ERR_LIMIT && out.len == 1);
    out.len = 0;
    CHECK(ph_json_canonical(doc, &out) == PH_OK && out.len == 13);

    for (size_t extra = 0; extra < 2; extra++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
        json_t *deep PH_OWNED(ph_json_freep) = json_array();
        for (size_t i = 1; i < PH_JSON_DEPTH + extra; i++) {
            json_t *outer = json_array();
            CHECK(json_array_append_new(outer, deep) == 0);
            deep = outer;
        }
        CHECK(ph_json_canonical(deep, &text) == (extra == 0 ? PH_OK : PH_ERR_LIMIT));
    }
}

PH_TEST_MAIN(CASE(strict_documents_load), CASE(everything_else_is_refused_with_its_place),
             CASE(size_and_depth_are_limited), CASE(unknown_keys_are_named_with_the_known_ones),
             CASE(members_are_read_within_their_range), CASE(reasons_hold_no_control_characters),
             CASE(dump_keeps_the_order_of_insertion), CASE(canonical_form_is_that_of_rfc8785),
             CASE(numbers_without_one_exact_form_have_no_canonical_text),
             CASE(writers_respect_the_limit_of_the_buffer_and_of_depth))
