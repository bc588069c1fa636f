/* Keys of WebCrypto: formats against OpenSSL's own encodings, operations against outside vectors.
 */

#include "crypto/pkey.h"

#include "crypto/aead.h"
#include "crypto/init.h"
#include "crypto/test_priv.h"

/* [node] the RFC 6979 A.2.5 and RFC 8032 §7.1 test 1 keys, exported by node's KeyObject */
#define P256_D "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define P256_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define P256_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P256_SPKI "3059301306072a8648ce3d020106082a8648ce3d03010703420004" P256_X P256_Y
#define P256_PKCS8                                                                                 \
    "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420" P256_D              \
    "a14403420004" P256_X P256_Y
#define ED_D "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define ED_X "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ED_SPKI "302a300506032b6570032100" ED_X
#define ED_PKCS8 "302e020100300506032b657004220420" ED_D
/* RFC 7748 §6.1, Bob's keys, in RFC 8410's forms */
#define X_D "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define X_X "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define X_SPKI "302a300506032b656e032100" X_X
#define X_PKCS8 "302e020100300506032b656e04220420" X_D

static const struct form {
    enum ph_pkey_kind kind;
    const char *raw, *spki, *pkcs8, *x, *y, *d;
} forms[] = {
    {PH_PKEY_P256, "04" P256_X P256_Y, P256_SPKI, P256_PKCS8, P256_X, P256_Y, P256_D},
    {PH_PKEY_ED25519, ED_X, ED_SPKI, ED_PKCS8, ED_X, "", ED_D},
    {PH_PKEY_X25519, X_X, X_SPKI, X_PKCS8, X_X, "", X_D},
};

static const struct ph_bytes absent = {NULL, 0};

/* What an export function appends, as hex. */
static void check_export(enum ph_err (*fn)(const struct ph_pkey *, struct ph_buf *),
                         const struct ph_pkey *key, const char *want)
{
    struct ph_buf out = PH_BUF(1024);
    CHECK(fn(key, &out) == PH_OK);
    check_hex(out.ptr, out.len, want);
    ph_buf_clear(&out);
}

static void check_key(const struct ph_pkey *key, const struct form *f, bool is_private)
{
    static const uint8_t zero[32];
    struct ph_pkey_jwk jwk;

    CHECK(ph_pkey_kind(key) == f->kind && ph_pkey_is_private(key) == is_private);
    check_export(ph_pkey_export_raw, key, f->raw);
    check_export(ph_pkey_export_spki, key, f->spki);
    ph_pkey_export_jwk(key, &jwk);
    check_hex(jwk.x, 32, f->x);
    if (f->kind == PH_PKEY_P256)
        check_hex(jwk.y, 32, f->y);
    else
        assert_memory_equal(jwk.y, zero, 32);
    if (is_private) {
        check_hex(jwk.d, 32, f->d);
        check_export(ph_pkey_export_pkcs8, key, f->pkcs8);
    } else {
        struct ph_buf out = PH_BUF(1024);
        assert_memory_equal(jwk.d, zero, 32);
        CHECK(ph_pkey_export_pkcs8(key, &out) == PH_ERR_UNSUPPORTED && out.len == 0);
    }
}

TEST(every_form_imports_and_exports_to_the_same_bytes)
{
    for (size_t i = 0; i < PH_LEN(forms); i++) {
        const struct form *f = &forms[i];
        struct ph_pkey *key = NULL, *pub = NULL;
        CHECK(ph_pkey_import_raw(f->kind, unhex(f->raw), &key) == PH_OK);
        check_key(key, f, false);
        ph_pkey_free(key);
        CHECK(ph_pkey_import_spki(f->kind, unhex(f->spki), &key) == PH_OK);
        check_key(key, f, false);
        ph_pkey_free(key);
        CHECK(ph_pkey_import_pkcs8(f->kind, unhex(f->pkcs8), &key) == PH_OK);
        check_key(key, f, true);
        CHECK(ph_pkey_public(key, &pub) == PH_OK);
        check_key(pub, f, false);
        ph_pkey_free(pub);
        ph_pkey_free(key);
        CHECK(ph_pkey_import_jwk(f->kind, unhex(f->x), unhex(f->y), absent, &key) == PH_OK);
        check_key(key, f, false);
        ph_pkey_free(key);
        CHECK(ph_pkey_import_jwk(f->kind, unhex(f->x), unhex(f->y), unhex(f->d), &key) == PH_OK);
        check_key(key, f, true);
        ph_pkey_free(key);
    }
    ph_pkey_free(NULL);
}

/* Every import function over every prefix of `der` with a byte more, or less. */
static void check_truncations(enum ph_err (*fn)(enum ph_pkey_kind, struct ph_bytes,
                                                struct ph_pkey **),
                              enum ph_pkey_kind kind, const char *hex)
{
    uint8_t copy[256] = {0};
    const size_t len = strlen(hex) / 2;
    struct ph_pkey *key = NULL;

    memcpy(copy, unhex(hex).ptr, len);
    for (size_t n = 0; n <= len + 1; n++) {
        if (n == len)
            continue;
        CHECK(fn(kind, (struct ph_bytes){copy, n}, &key) == PH_ERR_MALFORMED && key == NULL);
    }
}

TEST(every_truncation_and_every_byte_left_over_is_refused)
{
    for (size_t i = 0; i < PH_LEN(forms); i++) {
        check_truncations(ph_pkey_import_spki, forms[i].kind, forms[i].spki);
        check_truncations(ph_pkey_import_pkcs8, forms[i].kind, forms[i].pkcs8);
        if (forms[i].kind != PH_PKEY_P256) /* 33 bytes can be a compressed point */
            check_truncations(ph_pkey_import_raw, forms[i].kind, forms[i].raw);
    }
}

TEST(another_algorithm_is_unsupported_not_malformed)
{
    struct ph_pkey *key = NULL;
    /* [node] SPKI of a P-384 key; RSA is told apart by its first bytes alike */
    static const char p384[] = "3076301006072a8648ce3d020106052b8104002203620004"
                               "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38"
                               "5502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29"
                               "f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";

    for (size_t i = 0; i < PH_LEN(forms); i++) {
        for (size_t j = 0; j < PH_LEN(forms); j++) {
            if (i == j)
                continue;
            CHECK(ph_pkey_import_spki(forms[i].kind, unhex(forms[j].spki), &key) ==
                  PH_ERR_UNSUPPORTED);
            CHECK(ph_pkey_import_pkcs8(forms[i].kind, unhex(forms[j].pkcs8), &key) ==
                  PH_ERR_UNSUPPORTED);
        }
        CHECK(ph_pkey_import_spki(forms[i].kind, unhex(p384), &key) == PH_ERR_UNSUPPORTED);
    }
    CHECK(ph_pkey_import_raw((enum ph_pkey_kind)0, seq(32), &key) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_generate((enum ph_pkey_kind)9, &key) == PH_ERR_UNSUPPORTED);
    CHECK(key == NULL);
}

TEST(compressed_points_import)
{
    struct ph_pkey *key = NULL;

    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("03" P256_X), &key) == PH_OK);
    check_key(key, &forms[0], false);
    ph_pkey_free(key);
    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("02" P256_X), &key) == PH_OK); /* -y */
    ph_pkey_free(key);
    key = NULL;
    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("05" P256_X), &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("06" P256_X P256_Y), &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("00"), &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_raw(PH_PKEY_P256, unhex("04" P256_X P256_X), &key) == PH_ERR_MALFORMED);
}

TEST(other_well_formed_pkcs8_forms_import)
{
    struct ph_pkey *key = NULL;

    /* RFC 5915: parameters inside, public key left out */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_P256,
                               unhex("304d020100301306072a8648ce3d020106082a8648ce3d0301070433"
                                     "30310201010420" P256_D "a00a06082a8648ce3d030107"),
                               &key) == PH_OK);
    check_key(key, &forms[0], true);
    ph_pkey_free(key);
    /* RFC 8410 §10.3: version 2 with an attribute and the public key */
    CHECK(ph_pkey_import_pkcs8(
              PH_PKEY_ED25519,
              unhex("3072020101300506032b657004220420"
                    "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
                    "a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273"
                    "81210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"),
              &key) == PH_OK);
    check_export(ph_pkey_export_raw, key,
                 "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    ph_pkey_free(key);
}

TEST(pkcs8_of_another_version_curve_or_length_is_refused)
{
    struct ph_pkey *key = NULL;

    /* version 2; version 0 with the public key that only version 1 has */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_ED25519, unhex("302e020102300506032b657004220420" ED_D),
                               &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_ED25519,
                               unhex("3051020100300506032b657004220420" ED_D "812100" ED_X),
                               &key) == PH_ERR_MALFORMED);
    /* an element after the last */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_ED25519,
                               unhex("3030020100300506032b657004220420" ED_D "0500"),
                               &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_spki(PH_PKEY_ED25519, unhex("302c300506032b6570032100" ED_X "0500"),
                              &key) == PH_ERR_MALFORMED);
    /* P-256 outside, P-384 inside */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_P256,
                               unhex("304a020100301306072a8648ce3d020106082a8648ce3d0301070430"
                                     "302e0201010420" P256_D "a00706052b81040022"),
                               &key) == PH_ERR_UNSUPPORTED);
    /* ECPrivateKey of version 2, and with a scalar of 31 bytes */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_P256,
                               unhex("3041020100301306072a8648ce3d020106082a8648ce3d0301070427"
                                     "30250201020420" P256_D),
                               &key) == PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_pkcs8(
              PH_PKEY_P256,
              unhex("3040020100301306072a8648ce3d020106082a8648ce3d0301070426"
                    "3024020101041f"
                    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f67"),
              &key) == PH_ERR_MALFORMED);
    CHECK(key == NULL);
}

TEST(a_private_key_with_a_foreign_public_half_is_refused)
{
    struct ph_pkey *key = NULL;
    uint8_t der[256];
    const size_t len = strlen(P256_PKCS8) / 2;

    /* 42 * G instead of the key's own point */
    static const char other[] = "6780c5fc70275e2c7061a0e7877bb174deadeb9887027f3fa83654158ba7f50c"
                                "3cba8c34bc35d20e81f730ac1c7bd6d661a942f90c6a9ca55c512f9e4a001266";
    memcpy(der, unhex(P256_PKCS8).ptr, len);
    memcpy(der + len - 64, unhex(other).ptr, 64);
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_P256, (struct ph_bytes){der, len}, &key) ==
          PH_ERR_MALFORMED);
    const struct ph_bytes x = unhex(other), y = {x.ptr + 32, 32};
    CHECK(ph_pkey_import_jwk(PH_PKEY_P256, (struct ph_bytes){x.ptr, 32}, y, unhex(P256_D), &key) ==
          PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_jwk(PH_PKEY_ED25519, unhex(X_X), absent, unhex(ED_D), &key) ==
          PH_ERR_MALFORMED);
    CHECK(ph_pkey_import_jwk(PH_PKEY_X25519, unhex(ED_X), absent, unhex(X_D), &key) ==
          PH_ERR_MALFORMED);
    CHECK(key == NULL);
}

TEST(jwk_members_of_another_length_are_refused)
{
    struct ph_pkey *key = NULL;
    const struct ph_bytes x = unhex(P256_X), y = unhex(P256_Y), d = unhex(P256_D);

    for (size_t n = 0; n < 32; n++) {
        CHECK(ph_pkey_import_jwk(PH_PKEY_P256, (struct ph_bytes){x.ptr, n}, y, d, &key) ==
              PH_ERR_MALFORMED);
        CHECK(ph_pkey_import_jwk(PH_PKEY_P256, x, (struct ph_bytes){y.ptr, n}, d, &key) ==
              PH_ERR_MALFORMED);
        CHECK(ph_pkey_import_jwk(PH_PKEY_P256, x, y, (struct ph_bytes){d.ptr, n}, &key) ==
              PH_ERR_MALFORMED);
    }
    CHECK(ph_pkey_import_jwk(PH_PKEY_ED25519, unhex(ED_X), unhex(P256_Y), absent, &key) ==
          PH_ERR_MALFORMED); /* an OKP key has no y */
    CHECK(ph_pkey_import_jwk(PH_PKEY_P256, absent, absent, d, &key) == PH_ERR_MALFORMED);
    CHECK(key == NULL);
}

/* [noble] p256.sign(hash("sample"), …) with every hash: truncated and short digests */
static const struct {
    enum ph_hash_alg alg;
    const char *sig;
} ecdsas[] = {
    {PH_HASH_SHA1,
     "3eb8ddc0ac1950f0b92a1456308bc78543a8a76fee7e30cb95dd85ec5c92a6a6d959bae95c09890e"
     "31b848da6acb2b43e78ca545858900b67743ef3650061ef6"},
    {PH_HASH_SHA256,
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41"
     "d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {PH_HASH_SHA384,
     "ca1c84b1d0ad078c0ffe667645edc136034f462cee69a0fdbd8860fe1465d813403ad192be74fff0"
     "2854c4efcd388d67c710cb2df0391295ecda96acf52e330e"},
    {PH_HASH_SHA512,
     "962705d612647b04822c6060f31270f4b4cd703f6ba8fc1308c2a562ee600fc0af713dc0b1a14234"
     "22198a0edbce3b096f25c8e47d80988880ff472e579ab61f"},
};

TEST(ecdsa_verifies_outside_signatures_with_every_hash)
{
    struct ph_pkey *key = NULL;

    CHECK(ph_pkey_import_spki(PH_PKEY_P256, unhex(P256_SPKI), &key) == PH_OK);
    for (size_t i = 0; i < PH_LEN(ecdsas); i++) {
        const struct ph_bytes sig = unhex(ecdsas[i].sig);
        CHECK(ph_pkey_ecdsa_verify(key, ecdsas[i].alg, PH_BYTES_LIT("sample"), sig) == PH_OK);
        CHECK(ph_pkey_ecdsa_verify(key, ecdsas[i].alg, PH_BYTES_LIT("simple"), sig) ==
              PH_ERR_UNTRUSTED);
        const enum ph_hash_alg other = ecdsas[(i + 1) % PH_LEN(ecdsas)].alg;
        CHECK(ph_pkey_ecdsa_verify(key, other, PH_BYTES_LIT("sample"), sig) == PH_ERR_UNTRUSTED);
        for (size_t n = 0; n < 64; n++)
            CHECK(ph_pkey_ecdsa_verify(key, ecdsas[i].alg, PH_BYTES_LIT("sample"),
                                       (struct ph_bytes){sig.ptr, n}) == PH_ERR_UNTRUSTED);
    }
    ph_pkey_free(key);
}

/* RFC 8032 §7.1 test 1; [noble] the same key over 0xaf82 */
TEST(ed25519_matches_rfc8032)
{
    static const char empty[] = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    static const char af82[] = "ed652fda879f268e71658f05cb7c0d620ae3998ab7d9a7535719f9a63cbdbcaf"
                               "ffd2e8b9ff03a42a61a26a230353db43ddadfcd7b820a87bce90e90a5a44d400";
    struct ph_pkey *key = NULL, *pub = NULL;
    uint8_t sig[64];

    CHECK(ph_pkey_import_pkcs8(PH_PKEY_ED25519, unhex(ED_PKCS8), &key) == PH_OK);
    CHECK(ph_pkey_public(key, &pub) == PH_OK);
    CHECK(ph_pkey_ed25519_sign(key, absent, sig) == PH_OK);
    check_hex(sig, sizeof(sig), empty);
    CHECK(ph_pkey_ed25519_verify(pub, absent, PH_BYTES_OF(sig)) == PH_OK);
    CHECK(ph_pkey_ed25519_sign(key, unhex("af82"), sig) == PH_OK);
    check_hex(sig, sizeof(sig), af82);
    CHECK(ph_pkey_ed25519_verify(pub, unhex("af82"), PH_BYTES_OF(sig)) == PH_OK);
    CHECK(ph_pkey_ed25519_verify(key, unhex("af82"), PH_BYTES_OF(sig)) == PH_OK);
    for (size_t bit = 0; bit < 512; bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_pkey_ed25519_verify(pub, unhex("af82"), PH_BYTES_OF(sig)) == PH_ERR_UNTRUSTED);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(ph_pkey_ed25519_verify(pub, unhex("af82"), (struct ph_bytes){sig, 63}) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_pkey_ed25519_verify(pub, unhex("af83"), PH_BYTES_OF(sig)) == PH_ERR_UNTRUSTED);
    ph_pkey_free(pub);
    ph_pkey_free(key);
}

TEST(derive_matches_outside_vectors)
{
    struct ph_pkey *key = NULL, *peer = NULL;
    uint8_t shared[32];

    /* [noble] p256.getSharedSecret(P256_D, 42 * G) */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_P256, unhex(P256_PKCS8), &key) == PH_OK);
    CHECK(ph_pkey_import_raw(
              PH_PKEY_P256,
              unhex("046780c5fc70275e2c7061a0e7877bb174deadeb9887027f3fa83654158ba7f50c"
                    "3cba8c34bc35d20e81f730ac1c7bd6d661a942f90c6a9ca55c512f9e4a001266"),
              &peer) == PH_OK);
    CHECK(ph_pkey_derive(key, peer, shared) == PH_OK);
    check_hex(shared, 32, "8e7603feeb2f2e4423916b7a709e83906dd490e3e7e9ab624a320ebb494eb68f");
    CHECK(ph_pkey_derive(peer, key, shared) == PH_ERR_UNSUPPORTED); /* no private key */
    ph_pkey_free(peer);
    ph_pkey_free(key);

    /* RFC 7748 §6.1 */
    CHECK(ph_pkey_import_pkcs8(PH_PKEY_X25519, unhex(X_PKCS8), &key) == PH_OK);
    CHECK(ph_pkey_import_raw(
              PH_PKEY_X25519,
              unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"),
              &peer) == PH_OK);
    CHECK(ph_pkey_derive(key, peer, shared) == PH_OK);
    check_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    ph_pkey_free(peer);
    CHECK(ph_pkey_import_raw(PH_PKEY_X25519, (struct ph_bytes){(const uint8_t[32]){0}, 32},
                             &peer) == PH_OK);
    CHECK(ph_pkey_derive(key, peer, shared) == PH_ERR_UNTRUSTED);
    ph_pkey_free(peer);
    ph_pkey_free(key);
}

TEST(fresh_keys_work_and_differ)
{
    struct ph_pkey *a, *b;
    uint8_t ab[32], ba[32], sig[64];

    for (size_t i = 0; i < PH_LEN(forms); i++) {
        struct ph_buf a_raw = PH_BUF(100), b_raw = PH_BUF(100);
        CHECK(ph_pkey_generate(forms[i].kind, &a) == PH_OK);
        CHECK(ph_pkey_generate(forms[i].kind, &b) == PH_OK);
        CHECK(ph_pkey_is_private(a) && ph_pkey_kind(a) == forms[i].kind);
        CHECK(ph_pkey_export_raw(a, &a_raw) == PH_OK && ph_pkey_export_raw(b, &b_raw) == PH_OK);
        CHECK(!ph_bytes_equal(ph_buf_view(&a_raw), ph_buf_view(&b_raw)));
        if (forms[i].kind != PH_PKEY_ED25519) {
            CHECK(ph_pkey_derive(a, b, ab) == PH_OK && ph_pkey_derive(b, a, ba) == PH_OK);
            assert_memory_equal(ab, ba, sizeof(ab));
        }
        if (forms[i].kind == PH_PKEY_P256) {
            CHECK(ph_pkey_ecdsa_sign(a, PH_HASH_SHA384, seq(9), sig) == PH_OK);
            CHECK(ph_pkey_ecdsa_verify(a, PH_HASH_SHA384, seq(9), PH_BYTES_OF(sig)) == PH_OK);
            CHECK(ph_pkey_ecdsa_verify(b, PH_HASH_SHA384, seq(9), PH_BYTES_OF(sig)) ==
                  PH_ERR_UNTRUSTED);
        }
        ph_buf_clear(&a_raw);
        ph_buf_clear(&b_raw);
        ph_pkey_free(a);
        ph_pkey_free(b);
    }
}

TEST(operations_refuse_keys_of_another_kind)
{
    struct ph_pkey *p256 = NULL, *ed = NULL, *x = NULL, *pub = NULL;
    uint8_t out[64];
    const struct ph_bytes sig = PH_BYTES_OF(out);

    CHECK(ph_pkey_generate(PH_PKEY_P256, &p256) == PH_OK);
    CHECK(ph_pkey_generate(PH_PKEY_ED25519, &ed) == PH_OK);
    CHECK(ph_pkey_generate(PH_PKEY_X25519, &x) == PH_OK);
    CHECK(ph_pkey_ecdsa_sign(ed, PH_HASH_SHA256, seq(1), out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_ecdsa_sign(p256, PH_HASH_NONE, seq(1), out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_ecdsa_verify(x, PH_HASH_SHA256, seq(1), sig) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_ecdsa_verify(p256, PH_HASH_NONE, seq(1), sig) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_ed25519_sign(x, seq(1), out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_ed25519_verify(p256, seq(1), sig) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_derive(ed, ed, out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_derive(p256, x, out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_derive(x, p256, out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_pkey_public(p256, &pub) == PH_OK);
    CHECK(ph_pkey_ecdsa_sign(pub, PH_HASH_SHA256, seq(1), out) == PH_ERR_UNSUPPORTED);
    ph_pkey_free(pub);
    CHECK(ph_pkey_public(ed, &pub) == PH_OK);
    CHECK(ph_pkey_ed25519_sign(pub, seq(1), out) == PH_ERR_UNSUPPORTED);
    ph_pkey_free(pub);
    ph_pkey_free(p256);
    ph_pkey_free(ed);
    ph_pkey_free(x);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(every_form_imports_and_exports_to_the_same_bytes),
        CASE(every_truncation_and_every_byte_left_over_is_refused),
        CASE(another_algorithm_is_unsupported_not_malformed),
        CASE(compressed_points_import),
        CASE(other_well_formed_pkcs8_forms_import),
        CASE(pkcs8_of_another_version_curve_or_length_is_refused),
        CASE(a_private_key_with_a_foreign_public_half_is_refused),
        CASE(jwk_members_of_another_length_are_refused),
        CASE(ecdsa_verifies_outside_signatures_with_every_hash),
        CASE(ed25519_matches_rfc8032),
        CASE(derive_matches_outside_vectors),
        CASE(fresh_keys_work_and_differ),
        CASE(operations_refuse_keys_of_another_kind),
    };

    ph_crypto_init();
    return cmocka_run_group_tests(cases, NULL, NULL);
}
