#ifndef PH_HTTP_CLIENT_PRIV_H
#define PH_HTTP_CLIENT_PRIV_H

/* The client's inside.
 *
 *   client.c     life of the client, its loop, libcurl's sockets and timer
 *   fetch.c      life of one fetch: start, hops, end
 *   fetch_io.c   libcurl's callbacks: connect checks, request body, response head and body
 *   ws.c         a WebSocket: a fetch whose connection, once it stands, is not libcurl's to use
 *
 * User callbacks may come from inside libcurl, where its handles must not be touched; whatever they
 * ask for is noted on the fetch and done in ph_http_fetch_settle, after libcurl has returned.
 */

#include "http/client.h"
#include "http/resolve.h"
#include "http/trust.h"
#include "http/url.h"

#include <curl/curl.h>

enum {
    PH_HTTP_REDIRECTS_MAX = 20,      /* [Fetch §4.4]: "If request's redirect count is 20, then
                                        return a network error." */
    PH_HTTP_HEAD_IN_MAX = 64 * 1024, /* bytes of a response's head */
    PH_HTTP_FIELDS_IN_MAX = 256,
    PH_HTTP_SEND_LOW = 64 * 1024, /* streamed request body: on_writable under this */
    PH_HTTP_REDIRECT_BODY_MAX = 64 * 1024,
    PH_HTTP_PER_HOST = 64,
    /* Decoded body kept while paused. libcurl decodes all of one read (16 KiB) before it stops: 17
     * MiB of deflate at its best; only a bomb of another coding makes more. */
    PH_HTTP_PENDING_MAX = 32 << 20,
    PH_HTTP_PENDING_ALL_MAX = 512 << 20, /* … of all fetches together */
};

enum ph_http_fetch_state {
    PH_HTTP_FETCH_START,   /* next turn: check rules, resolve */
    PH_HTTP_FETCH_RESOLVE, /* the resolver works */
    PH_HTTP_FETCH_HOP,     /* libcurl works */
    PH_HTTP_FETCH_OPEN,    /* a WebSocket has the connection: ws.c */
    PH_HTTP_FETCH_OVER,    /* transfer ended well; buffered data may wait for a resume */
    PH_HTTP_FETCH_GONE,    /* last event delivered or cancelled: freed in the next settle */
};

struct ph_http_fetch {
    struct ph_http_client *client;
    struct ph_http_fetch *prev, *next;
    struct ph_http_ws *ws; /* whose connection it makes; NULL: it fetches */
    struct ph_http_fetch_events events;
    uint64_t id;
    enum ph_http_fetch_state state;
    /* what was asked; method, headers and body change with redirects */
    char method[33];
    struct ph_buf headers, body;
    size_t body_at;
    bool has_stream, stream_end, follow, above;
    struct ph_egress_rule *rules;
    size_t rule_cnt;
    int64_t deadline_ms;
    uint64_t response_max;
    struct ph_http_url url;
    int redirects;
    /* this hop */
    CURL *easy;
    struct curl_slist *fields, *resolve;
    bool allow_private;
    bool checked;     /* the peer's certificate was judged, or the hop is plain http */
    const char *fail; /* code for on_fail that this side has decided on */
    const char *why;  /* message for it, or NULL for the code's own */
    uint16_t status;
    char status_text[128];
    struct ph_buf head; /* block "name: value\n" */
    size_t head_len, field_cnt;
    bool head_open, head_done, redirecting, encoded;
    struct ph_buf location;
    uint64_t got;
    /* delivery */
    struct ph_buf pending; /* decoded body that waits for a resume */
    bool paused, curl_paused, send_paused, in_callback;
};

struct ph_http_client {
    CURLM *multi;
    int epoll_fd;
    struct ph_http_resolver *resolver;
    struct ph_http_trust *trust;
    char **private_hosts;
    uint32_t fetch_max, fetch_cnt;
    size_t pending; /* bytes in the fetches' pending */
    struct ph_http_fetch *first;
    uint64_t last_id;
    int64_t curl_deadline_ms;    /* -1: none */
    bool dirty, in_run, closing; /* dirty: some fetch has something to settle */
};

int64_t ph_http_now_ms(void);

/* fetch.c */
void ph_http_fetch_resolved(struct ph_http_fetch *fetch, const struct ph_http_addresses *answer);
void ph_http_fetch_curl_done(struct ph_http_fetch *fetch, CURLcode code);
void ph_http_fetch_expire(struct ph_http_fetch *fetch);
/* Do what was noted; frees the fetch if it is gone. */
void ph_http_fetch_settle(struct ph_http_fetch *fetch);
void ph_http_fetch_free(struct ph_http_fetch *fetch);
/* End it with on_fail; `code` as in client.h. */
void ph_http_fetch_fail(struct ph_http_fetch *fetch, const char *code);

/* fetch_io.c */
/* A handle for the fetch's present URL. False: out of memory. */
PH_CHECKED bool ph_http_hop_set_up(struct ph_http_fetch *fetch,
                                   const struct ph_http_addresses *addresses);
/* Hand decoded body to the user, or keep it while paused. */
void ph_http_fetch_deliver(struct ph_http_fetch *fetch, struct ph_bytes data);

/* ws.c: the connection stands, its peer judged; something moved; it goes. */
void ph_http_ws_connected(struct ph_http_fetch *fetch);
void ph_http_ws_pump(struct ph_http_fetch *fetch);
void ph_http_ws_free(struct ph_http_ws *ws);

#endif
