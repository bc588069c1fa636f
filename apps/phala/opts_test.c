#include "opts.h"

#include "base/test.h"

static const struct ph_opt table[] = {
    {"json", 0, NULL, "print JSON"},
    {"worker", 'w', "URL", "worker"},
    {"header", 'H', "LINE", "header"},
    {0},
};
static const struct ph_opt *const tables[] = {table, NULL};

static enum ph_err parse(struct ph_opts *o, char why[static 256], int argc, const char *const *argv)
{
    why[0] = '\0';
    return ph_opts_parse(tables, argc, (char **)(uintptr_t)argv, o, why);
}
#define PARSE(...)                                                                                 \
    parse(&o, why, (int)PH_LEN(((const char *const[]){"cmd", __VA_ARGS__})),                       \
          (const char *const[]){"cmd", __VA_ARGS__})

TEST(every_form_of_a_value_is_read)
{
    struct ph_opts o;
    char why[256];
    CHECK(PARSE("--worker", "a", "x") == PH_OK);
    assert_string_equal(ph_opts_get(&o, "worker"), "a");
    CHECK(PARSE("--worker=b=c") == PH_OK);
    assert_string_equal(ph_opts_get(&o, "worker"), "b=c");
    CHECK(PARSE("-w", "d") == PH_OK);
    assert_string_equal(ph_opts_get(&o, "worker"), "d");
    CHECK(PARSE("-we") == PH_OK);
    assert_string_equal(ph_opts_get(&o, "worker"), "e");
    CHECK(PARSE("--worker=") == PH_OK);
    assert_string_equal(ph_opts_get(&o, "worker"), "");
}

TEST(options_and_operands_mix_until_a_double_dash)
{
    struct ph_opts o;
    char why[256];
    CHECK(PARSE("x", "--json", "-", "--", "--worker") == PH_OK);
    CHECK(o.operand_cnt == 3 && ph_opts_has(&o, "json") && !ph_opts_has(&o, "worker"));
    assert_string_equal(o.operands[0], "x");
    assert_string_equal(o.operands[1], "-");
    assert_string_equal(o.operands[2], "--worker");
}

TEST(a_repeated_option_keeps_order_and_the_last_wins)
{
    struct ph_opts o;
    char why[256];
    CHECK(PARSE("-H", "a: 1", "--header=b: 2", "--json") == PH_OK);
    size_t at = 0;
    assert_string_equal(ph_opts_next(&o, "header", &at), "a: 1");
    assert_string_equal(ph_opts_next(&o, "header", &at), "b: 2");
    CHECK(ph_opts_next(&o, "header", &at) == NULL);
    assert_string_equal(ph_opts_get(&o, "header"), "b: 2");
}

TEST(what_is_not_in_the_table_is_refused_by_name)
{
    struct ph_opts o;
    char why[256];
    CHECK(PARSE("--wroker", "a") == PH_ERR_MALFORMED && strstr(why, "--wroker") != NULL);
    CHECK(PARSE("-x") == PH_ERR_MALFORMED && strstr(why, "-x") != NULL);
    CHECK(PARSE("--json=1") == PH_ERR_MALFORMED && strstr(why, "no value") != NULL);
    CHECK(PARSE("x", "--worker") == PH_ERR_MALFORMED && strstr(why, "needs a value") != NULL);
    CHECK(PARSE("--worke", "a") == PH_ERR_MALFORMED); /* no abbreviations: they change meaning
                                                         when an option is added */
}

TEST(too_many_words_are_refused)
{
    struct ph_opts o;
    char why[256], word[] = "x";
    char *argv[PH_OPTS_GIVEN_MAX + 2];
    for (size_t i = 0; i < PH_LEN(argv); i++)
        argv[i] = word;
    CHECK(ph_opts_parse(tables, PH_OPTS_GIVEN_MAX + 1, argv, &o, why) == PH_OK);
    CHECK(ph_opts_parse(tables, PH_OPTS_GIVEN_MAX + 2, argv, &o, why) == PH_ERR_LIMIT);
}

TEST(numbers_are_plain_decimals_within_bounds)
{
    uint64_t n = 7;
    CHECK(ph_opts_number("0", 0, 10, &n) == PH_OK && n == 0);
    CHECK(ph_opts_number("10", 0, 10, &n) == PH_OK && n == 10);
    const char *const bad[] = {
        "", "11", "-1", "+1", " 1", "1 ", "0x1", "1e1", "18446744073709551617"};
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_opts_number(bad[i], 0, 10, &n) == PH_ERR_MALFORMED && n == 10);
}

PH_TEST_MAIN(CASE(every_form_of_a_value_is_read),
             CASE(options_and_operands_mix_until_a_double_dash),
             CASE(a_repeated_option_keeps_order_and_the_last_wins),
             CASE(what_is_not_in_the_table_is_refused_by_name), CASE(too_many_words_are_refused),
             CASE(numbers_are_plain_decimals_within_bounds))
