#ifndef PH_ATTEST_VERDICT_H
#define PH_ATTEST_VERDICT_H

/* What every verifier of this folder takes and gives: trusted roots in; verdict, claims and trace
 * out.
 *
 * Layer: attest. Pure. Spec: docs/attestation.md.
 */

#include "attest/amd/snp_claims.h"
#include "attest/checks.h"
#include "attest/eventlog/event_claims.h"
#include "attest/intel/spec.h"
#include "attest/nitro/nitro_claims.h"
#include "attest/nvidia/nvidia_claims.h"
#include "attest/policy.h"
#include "attest/tcb_status.h"

enum {
    PH_REPORT_DATA_LEN = 64,
    PH_VERDICT_ADVISORIES_MAX = 96,
    PH_ATTEST_ROOTS_MAX = 4,
    PH_ATTEST_PINS_MAX = 16,
};

/* Who vouches: each pin counts for evidence of its own maker only. */
enum ph_root_maker {
    PH_ROOT_AMD_MILAN = 1, /* AMD root keys (ARK), one per product line */
    PH_ROOT_AMD_GENOA,
    PH_ROOT_AMD_TURIN,
    PH_ROOT_NVIDIA_DEVICE, /* NVIDIA Device Identity CA */
    PH_ROOT_NVIDIA_RIM,    /* NVIDIA CoRIM signing Root CA */
    PH_ROOT_AWS_NITRO,     /* aws.nitro-enclaves root G1 */
};

/* Root keys whose evidence counts as production hardware. A value: zeroed trusts nobody. */
struct ph_attest_roots {
    uint8_t key[PH_ATTEST_ROOTS_MAX][64]; /* Intel: x || y */
    size_t cnt;
    struct ph_root_pin {
        enum ph_root_maker maker;
        uint8_t spki_sha256[32]; /* of the DER SubjectPublicKeyInfo */
    } pin[PH_ATTEST_PINS_MAX];
    size_t pin_cnt;
};
/* The roots of Intel, AMD, NVIDIA and AWS, and nothing else. */
struct ph_attest_roots ph_attest_roots_production(void);
/* SHA-256 of the DER SubjectPublicKeyInfo of a P-256 key: how a policy names a simulator's root. */
void ph_attest_root_hash(const uint8_t xy[static 64], uint8_t out[static 32]);

enum ph_tee_kind {
    PH_TEE_NONE,
    PH_TEE_SGX,
    PH_TEE_TDX,
    PH_TEE_SNP,
    PH_TEE_NVIDIA, /* one or more GPUs or switches */
    PH_TEE_NITRO,
};
/* "SGX", "TDX", "SNP", "NVIDIA", "NITRO"; "none". */
const char *ph_tee_kind_name(enum ph_tee_kind tee);

/* What was proved. Written only when the evidence is accepted; all zero otherwise. */
struct ph_claims {
    enum ph_tee_kind tee;
    uint16_t quote_version;
    struct ph_sgx_body sgx; /* tee is SGX */
    struct ph_tdx_body tdx; /* tee is TDX */
    struct ph_tdx15_tail tdx15;
    bool has_tdx15; /* the body is TD 1.5: tdx15 holds */
    uint8_t report_data[PH_REPORT_DATA_LEN];
    bool report_data_checked; /* false only from ph_quote_verify_report_data_unchecked */
    uint8_t fmspc[6];         /* SGX and TDX, to platform_instance */
    uint8_t pceid[2];
    uint8_t cpusvn[16];
    uint16_t pcesvn;
    bool has_platform_instance;
    uint8_t platform_instance[16];
    struct ph_snp_claims snp;       /* tee is SNP */
    struct ph_nvidia_claims nvidia; /* tee is NVIDIA, or has_gpus */
    bool has_gpus;                  /* GPUs beside the quote are proved too: nvidia holds */
    struct ph_nitro_claims nitro;   /* tee is NITRO */
    bool has_events;                /* an event log was demanded and replays: events holds */
    struct ph_event_claims events;
    bool insecure_simulator; /* proved by a simulator's root: proves nothing about hardware */
    int64_t verified_at_s;
};

struct ph_verdict {
    bool accepted;
    /* What the vendor's rules give for this evidence, also when another check or the policy
     * refuses; PH_TCB_UNKNOWN when a signature or format broke before the rules could be applied.
     * It means nothing unless `accepted`. */
    enum ph_tcb_status status;
    enum ph_verify_step step; /* of the first check that said no; PH_STEP_NONE when accepted */
    enum ph_check check;      /* that check; PH_CHECK_CNT when accepted */
    const char *reason;       /* its stable code; "accepted", or "not-judged" when out of memory */
    char detail[192];         /* what the check saw, where there is more to say; ASCII, or empty */
    char sentence[512];       /* for people */
    char advisories[PH_VERDICT_ADVISORIES_MAX][PH_ADVISORY_LEN_MAX + 1]; /* sorted, unique */
    size_t advisory_cnt;
    int64_t tcb_date_s;         /* least of all levels that counted; 0 if none */
    uint32_t evaluation_number; /* least of TCB info and QE identity */
    int64_t valid_until_s;      /* earliest expiry of anything used; 0 if unknown */
    bool measurements_demanded; /* false: genuine, but any code would have passed */
    bool insecure_simulator;    /* show INSECURE-SIMULATOR wherever this is shown */
    struct ph_claims claims;    /* all zero unless accepted */
};

/* Which checks ran, and the bytes each looked at: views into the caller's evidence and collateral.
 */
enum { PH_TRACE_HEAD_LEN = 32 };
enum ph_trace_result { PH_TRACE_SKIP, PH_TRACE_PASS, PH_TRACE_FAIL };
struct ph_trace {
    enum ph_check_group group; /* whose evidence it is: checks of other makers do not apply */
    bool has_events;           /* an event log was judged too */
    bool has_certificate;      /* so was the certificate that carries the evidence */
    struct {
        enum ph_trace_result result;
        struct ph_bytes bytes;           /* where: not to be read once what it lies in is freed */
        uint8_t head[PH_TRACE_HEAD_LEN]; /* its first bytes, copied */
    } check[PH_CHECK_CNT];
};

/* True if a check can be part of this trace. */
static inline bool ph_trace_has(const struct ph_trace *trace, enum ph_check check)
{
    const enum ph_check_group group = ph_check_group(check);
    return group == PH_GROUP_ALL || group == trace->group ||
           (group == PH_GROUP_EVENTS && trace->has_events) ||
           (group == PH_GROUP_CERTIFICATE && trace->has_certificate);
}

#endif
