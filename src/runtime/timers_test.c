#include "runtime/timers.h"

#include "base/own.h"
#include "base/test.h"

TEST(timers_come_out_by_time_then_by_arming_order)
{
    struct ph_timers t PH_OWNED(ph_timers_clear) = {0};
    struct ph_timer got;
    uint64_t id, last = 0;

    for (int64_t i = 0; i < 500; i++)
        CHECK(ph_timers_add(&t, (i * 37) % 50, 3, &id) == PH_OK);
    CHECK(ph_timers_cancel(&t, 250) == PH_OK);
    CHECK(ph_timers_cancel(&t, 250) == PH_ERR_NOT_FOUND);

    int64_t due = -1;
    size_t cnt = 0;
    while (ph_timers_pop(&t, 48, UINT64_MAX, &got) == PH_OK) {
        CHECK(got.due_ns > due || (got.due_ns == due && got.id > last));
        CHECK(got.id != 250 && got.call == 3);
        due = got.due_ns;
        last = got.id;
        cnt++;
    }
    CHECK(due == 48 && cnt == 489 && t.cnt == 10);
}

TEST(a_timer_armed_by_a_timer_waits_for_the_next_turn)
{
    struct ph_timers t PH_OWNED(ph_timers_clear) = {0};
    struct ph_timer got;
    uint64_t first, second;

    CHECK(ph_timers_add(&t, 0, 0, &first) == PH_OK);
    const uint64_t turn = t.last_id;
    CHECK(ph_timers_pop(&t, 1, turn, &got) == PH_OK && got.id == first);
    CHECK(ph_timers_add(&t, 0, 0, &second) == PH_OK);
    CHECK(ph_timers_pop(&t, 1, turn, &got) == PH_ERR_NOT_FOUND);
    CHECK(ph_timers_pop(&t, 1, t.last_id, &got) == PH_OK && got.id == second);
}

TEST(there_is_a_limit)
{
    struct ph_timers t PH_OWNED(ph_timers_clear) = {0};
    uint64_t id;

    for (size_t i = 0; i < PH_TIMERS_MAX; i++)
        CHECK(ph_timers_add(&t, 0, 0, &id) == PH_OK);
    CHECK(ph_timers_add(&t, 0, 0, &id) == PH_ERR_LIMIT);
}

static bool is_of_call(void *ctx, const struct ph_timer *timer)
{
    return timer->call == *(const uint64_t *)ctx;
}

TEST(timers_of_one_call_are_dropped_and_the_others_keep_their_order)
{
    struct ph_timers t PH_OWNED(ph_timers_clear) = {0};
    struct ph_timer got;
    uint64_t id, call = 1;
    int64_t due = -1;
    size_t cnt = 0;

    for (int64_t i = 0; i < 300; i++)
        CHECK(ph_timers_add(&t, i * 7919 % 300, (uint64_t)i % 3, &id) == PH_OK);
    CHECK(ph_timers_drop(&t, is_of_call, &call) == 100 && t.cnt == 200);
    while (ph_timers_pop(&t, 300, UINT64_MAX, &got) == PH_OK) {
        CHECK(got.due_ns >= due && got.call != 1);
        due = got.due_ns;
        cnt++;
    }
    CHECK(cnt == 200);
}

PH_TEST_MAIN(CASE(timers_of_one_call_are_dropped_and_the_others_keep_their_order),
             CASE(timers_come_out_by_time_then_by_arming_order),
             CASE(a_timer_armed_by_a_timer_waits_for_the_next_turn), CASE(there_is_a_limit))
