#include "runtime/engine_priv.h"

#include "base/clock.h"
#include "runtime/idem.h"
#include "runtime/move.h"
#include "runtime/turns.h"

#include <poll.h>

/* Turns: read once, handle every frame, fire what is due, write once. */

enum { READ_AHEAD_MAX = 8 * 1024 * 1024 }; /* queued output above which no input is read */

static void fire_timers(struct ph_engine *e)
{
    struct ph_timer timer;

    if (e->timers.cnt == 0)
        return;
    /* Those armed in this turn wait for the next one, so that a timer that rearms itself does not
     * starve the channel. */
    const uint64_t last = e->timers.last_id;
    const int64_t now = ph_clock_mono_ns();
    while (!e->over && ph_timers_pop(&e->timers, now, last, &timer) == PH_OK) {
        const JSValueRef id = JSValueMakeNumber(e->ctx, (double)timer.id);
        ph_engine_tell(e, PH_HOOK_onTimer, timer.call, 1, &id);
    }
}

/* Calls in flight although nothing can happen any more that would answer them. Promise jobs are
 * done at the end of a turn; what is left is invisible from here (a compilation of wasm), so there
 * is some patience. */
static void give_up_quiet_calls(struct ph_engine *e)
{
    struct ph_call *call;
    bool waits = e->calls.cnt == 0 || e->timers.cnt > 0 || e->fetches.cnt > 0;

    for (size_t at = 0; !waits && (call = ph_idmap_next(&e->calls, &at));)
        waits = !call->request_over || call->resp.queue.len > 0 || call->resp.waiting || call->move;
    if (waits) {
        e->quiet_ns = 0;
        return;
    }
    const int64_t now = ph_clock_mono_ns();
    if (e->quiet_ns == 0)
        e->quiet_ns = now;
    if (now - e->quiet_ns >= (int64_t)PH_ENGINE_QUIET_MS * 1000000)
        ph_calls_fail_all(e, "no-response",
                          "The handler's promise can never settle: it waits for no timer, fetch or "
                          "body");
}

static void turn_ends(struct ph_engine *e)
{
    ph_limits_turn_ends(e);
    if (e->busy)
        e->idle_ns = 0;
    if (e->calls.cnt > 0) {
        give_up_quiet_calls(e);
    } else if (e->busy && e->fetches.cnt == 0 && e->timers.cnt == 0 &&
               (!e->turns || !ph_turns_pending(e->turns))) {
        e->busy = false;
        e->idle_ns = ph_clock_mono_ns();
        ph_engine_check(e, ph_put_IDLE(&e->chan, 0, 0));
        /* Memory that one large body took is not kept by an idle instance. */
        if (e->chan.in.cap > 4 * PH_IPC_WINDOW && e->chan.in_at == e->chan.in.len) {
            ph_buf_clear(&e->chan.in);
            e->chan.in_at = 0;
        }
    }
}

/* No input is read: output waits for the socket, or for the state to be durable. */
static bool is_full(const struct ph_engine *e)
{
    const size_t held = e->turns ? e->turns->held.len : 0;
    return ph_ipc_queued(&e->chan) + held > READ_AHEAD_MAX ||
           (e->turns && ph_turns_heavy(e->turns));
}

/* False: end with `exit`. */
static bool read_frames(struct ph_engine *e, bool *out_read)
{
    struct ph_ipc_frame frame;

    *out_read = false;
    if (is_full(e))
        return true;
    const enum ph_err got = ph_ipc_fill(&e->chan);
    if (got == PH_ERR_AGAIN)
        return true;
    if (got != PH_OK) {
        ph_engine_end(e, got == PH_ERR_CLOSED ? PH_ENGINE_EXIT_CLOSED : PH_ENGINE_EXIT_FAILED);
        return false;
    }
    *out_read = true;
    enum ph_err err = PH_OK;
    while (!e->over && err == PH_OK) {
        err = ph_ipc_next(&e->chan, &frame);
        if (err == PH_OK)
            err = ph_engine_frame(e, &frame);
    }
    if (!e->over && err != PH_ERR_AGAIN)
        ph_engine_end(e, err == PH_ERR_NOMEM ? PH_ENGINE_EXIT_FAILED : PH_ENGINE_EXIT_PROTOCOL);
    return !e->over;
}

/* What the engine itself has to do: promises of compiled wasm, finalizers, collector timers. */
static void pump_glib(struct ph_engine *e)
{
    enum { EVENTS_MAX = 64 };

    if (e->turns)
        ph_turn_begins(e);
    ph_limits_enter(e, NULL);
    e->inside = true;
    for (int i = 0; i < EVENTS_MAX && g_main_context_iteration(e->glib, FALSE); i++) {
    }
    e->inside = false;
    const enum ph_stop stop = e->stop;
    if (stop != PH_STOP_NONE)
        ph_engine_stopped(e, 0);
    if (e->turns)
        ph_turn_ends(e, stop);
}

static bool turn(struct ph_engine *e, bool *out_read)
{
    *out_read = false;
    ph_limits_turn_begins(e);
    if (e->turns)
        ph_turns_take(e);
    e->turn_at = ph_ipc_queued(&e->chan);
    if (e->turns && !e->over)
        ph_moves_go(e);
    if (!e->over && read_frames(e, out_read)) {
        fire_timers(e);
        pump_glib(e);
        if (e->turns && !e->over)
            ph_idem_sweep(e);
        if (!e->over)
            turn_ends(e);
    }
    if (e->turns)
        ph_turns_hold(e);
    const enum ph_err err = ph_ipc_flush(&e->chan);
    if (err != PH_OK && err != PH_ERR_AGAIN)
        ph_engine_end(e, err == PH_ERR_CLOSED ? PH_ENGINE_EXIT_CLOSED : PH_ENGINE_EXIT_FAILED);
    if (e->chan.out.len == 0 && e->chan.out.cap > 4 * PH_IPC_WINDOW)
        ph_buf_clear(&e->chan.out);
    return !e->over;
}

bool ph_engine_turn(struct ph_engine *e, enum ph_engine_exit *out_exit)
{
    bool did_read;
    const bool goes_on = turn(e, &did_read);

    *out_exit = e->exit;
    return goes_on;
}

/* How long nothing can happen, in ms; -1: until a descriptor says so. */
static int patience_ms(struct ph_engine *e, int glib_ms)
{
    int64_t ms = glib_ms < 0 ? INT32_MAX : glib_ms;

    if (e->timers.cnt > 0) {
        const int64_t ns = e->timers.heap[0].due_ns - ph_clock_mono_ns();
        const int64_t up = ns <= 0 ? 0 : (ns + 999999) / 1000000;
        ms = up < ms ? up : ms;
    }
    const int idle_ms = ph_limits_idle_ms(e);
    if (idle_ms >= 0 && ms > idle_ms)
        ms = idle_ms;
    if (e->quiet_ns > 0 && ms > PH_ENGINE_QUIET_MS)
        ms = PH_ENGINE_QUIET_MS;
    if (e->turns && e->turns->idems && ms > PH_IDEM_SWEEP_MS)
        ms = PH_IDEM_SWEEP_MS;
    return ms == INT32_MAX ? -1 : (int)ms;
}

static void sleep_until_something(struct ph_engine *e)
{
    enum { GLIB_FDS_MAX = 8 };
    GPollFD glib_fds[GLIB_FDS_MAX];
    struct pollfd fds[2 + GLIB_FDS_MAX];
    gint priority, glib_ms;

    if (!g_main_context_acquire(e->glib))
        return;
    (void)g_main_context_prepare(e->glib, &priority);
    gint cnt = g_main_context_query(e->glib, priority, &glib_ms, glib_fds, GLIB_FDS_MAX);
    if (cnt > GLIB_FDS_MAX)
        cnt = GLIB_FDS_MAX;
    const bool full = is_full(e);
    fds[0] = (struct pollfd){
        .fd = e->chan.fd,
        .events = (short)((ph_ipc_queued(&e->chan) > 0 ? POLLOUT : 0) | (full ? 0 : POLLIN))};
    fds[1] = (struct pollfd){.fd = e->turns ? e->turns->client.fd : -1, .events = POLLIN};
    for (gint i = 0; i < cnt; i++)
        fds[2 + i] = (struct pollfd){.fd = glib_fds[i].fd, .events = (short)glib_fds[i].events};
    /* The next turn looks again. */
    if (poll(fds, 2 + (nfds_t)cnt, patience_ms(e, glib_ms)) > 0 && e->turns)
        e->turns->readable = fds[1].revents != 0;
    g_main_context_release(e->glib);
}

/* Waiting in the pool: the next piece of what can be done before the phat is known. False: there is
 * none, or the phat is coming. */
static bool rehearse(struct ph_engine *e)
{
    if (e->started || e->rehearsal_over || e->bundle.len > 0)
        return false;
    const JSValueRef step = JSValueMakeNumber(e->ctx, e->rehearsed++);
    const JSValueRef more = ph_engine_enter(e, PH_HOOK_onIdle, 0, 1, &step, NULL);
    e->rehearsal_over = !more || !JSValueToBoolean(e->ctx, more);
    return true;
}

enum ph_engine_exit ph_engine_run(struct ph_engine *e, const char *sandbox_layers)
{
    const struct ph_msg_READY ready = {.sandbox_layers = ph_bytes_str(sandbox_layers)};
    bool did_read = true;

    ph_engine_check(e, ph_put_READY(&e->chan, 0, 0, &ready));
    while (turn(e, &did_read)) {
        if (did_read || rehearse(e))
            continue;
        ph_limits_idle(e);
        sleep_until_something(e);
    }
    ph_engine_ignore(ph_ipc_flush(&e->chan)); /* why it leaves, if that fits into the socket */
    return e->exit;
}
