#include "runtime/engine.h"
#include "runtime/run_fixture.h"

#include "base/own.h"
#include "base/test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* A real zygote and real instances; this test is phalad. */

static struct ph_rig rig;
static const struct ph_rig_limits usual = {.cpu_ms = 2000, .memory_mib = 128, .subrequests = 50};

static int setup(void **state)
{
    (void)state;
    ph_rig_open(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ph_rig_close(&rig);
    return 0;
}

static const char hello[] =
    "globalThis.__phat = { default: { fetch(req, env) { return new Response(env.GREETING + ' ' + "
    "req.method + ' ' + req.url); } } };";

TEST(a_call_is_answered_in_one_frame)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual, hello);
    ph_rig_answers(&i, 1, "/a", "hello GET http://phat.test/a");
    ph_rig_answers(&i, 2, "/\xc3\xa4", "hello GET http://phat.test/%C3%A4");
    ph_rig_drop(&i);
}

static int main_with_rig(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_call_is_answered_in_one_frame),
    };
    return cmocka_run_group_tests(cases, setup, teardown);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return main_with_rig();
}
