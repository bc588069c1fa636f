#ifndef PH_ATTEST_AMD_SNP_SYNTH_H
#define PH_ATTEST_AMD_SNP_SYNTH_H

/* Makes SEV-SNP evidence under an ARK of the caller's own: certificates, revocation list, reports.
 * The tests are made with it. The verifier is not linked with it, and no production policy accepts
 * its root.
 *
 * Layer: attest, static library ph_synth (not part of the verifier).
 */

#include "attest/amd/snp_claims.h"
#include "attest/amd/snp_spec.h"
#include "crypto/rsa.h"

/* RSA-4096 keys of the authorities; making them takes seconds: once in a process. */
struct ph_synth_snp_keys {
    struct ph_rsa_key *ark, *ask; /* the ASK's key is the ASVK's too */
};
PH_CHECKED enum ph_err ph_synth_snp_keys_new(struct ph_synth_snp_keys *out);
void ph_synth_snp_keys_clear(struct ph_synth_snp_keys *keys);

/* Things to do wrong, each alone: bits of ph_synth_snp.faults. */
enum ph_synth_snp_fault {
    PH_SYNTH_SNP_BAD_ARK_SIG = 1 << 0, /* signed by the other authority's key; so below */
    PH_SYNTH_SNP_BAD_ASK_SIG = 1 << 1,
    PH_SYNTH_SNP_BAD_VEK_SIG = 1 << 2,
    PH_SYNTH_SNP_BAD_CRL_SIG = 1 << 3,
    PH_SYNTH_SNP_BAD_CRL_ISSUER = 1 << 4,
    PH_SYNTH_SNP_BAD_ARK_USAGE = 1 << 5,
    PH_SYNTH_SNP_BAD_ASK_PATHLEN = 1 << 6,
    PH_SYNTH_SNP_VEK_IS_CA = 1 << 7,
    PH_SYNTH_SNP_BAD_ASK_AKI = 1 << 8,
    PH_SYNTH_SNP_NO_HWID = 1 << 9,
    PH_SYNTH_SNP_NO_CSP_ID = 1 << 10,
    PH_SYNTH_SNP_HWID_AND_CSP_ID = 1 << 11, /* both at once */
    PH_SYNTH_SNP_NO_MICROCODE = 1 << 12,
    PH_SYNTH_SNP_SPL_SET = 1 << 13, /* a reserved security version is not zero */
    PH_SYNTH_SNP_BAD_STRUCT = 1 << 14,
    PH_SYNTH_SNP_LONG_CRL_AKI = 1 << 15, /* allowed: the list's AKI names issuer and serial too */
    PH_SYNTH_SNP_NO_ASK_AKI = 1 << 16,
    PH_SYNTH_SNP_NO_ASK_PATHLEN = 1 << 17,
    PH_SYNTH_SNP_ARK_PATHLEN = 1 << 18,
    PH_SYNTH_SNP_BAD_ARK_NAME = 1 << 19, /* issued by another name, signed by itself */
    PH_SYNTH_SNP_NO_ASK_SKI = 1 << 20,
    PH_SYNTH_SNP_BAD_ASK_USAGE = 1 << 21, /* it may sign lists too */
    PH_SYNTH_SNP_VEK_IS_RSA = 1 << 22,
    PH_SYNTH_SNP_BAD_CRL_AKI = 1 << 23,
    PH_SYNTH_SNP_ARK_NO_CA = 1 << 25,
    PH_SYNTH_SNP_SHORT_IDS = 1 << 24, /* allowed: key identifiers of one byte */
};

enum { PH_SYNTH_SNP_REVOKED_MAX = 4 };

/* Everything that can be chosen. Strings are borrowed. */
struct ph_synth_snp {
    const struct ph_synth_snp_keys *keys;
    uint8_t vek_secret[48]; /* P-384, 1..n-1 */
    uint32_t faults;        /* enum ph_synth_snp_fault */
    bool is_vlek;           /* of the certificate */
    bool wrap_hwid;         /* inside an OCTET STRING */
    uint8_t vek_key_usage;  /* bits as encoded; 0: no such extension, as AMD's have none */
    enum ph_snp_product product;
    const char *ark_cn, *ask_cn, *vek_cn, *product_name; /* NULL: AMD's */
    const char *csp_id;
    int64_t not_before_s, not_after_s; /* of ARK and ASK */
    int64_t vek_not_before_s, vek_not_after_s;
    int64_t crl_this_s, crl_next_s;
    uint32_t ark_serial, ask_serial, vek_serial;
    uint32_t revoked[PH_SYNTH_SNP_REVOKED_MAX];
    size_t revoked_cnt;
    struct ph_snp_tcb tcb; /* of the certificate */
    uint8_t hwid[64];
    struct ph_snp_report report; /* signed as it is; the signature is set */
};

/* A good platform: everything valid from an hour before now_s, for a year; a report of `version`
 * that the certificate fits. The CRL lasts for 30 days and lists a serial that nobody has. */
void ph_synth_snp_defaults(struct ph_synth_snp *out, const struct ph_synth_snp_keys *keys,
                           enum ph_snp_product product, uint32_t version, bool is_vlek,
                           int64_t now_s);
/* Lay a TCB out as the product does. */
void ph_synth_snp_tcb(enum ph_snp_product product, const struct ph_snp_tcb *tcb,
                      uint8_t out[static 8]);

/* Append DER: the VEK; the ASK or ASVK; the ARK; the ARK's list. */
PH_CHECKED enum ph_err ph_synth_snp_vek(const struct ph_synth_snp *s, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_snp_ask(const struct ph_synth_snp *s, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_snp_ark(const struct ph_synth_snp *s, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_snp_crl(const struct ph_synth_snp *s, struct ph_buf *out);
/* Append the report, signed. */
PH_CHECKED enum ph_err ph_synth_snp_report(const struct ph_synth_snp *s, struct ph_buf *out);

/* Append a certificate table with the entries that are not empty, by enum ph_snp_table_cert. */
PH_CHECKED enum ph_err ph_synth_snp_table(const struct ph_bytes certs[static 5],
                                          struct ph_buf *out);

#endif
