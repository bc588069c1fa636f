#include "crypto/secp256k1.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/ossl_priv.h"

#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>

static secp256k1_context *context;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void)
{
    uint8_t seed[32];

    context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    /* Blinds the multiplications with the secret against side channels. Afterwards the context is
     * only read, so threads share it. */
    ph_random(seed, sizeof(seed));
    if (!context || secp256k1_context_randomize(context, seed) != 1)
        abort();
    ph_wipe(seed, sizeof(seed));
}

static const secp256k1_context *ctx(void)
{
    if (pthread_once(&once, make) != 0)
        abort();
    return context;
}

void ph_secp256k1_ready(void)
{
    (void)ctx();
}

static void write_xy(const secp256k1_pubkey *key, uint8_t xy[static 64])
{
    uint8_t octets[65];
    size_t len = sizeof(octets);

    /* Returns 1 always: the size fits. */
    (void)secp256k1_ec_pubkey_serialize(ctx(), octets, &len, key, SECP256K1_EC_UNCOMPRESSED);
    memcpy(xy, octets + 1, 64);
}

enum ph_err ph_secp256k1_public(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                uint8_t xy[static 64])
{
    secp256k1_pubkey key;

    if (secp256k1_ec_pubkey_create(ctx(), &key, secret) != 1)
        return PH_ERR_MALFORMED;
    write_xy(&key, xy);
    return PH_OK;
}

void ph_eth_address_of_public(const uint8_t xy[static 64], struct ph_eth_address *out)
{
    uint8_t digest[PH_KECCAK256_LEN];

    ph_keccak256((struct ph_bytes){xy, 64}, digest);
    memcpy(out->b, digest + 12, sizeof(out->b));
}

enum ph_err ph_eth_address(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                           struct ph_eth_address *out)
{
    uint8_t xy[64];

    PH_TRY(ph_secp256k1_public(secret, xy));
    ph_eth_address_of_public(xy, out);
    return PH_OK;
}

enum ph_err ph_eth_sign(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                        const struct ph_hash32 *digest, uint8_t sig[static PH_ETH_SIG_LEN])
{
    secp256k1_ecdsa_recoverable_signature rs;
    uint8_t compact[64];
    int id;

    if (secp256k1_ecdsa_sign_recoverable(ctx(), &rs, digest->b, secret, NULL, NULL) != 1)
        return PH_ERR_MALFORMED;
    (void)secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx(), compact, &id, &rs);
    /* [YP] appendix F: r + n as the x coordinate (id 2, 3) is not a valid v; one in 2^127. */
    if (id > 1)
        return PH_ERR_UNSUPPORTED;
    memcpy(sig, compact, sizeof(compact));
    sig[64] = (uint8_t)(27 + id);
    return PH_OK;
}

enum ph_err ph_eth_recover(const struct ph_hash32 *digest, const uint8_t sig[static PH_ETH_SIG_LEN],
                           struct ph_eth_address *out)
{
    secp256k1_ecdsa_recoverable_signature rs;
    secp256k1_ecdsa_signature plain;
    secp256k1_pubkey key;
    uint8_t xy[64];

    if (sig[64] != 27 && sig[64] != 28)
        return PH_ERR_UNTRUSTED;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(ctx(), &rs, sig, sig[64] - 27) != 1)
        return PH_ERR_UNTRUSTED;
    (void)secp256k1_ecdsa_recoverable_signature_convert(ctx(), &plain, &rs);
    /* EIP-2: s above n/2 would be a second signature for the same digest. */
    if (secp256k1_ecdsa_signature_normalize(ctx(), NULL, &plain) == 1)
        return PH_ERR_UNTRUSTED;
    if (secp256k1_ecdsa_recover(ctx(), &key, &rs, digest->b) != 1)
        return PH_ERR_UNTRUSTED;
    write_xy(&key, xy);
    ph_eth_address_of_public(xy, out);
    return PH_OK;
}

enum ph_err ph_secp256k1_compressed(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                    uint8_t out[static 33])
{
    secp256k1_pubkey key;
    size_t len = 33;

    if (secp256k1_ec_pubkey_create(ctx(), &key, secret) != 1)
        return PH_ERR_MALFORMED;
    (void)secp256k1_ec_pubkey_serialize(ctx(), out, &len, &key, SECP256K1_EC_COMPRESSED);
    return PH_OK;
}

enum ph_err ph_secp256k1_verify(struct ph_bytes key, const struct ph_hash32 *digest,
                                const uint8_t sig[static 64])
{
    secp256k1_ecdsa_signature rs;
    secp256k1_pubkey pub;

    if (key.len == 0 || secp256k1_ec_pubkey_parse(ctx(), &pub, key.ptr, key.len) != 1)
        return PH_ERR_MALFORMED;
    if (secp256k1_ecdsa_signature_parse_compact(ctx(), &rs, sig) != 1 ||
        secp256k1_ecdsa_verify(ctx(), &rs, digest->b, &pub) != 1)
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}
