#ifndef PH_ATTEST_NVIDIA_DEVICE_CHAIN_H
#define PH_ATTEST_NVIDIA_DEVICE_CHAIN_H

/* The certificate chain of a GPU or switch: who each certificate is, and what holds of it. Facts
 * are gathered here as a set; verify.c decides with them.
 *
 *   leaf       "GH100 A01 GSP FMC LF"             the firmware that signs reports
 *   device     "GH100 A01 GSP BROM"               the device's own key
 *   factory    "NVIDIA GH100 Provisioner ICA 1"
 *   identity   "NVIDIA GH100 Identity"            so for LS_10 too
 *   root       "NVIDIA Device Identity CA"
 *
 * Blackwell has GB100, GB202, … in place of GH100, switches LS_10 and FSP. All keys are P-384.
 *
 * Layer: attest. Pure. Spec: RFC 5280; TCG DICE Attestation Architecture 1.1, §6.1.1 (TcbInfo) and
 * its predecessor's CompositeDeviceID; names as in NVIDIA's certificates. Tests:
 * device_chain_test.c.
 */

#include "attest/nvidia/nvidia_claims.h"
#include "attest/x509.h"
#include "crypto/p384.h"

enum { PH_NV_CHAIN_PEM_MAX = 64 * 1024, PH_NV_CERT_CNT = 5, PH_NV_FWID_LEN = 48 };
enum ph_nv_role { PH_NV_LEAF, PH_NV_DEVICE, PH_NV_FACTORY, PH_NV_IDENTITY, PH_NV_ROOT };

/* Facts about a chain, bit by bit; a bit is set when the fact holds. */
enum ph_nv_fact {
    PH_NV_FACT_PROFILE = 1 << 0, /* names, CA flags, path lengths, key usages of the roles */
    PH_NV_FACT_LINKS = 1 << 1,   /* issuer names and key identifiers */
    PH_NV_FACT_SIGNATURES = 1 << 2,
    PH_NV_FACT_FWID = 1 << 3, /* the leaf names its firmware, in the form of its architecture */
};

/* Certificates of a device: what they claim, and which facts hold. Owns everything in it. */
struct ph_nv_chain {
    struct ph_x509 cert[PH_NV_CERT_CNT]; /* by enum ph_nv_role */
    uint32_t facts;                      /* enum ph_nv_fact */
    enum ph_nvidia_arch arch;            /* by the leaf's name; unknown without a good one */
    uint8_t fwid[PH_NV_FWID_LEN];        /* with PH_NV_FACT_FWID */
    bool debug; /* the firmware says of itself that it is not secure, in recovery, or debugged */
    int64_t not_before_s, not_after_s; /* window in which all certificates are valid */
    uint8_t root_spki_sha256[32];
    uint8_t device_id[32]; /* SHA-256 of the SubjectPublicKeyInfo of the device's certificate */
    struct ph_buf der;
    struct ph_p384_pub leaf_key; /* verifies nothing if it is no point */
};

extern const struct ph_x509_profile ph_x509_profile_nvidia; /* vendor[]: see device_chain.c */

/**
 * Parse a chain, leaf first, and gather its facts.
 *
 * @pem    untrusted; exactly five CERTIFICATE blocks. Text around them is allowed
 * @known  NULL, or a chain that may share certificates: a signature verified there is not verified
 *         again
 * @out    on PH_OK, freed with ph_nv_chain_free; else untouched
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (a certificate is out of profile for the parser),
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_nv_chain_parse(struct ph_bytes pem, const struct ph_nv_chain *known,
                                         struct ph_nv_chain **out);
void ph_nv_chain_free(struct ph_nv_chain *chain);
static inline void ph_nv_chain_freep(struct ph_nv_chain **chain)
{
    ph_nv_chain_free(*chain);
}

/* True if issuer name and key identifier of `cert` point at `issuer`. */
bool ph_nv_is_issued_by(const struct ph_x509 *cert, const struct ph_x509 *issuer);
/* True if `issuer`'s key signed these bytes. */
bool ph_nv_is_signed_by(const struct ph_x509 *issuer, struct ph_bytes tbs,
                        const uint8_t sig[static 96]);

#endif
