/* A worker's own keys: each step from each place, and the bytes that they rest in. */

#include "keyring.h"

#include "base/test.h"
#include "crypto/aead.h"
#include "keys/sealing.h"

static const uint8_t seed[32] = {0x5e, 0xed};
static const struct worker_keys of_seed;
static struct worker_keys keys, after;

static void expect_same(const uint8_t a[static 32], const uint8_t b[static 32])
{
    CHECK(memcmp(a, b, 32) == 0);
}

/* Every byte, padding too: secrets may lie there. */
static void expect_nothing(const void *at)
{
    static const uint8_t zero[sizeof(struct worker_keys)];

    CHECK(memcmp(at, zero, sizeof(zero)) == 0);
}

/* Keys with a second one. */
static void with(enum ph_worker_key is)
{
    CHECK(worker_keys_step(&of_seed, seed, PH_WORKER_KEY_MAKE, &keys) == PH_OK);
    if (is == PH_WORKER_KEY_PREVIOUS) {
        CHECK(worker_keys_step(&keys, keys.seed, PH_WORKER_KEY_SWAP, &after) == PH_OK);
        keys = after;
    }
    CHECK(keys.other_is == is);
}

TEST(the_first_step_keeps_every_key_and_replaces_the_seed)
{
    uint8_t expected[32];

    with(PH_WORKER_KEY_NEXT);
    CHECK(ph_keys_receipt(seed, expected) == PH_OK);
    expect_same(keys.signer, expected);
    CHECK(ph_keys_tls(seed, expected) == PH_OK);
    expect_same(keys.tls, expected);
    CHECK(ph_keys_chain(seed, expected) == PH_OK);
    expect_same(keys.chain, expected);
    CHECK(memcmp(keys.seed, seed, sizeof(seed)) != 0);
    CHECK(memcmp(keys.other, keys.signer, 32) != 0);
    CHECK(worker_keys_step(&of_seed, seed, PH_WORKER_KEY_MAKE, &after) == PH_OK);
    CHECK(memcmp(keys.other, after.other, 32) != 0);
}

TEST(keys_that_are_not_written_are_of_the_seed)
{
    uint8_t expected[32], got[32];

    CHECK(ph_keys_chain(seed, expected) == PH_OK);
    CHECK(worker_keys_chain(&of_seed, seed, got) == PH_OK);
    expect_same(got, expected);
    with(PH_WORKER_KEY_NEXT);
    CHECK(worker_keys_chain(&keys, keys.seed, got) == PH_OK);
    expect_same(got, expected);
    CHECK(worker_keys_signer(&keys, keys.seed, got) == PH_OK);
    expect_same(got, keys.signer);
    CHECK(worker_keys_tls(&keys, keys.seed, got) == PH_OK);
    expect_same(got, keys.tls);
}

TEST(the_keys_change_places_and_back)
{
    uint8_t first[32];

    with(PH_WORKER_KEY_NEXT);
    memcpy(first, keys.signer, 32);
    CHECK(worker_keys_step(&keys, keys.seed, PH_WORKER_KEY_SWAP, &after) == PH_OK);
    CHECK(after.other_is == PH_WORKER_KEY_PREVIOUS);
    expect_same(after.signer, keys.other);
    expect_same(after.other, first);
    CHECK(worker_keys_step(&after, after.seed, PH_WORKER_KEY_SWAP, &keys) == PH_OK);
    CHECK(keys.other_is == PH_WORKER_KEY_NEXT);
    expect_same(keys.signer, first);
}

TEST(a_previous_key_is_forgotten_wherever_it_could_be_found)
{
    static const uint8_t zero[32];
    uint8_t first[32], raw[WORKER_KEYS_LEN];

    CHECK(ph_keys_receipt(seed, first) == PH_OK);
    with(PH_WORKER_KEY_PREVIOUS);
    CHECK(worker_keys_step(&keys, keys.seed, PH_WORKER_KEY_FORGET, &after) == PH_OK);
    CHECK(after.other_is == PH_WORKER_KEY_NONE);
    expect_same(after.other, zero);
    worker_keys_encode(&after, raw);
    CHECK(!memmem(raw, sizeof(raw), first, sizeof(first)));
    CHECK(memcmp(after.seed, seed, 32) != 0);
    CHECK(!memmem(&after, sizeof(after), first, sizeof(first)));
}

TEST(a_step_that_does_not_follow_is_refused_and_leaves_nothing)
{
    static const struct {
        enum ph_worker_key is;
        int step;
    } rows[] = {
        {PH_WORKER_KEY_NEXT, PH_WORKER_KEY_MAKE},
        {PH_WORKER_KEY_NEXT, PH_WORKER_KEY_FORGET},
        {PH_WORKER_KEY_NEXT, 0},
        {PH_WORKER_KEY_NEXT, 4},
        {PH_WORKER_KEY_PREVIOUS, PH_WORKER_KEY_MAKE},
    };

    CHECK(worker_keys_step(&of_seed, seed, PH_WORKER_KEY_SWAP, &after) == PH_ERR_CONFLICT);
    CHECK(worker_keys_step(&of_seed, seed, PH_WORKER_KEY_FORGET, &after) == PH_ERR_CONFLICT);
    expect_nothing(&after);
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        with(rows[i].is);
        CHECK(worker_keys_step(&keys, keys.seed, (enum ph_worker_key_step)rows[i].step, &after) ==
              PH_ERR_CONFLICT);
        expect_nothing(&after);
    }
}

TEST(what_is_stored_is_read_again)
{
    uint8_t raw[WORKER_KEYS_LEN];

    for (int is = PH_WORKER_KEY_NEXT; is <= PH_WORKER_KEY_PREVIOUS; is++) {
        with((enum ph_worker_key)is);
        worker_keys_encode(&keys, raw);
        memset(&after, 0, sizeof(after));
        CHECK(worker_keys_decode(keys.seed, raw, &after) == PH_OK);
        CHECK(after.written && after.other_is == keys.other_is);
        expect_same(after.signer, keys.signer);
        expect_same(after.other, keys.other);
        expect_same(after.chain, keys.chain);
        expect_same(after.tls, keys.tls);
    }
}

TEST(what_cannot_be_keys_is_malformed)
{
    uint8_t raw[WORKER_KEYS_LEN], bad[WORKER_KEYS_LEN];

    with(PH_WORKER_KEY_NEXT);
    worker_keys_encode(&keys, raw);
    for (size_t at = 1; at < WORKER_KEYS_LEN; at += 32) {
        memcpy(bad, raw, sizeof(bad));
        memset(bad + at, 0, 32);
        CHECK(worker_keys_decode(seed, bad, &after) == PH_ERR_MALFORMED);
    }
    for (int is = 0; is < 256; is++) {
        memcpy(bad, raw, sizeof(bad));
        bad[0] = (uint8_t)is;
        CHECK((worker_keys_decode(seed, bad, &after) == PH_OK) == (is == 1 || is == 2));
    }
}

/* The state file's plain. */

static struct keyring ring;

static void open_ring(void)
{
    const struct ph_key_owners nobody = {0};

    CHECK(keyring_init(&ring) == PH_OK);
    keyring_found(&ring, &nobody);
    CHECK(keyring_derive(&ring) == PH_OK);
}

TEST(a_change_is_stored_before_it_holds)
{
    uint8_t raw[KEYRING_BYTES_MAX];
    struct keyring again;

    open_ring();
    const struct ph_eth_address first = ring.signer;
    CHECK(keyring_worker_adopt(&ring) == PH_ERR_NOT_FOUND);
    CHECK(keyring_worker_step(&ring, PH_WORKER_KEY_MAKE) == PH_OK);
    CHECK(ring.secrets->worker.other_is == PH_WORKER_KEY_NONE);
    const size_t len = keyring_encode(&ring, &ring.secrets->cluster, raw);
    CHECK(keyring_worker_adopt(&ring) == PH_OK);
    CHECK(memcmp(first.b, ring.signer.b, sizeof(first.b)) == 0);

    CHECK(keyring_init(&again) == PH_OK);
    CHECK(keyring_decode(&again, (struct ph_bytes){raw, len}) == PH_OK);
    CHECK(keyring_derive(&again) == PH_OK);
    CHECK(memcmp(again.signer.b, ring.signer.b, 20) == 0);
    CHECK(memcmp(again.other.b, ring.other.b, 20) == 0);
    CHECK(memcmp(again.tls_pub, ring.tls_pub, 64) == 0);
    CHECK(memcmp(again.cluster.b, ring.cluster.b, 20) == 0);
    expect_same(again.secrets->seed, ring.secrets->seed);
    keyring_clear(&again);
    keyring_clear(&ring);
}

TEST(every_part_of_a_state_with_written_keys_is_needed)
{
    uint8_t raw[KEYRING_BYTES_MAX];
    struct keyring again;

    open_ring();
    CHECK(keyring_worker_step(&ring, PH_WORKER_KEY_MAKE) == PH_OK);
    const size_t len = keyring_encode(&ring, &ring.secrets->cluster, raw);
    CHECK(keyring_init(&again) == PH_OK);
    for (size_t cut = 0; cut < len; cut++)
        CHECK(keyring_decode(&again, (struct ph_bytes){raw, cut}) == PH_ERR_MALFORMED);
    raw[len] = 0;
    CHECK(keyring_decode(&again, (struct ph_bytes){raw, len + 1}) == PH_ERR_MALFORMED);
    keyring_clear(&again);
    keyring_clear(&ring);
}

PH_TEST_MAIN(CASE(the_first_step_keeps_every_key_and_replaces_the_seed),
             CASE(keys_that_are_not_written_are_of_the_seed), CASE(the_keys_change_places_and_back),
             CASE(a_previous_key_is_forgotten_wherever_it_could_be_found),
             CASE(a_step_that_does_not_follow_is_refused_and_leaves_nothing),
             CASE(what_is_stored_is_read_again), CASE(what_cannot_be_keys_is_malformed),
             CASE(a_change_is_stored_before_it_holds),
             CASE(every_part_of_a_state_with_written_keys_is_needed))
