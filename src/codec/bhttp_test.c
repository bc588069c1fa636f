/* Binary HTTP: the RFC's examples, both framings, every truncation, and each refusal alone. */

#include "codec/bhttp.h"

#include "base/own.h"
#include "base/test.h"

/* RFC 9292 §5.1: a request with known length, without authority, its content and trailers empty. */
#define AGENT "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"
#define REQUEST_LINES                                                                              \
    "\x0auser-agent\x34" AGENT "\x04host\x0fwww.example.com\x0f"                                   \
    "accept-language\x06"                                                                          \
    "en, mi"
static const char known_request[] =
    "\x00\x03GET\x05https\x00\x0a/hello.txt\x40\x6c" REQUEST_LINES "\x00";
/* The same with indeterminate length and ten bytes of padding. */
static const char stream_request[] =
    "\x02\x03GET\x05https\x00\x0a/hello.txt" REQUEST_LINES "\x00\x00\x00"
    "\0\0\0\0\0\0\0\0\0\0";
/* RFC 9292 §5.2: informational responses, then the final one in two chunks and a trailer. */
static const char stream_response[] =
    "\x03\x40\x66\x07running\x0a\x22sleep 15\x22\x00"
    "\x40\x67\x04link\x23</style.css>; rel=preload; as=style"
    "\x04link\x24</script.js>; rel=preload; as=script\x00"
    "\x40\xc8\x04"
    "date\x1dMon, 27 Jul 2009 12:28:53 GMT\x06server\x06"
    "Apache\x00"
    "\x33Hello World! My content includes a trailing CRLF.\r\n\x00\x00";
#define RAW(array) ((struct ph_bytes){(const uint8_t *)(array), sizeof(array) - 1})

static void check_example(struct ph_bytes message)
{
    struct ph_bhttp_request req;
    struct ph_bhttp_field field;

    CHECK(ph_bhttp_request_parse(message, &req) == PH_OK);
    CHECK(ph_bytes_is(req.method, "GET") && ph_bytes_is(req.scheme, "https"));
    CHECK(req.authority.len == 0 && ph_bytes_is(req.path, "/hello.txt"));
    CHECK(ph_bytes_is(ph_bhttp_field_find(req.fields, "host"), "www.example.com"));
    CHECK(ph_bytes_is(ph_bhttp_field_find(req.fields, "user-agent"), AGENT));
    CHECK(ph_bhttp_field_find(req.fields, "absent").len == 0);
    CHECK(req.content.len == 0 && !ph_bhttp_field_next(&req.trailers, &field));
}

TEST(the_requests_of_the_rfc_are_read)
{
    check_example(RAW(known_request));
    check_example(RAW(stream_request));
}

TEST(the_writer_makes_the_request_of_the_rfc)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf lines PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    CHECK(ph_bhttp_put_request(&out, PH_BYTES_LIT("GET"), PH_BYTES_LIT("https"), PH_BYTES_LIT(""),
                               PH_BYTES_LIT("/hello.txt")) == PH_OK);
    CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("user-agent"), PH_BYTES_LIT(AGENT)) == PH_OK);
    CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("host"), PH_BYTES_LIT("www.example.com")) ==
          PH_OK);
    CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("accept-language"), PH_BYTES_LIT("en, mi")) ==
          PH_OK);
    CHECK(ph_bhttp_put_part(&out, ph_buf_view(&lines)) == PH_OK);
    CHECK(ph_bhttp_put_part(&out, PH_BYTES_LIT("")) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), RAW(known_request)));
}

TEST(the_response_of_the_rfc_is_read_past_its_informational_ones)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_bhttp_response resp;

    CHECK(ph_bhttp_response_parse(RAW(stream_response), &resp) == PH_OK);
    CHECK(resp.status == 200 && resp.content.len == 51);
    CHECK(ph_bytes_is(ph_bhttp_field_find(resp.fields, "server"), "Apache"));
    CHECK(ph_bhttp_content_add(&resp.content, &body) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&body), "Hello World! My content includes a trailing CRLF.\r\n"));
}

/* RFC 9292 §5.2, the shortest response: 200 and nothing else, cut off where it may be. */
TEST(parts_that_are_empty_may_be_left_out)
{
    struct ph_bhttp_response resp;
    struct ph_bhttp_request req;

    CHECK(ph_bhttp_response_parse(PH_BYTES_LIT("\x01\x40\xc8"), &resp) == PH_OK);
    CHECK(resp.status == 200 && resp.content.len == 0);
    CHECK(ph_bhttp_response_parse(PH_BYTES_LIT("\x01\x40\xc8\x00\x1dThis content contains CRLF.\r\n"
                                               "\x0d\x07trailer\x04text"),
                                  &resp) == PH_OK);
    CHECK(resp.content.len == 29);
    CHECK(ph_bytes_is(ph_bhttp_field_find(resp.trailers, "trailer"), "text"));
    CHECK(ph_bhttp_request_parse(PH_BYTES_LIT("\x02\x03GET\x05https\x01h\x01/"), &req) == PH_OK);
}

TEST(chunks_are_put_together)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_bhttp_request req;

    CHECK(ph_bhttp_request_parse(PH_BYTES_LIT("\x02\x04POST\x05https\x01h\x01/\x00"
                                              "\x03"
                                              "abc\x02"
                                              "de\x00\x01t\x01v\x00"),
                                 &req) == PH_OK);
    CHECK(req.content.len == 5);
    CHECK(ph_bhttp_content_add(&req.content, &body) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&body), "abcde"));
    CHECK(ph_bytes_is(ph_bhttp_field_find(req.trailers, "t"), "v"));
}

/* A prefix either ends exactly between two parts, where what follows is empty, or is refused. */
TEST(what_is_cut_off_inside_a_part_is_refused)
{
    static const char known[] = "\x00\x04POST\x05https\x01h\x01/\x08\x01"
                                "a\x01"
                                "b\x01"
                                "c\x01"
                                "d\x05hello\x04\x01t\x01v";
    struct ph_bhttp_request req;

    for (size_t len = 0; len < sizeof(known) - 1; len++) {
        const bool between = len == 16 || len == 25 || len == 31;
        const enum ph_err err =
            ph_bhttp_request_parse((struct ph_bytes){(const uint8_t *)known, len}, &req);
        if (err != (between ? PH_OK : PH_ERR_MALFORMED))
            fail_msg("%zu bytes: %s", len, ph_err_name(err));
    }
    CHECK(ph_bhttp_request_parse(RAW(known), &req) == PH_OK);
    /* Of the response: up to its status, its fields, its content. */
    const size_t whole = sizeof(stream_response) - 1;
    for (size_t len = 0; len < whole - 1; len++) {
        struct ph_bhttp_response resp;
        const bool between = len == whole - 104 || len == whole - 54;
        const enum ph_err err = ph_bhttp_response_parse(
            (struct ph_bytes){(const uint8_t *)stream_response, len}, &resp);
        if (err != (between ? PH_OK : PH_ERR_MALFORMED))
            fail_msg("%zu of %zu bytes: %s", len, whole, ph_err_name(err));
    }
}

static void refuse(const char *text, size_t len, enum ph_err want)
{
    struct ph_bhttp_request req = {.method = PH_BYTES_LIT("untouched")};
    const enum ph_err err =
        ph_bhttp_request_parse((struct ph_bytes){(const uint8_t *)text, len}, &req);

    if (err != want)
        fail_msg("%s: got %s", text, ph_err_name(err));
    CHECK(ph_bytes_is(req.method, "untouched"));
}
#define REFUSE(text, want) refuse(text, sizeof(text) - 1, want)

TEST(each_thing_that_is_wrong_is_refused)
{
    REFUSE("", PH_ERR_MALFORMED);
    REFUSE("\x01\x40\xc8", PH_ERR_UNSUPPORTED); /* a response */
    REFUSE("\x04\x03GET\x00\x00\x01/", PH_ERR_UNSUPPORTED);
    REFUSE("\x00\x00\x05https\x00\x01/", PH_ERR_MALFORMED);     /* no method */
    REFUSE("\x00\x03G\nT\x05https\x00\x01/", PH_ERR_MALFORMED); /* control data */
    REFUSE("\x00\x03GET\x05https\x00\x04/\r\nx", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x03"
           "a\0b\x01/",
           PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\x04\x01"
           "a\x01\n",
           PH_ERR_MALFORMED); /* a line break in a value */
    REFUSE("\x00\x03GET\x05https\x00\x01/\x06\x03"
           "a\r\n\x01x",
           PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\x04\x01:\x01x", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\x04\x01 \x01x", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\x04\x01"
           "A\x01x",
           PH_ERR_MALFORMED);                                                  /* a capital */
    REFUSE("\x00\x03GET\x05https\x00\x01/\x02\x00\x00", PH_ERR_MALFORMED);     /* no name */
    REFUSE("\x00\x03GET\x05https\x00\x01/\x00\x00\x00\x01", PH_ERR_MALFORMED); /* padding */
    /* Lengths far beyond the message, in every size of integer. */
    REFUSE("\x00\x03GET\x05https\x00\x01/\x7f\xff", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\xbf\xff\xff\xff", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\xff\xff\xff\xff\xff\xff\xff\xff", PH_ERR_MALFORMED);
    REFUSE("\x00\x03GET\x05https\x00\x01/\x00\xff\xff\xff\xff\xff\xff\xff\xff", PH_ERR_MALFORMED);
}

static enum ph_err with_lines(unsigned cnt, bool stream)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf lines PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_bhttp_request req;

    CHECK(ph_bhttp_put_request(&out, PH_BYTES_LIT("GET"), PH_BYTES_LIT(""), PH_BYTES_LIT(""),
                               PH_BYTES_LIT("/")) == PH_OK);
    for (unsigned i = 0; i < cnt; i++)
        CHECK(ph_bhttp_put_field(&lines, PH_BYTES_LIT("a"), PH_BYTES_LIT("")) == PH_OK);
    if (stream) {
        out.ptr[0] = 2;
        CHECK(ph_buf_add(&lines, PH_BYTES_LIT("\0")) == PH_OK);
        CHECK(ph_buf_add(&out, ph_buf_view(&lines)) == PH_OK);
    } else {
        CHECK(ph_bhttp_put_part(&out, ph_buf_view(&lines)) == PH_OK);
    }
    return ph_bhttp_request_parse(ph_buf_view(&out), &req);
}

TEST(field_lines_are_counted)
{
    for (int stream = 0; stream < 2; stream++) {
        CHECK(with_lines(PH_BHTTP_FIELDS_MAX, stream) == PH_OK);
        CHECK(with_lines(PH_BHTTP_FIELDS_MAX + 1, stream) == PH_ERR_LIMIT);
    }
}

TEST(a_response_has_a_final_status)
{
    struct ph_bhttp_response resp;
    struct ph_buf many PH_OWNED(ph_buf_clear) = PH_BUF(256);

    CHECK(ph_bhttp_response_parse(PH_BYTES_LIT("\x01\x40\x66\x00"), &resp) == PH_ERR_MALFORMED);
    CHECK(ph_bhttp_response_parse(PH_BYTES_LIT("\x01\x3f"), &resp) == PH_ERR_MALFORMED);
    CHECK(ph_bhttp_response_parse(PH_BYTES_LIT("\x01\x42\x58"), &resp) == PH_ERR_MALFORMED);
    CHECK(ph_buf_add_str(&many, "\x01") == PH_OK);
    for (int i = 0; i < PH_BHTTP_INFORMATIONAL_MAX; i++)
        CHECK(ph_buf_add(&many, PH_BYTES_LIT("\x40\x66\x00")) == PH_OK);
    CHECK(ph_buf_add(&many, PH_BYTES_LIT("\x40\xc8")) == PH_OK);
    CHECK(ph_bhttp_response_parse(ph_buf_view(&many), &resp) == PH_OK);
    many.len -= 2;
    CHECK(ph_buf_add(&many, PH_BYTES_LIT("\x40\x66\x00\x40\xc8")) == PH_OK);
    CHECK(ph_bhttp_response_parse(ph_buf_view(&many), &resp) == PH_ERR_LIMIT);
}

TEST(long_parts_are_written_with_longer_lengths)
{
    static const size_t sizes[] = {63, 64, 16383, 16384};
    static uint8_t zeros[16384];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(20000);

    for (size_t i = 0; i < PH_LEN(sizes); i++) {
        struct ph_bhttp_response resp;
        out.len = 0;
        CHECK(ph_bhttp_put_response(&out, 204) == PH_OK);
        CHECK(ph_bhttp_put_part(&out, PH_BYTES_LIT("")) == PH_OK);
        CHECK(ph_bhttp_put_part(&out, (struct ph_bytes){zeros, sizes[i]}) == PH_OK);
        CHECK(ph_bhttp_response_parse(ph_buf_view(&out), &resp) == PH_OK);
        CHECK(resp.status == 204 && resp.content.len == sizes[i]);
    }
}

PH_TEST_MAIN(CASE(the_requests_of_the_rfc_are_read), CASE(the_writer_makes_the_request_of_the_rfc),
             CASE(the_response_of_the_rfc_is_read_past_its_informational_ones),
             CASE(parts_that_are_empty_may_be_left_out), CASE(chunks_are_put_together),
             CASE(what_is_cut_off_inside_a_part_is_refused),
             CASE(each_thing_that_is_wrong_is_refused), CASE(field_lines_are_counted),
             CASE(a_response_has_a_final_status), CASE(long_parts_are_written_with_longer_lengths))
