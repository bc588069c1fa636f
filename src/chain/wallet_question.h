#ifndef PH_CHAIN_WALLET_QUESTION_H
#define PH_CHAIN_WALLET_QUESTION_H

/* What a phat asks of its wallet, judged for its form alone:
 *
 *   {"ask":"address"}
 *   {"ask":"balance"}
 *   {"ask":"send","to":"0x…","data":"0x…","value":"7","gas":90000,"key":"…"}
 *   {"ask":"receipt","hash":"0x…"}
 *   {"ask":"wait","hash":"0x…","final":true}
 *
 * data, value, gas, key and final may be left out.
 *
 * Layer: chain. Pure. Tests: wallet_question_test.c, wallet_question_fuzz.c.
 */

#include "chain/tx.h"
#include "chain/wallet_ledger.h"
#include "codec/json_why.h"

enum {
    PH_WALLET_QUESTION_MAX = 96 * 1024,
    PH_WALLET_KEY_MAX = 256, /* bytes of an idempotency key */
};

enum ph_wallet_wish {
    PH_WALLET_ADDRESS,
    PH_WALLET_BALANCE,
    PH_WALLET_SEND,
    PH_WALLET_RECEIPT,
    PH_WALLET_WAIT,
};

struct ph_wallet_wanted {
    enum ph_wallet_wish wish;
    /* SEND */
    struct ph_eth_address to;
    struct ph_u256 value;
    uint64_t gas;        /* 0: left out */
    struct ph_bytes key; /* empty: none; a view into the question */
    struct ph_buf data;  /* owned */
    /* RECEIPT, WAIT */
    struct ph_hash32 hash;
    bool final; /* WAIT: true unless it says otherwise */
};

/* PH_ERR_MALFORMED: none of these forms, see why. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_wallet_question_parse(struct ph_bytes text, struct ph_wallet_wanted *out,
                                                struct ph_json_why *why);
void ph_wallet_wanted_clear(struct ph_wallet_wanted *wanted);

#endif
