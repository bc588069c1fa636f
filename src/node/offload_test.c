/* Jobs in their order, told on the loop; what a stop drops is told too. */

#include "node/offload.h"

#include "base/test.h"

#include <semaphore.h>

struct step {
    struct ph_job job;
    int n;
    bool worked;
};

static struct ph_loop *loop;
static int told[8], told_cnt, wanted;

static void work(struct ph_job *job)
{
    ((struct step *)job)->worked = true;
}

static void done(struct ph_job *job, bool dropped)
{
    struct step *s = (struct step *)job;

    CHECK(s->worked == !dropped);
    told[told_cnt++] = s->n;
    if (told_cnt == wanted)
        ph_loop_stop(loop);
}

static struct step step(int n)
{
    return (struct step){.job = {.work = work, .done = done}, .n = n};
}

TEST(jobs_are_done_in_order_and_told_on_the_loop)
{
    struct ph_offload *offload;
    struct step steps[] = {step(0), step(1), step(2)};

    told_cnt = 0;
    wanted = 3;
    CHECK(ph_loop_new(&loop) == PH_OK);
    CHECK(ph_offload_start(loop, &offload) == PH_OK);
    for (size_t i = 0; i < PH_LEN(steps); i++)
        ph_offload_add(offload, &steps[i].job, false);
    CHECK(told_cnt == 0); /* not before the loop runs */
    ph_loop_run(loop);
    CHECK(told[0] == 0 && told[1] == 1 && told[2] == 2);
    ph_offload_stop(offload);
    ph_loop_free(loop);
}

/* Holds the thread until the test has lined up what follows. */
static sem_t begun, gate;

static void work_behind_gate(struct ph_job *job)
{
    (void)sem_post(&begun);
    (void)sem_wait(&gate);
    work(job);
}

TEST(a_first_job_goes_before_those_that_wait)
{
    struct ph_offload *offload;
    struct step held = step(0), last = step(1), first = step(2);

    told_cnt = 0;
    wanted = 3;
    held.job.work = work_behind_gate;
    CHECK(ph_loop_new(&loop) == PH_OK);
    CHECK(ph_offload_start(loop, &offload) == PH_OK);
    (void)sem_init(&begun, 0, 0);
    (void)sem_init(&gate, 0, 0);
    ph_offload_add(offload, &held.job, false);
    (void)sem_wait(&begun);
    ph_offload_add(offload, &last.job, false);
    ph_offload_add(offload, &first.job, true);
    (void)sem_post(&gate);
    ph_loop_run(loop);
    CHECK(told[0] == 0 && told[1] == 2 && told[2] == 1);
    ph_offload_stop(offload);
    ph_loop_free(loop);
}

TEST(a_stop_tells_what_was_done_and_what_was_not)
{
    struct ph_offload *offload;
    struct step steps[] = {step(0), step(1), step(2)};

    told_cnt = 0;
    wanted = -1;
    CHECK(ph_loop_new(&loop) == PH_OK);
    CHECK(ph_offload_start(loop, &offload) == PH_OK);
    for (size_t i = 0; i < PH_LEN(steps); i++)
        ph_offload_add(offload, &steps[i].job, false);
    ph_offload_stop(offload);
    CHECK(told_cnt == 3 && told[0] == 0 && told[1] == 1 && told[2] == 2);
    ph_loop_free(loop);
}

PH_TEST_MAIN(CASE(jobs_are_done_in_order_and_told_on_the_loop),
             CASE(a_first_job_goes_before_those_that_wait),
             CASE(a_stop_tells_what_was_done_and_what_was_not))
