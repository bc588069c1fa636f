#include "node/phat_log.h"

#include "base/own.h"
#include "base/test.h"

static int seen;
static void count_line(void *ctx, const struct ph_log_line *line)
{
    (void)line;
    seen += *(int *)ctx;
}

TEST(lines_are_numbered_kept_and_printed_as_json)
{
    struct ph_phat_log log PH_OWNED(ph_phat_log_clear);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    ph_phat_log_init(&log);
    ph_phat_log_add(&log, 1750329147123, 1, 0, PH_BYTES_LIT("one"));
    ph_phat_log_add(&log, 1750329147124, 9, 7, PH_BYTES_LIT("two \"\n"));
    CHECK(ph_log_line_print(log.first, &text) == PH_OK);
    CHECK(ph_log_line_print(log.first->next, &text) == PH_OK);
    CHECK(ph_bytes_is(
        ph_buf_view(&text),
        "{\"seq\":1,\"time\":\"2025-06-19T10:32:27.123Z\",\"level\":\"info\",\"call\":0,"
        "\"text\":\"one\"}\n"
        "{\"seq\":2,\"time\":\"2025-06-19T10:32:27.124Z\",\"level\":\"error\",\"call\":7,"
        "\"text\":\"two \\\"\\u000a\"}\n"));
}

TEST(a_flood_loses_its_oldest_lines_and_a_long_line_its_end)
{
    struct ph_phat_log log PH_OWNED(ph_phat_log_clear);
    static uint8_t big[PH_LOG_LINE_MAX + 1000];

    ph_phat_log_init(&log);
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 1000; i++)
        ph_phat_log_add(&log, 0, 0, 0, PH_BYTES_OF(big));
    size_t cnt = 0;
    for (const struct ph_log_line *l = log.first; l; l = l->next, cnt++)
        CHECK(l->text_len == PH_LOG_LINE_MAX);
    CHECK(log.bytes <= PH_LOG_BYTES_MAX && cnt > 10 && cnt < 20);
    CHECK(log.first->seq == 1000 - cnt + 1);
}

TEST(followers_get_each_line_until_they_leave)
{
    struct ph_phat_log log PH_OWNED(ph_phat_log_clear);
    int one = 1, ten = 10;
    struct ph_log_follower a = {.line = count_line, .ctx = &one};
    struct ph_log_follower b = {.line = count_line, .ctx = &ten};

    ph_phat_log_init(&log);
    ph_phat_log_follow(&log, &a);
    ph_phat_log_follow(&log, &b);
    ph_phat_log_add(&log, 0, 0, 0, PH_BYTES_LIT("x"));
    CHECK(seen == 11);
    ph_phat_log_unfollow(&log, &b);
    ph_phat_log_unfollow(&log, &b);
    ph_phat_log_add(&log, 0, 0, 0, PH_BYTES_LIT("y"));
    CHECK(seen == 12);
    ph_phat_log_unfollow(&log, &a);
    ph_phat_log_add(&log, 0, 0, 0, PH_BYTES_LIT("z"));
    CHECK(seen == 12);
}

PH_TEST_MAIN(CASE(lines_are_numbered_kept_and_printed_as_json),
             CASE(a_flood_loses_its_oldest_lines_and_a_long_line_its_end),
             CASE(followers_get_each_line_until_they_leave))
