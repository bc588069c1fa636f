#include "http/bound.h"

#include "http/tls.h"
#include "http/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct ph_http_bound {
    CURL *curl;
    struct curl_slist *headers;
    char url[PH_HTTP_URL_MAX + 1];
    uint8_t exporter[32];
    bool has_exporter;
    struct ph_buf *answer; /* of the request under way */
    enum ph_err failed;    /* what a callback found */
    char error[CURL_ERROR_SIZE];
};

/* While the answer comes the connection belongs to the transfer, and its session can be asked. */
static void learn_exporter(struct ph_http_bound *b)
{
    struct curl_tlssessioninfo *info = NULL;

    if (curl_easy_getinfo(b->curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
        info->backend != CURLSSLBACKEND_GNUTLS || !info->internals ||
        ph_http_tls_exporter(info->internals, b->exporter) != PH_OK)
        b->failed = PH_ERR_UNSUPPORTED;
    else
        b->has_exporter = true;
}

static size_t on_header(char *data, size_t size, size_t cnt, void *ctx)
{
    struct ph_http_bound *b = ctx;

    (void)data;
    if (!b->has_exporter && b->failed == PH_OK)
        learn_exporter(b);
    return b->failed == PH_OK ? size * cnt : 0;
}

static size_t on_data(char *data, size_t size, size_t cnt, void *ctx)
{
    struct ph_http_bound *b = ctx;

    b->failed = ph_buf_add(b->answer, (struct ph_bytes){(const uint8_t *)data, size * cnt});
    return b->failed == PH_OK ? size * cnt : 0;
}

static bool set_up(struct ph_http_bound *b, uint32_t timeout_s)
{
    CURL *c = b->curl;

    b->headers = curl_slist_append(NULL, "content-type: application/octet-stream");
    return b->headers && curl_easy_setopt(c, CURLOPT_HTTPHEADER, b->headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)timeout_s) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, b->error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, b) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, b) == CURLE_OK;
}

enum ph_err ph_http_bound_open(const char *url, uint32_t timeout_s, struct ph_http_bound **out)
{
    struct ph_http_bound *b = calloc(1, sizeof(*b));
    struct ph_http_url *parsed = malloc(sizeof(*parsed));
    const char *why;
    enum ph_err err = b && parsed ? PH_OK : PH_ERR_NOMEM;

    if (err == PH_OK &&
        (ph_http_url_parse(ph_bytes_str(url), parsed, &why) != PH_OK || !parsed->https))
        err = PH_ERR_MALFORMED;
    if (err == PH_OK) {
        (void)snprintf(b->url, sizeof(b->url), "https://%s:%u", parsed->host, parsed->port);
        b->curl = curl_easy_init();
        if (!b->curl || !set_up(b, timeout_s))
            err = PH_ERR_NOMEM;
    }
    free(parsed);
    if (err != PH_OK) {
        ph_http_bound_close(b);
        return err;
    }
    *out = b;
    return PH_OK;
}

void ph_http_bound_close(struct ph_http_bound *b)
{
    if (!b)
        return;
    curl_easy_cleanup(b->curl);
    curl_slist_free_all(b->headers);
    free(b);
}

/* A second connection would have another exporter value than the one that was given out. */
static int on_connection(void *ctx, char *ip, char *local, int port, int local_port)
{
    struct ph_http_bound *b = ctx;
    long made = 0;

    (void)ip, (void)local, (void)port, (void)local_port;
    if (b->has_exporter && curl_easy_getinfo(b->curl, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK &&
        made > 0) {
        b->failed = PH_ERR_CLOSED;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

enum ph_err ph_http_bound_post(struct ph_http_bound *b, const char *path, struct ph_bytes body,
                               uint16_t *status, struct ph_buf *answer, char why[static 256])
{
    char url[PH_HTTP_URL_MAX + 256];
    long code = 0;

    (void)snprintf(url, sizeof(url), "%s%.200s", b->url, path);
    b->answer = answer;
    b->failed = PH_OK;
    b->error[0] = '\0';
    CURLcode rc = curl_easy_setopt(b->curl, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(b->curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(b->curl, CURLOPT_POSTFIELDS, body.len ? (const char *)body.ptr : "");
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(b->curl, CURLOPT_PREREQFUNCTION, on_connection);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(b->curl, CURLOPT_PREREQDATA, b);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(b->curl);
    b->answer = NULL;
    if (rc != CURLE_OK) {
        (void)snprintf(why, 256, "%.120s: %.120s", url,
                       b->failed == PH_ERR_CLOSED  ? "the connection ended between two requests"
                       : b->failed == PH_ERR_LIMIT ? "the answer is too long"
                       : b->error[0]               ? b->error
                                                   : curl_easy_strerror(rc));
        return b->failed == PH_OK || b->failed == PH_ERR_UNSUPPORTED ? PH_ERR_IO : b->failed;
    }
    (void)curl_easy_getinfo(b->curl, CURLINFO_RESPONSE_CODE, &code);
    *status = (uint16_t)code;
    return PH_OK;
}

enum ph_err ph_http_bound_exporter(const struct ph_http_bound *b, uint8_t out[static 32])
{
    if (!b->has_exporter)
        return PH_ERR_NOT_FOUND;
    memcpy(out, b->exporter, 32);
    return PH_OK;
}
