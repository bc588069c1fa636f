#include "node/instances.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "node/calls.h"
#include "node/egress.h"
#include "node/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

enum {
    TICK_MS = 50,
    REFILL_MS = 10, /* after a warm instance was taken: not in the way of the call that took it */
    START_WALL_MS = 10000,    /* for the top level of a phat's script */
    DEFAULT_MEMORY_MIB = 128, /* what waits in the pool; other phats get a fresh instance */
    LOG_LINES_PER_TICK = 200, /* per instance; more are dropped and counted */
};

struct ph_instances {
    struct ph_node *node;
    struct ph_zygote zygote;
    struct ph_watch zygote_watch;
    struct ph_timer tick, refill;
    struct ph_instance *all;
    uint32_t cnt, warm_cnt, running_cnt;
    uint64_t spawn_seq;
    bool any_ready;
};

static void unlink_instance(struct ph_instance *i)
{
    *i->prev = i->next;
    if (i->next)
        i->next->prev = i->prev;
}

static void set_state(struct ph_instance *i, enum ph_instance_state state)
{
    struct ph_instances *all = i->node->instances;
    const bool was_warm = i->state == PH_INSTANCE_SPAWNING || i->state == PH_INSTANCE_WARM;
    const bool is_warm = state == PH_INSTANCE_SPAWNING || state == PH_INSTANCE_WARM;
    const bool was_running = i->state == PH_INSTANCE_STARTING || i->state == PH_INSTANCE_RUNNING;
    const bool is_running = state == PH_INSTANCE_STARTING || state == PH_INSTANCE_RUNNING;

    all->warm_cnt += (uint32_t)is_warm - (uint32_t)was_warm;
    all->running_cnt += (uint32_t)is_running - (uint32_t)was_running;
    i->state = state;
    i->node->metrics.instances = all->running_cnt;
    i->node->metrics.instances_warm = all->warm_cnt;
}

static void free_instance(struct ph_instance *i)
{
    struct ph_node *node = i->node;

    ph_timer_cancel(node->loop, &i->deadline);
    ph_task_cancel(node->loop, &i->flush_task);
    ph_task_cancel(node->loop, &i->end_task);
    ph_watch_del(node->loop, &i->watch);
    ph_ipc_chan_clear(&i->chan);
    if (i->pidfd >= 0)
        (void)close(i->pidfd);
    if (i->secrets_fd >= 0)
        (void)close(i->secrets_fd);
    ph_version_unref(i->version);
    if (i->phat) {
        i->phat->holders--;
        ph_phat_release(i->phat);
    }
    unlink_instance(i);
    node->instances->cnt--;
    free(i);
}

/* The end of an instance, at the end of the turn: nobody is in the middle of using it. */
static void end_instance(void *ctx)
{
    struct ph_instance *i = ctx;

    ph_egress_cancel_all(i);
    ph_calls_fail(i, i->end_code, i->end_message);
    if (i->trial) {
        void (*trial)(void *, bool, struct ph_bytes) = i->trial;
        i->trial = NULL;
        trial(i->trial_ctx, false, ph_bytes_str(i->end_message));
    }
    free_instance(i);
}

void ph_instance_kill(struct ph_instance *i, const char *code, const char *message)
{
    if (i->state == PH_INSTANCE_GONE)
        return;
    if (i->phat && i->phat->instance == i)
        i->phat->instance = NULL;
    set_state(i, PH_INSTANCE_GONE);
    i->end_code = code;
    (void)snprintf(i->end_message, sizeof(i->end_message), "%s", message);
    if (i->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, i->pidfd, SIGKILL, NULL, 0);
    ph_watch_del(i->node->loop, &i->watch);
    ph_task_add(i->node->loop, &i->end_task, end_instance, i);
}

static void killed_for_limit(struct ph_instance *i, const char *code, const char *message)
{
    if (i->state == PH_INSTANCE_GONE)
        return;
    i->node->metrics.instances_killed++;
    ph_log(PH_LOG_WARN, "instance killed", "phat", i->phat ? i->phat->id_text : "", "code", code,
           "why", message, NULL);
    ph_instance_kill(i, code, message);
}

bool ph_instance_is_busy(const struct ph_instance *i)
{
    return i->busy;
}

/* --- channel -------------------------------------------------------------------------------- */

static void flush(void *ctx)
{
    struct ph_instance *i = ctx;

    if (i->state == PH_INSTANCE_GONE)
        return;
    const enum ph_err err = ph_ipc_flush(&i->chan);
    if (err == PH_OK && i->fetches_held)
        ph_egress_drained(i); /* flushes again what it queues */
    if (err == PH_OK || err == PH_ERR_AGAIN)
        ph_watch_set(i->node->loop, &i->watch, err == PH_OK ? EPOLLIN : EPOLLIN | EPOLLOUT);
    else
        ph_instance_kill(i, "instance-died", "its channel closed");
}

void ph_instance_flush_later(struct ph_instance *i)
{
    ph_task_add(i->node->loop, &i->flush_task, flush, i);
}

static void on_ready(struct ph_instance *i)
{
    if (i->state == PH_INSTANCE_SPAWNING)
        set_state(i, PH_INSTANCE_WARM);
    i->node->instances->any_ready = true;
}

static enum ph_err on_started(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    struct ph_msg_STARTED msg;

    PH_TRY(ph_get_STARTED(frame, &msg));
    if (i->state != PH_INSTANCE_STARTING)
        return PH_ERR_MALFORMED;
    set_state(i, PH_INSTANCE_RUNNING);
    i->handlers = msg.handlers;
    ph_timer_cancel(i->node->loop, &i->deadline);
    ph_calls_deadline(i); /* from here on the timer is that of the calls, if there are any */
    if (i->trial) {
        void (*trial)(void *, bool, struct ph_bytes) = i->trial;
        i->trial = NULL;
        trial(i->trial_ctx, true, (struct ph_bytes){NULL, 0});
    }
    return PH_OK;
}

static void log_line(struct ph_instance *i, uint8_t level, uint64_t call, struct ph_bytes text)
{
    i->node->metrics.log_lines++;
    ph_phat_log_add(&i->phat->log, ph_loop_wall_ms(i->node->loop), level, call, text);
}

static enum ph_err on_start_fail(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    struct ph_msg_START_FAIL msg;

    PH_TRY(ph_get_START_FAIL(frame, &msg));
    if (i->state != PH_INSTANCE_STARTING)
        return PH_ERR_MALFORMED;
    log_line(i, 3, 0, msg.message);
    if (i->trial) {
        void (*trial)(void *, bool, struct ph_bytes) = i->trial;
        i->trial = NULL;
        trial(i->trial_ctx, false, msg.message);
    }
    ph_instance_kill(i, "start-failed", "the phat's script threw at its top level");
    return PH_OK;
}

static enum ph_err on_log(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    struct ph_msg_LOG msg;

    PH_TRY(ph_get_LOG(frame, &msg));
    if (i->phat && ++i->log_lines <= LOG_LINES_PER_TICK)
        log_line(i, msg.level, frame->id, msg.text);
    return PH_OK;
}

static enum ph_err on_credit(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    struct ph_msg_CREDIT_D msg;

    PH_TRY(ph_get_CREDIT_D(frame, &msg));
    switch (msg.stream) {
    case PH_STREAM_CALL:
        return ph_call_frame(i, frame);
    case PH_STREAM_GOT:
        return ph_egress_frame(i, frame);
    default:
        return PH_ERR_MALFORMED;
    }
}

static enum ph_err on_frame(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    if (!ph_ipc_allowed(frame->type, PH_R2D))
        return PH_ERR_MALFORMED;
    i->sent_frame = true;
    switch (frame->type) {
    case PH_IPC_RESP:
    case PH_IPC_RESP_BODY:
    case PH_IPC_RESP_END:
    case PH_IPC_RESP_FAIL:
        return ph_call_frame(i, frame);
    case PH_IPC_CREDIT_D:
        return on_credit(i, frame);
    case PH_IPC_FETCH:
    case PH_IPC_FETCH_SEND:
    case PH_IPC_FETCH_SEND_END:
    case PH_IPC_FETCH_CANCEL:
        return i->version ? ph_egress_frame(i, frame) : PH_ERR_MALFORMED;
    case PH_IPC_LOG:
        return on_log(i, frame);
    case PH_IPC_READY:
        on_ready(i);
        return PH_OK;
    case PH_IPC_STARTED:
        return on_started(i, frame);
    case PH_IPC_START_FAIL:
        return on_start_fail(i, frame);
    case PH_IPC_IDLE:
        return PH_OK;
    default:
        return PH_ERR_MALFORMED;
    }
}

static void on_socket(void *ctx, uint32_t events)
{
    struct ph_instance *i = ctx;
    struct ph_ipc_frame frame;

    if (events & EPOLLOUT)
        ph_instance_flush_later(i);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    const enum ph_err filled = ph_ipc_fill(&i->chan);
    if (filled == PH_ERR_AGAIN)
        return;
    if (filled != PH_OK) {
        i->node->metrics.instances_died++;
        ph_instance_kill(i, "instance-died", "its process ended");
        return;
    }
    while (i->state != PH_INSTANCE_GONE) {
        const enum ph_err err = ph_ipc_next(&i->chan, &frame);
        if (err == PH_ERR_AGAIN)
            return;
        if (err != PH_OK || on_frame(i, &frame) != PH_OK) {
            killed_for_limit(i, "protocol", "it sent a frame that breaks the protocol");
            return;
        }
    }
}

/* --- birth ---------------------------------------------------------------------------------- */

static enum ph_err spawn(struct ph_instances *all, uint32_t memory_mib, struct ph_instance **out)
{
    struct ph_node *node = all->node;
    int ours PH_OWNED(ph_closep) = -1, theirs PH_OWNED(ph_closep) = -1;
    int secrets_read PH_OWNED(ph_closep) = -1, secrets_write PH_OWNED(ph_closep) = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return PH_ERR_IO;
    ours = pair[0];
    theirs = pair[1];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return PH_ERR_IO;
    secrets_read = pair[0];
    secrets_write = pair[1];

    struct ph_instance *i = calloc(1, sizeof(*i));
    if (!i)
        return PH_ERR_NOMEM;
    i->node = node;
    i->pidfd = -1;
    i->secrets_fd = -1;
    i->calls_end = &i->calls;
    i->used_ns = ph_loop_now_ns(node->loop);
    i->memory_mib = memory_mib;
    enum ph_err err = ph_zygote_spawn(&all->zygote, ++all->spawn_seq, memory_mib, node->config->jit,
                                      theirs, secrets_read);
    if (err == PH_OK)
        err = ph_watch_add(node->loop, &i->watch, ours, EPOLLIN, on_socket, i);
    if (err != PH_OK) {
        free(i);
        return err;
    }
    ph_ipc_chan_init(&i->chan, PH_TAKE_FD(ours));
    i->secrets_fd = PH_TAKE_FD(secrets_write);
    i->next = all->all;
    i->prev = &all->all;
    if (i->next)
        i->next->prev = &i->next;
    all->all = i;
    all->cnt++;
    all->warm_cnt++;
    i->state = PH_INSTANCE_SPAWNING;
    i->spawn_id = all->spawn_seq;
    *out = i;
    return PH_OK;
}

static void refill(void *ctx)
{
    struct ph_instances *all = ctx;
    struct ph_instance *i;

    if (all->warm_cnt >= all->node->config->warm || all->node->stopping)
        return;
    if (spawn(all, DEFAULT_MEMORY_MIB, &i) != PH_OK)
        ph_log(PH_LOG_WARN, "no instance could be spawned for the pool", NULL);
    if (all->warm_cnt < all->node->config->warm &&
        ph_timer_arm(all->node->loop, &all->refill, REFILL_MS, refill, all) != PH_OK)
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
}

static void refill_later(struct ph_instances *all)
{
    if (all->refill.slot == 0 &&
        ph_timer_arm(all->node->loop, &all->refill, REFILL_MS, refill, all) != PH_OK)
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
}

/* The longest idle instance makes room. */
static void evict_one(struct ph_instances *all)
{
    struct ph_instance *oldest = NULL;

    for (struct ph_instance *i = all->all; i; i = i->next)
        if (i->state == PH_INSTANCE_RUNNING && !i->calls &&
            (!oldest || i->used_ns < oldest->used_ns))
            oldest = i;
    if (oldest)
        ph_instance_kill(oldest, "retired", "it made room");
}

/* A ready instance if there is one, else one on its way, else a new one. */
static enum ph_err take(struct ph_instances *all, uint32_t memory_mib, struct ph_instance **out)
{
    struct ph_instance *best = NULL;

    if (all->running_cnt >= all->node->config->instances_max)
        evict_one(all);
    if (all->running_cnt >= all->node->config->instances_max)
        return PH_ERR_LIMIT;
    for (struct ph_instance *i = all->all; i; i = i->next)
        if (i->memory_mib == memory_mib &&
            (i->state == PH_INSTANCE_WARM || (i->state == PH_INSTANCE_SPAWNING && !best)))
            best = i;
    if (!best)
        PH_TRY(spawn(all, memory_mib, &best));
    refill_later(all);
    *out = best;
    return PH_OK;
}

static enum ph_err release_secrets(struct ph_instance *i, struct ph_phat *phat,
                                   const struct ph_version *version, uint32_t *len)
{
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SEALED_MAX);
    char why[PH_KEYD_WHY_LEN] = "";

    *len = 0;
    if (phat->secrets_sequence == 0)
        return PH_OK;
    PH_TRY(ph_phat_read_secrets(phat, &sealed));
    const enum ph_err err =
        ph_keyd_client_secrets_release(i->node->keyd, &version->request, version->sig,
                                       ph_buf_view(&sealed), i->secrets_fd, len, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "secrets were not released", "phat", phat->id_text, "why", why, NULL);
    return err;
}

static enum ph_err send_start(struct ph_instance *i, struct ph_phat *phat,
                              const struct ph_version *version, struct ph_bytes archive)
{
    const struct ph_limits *l = &version->manifest.limits;
    uint32_t secrets_len;

    PH_TRY(release_secrets(i, phat, version, &secrets_len));
    (void)close(i->secrets_fd);
    i->secrets_fd = -1;
    while (archive.len > 0) {
        const size_t n = archive.len < 1048576 ? archive.len : 1048576;
        const struct ph_msg_BUNDLE piece = {.data = {archive.ptr, n}};
        PH_TRY(ph_put_BUNDLE(&i->chan, 0, 0, &piece));
        archive = (struct ph_bytes){archive.ptr + n, archive.len - n};
    }
    const struct ph_msg_START start = {.phat = phat->id,
                                       .bundle_hash = version->bundle_hash,
                                       .cpu_ms = l->cpu_ms,
                                       .wall_ms = l->wall_ms,
                                       .memory_mib = l->memory_mib,
                                       .subrequests = l->subrequests,
                                       .secrets_len = secrets_len,
                                       .env_json = ph_bytes_str(version->manifest.env_json)};
    return ph_put_START(&i->chan, 0, 0, &start);
}

static void start_overdue(void *ctx)
{
    struct ph_instance *i = ctx;

    if (i->state == PH_INSTANCE_STARTING)
        killed_for_limit(i, "start-failed", "the top level of its script took longer than 10 s");
    else
        ph_calls_deadline(i);
}

static enum ph_err begin(struct ph_phat *phat, struct ph_version *version, struct ph_bytes archive,
                         struct ph_instance **out)
{
    struct ph_instance *i;

    PH_TRY(take(phat->node->instances, version->manifest.limits.memory_mib, &i));
    set_state(i, PH_INSTANCE_STARTING);
    i->phat = phat;
    phat->holders++;
    i->version = ph_version_ref(version);
    i->used_ns = ph_loop_now_ns(phat->node->loop);
    enum ph_err err = send_start(i, phat, version, archive);
    if (err == PH_OK)
        err = ph_timer_arm(phat->node->loop, &i->deadline, START_WALL_MS, start_overdue, i);
    if (err != PH_OK) {
        ph_instance_kill(i, "start-failed", "its bundle could not be sent to it");
        return err;
    }
    ph_instance_flush_later(i);
    *out = i;
    return PH_OK;
}

enum ph_err ph_instance_of(struct ph_phat *phat, struct ph_instance **out)
{
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(PH_BUNDLE_MAX);

    if (!phat->instance) {
        enum ph_err err = ph_phat_read_bundle(phat, phat->version, &archive);
        if (err == PH_OK)
            err = begin(phat, phat->version, ph_buf_view(&archive), &phat->instance);
        if (err != PH_OK) {
            ph_log(PH_LOG_ERROR, "a phat could not be started", "phat", phat->id_text, "error",
                   ph_err_name(err), NULL);
            return err;
        }
        phat->node->metrics.cold_starts++;
    }
    *out = phat->instance;
    return PH_OK;
}

enum ph_err ph_instance_trial(struct ph_phat *phat, struct ph_version *version,
                              struct ph_bytes archive, void (*trial)(void *, bool, struct ph_bytes),
                              void *ctx, struct ph_instance **out)
{
    PH_TRY(begin(phat, version, archive, out));
    (*out)->trial = trial;
    (*out)->trial_ctx = ctx;
    return PH_OK;
}

void ph_instance_retire(struct ph_phat *phat)
{
    struct ph_instance *i = phat->instance;

    if (!i)
        return;
    phat->instance = NULL;
    i->draining = true;
    ph_instance_call_ended(i);
}

void ph_instance_adopt(struct ph_phat *phat, struct ph_instance *instance)
{
    ph_instance_retire(phat);
    phat->instance = instance;
}

void ph_instance_call_ended(struct ph_instance *i)
{
    if (i->draining && !i->calls)
        ph_instance_kill(i, "retired", "it was replaced");
    else if (!i->calls && i->state == PH_INSTANCE_RUNNING)
        ph_timer_cancel(i->node->loop, &i->deadline);
}

/* --- watch ---------------------------------------------------------------------------------- */

/* CPU time of a process whose pid cannot have been reused: its pidfd is held and it was not reaped
 * before EXITED. */
static bool read_cpu(const struct ph_instance *i, int64_t *out)
{
    clockid_t clock;
    struct timespec ts;

    if (i->pid == 0 || clock_getcpuclockid((pid_t)i->pid, &clock) != 0 ||
        clock_gettime(clock, &ts) != 0)
        return false;
    *out = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
    return true;
}

/* Private resident memory: pages that no other instance shares. */
static uint64_t read_private_mib(const struct ph_instance *i)
{
    char path[40], text[128];
    char *at;

    (void)snprintf(path, sizeof(path), "/proc/%u/statm", i->pid);
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    (void)strtoull(text, &at, 10); /* size */
    const unsigned long long resident = strtoull(at, &at, 10), shared = strtoull(at, &at, 10);
    if (shared > resident)
        return 0;
    return (resident - shared) * 4096 / 1048576;
}

static void check_one(struct ph_instance *i)
{
    int64_t cpu;

    if (i->state == PH_INSTANCE_GONE || i->state == PH_INSTANCE_SPAWNING ||
        i->state == PH_INSTANCE_WARM)
        return;
    if (!i->calls && i->state == PH_INSTANCE_RUNNING &&
        ph_loop_now_ns(i->node->loop) - i->used_ns >
            (int64_t)i->node->config->idle_s * 1000000000) {
        ph_instance_kill(i, "retired", "it was idle");
        return;
    }
    if (!read_cpu(i, &cpu))
        return;
    /* A share of the tick that a waiting instance never uses; no more than that, because on a busy
     * machine a loop gets only a share of the processor. */
    i->busy = !i->sent_frame && cpu - i->cpu_tick_ns > (int64_t)TICK_MS * 1000000 / 10;
    if (!i->busy)
        i->cpu_base_ns = cpu;
    const bool grew = cpu - i->cpu_tick_ns > (int64_t)TICK_MS * 1000000 / 10;
    i->cpu_tick_ns = cpu;
    i->sent_frame = false;
    i->log_lines = 0;
    /* The engine itself ends JavaScript at cpuMs. What is left for this: loops it cannot interrupt
     * (wasm, microtasks, regular expressions), and those may take as long again. */
    const uint32_t cpu_ms =
        i->state == PH_INSTANCE_STARTING ? START_WALL_MS / 2 : i->version->manifest.limits.cpu_ms;
    if (cpu - i->cpu_base_ns > ((int64_t)cpu_ms * 2 + 2 * TICK_MS) * 1000000)
        killed_for_limit(i, "cpu-limit", "it computed beyond limits.cpuMs without an answer");
    else if (grew && read_private_mib(i) > i->version->manifest.limits.memory_mib)
        killed_for_limit(i, "memory-limit", "its private memory is beyond limits.memoryMiB");
}

static void tick(void *ctx)
{
    struct ph_instances *all = ctx;

    for (struct ph_instance *i = all->all, *next; i; i = next) {
        next = i->next;
        check_one(i);
    }
    if (ph_timer_arm(all->node->loop, &all->tick, TICK_MS, tick, all) != PH_OK)
        ph_node_fatal(all->node, "out of memory for timers");
}

/* NULL: it was given up before its process was there. */
static struct ph_instance *spawned_as(struct ph_instances *all, uint64_t id)
{
    for (struct ph_instance *i = all->all; i; i = i->next)
        if (i->pid == 0 && i->spawn_id == id)
            return i;
    return NULL;
}

/* It ended, and nobody here asked for that. */
static void log_death(const struct ph_instance *i, uint32_t wait_status)
{
    char status[16], signal_number[16];

    (void)snprintf(status, sizeof(status), "%u", wait_status >> 8 & 0xff);
    (void)snprintf(signal_number, sizeof(signal_number), "%u", wait_status & 0x7f);
    ph_log(PH_LOG_WARN, "instance ended by itself", "phat", i->phat ? i->phat->id_text : "",
           "status", status, "signal", signal_number, NULL);
}

static void on_exited(struct ph_instances *all, const struct ph_zygote_event *e)
{
    for (struct ph_instance *i = all->all; i; i = i->next)
        if (i->pid == e->pid) {
            const bool oom = i->state != PH_INSTANCE_GONE && (e->wait_status & 0x7f) == SIGKILL;
            if (i->state != PH_INSTANCE_GONE || strcmp(i->end_code, "instance-died") == 0)
                log_death(i, e->wait_status);
            i->pid = 0;
            i->spawn_id = 0;
            all->node->metrics.instances_died++;
            ph_instance_kill(i, oom ? "memory-limit" : "instance-died",
                             oom ? "the kernel killed it, as it does beyond limits.memoryMiB"
                                 : "its process ended");
            return;
        }
}

static void on_zygote(void *ctx, uint32_t events)
{
    struct ph_instances *all = ctx;
    struct ph_zygote_event e;
    enum ph_err err;

    (void)events;
    while ((err = ph_zygote_next(&all->zygote, &e)) == PH_OK) {
        struct ph_instance *i = e.kind == PH_ZYGOTE_EXITED ? NULL : spawned_as(all, e.id);
        if (e.kind == PH_ZYGOTE_EXITED) {
            on_exited(all, &e);
        } else if (e.kind == PH_ZYGOTE_SPAWN_FAIL) {
            ph_log(PH_LOG_ERROR, "the zygote could not make an instance", "why", e.message, NULL);
            if (i)
                ph_instance_kill(i, "start-failed", "no process could be made for it");
        } else if (i) {
            i->pid = e.pid;
            i->pidfd = e.pidfd;
            if (i->state == PH_INSTANCE_GONE)
                (void)syscall(SYS_pidfd_send_signal, i->pidfd, SIGKILL, NULL, 0);
        } else {
            (void)syscall(SYS_pidfd_send_signal, e.pidfd, SIGKILL, NULL, 0);
            (void)close(e.pidfd);
        }
    }
    if (err != PH_ERR_AGAIN)
        ph_node_fatal(all->node, "the zygote of phala-run is gone");
}

enum ph_err ph_instances_open(struct ph_node *node, struct ph_instances **out)
{
    struct ph_instances *all = calloc(1, sizeof(*all));

    if (!all)
        return PH_ERR_NOMEM;
    all->node = node;
    all->zygote.sock = -1;
    enum ph_err err =
        ph_zygote_start(node->config->run_path, node->config->require_full_sandbox, &all->zygote);
    if (err == PH_OK)
        err =
            ph_watch_add(node->loop, &all->zygote_watch, all->zygote.sock, EPOLLIN, on_zygote, all);
    if (err == PH_OK)
        err = ph_timer_arm(node->loop, &all->tick, TICK_MS, tick, all);
    if (err != PH_OK) {
        ph_zygote_stop(&all->zygote);
        free(all);
        return err;
    }
    *out = all;
    refill(all);
    return PH_OK;
}

void ph_instances_close(struct ph_instances *all)
{
    if (!all)
        return;
    ph_timer_cancel(all->node->loop, &all->tick);
    ph_timer_cancel(all->node->loop, &all->refill);
    ph_watch_del(all->node->loop, &all->zygote_watch);
    while (all->all) {
        struct ph_instance *i = all->all;
        ph_egress_cancel_all(i);
        if (i->phat && i->phat->instance == i)
            i->phat->instance = NULL;
        free_instance(i);
    }
    ph_zygote_stop(&all->zygote);
    free(all);
}

const char *ph_instances_layers(const struct ph_instances *all)
{
    return all->zygote.layers;
}

bool ph_instances_ready(const struct ph_instances *all)
{
    return all->any_ready || all->node->config->warm == 0;
}
