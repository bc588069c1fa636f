/* SHA-256, SHA-384 and SHA-512 as FIPS 180-4 writes them down. Speed is not the point: what hashes
 * a lot runs natively, with libcrypto. */

#include "crypto/sha2_portable_priv.h"

#include <string.h>

/* §4.2.3: fractions of the cube roots of the first 80 primes. SHA-256's (§4.2.2) are the upper
 * halves of the first 64. */
static const uint64_t cube_roots[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* §5.3: fractions of the square roots of the first 16 primes: SHA-512 starts from the first eight,
 * SHA-256 from their upper halves, SHA-384 from the others. */
static const uint64_t square_roots[16] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static uint32_t ror32(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint64_t ror64(uint64_t x, int n)
{
    return x >> n | x << (64 - n);
}

/* `len` bytes, most significant first. */
static uint64_t load(const uint8_t *at, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v = v << 8 | at[i];
    return v;
}

static void store(uint8_t *at, uint64_t v, size_t len)
{
    for (size_t i = len; i > 0; i--, v >>= 8)
        at[i - 1] = (uint8_t)v;
}

/* §6.2.2 */
static void block256(void *at_state, const uint8_t *block)
{
    uint32_t *const state = at_state, w[64], v[8];

    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)load(block + 4 * t, 4);
    for (int t = 16; t < 64; t++) {
        const uint32_t x = w[t - 15], y = w[t - 2];
        w[t] = w[t - 16] + (ror32(x, 7) ^ ror32(x, 18) ^ x >> 3) + w[t - 7] +
               (ror32(y, 17) ^ ror32(y, 19) ^ y >> 10);
    }
    memcpy(v, state, sizeof(v));
    for (int t = 0; t < 64; t++) {
        const uint32_t a = v[0], e = v[4];
        const uint32_t t1 = v[7] + (ror32(e, 6) ^ ror32(e, 11) ^ ror32(e, 25)) +
                            ((e & v[5]) ^ (~e & v[6])) + (uint32_t)(cube_roots[t] >> 32) + w[t];
        const uint32_t t2 =
            (ror32(a, 2) ^ ror32(a, 13) ^ ror32(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

/* §6.4.2 */
static void block512(void *at_state, const uint8_t *block)
{
    uint64_t *const state = at_state, w[80], v[8];

    for (int t = 0; t < 16; t++)
        w[t] = load(block + 8 * t, 8);
    for (int t = 16; t < 80; t++) {
        const uint64_t x = w[t - 15], y = w[t - 2];
        w[t] = w[t - 16] + (ror64(x, 1) ^ ror64(x, 8) ^ x >> 7) + w[t - 7] +
               (ror64(y, 19) ^ ror64(y, 61) ^ y >> 6);
    }
    memcpy(v, state, sizeof(v));
    for (int t = 0; t < 80; t++) {
        const uint64_t a = v[0], e = v[4];
        const uint64_t t1 = v[7] + (ror64(e, 14) ^ ror64(e, 18) ^ ror64(e, 41)) +
                            ((e & v[5]) ^ (~e & v[6])) + cube_roots[t] + w[t];
        const uint64_t t2 = (ror64(a, 28) ^ ror64(a, 34) ^ ror64(a, 39)) +
                            ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

/* What differs between the two sizes. */
struct core {
    void (*compress)(void *state, const uint8_t *block);
    size_t block_len;
};
static const struct core core256 = {block256, 64}, core512 = {block512, 128};

static void update(const struct core *core, void *state, uint8_t *block, uint32_t *used,
                   struct ph_bytes data)
{
    while (data.len > 0) {
        const size_t room = core->block_len - *used, take = data.len < room ? data.len : room;
        memcpy(block + *used, data.ptr, take);
        data.ptr += take;
        data.len -= take;
        *used += (uint32_t)take;
        if (*used == core->block_len) {
            core->compress(state, block);
            *used = 0;
        }
    }
}

/* §5.1: a one bit, zeros, and the number of bits in the last 8 or 16 bytes of a block. */
static void finish(const struct core *core, void *state, uint8_t *block, size_t used,
                   uint64_t total)
{
    const size_t size = core->block_len;

    block[used++] = 0x80;
    memset(block + used, 0, size - used);
    if (used > size - size / 8) {
        core->compress(state, block);
        memset(block, 0, size);
    }
    store(block + size - 8, total << 3, 8);
    if (size == 128)
        block[size - 9] = (uint8_t)(total >> 61);
    core->compress(state, block);
}

void ph_sha2_256_init(struct ph_sha2_256 *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
    for (int i = 0; i < 8; i++)
        ctx->state[i] = (uint32_t)(square_roots[i] >> 32);
}

void ph_sha2_256_update(struct ph_sha2_256 *ctx, struct ph_bytes data)
{
    ctx->total += data.len;
    update(&core256, ctx->state, ctx->block, &ctx->used, data);
}

void ph_sha2_256_final(struct ph_sha2_256 *ctx, uint8_t out[static 32])
{
    finish(&core256, ctx->state, ctx->block, ctx->used, ctx->total);
    for (size_t i = 0; i < 8; i++)
        store(out + 4 * i, ctx->state[i], 4);
}

void ph_sha2_384_init(struct ph_sha2_512 *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
    memcpy(ctx->state, square_roots + 8, sizeof(ctx->state));
}

void ph_sha2_512_init(struct ph_sha2_512 *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
    memcpy(ctx->state, square_roots, sizeof(ctx->state));
}

void ph_sha2_512_update(struct ph_sha2_512 *ctx, struct ph_bytes data)
{
    ctx->total += data.len;
    update(&core512, ctx->state, ctx->block, &ctx->used, data);
}

void ph_sha2_512_final(struct ph_sha2_512 *ctx, uint8_t *out, size_t out_len)
{
    finish(&core512, ctx->state, ctx->block, ctx->used, ctx->total);
    for (size_t i = 0; i < out_len / 8; i++)
        store(out + 8 * i, ctx->state[i], 8);
}
