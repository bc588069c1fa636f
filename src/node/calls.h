#ifndef PH_NODE_CALLS_H
#define PH_NODE_CALLS_H

/* One call of a phat, from HTTP request to receipt.
 *
 *   ph_call_begin ── CALL ──▶ instance ── RESP ──▶ leaf → batcher → id ──▶ answer
 *
 * Layer: node. Tests: tests/integration/calls.test.mjs, receipts.test.mjs.
 */

#include "ipc/messages.h"
#include "node/node.h"

struct ph_phat;
struct ph_instance;

/* What hangs on an HTTP request: first member of everything that does. */
struct ph_exchange {
    void (*on_body)(struct ph_exchange *ex, struct ph_bytes data);
    void (*on_body_end)(struct ph_exchange *ex);
    void (*on_writable)(struct ph_exchange *ex);
    void (*on_closed)(struct ph_exchange *ex, bool sent_all);
};

/* Begin a call; `target` is the path and query as the phat shall see them (a view into the request
 * or static). */
void ph_call_begin(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                   struct ph_bytes target);
/* A call that the engine answers itself: export or import of the phat's state (runtime/move.h). */
struct ph_call_move {
    uint8_t kind;           /* enum ph_call_kind */
    struct ph_bytes before; /* what the engine gets in front of the request's body */
    struct ph_bytes
        begun; /* the beginning of that body, if it was taken from the request already */
};
/* Begin one: as ph_call_begin, but within limits of its own, and one of a phat at a time.
 * Afterwards the request's exchange is the call's: whoever has more of the body tells it. */
void ph_call_begin_move(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                        struct ph_bytes target, const struct ph_call_move *move);
/* Begin a call of the scheduled handler; its outcome goes to the phat's log. */
void ph_call_scheduled(struct ph_node *node, struct ph_phat *phat, const char *cron, int64_t at_ms);

/* A contract's request, as the chain handler gets it. */
struct ph_chain_ask {
    uint64_t chain_id, request_id, deadline_s; /* Unix seconds */
    struct ph_eth_address app, consumer;
    struct ph_bytes input; /* at most PH_CHAIN_INPUT_MAX; borrowed for the call */
};
enum { PH_CHAIN_INPUT_MAX = 128 * 1024, PH_CHAIN_RESULT_MAX = 16 * 1024 };
/* How it ended: the phat's answer, or the code of a failure. */
struct ph_chain_told {
    bool answered;
    const char *code;             /* unless answered */
    struct ph_bytes result;       /* if answered; a view for the time of the call */
    struct ph_hash32 bundle_hash; /* what ran */
};
/* Begin a call of the chain handler; `told` is called once, later or from inside. PH_ERR_AGAIN: not
 * now, nothing was begun. */
PH_CHECKED enum ph_err ph_call_chain(struct ph_node *node, struct ph_phat *phat,
                                     const struct ph_chain_ask *ask,
                                     void (*told)(void *ctx, const struct ph_chain_told *what),
                                     void *ctx);

/* A frame of an instance that belongs to a call. PH_ERR_MALFORMED: kill the instance. */
PH_CHECKED enum ph_err ph_call_frame(struct ph_instance *instance,
                                     const struct ph_ipc_frame *frame);
/* The call of this id, if it is one of this instance; NULL otherwise. */
struct ph_call *ph_call_find(const struct ph_instance *instance, uint64_t id);
/* Count a fetch against the call's (or, without one, the instance's) subrequests. False: none left.
 */
bool ph_call_count_fetch(struct ph_call *call);
/* The instance is gone: every call of it fails with this code. */
void ph_calls_fail(struct ph_instance *instance, const char *code, const char *message);
/* Deadline of the oldest call: fail what is overdue, and arm the timer for the next. */
void ph_calls_deadline(void *instance);

/* Answer with {"error":{"code","message"}}. */
void ph_answer_error(struct ph_http_req *req, uint16_t status, const char *code,
                     const char *message);

#endif
