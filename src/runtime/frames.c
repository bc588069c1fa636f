#include "runtime/idem.h"
#include "runtime/move.h"
#include "runtime/turns.h"

#include <stdlib.h>

/* Frames from phalad. It is trusted more than a phat is, but a frame that makes no sense ends the
 * instance: something is wrong that nothing here can mend. */

static JSValueRef number(struct ph_engine *e, uint64_t n)
{
    return JSValueMakeNumber(e->ctx, (double)n);
}

static JSValueRef boolean(struct ph_engine *e, bool b)
{
    return b ? e->js_true : e->js_false;
}

/* Body bytes as a Uint8Array; null when there are none. */
static JSValueRef body_value(struct ph_engine *e, struct ph_bytes body)
{
    if (body.len == 0)
        return e->js_null;
    const JSObjectRef bytes = ph_js_new_bytes(e->ctx, body);
    if (bytes)
        return bytes;
    ph_engine_check(e, PH_ERR_NOMEM);
    return e->js_null;
}

/* Count body bytes in; false: phalad passed its window. */
static bool receive(uint32_t *received, struct ph_bytes body)
{
    if (body.len > PH_IPC_WINDOW - *received)
        return false;
    *received += (uint32_t)body.len;
    return true;
}

void ph_call_enter(struct ph_engine *e, uint64_t id, const struct ph_msg_CALL *m, bool done)
{
    JSLock(
        e->ctx); /* once for all arguments; released before the entry, which ends in promise jobs */
    const JSValueRef args[] = {
        number(e, id),
        number(e, m->kind),
        ph_string_cached(e, m->method),
        ph_string_cached(e, m->url),
        ph_string_cached(e, m->headers),
        body_value(e, m->body),
        boolean(e, done),
    };
    JSUnlock(e->ctx);
    ph_engine_tell(e, PH_HOOK_onCall, id, PH_LEN(args), args);
}

static enum ph_err on_call(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_CALL m;
    const bool done = f->flags & PH_IPC_END;

    PH_TRY(ph_get_CALL(f, &m));
    if (!e->started || f->id == 0 || f->id >> 53 || e->calls.cnt >= PH_ENGINE_CALLS_MAX ||
        ph_idmap_get(&e->calls, f->id))
        return PH_ERR_MALFORMED;
    struct ph_call *call = ph_call_open(e, f->id);
    if (!call)
        return PH_ERR_NOMEM;
    /* An inline body that is the whole body may be larger than the window: it is here already. */
    if (!done && !receive(&call->received, m.body))
        return PH_ERR_MALFORMED;
    call->request_over = done;
    if (f->id > e->last_call)
        e->last_call = f->id;
    if (e->turns && e->turns->replacing)
        ph_call_fail(e, call, "state-replaced", PH_BYTES_LIT("An import is under way"));
    else if (ph_move_is_kind(m.kind))
        ph_move_begin(e, call, &m, done);
    else if (ph_idem_passes(e, call, &m, done))
        ph_call_enter(e, f->id, &m, done);
    return PH_OK;
}

/* Frames for a call that is over here may still be under way: they are dropped. */
static enum ph_err on_call_body(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_CALL_BODY m;
    struct ph_call *call = ph_idmap_get(&e->calls, f->id);

    PH_TRY(ph_get_CALL_BODY(f, &m));
    if (!call)
        return f->id <= e->last_call ? PH_OK : PH_ERR_MALFORMED;
    if (call->request_over || !receive(&call->received, m.data))
        return PH_ERR_MALFORMED;
    if (call->done || m.data.len == 0)
        return PH_OK;
    if (call->move) {
        ph_move_body(e, call, m.data);
        return PH_OK;
    }
    if (ph_idem_collects(call)) {
        ph_idem_body(e, call, m.data);
        return PH_OK;
    }
    const JSValueRef args[] = {number(e, f->id), body_value(e, m.data)};
    ph_engine_tell(e, PH_HOOK_onCallBody, f->id, PH_LEN(args), args);
    return PH_OK;
}

static enum ph_err on_call_end(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_call *call = ph_idmap_get(&e->calls, f->id);

    PH_TRY(ph_get_CALL_END(f));
    if (!call)
        return f->id <= e->last_call ? PH_OK : PH_ERR_MALFORMED;
    if (call->request_over)
        return PH_ERR_MALFORMED;
    call->request_over = true;
    if (call->done)
        return PH_OK;
    if (call->move) {
        ph_move_body_end(e, call);
        return PH_OK;
    }
    if (ph_idem_collects(call)) {
        ph_idem_end(e, call);
        return PH_OK;
    }
    const JSValueRef id = number(e, f->id);
    ph_engine_tell(e, PH_HOOK_onCallEnd, f->id, 1, &id);
    return PH_OK;
}

void ph_call_cancel(struct ph_engine *e, struct ph_call *call)
{
    const bool told = call->done || call->move || ph_idem_collects(call);
    const JSValueRef id = number(e, call->id);
    const uint64_t n = call->id;

    ph_call_close(e, call);
    if (!told)
        ph_engine_tell(e, PH_HOOK_onCallCancel, n, 1, &id);
}

static enum ph_err on_call_cancel(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_call *call = ph_idmap_get(&e->calls, f->id);

    PH_TRY(ph_get_CALL_CANCEL(f));
    if (!call)
        return f->id <= e->last_call ? PH_OK : PH_ERR_MALFORMED;
    if (!ph_idem_goes_on(e, call))
        ph_call_cancel(e, call);
    return PH_OK;
}

static enum ph_err on_credit(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_CREDIT_R m;

    PH_TRY(ph_get_CREDIT_R(f, &m));
    if (m.stream != PH_STREAM_RESP && m.stream != PH_STREAM_FETCH)
        return PH_ERR_MALFORMED;
    const bool resp = m.stream == PH_STREAM_RESP;
    struct ph_call *call = resp ? ph_idmap_get(&e->calls, f->id) : NULL;
    struct ph_fetch *fetch = resp ? NULL : ph_idmap_get(&e->fetches, f->id);
    struct ph_out_body *body = call ? &call->resp : fetch ? &fetch->body : NULL;
    if (!body)
        return PH_OK;
    PH_TRY(ph_body_credit(e, resp ? ph_body_resp : ph_body_fetch, f->id, body, m.bytes));
    if (call && ph_body_over(body)) {
        ph_call_close(e, call);
        return PH_OK;
    }
    if (call && call->move) {
        ph_move_window(e, call);
        return PH_OK;
    }
    if (!body->waiting || body->ended || ph_body_left(body) <= 0)
        return PH_OK;
    body->waiting = false;
    const JSValueRef id = number(e, f->id);
    ph_engine_tell(e, resp ? PH_HOOK_onCallWindow : PH_HOOK_onFetchWindow,
                   resp ? f->id : fetch->call, 1, &id);
    return PH_OK;
}

/* Fetches. An unknown id at most last_fetch is one that the phat gave up. */
static struct ph_fetch *find_fetch(struct ph_engine *e, const struct ph_ipc_frame *f,
                                   enum ph_err *err)
{
    struct ph_fetch *fetch = ph_idmap_get(&e->fetches, f->id);
    *err = fetch || f->id <= e->last_fetch ? PH_OK : PH_ERR_MALFORMED;
    return fetch;
}

static enum ph_err on_fetch_head(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_FETCH_HEAD m;
    enum ph_err err;
    struct ph_fetch *fetch = find_fetch(e, f, &err);
    const bool done = f->flags & PH_IPC_END;

    PH_TRY(ph_get_FETCH_HEAD(f, &m));
    if (!fetch)
        return err;
    if (fetch->head_seen || (!done && !receive(&fetch->received, m.body)))
        return PH_ERR_MALFORMED;
    fetch->head_seen = true;
    const uint64_t call = fetch->call;
    if (done)
        ph_fetch_close(e, fetch);
    const JSValueRef args[] = {
        number(e, f->id),
        number(e, m.status),
        ph_string_cached(e, m.url),
        ph_string_cached(e, m.status_text),
        ph_string_value(e, m.headers),
        body_value(e, m.body),
        boolean(e, done),
    };
    ph_engine_tell(e, PH_HOOK_onFetchHead, call, PH_LEN(args), args);
    return PH_OK;
}

static enum ph_err on_fetch_body(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_FETCH_BODY m;
    enum ph_err err;
    struct ph_fetch *fetch = find_fetch(e, f, &err);

    PH_TRY(ph_get_FETCH_BODY(f, &m));
    if (!fetch)
        return err;
    if (!fetch->head_seen || !receive(&fetch->received, m.data))
        return PH_ERR_MALFORMED;
    if (m.data.len == 0)
        return PH_OK;
    const JSValueRef args[] = {number(e, f->id), body_value(e, m.data)};
    ph_engine_tell(e, PH_HOOK_onFetchBody, fetch->call, PH_LEN(args), args);
    return PH_OK;
}

static enum ph_err on_fetch_done(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    enum ph_err err;
    struct ph_fetch *fetch = find_fetch(e, f, &err);

    PH_TRY(ph_get_FETCH_DONE(f));
    if (!fetch)
        return err;
    if (!fetch->head_seen)
        return PH_ERR_MALFORMED;
    const uint64_t call = fetch->call;
    ph_fetch_close(e, fetch);
    const JSValueRef id = number(e, f->id);
    ph_engine_tell(e, PH_HOOK_onFetchDone, call, 1, &id);
    return PH_OK;
}

static enum ph_err on_fetch_fail(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_FETCH_FAIL m;
    enum ph_err err;
    struct ph_fetch *fetch = find_fetch(e, f, &err);

    PH_TRY(ph_get_FETCH_FAIL(f, &m));
    if (!fetch)
        return err;
    const uint64_t call = fetch->call;
    ph_fetch_close(e, fetch);
    const JSValueRef args[] = {number(e, f->id), ph_string_value(e, m.code),
                               ph_string_value(e, m.message)};
    ph_engine_tell(e, PH_HOOK_onFetchFail, call, PH_LEN(args), args);
    return PH_OK;
}

static enum ph_err on_bundle(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_BUNDLE m;
    PH_TRY(ph_get_BUNDLE(f, &m));
    return ph_start_bundle(e, m.data);
}

static enum ph_err on_start(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_START m;
    PH_TRY(ph_get_START(f, &m));
    return ph_start(e, &m);
}

static enum ph_err on_state(struct ph_engine *e, const struct ph_ipc_frame *f)
{
    struct ph_msg_STATE m;
    PH_TRY(ph_get_STATE(f, &m));
    return ph_turns_open(e, &m);
}

enum ph_err ph_engine_frame(struct ph_engine *e, const struct ph_ipc_frame *frame)
{
    switch (frame->type) {
    case PH_IPC_CALL:
        return on_call(e, frame);
    case PH_IPC_CALL_BODY:
        return on_call_body(e, frame);
    case PH_IPC_CALL_END:
        return on_call_end(e, frame);
    case PH_IPC_CALL_CANCEL:
        return on_call_cancel(e, frame);
    case PH_IPC_CREDIT_R:
        return on_credit(e, frame);
    case PH_IPC_FETCH_HEAD:
        return on_fetch_head(e, frame);
    case PH_IPC_FETCH_BODY:
        return on_fetch_body(e, frame);
    case PH_IPC_FETCH_DONE:
        return on_fetch_done(e, frame);
    case PH_IPC_FETCH_FAIL:
        return on_fetch_fail(e, frame);
    case PH_IPC_BUNDLE:
        return on_bundle(e, frame);
    case PH_IPC_START:
        return on_start(e, frame);
    case PH_IPC_STATE:
        return on_state(e, frame);
    default:
        return PH_ERR_MALFORMED; /* unknown, or in the wrong direction */
    }
}
