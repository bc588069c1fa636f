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
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CASE(name) cmocka_unit_test(name)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("%s", "CHECK failed: " #cond);                                                \
    } while (0)
/* A case that cannot run here: prints why and counts as skipped, never as passed nor as failed. */
#define SKIP_BECAUSE(why)                                                                          \
    do {                                                                                           \
        print_message("# SKIP %s\n", (why));                                                       \
        skip();                                                                                    \
    } while (0)
/* cmocka 1.1.5 reports a skipped case as "not ok 3 # SKIP", which TAP readers take for a failure:
 * what it prints goes through here, and loses that "not ". */
static inline ssize_t ph_test_write_tap(void *unused, const char *text, size_t len)
{
    (void)unused;
    for (size_t at = 0; at < len;) {
        const char *line = text + at, *lf = (const char *)memchr(line, '\n', len - at);
        const size_t n = lf ? (size_t)(lf - line) + 1 : len - at;
        const size_t cut =
            n > 4 && memcmp(line, "not ", 4) == 0 && memmem(line, n, "# SKIP", 6) ? 4 : 0;
        for (size_t done = cut; done < n;) {
            const ssize_t put = write(STDOUT_FILENO, line + done, n - done);
            if (put <= 0)
                return 0;
            done += (size_t)put;
        }
        at += n;
    }
    return (ssize_t)len;
}
static inline void ph_test_fix_tap(void)
{
    FILE *tap = fopencookie(NULL, "w", (cookie_io_functions_t){.write = ph_test_write_tap});

    if (tap && setvbuf(tap, NULL, _IOLBF, BUFSIZ) == 0)
        stdout = tap;
}

#define PH_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest cases[] = {__VA_ARGS__};                                           \
        ph_test_fix_tap();                                                                         \
        return cmocka_run_group_tests(cases, NULL, NULL);                                          \
    }

#endif
