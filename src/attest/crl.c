#include "attest/crl.h"

#include "attest/x509.h"
#include "codec/der.h"

static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
static const uint8_t oid_invalidity_date[] = {0x55, 0x1d, 0x18};
static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};

/* Cut one entry off: its serial. */
static enum ph_err read_entry(struct ph_reader *r, struct ph_bytes *serial)
{
    struct ph_reader in, list;
    struct ph_der e;
    struct ph_x509_ext ext;
    int64_t when;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_uint(&e, serial));
    PH_TRY(ph_der_next(&in, &e));
    PH_TRY(ph_der_time(&e, &when));
    if (in.rest.len > 0) {
        PH_TRY(ph_der_enter(&in, PH_DER_SEQUENCE, &list, NULL));
        if (list.rest.len == 0)
            return PH_ERR_MALFORMED;
        while (list.rest.len > 0) {
            PH_TRY(ph_x509_read_ext(&list, &ext));
            if (ext.critical && !PH_DER_IS_OID(ext.oid, oid_reason) &&
                !PH_DER_IS_OID(ext.oid, oid_invalidity_date))
                return PH_ERR_UNSUPPORTED;
        }
    }
    return ph_der_end(&in);
}

static enum ph_err read_extensions(struct ph_reader *tbs, struct ph_crl *out)
{
    struct ph_reader wrap, list, r;
    struct ph_x509_ext ext;
    struct ph_der e;
    struct ph_bytes number;

    PH_TRY(ph_der_enter(tbs, PH_DER_CONTEXT(0), &wrap, NULL));
    PH_TRY(ph_der_enter(&wrap, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(ph_der_end(&wrap));
    while (list.rest.len > 0) {
        PH_TRY(ph_x509_read_ext(&list, &ext));
        if (PH_DER_IS_OID(ext.oid, oid_crl_number)) {
            if (out->has_number)
                return PH_ERR_MALFORMED;
            r = (struct ph_reader){ext.value};
            PH_TRY(ph_der_expect(&r, PH_DER_INTEGER, &e));
            PH_TRY(ph_der_end(&r));
            PH_TRY(ph_der_uint(&e, &number));
            out->has_number = true;
        } else if (PH_DER_IS_OID(ext.oid, oid_aki)) {
            if (out->aki.len > 0)
                return PH_ERR_MALFORMED;
            /* Only Intel's profile rules out that issuer and serial are named too. */
            PH_TRY(ph_x509_read_aki(ext.value, out->sig_alg == PH_X509_SIG_PSS_SHA384, &out->aki));
        } else if (ext.critical) {
            return PH_ERR_UNSUPPORTED;
        }
    }
    /* RFC 5280 §5.2.1, §5.2.3: both are required. */
    return out->has_number && out->aki.len > 0 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_tbs(struct ph_reader *tbs, uint32_t sig_algs, struct ph_crl *out,
                            struct ph_bytes *sig_alg)
{
    struct ph_reader in;
    struct ph_der e;
    struct ph_bytes serial;
    uint64_t version;

    PH_TRY(ph_der_expect(tbs, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_u64(&e, &version));
    if (version != 1)
        return PH_ERR_UNSUPPORTED; /* v2 */
    PH_TRY(ph_x509_read_sig_alg(tbs, sig_algs, &out->sig_alg, sig_alg));
    PH_TRY(ph_der_enter(tbs, PH_DER_SEQUENCE, &in, &out->issuer));
    PH_TRY(ph_der_next(tbs, &e));
    PH_TRY(ph_der_time(&e, &out->this_update_s));
    PH_TRY(ph_der_next(tbs, &e));
    PH_TRY(ph_der_time(&e, &out->next_update_s));
    if (ph_der_peek(tbs, PH_DER_SEQUENCE)) {
        PH_TRY(ph_der_enter(tbs, PH_DER_SEQUENCE, &in, NULL));
        if (in.rest.len == 0)
            return PH_ERR_MALFORMED; /* RFC 5280 §5.1.2.6: absent when nothing is revoked */
        out->entries = in.rest;
        while (in.rest.len > 0)
            PH_TRY(read_entry(&in, &serial));
    }
    PH_TRY(read_extensions(tbs, out));
    return ph_der_end(tbs);
}

enum ph_err ph_crl_parse(uint32_t sig_algs, struct ph_bytes der, struct ph_crl *out)
{
    struct ph_reader r = {der}, list, tbs;
    struct ph_bytes inner_alg, outer_alg;
    struct ph_crl x = {0};

    if (der.len > PH_CRL_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &list, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_enter(&list, PH_DER_SEQUENCE, &tbs, &x.tbs));
    PH_TRY(read_tbs(&tbs, sig_algs, &x, &inner_alg));
    PH_TRY(ph_x509_read_sig_alg(&list, sig_algs, &x.sig_alg, &outer_alg));
    if (!ph_bytes_equal(inner_alg, outer_alg))
        return PH_ERR_MALFORMED; /* RFC 5280 §5.1.1.2 */
    PH_TRY(ph_x509_read_sig(&list, x.sig_alg, x.sig, &x.sig_bits));
    PH_TRY(ph_der_end(&list));
    *out = x;
    return PH_OK;
}

bool ph_crl_has(const struct ph_crl *crl, struct ph_bytes serial)
{
    struct ph_reader r = {crl->entries};
    struct ph_bytes entry;

    while (r.rest.len > 0) {
        /* Checked when parsed; an entry that cannot be read counts as a match, so as revoked. */
        if (read_entry(&r, &entry) != PH_OK || ph_bytes_equal(entry, serial))
            return true;
    }
    return false;
}
