#include "crypto/aead.h"

#include "base/own.h"
#include "crypto/ossl_priv.h"
#include "crypto/pkey.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <sys/random.h>

static void cipher_freep(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx); /* wipes the key schedule */
}

/* EVP takes int lengths, and refuses NULL where it means "no bytes". */
static const uint8_t nothing[1];
static const uint8_t *ptr_of(struct ph_bytes b)
{
    return b.len > 0 ? b.ptr : nothing;
}

static enum ph_err aead_seal(const EVP_CIPHER *cipher, const uint8_t *key, struct ph_bytes iv,
                             struct ph_bytes aad, size_t tag_len, struct ph_bytes plain,
                             uint8_t *out)
{
    EVP_CIPHER_CTX *ctx PH_OWNED(cipher_freep) = EVP_CIPHER_CTX_new();
    uint8_t tag[PH_GCM_TAG_LEN];
    int n;

    /* None of these steps fails on lengths checked by the callers, except for want of memory. */
    if (!ctx || EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.len, NULL) != 1 ||
        EVP_EncryptInit_ex2(ctx, NULL, key, iv.ptr, NULL) != 1 ||
        (aad.len > 0 && EVP_EncryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1) ||
        EVP_EncryptUpdate(ctx, out, &n, ptr_of(plain), (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PH_GCM_TAG_LEN, tag) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    memcpy(out + plain.len, tag, tag_len);
    return PH_OK;
}

static enum ph_err aead_open(const EVP_CIPHER *cipher, const uint8_t *key, struct ph_bytes iv,
                             struct ph_bytes aad, size_t tag_len, struct ph_bytes sealed,
                             uint8_t *out)
{
    EVP_CIPHER_CTX *ctx PH_OWNED(cipher_freep) = EVP_CIPHER_CTX_new();
    const struct ph_bytes text = {sealed.ptr, sealed.len - tag_len};
    uint8_t tag[PH_GCM_TAG_LEN];
    int n;

    memcpy(tag, sealed.ptr + text.len, tag_len);
    if (!ctx || EVP_DecryptInit_ex2(ctx, cipher, NULL, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.len, NULL) != 1 ||
        EVP_DecryptInit_ex2(ctx, NULL, key, iv.ptr, NULL) != 1 ||
        (aad.len > 0 && EVP_DecryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1) ||
        EVP_DecryptUpdate(ctx, out, &n, ptr_of(text), (int)text.len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, tag) != 1) {
        ERR_clear_error();
        ph_wipe(out, text.len);
        return PH_ERR_NOMEM;
    }
    if (EVP_DecryptFinal_ex(ctx, tag, &n) != 1) {
        ERR_clear_error();
        ph_wipe(out, text.len);
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

static bool too_long(struct ph_bytes b)
{
    return b.len > INT32_MAX;
}

static enum ph_err whole_seal(const EVP_CIPHER *cipher, const uint8_t key[static 32],
                              const uint8_t nonce[static PH_GCM_NONCE_LEN], struct ph_bytes aad,
                              struct ph_bytes plain, uint8_t *out)
{
    if (too_long(aad) || too_long(plain))
        return PH_ERR_LIMIT;
    return aead_seal(cipher, key, (struct ph_bytes){nonce, PH_GCM_NONCE_LEN}, aad, PH_GCM_TAG_LEN,
                     plain, out);
}

static enum ph_err whole_open(const EVP_CIPHER *cipher, const uint8_t key[static 32],
                              const uint8_t nonce[static PH_GCM_NONCE_LEN], struct ph_bytes aad,
                              struct ph_bytes sealed, uint8_t *out)
{
    if (sealed.len < PH_GCM_TAG_LEN)
        return PH_ERR_MALFORMED;
    if (too_long(aad) || too_long(sealed))
        return PH_ERR_LIMIT;
    return aead_open(cipher, key, (struct ph_bytes){nonce, PH_GCM_NONCE_LEN}, aad, PH_GCM_TAG_LEN,
                     sealed, out);
}

enum ph_err ph_aes256gcm_seal(const uint8_t key[static 32], const uint8_t nonce[static 12],
                              struct ph_bytes aad, struct ph_bytes plain, uint8_t *out)
{
    return whole_seal(ph_ossl()->aes256gcm, key, nonce, aad, plain, out);
}

enum ph_err ph_aes256gcm_open(const uint8_t key[static 32], const uint8_t nonce[static 12],
                              struct ph_bytes aad, struct ph_bytes sealed, uint8_t *out)
{
    return whole_open(ph_ossl()->aes256gcm, key, nonce, aad, sealed, out);
}

enum ph_err ph_chacha20poly1305_seal(const uint8_t key[static 32], const uint8_t nonce[static 12],
                                     struct ph_bytes aad, struct ph_bytes plain, uint8_t *out)
{
    return whole_seal(ph_ossl()->chacha20poly1305, key, nonce, aad, plain, out);
}

enum ph_err ph_chacha20poly1305_open(const uint8_t key[static 32], const uint8_t nonce[static 12],
                                     struct ph_bytes aad, struct ph_bytes sealed, uint8_t *out)
{
    return whole_open(ph_ossl()->chacha20poly1305, key, nonce, aad, sealed, out);
}

/* The cipher of a WebCrypto request, if its lengths are ones pkey.h allows. */
static enum ph_err gcm_pick(struct ph_bytes key, struct ph_bytes iv, size_t tag_len,
                            const EVP_CIPHER **out)
{
    const struct ph_ossl *ossl = ph_ossl();

    if (iv.len == 0 || (key.len != 16 && key.len != 24 && key.len != 32))
        return PH_ERR_MALFORMED;
    if (iv.len > 128 || tag_len < 12 || tag_len > PH_GCM_TAG_LEN)
        return PH_ERR_UNSUPPORTED;
    *out = key.len == 16 ? ossl->aes128gcm : key.len == 24 ? ossl->aes192gcm : ossl->aes256gcm;
    return PH_OK;
}

enum ph_err ph_aesgcm_seal(struct ph_bytes key, struct ph_bytes iv, struct ph_bytes aad,
                           size_t tag_len, struct ph_bytes plain, uint8_t *out)
{
    const EVP_CIPHER *cipher;

    PH_TRY(gcm_pick(key, iv, tag_len, &cipher));
    if (too_long(aad) || too_long(plain))
        return PH_ERR_LIMIT;
    return aead_seal(cipher, key.ptr, iv, aad, tag_len, plain, out);
}

enum ph_err ph_aesgcm_open(struct ph_bytes key, struct ph_bytes iv, struct ph_bytes aad,
                           size_t tag_len, struct ph_bytes sealed, uint8_t *out)
{
    const EVP_CIPHER *cipher;

    PH_TRY(gcm_pick(key, iv, tag_len, &cipher));
    if (too_long(aad) || too_long(sealed))
        return PH_ERR_LIMIT;
    if (sealed.len < tag_len)
        return PH_ERR_UNTRUSTED;
    return aead_open(cipher, key.ptr, iv, aad, tag_len, sealed, out);
}

enum ph_err ph_aes128ctr(const uint8_t key[static 16], const uint8_t iv[static 16],
                         struct ph_bytes in, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx PH_OWNED(cipher_freep) = EVP_CIPHER_CTX_new();
    int n;

    if (too_long(in))
        return PH_ERR_LIMIT;
    if (!ctx || EVP_EncryptInit_ex2(ctx, ph_ossl()->aes128ctr, key, iv, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, out, &n, ptr_of(in), (int)in.len) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    return PH_OK;
}

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

enum ph_err ph_x25519_public(const uint8_t secret[static PH_X25519_LEN],
                             uint8_t out[static PH_X25519_LEN])
{
    EVP_PKEY *key PH_OWNED(pkey_freep) =
        EVP_PKEY_new_raw_private_key_ex(ph_ossl()->ctx, "X25519", NULL, secret, PH_X25519_LEN);
    size_t len = PH_X25519_LEN;

    if (!key || EVP_PKEY_get_raw_public_key(key, out, &len) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    return PH_OK;
}

/* The secret as a key. OpenSSL computes the public half of a key made from its secret alone, which
 * doubles the cost of an exchange that never looks at it; so it is given one, the peer's. */
static EVP_PKEY *x25519_key(const uint8_t secret[static PH_X25519_LEN],
                            const uint8_t unused_public[static PH_X25519_LEN])
{
    EVP_PKEY_CTX *ctx PH_OWNED(pkey_ctx_freep) =
        EVP_PKEY_CTX_new_from_name(ph_ossl()->ctx, "X25519", NULL);
    EVP_PKEY *key = NULL;
    /* OSSL_PARAM takes mutable pointers and only reads through them. */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)(uintptr_t)secret,
                                          PH_X25519_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)unused_public,
                                          PH_X25519_LEN),
        OSSL_PARAM_construct_end(),
    };

    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
        return NULL;
    return key;
}

enum ph_err ph_x25519(const uint8_t secret[static PH_X25519_LEN],
                      const uint8_t peer[static PH_X25519_LEN],
                      uint8_t shared[static PH_X25519_LEN])
{
    OSSL_LIB_CTX *lib = ph_ossl()->ctx;
    EVP_PKEY *mine PH_OWNED(pkey_freep) = x25519_key(secret, peer);
    EVP_PKEY *theirs PH_OWNED(pkey_freep) =
        EVP_PKEY_new_raw_public_key_ex(lib, "X25519", NULL, peer, PH_X25519_LEN);
    EVP_PKEY_CTX *ctx PH_OWNED(pkey_ctx_freep) =
        mine ? EVP_PKEY_CTX_new_from_pkey(lib, mine, NULL) : NULL;
    uint8_t result[PH_X25519_LEN];
    size_t len = sizeof(result);

    if (!theirs || !ctx || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    /* RFC 7748 §6.1: fails when the result is all zero, which only a low-order peer causes. */
    if (EVP_PKEY_derive(ctx, result, &len) != 1) {
        ERR_clear_error();
        return PH_ERR_UNTRUSTED;
    }
    memcpy(shared, result, sizeof(result));
    ph_wipe(result, sizeof(result));
    return PH_OK;
}

enum ph_err ph_scrypt(struct ph_bytes password, struct ph_bytes salt, uint64_t n, uint32_t r,
                      uint32_t p, uint8_t *out, size_t out_len)
{
    /* RFC 7914 §2, §6: n a power of two above 1, r and p at least 1. Memory is 128 * r * (n + p).
     */
    if (n < 2 || (n & (n - 1)) != 0 || r == 0 || p == 0 || out_len == 0)
        return PH_ERR_MALFORMED;
    if (n > PH_SCRYPT_MEM_MAX || p > PH_SCRYPT_MEM_MAX || r > PH_SCRYPT_MEM_MAX / 128 ||
        n + p > PH_SCRYPT_MEM_MAX / 128 / r)
        return PH_ERR_LIMIT;
    if (EVP_PBE_scrypt_ex((const char *)ptr_of(password), password.len, ptr_of(salt), salt.len, n,
                          r, p, 2ull * PH_SCRYPT_MEM_MAX, out, out_len, ph_ossl()->ctx,
                          NULL) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    return PH_OK;
}

void ph_random(void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}
