#include "http_call.h"

#include "base/own.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct transfer {
    CURL *curl;
    struct curl_slist *headers;
    struct ph_buf *body, *header_text;
    const struct ph_http_request *request;
    size_t body_sent; /* of request->body, with a flow behind it */
    enum ph_err err;
    char error_text[CURL_ERROR_SIZE];
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    const struct ph_bytes piece = {(const uint8_t *)data, size * n};
    long status = 0;
    (void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    t->err = t->request->flow != NULL && t->request->flow->take != NULL && status == 200
                 ? t->request->flow->take(t->request->flow->ctx, piece)
                 : ph_buf_add(t->body, piece);
    return t->err == PH_OK ? size * n : 0;
}

/* The request's body from memory, then the flow's. */
static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    const struct ph_bytes body = t->request->body;
    size_t cap = size * n, len = body.len - t->body_sent;
    if (len == 0) {
        len = t->request->flow->give(t->request->flow->ctx, (uint8_t *)out, cap);
        return len > 0 ? len : CURL_READFUNC_ABORT;
    }
    len = len < cap ? len : cap;
    memcpy(out, body.ptr + t->body_sent, len);
    t->body_sent += len;
    return len;
}

static enum ph_err keep_header(struct ph_buf *text, const char *line, size_t len)
{
    uint8_t *at;
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    const char *colon = memchr(line, ':', len);
    if (colon == NULL)
        return PH_OK;
    PH_TRY(ph_buf_reserve(text, len + 2, &at));
    size_t name_len = (size_t)(colon - line), value = name_len + 1, n = 0;
    for (size_t i = 0; i < name_len; i++)
        at[n++] = (uint8_t)tolower((unsigned char)line[i]);
    at[n++] = ':';
    while (value < len && (line[value] == ' ' || line[value] == '\t'))
        value++;
    memcpy(at + n, line + value, len - value);
    n += len - value;
    at[n++] = '\n';
    text->len += n;
    return PH_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;
    if (t->header_text == NULL)
        return len;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
        t->header_text->len = 0; /* a final answer after 100 Continue */
    else
        t->err = keep_header(t->header_text, data, len);
    return t->err == PH_OK ? len : 0;
}

/* A worker on this machine is reached directly, whatever proxy the environment names. */
static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = strstr(url, "://");
    for (size_t i = 0; host != NULL && i < PH_LEN(hosts); i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(host + 3, hosts[i], n) == 0 && strchr(":/", host[3 + n]) != NULL)
            return true;
    }
    return false;
}

static bool set_up_tls(CURL *c, const char *ca_file)
{
    if (ca_file == NULL)
        return true;
    /* Naming a file replaces the system's bundle, so both go in: the file by name, the system's
     * certificates by their hashed directory. */
    return curl_easy_setopt(c, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAPATH, "/etc/ssl/certs") == CURLE_OK;
}

static bool set_up_flow(struct transfer *t, const struct ph_http_request *r)
{
    curl_off_t len = (curl_off_t)(r->body.len + r->flow->len);
    return curl_easy_setopt(t->curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(t->curl, CURLOPT_INFILESIZE_LARGE, len) == CURLE_OK &&
           curl_easy_setopt(t->curl, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
           curl_easy_setopt(t->curl, CURLOPT_READDATA, t) == CURLE_OK;
}

static bool set_up_body(CURL *c, const struct ph_http_request *r)
{
    if (!r->has_body)
        return strcmp(r->method, "HEAD") != 0 ||
               curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK;
    return curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDS,
                            r->body.len > 0 ? (const char *)r->body.ptr : "") == CURLE_OK;
}

static bool set_up(struct transfer *t, const struct ph_http_request *r)
{
    CURL *c = t->curl = curl_easy_init();
    if (c == NULL)
        return false;
    bool ok = true;
#define SET(option, value) (ok = ok && curl_easy_setopt(c, option, value) == CURLE_OK)
    SET(CURLOPT_URL, r->url);
    t->request = r;
    ok = ok && (r->flow != NULL && r->flow->give != NULL ? set_up_flow(t, r) : set_up_body(c, r));
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, 15L);
    SET(CURLOPT_TIMEOUT, r->timeout_s);
    SET(CURLOPT_ERRORBUFFER, t->error_text);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_USERAGENT, "phala/" PH_VERSION);
    SET(CURLOPT_PATH_AS_IS, 1L); /* the path is part of what a receipt covers */
    if (is_loopback(r->url))
        SET(CURLOPT_PROXY, "");
    ok = ok && set_up_tls(c, r->ca_file);
    for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL && ok; i++) {
        struct curl_slist *more = curl_slist_append(t->headers, r->headers[i]);
        ok = more != NULL;
        t->headers = ok ? more : t->headers;
    }
    SET(CURLOPT_HTTPHEADER, t->headers);
#undef SET
    return ok;
}

static void tear_down(struct transfer *t)
{
    if (t->curl != NULL)
        curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->headers);
}

enum ph_err ph_http_exchange(const struct ph_http_request *request, struct ph_http_answer *out,
                             char why[static 256])
{
    struct transfer t = {.body = &out->body, .header_text = &out->headers};
    if (!set_up(&t, request)) {
        tear_down(&t);
        (void)snprintf(why, 256, "the request cannot be made: %.180s",
                       t.error_text[0] != '\0' ? t.error_text : "bad URL or out of memory");
        return PH_ERR_IO;
    }
    CURLcode rc = curl_easy_perform(t.curl);
    long status = 0;
    (void)curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &status);
    tear_down(&t);
    if (t.err != PH_OK) {
        (void)snprintf(why, 256, "%s",
                       t.err == PH_ERR_LIMIT ? "the answer is too big"
                                             : "the answer could not be taken");
        return t.err;
    }
    if (rc != CURLE_OK) {
        (void)snprintf(why, 256, "%.250s",
                       t.error_text[0] != '\0' ? t.error_text : curl_easy_strerror(rc));
        return PH_ERR_IO;
    }
    out->status = (int)status;
    return PH_OK;
}

enum ph_err ph_http_header(const struct ph_http_answer *answer, const char *name,
                           struct ph_bytes *out)
{
    struct ph_reader r = {ph_buf_view(&answer->headers)};
    enum ph_err found = PH_ERR_NOT_FOUND;
    size_t name_len = strlen(name);
    while (r.rest.len > 0) {
        const uint8_t *end = memchr(r.rest.ptr, '\n', r.rest.len);
        struct ph_bytes line = {r.rest.ptr, end != NULL ? (size_t)(end - r.rest.ptr) : r.rest.len};
        if (line.len > name_len && line.ptr[name_len] == ':' &&
            memcmp(line.ptr, name, name_len) == 0) {
            *out = (struct ph_bytes){line.ptr + name_len + 1, line.len - name_len - 1};
            found = PH_OK;
        }
        struct ph_bytes skipped;
        if (!ph_read_view(&r, line.len + (end != NULL), &skipped))
            break;
    }
    return found;
}

void ph_http_answer_clear(struct ph_http_answer *answer)
{
    ph_buf_clear(&answer->headers);
    ph_buf_clear(&answer->body);
}

struct ph_http_stream {
    CURLM *multi;
    struct transfer t;
};

enum ph_err ph_http_stream_open(const struct ph_http_request *request, struct ph_http_stream **out)
{
    struct ph_http_stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return PH_ERR_NOMEM;
    s->multi = curl_multi_init();
    if (s->multi == NULL || !set_up(&s->t, request) ||
        curl_multi_add_handle(s->multi, s->t.curl) != CURLM_OK) {
        ph_http_stream_close(s);
        return PH_ERR_IO;
    }
    *out = s;
    return PH_OK;
}

enum { POLL_FDS_MAX = 8 };

static enum ph_err wait_all(struct ph_http_stream *stream, struct pollfd *fds, unsigned fd_cnt,
                            int timeout_ms)
{
    if (stream == NULL)
        return poll(fds, fd_cnt, timeout_ms) < 0 && errno != EINTR ? PH_ERR_IO : PH_OK;
    struct curl_waitfd wait[POLL_FDS_MAX];
    if (fd_cnt > POLL_FDS_MAX)
        return PH_ERR_LIMIT;
    for (unsigned i = 0; i < fd_cnt; i++)
        wait[i] = (struct curl_waitfd){fds[i].fd, CURL_WAIT_POLLIN, 0};
    if (curl_multi_poll(stream->multi, wait, fd_cnt, timeout_ms, NULL) != CURLM_OK)
        return PH_ERR_IO;
    for (unsigned i = 0; i < fd_cnt; i++)
        fds[i].revents = wait[i].revents != 0 ? POLLIN : 0;
    return PH_OK;
}

enum ph_err ph_http_stream_wait(struct ph_http_stream *stream, struct pollfd *fds, unsigned fd_cnt,
                                int timeout_ms, struct ph_buf *into, int *status)
{
    PH_TRY(wait_all(stream, fds, fd_cnt, timeout_ms));
    if (stream == NULL)
        return PH_OK;
    int running = 0, left;
    stream->t.body = into;
    if (curl_multi_perform(stream->multi, &running) != CURLM_OK)
        return PH_ERR_IO;
    if (running > 0)
        return PH_OK;
    const CURLMsg *msg = curl_multi_info_read(stream->multi, &left);
    if (msg == NULL || msg->msg != CURLMSG_DONE || msg->data.result != CURLE_OK)
        return stream->t.err != PH_OK ? stream->t.err : PH_ERR_IO;
    long code = 0;
    (void)curl_easy_getinfo(stream->t.curl, CURLINFO_RESPONSE_CODE, &code);
    *status = (int)code;
    return PH_ERR_CLOSED;
}

void ph_http_stream_close(struct ph_http_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->multi != NULL && stream->t.curl != NULL)
        (void)curl_multi_remove_handle(stream->multi, stream->t.curl);
    tear_down(&stream->t);
    if (stream->multi != NULL)
        (void)curl_multi_cleanup(stream->multi);
    free(stream);
}

int ph_http_stream_status(const struct ph_http_stream *stream)
{
    long code = 0;
    (void)curl_easy_getinfo(stream->t.curl, CURLINFO_RESPONSE_CODE, &code);
    return (int)code;
}
