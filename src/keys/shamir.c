#include "keys/shamir.h"

#include <assert.h>

/* a * b modulo x^8 + x^4 + x^3 + x + 1: the same steps whatever the values. */
static uint8_t mul(uint8_t a, uint8_t b)
{
    unsigned product = 0, shifted = a;

    for (int i = 0; i < 8; i++) {
        product ^= shifted & (0U - (b >> i & 1U));
        shifted = shifted << 1 ^ (0x11bU & (0U - (shifted >> 7)));
    }
    return (uint8_t)product;
}

/* a^254, which is 1/a, and 0 for 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t power = a, result = 1;

    for (int i = 1; i < 8; i++) { /* 254 = 2 + 4 + … + 128 */
        power = mul(power, power);
        result = mul(result, power);
    }
    return result;
}

void ph_shamir_split(const uint8_t secret[static PH_SHAMIR_LEN], uint32_t needed, uint32_t cnt,
                     const uint8_t *random, struct ph_shamir_share *out)
{
    assert(needed >= 1 && needed <= cnt && cnt <= PH_SHAMIR_SHARES_MAX);
    for (uint32_t i = 0; i < cnt; i++) {
        out[i].x = (uint8_t)(i + 1);
        for (size_t b = 0; b < PH_SHAMIR_LEN; b++) {
            uint8_t y = 0; /* Horner, from the highest coefficient */
            for (uint32_t k = needed - 1; k > 0; k--)
                y = mul(y, out[i].x) ^ random[(size_t)(k - 1) * PH_SHAMIR_LEN + b];
            out[i].y[b] = mul(y, out[i].x) ^ secret[b];
        }
    }
}

enum ph_err ph_shamir_combine(const struct ph_shamir_share *shares, uint32_t cnt,
                              uint8_t out[static PH_SHAMIR_LEN])
{
    if (cnt == 0 || cnt > PH_SHAMIR_SHARES_MAX)
        return PH_ERR_MALFORMED;
    for (uint32_t i = 0; i < cnt; i++) {
        if (shares[i].x == 0)
            return PH_ERR_MALFORMED;
        for (uint32_t j = 0; j < i; j++)
            if (shares[i].x == shares[j].x)
                return PH_ERR_MALFORMED;
    }
    memset(out, 0, PH_SHAMIR_LEN);
    for (uint32_t i = 0; i < cnt; i++) {
        uint8_t weight = 1; /* Lagrange's at 0: product of xj / (xj - xi) */
        for (uint32_t j = 0; j < cnt; j++)
            if (j != i)
                weight =
                    mul(weight, mul(shares[j].x, inverse((uint8_t)(shares[j].x ^ shares[i].x))));
        for (size_t b = 0; b < PH_SHAMIR_LEN; b++)
            out[b] ^= mul(weight, shares[i].y[b]);
    }
    return PH_OK;
}
