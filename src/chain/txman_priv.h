#ifndef PH_CHAIN_TXMAN_PRIV_H
#define PH_CHAIN_TXMAN_PRIV_H

/* What the parts of the transaction manager share: txman.c (who owns what), txman_send.c (nonces,
 * fees, signatures), txman_watch.c (what the chain says), txman_record.c (the journal). */

#include "chain/txman.h"

struct attempt {
    struct ph_hash32 hash;
    struct ph_buf raw; /* signed */
    uint64_t max_fee, max_priority_fee;
};

struct entry {
    struct ph_txman *txman;
    struct ph_hash32 key;
    struct ph_eth_address to;
    struct ph_u256 value;
    uint64_t gas;
    struct ph_buf data;
    enum ph_txman_state state;
    uint64_t nonce; /* with attempts */
    struct attempt attempts[PH_TXMAN_ATTEMPTS_MAX];
    size_t attempt_cnt;
    uint64_t sent_block; /* head when the newest attempt was made; 0: before this process */
    int64_t sent_ms;     /* last time it left; 0: not since the start of this process */
    struct ph_txman_outcome mined;
    struct ph_hash32 mined_block;
    uint32_t asking; /* questions about it under way: it is not freed */
    size_t unknown;  /* of this round: attempts that a quorum knows nothing of */
    uint64_t
        taken_block; /* head when its nonce was first seen used by something else; 0: it is not */
    bool found;      /* of this round */
    bool forgotten;
    struct entry *next; /* in the order of submission */
};

struct ph_txman {
    struct ph_txman_config config;
    struct entry *entries, **end;
    size_t cnt;
    struct ph_follow_head head;
    bool has_head, ready; /* ready: the nonce is known */
    bool dirty;           /* the journal has more than the disk */
    uint64_t next_nonce, nonce_latest;
    uint64_t priority;                /* what nodes suggest, wei a unit of gas */
    struct ph_follow_head round_head; /* head of the last round */
    bool in_round, round_failed;
    uint32_t round_waiting;
    int64_t now_ms;
};

/* txman.c */
struct entry *ph_txman_find(const struct ph_txman *m, const struct ph_hash32 *key);
struct entry *ph_txman_add(struct ph_txman *m, const struct ph_txman_order *order);
void ph_txman_drop_attempts(struct entry *e);
void ph_txman_set(struct entry *e, enum ph_txman_state state);
/* An answer about it came: it goes if it was only kept for that. */
void ph_txman_release(struct entry *e);
void ph_txman_reap(struct ph_txman *m);

/* txman_record.c: append what happened to the journal. */
PH_CHECKED enum ph_err ph_txman_record_order(struct ph_txman *m, const struct entry *e);
PH_CHECKED enum ph_err ph_txman_record_attempt(struct ph_txman *m, const struct entry *e);
PH_CHECKED enum ph_err ph_txman_record_end(struct ph_txman *m, const struct entry *e);
PH_CHECKED enum ph_err ph_txman_record_forget(struct ph_txman *m, const struct entry *e);

/* txman_send.c: give nonces, sign, pay more, send (again). */
void ph_txman_send(struct ph_txman *m);

/* txman_watch.c: begin a round of questions to the chain. */
void ph_txman_watch(struct ph_txman *m);

#endif
