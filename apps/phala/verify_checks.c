/* The steps over the receipt itself. */

#include "verify_checks.h"

#include "base/clock.h"
#include "base/hex.h"
#include "crypto/secp256k1.h"

#include <stdio.h>

/* "2025-06-19T10:32:27.123Z" */
static void time_text(uint64_t ms, char out[static 32])
{
    char seconds[21];

    ph_time_format_rfc3339((int64_t)(ms / 1000), seconds);
    seconds[19] = '\0';
    (void)snprintf(out, 32, "%s.%03uZ", seconds, (unsigned)(ms % 1000));
}

static void check_leaf(const struct ph_verify_input *in, struct ph_verify_report *report)
{
    struct ph_receipt_fields f;
    struct ph_hash32 hash;
    char when[32];

    (void)ph_report_step(report, "receipt-format", PH_STEP_PASSED,
                         "%zu bytes of JSON in the format %s", in->receipt_text.len,
                         PH_RECEIPT_FORMAT);
    ph_receipt_leaf_view(&in->receipt.leaf, &f);
    time_text(f.time_ms, when);
    json_t *step = ph_report_step(
        report, "leaf", f.version == PH_RECEIPT_LEAF_VERSION ? PH_STEP_PASSED : PH_STEP_FAILED,
        "version %u, outcome %s, status %u, time %s; the fields as %d bytes", f.version,
        ph_outcome_name(f.outcome), f.status, when, PH_RECEIPT_LEAF_LEN);
    ph_report_bytes(report, step, "leaf", PH_BYTES_OF(in->receipt.leaf.raw));

    if (f.state.commit_index > 0) {
        step = ph_report_step(report, "state", PH_STEP_PASSED,
                              "the answer was made from the state after commit %llu",
                              (unsigned long long)f.state.commit_index);
        ph_report_bytes(report, step, "root", PH_BYTES_OF(f.state.root.b));
    } else {
        (void)ph_report_step(report, "state", PH_STEP_SKIPPED, "the receipt names no state");
    }
    ph_receipt_leaf_hash(&in->receipt.leaf, &hash);
    step = ph_report_step(report, "leaf-hash", PH_STEP_PASSED, "SHA-256 of 0x00 and the leaf");
    ph_report_bytes(report, step, "leaf hash", PH_BYTES_OF(hash.b));
}

/* The root, if the path leads to one. */
static bool check_path(const struct ph_verify_input *in, struct ph_verify_report *report,
                       struct ph_hash32 *root)
{
    const struct ph_receipt *r = &in->receipt;

    if (ph_receipt_root(r, root) != PH_OK) {
        (void)ph_report_step(report, "merkle-path", PH_STEP_FAILED,
                             "leaf %u of %u: the path does not fit", r->index, r->count);
        return false;
    }
    json_t *step =
        ph_report_step(report, "merkle-path", PH_STEP_PASSED,
                       "leaf %u of %u, %zu hashes up to the root", r->index, r->count, r->path_len);
    for (size_t i = 0; i < r->path_len; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "path %zu", i);
        ph_report_bytes(report, step, name, PH_BYTES_OF(r->path[i].b));
    }
    ph_report_bytes(report, step, "root", PH_BYTES_OF(root->b));
    return true;
}

static void check_signature(const struct ph_verify_input *in, const struct ph_hash32 *root,
                            struct ph_verify_report *report, struct ph_eth_address *signer)
{
    const struct ph_receipt *r = &in->receipt;
    struct ph_hash32 digest;
    struct ph_eth_address who;
    char when[32];

    time_text(r->batch_time_ms, when);
    ph_receipt_batch_digest(root, r->count, r->batch_time_ms, &digest);
    const bool ok = ph_eth_recover(&digest, r->sig, &who) == PH_OK;
    json_t *step =
        ph_report_step(report, "batch-signature", ok ? PH_STEP_PASSED : PH_STEP_FAILED,
                       "EIP-712 ReceiptBatch of root, count %u and time %s: %s", r->count, when,
                       ok ? "a valid signature" : "no key made this signature");
    ph_report_bytes(report, step, "digest", PH_BYTES_OF(digest.b));
    ph_report_bytes(report, step, "signature", PH_BYTES_OF(r->sig));
    if (!ok)
        return;
    ph_report_bytes(report, step, "signer", PH_BYTES_OF(who.b));
    *signer = who;
}

/* One field of the leaf against what the caller expects. */
static void compare(struct ph_verify_report *report, const char *name, bool has,
                    struct ph_bytes field, const uint8_t *expected, const char *skip)
{
    if (!has) {
        json_t *step = ph_report_step(report, name, PH_STEP_SKIPPED, "%s", skip);
        ph_report_bytes(report, step, "receipt", field);
        return;
    }
    const bool same = memcmp(field.ptr, expected, field.len) == 0;
    json_t *step = ph_report_step(report, name, same ? PH_STEP_PASSED : PH_STEP_FAILED, "%s",
                                  same ? "the receipt's is the expected one"
                                       : "the receipt's is not the expected one");
    ph_report_bytes(report, step, "receipt", field);
    if (!same)
        ph_report_bytes(report, step, "expected", (struct ph_bytes){expected, field.len});
}

static void compare_hash(struct ph_verify_report *report, const char *name,
                         const struct ph_hash32 *field, const struct ph_hash32 *computed,
                         const char *what)
{
    const bool same = memcmp(field->b, computed->b, sizeof(field->b)) == 0;
    json_t *step = ph_report_step(report, name, same ? PH_STEP_PASSED : PH_STEP_FAILED, "%s: %s",
                                  what, same ? "it is the receipt's" : "the receipt is of another");

    ph_report_bytes(report, step, "computed", PH_BYTES_OF(computed->b));
    ph_report_bytes(report, step, "receipt", PH_BYTES_OF(field->b));
}

static void check_messages(const struct ph_verify_input *in, const struct ph_receipt_fields *f,
                           struct ph_verify_report *report)
{
    const struct ph_verify_message *q = &in->request, *a = &in->response;
    struct ph_hash32 hash;
    char what[400];

    if (q->has) {
        ph_receipt_request_hash(ph_bytes_str(q->method), ph_bytes_str(q->target),
                                ph_bytes_str(q->content_type), ph_buf_view(&q->body), &hash);
        (void)snprintf(what, sizeof(what), "%.16s %.200s, content-type \"%.80s\", %zu bytes",
                       q->method, q->target, q->content_type, q->body.len);
        compare_hash(report, "request-hash", &f->request_hash, &hash, what);
    } else {
        (void)ph_report_step(report, "request-hash", PH_STEP_SKIPPED,
                             "no request given (--request)");
    }
    if (a->has) {
        ph_receipt_response_hash(a->status, ph_bytes_str(a->content_type),
                                 ph_bytes_str(a->content_encoding), ph_bytes_str(a->location),
                                 ph_buf_view(&a->body), &hash);
        (void)snprintf(what, sizeof(what),
                       "status %u, content-type \"%.80s\", content-encoding \"%.40s\", "
                       "location \"%.80s\", %zu bytes",
                       a->status, a->content_type, a->content_encoding, a->location, a->body.len);
        compare_hash(report, "response-hash", &f->response_hash, &hash, what);
    } else {
        (void)ph_report_step(report, "response-hash", PH_STEP_SKIPPED,
                             "no response given (--response)");
    }
}

void ph_verify_receipt(const struct ph_verify_input *in, struct ph_verify_report *report,
                       struct ph_eth_address *signer)
{
    struct ph_receipt_fields f;
    struct ph_hash32 root;

    *signer = (struct ph_eth_address){0};
    ph_receipt_leaf_view(&in->receipt.leaf, &f);
    check_leaf(in, report);
    if (check_path(in, report, &root))
        check_signature(in, &root, report, signer);
    compare(report, "phat", in->has_phat, PH_BYTES_OF(f.phat.b), in->phat.b,
            "no phat expected (--phat)");
    compare(report, "bundle-hash", in->has_bundle_hash, PH_BYTES_OF(f.bundle_hash.b),
            in->bundle_hash.b,
            "no code expected (--bundle-hash; phala deploy --dry-run prints it)");
    compare(report, "nonce", in->has_nonce, PH_BYTES_OF(f.nonce.b), in->nonce.b,
            "no nonce expected (--nonce)");
    check_messages(in, &f, report);
}

void ph_verify_signer(const struct ph_verify_input *in, const struct ph_eth_address *signer,
                      struct ph_verify_report *report)
{
    static const struct ph_eth_address nobody;

    if (!in->has_signer) {
        (void)ph_report_step(report, "attested-signer", PH_STEP_FAILED,
                             "nothing says whose key signed: give the worker's evidence "
                             "(--evidence), or the signer you trust (--signer)");
        return;
    }
    const bool same = memcmp(signer, &in->signer, sizeof(*signer)) == 0 &&
                      memcmp(signer, &nobody, sizeof(*signer)) != 0;
    json_t *step =
        ph_report_step(report, "trusted-signer", same ? PH_STEP_PASSED : PH_STEP_FAILED, "%s",
                       same ? "the signer is the one you named; no hardware was judged"
                            : "the signer is not the one you named");
    ph_report_bytes(report, step, "signer", PH_BYTES_OF(signer->b));
    ph_report_bytes(report, step, "expected", PH_BYTES_OF(in->signer.b));
}
