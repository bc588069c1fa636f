#include "node/chain_ws.h"

#include "base/clock.h"
#include "base/own.h"
#include "chain/rpc_message.h"
#include "http/ws.h"
#include "node/client_loop.h"

#include <stdlib.h>

/* A body under way; the oldest first. */
struct post {
    uint64_t ticket;
    int64_t until_ms;
    struct post *next;
};

struct ph_chain_ws {
    struct ph_chain_ws_config config;
    struct ph_client_loop at; /* of its own: see http/ws.h */
    struct ph_http_ws *ws;    /* NULL: not connected, nor about to be */
    struct post *posts, **end;
    size_t post_cnt;
    struct ph_timer timer; /* for the oldest post */
    int64_t window_ms;
    size_t unasked;
};

static int64_t now_ms(void)
{
    return ph_clock_mono_ns() / 1000000;
}

static struct post *unlink_post(struct ph_chain_ws *w, struct post **at)
{
    struct post *post = *at;

    *at = post->next;
    if (!post->next)
        w->end = at;
    w->post_cnt--;
    return post;
}

/* The connection is gone: so is what was under way on it. */
static void fail_all(struct ph_chain_ws *w)
{
    w->ws = NULL;
    while (w->posts) {
        struct post *post PH_OWNED(ph_freep) = unlink_post(w, &w->posts);
        w->config.failed(w->config.ctx, post->ticket);
    }
}

static void hang_up(struct ph_chain_ws *w)
{
    if (w->ws)
        ph_http_ws_drop(w->ws);
    fail_all(w);
    ph_client_loop_arm(&w->at);
}

static void watch_time(struct ph_chain_ws *w);

static void on_time(void *ctx)
{
    struct ph_chain_ws *w = ctx;

    if (w->posts && w->posts->until_ms <= now_ms())
        hang_up(w);
    watch_time(w);
}

static void watch_time(struct ph_chain_ws *w)
{
    if (!w->posts) {
        ph_timer_cancel(w->config.loop, &w->timer);
        return;
    }
    const int64_t left = w->posts->until_ms - now_ms();
    if (ph_timer_arm(w->config.loop, &w->timer, left > 0 ? left : 0, on_time, w) != PH_OK)
        hang_up(w); /* rather than wait for ever */
}

/* Nothing asked for these bytes. */
static void count_unasked(struct ph_chain_ws *w, size_t len)
{
    const int64_t now = now_ms();

    if (now - w->window_ms >= PH_CHAIN_WS_UNASKED_MS) {
        w->window_ms = now;
        w->unasked = 0;
    }
    w->unasked += len;
    if (w->unasked > PH_CHAIN_WS_UNASKED_MAX)
        hang_up(w);
}

static void take_answers(struct ph_chain_ws *w, uint64_t ticket, struct ph_bytes text)
{
    struct post **at = &w->posts;

    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    if (!*at) {
        count_unasked(w, text.len);
        return;
    }
    struct post *post PH_OWNED(ph_freep) = unlink_post(w, at);
    watch_time(w);
    w->config.answered(w->config.ctx, post->ticket, text);
}

static void on_message(void *ctx, struct ph_bytes text)
{
    struct ph_chain_ws *w = ctx;
    struct ph_rpc_message message;

    if (ph_rpc_message_read(text, &message) != PH_OK) {
        hang_up(w);
        return;
    }
    switch (message.kind) {
    case PH_RPC_MESSAGE_ANSWERS:
        take_answers(w, message.ticket, text);
        return;
    case PH_RPC_MESSAGE_NEWS:
        count_unasked(w, text.len);
        w->config.woken(w->config.ctx);
        return;
    case PH_RPC_MESSAGE_SUBSCRIBED:
        count_unasked(w, text.len); /* said twice, for all that is known */
        return;
    }
}

static void on_close(void *ctx, const char *code)
{
    struct ph_chain_ws *w = ctx;

    (void)code;
    fail_all(w);
    watch_time(w);
}

static enum ph_err dial(struct ph_chain_ws *w)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(256);
    const struct ph_http_ws_spec spec = {.url = ph_bytes_str(w->config.url),
                                         .rules = &w->config.rule,
                                         .rule_cnt = 1,
                                         .timeout_ms = w->config.timeout_ms,
                                         .message_max = PH_RPC_TEXT_MAX,
                                         .queue_max = PH_CHAIN_WS_QUEUE_MAX};
    const struct ph_http_ws_events events = {on_message, on_close, w};

    PH_TRY(ph_rpc_put_subscribe(&text));
    PH_TRY(ph_http_ws_open(w->at.client, &spec, &events, &w->ws));
    return ph_http_ws_send(w->ws, ph_buf_view(&text));
}

enum ph_err ph_chain_ws_post(struct ph_chain_ws *w, uint64_t ticket, struct ph_bytes body)
{
    if (w->post_cnt >= PH_CHAIN_WS_POSTS_MAX)
        return PH_ERR_LIMIT;
    if (!w->ws)
        PH_TRY(dial(w));
    struct post *post = calloc(1, sizeof(*post));
    if (!post)
        return PH_ERR_NOMEM;
    *post = (struct post){.ticket = ticket, .until_ms = now_ms() + w->config.timeout_ms};
    const enum ph_err err = ph_http_ws_send(w->ws, body);
    if (err != PH_OK) {
        free(post);
        return err;
    }
    *w->end = post;
    w->end = &post->next;
    if (w->post_cnt++ == 0 &&
        ph_timer_arm(w->config.loop, &w->timer, w->config.timeout_ms, on_time, w) != PH_OK) {
        free(unlink_post(w, &w->posts));
        return PH_ERR_NOMEM;
    }
    ph_client_loop_arm(&w->at);
    return PH_OK;
}

enum ph_err ph_chain_ws_new(const struct ph_chain_ws_config *config, struct ph_chain_ws **out)
{
    const char *const hosts[] = {config->host, NULL};
    const struct ph_http_client_config client = {.private_hosts_insecure = hosts, .connections = 1};
    struct ph_chain_ws *w = calloc(1, sizeof(*w));

    if (!w)
        return PH_ERR_NOMEM;
    w->config = *config;
    w->config.host = NULL;
    w->end = &w->posts;
    const enum ph_err err = ph_client_loop_open(&w->at, config->loop, &client);
    if (err != PH_OK) {
        free(w);
        return err;
    }
    *out = w;
    return PH_OK;
}

void ph_chain_ws_free(struct ph_chain_ws *w)
{
    if (!w)
        return;
    ph_client_loop_close(&w->at);
    ph_timer_cancel(w->config.loop, &w->timer);
    while (w->posts)
        free(unlink_post(w, &w->posts));
    free(w);
}
