#include "node/client_loop.h"

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

void ph_client_loop_close(struct ph_client_loop *at)
{
    if (!at->client)
        return;
    ph_timer_cancel(at->loop, &at->timer);
    ph_watch_del(at->loop, &at->watch);
    ph_http_client_close(at->client);
    at->client = NULL;
}
