#include "codec/cert_put.h"

#include "base/own.h"
#include "codec/der.h"

#include <arpa/inet.h>

#define BUF(name) struct ph_buf name PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX)

/* Up to the coordinates: RFC 5480 §2. */
static const uint8_t spki_prefix[PH_CERT_SPKI_P256_LEN - 64] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

void ph_cert_spki_p256(const uint8_t xy[static 64], uint8_t out[static PH_CERT_SPKI_P256_LEN])
{
    memcpy(out, spki_prefix, sizeof(spki_prefix));
    memcpy(out + sizeof(spki_prefix), xy, 64);
}

static enum ph_err put_algorithm(struct ph_buf *out)
{
    BUF(oid);
    PH_TRY(ph_der_put_oid(&oid, "1.2.840.10045.4.3.2")); /* ecdsa-with-SHA256 */
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&oid));
}

static enum ph_err put_rdn(struct ph_buf *out, const char *oid, const char *text)
{
    BUF(pair);
    BUF(rdn);
    if (!text)
        return PH_OK;
    PH_TRY(ph_der_put_oid(&pair, oid));
    PH_TRY(ph_der_put(&pair, PH_DER_UTF8_STRING, ph_bytes_str(text)));
    PH_TRY(ph_der_put(&rdn, PH_DER_SEQUENCE, ph_buf_view(&pair)));
    return ph_der_put(out, PH_DER_SET, ph_buf_view(&rdn));
}

static enum ph_err put_name(struct ph_buf *out, const struct ph_cert_name *name)
{
    BUF(set);
    PH_TRY(put_rdn(&set, "2.5.4.10", name->organization));
    PH_TRY(put_rdn(&set, "2.5.4.3", name->common_name));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&set));
}

static enum ph_err put_ext(struct ph_buf *out, const char *oid, bool critical,
                           struct ph_bytes value)
{
    static const uint8_t yes[] = {0xff};
    BUF(ext);

    PH_TRY(ph_der_put_oid(&ext, oid));
    if (critical)
        PH_TRY(ph_der_put(&ext, PH_DER_BOOLEAN, PH_BYTES_OF(yes)));
    PH_TRY(ph_der_put(&ext, PH_DER_OCTET_STRING, value));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&ext));
}

static enum ph_err put_alt_name(struct ph_buf *out, const char *name)
{
    enum { DNS_NAME = PH_DER_CONTEXT_PRIMITIVE(2), IP_ADDRESS = PH_DER_CONTEXT_PRIMITIVE(7) };
    uint8_t v4[4], v6[16];

    if (inet_pton(AF_INET, name, v4) == 1)
        return ph_der_put(out, IP_ADDRESS, PH_BYTES_OF(v4));
    if (inet_pton(AF_INET6, name, v6) == 1)
        return ph_der_put(out, IP_ADDRESS, PH_BYTES_OF(v6));
    if (!*name)
        return PH_ERR_MALFORMED;
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~')
            return PH_ERR_MALFORMED;
    return ph_der_put(out, DNS_NAME, ph_bytes_str(name));
}

static enum ph_err put_alt_names(const struct ph_cert *c, struct ph_buf *out)
{
    BUF(names);
    BUF(list);

    if (c->alt_name_cnt == 0)
        return PH_OK;
    for (size_t i = 0; i < c->alt_name_cnt; i++)
        PH_TRY(put_alt_name(&names, c->alt_names[i]));
    PH_TRY(ph_der_put(&list, PH_DER_SEQUENCE, ph_buf_view(&names)));
    return put_ext(out, "2.5.29.17", false, ph_buf_view(&list));
}

/* keyUsage, and basicConstraints of an authority: RFC 5280 §4.2.1.3, §4.2.1.9. */
static enum ph_err put_usage(const struct ph_cert *c, struct ph_buf *out)
{
    static const uint8_t signature[] = {0x03, 0x02, 0x07, 0x80}, ca[] = {0x03, 0x02, 0x01, 0x86},
                         yes[] = {0xff};
    BUF(parts);
    BUF(constraints);

    if (c->usage == PH_CERT_USAGE_NONE)
        return PH_OK;
    if (c->usage == PH_CERT_USAGE_SIGNATURE)
        return put_ext(out, "2.5.29.15", true, PH_BYTES_OF(signature));
    PH_TRY(put_ext(out, "2.5.29.15", true, PH_BYTES_OF(ca)));
    PH_TRY(ph_der_put(&parts, PH_DER_BOOLEAN, PH_BYTES_OF(yes)));
    PH_TRY(ph_der_put_u64(&parts, c->path_len));
    PH_TRY(ph_der_put(&constraints, PH_DER_SEQUENCE, ph_buf_view(&parts)));
    return put_ext(out, "2.5.29.19", true, ph_buf_view(&constraints));
}

static enum ph_err put_purposes(const struct ph_cert *c, struct ph_buf *out)
{
    BUF(oids);
    BUF(list);

    if (!c->server_auth && !c->client_auth)
        return PH_OK;
    if (c->server_auth)
        PH_TRY(ph_der_put_oid(&oids, "1.3.6.1.5.5.7.3.1"));
    if (c->client_auth)
        PH_TRY(ph_der_put_oid(&oids, "1.3.6.1.5.5.7.3.2"));
    PH_TRY(ph_der_put(&list, PH_DER_SEQUENCE, ph_buf_view(&oids)));
    return put_ext(out, "2.5.29.37", false, ph_buf_view(&list));
}

static enum ph_err put_extensions(const struct ph_cert *c, struct ph_buf *out)
{
    BUF(exts);
    BUF(list);

    PH_TRY(put_usage(c, &exts));
    PH_TRY(put_purposes(c, &exts));
    PH_TRY(put_alt_names(c, &exts));
    for (size_t i = 0; i < c->ext_cnt; i++)
        PH_TRY(put_ext(&exts, c->ext[i].oid, false, c->ext[i].value));
    if (exts.len == 0)
        return PH_OK;
    PH_TRY(ph_der_put(&list, PH_DER_SEQUENCE, ph_buf_view(&exts)));
    return ph_der_put(out, PH_DER_CONTEXT(3), ph_buf_view(&list));
}

static bool is_serial(struct ph_bytes serial)
{
    for (size_t i = 0; i < serial.len && serial.len <= PH_CERT_SERIAL_MAX; i++)
        if (serial.ptr[i] != 0)
            return true;
    return false;
}

enum ph_err ph_cert_put_tbs(const struct ph_cert *c, struct ph_buf *out)
{
    BUF(tbs);
    BUF(version);
    BUF(validity);

    if (!is_serial(c->serial))
        return PH_ERR_MALFORMED;
    PH_TRY(ph_der_put_u64(&version, 2)); /* v3 */
    PH_TRY(ph_der_put(&tbs, PH_DER_CONTEXT(0), ph_buf_view(&version)));
    PH_TRY(ph_der_put_uint(&tbs, c->serial));
    PH_TRY(put_algorithm(&tbs));
    PH_TRY(put_name(&tbs, &c->issuer));
    PH_TRY(ph_der_put_time(&validity, c->not_before_s));
    PH_TRY(ph_der_put_time(&validity, c->not_after_s));
    PH_TRY(ph_der_put(&tbs, PH_DER_SEQUENCE, ph_buf_view(&validity)));
    PH_TRY(put_name(&tbs, &c->subject));
    PH_TRY(ph_buf_add(&tbs, c->spki));
    PH_TRY(put_extensions(c, &tbs));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&tbs));
}

enum ph_err ph_cert_put(struct ph_bytes tbs, struct ph_bytes sig, struct ph_buf *out)
{
    static const uint8_t no_unused_bits[] = {0};
    BUF(parts);
    BUF(bits);

    PH_TRY(ph_buf_add(&parts, tbs));
    PH_TRY(put_algorithm(&parts));
    PH_TRY(ph_buf_add(&bits, PH_BYTES_OF(no_unused_bits)));
    PH_TRY(ph_buf_add(&bits, sig));
    PH_TRY(ph_der_put(&parts, PH_DER_BIT_STRING, ph_buf_view(&bits)));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&parts));
}
