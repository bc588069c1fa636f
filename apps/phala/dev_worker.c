#include "dev_worker.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { READY_WAIT_MS = 30000, READY_LINE_MAX = 65536, STOP_GRACE_MS = 5000, ARGV_MAX = 64 };

static int make_folder(const struct ph_cli *cli, struct ph_dev_worker *w)
{
    const char *tmp = getenv("TMPDIR");
    struct ph_path folder;
    if (ph_path_set(&folder, "%s/phala-dev-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp") !=
            PH_OK ||
        mkdtemp(folder.s) == NULL)
        return ph_fail(cli, "io", tmp, NULL, "cannot make a temporary folder: %s", strerror(errno));
    w->folder = folder;
    return PH_EXIT_OK;
}

static int find_programs(const struct ph_cli *cli, struct ph_path *phalad, struct ph_path *keyd,
                         struct ph_path *run)
{
    if (ph_program_find("phalad", phalad) == PH_OK &&
        ph_program_find("phala-keyd", keyd) == PH_OK && ph_program_find("phala-run", run) == PH_OK)
        return PH_EXIT_OK;
    return ph_fail(cli, "no-worker-programs", NULL, "build or install Phala whole",
                   "phalad, phala-keyd and phala-run were not found beside this program");
}

static int spawn(const struct ph_cli *cli, const struct ph_dev_settings *s, struct ph_dev_worker *w,
                 int ready_fd)
{
    struct ph_path phalad, keyd, run, data, log;
    char listen_phat[128], owner_text[43] = "0x";
    const char *argv[ARGV_MAX];
    size_t n = 0;
    int rc = find_programs(cli, &phalad, &keyd, &run);
    if (rc != PH_EXIT_OK)
        return rc;
    if (ph_path_set(&data, "%s/data", w->folder.s) != PH_OK ||
        ph_path_set(&log, "%s/log", w->folder.s) != PH_OK || ph_dir_make_private(data.s) != PH_OK)
        return ph_fail(cli, "io", w->folder.s, NULL, "cannot use the temporary folder");
    ph_hex_encode(PH_BYTES_OF(s->owner->b), owner_text + 2);
    (void)snprintf(listen_phat, sizeof(listen_phat), "127.0.0.1:%u=%s", s->port, s->target->id);
    const char *const fixed[] = {
        phalad.s,    "--data",     data.s,     "--listen",      "127.0.0.1:0", "--tee",
        "simulator", "--owner",    owner_text, "--keyd",        keyd.s,        "--run",
        run.s,       "--ready-fd", "3",        "--listen-phat", listen_phat};
    for (size_t i = 0; i < PH_LEN(fixed); i++)
        argv[n++] = fixed[i];
    for (size_t i = 0; i < s->private_host_cnt && n + 5 < ARGV_MAX; i++) {
        argv[n++] = "--private-host-insecure";
        argv[n++] = s->private_hosts[i];
    }
    if (s->extra_ca != NULL) {
        argv[n++] = "--extra-ca";
        argv[n++] = s->extra_ca;
    }
    argv[n] = NULL;
    int log_fd PH_OWNED(ph_closep) = open(log.s, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0 ||
        ph_proc_start((char *const *)(uintptr_t)argv, log_fd, ready_fd, &w->pid) != PH_OK)
        return ph_fail(cli, "io", phalad.s, NULL, "cannot start the worker: %s", strerror(errno));
    return PH_EXIT_OK;
}

/* One JSON line, or the end of the pipe when the worker died. */
static enum ph_err read_ready(int fd, struct ph_buf *line)
{
    int64_t deadline = ph_clock_mono_ns() + (int64_t)READY_WAIT_MS * 1000000;
    for (;;) {
        int64_t left_ms = (deadline - ph_clock_mono_ns()) / 1000000;
        struct pollfd p = {fd, POLLIN, 0};
        uint8_t chunk[4096];
        if (left_ms <= 0)
            return PH_ERR_AGAIN;
        if (poll(&p, 1, (int)left_ms) <= 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return PH_ERR_CLOSED;
        PH_TRY(ph_buf_add(line, (struct ph_bytes){chunk, (size_t)n}));
        if (memchr(line->ptr, '\n', line->len) != NULL)
            return PH_OK;
    }
}

/* The API's address is the listener that is not the phat's own. */
static int read_url(const struct ph_cli *cli, const struct ph_buf *line, char url[static 128])
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why = {""};
    if (ph_json_load(ph_buf_view(line), READY_LINE_MAX, &doc, &why) == PH_OK) {
        json_int_t port = json_integer_value(json_object_get(doc, "api_port"));
        const char *said = json_string_value(json_object_get(doc, "url"));
        if (port > 0 && port < 65536)
            (void)snprintf(url, 128, "http://127.0.0.1:%d", (int)port);
        else if (said != NULL)
            (void)snprintf(url, 128, "%s", said);
        else
            doc = (json_decref(doc), NULL);
    }
    return doc != NULL ? PH_EXIT_OK
                       : ph_fail(cli, "bad-answer", NULL, "use phalad of the same release",
                                 "the worker's start line is not understood %s", why.text);
}

static int start(const struct ph_cli *cli, const struct ph_dev_settings *s, struct ph_dev_worker *w)
{
    int ends[2];
    char url[128];
    struct ph_buf line PH_OWNED(ph_buf_clear) = PH_BUF(READY_LINE_MAX);
    int rc = make_folder(cli, w);
    if (rc != PH_EXIT_OK)
        return rc;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ph_fail(cli, "io", NULL, NULL, "cannot make a pipe: %s", strerror(errno));
    int read_end PH_OWNED(ph_closep) = ends[0];
    rc = spawn(cli, s, w, ends[1]);
    (void)close(ends[1]);
    if (rc != PH_EXIT_OK)
        return rc;
    if (read_ready(read_end, &line) != PH_OK) {
        ph_dev_worker_show_log(w);
        return ph_fail(cli, "worker-failed", NULL,
                       "is the port in use? --port takes another; the worker's log is above",
                       "the local worker did not start");
    }
    rc = read_url(cli, &line, url);
    return rc == PH_EXIT_OK ? ph_api_open_url(cli, url, "", &w->api) : rc;
}

int ph_dev_worker_start(const struct ph_cli *cli, const struct ph_dev_settings *settings,
                        struct ph_dev_worker *out)
{
    struct ph_dev_worker w = {.pid = -1};
    int rc = start(cli, settings, &w);
    if (rc != PH_EXIT_OK) {
        ph_dev_worker_stop(&w);
        return rc;
    }
    *out = w;
    return PH_EXIT_OK;
}

void ph_dev_worker_show_log(const struct ph_dev_worker *worker)
{
    struct ph_path log;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4 << 20);
    if (ph_path_set(&log, "%s/log", worker->folder.s) != PH_OK ||
        ph_file_read(log.s, &text) != PH_OK)
        return;
    size_t from = text.len > 4000 ? text.len - 4000 : 0;
    (void)fwrite(text.ptr + from, 1, text.len - from, stderr);
}

void ph_dev_worker_stop(struct ph_dev_worker *worker)
{
    if (worker->pid > 0)
        ph_proc_stop(worker->pid, STOP_GRACE_MS);
    worker->pid = -1;
    if (worker->folder.s[0] != '\0')
        ph_dir_remove(worker->folder.s);
    worker->folder.s[0] = '\0';
}
