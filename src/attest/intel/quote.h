#ifndef PH_ATTEST_INTEL_QUOTE_H
#define PH_ATTEST_INTEL_QUOTE_H

/* The parts of an Intel quote, as views into its bytes: what a peer claims, UNTRUSTED.
 *
 * Layer: attest. Pure, allocates nothing. Spec: intel_spec.h. Tests: intel_quote_test.c,
 * intel_quote_fuzz.c.
 */

#include "attest/checks.h"
#include "attest/intel/verify.h"

struct ph_intel_quote {
    uint16_t version;
    enum ph_tee_kind tee;
    uint16_t body_type; /* 1 to 4; of versions 3 and 4 as if they said so */
    struct ph_bytes header;
    struct ph_bytes body;
    struct ph_bytes signed_part; /* what the attestation key signed */
    struct ph_bytes sig;         /* r || s */
    struct ph_bytes key;         /* attestation key, x || y */
    struct ph_bytes qe_report;   /* an SGX report body */
    struct ph_bytes qe_sig;
    struct ph_bytes qe_auth;
    uint16_t cert_type; /* 1 to 5 */
    struct ph_bytes cert_data;
    struct ph_bytes trailing; /* what follows the signature data: not judged here */
};

/**
 * Take a quote apart.
 *
 * @raw     untrusted; must outlive *out
 * @out     written whole on PH_OK, else untouched
 * @reterr  the check that failed; PH_CHECK_CNT on PH_OK
 *
 * Returns PH_ERR_LIMIT, PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED
 */
PH_CHECKED enum ph_err ph_intel_quote_parse(struct ph_bytes raw, struct ph_intel_quote *out,
                                            enum ph_check *reterr);
/* Drivers return fixed buffers: quotes in the field end in zero padding, and in nothing else. */
bool ph_intel_quote_padding_is_zero(const struct ph_intel_quote *quote);

/* Views of fields: bytes of the body by its layout. */
void ph_intel_quote_tdx(const struct ph_intel_quote *quote, struct ph_tdx_body *body);
/* TD 1.5 and later only. */
void ph_intel_quote_tdx15(const struct ph_intel_quote *quote, struct ph_tdx15_tail *tail);
static inline bool ph_intel_quote_has_tdx15(const struct ph_intel_quote *quote)
{
    return quote->body_type >= PH_QUOTE_V5_BODY_TD15;
}
struct ph_bytes ph_intel_quote_report_data(const struct ph_intel_quote *quote);

/* Names for people: "TDX 1.5", "PCK certificate chain (PEM)". Static storage. */
const char *ph_quote_body_name(uint16_t body_type);
const char *ph_quote_cert_type_name(uint16_t cert_type);

#endif
