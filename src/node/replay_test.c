/* An envelope is taken once, within its time; the floor never falls. */

#include "node/replay.h"

#include "base/test.h"

enum { START = 1000000, LATER = START + 1000 };

struct enc {
    uint8_t b[32];
};
static struct enc enc_of(uint32_t n)
{
    struct enc e = {{0}};

    ph_put_u32le(e.b, n);
    return e;
}

static struct ph_replay *new_memory(uint32_t max)
{
    struct ph_replay *replay = NULL;

    CHECK(ph_replay_new(START, max, &replay) == PH_OK);
    return replay;
}

static enum ph_err take(struct ph_replay *replay, int64_t now_s, int64_t date_s, uint32_t n)
{
    const struct enc e = enc_of(n);

    return ph_replay_take(replay, now_s, date_s, e.b);
}

TEST(an_envelope_is_taken_once)
{
    struct ph_replay *replay = new_memory(1000);

    CHECK(take(replay, LATER, LATER, 1) == PH_OK);
    CHECK(take(replay, LATER, LATER, 1) == PH_ERR_CONFLICT);
    CHECK(take(replay, LATER, LATER, 2) == PH_OK);
    for (int64_t now = LATER; now <= LATER + PH_REPLAY_PAST_S; now++)
        CHECK(take(replay, now, LATER, 1) == PH_ERR_CONFLICT);
    CHECK(take(replay, LATER + PH_REPLAY_PAST_S + 1, LATER, 1) == PH_ERR_UNTRUSTED);
    ph_replay_free(replay);
}

TEST(the_window_has_two_ends)
{
    struct ph_replay *replay = new_memory(1000);

    CHECK(take(replay, LATER, LATER + PH_REPLAY_FUTURE_S, 1) == PH_OK);
    CHECK(take(replay, LATER, LATER + PH_REPLAY_FUTURE_S + 1, 2) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER, LATER - PH_REPLAY_PAST_S, 3) == PH_OK);
    CHECK(take(replay, LATER, LATER - PH_REPLAY_PAST_S - 1, 4) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER, INT64_MAX, 5) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER, INT64_MIN, 5) == PH_ERR_UNTRUSTED);
    ph_replay_free(replay);
}

/* What an earlier process could have taken is not taken by the next. */
TEST(a_restart_does_not_reopen_the_window)
{
    struct ph_replay *replay = new_memory(1000);

    for (int64_t date = START - PH_REPLAY_PAST_S; date <= START + PH_REPLAY_FUTURE_S; date++)
        CHECK(take(replay, START, date, 1) == PH_ERR_UNTRUSTED);
    CHECK(ph_replay_wait_s(replay, START) == PH_REPLAY_FUTURE_S + 1);
    CHECK(ph_replay_wait_s(replay, START + PH_REPLAY_FUTURE_S) == 1);
    CHECK(ph_replay_wait_s(replay, START + PH_REPLAY_FUTURE_S + 1) == 0);
    CHECK(take(replay, START + 1, START + PH_REPLAY_FUTURE_S + 1, 1) == PH_OK);
    ph_replay_free(replay);
}

TEST(a_clock_that_is_set_back_takes_nothing_twice)
{
    struct ph_replay *replay = new_memory(1000);

    CHECK(take(replay, LATER, LATER, 1) == PH_OK);
    CHECK(take(replay, LATER + 500, LATER + 500, 2) == PH_OK);
    CHECK(take(replay, LATER, LATER, 1) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER + 500, LATER + 500, 2) == PH_ERR_CONFLICT);
    CHECK(ph_replay_wait_s(replay, LATER) > 0);
    ph_replay_free(replay);
}

TEST(a_full_memory_refuses_the_older_dates)
{
    struct ph_replay *replay = new_memory(100);
    uint32_t n = 0;

    for (; n < 50; n++)
        CHECK(take(replay, LATER, LATER - 10, n) == PH_OK);
    for (; n < 100; n++)
        CHECK(take(replay, LATER, LATER - 5, n) == PH_OK);
    CHECK(take(replay, LATER, LATER, n++) == PH_OK); /* those of LATER - 10 went */
    CHECK(take(replay, LATER, LATER - 10, 0) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER, LATER - 10, n++) == PH_ERR_UNTRUSTED);
    CHECK(take(replay, LATER, LATER - 5, 50) == PH_ERR_CONFLICT);
    for (uint32_t i = 0; i < 49; i++)
        CHECK(take(replay, LATER, LATER - 9, n++) == PH_OK);
    /* Full of one second's: the next of that second is refused, not one of them forgotten. */
    for (uint32_t i = 0; i < 200; i++)
        (void)!take(replay, LATER + 1, LATER + 1, n + i);
    for (uint32_t i = 0; i < 200; i++)
        CHECK(take(replay, LATER + 1, LATER + 1, n + i) != PH_OK);
    ph_replay_free(replay);
}

TEST(many_of_a_second_are_all_remembered)
{
    struct ph_replay *replay = new_memory(PH_REPLAY_MAX);

    for (uint32_t n = 0; n < 20000; n++)
        CHECK(take(replay, LATER, LATER, n) == PH_OK);
    for (uint32_t n = 0; n < 20000; n++)
        CHECK(take(replay, LATER, LATER, n) == PH_ERR_CONFLICT);
    ph_replay_free(replay);
}

PH_TEST_MAIN(CASE(an_envelope_is_taken_once), CASE(the_window_has_two_ends),
             CASE(a_restart_does_not_reopen_the_window),
             CASE(a_clock_that_is_set_back_takes_nothing_twice),
             CASE(a_full_memory_refuses_the_older_dates), CASE(many_of_a_second_are_all_remembered))
