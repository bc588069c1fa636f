/* The pieces certificates and revocation lists are made of. */

#include "attest/synth/synth_priv.h"

#include "base/own.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"

#include <stdio.h>

enum ph_err ph_synth_sign(const struct ph_synth *s, enum ph_synth_fault fault,
                          const uint8_t secret[static 32], struct ph_bytes message,
                          uint8_t sig[static 64])
{
    static const uint8_t nobody[32] = {0x4e, 0x6f, 0x62, 0x6f, 0x64, 0x79, 1};
    return ph_p256_sign(s->faults & (uint32_t)fault ? nobody : secret, message, sig);
}

enum ph_err ph_synth_wrap(struct ph_buf *buf, size_t start, uint8_t tag)
{
    struct ph_buf inside PH_OWNED(ph_buf_clear) = PH_BUF(buf->limit);
    PH_TRY(ph_buf_add(&inside, (struct ph_bytes){buf->ptr + start, buf->len - start}));
    buf->len = start;
    return ph_der_put(buf, tag, ph_buf_view(&inside));
}

void ph_synth_key_id(const uint8_t key[static 64], uint8_t out[static 20])
{
    uint8_t digest[32];
    ph_sha256((struct ph_bytes){key, 64}, digest);
    memcpy(out, digest, 20);
}

static enum ph_err put_attribute(struct ph_buf *buf, const char *oid, const char *value)
{
    const size_t start = buf->len;
    PH_TRY(ph_der_put_oid(buf, oid));
    PH_TRY(ph_der_put(buf, PH_DER_UTF8_STRING, ph_bytes_str(value)));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_SET);
}

enum ph_err ph_synth_put_name(const struct ph_synth *s, struct ph_buf *buf, const char *cn)
{
    const size_t start = buf->len;
    PH_TRY(put_attribute(buf, "2.5.4.3", cn));
    PH_TRY(put_attribute(buf, "2.5.4.10", s->organization ? s->organization : "Intel Corporation"));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_put_sig_alg(struct ph_buf *buf)
{
    const size_t start = buf->len;
    PH_TRY(ph_der_put_oid(buf, "1.2.840.10045.4.3.2")); /* ecdsa-with-SHA256 */
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_put_ext(struct ph_buf *buf, const char *oid, bool critical,
                             struct ph_bytes value)
{
    static const uint8_t yes = 0xff;
    const size_t start = buf->len;
    PH_TRY(ph_der_put_oid(buf, oid));
    if (critical)
        PH_TRY(ph_der_put(buf, PH_DER_BOOLEAN, (struct ph_bytes){&yes, 1}));
    PH_TRY(ph_der_put(buf, PH_DER_OCTET_STRING, value));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_put_aki(struct ph_buf *buf, struct ph_bytes key_id)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    PH_TRY(ph_der_put(&value, PH_DER_CONTEXT_PRIMITIVE(0), key_id));
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "2.5.29.35", false, ph_buf_view(&value));
}

enum ph_err ph_synth_finish(const struct ph_synth *s, enum ph_synth_fault fault,
                            const uint8_t secret[static 32], struct ph_buf *buf, size_t start)
{
    struct ph_buf bits PH_OWNED(ph_buf_clear) = PH_BUF(256);
    static const uint8_t no_unused_bits = 0;
    uint8_t sig[64];

    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_sign(s, fault, secret, (struct ph_bytes){buf->ptr + start, buf->len - start},
                         sig));
    PH_TRY(ph_synth_put_sig_alg(buf));
    PH_TRY(ph_buf_add(&bits, (struct ph_bytes){&no_unused_bits, 1}));
    PH_TRY(ph_der_put_ecdsa_sig(&bits, sig, 32));
    PH_TRY(ph_der_put(buf, PH_DER_BIT_STRING, ph_buf_view(&bits)));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.<arcs>, element } around what follows `start`. */
static enum ph_err begin(struct ph_buf *buf, const char *arcs, size_t *start)
{
    char oid[64];
    (void)snprintf(oid, sizeof(oid), "1.2.840.113741.1.13.1.%s", arcs);
    *start = buf->len;
    return ph_der_put_oid(buf, oid);
}

static enum ph_err put_octets(struct ph_buf *buf, const char *arcs, struct ph_bytes value)
{
    size_t start;
    PH_TRY(begin(buf, arcs, &start));
    PH_TRY(ph_der_put(buf, PH_DER_OCTET_STRING, value));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_svn(struct ph_buf *buf, unsigned arc, uint64_t value)
{
    char arcs[8] = {'2', '.', (char)('0' + arc / 10), (char)('0' + arc % 10)};
    size_t start;
    if (arc < 10) {
        arcs[2] = (char)('0' + arc);
        arcs[3] = '\0';
    }
    PH_TRY(begin(buf, arcs, &start));
    PH_TRY(ph_der_put_u64(buf, value));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_tcb(const struct ph_synth *s, struct ph_buf *buf)
{
    size_t start, inside;
    PH_TRY(begin(buf, "2", &start));
    inside = buf->len;
    for (unsigned i = 0; i < 16; i++)
        PH_TRY(put_svn(buf, i + 1, s->cpusvn[i]));
    PH_TRY(put_svn(buf, 17, s->pcesvn));
    PH_TRY(put_octets(buf, "2.18", PH_BYTES_OF(s->cpusvn)));
    PH_TRY(ph_synth_wrap(buf, inside, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_configuration(struct ph_buf *buf)
{
    static const char *const flags[] = {"7.1", "7.2", "7.3"};
    static const uint8_t yes = 0xff;
    size_t start, inside, one;
    PH_TRY(begin(buf, "7", &start));
    inside = buf->len;
    for (size_t i = 0; i < PH_LEN(flags); i++) {
        PH_TRY(begin(buf, flags[i], &one));
        PH_TRY(ph_der_put(buf, PH_DER_BOOLEAN, (struct ph_bytes){&yes, 1}));
        PH_TRY(ph_synth_wrap(buf, one, PH_DER_SEQUENCE));
    }
    PH_TRY(ph_synth_wrap(buf, inside, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

enum ph_err ph_synth_put_sgx_ext(const struct ph_synth *s, struct ph_buf *buf)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    size_t start;

    PH_TRY(put_octets(&value, "1", PH_BYTES_OF(s->ppid)));
    PH_TRY(put_tcb(s, &value));
    PH_TRY(put_octets(&value, "3", PH_BYTES_OF(s->pceid)));
    PH_TRY(put_octets(&value, "4", PH_BYTES_OF(s->fmspc)));
    PH_TRY(begin(&value, "5", &start));
    PH_TRY(ph_der_put(&value, PH_DER_ENUMERATED, (struct ph_bytes){&s->sgx_type, 1}));
    PH_TRY(ph_synth_wrap(&value, start, PH_DER_SEQUENCE));
    if (!s->processor_ca) {
        if (!(s->faults & PH_SYNTH_NO_INSTANCE))
            PH_TRY(put_octets(&value, "6", PH_BYTES_OF(s->platform_instance)));
        if (!(s->faults & PH_SYNTH_NO_CONFIGURATION))
            PH_TRY(put_configuration(&value));
    }
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "1.2.840.113741.1.13.1", false, ph_buf_view(&value));
}
