#ifndef PH_ATTEST_POLICY_H
#define PH_ATTEST_POLICY_H

/* What a relying party requires of evidence, beyond its being genuine. A zeroed policy, and the
 * JSON document {}, deny everything.
 *
 * Layer: attest. Pure. Format: docs/attestation.md; api/evidence-policy.schema.json. Tests:
 * policy_test.c, policy_fuzz.c.
 */

#include "attest/amd/snp_policy.h"
#include "attest/nvidia/nvidia_policy.h"
#include "attest/tcb_status.h"
#include "base/bytes.h"
#include "codec/json_why.h"

#include <stdbool.h>

enum {
    PH_POLICY_JSON_MAX = 256 * 1024,
    PH_POLICY_MEASUREMENTS_MAX = 64, /* of each kind */
    PH_POLICY_NITRO_PCRS = 9,        /* PCR0..PCR8 can be demanded */
    PH_POLICY_ADVISORIES_MAX = 64,
    PH_POLICY_INSTANCES_MAX = 256,
    PH_POLICY_GRACE_MAX_S = 90 * 24 * 3600,
    PH_ADVISORY_LEN_MAX = 31, /* characters: "INTEL-SA-01099" */
};

/* Members are named in JSON as claims name them: mr_td, rtmr0, … mr_config_id, mr_seam.
 * Bits of `fields` say which of the members below must match; at least one bit is set. */
enum ph_tdx_field {
    PH_TDX_FIELD_MRTD = 1 << 0,
    PH_TDX_FIELD_RTMR0 = 1 << 1,
    PH_TDX_FIELD_RTMR1 = 1 << 2,
    PH_TDX_FIELD_RTMR2 = 1 << 3,
    PH_TDX_FIELD_RTMR3 = 1 << 4,
    PH_TDX_FIELD_MRCONFIGID = 1 << 5,
    PH_TDX_FIELD_MRSEAM = 1 << 6,
};
struct ph_policy_tdx {
    uint32_t fields;
    uint8_t mrtd[48], rtmr[4][48], mrconfigid[48], mrseam[48];
};

/* An enclave is named by MRENCLAVE, or by MRSIGNER with product id and least version. */
struct ph_policy_sgx {
    bool has_mrenclave, has_mrsigner;
    uint8_t mrenclave[32], mrsigner[32];
    uint16_t isvprodid, min_isvsvn; /* with MRSIGNER only */
};

/* A Nitro enclave is named by PCR0 (its image) or PCR8 (who signed the image), and any others. */
struct ph_policy_nitro {
    uint32_t pcrs; /* bit n: pcr[n] must match; zero matches nothing */
    uint8_t pcr[PH_POLICY_NITRO_PCRS][48];
};

struct ph_policy {
    uint32_t statuses;                /* accepted: bit 1 << enum ph_tcb_status */
    int64_t min_tcb_date_s;           /* Unix seconds; 0 demands nothing */
    uint32_t min_evaluation_number;   /* tcbEvaluationDataNumber: no rollback below this */
    bool any_measurement;             /* true: measurements are not demanded */
    bool allow_debug_insecure;        /* a debug TD or enclave keeps no secrets */
    bool allow_sept_ve;               /* SEPT_VE_DISABLE may be off: the host can inject #VE */
    bool allow_migratable;            /* MIGRATABLE may be on */
    bool allow_service_td;            /* MRSERVICETD may be set: a service TD can migrate the TD */
    bool exact_length;                /* refuse even zero padding after the quote */
    bool has_simulator_root_insecure; /* accept evidence of the development simulator … */
    uint8_t simulator_root_insecure[32]; /* … under this root only: SHA-256 of its DER SPKI */
    uint32_t grace_s; /* accept TCB info, QE identity and CRLs this long after nextUpdate */

    struct ph_policy_tdx tdx[PH_POLICY_MEASUREMENTS_MAX];
    struct ph_policy_sgx sgx[PH_POLICY_MEASUREMENTS_MAX];
    size_t tdx_cnt, sgx_cnt;
    struct ph_policy_snp snp;
    struct ph_policy_nitro nitro[PH_POLICY_MEASUREMENTS_MAX];
    size_t nitro_cnt;
    char denied_advisories[PH_POLICY_ADVISORIES_MAX][PH_ADVISORY_LEN_MAX + 1];
    size_t denied_advisory_cnt;
    uint8_t instances[PH_POLICY_INSTANCES_MAX][16]; /* platform instance ids; none: any platform */
    size_t instance_cnt;
    struct ph_policy_nvidia nvidia;
};

/* The policy of `phala evidence verify` without --policy: genuine production hardware, UpToDate, no
 * debug, no migration, SEPT_VE_DISABLE on. It demands no measurement: the verdict says so. */
const struct ph_policy *ph_policy_builtin_hardware(void);

/* The zeroed policy: it denies everything. */
const struct ph_policy *ph_policy_denies(void);

/**
 * Read a policy document. Unknown keys and wrong types are errors; absent keys keep the denying
 * default.
 *
 * @text  borrowed for the call
 * @out   written whole on PH_OK, else untouched (about 70 KiB: allocate it)
 * @why   written when refused
 * Returns PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_policy_parse(struct ph_bytes text, struct ph_policy *out,
                                       struct ph_json_why *why);

#endif
