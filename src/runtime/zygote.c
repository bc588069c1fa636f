#include "runtime/zygote.h"

#include "base/own.h"
#include "runtime/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
    INSTANCES_MAX = 4096,
    DATAGRAM_MAX = 4096,
    SPARE_AFTER_MS = 25,  /* of quiet: a spare is not made in the way of an instance's start */
    SPARE_DEATHS_MAX = 3, /* in a row, after which none is made: something kills them */
};

/* The process that waits for an order (child.h); pid 0: there is none. */
struct spare {
    pid_t pid;
    uint32_t slot;
    int order;
    bool ready, jit;
    uint32_t deaths;
};

struct zygote {
    int control, signals;
    struct ph_sandbox *sandbox;
    struct ph_engine_prelude prelude;
    struct {
        pid_t pid; /* 0: free */
        bool told; /* phalad knows of it */
    } slots[INSTANCES_MAX];
    uint32_t next_slot;
    bool wants_spare, jit; /* jit: as the last instance had it */
    struct spare spare;
};

static enum ph_err send_frame(const struct zygote *z, struct ph_buf *out, const int *fds,
                              size_t fd_cnt)
{
    return ph_ipc_send_fds(z->control, ph_buf_view(out), fds, fd_cnt);
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
        if (z->slots[slot].pid == 0) {
            z->next_slot = (slot + 1) % INSTANCES_MAX;
            *out = slot;
            return true;
        }
    }
    return false;
}

static void drop_spare(struct zygote *z)
{
    (void)close(z->spare.order);
    z->spare.pid = 0;
}

static void make_spare(struct zygote *z)
{
    int ends[2];
    uint32_t slot;

    if (!find_slot(z, &slot) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    const struct ph_child child = {z->sandbox, z->prelude, slot};
    const pid_t pid = fork();
    if (pid == 0)
        ph_child_wait(&child, z->jit, ends[1]);
    (void)close(ends[1]);
    z->spare.order = ends[0];
    z->spare.pid = pid;
    if (pid < 0) {
        drop_spare(z);
        z->spare.deaths++;
        return;
    }
    z->slots[slot].pid = pid;
    z->slots[slot].told = false;
    z->spare.slot = slot;
    z->spare.jit = z->jit;
    z->spare.ready = false;
}

/* Make the spare the instance of `m`. 0: there is none that fits, or it did not take the order. */
static pid_t order_spare(struct zygote *z, const struct ph_msg_SPAWN *m, const int *fds,
                         size_t fd_cnt)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);
    const pid_t pid = z->spare.pid;

    if (pid == 0 || !z->spare.ready || z->spare.jit != (m->jit != 0))
        return 0;
    /* Its limit before its order: it reads nothing of the phat without. */
    enum ph_err err = ph_sandbox_limit_memory(z->sandbox, z->spare.slot, m->memory_mib);
    if (err == PH_OK)
        err = ph_encode_SPAWN(&out, 0, 0, m);
    if (err == PH_OK)
        err = ph_ipc_send_fds(z->spare.order, ph_buf_view(&out), fds, fd_cnt);
    drop_spare(z);
    if (err != PH_OK) {
        (void)kill(pid, SIGKILL);
        return 0;
    }
    z->spare.deaths = 0;
    z->slots[z->spare.slot].told = true;
    return pid;
}

static enum ph_err spawn(struct zygote *z, uint64_t id, const struct ph_msg_SPAWN *m,
                         const int fds[static PH_CHILD_FDS], size_t fd_cnt)
{
    uint32_t slot;

    z->jit = m->jit;
    pid_t pid = order_spare(z, m, fds, fd_cnt);
    if (pid == 0) {
        if (!find_slot(z, &slot))
            return send_fail(z, id, "too many instances");
        const struct ph_child child = {z->sandbox, z->prelude, slot};
        pid = fork();
        if (pid < 0)
            return send_fail(z, id, strerrordesc_np(errno));
        if (pid == 0)
            ph_child_run(&child, m, fds, fd_cnt);
        z->slots[slot].pid = pid;
        z->slots[slot].told = true;
    }
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
    int fds[PH_CHILD_FDS] = {-1, -1, -1};
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

/* The process of a slot is gone. */
static enum ph_err free_slot(struct zygote *z, uint32_t slot, pid_t pid, int status)
{
    z->slots[slot].pid = 0;
    ph_sandbox_remove(z->sandbox, slot);
    if (z->spare.pid == pid) {
        drop_spare(z);
        z->spare.deaths++;
    }
    return z->slots[slot].told ? tell_exited(z, pid, status) : PH_OK;
}

static enum ph_err reap(struct zygote *z)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(z->signals, &info, sizeof(info)); /* one wake-up for any number of deaths */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        uint32_t slot = 0;
        while (slot < INSTANCES_MAX && z->slots[slot].pid != pid)
            slot++;
        if (slot == INSTANCES_MAX) /* the first process of the pid namespace: all die with it */
            return PH_ERR_IO;
        PH_TRY(free_slot(z, slot, pid, status));
    }
    return PH_OK;
}

/* The spare said that it is ready, or it is gone, which reap() sees. */
static void hear_spare(struct zygote *z)
{
    char byte;

    z->spare.ready = recv(z->spare.order, &byte, 1, MSG_DONTWAIT) == 1;
}

static enum ph_err loop(struct zygote *z)
{
    for (;;) {
        const bool waits = z->spare.pid > 0 && !z->spare.ready;
        const bool wants =
            z->wants_spare && z->spare.pid == 0 && z->spare.deaths < SPARE_DEATHS_MAX;
        struct pollfd fds[] = {{.fd = z->control, .events = POLLIN},
                               {.fd = z->signals, .events = POLLIN},
                               {.fd = waits ? z->spare.order : -1, .events = POLLIN}};
        const int cnt = poll(fds, PH_LEN(fds), wants ? SPARE_AFTER_MS : -1);
        if (cnt < 0) {
            if (errno == EINTR)
                continue;
            return PH_ERR_IO;
        }
        if (cnt == 0)
            make_spare(z);
        if (fds[2].revents)
            hear_spare(z);
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
        if (z->slots[slot].pid > 0)
            (void)kill(z->slots[slot].pid, SIGKILL);
    }
    for (uint32_t slot = 0; slot < INSTANCES_MAX; slot++) {
        if (z->slots[slot].pid > 0 && waitpid(z->slots[slot].pid, NULL, 0) > 0)
            ph_sandbox_remove(z->sandbox, slot);
    }
}

enum ph_err ph_zygote_serve(int control, struct ph_engine_prelude prelude,
                            struct ph_zygote_options options, char why[static 2048])
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
    z->wants_spare = options.spare;
    z->jit = true;
    ph_engine_share_library();
    PH_TRY(ph_sandbox_prepare(&z->sandbox, why));
    PH_TRY(go_up(z, options.require_full, why));

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
