/* The end of a call: its leaf, its receipt, its answer. */

#include "base/log.h"
#include "base/own.h"
#include "codec/base64.h"
#include "node/calls_priv.h"
#include "node/instances.h"
#include "node/phats.h"

#include <stdio.h>

#define ERROR_TYPE "application/json"
#define ERROR_HEADERS PH_BYTES_LIT("content-type: " ERROR_TYPE "\n")

/* The document of every error that the worker answers with. */
struct error_body {
    char text[1400];
};

static struct ph_bytes error_body(struct error_body *out, const char *code, const char *message)
{
    char escaped[1024];

    ph_log_escape(message, strlen(message), escaped, sizeof(escaped));
    (void)snprintf(out->text, sizeof(out->text),
                   "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, escaped);
    return ph_bytes_str(out->text);
}

void ph_answer_error(struct ph_http_req *req, uint16_t status, const char *code,
                     const char *message)
{
    struct error_body body;

    ph_http_respond(req, status, ERROR_HEADERS, error_body(&body, code, message));
}

/* What the receipt says of the request: all of it, or what had come when the answer was complete.
 */
void ph_call_hash_request(struct ph_call *call)
{
    if (call->request_hashed)
        return;
    ph_sha256_final(&call->request_sha, call->request_hash.b);
    call->request_hashed = true;
}

bool ph_call_goes_back(const struct ph_call *call)
{
    return call->instance->made_from.commit_index < call->commit_least;
}

struct ph_receipt_place ph_call_leaf(struct ph_call *call, enum ph_outcome outcome, uint16_t status,
                                     const struct ph_hash32 *response_hash)
{
    static const struct ph_receipt_state none;
    const bool from_phat = outcome != PH_OUTCOME_FAILED && call->instance;
    struct ph_receipt_leaf leaf;
    struct ph_receipt_place place = {0};
    struct ph_metrics *m = &call->node->metrics;

    ph_call_hash_request(call);
    ph_receipt_leaf_make(&leaf, outcome, status, &call->phat->id, &call->bundle_hash,
                         &call->request_hash, response_hash, &call->nonce,
                         (uint64_t)ph_loop_wall_ms(call->node->loop),
                         from_phat ? &call->instance->made_from : &none);
    if (ph_batcher_add(call->node->batcher, &leaf, &place) != PH_OK)
        ph_node_fatal(call->node, "out of memory for receipts");
    call->leaf_done = true;
    switch (outcome) {
    case PH_OUTCOME_ANSWERED:
        m->calls_answered++;
        break;
    case PH_OUTCOME_FAILED:
        m->calls_failed++;
        break;
    case PH_OUTCOME_CUT:
        m->calls_cut++;
        break;
    }
    ph_metrics_latency(m, (ph_loop_now_ns(call->node->loop) - call->start_ns) / 1000);
    return place;
}

static enum ph_err receipt_header(const struct ph_receipt *receipt, struct ph_buf *out)
{
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(16384);

    PH_TRY(ph_receipt_to_json(receipt, &json));
    PH_TRY(ph_buf_add_str(out, "phala-receipt: "));
    PH_TRY(ph_base64url_encode(ph_buf_view(&json), out));
    return ph_buf_add_str(out, "\n");
}

/* The receipt of a held answer is there: send it. */
void ph_call_inline_ready(void *ctx, const struct ph_receipt *receipt)
{
    struct ph_call *call = ctx;

    call->waiting = false;
    if (call->streaming) {
        struct ph_buf trailer PH_OWNED(ph_buf_clear) = PH_BUF(32768);
        if (receipt_header(receipt, &trailer) == PH_OK)
            ph_http_respond_end(call->req, ph_buf_view(&trailer));
        else
            ph_http_respond_abort(call->req);
        return;
    }
    if (receipt_header(receipt, &call->held_headers) == PH_OK)
        ph_http_respond(call->req, call->status, ph_buf_view(&call->held_headers),
                        ph_buf_view(&call->held_body));
    else
        ph_answer_error(call->req, 500, "internal", "out of memory for the receipt");
}

bool ph_call_sends_body(const struct ph_call *call, uint16_t status)
{
    return !call->is_head && status != 204 && status != 304;
}

/* Whoever began a chain call hears how it ended. */
static void tell(struct ph_call *call, enum ph_outcome outcome, struct ph_bytes body)
{
    struct ph_chain_told what = {.answered = outcome == PH_OUTCOME_ANSWERED,
                                 .code = call->fail_code,
                                 .bundle_hash = call->bundle_hash};

    if (what.answered)
        what.result = body;
    call->told(call->told_ctx, &what);
}

/* Send a whole answer with its receipt id, or hold it for its receipt. */
void ph_call_answer(struct ph_call *call, enum ph_outcome outcome, uint16_t status,
                    struct ph_bytes headers, const struct ph_covered *covered, struct ph_bytes body)
{
    struct ph_node *node = call->node;
    struct ph_hash32 hash;
    char id[24];

    if (!ph_call_sends_body(call, status))
        body = (struct ph_bytes){NULL, 0};
    if (call->request_hashed)
        ph_receipt_response_hash(status, covered->content_type, covered->content_encoding,
                                 covered->location, body, &hash);
    else
        ph_receipt_hash_both(&call->request_sha, status, covered->content_type,
                             covered->content_encoding, covered->location, body,
                             &call->request_hash, &hash);
    call->request_hashed = true;
    const struct ph_receipt_place place = ph_call_leaf(call, outcome, status, &hash);
    node->metrics.response_bytes += body.len;
    call->answered = true;
    if (call->told)
        tell(call, outcome, body);
    if (!call->req)
        return;
    ph_receipt_id_print(&place, id);

    /* Built in the node's scratch space, unless it has to outlive this turn. */
    struct ph_buf *block = call->wants_inline ? &call->held_headers : &node->scratch;
    block->len = 0;
    if (ph_buf_add(block, headers) != PH_OK ||
        ph_buf_add(block, PH_BYTES_LIT("phala-receipt-id: ")) != PH_OK ||
        ph_buf_add(block, (struct ph_bytes){(const uint8_t *)id, PH_RECEIPT_ID_LEN}) != PH_OK ||
        ph_buf_add(block, PH_BYTES_LIT("\n")) != PH_OK) {
        ph_http_respond_abort(call->req);
        return;
    }
    if (!call->wants_inline) {
        ph_http_respond(call->req, status, ph_buf_view(block), body);
        return;
    }
    call->status = status;
    if (ph_buf_add(&call->held_body, body) != PH_OK) {
        ph_http_respond_abort(call->req);
        return;
    }
    call->waiting = true;
    ph_batcher_wait(node->batcher, &place, &call->waiter, ph_call_inline_ready, call);
}

void ph_call_cut(struct ph_call *call)
{
    struct ph_hash32 hash;

    ph_sha256_final(&call->response_sha, hash.b);
    const struct ph_receipt_place place = ph_call_leaf(call, PH_OUTCOME_CUT, call->status, &hash);
    ph_batcher_bind_alias(call->node->batcher, call->alias, &place);
    call->answered = true;
    if (call->req)
        ph_http_respond_abort(call->req);
}

static void log_failure(struct ph_call *call, const char *code, struct ph_bytes detail)
{
    char text[PH_LOG_LINE_MAX];
    const int n = snprintf(text, sizeof(text), "call failed (%s): %.*s", code,
                           (int)(detail.len < sizeof(text) ? detail.len : sizeof(text)),
                           (const char *)detail.ptr);
    const size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    call->node->metrics.log_lines++;
    ph_phat_log_add(&call->phat->log, ph_loop_wall_ms(call->node->loop), 3, call->id,
                    (struct ph_bytes){(const uint8_t *)text, len});
}

/* The call fails: tell the owner why in full, the caller in one sentence, and make the leaf that
 * says so. */
void ph_call_refuse(struct ph_call *call, uint16_t status, const char *code, const char *message,
                    struct ph_bytes detail)
{
    struct error_body body;

    if (call->answered)
        return;
    log_failure(call, code, detail.len ? detail : ph_bytes_str(message));
    if (call->streaming) {
        ph_call_cut(call);
        return;
    }
    const struct ph_covered covered = {.content_type = PH_BYTES_LIT(ERROR_TYPE)};
    ph_call_answer(call, PH_OUTCOME_FAILED, status, ERROR_HEADERS, &covered,
                   error_body(&body, code, message));
}

/* Codes that instances and the worker give, with what the caller is told. Unknown codes of an
 * instance become "internal". */
static const struct {
    const char *code;
    uint16_t status;
    const char *message;
} failures[] = {
    {"exception", 500, "the phat threw an exception; its owner finds it in the log"},
    {"no-response", 500, "the phat's handler gave no Response; its owner finds more in the log"},
    {"no-handler", 501, "the phat has no handler for this kind of call"},
    {"start-failed", 500, "the phat did not start; its owner finds the reason in the log"},
    {"state-unusable", 503,
     "the phat's state cannot be used now: its owner or the worker's operator must see to it"},
    {"state-lost", 503,
     "the phat's state could not be written, or another worker took it over: what this call wrote "
     "may be there or not"},
    {"state-queue", 503, "too much waits for the phat's state to be written; try again later"},
    {"cpu-limit", 503, "the phat used more CPU time than its limits.cpuMs allows"},
    {"memory-limit", 503, "the phat used more memory than its limits.memoryMiB allows"},
    {"wall-limit", 504, "the phat took longer than its limits.wallMs allows"},
    {"response-too-large", 502,
     "the phat's answer is larger than its limits.responseBytes, or a contract's request, allows"},
    {"bad-response", 502, "the phat's answer has invalid headers or status"},
    {"instance-died", 502, "the phat's process ended during the call"},
    {"protocol", 502, "the phat's process broke the rules of its channel and was ended"},
    {"retired", 503, "the phat was deleted or replaced during the call"},
    {"stopping", 503, "the worker is stopping"},
    {"overloaded", 503, "too much waits for the phat already; try again later"},
    {"bad-idempotency-key", 400, "send one Idempotency-Key of 1 to 255 visible ASCII characters"},
    {"idempotency-key-reused", 422,
     "this Idempotency-Key came with another request before: use a new key for a new request"},
    {"idempotency-key-in-use", 409,
     "the first call with this Idempotency-Key still runs: repeat it later"},
    {"idempotency-answer-not-kept", 409,
     "the call with this Idempotency-Key ran, but its answer was streamed or too large to be kept"},
    {"idempotency-body-too-large", 413,
     "a request with an Idempotency-Key has at most 1 MiB of body"},
    {"state-replaced", 503, "the phat's owner puts another state in its place; try again"},
    {"state-changed", 409,
     "the state is not at the commit that the import was signed over: look at it, and sign again"},
    {"bad-import", 422,
     "this is not what the owner signed, or no database that a phat can open; nothing was changed"},
    {"import-too-large", 413,
     "the import is larger than the phat's state.maxMiB, or than 256 MiB; nothing was changed"},
    {"export-outrun", 503, "more of the state changed than can be kept for an export; try again"},
    {"internal", 500, "the worker failed"},
};

void ph_call_fail(struct ph_call *call, const char *code, struct ph_bytes detail)
{
    size_t i = 0;

    while (i + 1 < PH_LEN(failures) && strcmp(failures[i].code, code) != 0)
        i++;
    call->fail_code = failures[i].code;
    ph_call_refuse(call, failures[i].status, failures[i].code, failures[i].message, detail);
}
