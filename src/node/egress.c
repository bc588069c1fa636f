#include "node/egress.h"

#include "base/own.h"
#include "node/calls.h"
#include "node/chain_read.h"
#include "node/wallets.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RESPONSE_MAX =
        256 * 1024 * 1024,  /* body of one fetched answer; the instance's memory limit is nearer */
    HELD_MAX = 1024 * 1024, /* of a fetched answer beyond the instance's window */
    FETCHES_MAX = 1024,     /* under way per instance */
};

/* One fetch. Ids are the instance's: only unique within it. */
struct ph_egress {
    struct ph_instance *instance;
    uint64_t id;
    struct ph_http_fetch *fetch;      /* NULL: its answer is complete, and partly held */
    struct ph_chain_reading *reading; /* instead, of the chain */
    struct ph_wallet_question *asked; /* instead, of the phat's wallet */
    struct ph_buf held;
    bool head_sent, redirect_error, paused;
    uint32_t in_flight;   /* answer bytes sent to the instance and not credited */
    uint32_t upload_owed; /* request bytes received and not credited */
    struct ph_egress *next, **prev;
};

static struct ph_egress *find(const struct ph_instance *instance, uint64_t id)
{
    for (struct ph_egress *e = instance->fetches; e; e = e->next)
        if (e->id == id)
            return e;
    return NULL;
}

static void unlink_and_free(struct ph_egress *e)
{
    *e->prev = e->next;
    if (e->next)
        e->next->prev = e->prev;
    e->instance->fetch_cnt--;
    ph_chain_read_forget(e->reading);
    ph_wallet_forget(e->asked);
    ph_buf_clear(&e->held);
    free(e);
}

static void send_fail(struct ph_instance *instance, uint64_t id, const char *code,
                      const char *message)
{
    const struct ph_msg_FETCH_FAIL msg = {.code = ph_bytes_str(code),
                                          .message = ph_bytes_str(message)};

    if (ph_put_FETCH_FAIL(&instance->chan, 0, id, &msg) != PH_OK)
        ph_instance_kill(instance, "internal", "its channel is full");
    else
        ph_instance_flush_later(instance);
}

static void on_head(void *ctx, uint16_t status, struct ph_bytes status_text,
                    struct ph_bytes final_url, struct ph_bytes headers)
{
    struct ph_egress *e = ctx;
    const struct ph_msg_FETCH_HEAD msg = {
        .status = status, .url = final_url, .status_text = status_text, .headers = headers};

    if (e->redirect_error && status >= 300 && status < 400 && status != 304) {
        struct ph_instance *instance = e->instance;
        const uint64_t id = e->id;
        ph_http_fetch_cancel(e->fetch);
        unlink_and_free(e);
        send_fail(instance, id, "redirect",
                  "the server answered with a redirect, and redirect is \"error\"");
        return;
    }
    if (ph_put_FETCH_HEAD(&e->instance->chan, 0, e->id, &msg) != PH_OK)
        ph_instance_kill(e->instance, "internal", "its channel is full");
    e->head_sent = true;
    ph_instance_flush_later(e->instance);
}

/* Send what the window and the channel allow, hold the rest, and pause the server's side while
 * anything is held. */
static void deliver(struct ph_egress *e, struct ph_bytes data)
{
    struct ph_instance *instance = e->instance;

    while (e->held.len == 0 && data.len > 0 && e->in_flight < PH_IPC_WINDOW) {
        if (ph_ipc_queued(&instance->chan) > PH_INSTANCE_QUEUED_MAX) {
            instance->fetches_held = true;
            break;
        }
        size_t n = PH_IPC_WINDOW - e->in_flight;
        n = n < PH_IPC_CHUNK_MAX ? n : PH_IPC_CHUNK_MAX;
        n = n < data.len ? n : data.len;
        const struct ph_msg_FETCH_BODY msg = {.data = {data.ptr, n}};
        if (ph_put_FETCH_BODY(&instance->chan, 0, e->id, &msg) != PH_OK) {
            ph_instance_kill(instance, "internal", "its channel is full");
            return;
        }
        e->in_flight += (uint32_t)n;
        data = (struct ph_bytes){data.ptr + n, data.len - n};
        ph_instance_flush_later(instance);
    }
    if (data.len == 0)
        return;
    if (ph_buf_add(&e->held, data) != PH_OK) {
        ph_instance_kill(instance, "internal", "out of memory for a fetched answer");
        return;
    }
    if (!e->paused && e->fetch) {
        e->paused = true;
        ph_http_fetch_pause(e->fetch);
    }
}

static void on_data(void *ctx, struct ph_bytes data)
{
    deliver(ctx, data);
}

static void send_done(struct ph_egress *e)
{
    if (ph_put_FETCH_DONE(&e->instance->chan, 0, e->id) != PH_OK)
        ph_instance_kill(e->instance, "internal", "its channel is full");
    ph_instance_flush_later(e->instance);
    unlink_and_free(e);
}

static void on_done(void *ctx)
{
    struct ph_egress *e = ctx;

    e->fetch = NULL; /* gone with this event */
    if (e->held.len == 0)
        send_done(e);
}

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct ph_egress *e = ctx;
    struct ph_metrics *m = &e->instance->node->metrics;

    if (strcmp(code, "egress-denied") == 0 || strcmp(code, "address-denied") == 0)
        m->egress_denied++;
    else
        m->egress_failed++;
    send_fail(e->instance, e->id, code, message);
    unlink_and_free(e);
}

static void on_writable(void *ctx)
{
    struct ph_egress *e = ctx;
    const struct ph_msg_CREDIT_R msg = {.stream = PH_STREAM_FETCH, .bytes = e->upload_owed};

    if (e->upload_owed == 0)
        return;
    e->upload_owed = 0;
    if (ph_put_CREDIT_R(&e->instance->chan, 0, e->id, &msg) != PH_OK)
        ph_instance_kill(e->instance, "internal", "its channel is full");
    ph_instance_flush_later(e->instance);
}

static void link_in(struct ph_egress *e)
{
    struct ph_instance *instance = e->instance;

    e->next = instance->fetches;
    e->prev = &instance->fetches;
    if (e->next)
        e->next->prev = &e->next;
    instance->fetches = e;
    instance->fetch_cnt++;
}

static void on_chain_answer(void *ctx, struct ph_bytes json)
{
    struct ph_egress *e = ctx;

    e->reading = NULL; /* gone with this event */
    e->asked = NULL;
    on_head(e, 200, PH_BYTES_LIT("OK"), PH_BYTES_LIT(PH_CHAIN_READ_URL),
            PH_BYTES_LIT("content-type: application/json\n"));
    deliver(e, json);
    on_done(e);
}

static void on_chain_failed(void *ctx, const char *code, const char *message)
{
    struct ph_egress *e = ctx;

    e->reading = NULL;
    e->asked = NULL;
    on_fail(e, code, message);
}

/* A question to the chain. */
static enum ph_err start_reading(struct ph_instance *instance, uint64_t id,
                                 struct ph_bytes question)
{
    struct ph_node *node = instance->node;
    char why[PH_CHAIN_READ_WHY_LEN] = "";

    if (!instance->version->manifest.chain_read) {
        node->metrics.egress_denied++;
        send_fail(instance, id, "chain-denied",
                  "phat.json does not ask for it: \"chain\": {\"read\": true}");
        return PH_OK;
    }
    struct ph_egress *e = calloc(1, sizeof(*e));
    if (!e)
        return PH_ERR_NOMEM;
    *e = (struct ph_egress){.instance = instance, .id = id, .held = PH_BUF(HELD_MAX)};
    const struct ph_chain_read_events events = {on_chain_answer, on_chain_failed, e};
    const enum ph_err err = ph_chain_read(node, question, &events, &e->reading, why);
    if (err != PH_OK) {
        free(e);
        send_fail(instance, id, err == PH_ERR_MALFORMED ? "chain-question" : "chain-unavailable",
                  why);
        return PH_OK;
    }
    link_in(e);
    return PH_OK;
}

/* A question to the phat's wallet. */
static enum ph_err start_asking(struct ph_instance *instance, uint64_t id, struct ph_bytes question)
{
    struct ph_egress *e = calloc(1, sizeof(*e));
    char why[PH_WALLET_ASK_WHY_LEN] = "";
    const char *code = "wallet-unavailable";

    if (!e)
        return PH_ERR_NOMEM;
    *e = (struct ph_egress){.instance = instance, .id = id, .held = PH_BUF(HELD_MAX)};
    const struct ph_wallet_events events = {on_chain_answer, on_chain_failed, e};
    if (ph_wallet_ask(instance->phat, instance->version, question, &events, &e->asked, &code,
                      why) != PH_OK) {
        free(e);
        send_fail(instance, id, code, why);
        return PH_OK;
    }
    link_in(e);
    return PH_OK;
}

static enum ph_err start(struct ph_instance *instance, const struct ph_ipc_frame *frame)
{
    struct ph_msg_FETCH msg;
    struct ph_node *node = instance->node;
    struct ph_call *call;

    PH_TRY(ph_get_FETCH(frame, &msg));
    if (find(instance, frame->id) || msg.redirect > 2 || msg.body.len > PH_IPC_WINDOW)
        return PH_ERR_MALFORMED;
    call = ph_call_find(instance, msg.call);
    if (!call || !ph_call_count_fetch(call) || instance->fetch_cnt >= FETCHES_MAX) {
        node->metrics.egress_denied++;
        send_fail(instance, frame->id, "subrequest-limit",
                  call ? "the call has used its limits.subrequests"
                       : "fetch() works while a call is in flight");
        return PH_OK;
    }
    if (ph_bytes_is(msg.url, PH_CHAIN_READ_URL))
        return start_reading(instance, frame->id, msg.body);
    if (ph_bytes_is(msg.url, PH_WALLET_URL))
        return start_asking(instance, frame->id, msg.body);
    struct ph_egress *e = calloc(1, sizeof(*e));
    if (!e)
        return PH_ERR_NOMEM;
    *e = (struct ph_egress){.instance = instance,
                            .id = frame->id,
                            .held = PH_BUF(HELD_MAX),
                            .redirect_error = msg.redirect == 2};
    const struct ph_manifest *manifest = &instance->version->manifest;
    const struct ph_http_fetch_spec spec = {.method = msg.method,
                                            .url = msg.url,
                                            .headers = msg.headers,
                                            .body = msg.body,
                                            .has_stream = !(frame->flags & PH_IPC_END),
                                            .follow_redirects = msg.redirect == 0,
                                            .rules = manifest->egress,
                                            .rule_cnt = manifest->egress_cnt,
                                            .timeout_ms = manifest->limits.wall_ms,
                                            .response_max = RESPONSE_MAX};
    const struct ph_http_fetch_events events = {on_head, on_data, on_done, on_fail, on_writable, e};
    const enum ph_err err = ph_http_fetch_start(node->client, &spec, &events, &e->fetch);
    if (err != PH_OK) {
        free(e);
        node->metrics.egress_failed++;
        send_fail(instance, frame->id, "overloaded",
                  "the worker has no room for another outgoing request");
        return PH_OK;
    }
    node->metrics.egress_started++;
    link_in(e);
    if (spec.has_stream && msg.body.len > 0)
        e->upload_owed = (uint32_t)msg.body.len;
    return PH_OK;
}

static enum ph_err upload(struct ph_egress *e, const struct ph_ipc_frame *frame)
{
    struct ph_msg_FETCH_SEND msg;

    PH_TRY(ph_get_FETCH_SEND(frame, &msg));
    if (msg.data.len + e->upload_owed > 2 * PH_IPC_WINDOW)
        return PH_ERR_MALFORMED;
    e->upload_owed += (uint32_t)msg.data.len;
    if (!e->fetch)
        return PH_OK; /* the server answered before it had everything */
    if (ph_http_fetch_send(e->fetch, msg.data) < PH_HTTP_HIGH_WATER)
        on_writable(e);
    return PH_OK;
}

/* There may be room again for what is held. Ends the fetch if that was all of it. */
static void go_on(struct ph_egress *e)
{
    if (e->held.len > 0) {
        struct ph_buf held PH_OWNED(ph_buf_clear) = e->held;
        e->held = PH_BUF(HELD_MAX);
        deliver(e, ph_buf_view(&held));
    }
    if (e->held.len > 0)
        return;
    if (!e->fetch) {
        send_done(e);
    } else if (e->paused) {
        e->paused = false;
        ph_http_fetch_resume(e->fetch);
    }
}

static enum ph_err credit(struct ph_egress *e, const struct ph_ipc_frame *frame)
{
    struct ph_msg_CREDIT_D msg;

    PH_TRY(ph_get_CREDIT_D(frame, &msg));
    e->in_flight -= msg.bytes < e->in_flight ? msg.bytes : e->in_flight;
    go_on(e);
    return PH_OK;
}

enum ph_err ph_egress_frame(struct ph_instance *instance, const struct ph_ipc_frame *frame)
{
    if (frame->type == PH_IPC_FETCH)
        return start(instance, frame);

    struct ph_egress *e = find(instance, frame->id);
    if (!e)
        return PH_OK; /* ended meanwhile */
    switch (frame->type) {
    case PH_IPC_FETCH_SEND:
        return upload(e, frame);
    case PH_IPC_FETCH_SEND_END:
        PH_TRY(ph_get_FETCH_SEND_END(frame));
        if (e->fetch)
            ph_http_fetch_send_end(e->fetch);
        return PH_OK;
    case PH_IPC_FETCH_CANCEL:
        PH_TRY(ph_get_FETCH_CANCEL(frame));
        if (e->fetch)
            ph_http_fetch_cancel(e->fetch);
        unlink_and_free(e);
        return PH_OK;
    case PH_IPC_CREDIT_D:
        return credit(e, frame);
    default:
        return PH_ERR_MALFORMED;
    }
}

void ph_egress_drained(struct ph_instance *instance)
{
    instance->fetches_held = false;
    for (struct ph_egress *e = instance->fetches, *next; e; e = next) {
        next = e->next;
        if (e->held.len > 0)
            go_on(e);
    }
}

void ph_egress_cancel_all(struct ph_instance *instance)
{
    while (instance->fetches) {
        if (instance->fetches->fetch)
            ph_http_fetch_cancel(instance->fetches->fetch);
        unlink_and_free(instance->fetches);
    }
}
