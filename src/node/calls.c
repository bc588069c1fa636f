#include "node/calls.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"
#include "node/calls_priv.h"
#include "node/instances.h"
#include "node/phat_state.h"
#include "node/phats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOVE_WALL_MS = 15 * 60 * 1000 };

/* Out of the instance's list: the instance owes nothing for it any more. */
void ph_call_leave(struct ph_call *call)
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

static bool is_move(const struct ph_call *call)
{
    return call->kind == PH_CALL_EXPORT || call->kind == PH_CALL_IMPORT;
}

static void free_call(struct ph_call *call)
{
    if (is_move(call)) {
        ph_timer_cancel(call->node->loop, &call->move_timer);
        call->phat->moving = false;
    }
    ph_buf_clear(&call->body);
    ph_buf_clear(&call->held_headers);
    ph_buf_clear(&call->held_body);
    call->phat->calls--;
    call->node->metrics.calls_in_flight--;
    ph_call_id_give(call);
    free(call);
}

/* A call lives until its HTTP exchange is over and its instance is done with it. */
static void maybe_free(struct ph_call *call)
{
    if (!call->req && !call->instance)
        free_call(call);
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
    if (call->sent && ph_put_CALL_CANCEL(ph_instance_calls(instance), 0, call->id) == PH_OK)
        ph_instance_flush_later(instance);
    ph_call_leave(call);
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct ph_call *call = (struct ph_call *)ex;

    (void)
        sent_all; /* what the receipt states is what the phat answered; delivery is the network's */
    if (call->waiting)
        ph_batcher_forget(call->node->batcher, &call->waiter);
    call->waiting = false;
    ph_call_hash_request(call);
    call->req = NULL;
    if (!call->answered) {
        if (call->streaming)
            ph_call_cut(call);
        else
            ph_call_refuse(call, 499, "caller-left", "the caller closed the connection",
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
    if (ph_call_id_take(call) != PH_OK) {
        free(call);
        return NULL;
    }
    call->phat = phat;
    call->bundle_hash = phat->version->bundle_hash;
    call->limits = phat->version->manifest.limits;
    call->wall_ms = call->limits.wall_ms;
    call->start_ns = ph_loop_now_ns(node->loop);
    call->body = PH_BUF(PH_UPLOAD_HELD_MAX);
    call->held_headers = PH_BUF(256 * 1024);
    call->held_body = PH_BUF(PH_IPC_PAYLOAD_MAX);
    phat->calls++;
    node->metrics.calls_in_flight++;
    return call;
}

static void move_overdue(void *ctx)
{
    struct ph_call *call = ctx;

    ph_call_fail(call, "wall-limit", (struct ph_bytes){NULL, 0});
    ph_call_cancel(call);
    maybe_free(call);
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
    if (is_move(call))
        return ph_timer_arm(call->node->loop, &call->move_timer, call->wall_ms, move_overdue, call);
    if (instance->deadline.slot == 0)
        return ph_timer_arm(call->node->loop, &instance->deadline, call->wall_ms, ph_calls_deadline,
                            instance);
    return PH_OK;
}

/* The request is a call's from now on; NULL: it is answered. */
static struct ph_call *open_call(struct ph_node *node, struct ph_http_req *req,
                                 struct ph_phat *phat, struct ph_bytes target)
{
    struct ph_hash32 nonce;

    if (node->stopping) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, "stopping", "the worker is stopping; try another or again later");
        return NULL;
    }
    if (read_nonce(req, &nonce) != PH_OK || !host_is_valid(ph_http_req_host(req))) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 400, "bad-request",
                        "Phala-Nonce is 64 hex digits; Host is a host name");
        return NULL;
    }
    struct ph_call *call = new_call(node, phat);
    if (!call) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, "overloaded",
                        "the worker has no room for another call; try again later");
        return NULL;
    }
    call->ex = (struct ph_exchange){ph_call_on_body, ph_call_on_body_end, on_writable, on_closed};
    call->req = req;
    call->target = target;
    call->nonce = nonce;
    call->is_head = ph_bytes_is(ph_http_req_method(req), "HEAD");
    call->wants_inline = ph_bytes_is(ph_http_req_header(req, "phala-receipt"), "inline");
    ph_http_req_set_user(req, call);
    ph_receipt_request_begin(&call->request_sha, ph_http_req_method(req), target,
                             ph_http_req_header(req, "content-type"));
    return call;
}

void ph_call_begin(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                   struct ph_bytes target)
{
    if (!node->stopping && phat->calls >= phat->version->manifest.limits.concurrency) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, "too-many-calls",
                        "the phat has limits.concurrency calls in flight; try again later");
        return;
    }
    struct ph_call *call = open_call(node, req, phat, target);
    if (!call)
        return;
    const int64_t body_len = ph_http_req_body_len(req);
    if (body_len > (int64_t)call->limits.request_bytes) {
        ph_call_refuse(call, 413, "request-too-large",
                       "the request body is larger than the phat's limits.requestBytes",
                       (struct ph_bytes){NULL, 0});
        return;
    }
    if (join_instance(call) != PH_OK) {
        ph_call_fail(call, "start-failed", PH_BYTES_LIT("no instance could be started"));
        ph_call_leave(call);
        return;
    }
    if (body_len == 0) /* its hash is made with that of the answer */
        ph_call_send(call, true);
}

void ph_call_begin_move(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                        struct ph_bytes target, const struct ph_call_move *move)
{
    struct ph_call *call = open_call(node, req, phat, target);

    if (!call)
        return;
    phat->moving = true;
    call->kind = move->kind;
    call->wall_ms = MOVE_WALL_MS;
    call->limits.request_bytes = call->limits.response_bytes = UINT32_MAX;
    ph_sha256_update(&call->request_sha, move->begun);
    call->request_bytes = move->begun.len;
    enum ph_err err = ph_buf_add(&call->body, move->before);
    if (err == PH_OK)
        err = ph_buf_add(&call->body, move->begun);
    if (err == PH_OK)
        err = join_instance(call);
    if (err != PH_OK) {
        ph_call_fail(call, "start-failed", PH_BYTES_LIT("no instance could be started"));
        ph_call_leave(call);
        return;
    }
    if (move->kind == PH_CALL_EXPORT)
        ph_call_hash_request(call);
    ph_call_send(call, move->kind == PH_CALL_EXPORT);
}

/* A call that no HTTP request brought: its CALL goes out whole. */
static void begin_inside(struct ph_call *call, const struct ph_msg_CALL *msg)
{
    call->request_hashed = true;
    if (join_instance(call) != PH_OK) {
        ph_call_fail(call, "start-failed", PH_BYTES_LIT("no instance could be started"));
        ph_call_leave(call);
        maybe_free(call);
        return;
    }
    if (ph_put_CALL(ph_instance_calls(call->instance), PH_IPC_END, call->id, msg) != PH_OK) {
        ph_instance_kill(call->instance, "internal", "its channel is full");
        return;
    }
    call->sent = true;
    call->commit_least = ph_phat_state_newest(call->instance);
    ph_instance_flush_later(call->instance);
}

/* NULL: the phat has as many calls as it may, or there is no memory. */
static struct ph_call *new_inside(struct ph_node *node, struct ph_phat *phat)
{
    if (node->stopping || phat->calls >= phat->version->manifest.limits.concurrency)
        return NULL;
    return new_call(node, phat);
}

void ph_call_scheduled(struct ph_node *node, struct ph_phat *phat, const char *cron, int64_t at_ms)
{
    struct ph_call *call = new_inside(node, phat);
    char body[160];

    if (!call)
        return;
    const int n = snprintf(body, sizeof(body), "{\"cron\":\"%s\",\"scheduledTime\":%" PRId64 "}",
                           cron, at_ms);
    const struct ph_bytes text = {(const uint8_t *)body, (size_t)n};
    ph_receipt_request_hash(PH_BYTES_LIT("SCHEDULED"), ph_bytes_str(cron), (struct ph_bytes){0},
                            text, &call->request_hash);
    const struct ph_msg_CALL msg = {.kind = PH_CALL_SCHEDULED,
                                    .wall_ms = call->wall_ms,
                                    .method = PH_BYTES_LIT("SCHEDULED"),
                                    .url = PH_BYTES_LIT("phala:scheduled"),
                                    .body = text};
    begin_inside(call, &msg);
}

/* The facts of a request as lines; they are what its receipt names as the request's target. */
static size_t put_ask(const struct ph_chain_ask *ask, char *out, size_t cap)
{
    char app[41], consumer[41];

    ph_hex_encode(PH_BYTES_OF(ask->app.b), app);
    ph_hex_encode(PH_BYTES_OF(ask->consumer.b), consumer);
    const int n = snprintf(out, cap,
                           "chain-id: %" PRIu64 "\nrequest-id: %" PRIu64
                           "\napp: 0x%s\nconsumer: 0x%s\ndeadline: %" PRIu64 "\n",
                           ask->chain_id, ask->request_id, app, consumer, ask->deadline_s);
    assert(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

enum ph_err ph_call_chain(struct ph_node *node, struct ph_phat *phat,
                          const struct ph_chain_ask *ask,
                          void (*told)(void *ctx, const struct ph_chain_told *what), void *ctx)
{
    struct ph_call *call = new_inside(node, phat);
    char facts[320];

    if (!call)
        return PH_ERR_AGAIN;
    assert(ask->input.len <= PH_CHAIN_INPUT_MAX);
    call->told = told;
    call->told_ctx = ctx;
    const struct ph_bytes lines = {(const uint8_t *)facts, put_ask(ask, facts, sizeof(facts))};
    ph_receipt_request_hash(PH_BYTES_LIT("CHAIN"), lines, (struct ph_bytes){0}, ask->input,
                            &call->request_hash);
    const struct ph_msg_CALL msg = {.kind = PH_CALL_CHAIN,
                                    .wall_ms = call->wall_ms,
                                    .method = PH_BYTES_LIT("CHAIN"),
                                    .url = PH_BYTES_LIT("phala:chain"),
                                    .headers = lines,
                                    .body = ask->input};
    begin_inside(call, &msg);
    return PH_OK;
}

/* A piece of a streamed answer. */
static void stream_piece(struct ph_call *call, struct ph_bytes data)
{
    if (data.len == 0)
        return;
    call->response_bytes += data.len;
    call->uncredited += (uint32_t)data.len;
    if (call->response_bytes > call->limits.response_bytes) {
        ph_call_fail(call, "response-too-large", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    size_t queued = 0;
    if (ph_call_sends_body(call, call->status)) {
        ph_sha256_update(&call->response_sha, data);
        call->node->metrics.response_bytes += data.len;
        if (call->req)
            queued = ph_http_respond_write(call->req, data);
    }
    if (queued < PH_HTTP_HIGH_WATER && call->uncredited >= PH_IPC_WINDOW / 8)
        give_credit(call);
}

static void on_resp(struct ph_call *call, const struct ph_msg_RESP *msg, bool whole)
{
    struct ph_covered covered;
    struct ph_bytes headers = msg->headers;
    struct ph_buf cleaned PH_OWNED(ph_buf_clear) = PH_BUF(256 * 1024);

    if (msg->status < 200 || msg->status > 599 ||
        ph_headers_scan(&headers, &cleaned, &covered) != PH_OK) {
        ph_call_fail(call, "bad-response", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    const uint64_t most = call->told ? PH_CHAIN_RESULT_MAX : call->limits.response_bytes;
    if (msg->body.len > most || (call->told && !whole)) {
        ph_call_fail(call, "response-too-large", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    if (whole) {
        ph_call_answer(call, PH_OUTCOME_ANSWERED, msg->status, headers, &covered, msg->body);
        ph_call_leave(call);
        return;
    }
    char id[24];
    call->streaming = true;
    call->status = msg->status;
    call->alias = ph_batcher_alias(call->node->batcher);
    ph_receipt_alias_print(call->alias, id);
    ph_receipt_response_begin(&call->response_sha, msg->status, covered.content_type,
                              covered.content_encoding, covered.location);
    if (ph_buf_add(&call->held_headers, headers) != PH_OK ||
        ph_buf_addf(&call->held_headers, "phala-receipt-id: %s\n", id) != PH_OK) {
        call->streaming = false;
        ph_call_fail(call, "bad-response", PH_BYTES_LIT("its headers are too long"));
        ph_call_cancel(call);
        return;
    }
    if (call->req)
        ph_http_respond_start(call->req, msg->status, ph_buf_view(&call->held_headers));
    ph_buf_clear(&call->held_headers);
    stream_piece(call, msg->body);
}

static void on_resp_end(struct ph_call *call)
{
    struct ph_hash32 hash;

    ph_sha256_final(&call->response_sha, hash.b);
    const struct ph_receipt_place place =
        ph_call_leaf(call, PH_OUTCOME_ANSWERED, call->status, &hash);
    ph_batcher_bind_alias(call->node->batcher, call->alias, &place);
    call->answered = true;
    if (call->req && call->wants_inline) {
        call->waiting = true;
        ph_batcher_wait(call->node->batcher, &place, &call->waiter, ph_call_inline_ready, call);
    } else if (call->req) {
        ph_http_respond_end(call->req, (struct ph_bytes){NULL, 0});
    }
    ph_call_leave(call);
}

static enum ph_err dispatch(struct ph_call *call, const struct ph_ipc_frame *frame)
{
    switch (frame->type) {
    case PH_IPC_RESP: {
        struct ph_msg_RESP msg;
        PH_TRY(ph_get_RESP(frame, &msg));
        if (call->streaming || ph_call_goes_back(call))
            return PH_ERR_MALFORMED;
        struct ph_instance *instance = call->instance;
        on_resp(call, &msg, frame->flags & PH_IPC_END);
        if (call->kind == PH_CALL_IMPORT) /* what the phat has in memory is of another state */
            ph_instance_kill(instance, "state-replaced", "another state was imported");
        return PH_OK;
    }
    case PH_IPC_RESP_BODY: {
        struct ph_msg_RESP_BODY msg;
        PH_TRY(ph_get_RESP_BODY(frame, &msg));
        if (!call->streaming || msg.data.len + call->uncredited > 2 * PH_IPC_WINDOW)
            return PH_ERR_MALFORMED;
        stream_piece(call, msg.data);
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
        ph_call_fail(call, code, msg.message);
        ph_call_leave(call);
        /* It leaves after this; the next call must not be sent to it. */
        if (strcmp(code, "memory-limit") == 0)
            ph_instance_kill(instance, "memory-limit", "it used more memory than limits.memoryMiB");
        return PH_OK;
    }
    case PH_IPC_CREDIT_D: {
        struct ph_msg_CREDIT_D msg;
        PH_TRY(ph_get_CREDIT_D(frame, &msg));
        ph_call_upload_credit(call, msg.bytes);
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
        ph_call_fail(call, code, ph_bytes_str(message));
        ph_call_leave(call);
        maybe_free(call);
    }
}

/* Exports and imports have timers of their own. */
static struct ph_call *oldest_timed(const struct ph_instance *instance)
{
    struct ph_call *call = instance->calls;

    while (call && is_move(call))
        call = call->next;
    return call;
}

void ph_calls_deadline(void *ctx)
{
    struct ph_instance *instance = ctx;

    for (struct ph_call *call; (call = oldest_timed(instance));) {
        struct ph_node *node = call->node;
        const int64_t left_ns =
            call->start_ns + (int64_t)call->wall_ms * 1000000 - ph_loop_now_ns(node->loop);
        if (left_ns > 0) {
            if (ph_timer_arm(node->loop, &instance->deadline, left_ns / 1000000 + 1,
                             ph_calls_deadline, instance) != PH_OK)
                ph_instance_kill(instance, "internal", "out of memory");
            return;
        }
        ph_call_fail(call, "wall-limit", (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        maybe_free(call);
        if (ph_instance_is_stuck(instance)) {
            /* The next call would wait behind that. */
            ph_instance_kill(instance, "wall-limit",
                             "it was computing when another call ran into its deadline");
            return;
        }
    }
}
