#include "attest/synth/synth_rsa.h"

#include "attest/synth/synth_p384.h"
#include "attest/synth/synth_priv.h"
#include "base/own.h"
#include "codec/der.h"
#include "crypto/hash.h"

static const struct ph_synth names = {.organization = "Synthetic"};

/* RFC 4055 §3.1: id-RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt 48, trailer 1. */
static const uint8_t pss_alg[] = {
    0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x39,
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
    0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
    0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
    0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01};

static enum ph_err put_bits(struct ph_buf *buf, struct ph_bytes bytes)
{
    struct ph_buf bits PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    static const uint8_t no_unused_bits = 0;
    PH_TRY(ph_buf_add(&bits, (struct ph_bytes){&no_unused_bits, 1}));
    PH_TRY(ph_buf_add(&bits, bytes));
    return ph_der_put(buf, PH_DER_BIT_STRING, ph_buf_view(&bits));
}

static enum ph_err put_rsa_spki(struct ph_buf *buf, const struct ph_rsa_key *key)
{
    struct ph_buf pub PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    const size_t start = buf->len;
    PH_TRY(ph_der_put_uint(&pub, ph_rsa_key_n(key)));
    PH_TRY(ph_der_put_uint(&pub, ph_rsa_key_e(key)));
    PH_TRY(ph_synth_wrap(&pub, 0, PH_DER_SEQUENCE));
    PH_TRY(ph_der_put_oid(buf, "1.2.840.113549.1.1.1"));
    PH_TRY(ph_der_put(buf, PH_DER_NULL, (struct ph_bytes){0}));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(put_bits(buf, ph_buf_view(&pub)));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_p384_spki(struct ph_buf *buf, const uint8_t secret[static 48])
{
    uint8_t point[97] = {4};
    const size_t start = buf->len;
    PH_TRY(ph_synth_p384_public(secret, point + 1));
    PH_TRY(ph_der_put_oid(buf, "1.2.840.10045.2.1"));
    PH_TRY(ph_der_put_oid(buf, "1.3.132.0.34"));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(put_bits(buf, PH_BYTES_OF(point)));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_rsa_pin(const struct ph_rsa_key *key, uint8_t out[static 32])
{
    struct ph_buf spki PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    PH_TRY(put_rsa_spki(&spki, key));
    ph_sha256(ph_buf_view(&spki), out);
    return PH_OK;
}

static enum ph_err key_id(const struct ph_rsa_key *key, uint8_t out[static 20])
{
    uint8_t digest[32];
    PH_TRY(ph_synth_rsa_pin(key, digest));
    memcpy(out, digest, 20);
    return PH_OK;
}

static enum ph_err put_basic_constraints(struct ph_buf *buf, const struct ph_synth_rsa_cert *c)
{
    static const uint8_t yes = 0xff;
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    PH_TRY(ph_der_put(&value, PH_DER_BOOLEAN, (struct ph_bytes){&yes, 1}));
    if (c->has_path_len)
        PH_TRY(ph_der_put_u64(&value, c->path_len));
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "2.5.29.19", true, ph_buf_view(&value));
}

/* One unused bit whatever the bits are, as AMD's certificates have it. */
static enum ph_err put_key_usage(struct ph_buf *buf, uint8_t bits)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const uint8_t content[2] = {bits == 0x80 ? 7 : 1, bits};
    PH_TRY(ph_der_put(&value, PH_DER_BIT_STRING, PH_BYTES_OF(content)));
    return ph_synth_put_ext(buf, "2.5.29.15", true, ph_buf_view(&value));
}

static enum ph_err put_extensions(struct ph_buf *buf, const struct ph_synth_rsa_cert *c)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    uint8_t id[20];
    const struct ph_bytes shown = {id, c->short_ids ? 1 : sizeof(id)};
    const size_t start = buf->len;

    if (c->key && !c->no_ski) {
        PH_TRY(key_id(c->key, id));
        PH_TRY(ph_der_put(&value, PH_DER_OCTET_STRING, shown));
        PH_TRY(ph_synth_put_ext(buf, "2.5.29.14", false, ph_buf_view(&value)));
    }
    if (!c->no_aki) {
        PH_TRY(key_id(c->issuer_key, id));
        PH_TRY(ph_synth_put_aki(buf, shown));
    }
    if (c->is_ca)
        PH_TRY(put_basic_constraints(buf, c));
    if (c->key_usage != 0)
        PH_TRY(put_key_usage(buf, c->key_usage));
    for (size_t i = 0; i < c->ext_cnt; i++)
        PH_TRY(ph_synth_put_ext(buf, c->ext[i].oid, false, c->ext[i].value));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_CONTEXT(3));
}

static enum ph_err put_tbs(struct ph_buf *buf, const struct ph_synth_rsa_cert *c)
{
    PH_TRY(ph_der_put_u64(buf, 2)); /* v3 */
    PH_TRY(ph_synth_wrap(buf, 0, PH_DER_CONTEXT(0)));
    PH_TRY(ph_der_put_u64(buf, c->serial));
    PH_TRY(ph_buf_add(buf, PH_BYTES_OF(pss_alg)));
    PH_TRY(ph_synth_put_name(&names, buf, c->issuer));
    const size_t start = buf->len;
    PH_TRY(ph_der_put_time(buf, c->not_before_s));
    PH_TRY(ph_der_put_time(buf, c->not_after_s));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_put_name(&names, buf, c->subject));
    PH_TRY(c->key ? put_rsa_spki(buf, c->key) : put_p384_spki(buf, c->p384_secret));
    PH_TRY(put_extensions(buf, c));
    return ph_synth_wrap(buf, 0, PH_DER_SEQUENCE);
}

/* Sign all that `buf` holds, and append the whole to `der`. */
static enum ph_err finish(struct ph_buf *buf, const struct ph_rsa_key *signer, struct ph_buf *der)
{
    uint8_t sig[PH_RSA_MAX_LEN];
    size_t sig_len;

    PH_TRY(ph_rsa_pss384_sign(signer, ph_buf_view(buf), sig, &sig_len));
    PH_TRY(ph_buf_add(buf, PH_BYTES_OF(pss_alg)));
    PH_TRY(put_bits(buf, (struct ph_bytes){sig, sig_len}));
    PH_TRY(ph_synth_wrap(buf, 0, PH_DER_SEQUENCE));
    return ph_buf_add(der, ph_buf_view(buf));
}

enum ph_err ph_synth_rsa_cert_make(const struct ph_synth_rsa_cert *c, struct ph_buf *der)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    PH_TRY(put_tbs(&buf, c));
    return finish(&buf, c->signer ? c->signer : c->issuer_key, der);
}

static enum ph_err put_revoked(struct ph_buf *buf, const struct ph_synth_rsa_crl *c)
{
    const size_t start = buf->len;
    for (size_t i = 0; i < c->revoked_cnt; i++) {
        const size_t entry = buf->len;
        PH_TRY(ph_der_put_u64(buf, c->revoked[i]));
        PH_TRY(ph_der_put_time(buf, c->this_update_s));
        PH_TRY(ph_synth_wrap(buf, entry, PH_DER_SEQUENCE));
    }
    return c->revoked_cnt > 0 ? ph_synth_wrap(buf, start, PH_DER_SEQUENCE) : PH_OK;
}

static enum ph_err put_crl_aki(struct ph_buf *buf, const struct ph_synth_rsa_crl *c)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(256);
    uint8_t id[20];

    PH_TRY(key_id(c->issuer_key, id));
    if (!c->long_aki)
        return ph_synth_put_aki(buf, PH_BYTES_OF(id));
    /* RFC 5280 §4.2.1.1: [0] keyIdentifier, [1] authorityCertIssuer, [2] its serial. */
    PH_TRY(ph_der_put(&value, PH_DER_CONTEXT_PRIMITIVE(0), PH_BYTES_OF(id)));
    const size_t name = value.len;
    PH_TRY(ph_synth_put_name(&names, &value, c->issuer));
    PH_TRY(ph_synth_wrap(&value, name, PH_DER_CONTEXT(4)));
    PH_TRY(ph_synth_wrap(&value, name, PH_DER_CONTEXT(1)));
    PH_TRY(ph_der_put(&value, PH_DER_CONTEXT_PRIMITIVE(2), PH_BYTES_LIT("\x01")));
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "2.5.29.35", false, ph_buf_view(&value));
}

enum ph_err ph_synth_rsa_crl_make(const struct ph_synth_rsa_crl *c, struct ph_buf *der)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_buf number PH_OWNED(ph_buf_clear) = PH_BUF(16);

    PH_TRY(ph_der_put_u64(&buf, 1)); /* v2 */
    PH_TRY(ph_buf_add(&buf, PH_BYTES_OF(pss_alg)));
    PH_TRY(ph_synth_put_name(&names, &buf, c->issuer));
    PH_TRY(ph_der_put_time(&buf, c->this_update_s));
    PH_TRY(ph_der_put_time(&buf, c->next_update_s));
    PH_TRY(put_revoked(&buf, c));
    const size_t exts = buf.len;
    PH_TRY(put_crl_aki(&buf, c));
    PH_TRY(ph_der_put_u64(&number, 7));
    PH_TRY(ph_synth_put_ext(&buf, "2.5.29.20", false, ph_buf_view(&number)));
    PH_TRY(ph_synth_wrap(&buf, exts, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_wrap(&buf, exts, PH_DER_CONTEXT(0)));
    PH_TRY(ph_synth_wrap(&buf, 0, PH_DER_SEQUENCE));
    return finish(&buf, c->signer ? c->signer : c->issuer_key, der);
}
