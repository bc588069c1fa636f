#ifndef PH_ATTEST_SYNTH_SYNTH_H
#define PH_ATTEST_SYNTH_SYNTH_H

/* Makes complete evidence under a root of the caller's own: root, PCK CA, PCK certificate with
 * Intel's extension, TCB signer, CRLs, TCB info, QE identity and quotes, all freshly signed. The
 * development simulator and the tests are made with it. The verifier is not linked with it, and no
 * production policy accepts its root.
 *
 *   struct ph_synth s;
 *   ph_synth_defaults(&s, seed, now_s);              choose fields, then
 *   struct ph_synth_pki *pki;  ph_synth_pki_new(&s, &pki)         sign everything but quotes
 *   ph_synth_pki_parts(pki, &parts)                               collateral, as views
 *   ph_synth_tdx_quote(&s, pki, &body, NULL, &quote)              one quote
 *
 * Layer: attest, static library ph_synth (not part of the verifier). Tests: synth_test.c.
 */

#include "attest/evidence_bundle.h"
#include "attest/intel/spec.h"

#include <stdbool.h>

/* Secret scalars of the authorities and of the platform, P-256, 1..n-1 each, all different. */
struct ph_synth_keys {
    uint8_t root[32], pck_ca[32], pck[32], tcb_signer[32], attestation[32];
};

enum {
    PH_SYNTH_LEVELS_MAX = 6,
    PH_SYNTH_SERIALS_MAX = 130,
};

/* One level of TCB info: the least SVNs for it. */
struct ph_synth_level {
    uint8_t sgx[16], tdx[16];
    uint16_t pcesvn;
    const char *status;     /* "UpToDate" */
    const char *date;       /* RFC 3339 */
    const char *advisories; /* JSON array text, "[\"INTEL-SA-00001\"]"; NULL: none */
};
/* One level of a TDX module identity or of QE identity. */
struct ph_synth_isv_level {
    uint16_t isvsvn;
    const char *status, *date, *advisories;
};

/* Serial numbers (big-endian, 20 bytes, positive) of certificates. */
struct ph_synth_serial {
    uint8_t b[20];
};

/* Things to do wrong, each alone, for tests of the verifier: bits of ph_synth.faults. */
enum ph_synth_fault {
    PH_SYNTH_BAD_ROOT_SIG = 1 << 0, /* signed by a key that is nobody's */
    PH_SYNTH_BAD_CA_SIG = 1 << 1,
    PH_SYNTH_BAD_PCK_SIG = 1 << 2,
    PH_SYNTH_BAD_SIGNER_SIG = 1 << 3,
    PH_SYNTH_BAD_INFO_SIG = 1 << 4,
    PH_SYNTH_BAD_QE_ID_SIG = 1 << 5,
    PH_SYNTH_BAD_ROOT_CRL_SIG = 1 << 6,
    PH_SYNTH_BAD_PCK_CRL_SIG = 1 << 7,
    PH_SYNTH_BAD_QE_REPORT_SIG = 1 << 8,
    PH_SYNTH_BAD_QUOTE_SIG = 1 << 9,
    PH_SYNTH_BAD_PCK_AKI = 1 << 10, /* authority key identifier of nobody */
    PH_SYNTH_BAD_CA_AKI = 1 << 11,
    PH_SYNTH_BAD_SIGNER_AKI = 1 << 12,
    PH_SYNTH_BAD_ROOT_CRL_AKI = 1 << 13,
    PH_SYNTH_BAD_PCK_CRL_AKI = 1 << 14,
    PH_SYNTH_BAD_ROOT_USAGE = 1 << 15, /* key usage of a leaf */
    PH_SYNTH_BAD_CA_PATHLEN = 1 << 16,
    PH_SYNTH_BAD_PCK_USAGE = 1 << 17, /* key usage of a CA */
    PH_SYNTH_NO_SGX_EXT = 1 << 18,
    PH_SYNTH_NO_INSTANCE = 1 << 19, /* Platform CA without platform instance id */
    PH_SYNTH_BAD_QE_BINDING = 1 << 20,
    PH_SYNTH_BAD_QE_TAIL = 1 << 21,   /* QE report data 32..63 not zero */
    PH_SYNTH_PCK_IS_SIGNER = 1 << 22, /* the PCK signs TCB info, its certificate in the chain */
    PH_SYNTH_ALL_SGX_EXT = 1 << 23,   /* CA and TCB signer have the PCK's extension too */
    PH_SYNTH_NO_PCK_CONSTRAINTS = 1 << 24, /* leaf without basic constraints */
    PH_SYNTH_NO_CONFIGURATION = 1 << 25,   /* Platform CA with instance id, without configuration */
    PH_SYNTH_SHORT_KEY_IDS = 1 << 26,      /* key identifiers of one byte, in every certificate */
};

/* Everything that can be chosen. ph_synth_defaults fills in a platform that is UpToDate. Strings
 * are borrowed until the PKI is made. */
struct ph_synth {
    struct ph_synth_keys keys;
    int64_t not_before_s, not_after_s; /* of the root */
    int64_t ca_not_before_s, ca_not_after_s;
    int64_t pck_not_before_s, pck_not_after_s;
    int64_t signer_not_before_s, signer_not_after_s;
    int64_t issue_s, next_update_s;  /* of TCB info, QE identity */
    int64_t crl_issue_s, crl_next_s; /* of the PCK CA's CRL */
    int64_t root_crl_issue_s, root_crl_next_s;

    bool tdx;          /* false: SGX documents */
    bool processor_ca; /* false: Platform CA, with platform instance id and configuration */
    const char *root_cn, *ca_cn, *pck_cn, *signer_cn; /* NULL: Intel's names */
    const char *organization;                         /* NULL: "Intel Corporation" */
    uint32_t faults;                                  /* enum ph_synth_fault */

    uint8_t fmspc[6], pceid[2];           /* of the PCK */
    uint8_t info_fmspc[6], info_pceid[2]; /* of TCB info */
    uint8_t cpusvn[16];                   /* of the PCK: its 16 components */
    uint16_t pcesvn;
    uint8_t ppid[16], platform_instance[16];
    uint8_t sgx_type;

    uint32_t info_version, qe_version;
    uint32_t evaluation_number, qe_evaluation_number;
    const char *info_id, *qe_id; /* NULL: as `tdx` says */
    struct ph_synth_level level[PH_SYNTH_LEVELS_MAX];
    size_t level_cnt;
    bool module_identities;       /* write tdxModuleIdentities */
    uint8_t module_version;       /* TDX_%02X */
    uint8_t module_attributes[8]; /* of TCB info */
    uint8_t module_mrsigner[48];  /* of TCB info */
    struct ph_synth_isv_level module_level[PH_SYNTH_LEVELS_MAX];
    size_t module_level_cnt;
    struct ph_synth_isv_level qe_level[PH_SYNTH_LEVELS_MAX];
    size_t qe_level_cnt;
    uint8_t qe_mrsigner[32]; /* of QE identity, and of the QE report */
    uint16_t qe_isvprodid;   /* likewise */

    struct ph_synth_serial pck_serial, ca_serial, signer_serial, root_serial;
    struct ph_synth_serial revoked_by_ca[PH_SYNTH_SERIALS_MAX];
    size_t revoked_by_ca_cnt;
    struct ph_synth_serial revoked_by_root[PH_SYNTH_SERIALS_MAX];
    size_t revoked_by_root_cnt;

    /* Quotes. */
    uint16_t quote_version; /* 3 (SGX), 4 or 5 */
    uint16_t qe_isvsvn;
    struct ph_sgx_body qe_report; /* what ph_synth_defaults made; report_data is set when signing */
    size_t padding;               /* zero bytes after the quote */
    bool omit_pck_chain;          /* certification data type 1 instead of the chain */
};

/**
 * A platform that is UpToDate under keys derived from `seed`: TDX 1.0, Platform CA, everything
 * valid from an hour before now_s for 30 days (certificates: years).
 *
 * @seed   32 secret bytes: whoever knows them can make evidence under this root
 */
PH_CHECKED enum ph_err ph_synth_defaults(struct ph_synth *out, const uint8_t seed[static 32],
                                         int64_t now_s);

struct ph_synth_pki; /* the signed documents; immutable */
PH_CHECKED enum ph_err ph_synth_pki_new(const struct ph_synth *s, struct ph_synth_pki **out);
void ph_synth_pki_free(struct ph_synth_pki *pki);
static inline void ph_synth_pki_freep(struct ph_synth_pki **pki)
{
    ph_synth_pki_free(*pki);
}
/* Views into the PKI. The quote carries the PCK chain, so pck_chain_pem is empty here. */
struct ph_collateral_parts ph_synth_pki_parts(const struct ph_synth_pki *pki);
struct ph_bytes ph_synth_pki_chain_pem(const struct ph_synth_pki *pki);
/* Put certificates that the same keys signed before in the place of these: PEM, copied.
 * PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_synth_pki_keep_chains(struct ph_synth_pki *pki, struct ph_bytes pck_chain,
                                                struct ph_bytes signer_chain);
/* x || y of its root, for a policy's simulator_root_insecure (through ph_attest_root_hash). */
void ph_synth_pki_root(const struct ph_synth_pki *pki, uint8_t xy[static 64]);

/* A TD body that the defaults call UpToDate: SVNs, SEPT_VE_DISABLE, everything else zero. */
void ph_synth_tdx_body(const struct ph_synth *s, struct ph_tdx_body *out);
void ph_synth_sgx_body(const struct ph_synth *s, struct ph_sgx_body *out);

/* Append a signed quote over the body. `tail` non-NULL makes a TD 1.5 body (version 5 only).
 * PH_ERR_UNSUPPORTED: the version cannot carry that body. */
PH_CHECKED enum ph_err ph_synth_tdx_quote(const struct ph_synth *s, const struct ph_synth_pki *pki,
                                          const struct ph_tdx_body *body,
                                          const struct ph_tdx15_tail *tail, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_sgx_quote(const struct ph_synth *s, const struct ph_synth_pki *pki,
                                          const struct ph_sgx_body *body, struct ph_buf *out);

#endif
