#ifndef PH_CHAIN_QUERY_H
#define PH_CHAIN_QUERY_H

/* What a phat asks of the chain, at final blocks alone: its question, judged and put into
 * JSON-RPC's words, and what nodes agree on, put into the phat's.
 *
 *   {"ask":"block","block":7}                                       block: the newest final one
 *   {"ask":"call","to":"0x…","data":"0x…","from":"0x…","block":7}   from and block may be left out
 *   {"ask":"balance","of":"0x…","block":7}
 *   {"ask":"logs","address":["0x…"],"topics":[null,"0x…",["0x…"]],"from":5,"to":7}
 *
 * answered {"ok":…} or {"error":{"code":"reverted"|"node","message":"…","data":"0x…"}}.
 *
 * Layer: chain. Pure. Spec: Ethereum JSON-RPC (execution-apis). Tests: query_test.c, query_fuzz.c.
 */

#include "chain/rpc.h"
#include "codec/json_why.h"

enum {
    PH_QUERY_TEXT_MAX = 128 * 1024,
    PH_QUERY_DATA_MAX = 48 * 1024, /* bytes of calldata */
    PH_QUERY_ADDRESSES_MAX = 16,
    PH_QUERY_TOPICS_MAX = 16, /* choices for one place */
    PH_QUERY_SPAN_MAX = 2000, /* blocks of one question for logs */
    PH_QUERY_ANSWER_MAX = 1 << 20,
};

enum ph_query_kind { PH_QUERY_BLOCK, PH_QUERY_CALL, PH_QUERY_BALANCE, PH_QUERY_LOGS };

struct ph_query {
    enum ph_query_kind kind;
    const char *method;         /* of JSON-RPC */
    const char *const *members; /* what nodes must agree on; NULL: everything */
    uint64_t from_block, to_block;
    struct ph_buf params; /* owned */
};
void ph_query_clear(struct ph_query *query);

/**
 * @final_number  newest block that may be asked about
 *
 * Returns PH_ERR_MALFORMED  no question of these forms, or about a block that is not final: see why
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_query_parse(struct ph_bytes text, uint64_t final_number,
                                      struct ph_query *out, struct ph_json_why *why);
/* The answer, appended. PH_ERR_MALFORMED: nodes agree on something that is none. PH_ERR_LIMIT:
 * longer than the buffer. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_query_answer(const struct ph_query *query,
                                       const struct ph_rpc_answer *answer, struct ph_buf *out);

#endif
