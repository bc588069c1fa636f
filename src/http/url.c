#include "http/url.h"

#include "http/syntax.h"

#include <curl/curl.h>
#include <stdlib.h>

static void url_freep(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void text_freep(char **text)
{
    curl_free(*text);
}

static enum ph_err take_host(CURLU *url, struct ph_http_url *out, const char **why)
{
    char *host __attribute__((cleanup(text_freep))) = NULL;
    char *zone __attribute__((cleanup(text_freep))) = NULL;

    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK || !host[0]) {
        *why = "the URL has no host";
        return PH_ERR_MALFORMED;
    }
    if (curl_url_get(url, CURLUPART_ZONEID, &zone, 0) != CURLUE_NO_ZONEID) {
        *why = "the URL's address has a zone, which only means something on one link";
        return PH_ERR_MALFORMED;
    }
    size_t len = strlen(host);
    if (len > PH_EGRESS_HOST_MAX) {
        *why = "the URL's host is longer than 253 characters";
        return PH_ERR_MALFORMED;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = ph_http_lower((uint8_t)host[i]);
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._:[]", c);
        if (!good) {
            *why = "the URL's host holds a character that no host name has (IDNs go in A-label "
                   "form)";
            return PH_ERR_MALFORMED;
        }
        out->host[i] = (char)c;
    }
    out->host[len] = 0;
    return curl_url_set(url, CURLUPART_HOST, out->host, 0) == CURLUE_OK ? PH_OK : PH_ERR_NOMEM;
}

static enum ph_err take_rest(CURLU *url, struct ph_http_url *out, const char **why)
{
    char *scheme __attribute__((cleanup(text_freep))) = NULL;
    char *port __attribute__((cleanup(text_freep))) = NULL;
    char *user __attribute__((cleanup(text_freep))) = NULL;
    char *password __attribute__((cleanup(text_freep))) = NULL;
    char *text __attribute__((cleanup(text_freep))) = NULL;
    int64_t number;

    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        *why = "only http and https URLs are fetched";
        return PH_ERR_MALFORMED;
    }
    (void)curl_url_get(url, CURLUPART_USER, &user, 0);
    (void)curl_url_get(url, CURLUPART_PASSWORD, &password, 0);
    if (user || password) {
        *why = "the URL holds credentials; send an Authorization header instead";
        return PH_ERR_MALFORMED;
    }
    if (curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        !ph_http_parse_decimal(ph_bytes_str(port), &number) || number < 1 || number > 65535) {
        *why = "the URL's port is not a number of 1 to 65535";
        return PH_ERR_MALFORMED;
    }
    out->https = strcmp(scheme, "https") == 0;
    out->port = (uint16_t)number;
    if (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return PH_ERR_NOMEM;
    if (strlen(text) > PH_HTTP_URL_MAX) {
        *why = "the URL is longer than 8192 characters";
        return PH_ERR_MALFORMED;
    }
    memcpy(out->text, text, strlen(text) + 1);
    return PH_OK;
}

/* "host." is the same host as "host". Without its dot the text is parsed anew, since it may turn
 * out to be a number: "0x7f.". */
static enum ph_err drop_root_dot(CURLU *url, const char **why)
{
    char *host __attribute__((cleanup(text_freep))) = NULL;
    char *text __attribute__((cleanup(text_freep))) = NULL;

    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return PH_OK; /* take_host says so */
    size_t len = strlen(host);
    if (len < 2 || host[len - 1] != '.')
        return PH_OK;
    host[len - 1] = 0;
    *why = "the URL's host is not a host name";
    if (host[len - 2] == '.' || curl_url_set(url, CURLUPART_HOST, host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return PH_ERR_MALFORMED;
    return PH_OK;
}

/* `base` NULL: the text is absolute. */
static enum ph_err parse(const char *base, struct ph_bytes text, struct ph_http_url *out,
                         const char **why)
{
    CURLU *url __attribute__((cleanup(url_freep))) = curl_url();
    char copy[PH_HTTP_URL_MAX + 1];

    if (!url)
        return PH_ERR_NOMEM;
    *why = "this is not a URL";
    if (text.len == 0 || text.len > PH_HTTP_URL_MAX)
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '\\') {
            *why = "the URL holds a character that must be percent-encoded";
            return PH_ERR_MALFORMED;
        }
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (base && curl_url_set(url, CURLUPART_URL, base, 0) != CURLUE_OK)
        return PH_ERR_NOMEM;
    if (curl_url_set(url, CURLUPART_URL, copy, 0) != CURLUE_OK)
        return PH_ERR_MALFORMED;
    struct ph_http_url *made = malloc(sizeof(*made));
    if (!made)
        return PH_ERR_NOMEM;
    enum ph_err err = drop_root_dot(url, why);
    if (err == PH_OK)
        err = take_host(url, made, why);
    if (err == PH_OK)
        err = take_rest(url, made, why);
    if (err == PH_OK)
        *out = *made;
    free(made);
    return err;
}

enum ph_err ph_http_url_parse(struct ph_bytes text, struct ph_http_url *out, const char **why)
{
    return parse(NULL, text, out, why);
}

enum ph_err ph_http_url_join(const struct ph_http_url *base, struct ph_bytes location,
                             struct ph_http_url *out, const char **why)
{
    return parse(base->text, location, out, why);
}

bool ph_http_url_same_origin(const struct ph_http_url *a, const struct ph_http_url *b)
{
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}
