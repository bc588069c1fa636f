#include "base/test.h"
#include "http/ws_frames.h"

#include <stdlib.h>

enum { MESSAGE_MAX = 1000, OUT_MAX = 300 };

static struct ph_http_ws_frames *frames;
static unsigned cnt;
static char last[MESSAGE_MAX + 1];
static size_t last_len;

static void on_message(void *ctx, struct ph_bytes text)
{
    (void)ctx;
    cnt++;
    last_len = text.len;
    if (text.len > 0)
        memcpy(last, text.ptr, text.len);
}

static void fresh(void)
{
    const struct ph_http_ws_frames_config config = {MESSAGE_MAX, OUT_MAX, on_message, NULL};

    ph_http_ws_frames_free(frames);
    CHECK(ph_http_ws_frames_new(&config, &frames) == PH_OK);
    cnt = 0;
    last_len = 0;
}

static enum ph_err take_at(const void *bytes, size_t len, int64_t now_ms)
{
    return ph_http_ws_frames_take(frames, (struct ph_bytes){bytes, len}, now_ms);
}

#define TAKE(literal) take_at(literal, sizeof(literal) - 1, 0)

static bool is_last(const char *text)
{
    return last_len == strlen(text) && memcmp(last, text, last_len) == 0;
}

static bool waits(const void *head, size_t len)
{
    const struct ph_bytes out = ph_http_ws_frames_out(frames);

    return out.len >= len && memcmp(out.ptr, head, len) == 0;
}

TEST(messages_are_told_whole)
{
    fresh();
    /* [RFC 6455 §5.7] */
    CHECK(TAKE("\x81\x05Hello") == PH_OK && cnt == 1 && is_last("Hello"));
    CHECK(TAKE("\x01\x03Hel") == PH_OK && cnt == 1);
    CHECK(TAKE("\x80\x02lo") == PH_OK && cnt == 2 && is_last("Hello"));
    CHECK(TAKE("\x81\x00") == PH_OK && cnt == 3 && last_len == 0);
    /* A ping between the parts of a message is answered at once. */
    CHECK(TAKE("\x01\x01x\x89\x02hi\x80\x01y") == PH_OK && cnt == 4 && is_last("xy"));
    CHECK(waits("\x8a\x82", 2) && ph_http_ws_frames_out(frames).len == 8);
}

TEST(what_is_sent_is_masked)
{
    fresh();
    CHECK(ph_http_ws_frames_send(frames, PH_BYTES_LIT("Hello")) == PH_OK);
    const struct ph_bytes out = ph_http_ws_frames_out(frames);
    CHECK(out.len == 11 && out.ptr[0] == 0x81 && out.ptr[1] == 0x85);
    for (size_t i = 0; i < 5; i++)
        CHECK((out.ptr[6 + i] ^ out.ptr[2 + i % 4]) == "Hello"[i]);
    CHECK(ph_http_ws_frames_send(frames, PH_BYTES_LIT("Hello")) == PH_OK);
    const struct ph_bytes both = ph_http_ws_frames_out(frames);
    CHECK(both.len == 22 && memcmp(both.ptr + 2, both.ptr + 13, 4) != 0); /* each its own mask */
    ph_http_ws_frames_sent(frames, 11);
    CHECK(ph_http_ws_frames_out(frames).len == 11);
    ph_http_ws_frames_sent(frames, 11);
    CHECK(ph_http_ws_frames_out(frames).len == 0);
}

TEST(what_waits_to_leave_is_bounded)
{
    uint8_t text[OUT_MAX] = {0};

    fresh();
    CHECK(ph_http_ws_frames_send(frames, (struct ph_bytes){text, OUT_MAX - 13}) == PH_ERR_LIMIT);
    for (int i = 0; i < 100; i++) { /* what has left does not count */
        CHECK(ph_http_ws_frames_send(frames, (struct ph_bytes){text, OUT_MAX - 14}) == PH_OK);
        CHECK(ph_http_ws_frames_send(frames, (struct ph_bytes){text, 1}) == PH_ERR_LIMIT);
        ph_http_ws_frames_sent(frames, ph_http_ws_frames_out(frames).len);
    }
    CHECK(TAKE("\x81\x01x") == PH_OK && cnt == 1); /* the connection is as good as before */
}

TEST(what_breaks_the_protocol_ends_it)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x82\x01x", 3},                 /* binary */
        {"\xc1\x01x", 3},                 /* a reserved bit: compression */
        {"\x83\x01x", 3},                 /* an opcode that is none */
        {"\x80\x01x", 3},                 /* goes on from nothing */
        {"\x01\x01x\x81\x01y", 6},        /* begins inside of another */
        {"\x81\x81\x00\x00\x00\x00x", 7}, /* masked, by a server */
        {"\x09\x00", 2},                  /* a ping in parts */
        {"\x89\x7e\x00\x7e", 4},          /* a ping over 125 bytes */
        {"\x81\x01\xff", 3},              /* not UTF-8 */
        {"\x01\x02\xe2\x82\x80\x00", 6},  /* ends inside of a character */
        {"\x88\x02\x03\xed", 4},          /* a close with a code that is never sent */
        {"\x81\x7e\x00\x01x", 5},         /* a length in a form longer than needed */
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        fresh();
        if (take_at(bad[i].bytes, bad[i].len, 0) != PH_ERR_MALFORMED)
            fail_msg("case %zu", i);
        CHECK(cnt == 0 && TAKE("\x81\x01x") == PH_ERR_MALFORMED && cnt == 0);
        CHECK(ph_http_ws_frames_send(frames, PH_BYTES_LIT("x")) == PH_ERR_CLOSED);
    }
}

TEST(a_close_is_answered_and_ends_it)
{
    fresh();
    CHECK(TAKE("\x81\x01x\x88\x02\x03\xe8\x81\x01y") == PH_ERR_CLOSED && cnt == 1 && is_last("x"));
    CHECK(waits("\x88\x82", 2));
    CHECK(TAKE("\x81\x01z") == PH_ERR_CLOSED && cnt == 1);
    fresh();
    CHECK(TAKE("\x88\x00") == PH_ERR_CLOSED);
}

TEST(a_message_over_the_limit_ends_it)
{
    uint8_t piece[4 + MESSAGE_MAX] = {0x81, 126, MESSAGE_MAX >> 8, MESSAGE_MAX & 255};

    fresh();
    CHECK(take_at(piece, sizeof(piece), 0) == PH_OK && cnt == 1 && last_len == MESSAGE_MAX);
    piece[2] = (MESSAGE_MAX + 1) >> 8;
    piece[3] = (MESSAGE_MAX + 1) & 255;
    CHECK(take_at(piece, 5, 0) == PH_ERR_LIMIT); /* by what it says, before it is whole */
    fresh();
    piece[0] = 0x01;
    piece[2] = MESSAGE_MAX >> 8;
    piece[3] = MESSAGE_MAX & 255;
    CHECK(take_at(piece, sizeof(piece), 0) == PH_OK);
    CHECK(TAKE("\x80\x01x") == PH_ERR_LIMIT && cnt == 0);
    fresh();
    CHECK(TAKE("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xffx") != PH_OK);
}

TEST(a_message_in_too_many_parts_ends_it)
{
    enum ph_err err = PH_OK;
    unsigned parts = 1;

    fresh();
    CHECK(TAKE("\x01\x00") == PH_OK);
    for (; err == PH_OK; parts++) /* empty ones, slowly */
        err = take_at("\x00\x00", 2, (int64_t)parts * PH_HTTP_WS_WINDOW_MS);
    CHECK(err == PH_ERR_LIMIT && parts == PH_HTTP_WS_FRAMES_MAX + 1);
}

TEST(too_many_pings_in_a_while_end_it)
{
    const int64_t later = PH_HTTP_WS_WINDOW_MS;

    fresh();
    for (int64_t at = later; at < 4 * later; at += later)
        for (unsigned i = 0; i < PH_HTTP_WS_IDLE_MAX; i++) {
            CHECK(take_at("\x89\x01p", 3, at) == PH_OK);
            ph_http_ws_frames_sent(frames, ph_http_ws_frames_out(frames).len);
        }
    CHECK(take_at("\x8a\x00", 2, 4 * later - 1) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(messages_are_told_whole), CASE(what_is_sent_is_masked),
             CASE(what_waits_to_leave_is_bounded), CASE(what_breaks_the_protocol_ends_it),
             CASE(a_close_is_answered_and_ends_it), CASE(a_message_over_the_limit_ends_it),
             CASE(a_message_in_too_many_parts_ends_it), CASE(too_many_pings_in_a_while_end_it))
