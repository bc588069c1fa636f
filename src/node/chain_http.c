#include "node/chain_http.h"

#include "base/own.h"
#include "http/client.h"
#include "http/url.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOST_LEN = PH_EGRESS_HOST_MAX + 8, CONNECTIONS = 32 };

struct endpoint {
    char url[PH_HTTP_URL_MAX + 1];
    char host[HOST_LEN]; /* "host:port": may be private */
    struct ph_egress_rule rule;
};

/* One body under way, in a list of all. */
struct post {
    struct ph_chain_http *http;
    uint64_t ticket;
    uint16_t status;
    struct ph_buf answer;
    struct ph_http_fetch *fetch;
    struct post *next, **prev;
};

struct ph_chain_http {
    struct ph_chain_http_config config;
    struct endpoint endpoints[PH_RPC_ENDPOINTS_MAX];
    struct ph_http_client *client;
    struct ph_watch watch;
    struct ph_timer timer;
    struct post *posts;
};

static void run(void *ctx);

/* libcurl's own timers, and what was just started. */
static void arm(struct ph_chain_http *h)
{
    const int ms = ph_http_client_timeout_ms(h->client);

    if (ms < 0)
        ph_timer_cancel(h->config.loop, &h->timer);
    else if (ph_timer_arm(h->config.loop, &h->timer, ms, run, h) != PH_OK)
        ph_timer_cancel(h->config.loop, &h->timer); /* the next event on a socket goes on */
}

static void run(void *ctx)
{
    struct ph_chain_http *h = ctx;

    ph_http_client_run(h->client);
    arm(h);
}

static void ready(void *ctx, uint32_t events)
{
    (void)events;
    run(ctx);
}

static enum ph_err read_url(struct endpoint *e, const char *text,
                            char why[static PH_CHAIN_HTTP_WHY_LEN])
{
    struct ph_http_url *url PH_OWNED(ph_freep) = calloc(1, sizeof(*url));
    const char *reason = "";

    if (!url)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_http_url_parse(ph_bytes_str(text), url, &reason);
    if (err != PH_OK) {
        (void)snprintf(why, PH_CHAIN_HTTP_WHY_LEN, "%.150s: %.80s", text, reason);
        return err;
    }
    memcpy(e->url, url->text, sizeof(e->url));
    (void)snprintf(e->host, sizeof(e->host), "%s:%u", url->host, url->port);
    e->rule = (struct ph_egress_rule){.https = url->https, .port = url->port};
    memcpy(e->rule.host, url->host, sizeof(e->rule.host));
    return PH_OK;
}

static enum ph_err open_client(struct ph_chain_http *h)
{
    const char *hosts[PH_RPC_ENDPOINTS_MAX + 1] = {NULL};

    for (size_t i = 0; i < h->config.url_cnt; i++)
        hosts[i] = h->endpoints[i].host;
    const struct ph_http_client_config config = {.private_hosts_insecure = hosts,
                                                 .connections = CONNECTIONS};
    PH_TRY(ph_http_client_open(&config, &h->client));
    return ph_watch_add(h->config.loop, &h->watch, ph_http_client_fd(h->client), EPOLLIN, ready, h);
}

enum ph_err ph_chain_http_new(const struct ph_chain_http_config *config, struct ph_chain_http **out,
                              char why[static PH_CHAIN_HTTP_WHY_LEN])
{
    struct ph_chain_http *h = calloc(1, sizeof(*h));
    enum ph_err err = PH_OK;

    if (!h)
        return PH_ERR_NOMEM;
    h->config = *config;
    if (config->url_cnt == 0 || config->url_cnt > PH_RPC_ENDPOINTS_MAX) {
        (void)snprintf(why, PH_CHAIN_HTTP_WHY_LEN, "1 to %d endpoints", PH_RPC_ENDPOINTS_MAX);
        err = PH_ERR_MALFORMED;
    }
    for (size_t i = 0; err == PH_OK && i < config->url_cnt; i++)
        err = read_url(&h->endpoints[i], config->urls[i], why);
    if (err == PH_OK) {
        err = open_client(h);
        if (err != PH_OK)
            (void)snprintf(why, PH_CHAIN_HTTP_WHY_LEN, "the HTTP client cannot start");
    }
    if (err != PH_OK) {
        ph_chain_http_free(h);
        return err;
    }
    *out = h;
    return PH_OK;
}

static void unlink_and_free(struct post *p)
{
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    ph_buf_clear(&p->answer);
    free(p);
}

void ph_chain_http_free(struct ph_chain_http *h)
{
    if (!h)
        return;
    while (h->posts) {
        ph_http_fetch_cancel(h->posts->fetch);
        unlink_and_free(h->posts);
    }
    ph_timer_cancel(h->config.loop, &h->timer);
    ph_watch_del(h->config.loop, &h->watch);
    if (h->client)
        ph_http_client_close(h->client);
    free(h);
}

static void on_head(void *ctx, uint16_t status, struct ph_bytes status_text,
                    struct ph_bytes final_url, struct ph_bytes headers)
{
    struct post *p = ctx;

    (void)status_text;
    (void)final_url;
    (void)headers;
    p->status = status;
}

/* Over the limit the client ends it, which on_fail tells; no memory leaves a text that is not JSON.
 */
static void on_data(void *ctx, struct ph_bytes data)
{
    struct post *p = ctx;

    if (ph_buf_add(&p->answer, data) != PH_OK)
        p->status = 0;
}

static void on_done(void *ctx)
{
    struct post *p = ctx;
    const struct ph_chain_http_config *config = &p->http->config;

    if (p->status >= 200 && p->status < 300)
        config->answered(config->ctx, p->ticket, ph_buf_view(&p->answer));
    else
        config->failed(config->ctx, p->ticket);
    unlink_and_free(p);
}

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct post *p = ctx;

    (void)code;
    (void)message;
    p->http->config.failed(p->http->config.ctx, p->ticket);
    unlink_and_free(p);
}

static void on_writable(void *ctx)
{
    (void)ctx; /* bodies are sent whole */
}

enum ph_err ph_chain_http_post(void *ctx, size_t endpoint, uint64_t ticket, struct ph_bytes body)
{
    struct ph_chain_http *h = ctx;
    const struct endpoint *e = &h->endpoints[endpoint];
    struct post *p = calloc(1, sizeof(*p));

    if (!p)
        return PH_ERR_NOMEM;
    *p = (struct post){.http = h, .ticket = ticket, .answer = PH_BUF(PH_RPC_TEXT_MAX)};
    const struct ph_http_fetch_spec spec = {
        .method = PH_BYTES_LIT("POST"),
        .url = ph_bytes_str(e->url),
        .headers = PH_BYTES_LIT("content-type: application/json\naccept: application/json\n"),
        .body = body,
        .rules = &e->rule,
        .rule_cnt = 1,
        .timeout_ms = PH_CHAIN_HTTP_TIMEOUT_MS,
        .response_max = PH_RPC_TEXT_MAX};
    const struct ph_http_fetch_events events = {on_head, on_data, on_done, on_fail, on_writable, p};
    const enum ph_err err = ph_http_fetch_start(h->client, &spec, &events, &p->fetch);
    if (err != PH_OK) {
        free(p);
        return err;
    }
    p->next = h->posts;
    p->prev = &h->posts;
    if (p->next)
        p->next->prev = &p->next;
    h->posts = p;
    arm(h);
    return PH_OK;
}
