#include "runtime/run_fixture.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/tar.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 20000, CONTROL_FD = 3 };

/* Wait for a descriptor; false: nothing came in time. */
static bool wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, PATIENCE_MS) == 1;
}

static size_t receive(const struct ph_rig *rig, uint8_t *buf, size_t cap, int *fd)
{
    size_t len = 0, fd_cnt = 0;
    CHECK(wait_for(rig->control, POLLIN));
    CHECK(ph_ipc_recv_fds(rig->control, buf, cap, &len, fd, 1, &fd_cnt) == PH_OK);
    return len;
}

void ph_rig_open(struct ph_rig *rig)
{
    int ends[2];
    const char *binary = getenv("PHALA_RUN");

    CHECK(binary);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    rig->pid = fork();
    CHECK(rig->pid >= 0);
    if (rig->pid == 0) {
        if (ends[1] == CONTROL_FD ? fcntl(CONTROL_FD, F_SETFD, 0) != 0
                                  : dup2(ends[1], CONTROL_FD) != CONTROL_FD)
            _exit(127);
        execl(binary, "phala-run", "--zygote", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    rig->control = ends[0];

    uint8_t buf[4096];
    int none = -1;
    struct ph_ipc_frame f;
    struct ph_msg_ZYGOTE_UP up;
    const size_t len = receive(rig, buf, sizeof(buf), &none);
    CHECK(ph_ipc_decode((struct ph_bytes){buf, len}, &f) == PH_OK);
    CHECK(ph_get_ZYGOTE_UP(&f, &up) == PH_OK && up.sandbox_layers.len < sizeof(rig->layers));
    (void)snprintf(rig->layers, sizeof(rig->layers), "%.*s", (int)up.sandbox_layers.len,
                   (const char *)up.sandbox_layers.ptr);
}

void ph_rig_close(struct ph_rig *rig)
{
    int status;
    (void)close(rig->control);
    CHECK(waitpid(rig->pid, &status, 0) == rig->pid && status == 0);
}

void ph_rig_spawn(struct ph_rig *rig, struct ph_rig_instance *inst, struct ph_rig_limits limits)
{
    int ends[2], pipe_ends[2], state_ends[2];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    const struct ph_msg_SPAWN spawn = {.memory_mib = limits.memory_mib, .jit = !limits.no_jit};

    *inst = (struct ph_rig_instance){.rig = rig, .pidfd = -1};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, state_ends) == 0);
    ph_ipc_chan_init(&inst->chan, ends[0]);
    inst->secrets = pipe_ends[1];
    inst->state = state_ends[0];
    CHECK(ph_encode_SPAWN(&out, 0, 77, &spawn) == PH_OK);
    CHECK(ph_ipc_send_fds(rig->control, ph_buf_view(&out),
                          (const int[]){ends[1], pipe_ends[0], state_ends[1]}, 3) == PH_OK);
    (void)close(ends[1]);
    (void)close(pipe_ends[0]);
    (void)close(state_ends[1]);

    uint8_t buf[4096];
    struct ph_ipc_frame f;
    struct ph_msg_SPAWNED spawned;
    do { /* the end of an instance that a failed test left behind */
        const size_t len = receive(rig, buf, sizeof(buf), &inst->pidfd);
        CHECK(ph_ipc_decode((struct ph_bytes){buf, len}, &f) == PH_OK);
    } while (f.type == PH_IPC_EXITED);
    CHECK(f.id == 77 && ph_get_SPAWNED(&f, &spawned) == PH_OK && inst->pidfd >= 0);
    inst->pid = (pid_t)spawned.pid;

    struct ph_msg_READY ready;
    ph_rig_expect(inst, PH_IPC_READY, 0);
    CHECK(ph_get_READY(&inst->frame, &ready) == PH_OK);
    (void)snprintf(inst->layers, sizeof(inst->layers), "%.*s", (int)ready.sandbox_layers.len,
                   (const char *)ready.sandbox_layers.ptr);
}

void ph_rig_queue_start(struct ph_rig_instance *inst, struct ph_rig_limits limits,
                        const char *script)
{
    static const char secrets[] = "{\"KEY\":\"s3cret\"}";
    struct ph_buf tar PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    const struct ph_msg_START start = {
        .cpu_ms = limits.cpu_ms,
        .wall_ms = 30000,
        .memory_mib = limits.memory_mib,
        .subrequests = limits.subrequests,
        .secrets_len = sizeof(secrets) - 1,
        .env_json = PH_BYTES_LIT("{\"GREETING\":\"hello\"}"),
    };
    CHECK(write(inst->secrets, secrets, sizeof(secrets) - 1) == (ssize_t)sizeof(secrets) - 1);
    (void)close(inst->secrets);
    inst->secrets = -1;
    CHECK(ph_tar_add(&tar, "phat.json", PH_BYTES_LIT("{\"name\":\"t\",\"main\":\"src/w.js\"}")) ==
          PH_OK);
    CHECK(ph_tar_add(&tar, "src/w.js", ph_bytes_str(script)) == PH_OK);
    CHECK(ph_tar_add(&tar, "data.txt", PH_BYTES_LIT("asset")) == PH_OK);
    CHECK(ph_tar_finish(&tar) == PH_OK);
    for (size_t at = 0; at < tar.len; at += 65536) {
        const struct ph_msg_BUNDLE part = {
            .data = {tar.ptr + at, tar.len - at < 65536 ? tar.len - at : 65536}};
        CHECK(ph_put_BUNDLE(&inst->chan, 0, 0, &part) == PH_OK);
    }
    CHECK(ph_put_START(&inst->chan, 0, 0, &start) == PH_OK);
}

void ph_rig_start(struct ph_rig_instance *inst, struct ph_rig_limits limits, const char *script)
{
    ph_rig_queue_start(inst, limits, script);
    ph_rig_flush(inst);
    CHECK(ph_rig_next(inst));
    inst->has_start_failed = inst->frame.type == PH_IPC_START_FAIL;
    CHECK(inst->has_start_failed || inst->frame.type == PH_IPC_STARTED);
}

void ph_rig_run(struct ph_rig *rig, struct ph_rig_instance *inst, struct ph_rig_limits limits,
                const char *script)
{
    ph_rig_spawn(rig, inst, limits);
    ph_rig_start(inst, limits, script);
    if (inst->has_start_failed)
        fail_msg("START_FAIL: %.*s", (int)inst->frame.payload.len,
                 (const char *)inst->frame.payload.ptr);
}

void ph_rig_drop(struct ph_rig_instance *inst)
{
    if (inst->secrets >= 0)
        (void)close(inst->secrets);
    ph_ipc_chan_clear(&inst->chan);
    (void)ph_rig_exited(inst);
}

void ph_rig_get(struct ph_rig_instance *inst, uint64_t id, const char *path)
{
    char url[512];
    (void)snprintf(url, sizeof(url), "http://phat.test%s", path);
    const struct ph_msg_CALL call = {.kind = PH_CALL_FETCH,
                                     .wall_ms = 30000,
                                     .method = PH_BYTES_LIT("GET"),
                                     .url = ph_bytes_str(url),
                                     .headers = PH_BYTES_LIT("host: phat.test\nx-id: 7\n")};
    CHECK(ph_put_CALL(&inst->chan, PH_IPC_END, id, &call) == PH_OK);
}

void ph_rig_flush(struct ph_rig_instance *inst)
{
    enum ph_err err;
    while ((err = ph_ipc_flush(&inst->chan)) == PH_ERR_AGAIN)
        CHECK(wait_for(inst->chan.fd, POLLOUT));
    CHECK(err == PH_OK || err == PH_ERR_CLOSED);
}

bool ph_rig_next_raw(struct ph_rig_instance *inst)
{
    ph_rig_flush(inst);
    for (;;) {
        const enum ph_err err = ph_ipc_next(&inst->chan, &inst->frame);
        if (err == PH_OK) {
            CHECK(ph_ipc_allowed(inst->frame.type, PH_R2D));
            return true;
        }
        CHECK(err == PH_ERR_AGAIN);
        const enum ph_err got = ph_ipc_fill(&inst->chan);
        if (got == PH_ERR_CLOSED)
            return false;
        if (got == PH_ERR_AGAIN && !wait_for(inst->chan.fd, POLLIN))
            fail_msg("%s", "no frame came in time");
    }
}

bool ph_rig_next(struct ph_rig_instance *inst)
{
    do {
        struct ph_msg_STATE_AT at;
        if (!ph_rig_next_raw(inst))
            return false;
        if (ph_get_STATE_AT(&inst->frame, &at) == PH_OK)
            inst->commit_index = at.index;
    } while (inst->frame.type == PH_IPC_LOG || inst->frame.type == PH_IPC_IDLE ||
             inst->frame.type == PH_IPC_STATE_AT);
    return true;
}

bool ph_rig_is_quiet(struct ph_rig_instance *inst, int ms)
{
    struct pollfd fd = {.fd = inst->chan.fd, .events = POLLIN};

    ph_rig_flush(inst);
    while (poll(&fd, 1, ms) != 0) {
        if (ph_ipc_fill(&inst->chan) != PH_OK || ph_ipc_next(&inst->chan, &inst->frame) != PH_OK ||
            inst->frame.type != PH_IPC_IDLE)
            return false;
    }
    return true;
}

void ph_rig_expect(struct ph_rig_instance *inst, uint16_t type, uint64_t id)
{
    const bool alive = ph_rig_next(inst);
    struct ph_msg_RESP_FAIL fail;
    if (alive && inst->frame.type != type && ph_get_RESP_FAIL(&inst->frame, &fail) == PH_OK)
        fail_msg("expected %s %llu, got %.*s: %.*s", ph_ipc_name(type), (unsigned long long)id,
                 (int)fail.code.len, (const char *)fail.code.ptr, (int)fail.message.len,
                 (const char *)fail.message.ptr);
    if (!alive || inst->frame.type != type || inst->frame.id != id)
        fail_msg("expected %s %llu, got %s %llu: %.*s", ph_ipc_name(type), (unsigned long long)id,
                 alive ? ph_ipc_name(inst->frame.type) : "the end",
                 (unsigned long long)inst->frame.id, alive ? (int)inst->frame.payload.len : 0,
                 (const char *)inst->frame.payload.ptr);
}

void ph_rig_answers(struct ph_rig_instance *inst, uint64_t id, const char *path, const char *body)
{
    struct ph_msg_RESP resp;

    ph_rig_get(inst, id, path);
    ph_rig_expect(inst, PH_IPC_RESP, id);
    CHECK(ph_get_RESP(&inst->frame, &resp) == PH_OK && (inst->frame.flags & PH_IPC_END));
    if (!ph_bytes_is(resp.body, body))
        fail_msg("%s answered %.*s, expected %s", path, (int)resp.body.len,
                 (const char *)resp.body.ptr, body);
}

void ph_rig_fails(struct ph_rig_instance *inst, uint64_t id, const char *code,
                  char message[static 4096])
{
    struct ph_msg_RESP_FAIL fail;

    ph_rig_expect(inst, PH_IPC_RESP_FAIL, id);
    CHECK(ph_get_RESP_FAIL(&inst->frame, &fail) == PH_OK);
    (void)snprintf(message, 4096, "%.*s", (int)fail.message.len, (const char *)fail.message.ptr);
    if (!ph_bytes_is(fail.code, code))
        fail_msg("call failed with %.*s, expected %s: %s", (int)fail.code.len,
                 (const char *)fail.code.ptr, code, message);
}

int ph_rig_exited(struct ph_rig_instance *inst)
{
    uint8_t buf[4096];
    int none = -1;
    struct ph_ipc_frame f;
    struct ph_msg_EXITED exited;

    do {
        const size_t len = receive(inst->rig, buf, sizeof(buf), &none);
        CHECK(ph_ipc_decode((struct ph_bytes){buf, len}, &f) == PH_OK);
        CHECK(ph_get_EXITED(&f, &exited) == PH_OK);
    } while ((pid_t)exited.pid != inst->pid);
    ph_ipc_chan_clear(&inst->chan);
    (void)close(inst->pidfd);
    if (inst->state >= 0)
        (void)close(inst->state);
    inst->state = -1;
    return (int)exited.wait_status;
}
