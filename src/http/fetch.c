#include "http/client_priv.h"
#include "http/syntax.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAM_QUEUE_MAX = 16 << 20, HEADERS_MAX = 256 * 1024, PIECE = 64 * 1024 };

static void hop_close(struct ph_http_fetch *f)
{
    if (f->easy) {
        (void)curl_multi_remove_handle(f->client->multi, f->easy);
        curl_easy_cleanup(f->easy);
    }
    f->easy = NULL;
    curl_slist_free_all(f->fields);
    curl_slist_free_all(f->resolve);
    f->fields = f->resolve = NULL;
}

void ph_http_fetch_free(struct ph_http_fetch *f)
{
    struct ph_http_client *client = f->client;

    f->state = PH_HTTP_FETCH_GONE; /* libcurl's last callbacks find nobody */
    ph_http_ws_free(f->ws);        /* its socket is still open */
    hop_close(f);
    if (f->prev)
        f->prev->next = f->next;
    else
        client->first = f->next;
    if (f->next)
        f->next->prev = f->prev;
    client->fetch_cnt--;
    client->pending -= f->pending.len;
    ph_buf_clear(&f->headers);
    ph_buf_clear(&f->body);
    ph_buf_clear(&f->head);
    ph_buf_clear(&f->location);
    ph_buf_clear(&f->pending);
    free(f->rules);
    free(f);
}

static void finish_failed(struct ph_http_fetch *f, const char *code, const char *message)
{
    if (f->state == PH_HTTP_FETCH_GONE)
        return;
    f->state = PH_HTTP_FETCH_GONE;
    f->client->dirty = true;
    f->events.on_fail(f->events.ctx, code, message);
}

static const char *message_of(const char *code)
{
    /* clang-format off */
    static const struct { const char *code, *message; } messages[] = {
        {"address-denied", "the host resolves to an address that phats may not reach"},
        {"tls", "the server's certificate does not prove the host, or TLS failed"},
        {"response-too-large", "the response exceeds the limit"},
        {"protocol", "the server's answer breaks HTTP or a limit on its head, or ended early"},
        {"dns", "the host name does not resolve"},
        {"connect", "no connection could be made"},
        {"timeout", "the time limit of the fetch was reached"},
        {"bad-request", "the request cannot be sent"},
        {"closed", "the server closed the connection"},
    };
    /* clang-format on */
    for (size_t i = 0; i < PH_LEN(messages); i++)
        if (strcmp(messages[i].code, code) == 0)
            return messages[i].message;
    return "the fetch failed";
}

void ph_http_fetch_fail(struct ph_http_fetch *f, const char *code)
{
    finish_failed(f, code, message_of(code));
}

static const char *code_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "dns";
    case CURLE_COULDNT_CONNECT:
        return "connect";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_ABORTED_BY_CALLBACK:
        return "tls";
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_OUT_OF_MEMORY:
        return "aborted";
    default:
        return "protocol";
    }
}

static bool is_private_allowed(const struct ph_http_fetch *f)
{
    char name[PH_EGRESS_HOST_MAX + 8];

    (void)snprintf(name, sizeof(name), "%s:%u", f->url.host, f->url.port);
    for (char **at = f->client->private_hosts; *at; at++)
        if (ph_http_is_nocase(ph_bytes_str(*at), name))
            return true;
    return false;
}

static bool is_allowed(const struct ph_http_fetch *f)
{
    for (size_t i = 0; i < f->rule_cnt; i++)
        if (ph_egress_rule_matches(&f->rules[i], f->url.https, ph_bytes_str(f->url.host),
                                   f->url.port))
            return true;
    return false;
}

static void hop_open(struct ph_http_fetch *f, const struct ph_http_addresses *addresses)
{
    f->state = PH_HTTP_FETCH_HOP;
    if (!ph_http_hop_set_up(f, addresses) ||
        curl_multi_add_handle(f->client->multi, f->easy) != CURLM_OK)
        finish_failed(f, "aborted", "out of memory");
}

static bool is_numeric(const char *host, struct ph_http_addresses *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char inner[PH_EGRESS_HOST_MAX + 1];
    size_t len = strlen(host);

    memset(out->at, 0, sizeof(out->at[0]));
    out->cnt = 1;
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(&out->at[0], &in, sizeof(in));
        return true;
    }
    if (host[0] != '[' || len < 3)
        return false;
    memcpy(inner, host + 1, len - 2);
    inner[len - 2] = 0;
    memcpy(&out->at[0], &in6, sizeof(in6));
    return inet_pton(AF_INET6, inner, &((struct sockaddr_in6 *)&out->at[0])->sin6_addr) == 1;
}

/* A URL is new: by redirect or as the first one. */
static void hop_begin(struct ph_http_fetch *f)
{
    struct ph_http_addresses addresses;
    char message[PH_EGRESS_HOST_MAX + 128];

    if (!is_allowed(f)) {
        (void)snprintf(message, sizeof(message),
                       "no egress rule of the manifest allows http%s://%s:%u",
                       f->url.https ? "s" : "", f->url.host, f->url.port);
        finish_failed(f, "egress-denied", message);
        return;
    }
    f->allow_private = is_private_allowed(f);
    if (is_numeric(f->url.host, &addresses)) {
        if (f->allow_private || ph_egress_address_public((const struct sockaddr *)&addresses.at[0]))
            hop_open(f, NULL);
        else
            ph_http_fetch_fail(f, "address-denied");
        return;
    }
    f->state = PH_HTTP_FETCH_RESOLVE;
    if (ph_http_resolver_ask(f->client->resolver, f->url.host, f->id) != PH_OK)
        finish_failed(f, "dns", "too many names are being resolved");
}

void ph_http_fetch_resolved(struct ph_http_fetch *f, const struct ph_http_addresses *answer)
{
    struct ph_http_addresses good = {0};

    for (size_t i = 0; i < answer->cnt; i++)
        if (f->allow_private || ph_egress_address_public((const struct sockaddr *)&answer->at[i]))
            good.at[good.cnt++] = answer->at[i];
    if (good.cnt > 0)
        hop_open(f, &good);
    else
        ph_http_fetch_fail(f, answer->cnt > 0 ? "address-denied" : "dns");
}

/* Leave the named fields out of the request from now on. */
static void drop_fields(struct ph_http_fetch *f, const char *const *names, size_t cnt)
{
    struct ph_bytes rest = ph_buf_view(&f->headers);
    struct ph_buf kept = PH_BUF(HEADERS_MAX);
    struct ph_http_field field;

    while (ph_http_block_next(&rest, &field)) {
        bool dropped = false;
        for (size_t i = 0; i < cnt; i++)
            dropped |= ph_http_is_nocase(field.name, names[i]);
        if (!dropped &&
            (ph_buf_add(&kept, field.name) != PH_OK || ph_buf_add_str(&kept, ": ") != PH_OK ||
             ph_buf_add(&kept, field.value) != PH_OK || ph_buf_add_str(&kept, "\n") != PH_OK))
            break;
    }
    ph_buf_clear(&f->headers);
    f->headers = kept;
}

/* [Fetch §4.4, HTTP-redirect fetch] */
static void redirect(struct ph_http_fetch *f)
{
    static const char *const of_body[] = {"content-encoding", "content-language",
                                          "content-location", "content-type"};
    static const char *const of_origin[] = {"authorization", "cookie", "proxy-authorization"};
    const char *why = "";
    struct ph_http_url before = f->url;
    bool post = strcmp(f->method, "POST") == 0;
    bool get = strcmp(f->method, "GET") == 0 || strcmp(f->method, "HEAD") == 0;

    hop_close(f);
    if (++f->redirects > PH_HTTP_REDIRECTS_MAX) {
        finish_failed(f, "too-many-redirects", "more than 20 redirects");
        return;
    }
    if (ph_http_url_join(&before, ph_buf_view(&f->location), &f->url, &why) != PH_OK) {
        finish_failed(f, "bad-url", "a redirect leads to something that is not fetched");
        return;
    }
    if (((f->status == 301 || f->status == 302) && post) || (f->status == 303 && !get)) {
        (void)snprintf(f->method, sizeof(f->method), "GET");
        drop_fields(f, of_body, PH_LEN(of_body));
        ph_buf_clear(&f->body);
        f->has_stream = false;
    } else if (f->has_stream) {
        finish_failed(f, "bad-request", "a streamed body cannot be sent again after a redirect");
        return;
    }
    if (!ph_http_url_same_origin(&before, &f->url))
        drop_fields(f, of_origin, PH_LEN(of_origin));
    f->state = PH_HTTP_FETCH_START;
    f->client->dirty = true;
}

void ph_http_fetch_curl_done(struct ph_http_fetch *f, CURLcode code)
{
    if (f->state != PH_HTTP_FETCH_HOP)
        return;
    if (f->fail) {
        ph_http_fetch_fail(f, f->fail);
    } else if (f->redirecting && (code == CURLE_OK || f->got > PH_HTTP_REDIRECT_BODY_MAX)) {
        redirect(f);
    } else if (code != CURLE_OK || (f->ws ? !f->checked : !f->head_done)) {
        ph_http_fetch_fail(f, code_of(code));
    } else if (f->ws) {
        f->state = PH_HTTP_FETCH_OPEN;
        ph_http_ws_connected(f);
    } else {
        hop_close(f);
        f->state = PH_HTTP_FETCH_OVER;
        f->client->dirty = true;
    }
}

void ph_http_fetch_expire(struct ph_http_fetch *f)
{
    ph_http_fetch_fail(f, "timeout");
}

static void flush_pending(struct ph_http_fetch *f)
{
    while (!f->paused && f->pending.len > 0 && f->state != PH_HTTP_FETCH_GONE) {
        size_t n = f->pending.len < PIECE ? f->pending.len : PIECE;
        f->events.on_data(f->events.ctx, (struct ph_bytes){f->pending.ptr, n});
        ph_buf_consume(&f->pending, n);
        f->client->pending -= n;
    }
}

static void settle_hop(struct ph_http_fetch *f)
{
    bool more = f->body.len > f->body_at || f->stream_end;

    flush_pending(f);
    if (f->state != PH_HTTP_FETCH_HOP)
        return;
    if (f->paused != f->curl_paused || (f->send_paused && more)) {
        f->curl_paused = f->paused;
        f->send_paused = f->send_paused && !more;
        (void)curl_easy_pause(f->easy, (f->curl_paused ? CURLPAUSE_RECV : CURLPAUSE_RECV_CONT) |
                                           (f->send_paused ? CURLPAUSE_SEND : CURLPAUSE_SEND_CONT));
    }
    if (f->above && f->body.len < PH_HTTP_SEND_LOW && f->state == PH_HTTP_FETCH_HOP) {
        f->above = false;
        f->events.on_writable(f->events.ctx);
    }
}

void ph_http_fetch_settle(struct ph_http_fetch *f)
{
    if (f->fail && f->why)
        finish_failed(f, f->fail, f->why);
    else if (f->fail)
        ph_http_fetch_fail(f, f->fail);
    if (f->state == PH_HTTP_FETCH_START)
        hop_begin(f);
    if (f->state == PH_HTTP_FETCH_HOP)
        settle_hop(f);
    if (f->state == PH_HTTP_FETCH_OPEN)
        ph_http_ws_pump(f);
    if (f->state == PH_HTTP_FETCH_OVER) {
        flush_pending(f);
        if (f->pending.len == 0 && f->state == PH_HTTP_FETCH_OVER && !f->paused) {
            f->state = PH_HTTP_FETCH_GONE;
            f->events.on_done(f->events.ctx);
        }
    }
    if (f->state == PH_HTTP_FETCH_GONE)
        ph_http_fetch_free(f);
}

/* What is wrong with the request is told through on_fail, like everything else. */
static void take_request(struct ph_http_fetch *f, const struct ph_http_fetch_spec *spec)
{
    if (!ph_http_is_token(spec->method) || spec->method.len >= sizeof(f->method) ||
        ph_http_is_nocase(spec->method, "connect") || ph_http_is_nocase(spec->method, "trace") ||
        ph_http_is_nocase(spec->method, "track")) {
        f->fail = "bad-request";
        return;
    }
    memcpy(f->method, spec->method.ptr, spec->method.len);
    if (ph_http_url_parse(spec->url, &f->url, &f->why) != PH_OK)
        f->fail = "bad-url";
    else
        f->why = NULL;
}

enum ph_err ph_http_fetch_start(struct ph_http_client *client,
                                const struct ph_http_fetch_spec *spec,
                                const struct ph_http_fetch_events *events,
                                struct ph_http_fetch **out)
{
    if (client->fetch_cnt >= client->fetch_max || spec->headers.len > HEADERS_MAX)
        return PH_ERR_LIMIT;
    struct ph_http_fetch *f = calloc(1, sizeof(*f));
    if (!f)
        return PH_ERR_NOMEM;
    f->headers = PH_BUF(HEADERS_MAX);
    f->body = PH_BUF(spec->has_stream ? STREAM_QUEUE_MAX : spec->body.len + 1);
    f->head = f->location = PH_BUF(2 * PH_HTTP_HEAD_IN_MAX);
    f->pending = PH_BUF(PH_HTTP_PENDING_MAX);
    f->rules = calloc(spec->rule_cnt + 1, sizeof(*f->rules));
    if (!f->rules || ph_buf_add(&f->headers, spec->headers) != PH_OK ||
        (!spec->has_stream && ph_buf_add(&f->body, spec->body) != PH_OK)) {
        ph_buf_clear(&f->headers);
        ph_buf_clear(&f->body);
        free(f->rules);
        free(f);
        return PH_ERR_NOMEM;
    }
    if (spec->rule_cnt > 0)
        memcpy(f->rules, spec->rules, spec->rule_cnt * sizeof(*f->rules));
    f->rule_cnt = spec->rule_cnt;
    f->client = client;
    f->events = *events;
    f->id = ++client->last_id;
    f->has_stream = spec->has_stream;
    f->follow = spec->follow_redirects;
    f->deadline_ms = ph_http_now_ms() + spec->timeout_ms;
    f->response_max = spec->response_max;
    take_request(f, spec);
    f->next = client->first;
    if (f->next)
        f->next->prev = f;
    client->first = f;
    client->fetch_cnt++;
    client->dirty = true;
    *out = f;
    return PH_OK;
}

size_t ph_http_fetch_send(struct ph_http_fetch *f, struct ph_bytes data)
{
    if (f->state == PH_HTTP_FETCH_GONE || f->fail || !f->has_stream || f->stream_end)
        return 0;
    if (ph_buf_add(&f->body, data) != PH_OK)
        f->fail = "bad-request";
    f->above |= f->body.len > PH_HTTP_SEND_LOW;
    f->client->dirty = true;
    return f->body.len;
}

void ph_http_fetch_send_end(struct ph_http_fetch *f)
{
    f->stream_end = true;
    f->client->dirty = true;
}

void ph_http_fetch_pause(struct ph_http_fetch *f)
{
    f->paused = true;
    f->client->dirty = true;
}

void ph_http_fetch_resume(struct ph_http_fetch *f)
{
    f->paused = false;
    f->client->dirty = true;
}

void ph_http_fetch_cancel(struct ph_http_fetch *f)
{
    f->state = PH_HTTP_FETCH_GONE;
    f->client->dirty = true;
}
