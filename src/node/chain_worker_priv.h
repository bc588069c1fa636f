#ifndef PH_NODE_CHAIN_WORKER_PRIV_H
#define PH_NODE_CHAIN_WORKER_PRIV_H

/* What the parts of the worker on chain share: chain_worker.c (chain and settings),
 * chain_requests.c (requests and their phats), chain_answer.c (signatures and transactions). */

#include "chain/network.h"
#include "node/calls.h"
#include "node/chain_client.h"
#include "node/chain_input.h"
#include "node/chain_registrar.h"
#include "node/chain_worker.h"
#include "node/keyd_chain.h"

enum {
    REQUESTS_MAX = 16384,
    APPS_MAX = 1024,
    TRIES_MAX = 8,   /* transactions for one answer */
    PROPOSAL = 0x80, /* stands where a try's number does */
    PROPOSALS_MAX = 3,
    PROPOSAL_FAILURES_MAX = 2, /* then its signer's key is taken for one that was replaced */
    RETRY_MS = 1000,           /* after what was not the phat's doing */
    MISSES_MAX = 6, /* an input that is nowhere: after twice as long each time, so often */
};

enum ph_chain_request_state { WAITING, FETCHING, RUNNING, ANSWERED, SENT };

/* What another worker answered, for a request that needs two answers alike. */
struct ph_chain_proposal {
    struct ph_eth_address signer;
    struct ph_hash32 code_hash, result_hash;
    uint8_t outcome, failures; /* times that an answer with it was reverted */
    uint8_t sig[65];
};

/* A request, from its log until the answer to it is final. */
struct ph_chain_request {
    struct ph_chain_worker *worker;
    struct ph_abi_phat_anchor_terms terms;
    struct ph_buf input;
    bool has_input;               /* else it lies elsewhere */
    unsigned misses;              /* times that it was nowhere */
    uint64_t block, closed_block; /* closed_block 0: open */
    enum ph_chain_request_state state;
    bool checked; /* whether it was sent before a restart */
    bool undone;  /* its block is gone; it is only kept for the call that runs */
    unsigned tries;
    struct ph_hash32 sent_key;       /* of the transaction of this try */
    struct ph_eth_address sent_with; /* who proposed the other answer in it */
    int64_t not_before_ms;
    struct ph_hash32 code_hash;
    uint8_t outcome;
    struct ph_buf result;
    bool has_answer, proposed;
    struct ph_chain_proposal proposals[PROPOSALS_MAX];
    size_t proposal_cnt;
    struct ph_chain_request *next;
};

/* Whose phat a contract is. */
struct ph_chain_app {
    struct ph_eth_address address;
    struct ph_phat_id phat;
    bool known, asking;
    struct ph_chain_worker *worker;
};

struct ph_chain_reading;
struct ph_wallets;

struct ph_chain_worker {
    struct ph_node *node;
    struct ph_network network;
    struct ph_eth_address sender;
    struct ph_chain_client *client;
    struct ph_chain_inputs *inputs;       /* NULL: no places are named where inputs may be */
    struct ph_chain_registrar *registrar; /* NULL: the network's file does not say how */
    struct ph_chain_request *requests, **end;
    size_t request_cnt;
    struct ph_chain_app *apps[APPS_MAX];
    size_t app_cnt;
    struct ph_chain_reading *readings; /* of phats, under way */
    size_t reading_cnt;
    struct ph_wallets *wallets; /* of phats */
    struct ph_task turn;
    struct ph_timer later;
};

/* chain_answer.c: bring an answer on chain, alone or with another worker's, or show it. */
PH_CHECKED enum ph_err ph_chain_bring(struct ph_chain_request *r);
/* Key of the transaction of a try: the same request and number, the same key. Of a proposal: also
 * of who signs it. */
struct ph_hash32 ph_chain_key(const struct ph_chain_request *r, unsigned try);

/* chain_read.c: once no answer comes any more. */
void ph_chain_readings_free(struct ph_chain_worker *w);

/* chain_requests.c */
void ph_chain_requests_free(struct ph_chain_worker *w);
void ph_chain_request_add(struct ph_chain_worker *w, const struct ph_eth_log *log,
                          const struct ph_abi_phat_anchor_requested_event *e);
/* It was answered or cancelled in a block. */
void ph_chain_request_close(struct ph_chain_worker *w, uint64_t id, uint64_t block);
void ph_chain_request_propose(struct ph_chain_worker *w,
                              const struct ph_abi_phat_anchor_proposed_event *e);
void ph_chain_requests_undone(struct ph_chain_worker *w, uint64_t block);
/* A transaction was reverted: an answer, perhaps. The request may be closed, or this worker not be
 * registered yet. */
void ph_chain_requests_changed(struct ph_chain_worker *w, const struct ph_hash32 *key);
/* The key that signs is another one: what was shown with the one before counts no more. */
void ph_chain_requests_show_again(struct ph_chain_worker *w);
/* Answers are on their way that only this worker has. */
bool ph_chain_requests_are_open(const struct ph_chain_worker *w);
/* A new head: take out what is over, go on with the rest. */
void ph_chain_requests_head(struct ph_chain_worker *w);

#endif
