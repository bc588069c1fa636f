#ifndef PH_NODE_CHAIN_REGISTRAR_PRIV_H
#define PH_NODE_CHAIN_REGISTRAR_PRIV_H

/* What the parts of the registrar share: chain_registrar.c (what to do), chain_proof.c (evidence
 * for it), chain_errands.c (transactions), chain_consent.c (what the operator gave). */

#include "node/attester.h"
#include "node/chain_certificate.h"
#include "node/chain_evidence.h"
#include "node/chain_owner.h"
#include "node/chain_registrar.h"
#include "node/chain_rotation.h"
#include "node/chain_worker_priv.h"

/* What a transaction of the registrar is for; a letter in its key. */
enum ph_chain_errand {
    ERRAND_ROLL = 'b',
    ERRAND_PCK = 'p',
    ERRAND_REGISTER = 'r',
    ERRAND_RENEW = 'n',
    ERRAND_ROTATE = 'k',
    ERRAND_REST = 's',
    ERRAND_WAKE = 'w',
};

/* Who judges a kind's evidence: TeeKinds.sol. */
enum ph_chain_mode {
    MODE_NONE, /* there is no such kind */
    MODE_ONCHAIN,
    MODE_COMMITTEE,
    MODE_BOTH,
};

/* A registration, a renewal or a change of the key in the making. */
struct ph_chain_proof {
    bool busy;
    enum ph_chain_errand errand; /* which of them */
    struct ph_attest_wish wish;
    struct ph_worker_identity identity; /* as the quote binds it */
    struct ph_hash32 beacon, pck_id;
    struct ph_chain_evidence evidence;
    struct ph_buf whole; /* platform's 176 bytes, then the quote */
    enum ph_chain_mode mode;
    struct ph_chain_certificate certificate;
    struct ph_buf call; /* what is to be sent */
};

struct ph_chain_registrar {
    struct ph_chain_worker *w;
    struct ph_consent consent;
    bool has_consent;
    bool has_facts, asking, stopping;
    unsigned unanswered;         /* questions in a row */
    uint64_t facts_block;        /* that was asked for last */
    struct ph_hash32 facts_hash; /* of that block */
    uint64_t taken_block;        /* of the facts that are here: that one, once it is answered */
    struct ph_lease_facts facts;
    struct ph_u256 balance; /* wei of the account that pays for gas */
    struct ph_hash32 id, beacon;
    uint64_t committee;            /* the newest one; 0: none was drawn */
    bool is_member;                /* of that one */
    struct ph_chain_http *members; /* whom to ask for certificates; NULL: nobody */
    int64_t judged_second;         /* how often others asked within this second */
    unsigned judged_cnt;
    uint16_t kind; /* of the place that it has */
    uint8_t slot;
    struct ph_chain_proof proof;
    struct ph_chain_rotation rotation;
    char why[PH_LEASE_WHY_LEN];
    unsigned failures;
    uint64_t refused_cnt;
    int64_t not_before_ms;
    struct ph_timer timer;
    struct ph_chain_owner_ask owner_ask;
    size_t unproved; /* which file's consent is to be proved next, by the chain */
    struct ph_timer prove_timer;
};

struct ph_lease_self ph_chain_registrar_self(const struct ph_chain_registrar *r);
/* It cannot go on now; the next try is later each time. */
void ph_chain_registrar_fail(struct ph_chain_registrar *r, const char *what, const char *why);
/* Why a call would be reverted. */
void ph_chain_registrar_refused(struct ph_chain_registrar *r, const char *what,
                                const struct ph_rpc_answer *answer);
/* The bytes that a call that would be reverted gives; none: it is no revert. */
void ph_chain_revert_data(const struct ph_rpc_answer *answer, struct ph_buf *out);
/* Ask what a call of the worker's account would give at the block of the facts. */
PH_CHECKED enum ph_err ph_chain_registrar_ask(struct ph_chain_registrar *r,
                                              const struct ph_eth_address *to, struct ph_bytes data,
                                              void (*done)(void *, const struct ph_rpc_reply *));
/* The same at another block. */
PH_CHECKED enum ph_err ph_chain_registrar_ask_at(struct ph_chain_registrar *r,
                                                 const struct ph_eth_address *to,
                                                 struct ph_bytes data, uint64_t number,
                                                 void (*done)(void *, const struct ph_rpc_reply *));
/* What Lens.statusOf answered. PH_ERR_MALFORMED, and errors of the question. */
PH_CHECKED enum ph_err ph_chain_status_read(const struct ph_rpc_reply *reply,
                                            struct ph_abi_lens_status_of_result *out);
/* What stands in the way; empty: nothing. */
void ph_chain_registrar_say(struct ph_chain_registrar *r, const char *text);

/* chain_errands.c */
/* Forget what is final; is one on its way that the facts do not know of yet? */
bool ph_chain_errand_is_under_way(struct ph_chain_registrar *r);
/* One of these is on its way, or in a block that the facts do not know of yet. */
bool ph_chain_errand_is_sent(const struct ph_chain_registrar *r, enum ph_chain_errand errand);
/* Can the account pay for the dearest errand at today's price? Says so if not. */
bool ph_chain_registrar_can_pay(struct ph_chain_registrar *r);
void ph_chain_errand_roll(struct ph_chain_registrar *r);
void ph_chain_errand_word(struct ph_chain_registrar *r, enum ph_worker_word word);
void ph_chain_registrar_send(struct ph_chain_registrar *r, enum ph_chain_errand errand,
                             const struct ph_eth_address *to, struct ph_bytes data);

/* Look again now, whatever failed before. */
void ph_chain_registrar_try_now(struct ph_chain_registrar *r);

/* chain_consent.c: what was given before a restart. */
void ph_chain_consent_load(struct ph_chain_registrar *r);
/* Of what was given, what the chain alone can judge: once nodes answer. */
void ph_chain_consent_prove(struct ph_chain_registrar *r);
/* No second key: the consent to the only one is in its own place again. */
void ph_chain_consent_tidy(struct ph_chain_registrar *r);
/* chain_proof.c: make evidence over the beacon's value and send it. */
void ph_chain_proof_begin(struct ph_chain_registrar *r, enum ph_chain_errand errand);
void ph_chain_proof_clear(struct ph_chain_proof *proof);
void ph_chain_proof_give_up(struct ph_chain_registrar *r, const char *what, const char *why);
/* The certificate is there. */
void ph_chain_proof_certified(struct ph_chain_registrar *r);

#endif
