#ifndef PH_STATE_OVERLAY_H
#define PH_STATE_OVERLAY_H

/* Pages in the clear that storage does not have yet: changed since the last commit, or in a commit
 * that is on its way.
 *
 * Layer: state. Tests: state_test.c.
 */

#include "state/format.h"

struct ph_overlay_page {
    uint32_t page;
    bool changed; /* since the last record */
    bool sent;    /* in a record that is not durable yet */
    struct ph_overlay_page *next;
    uint8_t b[PH_STATE_PAGE];
};

enum { PH_OVERLAY_BUCKETS = 1024 };
struct ph_overlay {
    struct ph_overlay_page *bucket[PH_OVERLAY_BUCKETS];
    size_t cnt, changed_cnt;
};

struct ph_overlay_page *ph_overlay_find(struct ph_overlay *overlay, uint32_t page);
/* The page to be changed: all of it is the caller's to write when `*fresh`. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_overlay_change(struct ph_overlay *overlay, uint32_t page,
                                         struct ph_overlay_page **out, bool *fresh);
/* Drop changed pages at or beyond `page_cnt`. */
void ph_overlay_cut(struct ph_overlay *overlay, uint32_t page_cnt);
/* Numbers of the changed pages, ascending; room for changed_cnt. */
void ph_overlay_changed(const struct ph_overlay *overlay, uint32_t *pages);
/* All changed pages are in the record that is sent now. */
void ph_overlay_sent(struct ph_overlay *overlay);
/* That record is durable: pages not changed since are dropped. */
void ph_overlay_durable(struct ph_overlay *overlay);
/* Wipe and free everything. */
void ph_overlay_clear(struct ph_overlay *overlay);

#endif
