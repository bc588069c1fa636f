#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "base/test.h"

#include <string.h>

TEST(reader_stops_at_the_end_and_changes_nothing_on_failure)
{
    const uint8_t raw[] = {1, 2, 3, 4, 5};
    struct ph_reader r = {PH_BYTES_OF(raw)};
    uint32_t v = 7;
    uint64_t w = 9;

    CHECK(!ph_read_u64le(&r, &w) && w == 9 && r.rest.len == 5);
    CHECK(ph_read_u32le(&r, &v) && v == 0x04030201 && r.rest.len == 1);
    CHECK(!ph_read_u32be(&r, &v) && v == 0x04030201);
    uint8_t b;
    CHECK(ph_read_u8(&r, &b) && b == 5 && r.rest.len == 0);
    CHECK(!ph_read_u8(&r, &b));
}

TEST(integers_are_read_in_the_order_their_name_says)
{
    const uint8_t raw[] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint16_t h;
    uint32_t w;
    uint64_t d;
    CHECK(ph_read_u16be(&(struct ph_reader){PH_BYTES_OF(raw)}, &h) && h == 0x0102);
    CHECK(ph_read_u16le(&(struct ph_reader){PH_BYTES_OF(raw)}, &h) && h == 0x0201);
    CHECK(ph_read_u32be(&(struct ph_reader){PH_BYTES_OF(raw)}, &w) && w == 0x01020304);
    CHECK(ph_read_u64be(&(struct ph_reader){PH_BYTES_OF(raw)}, &d) && d == 0x0102030405060708);
    CHECK(ph_read_u64le(&(struct ph_reader){PH_BYTES_OF(raw)}, &d) && d == 0x0807060504030201);
    uint8_t out[8];
    ph_put_u64be(out, d);
    CHECK(out[0] == 8 && out[7] == 1);
    ph_put_u64le(out, d);
    CHECK(memcmp(out, raw, 8) == 0);
}

TEST(buffer_refuses_to_pass_its_limit_and_keeps_what_it_had)
{
    struct ph_buf b PH_OWNED(ph_buf_clear) = PH_BUF(10);
    CHECK(ph_buf_add_str(&b, "12345678") == PH_OK);
    CHECK(ph_buf_add_str(&b, "abc") == PH_ERR_LIMIT);
    CHECK(ph_bytes_is(ph_buf_view(&b), "12345678"));
    CHECK(ph_buf_addf(&b, "%d", 42) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&b), "1234567842"));
    ph_buf_consume(&b, 8);
    CHECK(ph_bytes_is(ph_buf_view(&b), "42"));
}

TEST(hex_round_trips_and_refuses_other_characters)
{
    uint8_t out[3];
    char text[7];
    CHECK(ph_hex_decode(PH_BYTES_LIT("00aBff"), out, 3) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(out), text);
    CHECK(strcmp(text, "00abff") == 0);
    CHECK(ph_hex_decode(PH_BYTES_LIT("0x00aBff"), out, 3) == PH_OK);
    CHECK(ph_hex_decode(PH_BYTES_LIT("00aBf"), out, 3) == PH_ERR_MALFORMED);
    CHECK(ph_hex_decode(PH_BYTES_LIT("00aBfg"), out, 3) == PH_ERR_MALFORMED);
    CHECK(ph_hex_decode(PH_BYTES_LIT("00aBff00"), out, 3) == PH_ERR_MALFORMED);
}

TEST(times_convert_both_ways_and_bad_ones_are_refused)
{
    int64_t s;
    char text[21];
    CHECK(ph_time_parse_rfc3339(PH_BYTES_LIT("2025-06-19T10:32:27Z"), &s) == PH_OK);
    CHECK(s == 1750329147);
    ph_time_format_rfc3339(s, text);
    CHECK(strcmp(text, "2025-06-19T10:32:27Z") == 0);
    CHECK(ph_time_parse_asn1_utc(PH_BYTES_LIT("250619103227Z"), &s) == PH_OK && s == 1750329147);
    CHECK(ph_time_parse_asn1_utc(PH_BYTES_LIT("500101000000Z"), &s) == PH_OK && s == -631152000);
    CHECK(ph_time_parse_asn1_generalized(PH_BYTES_LIT("99991231235959Z"), &s) == PH_OK);
    CHECK(s == 253402300799);
    ph_time_format_rfc3339(s, text);
    CHECK(strcmp(text, "9999-12-31T23:59:59Z") == 0);
    ph_time_format_rfc3339(-62167219200, text);
    CHECK(strcmp(text, "0000-01-01T00:00:00Z") == 0);

    CHECK(ph_time_parse_rfc3339(PH_BYTES_LIT("2024-02-29T00:00:00Z"), &s) == PH_OK);
    static const char *const bad[] = {"2025-02-29T00:00:00Z",      "2025-13-01T00:00:00Z",
                                      "2025-06-19T24:00:00Z",      "2025-06-19T10:32:27",
                                      "2025-06-19T10:32:27ZZ",     "2025-06-19 10:32:27Z",
                                      "2025-06-19T10:32:27+00:00", ""};
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_time_parse_rfc3339(ph_bytes_str(bad[i]), &s) == PH_ERR_MALFORMED);
}

TEST(ct_equal_sees_every_byte)
{
    uint8_t a[32] = {0}, b[32] = {0};
    CHECK(ph_ct_equal(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] = 0x80;
        CHECK(!ph_ct_equal(a, b, sizeof(a)));
        b[i] = 0;
    }
}

TEST(log_text_is_escaped_and_bounded)
{
    char out[32];
    ph_log_escape("a\"b\\\n\xff\xc3\xa9", 8, out, sizeof(out));
    CHECK(strcmp(out, "a\\\"b\\\\\\u000a\\u00ff\xc3\xa9") == 0);
    ph_log_escape("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 48, out, sizeof(out));
    CHECK(strlen(out) < sizeof(out));
}

/* RFC 3720 appendix B.4, and the check value of the Rocksoft model. */
TEST(crc32c_of_known_texts)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    CHECK(ph_crc32c(0, PH_BYTES_OF(bytes)) == 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    CHECK(ph_crc32c(0, PH_BYTES_OF(bytes)) == 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    CHECK(ph_crc32c(0, PH_BYTES_OF(bytes)) == 0x46dd794e);
    CHECK(ph_crc32c(0, PH_BYTES_LIT("123456789")) == 0xe3069283);
    for (size_t cut = 0; cut <= 9; cut++) {
        const uint32_t first = ph_crc32c(0, (struct ph_bytes){(const uint8_t *)"123456789", cut});
        CHECK(ph_crc32c(first, ph_bytes_str(&"123456789"[cut])) == 0xe3069283);
    }
}

PH_TEST_MAIN(CASE(crc32c_of_known_texts),
             CASE(reader_stops_at_the_end_and_changes_nothing_on_failure),
             CASE(integers_are_read_in_the_order_their_name_says),
             CASE(buffer_refuses_to_pass_its_limit_and_keeps_what_it_had),
             CASE(hex_round_trips_and_refuses_other_characters),
             CASE(times_convert_both_ways_and_bad_ones_are_refused), CASE(ct_equal_sees_every_byte),
             CASE(log_text_is_escaped_and_bounded))
