/* Carries and products as any processor makes them, beside 128-bit arithmetic. */

#include "crypto/limbs_priv.h"

#include "base/bytes.h"
#include "base/test.h"

static const uint64_t edges[] = {
    0, 1, 2, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX};

TEST(carries_are_those_of_128_bit_arithmetic)
{
    for (size_t i = 0; i < PH_LEN(edges); i++) {
        for (size_t j = 0; j < PH_LEN(edges); j++) {
            for (unsigned char in = 0; in < 2; in++) {
                const ph_u128 sum = (ph_u128)edges[i] + edges[j] + in;
                const ph_u128 rest = (ph_u128)edges[i] - edges[j] - in;
                unsigned char carry = in, borrow = in;
                CHECK(ph_adc_portable(edges[i], edges[j], &carry) == (uint64_t)sum);
                CHECK(carry == (unsigned char)(sum >> 64));
                CHECK(ph_sbb_portable(edges[i], edges[j], &borrow) == (uint64_t)rest);
                CHECK(borrow == (unsigned char)(rest >> 64 & 1));
            }
        }
    }
}

TEST(products_are_those_of_128_bit_arithmetic)
{
    static const uint64_t more[] = {0x00000000ffffffff, 0xffffffff00000000, 0x0123456789abcdef};
    uint64_t n[PH_LEN(edges) + PH_LEN(more)];

    memcpy(n, edges, sizeof(edges));
    memcpy(n + PH_LEN(edges), more, sizeof(more));
    for (size_t i = 0; i < PH_LEN(n) * PH_LEN(n) * PH_LEN(n) * PH_LEN(n); i++) {
        const uint64_t a = n[i % PH_LEN(n)], b = n[i / PH_LEN(n) % PH_LEN(n)];
        const uint64_t add = n[i / (PH_LEN(n) * PH_LEN(n)) % PH_LEN(n)];
        uint64_t carry = n[i / (PH_LEN(n) * PH_LEN(n) * PH_LEN(n))];
        const ph_u128 want = (ph_u128)a * b + add + carry;
        CHECK(ph_mac_portable(a, b, add, &carry) == (uint64_t)want);
        CHECK(carry == (uint64_t)(want >> 64));
    }
}

PH_TEST_MAIN(CASE(carries_are_those_of_128_bit_arithmetic),
             CASE(products_are_those_of_128_bit_arithmetic))
