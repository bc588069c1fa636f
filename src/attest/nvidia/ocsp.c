#include "attest/nvidia/ocsp.h"

#include "attest/nvidia/device_chain.h"
#include "codec/der.h"
#include "crypto/hash.h"

/* Contents octets of object identifiers. */
static const uint8_t oid_basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
static const uint8_t oid_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
static const uint8_t oid_sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
static const uint8_t oid_ocsp_signing[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09};

enum { SUCCESSFUL = 0, REASON_HOLD = 6, EXT_EXT_KEY_USAGE = 2 /* of ph_x509_profile_nvidia */ };

static enum ph_err read_hash_alg(struct ph_reader *r, size_t *hash_len)
{
    struct ph_reader alg;
    struct ph_der oid, null;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &alg, NULL));
    PH_TRY(ph_der_expect(&alg, PH_DER_OID, &oid));
    if (PH_DER_IS_OID(oid.value, oid_sha256))
        *hash_len = PH_SHA256_LEN;
    else if (PH_DER_IS_OID(oid.value, oid_sha384))
        *hash_len = PH_SHA384_LEN;
    else
        return PH_ERR_UNSUPPORTED;
    if (ph_der_peek(&alg, PH_DER_NULL)) {
        PH_TRY(ph_der_expect(&alg, PH_DER_NULL, &null));
        if (null.value.len != 0)
            return PH_ERR_MALFORMED;
    }
    return ph_der_end(&alg);
}

/* CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } */
static enum ph_err read_cert_id(struct ph_reader *r, struct ph_ocsp_single *out)
{
    struct ph_reader in;
    struct ph_der name, key, serial;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(read_hash_alg(&in, &out->hash_len));
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &name));
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &key));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &serial));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_uint(&serial, &out->serial));
    if (name.value.len != out->hash_len || key.value.len != out->hash_len)
        return PH_ERR_MALFORMED;
    out->issuer_name_hash = name.value;
    out->issuer_key_hash = key.value;
    return PH_OK;
}

/* RevokedInfo ::= SEQUENCE { revocationTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL },
 * its contents. */
static enum ph_err read_revoked(struct ph_bytes contents, struct ph_ocsp_single *out)
{
    struct ph_reader in = {contents}, reason;
    struct ph_der e;
    int64_t when;
    uint64_t code;

    PH_TRY(ph_der_expect(&in, PH_DER_GENERALIZED_TIME, &e));
    PH_TRY(ph_der_time(&e, &when));
    if (in.rest.len > 0) {
        PH_TRY(ph_der_enter(&in, PH_DER_CONTEXT(0), &reason, NULL));
        PH_TRY(ph_der_expect(&reason, PH_DER_ENUMERATED, &e));
        PH_TRY(ph_der_end(&reason));
        PH_TRY(ph_der_u64(&e, &code));
        out->on_hold = code == REASON_HOLD;
    }
    return ph_der_end(&in);
}

static enum ph_err read_status(struct ph_reader *r, struct ph_ocsp_single *out)
{
    struct ph_der e;

    PH_TRY(ph_der_next(r, &e));
    if (e.tag == PH_DER_CONTEXT(1)) {
        out->status = PH_OCSP_REVOKED;
        return read_revoked(e.value, out);
    }
    if (e.value.len != 0)
        return PH_ERR_MALFORMED;
    if (e.tag == PH_DER_CONTEXT_PRIMITIVE(0))
        out->status = PH_OCSP_GOOD;
    else if (e.tag == PH_DER_CONTEXT_PRIMITIVE(2))
        out->status = PH_OCSP_UNKNOWN;
    else
        return PH_ERR_MALFORMED;
    return PH_OK;
}

/* Extensions in an explicit tag, or nothing. Keeps the nonce, where one is asked for. */
static enum ph_err read_extensions(struct ph_reader *r, struct ph_bytes *nonce)
{
    struct ph_reader wrap, list;
    struct ph_x509_ext ext;

    if (!ph_der_peek(r, PH_DER_CONTEXT(1)))
        return PH_OK;
    PH_TRY(ph_der_enter(r, PH_DER_CONTEXT(1), &wrap, NULL));
    PH_TRY(ph_der_enter(&wrap, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(ph_der_end(&wrap));
    while (list.rest.len > 0) {
        PH_TRY(ph_x509_read_ext(&list, &ext));
        if (nonce && PH_DER_IS_OID(ext.oid, oid_nonce)) {
            if (nonce->len > 0 || ext.value.len == 0)
                return PH_ERR_MALFORMED;
            *nonce = ext.value;
        } else if (ext.critical) {
            return PH_ERR_UNSUPPORTED;
        }
    }
    return PH_OK;
}

static enum ph_err read_single(struct ph_reader *r, struct ph_ocsp_single *out)
{
    struct ph_reader in, next;
    struct ph_der e;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(read_cert_id(&in, out));
    PH_TRY(read_status(&in, out));
    PH_TRY(ph_der_expect(&in, PH_DER_GENERALIZED_TIME, &e));
    PH_TRY(ph_der_time(&e, &out->this_update_s));
    PH_TRY(ph_der_enter(&in, PH_DER_CONTEXT(0), &next, NULL)); /* optional; needed here */
    PH_TRY(ph_der_expect(&next, PH_DER_GENERALIZED_TIME, &e));
    PH_TRY(ph_der_end(&next));
    PH_TRY(ph_der_time(&e, &out->next_update_s));
    PH_TRY(read_extensions(&in, NULL));
    return ph_der_end(&in);
}

static enum ph_err read_responder_id(struct ph_reader *r, struct ph_ocsp *out)
{
    struct ph_reader in;
    struct ph_der e;

    if (ph_der_peek(r, PH_DER_CONTEXT(1))) {
        PH_TRY(ph_der_enter(r, PH_DER_CONTEXT(1), &in, NULL));
        PH_TRY(ph_der_expect(&in, PH_DER_SEQUENCE, &e));
        out->responder_name = e.whole;
        return ph_der_end(&in);
    }
    PH_TRY(ph_der_enter(r, PH_DER_CONTEXT(2), &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &e));
    if (e.value.len != 20)
        return PH_ERR_MALFORMED;
    out->responder_key_id = e.value;
    return ph_der_end(&in);
}

/* ResponseData ::= SEQUENCE { version [0] DEFAULT v1, responderID, producedAt, responses,
 * responseExtensions [1] OPTIONAL }. A version is not encoded: the default is the only one. */
static enum ph_err read_data(struct ph_reader *tbs, struct ph_ocsp *out)
{
    struct ph_reader list;
    struct ph_der e;

    PH_TRY(read_responder_id(tbs, out));
    PH_TRY(ph_der_expect(tbs, PH_DER_GENERALIZED_TIME, &e));
    PH_TRY(ph_der_time(&e, &out->produced_at_s));
    PH_TRY(ph_der_enter(tbs, PH_DER_SEQUENCE, &list, NULL));
    while (list.rest.len > 0) {
        if (out->single_cnt == PH_OCSP_SINGLES_MAX)
            return PH_ERR_LIMIT;
        PH_TRY(read_single(&list, &out->single[out->single_cnt++]));
    }
    if (out->single_cnt == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(read_extensions(tbs, &out->nonce));
    return ph_der_end(tbs);
}

/* certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL */
static enum ph_err read_certs(struct ph_reader *r, struct ph_ocsp *out)
{
    struct ph_reader wrap, list;
    struct ph_der cert;

    if (r->rest.len == 0)
        return PH_OK;
    PH_TRY(ph_der_enter(r, PH_DER_CONTEXT(0), &wrap, NULL));
    PH_TRY(ph_der_enter(&wrap, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(ph_der_end(&wrap));
    PH_TRY(ph_der_expect(&list, PH_DER_SEQUENCE, &cert));
    if (list.rest.len > 0)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_x509_parse(&ph_x509_profile_nvidia, cert.whole, &out->responder));
    out->has_responder = true;
    return PH_OK;
}

static enum ph_err read_basic(struct ph_bytes der, struct ph_ocsp *out)
{
    struct ph_reader r = {der}, in, tbs;
    struct ph_bytes alg, bits = {0};
    enum ph_x509_sig_alg sig_alg;

    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_enter(&in, PH_DER_SEQUENCE, &tbs, &out->tbs));
    PH_TRY(read_data(&tbs, out));
    PH_TRY(ph_x509_read_sig_alg(&in, PH_X509_SIG_ECDSA_SHA384, &sig_alg, &alg));
    PH_TRY(ph_x509_read_sig(&in, sig_alg, out->sig, &bits));
    PH_TRY(read_certs(&in, out));
    return ph_der_end(&in);
}

enum ph_err ph_ocsp_parse(struct ph_bytes der, struct ph_ocsp *out)
{
    struct ph_reader r = {der}, in, wrap, bytes;
    struct ph_ocsp x = {0};
    struct ph_der e;
    uint64_t status;

    if (der.len > PH_OCSP_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_expect(&in, PH_DER_ENUMERATED, &e));
    PH_TRY(ph_der_u64(&e, &status));
    if (status != SUCCESSFUL)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_enter(&in, PH_DER_CONTEXT(0), &wrap, NULL));
    PH_TRY(ph_der_end(&in));
    PH_TRY(ph_der_enter(&wrap, PH_DER_SEQUENCE, &bytes, NULL));
    PH_TRY(ph_der_end(&wrap));
    PH_TRY(ph_der_expect(&bytes, PH_DER_OID, &e));
    if (!PH_DER_IS_OID(e.value, oid_basic))
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_der_expect(&bytes, PH_DER_OCTET_STRING, &e));
    PH_TRY(ph_der_end(&bytes));
    PH_TRY(read_basic(e.value, &x));
    *out = x;
    return PH_OK;
}

static bool hash_is(struct ph_bytes want, struct ph_bytes bytes)
{
    uint8_t digest[PH_SHA384_LEN];
    if (want.len == PH_SHA384_LEN)
        ph_sha384(bytes, digest);
    else
        ph_sha256(bytes, digest);
    return memcmp(digest, want.ptr, want.len) == 0;
}

const struct ph_ocsp_single *ph_ocsp_find(const struct ph_ocsp *ocsp, const struct ph_x509 *cert,
                                          const struct ph_x509 *issuer)
{
    /* RFC 6960 §4.1.1: the hash is over the key without tag, length and unused bits: 04 || x || y.
     */
    const struct ph_bytes key = {issuer->point.ptr - 1, issuer->point.len + 1};

    for (size_t i = 0; i < ocsp->single_cnt; i++) {
        const struct ph_ocsp_single *s = &ocsp->single[i];
        if (ph_bytes_equal(s->serial, cert->serial) &&
            hash_is(s->issuer_name_hash, issuer->subject) && hash_is(s->issuer_key_hash, key))
            return s;
    }
    return NULL;
}

/* ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId; NVIDIA lists id-pkix-ocsp-nocheck in it too. */
static bool may_sign_responses(const struct ph_x509 *cert)
{
    struct ph_reader r = {cert->vendor[EXT_EXT_KEY_USAGE]}, list;
    struct ph_der oid;
    bool found = false;

    if (ph_der_enter(&r, PH_DER_SEQUENCE, &list, NULL) != PH_OK || ph_der_end(&r) != PH_OK)
        return false;
    while (list.rest.len > 0) {
        if (ph_der_expect(&list, PH_DER_OID, &oid) != PH_OK)
            return false;
        found = found || PH_DER_IS_OID(oid.value, oid_ocsp_signing);
    }
    return found;
}

/* The ResponderID is of this certificate. A key's id is taken from the certificate: NVIDIA's are
 * the SHA-1 that RFC 6960 names, and what counts is whose signature verifies. */
static bool responder_is(const struct ph_ocsp *ocsp, const struct ph_x509 *cert)
{
    return ocsp->responder_name.len > 0 ? ph_bytes_equal(ocsp->responder_name, cert->subject)
                                        : ph_bytes_equal(ocsp->responder_key_id, cert->ski);
}

struct ph_ocsp_facts ph_ocsp_judge(const struct ph_ocsp *ocsp, const struct ph_x509 *issuer)
{
    struct ph_ocsp_facts f = {.not_before_s = INT64_MIN, .not_after_s = INT64_MAX};
    /* A response may carry the issuer's own certificate; what counts is the one at hand. */
    const bool delegated =
        ocsp->has_responder && !ph_bytes_equal(ocsp->responder.spki, issuer->spki);
    const struct ph_x509 *by = delegated ? &ocsp->responder : issuer;
    bool vouched = true;

    f.responder_allowed = responder_is(ocsp, by);
    if (delegated) {
        f.responder_allowed = f.responder_allowed && !by->is_ca && by->has_key_usage &&
                              by->key_usage == PH_X509_KU_DIGITAL_SIGNATURE &&
                              may_sign_responses(by) && ph_nv_is_issued_by(by, issuer);
        f.not_before_s = by->not_before_s;
        f.not_after_s = by->not_after_s;
        vouched = ph_nv_is_signed_by(issuer, by->tbs, by->sig);
    }
    f.signatures = ph_nv_is_signed_by(by, ocsp->tbs, ocsp->sig) && vouched;
    return f;
}
