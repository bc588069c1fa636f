/* Source maps: a real esbuild map against another reader's answers, and what breaks the format. */

#include "codec/sourcemap.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

/* Made by esbuild 0.21.5 (--bundle --minify --sourcemap) from two files of our own. */
#define REAL_MAPPINGS                                                                              \
    "AAEO,SAASA,EAAOC,EAAG,CACxB,OAAOA,EAAI,CACb,CCHA,IAAOC,EAAQ,CACb,MAAM,MAAMC,EAAS,CACnB,"      \
    "IAAMC,EAAIC,EAAO,EAAE,"                                                                       \
    "EACnB,GAAID,EAAI,GACN,MAAM,IAAI,MAAM,aAAeA,CAAC,EAElC,OAAO,IAAI,SAAS,OAAOA,CAAC,CAAC,CAC/"    \
    "B,CACF"
#define REAL_REST                                                                                  \
    "\"sources\":[\"lib/b.js\",\"a.js\"],"                                                         \
    "\"names\":[\"helper\",\"x\",\"a_default\",\"request\",\"n\",\"helper\"]}"
static const char real[] = "{\"version\":3,\"mappings\":\"" REAL_MAPPINGS "\"," REAL_REST;

/* [source-map-js 1.2] originalPositionFor every 13th column */
static const struct {
    uint32_t line, column;
    const char *source;
    uint32_t source_line, source_column;
    const char *name;
} positions[] = {
    {1, 1, "lib/b.js", 3, 8, NULL},       {1, 14, "lib/b.js", 3, 27, NULL},
    {1, 27, "a.js", 2, 1, NULL},          {1, 40, "a.js", 3, 9, NULL},
    {1, 53, "a.js", 4, 11, "n"},          {1, 66, "a.js", 5, 13, NULL},
    {1, 79, "a.js", 6, 17, NULL},         {1, 92, "a.js", 6, 23, NULL},
    {1, 105, "a.js", 8, 5, NULL},         {1, 118, "a.js", 8, 16, NULL},
    {1, 131, "a.js", 10, 1, NULL},        {1, 144, "a.js", 10, 1, NULL},
    {1, 4000000000, "a.js", 10, 1, NULL},
};

static struct ph_sourcemap *parse(const char *text)
{
    struct ph_sourcemap *map = NULL;
    if (ph_sourcemap_parse(ph_bytes_str(text), &map) != PH_OK)
        fail_msg("refused: %s", text);
    return map;
}

TEST(a_real_map_answers_as_another_reader_does)
{
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = parse(real);
    struct ph_source_pos pos;

    for (size_t i = 0; i < PH_LEN(positions); i++) {
        CHECK(ph_sourcemap_lookup(map, positions[i].line, positions[i].column, &pos) == PH_OK);
        assert_string_equal(pos.source, positions[i].source);
        CHECK(pos.line == positions[i].source_line && pos.column == positions[i].source_column);
        CHECK((pos.name == NULL) == (positions[i].name == NULL));
        if (pos.name)
            assert_string_equal(pos.name, positions[i].name);
    }
    CHECK(ph_sourcemap_lookup(map, 2, 1, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, 0, 1, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, 1, 0, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, UINT32_MAX, UINT32_MAX, &pos) == PH_ERR_NOT_FOUND);
}

TEST(lines_segments_without_source_and_negative_steps)
{
    /* line 1: column 5 -> s0 1:1; column 9 unmapped. line 3: column 1 -> s1 3:3, then out of order
     * column 4 before 3 -> s0 3:3 */
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) =
        parse("{\"version\":3,\"sources\":[\"s0\",null],\"mappings\":\"IAAA,I;;ACEE,GDAA,DAAC\"}");
    struct ph_source_pos pos;

    CHECK(ph_sourcemap_lookup(map, 1, 4, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, 1, 5, &pos) == PH_OK && pos.line == 1 && pos.column == 1);
    CHECK(ph_sourcemap_lookup(map, 1, 8, &pos) == PH_OK);
    CHECK(ph_sourcemap_lookup(map, 1, 9, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, 2, 1, &pos) == PH_ERR_NOT_FOUND);
    CHECK(ph_sourcemap_lookup(map, 3, 1, &pos) == PH_OK && pos.line == 3 && pos.column == 3);
    assert_string_equal(pos.source, "");
    CHECK(ph_sourcemap_lookup(map, 3, 3, &pos) == PH_OK && pos.line == 3 && pos.column == 4);
    assert_string_equal(pos.source, "s0");
    CHECK(ph_sourcemap_lookup(map, 3, 4, &pos) == PH_OK && pos.line == 3 && pos.column == 3);
}

TEST(the_source_root_is_put_in_front)
{
    static const char *const cases[][2] = {
        {"\"sourceRoot\":\"src\",\"sources\":[\"a.ts\"]", "src/a.ts"},
        {"\"sourceRoot\":\"src/\",\"sources\":[\"a.ts\"]", "src/a.ts"},
        {"\"sourceRoot\":\"\",\"sources\":[\"a.ts\"]", "a.ts"},
        {"\"sourceRoot\":null,\"sources\":[\"a.ts\"]", "a.ts"},
        {"\"sources\":[\"../a.ts\"]", "../a.ts"},
    };
    char text[256];

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_source_pos pos;
        (void)snprintf(text, sizeof(text), "{\"version\":3,\"mappings\":\"AAAA\",%s}", cases[i][0]);
        struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = parse(text);
        CHECK(ph_sourcemap_lookup(map, 1, 1, &pos) == PH_OK && pos.name == NULL);
        assert_string_equal(pos.source, cases[i][1]);
    }
}

TEST(mappings_that_break_the_format_are_refused)
{
    static const char *const bad[] = {
        "AA",                      /* 2 numbers */
        "AAA",                     /* 3 */
        "AAAAA",                   /* a name where there are none */
        "AAAAAA",                  /* 6 */
        "A!AA",                    /* no digit */
        "AAAg",                    /* ends inside a number */
        "g",          "ggggggggA", /* over 32 bits */
        "D",                       /* column below 0 */
        "ACAA",                    /* source 1 of 1 */
        "ADAA",                    /* source -1 */
        "AADA",                    /* line -1 */
        "AAAD",                    /* column -1 */
        "AAAA,AAAA=", "+/////H",   /* over 31 bits */
        "AAAA AAAA",
    };
    char text[256];
    struct ph_sourcemap *map = NULL;

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"%s\"}", bad[i]);
        if (ph_sourcemap_parse(ph_bytes_str(text), &map) != PH_ERR_MALFORMED || map)
            fail_msg("accepted: %s", bad[i]);
    }
}

TEST(members_that_break_the_format_are_refused)
{
    static const struct {
        const char *text;
        enum ph_err err;
    } bad[] = {
        {"", PH_ERR_MALFORMED},
        {"[]", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[],\"mappings\":\"\"", PH_ERR_MALFORMED},
        {"{\"sources\":[],\"mappings\":\"\"}", PH_ERR_UNSUPPORTED},
        {"{\"version\":2,\"sources\":[],\"mappings\":\"\"}", PH_ERR_UNSUPPORTED},
        {"{\"version\":\"3\",\"sources\":[],\"mappings\":\"\"}", PH_ERR_UNSUPPORTED},
        {"{\"version\":3,\"sections\":[]}", PH_ERR_UNSUPPORTED},
        {"{\"version\":3,\"mappings\":\"\"}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":{},\"mappings\":\"\"}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[1],\"mappings\":\"\"}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[]}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[],\"mappings\":[]}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[],\"names\":[1],\"mappings\":\"\"}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[],\"names\":{},\"mappings\":\"\"}", PH_ERR_MALFORMED},
        {"{\"version\":3,\"sources\":[],\"sourceRoot\":1,\"mappings\":\"\"}", PH_ERR_MALFORMED},
    };
    struct ph_sourcemap *map = NULL;

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_sourcemap_parse(ph_bytes_str(bad[i].text), &map) == bad[i].err && !map);
    for (size_t n = 0; n < sizeof(real) - 1; n++)
        CHECK(ph_sourcemap_parse((struct ph_bytes){(const uint8_t *)real, n}, &map) ==
              PH_ERR_MALFORMED);
    ph_sourcemap_free(NULL);
    /* 2^31 - 1, the last number */
    ph_sourcemap_free(parse("{\"version\":3,\"sources\":[],\"mappings\":\"+/////D\"}"));
    ph_sourcemap_free(parse("{\"version\":3,\"sources\":[],\"mappings\":\";;,;\"}"));
}

TEST(sources_roots_and_segments_are_limited)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(16 << 20);
    struct ph_sourcemap *map = NULL;

    for (int extra = 0; extra < 2; extra++) {
        const enum ph_err want = extra == 0 ? PH_OK : PH_ERR_LIMIT;
        text.len = 0;
        CHECK(ph_buf_add_str(&text, "{\"version\":3,\"mappings\":\"\",\"sources\":[") == PH_OK);
        for (int i = 0; i < PH_SOURCEMAP_SOURCES_MAX + extra; i++)
            CHECK(ph_buf_add_str(&text, i == 0 ? "null" : ",null") == PH_OK);
        CHECK(ph_buf_add_str(&text, "]}") == PH_OK);
        CHECK(ph_sourcemap_parse(ph_buf_view(&text), &map) == want);
        ph_sourcemap_free(map);
        map = NULL;

        text.len = 0;
        CHECK(ph_buf_add_str(&text,
                             "{\"version\":3,\"mappings\":\"\",\"sources\":[],\"sourceRoot\":\"") ==
              PH_OK);
        for (int i = 0; i < PH_SOURCEMAP_ROOT_MAX + extra; i++)
            CHECK(ph_buf_add_str(&text, "r") == PH_OK);
        CHECK(ph_buf_add_str(&text, "\"}") == PH_OK);
        CHECK(ph_sourcemap_parse(ph_buf_view(&text), &map) == want);
        ph_sourcemap_free(map);
        map = NULL;

        text.len = 0;
        uint8_t *at;
        CHECK(ph_buf_add_str(&text, "{\"version\":3,\"sources\":[],\"mappings\":\"") == PH_OK);
        const size_t cnt = (size_t)PH_SOURCEMAP_SEGMENTS_MAX + (size_t)extra;
        CHECK(ph_buf_reserve(&text, 2 * cnt, &at) == PH_OK);
        for (size_t i = 0; i < cnt; i++)
            memcpy(at + 2 * i, "A;", 2);
        text.len += 2 * cnt;
        CHECK(ph_buf_add_str(&text, "\"}") == PH_OK);
        CHECK(ph_sourcemap_parse(ph_buf_view(&text), &map) == want);
        ph_sourcemap_free(map);
        map = NULL;
    }
}

PH_TEST_MAIN(CASE(a_real_map_answers_as_another_reader_does),
             CASE(lines_segments_without_source_and_negative_steps),
             CASE(the_source_root_is_put_in_front),
             CASE(mappings_that_break_the_format_are_refused),
             CASE(members_that_break_the_format_are_refused),
             CASE(sources_roots_and_segments_are_limited))
