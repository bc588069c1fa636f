/* phala call */

#include "call_private.h"
#include "call_record.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/aead.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

static const struct ph_opt opts[] = {
    {"method", 'X', "METHOD", "request method (default: GET, or POST with a body)"},
    {"data", 'd', "DATA", "request body; @FILE reads a file, @- standard input"},
    {"header", 'H', "LINE", "request header \"Name: value\"; repeatable"},
    {"include", 'i', NULL, "print status and headers too"},
    {"receipt", 'r', "FILE", "keep the call with its receipt and the worker's evidence"},
    {"private", 0, NULL, "encrypt it to the worker's attested key (Oblivious HTTP)"},
    {"policy", 0, "FILE", "what the worker's evidence must meet; with --private"},
    {"nonce", 0, "HEX", "32 bytes that the receipt repeats (default: random)"},
    {"owner", 0, "ADDRESS", "owner of the phat that NAME means (default: the keystore's address)"},
    {"timeout", 0, "SECONDS", "give up after this time (default: 330)"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_worker, ph_opts_key, ph_opts_common,
                                              NULL};

struct call {
    struct ph_call_sent sent;
    struct ph_buf body;
    const char *headers[34];
    char content_type[256], nonce_header[96];
    long timeout_s;
};

static int read_body(const struct ph_cli *cli, struct call *call)
{
    const char *data = ph_opts_get(&cli->opts, "data");
    enum ph_err err = PH_OK;
    call->body = PH_BUF(PH_HTTP_ANSWER_MAX);
    if (data != NULL)
        err = data[0] == '@' ? ph_file_read(data + 1, &call->body)
                             : ph_buf_add_str(&call->body, data);
    if (err != PH_OK)
        return ph_fail(cli, "io", data + 1, NULL, "cannot read the body: %s", strerror(errno));
    call->sent.body = ph_buf_view(&call->body);
    const char *method = ph_opts_get(&cli->opts, "method");
    call->sent.method = method != NULL ? method : data != NULL ? "POST" : "GET";
    if (call->sent.method[0] == '\0' ||
        strspn(call->sent.method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(call->sent.method))
        return ph_fail_usage(cli, "\"%.40s\" is no request method", call->sent.method);
    return PH_EXIT_OK;
}

/* The content type goes its own way: the record and the receipt need its exact text. */
static int read_headers(const struct ph_cli *cli, struct call *call)
{
    size_t n = 0, at = 0;
    const char *line;
    call->headers[n++] = call->nonce_header;
    while ((line = ph_opts_next(&cli->opts, "header", &at)) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon == NULL || colon == line || strpbrk(line, "\r\n") != NULL)
            return ph_fail_usage(cli, "\"%.80s\" is no header; write \"Name: value\"", line);
        if (strncasecmp(line, "content-type:", 13) == 0) {
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            if (strlen(value) >= sizeof(call->content_type))
                return ph_fail_usage(cli, "the content type is too long");
            (void)snprintf(call->content_type, sizeof(call->content_type), "%s", value);
            continue;
        }
        if (n + 1 >= PH_LEN(call->headers))
            return ph_fail_usage(cli, "more than 32 headers");
        call->headers[n++] = line;
    }
    if (call->body.len > 0 && call->content_type[0] == '\0')
        (void)snprintf(call->content_type, sizeof(call->content_type), "%s",
                       call->body.ptr[0] == '{' || call->body.ptr[0] == '['
                           ? "application/json"
                           : "application/octet-stream");
    call->headers[n] = NULL;
    call->sent.content_type = call->content_type;
    return PH_EXIT_OK;
}

static int read_nonce(const struct ph_cli *cli, struct call *call)
{
    const char *text = ph_opts_get(&cli->opts, "nonce");
    uint8_t nonce[32];
    if (text == NULL)
        ph_random(nonce, sizeof(nonce));
    else if (ph_hex_decode(ph_bytes_str(text), nonce, sizeof(nonce)) != PH_OK)
        return ph_fail_usage(cli, "--nonce: expected 64 hex digits");
    ph_hex_encode(PH_BYTES_OF(nonce), call->sent.nonce);
    (void)snprintf(call->nonce_header, sizeof(call->nonce_header), "Phala-Nonce: %s",
                   call->sent.nonce);
    return PH_EXIT_OK;
}

static int read_line(const struct ph_cli *cli, struct call *call)
{
    uint64_t seconds = 330;
    const char *timeout = ph_opts_get(&cli->opts, "timeout");
    const char *path = cli->opts.operand_cnt > 1 ? cli->opts.operands[1] : "/";
    if (timeout != NULL && ph_opts_number(timeout, 1, 86400, &seconds) != PH_OK)
        return ph_fail_usage(cli, "--timeout: expected seconds from 1 to 86400");
    if (path[0] != '/' || strlen(path) > 3000 || strpbrk(path, " \r\n#") != NULL)
        return ph_fail_usage(cli, "PATH: expected /path?query without blanks, encoded as in a URL");
    call->sent.path = path;
    call->timeout_s = (long)seconds;
    if (ph_opts_has(&cli->opts, "policy") && !ph_opts_has(&cli->opts, "private"))
        return ph_fail_usage(cli, "--policy goes with --private");
    int rc = read_body(cli, call);
    if (rc == PH_EXIT_OK)
        rc = read_nonce(cli, call);
    return rc == PH_EXIT_OK ? read_headers(cli, call) : rc;
}

static int find_target(const struct ph_cli *cli, struct ph_target *target)
{
    struct ph_eth_address owner = {{0}};
    const char *named = ph_opts_get(&cli->opts, "owner");
    if (named != NULL) {
        if (ph_hex_decode(ph_bytes_str(named), owner.b, sizeof(owner.b)) != PH_OK)
            return ph_fail_usage(cli, "--owner: expected an address of 40 hex digits");
    } else if (ph_target_is_name(cli->opts.operands[0])) {
        int rc = ph_owner_address(cli, &owner);
        if (rc != PH_EXIT_OK)
            return rc;
    }
    return ph_target_of(cli, cli->opts.operands[0], &owner, target);
}

static json_t *headers_json(const struct ph_http_answer *answer)
{
    json_t *out = json_object();
    struct ph_reader r = {ph_buf_view(&answer->headers)};
    while (out != NULL && r.rest.len > 0) {
        const uint8_t *end = memchr(r.rest.ptr, '\n', r.rest.len);
        struct ph_bytes line, feed;
        if (end == NULL || !ph_read_view(&r, (size_t)(end - r.rest.ptr), &line) ||
            !ph_read_view(&r, 1, &feed))
            break;
        const uint8_t *colon = memchr(line.ptr, ':', line.len);
        if (colon == NULL)
            continue;
        char name[128];
        (void)snprintf(name, sizeof(name), "%.*s", (int)(colon - line.ptr), (const char *)line.ptr);
        json_t *value =
            json_stringn((const char *)colon + 1, line.len - (size_t)(colon + 1 - line.ptr));
        if (value != NULL)
            (void)json_object_set_new(out, name, value);
    }
    return out;
}

static int print_answer(const struct ph_cli *cli, const struct ph_http_answer *answer,
                        json_t *receipt)
{
    int rc = answer->status < 400 ? PH_EXIT_OK : PH_EXIT_REFUSED;
    if (cli->json) {
        struct ph_buf b64 PH_OWNED(ph_buf_clear) = PH_BUF((size_t)2 * PH_HTTP_ANSWER_MAX);
        json_t *text = json_stringn(answer->body.len > 0 ? (const char *)answer->body.ptr : "",
                                    answer->body.len);
        const char *member = text != NULL ? "body" : "body_base64";
        if (text == NULL && ph_base64_encode(ph_buf_view(&answer->body), &b64) == PH_OK)
            text = json_stringn((const char *)b64.ptr, b64.len);
        (void)ph_print_json(json_pack("{s:b,s:i,s:o,s:o,s:O*}", "ok", rc == PH_EXIT_OK, "status",
                                      answer->status, "headers", headers_json(answer), member, text,
                                      "receipt", receipt));
        return rc;
    }
    if (ph_opts_has(&cli->opts, "include")) {
        printf("%d\n", answer->status);
        (void)fwrite(answer->headers.ptr, 1, answer->headers.len, stdout);
        printf("\n");
    }
    if (answer->body.len > 0) {
        (void)fwrite(answer->body.ptr, 1, answer->body.len, stdout);
        if (isatty(STDOUT_FILENO) && answer->body.ptr[answer->body.len - 1] != '\n')
            printf("\n");
    }
    (void)fflush(stdout);
    if (rc != PH_EXIT_OK)
        fprintf(stderr, "phala call: status %d\n", answer->status);
    return rc;
}

static int keep(const struct ph_cli *cli, const struct ph_api *api, const struct call *call,
                const struct ph_http_answer *answer, json_t **receipt)
{
    const char *file = ph_opts_get(&cli->opts, "receipt");
    struct ph_bytes id;
    if (file == NULL)
        return PH_EXIT_OK;
    if (ph_http_header(answer, "phala-receipt-id", &id) != PH_OK)
        return answer->status >= 400
                   ? ph_api_refused(cli, api, answer)
                   : ph_fail(cli, "no-receipt", api->url.value, NULL, "the answer has no receipt");
    json_t *record PH_OWNED(ph_json_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF((size_t)4 * PH_HTTP_ANSWER_MAX);
    int rc = ph_receipt_fetch(cli, api, id, receipt);
    if (rc == PH_EXIT_OK)
        rc = ph_call_record_make(cli, api, &call->sent, answer, *receipt, &record);
    if (rc != PH_EXIT_OK)
        return rc;
    if (ph_json_dump(record, &text) != PH_OK || ph_buf_add_str(&text, "\n") != PH_OK ||
        ph_file_write(file, ph_buf_view(&text), 0644) != PH_OK)
        return ph_fail(cli, "io", file, "name a file in a writable folder",
                       "cannot keep the receipt: %s", strerror(errno));
    if (!cli->json)
        fprintf(stderr, "receipt kept in %s; phala verify %s checks it\n", file, file);
    return PH_EXIT_OK;
}

static int run(struct ph_cli *cli)
{
    struct ph_api api;
    struct ph_target target;
    struct call call = {0};
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    json_t *receipt PH_OWNED(ph_json_freep) = NULL;
    char path[4096];
    int rc = read_line(cli, &call);
    if (rc == PH_EXIT_OK)
        rc = find_target(cli, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK) {
        (void)snprintf(path, sizeof(path), "/p/%s%s", target.id, call.sent.path);
        call.sent.target = &target;
        const struct ph_api_call outgoing = {
            .method = call.sent.method,
            .path = path,
            .content_type = call.content_type[0] != '\0' ? call.content_type : NULL,
            .body = call.sent.body,
            .more_headers = call.headers,
            .timeout_s = call.timeout_s};
        rc = ph_opts_has(&cli->opts, "private") ? ph_call_private(cli, &api, &outgoing, &answer)
                                                : ph_api_do(cli, &api, &outgoing, &answer);
    }
    if (rc == PH_EXIT_OK)
        rc = keep(cli, &api, &call, &answer, &receipt);
    if (rc == PH_EXIT_OK)
        rc = print_answer(cli, &answer, receipt);
    ph_buf_clear(&call.body);
    return rc;
}

const struct ph_cmd ph_cmd_call = {
    .name = "call",
    .operands = "ID|NAME [PATH]",
    .summary = "Send a request to a phat, keep its receipt",
    .details =
        "Prints the answer's body. With --receipt FILE the request, the answer, the receipt and "
        "the\n"
        "worker's evidence are kept in one file that phala verify checks without a network. A\n"
        "status of 400 or more ends with exit code 1. With --private only the attested worker can\n"
        "read the request: its evidence must meet --policy FILE, else nothing is sent.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 2,
    .run = run,
};
