#include "attest/dstack_blob.h"

#include "attest/amd/snp_chain.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"

enum role { VEK, ASK, ARK, ROLES };
struct certs {
    struct ph_buf der[ROLES];
};

static void certs_clear(struct certs *certs)
{
    for (size_t i = 0; i < ROLES; i++)
        ph_buf_clear(&certs->der[i]);
}

static bool is_pem(struct ph_bytes blob)
{
    static const char head[] = "-----BEGIN ";
    return blob.len >= sizeof(head) - 1 && memcmp(blob.ptr, head, sizeof(head) - 1) == 0;
}

static bool is_certificate(struct ph_bytes blob)
{
    return is_pem(blob) || (blob.len > 0 && blob.ptr[0] == PH_DER_SEQUENCE);
}

/* The DER of one certificate, and no more. */
static enum ph_err to_der(struct ph_bytes blob, struct ph_buf *der)
{
    struct ph_buf extra PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
    struct ph_reader r = {blob};

    if (!is_pem(blob))
        return ph_buf_add(der, blob);
    const enum ph_err err = ph_pem_next(&r, "CERTIFICATE", der);
    if (err != PH_OK)
        return err == PH_ERR_NOT_FOUND ? PH_ERR_MALFORMED : err;
    return ph_pem_next(&r, "CERTIFICATE", &extra) == PH_ERR_NOT_FOUND ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err sort_one(struct ph_bytes blob, struct certs *certs)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
    struct ph_x509 cert;

    if (!is_certificate(blob))
        return PH_ERR_MALFORMED;
    PH_TRY(to_der(blob, &der));
    PH_TRY(ph_x509_parse(&ph_snp_x509_profile, ph_buf_view(&der), &cert));
    const enum role role = !cert.is_ca                                 ? VEK
                           : ph_bytes_equal(cert.issuer, cert.subject) ? ARK
                                                                       : ASK;
    if (certs->der[role].len > 0)
        return PH_ERR_MALFORMED;
    return ph_buf_add(&certs->der[role], ph_buf_view(&der));
}

enum ph_err ph_dstack_certs_sort(const struct ph_dstack_blob *blob, struct ph_dstack_certs *out)
{
    struct certs certs PH_OWNED(certs_clear) = {
        {PH_BUF(PH_X509_MAX), PH_BUF(PH_X509_MAX), PH_BUF(PH_X509_MAX)}};

    PH_TRY(ph_buf_add(&out->report, blob->quote));
    if (blob->cert_cnt == 1 && !is_certificate(blob->cert[0]))
        return ph_buf_add(&out->report, blob->cert[0]);
    for (size_t i = 0; i < blob->cert_cnt; i++)
        PH_TRY(sort_one(blob->cert[i], &certs));
    PH_TRY(ph_buf_add(&out->vek, ph_buf_view(&certs.der[VEK])));
    if (certs.der[ASK].len == 0 || certs.der[ARK].len == 0)
        return PH_OK;
    PH_TRY(ph_pem_encode("CERTIFICATE", ph_buf_view(&certs.der[ASK]), &out->chain));
    return ph_pem_encode("CERTIFICATE", ph_buf_view(&certs.der[ARK]), &out->chain);
}
