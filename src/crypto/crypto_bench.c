/* Time per operation, best of several rounds: build/src/crypto/crypto_bench. The choices that
 * p256.c, hash.c and aead.c explain rest on these numbers. */

#include "base/clock.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/init.h"
#include "crypto/p256.h"
#include "crypto/pkey.h"
#include "crypto/secp256k1.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t secret[32], xy[64], sig[65], digest[32], data[2048], out[2048 + 16];
static struct ph_p256_pub *pub;
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
static void p256_verify(void)  { must(ph_p256_verify_digest(pub, digest, sig)); }
static void p256_sign(void)    { must(ph_p256_sign_digest(secret, digest, sig)); }
static void p256_public(void)  { must(ph_p256_public(secret, xy)); }
static void p256_pub_new(void) { struct ph_p256_pub *p; must(ph_p256_pub_new(xy, &p)); ph_p256_pub_free(p); }
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
    {"p256 sign",               p256_sign,     6000},
    {"p256 verify",             p256_verify,   6000},
    {"p256 public",             p256_public,   6000},
    {"p256 pub_new + free",     p256_pub_new,  6000},
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
enum { ROUNDS = 100 };

int main(void)
{
    ph_crypto_init();
    ph_random(secret, sizeof(secret));
    secret[0] &= 0x7f;
    must(ph_p256_public(secret, xy));
    must(ph_p256_pub_new(xy, &pub));
    must(ph_pkey_generate(PH_PKEY_ED25519, &ed));
    for (size_t i = 0; i < PH_LEN(ops); i++) {
        int64_t best = INT64_MAX;
        for (int round = 0; round < ROUNDS; round++) {
            const int64_t start = ph_clock_mono_ns();
            for (int n = 0; n < ops[i].cnt / ROUNDS; n++)
                ops[i].fn();
            const int64_t took = (ph_clock_mono_ns() - start) / (ops[i].cnt / ROUNDS);
            best = took < best ? took : best;
        }
        printf("%-30s %9.3f us\n", ops[i].name, (double)best / 1000);
    }
    ph_p256_pub_free(pub);
    ph_pkey_free(ed);
    return 0;
}
