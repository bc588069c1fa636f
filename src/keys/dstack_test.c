#include "base/hex.h"
#include "base/test.h"
#include "keys/dstack.h"
#include "keys/sealing.h"

#include <string.h>

/* Made with node's crypto.hkdfSync and @noble/curves: identity and root key 00 01 … 1f, phat
 * a1 … a1. */
static void root_key(uint8_t out[static 32])
{
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)i;
}

static bool hex_is(struct ph_bytes raw, const char *hex)
{
    char text[256];
    ph_hex_encode(raw, text);
    return strcmp(text, hex) == 0;
}

struct sample {
    uint8_t root[32], app[32], key[32];
    struct ph_phat_id phat;
};

static void setup(struct sample *s)
{
    root_key(s->root);
    memset(s->phat.b, 0xa1, sizeof(s->phat.b));
    CHECK(ph_keys_guest_app(s->root, &s->phat, s->app) == PH_OK);
    CHECK(ph_dstack_kdf(PH_BYTES_OF(s->app), PH_BYTES_LIT("wallet/eth"), s->key) == PH_OK);
}

TEST(keys_are_derived_as_hkdf_with_salt_ratls)
{
    uint8_t out[32], path[PH_DSTACK_PATH_MAX + 1] = {0};
    struct sample s;

    setup(&s);
    CHECK(hex_is(PH_BYTES_OF(s.app),
                 "cc817ebbbc430bf0c5eaa881a1a19434ae21d01454fd6898910ce61301fd383b"));
    CHECK(hex_is(PH_BYTES_OF(s.key),
                 "80332b396fba7e6061dee720a12f9e7a806a626b020ea1fd7531e1645733086c"));
    CHECK(ph_dstack_kdf(PH_BYTES_LIT("input key material"), PH_BYTES_LIT("context one"), out) ==
          PH_OK);
    CHECK(hex_is(PH_BYTES_OF(out),
                 "fa36cf7506230ec31faf491618f1758748eca2a0be078a40cfffde3736039ab9"));
    CHECK(ph_dstack_kdf(PH_BYTES_OF(s.app), PH_BYTES_OF(path), out) == PH_ERR_LIMIT);
}

TEST(public_keys_and_chains_are_those_of_other_implementations)
{
    uint8_t public_key[PH_DSTACK_PUBLIC_MAX], sig[65], purpose[PH_DSTACK_PURPOSE_MAX + 1] = {0};
    struct sample s;
    size_t len;

    setup(&s);
    CHECK(ph_dstack_public(PH_DSTACK_ED25519, s.key, public_key, &len) == PH_OK);
    CHECK(hex_is((struct ph_bytes){public_key, len},
                 "830e8745f08d44eea469893911375bf2dcfc7f93fb199ca0a6934923f53e4017"));
    CHECK(ph_dstack_public(PH_DSTACK_SECP256K1, s.key, public_key, &len) == PH_OK);
    CHECK(hex_is((struct ph_bytes){public_key, len},
                 "02ab00a704fe614bd43d31208df5088db5c0ba3439ec7ca64fdb92ad4a99a84a66"));
    CHECK(ph_dstack_by_app(s.app, PH_BYTES_LIT("signing"), (struct ph_bytes){public_key, len},
                           sig) == PH_OK);
    CHECK(hex_is(PH_BYTES_OF(sig),
                 "e085c24ece3b625098815f3f97537f5c326a47bfddcad9d794d273ec98bf4bdb"
                 "45acbf6c8757f7df48e538c114568c26b1b87fbba11e3001dbd8dccb345c44d400"));
    CHECK(ph_dstack_by_cluster(s.root, &s.phat, s.app, sig) == PH_OK);
    CHECK(hex_is(PH_BYTES_OF(sig),
                 "383a2615f8c5448a20783e779eab71e2b6685c261864055c2916fa4c480d5c1f"
                 "1d90d3777164586e49e31d6fdb38925a88eed9504c5fd6bb027d16ce2b76b54100"));
    CHECK(ph_dstack_by_app(s.app, PH_BYTES_OF(purpose), (struct ph_bytes){public_key, len}, sig) ==
          PH_ERR_LIMIT);
    CHECK(ph_dstack_public(PH_DSTACK_NONE, s.key, public_key, &len) == PH_ERR_UNSUPPORTED);
}

TEST(signatures_are_made_and_checked)
{
    static const enum ph_dstack_alg algs[] = {PH_DSTACK_ED25519, PH_DSTACK_SECP256K1,
                                              PH_DSTACK_SECP256K1_PREHASHED};
    static const uint8_t digest[32] = {7};
    uint8_t public_key[PH_DSTACK_PUBLIC_MAX], sig[64];
    struct sample s;
    size_t len;

    setup(&s);
    for (size_t i = 0; i < PH_LEN(algs); i++) {
        CHECK(ph_dstack_public(algs[i], s.key, public_key, &len) == PH_OK);
        const struct ph_bytes pub = {public_key, len};
        CHECK(ph_dstack_sign(algs[i], s.key, PH_BYTES_OF(digest), sig) == PH_OK);
        CHECK(ph_dstack_verify(algs[i], PH_BYTES_OF(digest), PH_BYTES_OF(sig), pub) == PH_OK);
        CHECK(ph_dstack_verify(algs[i], PH_BYTES_OF(digest), (struct ph_bytes){sig, 63}, pub) ==
              PH_ERR_MALFORMED);
        CHECK(ph_dstack_verify(algs[i], PH_BYTES_OF(digest), PH_BYTES_OF(sig),
                               (struct ph_bytes){public_key, 31}) == PH_ERR_MALFORMED);
        sig[40] ^= 1;
        CHECK(ph_dstack_verify(algs[i], PH_BYTES_OF(digest), PH_BYTES_OF(sig), pub) ==
              PH_ERR_UNTRUSTED);
    }
    CHECK(ph_dstack_sign(PH_DSTACK_SECP256K1, s.key, PH_BYTES_LIT("data"), sig) == PH_OK);
    CHECK(hex_is(PH_BYTES_OF(sig),
                 "ac4345ff7b52454d2e12280e3282a1590a11f586594e1083298356c7aee4e019"
                 "2a4f90bbbf4a1a88f91886c592844564f5142d4aa846cccf3a0003def766edad"));
    CHECK(ph_dstack_sign(PH_DSTACK_ED25519, s.key, PH_BYTES_LIT("data"), sig) == PH_OK);
    CHECK(hex_is(PH_BYTES_OF(sig),
                 "ef818d3bf879eaa6c8221fcb8b50f2f2c738f50eb9c2717c7d3890aef85766f4"
                 "9943d813161b810cf4f86170f0a328c042cc3a8a63ff21976b7174aa5661fb0a"));
    CHECK(ph_dstack_sign(PH_DSTACK_SECP256K1_PREHASHED, s.key, PH_BYTES_LIT("data"), sig) ==
          PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(keys_are_derived_as_hkdf_with_salt_ratls),
             CASE(public_keys_and_chains_are_those_of_other_implementations),
             CASE(signatures_are_made_and_checked))
