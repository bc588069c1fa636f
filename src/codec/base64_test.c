/* Base64, base64url and PEM: RFC vectors, canonical form, every truncation. */

#include "codec/base64.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

typedef enum ph_err (*convert)(struct ph_bytes, struct ph_buf *);

/* True if fn appends exactly `want` to a buffer that holds something. */
static bool gives(convert fn, const char *in, const char *want)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    CHECK(ph_buf_add_str(&out, "before:") == PH_OK);
    if (fn(ph_bytes_str(in), &out) != PH_OK)
        return false;
    return ph_bytes_is((struct ph_bytes){out.ptr + 7, out.len - 7}, want);
}

static bool refuses(convert fn, const char *in)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    CHECK(ph_buf_add_str(&out, "before:") == PH_OK);
    return fn(ph_bytes_str(in), &out) == PH_ERR_MALFORMED && out.len == 7;
}

/* RFC 4648 §10 */
TEST(rfc4648_vectors_go_both_ways)
{
    static const char *const pairs[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbe", "+/++", "-_--"},
    };

    for (size_t i = 0; i < PH_LEN(pairs); i++) {
        CHECK(gives(ph_base64_encode, pairs[i][0], pairs[i][1]));
        CHECK(gives(ph_base64_decode, pairs[i][1], pairs[i][0]));
        CHECK(gives(ph_base64url_encode, pairs[i][0], pairs[i][2]));
        CHECK(gives(ph_base64url_decode, pairs[i][2], pairs[i][0]));
    }
}

TEST(every_form_but_the_canonical_one_is_refused)
{
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",      "Zh==",  "Zm9=",    "Zg===",
                                      "====", "Z===",  "Zg==Zg==", "Zm 9v", "Zm9v\n",  "Zm-v",
                                      "Zm_v", "Zm9v=", "=m9v",     "Zm=v",  "Zm9\xff", "Zm9v===="};
    static const char *const bad_url[] = {"Z",    "Zg==", "Zh",     "Zm9=",  "Zm+v",
                                          "Zm/v", "Zm 9", "Zm9v\n", "Zm9vY", "Zm8="};

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(refuses(ph_base64_decode, bad[i]));
    for (size_t i = 0; i < PH_LEN(bad_url); i++)
        CHECK(refuses(ph_base64url_decode, bad_url[i]));
}

TEST(every_length_and_byte_value_survives)
{
    uint8_t bytes[300];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
        struct ph_buf back PH_OWNED(ph_buf_clear) = PH_BUF(1024);
        CHECK(ph_base64_encode((struct ph_bytes){bytes, n}, &text) == PH_OK);
        CHECK(text.len == PH_BASE64_LEN(n));
        CHECK(ph_base64_decode(ph_buf_view(&text), &back) == PH_OK);
        CHECK(ph_bytes_equal(ph_buf_view(&back), (struct ph_bytes){bytes, n}));
        text.len = back.len = 0;
        CHECK(ph_base64url_encode((struct ph_bytes){bytes, n}, &text) == PH_OK);
        CHECK(ph_base64url_decode(ph_buf_view(&text), &back) == PH_OK);
        CHECK(ph_bytes_equal(ph_buf_view(&back), (struct ph_bytes){bytes, n}));
    }
}

TEST(a_full_buffer_stays_as_it_was)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(7);

    CHECK(ph_base64_encode(PH_BYTES_LIT("foo"), &out) == PH_OK && out.len == 4);
    CHECK(ph_base64_encode(PH_BYTES_LIT("foo"), &out) == PH_ERR_LIMIT && out.len == 4);
    CHECK(ph_base64_decode(PH_BYTES_LIT("Zm9vYg=="), &out) == PH_ERR_LIMIT && out.len == 4);
    CHECK(ph_pem_encode("X", PH_BYTES_LIT("foo"), &out) == PH_ERR_LIMIT && out.len == 4);
    CHECK(ph_base64_decode(PH_BYTES_LIT("Zm9v"), &out) == PH_OK && out.len == 7);
}

/* The next block, as text; "NOT_FOUND" or "MALFORMED". */
static const char *next(struct ph_reader *r, const char *label)
{
    static char text[256];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(sizeof(text) - 1);
    const struct ph_bytes before = r->rest;
    const enum ph_err err = ph_pem_next(r, label, &out);

    if (err != PH_OK) {
        CHECK(out.len == 0 && r->rest.ptr == before.ptr && r->rest.len == before.len);
        return err == PH_ERR_NOT_FOUND ? "NOT_FOUND" : "MALFORMED";
    }
    if (out.len > 0)
        memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    return text;
}

TEST(pem_blocks_are_found_among_other_text)
{
    struct ph_reader r = {
        PH_BYTES_LIT("subject=x\n"
                     "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"
                     "-----BEGIN X509 CRL-----\r\nY3Js\r\n-----END X509 CRL-----\r\n"
                     "between\n"
                     "-----BEGIN CERTIFICATE-----\r\nZm9v\r\nYmFy\r\n-----END CERTIFICATE-----"
                     "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n\0")};
    struct ph_reader crl = r;

    assert_string_equal(next(&r, "CERTIFICATE"), "foo");
    assert_string_equal(next(&r, "CERTIFICATE"), "foobar");
    assert_string_equal(next(&r, "CERTIFICATE"), "");
    assert_string_equal(next(&r, "CERTIFICATE"), "NOT_FOUND");
    assert_string_equal(next(&crl, "X509 CRL"), "crl");
    assert_string_equal(next(&crl, "X509 CRL"), "NOT_FOUND");
}

TEST(broken_pem_blocks_are_refused)
{
    static const char *const bad[] = {
        "-----BEGIN A-----",
        "-----BEGIN A-----\n",
        "-----BEGIN A-----\nZm9v\n",
        "-----BEGIN A-----\nZm9v\n-----END B-----\n",
        "-----BEGIN A-----\nZm9v\n-----END A----\n",
        "-----BEGIN A-----\nZm9v-----END A-----\n",
        "-----BEGIN A-----Zm9v\n-----END A-----\n",
        "-----BEGIN A----- \nZm9v\n-----END A-----\n",
        "-----BEGIN A-----\nZm9v \n-----END A-----\n",
        "-----BEGIN A-----\nZm9\n-----END A-----\n",
        "-----BEGIN A-----\nheader: x\n\nZm9v\n-----END A-----\n",
        "-----BEGIN A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\n",
        "-----BEGIN A-----\nZm9v\r\r\n-----END A-----\n",
    };
    static const char *const none[] = {"", "x-----BEGIN A-----\nZm9v\n-----END A-----\n",
                                       "-----BEGIN B-----\nZm9v\n-----END B-----\n",
                                       " -----BEGIN A-----\n", "-----begin A-----\n"};

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_reader r = {ph_bytes_str(bad[i])};
        assert_string_equal(next(&r, "A"), "MALFORMED");
    }
    for (size_t i = 0; i < PH_LEN(none); i++) {
        struct ph_reader r = {ph_bytes_str(none[i])};
        assert_string_equal(next(&r, "A"), "NOT_FOUND");
    }
    char label[PH_PEM_LABEL_MAX + 2];
    memset(label, 'A', sizeof(label) - 1);
    label[sizeof(label) - 1] = '\0';
    struct ph_reader r = {ph_bytes_str(none[1])};
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(10);
    CHECK(ph_pem_next(&r, label, &out) == PH_ERR_LIMIT);
    label[PH_PEM_LABEL_MAX] = '\0';
    CHECK(ph_pem_next(&r, label, &out) == PH_ERR_NOT_FOUND);
}

TEST(pem_is_written_in_lines_of_64_and_read_back)
{
    uint8_t der[200];
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_buf back PH_OWNED(ph_buf_clear) = PH_BUF(1024);

    memset(der, 0xa5, sizeof(der));
    for (size_t n = 0; n <= sizeof(der); n++) {
        text.len = back.len = 0;
        CHECK(ph_pem_encode("X509 CRL", (struct ph_bytes){der, n}, &text) == PH_OK);
        struct ph_reader r = {ph_buf_view(&text)};
        CHECK(ph_pem_next(&r, "X509 CRL", &back) == PH_OK && r.rest.len == 1); /* the last LF */
        CHECK(ph_bytes_equal(ph_buf_view(&back), (struct ph_bytes){der, n}));
    }
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        line = text.ptr[i] == '\n' ? 0 : line + 1;
        CHECK(line <= 64);
    }
    for (size_t cut = 0; cut + 1 < text.len; cut++) {
        struct ph_reader r = {{text.ptr, cut}};
        back.len = 0;
        CHECK(ph_pem_next(&r, "X509 CRL", &back) ==
              (cut < strlen("-----BEGIN X509 CRL-----") ? PH_ERR_NOT_FOUND : PH_ERR_MALFORMED));
    }
}

PH_TEST_MAIN(CASE(rfc4648_vectors_go_both_ways), CASE(every_form_but_the_canonical_one_is_refused),
             CASE(every_length_and_byte_value_survives), CASE(a_full_buffer_stays_as_it_was),
             CASE(pem_blocks_are_found_among_other_text), CASE(broken_pem_blocks_are_refused),
             CASE(pem_is_written_in_lines_of_64_and_read_back))
