#include "http/ws_frames.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <sys/types.h>
#include <wslay/wslay.h>

enum {
    FRAME_HEAD_MAX = 14,
    CONTROL_ROOM = 4096,      /* for answers to pings and a close, beside messages */
    KEEP_MAX = 256 * 1024,    /* of a buffer between messages */
    COMPACT_MIN = 256 * 1024, /* bytes that have left, before the rest is moved */
};

struct ph_http_ws_frames {
    struct ph_http_ws_frames_config config;
    wslay_event_context_ptr wslay;
    struct ph_bytes in; /* what wslay has not read yet */
    struct ph_buf message, out;
    size_t out_at; /* bytes of out that have left */
    uint32_t frame_cnt;
    bool is_control; /* the frame that is being read */
    int64_t now_ms, window_ms;
    uint32_t idle_cnt;
    enum ph_err over; /* PH_OK: it is not */
};

static void end(struct ph_http_ws_frames *f, enum ph_err err)
{
    if (f->over == PH_OK)
        f->over = err;
    wslay_event_shutdown_read(f->wslay);
}

/* wslay's callbacks. */

static ssize_t on_recv(wslay_event_context_ptr w, uint8_t *into, size_t len, int flags, void *ctx)
{
    struct ph_http_ws_frames *f = ctx;
    const size_t n = f->in.len < len ? f->in.len : len;

    (void)flags;
    if (n == 0) {
        wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(into, f->in.ptr, n);
    f->in = (struct ph_bytes){f->in.ptr + n, f->in.len - n};
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr w, const uint8_t *data, size_t len, int flags,
                       void *ctx)
{
    struct ph_http_ws_frames *f = ctx;
    const enum ph_err err = ph_buf_add(&f->out, (struct ph_bytes){data, len});

    (void)flags;
    if (err != PH_OK) {
        end(f, err);
        wslay_event_set_error(w, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr w, uint8_t *into, size_t len, void *ctx)
{
    (void)ctx;
    if (gnutls_rnd(GNUTLS_RND_NONCE, into, len) == 0)
        return 0;
    wslay_event_set_error(w, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

/* Frames that say nothing cost the server two bytes each. */
static void count_idle(struct ph_http_ws_frames *f)
{
    if (f->now_ms - f->window_ms >= PH_HTTP_WS_WINDOW_MS) {
        f->window_ms = f->now_ms;
        f->idle_cnt = 0;
    }
    if (++f->idle_cnt > PH_HTTP_WS_IDLE_MAX)
        end(f, PH_ERR_LIMIT);
}

static void on_frame(wslay_event_context_ptr w,
                     const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx)
{
    struct ph_http_ws_frames *f = ctx;

    (void)w;
    f->is_control = wslay_is_ctrl_frame(arg->opcode);
    if (f->is_control || arg->payload_length == 0)
        count_idle(f);
    if (f->is_control)
        return;
    if (arg->opcode == WSLAY_BINARY_FRAME)
        end(f, PH_ERR_MALFORMED);
    if (arg->payload_length > f->config.message_max - f->message.len ||
        ++f->frame_cnt > PH_HTTP_WS_FRAMES_MAX)
        end(f, PH_ERR_LIMIT);
}

static void on_chunk(wslay_event_context_ptr w,
                     const struct wslay_event_on_frame_recv_chunk_arg *arg, void *ctx)
{
    struct ph_http_ws_frames *f = ctx;

    (void)w;
    if (f->is_control || f->over != PH_OK || arg->data_length == 0)
        return;
    const enum ph_err err = ph_buf_add(&f->message, (struct ph_bytes){arg->data, arg->data_length});
    if (err != PH_OK)
        end(f, err);
}

static void on_message(wslay_event_context_ptr w, const struct wslay_event_on_msg_recv_arg *arg,
                       void *ctx)
{
    struct ph_http_ws_frames *f = ctx;

    (void)w;
    if (wslay_is_ctrl_frame(arg->opcode))
        return;
    if (f->over == PH_OK)
        f->config.message(f->config.ctx, ph_buf_view(&f->message));
    if (f->message.cap > KEEP_MAX)
        ph_buf_clear(&f->message);
    f->message.len = 0;
    f->frame_cnt = 0;
}

enum ph_err ph_http_ws_frames_new(const struct ph_http_ws_frames_config *config,
                                  struct ph_http_ws_frames **out)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .genmask_callback = on_mask,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_chunk,
        .on_msg_recv_callback = on_message,
    };
    struct ph_http_ws_frames *f = calloc(1, sizeof(*f));

    if (!f)
        return PH_ERR_NOMEM;
    f->config = *config;
    f->message = PH_BUF(config->message_max);
    f->out = PH_BUF(config->out_max + CONTROL_ROOM);
    if (wslay_event_context_client_init(&f->wslay, &callbacks, f) != 0) {
        free(f);
        return PH_ERR_NOMEM;
    }
    /* wslay would keep one allocation for each frame of a message. */
    wslay_event_config_set_no_buffering(f->wslay, 1);
    *out = f;
    return PH_OK;
}

void ph_http_ws_frames_free(struct ph_http_ws_frames *f)
{
    if (!f)
        return;
    wslay_event_context_free(f->wslay);
    ph_buf_clear(&f->message);
    ph_buf_clear(&f->out);
    free(f);
}

enum ph_err ph_http_ws_frames_take(struct ph_http_ws_frames *f, struct ph_bytes bytes,
                                   int64_t now_ms)
{
    if (f->over != PH_OK)
        return f->over;
    f->in = bytes;
    f->now_ms = now_ms;
    const int code = wslay_event_recv(f->wslay);
    f->in = (struct ph_bytes){0};
    if (code != 0)
        end(f, code == WSLAY_ERR_NOMEM ? PH_ERR_NOMEM : PH_ERR_MALFORMED);
    else if (wslay_event_get_close_received(f->wslay))
        end(f, PH_ERR_CLOSED);
    else if (!wslay_event_get_read_enabled(f->wslay))
        end(f, PH_ERR_MALFORMED);
    if (wslay_event_send(f->wslay) != 0)
        end(f, PH_ERR_NOMEM);
    return f->over;
}

static void compact(struct ph_http_ws_frames *f)
{
    ph_buf_consume(&f->out, f->out_at);
    f->out_at = 0;
}

enum ph_err ph_http_ws_frames_send(struct ph_http_ws_frames *f, struct ph_bytes text)
{
    const struct wslay_event_msg message = {WSLAY_TEXT_FRAME, text.ptr, text.len};
    const size_t waiting = f->out.len - f->out_at + FRAME_HEAD_MAX;

    if (f->over != PH_OK)
        return PH_ERR_CLOSED;
    if (waiting > f->config.out_max || text.len > f->config.out_max - waiting)
        return PH_ERR_LIMIT;
    if (f->out.len + FRAME_HEAD_MAX + text.len > f->out.limit)
        compact(f);
    if (wslay_event_queue_msg(f->wslay, &message) != 0)
        return PH_ERR_NOMEM;
    if (wslay_event_send(f->wslay) != 0)
        end(f, PH_ERR_NOMEM);
    return f->over;
}

struct ph_bytes ph_http_ws_frames_out(const struct ph_http_ws_frames *f)
{
    if (f->out.len == f->out_at)
        return (struct ph_bytes){0};
    return (struct ph_bytes){f->out.ptr + f->out_at, f->out.len - f->out_at};
}

void ph_http_ws_frames_sent(struct ph_http_ws_frames *f, size_t n)
{
    assert(n <= f->out.len - f->out_at);
    f->out_at += n;
    if (f->out_at == f->out.len && f->out.cap > KEEP_MAX)
        ph_buf_clear(&f->out);
    if (f->out_at >= f->out.len || (f->out_at >= COMPACT_MIN && f->out_at >= f->out.len / 2))
        compact(f);
}
