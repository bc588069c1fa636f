#ifndef PH_NODE_VERIFY_JUDGE_H
#define PH_NODE_VERIFY_JUDGE_H

/* The two verifiers that a worker offers over HTTP, as functions of bytes: request body in, answer
 * out. Formats: api/openapi.yaml, docs/attestation.md.
 *
 * Layer: node. Pure but for the collateral that `find` gives; any thread. Tests:
 * verify_dstack_test.c, verify_evidence_test.c, verify_judge_fuzz.c,
 * tests/integration/verify_api.test.mjs.
 */

#include "attest/intel/collateral_key.h"
#include "node/os_images.h"

enum { PH_VERIFY_BODY_MAX = 1024 * 1024 }; /* bytes of a request */

/* What a judgement may use. */
struct ph_verify_env {
    int64_t now_s; /* the worker's clock */
    const struct ph_attest_roots *roots;
    const struct ph_os_images *images; /* OS images that the operator has measured; NULL: none */
    /* Collateral for quotes that come without: ph_collateral_dir_load, or a test's. */
    enum ph_err (*find)(void *ctx, const struct ph_collateral_key *key, struct ph_collateral **out,
                        struct ph_json_why *why);
    void *ctx;
};

/* 200 for a judgement, whatever it is; 400 for a request that breaks its format, with
 * {"error":{"code","message"}}; 500 out of memory. The caller clears `body`. */
struct ph_verify_answer {
    uint16_t status;
    struct ph_buf body;
};

/**
 * POST /verify: what dstack's verifier answers to {"quote","event_log","vm_config"} and to
 * {"attestation"}: attest/dstack_doc.h.
 *
 * is_valid says that quote and event log are proved, and that MRTD and RTMR0 to RTMR2 are those of
 * the image with the os_image_hash that vm_config names: one in env->images, or by its measurement
 * (attest/eventlog/dstack_image.h). Images are not rebuilt here. Where is_valid is false, `reason`
 * and the details say how far the proof goes.
 */
void ph_verify_dstack(const struct ph_verify_env *env, struct ph_bytes body,
                      struct ph_verify_answer *out);

/* POST /v1/evidence/verify: {"evidence","collateral","policy","report_data","event_log","at"} to a
 * verdict (attest/verdict_json.h) with "judged_at" and "judged_at_from". */
void ph_verify_evidence(const struct ph_verify_env *env, struct ph_bytes body,
                        struct ph_verify_answer *out);

#endif
