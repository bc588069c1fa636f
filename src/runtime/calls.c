#include "runtime/idem.h"
#include "runtime/move.h"

#include <stdlib.h>

struct ph_call *ph_call_open(struct ph_engine *e, uint64_t id)
{
    struct ph_call *call = PH_TAKE(e->free_call);

    if (!call)
        call = malloc(sizeof(*call));
    if (!call)
        return NULL;
    *call = (struct ph_call){.id = id, .resp.window = PH_IPC_WINDOW};
    if (ph_idmap_put(&e->calls, id, call) != PH_OK) {
        free(call);
        return NULL;
    }
    e->busy = true;
    return call;
}

void ph_call_close(struct ph_engine *e, struct ph_call *call)
{
    (void)ph_idmap_take(&e->calls, call->id);
    for (size_t i = 0; call->touched && i < e->touched_cnt; i++) {
        if (e->touched[i] == call)
            e->touched[i] = e->touched[--e->touched_cnt];
    }
    ph_buf_clear(&call->resp.queue);
    if (call->idem)
        ph_idem_drop(e, call->idem);
    struct ph_move *move = PH_TAKE(call->move);
    if (e->free_call)
        free(call);
    else
        e->free_call = call;
    if (move)
        ph_move_drop(e, move);
}

void ph_call_fail(struct ph_engine *e, struct ph_call *call, const char *code,
                  struct ph_bytes message)
{
    if (message.len > PH_ENGINE_LOG_TEXT_MAX)
        message.len = PH_ENGINE_LOG_TEXT_MAX;
    const struct ph_msg_RESP_FAIL fail = {.code = ph_bytes_str(code), .message = message};
    ph_engine_check(e, ph_put_RESP_FAIL(&e->chan, 0, call->id, &fail));
    ph_call_close(e, call);
}

void ph_calls_fail_all(struct ph_engine *e, const char *code, const char *message)
{
    struct ph_call *call;

    for (size_t at = 0; (call = ph_idmap_next(&e->calls, &at)); at = 0)
        ph_call_fail(e, call, code, ph_bytes_str(message));
}

void ph_fetch_close(struct ph_engine *e, struct ph_fetch *fetch)
{
    (void)ph_idmap_take(&e->fetches, fetch->id);
    ph_buf_clear(&fetch->body.queue);
    free(fetch);
}
