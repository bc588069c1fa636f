#include "node/cron.h"

#include "base/clock.h"
#include "base/test.h"

static void expect_next(const char *expr, const char *after, const char *next)
{
    struct ph_cron c;
    int64_t after_s, at;
    char text[21];

    CHECK(ph_cron_parse(ph_bytes_str(expr), &c) == PH_OK);
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(after), &after_s) == PH_OK);
    CHECK(ph_cron_next(&c, after_s, &at) == PH_OK);
    ph_time_format_rfc3339(at, text);
    assert_string_equal(text, next);
}

TEST(the_next_minute_is_after_the_given_time)
{
    expect_next("* * * * *", "2026-11-21T08:00:00Z", "2026-11-21T08:01:00Z");
    expect_next("*/5 * * * *", "2026-11-21T08:03:59Z", "2026-11-21T08:05:00Z");
    expect_next("7-20/6 3 * * *", "2026-11-21T03:13:00Z", "2026-11-21T03:19:00Z");
    expect_next("30/10 * * * *", "2026-11-21T03:41:00Z", "2026-11-21T03:50:00Z");
    expect_next("0 0 29 2 *", "2026-11-21T08:00:00Z", "2028-02-29T00:00:00Z");
    expect_next("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z");
    expect_next("0 12 * * 1,3", "2026-11-21T08:00:00Z", "2026-11-23T12:00:00Z");
    expect_next("0 12 * * 7", "2026-11-21T08:00:00Z", "2026-11-22T12:00:00Z");
    expect_next("0 12 * * 0", "2026-11-21T08:00:00Z", "2026-11-22T12:00:00Z");
}

TEST(two_restricted_day_fields_match_either)
{
    expect_next("0 0 24 * 1", "2026-11-21T08:00:00Z", "2026-11-23T00:00:00Z");
    expect_next("0 0 22 * 1", "2026-11-21T08:00:00Z", "2026-11-22T00:00:00Z");
}

TEST(a_day_that_never_comes_is_not_found)
{
    struct ph_cron c;
    int64_t at;
    CHECK(ph_cron_parse(PH_BYTES_LIT("0 0 31 2 *"), &c) == PH_OK);
    CHECK(ph_cron_next(&c, 0, &at) == PH_ERR_NOT_FOUND);
}

TEST(other_texts_are_refused)
{
    static const char *const bad[] = {"",
                                      "* * * *",
                                      "* * * * * *",
                                      "60 * * * *",
                                      "* 24 * * *",
                                      "* * 0 * *",
                                      "* * 32 * *",
                                      "* * * 13 *",
                                      "* * * * 8",
                                      "*/0 * * * *",
                                      "5-2 * * * *",
                                      "a * * * *",
                                      "1,,2 * * * *",
                                      "-1 * * * *",
                                      " * * * * *",
                                      "*  * * * *",
                                      "99999 * * * *"};
    struct ph_cron c;
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_cron_parse(ph_bytes_str(bad[i]), &c) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(the_next_minute_is_after_the_given_time),
             CASE(two_restricted_day_fields_match_either),
             CASE(a_day_that_never_comes_is_not_found), CASE(other_texts_are_refused))
