#include "collateral_http.h"

#include "base/own.h"

#include <ctype.h>
#include <stdio.h>

bool ph_collateral_url_ok(const char *url)
{
    return (strncmp(url, "https://", 8) == 0 && url[8] != '\0') ||
           (strncmp(url, "http://", 7) == 0 && url[7] != '\0');
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool type_fits(const char *type, enum ph_doc_type want)
{
    switch (want) {
    case PH_DOC_ANY:
        return true;
    case PH_DOC_JSON:
        return has(type, "application/json") || has(type, "+json");
    case PH_DOC_DER:
        return !has(type, "json") && !has(type, "html");
    case PH_DOC_OCSP:
        return has(type, "application/ocsp-response");
    }
    return false;
}

/* The content type in lower case, cut to what is shown. */
static void content_type(const struct ph_http_answer *answer, char out[static 128])
{
    struct ph_bytes type = {0};

    if (ph_http_header(answer, "content-type", &type) != PH_OK)
        type.len = 0;
    size_t n = type.len < 127 ? type.len : 127;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)tolower(type.ptr[i]);
    out[n] = '\0';
}

static int bad_status(const struct ph_cli *cli, const struct ph_doc_request *r, int status)
{
    if (status >= 300 && status < 400)
        return ph_fail(cli, "redirect", r->url, "give the URL of the service itself",
                       "asked for %s, the service redirects (HTTP %d): that is not followed",
                       r->what, status);
    if (status == 404)
        return ph_fail(cli, "not-found", r->url,
                       "check the identifiers, and that the URL is that of such a service",
                       "asked for %s, the service has none (HTTP 404)", r->what);
    if (status == 429)
        return ph_fail(cli, "busy", r->url, "try again later, or use a cache of your own",
                       "asked for %s, the service wants fewer requests (HTTP 429)", r->what);
    if (status >= 500)
        return ph_fail(cli, "service-failed", r->url, "try again later",
                       "asked for %s, the service failed (HTTP %d)", r->what, status);
    return ph_fail(cli, "refused", r->url, "check the URL", "asked for %s, HTTP %d came back",
                   r->what, status);
}

int ph_doc_fetch(const struct ph_cli *cli, const struct ph_doc_request *r,
                 struct ph_http_answer *out)
{
    static const char *const ocsp[] = {"Content-Type: application/ocsp-request",
                                       "Accept: application/ocsp-response", NULL};
    const struct ph_http_request request = {
        .method = r->body.len > 0 ? "POST" : "GET",
        .url = r->url,
        .headers = r->body.len > 0 ? ocsp : NULL,
        .body = r->body,
        .has_body = r->body.len > 0,
        .ca_file = r->ca_file,
        .timeout_s = r->timeout_s,
    };
    char why[256], type[128];

    out->body.limit = PH_COLLATERAL_DOC_MAX;
    const enum ph_err err = ph_http_exchange(&request, out, why);
    if (err == PH_ERR_LIMIT)
        return ph_fail(cli, "too-big", r->url, "check that the URL is that of such a service",
                       "asked for %s, more than 1 MiB came back", r->what);
    if (err != PH_OK)
        return ph_fail(cli, "unreachable", r->url, "check the URL and the network; or try again",
                       "asked for %s, no answer came: %s", r->what, why);
    if (out->status != 200)
        return bad_status(cli, r, out->status);
    content_type(out, type);
    if (!type_fits(type, r->type))
        return ph_fail(cli, "content-type", r->url, "check that the URL is that of such a service",
                       "asked for %s, an answer of type \"%s\" came back", r->what, type);
    if (out->body.len == 0)
        return ph_fail(cli, "empty", r->url, "check that the URL is that of such a service",
                       "asked for %s, an empty answer came back", r->what);
    return PH_EXIT_OK;
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum ph_err ph_url_decode(struct ph_bytes text, struct ph_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || digit(text.ptr[i + 1]) < 0 || digit(text.ptr[i + 2]) < 0)
                return PH_ERR_MALFORMED;
            c = (uint8_t)(digit(text.ptr[i + 1]) << 4 | digit(text.ptr[i + 2]));
            i += 2;
        }
        PH_TRY(ph_buf_add(out, (struct ph_bytes){&c, 1}));
    }
    return PH_OK;
}

int ph_doc_chain(const struct ph_cli *cli, const struct ph_doc_request *r,
                 const struct ph_http_answer *answer, const char *name, struct ph_buf *out)
{
    struct ph_bytes text;

    if (ph_http_header(answer, name, &text) != PH_OK || ph_url_decode(text, out) != PH_OK)
        return ph_fail(cli, "issuer-chain", r->url, "check that the URL is that of such a service",
                       "asked for %s, the answer has no issuer chain in its header %s", r->what,
                       name);
    return PH_EXIT_OK;
}
