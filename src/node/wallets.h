#ifndef PH_NODE_WALLETS_H
#define PH_NODE_WALLETS_H

/* env.WALLET: transactions of phats, from accounts of their own, under the policy of their
 * phat.json. phala-keyd has the keys and judges each transaction; here are nonces, fees, what got
 * stuck, and that a key of the phat's is sent once.
 *
 *   send ─▶ order in the journal ─▶ WALLET_SIGN ─▶ ledger stored ─▶ journal durable ─▶ nodes ─▶
 * final
 *
 * In DATA/wallets, for each phat: ID.journal, and ID.ledger, which phala-keyd sealed.
 *
 * The question travels as a fetch of PH_WALLET_URL, so it counts as one. Questions and answers:
 * wallet_ask.c.
 *
 * Layer: node. Tests: tests/integration/wallet.test.mjs (anvil; kill -9).
 */

#include "chain/follow.h"
#include "node/phats.h"

#define PH_WALLET_URL "phala-wallet:"
enum { PH_WALLET_ASK_WHY_LEN = 320 };

struct ph_chain_worker;
struct ph_wallets;
struct ph_wallet_question;

/* PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_wallets_new(struct ph_chain_worker *worker, struct ph_wallets **out);
/* After the client. NULL is fine. */
void ph_wallets_free(struct ph_wallets *wallets);
/* The chain is there: go on with what was wanted before a restart. */
void ph_wallets_resume(struct ph_wallets *wallets);
/* From the client's events. */
void ph_wallets_undone(struct ph_wallets *wallets, uint64_t block_number);
void ph_wallets_head(struct ph_wallets *wallets, const struct ph_follow_head *head);
void ph_wallets_step(struct ph_wallets *wallets, int64_t now_ms);

/* One of the two, once, never from inside ph_wallet_ask. */
struct ph_wallet_events {
    void (*done)(void *ctx, struct ph_bytes json);
    void (*failed)(void *ctx, const char *code, const char *message);
    void *ctx;
};

/**
 * A phat asks its wallet.
 *
 * @version  whose phat.json counts
 * @code     on failure what the phat is told, with `why`; static storage
 *
 * Any error: `code` and `why` are set, and there will be no event.
 */
PH_CHECKED enum ph_err ph_wallet_ask(struct ph_phat *phat, struct ph_version *version,
                                     struct ph_bytes question,
                                     const struct ph_wallet_events *events,
                                     struct ph_wallet_question **out, const char **code,
                                     char why[static PH_WALLET_ASK_WHY_LEN]);
/* Nobody wants the answer any more; what was sent stays sent. NULL is fine. */
void ph_wallet_forget(struct ph_wallet_question *question);

#endif
