#ifndef PH_PHALA_KEYD_FLOORS_H
#define PH_PHALA_KEYD_FLOORS_H

/* The newest set of secrets of each phat that this process has seen: what storage is held against.
 * Kept in the state file behind the keys, so that it outlives a restart. docs/keys.md.
 *
 * Tests: floors_test.c, floors_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum {
    FLOORS_MAX = 2000, /* of them all, the state file fits one datagram */
    FLOOR_LEN = 20 + 8 + 1,
    FLOORS_BYTES_MAX = 2 + FLOORS_MAX * FLOOR_LEN,
    FLOORS_WHY_LEN = 160,
};

struct floor {
    struct ph_phat_id phat;
    uint64_t sequence; /* of the newest set, or of the deletion that ended the sets before it */
    bool gone;         /* a deletion's: there is no set */
};

/* All zero: nothing is known. */
struct floors {
    struct floor *at; /* owned */
    size_t cnt, cap;
    uint64_t changes; /* since the process began */
};

void floors_clear(struct floors *floors);

/* Storage shows a set of this sequence. PH_ERR_UNTRUSTED: it is older than the newest known one. */
PH_CHECKED enum ph_err floors_judge(const struct floors *floors, const struct ph_phat_id *phat,
                                    uint64_t sequence, char why[static FLOORS_WHY_LEN]);
/**
 * A set is the newest from now on, or a deletion ends those before it; a lower sequence than the
 * known one changes nothing.
 *
 * @changed  set when there is something to store
 *
 * A deletion of a phat of which no set is known changes nothing. With FLOORS_MAX phats known, the
 * deleted one of the lowest sequence makes room. PH_ERR_LIMIT: there is none. PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err floors_raise(struct floors *floors, const struct ph_phat_id *phat,
                                    uint64_t sequence, bool gone, bool *changed);

/* What another worker, or this one before a restart, knows: the higher sequence wins, also of a
 * deletion of a phat that is not known here. PH_ERR_LIMIT, PH_ERR_NOMEM as floors_raise. */
PH_CHECKED enum ph_err floors_merge(struct floors *floors, const struct floor *mark);
/* As heads_list. */
size_t floors_list(const struct floors *floors, const struct ph_phat_id *after, struct floor *out,
                   size_t cap);

/* u16be count, and for each: phat 20 || sequence u64be || u8 gone. Yields the length. */
size_t floors_encode(const struct floors *floors, uint8_t out[static FLOORS_BYTES_MAX]);
/* PH_ERR_MALFORMED: cut short, left over, too many, a phat twice. PH_ERR_NOMEM. @out, which must be
 * zero, is untouched then. */
PH_CHECKED enum ph_err floors_decode(struct ph_bytes raw, struct floors *out);

#endif
