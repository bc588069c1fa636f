#ifndef PH_CHAIN_RPC_H
#define PH_CHAIN_RPC_H

/* Questions to nodes of an EVM chain: several endpoints, none of them trusted alone. What decides
 * anything is asked of all and believed when `quorum` of them say the same. Questions asked in one
 * turn of the caller's loop travel together. An endpoint that fails is left alone for a while that
 * doubles each time.
 *
 * The transport is the caller's: this module makes bodies and reads answers, and never waits. A
 * question is answered exactly once, from ph_rpc_answered, ph_rpc_failed or ph_rpc_flush.
 *
 * Layer: chain. Spec: Ethereum JSON-RPC. Tests: rpc_test.c; with real nodes:
 * tests/integration/chain_client.test.mjs.
 */

#include "chain/rpc_wire.h"

enum {
    PH_RPC_ENDPOINTS_MAX = 8,
    PH_RPC_ASKS_MAX = 16384, /* questions under way */
    PH_RPC_BACKOFF_MIN_MS = 250,
    PH_RPC_BACKOFF_MAX_MS = 60000,
};

enum ph_rpc_mode {
    PH_RPC_ANY,    /* one endpoint's answer; when it fails, the next one's */
    PH_RPC_QUORUM, /* an answer that `quorum` of the endpoints give alike */
    PH_RPC_EACH,   /* what each endpoint says: at least `quorum` of them said something */
};

/* Post a body to an endpoint; ph_rpc_answered or ph_rpc_failed is called later with `ticket`, once.
 * Never from inside. An error: this endpoint cannot be asked now. */
struct ph_rpc_transport {
    enum ph_err (*post)(void *ctx, size_t endpoint, uint64_t ticket, struct ph_bytes body);
    void *ctx;
};

struct ph_rpc_config {
    size_t endpoint_cnt; /* 1 to PH_RPC_ENDPOINTS_MAX */
    size_t quorum;       /* 1 to endpoint_cnt; more than half of them, or forks of the truth pass */
    struct ph_rpc_transport transport;
};

/* How a question ended. */
struct ph_rpc_reply {
    /* PH_OK: `answer` holds (with PH_RPC_EACH: `each`); it may be an error that the node gave.
     * PH_ERR_IO: too few endpoints answered. PH_ERR_UNTRUSTED: they answered and do not agree. */
    enum ph_err err;
    const struct ph_rpc_answer *answer;
    /* PH_RPC_EACH: the raw JSON of each result, `endpoint_cnt` of them; empty: failed, or an error.
     */
    const struct ph_bytes *each;
};

struct ph_rpc_question {
    enum ph_rpc_mode mode;
    const char *method;         /* static */
    struct ph_bytes params;     /* array in JSON; copied */
    const char *const *members; /* what must agree (ph_rpc_answer_digest); NULL: everything */
    void (*done)(void *ctx, const struct ph_rpc_reply *reply); /* may ask again */
    void *ctx;
};

struct ph_rpc;

/* PH_ERR_MALFORMED: counts outside of what the config says. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rpc_new(const struct ph_rpc_config *config, struct ph_rpc **out);
/* Questions under way are dropped: done is not called. NULL is fine. */
void ph_rpc_free(struct ph_rpc *rpc);

/* Ask; it leaves with the next ph_rpc_flush. PH_ERR_LIMIT: too many under way. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rpc_ask(struct ph_rpc *rpc, const struct ph_rpc_question *question);
/* Send what was asked since the last call. */
void ph_rpc_flush(struct ph_rpc *rpc, int64_t now_ms);
/* The transport has the body of an answer; it failed. Unknown tickets do nothing. */
void ph_rpc_answered(struct ph_rpc *rpc, uint64_t ticket, int64_t now_ms, struct ph_bytes body);
void ph_rpc_failed(struct ph_rpc *rpc, uint64_t ticket, int64_t now_ms);

/* Endpoints that are not being left alone. */
size_t ph_rpc_endpoints_up(const struct ph_rpc *rpc, int64_t now_ms);
/* Questions under way or waiting to leave. */
size_t ph_rpc_pending(const struct ph_rpc *rpc);

#endif
