#ifndef PH_RUNTIME_TURNS_H
#define PH_RUNTIME_TURNS_H

/* A phat's state inside its engine. An entry from C with its promise jobs is a turn, and a turn is
 * one transaction; records go to phalad one at a time and take with them all turns since the last;
 * what the phat sends waits until the record that holds all it may have seen is durable.
 *
 * Without a state engine->turns is NULL, and nothing here is called.
 */

#include "runtime/engine_priv.h"
#include "runtime/state_client.h"

#include <sqlite3.h>

enum { PH_STATEMENTS_KEPT = 64 };

/* A prepared statement that is kept: parts/db.js says which, and where. */
struct ph_statement {
    sqlite3_stmt *stmt; /* NULL: free */
    JSValueRef names;   /* of its columns, protected; NULL: not asked for yet */
    int prepared;       /* anew by SQLite, so many times, when they were */
};

struct ph_turns {
    struct ph_state_client client;
    struct ph_state *state;
    sqlite3 *db;
    bool in_flight;       /* a record is on its way */
    bool heavy;           /* it takes much of the memory for changed pages */
    uint64_t told;        /* index of the last STATE_AT */
    uint32_t dirty_bytes; /* that memory */
    bool readable;        /* poll said so of the channel */

    /* the turn that runs now */
    size_t mark;    /* output before it */
    bool began;     /* it has a transaction */
    bool failed;    /* a handler threw: it is rolled back */
    bool broken;    /* SQLite has rolled it back already … */
    char why[256];  /* … because of the error told last */
    unsigned depth; /* savepoints open */
    bool stepping;  /* a native is at work */

    struct ph_buf held; /* frames that wait … */
    size_t ready;       /* … so many bytes of them for the record on its way */

    struct ph_statement kept[PH_STATEMENTS_KEPT];

    uint32_t max_pages;    /* of the database */
    struct ph_idem *idems; /* calls that run at most once: idem.h */
    struct ph_move *move;  /* export or import under way: move.h */
    bool losing;           /* ph_turns_lose is at work */
    bool replacing;        /* an import has begun: nothing else uses the state any more */
};

/* STATE came. A refusal is told with STATE_FAIL and ends the engine. PH_ERR_MALFORMED: not now. */
PH_CHECKED enum ph_err ph_turns_open(struct ph_engine *e, const struct ph_msg_STATE *m);
void ph_turns_free(struct ph_engine *e);

/* natives_db.c. A free one is fine. */
void ph_statement_clear(struct ph_engine *e, struct ph_statement *s);

/* Around every entry. `stop`: why the limits ended it. */
void ph_turn_begins(struct ph_engine *e);
void ph_turn_ends(struct ph_engine *e, enum ph_stop stop);

/* Around a turn of the loop. Take what phalad told; hold what was queued since e->turn_at, and send
 * the next record if there is one. */
void ph_turns_take(struct ph_engine *e);
void ph_turns_hold(struct ph_engine *e);
/* Nothing new is begun until the record on its way is durable: its pages take up memory. */
static inline bool ph_turns_heavy(const struct ph_turns *t)
{
    return t->in_flight && t->heavy;
}
/* Something is not durable yet, or waits to leave. */
bool ph_turns_pending(const struct ph_turns *t);

/* The state cannot be used any more: STATE_FAIL, and the end. */
void ph_turns_lose(struct ph_engine *e, const char *why);

#endif
