#include "base/hex.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "keys/shamir.h"

/* The product of two bytes, as share 2 of two shows it: secret 0, coefficient a, x = 2 … */
static struct ph_shamir_share one_share(uint8_t secret, uint8_t coefficient, uint32_t i)
{
    uint8_t all[PH_SHAMIR_LEN], random[PH_SHAMIR_LEN];
    struct ph_shamir_share out[PH_SHAMIR_SHARES_MAX];

    memset(all, secret, sizeof(all));
    memset(random, coefficient, sizeof(random));
    ph_shamir_split(all, 2, PH_SHAMIR_SHARES_MAX, random, out);
    return out[i];
}

static bool hex_is(const uint8_t *raw, const char *hex)
{
    char text[2 * PH_SHAMIR_LEN + 1];
    ph_hex_encode((struct ph_bytes){raw, PH_SHAMIR_LEN}, text);
    return strcmp(text, hex) == 0;
}

TEST(field_is_that_of_aes)
{
    /* FIPS 197 §4.2: {57} * {13} = {fe}; §4.2.1: {57} * {02} = {ae}, {57} * {08} = {8e}. */
    CHECK(one_share(0, 0x57, 1).y[0] == 0xae);
    CHECK(one_share(0, 0x57, 7).y[0] == 0x8e);
    CHECK(one_share(0x57, 0, 15).y[31] == 0x57);
}

TEST(shares_are_the_published_vector)
{
    static const char *const y[] = {
        "e0e1e2e3e4e5e6e7e8e9eaabacadaeafb0b1b2b3b4b5767778797a7b7c7d7e7f",
        "363d20031a115c4f6e6578e0f9f2dfcc9d968ba8b1baacbf9e9588cbd2d9f4e7",
        "d6ddc0e3faf1bcaf8e85984059527f6c3d362b08111accdffef5e8abb2b99487",
    };
    uint8_t secret[32], random[64];
    struct ph_shamir_share share[3];

    for (unsigned i = 0; i < 32; i++)
        secret[i] = (uint8_t)i;
    for (unsigned i = 0; i < 64; i++)
        random[i] = (uint8_t)(0x40 + 3 * i);
    ph_shamir_split(secret, 3, 3, random, share);
    for (unsigned i = 0; i < 3; i++)
        CHECK(share[i].x == i + 1 && hex_is(share[i].y, y[i]));
}

/* Every choice of `needed` of `cnt` shares restores; every choice of one less does not. */
static void check_all(uint32_t needed, uint32_t cnt)
{
    uint8_t secret[32], random[PH_SHAMIR_SHARES_MAX * 32], got[32];
    struct ph_shamir_share all[PH_SHAMIR_SHARES_MAX], some[PH_SHAMIR_SHARES_MAX];

    ph_random(secret, sizeof(secret));
    ph_random(random, sizeof(random));
    ph_shamir_split(secret, needed, cnt, random, all);
    for (uint32_t set = 1; set < 1U << cnt; set++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < cnt; i++)
            if (set >> i & 1)
                some[n++] = all[i];
        if (n != needed && n + 1 != needed)
            continue;
        CHECK(ph_shamir_combine(some, n, got) == PH_OK);
        CHECK((memcmp(got, secret, 32) == 0) == (n == needed));
    }
}

TEST(any_that_are_enough_restore_and_one_less_does_not)
{
    for (uint32_t cnt = 1; cnt <= 8; cnt++)
        for (uint32_t needed = 1; needed <= cnt; needed++)
            check_all(needed, cnt);
    check_all(3, 10);
    check_all(16, 16);
}

TEST(one_share_less_fits_every_secret)
{
    /* Whatever the missing share is, exactly one secret belongs to it: nothing is ruled out. */
    const struct ph_shamir_share known = one_share(0x5a, 0xc3, 0);
    bool seen[256] = {false};

    for (unsigned v = 0; v < 256; v++) {
        struct ph_shamir_share pair[2] = {known, {.x = 2}};
        uint8_t got[32];
        memset(pair[1].y, (int)v, sizeof(pair[1].y));
        CHECK(ph_shamir_combine(pair, 2, got) == PH_OK);
        CHECK(!seen[got[0]]);
        seen[got[0]] = true;
    }
}

TEST(shares_that_cannot_be_combined_are_refused)
{
    struct ph_shamir_share share[PH_SHAMIR_SHARES_MAX + 1] = {{.x = 1}, {.x = 2}, {.x = 1}};
    uint8_t got[32];

    CHECK(ph_shamir_combine(share, 0, got) == PH_ERR_MALFORMED);
    CHECK(ph_shamir_combine(share, 2, got) == PH_OK);
    CHECK(ph_shamir_combine(share, 3, got) == PH_ERR_MALFORMED);
    share[1].x = 0;
    CHECK(ph_shamir_combine(share, 2, got) == PH_ERR_MALFORMED);
    for (unsigned i = 0; i <= PH_SHAMIR_SHARES_MAX; i++)
        share[i].x = (uint8_t)(i + 1);
    CHECK(ph_shamir_combine(share, PH_SHAMIR_SHARES_MAX, got) == PH_OK);
    CHECK(ph_shamir_combine(share, PH_SHAMIR_SHARES_MAX + 1, got) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(field_is_that_of_aes), CASE(shares_are_the_published_vector),
             CASE(any_that_are_enough_restore_and_one_less_does_not),
             CASE(one_share_less_fits_every_secret),
             CASE(shares_that_cannot_be_combined_are_refused))
