#include "node/instances_priv.h"
#include "node/phat_state.h"

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
#include <sys/wait.h>
#include <time.h>

static void unlink_instance(struct ph_instance *i)
{
    *i->prev = i->next;
    if (i->next)
        i->next->prev = i->prev;
}

void ph_instance_set_state(struct ph_instance *i, enum ph_instance_state state)
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
    ph_phat_state_leave(i);
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
    ph_instance_set_state(i, PH_INSTANCE_GONE);
    i->end_code = code;
    (void)snprintf(i->end_message, sizeof(i->end_message), "%s", message);
    if (i->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, i->pidfd, SIGKILL, NULL, 0);
    ph_watch_del(i->node->loop, &i->watch);
    ph_task_add(i->node->loop, &i->end_task, end_instance, i);
}

void ph_instance_kill_for_limit(struct ph_instance *i, const char *code, const char *message)
{
    if (i->state == PH_INSTANCE_GONE)
        return;
    i->node->metrics.instances_killed++;
    ph_log(PH_LOG_WARN, "instance killed", "phat", i->phat ? i->phat->id_text : "", "code", code,
           "why", message, NULL);
    ph_instance_kill(i, code, message);
}

bool ph_instance_is_stuck(const struct ph_instance *i)
{
    return i->busy && i->version &&
           i->cpu_tick_ns - i->cpu_base_ns > (int64_t)i->version->manifest.limits.cpu_ms * 1000000;
}

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

/* Processor time that it may use without a word. Answers of a phat with state wait for its commit,
 * and a slow disk makes them wait together: each call may have used its own. */
static int64_t silent_cpu_ms(const struct ph_instance *i)
{
    if (i->state == PH_INSTANCE_STARTING)
        return START_WALL_MS / 2;
    const struct ph_manifest *m = &i->version->manifest;
    const bool waits = m->state_pages > 0 && i->phat && i->phat->calls > 0;
    return (int64_t)m->limits.cpu_ms * (waits ? i->phat->calls : 1);
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
    if (cpu - i->cpu_base_ns > (silent_cpu_ms(i) * 2 + 2 * TICK_MS) * 1000000)
        ph_instance_kill_for_limit(i, "cpu-limit",
                                   "it computed beyond limits.cpuMs without an answer");
    else if (grew && read_private_mib(i) > i->version->manifest.limits.memory_mib)
        ph_instance_kill_for_limit(i, "memory-limit",
                                   "its private memory is beyond limits.memoryMiB");
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

/* Ended by the kernel, as happens beyond the cgroup's limit, or by itself when the engine found no
 * memory. */
static bool was_out_of_memory(uint32_t wait_status)
{
    return WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) == SIGKILL
                                    : WEXITSTATUS(wait_status) == PH_RUN_EXIT_MEMORY;
}

static void on_exited(struct ph_instances *all, const struct ph_zygote_event *e)
{
    for (struct ph_instance *i = all->all; i; i = i->next)
        if (i->pid == e->pid) {
            const bool oom = i->state != PH_INSTANCE_GONE && was_out_of_memory(e->wait_status);
            if (i->state != PH_INSTANCE_GONE)
                log_death(i, e->wait_status);
            i->pid = 0;
            i->spawn_id = 0;
            all->node->metrics.instances_died++;
            ph_instance_kill(i, oom ? "memory-limit" : "instance-died",
                             oom ? "it had more memory than limits.memoryMiB"
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
    const struct ph_zygote_how how = {.require_full = node->config->require_full_sandbox,
                                      .spare = node->config->spare};
    enum ph_err err = ph_zygote_start(node->config->run_path, how, &all->zygote);
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
    ph_instances_refill(all);
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
