/* A call's request on its way to the instance, body included, within the instance's window. */

#include "base/own.h"
#include "node/calls_priv.h"
#include "node/instances.h"
#include "node/phat_state.h"
#include "node/phats.h"

/* Callers together must not fill the channel of an instance that is busy: a full one ends the
 * instance, and with it the calls of others. False: the call has failed instead. */
static bool has_room(struct ph_call *call, size_t len)
{
    if (ph_ipc_queued(ph_instance_calls(call->instance)) + len <= PH_INSTANCE_QUEUED_MAX)
        return true;
    ph_call_fail(call, "overloaded", (struct ph_bytes){NULL, 0});
    ph_call_cancel(call);
    return false;
}

void ph_call_send(struct ph_call *call, bool whole)
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
        ph_call_refuse(call, 414, "uri-too-long", "the request target is too long",
                       (struct ph_bytes){NULL, 0});
        ph_call_leave(call);
        return;
    }
    if (!has_room(call, call->body.len))
        return;
    memcpy(url, scheme.ptr, scheme.len);
    memcpy(url + scheme.len, host.ptr, host.len);
    memcpy(url + scheme.len + host.len, call->target.ptr, call->target.len);
    const struct ph_msg_CALL msg = {.kind = call->kind,
                                    .wall_ms = call->wall_ms,
                                    .method = ph_http_req_method(req),
                                    .url = {url, scheme.len + host.len + call->target.len},
                                    .headers = ph_http_req_headers(req),
                                    .body = ph_buf_view(&call->body)};
    if (ph_put_CALL(ph_instance_calls(instance), whole ? PH_IPC_END : 0, call->id, &msg) != PH_OK) {
        ph_instance_kill(instance, "internal", "its channel is full");
        return;
    }
    call->sent = true;
    call->commit_least = ph_phat_state_newest(instance);
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

    if (!instance || !has_room(call, data.len))
        return;
    while (call->body.len == 0 && data.len > 0 && call->upload_in_flight < PH_IPC_WINDOW) {
        size_t n = PH_IPC_WINDOW - call->upload_in_flight;
        n = n < PH_IPC_CHUNK_MAX ? n : PH_IPC_CHUNK_MAX;
        n = n < data.len ? n : data.len;
        const struct ph_msg_CALL_BODY msg = {.data = {data.ptr, n}};
        if (ph_put_CALL_BODY(ph_instance_calls(instance), 0, call->id, &msg) != PH_OK) {
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
    if (ph_put_CALL_END(ph_instance_calls(call->instance), 0, call->id) != PH_OK)
        ph_instance_kill(call->instance, "internal", "its channel is full");
    else
        ph_instance_flush_later(call->instance);
}

void ph_call_on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct ph_call *call = (struct ph_call *)ex;

    if (call->answered || !call->instance)
        return;
    call->request_bytes += data.len;
    call->node->metrics.request_bytes += data.len;
    ph_sha256_update(&call->request_sha, data);
    if (call->request_bytes > call->limits.request_bytes) {
        ph_call_refuse(call, 413, "request-too-large",
                       "the request body is larger than the phat's limits.requestBytes",
                       (struct ph_bytes){NULL, 0});
        ph_call_cancel(call);
        return;
    }
    if (!call->sent && call->body.len + data.len <= PH_IPC_CHUNK_MAX &&
        ph_http_req_body_len(call->req) <= PH_IPC_CHUNK_MAX &&
        ph_http_req_body_len(call->req) >= 0) {
        if (ph_buf_add(&call->body, data) != PH_OK) {
            ph_call_fail(call, "internal", (struct ph_bytes){NULL, 0});
            ph_call_cancel(call);
        }
        return;
    }
    if (!call->sent)
        ph_call_send(call, false);
    upload(call, data);
}

void ph_call_on_body_end(struct ph_exchange *ex)
{
    struct ph_call *call = (struct ph_call *)ex;

    ph_call_hash_request(call);
    if (call->answered || !call->instance || call->is_whole)
        return;
    if (!call->sent) {
        ph_call_send(call, true);
        return;
    }
    if (call->body.len == 0)
        end_upload(call);
    else
        call->end_owed = true;
}

void ph_call_upload_credit(struct ph_call *call, uint32_t bytes)
{
    struct ph_buf held = call->body;

    call->upload_in_flight -= bytes < call->upload_in_flight ? bytes : call->upload_in_flight;
    if (held.len > 0) {
        call->body = PH_BUF(PH_UPLOAD_HELD_MAX);
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
