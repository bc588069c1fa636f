/* Quotes. */

#include "attest/synth/synth_priv.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/p256.h"

enum { QE_AUTH_LEN = 32 };

static enum ph_err put_u16(struct ph_buf *buf, unsigned v)
{
    uint8_t b[2];
    ph_put_u16le(b, (uint16_t)v);
    return ph_buf_add(buf, PH_BYTES_OF(b));
}

static enum ph_err put_u32(struct ph_buf *buf, size_t v)
{
    uint8_t b[4];
    ph_put_u32le(b, (uint32_t)v);
    return ph_buf_add(buf, PH_BYTES_OF(b));
}

static enum ph_err put_header(const struct ph_synth *s, bool tdx, struct ph_buf *buf)
{
    static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                       0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    static const uint8_t user_data[20];

    PH_TRY(put_u16(buf, s->quote_version));
    PH_TRY(put_u16(buf, PH_QUOTE_KEY_ECDSA_P256));
    PH_TRY(put_u32(buf, tdx ? PH_QUOTE_TEE_TDX : PH_QUOTE_TEE_SGX));
    PH_TRY(put_u32(buf, 0));
    PH_TRY(ph_buf_add(buf, PH_BYTES_OF(vendor)));
    return ph_buf_add(buf, PH_BYTES_OF(user_data));
}

/* The quoting enclave's report, which binds the attestation key, and the PCK's signature on it. */
static enum ph_err put_qe_report(const struct ph_synth *s, const uint8_t key[static 64],
                                 struct ph_bytes auth, struct ph_buf *buf)
{
    struct ph_sgx_body report = s->qe_report;
    struct ph_sha256 ctx;
    uint8_t sig[64];

    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, (struct ph_bytes){key, 64});
    ph_sha256_update(&ctx, auth);
    ph_sha256_final(&ctx, report.report_data);
    if (s->faults & PH_SYNTH_BAD_QE_BINDING)
        report.report_data[0] ^= 1;
    if (s->faults & PH_SYNTH_BAD_QE_TAIL)
        report.report_data[63] ^= 1;
    ph_put_u16le(report.isvprodid, s->qe_isvprodid);
    ph_put_u16le(report.isvsvn, s->qe_isvsvn);
    const struct ph_bytes view = {(const uint8_t *)&report, sizeof(report)};
    PH_TRY(ph_synth_sign(s, PH_SYNTH_BAD_QE_REPORT_SIG, s->keys.pck, view, sig));
    PH_TRY(ph_buf_add(buf, view));
    return ph_buf_add(buf, PH_BYTES_OF(sig));
}

static enum ph_err put_certification(const struct ph_synth *s, const struct ph_synth_pki *pki,
                                     const uint8_t key[static 64], struct ph_buf *buf)
{
    const struct ph_bytes chain = ph_buf_view(&pki->part[PH_SYNTH_PCK_CHAIN]);
    uint8_t auth[QE_AUTH_LEN];

    for (size_t i = 0; i < sizeof(auth); i++)
        auth[i] = (uint8_t)i;
    PH_TRY(put_qe_report(s, key, PH_BYTES_OF(auth), buf));
    PH_TRY(put_u16(buf, QE_AUTH_LEN));
    PH_TRY(ph_buf_add(buf, PH_BYTES_OF(auth)));
    if (s->omit_pck_chain) {
        PH_TRY(put_u16(buf, PH_QUOTE_CERT_PPID));
        PH_TRY(put_u32(buf, 16 + 16 + 2 + 2));
        PH_TRY(ph_buf_add(buf, PH_BYTES_OF(s->ppid)));
        PH_TRY(ph_buf_add(buf, PH_BYTES_OF(s->cpusvn)));
        PH_TRY(put_u16(buf, s->pcesvn));
        return ph_buf_add(buf, PH_BYTES_OF(s->pceid));
    }
    /* Quotes in the field end the PEM with a NUL. */
    static const uint8_t nul = 0;
    PH_TRY(put_u16(buf, PH_QUOTE_CERT_PCK_CHAIN));
    PH_TRY(put_u32(buf, chain.len + 1));
    PH_TRY(ph_buf_add(buf, chain));
    return ph_buf_add(buf, (struct ph_bytes){&nul, 1});
}

/* Sign header and body, which `quote` holds from `start` on, and append everything after them. */
static enum ph_err put_auth(const struct ph_synth *s, const struct ph_synth_pki *pki, size_t start,
                            struct ph_buf *quote)
{
    struct ph_buf cert PH_OWNED(ph_buf_clear) = PH_BUF(64 * 1024);
    uint8_t sig[64], key[64];

    PH_TRY(ph_p256_public(s->keys.attestation, key));
    PH_TRY(put_certification(s, pki, key, &cert));
    PH_TRY(ph_synth_sign(s, PH_SYNTH_BAD_QUOTE_SIG, s->keys.attestation,
                         (struct ph_bytes){quote->ptr + start, quote->len - start}, sig));
    const bool outer = s->quote_version >= 4;
    PH_TRY(put_u32(quote, 64 + 64 + (outer ? 6 : 0) + cert.len));
    PH_TRY(ph_buf_add(quote, PH_BYTES_OF(sig)));
    PH_TRY(ph_buf_add(quote, PH_BYTES_OF(key)));
    if (outer) {
        PH_TRY(put_u16(quote, PH_QUOTE_CERT_QE_REPORT));
        PH_TRY(put_u32(quote, cert.len));
    }
    PH_TRY(ph_buf_add(quote, ph_buf_view(&cert)));
    for (size_t i = 0; i < s->padding; i++)
        PH_TRY(ph_buf_add(quote, (struct ph_bytes){(const uint8_t *)"", 1}));
    return PH_OK;
}

static enum ph_err put_body_type(const struct ph_synth *s, unsigned type, size_t len,
                                 struct ph_buf *buf)
{
    if (s->quote_version != 5)
        return PH_OK;
    PH_TRY(put_u16(buf, type));
    return put_u32(buf, len);
}

enum ph_err ph_synth_tdx_quote(const struct ph_synth *s, const struct ph_synth_pki *pki,
                               const struct ph_tdx_body *body, const struct ph_tdx15_tail *tail,
                               struct ph_buf *out)
{
    const size_t start = out->len;

    if (s->quote_version < 4 || s->quote_version > 5 || (tail && s->quote_version != 5))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(put_header(s, true, out));
    PH_TRY(put_body_type(s, tail ? PH_QUOTE_V5_BODY_TD15 : PH_QUOTE_V5_BODY_TD10,
                         sizeof(*body) + (tail ? sizeof(*tail) : 0), out));
    PH_TRY(ph_buf_add(out, (struct ph_bytes){(const uint8_t *)body, sizeof(*body)}));
    if (tail)
        PH_TRY(ph_buf_add(out, (struct ph_bytes){(const uint8_t *)tail, sizeof(*tail)}));
    return put_auth(s, pki, start, out);
}

enum ph_err ph_synth_sgx_quote(const struct ph_synth *s, const struct ph_synth_pki *pki,
                               const struct ph_sgx_body *body, struct ph_buf *out)
{
    const size_t start = out->len;

    if (s->quote_version < 3 || s->quote_version > 5)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(put_header(s, false, out));
    PH_TRY(put_body_type(s, PH_QUOTE_V5_BODY_SGX, sizeof(*body), out));
    PH_TRY(ph_buf_add(out, (struct ph_bytes){(const uint8_t *)body, sizeof(*body)}));
    return put_auth(s, pki, start, out);
}
