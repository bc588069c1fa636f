#ifndef PH_NODE_WALLETS_PRIV_H
#define PH_NODE_WALLETS_PRIV_H

/* What the parts of a phat's wallet share: wallets.c (opening, signing, driving), wallet_orders.c
 * (what was wanted, and the journal), wallet_ask.c (questions). */

#include "chain/txman.h"
#include "chain/wallet_question.h"
#include "node/chain_read.h"
#include "node/chain_worker_priv.h"
#include "node/wallets.h"
#include "store/journal.h"

enum {
    PH_WALLET_ORDERS_MAX = 256,     /* of one phat, not final */
    PH_WALLET_KEPT_MAX = 1024,      /* of one phat, final: the newest */
    PH_WALLET_QUESTIONS_MAX = 1024, /* of one phat, under way */
};

/* One transaction that the phat wanted. */
struct ph_wallet_order {
    struct ph_hash32 key;    /* of its idempotency key */
    struct ph_hash32 params; /* what it is to do */
    bool done;               /* final; the rest is set */
    bool refused;            /* phala-keyd did not sign it: `refusal`, with its code */
    const char *refusal_code;
    char refusal[PH_WALLET_ASK_WHY_LEN];
    struct ph_txman_outcome outcome;
    struct ph_hash32 hashes[PH_TXMAN_ATTEMPTS_MAX]; /* of all that were signed for it */
    size_t hash_cnt;
    struct ph_wallet_order *next; /* in the order of wanting */
};

struct ph_wallet_question {
    struct ph_wallet *wallet;
    struct ph_wallet_wanted wanted;
    struct ph_hash32 key;    /* of the order */
    struct ph_hash32 params; /* SEND */
    bool estimating;         /* SEND: nodes are asked for its gas */
    const char *failed;      /* code, with `failure`; NULL: it has not */
    char failure[PH_WALLET_ASK_WHY_LEN];
    struct ph_wallet_events events;   /* done NULL: forgotten */
    struct ph_chain_reading *reading; /* BALANCE: under way */
    struct ph_wallet_question *next;
};

struct ph_wallet {
    struct ph_wallets *all;
    struct ph_phat_id phat;
    char id_text[41];
    uint64_t sequence; /* of the bundle whose policy phala-keyd was shown */
    struct ph_eth_address address;
    struct ph_wallet_policy policy;
    bool sends;             /* phat.json names this worker */
    struct ph_txman *txman; /* NULL: it does not send, or did not yet */
    struct ph_journal *journal;
    uint64_t rewrite_at;
    bool dirty; /* the journal has more than the disk */
    struct ph_wallet_order *orders, **end;
    size_t open_cnt, kept_cnt;
    enum ph_err refusal_class; /* of the last signature that was refused */
    char refusal[PH_WALLET_ASK_WHY_LEN];
    struct ph_wallet_question *questions;
    size_t question_cnt;
    struct ph_wallet *next;
};

struct ph_wallets {
    struct ph_chain_worker *worker;
    int dir_fd;
    struct ph_wallet *first;
};

/* wallets.c: the wallet of a phat, under the policy of this version. On failure `code` and `why`.
 */
PH_CHECKED enum ph_err ph_wallet_of(struct ph_phat *phat, struct ph_version *version,
                                    struct ph_wallet **out, const char **code,
                                    char why[static PH_WALLET_ASK_WHY_LEN]);

/* wallet_orders.c */
struct ph_wallet_order *ph_wallet_order_find(const struct ph_wallet *w,
                                             const struct ph_hash32 *key);
/* The order with a transaction of this name; NULL: none is known. */
struct ph_wallet_order *ph_wallet_order_of(const struct ph_wallet *w, const struct ph_hash32 *hash);
/* Where it stands. */
void ph_wallet_order_outcome(const struct ph_wallet *w, const struct ph_wallet_order *o,
                             struct ph_txman_outcome *out);
/* Want a transaction: in the journal, and sent at the end of the turn. PH_ERR_LIMIT: too many are
 * not final. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_wallet_order_add(struct ph_wallet *w, const struct ph_txman_order *order,
                                           const struct ph_hash32 *params);
/* From the transaction manager. */
void ph_wallet_order_changed(struct ph_wallet *w, const struct ph_hash32 *key,
                             const struct ph_txman_outcome *outcome);
/* What a phat is told of a transaction that the policy does not allow. */
const char *ph_wallet_refusal_code(enum ph_err err);
/* Take out what was refused, once that was told, and the oldest that are final. */
void ph_wallet_orders_reap(struct ph_wallet *w);
void ph_wallet_orders_free(struct ph_wallet *w);
PH_CHECKED enum ph_err ph_wallet_journal_open(struct ph_wallet *w);
/* Records of the transaction manager, and their syncing. `ctx`: the wallet. */
PH_CHECKED enum ph_err ph_wallet_append(void *ctx, struct ph_bytes record);
PH_CHECKED enum ph_err ph_wallet_sync(void *ctx);

/* wallet_send.c: begin to send what the question wants. On failure `failed` and `failure`, mostly.
 */
PH_CHECKED enum ph_err ph_wallet_send(struct ph_wallet_question *q);

/* wallet_ask.c: answer what can be answered; all of it ends without an event. */
void ph_wallet_answer(struct ph_wallet *w);
void ph_wallet_questions_free(struct ph_wallet *w);

#endif
