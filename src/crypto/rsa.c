#include "crypto/rsa_priv.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/ossl_priv.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

struct ph_rsa_pub {
    EVP_PKEY *pkey;
    size_t n_len;
};

struct ph_rsa_key {
    EVP_PKEY *pkey;
    size_t n_len, e_len;
    uint8_t n[PH_RSA_MAX_LEN], e[PH_RSA_MAX_E_LEN];
};

static void ctx_freep(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void bn_freep(BIGNUM **n)
{
    BN_free(*n);
}

static void build_freep(OSSL_PARAM_BLD **build)
{
    OSSL_PARAM_BLD_free(*build);
}

static void params_freep(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static void pub_freep(struct ph_rsa_pub **pub)
{
    ph_rsa_pub_free(*pub);
}

static void key_freep(struct ph_rsa_key **key)
{
    ph_rsa_key_free(*key);
}

void ph_rsa_pub_free(struct ph_rsa_pub *pub)
{
    if (!pub)
        return;
    EVP_PKEY_free(pub->pkey);
    free(pub);
}

static EVP_PKEY *pkey_from_numbers(struct ph_bytes n, struct ph_bytes e)
{
    BIGNUM *bn_n PH_OWNED(bn_freep) = BN_bin2bn(n.ptr, (int)n.len, NULL);
    BIGNUM *bn_e PH_OWNED(bn_freep) = BN_bin2bn(e.ptr, (int)e.len, NULL);
    OSSL_PARAM_BLD *build PH_OWNED(build_freep) = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params PH_OWNED(params_freep) = NULL;
    EVP_PKEY_CTX *ctx PH_OWNED(ctx_freep) = EVP_PKEY_CTX_new_from_name(ph_ossl()->ctx, "RSA", NULL);
    EVP_PKEY *pkey = NULL;

    if (!bn_n || !bn_e || !build || !ctx ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) != 1 ||
        !(params = OSSL_PARAM_BLD_to_param(build)) || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        ERR_clear_error();
        return NULL;
    }
    return pkey;
}

enum ph_err ph_rsa_pub_new(struct ph_bytes n, struct ph_bytes e, struct ph_rsa_pub **out)
{
    PH_TRY(ph_rsa_numbers_check(n, e));

    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = calloc(1, sizeof(*pub));
    if (!pub || !(pub->pkey = pkey_from_numbers(n, e)))
        return PH_ERR_NOMEM;
    pub->n_len = n.len;
    *out = PH_TAKE(pub);
    return PH_OK;
}

/* How both sides pad. The digest, MGF1's digest and the salt's length are all pinned: a verifier
 * that takes the salt's length from the signature would accept more than one form of it. */
static EVP_PKEY_CTX *pss_ctx(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *, const OSSL_PARAM *))
{
    EVP_PKEY_CTX *ctx PH_OWNED(ctx_freep) = EVP_PKEY_CTX_new_from_pkey(ph_ossl()->ctx, pkey, NULL);
    char pad[] = OSSL_PKEY_RSA_PAD_MODE_PSS, digest[] = "SHA384";
    int salt_len = PH_RSA_SALT_LEN;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, digest, sizeof(digest) - 1),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, pad, sizeof(pad) - 1),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, digest, sizeof(digest) - 1),
        OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt_len),
        OSSL_PARAM_END,
    };

    if (!ctx || init(ctx, params) != 1) {
        ERR_clear_error();
        return NULL;
    }
    return PH_TAKE(ctx);
}

enum ph_err ph_rsa_pss384_verify(const struct ph_rsa_pub *pub, struct ph_bytes message,
                                 struct ph_bytes sig)
{
    uint8_t digest[PH_SHA384_LEN];

    if (sig.len != pub->n_len)
        return PH_ERR_UNTRUSTED; /* RFC 8017 §8.1.2 step 1 */
    EVP_PKEY_CTX *ctx PH_OWNED(ctx_freep) = pss_ctx(pub->pkey, EVP_PKEY_verify_init_ex);
    if (!ctx)
        return PH_ERR_NOMEM;
    ph_sha384(message, digest);
    if (EVP_PKEY_verify(ctx, sig.ptr, sig.len, digest, sizeof(digest)) != 1) {
        ERR_clear_error();
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

void ph_rsa_key_free(struct ph_rsa_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

/* A number of the key, as a big-endian magnitude; 0 when it does not fit. */
static size_t key_number(EVP_PKEY *pkey, const char *name, uint8_t *out, int max_len)
{
    BIGNUM *bn PH_OWNED(bn_freep) = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1 || BN_num_bytes(bn) > max_len)
        return 0;
    return (size_t)BN_bn2bin(bn, out);
}

enum ph_err ph_rsa_key_generate(unsigned bits, struct ph_rsa_key **out)
{
    if (bits < PH_RSA_MIN_BITS || bits > PH_RSA_MAX_BITS)
        return PH_ERR_UNSUPPORTED;

    struct ph_rsa_key *key PH_OWNED(key_freep) = calloc(1, sizeof(*key));
    if (!key || !(key->pkey = EVP_PKEY_Q_keygen(ph_ossl()->ctx, NULL, "RSA", (size_t)bits)) ||
        !(key->n_len = key_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, key->n, sizeof(key->n))) ||
        !(key->e_len = key_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, key->e, sizeof(key->e)))) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    *out = PH_TAKE(key);
    return PH_OK;
}

struct ph_bytes ph_rsa_key_n(const struct ph_rsa_key *key)
{
    return (struct ph_bytes){key->n, key->n_len};
}

struct ph_bytes ph_rsa_key_e(const struct ph_rsa_key *key)
{
    return (struct ph_bytes){key->e, key->e_len};
}

enum ph_err ph_rsa_pss384_sign(const struct ph_rsa_key *key, struct ph_bytes message,
                               uint8_t sig[static PH_RSA_MAX_LEN], size_t *sig_len)
{
    uint8_t digest[PH_SHA384_LEN], bytes[PH_RSA_MAX_LEN];
    size_t len = sizeof(bytes);
    EVP_PKEY_CTX *ctx PH_OWNED(ctx_freep) = pss_ctx(key->pkey, EVP_PKEY_sign_init_ex);

    ph_sha384(message, digest);
    if (!ctx || EVP_PKEY_sign(ctx, bytes, &len, digest, sizeof(digest)) != 1) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    memcpy(sig, bytes, len);
    *sig_len = len;
    return PH_OK;
}
