#ifndef PH_ATTEST_VERIFY_H
#define PH_ATTEST_VERIFY_H

/* Judge Intel quotes: TDX v4 and v5, SGX v3, v4 and v5.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; no clock, network, log,
 * global state or recursion; any thread. Spec: docs/attestation.md. Tests: verify_test.c (every
 * check alone, by synthetic evidence), intel_vectors_test.c (real evidence).
 */

#include "attest/checks.h"
#include "attest/evidence_bundle.h"
#include "attest/intel_spec.h"
#include "attest/policy.h"
#include "attest/tcb.h"

enum {
    PH_REPORT_DATA_LEN = 64,
    PH_QUOTE_MAX = 64 * 1024,
    PH_VERDICT_ADVISORIES_MAX = 96,
    PH_ATTEST_ROOTS_MAX = 4,
};

/* Root keys whose evidence counts as production hardware, x || y. A value: zeroed trusts nobody. */
struct ph_attest_roots {
    uint8_t key[PH_ATTEST_ROOTS_MAX][64];
    size_t cnt;
};
/* Intel SGX Root CA, and nothing else. */
struct ph_attest_roots ph_attest_roots_production(void);
/* SHA-256 of the DER SubjectPublicKeyInfo of a P-256 key: how a policy names a simulator's root. */
void ph_attest_root_hash(const uint8_t xy[static 64], uint8_t out[static 32]);

/* Parsed, self-consistent collateral. Immutable: share it between threads and quotes. */
struct ph_collateral;

/**
 * Parse collateral and verify every signature inside it once.
 *
 * @parts   untrusted; borrowed for the call (the object keeps copies). Absent parts are allowed
 *          here: the verifier refuses at the check that needed them.
 * @out     on PH_OK freed by the caller with ph_collateral_free; else untouched
 * @why     written when refused: which part, what is wrong
 *
 * A wrong signature is no parse error: the verdict of each quote judged with it says so.
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_collateral_parse(const struct ph_collateral_parts *parts,
                                           struct ph_collateral **out, struct ph_json_why *why);
void ph_collateral_free(struct ph_collateral *collateral);
static inline void ph_collateral_freep(struct ph_collateral **collateral)
{
    ph_collateral_free(*collateral);
}
/* The window in which everything in it is valid: first and last second, before any grace. */
void ph_collateral_window(const struct ph_collateral *collateral, int64_t *from_s,
                          int64_t *until_s);

/* Verified PCK chains by the SHA-256 of their bytes, so that a quote of a known platform costs two
 * signature checks. Thread-safe. Entries are facts about bytes (profile, links, signatures,
 * revocation by a given CRL); every validity window is judged anew for each quote. */
struct ph_chain_cache;
PH_CHECKED enum ph_err ph_chain_cache_new(size_t entry_cnt, struct ph_chain_cache **out);
void ph_chain_cache_free(struct ph_chain_cache *cache);

enum ph_tee_kind { PH_TEE_NONE, PH_TEE_SGX, PH_TEE_TDX };

/* What was proved. Written only when a quote is accepted; all zero otherwise. */
struct ph_claims {
    enum ph_tee_kind tee;
    uint16_t quote_version;
    struct ph_sgx_body sgx; /* tee is SGX */
    struct ph_tdx_body tdx; /* tee is TDX */
    struct ph_tdx15_tail tdx15;
    bool has_tdx15; /* the body is TD 1.5: tdx15 holds */
    uint8_t report_data[PH_REPORT_DATA_LEN];
    bool report_data_checked; /* false only from ph_quote_verify_report_data_unchecked */
    uint8_t fmspc[6];
    uint8_t pceid[2];
    uint8_t cpusvn[16];
    uint16_t pcesvn;
    bool has_platform_instance;
    uint8_t platform_instance[16];
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
    char sentence[320];       /* for people */
    char advisories[PH_VERDICT_ADVISORIES_MAX][PH_ADVISORY_LEN_MAX + 1]; /* sorted, unique */
    size_t advisory_cnt;
    int64_t tcb_date_s;         /* least of all levels that counted; 0 if none */
    uint32_t evaluation_number; /* least of TCB info and QE identity */
    int64_t valid_until_s;      /* earliest expiry of anything used; 0 if unknown */
    bool measurements_demanded; /* false: genuine, but any code would have passed */
    bool insecure_simulator;    /* show INSECURE-SIMULATOR wherever this is shown */
    struct ph_claims claims;    /* all zero unless accepted */
};

/* Which checks ran, and the bytes each looked at: views into the caller's quote and collateral. */
enum ph_trace_result { PH_TRACE_SKIP, PH_TRACE_PASS, PH_TRACE_FAIL };
struct ph_trace {
    struct {
        enum ph_trace_result result;
        struct ph_bytes bytes;
    } check[PH_CHECK_CNT];
};

/**
 * Decide whether a quote proves what `policy` asks, at one moment.
 *
 * @quote        untrusted, at most PH_QUOTE_MAX bytes
 * @report_data  what the TEE must have been asked to sign
 * @now_s        Unix time, seconds; every validity window is judged at it: issued <= now < expiry
 * @out          always written whole
 *
 * Returns PH_OK              accepted
 *         PH_ERR_UNTRUSTED   refused: see out->step and out->reason
 *         PH_ERR_MALFORMED   the quote breaks its format (step quote-format, or the PCK chain)
 *         PH_ERR_UNSUPPORTED a version, key type or body that nobody here can judge
 *         PH_ERR_LIMIT       longer than PH_QUOTE_MAX
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_quote_verify(struct ph_bytes quote,
                                       const struct ph_collateral *collateral,
                                       const struct ph_attest_roots *roots,
                                       const struct ph_policy *policy,
                                       const uint8_t report_data[static PH_REPORT_DATA_LEN],
                                       int64_t now_s, struct ph_verdict *out);

/* The same without an expected report data, for tools that show what a quote says: nothing binds
 * the quote to a key or nonce, so a replayed one passes. */
PH_CHECKED enum ph_err ph_quote_verify_report_data_unchecked(struct ph_bytes quote,
                                                             const struct ph_collateral *collateral,
                                                             const struct ph_attest_roots *roots,
                                                             const struct ph_policy *policy,
                                                             int64_t now_s, struct ph_verdict *out);

/* Everything a judgement can use. Zero members have the meaning given. */
struct ph_verify_args {
    struct ph_bytes quote;
    const struct ph_collateral *collateral;
    const struct ph_attest_roots *roots;
    const struct ph_policy *policy;
    const uint8_t *report_data; /* 64 bytes; NULL only with the next member set */
    bool report_data_unchecked;
    int64_t now_s;
    struct ph_chain_cache *cache; /* NULL: none */
    struct ph_trace *trace;       /* NULL: none; else written whole */
};
PH_CHECKED enum ph_err ph_quote_verify_with(const struct ph_verify_args *args,
                                            struct ph_verdict *out);

/* The report data a quote claims, unproved: to look up what to expect. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_quote_peek_report_data(struct ph_bytes quote,
                                                 uint8_t out[static PH_REPORT_DATA_LEN]);

#endif
