#include "base/test.h"

#include "base/own.h"
#include "http/chunked.h"
#include "http/head.h"

#include <stdlib.h>

static bool parse(const char *text, struct ph_http_head *head, uint8_t *block,
                  struct ph_http_refusal *no)
{
    return ph_http_head_parse(ph_bytes_str(text), block, head, no);
}

static bool block_is(const struct ph_http_head *head, const uint8_t *block, const char *want)
{
    return ph_bytes_is((struct ph_bytes){block, head->block_len}, want);
}

TEST(a_plain_request_is_taken_apart)
{
    uint8_t block[512];
    struct ph_http_head head;
    struct ph_http_refusal no;

    CHECK(parse("POST /a/b?c=%20d HTTP/1.1\r\nHost: EXample.org:8080\r\nX-One:  two words \r\n"
                "Content-Length: 12\r\nX-Empty:\r\nx-one: again\r\n\r\n",
                &head, block, &no));
    CHECK(ph_bytes_is(head.method, "POST"));
    CHECK(ph_bytes_is(head.target, "/a/b?c=%20d"));
    CHECK(strcmp(head.host, "example.org") == 0 && head.host_len == 11);
    CHECK(head.body_len == 12 && head.minor1 && head.keep_alive && !head.expect_continue);
    CHECK(block_is(&head, block,
                   "host: EXample.org:8080\nx-one: two words\ncontent-length: 12\nx-empty: \n"
                   "x-one: again\n"));
    struct ph_bytes view = {block, head.block_len};
    CHECK(ph_bytes_is(ph_http_block_find(view, "x-one"), "two words"));
    CHECK(ph_http_block_find(view, "x-none").len == 0);
}

TEST(fields_of_one_hop_are_left_out_of_the_block)
{
    uint8_t block[512];
    struct ph_http_head head;
    struct ph_http_refusal no;

    CHECK(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Secret, close, host\r\nX-Secret: 1\r\n"
                "Keep-Alive: 5\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\n"
                "Proxy-Authorization: b\r\nExpect: 100-continue\r\nAccept: */*\r\n\r\n",
                &head, block, &no));
    CHECK(block_is(&head, block, "host: h\naccept: */*\n"));
    CHECK(!head.keep_alive);
    CHECK(!head.expect_continue); /* no body is announced */
    CHECK(parse("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                "Expect: 100-Continue\r\n\r\n",
                &head, block, &no));
    CHECK(head.body_len == -1 && head.expect_continue && block_is(&head, block, "host: h\n"));
}

TEST(version_and_connection_decide_about_keeping_the_connection)
{
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        uint8_t block[512];
        struct ph_http_head head;
        struct ph_http_refusal no;
        CHECK(parse(cases[i].text, &head, block, &no));
        CHECK(head.keep_alive == cases[i].keep);
    }
}

TEST(absolute_form_names_the_host)
{
    uint8_t block[512];
    struct ph_http_head head;
    struct ph_http_refusal no;

    CHECK(parse("GET http://[::1]:80/x HTTP/1.1\r\nHost: [::1]\r\n\r\n", &head, block, &no));
    CHECK(strcmp(head.host, "[::1]") == 0 && ph_bytes_is(head.target, "/x"));
    CHECK(!parse("GET http://a.org/x HTTP/1.1\r\nHost: b.org\r\n\r\n", &head, block, &no));
    CHECK(!parse("GET http://a.org HTTP/1.1\r\nHost: a.org\r\n\r\n", &head, block, &no));
    CHECK(!parse("GET http:///x HTTP/1.1\r\nHost: a.org\r\n\r\n", &head, block, &no));
}

#define H "GET / HTTP/1.1\r\nHost: h\r\n"
static const struct {
    const char *text;
    uint16_t status;
} refused[] = {
    {"GET /\r\nHost: h\r\n\r\n", 400},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    {"GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {H "Host: h\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: h:x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: h:123456\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {H "X : y\r\n\r\n", 400},
    {H " X: y\r\n\r\n", 400},
    {H "X: y\r\n folded\r\n\r\n", 400},
    {H "X: y\r\n\tfolded\r\n\r\n", 400},
    {H "no colon\r\n\r\n", 400},
    {H ": y\r\n\r\n", 400},
    {H "X\x80: y\r\n\r\n", 400},
    {H "X: a\x01\r\n\r\n", 400},
    {H "X: a\x7f\r\n\r\n", 400},
    {H "X: a\rb\r\n\r\n", 400},
    {H "X: a\r\r\n\r\n", 400},
    {H "X: a\n\r\n\r\n", 400},
    {H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
    {H "Content-Length: 1, 1\r\n\r\n", 400},
    {H "Content-Length: +1\r\n\r\n", 400},
    {H "Content-Length: -1\r\n\r\n", 400},
    {H "Content-Length: 0x1\r\n\r\n", 400},
    {H "Content-Length: 1 2\r\n\r\n", 400},
    {H "Content-Length:\r\n\r\n", 400},
    {H "Content-Length: 9999999999999999999\r\n\r\n", 400},
    {H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
    {H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {H "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
    {H "Transfer-Encoding: \013chunked\r\n\r\n", 400},
    {H "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {H "Transfer-Encoding:\r\n\r\n", 501},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {H "Expect: something\r\n\r\n", 417},
};

TEST(whatever_could_be_read_in_two_ways_is_refused)
{
    for (size_t i = 0; i < PH_LEN(refused); i++) {
        uint8_t block[512];
        struct ph_http_head head;
        struct ph_http_refusal no = {0};
        if (parse(refused[i].text, &head, block, &no) || no.status != refused[i].status)
            fail_msg("case %zu gives %u: %s", i, no.status, refused[i].text);
    }
}

TEST(a_nul_byte_is_refused_anywhere)
{
    static const char good[] = H "X: y\r\n\r\n";
    const size_t len = sizeof(good) - 1;

    for (size_t i = 0; i < len; i++) {
        uint8_t raw[sizeof(good)], block[sizeof(good)];
        struct ph_http_head head;
        struct ph_http_refusal no;
        memcpy(raw, good, sizeof(good));
        raw[i] = 0;
        CHECK(!ph_http_head_parse((struct ph_bytes){raw, len}, block, &head, &no));
    }
}

TEST(every_truncated_head_is_refused)
{
    static const char good[] = H "X: y\r\n\r\n";

    for (size_t len = 0; len < sizeof(good) - 1; len++) {
        uint8_t block[sizeof(good)];
        struct ph_http_head head;
        struct ph_http_refusal no;
        struct ph_bytes raw = {(const uint8_t *)good, len};
        CHECK(!ph_http_head_parse(raw, block, &head, &no));
        CHECK(ph_http_head_end(raw, 0) == 0);
    }
}

TEST(header_fields_up_to_the_limit_pass_and_one_more_is_refused)
{
    for (int extra = 0; extra < 2; extra++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(8192);
        uint8_t block[8192];
        struct ph_http_head head;
        struct ph_http_refusal no = {0};
        CHECK(ph_buf_add_str(&text, H) == PH_OK);
        for (int i = 1; i < PH_HTTP_FIELDS_MAX + extra; i++)
            CHECK(ph_buf_addf(&text, "x%d: y\r\n", i) == PH_OK);
        CHECK(ph_buf_add_str(&text, "\r\n") == PH_OK);
        CHECK(ph_http_head_parse(ph_buf_view(&text), block, &head, &no) == (extra == 0));
        CHECK(extra == 0 || no.status == 431);
    }
}

TEST(the_end_of_the_head_is_found_in_any_fragmentation)
{
    static const char text[] = H "\r\nrest";
    const size_t end = sizeof(text) - 1 - 4;

    for (size_t split = 0; split < sizeof(text); split++) {
        struct ph_bytes part = {(const uint8_t *)text, split};
        size_t first = ph_http_head_end(part, 0);
        CHECK(first == (split >= end ? end : 0));
        CHECK(ph_http_head_end(PH_BYTES_LIT(H "\r\nrest"), first ? 0 : split) == end);
    }
    CHECK(ph_http_head_bare_lf(PH_BYTES_LIT("GET /\n"), 0));
    CHECK(ph_http_head_bare_lf(PH_BYTES_LIT("\n"), 0));
    CHECK(!ph_http_head_bare_lf(PH_BYTES_LIT("GET /\r\nA:"), 0));
}

/* Decode `text` in pieces of `step` bytes. */
static enum ph_http_chunk decode(const char *text, size_t step, struct ph_buf *body, size_t *used)
{
    struct ph_http_chunked c = {0};
    struct ph_bytes all = ph_bytes_str(text);

    *used = 0;
    while (*used < all.len) {
        struct ph_bytes in = {all.ptr + *used, all.len - *used < step ? all.len - *used : step};
        size_t before = in.len;
        struct ph_bytes data;
        enum ph_http_chunk got;
        while ((got = ph_http_chunked_next(&c, &in, &data)) == PH_HTTP_CHUNK_DATA)
            CHECK(ph_buf_add(body, data) == PH_OK);
        *used += before - in.len;
        if (got != PH_HTTP_CHUNK_MORE)
            return got;
    }
    return PH_HTTP_CHUNK_MORE;
}

TEST(chunks_are_decoded_in_any_fragmentation)
{
    static const char text[] = "5\r\nhello\r\n0a;name=value;\"q\"\r\n, chunked!\r\n0\r\n"
                               "X-Sum: abc\r\nY:\r\n\r\nGET";

    for (size_t step = 1; step < sizeof(text); step++) {
        struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(100);
        size_t used;
        CHECK(decode(text, step, &body, &used) == PH_HTTP_CHUNK_END);
        CHECK(ph_bytes_is(ph_buf_view(&body), "hello, chunked!"));
        CHECK(used == sizeof(text) - 1 - 3);
    }
}

TEST(broken_chunk_framing_is_noticed)
{
    static const char *const bad[] = {
        "\r\n",
        "x\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "5\nhello\r\n",
        "0x5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        "5\r\nhello!\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\rhello",
        "1000000000000000\r\n",
        "5;a\nb\r\nhello",
        "5;\x01\r\nhello",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: \x01\r\n\r\n",
        "0\r\n\n",
        "0\r\n\rX",
        "-1\r\n",
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        for (size_t step = 1; step < 32; step += 30) {
            struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(100);
            size_t used;
            if (decode(bad[i], step, &body, &used) != PH_HTTP_CHUNK_BAD)
                fail_msg("accepted: %s", bad[i]);
        }
    }
}

TEST(chunk_extensions_and_trailers_are_bounded)
{
    for (int trailer = 0; trailer < 2; trailer++) {
        for (int extra = 0; extra < 2; extra++) {
            int max = trailer ? PH_HTTP_CHUNK_TRAILER_MAX : PH_HTTP_CHUNK_EXT_MAX;
            /* "X:" and the CR count too */
            int len = max + extra - (trailer ? 3 : 0);
            struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(20000);
            struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(100);
            size_t used;
            CHECK(ph_buf_add_str(&text, trailer ? "0\r\nX:" : "0;") == PH_OK);
            for (int i = 0; i < len; i++)
                CHECK(ph_buf_add_str(&text, "a") == PH_OK);
            CHECK(ph_buf_add(&text, (struct ph_bytes){(const uint8_t *)"\r\n\r\n", 5}) == PH_OK);
            CHECK(decode((const char *)text.ptr, 1000, &body, &used) ==
                  (extra ? PH_HTTP_CHUNK_BAD : PH_HTTP_CHUNK_END));
        }
    }
}

TEST(lines_that_could_not_be_sent_are_skipped_in_a_block)
{
    struct ph_bytes block = PH_BYTES_LIT("good: 1\nbad name: 2\nno colon\n: empty\ncr: a\rb\n"
                                         "nul: a\0b\n\n  \nlast:  two \t");
    struct ph_http_field f;

    CHECK(ph_http_block_next(&block, &f));
    CHECK(ph_bytes_is(f.name, "good") && ph_bytes_is(f.value, "1"));
    CHECK(ph_http_block_next(&block, &f));
    CHECK(ph_bytes_is(f.name, "last") && ph_bytes_is(f.value, "two"));
    CHECK(!ph_http_block_next(&block, &f));
}

PH_TEST_MAIN(CASE(a_plain_request_is_taken_apart),
             CASE(fields_of_one_hop_are_left_out_of_the_block),
             CASE(version_and_connection_decide_about_keeping_the_connection),
             CASE(absolute_form_names_the_host),
             CASE(whatever_could_be_read_in_two_ways_is_refused),
             CASE(a_nul_byte_is_refused_anywhere), CASE(every_truncated_head_is_refused),
             CASE(header_fields_up_to_the_limit_pass_and_one_more_is_refused),
             CASE(the_end_of_the_head_is_found_in_any_fragmentation),
             CASE(chunks_are_decoded_in_any_fragmentation), CASE(broken_chunk_framing_is_noticed),
             CASE(chunk_extensions_and_trailers_are_bounded),
             CASE(lines_that_could_not_be_sent_are_skipped_in_a_block))
