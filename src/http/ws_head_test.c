#include "base/test.h"
#include "http/ws_head.h"

#define YES                                                                                        \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* [RFC 6455 §1.3] */
static const struct ph_http_ws_key key = {"dGhlIHNhbXBsZSBub25jZQ=="};

static enum ph_err check(const char *text)
{
    size_t len;

    return ph_http_ws_head_check(ph_bytes_str(text), &key, &len);
}

TEST(the_answer_of_the_rfc_is_taken_once_it_is_whole)
{
    static const char text[] = YES "Server: x\r\n\r\n\x81\x01x";
    const size_t head = sizeof(text) - 1 - 3;
    size_t len = 0;

    for (size_t i = 0; i < head; i++)
        CHECK(ph_http_ws_head_check((struct ph_bytes){(const uint8_t *)text, i}, &key, &len) ==
              PH_ERR_AGAIN);
    CHECK(ph_http_ws_head_check((struct ph_bytes){(const uint8_t *)text, sizeof(text) - 1}, &key,
                                &len) == PH_OK &&
          len == head);
    CHECK(check("HTTP/1.1 101\r\nupgrade: WebSocket\r\nconnection: foo, UPGRADE\r\n"
                "sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=  \r\n\r\n") == PH_OK);
}

TEST(a_server_that_does_not_agree_in_all_is_refused)
{
    static const char *const no[] = {
        "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        YES "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        YES "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        YES "Sec-WebSocket-Protocol: chat\r\n\r\n",
    };

    for (size_t i = 0; i < PH_LEN(no); i++)
        CHECK(check(no[i]) == PH_ERR_UNSUPPORTED);
    CHECK(check("HTTP/1.0 101 Yes\r\n\r\n") == PH_ERR_MALFORMED);
    CHECK(check(YES "no field\r\n\r\n") == PH_ERR_MALFORMED);
    CHECK(check("\r\n\r\n") == PH_ERR_MALFORMED);
}

TEST(a_head_over_the_limit_is_refused)
{
    char text[PH_HTTP_WS_HEAD_MAX + 8];
    size_t len;

    memset(text, 'x', sizeof(text));
    CHECK(ph_http_ws_head_check((struct ph_bytes){(uint8_t *)text, PH_HTTP_WS_HEAD_MAX - 1}, &key,
                                &len) == PH_ERR_AGAIN);
    CHECK(ph_http_ws_head_check((struct ph_bytes){(uint8_t *)text, PH_HTTP_WS_HEAD_MAX}, &key,
                                &len) == PH_ERR_LIMIT);
    memcpy(text + PH_HTTP_WS_HEAD_MAX - 3, "\r\n\r\n", 4);
    CHECK(ph_http_ws_head_check((struct ph_bytes){(uint8_t *)text, sizeof(text)}, &key, &len) ==
          PH_ERR_LIMIT);
}

static bool asks(const char *url_text, const char *first_lines)
{
    static struct ph_http_url url;
    struct ph_buf out = PH_BUF(PH_HTTP_WS_HEAD_MAX);
    const char *why;

    CHECK(ph_http_url_parse(ph_bytes_str(url_text), &url, &why) == PH_OK);
    CHECK(ph_http_ws_head_put(&url, &key, &out) == PH_OK);
    const bool same = out.len > strlen(first_lines) &&
                      memcmp(out.ptr, first_lines, strlen(first_lines)) == 0 &&
                      memmem(out.ptr, out.len, key.text, PH_HTTP_WS_KEY_LEN) &&
                      memcmp(out.ptr + out.len - 4, "\r\n\r\n", 4) == 0;
    ph_buf_clear(&out);
    return same;
}

TEST(the_request_names_host_and_path)
{
    struct ph_http_ws_key one, two;

    CHECK(asks("http://node.example", "GET / HTTP/1.1\r\nHost: node.example\r\n"));
    CHECK(
        asks("https://node.example/v1/a?k=b", "GET /v1/a?k=b HTTP/1.1\r\nHost: node.example\r\n"));
    CHECK(asks("https://node.example:80/", "GET / HTTP/1.1\r\nHost: node.example:80\r\n"));
    CHECK(asks("http://[::1]:8545/?x", "GET /?x HTTP/1.1\r\nHost: [::1]:8545\r\n"));
    CHECK(ph_http_ws_key_new(&one) == PH_OK && ph_http_ws_key_new(&two) == PH_OK);
    CHECK(strlen(one.text) == PH_HTTP_WS_KEY_LEN && strcmp(one.text, two.text) != 0);
}

PH_TEST_MAIN(CASE(the_answer_of_the_rfc_is_taken_once_it_is_whole),
             CASE(a_server_that_does_not_agree_in_all_is_refused),
             CASE(a_head_over_the_limit_is_refused), CASE(the_request_names_host_and_path))
