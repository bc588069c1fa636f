#include "node/client_loop.h"

#include <stdlib.h>

struct ph_whole_fetch {
    struct ph_client_loop *at;
    void (*done)(void *ctx, uint64_t tag, uint16_t status, struct ph_bytes body);
    void *ctx;
    uint64_t tag;
    uint16_t status;
    struct ph_buf body;
    struct ph_whole_fetch *next, **prev;
};

static void run(void *ctx)
{
    struct ph_client_loop *at = ctx;

    ph_http_client_run(at->client);
    ph_client_loop_arm(at);
}

static void ready(void *ctx, uint32_t events)
{
    (void)events;
    run(ctx);
}

void ph_client_loop_arm(struct ph_client_loop *at)
{
    const int ms = ph_http_client_timeout_ms(at->client);

    /* Without memory for a timer, the next event on a socket goes on. */
    if (ms < 0 || ph_timer_arm(at->loop, &at->timer, ms, run, at) != PH_OK)
        ph_timer_cancel(at->loop, &at->timer);
}

enum ph_err ph_client_loop_open(struct ph_client_loop *at, struct ph_loop *loop,
                                const struct ph_http_client_config *config)
{
    at->loop = loop;
    PH_TRY(ph_http_client_open(config, &at->client));
    const enum ph_err err =
        ph_watch_add(loop, &at->watch, ph_http_client_fd(at->client), EPOLLIN, ready, at);
    if (err != PH_OK)
        ph_client_loop_close(at);
    return err;
}

static void unlink_and_free(struct ph_whole_fetch *f)
{
    *f->prev = f->next;
    if (f->next)
        f->next->prev = f->prev;
    ph_buf_clear(&f->body);
    free(f);
}

void ph_client_loop_close(struct ph_client_loop *at)
{
    if (!at->client)
        return;
    ph_timer_cancel(at->loop, &at->timer);
    ph_watch_del(at->loop, &at->watch);
    ph_http_client_close(at->client);
    at->client = NULL;
    while (at->fetches)
        unlink_and_free(at->fetches);
}

static void on_head(void *ctx, uint16_t status, struct ph_bytes status_text,
                    struct ph_bytes final_url, struct ph_bytes headers)
{
    struct ph_whole_fetch *f = ctx;

    (void)status_text;
    (void)final_url;
    (void)headers;
    f->status = status;
}

static void on_data(void *ctx, struct ph_bytes data)
{
    struct ph_whole_fetch *f = ctx;

    if (ph_buf_add(&f->body, data) != PH_OK)
        f->status = 0;
}

static void on_done(void *ctx)
{
    struct ph_whole_fetch *f = ctx;

    f->done(f->ctx, f->tag, f->status, ph_buf_view(&f->body));
    unlink_and_free(f);
}

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct ph_whole_fetch *f = ctx;

    (void)code;
    (void)message;
    f->done(f->ctx, f->tag, 0, (struct ph_bytes){0});
    unlink_and_free(f);
}

static void on_writable(void *ctx)
{
    (void)ctx; /* bodies are sent whole */
}

enum ph_err ph_client_loop_fetch(struct ph_client_loop *at, const struct ph_http_fetch_spec *spec,
                                 void (*done)(void *, uint64_t, uint16_t, struct ph_bytes),
                                 void *ctx, uint64_t tag)
{
    struct ph_whole_fetch *f = calloc(1, sizeof(*f));
    struct ph_http_fetch *started;

    if (!f)
        return PH_ERR_NOMEM;
    *f = (struct ph_whole_fetch){
        .at = at, .done = done, .ctx = ctx, .tag = tag, .body = PH_BUF(spec->response_max)};
    const struct ph_http_fetch_events events = {on_head, on_data, on_done, on_fail, on_writable, f};
    const enum ph_err err = ph_http_fetch_start(at->client, spec, &events, &started);
    if (err != PH_OK) {
        free(f);
        return err;
    }
    f->next = at->fetches;
    f->prev = &at->fetches;
    if (f->next)
        f->next->prev = &f->next;
    at->fetches = f;
    ph_client_loop_arm(at);
    return PH_OK;
}
