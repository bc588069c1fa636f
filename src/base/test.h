#ifndef PH_BASE_TEST_H
#define PH_BASE_TEST_H

/* The few lines every unit test shares: cmocka, a CHECK that says what failed, and PH_TEST_MAIN.
 * Tests print TAP (CMOCKA_MESSAGE_OUTPUT=TAP is set by the build).
 */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CASE(name) cmocka_unit_test(name)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("%s", "CHECK failed: " #cond);                                                \
    } while (0)
/* A case that cannot run here: prints why and counts as skipped, never as passed. */
#define SKIP_BECAUSE(why)                                                                          \
    do {                                                                                           \
        print_message("# SKIP %s\n", (why));                                                       \
        skip();                                                                                    \
    } while (0)
#define PH_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest cases[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(cases, NULL, NULL);                                          \
    }

#endif
