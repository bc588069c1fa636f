#ifndef PH_HTTP_CLIENT_H
#define PH_HTTP_CLIENT_H

/* Egress for phats: HTTP(S) with an allow-list and with every address checked at the moment of
 * connecting, which covers redirects and DNS rebinding alike. On the caller's event loop; nothing
 * blocks it: names are resolved by a bounded pool of threads, and the trust store is parsed once.
 *
 * Connections are reused by (scheme, host, port), whoever opened them; no state of HTTP is bound to
 * them: no cookies, no stored credentials, no Alt-Svc, no TLS session cache. A request with a
 * connection-bound Authorization (NTLM, Negotiate) gets a connection of its own.
 *
 * Server certificates: chain to the roots, host name, validity, server purpose; no revocation
 * check.
 *
 * Layer: http. Spec: Fetch standard §4.4 (redirects), RFC 9110. Tests: client_test.c,
 * client_guard_test.c (real servers on loopback through the insecure allowance), egress_test.c.
 * Fuzz: url_fuzz.c, egress_fuzz.c.
 */

#include "http/egress.h"

#include <stdbool.h>

struct ph_http_client;
struct ph_http_fetch;

struct ph_http_client_config {
    const char *ca_file;      /* PEM bundle; NULL: the system's */
    const char *extra_ca_pem; /* further roots (development sources), or NULL */
    /* "host:port" pairs that may resolve to refused addresses: development sources on loopback.
     * NULL-terminated or NULL. Settable only by the operator's command line, shown in /v1/info; a
     * phat still needs its own egress rule. */
    const char *const *private_hosts_insecure;
    uint32_t connections; /* in all; default 256 */
};

struct ph_http_fetch_spec {
    struct ph_bytes method, url,
        headers;           /* block "name: value\n"; host, content-length, connection… are ours */
    struct ph_bytes body;  /* whole body, if has_stream is false; copied */
    bool has_stream;       /* the body comes through ph_http_fetch_send */
    bool follow_redirects; /* at most 20, each hop checked; false: 3xx is the answer */
    const struct ph_egress_rule *rules; /* copied */
    size_t rule_cnt;
    uint32_t timeout_ms;
    uint64_t response_max; /* bytes of body; over it: on_fail "response-too-large" */
};

/* Stable codes for on_fail: egress-denied (no rule), address-denied (resolved to a refused
 * address), dns, connect, tls, timeout, response-too-large, too-many-redirects, bad-url,
 * bad-request, aborted, protocol. */
struct ph_http_fetch_events {
    void (*on_head)(void *ctx, uint16_t status, struct ph_bytes status_text,
                    struct ph_bytes final_url, struct ph_bytes headers);
    void (*on_data)(void *ctx, struct ph_bytes data); /* content-encoding already removed */
    void (*on_done)(void *ctx);
    void (*on_fail)(void *ctx, const char *code, const char *message);
    void (*on_writable)(void *ctx); /* streamed request body: below low water again */
    void *ctx;
};

PH_CHECKED enum ph_err ph_http_client_open(const struct ph_http_client_config *config,
                                           struct ph_http_client **out);
void ph_http_client_close(struct ph_http_client *client);
int ph_http_client_fd(const struct ph_http_client *client);
int ph_http_client_timeout_ms(struct ph_http_client *client);
void ph_http_client_run(struct ph_http_client *client);

/* Start. The result, refusals included, always comes through events, never from inside this call;
 * exactly one of on_done and on_fail, after which the fetch is gone. PH_ERR_NOMEM, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_http_fetch_start(struct ph_http_client *client,
                                           const struct ph_http_fetch_spec *spec,
                                           const struct ph_http_fetch_events *events,
                                           struct ph_http_fetch **out);
/* Queue a piece of a streamed request body; yields queued bytes. End it once. */
size_t ph_http_fetch_send(struct ph_http_fetch *fetch, struct ph_bytes data);
void ph_http_fetch_send_end(struct ph_http_fetch *fetch);
/* Back-pressure for the response body. */
void ph_http_fetch_pause(struct ph_http_fetch *fetch);
void ph_http_fetch_resume(struct ph_http_fetch *fetch);
/* Drop it: no further event comes. */
void ph_http_fetch_cancel(struct ph_http_fetch *fetch);

#endif
