#ifndef PH_STORE_TEST_COMMITS_H
#define PH_STORE_TEST_COMMITS_H

/* Test support: commits that follow each other, with pages of random bytes, and what a store of
 * them must hold.
 *
 * Layer: store (tests only).
 */

#include "state/tree.h"

enum { MADE_PAGES = 300, MADE_COMMITS = 64 };

struct made_commits {
    struct ph_phat_id phat;
    struct ph_buf record[MADE_COMMITS + 1]; /* by index, from 1 */
    struct ph_state_tip tip[MADE_COMMITS + 1];
    /* Which commit wrote page p as of commit i; 0: nobody. */
    uint8_t writer[MADE_COMMITS + 1][MADE_PAGES];
    uint64_t cnt;
};

/* Make `cnt` commits, of at most `most` pages each. */
void made_commits_init(struct made_commits *made, uint64_t seed, uint64_t cnt, uint32_t most);
void made_commits_clear(struct made_commits *made);
/* First byte of page p as commit i wrote it: sealed pages are this byte repeated. */
uint8_t made_byte(uint64_t i, uint32_t page);

#endif
