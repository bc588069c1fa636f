#include "node/calls_priv.h"

#include "base/own.h"
#include "base/test.h"

static enum ph_err scan(const char *block, struct ph_covered *covered, struct ph_buf *cleaned,
                        struct ph_bytes *headers)
{
    *headers = ph_bytes_str(block);
    return ph_headers_scan(headers, cleaned, covered);
}

TEST(the_covered_headers_are_found)
{
    struct ph_buf cleaned PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_covered c;
    struct ph_bytes h;

    CHECK(scan("x: 1\ncontent-type: text/plain\nlocation: /a\ncontent-encoding: br\n", &c, &cleaned,
               &h) == PH_OK);
    CHECK(ph_bytes_is(c.content_type, "text/plain") && ph_bytes_is(c.location, "/a"));
    CHECK(ph_bytes_is(c.content_encoding, "br"));
    CHECK(cleaned.len == 0);
    CHECK(scan("", &c, &cleaned, &h) == PH_OK && c.content_type.len == 0);
    CHECK(scan("x: \n", &c, &cleaned, &h) == PH_OK);
}

TEST(a_phat_cannot_speak_as_the_worker)
{
    struct ph_buf cleaned PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_covered c;
    struct ph_bytes h;

    CHECK(scan("a: 1\nphala-receipt-id: 0\nb: 2\nphala-x: y\n", &c, &cleaned, &h) == PH_OK);
    CHECK(ph_bytes_is(h, "a: 1\nb: 2\n"));
}

TEST(a_header_that_could_split_the_answer_is_refused)
{
    static const char *const bad[] = {
        "a: 1",      "a\n",      ": x\n",          "a:b\n",
        "A: b\n",    "a b: c\n", "a: b\r\n",       "a: \x01\n",
        "a: \x7f\n", "\n",       "a: 1\n\nb: 2\n", "content-type: a\ncontent-type: b\n",
        "a\t: b\n"};
    struct ph_buf cleaned PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_covered c;
    struct ph_bytes h;

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(scan(bad[i], &c, &cleaned, &h) == PH_ERR_MALFORMED);
    h = PH_BYTES_LIT("a: b\0c\n");
    CHECK(ph_headers_scan(&h, &cleaned, &c) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(the_covered_headers_are_found), CASE(a_phat_cannot_speak_as_the_worker),
             CASE(a_header_that_could_split_the_answer_is_refused))
