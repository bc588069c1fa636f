#include "node/calls.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"
#include "node/calls_priv.h"
#include "node/instances.h"
#include "node/phats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLOT_BITS = 20,
    SLOTS_MAX = 1 << SLOT_BITS,
    UPLOAD_HELD_MAX = 1024 * 1024, /* of a request body beyond the instance's window */
};

/* Calls by id. An id is slot | generation << SLOT_BITS, so that a late frame never meets a later
 * call. */
static struct {
    struct ph_call **slots;
    uint64_t *generations;
    uint32_t *free_slots;
    uint32_t cap, free_cnt;
} table;

static enum ph_err grow_table(void)
{
    const uint32_t cap = table.cap ? table.cap * 2 : 256;

    if (cap > SLOTS_MAX)
        return PH_ERR_LIMIT;
    struct ph_call **slots = realloc(table.slots, cap * sizeof(struct ph_call *));
    if (slots)
        table.slots = slots;
    uint64_t *generations = realloc(table.generations, cap * sizeof(*generations));
    if (generations)
        table.generations = generations;
    uint32_t *free_slots = realloc(table.free_slots, cap * sizeof(*free_slots));
    if (free_slots)
        table.free_slots = free_slots;
    if (!slots || !generations || !free_slots)
        return PH_ERR_NOMEM;
    for (uint32_t i = cap; i-- > table.cap;) {
        table.slots[i] = NULL;
        table.generations[i] = 1;
        table.free_slots[table.free_cnt++] = i;
    }
    table.cap = cap;
    return PH_OK;
}

static enum ph_err take_id(struct ph_call *call)
{
    if (table.free_cnt == 0)
        PH_TRY(grow_table());
    const uint32_t slot = table.free_slots[--table.free_cnt];
    table.slots[slot] = call;
    call->id = slot | table.generations[slot] << SLOT_BITS;
    return PH_OK;
}

static void give_id(struct ph_call *call)
{
    const uint32_t slot = (uint32_t)(call->id & (SLOTS_MAX - 1));

    table.slots[slot] = NULL;
    /* Ids stay below 2^53, as JavaScript numbers hold them. */
    table.generations[slot] = (table.generations[slot] + 1) & (((uint64_t)1 << 32) - 1);
    table.free_slots[table.free_cnt++] = slot;
}

struct ph_call *ph_call_find(const struct ph_instance *instance, uint64_t id)
{
    const uint64_t slot = id & (SLOTS_MAX - 1);
    struct ph_call *call = slot < table.cap ? table.slots[slot] : NULL;

    return call && call->id == id && call->instance == instance ? call : NULL;
}

/* Out of the instance's list: the instance owes nothing for it any more. */
static void leave_instance(struct ph_call *call)
{
    struct ph_instance *instance = call->instance;

    if (!instance)
        return;
    *call->prev = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        instance->calls_end = call->prev;
    call->instance = NULL;
    instance->used_ns = ph_loop_now_ns(call->node->loop);
    ph_instance_call_ended(instance);
}

static void free_call(struct ph_call *call)
{
    ph_buf_clear(&call->body);
    ph_buf_clear(&call->held_headers);
    ph_buf_clear(&call->held_body);
    free(call->covered_text);
    call->phat->calls--;
    call->node->metrics.calls_in_flight--;
    give_id(call);
    free(call);
}

/* A call lives until its HTTP exchange is over and its instance is done with it. */
static void maybe_free(struct ph_call *call)
{
    if (!call->req && !call->instance)
        free_call(call);
}

void ph_answer_error(struct ph_http_req *req, uint16_t status, const char *code,
                     const char *message)
{
    char text[1024], body[1400];

    ph_log_escape(message, strlen(message), text, sizeof(text));
    (void)snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code,
                   text);
    ph_http_respond(req, status, PH_BYTES_LIT("content-type: application/json\n"),
                    ph_bytes_str(body));
}

/* --- receipts ----------------------------------------------------------------------------- */

/* What the receipt says of the request: all of it, or what had come when the answer was complete.
 */
static void finish_request_hash(struct ph_call *call)
{
    uint8_t sha[32];

    if (call->request_hashed || !call->req)
        return;
    ph_sha256_final(&call->request_sha, sha);
    ph_receipt_request_hash(ph_http_req_method(call->req), call->target,
                            ph_http_req_header(call->req, "content-type"), sha,
                            &call->request_hash);
    call->request_hashed = true;
}

static struct ph_receipt_place add_leaf(struct ph_call *call, enum ph_outcome outcome,
                                        uint16_t status, const struct ph_covered *covered,
                                        const uint8_t body_sha256[static 32])
{
    struct ph_receipt_leaf leaf;
    struct ph_hash32 response_hash;
    struct ph_receipt_place place = {0};
    struct ph_metrics *m = &call->node->metrics;

    finish_request_hash(call);
    ph_receipt_response_hash(status, covered->content_type, covered->content_encoding,
                             covered->location, body_sha256, &response_hash);
    ph_receipt_leaf_make(&leaf, outcome, status, &call->phat->id, &call->bundle_hash,
                         &call->request_hash, &response_hash, &call->nonce,
                         (uint64_t)ph_loop_wall_ms(call->node->loop));
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
static void inline_ready(void *ctx, const struct ph_receipt *receipt)
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

/* --- answers ------------------------------------------------------------------------------ */

static bool body_is_sent(const struct ph_call *call, uint16_t status)
{
    return !call->is_head && status != 204 && status != 304;
}

/* Send a whole answer with its receipt id, or hold it for its receipt. */
static void answer(struct ph_call *call, enum ph_outcome outcome, uint16_t status,
                   struct ph_bytes headers, const struct ph_covered *covered, struct ph_bytes body)
{
    struct ph_node *node = call->node;
    uint8_t sha[32];
    char id[24];

    if (!body_is_sent(call, status))
        body = (struct ph_bytes){NULL, 0};
    ph_sha256(body, sha);
    const struct ph_receipt_place place = add_leaf(call, outcome, status, covered, sha);
    node->metrics.response_bytes += body.len;
    call->answered = true;
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
    ph_batcher_wait(node->batcher, &place, &call->waiter, inline_ready, call);
}

static void fail_stream(struct ph_call *call)
{
    uint8_t sha[32];
    const struct ph_covered covered = ph_covered_of(call->covered_text);

    ph_sha256_final(&call->response_sha, sha);
    const struct ph_receipt_place place =
        add_leaf(call, PH_OUTCOME_CUT, call->status, &covered, sha);
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
static void fail_call(struct ph_call *call, uint16_t status, const char *code, const char *message,
                      struct ph_bytes detail)
{
    char text[1024], body[1400];

    if (call->answered)
        return;
    log_failure(call, code, detail.len ? detail : ph_bytes_str(message));
    if (call->streaming) {
        fail_stream(call);
        return;
    }
    ph_log_escape(message, strlen(message), text, sizeof(text));
    (void)snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code,
                   text);
    const struct ph_covered covered = {.content_type = PH_BYTES_LIT("application/json")};
    answer(call, PH_OUTCOME_FAILED, status, PH_BYTES_LIT("content-type: application/json\n"),
           &covered, ph_bytes_str(body));
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
    {"cpu-limit", 503, "the phat used more CPU time than its limits.cpuMs allows"},
    {"memory-limit", 503, "the phat used more memory than its limits.memoryMiB allows"},
    {"wall-limit", 504, "the phat took longer than its limits.wallMs allows"},
    {"response-too-large", 502, "the phat's answer is larger than its limits.responseBytes allows"},
    {"bad-response", 502, "the phat's answer has invalid headers or status"},
    {"instance-died", 502, "the phat's process ended during the call"},
    {"protocol", 502, "the phat's process broke the rules of its channel and was ended"},
    {"retired", 503, "the phat was deleted or replaced during the call"},
    {"stopping", 503, "the worker is stopping"},
    {"internal", 500, "the worker failed"},
};

static void fail_with(struct ph_call *call, const char *code, struct ph_bytes detail)
{
    size_t i = 0;

    while (i + 1 < PH_LEN(failures) && strcmp(failures[i].code, code) != 0)
        i++;
    fail_call(call, failures[i].status, failures[i].code, failures[i].message, detail);
}

/* --- request ------------------------------------------------------------------------------- */

static void send_call(struct ph_call *call, bool whole)
{
    struct ph_instance *instance = call->instance;
    struct ph_http_req *req = call->req;
    uint8_t url[PH_URL_MAX] PH_NO_INIT;
    struct ph_bytes host = ph_http_req_host(req);
    const struct ph_bytes scheme =
        ph_http_req_is_tls(req) ? PH_BYTES_LIT("https://") : PH_BYTES_LIT("http://");

    if (host.len == 0)
        host = PH_BYTES_LIT("phat");
    if (call->target.len > sizeof(url) - scheme.len - host.len) {
        fail_call(call, 414, "uri-too-long", "the request target is too long",
                  (struct ph_bytes){NULL, 0});
        leave_instance(call);
        return;
    }
    memcpy(url, scheme.ptr, scheme.len);
    memcpy(url + scheme.len, host.ptr, host.len);
    memcpy(url + scheme.len + host.len, call->target.ptr, call->target.len);
    const struct ph_msg_CALL msg = {.kind = PH_CALL_FETCH,
                                    .wall_ms = call->wall_ms,
                                    .method = ph_http_req_method(req),
                                    .url = {url, scheme.len + host.len + call->target.len},
                                    .headers = ph_http_req_headers(req),
                                    .body = ph_buf_view(&call->body)};
    if (ph_put_CALL(&instance->chan, whole ? PH_IPC_END : 0, call->id, &msg) != PH_OK) {
        ph_instance_kill(instance, "internal", "its channel is full");
        return;
    }
    call->sent = true;
    call->is_whole = whole;
    call->upload_in_flight = (uint32_t)call->body.len;
    ph_buf_clear(&call->body);
    ph_instance_flush_later(instance);
}

/* Send what the window allows; keep the rest in call->body, which is empty but for that once CALL
 * went out. */
static void upload(struct ph_call *call, struct ph_bytes data)
{
    struct ph_instance *instance = call->instance;

    if (!instance)
        return;
    while (call->body.len == 0 && data.len > 0 && call->upload_in_flight < PH_IPC_WINDOW) {
        size_t n = PH_IPC_WINDOW - call->upload_in_flight;
        n = n < PH_IPC_CHUNK_MAX ? n : PH_IPC_CHUNK_MAX;
        n = n < data.len ? n : data.len;
        const struct ph_msg_CALL_BODY msg = {.data = {data.ptr, n}};
        if (ph_put_CALL_BODY(&instance->chan, 0, call->id, &msg) != PH_OK) {
            ph_instance_kill(instance, "internal", "its channel is full");
            return;
        }
        call->upload_in_flight += (uint32_t)n;
        data = (struct ph_bytes){data.ptr + n, data.len - n};
        ph_instance_flush_later(instance);
    }
    if (data.len == 0)
        return;
    if (ph_buf_add(&call->body, data) != PH_OK) {
        ph_instance_kill(instance, "internal", "out of memory for a request body");
        return;
    }
    if (!call->upload_paused && call->req) {
        call->upload_paused = true;
        ph_http_req_pause(call->req);
    }
}

static void end_upload(struct ph_call *call)
{
    if (ph_put_CALL_END(&call->instance->chan, 0, call->id) != PH_OK)
        ph_instance_kill(call->instance, "internal", "its channel is full");
    else
        ph_instance_flush_later(call->instance);
}

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct ph_call *call = (struct ph_call *)ex;

    if (call->answered || !call->instance)
        return;
    call->request_bytes += data.len;
    call->node->metrics.request_bytes += data.len;
    ph_sha256_update(&call->request_sha, data);
    if (call->request_bytes > call->limits.request_bytes) {
        fail_call(call, 413, "request-too-large",
                  "the request body is larger than the phat's limits.requestBytes",
                  (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    if (!call->sent && call->body.len + data.len <= PH_IPC_CHUNK_MAX &&
        ph_http_req_body_len(call->req) <= PH_IPC_CHUNK_MAX &&
        ph_http_req_body_len(call->req) >= 0) {
        if (ph_buf_add(&call->body, data) != PH_OK)
            fail_with(call, "internal", (struct ph_bytes){NULL, 0});
        return;
    }
    if (!call->sent)
        send_call(call, false);
    upload(call, data);
}

static void on_body_end(struct ph_exchange *ex)
{
    struct ph_call *call = (struct ph_call *)ex;

    finish_request_hash(call);
    if (call->answered || !call->instance || call->is_whole)
        return;
    if (!call->sent) {
        send_call(call, true);
        return;
    }
    if (call->body.len == 0)
        end_upload(call);
    else
        call->end_owed = true;
}

static void give_credit(struct ph_call *call)
{
    struct ph_instance *instance = call->instance;

    if (!instance || call->uncredited == 0)
        return;
    const struct ph_msg_CREDIT_R msg = {.stream = PH_STREAM_RESP, .bytes = call->uncredited};
    if (ph_put_CREDIT_R(&instance->chan, 0, call->id, &msg) != PH_OK) {
        ph_instance_kill(instance, "internal", "its channel is full");
        return;
    }
    call->uncredited = 0;
    ph_instance_flush_later(instance);
}

static void on_writable(struct ph_exchange *ex)
{
    give_credit((struct ph_call *)ex);
}

void ph_call_cancel(struct ph_call *call)
{
    struct ph_instance *instance = call->instance;

    if (!instance)
        return;
    if (call->sent && ph_put_CALL_CANCEL(&instance->chan, 0, call->id) == PH_OK)
        ph_instance_flush_later(instance);
    leave_instance(call);
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct ph_call *call = (struct ph_call *)ex;

    (void)
        sent_all; /* what the receipt states is what the phat answered; delivery is the network's */
    if (call->waiting)
        ph_batcher_forget(call->node->batcher, &call->waiter);
    call->waiting = false;
    finish_request_hash(call);
    call->req = NULL;
    if (!call->answered) {
        if (call->streaming)
            fail_stream(call);
        else
            fail_call(call, 499, "caller-left", "the caller closed the connection",
                      (struct ph_bytes){NULL, 0});
    }
    ph_call_cancel(call);
    maybe_free(call);
}

static enum ph_err read_nonce(struct ph_http_req *req, struct ph_hash32 *out)
{
    const struct ph_bytes text = ph_http_req_header(req, "phala-nonce");

    *out = (struct ph_hash32){{0}};
    return text.len == 0 ? PH_OK : ph_hex_decode(text, out->b, sizeof(out->b));
}

static bool host_is_valid(struct ph_bytes host)
{
    for (size_t i = 0; i < host.len; i++) {
        const uint8_t c = host.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == ':' || c == '[' || c == ']' || c == '_'))
            return false;
    }
    return host.len <= 255;
}

static struct ph_call *new_call(struct ph_node *node, struct ph_phat *phat)
{
    struct ph_call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->node = node;
    if (take_id(call) != PH_OK) {
        free(call);
        return NULL;
    }
    call->phat = phat;
    call->bundle_hash = phat->version->bundle_hash;
    call->limits = phat->version->manifest.limits;
    call->wall_ms = call->limits.wall_ms;
    call->start_ns = ph_loop_now_ns(node->loop);
    call->body = PH_BUF(UPLOAD_HELD_MAX);
    call->held_headers = PH_BUF(256 * 1024);
    call->held_body = PH_BUF(PH_IPC_PAYLOAD_MAX);
    ph_sha256_init(&call->request_sha);
    phat->calls++;
    node->metrics.calls_in_flight++;
    return call;
}

/* Into the list of an instance that runs the phat, started if need be. */
static enum ph_err join_instance(struct ph_call *call)
{
    struct ph_instance *instance;

    PH_TRY(ph_instance_of(call->phat, &instance));
    call->instance = instance;
    call->next = NULL;
    call->prev = instance->calls_end;
    *instance->calls_end = call;
    instance->calls_end = &call->next;
    instance->used_ns = call->start_ns;
    if (instance->deadline.slot == 0)
        return ph_timer_arm(call->node->loop, &instance->deadline, call->wall_ms, ph_calls_deadline,
                            instance);
    return PH_OK;
}

void ph_call_begin(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                   struct ph_bytes target)
{
    struct ph_hash32 nonce;

    if (node->stopping || phat->calls >= phat->version->manifest.limits.concurrency) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, node->stopping ? "stopping" : "too-many-calls",
                        node->stopping
                            ? "the worker is stopping; try another or again later"
                            : "the phat has limits.concurrency calls in flight; try again later");
        return;
    }
    if (read_nonce(req, &nonce) != PH_OK || !host_is_valid(ph_http_req_host(req))) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 400, "bad-request",
                        "Phala-Nonce is 64 hex digits; Host is a host name");
        return;
    }
    struct ph_call *call = new_call(node, phat);
    if (!call) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, "overloaded",
                        "the worker has no room for another call; try again later");
        return;
    }
    call->ex = (struct ph_exchange){on_body, on_body_end, on_writable, on_closed};
    call->req = req;
    call->target = target;
    call->nonce = nonce;
    call->is_head = ph_bytes_is(ph_http_req_method(req), "HEAD");
    call->wants_inline = ph_bytes_is(ph_http_req_header(req, "phala-receipt"), "inline");
    ph_http_req_set_user(req, call);

    const int64_t body_len = ph_http_req_body_len(req);
    if (body_len > (int64_t)call->limits.request_bytes) {
        fail_call(call, 413, "request-too-large",
                  "the request body is larger than the phat's limits.requestBytes",
                  (struct ph_bytes){NULL, 0});
        return;
    }
    if (join_instance(call) != PH_OK) {
        fail_with(call, "start-failed", PH_BYTES_LIT("no instance could be started"));
        leave_instance(call);
        return;
    }
    if (body_len == 0) {
        finish_request_hash(call);
        send_call(call, true);
    }
}

void ph_call_scheduled(struct ph_node *node, struct ph_phat *phat, const char *cron, int64_t at_ms)
{
    struct ph_call *call;
    char body[160];

    if (node->stopping || phat->calls >= phat->version->manifest.limits.concurrency ||
        !(call = new_call(node, phat)))
        return;
    const int n = snprintf(body, sizeof(body), "{\"cron\":\"%s\",\"scheduledTime\":%" PRId64 "}",
                           cron, at_ms);
    uint8_t sha[32];
    ph_sha256_update(&call->request_sha, (struct ph_bytes){(const uint8_t *)body, (size_t)n});
    ph_sha256_final(&call->request_sha, sha);
    ph_receipt_request_hash(PH_BYTES_LIT("SCHEDULED"), ph_bytes_str(cron),
                            (struct ph_bytes){NULL, 0}, sha, &call->request_hash);
    call->request_hashed = true;
    if (join_instance(call) != PH_OK) {
        fail_with(call, "start-failed", PH_BYTES_LIT("no instance could be started"));
        leave_instance(call);
        maybe_free(call);
        return;
    }
    const struct ph_msg_CALL msg = {.kind = PH_CALL_SCHEDULED,
                                    .wall_ms = call->wall_ms,
                                    .method = PH_BYTES_LIT("SCHEDULED"),
                                    .url = PH_BYTES_LIT("phala:scheduled"),
                                    .body = {(const uint8_t *)body, (size_t)n}};
    if (ph_put_CALL(&call->instance->chan, PH_IPC_END, call->id, &msg) != PH_OK) {
        ph_instance_kill(call->instance, "internal", "its channel is full");
        return;
    }
    call->sent = true;
    ph_instance_flush_later(call->instance);
}

/* --- frames of the instance ------------------------------------------------------------------ */

static void on_resp(struct ph_call *call, const struct ph_msg_RESP *msg, bool whole)
{
    struct ph_covered covered;
    struct ph_bytes headers = msg->headers;
    struct ph_buf cleaned PH_OWNED(ph_buf_clear) = PH_BUF(256 * 1024);

    if (msg->status < 200 || msg->status > 599 ||
        ph_headers_scan(&headers, &cleaned, &covered) != PH_OK) {
        fail_with(call, "bad-response", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    if (msg->body.len > call->limits.response_bytes) {
        fail_with(call, "response-too-large", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    if (whole) {
        answer(call, PH_OUTCOME_ANSWERED, msg->status, headers, &covered, msg->body);
        leave_instance(call);
        return;
    }
    char id[24];
    call->streaming = true;
    call->status = msg->status;
    call->alias = ph_batcher_alias(call->node->batcher);
    ph_receipt_alias_print(call->alias, id);
    ph_sha256_init(&call->response_sha);
    if (ph_covered_keep(&covered, &call->covered_text) != PH_OK ||
        ph_buf_add(&call->held_headers, headers) != PH_OK ||
        ph_buf_addf(&call->held_headers, "phala-receipt-id: %s\n", id) != PH_OK) {
        call->streaming = false;
        fail_with(call, "bad-response", PH_BYTES_LIT("its headers are too long"));
        ph_call_cancel(call);
        return;
    }
    if (call->req)
        ph_http_respond_start(call->req, msg->status, ph_buf_view(&call->held_headers));
    ph_buf_clear(&call->held_headers);
    ph_call_stream(call, msg->body);
}

void ph_call_stream(struct ph_call *call, struct ph_bytes data)
{
    if (data.len == 0)
        return;
    call->response_bytes += data.len;
    call->uncredited += (uint32_t)data.len;
    if (call->response_bytes > call->limits.response_bytes) {
        fail_with(call, "response-too-large", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    size_t queued = 0;
    if (body_is_sent(call, call->status)) {
        ph_sha256_update(&call->response_sha, data);
        call->node->metrics.response_bytes += data.len;
        if (call->req)
            queued = ph_http_respond_write(call->req, data);
    }
    if (queued < PH_HTTP_HIGH_WATER && call->uncredited >= PH_IPC_WINDOW / 8)
        give_credit(call);
}

static void on_resp_end(struct ph_call *call)
{
    uint8_t sha[32];
    const struct ph_covered covered = ph_covered_of(call->covered_text);

    ph_sha256_final(&call->response_sha, sha);
    const struct ph_receipt_place place =
        add_leaf(call, PH_OUTCOME_ANSWERED, call->status, &covered, sha);
    ph_batcher_bind_alias(call->node->batcher, call->alias, &place);
    call->answered = true;
    if (call->req && call->wants_inline) {
        call->waiting = true;
        ph_batcher_wait(call->node->batcher, &place, &call->waiter, inline_ready, call);
    } else if (call->req) {
        ph_http_respond_end(call->req, (struct ph_bytes){NULL, 0});
    }
    leave_instance(call);
}

static void on_credit(struct ph_call *call, uint32_t bytes)
{
    struct ph_buf held = call->body;

    call->upload_in_flight -= bytes < call->upload_in_flight ? bytes : call->upload_in_flight;
    if (held.len > 0) {
        call->body = PH_BUF(UPLOAD_HELD_MAX);
        upload(call, ph_buf_view(&held));
        ph_buf_clear(&held);
    }
    if (call->body.len > 0 || !call->instance)
        return;
    if (call->end_owed) {
        call->end_owed = false;
        end_upload(call);
    }
    if (call->upload_paused && call->req) {
        call->upload_paused = false;
        ph_http_req_resume(call->req);
    }
}

static enum ph_err dispatch(struct ph_call *call, const struct ph_ipc_frame *frame)
{
    switch (frame->type) {
    case PH_IPC_RESP: {
        struct ph_msg_RESP msg;
        PH_TRY(ph_get_RESP(frame, &msg));
        if (call->streaming)
            return PH_ERR_MALFORMED;
        on_resp(call, &msg, frame->flags & PH_IPC_END);
        return PH_OK;
    }
    case PH_IPC_RESP_BODY: {
        struct ph_msg_RESP_BODY msg;
        PH_TRY(ph_get_RESP_BODY(frame, &msg));
        if (!call->streaming || msg.data.len + call->uncredited > 2 * PH_IPC_WINDOW)
            return PH_ERR_MALFORMED;
        ph_call_stream(call, msg.data);
        return PH_OK;
    }
    case PH_IPC_RESP_END:
        PH_TRY(ph_get_RESP_END(frame));
        if (!call->streaming)
            return PH_ERR_MALFORMED;
        on_resp_end(call);
        return PH_OK;
    case PH_IPC_RESP_FAIL: {
        struct ph_msg_RESP_FAIL msg;
        char code[32];
        PH_TRY(ph_get_RESP_FAIL(frame, &msg));
        (void)snprintf(code, sizeof(code), "%.*s", (int)(msg.code.len > 31 ? 31 : msg.code.len),
                       (const char *)msg.code.ptr);
        struct ph_instance *instance = call->instance;
        fail_with(call, code, msg.message);
        leave_instance(call);
        /* It leaves after this; the next call must not be sent to it. */
        if (strcmp(code, "memory-limit") == 0)
            ph_instance_kill(instance, "memory-limit", "it used more memory than limits.memoryMiB");
        return PH_OK;
    }
    case PH_IPC_CREDIT_D: {
        struct ph_msg_CREDIT_D msg;
        PH_TRY(ph_get_CREDIT_D(frame, &msg));
        on_credit(call, msg.bytes);
        return PH_OK;
    }
    default:
        return PH_ERR_MALFORMED;
    }
}

enum ph_err ph_call_frame(struct ph_instance *instance, const struct ph_ipc_frame *frame)
{
    struct ph_call *call = ph_call_find(instance, frame->id);

    if (!call)
        return PH_OK; /* cancelled meanwhile */
    PH_TRY(dispatch(call, frame));
    maybe_free(call);
    return PH_OK;
}

bool ph_call_count_fetch(struct ph_call *call)
{
    return call->subrequests < call->limits.subrequests && ++call->subrequests > 0;
}

void ph_calls_fail(struct ph_instance *instance, const char *code, const char *message)
{
    while (instance->calls) {
        struct ph_call *call = instance->calls;
        fail_with(call, code, ph_bytes_str(message));
        leave_instance(call);
        maybe_free(call);
    }
}

void ph_calls_deadline(void *ctx)
{
    struct ph_instance *instance = ctx;

    while (instance->calls) {
        struct ph_call *call = instance->calls;
        struct ph_node *node = call->node;
        const int64_t left_ns =
            call->start_ns + (int64_t)call->wall_ms * 1000000 - ph_loop_now_ns(node->loop);
        if (left_ns > 0) {
            if (ph_timer_arm(node->loop, &instance->deadline, left_ns / 1000000 + 1,
                             ph_calls_deadline, instance) != PH_OK)
                ph_instance_kill(instance, "internal", "out of memory");
            return;
        }
        fail_with(call, "wall-limit", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        maybe_free(call);
        if (ph_instance_is_busy(instance)) {
            /* It computes, and not for an answer: the next call would wait behind that. */
            ph_instance_kill(instance, "wall-limit",
                             "it was computing when another call ran into its deadline");
            return;
        }
    }
}
