#include "runtime/idmap.h"

#include <stdlib.h>

static size_t home(const struct ph_idmap *map, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15ULL) >> 32) & (map->cap - 1);
}

/* Slot of `id`, or the empty slot where it belongs. */
static size_t find(const struct ph_idmap *map, uint64_t id)
{
    size_t at = home(map, id);
    while (map->slots[at].value && map->slots[at].id != id)
        at = (at + 1) & (map->cap - 1);
    return at;
}

static enum ph_err grow(struct ph_idmap *map)
{
    struct ph_idmap bigger = {.cap = map->cap == 0 ? 16 : map->cap * 2, .cnt = map->cnt};

    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        return PH_ERR_NOMEM;
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].value)
            bigger.slots[find(&bigger, map->slots[i].id)] = map->slots[i];
    }
    free(map->slots);
    *map = bigger;
    return PH_OK;
}

enum ph_err ph_idmap_put(struct ph_idmap *map, uint64_t id, void *value)
{
    if ((map->cnt + 1) * 2 > map->cap)
        PH_TRY(grow(map));
    struct ph_idmap_slot *slot = &map->slots[find(map, id)];
    if (slot->value)
        return PH_ERR_CONFLICT;
    *slot = (struct ph_idmap_slot){id, value};
    map->cnt++;
    return PH_OK;
}

void *ph_idmap_get(const struct ph_idmap *map, uint64_t id)
{
    return map->cap == 0 ? NULL : map->slots[find(map, id)].value;
}

void *ph_idmap_take(struct ph_idmap *map, uint64_t id)
{
    if (map->cap == 0)
        return NULL;
    size_t hole = find(map, id);
    void *value = map->slots[hole].value;
    if (!value)
        return NULL;

    /* Close the gap: an entry moves back if its home is not between the hole and itself. */
    const size_t mask = map->cap - 1;
    for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        const size_t from_home = (at - home(map, map->slots[at].id)) & mask;
        if (from_home >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].value = NULL;
    map->cnt--;
    return value;
}

void *ph_idmap_next(const struct ph_idmap *map, size_t *at)
{
    while (*at < map->cap) {
        void *value = map->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void ph_idmap_clear(struct ph_idmap *map)
{
    free(map->slots);
    *map = (struct ph_idmap){0};
}
