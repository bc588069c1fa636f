#include "base/test.h"
#include "http/answer.h"

static struct ph_http_answer got;

static enum ph_err parse(const char *text)
{
    return ph_http_answer_parse(ph_bytes_str(text), &got);
}

TEST(a_head_is_read_once_it_is_whole)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-LENGTH:  5 \r\n\r\nhello";
    const size_t head = sizeof(text) - 1 - 5;

    for (size_t i = 0; i < head; i++)
        CHECK(ph_http_answer_parse((struct ph_bytes){(const uint8_t *)text, i}, &got) ==
              PH_ERR_AGAIN);
    CHECK(parse(text) == PH_OK);
    CHECK(got.status == 200 && got.head_len == head && got.body_len == 5);
    CHECK(parse("HTTP/1.1 403\r\ncontent-length: 0\r\n\r\n") == PH_OK && got.status == 403);
}

TEST(what_is_no_answer_of_known_length_is_refused)
{
    static const char *const bad[] = {
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 600 No\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\na: b\nc\r\n\r\n",
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        if (parse(bad[i]) != PH_ERR_MALFORMED)
            fail_msg("taken: %s", bad[i]);
    }
}

TEST(a_head_that_does_not_end_is_given_up)
{
    static char big[PH_HTTP_ANSWER_HEAD_MAX + 8];

    memset(big, 'a', sizeof(big) - 1);
    CHECK(ph_http_answer_parse((struct ph_bytes){(uint8_t *)big, PH_HTTP_ANSWER_HEAD_MAX - 1},
                               &got) == PH_ERR_AGAIN);
    CHECK(parse(big) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(a_head_is_read_once_it_is_whole),
             CASE(what_is_no_answer_of_known_length_is_refused),
             CASE(a_head_that_does_not_end_is_given_up))
