#ifndef PH_STATE_STATE_H
#define PH_STATE_STATE_H

/* A phat's state inside its own process: SQLite over sealed pages.
 *
 * Reads ask the source for sealed pages and nodes and check them. Writes stay in memory until
 * ph_state_commit seals them into a record, which the caller hands to phalad; turns that come while
 * it is on its way gather into the next one.
 *
 * One thread, one database per process. No file, no lock, no temporary file: journal and sort space
 * live in memory (limits bound them).
 *
 * Layer: state. Tests: state_test.c (a model and faults), state_fuzz.c (hostile source).
 */

#include "state/format.h"
#include "state/move.h"
#include "state/tree.h"

struct sqlite3;
struct ph_state;

/* Where sealed bytes come from: phalad over the state channel, or a test. Both block. */
struct ph_state_source {
    void *ctx;
    /* The sealed page that the newest durable or handed-out commit holds. PH_ERR_NOT_FOUND,
     * PH_ERR_IO. */
    enum ph_err (*page)(void *ctx, uint32_t page, uint8_t out[static PH_STATE_PAGE]);
    ph_tree_read node;
};

struct ph_state_limits {
    uint32_t pages;       /* of the database, or as many as it has when it is opened */
    uint32_t cache_bytes; /* SQLite's page cache; default 8 MiB */
    uint32_t dirty_bytes; /* changed pages in memory before PH_ERR_LIMIT; default 64 MiB */
};

/* State keys of a phat, ascending by epoch: the newest seals, the others open what is of theirs. */
enum { PH_STATE_KEYS_MAX = 16 };
struct ph_state_keys {
    uint32_t cnt;
    struct {
        uint32_t epoch; /* 1.. */
        uint8_t key[32];
    } at[PH_STATE_KEYS_MAX];
};
/* Of one epoch alone. */
static inline struct ph_state_keys ph_state_keys_of(uint32_t epoch, const uint8_t key[static 32])
{
    struct ph_state_keys keys = {.cnt = 1, .at[0].epoch = epoch};
    memcpy(keys.at[0].key, key, 32);
    return keys;
}

/**
 * Open the state at a tip.
 *
 * @keys   every epoch that pages can be of, ascending, at least one; copied, wiped when freed
 * @tip    vouched for by phala-keyd; zeroed: a new, empty state
 * @why    written when refused
 *
 * Checks the top of the tree against the root, and SQLite's header; nothing else is read.
 * Returns PH_ERR_UNTRUSTED (bytes of the source do not fit the root), PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err
ph_state_open(const struct ph_phat_id *phat, const struct ph_state_keys *keys,
              const struct ph_state_tip *tip, const struct ph_state_source *source,
              const struct ph_state_limits *limits, struct ph_state **out, char why[static 256]);
void ph_state_free(struct ph_state *state);

/* The connection: foreign keys on, FTS5 and JSON on, no ATTACH, no load_extension, defensive. */
struct sqlite3 *ph_state_db(struct ph_state *state);
/* Why the last SQLite call failed, when it was for reasons of ours: PH_ERR_UNTRUSTED, PH_ERR_LIMIT,
 * PH_ERR_IO; PH_OK otherwise. PH_ERR_UNTRUSTED stays: the state cannot be used any more. */
PH_CHECKED enum ph_err ph_state_fault(const struct ph_state *state, const char **sentence);

/* True if committed SQLite transactions wait to be sealed. */
bool ph_state_is_dirty(const struct ph_state *state);
/**
 * Seal all changed pages into one record.
 *
 * @out  the record is appended; PH_ERR_LIMIT when it would not fit
 *
 * Returns PH_ERR_CONFLICT  a record handed out before is not durable yet, or a transaction is open
 *         PH_ERR_NOT_FOUND nothing changed
 *         PH_ERR_UNTRUSTED, PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_state_commit(struct ph_state *state, uint64_t time_ms,
                                       struct ph_buf *out);
/* Pages are of an epoch before the newest, or no record says yet that none is. */
bool ph_state_is_behind(const struct ph_state *state);
/**
 * Have some such pages sealed anew, under the newest epoch: the next record has them as it has
 * changed ones. It goes through the database once; what is written meanwhile is of the newest.
 *
 * @pages  at most so many
 *
 * Returns PH_ERR_NOT_FOUND  none is left: the next record says so
 *         PH_ERR_UNTRUSTED, PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_state_renew(struct ph_state *state, uint32_t pages);
/* phalad says that the record handed out last is durable: its pages may leave memory. */
void ph_state_durable(struct ph_state *state);
/* The newest durable tip; and of the record on its way, if any (else the same). */
void ph_state_tips(const struct ph_state *state, struct ph_state_tip *durable,
                   struct ph_state_tip *sent);

/* --- All of it, out and in (state_move.c) */

/**
 * Begin to read the state as it is now, page by page, while it goes on changing: pages are kept in
 * memory as they were when they change before they are read. One at a time.
 *
 * @keep_bytes  of those pages
 * @tip         whose pages they are: that of the record handed out last
 *
 * Returns PH_ERR_CONFLICT  something is changed since that record, or one is being read already
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_state_snapshot_begin(struct ph_state *state, size_t keep_bytes,
                                               struct ph_state_tip *tip);
/* The next page. PH_ERR_NOT_FOUND: that was all. PH_ERR_LIMIT: more changed than may be kept, or
 * pages were cut off: begin anew. PH_ERR_UNTRUSTED, PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_state_snapshot_next(struct ph_state *state,
                                              uint8_t out[static PH_STATE_PAGE]);
void ph_state_snapshot_end(struct ph_state *state);

/**
 * Put another database in the place of the whole state, as one commit: begin, every page in order,
 * end. The connection and whatever was read through it are of no use from the beginning on, and
 * after an error nor is the state: free it and open what storage has.
 *
 * Returns PH_ERR_CONFLICT  something is changed or not durable yet, or a snapshot is read
 *         PH_ERR_LIMIT     larger than the database may be, or than a commit
 *         PH_ERR_UNTRUSTED, PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_state_replace_begin(struct ph_state *state, uint32_t page_cnt);
/* @sealed  what the record has in place of the page */
PH_CHECKED enum ph_err ph_state_replace_page(struct ph_state *state,
                                             const uint8_t page[static PH_STATE_PAGE],
                                             uint8_t sealed[static PH_STATE_PAGE]);
/* @out  the record's head and page table are appended: what goes before the sealed pages */
PH_CHECKED enum ph_err ph_state_replace_end(struct ph_state *state, uint64_t time_ms,
                                            struct ph_buf *out);
/* The file's key in one of phala-keyd's tokens (state/move.h), with this state's key. Its errors.
 */
PH_CHECKED enum ph_err ph_state_token_open(const struct ph_state *state, enum ph_move_kind kind,
                                           struct ph_bytes bound, struct ph_bytes tokens,
                                           uint8_t file_key[static 32]);

#endif
