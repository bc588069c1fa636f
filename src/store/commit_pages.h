#ifndef PH_STORE_COMMIT_PAGES_H
#define PH_STORE_COMMIT_PAGES_H

/* Pages and tree nodes beside a phat's commit log, for storage that several machines reach: what
 * the log no longer has once it was shortened. The newest of each, as of a tip that is in the log.
 *
 *   postgresql://…   phala_pages(phat bytea, n bigint, image bytea, primary key (phat, n)): page n,
 *                    or at (level + 1) << 32 | n a tree node;
 *                    phala_tips(phat bytea primary key, index bigint, tip bytea)
 *   file:DIR         has none: the page store lies on the same machine
 *
 * They are written in one transaction, which a writer whose commits are older than what is there
 * loses. Not trusted: pages and nodes are checked where they are opened (docs/state.md).
 *
 * Layer: store. Tests: commit_pages_test.c, with a PostgreSQL.
 */

#include "state/tree.h"
#include "store/commit_log.h"

/* The key of a page is its number; of a node this. */
static inline uint64_t ph_commit_node_key(struct ph_tree_at at)
{
    return ((uint64_t)at.level + 1) << 32 | at.n;
}

/* False for storage without any: nothing below may be called. */
bool ph_commit_has_pages(const struct ph_commit_writer *writer);
/* The tip at which they stand; zeroed: there are none yet. PH_ERR_MALFORMED, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_commit_pages_tip(struct ph_commit_writer *writer,
                                           struct ph_state_tip *out,
                                           char why[static PH_COMMIT_LOG_WHY]);
/* One page or node. PH_ERR_NOT_FOUND, PH_ERR_MALFORMED, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_commit_pages_read(struct ph_commit_writer *writer, uint64_t key,
                                            uint8_t out[static PH_STATE_PAGE],
                                            char why[static PH_COMMIT_LOG_WHY]);

/* A transaction: begin, put any number, end. Nothing of it is there if one of them fails, and none
 * may follow.
 *
 * @tip  a commit that is in the log; what is put makes what was there (as of any older tip, or of
 *       the same) into its pages
 *
 * PH_ERR_CONFLICT: another writer has put newer ones: this one is finished. PH_ERR_LIMIT: storage
 * is full. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_commit_pages_begin(struct ph_commit_writer *writer,
                                             const struct ph_state_tip *tip,
                                             char why[static PH_COMMIT_LOG_WHY]);
PH_CHECKED enum ph_err ph_commit_pages_put(struct ph_commit_writer *writer, uint64_t key,
                                           const uint8_t image[static PH_STATE_PAGE],
                                           char why[static PH_COMMIT_LOG_WHY]);
PH_CHECKED enum ph_err ph_commit_pages_end(struct ph_commit_writer *writer,
                                           char why[static PH_COMMIT_LOG_WHY]);

#endif
