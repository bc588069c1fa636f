/* Binary HTTP to HTTP/1.1 heads and back: what is written is what was meant, or nothing. */

#include "node/private_message.h"

#include "base/own.h"
#include "base/test.h"
#include "http/syntax.h"

static struct ph_bhttp_request request(const char *authority, const char *path)
{
    return (struct ph_bhttp_request){.method = PH_BYTES_LIT("GET"),
                                     .scheme = PH_BYTES_LIT("https"),
                                     .authority = ph_bytes_str(authority),
                                     .path = ph_bytes_str(path)};
}

static void expect_head(const struct ph_bhttp_request *r, const char *want)
{
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(PH_PRIVATE_HEAD_MAX);
    bool is_tls = false;

    CHECK(ph_private_head(r, &head, &is_tls) == PH_OK && is_tls);
    if (!ph_bytes_is(ph_buf_view(&head), want))
        fail_msg("%.*s", (int)head.len, (const char *)head.ptr);
}

TEST(a_head_says_what_the_message_says)
{
    struct ph_buf lines PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_bhttp_request r = request("h:1", "/a?b");

    expect_head(&r, "GET https://h:1/a?b HTTP/1.1\r\nhost: h:1\r\n\r\n");
    CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("host"), PH_BYTES_LIT("h:1")) == PH_OK);
    CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("a"), PH_BYTES_LIT("1")) == PH_OK);
    r.fields.lines = ph_buf_view(&lines);
    expect_head(&r, "GET https://h:1/a?b HTTP/1.1\r\nhost: h:1\r\na: 1\r\n\r\n");
    r.authority = (struct ph_bytes){NULL, 0};
    expect_head(&r, "GET /a?b HTTP/1.1\r\nhost: h:1\r\na: 1\r\n\r\n");
}

TEST(what_could_be_read_in_two_ways_is_refused)
{
    static const char *const authorities[] = {"a/b", "a?b", "a#b", "u@a", "a b"};
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(PH_PRIVATE_HEAD_MAX);
    bool is_tls;

    for (size_t i = 0; i < PH_LEN(authorities); i++) {
        const struct ph_bhttp_request r = request(authorities[i], "/");
        CHECK(ph_private_head(&r, &head, &is_tls) == PH_ERR_MALFORMED);
    }
    struct ph_bhttp_request r = request("h", ".evil/");
    CHECK(ph_private_head(&r, &head, &is_tls) == PH_ERR_MALFORMED);
    r = request("h", "");
    CHECK(ph_private_head(&r, &head, &is_tls) == PH_ERR_MALFORMED);
    r = request("h", "/");
    r.scheme = PH_BYTES_LIT("ftp");
    CHECK(ph_private_head(&r, &head, &is_tls) == PH_ERR_MALFORMED);
    r.scheme = PH_BYTES_LIT("");
    CHECK(ph_private_head(&r, &head, &is_tls) == PH_ERR_MALFORMED);
}

TEST(a_response_carries_end_to_end_fields_and_a_date)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_bhttp_response got;

    CHECK(ph_private_response(201,
                              PH_BYTES_LIT("x-a: 1\nconnection: close\ncontent-length: 9\n"
                                           "Date: never\nbad name: 2\nX-B: 3\n"),
                              PH_BYTES_LIT("body"), PH_BYTES_LIT("t: 4\n"), 784111777,
                              &out) == PH_OK);
    CHECK(ph_bhttp_response_parse(ph_buf_view(&out), &got) == PH_OK);
    CHECK(got.status == 201 && got.content.len == 4);
    CHECK(ph_bytes_is(ph_bhttp_field_find(got.fields, "x-a"), "1"));
    CHECK(ph_bytes_is(ph_bhttp_field_find(got.fields, "x-b"), "3"));
    CHECK(ph_bytes_is(ph_bhttp_field_find(got.fields, "date"), "Sun, 06 Nov 1994 08:49:37 GMT"));
    CHECK(ph_bhttp_field_find(got.fields, "connection").len == 0);
    CHECK(ph_bhttp_field_find(got.fields, "content-length").len == 0);
    CHECK(ph_bytes_is(ph_bhttp_field_find(got.trailers, "t"), "4"));
}

TEST(dates_have_one_form)
{
    static const char *const bad[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Mon, 06 Nov 1994 08:49:37 GMT", /* it was a Sunday */
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:-7 GMT",
        "Sun, 6  Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    char text[PH_HTTP_DATE_LEN + 1];
    int64_t t = 0;

    CHECK(ph_http_date_parse(PH_BYTES_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), &t) && t == 784111777);
    CHECK(ph_http_date_parse(PH_BYTES_LIT("Thu, 29 Feb 2024 23:59:59 GMT"), &t) && t == 1709251199);
    CHECK(ph_http_date_print(1709251199, text));
    CHECK(strcmp(text, "Thu, 29 Feb 2024 23:59:59 GMT") == 0);
    CHECK(!ph_http_date_print(INT64_MAX, text));
    for (size_t i = 0; i < PH_LEN(bad); i++)
        if (ph_http_date_parse(ph_bytes_str(bad[i]), &t))
            fail_msg("taken: %s", bad[i]);
}

PH_TEST_MAIN(CASE(a_head_says_what_the_message_says),
             CASE(what_could_be_read_in_two_ways_is_refused),
             CASE(a_response_carries_end_to_end_fields_and_a_date), CASE(dates_have_one_form))
