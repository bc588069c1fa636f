#ifndef PH_CRYPTO_ECDSA_REF_PRIV_H
#define PH_CRYPTO_ECDSA_REF_PRIV_H

/* ECDSA as libcrypto judges it, beside ours, over either curve: for ecdsa_diff_test.c and
 * ecdsa_fuzz.c. Any disagreement is an assertion failure.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/err.h"
#include "crypto/ecdsa_priv.h"
#include "crypto/p256.h"
#include "crypto/p384.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdint.h>
#include <string.h>

enum { REF_MAX = 48 }; /* bytes of a P-384 scalar or coordinate */

enum ref_verdict { REF_BAD_KEY, REF_REFUSED, REF_ACCEPTED };

struct ref_curve {
    int len; /* of a scalar, a coordinate, and the digest */
    EC_GROUP *group;
    BIGNUM *p, *n;
    BN_CTX *ctx;
};

/* What one case consists of. */
struct ref_case {
    uint8_t xy[2 * REF_MAX], digest[REF_MAX], sig[2 * REF_MAX];
};

static inline struct ref_curve ref_curve_new(int nid)
{
    struct ref_curve c = {.len = nid == NID_X9_62_prime256v1 ? 32 : 48,
                          .group = EC_GROUP_new_by_curve_name(nid),
                          .p = BN_new(),
                          .n = BN_new(),
                          .ctx = BN_CTX_new()};
    assert(c.group && c.p && c.n && c.ctx);
    assert(EC_GROUP_get_curve(c.group, c.p, NULL, NULL, c.ctx) == 1);
    assert(BN_copy(c.n, EC_GROUP_get0_order(c.group)));
    return c;
}

static inline void ref_curve_clear(struct ref_curve *c)
{
    EC_GROUP_free(c->group);
    BN_free(c->p);
    BN_free(c->n);
    BN_CTX_free(c->ctx);
}

static inline enum ref_verdict ref_theirs(const struct ref_curve *c, const struct ref_case *t)
{
    uint8_t octets[1 + 2 * REF_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    EC_KEY *key = EC_KEY_new();
    ECDSA_SIG *sig = ECDSA_SIG_new();
    enum ref_verdict v = REF_BAD_KEY;

    assert(key && sig && EC_KEY_set_group(key, c->group) == 1);
    assert(ECDSA_SIG_set0(sig, BN_bin2bn(t->sig, c->len, NULL),
                          BN_bin2bn(t->sig + c->len, c->len, NULL)) == 1);
    memcpy(octets + 1, t->xy, 2 * (size_t)c->len);
    if (EC_KEY_oct2key(key, octets, 1 + 2 * (size_t)c->len, NULL) == 1)
        v = ECDSA_do_verify(t->digest, c->len, sig, key) == 1 ? REF_ACCEPTED : REF_REFUSED;
    ERR_clear_error();
    EC_KEY_free(key);
    ECDSA_SIG_free(sig);
    return v;
}

/* Ours, with the key as it is and prepared. */
static inline enum ref_verdict ref_ours(const struct ref_curve *c, const struct ref_case *t)
{
    enum ph_err plain, prepared;

    if (c->len == 32) {
        struct ph_p256_pub pub;
        if (ph_p256_pub_init(&pub, t->xy) != PH_OK)
            return REF_BAD_KEY;
        plain = ph_p256_verify_digest(&pub, t->digest, t->sig);
        ph_p256_pub_prepare(&pub);
        prepared = ph_p256_verify_digest(&pub, t->digest, t->sig);
    } else {
        struct ph_p384_pub pub;
        if (ph_p384_pub_init(&pub, t->xy) != PH_OK)
            return REF_BAD_KEY;
        plain = ph_p384_verify_digest(&pub, t->digest, t->sig);
        ph_p384_pub_prepare(&pub);
        prepared = ph_p384_verify_digest(&pub, t->digest, t->sig);
    }
    assert(plain == prepared && (plain == PH_OK || plain == PH_ERR_UNTRUSTED));
    return plain == PH_OK ? REF_ACCEPTED : REF_REFUSED;
}

static inline void ref_put(const struct ref_curve *c, const BIGNUM *n, uint8_t *out)
{
    assert(BN_bn2binpad(n, out, c->len) == c->len);
}

static inline void ref_put_point(const struct ref_curve *c, const EC_POINT *p, uint8_t *xy)
{
    uint8_t octets[1 + 2 * REF_MAX];

    assert(EC_POINT_point2oct(c->group, p, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets),
                              c->ctx) == 1 + 2 * (size_t)c->len);
    memcpy(xy, octets + 1, 2 * (size_t)c->len);
}

/* Key and signature of a case for the secret d, the nonce k (both 1..n-1) and t->digest. False when
 * r or s comes out as 0. */
static inline bool ref_sign(const struct ref_curve *c, const BIGNUM *d, const BIGNUM *k,
                            struct ref_case *t)
{
    EC_POINT *point = EC_POINT_new(c->group);
    BIGNUM *r = BN_new(), *s = BN_new(), *e = BN_bin2bn(t->digest, c->len, NULL);

    assert(point && r && s && e);
    assert(EC_POINT_mul(c->group, point, d, NULL, NULL, c->ctx) == 1);
    ref_put_point(c, point, t->xy);
    assert(EC_POINT_mul(c->group, point, k, NULL, NULL, c->ctx) == 1);
    assert(EC_POINT_get_affine_coordinates(c->group, point, r, NULL, c->ctx) == 1);
    assert(BN_nnmod(r, r, c->n, c->ctx) == 1);
    assert(BN_mod_mul(s, r, d, c->n, c->ctx) == 1 && BN_mod_add(e, e, s, c->n, c->ctx) == 1);
    assert(BN_mod_inverse(s, k, c->n, c->ctx) && BN_mod_mul(s, s, e, c->n, c->ctx) == 1);
    const bool ok = !BN_is_zero(r) && !BN_is_zero(s);
    ref_put(c, r, t->sig);
    ref_put(c, s, t->sig + c->len);
    EC_POINT_free(point);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    return ok;
}

/* A key under which (r, s) over t->digest leads to the given point R, with r as it stands in
 * t->sig: Q = (s R - e G) / r. False when that is infinity. */
static inline bool ref_recover(const struct ref_curve *c, const EC_POINT *big_r, struct ref_case *t)
{
    EC_POINT *q = EC_POINT_new(c->group);
    BIGNUM *r = BN_bin2bn(t->sig, c->len, NULL), *s = BN_bin2bn(t->sig + c->len, c->len, NULL);
    BIGNUM *e = BN_bin2bn(t->digest, c->len, NULL);

    assert(q && r && s && e && BN_mod_inverse(r, r, c->n, c->ctx));
    assert(BN_mod_mul(s, s, r, c->n, c->ctx) == 1 && BN_mod_mul(e, e, r, c->n, c->ctx) == 1);
    assert(BN_sub(e, c->n, e) == 1);
    assert(EC_POINT_mul(c->group, q, e, big_r, s, c->ctx) == 1);
    const bool ok = !EC_POINT_is_at_infinity(c->group, q);
    if (ok)
        ref_put_point(c, q, t->xy);
    EC_POINT_free(q);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    return ok;
}

#endif
