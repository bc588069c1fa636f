/* The reader against examples of RFC 8949 Appendix A, and against everything it must refuse. */

#include "base/hex.h"
#include "base/test.h"
#include "codec/cbor.h"
#include "codec/utf8.h"

static uint8_t bytes[4096];

static struct ph_bytes unhex(const char *hex)
{
    const size_t n = strlen(hex) / 2;
    CHECK(n <= sizeof(bytes) && ph_hex_decode(ph_bytes_str(hex), bytes, n) == PH_OK);
    return (struct ph_bytes){bytes, n};
}

static enum ph_err cut(const char *hex, size_t *len)
{
    const struct ph_bytes in = unhex(hex);
    struct ph_reader r = {in};
    struct ph_bytes whole = {0};
    const enum ph_err err = ph_cbor_cut(&r, &whole);
    CHECK(err == PH_OK ? whole.ptr == in.ptr && whole.len + r.rest.len == in.len
                       : r.rest.len == in.len && whole.ptr == NULL);
    *len = whole.len;
    return err;
}

TEST(heads_are_read)
{
    static const struct {
        const char *hex;
        enum ph_cbor_type type;
        uint64_t value;
    } items[] = {
        {"00", PH_CBOR_UINT, 0},
        {"17", PH_CBOR_UINT, 23},
        {"1818", PH_CBOR_UINT, 24},
        {"18ff", PH_CBOR_UINT, 255},
        {"190100", PH_CBOR_UINT, 256},
        {"1a000f4240", PH_CBOR_UINT, 1000000},
        {"1b000000e8d4a51000", PH_CBOR_UINT, 1000000000000},
        {"1bffffffffffffffff", PH_CBOR_UINT, UINT64_MAX},
        {"20", PH_CBOR_NEGATIVE, 0},
        {"3822", PH_CBOR_NEGATIVE, 34}, /* -35 */
        {"80", PH_CBOR_ARRAY, 0},
        {"98ff", PH_CBOR_ARRAY, 255},
        {"a2", PH_CBOR_MAP, 2},
        {"d2", PH_CBOR_TAG, 18},
        {"d818", PH_CBOR_TAG, 24},
        {"f4", PH_CBOR_BOOL, 0},
        {"f5", PH_CBOR_BOOL, 1},
        {"f6", PH_CBOR_NULL, 0},
    };
    for (size_t i = 0; i < PH_LEN(items); i++) {
        struct ph_reader r = {unhex(items[i].hex)};
        struct ph_cbor e;
        CHECK(ph_cbor_next(&r, &e) == PH_OK && r.rest.len == 0);
        CHECK(e.type == items[i].type && e.value == items[i].value && !e.indefinite);
    }
    struct ph_reader r = {unhex("4401020304"
                                "63e6b0b4"
                                "bf"
                                "60")};
    struct ph_cbor e;
    CHECK(ph_cbor_expect(&r, PH_CBOR_TEXT, &e) == PH_ERR_MALFORMED && r.rest.len == 11);
    CHECK(ph_cbor_expect(&r, PH_CBOR_BYTES, &e) == PH_OK && e.bytes.len == 4);
    CHECK(ph_cbor_expect(&r, PH_CBOR_TEXT, &e) == PH_OK && ph_bytes_is(e.bytes, "\xe6\xb0\xb4"));
    CHECK(ph_cbor_next(&r, &e) == PH_OK && e.type == PH_CBOR_MAP && e.indefinite);
    CHECK(ph_cbor_next(&r, &e) == PH_OK && e.type == PH_CBOR_TEXT && e.bytes.len == 0);
    CHECK(ph_cbor_next(&r, &e) == PH_ERR_MALFORMED);
}

TEST(whole_items_are_cut_off)
{
    static const struct {
        const char *hex;
        size_t len;
    } items[] = {
        {"00", 1},
        {"0000", 1},
        {"8301820203820405", 8},
        {"80ff", 1},
        {"a0", 1},
        {"a201020304", 5},
        {"a26161016162820203", 9},
        {"d28443a10126a0", 0},
        {"bfff", 2},
        {"bf6161016162bfffff", 9},
        {"a1bf", 0},
        {"8180f6", 2},
        {"c1c2c300", 4},
        {"a201a10102020102", 7},     /* the same key on two levels */
        {"82a10101a10101", 7},       /* and in two maps */
        {"a4000120016001400100", 9}, /* 0, -1, "", h'' */
    };
    for (size_t i = 0; i < PH_LEN(items); i++) {
        size_t len;
        const enum ph_err err = cut(items[i].hex, &len);
        if ((err == PH_OK) != (items[i].len > 0) || len != items[i].len)
            fail_msg("%s: %zu", items[i].hex, len);
    }
}

TEST(what_is_not_strict_is_refused)
{
    static const struct {
        const char *hex;
        enum ph_err err;
    } items[] = {
        {"", PH_ERR_MALFORMED},
        /* not shortest */
        {"1817", PH_ERR_MALFORMED},
        {"1900ff", PH_ERR_MALFORMED},
        {"1a0000ffff", PH_ERR_MALFORMED},
        {"1b00000000ffffffff", PH_ERR_MALFORMED},
        {"3800", PH_ERR_MALFORMED},
        {"580141", PH_ERR_MALFORMED},
        {"780161", PH_ERR_MALFORMED},
        {"980100", PH_ERR_MALFORMED},
        {"b8010000", PH_ERR_MALFORMED},
        {"d80100", PH_ERR_MALFORMED},
        /* reserved additional information */
        {"1c", PH_ERR_MALFORMED},
        {"1f", PH_ERR_MALFORMED},
        {"3f", PH_ERR_MALFORMED},
        {"5c", PH_ERR_MALFORMED},
        {"9e", PH_ERR_MALFORMED},
        {"df00", PH_ERR_MALFORMED},
        {"fc", PH_ERR_MALFORMED},
        /* indefinite lengths */
        {"5f4101ff", PH_ERR_UNSUPPORTED},
        {"7f6161ff", PH_ERR_UNSUPPORTED},
        {"9f01ff", PH_ERR_UNSUPPORTED},
        {"ff", PH_ERR_MALFORMED},
        {"81ff", PH_ERR_MALFORMED},
        {"a1ff", PH_ERR_MALFORMED},
        {"a101ff", PH_ERR_MALFORMED},
        {"bf01ff", PH_ERR_MALFORMED},
        {"bf", PH_ERR_MALFORMED},
        {"bf0101", PH_ERR_MALFORMED},
        {"d2ff", PH_ERR_MALFORMED},
        /* truncated, or longer than the input */
        {"18", PH_ERR_MALFORMED},
        {"41", PH_ERR_MALFORMED},
        {"42ff", PH_ERR_MALFORMED},
        {"81", PH_ERR_MALFORMED},
        {"a1", PH_ERR_MALFORMED},
        {"a101", PH_ERR_MALFORMED},
        {"d2", PH_ERR_MALFORMED},
        {"5bffffffffffffffff", PH_ERR_MALFORMED},
        {"7bffffffffffffffff61", PH_ERR_MALFORMED},
        {"9bffffffffffffffff00", PH_ERR_MALFORMED},
        {"bbffffffffffffffff0000", PH_ERR_MALFORMED},
        /* duplicate keys */
        {"a201000100", PH_ERR_MALFORMED},
        {"a2616100616100", PH_ERR_MALFORMED},
        {"a2416100416100", PH_ERR_MALFORMED},
        {"bf01000100ff", PH_ERR_MALFORMED},
        {"a301000200"
         "0100",
         PH_ERR_MALFORMED},
        {"a20100"
         "20"
         "a220002000",
         PH_ERR_MALFORMED},
        /* keys that are no integer or string */
        {"a1f600", PH_ERR_UNSUPPORTED},
        {"a1f500", PH_ERR_UNSUPPORTED},
        {"a18000", PH_ERR_UNSUPPORTED},
        {"a1a000", PH_ERR_UNSUPPORTED},
        {"a1c10000", PH_ERR_UNSUPPORTED},
        /* text */
        {"61ff", PH_ERR_MALFORMED},
        {"62c080", PH_ERR_MALFORMED},
        {"63eda080", PH_ERR_MALFORMED},
        {"61c3", PH_ERR_MALFORMED},
        {"64f4908080", PH_ERR_MALFORMED},
        /* simple values */
        {"e0", PH_ERR_UNSUPPORTED},
        {"f7", PH_ERR_UNSUPPORTED},
        {"f820", PH_ERR_UNSUPPORTED},
        {"f90000", PH_ERR_UNSUPPORTED},
        {"fa00000000", PH_ERR_UNSUPPORTED},
        {"fb0000000000000000", PH_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < PH_LEN(items); i++) {
        size_t len;
        const enum ph_err err = cut(items[i].hex, &len);
        if (err != items[i].err)
            fail_msg("%s: %s", items[i].hex, ph_err_name(err));
    }
}

TEST(depth_and_keys_are_limited)
{
    uint8_t deep[PH_CBOR_DEPTH + 2], keys[4 * PH_CBOR_KEYS_MAX];
    struct ph_bytes whole;
    static const uint8_t heads[] = {0x81, 0xd2, 0xa1};

    for (size_t h = 0; h < PH_LEN(heads) - 1; h++) {
        memset(deep, heads[h], sizeof(deep));
        deep[PH_CBOR_DEPTH] = 0;
        struct ph_reader r = {{deep, PH_CBOR_DEPTH + 1}};
        CHECK(ph_cbor_cut(&r, &whole) == PH_OK && r.rest.len == 0);
        deep[PH_CBOR_DEPTH] = heads[h];
        deep[PH_CBOR_DEPTH + 1] = 0;
        r = (struct ph_reader){{deep, PH_CBOR_DEPTH + 2}};
        CHECK(ph_cbor_cut(&r, &whole) == PH_ERR_LIMIT);
    }
    for (size_t n = PH_CBOR_KEYS_MAX; n <= PH_CBOR_KEYS_MAX + 1; n++) {
        struct ph_reader r = {{keys, 0}};
        size_t at = 0;
        keys[at++] = 0xb8;
        keys[at++] = (uint8_t)n;
        for (size_t i = 0; i < n; i++) {
            if (i >= 24)
                keys[at++] = 0x18;
            keys[at++] = (uint8_t)i;
            keys[at++] = 0;
        }
        r.rest.len = at;
        CHECK(ph_cbor_cut(&r, &whole) == (n == PH_CBOR_KEYS_MAX ? PH_OK : PH_ERR_LIMIT));
    }
}

TEST(keys_of_maps_that_ended_do_not_count)
{
    uint8_t maps[2 + 3 * (PH_CBOR_KEYS_MAX + 1)] = {0x98, PH_CBOR_KEYS_MAX + 1};
    struct ph_reader r = {PH_BYTES_OF(maps)};
    struct ph_bytes whole;
    for (size_t i = 2; i < sizeof(maps); i += 3)
        maps[i] = 0xa1;
    CHECK(ph_cbor_cut(&r, &whole) == PH_OK && r.rest.len == 0);
}

TEST(pairs_of_a_map_are_walked)
{
    static const char *const maps[] = {"a2010203"
                                       "04"
                                       "f6",
                                       "bf01020304fff6"};
    for (size_t i = 0; i < PH_LEN(maps); i++) {
        struct ph_reader r = {unhex(maps[i])};
        struct ph_cbor map, e;
        bool more = false;
        CHECK(ph_cbor_expect(&r, PH_CBOR_MAP, &map) == PH_OK);
        for (uint64_t k = 1; k <= 3; k += 2) {
            CHECK(ph_cbor_more(&r, &map, &more) == PH_OK && more);
            CHECK(ph_cbor_next(&r, &e) == PH_OK && e.value == k);
            CHECK(ph_cbor_next(&r, &e) == PH_OK && e.value == k + 1);
        }
        CHECK(ph_cbor_more(&r, &map, &more) == PH_OK && !more);
        CHECK(ph_cbor_next(&r, &e) == PH_OK && e.type == PH_CBOR_NULL && r.rest.len == 0);
    }
    struct ph_reader r = {unhex("bf")};
    struct ph_cbor map;
    bool more = true;
    CHECK(ph_cbor_expect(&r, PH_CBOR_MAP, &map) == PH_OK);
    CHECK(ph_cbor_more(&r, &map, &more) == PH_ERR_MALFORMED);
}

TEST(utf8_is_told_from_other_bytes)
{
    CHECK(ph_utf8_valid((struct ph_bytes){NULL, 0}));
    CHECK(ph_utf8_valid(PH_BYTES_LIT("a\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\x80")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\xc1\xbf")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\xe0\x9f\xbf")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\xed\xa0\x80")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\xf0\x8f\xbf\xbf")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("\xf4\x90\x80\x80")));
    CHECK(!ph_utf8_valid(PH_BYTES_LIT("a\xc3")));
}

PH_TEST_MAIN(CASE(heads_are_read), CASE(whole_items_are_cut_off),
             CASE(what_is_not_strict_is_refused), CASE(depth_and_keys_are_limited),
             CASE(keys_of_maps_that_ended_do_not_count), CASE(pairs_of_a_map_are_walked),
             CASE(utf8_is_told_from_other_bytes))
