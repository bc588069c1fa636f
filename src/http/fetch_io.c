#include "http/client_priv.h"
#include "http/syntax.h"

#include "base/own.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Every connection attempt of libcurl comes by here, whatever led to it. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ph_http_fetch *f = ctx;

    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!f->allow_private && !ph_egress_address_public(&address->addr))) {
        f->fail = "address-denied";
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool is_public_text(const char *ip)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
        return ph_egress_address_public((const struct sockaddr *)&in);
    if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
        return ph_egress_address_public((const struct sockaddr *)&in6);
    return false;
}

static bool is_peer_trusted(const struct ph_http_fetch *f)
{
    const struct curl_tlssessioninfo *info = NULL;
    char host[PH_EGRESS_HOST_MAX + 1];
    size_t len = strlen(f->url.host);
    bool bracketed = f->url.host[0] == '[';

    memcpy(host, f->url.host + bracketed, len + 1 - bracketed);
    if (bracketed)
        host[len - 2] = 0;
    return curl_easy_getinfo(f->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
           info->backend == CURLSSLBACKEND_GNUTLS &&
           ph_http_trust_check(f->client->trust, info->internals, host) == PH_OK;
}

/* The connection stands (new or reused), nothing of the request has been sent. libcurl's own
 * certificate check is off in favour of this one; on_header and on_write insist that it ran. */
static int on_ready(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct ph_http_fetch *f = ctx;

    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (!f->allow_private && !is_public_text(remote_ip))
        f->fail = "address-denied";
    else if (f->url.https && !is_peer_trusted(f))
        f->fail = "tls";
    else
        f->checked = true;
    return f->checked ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t on_read(char *into, size_t size, size_t cnt, void *ctx)
{
    struct ph_http_fetch *f = ctx;
    size_t left = f->body.len - f->body_at, n = left < size * cnt ? left : size * cnt;

    if (f->state != PH_HTTP_FETCH_HOP || !f->checked)
        return CURL_READFUNC_ABORT;
    if (n == 0 && f->has_stream && !f->stream_end) {
        f->send_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (n > 0)
        memcpy(into, f->body.ptr + f->body_at, n);
    f->body_at += n;
    if (f->has_stream) {
        ph_buf_consume(&f->body, f->body_at);
        f->body_at = 0;
        f->client->dirty |= f->above;
    }
    return n;
}

/* A reused connection that turns out dead makes libcurl start over. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct ph_http_fetch *f = ctx;

    if (f->has_stream || origin != SEEK_SET || offset < 0 || (uint64_t)offset > f->body.len)
        return CURL_SEEKFUNC_FAIL;
    f->body_at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool fail(struct ph_http_fetch *f, const char *code)
{
    if (!f->fail)
        f->fail = code;
    return false;
}

/* "HTTP/1.1 200 OK": digits and text were checked by libcurl as far as it needs. */
static bool take_status_line(struct ph_http_fetch *f, struct ph_bytes line)
{
    const uint8_t *sp = memchr(line.ptr, ' ', line.len);
    int64_t status;

    f->head.len = f->field_cnt = f->location.len = 0;
    f->encoded = false;
    f->head_open = true;
    if (!sp || (size_t)(line.ptr + line.len - sp) < 4 ||
        !ph_http_parse_decimal((struct ph_bytes){sp + 1, 3}, &status))
        return fail(f, "protocol");
    f->status = (uint16_t)status;
    struct ph_bytes text =
        ph_http_trim((struct ph_bytes){sp + 4, (size_t)(line.ptr + line.len - sp) - 4});
    if (text.len >= sizeof(f->status_text) || !ph_http_is_value(text))
        text.len = 0;
    memcpy(f->status_text, text.ptr, text.len);
    f->status_text[text.len] = 0;
    return true;
}

static bool take_field(struct ph_http_fetch *f, struct ph_bytes line)
{
    struct ph_http_field field;
    char lower[256];

    if (!ph_http_block_next(&line, &field) || field.name.len >= sizeof(lower))
        return true; /* not a field that could be passed on */
    if (++f->field_cnt > PH_HTTP_FIELDS_IN_MAX)
        return fail(f, "protocol");
    if (ph_http_is_hop_by_hop(field.name))
        return true;
    for (size_t i = 0; i < field.name.len; i++)
        lower[i] = (char)ph_http_lower(field.name.ptr[i]);
    lower[field.name.len] = 0;
    f->encoded |=
        strcmp(lower, "content-encoding") == 0 && !ph_http_is_nocase(field.value, "identity");
    if (strcmp(lower, "location") == 0 && f->location.len == 0 &&
        ph_buf_add(&f->location, field.value) != PH_OK)
        return fail(f, "protocol");
    if (ph_buf_addf(&f->head, "%s: ", lower) != PH_OK ||
        ph_buf_add(&f->head, field.value) != PH_OK || ph_buf_add_str(&f->head, "\n") != PH_OK)
        return fail(f, "protocol");
    return true;
}

/* The body that a phat gets is decoded: neither the coding nor the coded length describe it. */
static void drop_coding(struct ph_http_fetch *f)
{
    struct ph_bytes rest = ph_buf_view(&f->head);
    struct ph_http_field field;
    size_t at = 0;

    while (ph_http_block_next(&rest, &field)) {
        size_t len = field.name.len + 2 + field.value.len + 1;
        if (ph_bytes_is(field.name, "content-encoding") ||
            ph_bytes_is(field.name, "content-length"))
            continue;
        memmove(f->head.ptr + at, field.name.ptr, len);
        at += len;
    }
    f->head.len = at;
}

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool take_head_end(struct ph_http_fetch *f)
{
    int64_t declared;
    bool has_body = strcmp(f->method, "HEAD") != 0 && f->status != 204 && f->status != 304;

    f->head_open = false;
    if (f->status < 200)
        return true;
    f->head_done = true;
    if (f->follow && f->location.len > 0 && is_redirect(f->status)) {
        f->redirecting = true;
        return true;
    }
    if (has_body && f->encoded) {
        drop_coding(f);
    } else if (has_body) {
        struct ph_bytes length = ph_http_block_find(ph_buf_view(&f->head), "content-length");
        if (ph_http_parse_decimal(length, &declared) && (uint64_t)declared > f->response_max)
            return fail(f, "response-too-large");
    }
    f->events.on_head(f->events.ctx, f->status, ph_bytes_str(f->status_text),
                      ph_bytes_str(f->url.text), ph_buf_view(&f->head));
    return f->state == PH_HTTP_FETCH_HOP;
}

static size_t on_header(char *data, size_t size, size_t cnt, void *ctx)
{
    struct ph_http_fetch *f = ctx;
    struct ph_bytes line = {(const uint8_t *)data, size * cnt};
    bool good = true;

    if (f->state != PH_HTTP_FETCH_HOP || !f->checked)
        return 0;
    if (f->head_done) /* trailer fields: the interface has no place for them */
        return size * cnt;
    f->head_len += line.len;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (f->head_len > PH_HTTP_HEAD_IN_MAX)
        good = fail(f, "protocol");
    else if (!f->head_open)
        good = take_status_line(f, line);
    else if (line.len > 0)
        good = take_field(f, line);
    else
        good = take_head_end(f);
    return good ? size * cnt : 0;
}

void ph_http_fetch_deliver(struct ph_http_fetch *f, struct ph_bytes data)
{
    if (f->paused || f->pending.len > 0) {
        if (f->client->pending + data.len > PH_HTTP_PENDING_ALL_MAX ||
            ph_buf_add(&f->pending, data) != PH_OK)
            (void)fail(f, "response-too-large");
        else
            f->client->pending += data.len;
        f->client->dirty = true;
        return;
    }
    f->events.on_data(f->events.ctx, data);
}

static size_t on_write(char *data, size_t size, size_t cnt, void *ctx)
{
    struct ph_http_fetch *f = ctx;
    size_t n = size * cnt;

    if (f->state != PH_HTTP_FETCH_HOP || !f->checked || !f->head_done || f->fail)
        return 0;
    f->got += n;
    if (f->redirecting)
        return f->got > PH_HTTP_REDIRECT_BODY_MAX ? 0 : n;
    if (f->got > f->response_max) {
        (void)fail(f, "response-too-large");
        return 0;
    }
    if (n > 0)
        ph_http_fetch_deliver(f, (struct ph_bytes){(const uint8_t *)data, n});
    return f->state == PH_HTTP_FETCH_HOP ? n : 0;
}

static bool add_line(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);

    *list = longer ? longer : *list;
    return longer != NULL;
}

/* Request fields: what the phat said, less what is ours to say. */
static bool set_fields(struct ph_http_fetch *f)
{
    struct ph_bytes rest = ph_buf_view(&f->headers);
    struct ph_http_field field;
    bool good = add_line(&f->fields, "Expect:"), agent = false;

    while (good && ph_http_block_next(&rest, &field)) {
        if (ph_http_is_hop_by_hop(field.name) || ph_http_is_nocase(field.name, "host") ||
            ph_http_is_nocase(field.name, "content-length") ||
            ph_http_is_nocase(field.name, "accept-encoding"))
            continue;
        agent |= ph_http_is_nocase(field.name, "user-agent");
        struct ph_buf line = PH_BUF(64 * 1024);
        /* "name;" is libcurl's way to send a field with an empty value. */
        good = ph_buf_add(&line, field.name) == PH_OK &&
               ph_buf_add_str(&line, field.value.len > 0 ? ": " : ";") == PH_OK &&
               ph_buf_add(&line, field.value) == PH_OK &&
               ph_buf_add(&line, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK &&
               add_line(&f->fields, (const char *)line.ptr);
        ph_buf_clear(&line);
    }
    if (good && !agent)
        good = add_line(&f->fields, "user-agent: phala");
    return good;
}

/* "+host:port:address,address": what libcurl would otherwise ask the resolver. */
static bool set_addresses(struct ph_http_fetch *f, const struct ph_http_addresses *addresses)
{
    struct ph_buf line PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    if (ph_buf_addf(&line, "+%s:%u:", f->url.host, f->url.port) != PH_OK)
        return false;
    for (size_t i = 0; i < addresses->cnt; i++) {
        const struct sockaddr_storage *a = &addresses->at[i];
        char text[INET6_ADDRSTRLEN];
        bool six = a->ss_family == AF_INET6;
        const void *ip = six ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
        if (!inet_ntop(a->ss_family, ip, text, sizeof(text)) ||
            ph_buf_addf(&line, six ? "%s[%s]" : "%s%s", i > 0 ? "," : "", text) != PH_OK)
            return false;
    }
    return ph_buf_add(&line, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK &&
           add_line(&f->resolve, (const char *)line.ptr);
}

/* NTLM and Negotiate authenticate a connection, not a request. */
static bool binds_connection(const struct ph_http_fetch *f)
{
    struct ph_bytes rest = ph_buf_view(&f->headers);
    struct ph_http_field field;

    while (ph_http_block_next(&rest, &field)) {
        if (!ph_http_is_nocase(field.name, "authorization"))
            continue;
        struct ph_bytes scheme = field.value;
        const uint8_t *sp = scheme.len > 0 ? memchr(scheme.ptr, ' ', scheme.len) : NULL;
        scheme.len = sp ? (size_t)(sp - scheme.ptr) : scheme.len;
        if (ph_http_is_nocase(scheme, "ntlm") || ph_http_is_nocase(scheme, "negotiate"))
            return true;
    }
    return false;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                     \
            return false;                                                                          \
    } while (0)

static bool set_body(struct ph_http_fetch *f, CURL *easy)
{
    bool sends = f->has_stream || f->body.len > 0 || strcmp(f->method, "POST") == 0 ||
                 strcmp(f->method, "PUT") == 0 || strcmp(f->method, "PATCH") == 0;

    if (strcmp(f->method, "HEAD") == 0 && !f->has_stream && f->body.len == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return true;
    }
    if (sends) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, f->has_stream ? (curl_off_t)-1 : (curl_off_t)f->body.len);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, f);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, f);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, f->method);
    return true;
}

static bool set_transport(struct ph_http_fetch *f, CURL *easy)
{
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread of libcurl's */
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, f);
    SET(CURLOPT_PREREQFUNCTION, on_ready);
    SET(CURLOPT_PREREQDATA, f);
    /* is_peer_trusted judges the certificate, against roots that are parsed once. */
    SET(CURLOPT_SSL_VERIFYPEER, 0L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (f->resolve)
        SET(CURLOPT_RESOLVE, f->resolve);
    /* A streamed body cannot be sent again, so it does not ride on a connection that may be dead.
     */
    if (f->has_stream || f->ws || binds_connection(f))
        SET(CURLOPT_FRESH_CONNECT, 1L);
    if (f->ws)
        SET(CURLOPT_CONNECT_ONLY, 1L);
    if (binds_connection(f))
        SET(CURLOPT_FORBID_REUSE, 1L);
    return true;
}

static bool set_all(struct ph_http_fetch *f, CURL *easy)
{
    SET(CURLOPT_PRIVATE, f);
    SET(CURLOPT_URL, f->url.text);
    SET(CURLOPT_HTTPHEADER, f->fields);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, f);
    SET(CURLOPT_WRITEFUNCTION, on_write);
    SET(CURLOPT_WRITEDATA, f);
    return set_transport(f, easy) && set_body(f, easy);
}

bool ph_http_hop_set_up(struct ph_http_fetch *f, const struct ph_http_addresses *addresses)
{
    f->easy = curl_easy_init();
    f->checked = f->head_open = f->head_done = f->redirecting = f->encoded = false;
    f->curl_paused = f->send_paused = false;
    f->head_len = f->head.len = f->location.len = f->body_at = 0;
    f->got = 0;
    return f->easy && set_fields(f) && (!addresses || set_addresses(f, addresses)) &&
           set_all(f, f->easy);
}
