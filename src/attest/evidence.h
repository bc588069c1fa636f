#ifndef PH_ATTEST_EVIDENCE_H
#define PH_ATTEST_EVIDENCE_H

/* One front for evidence of every maker: tell what bytes are, open them, show them, judge them.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; any thread. Spec:
 * docs/attestation.md. Tests: evidence_test.c, evidence_fuzz.c.
 */

#include "attest/cache.h"
#include "attest/evidence_bundle.h"
#include "attest/verdict.h"
#include "codec/jput.h"

struct ph_collateral;

/* What untrusted bytes claim to be, by their first bytes alone; NONE if nothing known. */
enum ph_evidence_kind ph_evidence_detect(struct ph_bytes bytes);

/* What the quote of these pieces is: as told, and then its bytes must agree, or by its bytes. NONE:
 * unknown, or not what it is said to be. */
enum ph_evidence_kind ph_evidence_quote_kind(const struct ph_evidence *evidence);

/**
 * Open evidence of any kind: a bundle is parsed, anything else becomes a bundle of that one piece,
 * without time or collateral.
 *
 * @bytes  untrusted; borrowed for the call
 * @out    on PH_OK, freed by the caller with ph_evidence_free; else untouched
 * @why    written when refused
 *
 * Returns PH_ERR_UNSUPPORTED  no kind that is known here
 *         PH_ERR_LIMIT        longer than PH_EVIDENCE_MAX
 *         PH_ERR_MALFORMED    a bundle that breaks its format
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_evidence_open(struct ph_bytes bytes, struct ph_evidence_bundle **out,
                                        struct ph_json_why *why);

/* Zero members have the meaning given; what is missing denies. */
struct ph_evidence_args {
    const struct ph_evidence *evidence;
    const struct ph_collateral *collateral; /* NULL: evidence->collateral is parsed for the call */
    const struct ph_attest_roots *roots;
    const struct ph_policy *policy;
    /* What the TEE must have been asked to sign, 64 bytes: report data of TDX, SGX and SEV-SNP; of
     * an Azure report its user data, of a Nitro document its user data, either followed by zeros.
     * NULL only with the next member set. */
    const uint8_t *report_data;
    bool report_data_unchecked;
    /* What the GPUs must have been asked to sign, 32 bytes. NULL: SHA-256 of the 64 bytes of report
     * data that the quote beside them proves, checked or not: so one challenge binds both. GPUs
     * alone need it, unless report_data_unchecked. */
    const uint8_t *nonce;
    int64_t now_s;
    struct ph_attest_cache *cache; /* NULL: none */
    struct ph_trace *trace;        /* of the quote, or of GPUs alone; NULL: none */
    struct ph_trace *gpu_trace;    /* of GPUs beside a quote; NULL: none */
};

/**
 * Decide whether all pieces of evidence prove what the policy asks, at one moment. The quote is
 * judged first, with its event log if there is one, then the GPUs. `out` is the quote's verdict, or
 * that of GPUs alone; with both it is accepted only if each is, its claims hold both, and its
 * advisories, dates and marks are the union or the least of both.
 *
 * @out  always written whole. Its reason is "not-judged" where no check could run, and its sentence
 *       tells why
 *
 * Returns PH_OK              accepted
 *         PH_ERR_UNTRUSTED   refused: see out->step and out->reason
 *         PH_ERR_MALFORMED   the evidence or its collateral breaks its format
 *         PH_ERR_UNSUPPORTED a kind, version or algorithm that nobody here can judge
 *         PH_ERR_LIMIT       something is longer than its limit
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_evidence_verify(const struct ph_evidence_args *args,
                                          struct ph_verdict *out);

/**
 * What evidence says, field by field, unproved. One piece: the object of its kind, as ph_quote_json
 * and the like write it. A bundle with several pieces: {"kind":"phala-evidence-v1","time",
 * "evidence":[…]}.
 *
 * @why  written when refused; what was appended until then is to be dropped
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_evidence_show(const struct ph_evidence *evidence, struct ph_jput *out,
                                        const char *key, struct ph_json_why *why);

#endif
