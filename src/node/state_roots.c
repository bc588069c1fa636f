#include "node/state_roots.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct ph_state_roots {
    atomic_uint refs;
    atomic_uint_fast64_t newest; /* that of the last one added, to be read without the lock */
    pthread_mutex_t lock;        /* what follows */
    uint64_t cnt;                /* ever added */
    struct ph_receipt_state kept[PH_STATE_ROOTS_KEPT]; /* number i at i % PH_STATE_ROOTS_KEPT */
};

struct ph_state_roots *ph_state_roots_new(void)
{
    struct ph_state_roots *roots = calloc(1, sizeof(*roots));

    if (!roots)
        return NULL;
    atomic_init(&roots->refs, 1);
    atomic_init(&roots->newest, 0);
    (void)pthread_mutex_init(&roots->lock, NULL);
    return roots;
}

struct ph_state_roots *ph_state_roots_ref(struct ph_state_roots *roots)
{
    (void)atomic_fetch_add(&roots->refs, 1);
    return roots;
}

void ph_state_roots_unref(struct ph_state_roots *roots)
{
    if (!roots || atomic_fetch_sub(&roots->refs, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&roots->lock);
    free(roots);
}

void ph_state_roots_add(struct ph_state_roots *roots, uint64_t index, const struct ph_hash32 *root)
{
    (void)pthread_mutex_lock(&roots->lock);
    assert(roots->cnt == 0 || index > atomic_load(&roots->newest));
    roots->kept[roots->cnt++ % PH_STATE_ROOTS_KEPT] = (struct ph_receipt_state){index, *root};
    (void)pthread_mutex_unlock(&roots->lock);
    atomic_store(&roots->newest, index);
}

uint64_t ph_state_roots_newest(const struct ph_state_roots *roots)
{
    return atomic_load(&roots->newest);
}

enum ph_err ph_state_roots_find(struct ph_state_roots *roots, uint64_t index,
                                struct ph_receipt_state *out)
{
    bool found = false;

    (void)pthread_mutex_lock(&roots->lock);
    const uint64_t oldest = roots->cnt > PH_STATE_ROOTS_KEPT ? roots->cnt - PH_STATE_ROOTS_KEPT : 0;
    /* Newest first: it is nearly always that one. */
    for (uint64_t i = roots->cnt; i > oldest && !found; i--) {
        const struct ph_receipt_state *s = &roots->kept[(i - 1) % PH_STATE_ROOTS_KEPT];
        if (s->commit_index < index)
            break; /* it was never durable, or lies in a gap */
        found = s->commit_index == index || i - 1 == oldest;
        if (found)
            *out = *s;
    }
    (void)pthread_mutex_unlock(&roots->lock);
    return found ? PH_OK : PH_ERR_NOT_FOUND;
}
