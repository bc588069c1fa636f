#include "runtime/timers.h"

#include <stdlib.h>

static bool before(const struct ph_timer *a, const struct ph_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->id < b->id;
}

static void swap(struct ph_timer *a, struct ph_timer *b)
{
    const struct ph_timer t = *a;
    *a = *b;
    *b = t;
}

static void sift_up(struct ph_timer *heap, size_t at)
{
    while (at > 0 && before(&heap[at], &heap[(at - 1) / 2])) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct ph_timer *heap, size_t cnt, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < cnt; child++) {
            if (before(&heap[child], &heap[least]))
                least = child;
        }
        if (least == at)
            return;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

static void remove_at(struct ph_timers *timers, size_t at)
{
    timers->heap[at] = timers->heap[--timers->cnt];
    if (at < timers->cnt) {
        sift_up(timers->heap, at);
        sift_down(timers->heap, timers->cnt, at);
    }
}

enum ph_err ph_timers_add(struct ph_timers *timers, int64_t due_ns, uint64_t call, uint64_t *out_id)
{
    if (timers->cnt >= PH_TIMERS_MAX)
        return PH_ERR_LIMIT;
    if (timers->cnt == timers->cap) {
        const size_t cap = timers->cap == 0 ? 16 : timers->cap * 2;
        struct ph_timer *grown = realloc(timers->heap, cap * sizeof(*grown));
        if (!grown)
            return PH_ERR_NOMEM;
        timers->heap = grown;
        timers->cap = cap;
    }
    *out_id = ++timers->last_id;
    timers->heap[timers->cnt] = (struct ph_timer){due_ns, *out_id, call};
    sift_up(timers->heap, timers->cnt++);
    return PH_OK;
}

enum ph_err ph_timers_cancel(struct ph_timers *timers, uint64_t id)
{
    /* A scan: at most PH_TIMERS_MAX entries of 24 bytes, and most programs have a handful. */
    for (size_t i = 0; i < timers->cnt; i++) {
        if (timers->heap[i].id == id) {
            remove_at(timers, i);
            return PH_OK;
        }
    }
    return PH_ERR_NOT_FOUND;
}

enum ph_err ph_timers_pop(struct ph_timers *timers, int64_t now_ns, uint64_t max_id,
                          struct ph_timer *out)
{
    if (timers->cnt == 0 || timers->heap[0].due_ns > now_ns || timers->heap[0].id > max_id)
        return PH_ERR_NOT_FOUND;
    *out = timers->heap[0];
    remove_at(timers, 0);
    return PH_OK;
}

size_t ph_timers_drop(struct ph_timers *timers,
                      bool (*drop)(void *ctx, const struct ph_timer *timer), void *ctx)
{
    const size_t before_cnt = timers->cnt;
    size_t kept = 0;

    for (size_t i = 0; i < before_cnt; i++)
        if (!drop(ctx, &timers->heap[i]))
            timers->heap[kept++] = timers->heap[i];
    timers->cnt = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(timers->heap, kept, i);
    return before_cnt - kept;
}

void ph_timers_clear(struct ph_timers *timers)
{
    free(timers->heap);
    *timers = (struct ph_timers){0};
}
