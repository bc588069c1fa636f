#ifndef PH_RUNTIME_TIMERS_H
#define PH_RUNTIME_TIMERS_H

/* One-shot timers of an instance, soonest first; equal times in the order of arming.
 *
 * Layer: runtime. Tests: timers_test.c.
 */

#include "base/bytes.h"

enum { PH_TIMERS_MAX = 10000 };

struct ph_timer {
    int64_t due_ns; /* ph_clock_mono_ns */
    uint64_t id;    /* counts up */
    uint64_t call;  /* the call whose code armed it, or 0 */
};

/* Zero-initialised is empty. */
struct ph_timers {
    struct ph_timer *heap;
    size_t cnt, cap;
    uint64_t last_id;
};

/* PH_ERR_LIMIT: PH_TIMERS_MAX are armed. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_timers_add(struct ph_timers *timers, int64_t due_ns, uint64_t call,
                                     uint64_t *out_id);
/* PH_ERR_NOT_FOUND: fired, cancelled or never armed. */
PH_CHECKED enum ph_err ph_timers_cancel(struct ph_timers *timers, uint64_t id);
/* Take the soonest if it is due and its id is at most max_id. PH_ERR_NOT_FOUND otherwise. */
PH_CHECKED enum ph_err ph_timers_pop(struct ph_timers *timers, int64_t now_ns, uint64_t max_id,
                                     struct ph_timer *out);
/* Remove those for which `drop` says so; yields how many. */
size_t ph_timers_drop(struct ph_timers *timers,
                      bool (*drop)(void *ctx, const struct ph_timer *timer), void *ctx);
void ph_timers_clear(struct ph_timers *timers);

#endif
