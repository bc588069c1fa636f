#ifndef PH_ATTEST_INTEL_VERIFY_H
#define PH_ATTEST_INTEL_VERIFY_H

/* Judge Intel quotes: TDX v4 and v5, SGX v3, v4 and v5.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; no clock, network, log,
 * global state or recursion; any thread. Spec: docs/attestation.md. Tests: verify_test.c (every
 * check alone, by synthetic evidence), intel_vectors_test.c (real evidence).
 */

#include "attest/cache.h"
#include "attest/evidence_bundle.h"
#include "attest/verdict.h"

enum { PH_QUOTE_MAX = 64 * 1024 };

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
    /* Must replay to the quote's registers; NULL: none is demanded. */
    const struct ph_bytes *event_log;
    bool event_log_rtmr3_alone;    /* dstack's log, cut: it must replay to RTMR3 alone */
    struct ph_bytes vm_config;     /* of a dstack guest, for what the log alone does not say */
    struct ph_attest_cache *cache; /* NULL: none; else a quote of a known platform costs two
                                    * signature checks */
    struct ph_trace *trace;        /* NULL: none; else written whole */
};
PH_CHECKED enum ph_err ph_quote_verify_with(const struct ph_verify_args *args,
                                            struct ph_verdict *out);

/* The report data a quote claims, unproved: to look up what to expect. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_quote_peek_report_data(struct ph_bytes quote,
                                                 uint8_t out[static PH_REPORT_DATA_LEN]);

#endif
