#include "attest/x509.h"

#include "codec/der.h"

/* Contents octets of object identifiers. */
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_ec_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_cn[] = {0x55, 0x04, 0x03};
static const uint8_t oid_ski[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_crl_points[] = {0x55, 0x1d, 0x1f};
static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
/* 1.2.840.113741.1.13.1 [PCK] §1.3.5 */
static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

#define IS_OID(view, oid) ph_bytes_equal((view), PH_BYTES_OF(oid))

static enum ph_err enter(struct ph_reader *r, uint8_t tag, struct ph_reader *inside,
                         struct ph_bytes *whole)
{
    struct ph_der e;
    PH_TRY(ph_der_expect(r, tag, &e));
    *inside = (struct ph_reader){e.value};
    if (whole)
        *whole = e.whole;
    return PH_OK;
}

static enum ph_err at_end(const struct ph_reader *r)
{
    return r->rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

enum ph_err ph_x509_read_sig_alg(struct ph_reader *r, struct ph_bytes *whole)
{
    struct ph_reader alg;
    struct ph_der oid;
    PH_TRY(enter(r, PH_DER_SEQUENCE, &alg, whole));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &oid));
    if (!IS_OID(oid.value, oid_ecdsa_sha256))
        return PH_ERR_UNSUPPORTED;
    return at_end(&alg); /* RFC 5758 §3.2: no parameters */
}

enum ph_err ph_x509_read_sig(struct ph_reader *r, uint8_t sig[static 64])
{
    struct ph_der e;
    struct ph_bytes bits;
    PH_TRY(ph_der_expect(r, PH_DER_BIT_STRING, &e));
    PH_TRY(ph_der_bits(&e, &bits));
    return ph_der_ecdsa_sig(bits, 32, sig);
}

enum ph_err ph_x509_read_ext(struct ph_reader *r, struct ph_x509_ext *out)
{
    struct ph_reader in;
    struct ph_der oid, value, flag;
    bool critical = false;

    PH_TRY(enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_OID, &oid));
    if (ph_der_peek(&in, PH_DER_BOOLEAN)) {
        PH_TRY(ph_der_expect(&in, PH_DER_BOOLEAN, &flag));
        PH_TRY(ph_der_bool(&flag, &critical));
        if (!critical)
            return PH_ERR_MALFORMED; /* X.690 §11.5: a default is not encoded */
    }
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &value));
    PH_TRY(at_end(&in));
    *out = (struct ph_x509_ext){oid.value, value.value, critical};
    return PH_OK;
}

enum ph_err ph_x509_read_aki(struct ph_bytes value, struct ph_bytes *key_id)
{
    struct ph_reader r = {value}, in;
    struct ph_der e;
    PH_TRY(enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(at_end(&r));
    /* keyIdentifier alone: issuer and serial are not used in this PKI. */
    PH_TRY(ph_der_expect(&in, PH_DER_CONTEXT_PRIMITIVE(0), &e));
    PH_TRY(at_end(&in));
    if (e.value.len == 0)
        return PH_ERR_MALFORMED;
    *key_id = e.value;
    return PH_OK;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }; keeps the one commonName. */
static enum ph_err read_name(struct ph_reader *r, struct ph_bytes *whole, struct ph_bytes *cn)
{
    struct ph_reader name, rdn, atv;
    struct ph_der type, value;
    size_t cn_cnt = 0;

    PH_TRY(enter(r, PH_DER_SEQUENCE, &name, whole));
    while (name.rest.len > 0) {
        PH_TRY(enter(&name, PH_DER_SET, &rdn, NULL));
        if (rdn.rest.len == 0)
            return PH_ERR_MALFORMED;
        while (rdn.rest.len > 0) {
            PH_TRY(enter(&rdn, PH_DER_SEQUENCE, &atv, NULL));
            PH_TRY(ph_der_expect(&atv, PH_DER_OID, &type));
            PH_TRY(ph_der_next(&atv, &value));
            PH_TRY(at_end(&atv));
            if (!IS_OID(type.value, oid_cn))
                continue;
            if (value.tag != PH_DER_UTF8_STRING && value.tag != PH_DER_PRINTABLE_STRING)
                return PH_ERR_MALFORMED;
            *cn = value.value;
            cn_cnt++;
        }
    }
    return cn_cnt == 1 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_key(struct ph_reader *r, uint8_t key[static 64])
{
    struct ph_reader spki, alg;
    struct ph_der oid, curve, e;
    struct ph_bytes point;

    PH_TRY(enter(r, PH_DER_SEQUENCE, &spki, NULL));
    PH_TRY(enter(&spki, PH_DER_SEQUENCE, &alg, NULL));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &oid));
    if (!IS_OID(oid.value, oid_ec_key))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &curve));
    PH_TRY(at_end(&alg));
    if (!IS_OID(curve.value, oid_p256))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_expect(&spki, PH_DER_BIT_STRING, &e));
    PH_TRY(at_end(&spki));
    PH_TRY(ph_der_bits(&e, &point));
    if (point.len != 65 || point.ptr[0] != 0x04)
        return PH_ERR_UNSUPPORTED; /* uncompressed points only */
    memcpy(key, point.ptr + 1, 64);
    return PH_OK;
}

static enum ph_err read_key_usage(struct ph_bytes value, struct ph_x509 *out)
{
    struct ph_reader r = {value};
    struct ph_der e;
    PH_TRY(ph_der_expect(&r, PH_DER_BIT_STRING, &e));
    PH_TRY(at_end(&r));
    /* X.690 §11.2.2: a named bit list ends at its last one bit. One octet holds every bit used. */
    if (e.value.len != 2 || e.value.ptr[0] > 7 || e.value.ptr[1] == 0)
        return PH_ERR_MALFORMED;
    const uint8_t unused = e.value.ptr[0], bits = e.value.ptr[1];
    if ((bits & ((1u << unused) - 1)) != 0 || (bits & (1u << unused)) == 0)
        return PH_ERR_MALFORMED;
    for (unsigned n = 0; n < 8; n++)
        out->key_usage |= (uint32_t)((bits >> (7 - n)) & 1) << n;
    out->has_key_usage = true;
    return PH_OK;
}

static enum ph_err read_basic_constraints(struct ph_bytes value, struct ph_x509 *out)
{
    struct ph_reader r = {value}, in;
    struct ph_der e;
    PH_TRY(enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(at_end(&r));
    if (ph_der_peek(&in, PH_DER_BOOLEAN)) {
        PH_TRY(ph_der_expect(&in, PH_DER_BOOLEAN, &e));
        PH_TRY(ph_der_bool(&e, &out->is_ca));
        if (!out->is_ca)
            return PH_ERR_MALFORMED; /* X.690 §11.5: a default is not encoded */
    }
    if (out->is_ca && ph_der_peek(&in, PH_DER_INTEGER)) {
        PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &e));
        PH_TRY(ph_der_u64(&e, &out->path_len));
        out->has_path_len = true;
    }
    out->has_basic_constraints = true;
    return at_end(&in);
}

static enum ph_err read_octets(struct ph_bytes value, struct ph_bytes *out)
{
    struct ph_reader r = {value};
    struct ph_der e;
    PH_TRY(ph_der_expect(&r, PH_DER_OCTET_STRING, &e));
    PH_TRY(at_end(&r));
    if (e.value.len == 0)
        return PH_ERR_MALFORMED;
    *out = e.value;
    return PH_OK;
}

/* RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular
 * extension." An unknown one could repeat, so what matters is that none of ours does. */
static enum ph_err read_known_ext(const struct ph_x509_ext *ext, struct ph_x509 *out)
{
    if (IS_OID(ext->oid, oid_key_usage))
        return out->has_key_usage || !ext->critical ? PH_ERR_MALFORMED
                                                    : read_key_usage(ext->value, out);
    if (IS_OID(ext->oid, oid_basic_constraints))
        return out->has_basic_constraints || !ext->critical
                   ? PH_ERR_MALFORMED
                   : read_basic_constraints(ext->value, out);
    if (IS_OID(ext->oid, oid_ski))
        return out->ski.len > 0 ? PH_ERR_MALFORMED : read_octets(ext->value, &out->ski);
    if (IS_OID(ext->oid, oid_aki))
        return out->aki.len > 0 ? PH_ERR_MALFORMED : ph_x509_read_aki(ext->value, &out->aki);
    if (IS_OID(ext->oid, oid_sgx)) {
        if (out->sgx.len > 0 || ext->value.len == 0)
            return PH_ERR_MALFORMED;
        out->sgx = ext->value;
        return PH_OK;
    }
    if (IS_OID(ext->oid, oid_crl_points))
        return PH_OK; /* where to fetch the CRL: the caller brings it */
    return ext->critical ? PH_ERR_UNSUPPORTED : PH_OK;
}

static enum ph_err read_extensions(struct ph_reader *tbs, struct ph_x509 *out)
{
    struct ph_reader wrap, list;
    struct ph_x509_ext ext;

    PH_TRY(enter(tbs, PH_DER_CONTEXT(3), &wrap, NULL));
    PH_TRY(enter(&wrap, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(at_end(&wrap));
    if (list.rest.len == 0)
        return PH_ERR_MALFORMED;
    while (list.rest.len > 0) {
        PH_TRY(ph_x509_read_ext(&list, &ext));
        PH_TRY(read_known_ext(&ext, out));
    }
    return PH_OK;
}

static enum ph_err read_validity(struct ph_reader *tbs, struct ph_x509 *out)
{
    struct ph_reader in;
    struct ph_der e;
    PH_TRY(enter(tbs, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_next(&in, &e));
    PH_TRY(ph_der_time(&e, &out->not_before_s));
    PH_TRY(ph_der_next(&in, &e));
    PH_TRY(ph_der_time(&e, &out->not_after_s));
    return at_end(&in);
}

static enum ph_err read_serial(struct ph_reader *tbs, struct ph_x509 *out)
{
    struct ph_der e;
    PH_TRY(ph_der_expect(tbs, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_uint(&e, &out->serial));
    /* RFC 5280 §4.1.2.2: positive, at most 20 octets */
    return out->serial.len >= 1 && e.value.len <= 21 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_tbs(struct ph_reader *tbs, struct ph_x509 *out, struct ph_bytes *sig_alg)
{
    struct ph_reader version;
    struct ph_der e;
    struct ph_bytes issuer_cn;
    uint64_t v;

    PH_TRY(enter(tbs, PH_DER_CONTEXT(0), &version, NULL));
    PH_TRY(ph_der_expect(&version, PH_DER_INTEGER, &e));
    PH_TRY(at_end(&version));
    PH_TRY(ph_der_u64(&e, &v));
    if (v != 2)
        return PH_ERR_UNSUPPORTED; /* v3 */
    PH_TRY(read_serial(tbs, out));
    PH_TRY(ph_x509_read_sig_alg(tbs, sig_alg));
    PH_TRY(read_name(tbs, &out->issuer, &issuer_cn));
    PH_TRY(read_validity(tbs, out));
    PH_TRY(read_name(tbs, &out->subject, &out->cn));
    PH_TRY(read_key(tbs, out->key));
    PH_TRY(read_extensions(tbs, out)); /* unique identifiers, [1] and [2], are refused here */
    return at_end(tbs);
}

enum ph_err ph_x509_parse(struct ph_bytes der, struct ph_x509 *out)
{
    struct ph_reader r = {der}, cert, tbs;
    struct ph_bytes inner_alg, outer_alg;
    struct ph_x509 x = {.whole = der};

    if (der.len > PH_X509_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(enter(&r, PH_DER_SEQUENCE, &cert, NULL));
    PH_TRY(at_end(&r));
    PH_TRY(enter(&cert, PH_DER_SEQUENCE, &tbs, &x.tbs));
    PH_TRY(read_tbs(&tbs, &x, &inner_alg));
    PH_TRY(ph_x509_read_sig_alg(&cert, &outer_alg));
    if (!ph_bytes_equal(inner_alg, outer_alg))
        return PH_ERR_MALFORMED; /* RFC 5280 §4.1.1.2 */
    PH_TRY(ph_x509_read_sig(&cert, x.sig));
    PH_TRY(at_end(&cert));
    *out = x;
    return PH_OK;
}
