#include "node/loop.h"

#include "base/test.h"

#include <unistd.h>

static struct ph_loop *loop;
static char order[32];
static size_t order_len;

static void note(char c)
{
    if (order_len + 1 < sizeof(order))
        order[order_len++] = c;
    order[order_len] = '\0';
}

static void fire_a(void *ctx)
{
    (void)ctx;
    note('a');
}
static void fire_b(void *ctx)
{
    (void)ctx;
    note('b');
}
static void fire_stop(void *ctx)
{
    (void)ctx;
    note('s');
    ph_loop_stop(loop);
}
static void task(void *ctx)
{
    (void)ctx;
    note('t');
}

static int setup(void **state)
{
    (void)state;
    order_len = 0;
    order[0] = '\0';
    return ph_loop_new(&loop) == PH_OK ? 0 : 1;
}
static int teardown(void **state)
{
    (void)state;
    ph_loop_free(loop);
    return 0;
}

TEST(timers_fire_in_order_of_time_and_cancelled_ones_do_not)
{
    struct ph_timer a = {0}, b = {0}, gone = {0}, stop = {0};
    CHECK(ph_timer_arm(loop, &stop, 30, fire_stop, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &b, 20, fire_b, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &gone, 5, fire_a, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &a, 10, fire_a, NULL) == PH_OK);
    ph_timer_cancel(loop, &gone);
    ph_timer_cancel(loop, &gone);
    ph_loop_run(loop);
    assert_string_equal(order, "abs");
    CHECK(a.slot == 0 && gone.slot == 0);
}

TEST(a_rearmed_timer_fires_once_at_its_new_time)
{
    struct ph_timer a = {0}, b = {0}, stop = {0};
    CHECK(ph_timer_arm(loop, &a, 1, fire_a, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &b, 5, fire_b, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &a, 10, fire_a, NULL) == PH_OK);
    CHECK(ph_timer_arm(loop, &stop, 20, fire_stop, NULL) == PH_OK);
    ph_loop_run(loop);
    assert_string_equal(order, "bas");
}

TEST(hundreds_of_timers_keep_their_order)
{
    static struct ph_timer timers[500];
    struct ph_timer stop = {0};
    for (size_t i = 0; i < PH_LEN(timers); i++)
        CHECK(ph_timer_arm(loop, &timers[i], (int64_t)((i * 7919) % 500), fire_a, NULL) == PH_OK);
    for (size_t i = 0; i < PH_LEN(timers); i++)
        if (i != 123)
            ph_timer_cancel(loop, &timers[i]);
    CHECK(ph_timer_arm(loop, &stop, 600, fire_stop, NULL) == PH_OK);
    ph_loop_run(loop);
    assert_string_equal(order, "as");
}

struct pair {
    struct ph_watch one, two;
    int fds[2][2];
};

static void drop_other(void *ctx, uint32_t events)
{
    struct pair *p = ctx;
    (void)events;
    note('w');
    ph_watch_del(loop, &p->one);
    ph_watch_del(loop, &p->two);
    ph_loop_stop(loop);
}

TEST(a_watch_removed_in_the_same_turn_is_not_called)
{
    struct pair p;
    for (int i = 0; i < 2; i++) {
        CHECK(pipe(p.fds[i]) == 0);
        CHECK(write(p.fds[i][1], "x", 1) == 1);
    }
    CHECK(ph_watch_add(loop, &p.one, p.fds[0][0], EPOLLIN, drop_other, &p) == PH_OK);
    CHECK(ph_watch_add(loop, &p.two, p.fds[1][0], EPOLLIN, drop_other, &p) == PH_OK);
    ph_loop_run(loop);
    assert_string_equal(order, "w");
    ph_watch_del(loop, &p.one);
    for (int i = 0; i < 2; i++) {
        (void)close(p.fds[i][0]);
        (void)close(p.fds[i][1]);
    }
}

TEST(a_task_runs_once_a_turn_however_often_it_is_added)
{
    struct ph_task t = {0};
    struct ph_timer stop = {0};
    ph_task_add(loop, &t, task, NULL);
    ph_task_add(loop, &t, task, NULL);
    CHECK(ph_timer_arm(loop, &stop, 1, fire_stop, NULL) == PH_OK);
    ph_loop_run(loop);
    assert_string_equal(order, "ts");
}

TEST(a_cancelled_task_does_not_run)
{
    struct ph_task t = {0}, gone = {0};
    struct ph_timer stop = {0};
    ph_task_add(loop, &t, task, NULL);
    ph_task_add(loop, &gone, fire_a, NULL);
    ph_task_cancel(loop, &gone);
    ph_task_cancel(loop, &gone);
    CHECK(ph_timer_arm(loop, &stop, 1, fire_stop, NULL) == PH_OK);
    ph_loop_run(loop);
    assert_string_equal(order, "ts");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_time_and_cancelled_ones_do_not,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_rearmed_timer_fires_once_at_its_new_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hundreds_of_timers_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_removed_in_the_same_turn_is_not_called, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_task_does_not_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_runs_once_a_turn_however_often_it_is_added, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
