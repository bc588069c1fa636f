#include "node/zygote.h"

#include "base/own.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { START_TIMEOUT_MS = 10000, DATAGRAM_MAX = 4096 };

_Noreturn static void exec_zygote(const char *path, struct ph_zygote_how how, int sock)
{
    const char *argv[5] = {path, "--zygote"};
    size_t cnt = 2;

    if (how.require_full)
        argv[cnt++] = "--require-sandbox=full";
    if (!how.spare)
        argv[cnt++] = "--no-spare";
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)umask(022); /* what it makes for instances is read by other uids */
    if (dup2(sock, 3) < 0)
        _exit(127);
    if (sock == 3) /* dup2 onto itself keeps close-on-exec */
        (void)fcntl(3, F_SETFD, 0);
    (void)close_range(4, ~0U, 0);
    (void)execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static enum ph_err read_up(struct ph_zygote *z)
{
    uint8_t raw[DATAGRAM_MAX];
    size_t len, fd_cnt;
    struct ph_ipc_frame frame;
    struct ph_msg_ZYGOTE_UP up;
    struct pollfd p = {z->sock, POLLIN, 0};

    if (poll(&p, 1, START_TIMEOUT_MS) <= 0)
        return PH_ERR_AGAIN;
    PH_TRY(ph_ipc_recv_fds(z->sock, raw, sizeof(raw), &len, NULL, 0, &fd_cnt));
    PH_TRY(ph_ipc_decode((struct ph_bytes){raw, len}, &frame));
    PH_TRY(ph_get_ZYGOTE_UP(&frame, &up));
    if (up.sandbox_layers.len >= sizeof(z->layers))
        return PH_ERR_LIMIT;
    (void)snprintf(z->layers, sizeof(z->layers), "%.*s", (int)up.sandbox_layers.len,
                   (const char *)up.sandbox_layers.ptr);
    return PH_OK;
}

enum ph_err ph_zygote_start(const char *path, struct ph_zygote_how how, struct ph_zygote *out)
{
    int pair[2];
    struct ph_zygote z = {.sock = -1};

    if (access(path, X_OK) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return PH_ERR_IO;
    z.sock = pair[0];
    /* The zygote's own end blocks: it has nothing else to do than to wait for phalad. */
    (void)fcntl(pair[1], F_SETFL, fcntl(pair[1], F_GETFL) & ~O_NONBLOCK);
    z.pid = fork();
    if (z.pid == 0)
        exec_zygote(path, how, pair[1]);
    (void)close(pair[1]);
    const enum ph_err err = z.pid < 0 ? PH_ERR_IO : read_up(&z);
    if (err != PH_OK) {
        ph_zygote_stop(&z);
        return err;
    }
    *out = z;
    return PH_OK;
}

void ph_zygote_stop(struct ph_zygote *zygote)
{
    if (zygote->sock >= 0)
        (void)close(zygote->sock);
    zygote->sock = -1;
    if (zygote->pid > 0) {
        (void)kill(zygote->pid, SIGKILL);
        (void)waitpid(zygote->pid, NULL, 0);
    }
    zygote->pid = 0;
}

enum ph_err ph_zygote_spawn(struct ph_zygote *zygote, uint64_t id, uint32_t memory_mib, bool jit,
                            int instance_sock, int secrets_read, int state_sock)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(DATAGRAM_MAX);
    const struct ph_msg_SPAWN msg = {.memory_mib = memory_mib, .jit = jit};
    const int fds[] = {instance_sock, secrets_read, state_sock};

    PH_TRY(ph_encode_SPAWN(&raw, 0, id, &msg));
    return ph_ipc_send_fds(zygote->sock, ph_buf_view(&raw), fds, PH_LEN(fds));
}

static enum ph_err read_event(const struct ph_ipc_frame *frame, struct ph_zygote_event *e)
{
    switch (frame->type) {
    case PH_IPC_SPAWNED: {
        struct ph_msg_SPAWNED msg;
        PH_TRY(ph_get_SPAWNED(frame, &msg));
        e->kind = PH_ZYGOTE_SPAWNED;
        e->pid = msg.pid;
        return PH_OK;
    }
    case PH_IPC_SPAWN_FAIL: {
        struct ph_msg_SPAWN_FAIL msg;
        PH_TRY(ph_get_SPAWN_FAIL(frame, &msg));
        e->kind = PH_ZYGOTE_SPAWN_FAIL;
        (void)snprintf(e->message, sizeof(e->message), "%.*s",
                       (int)(msg.message.len > 255 ? 255 : msg.message.len),
                       (const char *)msg.message.ptr);
        return PH_OK;
    }
    case PH_IPC_EXITED: {
        struct ph_msg_EXITED msg;
        PH_TRY(ph_get_EXITED(frame, &msg));
        e->kind = PH_ZYGOTE_EXITED;
        e->pid = msg.pid;
        e->wait_status = msg.wait_status;
        return PH_OK;
    }
    default:
        return PH_ERR_MALFORMED;
    }
}

enum ph_err ph_zygote_next(struct ph_zygote *zygote, struct ph_zygote_event *out)
{
    uint8_t raw[DATAGRAM_MAX];
    size_t len, fd_cnt = 0;
    int fd PH_OWNED(ph_closep) = -1;
    struct ph_ipc_frame frame;
    struct ph_zygote_event e = {.pidfd = -1};

    PH_TRY(ph_ipc_recv_fds(zygote->sock, raw, sizeof(raw), &len, &fd, 1, &fd_cnt));
    PH_TRY(ph_ipc_decode((struct ph_bytes){raw, len}, &frame));
    PH_TRY(read_event(&frame, &e));
    e.id = frame.id;
    if ((e.kind == PH_ZYGOTE_SPAWNED) != (fd_cnt == 1))
        return PH_ERR_MALFORMED;
    e.pidfd = PH_TAKE_FD(fd);
    *out = e;
    return PH_OK;
}
