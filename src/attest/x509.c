#include "attest/x509.h"

#include "codec/der.h"

/* Contents octets of object identifiers. */
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_ecdsa_sha384[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t oid_rsa_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
static const uint8_t oid_rsa_key[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_p384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t oid_mgf1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
static const uint8_t oid_sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
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

const struct ph_x509_profile ph_x509_profile_intel = {
    .key_algs = PH_X509_KEY_P256,
    .sig_algs = PH_X509_SIG_ECDSA_SHA256,
    .vendor = {{oid_sgx, sizeof(oid_sgx)}},
};

/* AlgorithmIdentifier { id-sha384, NULL or absent }: RFC 4055 §2.1 demands that both be accepted.
 */
static enum ph_err read_sha384(struct ph_reader *r)
{
    struct ph_reader alg;
    struct ph_der e;
    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &alg, NULL));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &e));
    if (!PH_DER_IS_OID(e.value, oid_sha384))
        return PH_ERR_UNSUPPORTED;
    if (ph_der_peek(&alg, PH_DER_NULL)) {
        PH_TRY(ph_der_expect(&alg, PH_DER_NULL, &e));
        if (e.value.len != 0)
            return PH_ERR_MALFORMED;
    }
    return ph_der_end(&alg);
}

/* RSASSA-PSS-params, RFC 4055 §3.1: the one set of values in use. */
static enum ph_err read_pss_params(struct ph_reader *r)
{
    struct ph_reader params, in, mgf;
    struct ph_der e;
    uint64_t n;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &params, NULL));
    PH_TRY(ph_der_enter(&params, PH_DER_CONTEXT(0), &in, NULL));
    PH_TRY(read_sha384(&in));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_enter(&params, PH_DER_CONTEXT(1), &in, NULL));
    PH_TRY(ph_der_enter(&in, PH_DER_SEQUENCE, &mgf, NULL));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_expect(&mgf, PH_DER_OID, &e));
    if (!PH_DER_IS_OID(e.value, oid_mgf1))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(read_sha384(&mgf));
    PH_TRY(ph_der_end(&mgf));
    PH_TRY(ph_der_enter(&params, PH_DER_CONTEXT(2), &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_u64(&e, &n));
    if (n != 48)
        return PH_ERR_UNSUPPORTED;
    if (ph_der_peek(&params, PH_DER_CONTEXT(3))) { /* a default that AMD's certificates write */
        PH_TRY(ph_der_enter(&params, PH_DER_CONTEXT(3), &in, NULL));
        PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &e));
        PH_TRY(ph_der_end(&in));
        PH_TRY(ph_der_u64(&e, &n));
        if (n != 1)
            return PH_ERR_UNSUPPORTED;
    }
    return ph_der_end(&params);
}

enum ph_err ph_x509_read_sig_alg(struct ph_reader *r, uint32_t allowed, enum ph_x509_sig_alg *out,
                                 struct ph_bytes *whole)
{
    struct ph_reader alg;
    struct ph_der oid;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &alg, whole));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &oid));
    if (PH_DER_IS_OID(oid.value, oid_ecdsa_sha256)) {
        *out = PH_X509_SIG_ECDSA_SHA256; /* RFC 5758 §3.2: no parameters; so below */
    } else if (PH_DER_IS_OID(oid.value, oid_ecdsa_sha384)) {
        *out = PH_X509_SIG_ECDSA_SHA384;
    } else if (PH_DER_IS_OID(oid.value, oid_rsa_pss)) {
        *out = PH_X509_SIG_PSS_SHA384;
        PH_TRY(read_pss_params(&alg));
    } else {
        return PH_ERR_UNSUPPORTED;
    }
    if ((allowed & PH_X509_SIG_NULL_PARAMS) != 0 && ph_der_peek(&alg, PH_DER_NULL)) {
        PH_TRY(ph_der_expect(&alg, PH_DER_NULL, &oid));
        if (oid.value.len > 0)
            return PH_ERR_MALFORMED;
    }
    PH_TRY(ph_der_end(&alg));
    return (*out & allowed) != 0 ? PH_OK : PH_ERR_UNSUPPORTED;
}

static enum ph_err read_bits(struct ph_reader *r, struct ph_bytes *out)
{
    struct ph_der e;
    PH_TRY(ph_der_expect(r, PH_DER_BIT_STRING, &e));
    return ph_der_bits(&e, out);
}

enum ph_err ph_x509_read_sig(struct ph_reader *r, enum ph_x509_sig_alg alg, uint8_t sig[static 96],
                             struct ph_bytes *sig_bits)
{
    PH_TRY(read_bits(r, sig_bits));
    if (alg == PH_X509_SIG_PSS_SHA384)
        return PH_OK;
    return ph_der_ecdsa_sig(*sig_bits, alg == PH_X509_SIG_ECDSA_SHA256 ? 32 : 48, sig);
}

enum ph_err ph_x509_read_ext(struct ph_reader *r, struct ph_x509_ext *out)
{
    struct ph_reader in;
    struct ph_der oid, value, flag;
    bool critical = false;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_OID, &oid));
    if (oid.value.len == 0)
        return PH_ERR_MALFORMED; /* X.690 §8.19.2: one subidentifier or more */
    if (ph_der_peek(&in, PH_DER_BOOLEAN)) {
        PH_TRY(ph_der_expect(&in, PH_DER_BOOLEAN, &flag));
        PH_TRY(ph_der_bool(&flag, &critical));
        if (!critical)
            return PH_ERR_MALFORMED; /* X.690 §11.5: a default is not encoded */
    }
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &value));
    PH_TRY(ph_der_end(&in));
    *out = (struct ph_x509_ext){oid.value, value.value, critical};
    return PH_OK;
}

enum ph_err ph_x509_read_aki(struct ph_bytes value, bool loose, struct ph_bytes *key_id)
{
    struct ph_reader r = {value}, in;
    struct ph_der e;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    if (loose && !ph_der_peek(&in, PH_DER_CONTEXT_PRIMITIVE(0)))
        return PH_OK;
    /* keyIdentifier alone: issuer and serial are not used in Intel's PKI. */
    PH_TRY(ph_der_expect(&in, PH_DER_CONTEXT_PRIMITIVE(0), &e));
    if (!loose)
        PH_TRY(ph_der_end(&in));
    if (e.value.len == 0)
        return PH_ERR_MALFORMED;
    *key_id = e.value;
    return PH_OK;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }; keeps the one commonName. */
static enum ph_err read_name(struct ph_reader *r, bool loose, struct ph_bytes *whole,
                             struct ph_bytes *cn)
{
    struct ph_reader name, rdn, atv;
    struct ph_der type, value;
    size_t cn_cnt = 0;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &name, whole));
    while (name.rest.len > 0) {
        PH_TRY(ph_der_enter(&name, PH_DER_SET, &rdn, NULL));
        if (rdn.rest.len == 0)
            return PH_ERR_MALFORMED;
        while (rdn.rest.len > 0) {
            PH_TRY(ph_der_enter(&rdn, PH_DER_SEQUENCE, &atv, NULL));
            PH_TRY(ph_der_expect(&atv, PH_DER_OID, &type));
            PH_TRY(ph_der_next(&atv, &value));
            PH_TRY(ph_der_end(&atv));
            if (!PH_DER_IS_OID(type.value, oid_cn))
                continue;
            if (value.tag != PH_DER_UTF8_STRING && value.tag != PH_DER_PRINTABLE_STRING)
                return PH_ERR_MALFORMED;
            *cn = value.value;
            cn_cnt++;
        }
    }
    return cn_cnt == 1 || (loose && cn_cnt == 0) ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_rsa_key(struct ph_bytes bits, struct ph_x509 *out)
{
    struct ph_reader r = {bits}, in;
    struct ph_der n, e;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &n));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_uint(&n, &out->rsa_n));
    return ph_der_uint(&e, &out->rsa_e);
}

/* The algorithm of a SubjectPublicKeyInfo. */
static enum ph_err read_key_alg(struct ph_reader *spki, enum ph_x509_key_alg *out)
{
    struct ph_reader alg;
    struct ph_der oid, e;

    PH_TRY(ph_der_enter(spki, PH_DER_SEQUENCE, &alg, NULL));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &oid));
    if (PH_DER_IS_OID(oid.value, oid_rsa_key)) {
        PH_TRY(ph_der_expect(&alg, PH_DER_NULL, &e)); /* RFC 3279 §2.3.1 */
        if (e.value.len != 0)
            return PH_ERR_MALFORMED;
        *out = PH_X509_KEY_RSA;
        return ph_der_end(&alg);
    }
    if (!PH_DER_IS_OID(oid.value, oid_ec_key))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &e));
    if (PH_DER_IS_OID(e.value, oid_p256))
        *out = PH_X509_KEY_P256;
    else if (PH_DER_IS_OID(e.value, oid_p384))
        *out = PH_X509_KEY_P384;
    else
        return PH_ERR_UNSUPPORTED;
    return ph_der_end(&alg);
}

static enum ph_err read_key(struct ph_reader *r, const struct ph_x509_profile *profile,
                            struct ph_x509 *out)
{
    struct ph_reader spki;
    struct ph_der e;
    struct ph_bytes bits;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &spki, &out->spki));
    PH_TRY(read_key_alg(&spki, &out->key_alg));
    if ((out->key_alg & profile->key_algs) == 0)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_expect(&spki, PH_DER_BIT_STRING, &e));
    PH_TRY(ph_der_end(&spki));
    PH_TRY(ph_der_bits(&e, &bits));
    if (out->key_alg == PH_X509_KEY_RSA)
        return read_rsa_key(bits, out);
    if (bits.len != (out->key_alg == PH_X509_KEY_P256 ? 65 : 97) || bits.ptr[0] != 0x04)
        return PH_ERR_UNSUPPORTED; /* uncompressed points only */
    out->point = (struct ph_bytes){bits.ptr + 1, bits.len - 1};
    return PH_OK;
}

static enum ph_err read_key_usage(struct ph_bytes value, bool loose, struct ph_x509 *out)
{
    struct ph_reader r = {value};
    struct ph_der e;
    PH_TRY(ph_der_expect(&r, PH_DER_BIT_STRING, &e));
    PH_TRY(ph_der_end(&r));
    /* X.690 §11.2.2: a named bit list ends at its last one bit; AMD's ASKs go on to the next. One
     * octet holds every bit used. */
    if (e.value.len != 2 || e.value.ptr[1] == 0)
        return PH_ERR_MALFORMED;
    const unsigned unused = e.value.ptr[0], bits = e.value.ptr[1];
    const unsigned zeros = (unsigned)__builtin_ctz(bits); /* after the last one bit */
    if (loose ? unused > zeros : unused != zeros)
        return PH_ERR_MALFORMED;
    for (unsigned n = 8; n-- > 0;)
        out->key_usage |= (uint32_t)((bits >> (7 - n)) & 1) << n;
    out->has_key_usage = true;
    return PH_OK;
}

static enum ph_err read_basic_constraints(struct ph_bytes value, struct ph_x509 *out)
{
    struct ph_reader r = {value}, in;
    struct ph_der e;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
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
    return ph_der_end(&in);
}

static enum ph_err read_octets(struct ph_bytes value, struct ph_bytes *out)
{
    struct ph_reader r = {value};
    struct ph_der e;
    PH_TRY(ph_der_expect(&r, PH_DER_OCTET_STRING, &e));
    PH_TRY(ph_der_end(&r));
    if (e.value.len == 0)
        return PH_ERR_MALFORMED;
    *out = e.value;
    return PH_OK;
}

static enum ph_err read_vendor_ext(const struct ph_x509_profile *profile,
                                   const struct ph_x509_ext *ext, struct ph_x509 *out)
{
    for (size_t i = PH_X509_VENDOR_MAX; i-- > 0;) {
        if (!ph_bytes_equal(ext->oid, profile->vendor[i]))
            continue;
        if (out->vendor[i].len > 0 || ext->value.len == 0)
            return PH_ERR_MALFORMED;
        out->vendor[i] = ext->value;
        return PH_OK;
    }
    return ext->critical ? PH_ERR_UNSUPPORTED : PH_OK;
}

/* RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular
 * extension." An unknown one could repeat, so what matters is that none of ours does. */
static enum ph_err read_known_ext(const struct ph_x509_profile *profile,
                                  const struct ph_x509_ext *ext, struct ph_x509 *out)
{
    const bool critical = ext->critical || profile->loose_extensions;

    if (PH_DER_IS_OID(ext->oid, oid_key_usage))
        return out->has_key_usage || !critical
                   ? PH_ERR_MALFORMED
                   : read_key_usage(ext->value, profile->loose_extensions, out);
    if (PH_DER_IS_OID(ext->oid, oid_basic_constraints))
        return out->has_basic_constraints || !critical ? PH_ERR_MALFORMED
                                                       : read_basic_constraints(ext->value, out);
    if (PH_DER_IS_OID(ext->oid, oid_ski))
        return out->ski.len > 0 ? PH_ERR_MALFORMED : read_octets(ext->value, &out->ski);
    if (PH_DER_IS_OID(ext->oid, oid_aki))
        return out->aki.len > 0
                   ? PH_ERR_MALFORMED
                   : ph_x509_read_aki(ext->value, profile->loose_extensions, &out->aki);
    if (PH_DER_IS_OID(ext->oid, oid_crl_points))
        return PH_OK; /* where to fetch the CRL: the caller brings it */
    return read_vendor_ext(profile, ext, out);
}

static enum ph_err read_extensions(struct ph_reader *tbs, const struct ph_x509_profile *profile,
                                   struct ph_x509 *out)
{
    struct ph_reader wrap, list;
    struct ph_x509_ext ext;

    PH_TRY(ph_der_enter(tbs, PH_DER_CONTEXT(3), &wrap, NULL));
    PH_TRY(ph_der_enter(&wrap, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(ph_der_end(&wrap));
    if (list.rest.len == 0)
        return PH_ERR_MALFORMED;
    while (list.rest.len > 0) {
        PH_TRY(ph_x509_read_ext(&list, &ext));
        PH_TRY(read_known_ext(profile, &ext, out));
    }
    return PH_OK;
}

static enum ph_err read_validity(struct ph_reader *tbs, struct ph_x509 *out)
{
    struct ph_reader in;
    struct ph_der e;
    PH_TRY(ph_der_enter(tbs, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_next(&in, &e));
    PH_TRY(ph_der_time(&e, &out->not_before_s));
    PH_TRY(ph_der_next(&in, &e));
    PH_TRY(ph_der_time(&e, &out->not_after_s));
    return ph_der_end(&in);
}

static enum ph_err read_serial(struct ph_reader *tbs, const struct ph_x509_profile *profile,
                               struct ph_x509 *out)
{
    struct ph_der e;
    PH_TRY(ph_der_expect(tbs, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_uint(&e, &out->serial));
    /* RFC 5280 §4.1.2.2: positive, at most 20 octets */
    if (out->serial.len == 0 && !profile->zero_serial)
        return PH_ERR_MALFORMED;
    return e.value.len <= 21 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_tbs(struct ph_reader *tbs, const struct ph_x509_profile *profile,
                            struct ph_x509 *out, struct ph_bytes *sig_alg)
{
    struct ph_reader version;
    struct ph_der e;
    struct ph_bytes issuer_cn;
    uint64_t v;

    PH_TRY(ph_der_enter(tbs, PH_DER_CONTEXT(0), &version, NULL));
    PH_TRY(ph_der_expect(&version, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_end(&version));
    PH_TRY(ph_der_u64(&e, &v));
    if (v != 2)
        return PH_ERR_UNSUPPORTED; /* v3 */
    PH_TRY(read_serial(tbs, profile, out));
    PH_TRY(ph_x509_read_sig_alg(tbs, profile->sig_algs, &out->sig_alg, sig_alg));
    PH_TRY(read_name(tbs, profile->loose_extensions, &out->issuer, &issuer_cn));
    PH_TRY(read_validity(tbs, out));
    PH_TRY(read_name(tbs, profile->loose_extensions, &out->subject, &out->cn));
    PH_TRY(read_key(tbs, profile, out));
    PH_TRY(
        read_extensions(tbs, profile, out)); /* unique identifiers, [1] and [2], are refused here */
    return ph_der_end(tbs);
}

enum ph_err ph_x509_parse(const struct ph_x509_profile *profile, struct ph_bytes der,
                          struct ph_x509 *out)
{
    struct ph_reader r = {der}, cert, tbs;
    struct ph_bytes inner_alg, outer_alg;
    struct ph_x509 x = {.whole = der};

    if (der.len > (profile->max_len > 0 ? profile->max_len : PH_X509_MAX))
        return PH_ERR_LIMIT;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &cert, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_enter(&cert, PH_DER_SEQUENCE, &tbs, &x.tbs));
    PH_TRY(read_tbs(&tbs, profile, &x, &inner_alg));
    PH_TRY(ph_x509_read_sig_alg(&cert, profile->sig_algs, &x.sig_alg, &outer_alg));
    if (!ph_bytes_equal(inner_alg, outer_alg))
        return PH_ERR_MALFORMED; /* RFC 5280 §4.1.1.2 */
    if (profile->bare_signature)
        PH_TRY(read_bits(&cert, &x.sig_bits));
    else
        PH_TRY(ph_x509_read_sig(&cert, x.sig_alg, x.sig, &x.sig_bits));
    PH_TRY(ph_der_end(&cert));
    *out = x;
    return PH_OK;
}
