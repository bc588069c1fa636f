/* What an instance says: frames from its socket, and the output to it. */

#include "base/log.h"
#include "node/calls.h"
#include "node/egress.h"
#include "node/instances_priv.h"
#include "node/leases.h"
#include "node/phat_state.h"

enum { EXIT_WAIT_MS = 200 };

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
        ph_instance_set_state(i, PH_INSTANCE_WARM);
    i->node->instances->any_ready = true;
}

static enum ph_err on_started(struct ph_instance *i, const struct ph_ipc_frame *frame)
{
    struct ph_msg_STARTED msg;

    PH_TRY(ph_get_STARTED(frame, &msg));
    if (i->state != PH_INSTANCE_STARTING)
        return PH_ERR_MALFORMED;
    ph_instance_set_state(i, PH_INSTANCE_RUNNING);
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
    /* Not for log lines: a loop can print. Fetches are bounded, answers are answers. */
    i->sent_frame = i->sent_frame || frame->type != PH_IPC_LOG;
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
    case PH_IPC_STATE_FAIL:
        return ph_phat_state_failed(i, frame);
    case PH_IPC_STATE_AT:
        return ph_phat_state_at(i, frame);
    case PH_IPC_IDLE:
        return PH_OK;
    default:
        return PH_ERR_MALFORMED;
    }
}

static void exit_overdue(void *ctx)
{
    ph_instance_kill(ctx, "instance-died", "its process ended");
}

/* Its end of the channel is closed. How it ended comes from the zygote, a moment later; no new call
 * meets it. */
static void await_exit(struct ph_instance *i)
{
    ph_watch_del(i->node->loop, &i->watch);
    if (i->phat && i->phat->instance == i)
        i->phat->instance = NULL;
    if (ph_timer_arm(i->node->loop, &i->deadline, EXIT_WAIT_MS, exit_overdue, i) != PH_OK)
        exit_overdue(i);
}

void ph_instance_hear(struct ph_instance *i)
{
    struct ph_ipc_frame frame;

    /* After the bytes were read: what they say was so at a moment when the lease was here. */
    if (!ph_lease_lets_speak(i))
        return;
    while (i->state != PH_INSTANCE_GONE) {
        const enum ph_err err = ph_ipc_next(&i->chan, &frame);
        if (err == PH_ERR_AGAIN)
            return;
        if (err != PH_OK || on_frame(i, &frame) != PH_OK) {
            ph_instance_kill_for_limit(i, "protocol", "it sent a frame that breaks the protocol");
            return;
        }
    }
}

void ph_instance_on_socket(void *ctx, uint32_t events)
{
    struct ph_instance *i = ctx;

    if (events & EPOLLOUT)
        ph_instance_flush_later(i);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    const enum ph_err filled = ph_ipc_fill(&i->chan);
    if (filled == PH_ERR_AGAIN)
        return;
    if (filled != PH_OK) {
        await_exit(i);
        return;
    }
    ph_instance_hear(i);
}
