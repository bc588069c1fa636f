/* Verification against libcrypto's: an assertion fails where the verdicts differ.
 *
 * Byte 0 picks the curve (bit 0) and how the rest is read: as key, digest and signature; or as
 * secret, nonce and digest, from which a good signature is made and its bytes then XORed with what
 * is left. Good keys and signatures are too rare to be found by mutation alone. */

#include "crypto/ecdsa_ref_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct ref_curve *curve(int i)
{
    static struct ref_curve curves[2];
    if (!curves[i].group)
        curves[i] = ref_curve_new(i == 0 ? NID_X9_62_prime256v1 : NID_secp384r1);
    return &curves[i];
}

static size_t take(uint8_t *out, size_t want, const uint8_t **data, size_t *len)
{
    const size_t n = want < *len ? want : *len;
    if (n > 0)
        memcpy(out, *data, n);
    *data += n;
    *len -= n;
    return n;
}

static BIGNUM *take_scalar(const struct ref_curve *c, const uint8_t **data, size_t *len)
{
    uint8_t bytes[REF_MAX] = {0};

    (void)take(bytes, (size_t)c->len, data, len);
    BIGNUM *n = BN_bin2bn(bytes, c->len, NULL);
    assert(n && BN_nnmod(n, n, c->n, c->ctx) == 1);
    if (BN_is_zero(n))
        assert(BN_one(n) == 1);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ref_case t = {.xy = {0}};

    if (len == 0)
        return 0;
    const struct ref_curve *c = curve(data[0] & 1);
    const bool made = data[0] & 2;
    const size_t n = (size_t)c->len;
    data++, len--;
    if (made) {
        BIGNUM *d = take_scalar(c, &data, &len), *k = take_scalar(c, &data, &len);
        (void)take(t.digest, n, &data, &len);
        const bool good = ref_sign(c, d, k, &t);
        assert(!good || ref_ours(c, &t) == REF_ACCEPTED);
        BN_free(d);
        BN_free(k);
        uint8_t mask[2 * REF_MAX] = {0};
        (void)take(mask, 2 * n, &data, &len);
        for (size_t i = 0; i < 2 * n; i++)
            t.sig[i] ^= mask[i];
        memset(mask, 0, sizeof(mask));
        (void)take(mask, 2 * n, &data, &len);
        for (size_t i = 0; i < 2 * n; i++)
            t.xy[i] ^= mask[i];
    } else {
        (void)take(t.xy, 2 * n, &data, &len);
        (void)take(t.digest, n, &data, &len);
        (void)take(t.sig, 2 * n, &data, &len);
    }
    assert(ref_ours(c, &t) == ref_theirs(c, &t));
    return 0;
}
