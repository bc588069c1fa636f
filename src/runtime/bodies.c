#include "runtime/engine_priv.h"

const struct ph_body_kind ph_body_resp = {PH_IPC_RESP_BODY, PH_IPC_RESP_END};
const struct ph_body_kind ph_body_fetch = {PH_IPC_FETCH_SEND, PH_IPC_FETCH_SEND_END};

/* Send from the front of `data` what the window allows; *used gets its length. */
static enum ph_err send_allowed(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                struct ph_out_body *body, struct ph_bytes data, size_t *used)
{
    *used = 0;
    while (body->window > 0 && *used < data.len) {
        size_t n = data.len - *used;
        if (n > PH_IPC_CHUNK_MAX)
            n = PH_IPC_CHUNK_MAX;
        if (n > (size_t)body->window)
            n = (size_t)body->window;
        const struct ph_bytes part = {data.ptr + *used, n};
        PH_TRY(ph_ipc_send(&e->chan, kind.chunk, 0, id, &part, 1));
        body->window -= (int64_t)n;
        *used += n;
    }
    return PH_OK;
}

enum ph_err ph_body_send(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                         struct ph_out_body *body, struct ph_bytes data)
{
    size_t used = 0;

    if (body->queue.len == 0)
        PH_TRY(send_allowed(e, kind, id, body, data, &used));
    if (used == data.len)
        return PH_OK;
    body->queue.limit = PH_ENGINE_QUEUE_MAX;
    return ph_buf_add(&body->queue, (struct ph_bytes){data.ptr + used, data.len - used});
}

enum ph_err ph_body_end(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                        struct ph_out_body *body)
{
    body->ended = true;
    return body->queue.len > 0 ? PH_OK : ph_ipc_send(&e->chan, kind.end, 0, id, NULL, 0);
}

enum ph_err ph_body_credit(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                           struct ph_out_body *body, uint32_t bytes)
{
    size_t used = 0;

    if (body->window + (int64_t)bytes > PH_IPC_WINDOW)
        return PH_ERR_MALFORMED;
    body->window += (int64_t)bytes;
    if (body->queue.len == 0)
        return PH_OK;
    PH_TRY(send_allowed(e, kind, id, body, ph_buf_view(&body->queue), &used));
    ph_buf_consume(&body->queue, used);
    if (body->queue.len > 0)
        return PH_OK;
    ph_buf_clear(&body->queue);
    return body->ended ? ph_ipc_send(&e->chan, kind.end, 0, id, NULL, 0) : PH_OK;
}
