#ifndef PH_RUNTIME_IDMAP_H
#define PH_RUNTIME_IDMAP_H

/* Ids to pointers: an open hash table for calls and fetches in flight.
 *
 * Layer: runtime. Tests: idmap_test.c.
 */

#include "base/bytes.h"

/* Zero-initialised is empty. Values are borrowed and never NULL. */
struct ph_idmap {
    struct ph_idmap_slot {
        uint64_t id;
        void *value; /* NULL: empty */
    } * slots;
    size_t cap, cnt; /* cap is 0 or a power of two */
};

/* PH_ERR_CONFLICT: the id is there. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_idmap_put(struct ph_idmap *map, uint64_t id, void *value);
void *ph_idmap_get(const struct ph_idmap *map, uint64_t id); /* or NULL */
void *ph_idmap_take(struct ph_idmap *map, uint64_t id);      /* removed; or NULL */
/* Any entry at or after slot *at, which moves past it; NULL at the end. No changes in between. */
void *ph_idmap_next(const struct ph_idmap *map, size_t *at);
void ph_idmap_clear(struct ph_idmap *map);

#endif
