/* phala dev: a loop of save, bundle, deploy, and the phat's own words in between. */

#include "deployer.h"
#include "dev_worker.h"
#include "log_lines.h"
#include "secret_args.h"
#include "watch.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

static const struct ph_opt opts[] = {
    {"port", 'p', "PORT", "where the phat answers on 127.0.0.1 (default: 8787)"},
    {"secret", 's', "NAME=@FILE", "set a secret (NAME=- asks or reads standard input); repeatable"},
    {"private-host-insecure", 0, "HOST:PORT",
     "let the phat fetch from this private address; repeatable"},
    {"extra-ca", 0, "FILE", "PEM file of an authority that the phat's fetches trust too"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_common, NULL};

enum { DEBOUNCE_MS = 50, LOG_RETRY_MS = 200, LOG_MAX = 16 << 20, PRIVATE_HOSTS_MAX = 16 };

struct dev {
    const struct ph_cli *cli;
    const char *path;
    uint16_t port;
    struct ph_owner owner; /* made for this run */
    struct ph_target target;
    struct ph_dev_worker worker;
    struct ph_secret_doc secrets;
    struct ph_hash32 deployed; /* bundle that runs */
    bool has_deployed;
    struct ph_sourcemap *map; /* of that bundle */
    struct ph_http_stream *logs;
    struct ph_buf log_in;
    uint64_t log_seq;
    int64_t log_retry_ns;
};

static void event(const struct dev *d, const char *name, const char *key, const char *value)
{
    if (d->cli->json)
        (void)ph_print_json(json_pack("{s:s,s:s}", "event", name, key, value));
    else
        fprintf(stderr, "phala dev: %s %s\n", name, value);
}

/* Deploy if the bundle is another than the one that runs. */
static int deploy_bundle(struct dev *d, const struct ph_bundle *bundle)
{
    json_t *answer PH_OWNED(ph_json_freep) = NULL;
    char hash[65];
    if (d->has_deployed && memcmp(bundle->hash.b, d->deployed.b, 32) == 0)
        return PH_EXIT_OK;
    uint64_t sequence = ph_target_next_sequence(&d->target);
    d->target.sequence = sequence;
    int rc = ph_deploy_send(d->cli, &d->worker.api, &d->owner, &d->target, bundle,
                            ph_buf_view(&bundle->tar), sequence, "/v1/phats", &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (!d->has_deployed && d->secrets.cnt > 0) {
        d->target.sequence = ++sequence;
        rc = ph_secrets_send(d->cli, &d->worker.api, &d->owner, &d->target, &d->secrets, sequence);
        if (rc != PH_EXIT_OK)
            return rc;
    }
    d->deployed = bundle->hash;
    d->has_deployed = true;
    ph_sourcemap_free(d->map);
    d->map = NULL;
    (void)!ph_sourcemap_parse(ph_buf_view(&bundle->source_map), &d->map);
    ph_hex_encode(PH_BYTES_OF(bundle->hash.b), hash);
    event(d, "deployed", "bundle_hash", hash);
    return PH_EXIT_OK;
}

/* A failed build leaves what ran before in place. */
static int rebuild(struct dev *d)
{
    struct ph_trouble trouble;
    struct ph_project project;
    struct ph_bundle bundle;
    if (ph_project_open(d->path, &project, &trouble) != PH_OK)
        return ph_fail_trouble(d->cli, &trouble);
    int rc;
    if (strcmp(project.name, d->target.name) != 0)
        rc = ph_fail(d->cli, "renamed", "phat.json", "stop and start phala dev",
                     "the phat was renamed from %s to %s", d->target.name, project.name);
    else if (ph_bundle_build(&project, &bundle, &trouble) != PH_OK)
        rc = ph_fail_trouble(d->cli, &trouble);
    else {
        rc = deploy_bundle(d, &bundle);
        ph_bundle_clear(&bundle);
    }
    ph_project_clear(&project);
    return rc;
}

static void open_logs(struct dev *d)
{
    char url[PH_PATH_MAX + 200];
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    (void)snprintf(url, sizeof(url), "%s/v1/phats/%s/logs?follow=1&since=%llu",
                   d->worker.api.url.value, d->target.id, (unsigned long long)d->log_seq);
    d->log_in.len = 0;
    if (ph_buf_add_str(&auth, "Authorization: ") != PH_OK ||
        ph_api_authorize(d->cli, &d->worker.api, &d->owner, "logs", d->target.name, NULL, 0,
                         &auth) != PH_EXIT_OK)
        return;
    const char *const headers[] = {(const char *)auth.ptr, NULL};
    struct ph_http_request r = {.method = "GET", .url = url, .headers = headers};
    (void)!ph_http_stream_open(&r, &d->logs);
}

static void print_logs(struct dev *d)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(LOG_MAX);
    if (d->logs != NULL && ph_http_stream_status(d->logs) != 200)
        return;
    for (;;) {
        enum ph_err err = ph_log_next(&d->log_in, d->map, &out, &d->log_seq);
        if (err == PH_ERR_AGAIN)
            return;
        if (err == PH_OK && d->cli->json && out.len > 0)
            (void)ph_print_json(json_pack("{s:s,s:s%}", "event", "log", "line",
                                          (const char *)out.ptr, out.len - 1));
        else if (err == PH_OK)
            (void)fwrite(out.ptr, 1, out.len, stdout);
        (void)fflush(stdout);
        out.len = 0;
    }
}

static void close_logs(struct dev *d)
{
    print_logs(d);
    ph_http_stream_close(d->logs);
    d->logs = NULL;
    d->log_retry_ns = ph_clock_mono_ns() + (int64_t)LOG_RETRY_MS * 1000000;
}

/* True to go on: a signal to stop, or the worker's end, ends the loop. */
static bool take_signals(struct dev *d, int signal_fd, int *rc)
{
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD)
            return false;
        int status;
        if (waitpid(d->worker.pid, &status, WNOHANG) == d->worker.pid) {
            d->worker.pid = -1;
            ph_dev_worker_show_log(&d->worker);
            *rc =
                ph_fail(d->cli, "worker-failed", NULL, "its log is above", "the local worker died");
            return false;
        }
    }
    return true;
}

static int wait_ms(const struct dev *d, int64_t rebuild_at)
{
    int64_t until = rebuild_at;
    if (d->has_deployed && d->logs == NULL && (until == 0 || d->log_retry_ns < until))
        until = d->log_retry_ns;
    if (until == 0)
        return 60000;
    int64_t left = (until - ph_clock_mono_ns()) / 1000000 + 1;
    return left > 0 ? (int)left : 0;
}

static int loop(struct dev *d, struct ph_watch *watch, int signal_fd)
{
    int64_t rebuild_at = 0;
    int rc = PH_EXIT_OK;
    for (;;) {
        struct pollfd fds[2] = {{watch->fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
        int status;
        if (d->has_deployed && d->logs == NULL && ph_clock_mono_ns() >= d->log_retry_ns)
            open_logs(d);
        enum ph_err err =
            ph_http_stream_wait(d->logs, fds, 2, wait_ms(d, rebuild_at), &d->log_in, &status);
        print_logs(d);
        if (err != PH_OK && d->logs != NULL)
            close_logs(d);
        if (!take_signals(d, signal_fd, &rc))
            return rc;
        if (ph_watch_changed(watch))
            rebuild_at = ph_clock_mono_ns() + (int64_t)DEBOUNCE_MS * 1000000;
        if (rebuild_at != 0 && ph_clock_mono_ns() >= rebuild_at) {
            rebuild_at = 0;
            (void)rebuild(d); /* told; what ran before goes on */
        }
    }
}

static int serve(struct dev *d, const char *dir)
{
    struct ph_watch watch;
    char url[64];
    sigset_t mask;
    if (ph_watch_open(dir, &watch) != PH_OK)
        return ph_fail(d->cli, "io", dir, "raise fs.inotify.max_user_watches if it is exhausted",
                       "cannot watch the folder: %s", strerror(errno));
    if (watch.full)
        fprintf(stderr, "phala dev: %s has more than %d folders; the rest is not watched\n", dir,
                PH_WATCH_DIRS_MAX);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGINT);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigaddset(&mask, SIGHUP);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    int signal_fd PH_OWNED(ph_closep) = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    (void)rebuild(d); /* told; the next save tries again */
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", d->port);
    event(d, "serving", "url", url);
    if (!d->cli->json)
        fprintf(stderr,
                "  INSECURE-SIMULATOR: receipts of this worker (%s) prove nothing about "
                "hardware\n  reloads on save; Ctrl-C ends it\n",
                d->worker.api.url.value);
    int rc = loop(d, &watch, signal_fd);
    ph_watch_close(&watch);
    return rc;
}

static int read_options(struct dev *d, struct ph_dev_settings *s, const char **hosts)
{
    const char *port = ph_opts_get(&d->cli->opts, "port"), *value;
    const char *specs[PH_OPTS_GIVEN_MAX];
    uint64_t n = 8787;
    size_t spec_cnt = 0;
    if (port != NULL && ph_opts_number(port, 1, 65535, &n) != PH_OK)
        return ph_fail_usage(d->cli, "--port: expected 1 to 65535");
    d->port = (uint16_t)n;
    for (size_t at = 0;
         (value = ph_opts_next(&d->cli->opts, "private-host-insecure", &at)) != NULL;) {
        if (s->private_host_cnt == PRIVATE_HOSTS_MAX)
            return ph_fail_usage(d->cli, "more than %d private hosts", PRIVATE_HOSTS_MAX);
        hosts[s->private_host_cnt++] = value;
    }
    for (size_t at = 0; (value = ph_opts_next(&d->cli->opts, "secret", &at)) != NULL;)
        specs[spec_cnt++] = value;
    s->port = d->port;
    s->target = &d->target;
    s->owner = &d->owner.address;
    s->private_hosts = hosts;
    s->extra_ca = ph_opts_get(&d->cli->opts, "extra-ca");
    return spec_cnt > 0 ? ph_secret_doc_read(d->cli, specs, spec_cnt, &d->secrets) : PH_EXIT_OK;
}

static int run_dev(struct dev *d, const struct ph_project *project)
{
    struct ph_dev_settings settings = {0};
    const char *hosts[PRIVATE_HOSTS_MAX];
    int rc = read_options(d, &settings, hosts);
    if (rc == PH_EXIT_OK)
        rc = ph_target_of(d->cli, project->name, &d->owner.address, &d->target);
    if (rc == PH_EXIT_OK)
        rc = ph_dev_worker_start(d->cli, &settings, &d->worker);
    if (rc == PH_EXIT_OK) {
        rc = serve(d, project->dir.s);
        ph_http_stream_close(d->logs);
        ph_dev_worker_stop(&d->worker);
    }
    return rc;
}

static int run(struct ph_cli *cli)
{
    struct dev d = {.cli = cli, .log_in = PH_BUF(LOG_MAX), .worker = {.pid = -1}};
    struct ph_trouble trouble;
    struct ph_project project;
    d.path = cli->opts.operand_cnt > 0 ? cli->opts.operands[0] : ".";
    if (ph_project_open(d.path, &project, &trouble) != PH_OK)
        return ph_fail_trouble(cli, &trouble);
    do
        ph_random(d.owner.secret, sizeof(d.owner.secret));
    while (ph_eth_address(d.owner.secret, &d.owner.address) != PH_OK);
    int rc = run_dev(&d, &project);
    ph_project_clear(&project);
    ph_secret_doc_clear(&d.secrets);
    ph_sourcemap_free(d.map);
    ph_buf_clear(&d.log_in);
    ph_owner_clear(&d.owner);
    return rc;
}

const struct ph_cmd ph_cmd_dev = {
    .name = "dev",
    .operands = "[FOLDER|SCRIPT]",
    .summary = "Serve a phat locally, reload on save",
    .details =
        "Starts a worker with the TEE simulator on this machine, deploys the project to it, "
        "prints\n"
        "its console.log and its errors with your files and lines, and deploys again whenever a\n"
        "file of the folder is saved. Nothing is kept when it ends.",
    .tables = tables,
    .operand_min = 0,
    .operand_max = 1,
    .run = run,
};
