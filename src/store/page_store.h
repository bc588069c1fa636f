#ifndef PH_STORE_PAGE_STORE_H
#define PH_STORE_PAGE_STORE_H

/* The sealed pages and tree nodes of one phat as of its newest commit, on local disk: what phalad
 * serves to the phat's process. Commits that it holds may be dropped from the log; then it can be
 * made again only where pages lie beside the log too.
 *
 *   <phat>.pages   page n at n * 4096
 *   <phat>.nodes   nodes by level, in place; made again from <phat>.redo after a crash
 *   <phat>.redo    tip and node images of a checkpoint under way
 *   <phat>.tip     tip of the last whole checkpoint (store/tip.h)
 *
 * Commits are applied in memory first (pages since the last checkpoint stay there or are read from
 * the log); a checkpoint writes pages in place, syncs, writes and syncs the redo file, then nodes
 * and tip. A crash at any point leaves a store that opens at the old or the new tip.
 *
 * A store may stand on others' pages (ph_page_store_seed): what no commit since has written is read
 * from there when it is wanted, and kept.
 *
 * Layer: store. Format: docs/state.md. Tests: page_store_test.c (kill at every system call).
 */

#include "store/commit_pages.h"

struct ph_page_store;

/* Pages by number and nodes by ph_commit_node_key that lie elsewhere, as of the tip that the store
 * was seeded with or a newer one of the same writer. PH_ERR_NOT_FOUND; other errors end the
 * operation. */
struct ph_page_below {
    void *ctx;
    enum ph_err (*read)(void *ctx, uint64_t key, uint8_t out[static PH_STATE_PAGE]);
};

/* @dir_fd is borrowed, and so is what `below` points to; NULL: nothing lies elsewhere.
 * PH_ERR_MALFORMED: files are damaged: why says what helps. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_page_store_open(int dir_fd, const struct ph_phat_id *phat,
                                          const struct ph_page_below *below,
                                          struct ph_page_store **out, char why[static 256]);
void ph_page_store_close(struct ph_page_store *store);
/* The tip of the newest applied record. */
void ph_page_store_tip(const struct ph_page_store *store, struct ph_state_tip *out);
/* Empty the store, and stand on what lies below, at `tip`; a zeroed tip: on nothing.
 * PH_ERR_MALFORMED: what lies there is not what the tip says. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_page_store_seed(struct ph_page_store *store,
                                          const struct ph_state_tip *tip, char why[static 256]);
/* Apply a record: its index must be the tip's + 1 and its root what the tree gives (else
 * PH_ERR_UNTRUSTED). Copies what it keeps. */
PH_CHECKED enum ph_err ph_page_store_apply(struct ph_page_store *store, struct ph_bytes record);
PH_CHECKED enum ph_err ph_page_store_page(struct ph_page_store *store, uint32_t page,
                                          uint8_t out[static PH_STATE_PAGE]);
PH_CHECKED enum ph_err ph_page_store_node(struct ph_page_store *store, struct ph_tree_at at,
                                          uint8_t out[static PH_TREE_NODE]);
/* Bytes kept in memory since the last checkpoint. */
size_t ph_page_store_pending(const struct ph_page_store *store);
/* Go through what they are: pages and nodes changed since the last checkpoint. */
PH_CHECKED enum ph_err ph_page_store_each_pending(
    struct ph_page_store *store,
    enum ph_err (*each)(void *ctx, uint64_t key, const uint8_t image[static PH_STATE_PAGE]),
    void *ctx);
PH_CHECKED enum ph_err ph_page_store_checkpoint(struct ph_page_store *store, char why[static 256]);

#endif
