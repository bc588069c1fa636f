#include "runtime/zygote.h"

#include "base/own.h"
#include "ipc/messages.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
    INSTANCES_MAX = 4096,
    DATAGRAM_MAX = 4096,
    /* Descriptors of an instance after it entered the sandbox: PH_SANDBOX_FDS in order. */
    FD_CHANNEL = 3,
    FD_SECRETS = 4,
    FD_STATE = 5, /* where phalad passed a state channel */
};

struct zygote {
    int control, signals;
    struct ph_sandbox *sandbox;
    struct ph_engine_prelude prelude;
    pid_t pids[INSTANCES_MAX]; /* by slot; 0: free */
    uint32_t next_slot;
};

static enum ph_err send_frame(const struct zygote *z, struct ph_buf *out, const int *fds,
                              size_t fd_cnt)
{
    return ph_ipc_send_fds(z->control, ph_buf_view(out), fds, fd_cnt);
}

/* The instance, from fork to the end of its loop. */
static _Noreturn void run_instance(const struct zygote *z, const struct ph_msg_SPAWN *spawn,
                                   uint32_t slot, const int fds[static 3], size_t fd_cnt)
{
    const struct ph_sandbox_child child = {.slot = slot,
                                           .memory_mib = spawn->memory_mib,
                                           .fds = {fds[0], fds[1], fds[2]},
                                           .fd_cnt = fd_cnt};
    struct ph_sandbox_report report;
    struct ph_engine *engine = NULL;
    char why[256], layers[PH_SANDBOX_TEXT_MAX];
    sigset_t none;

    (void)prctl(PR_SET_NAME, "phala-phat");
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (ph_sandbox_enter_before_vm(z->sandbox, &child, &report) != PH_OK)
        _exit(PH_ENGINE_EXIT_SANDBOX);

    /* Options of the engine are read when the first VM of a process starts. */
    if (!spawn->jit && setenv("JSC_useJIT", "false", 1) != 0)
        _exit(PH_ENGINE_EXIT_FAILED);
    const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (statm < 0 || fcntl(FD_CHANNEL, F_SETFL, O_NONBLOCK) != 0 ||
        ph_engine_new(&engine, z->prelude, FD_CHANNEL, FD_SECRETS, statm, why) != PH_OK)
        _exit(PH_ENGINE_EXIT_FAILED);
    if (fd_cnt == 3)
        ph_engine_state_channel(engine, FD_STATE);

    if (ph_sandbox_enter_after_vm(z->sandbox, &child, &report) != PH_OK)
        _exit(PH_ENGINE_EXIT_SANDBOX);
    ph_sandbox_report_text(&report, layers);
    /* _exit: destructors of the engine's library have nothing to save, and threads are running. */
    _exit((int)ph_engine_run(engine, layers));
}

static enum ph_err send_fail(const struct zygote *z, uint64_t id, const char *text)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);
    const struct ph_msg_SPAWN_FAIL fail = {.message = ph_bytes_str(text)};
    PH_TRY(ph_encode_SPAWN_FAIL(&out, 0, id, &fail));
    return send_frame(z, &out, NULL, 0);
}

/* A slot that was not used for as long as possible: its uid may still own things of the dead. */
static bool find_slot(struct zygote *z, uint32_t *out)
{
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        const uint32_t slot = (z->next_slot + i) % INSTANCES_MAX;
        if (z->pids[slot] == 0) {
            z->next_slot = (slot + 1) % INSTANCES_MAX;
            *out = slot;
            return true;
        }
    }
    return false;
}

static enum ph_err spawn(struct zygote *z, uint64_t id, const struct ph_msg_SPAWN *m,
                         const int fds[static 3], size_t fd_cnt)
{
    uint32_t slot;

    if (!find_slot(z, &slot))
        return send_fail(z, id, "too many instances");
    const pid_t pid = fork();
    if (pid < 0)
        return send_fail(z, id, strerrordesc_np(errno));
    if (pid == 0)
        run_instance(z, m, slot, fds, fd_cnt);

    z->pids[slot] = pid;
    const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        (void)kill(pid, SIGKILL);
        return send_fail(z, id, "pidfd_open failed; the kernel must be 5.3 or newer");
    }
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);
    const struct ph_msg_SPAWNED spawned = {.pid = (uint32_t)pid};
    enum ph_err err = ph_encode_SPAWNED(&out, 0, id, &spawned);
    if (err == PH_OK)
        err = send_frame(z, &out, &pidfd, 1);
    (void)close(pidfd);
    return err;
}

/* One datagram from phalad. PH_ERR_CLOSED: it is gone. */
static enum ph_err serve_one(struct zygote *z)
{
    uint8_t datagram[DATAGRAM_MAX];
    size_t len, fd_cnt = 0;
    int fds[3] = {-1, -1, -1};
    struct ph_ipc_frame frame;
    struct ph_msg_SPAWN m;

    enum ph_err err =
        ph_ipc_recv_fds(z->control, datagram, sizeof(datagram), &len, fds, PH_LEN(fds), &fd_cnt);
    if (err != PH_OK)
        return err == PH_ERR_AGAIN ? PH_OK : err;
    err = ph_ipc_decode((struct ph_bytes){datagram, len}, &frame);
    if (err == PH_OK)
        err = ph_get_SPAWN(&frame, &m);
    if (err == PH_OK)
        err = fd_cnt < 2 ? PH_ERR_MALFORMED : spawn(z, frame.id, &m, fds, fd_cnt);
    for (size_t i = 0; i < fd_cnt; i++)
        (void)close(fds[i]);
    return err;
}

static enum ph_err tell_exited(struct zygote *z, pid_t pid, int status)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);
    const struct ph_msg_EXITED exited = {.pid = (uint32_t)pid, .wait_status = (uint32_t)status};
    PH_TRY(ph_encode_EXITED(&out, 0, 0, &exited));
    return send_frame(z, &out, NULL, 0);
}

static enum ph_err reap(struct zygote *z)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(z->signals, &info, sizeof(info)); /* one wake-up for any number of deaths */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool ours = false;
        for (uint32_t slot = 0; slot < INSTANCES_MAX && !ours; slot++) {
            if (z->pids[slot] != pid)
                continue;
            z->pids[slot] = 0;
            ph_sandbox_remove(z->sandbox, slot);
            ours = true;
        }
        if (!ours) /* the first process of the pid namespace: everything in it dies with it */
            return PH_ERR_IO;
        PH_TRY(tell_exited(z, pid, status));
    }
    return PH_OK;
}

static enum ph_err loop(struct zygote *z)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = z->control, .events = POLLIN},
                               {.fd = z->signals, .events = POLLIN}};
        if (poll(fds, PH_LEN(fds), -1) < 0) {
            if (errno == EINTR)
                continue;
            return PH_ERR_IO;
        }
        if (fds[1].revents)
            PH_TRY(reap(z));
        if (fds[0].revents)
            PH_TRY(serve_one(z));
    }
}

static enum ph_err go_up(struct zygote *z, bool require_full, char why[static 2048])
{
    struct ph_sandbox_report report;
    char text[PH_SANDBOX_TEXT_MAX];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);

    const enum ph_err err = ph_sandbox_trial(z->sandbox, &report);
    ph_sandbox_report_text(&report, text);
    if (err != PH_OK) {
        (void)snprintf(why, 2048, "the sandbox does not work on this host: %s", text);
        return err;
    }
    if (require_full && !ph_sandbox_report_full(&report)) {
        (void)snprintf(why, 2048, "--require-sandbox=full, but this host lacks a layer: %s", text);
        return PH_ERR_UNTRUSTED;
    }
    const struct ph_msg_ZYGOTE_UP up = {.sandbox_layers = ph_bytes_str(text)};
    PH_TRY(ph_encode_ZYGOTE_UP(&out, 0, 0, &up));
    return send_frame(z, &out, NULL, 0);
}

static void kill_instances(const struct zygote *z)
{
    for (uint32_t slot = 0; slot < INSTANCES_MAX; slot++) {
        if (z->pids[slot] > 0)
            (void)kill(z->pids[slot], SIGKILL);
    }
    for (uint32_t slot = 0; slot < INSTANCES_MAX; slot++) {
        if (z->pids[slot] > 0 && waitpid(z->pids[slot], NULL, 0) > 0)
            ph_sandbox_remove(z->sandbox, slot);
    }
}

enum ph_err ph_zygote_serve(int control, struct ph_engine_prelude prelude, bool require_full,
                            char why[static 2048])
{
    struct zygote *z PH_OWNED(ph_freep) = calloc(1, sizeof(*z));
    sigset_t child;

    (void)snprintf(why, 2048, "the zygote's socket or a system call failed");
    if (!z)
        return PH_ERR_NOMEM;
    /* Phats live in UTC everywhere; and ICU would look for the name of the host's zone by comparing
     * /etc/localtime with every file of zoneinfo, 10 ms an instance. */
    if (setenv("TZ", "UTC", 1) != 0)
        return PH_ERR_NOMEM;
    z->control = control;
    z->prelude = prelude;
    PH_TRY(ph_sandbox_prepare(&z->sandbox, why));
    PH_TRY(go_up(z, require_full, why));

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child, NULL) != 0)
        return PH_ERR_IO;
    z->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    if (z->signals < 0)
        return PH_ERR_IO;
    const enum ph_err err = loop(z);
    kill_instances(z);
    (void)close(z->signals);
    return err == PH_ERR_CLOSED ? PH_OK : err;
}
