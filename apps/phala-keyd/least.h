#ifndef PH_PHALA_KEYD_LEAST_H
#define PH_PHALA_KEYD_LEAST_H

/* The least of many records by the phat id that they begin with, in the room that there is for
 * them: a heap. Not qsort, which asks for memory, and the system how much it has: a call that
 * phala-keyd gave up.
 *
 * Tests: marks_test.c. */

#include "base/ids.h"

#include <stdbool.h>
#include <stddef.h>

enum { LEAST_RECORD_MAX = 128 };

struct least {
    void *at;    /* room for `cap` records, borrowed */
    size_t size; /* of a record, at most LEAST_RECORD_MAX */
    size_t cap, cnt;
};

/* Keep it if it is among the least. */
void least_add(struct least *least, const void *record);
/* All were added: put them in ascending order. */
void least_sort(struct least *least);

#endif
