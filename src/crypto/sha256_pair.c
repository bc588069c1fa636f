/* A round of SHA-256 waits for the one before: sha256rnds2 takes several cycles and a processor can
 * begin one long before. Two independent messages, round by round in turn, keep it busier. The
 * rounds are in the order of FIPS 180-4 §6.2.2; the instructions, their operands and the layout of
 * the state (ABEF, CDGH) are those of Intel's SDM, volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
 *
 * On an AMD EPYC, for each of two (bench/receipts_bench, medians of 7): a leaf 45 ns instead of 63,
 * a node of the tree 51 instead of 82, and with them all that receipts take in phalad for a call
 * 316 instead of 367. A request and its answer in the hello workload: 130 instead of 165 for both.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256_pair_priv.h"

#include "base/own.h"

#include <cpuid.h>
#include <endian.h>
#include <immintrin.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <string.h>

#define NI __attribute__((target("sha,ssse3,sse4.1")))
#define NI_INLINE static inline __attribute__((always_inline, target("sha,ssse3,sse4.1")))

enum { BLOCK = 64 };

/* FIPS 180-4 §4.2.2 */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

struct lane {
    __m128i abef, cdgh;
    __m128i w[4]; /* the last 16 words of the message schedule */
};

NI_INLINE void lane_load(struct lane *l, const uint32_t h[static 8])
{
    const __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    const __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);

    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

NI_INLINE void lane_store(const struct lane *l, uint32_t h[static 8])
{
    const __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Rounds 4g to 4g+3. */
NI_INLINE void lane_rounds(struct lane *l, const uint8_t *block, int g)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const int at = g % 4, at1 = (g + 1) % 4, at2 = (g + 2) % 4, at3 = (g + 3) % 4;

    if (g < 4) {
        const __m128i raw = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * g));
        l->w[at] = _mm_shuffle_epi8(raw, big_endian);
    } else {
        const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(l->w[at], l->w[at1]),
                                          _mm_alignr_epi8(l->w[at3], l->w[at2], 4));
        l->w[at] = _mm_sha256msg2_epu32(sum, l->w[at3]);
    }
    const __m128i k = _mm_load_si128((const __m128i *)(const void *)(round_constants + 4 * g));
    const __m128i wk = _mm_add_epi32(l->w[at], k);
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, wk);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* `cnt` blocks of each message into its state. */
NI static void compress(uint32_t ha[static 8], uint32_t hb[static 8], const uint8_t *a,
                        const uint8_t *b, size_t cnt)
{
    struct lane la, lb;

    lane_load(&la, ha);
    lane_load(&lb, hb);
    for (; cnt > 0; cnt--, a += BLOCK, b += BLOCK) {
        const struct lane a0 = la, b0 = lb;
/* Written out: the compilers then keep the schedules in registers. */
#define ROUNDS(g) lane_rounds(&la, a, g), lane_rounds(&lb, b, g)
        ROUNDS(0), ROUNDS(1), ROUNDS(2), ROUNDS(3), ROUNDS(4), ROUNDS(5), ROUNDS(6), ROUNDS(7);
        ROUNDS(8), ROUNDS(9), ROUNDS(10), ROUNDS(11), ROUNDS(12), ROUNDS(13), ROUNDS(14);
        ROUNDS(15);
#undef ROUNDS
        la.abef = _mm_add_epi32(la.abef, a0.abef);
        la.cdgh = _mm_add_epi32(la.cdgh, a0.cdgh);
        lb.abef = _mm_add_epi32(lb.abef, b0.abef);
        lb.cdgh = _mm_add_epi32(lb.cdgh, b0.cdgh);
    }
    lane_store(&la, ha);
    lane_store(&lb, hb);
}

/* The same for one message. */
NI static void compress_one(uint32_t h[static 8], const uint8_t *block, size_t cnt)
{
    struct lane l;

    lane_load(&l, h);
    for (; cnt > 0; cnt--, block += BLOCK) {
        const struct lane before = l;
#define ROUNDS(g) lane_rounds(&l, block, g)
        ROUNDS(0), ROUNDS(1), ROUNDS(2), ROUNDS(3), ROUNDS(4), ROUNDS(5), ROUNDS(6), ROUNDS(7);
        ROUNDS(8), ROUNDS(9), ROUNDS(10), ROUNDS(11), ROUNDS(12), ROUNDS(13), ROUNDS(14);
        ROUNDS(15);
#undef ROUNDS
        l.abef = _mm_add_epi32(l.abef, before.abef);
        l.cdgh = _mm_add_epi32(l.cdgh, before.cdgh);
    }
    lane_store(&l, h);
}

/* The last one or two blocks: what of the message fills no block, and the padding. FIPS 180-4
 * §5.1.1. Yields their number. */
static size_t pad(uint8_t last[static 2 * BLOCK], const SHA256_CTX *before, struct ph_bytes data)
{
    const uint64_t before_bits = (uint64_t)before->Nh << 32 | before->Nl;
    const size_t part = before->num, rest = part > 0 ? data.len : data.len % BLOCK;
    const size_t cnt = part + rest + 9 > BLOCK ? 2 : 1;

    memset(last, 0, 2 * BLOCK);
    if (part > 0)
        memcpy(last, before->data, part);
    if (rest > 0)
        memcpy(last + part, data.ptr + (data.len - rest), rest);
    last[part + rest] = 0x80;
    ph_put_u64be(last + cnt * BLOCK - 8, before_bits + (uint64_t)data.len * 8);
    return cnt;
}

/* Behind a part of a block there may be no more than the last two blocks hold. */
static bool fits(const SHA256_CTX *before, struct ph_bytes data)
{
    return before->num == 0 || before->num + data.len + 9 <= 2 * BLOCK;
}

static size_t whole_blocks(const SHA256_CTX *before, struct ph_bytes data)
{
    return before->num > 0 ? 0 : data.len / BLOCK;
}

/* As many blocks of both as both have, then what one has more. */
static void compress_both(uint32_t ha[static 8], uint32_t hb[static 8], const uint8_t *a,
                          const uint8_t *b, size_t cnt_a, size_t cnt_b)
{
    const size_t both = cnt_a < cnt_b ? cnt_a : cnt_b;

    if (both > 0)
        compress(ha, hb, a, b, both);
    if (cnt_a > both)
        compress_one(ha, a + both * BLOCK, cnt_a - both);
    if (cnt_b > both)
        compress_one(hb, b + both * BLOCK, cnt_b - both);
}

static void put_digest(const uint32_t h[static 8], uint8_t out[static PH_SHA256_LEN])
{
    for (size_t i = 0; i < 8; i++) {
        const uint32_t be = htobe32(h[i]);
        memcpy(out + 4 * i, &be, 4);
    }
}

bool ph_sha256_pair_ni(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                       struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                       uint8_t out_b[static PH_SHA256_LEN])
{
    const SHA256_CTX *ca = (const SHA256_CTX *)(const void *)from_a->opaque;
    const SHA256_CTX *cb = (const SHA256_CTX *)(const void *)from_b->opaque;
    uint32_t ha[8], hb[8];
    uint8_t last_a[2 * BLOCK] PH_NO_INIT, last_b[2 * BLOCK] PH_NO_INIT;

    if (!fits(ca, a) || !fits(cb, b))
        return false;
    memcpy(ha, ca->h, sizeof(ha));
    memcpy(hb, cb->h, sizeof(hb));
    compress_both(ha, hb, a.ptr, b.ptr, whole_blocks(ca, a), whole_blocks(cb, b));
    const size_t cnt_a = pad(last_a, ca, a), cnt_b = pad(last_b, cb, b);
    compress_both(ha, hb, last_a, last_b, cnt_a, cnt_b);
    put_digest(ha, out_a);
    put_digest(hb, out_b);
    return true;
}

static void hash_rest(const struct ph_sha256 *from, struct ph_bytes data,
                      uint8_t out[static PH_SHA256_LEN])
{
    struct ph_sha256 ctx = *from;

    ph_sha256_update(&ctx, data);
    ph_sha256_final(&ctx, out);
}

void ph_sha256_pair_plain(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                          struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                          uint8_t out_b[static PH_SHA256_LEN])
{
    hash_rest(from_a, a, out_a);
    hash_rest(from_b, b, out_b);
}

/* gcc 12's __builtin_cpu_supports does not know "sha". Asked once: a virtual machine's CPUID goes
 * to the hypervisor. */
bool ph_sha256_pair_has_ni(void)
{
    enum { UNKNOWN, NO, YES };
    static atomic_int cached = UNKNOWN;
    int known = atomic_load_explicit(&cached, memory_order_relaxed);

    if (known == UNKNOWN) {
        unsigned eax, ebx, ecx, edx;
        known = NO;
        if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSSE3) && (ecx & bit_SSE4_1) &&
            __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA))
            known = YES;
        atomic_store_explicit(&cached, known, memory_order_relaxed);
    }
    return known == YES;
}

void ph_sha256_pair_from(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                         struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                         uint8_t out_b[static PH_SHA256_LEN])
{
    if (!ph_sha256_pair_has_ni() || !ph_sha256_pair_ni(from_a, from_b, a, b, out_a, out_b))
        ph_sha256_pair_plain(from_a, from_b, a, b, out_a, out_b);
}

void ph_sha256_pair(struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                    uint8_t out_b[static PH_SHA256_LEN])
{
    struct ph_sha256 start;

    ph_sha256_init(&start);
    ph_sha256_pair_from(&start, &start, a, b, out_a, out_b);
}
