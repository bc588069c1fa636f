#include "printable.h"

#include "base/bytes.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

static void check(const char *in, const char *expected)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "%s", in);
    ph_printable_str(text);
    assert_string_equal(text, expected);
}

TEST(what_steers_a_terminal_becomes_a_question_mark)
{
    static const char *const bad[] = {
        "\x01", "\x1b", "\r", "\b", "\x7f", "\xc2\x80", "\xc2\x85", "\xc2\x9b", "\xc2\x9f",
        "\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
        "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9",
        /* no UTF-8: a bare continuation byte is a C1 character to an 8-bit terminal */
        "\x80", "\x9b", "\xff", "\xf8"};

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        char in[32];
        (void)snprintf(in, sizeof(in), "a%sb", bad[i]);
        check(in, "a?b");
        check(bad[i], "?");
    }
    check("\x1b[2J\xc2\x9b"
          "31m",
          "?[2J?31m");
    check("\xc0\x9b", "??");           /* overlong */
    check("\xe0\x82\x9b", "???");      /* overlong C1 */
    check("\xed\xa0\x80", "???");      /* surrogate */
    check("\xf4\x90\x80\x80", "????"); /* beyond U+10FFFF */
    check("a\xe2\x80", "a??");         /* cut off */
    check("\xc2", "?");
}

TEST(all_other_text_stays_as_it_is)
{
    static const char *const good[] = {
        "",
        "plain text\n\tand more ~",
        "\xc2\xa0",
        "Gr\xc3\xbc\xc3\x9f x",
        "\xe2\x80\xa6 \xe2\x80\x93 \xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
        "\xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x99\x82",
        "\xf4\x8f\xbf\xbf"};

    for (size_t i = 0; i < PH_LEN(good); i++)
        check(good[i], good[i]);
}

TEST(zero_bytes_inside_are_controls_too)
{
    uint8_t text[] = {'a', 0, 'b', 0xc2};

    assert_int_equal(ph_printable(text, 4), 4);
    assert_memory_equal(text, "a?b?", 4);
    assert_int_equal(ph_printable(text, 0), 0);
}

PH_TEST_MAIN(CASE(what_steers_a_terminal_becomes_a_question_mark),
             CASE(all_other_text_stays_as_it_is), CASE(zero_bytes_inside_are_controls_too))
