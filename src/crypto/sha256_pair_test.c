/* Two messages at once: by the processor's instructions, by libcrypto, and as the one-shot hash has
 * it. */

#include "crypto/sha256_pair_priv.h"

#include "crypto/aead.h"
#include "crypto/test_priv.h"

typedef void pair_fn(const struct ph_sha256 *, const struct ph_sha256 *, struct ph_bytes,
                     struct ph_bytes, uint8_t *, uint8_t *);

static void by_ni(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b, struct ph_bytes a,
                  struct ph_bytes b, uint8_t *out_a, uint8_t *out_b)
{
    CHECK(ph_sha256_pair_ni(from_a, from_b, a, b, out_a, out_b));
}

static void by_libcrypto(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                         struct ph_bytes a, struct ph_bytes b, uint8_t *out_a, uint8_t *out_b)
{
    ph_sha256_pair_plain(from_a, from_b, a, b, out_a, out_b);
}

static void by_choice(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                      struct ph_bytes a, struct ph_bytes b, uint8_t *out_a, uint8_t *out_b)
{
    ph_sha256_pair_from(from_a, from_b, a, b, out_a, out_b);
}

/* The ways that this processor has; the instructions come last. */
static pair_fn *const ways[] = {by_libcrypto, by_choice, by_ni};

static size_t way_cnt(void)
{
    return ph_sha256_pair_has_ni() ? PH_LEN(ways) : PH_LEN(ways) - 1;
}

static void begin(struct ph_sha256 *ctx, struct ph_bytes front)
{
    ph_sha256_init(ctx);
    ph_sha256_update(ctx, front);
}

static void check_way(pair_fn *way, struct ph_bytes front_a, struct ph_bytes front_b,
                      struct ph_bytes a, struct ph_bytes b, const uint8_t *want_a,
                      const uint8_t *want_b)
{
    struct ph_sha256 from_a, from_b, kept;
    uint8_t got[2][PH_SHA256_LEN] = {{0}};

    begin(&from_a, front_a);
    begin(&from_b, front_b);
    kept = from_a;
    way(&from_a, &from_b, a, b, got[0], got[1]);
    assert_memory_equal(got[0], want_a, PH_SHA256_LEN);
    assert_memory_equal(got[1], want_b, PH_SHA256_LEN);
    assert_memory_equal(&from_a, &kept, sizeof(kept)); /* may be used again */
}

/* SHA-256 of front and data by the one-shot form. */
static void hash_whole(struct ph_bytes front, struct ph_bytes data, uint8_t *out)
{
    static uint8_t all[2048];

    CHECK(front.len + data.len <= sizeof(all));
    if (front.len > 0)
        memcpy(all, front.ptr, front.len);
    if (data.len > 0)
        memcpy(all + front.len, data.ptr, data.len);
    ph_sha256((struct ph_bytes){all, front.len + data.len}, out);
}

static void check_pair(struct ph_bytes front_a, struct ph_bytes front_b, struct ph_bytes a,
                       struct ph_bytes b, size_t cnt)
{
    uint8_t want[2][PH_SHA256_LEN];

    hash_whole(front_a, a, want[0]);
    hash_whole(front_b, b, want[1]);
    for (size_t i = 0; i < cnt; i++)
        check_way(ways[i], front_a, front_b, a, b, want[0], want[1]);
}

/* FIPS 180-2 appendix B.1 and B.2; the empty message: NIST's SHA256ShortMsg.rsp, Len = 0. */
TEST(published_vectors_come_out_of_either_lane)
{
    static const struct {
        const char *text, *digest;
    } fips[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    uint8_t out[2][PH_SHA256_LEN];
    struct ph_sha256 start;

    ph_sha256_init(&start);
    for (size_t w = 0; w < way_cnt(); w++)
        for (size_t i = 0; i < PH_LEN(fips); i++) {
            const struct ph_bytes text = ph_bytes_str(fips[i].text), other = seq(text.len);
            ways[w](&start, &start, text, other, out[0], out[1]);
            check_hex(out[0], sizeof(out[0]), fips[i].digest);
            ways[w](&start, &start, other, text, out[0], out[1]);
            check_hex(out[1], sizeof(out[1]), fips[i].digest);
        }
}

/* FIPS 180-2 appendix B.3 */
TEST(a_million_times_a_agrees_with_fips)
{
    static uint8_t a[1000000];
    uint8_t out[2][PH_SHA256_LEN];
    struct ph_sha256 start;

    memset(a, 'a', sizeof(a));
    ph_sha256_init(&start);
    for (size_t w = 0; w < way_cnt(); w++) {
        ways[w](&start, &start, PH_BYTES_OF(a), PH_BYTES_OF(a), out[0], out[1]);
        for (size_t i = 0; i < 2; i++)
            check_hex(out[i], sizeof(out[i]),
                      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

TEST(every_length_agrees_with_one_message_at_a_time)
{
    uint8_t a[400], b[400], want[2][PH_SHA256_LEN], got[2][PH_SHA256_LEN];

    ph_random(a, sizeof(a));
    ph_random(b, sizeof(b));
    for (size_t len = 0; len <= sizeof(a); len++) {
        const struct ph_bytes first = {len > 0 ? a : NULL, len}, second = {len > 0 ? b : NULL, len};
        check_pair((struct ph_bytes){0}, (struct ph_bytes){0}, first, second, way_cnt());
        ph_sha256(first, want[0]);
        ph_sha256(second, want[1]);
        ph_sha256_pair(first, second, got[0], got[1]);
        assert_memory_equal(got, want, sizeof(want));
    }
}

/* What the instructions take: whole blocks, or little behind a part of one. */
static bool is_taken(size_t front, size_t len)
{
    return front % 64 == 0 || front % 64 + len <= 119;
}

TEST(random_messages_behind_random_states_agree)
{
    uint8_t bytes[2][1024];
    uint16_t dice[4];

    for (int round = 0; round < 5000; round++) {
        ph_random((uint8_t *)dice, sizeof(dice));
        ph_random(bytes[0], sizeof(bytes[0]));
        ph_random(bytes[1], sizeof(bytes[1]));
        /* Half of them at whole blocks, half of them of equal length. */
        const size_t unit = round % 2 ? 64 : 1;
        const size_t front_a = dice[0] % (320u / unit) * unit,
                     front_b = dice[1] % (320u / unit) * unit;
        const size_t len_a = dice[2] % 600u, len_b = round % 4 < 2 ? len_a : dice[3] % 600u;
        const bool taken = is_taken(front_a, len_a) && is_taken(front_b, len_b);
        check_pair((struct ph_bytes){bytes[0], front_a}, (struct ph_bytes){bytes[1], front_b},
                   (struct ph_bytes){bytes[0] + front_a, len_a},
                   (struct ph_bytes){bytes[1] + front_b, len_b}, taken ? way_cnt() : 2);
    }
}

TEST(every_end_of_a_request_agrees_beside_every_short_answer)
{
    for (size_t front = 0; front <= 130; front++)
        for (size_t len = 0; len <= 200; len += 3)
            check_pair(seq(front), (struct ph_bytes){0}, (struct ph_bytes){0}, seq(len), way_cnt());
}

/* Not for the instructions: they say so, and the choice falls back. */
TEST(much_behind_a_part_of_a_block_is_hashed_one_after_the_other)
{
    static const struct {
        size_t front_a, front_b, a, b;
    } cases[] = {{1, 0, 119, 65}, {0, 63, 65, 57}, {65, 65, 119, 119}};
    const uint8_t zero[PH_SHA256_LEN] = {0};

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const struct ph_bytes front_a = seq(cases[i].front_a), front_b = seq(cases[i].front_b);
        const struct ph_bytes a = seq(cases[i].a), b = seq(cases[i].b);
        uint8_t out[2][PH_SHA256_LEN] = {{0}};
        struct ph_sha256 from_a, from_b;
        check_pair(front_a, front_b, a, b, 2);
        begin(&from_a, front_a);
        begin(&from_b, front_b);
        CHECK(!ph_sha256_pair_ni(&from_a, &from_b, a, b, out[0], out[1]));
        assert_memory_equal(out[0], zero, sizeof(zero));
        assert_memory_equal(out[1], zero, sizeof(zero));
    }
}

/* /proc/cpuinfo has its own reading of CPUID. */
TEST(the_processor_is_asked_right)
{
    char line[8192];
    bool flag = false;
    FILE *f = fopen("/proc/cpuinfo", "re");

    if (!f)
        skip();
    while (!flag && fgets(line, sizeof(line), f))
        flag = strstr(line, " sha_ni") != NULL;
    (void)fclose(f);
    CHECK(ph_sha256_pair_has_ni() == flag);
    CHECK(ph_sha256_pair_has_ni() == flag); /* the remembered answer */
}

PH_TEST_MAIN(CASE(published_vectors_come_out_of_either_lane),
             CASE(a_million_times_a_agrees_with_fips),
             CASE(every_length_agrees_with_one_message_at_a_time),
             CASE(random_messages_behind_random_states_agree),
             CASE(every_end_of_a_request_agrees_beside_every_short_answer),
             CASE(much_behind_a_part_of_a_block_is_hashed_one_after_the_other),
             CASE(the_processor_is_asked_right))
