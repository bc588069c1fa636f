/* phala logs */

#include "api.h"
#include "log_lines.h"

#include "base/own.h"

#include <errno.h>
#include <stdio.h>

static const struct ph_opt opts[] = {
    {"follow", 'f', NULL, "keep printing lines as they come"},
    {"since", 0, "SEQ", "only lines after this sequence number"},
    {"map", 0, "FILE", "source map (deploy --out keeps one): show positions in your files"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_worker, ph_opts_key, ph_opts_common,
                                              NULL};

enum { CHUNK_MAX = 16 << 20 };

static int print_lines(const struct ph_cli *cli, struct ph_buf *in, const struct ph_sourcemap *map)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(CHUNK_MAX);
    uint64_t seq;
    if (cli->json) { /* NDJSON goes through as it is */
        const uint8_t *last = in->len > 0 ? memrchr(in->ptr, '\n', in->len) : NULL;
        size_t n = last != NULL ? (size_t)(last + 1 - in->ptr) : 0;
        (void)fwrite(in->ptr, 1, n, stdout);
        ph_buf_consume(in, n);
    }
    for (;;) {
        enum ph_err err = cli->json ? PH_ERR_AGAIN : ph_log_next(in, map, &out, &seq);
        if (err == PH_ERR_AGAIN)
            break;
        if (err != PH_OK)
            return ph_fail(cli, "bad-answer", NULL, NULL,
                           "the worker sent a line that is no log line");
        (void)fwrite(out.ptr, 1, out.len, stdout);
        out.len = 0;
    }
    return fflush(stdout) == 0 ? PH_EXIT_OK : PH_EXIT_REFUSED;
}

/* A refusal comes as a JSON error where lines were expected. */
static int refused(const struct ph_cli *cli, const struct ph_api *api, struct ph_buf *body,
                   int status)
{
    struct ph_http_answer answer = {.status = status, .body = *body};
    return ph_api_refused(cli, api, &answer);
}

static int stream(const struct ph_cli *cli, const struct ph_api *api, const char *url,
                  const char *auth_line, const struct ph_sourcemap *map)
{
    const char *const headers[] = {auth_line, NULL};
    struct ph_http_request r = {.method = "GET",
                                .url = url,
                                .headers = headers,
                                .ca_file = api->ca.value[0] != '\0' ? api->ca.value : NULL};
    struct ph_http_stream *s = NULL;
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(CHUNK_MAX);
    int status = 0, rc = PH_EXIT_OK;
    if (ph_http_stream_open(&r, &s) != PH_OK)
        return ph_fail(cli, "unreachable", url, NULL, "the request cannot be made");
    enum ph_err err = PH_OK;
    while (err == PH_OK && rc == PH_EXIT_OK) {
        err = ph_http_stream_wait(s, NULL, 0, 60000, &in, &status);
        if (err == PH_OK && ph_http_stream_status(s) == 200)
            rc = print_lines(cli, &in, map);
    }
    ph_http_stream_close(s);
    if (rc != PH_EXIT_OK)
        return rc;
    if (err != PH_ERR_CLOSED)
        return ph_fail(cli, "unreachable", url, "run it again with --since to go on",
                       "the connection to the worker broke");
    return status == 200 ? print_lines(cli, &in, map) : refused(cli, api, &in, status);
}

static int load_map(const struct ph_cli *cli, struct ph_sourcemap **out)
{
    const char *file = ph_opts_get(&cli->opts, "map");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_SOURCEMAP_TEXT_MAX);
    if (file == NULL)
        return PH_EXIT_OK;
    if (ph_file_read(file, &text) != PH_OK)
        return ph_fail(cli, "io", file, NULL, "cannot read the source map: %s", strerror(errno));
    enum ph_err err = ph_sourcemap_parse(ph_buf_view(&text), out);
    if (err != PH_OK)
        return ph_fail(cli, "bad-map", file, NULL, "it is no source map (%s)", ph_err_name(err));
    return PH_EXIT_OK;
}

static int show(const struct ph_cli *cli, const struct ph_api *api, const struct ph_owner *owner,
                const struct ph_sourcemap *map, uint64_t since)
{
    struct ph_target target;
    char url[PH_PATH_MAX + 200];
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    int rc = ph_target_of(cli, cli->opts.operands[0], &owner->address, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_target_look_up(cli, api, &target);
    if (rc != PH_EXIT_OK)
        return rc;
    if (!target.exists)
        return ph_fail(cli, "not-found", cli->opts.operands[0], "phala list shows yours",
                       "there is no such phat on this worker");
    (void)snprintf(url, sizeof(url), "%s/v1/phats/%s/logs?follow=%d&since=%llu", api->url.value,
                   target.id, ph_opts_has(&cli->opts, "follow"), (unsigned long long)since);
    if (ph_buf_add_str(&auth, "Authorization: ") != PH_OK)
        return PH_EXIT_REFUSED;
    rc = ph_api_authorize(cli, api, owner, "logs", target.name, NULL, 0, &auth);
    return rc == PH_EXIT_OK ? stream(cli, api, url, (const char *)auth.ptr, map) : rc;
}

static int run(struct ph_cli *cli)
{
    struct ph_api api;
    struct ph_owner owner = {0};
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = NULL;
    uint64_t since = 0;
    const char *text = ph_opts_get(&cli->opts, "since");
    if (text != NULL && ph_opts_number(text, 0, 999999999999999999, &since) != PH_OK)
        return ph_fail_usage(cli, "--since: expected a sequence number");
    int rc = load_map(cli, &map);
    if (rc == PH_EXIT_OK)
        rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK)
        rc = show(cli, &api, &owner, map, since);
    ph_owner_clear(&owner);
    return rc;
}

const struct ph_cmd ph_cmd_logs = {
    .name = "logs",
    .operands = "ID|NAME",
    .summary = "Show what a phat printed",
    .details = "console.log and uncaught errors of the phat, for its owner only. --json prints the "
               "lines as\n"
               "the worker sends them: {\"seq\",\"time\",\"level\",\"call\",\"text\"}.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
