#include "node/chain_http.h"

#include "base/own.h"
#include "http/url.h"
#include "node/chain_ws.h"
#include "node/client_loop.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOST_LEN = PH_EGRESS_HOST_MAX + 8, CONNECTIONS = 32 };

struct endpoint {
    struct ph_chain_http *http;
    struct ph_chain_ws *ws; /* NULL: bodies are posted */
    bool is_ws;
    char url[PH_HTTP_URL_MAX + 1];
    char host[HOST_LEN]; /* "host:port": may be private */
    struct ph_egress_rule rule;
};

struct ph_chain_http {
    struct ph_chain_http_config config;
    struct endpoint endpoints[PH_CHAIN_HTTP_URLS_MAX];
    struct ph_client_loop at;
};

/* The same place in the scheme that carries it. */
static bool read_scheme(const char *text, struct ph_buf *out, bool *is_ws)
{
    const bool plain = strncmp(text, "ws://", 5) == 0, tls = strncmp(text, "wss://", 6) == 0;

    *is_ws = plain || tls;
    return ph_buf_add_str(out, plain ? "http://"
                               : tls ? "https://"
                                     : "") == PH_OK &&
           ph_buf_add_str(out, text + (plain ? 5
                                       : tls ? 6
                                             : 0)) == PH_OK;
}

static enum ph_err read_url(struct endpoint *e, const char *text,
                            char why[static PH_CHAIN_HTTP_WHY_LEN])
{
    struct ph_http_url *url PH_OWNED(ph_freep) = calloc(1, sizeof(*url));
    struct ph_buf mapped PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_HTTP_URL_MAX);
    const char *reason = "";

    if (!url)
        return PH_ERR_NOMEM;
    enum ph_err err = PH_ERR_LIMIT;
    if (read_scheme(text, &mapped, &e->is_ws))
        err = ph_http_url_parse(ph_buf_view(&mapped), url, &reason);
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

/* From a WebSocket: tickets are of all endpoints together. */

static void on_answered(void *ctx, uint64_t ticket, struct ph_bytes body)
{
    const struct endpoint *e = ctx;

    e->http->config.answered(e->http->config.ctx, ticket, body);
}

static void on_failed(void *ctx, uint64_t ticket)
{
    const struct endpoint *e = ctx;

    e->http->config.failed(e->http->config.ctx, ticket);
}

static void on_woken(void *ctx)
{
    const struct endpoint *e = ctx;
    struct ph_chain_http *h = e->http;

    h->config.woken(h->config.ctx, (size_t)(e - h->endpoints));
}

static enum ph_err open_ws(struct ph_chain_http *h, struct endpoint *e)
{
    const struct ph_chain_ws_config config = {.loop = h->config.loop,
                                              .url = e->url,
                                              .host = e->host,
                                              .rule = e->rule,
                                              .timeout_ms = PH_CHAIN_HTTP_TIMEOUT_MS,
                                              .answered = on_answered,
                                              .failed = on_failed,
                                              .woken = on_woken,
                                              .ctx = e};

    e->http = h;
    return ph_chain_ws_new(&config, &e->ws);
}

static enum ph_err open_clients(struct ph_chain_http *h)
{
    const char *hosts[PH_CHAIN_HTTP_URLS_MAX + 1] = {NULL};
    size_t cnt = 0;

    for (size_t i = 0; i < h->config.url_cnt; i++) {
        if (h->endpoints[i].is_ws)
            PH_TRY(open_ws(h, &h->endpoints[i]));
        else
            hosts[cnt++] = h->endpoints[i].host;
    }
    const struct ph_http_client_config config = {.private_hosts_insecure = hosts,
                                                 .connections = CONNECTIONS};
    return cnt > 0 ? ph_client_loop_open(&h->at, h->config.loop, &config) : PH_OK;
}

enum ph_err ph_chain_http_new(const struct ph_chain_http_config *config, struct ph_chain_http **out,
                              char why[static PH_CHAIN_HTTP_WHY_LEN])
{
    struct ph_chain_http *h = calloc(1, sizeof(*h));
    enum ph_err err = PH_OK;

    if (!h)
        return PH_ERR_NOMEM;
    h->config = *config;
    if (config->url_cnt == 0 || config->url_cnt > PH_CHAIN_HTTP_URLS_MAX) {
        (void)snprintf(why, PH_CHAIN_HTTP_WHY_LEN, "1 to %d endpoints", PH_CHAIN_HTTP_URLS_MAX);
        err = PH_ERR_MALFORMED;
    }
    for (size_t i = 0; err == PH_OK && i < config->url_cnt; i++)
        err = read_url(&h->endpoints[i], config->urls[i], why);
    if (err == PH_OK) {
        err = open_clients(h);
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

void ph_chain_http_free(struct ph_chain_http *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < PH_CHAIN_HTTP_URLS_MAX; i++)
        ph_chain_ws_free(h->endpoints[i].ws);
    ph_client_loop_close(&h->at);
    free(h);
}

static void on_done(void *ctx, uint64_t ticket, uint16_t status, struct ph_bytes body)
{
    const struct ph_chain_http *h = ctx;

    if (status >= 200 && status < 300)
        h->config.answered(h->config.ctx, ticket, body);
    else if (status > 0 && h->config.refused)
        h->config.refused(h->config.ctx, ticket, body);
    else
        h->config.failed(h->config.ctx, ticket);
}

static enum ph_err post_http(struct ph_chain_http *h, const struct endpoint *e, uint64_t ticket,
                             struct ph_bytes body)
{
    const struct ph_http_fetch_spec spec = {
        .method = PH_BYTES_LIT("POST"),
        .url = ph_bytes_str(e->url),
        .headers = h->config.binary
                       ? PH_BYTES_LIT("content-type: application/octet-stream\n")
                       : PH_BYTES_LIT("content-type: application/json\naccept: application/json\n"),
        .body = body,
        .rules = &e->rule,
        .rule_cnt = 1,
        .timeout_ms = PH_CHAIN_HTTP_TIMEOUT_MS,
        .response_max = PH_RPC_TEXT_MAX};

    return ph_client_loop_fetch(&h->at, &spec, on_done, h, ticket);
}

enum ph_err ph_chain_http_post(void *ctx, size_t endpoint, uint64_t ticket, struct ph_bytes body)
{
    struct ph_chain_http *h = ctx;
    const struct endpoint *e = &h->endpoints[endpoint];

    return e->ws ? ph_chain_ws_post(e->ws, ticket, body) : post_http(h, e, ticket, body);
}
