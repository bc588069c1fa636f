#ifndef PH_ATTEST_AMD_SNP_H
#define PH_ATTEST_AMD_SNP_H

/* Judge SEV-SNP attestation reports: versions 2 to 5, of Milan, Genoa (with Bergamo and Siena) and
 * Turin, signed by VCEK or VLEK.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; no clock, network, log,
 * global state or recursion; any thread. Spec: docs/attestation.md. Tests: snp_verify_test.c (every
 * check alone, by synthetic evidence), snp_vectors_test.c (real evidence), snp_report_test.c,
 * snp_fuzz.c.
 */

#include "attest/amd/snp_spec.h"
#include "attest/cache.h"
#include "attest/verdict.h"
#include "codec/jput.h"

/* Everything a judgement can use. All bytes are untrusted and borrowed for the call (a trace keeps
 * views of them). Zero members have the meaning given. */
struct ph_snp_args {
    struct ph_bytes report;    /* 0x4A0 bytes; or those and the certificate table of an extended
                                * report, whose offsets count from the table's start */
    struct ph_bytes vek;       /* VCEK or VLEK, DER or PEM; empty: the table's */
    struct ph_bytes chain_pem; /* ASK (for a VLEK: ASVK), then ARK, PEM or DER; empty: the table's
                                * if it has both and a VCEK signed, else AMD's own, built in */
    struct ph_bytes crl;       /* of the ARK, DER; empty: none, and the claims say so */
    struct ph_bytes mr_config; /* of a dstack guest: attest/eventlog/dstack_config.h. HOST_DATA must
                                * be its hash; empty: none */
    const struct ph_attest_roots *roots; /* NULL: nobody */
    const struct ph_policy *policy;      /* NULL: denies */
    const uint8_t *report_data;          /* 64 bytes; NULL only with the next member set */
    bool report_data_unchecked; /* for tools that show: nothing binds the report to anything */
    int64_t now_s;              /* Unix time: every window is judged at it, from <= now < until */
    struct ph_attest_cache *cache; /* NULL: none; else a report of a known platform costs one
                                    * signature check */
    struct ph_trace *trace;        /* NULL: none; else written whole */
};

/**
 * Decide whether a report proves what `policy` asks, at one moment.
 *
 * @out   always written whole. AMD publishes no levels; the status is what the report itself says:
 *        UpToDate when the reported TCB, which the signing key is made from, is the committed one
 *        in each component; OutOfDate when it is behind in any. Least versions are the policy's.
 *
 * Returns PH_OK              accepted
 *         PH_ERR_UNTRUSTED   refused: see out->step and out->reason
 *         PH_ERR_MALFORMED   the report, a certificate or the CRL breaks its format
 *         PH_ERR_UNSUPPORTED a version, algorithm or signing key that nobody here can judge; a
 *                            certificate outside AMD's profile
 *         PH_ERR_LIMIT       longer than PH_SNP_EXTENDED_MAX; a certificate or CRL over its limit
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_snp_verify(const struct ph_snp_args *args, struct ph_verdict *out);

/* True if the bytes begin like a report that ph_snp_verify can take: to tell kinds of evidence
 * apart. An Intel quote never does. */
bool ph_snp_is_report(struct ph_bytes raw);

/* The report data that a report claims, unproved: to look up what to expect. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_snp_peek_report_data(struct ph_bytes report,
                                               uint8_t out[static PH_REPORT_DATA_LEN]);

/**
 * Every field of a report with its meaning, unproved: {"kind":"amd-snp-report","version","tee",
 * "product":name|null (versions 3 and later),"signing_key","guest_policy":[names],"platform":
 * [names],"fields":[{"part","name","offset","length","value","meaning"}],"certificates":
 * [{"name","guid","offset","length"}]}. `key` as ph_jput_object takes it.
 *
 * @reterr  the format check that failed; written when refused: nothing is appended then
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT; what the writer says
 */
PH_CHECKED enum ph_err ph_snp_json(struct ph_bytes report, struct ph_jput *out, const char *key,
                                   enum ph_check *reterr);

/* The members of an accepted report's claims into the object that is open. */
void ph_snp_claims_json(const struct ph_snp_claims *claims, struct ph_jput *out);

#endif
