#ifndef PHALA_COLLATERAL_CHECK_H
#define PHALA_COLLATERAL_CHECK_H

/* Whether a document of a vendor's service is what was asked for, at one moment: format, signature
 * up to a trusted root, subject, validity. Only then is it kept. Whoever judges evidence with it
 * later checks all of it again.
 *
 * Tests: tests/integration/collateral.test.mjs.
 */

#include "attest/policy.h"
#include "attest/verdict.h"
#include "attest/x509.h"
#include "evidence_needs.h"

/* By whom and when. */
struct ph_check_by {
    const struct ph_attest_roots *roots;
    const struct ph_policy *policy; /* may name a simulator's root */
    int64_t now_s;
};
/* What holds of a document that passed. */
struct ph_checked {
    int64_t valid_until_s;   /* earliest expiry of anything in it */
    bool insecure_simulator; /* under a simulator's root */
};

/* All return PH_OK with *out written; or an error with `why` written: PH_ERR_MALFORMED,
 * PH_ERR_UNSUPPORTED and PH_ERR_LIMIT by format, PH_ERR_UNTRUSTED, PH_ERR_NOMEM. */

/* TCB info of the key's FMSPC and TEE, with the chain of its signer. */
PH_CHECKED enum ph_err ph_check_tcb_info(const struct ph_check_by *by,
                                         const struct ph_collateral_key *key, struct ph_bytes json,
                                         struct ph_bytes chain_pem, struct ph_checked *out,
                                         struct ph_json_why *why);
/* Identity of the quoting enclave of the key's TEE. */
PH_CHECKED enum ph_err ph_check_qe_identity(const struct ph_check_by *by,
                                            const struct ph_collateral_key *key,
                                            struct ph_bytes json, struct ph_bytes chain_pem,
                                            struct ph_checked *out, struct ph_json_why *why);
/* Revocation list of the key's PCK CA. chain_pem: that CA, and the root. */
PH_CHECKED enum ph_err ph_check_pck_crl(const struct ph_check_by *by,
                                        const struct ph_collateral_key *key, struct ph_bytes der,
                                        struct ph_bytes chain_pem, struct ph_checked *out,
                                        struct ph_json_why *why);
/* Revocation list of the root that signer_chain_pem, a TCB signer's, ends in. */
PH_CHECKED enum ph_err ph_check_root_crl(const struct ph_check_by *by, struct ph_bytes der,
                                         struct ph_bytes signer_chain_pem, struct ph_checked *out,
                                         struct ph_json_why *why);
/* Certificate of the report's signing key, its chain, and the ARK's list. An empty crl is left out.
 */
PH_CHECKED enum ph_err ph_check_snp(const struct ph_check_by *by, const struct ph_snp_need *need,
                                    const struct ph_snp_parts *parts, struct ph_checked *out,
                                    struct ph_json_why *why);
/* A manifest named `id`. */
PH_CHECKED enum ph_err ph_check_rim(const struct ph_check_by *by, const char *id,
                                    struct ph_bytes xml, struct ph_checked *out,
                                    struct ph_json_why *why);
/* An OCSP response on `cert`, which `issuer` issued. One that calls it revoked passes: it is true.
 * *revoked then says so. */
PH_CHECKED enum ph_err ph_check_ocsp(const struct ph_check_by *by, const struct ph_x509 *cert,
                                     const struct ph_x509 *issuer, struct ph_bytes der,
                                     struct ph_checked *out, bool *revoked,
                                     struct ph_json_why *why);

/* Shared by the files of this header: a refusal; the window of one part. */
PH_CHECKED enum ph_err ph_check_bad(enum ph_err err, struct ph_json_why *why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* PH_ERR_UNTRUSTED unless from <= now < until; *out narrows. `what` names the part. */
PH_CHECKED enum ph_err ph_check_window(const struct ph_check_by *by, const char *what,
                                       int64_t from_s, int64_t until_s, struct ph_checked *out,
                                       struct ph_json_why *why);

#endif
