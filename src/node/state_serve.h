#ifndef PH_NODE_STATE_SERVE_H
#define PH_NODE_STATE_SERVE_H

/* One open state, as a thread of the state server holds it: its log, its page store and the channel
 * to its instance. Calls block; one thread.
 *
 * Layer: node. Format and argument: docs/state.md. Tests: state_server_test.c.
 */

#include "ipc/state_packets.h"
#include "node/keyd_client.h"
#include "node/state_roots.h"
#include "store/commit_log.h"
#include "store/page_store.h"
#include "store/spill.h"

#include <pthread.h>

enum { PH_SERVED_WHY = 256 };

/* What all states share; borrowed. */
struct ph_serve_means {
    struct ph_commit_log *log;
    int pages_dir_fd;
    struct ph_keyd_client *keyd;
    size_t checkpoint_bytes; /* changed pages in memory before a checkpoint */
    pthread_mutex_t *lock;   /* of every tip */
};

struct ph_served {
    struct ph_phat_id phat;
    int channel;        /* owned */
    uint32_t max_pages; /* or as many as it had when it was opened, after its limit was lowered */
    struct ph_state_roots *roots; /* gets every commit before the instance is told of it */
    struct ph_commit_writer *writer;
    struct ph_page_below below;
    struct ph_page_store *store;
    struct ph_state_tip tip;        /* read by others under the lock */
    uint64_t logged;                /* bytes of commits since the last checkpoint */
    struct ph_buf record;           /* of the commit that comes in pieces; */
    struct ph_spill spill;          /* or here, if it is large */
    size_t record_len;              /* announced; 0: none is coming */
    size_t record_came;             /* of it */
    bool pages_first;               /* its head and page table come behind its pages */
    struct ph_served *next, **prev; /* the caller's */
};

/**
 * Open a state: take the log, bring the pages to its newest commit, have phala-keyd judge that one
 * and send the key.
 *
 * @channel  taken over, whatever comes of it
 * @roots    shared: a reference of its own is taken
 *
 * Returns PH_ERR_UNTRUSTED  storage shows something that was not committed, or no longer is: why
 *         PH_ERR_CONFLICT, PH_ERR_MALFORMED, PH_ERR_IO, PH_ERR_NOMEM, and what phala-keyd says
 */
PH_CHECKED enum ph_err ph_served_open(const struct ph_serve_means *means,
                                      const struct ph_phat_id *phat, uint32_t max_pages,
                                      int channel, struct ph_state_roots *roots,
                                      struct ph_served **out, char why[static PH_SERVED_WHY]);
/**
 * Wipe a deleted phat's state: the newest commit becomes one of no pages, which phala-keyd makes
 * for its owner's deletion, and all others leave storage. Nothing to do without a state, or with an
 * empty one.
 *
 * Returns PH_ERR_CONFLICT: it is open; and what ph_served_open says
 */
PH_CHECKED enum ph_err ph_served_wipe(const struct ph_serve_means *means,
                                      const struct ph_phat_id *phat,
                                      const struct ph_owner_request *request,
                                      const uint8_t owner_sig[static 65],
                                      char why[static PH_SERVED_WHY]);
/* What a wipe has left of a state, again: under the newest epoch of the keys. The same, and
 * PH_ERR_CONFLICT: the state has pages, its phat may live again. */
PH_CHECKED enum ph_err ph_served_renew_wiped(const struct ph_serve_means *means,
                                             const struct ph_phat_id *phat,
                                             const struct ph_owner_request *request,
                                             const uint8_t owner_sig[static 65],
                                             char why[static PH_SERVED_WHY]);
/* Give log and pages back. `whole`: no call has failed, so the pages are brought up to the log for
 * the next start. */
void ph_served_close(struct ph_served *served, bool whole);
/* Answer one packet. PH_ERR_AGAIN: there is none; PH_ERR_CLOSED: the instance is gone; other errors
 * end the state: why. */
PH_CHECKED enum ph_err ph_served_one(const struct ph_serve_means *means, struct ph_served *served,
                                     char why[static PH_SERVED_WHY]);
/* Tell the instance that its state is lost. */
void ph_served_lost(const struct ph_served *served, const char *why);

#endif
