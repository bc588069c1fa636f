/* The JSON writer: shapes, escapes, sticky errors. Every text is read back by the scanner. */

#include "codec/jput.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/jscan.h"

TEST(containers_and_values_are_compact_json)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_jput j = {.out = &out};

    ph_jput_object(&j, NULL);
    ph_jput_array(&j, "a");
    ph_jput_int(&j, NULL, -5);
    ph_jput_object(&j, NULL);
    ph_jput_close(&j);
    ph_jput_null(&j, NULL);
    ph_jput_close(&j);
    ph_jput_bool(&j, "b", true);
    ph_jput_hex(&j, "c", PH_BYTES_LIT("\x01\xff"));
    ph_jput_base64(&j, "d", PH_BYTES_LIT("abc"));
    ph_jput_time(&j, "e", 1);
    ph_jput_time(&j, "f", 0);
    ph_jput_raw(&j, "g", PH_BYTES_LIT("[1]"));
    CHECK(ph_jput_end(&j) == PH_ERR_LIMIT); /* still open */
    ph_jput_close(&j);
    CHECK(ph_jput_end(&j) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&out),
                      "{\"a\":[-5,{},null],\"b\":true,\"c\":\"01ff\",\"d\":\"YWJj\","
                      "\"e\":\"1970-01-01T00:00:01Z\",\"f\":null,\"g\":[1]}"));
}

TEST(every_byte_below_0x80_survives_as_text)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_jput j = {.out = &out};
    struct ph_jtok toks[4];
    struct ph_jdoc doc;
    uint8_t all[128];

    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    ph_jput_text(&j, NULL, PH_BYTES_OF(all));
    CHECK(ph_jput_end(&j) == PH_OK);
    CHECK(ph_jscan(ph_buf_view(&out), toks, 4, &doc) == PH_OK && toks[0].type == PH_JSTRING);
    CHECK(memmem(out.ptr, out.len, "\\u0000\\u0001", 12) != NULL);
    CHECK(memcmp(out.ptr + out.len - 7, "\\u007f\"", 7) == 0);
}

TEST(text_that_is_no_utf8_and_full_buffers_are_errors_that_stick)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_jput j = {.out = &out};

    ph_jput_text(&j, NULL, PH_BYTES_LIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    CHECK(ph_jput_end(&j) == PH_OK && out.len == 11);
    j = (struct ph_jput){.out = &out};
    ph_jput_text(&j, NULL, PH_BYTES_LIT("\xc0\x80"));
    ph_jput_int(&j, NULL, 1);
    CHECK(ph_jput_end(&j) == PH_ERR_MALFORMED);

    ph_buf_clear(&out);
    j = (struct ph_jput){.out = &out};
    ph_jput_array(&j, NULL);
    for (int i = 0; i < 64; i++)
        ph_jput_int(&j, NULL, i);
    ph_jput_close(&j);
    CHECK(ph_jput_end(&j) == PH_ERR_LIMIT && out.len <= 64);

    ph_buf_clear(&out);
    j = (struct ph_jput){.out = &out};
    for (int i = 0; i <= PH_JPUT_DEPTH; i++)
        ph_jput_array(&j, NULL);
    CHECK(ph_jput_end(&j) == PH_ERR_LIMIT);
    j = (struct ph_jput){.out = &out};
    ph_jput_close(&j);
    CHECK(ph_jput_end(&j) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(containers_and_values_are_compact_json),
             CASE(every_byte_below_0x80_survives_as_text),
             CASE(text_that_is_no_utf8_and_full_buffers_are_errors_that_stick))
