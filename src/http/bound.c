#include "http/bound.h"

#include "base/clock.h"
#include "base/own.h"
#include "http/answer.h"
#include "http/tls.h"
#include "http/url.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOME = 16 * 1024 };

struct ph_http_bound {
    int fd;
    gnutls_session_t session;
    struct ph_http_identity *own;
    gnutls_priority_t priority;
    uint32_t timeout_s;
    int64_t deadline_ms; /* of the call under way, by the monotonic clock */
    uint8_t exporter[32];
    char host[PH_HTTP_URL_MAX + 16];
};

static enum ph_err complain(char why[static PH_HTTP_BOUND_WHY_LEN], enum ph_err err,
                            const char *what, const char *detail)
{
    (void)snprintf(why, PH_HTTP_BOUND_WHY_LEN, "%.120s%s%.120s", what, detail ? ": " : "",
                   detail ? detail : "");
    return err;
}

/* Until the socket is ready or the time is over. */
static bool wait_for(struct ph_http_bound *b, short events)
{
    for (;;) {
        struct pollfd p = {.fd = b->fd, .events = events};
        const int64_t left = b->deadline_ms - ph_clock_mono_ns() / 1000000;
        const int n = left > 0 ? poll(&p, 1, (int)left) : 0;

        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* One address: non-blocking, so that the deadline counts. */
static enum ph_err connect_to(struct ph_http_bound *b, const struct addrinfo *a)
{
    socklen_t len = sizeof(int);
    int error = 0;

    b->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (b->fd < 0)
        return PH_ERR_IO;
    if (connect(b->fd, a->ai_addr, a->ai_addrlen) == 0)
        return PH_OK;
    if (errno == EINPROGRESS && wait_for(b, POLLOUT) &&
        getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
        return PH_OK;
    if (error != 0)
        errno = error;
    else if (errno == EINPROGRESS)
        errno = ETIMEDOUT;
    const int saved = errno;
    (void)close(b->fd);
    b->fd = -1;
    errno = saved;
    return PH_ERR_IO;
}

static enum ph_err dial(struct ph_http_bound *b, const struct ph_http_url *url,
                        char why[static PH_HTTP_BOUND_WHY_LEN])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char host[PH_HTTP_URL_MAX + 1], port[8];
    enum ph_err err = PH_ERR_IO;

    const bool bracketed = url->host[0] == '[';
    (void)snprintf(host, sizeof(host), "%s", url->host + bracketed);
    if (bracketed)
        host[strcspn(host, "]")] = '\0';
    (void)snprintf(port, sizeof(port), "%u", url->port);
    const int code = getaddrinfo(host, port, &hints, &list);
    if (code != 0)
        return complain(why, PH_ERR_IO, b->host, gai_strerror(code));
    for (const struct addrinfo *a = list; a && err != PH_OK; a = a->ai_next)
        err = connect_to(b, a);
    const int saved = errno;
    freeaddrinfo(list);
    return err == PH_OK ? PH_OK : complain(why, err, b->host, strerror(saved));
}

static enum ph_err set_up(struct ph_http_bound *b)
{
    /* As the server's, without TLS 1.2, whose exporter value may not be unique. */
    static const char priorities[] =
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"
        "+ECDHE-ECDSA:+GROUP-X25519:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:"
        "+SIGN-ECDSA-SECP256R1-SHA256:+COMP-NULL";
    static unsigned char name[] = PH_HTTP_ALPN_MUTUAL;
    const gnutls_datum_t alpn = {name, sizeof(name) - 1};

    if (gnutls_priority_init(&b->priority, priorities, NULL) < 0 ||
        gnutls_init(&b->session,
                    GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0 ||
        gnutls_priority_set(b->session, b->priority) < 0 ||
        gnutls_credentials_set(b->session, GNUTLS_CRD_CERTIFICATE,
                               ph_http_identity_credentials(b->own)) < 0 ||
        gnutls_alpn_set_protocols(b->session, &alpn, 1, GNUTLS_ALPN_MANDATORY) < 0)
        return PH_ERR_NOMEM;
    gnutls_handshake_set_timeout(b->session, 0); /* the deadline is kept here */
    gnutls_transport_set_int(b->session, b->fd);
    return PH_OK;
}

/* True: try again. */
static bool goes_on(struct ph_http_bound *b, ssize_t code)
{
    if (code != GNUTLS_E_AGAIN && code != GNUTLS_E_INTERRUPTED)
        return code < 0 && !gnutls_error_is_fatal((int)code) && code != GNUTLS_E_REHANDSHAKE;
    return wait_for(b, gnutls_record_get_direction(b->session) ? POLLOUT : POLLIN);
}

static enum ph_err shake(struct ph_http_bound *b, char why[static PH_HTTP_BOUND_WHY_LEN])
{
    int code = gnutls_handshake(b->session);

    while (goes_on(b, code))
        code = gnutls_handshake(b->session);
    if (code == GNUTLS_E_NO_APPLICATION_PROTOCOL ||
        (code == GNUTLS_E_FATAL_ALERT_RECEIVED &&
         gnutls_alert_get(b->session) == GNUTLS_A_NO_APPLICATION_PROTOCOL))
        return complain(why, PH_ERR_UNSUPPORTED, b->host,
                        "no hand-over is offered there: is it a worker with --tls, and can its "
                        "machine make evidence?");
    if (code != GNUTLS_E_SUCCESS)
        return complain(why, PH_ERR_IO, b->host,
                        code == GNUTLS_E_AGAIN ? "no answer in time" : gnutls_strerror(code));
    gnutls_datum_t chosen;
    if (gnutls_alpn_get_selected_protocol(b->session, &chosen) < 0 ||
        ph_http_bound_certificate(b).len == 0 ||
        ph_http_tls_exporter(b->session, b->exporter) != PH_OK)
        return complain(why, PH_ERR_UNSUPPORTED, b->host, "no hand-over is offered there");
    return PH_OK;
}

static void begin(struct ph_http_bound *b)
{
    b->deadline_ms = ph_clock_mono_ns() / 1000000 + (int64_t)b->timeout_s * 1000;
}

static enum ph_err open_all(struct ph_http_bound *b, const char *text,
                            const struct ph_http_tls *own, char why[static PH_HTTP_BOUND_WHY_LEN])
{
    struct ph_http_url *url PH_OWNED(ph_freep) = malloc(sizeof(*url));
    const char *reason = NULL;

    if (!url)
        return complain(why, PH_ERR_NOMEM, "out of memory", NULL);
    if (ph_http_url_parse(ph_bytes_str(text), url, &reason) != PH_OK || !url->https)
        return complain(why, PH_ERR_MALFORMED, "expected https://HOST:PORT", NULL);
    (void)snprintf(b->host, sizeof(b->host), "%s:%u", url->host, url->port);
    const enum ph_err err = ph_http_identity_new(own, &b->own);
    if (err != PH_OK)
        return complain(why, err, "no certificate to show", NULL);
    begin(b);
    PH_TRY(dial(b, url, why));
    if (set_up(b) != PH_OK)
        return complain(why, PH_ERR_NOMEM, "out of memory", NULL);
    return shake(b, why);
}

enum ph_err ph_http_bound_open(const char *url, const struct ph_http_tls *own, uint32_t timeout_s,
                               struct ph_http_bound **out, char why[static PH_HTTP_BOUND_WHY_LEN])
{
    struct ph_http_bound *b PH_OWNED(ph_http_bound_closep) = calloc(1, sizeof(*b));

    if (!b)
        return complain(why, PH_ERR_NOMEM, "out of memory", NULL);
    b->fd = -1;
    b->timeout_s = timeout_s;
    PH_TRY(open_all(b, url, own, why));
    *out = PH_TAKE(b);
    return PH_OK;
}

void ph_http_bound_close(struct ph_http_bound *b)
{
    if (!b)
        return;
    if (b->session)
        gnutls_deinit(b->session);
    if (b->priority)
        gnutls_priority_deinit(b->priority);
    ph_http_identity_free(b->own);
    if (b->fd >= 0)
        (void)close(b->fd);
    free(b);
}

static enum ph_err send_all(struct ph_http_bound *b, struct ph_bytes data)
{
    while (data.len > 0) {
        const ssize_t n = gnutls_record_send(b->session, data.ptr, data.len);
        if (n > 0)
            data = (struct ph_bytes){data.ptr + n, data.len - (size_t)n};
        else if (!goes_on(b, n))
            return PH_ERR_IO;
    }
    return PH_OK;
}

/* Append what comes next; PH_ERR_IO: nothing more comes, or not in time. */
static enum ph_err receive(struct ph_http_bound *b, struct ph_buf *into)
{
    uint8_t *at;

    PH_TRY(ph_buf_reserve(into, SOME, &at));
    ssize_t n = gnutls_record_recv(b->session, at, SOME);
    while (n < 0 && goes_on(b, n))
        n = gnutls_record_recv(b->session, at, SOME);
    if (n <= 0)
        return PH_ERR_IO;
    into->len += (size_t)n;
    return PH_OK;
}

static enum ph_err take_answer(struct ph_http_bound *b, uint16_t *status, struct ph_buf *answer)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) =
        PH_BUF(PH_HTTP_ANSWER_HEAD_MAX + SOME + answer->limit);
    struct ph_http_answer head;
    enum ph_err err = PH_ERR_AGAIN;

    while (err == PH_ERR_AGAIN) {
        PH_TRY(receive(b, &in));
        err = ph_http_answer_parse(ph_buf_view(&in), &head);
    }
    PH_TRY(err);
    if (head.body_len > answer->limit - answer->len)
        return PH_ERR_LIMIT;
    while (in.len < head.head_len + head.body_len)
        PH_TRY(receive(b, &in));
    if (in.len > head.head_len + head.body_len)
        return PH_ERR_MALFORMED; /* nobody asked for more */
    *status = head.status;
    return ph_buf_add(answer, (struct ph_bytes){in.ptr + head.head_len, head.body_len});
}

enum ph_err ph_http_bound_post(struct ph_http_bound *b, const char *path, struct ph_bytes body,
                               uint16_t *status, struct ph_buf *answer,
                               char why[static PH_HTTP_BOUND_WHY_LEN])
{
    struct ph_buf request PH_OWNED(ph_buf_clear) = PH_BUF(body.len + sizeof(b->host) + 4096);

    enum ph_err err = ph_buf_addf(&request,
                                  "POST %.200s HTTP/1.1\r\nhost: %s\r\n"
                                  "content-type: application/octet-stream\r\n"
                                  "content-length: %zu\r\n\r\n",
                                  path, b->host, body.len);
    if (err == PH_OK)
        err = ph_buf_add(&request, body);
    begin(b);
    if (err == PH_OK)
        err = send_all(b, ph_buf_view(&request));
    if (err == PH_OK)
        err = take_answer(b, status, answer);
    if (err == PH_OK)
        return PH_OK;
    return complain(why, err, path,
                    err == PH_ERR_LIMIT       ? "the answer is too long"
                    : err == PH_ERR_MALFORMED ? "the answer is none"
                    : err == PH_ERR_NOMEM     ? "out of memory"
                                              : "the connection ended, or no answer came in time");
}

void ph_http_bound_exporter(const struct ph_http_bound *b, uint8_t out[static 32])
{
    memcpy(out, b->exporter, 32);
}

struct ph_bytes ph_http_bound_certificate(const struct ph_http_bound *b)
{
    return ph_http_tls_peer(b->session);
}
