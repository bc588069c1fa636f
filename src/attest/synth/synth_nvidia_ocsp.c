/* OCSP responses. */

#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/synth_nvidia.h"
#include "attest/synth/synth_p384.h"
#include "attest/synth/synth_priv.h"
#include "base/clock.h"
#include "base/own.h"
#include "codec/der.h"
#include "crypto/hash.h"

#include <stdio.h>

#define SHA_256 "2.16.840.1.101.3.4.2.1"
#define SHA_384 "2.16.840.1.101.3.4.2.2"

static const uint8_t responder_secret[48] = {[0] = 9, [47] = 9};

void ph_synth_ocsp_init(struct ph_synth_ocsp *o, int64_t now_s)
{
    *o = (struct ph_synth_ocsp){
        .responder_secret = responder_secret,
        .responder = {.subject = "Responder",
                      .not_before_s = now_s - 86400,
                      .not_after_s = now_s + 30 * 86400,
                      .key_usage = 0x80},
        .purpose = "1.3.6.1.5.5.7.3.9",
        .produced_s = now_s - 3600,
        .this_update_s = now_s - 3600,
        .next_update_s = now_s + 23 * 3600,
        .hash = SHA_384,
    };
}

/* GeneralizedTime, as OCSP wants it for every year. */
static enum ph_err put_time(struct ph_buf *out, int64_t s)
{
    char text[21], compact[16];
    size_t n = 0;
    ph_time_format_rfc3339(s, text);
    for (size_t i = 0; text[i]; i++) {
        if (text[i] != '-' && text[i] != ':' && text[i] != 'T')
            compact[n++] = text[i];
    }
    return ph_der_put(out, PH_DER_GENERALIZED_TIME, (struct ph_bytes){(const uint8_t *)compact, n});
}

static enum ph_err put_hash(const struct ph_synth_ocsp *o, struct ph_bytes bytes,
                            struct ph_buf *out)
{
    uint8_t digest[48];
    size_t len = 20; /* of nothing known: SHA-1's length */
    memset(digest, 0, sizeof(digest));
    if (strcmp(o->hash, SHA_384) == 0) {
        ph_sha384(bytes, digest);
        len = 48;
    } else if (strcmp(o->hash, SHA_256) == 0) {
        ph_sha256(bytes, digest);
        len = 32;
    }
    return ph_der_put(out, PH_DER_OCTET_STRING, (struct ph_bytes){digest, len});
}

static enum ph_err put_cert_id(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    struct ph_x509 cert, issuer;
    const size_t start = out->len;

    PH_TRY(ph_x509_parse(&ph_x509_profile_nvidia, o->cert, &cert));
    PH_TRY(ph_x509_parse(&ph_x509_profile_nvidia, o->issuer, &issuer));
    PH_TRY(ph_der_put_oid(out, o->hash));
    PH_TRY(ph_synth_wrap(out, start, PH_DER_SEQUENCE));
    PH_TRY(put_hash(o, issuer.subject, out));
    PH_TRY(put_hash(o, (struct ph_bytes){issuer.point.ptr - 1, issuer.point.len + 1}, out));
    PH_TRY(ph_der_put_uint(out, cert.serial));
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}

static enum ph_err put_status(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    const size_t start = out->len;
    const uint8_t reason = (uint8_t)o->reason;

    if (o->status != 1)
        return ph_der_put(out, (uint8_t)PH_DER_CONTEXT_PRIMITIVE(o->status), (struct ph_bytes){0});
    PH_TRY(put_time(out, o->this_update_s));
    const size_t inside = out->len;
    PH_TRY(ph_der_put(out, PH_DER_ENUMERATED, (struct ph_bytes){&reason, 1}));
    PH_TRY(ph_synth_wrap(out, inside, PH_DER_CONTEXT(0)));
    return ph_synth_wrap(out, start, PH_DER_CONTEXT(1));
}

static enum ph_err put_single(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    const size_t start = out->len;

    PH_TRY(put_cert_id(o, out));
    PH_TRY(put_status(o, out));
    PH_TRY(put_time(out, o->this_update_s));
    if (o->next_update_s != 0) {
        const size_t next = out->len;
        PH_TRY(put_time(out, o->next_update_s));
        PH_TRY(ph_synth_wrap(out, next, PH_DER_CONTEXT(0)));
    }
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}

static enum ph_err put_list(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    struct ph_synth_ocsp also = *o;
    const size_t start = out->len;

    also.cert = o->also_cert;
    also.issuer = o->also_issuer;
    PH_TRY(put_single(o, out));
    if (also.cert.len > 0)
        PH_TRY(put_single(&also, out));
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}

/* Name or key of the one that answers: a certificate in DER. */
static enum ph_err put_responder_id(const struct ph_synth_ocsp *o, struct ph_bytes der,
                                    struct ph_buf *out)
{
    struct ph_x509 by;
    const size_t start = out->len;

    PH_TRY(ph_x509_parse(&ph_x509_profile_nvidia, der, &by));
    if (o->by_name) {
        PH_TRY(ph_buf_add(out, by.subject));
        return ph_synth_wrap(out, start, PH_DER_CONTEXT(1));
    }
    PH_TRY(ph_der_put(out, PH_DER_OCTET_STRING, by.ski));
    return ph_synth_wrap(out, start, PH_DER_CONTEXT(2));
}

static enum ph_err put_nonce(struct ph_buf *out)
{
    const size_t start = out->len;
    PH_TRY(ph_synth_put_ext(out, "1.3.6.1.5.5.7.48.1.2", false, PH_BYTES_LIT("\x04\x02ok")));
    PH_TRY(ph_synth_wrap(out, start, PH_DER_SEQUENCE));
    return ph_synth_wrap(out, start, PH_DER_CONTEXT(1));
}

static enum ph_err make_responder(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    struct ph_buf ext PH_OWNED(ph_buf_clear) = PH_BUF(256);
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_synth_p384_cert c = o->responder;

    c.issuer = c.issuer ? c.issuer : o->issuer_cn;
    c.secret = o->responder_secret;
    c.issuer_secret = c.issuer_secret ? c.issuer_secret : o->issuer_secret;
    if (o->purpose) {
        PH_TRY(ph_der_put_oid(&value, o->purpose));
        PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
        PH_TRY(ph_synth_put_ext(&ext, "2.5.29.37", true, ph_buf_view(&value)));
        c.extensions = ph_buf_view(&ext);
    }
    return ph_synth_p384_cert_make(&c, out);
}

/* BasicOCSPResponse */
static enum ph_err put_basic(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    struct ph_buf responder PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf bits PH_OWNED(ph_buf_clear) = PH_BUF(256);
    static const uint8_t no_unused_bits = 0;
    const uint8_t *signer = o->responder_secret ? o->responder_secret : o->issuer_secret;
    uint8_t sig[96];

    if (o->responder_secret)
        PH_TRY(make_responder(o, &responder));
    PH_TRY(put_responder_id(o, o->responder_secret ? ph_buf_view(&responder) : o->issuer, out));
    PH_TRY(put_time(out, o->produced_s));
    PH_TRY(put_list(o, out));
    if (o->nonce)
        PH_TRY(put_nonce(out));
    PH_TRY(ph_synth_wrap(out, 0, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_p384_sign(o->signer_secret ? o->signer_secret : signer, ph_buf_view(out), sig));
    const size_t alg = out->len;
    PH_TRY(ph_der_put_oid(out, "1.2.840.10045.4.3.3"));
    PH_TRY(ph_synth_wrap(out, alg, PH_DER_SEQUENCE));
    PH_TRY(ph_buf_add(&bits, (struct ph_bytes){&no_unused_bits, 1}));
    PH_TRY(ph_der_put_ecdsa_sig(&bits, sig, 48));
    PH_TRY(ph_der_put(out, PH_DER_BIT_STRING, ph_buf_view(&bits)));
    if (o->responder_secret) {
        const size_t certs = out->len;
        PH_TRY(ph_buf_add(out, ph_buf_view(&responder)));
        PH_TRY(ph_synth_wrap(out, certs, PH_DER_SEQUENCE));
        PH_TRY(ph_synth_wrap(out, certs, PH_DER_CONTEXT(0)));
    }
    return ph_synth_wrap(out, 0, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_ocsp_make(const struct ph_synth_ocsp *o, struct ph_buf *out)
{
    struct ph_buf basic PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    const uint8_t status = (uint8_t)o->response_status;
    const size_t start = out->len;

    PH_TRY(put_basic(o, &basic));
    PH_TRY(ph_der_put(out, PH_DER_ENUMERATED, (struct ph_bytes){&status, 1}));
    const size_t bytes = out->len;
    PH_TRY(ph_der_put_oid(out, "1.3.6.1.5.5.7.48.1.1"));
    PH_TRY(ph_der_put(out, PH_DER_OCTET_STRING, ph_buf_view(&basic)));
    PH_TRY(ph_synth_wrap(out, bytes, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_wrap(out, bytes, PH_DER_CONTEXT(0)));
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}
