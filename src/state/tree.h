#ifndef PH_STATE_TREE_H
#define PH_STATE_TREE_H

/* The hash tree over the pages of a state. Nodes come from a source that is not trusted; each is
 * checked against its parent, up to the root, before an entry in it counts. Changed nodes stay in
 * memory until they are forgotten as durable.
 *
 * Used on both sides: by the phat's process with the root that phala-keyd vouches for, by phalad to
 * make the same nodes from commits.
 *
 * Layer: state. Format: docs/state.md. Tests: tree_test.c.
 */

#include "state/format.h"

enum {
    PH_TREE_FANOUT = 64,
    PH_TREE_NODE = 4096,
    PH_TREE_HEIGHT_MAX = 5, /* 64^5 pages and more */
};

/* Where a node stands: level 0 are leaf nodes, n counts from the left. */
struct ph_tree_at {
    uint8_t level;
    uint32_t n;
};

/* Read one node into `out` as it was at the tip that the tree was opened at, or after the commits
 * since. PH_ERR_NOT_FOUND: never written, all zero. Other errors end the operation. */
typedef enum ph_err (*ph_tree_read)(void *ctx, struct ph_tree_at at,
                                    uint8_t out[static PH_TREE_NODE]);

struct ph_tree_entry {
    uint8_t tag[PH_STATE_TAG];
    uint64_t index;           /* commit that wrote the page; 0: never written */
    struct ph_hash32 session; /* whose key sealed it … */
    uint32_t epoch; /* … derived from the state key of this epoch; set: 0 stands for 1 */
};

struct ph_tree;

/* @cache_nodes  clean nodes kept in memory, at least 16
 * @tip          page_cnt and root to check against; zeroed: an empty state */
PH_CHECKED enum ph_err ph_tree_open(const struct ph_state_tip *tip, ph_tree_read read, void *ctx,
                                    size_t cache_nodes, struct ph_tree **out);
void ph_tree_free(struct ph_tree *tree);

/* The entry of a page below page_cnt. PH_ERR_UNTRUSTED: a node does not hash to its parent's entry,
 * or the top not to the root. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_tree_get(struct ph_tree *tree, uint32_t page, struct ph_tree_entry *out);
/* Change an entry; pages at or beyond page_cnt grow it. Same errors. */
PH_CHECKED enum ph_err ph_tree_set(struct ph_tree *tree, uint32_t page,
                                   const struct ph_tree_entry *entry);
/* Cut the state to so many pages: entries behind are zeroed. Same errors. */
PH_CHECKED enum ph_err ph_tree_resize(struct ph_tree *tree, uint32_t page_cnt);
/* Hash what changed: root of the state as it is now. */
PH_CHECKED enum ph_err ph_tree_root(struct ph_tree *tree, struct ph_hash32 *out);
uint32_t ph_tree_page_cnt(const struct ph_tree *tree);

/* A node as it is now, changed or not: what the tree's owner serves to others. Zeros when nothing
 * was ever written there. Same errors; PH_ERR_NOT_FOUND: beyond the tree. */
PH_CHECKED enum ph_err ph_tree_node(struct ph_tree *tree, struct ph_tree_at at,
                                    uint8_t out[static PH_TREE_NODE]);

/* Go through the nodes changed since the last ph_tree_forget, after ph_tree_root. */
PH_CHECKED enum ph_err ph_tree_dirty(struct ph_tree *tree,
                                     enum ph_err (*each)(void *ctx, struct ph_tree_at at,
                                                         const uint8_t node[static PH_TREE_NODE]),
                                     void *ctx);
size_t ph_tree_dirty_cnt(const struct ph_tree *tree);
/* The source has all changed nodes now: they may leave memory. */
void ph_tree_forget(struct ph_tree *tree);

#endif
