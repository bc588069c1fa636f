/* Time per operation, best and median of many short rounds: build/src/crypto/crypto_bench [word…]
 * runs those whose name has one of the words. The choices that p256.c, hash.c and aead.c explain
 * and docs/adr/0006-own-ecdsa-verification.md rest on these numbers. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/clock.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/init.h"
#include "crypto/ossl_priv.h"
#include "crypto/p256.h"
#include "crypto/p384.h"
#include "crypto/pkey.h"
#include "crypto/secp256k1.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t secret[32], xy[64], sig[65], digest[32], data[2048], out[2048 + 16];
static uint8_t secret384[48], xy384[96], sig384[96], digest384[48];
static struct ph_p256_pub pub, prepared;
static struct ph_p384_pub pub384, prepared384;
static EC_KEY *ossl256, *ossl384; /* libcrypto's own verification, for comparison */
static ECDSA_SIG *osslsig256, *osslsig384;
static struct ph_pkey *ed;
static struct ph_hash32 eth_digest;
static struct ph_eth_address address;

static void must(enum ph_err err)
{
    if (err != PH_OK) {
        (void)fprintf(stderr, "failed: %s\n", ph_err_name(err));
        exit(1);
    }
}

/* clang-format off */
static void p256_verify(void)  { must(ph_p256_verify_digest(&pub, digest, sig)); }
static void p256_verify_prepared(void) { must(ph_p256_verify_digest(&prepared, digest, sig)); }
static void p256_verify_fresh(void) { struct ph_p256_pub p PH_NO_INIT; must(ph_p256_pub_init(&p, xy)); must(ph_p256_verify_digest(&p, digest, sig)); }
static void p256_libcrypto(void) { must(ECDSA_do_verify(digest, 32, osslsig256, ossl256) == 1 ? PH_OK : PH_ERR_UNTRUSTED); }
static void p256_init(void)    { struct ph_p256_pub p PH_NO_INIT; must(ph_p256_pub_init(&p, xy)); }
static void p256_prepare(void) { struct ph_p256_pub p = pub; ph_p256_pub_prepare(&p); }
static void p384_verify(void)  { must(ph_p384_verify_digest(&pub384, digest384, sig384)); }
static void p384_verify_prepared(void) { must(ph_p384_verify_digest(&prepared384, digest384, sig384)); }
static void p384_verify_fresh(void) { struct ph_p384_pub p PH_NO_INIT; must(ph_p384_pub_init(&p, xy384)); must(ph_p384_verify_digest(&p, digest384, sig384)); }
static void p384_libcrypto(void) { must(ECDSA_do_verify(digest384, 48, osslsig384, ossl384) == 1 ? PH_OK : PH_ERR_UNTRUSTED); }
static void p384_init(void)    { struct ph_p384_pub p PH_NO_INIT; must(ph_p384_pub_init(&p, xy384)); }
static void p384_prepare(void) { struct ph_p384_pub p = pub384; ph_p384_pub_prepare(&p); }
static void p256_sign(void)    { must(ph_p256_sign_digest(secret, digest, sig)); }
static void p256_public(void)  { must(ph_p256_public(secret, xy)); }
static void eth_sign(void)     { must(ph_eth_sign(secret, &eth_digest, out)); }
static void eth_recover(void)  { must(ph_eth_recover(&eth_digest, out, &address)); }
static void sha256(void)       { ph_sha256((struct ph_bytes){data, 100}, digest); }
static void sha384(void)       { ph_sha384((struct ph_bytes){data, 100}, out); }
static void keccak(void)       { ph_keccak256((struct ph_bytes){data, 200}, out); }
static void hmac(void)         { ph_hmac_sha256(PH_BYTES_OF(secret), (struct ph_bytes){data, 100}, out); }
static void gcm_seal(void)     { must(ph_aes256gcm_seal(secret, data, (struct ph_bytes){data, 16}, (struct ph_bytes){data, 1024}, out)); }
static void gcm_open(void)     { must(ph_aes256gcm_open(secret, data, (struct ph_bytes){data, 16}, (struct ph_bytes){out, 1040}, out)); gcm_seal(); }
static void x25519(void)       { must(ph_x25519(secret, xy, out)); }
static void ed25519_sign(void) { must(ph_pkey_ed25519_sign(ed, (struct ph_bytes){data, 100}, sig)); }
static void ed25519_check(void){ must(ph_pkey_ed25519_verify(ed, (struct ph_bytes){data, 100}, (struct ph_bytes){sig, 64})); }
static void random32(void)     { ph_random(out, 32); }

static const struct {
    const char *name;
    void (*fn)(void);
    int cnt;
} ops[] = {
    {"p256 verify, libcrypto",     p256_libcrypto,       6000},
    {"p256 verify",                p256_verify,          6000},
    {"p256 verify, fresh key",     p256_verify_fresh,    6000},
    {"p256 verify, prepared key",  p256_verify_prepared, 6000},
    {"p256 pub_init",              p256_init,            6000},
    {"p256 pub_prepare",           p256_prepare,         6000},
    {"p384 verify, libcrypto",     p384_libcrypto,       2000},
    {"p384 verify",                p384_verify,          2000},
    {"p384 verify, fresh key",     p384_verify_fresh,    2000},
    {"p384 verify, prepared key",  p384_verify_prepared, 2000},
    {"p384 pub_init",              p384_init,            2000},
    {"p384 pub_prepare",           p384_prepare,         2000},
    {"p256 sign",               p256_sign,     6000},
    {"p256 public",             p256_public,   6000},
    {"eth sign",                eth_sign,      6000},
    {"eth recover",             eth_recover,   6000},
    {"x25519",                  x25519,        6000},
    {"ed25519 sign 100 B",      ed25519_sign,  6000},
    {"ed25519 verify 100 B",    ed25519_check, 6000},
    {"sha256 100 B",            sha256,       50000},
    {"sha384 100 B",            sha384,       50000},
    {"keccak256 200 B",         keccak,       50000},
    {"hmac-sha256 100 B",       hmac,         50000},
    {"aes256gcm seal 1 KiB",    gcm_seal,     20000},
    {"aes256gcm open + seal 1 KiB", gcm_open, 20000},
    {"random 32 B",             random32,     20000},
};
/* clang-format on */

/* Many short rounds: the best one ran undisturbed on a busy machine too. */
enum { ROUNDS = 101 };

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc < 2;
}

static void libcrypto_key(const EC_GROUP *group, const uint8_t *point, const uint8_t *rs, int len,
                          EC_KEY **key, ECDSA_SIG **made)
{
    uint8_t octets[1 + 96] = {POINT_CONVERSION_UNCOMPRESSED};

    memcpy(octets + 1, point, 2 * (size_t)len);
    *key = EC_KEY_new();
    *made = ECDSA_SIG_new();
    if (!*key || !*made || EC_KEY_set_group(*key, group) != 1 ||
        EC_KEY_oct2key(*key, octets, 1 + 2 * (size_t)len, NULL) != 1 ||
        ECDSA_SIG_set0(*made, BN_bin2bn(rs, len, NULL), BN_bin2bn(rs + len, len, NULL)) != 1)
        must(PH_ERR_NOMEM);
}

static void make_keys(void)
{
    ph_random(secret, sizeof(secret));
    secret[0] &= 0x7f;
    ph_random(digest, sizeof(digest));
    must(ph_p256_public(secret, xy));
    must(ph_p256_pub_init(&pub, xy));
    prepared = pub;
    ph_p256_pub_prepare(&prepared);
    must(ph_p256_sign_digest(secret, digest, sig));
    libcrypto_key(ph_ossl()->p256, xy, sig, 32, &ossl256, &osslsig256);

    ph_random(secret384, sizeof(secret384));
    secret384[0] &= 0x7f;
    ph_random(digest384, sizeof(digest384));
    must(ph_p384_public(secret384, xy384));
    must(ph_p384_pub_init(&pub384, xy384));
    prepared384 = pub384;
    ph_p384_pub_prepare(&prepared384);
    must(ph_p384_sign_digest(secret384, digest384, sig384));
    libcrypto_key(ph_ossl()->p384, xy384, sig384, 48, &ossl384, &osslsig384);
    must(ph_pkey_generate(PH_PKEY_ED25519, &ed));
}

int main(int argc, char **argv)
{
    ph_crypto_init();
    make_keys();
    for (size_t i = 0; i < PH_LEN(ops); i++) {
        int64_t took[ROUNDS];
        if (!wanted(ops[i].name, argc, argv))
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            const int64_t start = ph_clock_mono_ns();
            for (int n = 0; n < ops[i].cnt / ROUNDS; n++)
                ops[i].fn();
            took[round] = (ph_clock_mono_ns() - start) / (ops[i].cnt / ROUNDS);
        }
        qsort(took, ROUNDS, sizeof(took[0]), by_value);
        printf("%-30s best %9.3f us, median %9.3f us\n", ops[i].name, (double)took[0] / 1000,
               (double)took[ROUNDS / 2] / 1000);
    }
    EC_KEY_free(ossl256);
    EC_KEY_free(ossl384);
    ECDSA_SIG_free(osslsig256);
    ECDSA_SIG_free(osslsig384);
    ph_pkey_free(ed);
    return 0;
}
