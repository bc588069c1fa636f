/* Ethereum signatures against outside vectors, and every way to say no. */

#include "crypto/secp256k1.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ALL_ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
/* The example key of web3.js's documentation. */
#define KEY "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
#define ADDRESS "2c7536e3605d9c16a7a3d7b1898e529396a65c23"

/* [noble] secp256k1.sign(digest, KEY), which is RFC 6979 too; v appended */
static const struct {
    const char *digest, *sig;
} vectors[] = {
    {"1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8",
     "bc81bfc04b658485b9820cf4fac760c84f0fc628da21c9e64ed8aaede215e63376cc1bfb23f9869c"
     "5b71a4069b48fce3ab0caaebc6bfb7a81cb12ac3b9b2f7b11c"},
    {"4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
     "9b2b986d1267c9302412998c832ce751eb1ac159841830b84334e49c6993f4ee2aa312c1ada98dd3"
     "7af52d5112c33ecc9d67f78c5ddf922fdacc3c44d29b5b6d1b"},
    {"7521d1cadbcfa91eec65aa16715b94ffc1c9654ba57ea2ef1a2127bca1127a83",
     "3a6847bbb8fff4d22211252b050b09d807e265d9fbddce92dadc9593efba98bc06dcac6ef31a32f5"
     "155f68e013c82f8e7d4808d1745b45319eb60b4cafde49211c"},
    {"83847cf31c36389df832d0d4d3df7cf28f211e3f83173e5c157bab31573d61f3",
     "58abf0340f6cb5f43fa0ae35f8b0c812fec093a472f0fa75c865ccce0cadf29836b5c664f5d1f9b6"
     "0b3c6f9d012290034ae27e3b72194504f8ae2660d39e2a6a1c"},
};

static struct ph_hash32 hash32(const char *hex)
{
    struct ph_hash32 h;
    memcpy(h.b, unhex(hex).ptr, sizeof(h.b));
    return h;
}

TEST(signatures_are_deterministic_and_match_another_implementation)
{
    uint8_t sig[PH_ETH_SIG_LEN];

    for (size_t i = 0; i < PH_LEN(vectors); i++) {
        const struct ph_hash32 digest = hash32(vectors[i].digest);
        CHECK(ph_eth_sign(unhex(KEY).ptr, &digest, sig) == PH_OK);
        check_hex(sig, sizeof(sig), vectors[i].sig);
    }
}

TEST(recovery_gives_the_signer_s_address)
{
    struct ph_eth_address address;

    for (size_t i = 0; i < PH_LEN(vectors); i++) {
        const struct ph_hash32 digest = hash32(vectors[i].digest);
        CHECK(ph_eth_recover(&digest, unhex(vectors[i].sig).ptr, &address) == PH_OK);
        check_hex(address.b, sizeof(address.b), ADDRESS);
    }
}

TEST(known_keys_have_known_addresses)
{
    struct ph_eth_address address;
    uint8_t xy[64];

    CHECK(ph_eth_address(unhex(KEY).ptr, &address) == PH_OK);
    check_hex(address.b, sizeof(address.b), ADDRESS);
    CHECK(ph_secp256k1_public(unhex(KEY).ptr, xy) == PH_OK);
    check_hex(xy, sizeof(xy),
              "4e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e"
              "47fd35c4215d1edf53e6f83de344615ce719bdb0fd878f6ed76f06dd277956de");
    /* anvil's and hardhat's first development account */
    CHECK(ph_eth_address(
              unhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80").ptr,
              &address) == PH_OK);
    check_hex(address.b, sizeof(address.b), "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
}

TEST(every_v_but_27_and_28_is_refused)
{
    const struct ph_hash32 digest = hash32(vectors[0].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN];

    memcpy(sig, unhex(vectors[0].sig).ptr, sizeof(sig));
    for (unsigned v = 0; v < 256; v++) {
        sig[64] = (uint8_t)v;
        CHECK((ph_eth_recover(&digest, sig, &address) == PH_OK) == (v == 27 || v == 28));
    }
}

/* A v of 29 or 30 means an x coordinate of r + n: it exists for tiny r only, and then does recover.
 */
TEST(the_recovery_ids_2_and_3_are_refused_where_they_would_recover)
{
    const struct ph_hash32 digest = hash32(vectors[0].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN] = {0};

    sig[63] = 1;
    for (uint8_t r = 1; r < 20; r++) {
        sig[31] = r;
        for (sig[64] = 29; sig[64] <= 30; sig[64]++)
            CHECK(ph_eth_recover(&digest, sig, &address) == PH_ERR_UNTRUSTED);
    }
}

/* n - s with the other v recovers the same key mathematically; EIP-2 refuses it. */
TEST(high_s_is_refused)
{
    const struct ph_hash32 digest = hash32(vectors[0].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN];

    memcpy(sig, unhex(vectors[0].sig).ptr, sizeof(sig));
    int borrow = 0;
    const uint8_t *n = unhex(ORDER).ptr;
    for (int i = 31; i >= 0; i--) {
        const int d = n[i] - sig[32 + i] - borrow;
        borrow = d < 0;
        sig[32 + i] = (uint8_t)d;
    }
    for (int v = 27; v <= 28; v++) {
        sig[64] = (uint8_t)v;
        CHECK(ph_eth_recover(&digest, sig, &address) == PH_ERR_UNTRUSTED);
    }
    /* n / 2 rounded down is the last low s. */
    memcpy(sig + 32, unhex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0").ptr,
           32);
    CHECK(ph_eth_recover(&digest, sig, &address) == PH_OK);
    sig[63]++;
    CHECK(ph_eth_recover(&digest, sig, &address) == PH_ERR_UNTRUSTED);
}

TEST(scalars_out_of_range_are_refused)
{
    static const char *const edges[] = {ZERO, ORDER, ALL_ONES};
    const struct ph_hash32 digest = hash32(vectors[0].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN], xy[64];

    for (size_t i = 0; i < PH_LEN(edges); i++) {
        for (size_t at = 0; at <= 32; at += 32) {
            memcpy(sig, unhex(vectors[0].sig).ptr, sizeof(sig));
            memcpy(sig + at, unhex(edges[i]).ptr, 32);
            CHECK(ph_eth_recover(&digest, sig, &address) == PH_ERR_UNTRUSTED);
        }
        CHECK(ph_eth_sign(unhex(edges[i]).ptr, &digest, sig) == PH_ERR_MALFORMED);
        CHECK(ph_secp256k1_public(unhex(edges[i]).ptr, xy) == PH_ERR_MALFORMED);
        CHECK(ph_eth_address(unhex(edges[i]).ptr, &address) == PH_ERR_MALFORMED);
    }
}

/* r = 5 is the x coordinate of no point. */
TEST(an_r_that_is_no_coordinate_is_refused)
{
    const struct ph_hash32 digest = hash32(vectors[0].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN];

    memcpy(sig, unhex(vectors[0].sig).ptr, sizeof(sig));
    memset(sig, 0, 32);
    sig[31] = 5;
    CHECK(ph_eth_recover(&digest, sig, &address) == PH_ERR_UNTRUSTED);
}

TEST(a_changed_signature_or_digest_never_gives_the_signer)
{
    const struct ph_eth_address *want = (const struct ph_eth_address *)unhex(ADDRESS).ptr;
    struct ph_hash32 digest = hash32(vectors[1].digest);
    struct ph_eth_address address;
    uint8_t sig[PH_ETH_SIG_LEN];

    memcpy(sig, unhex(vectors[1].sig).ptr, sizeof(sig));
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ph_eth_recover(&digest, sig, &address) == PH_OK)
            CHECK(memcmp(&address, want, sizeof(address)) != 0);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 256; bit++) {
        digest.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ph_eth_recover(&digest, sig, &address) == PH_OK)
            CHECK(memcmp(&address, want, sizeof(address)) != 0);
        digest.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(fresh_keys_sign_and_recover)
{
    struct ph_eth_address want, got;
    struct ph_hash32 digest;
    uint8_t secret[32], sig[PH_ETH_SIG_LEN];

    for (int i = 0; i < 50; i++) {
        ph_random(secret, sizeof(secret));
        secret[0] &= 0x7f;
        ph_random(digest.b, sizeof(digest.b));
        CHECK(ph_eth_address(secret, &want) == PH_OK);
        CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK);
        CHECK(ph_eth_recover(&digest, sig, &got) == PH_OK);
        assert_memory_equal(&got, &want, sizeof(got));
    }
}

PH_TEST_MAIN(CASE(signatures_are_deterministic_and_match_another_implementation),
             CASE(recovery_gives_the_signer_s_address), CASE(known_keys_have_known_addresses),
             CASE(every_v_but_27_and_28_is_refused),
             CASE(the_recovery_ids_2_and_3_are_refused_where_they_would_recover),
             CASE(high_s_is_refused), CASE(scalars_out_of_range_are_refused),
             CASE(an_r_that_is_no_coordinate_is_refused),
             CASE(a_changed_signature_or_digest_never_gives_the_signer),
             CASE(fresh_keys_sign_and_recover))
