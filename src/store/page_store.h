#ifndef PH_STORE_PAGE_STORE_H
#define PH_STORE_PAGE_STORE_H

/* The sealed pages and tree nodes of one phat as of its newest commit, on local disk: what phalad
 * serves to the phat's process. A cache of the commit log that can be made again from it.
 *
 *   <phat>.pages   page n at n * 4096
 *   <phat>.nodes   nodes by level, in place; made again from <phat>.redo after a crash
 *   <phat>.redo    node images of a checkpoint under way, CRC-32C, then the tip
 *   <phat>.tip     tip of the last whole checkpoint, CRC-32C
 *
 * Commits are applied in memory first (pages since the last checkpoint stay there or are read from
 * the log); a checkpoint writes pages in place, syncs, writes and syncs the redo file, then nodes
 * and tip. A crash at any point leaves a store that opens at the old or the new tip.
 *
 * Layer: store. Format: docs/state.md. Tests: page_store_test.c (kill at every system call).
 */

#include "state/tree.h"

struct ph_page_store;

/* @dir_fd is borrowed. PH_ERR_MALFORMED: files are damaged: remove them and replay the log.
 * PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_page_store_open(int dir_fd, const struct ph_phat_id *phat,
                                          struct ph_page_store **out, char why[static 256]);
void ph_page_store_close(struct ph_page_store *store);
/* The tip of the newest applied record. */
void ph_page_store_tip(const struct ph_page_store *store, struct ph_state_tip *out);
/* Apply a record: its index must be the tip's + 1 and its root what the tree gives (else
 * PH_ERR_UNTRUSTED), unless it is a snapshot. Copies what it keeps. */
PH_CHECKED enum ph_err ph_page_store_apply(struct ph_page_store *store, struct ph_bytes record);
PH_CHECKED enum ph_err ph_page_store_page(struct ph_page_store *store, uint32_t page,
                                          uint8_t out[static PH_STATE_PAGE]);
PH_CHECKED enum ph_err ph_page_store_node(struct ph_page_store *store, struct ph_tree_at at,
                                          uint8_t out[static PH_TREE_NODE]);
/* Bytes kept in memory since the last checkpoint. */
size_t ph_page_store_pending(const struct ph_page_store *store);
PH_CHECKED enum ph_err ph_page_store_checkpoint(struct ph_page_store *store, char why[static 256]);

#endif
