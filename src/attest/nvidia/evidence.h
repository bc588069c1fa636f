#ifndef PH_ATTEST_NVIDIA_EVIDENCE_H
#define PH_ATTEST_NVIDIA_EVIDENCE_H

/* The files that carry reports of GPUs and switches:
 *   [{"arch":"HOPPER","evidence":"<base64>","certificate":"<base64 of PEM>","nonce":"<hex>"}, …]
 *   {"evidence_list":[…],"arch":…,"nonce":…}      arch and nonce for those that give none
 *   {"nvidia_payload":"<either of these as text>"}, or as JSON; other members are ignored
 * or one raw report, with its chain beside it. Members other than these are ignored.
 *
 * Layer: attest. Pure. Spec: JSON as NVIDIA's attestation SDK writes it and its service takes it.
 * Tests: evidence_test.c, evidence_fuzz.c.
 */

#include "attest/nvidia/nvidia_claims.h"
#include "base/bytes.h"

enum { PH_NV_EVIDENCE_MAX = 1024 * 1024 };

/* One device: what was said of it, and its bytes. Views live as long as the evidence object and the
 * caller's bytes. */
struct ph_nv_item {
    enum ph_nvidia_arch arch; /* as stated; PH_NVIDIA_UNKNOWN: not stated, or nobody knows it */
    bool arch_stated, nonce_stated;
    uint8_t nonce[32];
    struct ph_bytes report, chain_pem;
    struct ph_bytes seen_report, seen_chain; /* where they stand in the caller's bytes */
};

struct ph_nv_evidence {
    struct ph_nv_item item[PH_NVIDIA_DEVICES_MAX];
    size_t item_cnt; /* at least 1 */
    struct ph_buf bytes, inner;
};

/**
 * Take evidence apart as far as its devices.
 *
 * @bytes      untrusted; must outlive *out
 * @chain_pem  the chain of a raw report; must be empty with JSON
 * @out        on PH_OK, freed with ph_nv_evidence_free; else untouched
 *
 * Returns PH_ERR_MALFORMED
 *         PH_ERR_LIMIT      longer than PH_NV_EVIDENCE_MAX, or more than PH_NVIDIA_DEVICES_MAX
 * devices PH_ERR_NOT_FOUND  a list of no devices PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_nv_evidence_open(struct ph_bytes bytes, struct ph_bytes chain_pem,
                                           struct ph_nv_evidence **out);
void ph_nv_evidence_free(struct ph_nv_evidence *evidence);
static inline void ph_nv_evidence_freep(struct ph_nv_evidence **evidence)
{
    ph_nv_evidence_free(*evidence);
}

/* Back from ph_nvidia_arch_name, in either case: unknown for anything else. */
enum ph_nvidia_arch ph_nvidia_arch_parse(struct ph_bytes name);
/* True if bytes begin like a raw report. */
bool ph_nv_is_raw_report(struct ph_bytes bytes);

#endif
