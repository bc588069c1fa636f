#ifndef PH_NODE_CALLS_PRIV_H
#define PH_NODE_CALLS_PRIV_H

/* A call's state, and the header lines that its receipt covers. Seen only inside node/.
 *
 * Tests: headers_test.c; the integration tests for the rest.
 */

#include "crypto/hash.h"
#include "node/batcher.h"
#include "node/calls.h"
#include "node/manifest.h"

enum { PH_URL_MAX = 32 * 1024 + 512 };

/* Values of the response headers that a receipt covers; empty when absent. */
struct ph_covered {
    struct ph_bytes content_type, content_encoding, location;
};
/* Check a header block of an instance: every line "name: value\n" with a token as name and a value
 * without control characters. Names that begin with "phala-" are the worker's: they are taken out,
 * in which case *headers is made to point into `cleaned`. PH_ERR_MALFORMED, PH_ERR_LIMIT,
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_headers_scan(struct ph_bytes *headers, struct ph_buf *cleaned,
                                       struct ph_covered *covered);

struct ph_call {
    struct ph_exchange ex; /* first: a request's user pointer is this */
    uint64_t id;
    struct ph_node *node;
    struct ph_phat *phat;
    struct ph_http_req *req;      /* NULL: the caller left, or there is none (scheduled) */
    struct ph_instance *instance; /* NULL: done with it */
    struct ph_call *next, **prev; /* in the instance's list, oldest first */
    struct ph_bytes target;
    int64_t start_ns;
    uint32_t wall_ms;
    struct ph_limits limits;
    struct ph_hash32 bundle_hash, request_hash, nonce;
    struct ph_sha256 request_sha, response_sha;
    struct ph_buf body; /* request body that did not go out: before CALL all of it, later what the
                           window holds back */
    struct ph_buf held_headers; /* answer's header block while it is built or held */
    struct ph_buf held_body;    /* answer held for its receipt */
    uint64_t request_bytes, response_bytes, alias;
    uint64_t commit_least;     /* newest commit when CALL went out: the answer knows it */
    uint32_t upload_in_flight; /* request body bytes sent and not credited */
    uint32_t uncredited;       /* answer body bytes received and not credited */
    uint32_t subrequests;
    uint16_t status;
    uint8_t kind;               /* enum ph_call_kind */
    struct ph_timer move_timer; /* of an export or import */
    bool is_head, wants_inline;
    bool sent;     /* CALL went out */
    bool is_whole; /* … with the whole body: no CALL_END follows */
    bool upload_paused;
    bool end_owed; /* CALL_END goes out when `body` is drained */
    bool request_hashed;
    bool streaming; /* the answer's head went out */
    bool leaf_done, answered;
    bool waiting; /* in the batcher for its receipt */
    /* A chain call's: who wants to know how it ended. */
    void (*told)(void *ctx, const struct ph_chain_told *what);
    void *told_ctx;
    const char *fail_code; /* static; of the failure that is being answered */
    struct ph_receipt_waiter waiter;
};

/* call_id.c: ids that never meet a later call. PH_ERR_NOMEM, PH_ERR_LIMIT: too many in flight. */
PH_CHECKED enum ph_err ph_call_id_take(struct ph_call *call);
void ph_call_id_give(struct ph_call *call);

/* call_answer.c */
/* Fix what the receipt says of the request: all of it, or what had come by now. Once; later calls
 * change nothing. */
void ph_call_hash_request(struct ph_call *call);
bool ph_call_sends_body(const struct ph_call *call, uint16_t status);
/* Its answer names an older commit than its question met: no honest instance does. */
bool ph_call_goes_back(const struct ph_call *call);
/* Add the leaf; yields where its receipt will be. */
struct ph_receipt_place ph_call_leaf(struct ph_call *call, enum ph_outcome outcome, uint16_t status,
                                     const struct ph_hash32 *response_hash);
/* Answer in one piece: leaf, receipt id, and the answer now or when its receipt is there. */
void ph_call_answer(struct ph_call *call, enum ph_outcome outcome, uint16_t status,
                    struct ph_bytes headers, const struct ph_covered *covered,
                    struct ph_bytes body);
/* A held answer's receipt is there: send both. */
void ph_call_inline_ready(void *call, const struct ph_receipt *receipt);
/* End a streamed answer early. */
void ph_call_cut(struct ph_call *call);
/* The worker answers for the phat. `detail` is for the owner's log; empty: the message. */
void ph_call_refuse(struct ph_call *call, uint16_t status, const char *code, const char *message,
                    struct ph_bytes detail);
/* The same with status and message of a known code; an unknown one becomes "internal". */
void ph_call_fail(struct ph_call *call, const char *code, struct ph_bytes detail);

/* call_upload.c */
enum {
    PH_UPLOAD_HELD_MAX = 1024 * 1024
}; /* bytes of a request body beyond the instance's window */
/* Send CALL; `whole`: the body is complete in call->body. */
void ph_call_send(struct ph_call *call, bool whole);
void ph_call_on_body(struct ph_exchange *ex, struct ph_bytes data);
void ph_call_on_body_end(struct ph_exchange *ex);
/* The instance consumed request body bytes. */
void ph_call_upload_credit(struct ph_call *call, uint32_t bytes);

/* calls.c */
/* The instance owes nothing for the call any more. */
void ph_call_leave(struct ph_call *call);
/* Tell the instance to drop the call, and leave it. */
void ph_call_cancel(struct ph_call *call);

#endif
