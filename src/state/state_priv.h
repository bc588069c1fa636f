#ifndef PH_STATE_STATE_PRIV_H
#define PH_STATE_STATE_PRIV_H

/* Shared by state.c and vfs.c. */

#include "state/overlay.h"
#include "state/state.h"

#include <sqlite3.h>

enum { PH_STATE_SESSION_KEYS = 16 };

struct ph_state {
    struct ph_phat_id phat;
    struct ph_state_keys epochs;
    uint32_t renew_at; /* ph_state_renew looks at this page next */
    bool renewed;      /* it has seen all */
    struct ph_state_source source;
    struct ph_state_limits limits;
    struct ph_state_tip durable, sent;
    bool in_flight; /* a record was handed out and is not durable yet */
    struct ph_hash32 session;
    struct ph_tree *tree;
    struct ph_overlay overlay;
    uint32_t page_cnt; /* as SQLite sees it */
    uint32_t cut; /* the least it was since the last record: pages from here on begin as zeros */
    struct {
        struct ph_hash32 session;
        uint8_t key[32];
        bool set;
    } keys[PH_STATE_SESSION_KEYS]; /* derived lately, by turns */
    size_t next_key;
    struct {
        bool on, outrun;
        uint32_t next, cnt;     /* pages read, and to be read */
        size_t keep_max;        /* pages */
        struct ph_overlay kept; /* as they were */
    } snapshot;
    struct {
        bool on;
        uint32_t next, cnt;
        struct ph_buf table;
    } replace;
    enum ph_err fault; /* why the last read or write failed */
    const char *sentence;
    sqlite3 *db;
    sqlite3_vfs vfs;
    char vfs_name[32];
};

/* One page in the clear, checked. PH_ERR_UNTRUSTED, PH_ERR_IO, PH_ERR_NOMEM: also the fault. */
PH_CHECKED enum ph_err ph_state_read_page(struct ph_state *s, uint32_t page,
                                          uint8_t out[static PH_STATE_PAGE]);
/* A page about to be changed, with its present content. Also PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_state_change_page(struct ph_state *s, uint32_t page, bool whole,
                                            uint8_t **out);
void ph_state_cut(struct ph_state *s, uint32_t page_cnt);
/* state_move.c: a page is about to be changed, or pages from one on to be cut off. */
PH_CHECKED enum ph_err ph_state_snapshot_keep(struct ph_state *s, uint32_t page);
void ph_state_snapshot_cut(struct ph_state *s, uint32_t page_cnt);

/* state.c: seal one page for commit `index`, and set its entry; `row` gets that of the table. */
PH_CHECKED enum ph_err ph_state_seal_page(struct ph_state *s, uint64_t index, uint32_t page,
                                          const uint8_t plain[static PH_STATE_PAGE],
                                          uint8_t row[static PH_STATE_TABLE_ENTRY],
                                          uint8_t sealed[static PH_STATE_PAGE]);
/* The head of the next record, with the tree's root now; it becomes the tip that is sent. */
PH_CHECKED enum ph_err ph_state_seal_head(struct ph_state *s, uint64_t time_ms, uint32_t page_cnt,
                                          struct ph_bytes table,
                                          uint8_t out[static PH_STATE_HEAD_LEN]);
/* The tree is half changed: the state ends here, storage has the last commit. Yields `err`. */
PH_CHECKED enum ph_err ph_state_broken(struct ph_state *s, enum ph_err err);
/* Why the state cannot be used, for ph_state_fault. Yields `err`. */
PH_CHECKED enum ph_err ph_state_fail(struct ph_state *s, enum ph_err err, const char *sentence);

/* vfs.c: a connection over the state. PH_ERR_NOMEM, or the fault. */
PH_CHECKED enum ph_err ph_state_connect(struct ph_state *s);
void ph_state_disconnect(struct ph_state *s);

#endif
