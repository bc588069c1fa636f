#include "crypto/pkey.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/ossl_priv.h"
#include "crypto/pkey_priv.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void md_ctx_freep(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

void ph_pkey_free(struct ph_pkey *key)
{
    if (!key)
        return;
    ph_p256_pub_free(key->p256);
    EVP_PKEY_free(key->evp);
    ph_wipe(key, sizeof(*key));
    free(key);
}

void ph_pkey_freep(struct ph_pkey **key)
{
    ph_pkey_free(*key);
}

enum ph_pkey_kind ph_pkey_kind(const struct ph_pkey *key)
{
    return key->kind;
}

bool ph_pkey_is_private(const struct ph_pkey *key)
{
    return key->is_private;
}

size_t ph_pkey_pub_len(enum ph_pkey_kind kind)
{
    switch (kind) {
    case PH_PKEY_P256:
        return PH_P256_PUB_LEN;
    case PH_PKEY_ED25519:
    case PH_PKEY_X25519:
        return 32;
    }
    return 0;
}

/* Make ready what the operations use, and check the point. */
static enum ph_err complete(struct ph_pkey *key)
{
    switch (key->kind) {
    case PH_PKEY_P256:
        return ph_p256_pub_new(key->pub, &key->p256);
    case PH_PKEY_ED25519:
        /* RFC 8032 §5.1.7 decodes the public key when it verifies, and refuses then. */
        if (!key->evp)
            key->evp =
                EVP_PKEY_new_raw_public_key_ex(ph_ossl()->ctx, "ED25519", NULL, key->pub, 32);
        if (!key->evp)
            return PH_ERR_NOMEM;
        break;
    case PH_PKEY_X25519:
        break;
    }
    return PH_OK;
}

enum ph_err ph_pkey_from_public(enum ph_pkey_kind kind, const uint8_t *pub, struct ph_pkey **out)
{
    const size_t len = ph_pkey_pub_len(kind);

    if (len == 0)
        return PH_ERR_UNSUPPORTED;
    struct ph_pkey *key PH_OWNED(ph_pkey_freep) = calloc(1, sizeof(*key));
    if (!key)
        return PH_ERR_NOMEM;
    key->kind = kind;
    memcpy(key->pub, pub, len);
    PH_TRY(complete(key));
    *out = PH_TAKE(key);
    return PH_OK;
}

/* Public half of key->d into key->pub. */
static enum ph_err compute_public(struct ph_pkey *key)
{
    size_t len = 32;

    switch (key->kind) {
    case PH_PKEY_P256:
        return ph_p256_public(key->d, key->pub);
    case PH_PKEY_X25519:
        return ph_x25519_public(key->d, key->pub);
    case PH_PKEY_ED25519:
        key->evp = EVP_PKEY_new_raw_private_key_ex(ph_ossl()->ctx, "ED25519", NULL, key->d, 32);
        if (!key->evp || EVP_PKEY_get_raw_public_key(key->evp, key->pub, &len) != 1) {
            ERR_clear_error();
            return PH_ERR_NOMEM;
        }
        return PH_OK;
    }
    return PH_ERR_UNSUPPORTED;
}

enum ph_err ph_pkey_from_secret(enum ph_pkey_kind kind, struct ph_bytes d, const uint8_t *pub,
                                struct ph_pkey **out)
{
    if (ph_pkey_pub_len(kind) == 0)
        return PH_ERR_UNSUPPORTED;
    if (d.len != PH_PKEY_SCALAR_LEN)
        return PH_ERR_MALFORMED;
    struct ph_pkey *key PH_OWNED(ph_pkey_freep) = calloc(1, sizeof(*key));
    if (!key)
        return PH_ERR_NOMEM;
    key->kind = kind;
    key->is_private = true;
    memcpy(key->d, d.ptr, d.len);
    PH_TRY(compute_public(key));
    if (pub && memcmp(pub, key->pub, ph_pkey_pub_len(kind)) != 0)
        return PH_ERR_MALFORMED;
    PH_TRY(complete(key));
    *out = PH_TAKE(key);
    return PH_OK;
}

enum ph_err ph_pkey_generate(enum ph_pkey_kind kind, struct ph_pkey **out)
{
    uint8_t d[PH_PKEY_SCALAR_LEN];
    enum ph_err err;

    /* A random P-256 scalar is out of range once in 2^32. */
    do {
        ph_random(d, sizeof(d));
        err = ph_pkey_from_secret(kind, PH_BYTES_OF(d), NULL, out);
    } while (err == PH_ERR_MALFORMED);
    ph_wipe(d, sizeof(d));
    return err;
}

enum ph_err ph_pkey_public(const struct ph_pkey *key, struct ph_pkey **out)
{
    return ph_pkey_from_public(key->kind, key->pub, out);
}

enum ph_err ph_pkey_ecdsa_sign(const struct ph_pkey *key, enum ph_hash_alg alg,
                               struct ph_bytes message, uint8_t sig[static 64])
{
    uint8_t digest[PH_HASH_MAX_LEN];

    if (key->kind != PH_PKEY_P256 || !key->is_private)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_hash(alg, message, digest));
    return ph_p256_sign_prehash(key->d, (struct ph_bytes){digest, ph_hash_len(alg)}, sig);
}

enum ph_err ph_pkey_ecdsa_verify(const struct ph_pkey *key, enum ph_hash_alg alg,
                                 struct ph_bytes message, struct ph_bytes sig)
{
    uint8_t digest[PH_HASH_MAX_LEN];

    if (key->kind != PH_PKEY_P256)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_hash(alg, message, digest));
    if (sig.len != PH_P256_SIG_LEN)
        return PH_ERR_UNTRUSTED;
    return ph_p256_verify_prehash(key->p256, (struct ph_bytes){digest, ph_hash_len(alg)}, sig.ptr);
}

/* EVP refuses a NULL message even of length 0. */
static const uint8_t *ptr_of(struct ph_bytes b)
{
    static const uint8_t nothing[1];
    return b.len > 0 ? b.ptr : nothing;
}

enum ph_err ph_pkey_ed25519_sign(const struct ph_pkey *key, struct ph_bytes message,
                                 uint8_t sig[static 64])
{
    uint8_t bytes[64];
    size_t len = sizeof(bytes);

    if (key->kind != PH_PKEY_ED25519 || !key->is_private)
        return PH_ERR_UNSUPPORTED;
    EVP_MD_CTX *ctx PH_OWNED(md_ctx_freep) = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, ph_ossl()->ctx, NULL, key->evp, NULL) != 1 ||
        EVP_DigestSign(ctx, bytes, &len, ptr_of(message), message.len) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    memcpy(sig, bytes, sizeof(bytes));
    return PH_OK;
}

enum ph_err ph_pkey_ed25519_verify(const struct ph_pkey *key, struct ph_bytes message,
                                   struct ph_bytes sig)
{
    if (key->kind != PH_PKEY_ED25519)
        return PH_ERR_UNSUPPORTED;
    if (sig.len != 64)
        return PH_ERR_UNTRUSTED;
    EVP_MD_CTX *ctx PH_OWNED(md_ctx_freep) = EVP_MD_CTX_new();
    if (!ctx ||
        EVP_DigestVerifyInit_ex(ctx, NULL, NULL, ph_ossl()->ctx, NULL, key->evp, NULL) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    if (EVP_DigestVerify(ctx, sig.ptr, sig.len, ptr_of(message), message.len) != 1) {
        ERR_clear_error();
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

enum ph_err ph_pkey_derive(const struct ph_pkey *key, const struct ph_pkey *peer,
                           uint8_t shared[static 32])
{
    if (!key->is_private || key->kind != peer->kind)
        return PH_ERR_UNSUPPORTED;
    switch (key->kind) {
    case PH_PKEY_P256:
        return ph_p256_ecdh(key->d, peer->pub, shared);
    case PH_PKEY_X25519:
        return ph_x25519(key->d, peer->pub, shared);
    case PH_PKEY_ED25519:
        break;
    }
    return PH_ERR_UNSUPPORTED;
}
