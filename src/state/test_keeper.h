#ifndef PH_STATE_TEST_KEEPER_H
#define PH_STATE_TEST_KEEPER_H

/* A stand-in for phalad in tests of states: applies records, and serves pages and nodes. */

#include "state/state.h"

enum { TEST_PAGES = 4096, TEST_NODES = 256 };

/* What phalad keeps: sealed pages and nodes as of the newest applied record. */
struct test_keeper {
    uint8_t *page[TEST_PAGES];
    struct {
        struct ph_tree_at at;
        uint8_t b[PH_TREE_NODE];
    } * node[TEST_NODES];
    size_t node_cnt, page_reads;
    struct ph_tree *tree;
    struct ph_state_tip tip;
};
extern struct test_keeper test_keeper;
extern const struct ph_phat_id test_phat;
extern const uint8_t test_key[32];
extern struct ph_state_keys test_keys; /* test_key as of epoch 1, unless a test rotates */
extern const struct ph_state_source test_source;

/* Forget everything: an empty state. */
void test_keeper_clear(void);
/* What phalad and phala-keyd do with a record. */
void test_keeper_apply(struct ph_bytes raw);

#endif
