/* 256-bit integers: text forms, and sums and products at their edges. */

#include "chain/u256.h"

#include "base/test.h"

#define MAX_DECIMAL "115792089237316195423570985008687907853269984665640564039457584007913129639935"

TEST(sixty_four_bits_go_in_and_out_and_more_is_refused)
{
    struct ph_u256 v = ph_u256_of(UINT64_MAX);
    uint64_t out = 7;

    CHECK(ph_u256_to_u64(&v, &out) == PH_OK && out == UINT64_MAX);
    for (size_t i = 0; i < 24; i++) {
        v = ph_u256_of(1);
        v.b[i] = 1;
        CHECK(ph_u256_to_u64(&v, &out) == PH_ERR_LIMIT && out == UINT64_MAX);
    }
}

TEST(a_sum_that_overflows_is_refused)
{
    struct ph_u256 max, one = ph_u256_of(1), sum = ph_u256_of(9);
    const struct ph_u256 low = ph_u256_of(UINT64_MAX);

    memset(max.b, 0xff, sizeof(max.b));
    CHECK(ph_u256_add(&max, &one, &sum) == PH_ERR_LIMIT && sum.b[31] == 9);
    CHECK(ph_u256_add(&low, &one, &sum) == PH_OK && sum.b[23] == 1 && sum.b[31] == 0);
    CHECK(ph_u256_cmp(&sum, &low) > 0 && ph_u256_cmp(&sum, &max) < 0);
}

TEST(a_product_is_whole)
{
    const struct ph_u256 got = ph_u256_product(UINT64_MAX, UINT64_MAX);
    char text[PH_U256_DECIMAL_LEN];

    ph_u256_format_decimal(&got, text);
    assert_string_equal(text, "340282366920938463426481119284349108225");
}

static enum ph_err decimal(const char *text, struct ph_u256 *out)
{
    return ph_u256_parse_decimal(ph_bytes_str(text), out);
}

TEST(decimal_text_goes_both_ways)
{
    static const char *const same[] = {"0", "7", "10", "1000000000000000000", MAX_DECIMAL};
    struct ph_u256 v;
    char text[PH_U256_DECIMAL_LEN];

    for (size_t i = 0; i < PH_LEN(same); i++) {
        CHECK(decimal(same[i], &v) == PH_OK);
        ph_u256_format_decimal(&v, text);
        assert_string_equal(text, same[i]);
    }
}

TEST(other_decimal_text_is_refused)
{
    struct ph_u256 v = ph_u256_of(5);
    static const char *const bad[] = {"", "00", "01", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1 "};

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(decimal(bad[i], &v) == PH_ERR_MALFORMED);
    /* one over the largest, and a digit more */
    CHECK(decimal("115792089237316195423570985008687907853269984665640564039457584007913129639936",
                  &v) == PH_ERR_LIMIT);
    CHECK(decimal(MAX_DECIMAL "0", &v) == PH_ERR_LIMIT);
    CHECK(v.b[31] == 5);
}

static enum ph_err quantity(const char *text, uint64_t *out)
{
    return ph_quantity_parse(ph_bytes_str(text), out);
}

TEST(quantities_have_one_form)
{
    static const char *const bad[] = {"", "0", "0x", "x1", "0X1", "0x01", "0x00", "0xg", "0x1 "};
    uint64_t v = 3;
    char text[PH_QUANTITY_LEN];

    CHECK(quantity("0x0", &v) == PH_OK && v == 0);
    CHECK(quantity("0xffffffffffffffff", &v) == PH_OK && v == UINT64_MAX);
    CHECK(quantity("0xAbC", &v) == PH_OK && v == 0xabc);
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(quantity(bad[i], &v) == PH_ERR_MALFORMED && v == 0xabc);
    CHECK(quantity("0x10000000000000000", &v) == PH_ERR_LIMIT);
    ph_quantity_format(UINT64_MAX, text);
    assert_string_equal(text, "0xffffffffffffffff");
    ph_quantity_format(0, text);
    assert_string_equal(text, "0x0");
}

TEST(a_quantity_of_256_bits_is_read_and_one_more_digit_is_not)
{
    char text[2 + 65 + 1] = "0x";
    struct ph_u256 v;

    memset(text + 2, 'f', 65);
    CHECK(ph_u256_parse_quantity((struct ph_bytes){(uint8_t *)text, 66}, &v) == PH_OK);
    for (size_t i = 0; i < sizeof(v.b); i++)
        CHECK(v.b[i] == 0xff);
    CHECK(ph_u256_parse_quantity((struct ph_bytes){(uint8_t *)text, 67}, &v) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(sixty_four_bits_go_in_and_out_and_more_is_refused),
             CASE(a_sum_that_overflows_is_refused), CASE(a_product_is_whole),
             CASE(decimal_text_goes_both_ways), CASE(other_decimal_text_is_refused),
             CASE(quantities_have_one_form),
             CASE(a_quantity_of_256_bits_is_read_and_one_more_digit_is_not))
