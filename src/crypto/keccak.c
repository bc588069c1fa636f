/* Keccak-f[1600] with rate 136 and padding 0x01: OpenSSL 3.0 has SHA-3 but not this padding. */

#include "crypto/hash.h"

#include <endian.h>

enum { RATE = 136, LANES = RATE / 8, ROUNDS = 24 };

static inline uint64_t rol(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Keccak reference §1.2, the iota constants. */
static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* One row of chi: five lanes of b, taken from the pi and rho positions, into row y of the state. */
#define ROW(y, b0, b1, b2, b3, b4)                                                                 \
    do {                                                                                           \
        const uint64_t r0 = (b0), r1 = (b1), r2 = (b2), r3 = (b3), r4 = (b4);                      \
        e[5 * (y) + 0] = r0 ^ (~r1 & r2);                                                          \
        e[5 * (y) + 1] = r1 ^ (~r2 & r3);                                                          \
        e[5 * (y) + 2] = r2 ^ (~r3 & r4);                                                          \
        e[5 * (y) + 3] = r3 ^ (~r4 & r0);                                                          \
        e[5 * (y) + 4] = r4 ^ (~r0 & r1);                                                          \
    } while (0)

/* Theta, rho, pi, chi, iota from `a` into `e`; the caller swaps them, so no lane is copied. */
static inline __attribute__((always_inline)) void keccak_round(const uint64_t a[static 25],
                                                               uint64_t e[static 25], uint64_t rc)
{
    const uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    const uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    const uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    const uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    const uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    const uint64_t d0 = c4 ^ rol(c1, 1), d1 = c0 ^ rol(c2, 1), d2 = c1 ^ rol(c3, 1);
    const uint64_t d3 = c2 ^ rol(c4, 1), d4 = c3 ^ rol(c0, 1);

    ROW(0, a[0] ^ d0, rol(a[6] ^ d1, 44), rol(a[12] ^ d2, 43), rol(a[18] ^ d3, 21),
        rol(a[24] ^ d4, 14));
    e[0] ^= rc;
    ROW(1, rol(a[3] ^ d3, 28), rol(a[9] ^ d4, 20), rol(a[10] ^ d0, 3), rol(a[16] ^ d1, 45),
        rol(a[22] ^ d2, 61));
    ROW(2, rol(a[1] ^ d1, 1), rol(a[7] ^ d2, 6), rol(a[13] ^ d3, 25), rol(a[19] ^ d4, 8),
        rol(a[20] ^ d0, 18));
    ROW(3, rol(a[4] ^ d4, 27), rol(a[5] ^ d0, 36), rol(a[11] ^ d1, 10), rol(a[17] ^ d2, 15),
        rol(a[23] ^ d3, 56));
    ROW(4, rol(a[2] ^ d2, 62), rol(a[8] ^ d3, 55), rol(a[14] ^ d4, 39), rol(a[15] ^ d0, 41),
        rol(a[21] ^ d1, 2));
}

static void permute(uint64_t a[static 25])
{
    uint64_t e[25];

    for (int i = 0; i < ROUNDS; i += 2) {
        keccak_round(a, e, round_constants[i]);
        keccak_round(e, a, round_constants[i + 1]);
    }
}

static void absorb(uint64_t state[static 25], const uint8_t block[static RATE])
{
    for (size_t i = 0; i < LANES; i++) {
        uint64_t lane;
        memcpy(&lane, block + 8 * i, 8);
        state[i] ^= le64toh(lane);
    }
    permute(state);
}

void ph_keccak256(struct ph_bytes data, uint8_t out[static PH_KECCAK256_LEN])
{
    uint64_t state[25] = {0};
    uint8_t last[RATE] = {0};

    while (data.len >= RATE) {
        absorb(state, data.ptr);
        data = (struct ph_bytes){data.ptr + RATE, data.len - RATE};
    }
    if (data.len > 0)
        memcpy(last, data.ptr, data.len);
    last[data.len] = 0x01;
    last[RATE - 1] |= 0x80;
    absorb(state, last);

    for (size_t i = 0; i < PH_KECCAK256_LEN / 8; i++) {
        uint64_t lane = htole64(state[i]);
        memcpy(out + 8 * i, &lane, 8);
    }
}
