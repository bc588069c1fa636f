#include "api.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/secp256k1.h"

#include <stdio.h>

enum { API_TIMEOUT_S = 60, AUTH_VALID_S = 300, JSON_MAX = 16 << 20 };

/* http without TLS reaches this machine only: over a network, anyone on the way could replace what
 * the worker says about itself. */
static bool url_allowed(const char *url)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (strncmp(url, "https://", 8) == 0 && url[8] != '\0')
        return true;
    for (size_t i = 0; i < PH_LEN(local); i++) {
        size_t n = strlen(local[i]);
        if (strncmp(url, local[i], n) == 0 && (url[n] == '\0' || url[n] == ':' || url[n] == '/'))
            return true;
    }
    return false;
}

int ph_api_do(const struct ph_cli *cli, const struct ph_api *api, const struct ph_api_call *call,
              struct ph_http_answer *out)
{
    char url[2 * PH_PATH_MAX], type[160], why[256];
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    const char *headers[40];
    size_t n = 0;
    (void)snprintf(url, sizeof(url), "%s%s", api->url.value, call->path);
    if (call->auth != NULL) {
        if (ph_buf_addf(&auth, "Authorization: %s", call->auth) != PH_OK ||
            ph_buf_add(&auth, (struct ph_bytes){(const uint8_t *)"", 1}) != PH_OK)
            return ph_fail(cli, "io", NULL, NULL, "out of memory");
        headers[n++] = (const char *)auth.ptr;
    }
    if (call->content_type != NULL) {
        (void)snprintf(type, sizeof(type), "Content-Type: %s", call->content_type);
        headers[n++] = type;
    }
    for (size_t i = 0; call->more_headers != NULL && call->more_headers[i] != NULL; i++) {
        if (n + 1 >= PH_LEN(headers))
            return ph_fail_usage(cli, "more than 32 headers");
        headers[n++] = call->more_headers[i];
    }
    headers[n] = NULL;
    struct ph_http_request r = {.method = call->method,
                                .url = url,
                                .headers = headers,
                                .body = call->body,
                                .flow = call->flow,
                                .has_body = call->content_type != NULL || call->body.len > 0,
                                .ca_file = api->ca.value[0] != '\0' ? api->ca.value : NULL,
                                .timeout_s = call->timeout_s > 0 ? call->timeout_s : API_TIMEOUT_S};
    if (ph_http_exchange(&r, out, why) != PH_OK)
        return ph_fail(cli, "unreachable", url, "check that the worker runs and the URL is right",
                       "the worker did not answer: %s", why);
    return PH_EXIT_OK;
}

int ph_api_refused(const struct ph_cli *cli, const struct ph_api *api,
                   const struct ph_http_answer *answer)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why;
    const char *code = NULL, *message = NULL;
    if (ph_json_load(ph_buf_view(&answer->body), JSON_MAX, &doc, &why) == PH_OK) {
        const json_t *error = json_object_get(doc, "error");
        code = json_string_value(json_object_get(error, "code"));
        message = json_string_value(json_object_get(error, "message"));
    }
    if (code == NULL || message == NULL)
        return ph_fail(cli, "refused", api->url.value, "check that the URL is that of a worker",
                       "HTTP status %d without an error that this CLI understands", answer->status);
    return ph_fail(cli, code, api->url.value, NULL, "the worker refused (%d %s): %s",
                   answer->status, code, message);
}

int ph_api_json(const struct ph_cli *cli, const struct ph_api *api, const struct ph_api_call *call,
                json_t **doc)
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    struct ph_json_why why;
    int rc = ph_api_do(cli, api, call, &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer.status < 200 || answer.status > 299)
        return ph_api_refused(cli, api, &answer);
    if (doc == NULL)
        return PH_EXIT_OK;
    if (ph_json_load(ph_buf_view(&answer.body), JSON_MAX, doc, &why) != PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, "check that the URL is that of a worker",
                       "the answer to %s is no JSON: %s", call->path, why.text);
    return PH_EXIT_OK;
}

static int read_info(const struct ph_cli *cli, struct ph_api *api)
{
    json_t *info PH_OWNED(ph_json_freep) = NULL;
    int rc =
        ph_api_json(cli, api, &(struct ph_api_call){.method = "GET", .path = "/v1/info"}, &info);
    if (rc != PH_EXIT_OK)
        return rc;
    const char *signer = json_string_value(json_object_get(info, "signer"));
    const char *cluster = json_string_value(json_object_get(info, "cluster"));
    const char *x25519 = json_string_value(json_object_get(info, "caller_x25519"));
    if (signer == NULL || cluster == NULL || x25519 == NULL ||
        ph_hex_decode(ph_bytes_str(signer), api->signer.b, sizeof(api->signer.b)) != PH_OK ||
        ph_hex_decode(ph_bytes_str(cluster), api->cluster.b, sizeof(api->cluster.b)) != PH_OK ||
        ph_hex_decode(ph_bytes_str(x25519), api->caller_x25519, sizeof(api->caller_x25519)) !=
            PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, "check that the URL is that of a worker",
                       "/v1/info names no signer, no cluster or no caller_x25519");
    const json_int_t epoch = json_integer_value(json_object_get(info, "epoch"));
    api->epoch = epoch > 0 && epoch <= UINT32_MAX ? (uint32_t)epoch : 0;
    api->insecure_simulator = !json_is_false(json_object_get(info, "insecure_simulator"));
    return PH_EXIT_OK;
}

static int set_url(const struct ph_cli *cli, const char *url, const char *ca, struct ph_api *out)
{
    struct ph_api api = {0};
    if (!url_allowed(url))
        return ph_fail(cli, "bad-worker-url", url,
                       "use https://…; plain http works for a worker on this machine only",
                       "this URL cannot be used for a worker");
    (void)snprintf(api.url.value, sizeof(api.url.value), "%s", url);
    (void)snprintf(api.ca.value, sizeof(api.ca.value), "%s", ca);
    size_t len = strlen(api.url.value);
    while (len > 0 && api.url.value[len - 1] == '/')
        api.url.value[--len] = '\0';
    *out = api;
    return PH_EXIT_OK;
}

int ph_api_open_url(const struct ph_cli *cli, const char *url, const char *ca, struct ph_api *out)
{
    struct ph_api api;
    int rc = set_url(cli, url, ca, &api);
    if (rc == PH_EXIT_OK)
        rc = read_info(cli, &api);
    if (rc == PH_EXIT_OK)
        *out = api;
    return rc;
}

int ph_api_settle(const struct ph_cli *cli, struct ph_api *out)
{
    struct ph_setting url, ca;
    int rc = ph_setting_get(cli, "worker", "PHALA_WORKER", "worker", &url);
    if (rc == PH_EXIT_OK)
        rc = ph_setting_get(cli, "ca", "PHALA_CA", "ca", &ca);
    if (rc != PH_EXIT_OK)
        return rc;
    if (url.value[0] == '\0')
        return ph_fail(cli, "no-worker", NULL,
                       "use --worker URL, set PHALA_WORKER, or write {\"worker\":\"https://…\"} to "
                       "~/.config/phala/config.json",
                       "no worker is named");
    return set_url(cli, url.value, ca.value, out);
}

int ph_api_open(const struct ph_cli *cli, struct ph_api *out)
{
    struct ph_api api;
    int rc = ph_api_settle(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = read_info(cli, &api);
    if (rc == PH_EXIT_OK)
        *out = api;
    return rc;
}

int ph_api_authorize(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_owner *owner, const char *action, const char *name,
                     const struct ph_hash32 *content, uint64_t sequence, struct ph_buf *out)
{
    struct ph_owner_request req = {.cluster = api->cluster,
                                   .sequence = sequence,
                                   .expires = (uint64_t)(ph_clock_wall_ms() / 1000) + AUTH_VALID_S};
    uint8_t sig[PH_ETH_SIG_LEN];
    struct ph_hash32 digest;
    (void)snprintf(req.action, sizeof(req.action), "%s", action);
    (void)snprintf(req.name, sizeof(req.name), "%s", name);
    if (content != NULL)
        req.content = *content;
    enum ph_err err = ph_owner_request_check(&req);
    if (err == PH_OK) {
        ph_owner_request_digest(&req, &digest);
        err = ph_eth_sign(owner->secret, &digest, sig);
    }
    if (err == PH_OK)
        err = ph_owner_request_to_header(&req, sig, &owner->address, out);
    if (err == PH_OK)
        err = ph_buf_add(out, (struct ph_bytes){(const uint8_t *)"", 1});
    if (err != PH_OK)
        return ph_fail(cli, "io", NULL, NULL, "cannot sign the request (%s)", ph_err_name(err));
    return PH_EXIT_OK;
}
