#include "scrypt_wide.h"

#include "crypto/aead.h"

#include <stdlib.h>

static uint32_t rotl(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

/* RFC 7914 §3: Salsa20 with 8 rounds, on 16 words in place. */
static void salsa20_8(uint32_t b[static 16])
{
    static const uint8_t order[8][4] = {
        {0, 4, 8, 12}, {5, 9, 13, 1}, {10, 14, 2, 6}, {15, 3, 7, 11},
        {0, 1, 2, 3},  {5, 6, 7, 4},  {10, 11, 8, 9}, {15, 12, 13, 14},
    };
    uint32_t x[16];
    memcpy(x, b, sizeof(x));
    for (int round = 0; round < 8; round += 2) {
        for (size_t i = 0; i < PH_LEN(order); i++) {
            const uint8_t *q = order[i];
            x[q[1]] ^= rotl(x[q[0]] + x[q[3]], 7);
            x[q[2]] ^= rotl(x[q[1]] + x[q[0]], 9);
            x[q[3]] ^= rotl(x[q[2]] + x[q[1]], 13);
            x[q[0]] ^= rotl(x[q[3]] + x[q[2]], 18);
        }
    }
    for (size_t i = 0; i < 16; i++)
        b[i] += x[i];
}

/* RFC 7914 §4: scryptBlockMix of 2r blocks; `y` is room for as many. */
static void block_mix(uint32_t *b, uint32_t *y, size_t r)
{
    uint32_t x[16];
    memcpy(x, b + (2 * r - 1) * 16, sizeof(x));
    for (size_t i = 0; i < 2 * r; i++) {
        for (size_t k = 0; k < 16; k++)
            x[k] ^= b[i * 16 + k];
        salsa20_8(x);
        memcpy(y + (i / 2 + (i % 2) * r) * 16, x, sizeof(x));
    }
    memcpy(b, y, 2 * r * sizeof(x));
}

/* RFC 7914 §5: scryptROMix; `v` is room for n blocks of 32 r words, one more follows for `y`. */
static void ro_mix(uint32_t *b, uint32_t *v, uint64_t n, size_t r)
{
    const size_t words = 32 * r;
    uint32_t *y = v + n * words;
    for (uint64_t i = 0; i < n; i++) {
        memcpy(v + i * words, b, words * sizeof(*b));
        block_mix(b, y, r);
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint32_t *last = b + (2 * r - 1) * 16;
        uint64_t j = (last[0] | (uint64_t)last[1] << 32) & (n - 1);
        for (size_t k = 0; k < words; k++)
            b[k] ^= v[j * words + k];
        block_mix(b, y, r);
    }
}

static void words_of(uint32_t *words, const uint8_t *bytes, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        words[i] = bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
                   (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
}

enum ph_err ph_scrypt_wide(struct ph_bytes password, struct ph_bytes salt, uint64_t n, uint32_t r,
                           uint32_t p, uint8_t out[static 32])
{
    const size_t words = (size_t)32 * r, block_len = words * 4;
    const size_t v_len = (n + 1) * block_len;
    uint8_t *b = malloc(p * block_len);
    uint32_t *v = malloc(v_len), *x = malloc(block_len);
    enum ph_err err = b != NULL && v != NULL && x != NULL ? PH_OK : PH_ERR_NOMEM;
    if (err == PH_OK)
        err = ph_pbkdf2_sha256(password, salt, 1, b, p * block_len);
    for (uint32_t i = 0; err == PH_OK && i < p; i++) {
        words_of(x, b + i * block_len, words);
        ro_mix(x, v, n, r);
        for (size_t k = 0; k < words; k++)
            ph_put_u32le(b + i * block_len + 4 * k, x[k]);
    }
    if (err == PH_OK)
        err = ph_pbkdf2_sha256(password, (struct ph_bytes){b, p * block_len}, 1, out, 32);
    if (b != NULL && v != NULL && x != NULL) {
        ph_wipe(b, p * block_len);
        ph_wipe(v, v_len);
        ph_wipe(x, block_len);
    }
    free(b);
    free(v);
    free(x);
    return err;
}
