#ifndef PH_RUNTIME_ENGINE_PRIV_H
#define PH_RUNTIME_ENGINE_PRIV_H

/* Inside of the engine: engine.c (life, loop), frames.c (from phalad), natives.c (from the
 * prelude), bodies.c (windows), limits.c (CPU, memory), start.c (bundle). */

#include "base/own.h"
#include "ipc/messages.h"
#include "runtime/engine.h"
#include "runtime/idmap.h"
#include "runtime/jsc_priv.h"
#include "runtime/jsval.h"
#include "runtime/timers.h"

#include <glib.h>

/* clang-format off */
#define PH_HOOKS(H)                                                                                \
    H(onStart) H(onCall) H(onCallBody) H(onCallEnd) H(onCallCancel) H(onCallWindow)                \
    H(onFetchHead) H(onFetchBody) H(onFetchDone) H(onFetchFail) H(onFetchWindow)                   \
    H(onTimer) H(onUnhandled) H(onIdle) H(onState) H(describe)
/* clang-format on */
enum ph_hook {
#define H(name) PH_HOOK_##name,
    PH_HOOKS(H)
#undef H
        PH_HOOK_CNT
};

/* A body on its way out: what the window allows is sent, the rest waits. */
struct ph_out_body {
    int64_t window;      /* bytes that may be sent now */
    struct ph_buf queue; /* bytes that may not */
    bool ended;          /* the producer is done: end frame once the queue is empty */
    bool waiting;        /* the producer was told that the window is closed */
};

struct ph_call {
    uint64_t id;
    struct ph_out_body resp;
    uint64_t cpu_ns;   /* used so far */
    uint64_t turn_ns;  /* wall time of its entries in this turn, to share out the turn's CPU time */
    uint32_t received; /* request body bytes not yet given back as credit */
    bool head_sent;    /* RESP is out */
    bool request_over; /* no CALL_BODY may follow */
    bool touched;      /* is in engine->touched */
    bool done;         /* the prelude may not respond any more */
    struct ph_idem *idem; /* idem.h; NULL: may run more than once */
    struct ph_move *move; /* move.h; NULL: a call for the phat's code */
};

struct ph_fetch {
    uint64_t id;
    uint64_t call;
    struct ph_out_body body;
    uint32_t received;
    bool head_seen;
};

/* Strings that come with almost every call (methods, header blocks, URLs) are kept as JavaScript
 * values; a direct-mapped cache, filled when a text is seen twice in a row at its place. */
enum { PH_STRING_CACHE = 64, PH_STRING_CACHED_MAX = 512 };
struct ph_cached_string {
    uint32_t hash, seen; /* of the value kept; of the last text that missed */
    JSValueRef value;    /* protected, or NULL */
    uint16_t len;
    char text[PH_STRING_CACHED_MAX];
};

/* Header blocks of answers that recur, as their frame field. */
enum { PH_KNOWN_BLOCKS = 8 };
struct ph_known_block {
    JSValueRef value; /* protected, or NULL */
    JSValueRef seen;  /* the last one that missed: never looked into, it may be gone */
    uint8_t len;
    uint8_t bytes[128];
};

enum ph_stop { PH_STOP_NONE, PH_STOP_CPU, PH_STOP_MEMORY };

struct ph_turns;
struct ph_move;

struct ph_engine {
    struct ph_ipc_chan chan;
    int secrets_fd, statm_fd, state_fd;
    GMainContext *glib;
    JSContextGroupRef group;
    JSGlobalContextRef ctx;
    JSObjectRef hooks[PH_HOOK_CNT]; /* protected; NULL until the prelude registers them */
    JSValueRef js_true, js_false, js_null;
    struct ph_cached_string *strings;
    struct ph_known_block blocks[PH_KNOWN_BLOCKS];

    struct ph_idmap calls, fetches;
    struct ph_timers timers;
    uint64_t last_fetch, last_call;
    struct ph_call *free_call; /* one kept, so that a call costs no malloc */

    /* the entry that runs now */
    uint64_t call;     /* its call, 0: none */
    bool inside;       /* JavaScript is running */
    int64_t budget_ns; /* CPU time left to it */
    int64_t tick_ns;   /* CPU time at its last tick; 0: none yet */
    enum ph_stop stop; /* why the limits ended it */

    struct ph_call *touched[64]; /* called in this turn and still open */
    size_t touched_cnt;
    uint64_t turn_wall_ns;
    int64_t entry_ns;      /* when the current entry began: at the end of the one before */
    int64_t cpu_before_ns; /* thread CPU time at the start of the turn */
    int64_t checked_ns;    /* when memory was last looked at */
    uint64_t base_bytes;   /* the zygote's pages: shared by forks, and private for the kernel */
    int64_t idle_ns;       /* since when nothing is pending; 0: something is, or it was tidied up */
    uint64_t kept_bytes;   /* private memory after the last collection of ours */

    struct ph_msg_START start; /* its env_json is not kept */
    bool started;
    uint32_t rehearsed; /* steps of onIdle that were run */
    bool rehearsal_over;
    bool busy;        /* something was pending at some time since the last IDLE */
    int64_t quiet_ns; /* since when calls wait for nothing; 0: they do not */
    int64_t born_ns;
    struct ph_buf bundle;
    struct ph_tar *files; /* NULL: the bundle has nothing but the script */
    int64_t log_left, log_at_ns;
    uint64_t log_dropped;
    enum ph_engine_exit exit;
    bool over; /* leave the loop with `exit` */

    struct ph_turns *turns; /* turns.h; NULL: no state */
    size_t turn_at;         /* output queued before this turn of the loop */
};

/* The one engine of this process, for natives. */
extern struct ph_engine *ph_the_engine;

/* engine.c: enter JavaScript for `call` (0: none) with the limits on. *threw (may be NULL) gets
 * what came out, or NULL. What the limits ended is handled here: the call fails, or the instance
 * ends. */
JSValueRef ph_engine_enter(struct ph_engine *e, enum ph_hook hook, uint64_t call, size_t arg_cnt,
                           const JSValueRef args[], JSValueRef *threw);
/* Same, for a hook whose throw is the prelude's bug: fails the call with `internal`. */
void ph_engine_tell(struct ph_engine *e, enum ph_hook hook, uint64_t call, size_t arg_cnt,
                    const JSValueRef args[]);
/* Handle e->stop, which a limit set while JavaScript ran for `call` (0: none). */
void ph_engine_stopped(struct ph_engine *e, uint64_t call);
/* Text of a thrown value, as the prelude describes it; malloc'd, never NULL but out of memory. */
char *ph_engine_describe(struct ph_engine *e, JSValueRef value);
void ph_engine_end(struct ph_engine *e, enum ph_engine_exit exit);
/* Queueing a frame failed: the channel is full or memory is out, and the instance with it. */
void ph_engine_check(struct ph_engine *e, enum ph_err err);
/* A failure that changes nothing any more. */
static inline void ph_engine_ignore(enum ph_err err)
{
    (void)err;
}
void ph_engine_log(struct ph_engine *e, uint64_t call, uint8_t level, struct ph_bytes text);

/* strings.c */
JSValueRef ph_string_value(struct ph_engine *e, struct ph_bytes utf8);  /* a new value */
JSValueRef ph_string_cached(struct ph_engine *e, struct ph_bytes utf8); /* kept if it recurs */
JSStringRef ph_string_new(struct ph_bytes utf8); /* bytes that are no UTF-8 count as Latin-1 */
/* Append a JavaScript string as UTF-8, lone surrogates as U+FFFD. */
PH_CHECKED enum ph_err ph_string_append(struct ph_buf *out, JSStringRef string);
/* Most bytes that ph_string_append may add, NUL of the engine's encoder included. */
size_t ph_string_room(JSStringRef string);

/* frames.c: one frame from phalad. PH_ERR_MALFORMED: not one that it sends now. */
PH_CHECKED enum ph_err ph_engine_frame(struct ph_engine *e, const struct ph_ipc_frame *frame);
/* The handler gets a call that is open; `done`: its whole body is here. */
void ph_call_enter(struct ph_engine *e, uint64_t id, const struct ph_msg_CALL *m, bool done);
/* The caller left, or the time is up: close, and tell the prelude if it knows the call. */
void ph_call_cancel(struct ph_engine *e, struct ph_call *call);

/* calls.c */
struct ph_call *ph_call_open(struct ph_engine *e, uint64_t id); /* NULL: out of memory */
void ph_call_close(struct ph_engine *e, struct ph_call *call);
/* RESP_FAIL and close. */
void ph_call_fail(struct ph_engine *e, struct ph_call *call, const char *code,
                  struct ph_bytes message);
void ph_calls_fail_all(struct ph_engine *e, const char *code, const char *message);
void ph_fetch_close(struct ph_engine *e, struct ph_fetch *fetch);

/* bodies.c: frames of one body. `chunk` and `end` are message types. */
struct ph_body_kind {
    uint16_t chunk, end;
};
extern const struct ph_body_kind ph_body_resp, ph_body_fetch;
PH_CHECKED enum ph_err ph_body_send(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                    struct ph_out_body *body, struct ph_bytes data);
PH_CHECKED enum ph_err ph_body_end(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                   struct ph_out_body *body);
/* Credit came: send more. PH_ERR_MALFORMED: more credit than was used. */
PH_CHECKED enum ph_err ph_body_credit(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                      struct ph_out_body *body, uint32_t bytes);
/* Everything is out, end frame included. */
static inline bool ph_body_over(const struct ph_out_body *body)
{
    return body->ended && body->queue.len == 0;
}
/* Window as the prelude sees it: what may still be written before it should wait. */
static inline int64_t ph_body_left(const struct ph_out_body *body)
{
    return body->window - (int64_t)body->queue.len;
}

/* limits.c */
/* Before the VM: what the process has of memory now is not the phat's. */
void ph_limits_set_base(struct ph_engine *e, int statm_fd);
void ph_limits_init(struct ph_engine *e);
void ph_limits_enter(struct ph_engine *e, struct ph_call *call);
void ph_limits_turn_begins(struct ph_engine *e);
void ph_limits_turn_ends(struct ph_engine *e);
/* Asked by native work that takes long: true, the entry has no time or memory left (e->stop). */
bool ph_limits_over(struct ph_engine *e);
/* Give back memory when the instance has been idle for a while. ms until that may be due, -1:
 * never. */
void ph_limits_idle(struct ph_engine *e);
int ph_limits_idle_ms(const struct ph_engine *e);

/* natives.c */
void ph_natives_install(struct ph_engine *e, JSObjectRef natives);

/* start.c */
PH_CHECKED enum ph_err ph_start_bundle(struct ph_engine *e, struct ph_bytes data);
PH_CHECKED enum ph_err ph_start(struct ph_engine *e, const struct ph_msg_START *start);

#endif
