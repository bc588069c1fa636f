#include "attest/synth/synth_p384.h"

#include "attest/synth/synth_priv.h"
#include "base/own.h"
#include "codec/der.h"
#include "crypto/hash.h"

/* By the first byte of `of`; who comes to a slot next writes over it. */
static _Thread_local struct kept {
    struct ph_hash32 of;
    uint8_t value[96];
} kept[256];

static struct kept *slot_of(char kind, const uint8_t secret[static 48], const uint8_t digest[48],
                            struct ph_hash32 *of)
{
    uint8_t text[1 + 48 + 48] = {(uint8_t)kind};

    memcpy(text + 1, secret, 48);
    if (digest)
        memcpy(text + 49, digest, 48);
    ph_sha256(PH_BYTES_OF(text), of->b);
    return &kept[of->b[0]];
}

enum ph_err ph_synth_p384_public(const uint8_t secret[static 48], uint8_t out[static 96])
{
    struct ph_hash32 of;
    struct kept *slot = slot_of('k', secret, NULL, &of);

    if (memcmp(slot->of.b, of.b, sizeof(of.b)) != 0) {
        uint8_t made[96];
        PH_TRY(ph_p384_public(secret, made));
        memcpy(slot->value, made, sizeof(made));
        slot->of = of;
    }
    memcpy(out, slot->value, sizeof(slot->value));
    return PH_OK;
}

enum ph_err ph_synth_p384_sign(const uint8_t secret[static 48], struct ph_bytes message,
                               uint8_t sig[static 96])
{
    uint8_t digest[48];
    ph_sha384(message, digest);
    return ph_synth_p384_sign_digest(secret, digest, sig);
}

enum ph_err ph_synth_p384_sign_digest(const uint8_t secret[static 48],
                                      const uint8_t digest[static 48], uint8_t sig[static 96])
{
    struct ph_hash32 of;
    struct kept *slot = slot_of('s', secret, digest, &of);

    if (memcmp(slot->of.b, of.b, sizeof(of.b)) != 0) {
        uint8_t made[96];
        PH_TRY(ph_p384_sign_digest(secret, digest, made));
        memcpy(slot->value, made, sizeof(made));
        slot->of = of;
    }
    memcpy(sig, slot->value, sizeof(slot->value));
    return PH_OK;
}

static const struct ph_synth names = {.organization = "Synthetic"};

static enum ph_err put_spki(struct ph_buf *buf, const uint8_t secret[static 48])
{
    uint8_t point[98] = {0, 4};
    const size_t start = buf->len;
    PH_TRY(ph_synth_p384_public(secret, point + 2));
    PH_TRY(ph_der_put_oid(buf, "1.2.840.10045.2.1"));
    PH_TRY(ph_der_put_oid(buf, "1.3.132.0.34"));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_der_put(buf, PH_DER_BIT_STRING, PH_BYTES_OF(point)));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_p384_pin(const uint8_t secret[static 48], uint8_t out[static 32])
{
    struct ph_buf spki PH_OWNED(ph_buf_clear) = PH_BUF(256);
    PH_TRY(put_spki(&spki, secret));
    ph_sha256(ph_buf_view(&spki), out);
    return PH_OK;
}

static enum ph_err key_id(const uint8_t secret[static 48], uint8_t out[static 20])
{
    uint8_t digest[32];
    PH_TRY(ph_synth_p384_pin(secret, digest));
    memcpy(out, digest, 20);
    return PH_OK;
}

static enum ph_err put_sig_alg(struct ph_buf *buf, const struct ph_synth_p384_cert *c)
{
    const size_t start = buf->len;
    PH_TRY(ph_der_put_oid(buf, c->p256_sig_alg ? "1.2.840.10045.4.3.2" : "1.2.840.10045.4.3.3"));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_basic_constraints(struct ph_buf *buf, const struct ph_synth_p384_cert *c)
{
    static const uint8_t yes = 0xff;
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    if (c->is_ca)
        PH_TRY(ph_der_put(&value, PH_DER_BOOLEAN, (struct ph_bytes){&yes, 1}));
    if (c->is_ca && c->has_path_len)
        PH_TRY(ph_der_put_u64(&value, c->path_len));
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "2.5.29.19", true, ph_buf_view(&value));
}

static enum ph_err put_key_usage(struct ph_buf *buf, uint8_t bits)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    uint8_t content[2] = {0, bits};
    while (content[0] < 7 && !(bits >> content[0] & 1))
        content[0]++;
    PH_TRY(ph_der_put(&value, PH_DER_BIT_STRING, PH_BYTES_OF(content)));
    return ph_synth_put_ext(buf, "2.5.29.15", true, ph_buf_view(&value));
}

static enum ph_err put_extensions(struct ph_buf *buf, const struct ph_synth_p384_cert *c)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    uint8_t id[20];
    const size_t start = buf->len;

    if (!c->no_ski) {
        PH_TRY(key_id(c->secret, id));
        PH_TRY(ph_der_put(&value, PH_DER_OCTET_STRING, PH_BYTES_OF(id)));
        PH_TRY(ph_synth_put_ext(buf, "2.5.29.14", false, ph_buf_view(&value)));
    }
    if (!c->no_aki) {
        PH_TRY(key_id(c->issuer_secret, id));
        PH_TRY(ph_synth_put_aki(buf, PH_BYTES_OF(id)));
    }
    if (!c->no_basic_constraints)
        PH_TRY(put_basic_constraints(buf, c));
    if (!c->no_key_usage)
        PH_TRY(put_key_usage(buf, c->key_usage));
    PH_TRY(ph_buf_add(buf, c->extensions));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_CONTEXT(3));
}

static enum ph_err put_tbs(struct ph_buf *buf, const struct ph_synth_p384_cert *c)
{
    PH_TRY(ph_der_put_u64(buf, 2)); /* v3 */
    PH_TRY(ph_synth_wrap(buf, 0, PH_DER_CONTEXT(0)));
    PH_TRY(ph_der_put_u64(buf, c->serial ? c->serial : 0x1234567));
    PH_TRY(put_sig_alg(buf, c));
    PH_TRY(ph_synth_put_name(&names, buf, c->issuer));
    const size_t start = buf->len;
    PH_TRY(ph_der_put_time(buf, c->not_before_s));
    PH_TRY(ph_der_put_time(buf, c->not_after_s));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_put_name(&names, buf, c->subject));
    PH_TRY(put_spki(buf, c->secret));
    PH_TRY(put_extensions(buf, c));
    return ph_synth_wrap(buf, 0, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_p384_cert_make(const struct ph_synth_p384_cert *c, struct ph_buf *der)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf bits PH_OWNED(ph_buf_clear) = PH_BUF(256);
    static const uint8_t no_unused_bits = 0;
    uint8_t sig[96];

    PH_TRY(put_tbs(&buf, c));
    PH_TRY(ph_synth_p384_sign(c->signer_secret ? c->signer_secret : c->issuer_secret,
                              ph_buf_view(&buf), sig));
    PH_TRY(put_sig_alg(&buf, c));
    PH_TRY(ph_buf_add(&bits, (struct ph_bytes){&no_unused_bits, 1}));
    PH_TRY(ph_der_put_ecdsa_sig(&bits, sig, 48));
    PH_TRY(ph_der_put(&buf, PH_DER_BIT_STRING, ph_buf_view(&bits)));
    PH_TRY(ph_synth_wrap(&buf, 0, PH_DER_SEQUENCE));
    return ph_buf_add(der, ph_buf_view(&buf));
}
