/* Ids of calls: what instances name them by. */

#include "node/calls_priv.h"
#include "node/instances.h"

#include <stdlib.h>

enum {
    SLOT_BITS = 20,
    SLOTS_MAX = 1 << SLOT_BITS,
};

/* Calls by id. An id is slot | generation << SLOT_BITS, so that a late frame never meets a later
 * call. */
static struct {
    struct ph_call **slots;
    uint64_t *generations;
    uint32_t *free_slots;
    uint32_t cap, free_cnt;
} table;

static enum ph_err grow_table(void)
{
    const uint32_t cap = table.cap ? table.cap * 2 : 256;

    if (cap > SLOTS_MAX)
        return PH_ERR_LIMIT;
    struct ph_call **slots = realloc(table.slots, cap * sizeof(struct ph_call *));
    if (slots)
        table.slots = slots;
    uint64_t *generations = realloc(table.generations, cap * sizeof(*generations));
    if (generations)
        table.generations = generations;
    uint32_t *free_slots = realloc(table.free_slots, cap * sizeof(*free_slots));
    if (free_slots)
        table.free_slots = free_slots;
    if (!slots || !generations || !free_slots)
        return PH_ERR_NOMEM;
    for (uint32_t i = cap; i-- > table.cap;) {
        table.slots[i] = NULL;
        table.generations[i] = 1;
        table.free_slots[table.free_cnt++] = i;
    }
    table.cap = cap;
    return PH_OK;
}

enum ph_err ph_call_id_take(struct ph_call *call)
{
    if (table.free_cnt == 0)
        PH_TRY(grow_table());
    const uint32_t slot = table.free_slots[--table.free_cnt];
    table.slots[slot] = call;
    call->id = slot | table.generations[slot] << SLOT_BITS;
    return PH_OK;
}

void ph_call_id_give(struct ph_call *call)
{
    const uint32_t slot = (uint32_t)(call->id & (SLOTS_MAX - 1));

    table.slots[slot] = NULL;
    /* Ids stay below 2^53, as JavaScript numbers hold them. */
    table.generations[slot] = (table.generations[slot] + 1) & (((uint64_t)1 << 32) - 1);
    table.free_slots[table.free_cnt++] = slot;
}

struct ph_call *ph_call_find(const struct ph_instance *instance, uint64_t id)
{
    const uint64_t slot = id & (SLOTS_MAX - 1);
    struct ph_call *call = slot < table.cap ? table.slots[slot] : NULL;

    return call && call->id == id && call->instance == instance ? call : NULL;
}
