/* The birth of an instance: from the zygote into the pool, from the pool to a phat. */

#include "base/log.h"
#include "base/own.h"
#include "codec/code.h"
#include "keys/secrets.h"
#include "node/calls.h"
#include "node/instances_priv.h"
#include "node/keyd_secrets.h"
#include "node/phat_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static enum ph_err spawn(struct ph_instances *all, uint32_t memory_mib, struct ph_instance **out)
{
    struct ph_node *node = all->node;
    int ours PH_OWNED(ph_closep) = -1, theirs PH_OWNED(ph_closep) = -1;
    int secrets_read PH_OWNED(ph_closep) = -1, secrets_write PH_OWNED(ph_closep) = -1;
    int state_ours PH_OWNED(ph_closep) = -1, state_theirs PH_OWNED(ph_closep) = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return PH_ERR_IO;
    ours = pair[0];
    theirs = pair[1];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return PH_ERR_IO;
    secrets_read = pair[0];
    secrets_write = pair[1];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return PH_ERR_IO;
    state_ours = pair[0];
    state_theirs = pair[1];

    struct ph_instance *i = calloc(1, sizeof(*i));
    if (!i)
        return PH_ERR_NOMEM;
    i->node = node;
    i->pidfd = -1;
    i->secrets_fd = -1;
    i->state_fd = -1;
    ph_ipc_chan_init(&i->held, -1);
    i->calls_end = &i->calls;
    i->used_ns = ph_loop_now_ns(node->loop);
    i->memory_mib = memory_mib;
    enum ph_err err = ph_zygote_spawn(&all->zygote, ++all->spawn_seq, memory_mib, node->config->jit,
                                      theirs, secrets_read, state_theirs);
    if (err == PH_OK)
        err = ph_watch_add(node->loop, &i->watch, ours, EPOLLIN, ph_instance_on_socket, i);
    if (err != PH_OK) {
        free(i);
        return err;
    }
    ph_ipc_chan_init(&i->chan, PH_TAKE_FD(ours));
    i->secrets_fd = PH_TAKE_FD(secrets_write);
    i->state_fd = PH_TAKE_FD(state_ours);
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

void ph_instances_refill(void *ctx)
{
    struct ph_instances *all = ctx;
    struct ph_instance *i;

    if (all->warm_cnt >= all->node->config->warm || all->node->stopping)
        return;
    if (spawn(all, DEFAULT_MEMORY_MIB, &i) != PH_OK)
        ph_log(PH_LOG_WARN, "no instance could be spawned for the pool", NULL);
    if (all->warm_cnt < all->node->config->warm &&
        ph_timer_arm(all->node->loop, &all->refill, REFILL_MS, ph_instances_refill, all) != PH_OK)
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
}

static void refill_later(struct ph_instances *all)
{
    if (all->refill.slot == 0 &&
        ph_timer_arm(all->node->loop, &all->refill, REFILL_MS, ph_instances_refill, all) != PH_OK)
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

_Static_assert((int)PH_KEYD_WHY_LEN == 256, "why is the caller's to show");

/* Its owner reads why it does not start; callers are told that there is a reason. */
static void tell_owner(struct ph_phat *phat, const char *what, const char *why)
{
    ph_log(PH_LOG_ERROR, what, "phat", phat->id_text, "why", why, NULL);
    ph_phat_log_add(&phat->log, ph_loop_wall_ms(phat->node->loop), 3, 0, ph_bytes_str(why));
}

static enum ph_err release_secrets(struct ph_instance *i, struct ph_phat *phat,
                                   const struct ph_version *version, uint32_t *len,
                                   char why[static PH_KEYD_WHY_LEN])
{
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SEALED_MAX);

    *len = 0;
    if (phat->secrets_lost) {
        (void)snprintf(why, PH_KEYD_WHY_LEN,
                       "secrets: storage shows none, but phala-keyd knows of some: set them again");
        tell_owner(phat, "secrets were not released", why);
        return PH_ERR_UNTRUSTED;
    }
    if (phat->secrets_sequence == 0)
        return PH_OK;
    (void)snprintf(why, PH_KEYD_WHY_LEN, "secrets: what is stored does not verify: set them again");
    PH_TRY(ph_phat_read_secrets(phat, &sealed));
    const enum ph_err err =
        ph_keyd_client_secrets_release(i->node->keyd, &version->request, version->sig,
                                       ph_buf_view(&sealed), i->secrets_fd, len, why);
    if (err != PH_OK)
        tell_owner(phat, "secrets were not released", why);
    return err;
}

/* The key of encrypted code goes into the pipe before the secrets. */
static enum ph_err release_code(struct ph_instance *i, const struct ph_version *version,
                                struct ph_bytes archive, char why[static PH_KEYD_WHY_LEN])
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    char reason[PH_CODE_WHY_LEN];
    struct ph_code code;

    if (!tar)
        return PH_ERR_NOMEM;
    PH_TRY(ph_tar_parse(archive, tar, reason));
    PH_TRY(ph_code_parse(tar, &code, reason));
    /* Room for both where the system grants it; else the largest secrets do not fit. */
    (void)fcntl(i->secrets_fd, F_SETPIPE_SZ, 2 * PH_SECRETS_MAX);
    const enum ph_err err = ph_keyd_code_release(i->node->keyd, &version->request, version->sig,
                                                 code.epoch, code.wrapped, i->secrets_fd, why);
    if (err != PH_OK)
        tell_owner(i->phat, "its code was not released", why);
    return err;
}

static enum ph_err send_start(struct ph_instance *i, struct ph_phat *phat,
                              const struct ph_version *version, struct ph_bytes archive,
                              char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_limits *l = &version->manifest.limits;
    uint32_t secrets_len;

    if (version->code_epoch != 0)
        PH_TRY(release_code(i, version, archive, why));
    PH_TRY(release_secrets(i, phat, version, &secrets_len, why));
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
                                       .flags = version->code_epoch != 0 ? PH_START_ENCRYPTED : 0,
                                       .env_json = ph_bytes_str(version->manifest.env_json)};
    return ph_put_START(&i->chan, 0, 0, &start);
}

static void start_overdue(void *ctx)
{
    struct ph_instance *i = ctx;

    if (i->state == PH_INSTANCE_STARTING)
        ph_instance_kill_for_limit(i, "start-failed",
                                   "the top level of its script took longer than 10 s");
    else
        ph_calls_deadline(i);
}

static enum ph_err begin(struct ph_phat *phat, struct ph_version *version, struct ph_bytes archive,
                         struct ph_instance **out, char why[static PH_KEYD_WHY_LEN])
{
    struct ph_instance *i;

    PH_TRY(take(phat->node->instances, version->manifest.limits.memory_mib, &i));
    ph_instance_set_state(i, PH_INSTANCE_STARTING);
    i->phat = phat;
    phat->holders++;
    i->version = ph_version_ref(version);
    i->used_ns = ph_loop_now_ns(phat->node->loop);
    enum ph_err err = send_start(i, phat, version, archive, why);
    if (err == PH_OK && version->manifest.state_pages > 0)
        err = ph_phat_state_hold(i);
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
    char why[PH_KEYD_WHY_LEN] = "";

    if (!phat->instance) {
        enum ph_err err = ph_phat_read_bundle(phat, phat->version, &archive);
        if (err == PH_OK)
            err = begin(phat, phat->version, ph_buf_view(&archive), &phat->instance, why);
        if (err != PH_OK) {
            ph_log(PH_LOG_ERROR, "a phat could not be started", "phat", phat->id_text, "error",
                   ph_err_name(err), NULL);
            return err;
        }
        phat->node->metrics.cold_starts++;
        ph_phat_state_want(phat->instance);
    }
    *out = phat->instance;
    return PH_OK;
}

enum ph_err ph_instance_trial(struct ph_phat *phat, struct ph_version *version,
                              struct ph_bytes archive, void (*trial)(void *, bool, struct ph_bytes),
                              void *ctx, struct ph_instance **out, char why[static 256])
{
    PH_TRY(begin(phat, version, archive, out, why));
    (*out)->trial = trial;
    (*out)->trial_ctx = ctx;
    return PH_OK;
}

struct ph_instance *ph_instance_running(const struct ph_instances *instances, uint64_t spawn_id)
{
    for (struct ph_instance *i = instances->all; i; i = i->next)
        if (i->spawn_id == spawn_id && i->state == PH_INSTANCE_RUNNING)
            return i;
    return NULL;
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
    ph_phat_state_want(instance);
}

void ph_instance_call_ended(struct ph_instance *i)
{
    if (i->draining && !i->calls)
        ph_instance_kill(i, "retired", "it was replaced");
    else if (!i->calls && i->state == PH_INSTANCE_RUNNING)
        ph_timer_cancel(i->node->loop, &i->deadline);
}
