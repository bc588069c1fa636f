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

enum { PH_URL_MAX = 32 * 1024 + 512, PH_COVERED_MAX = 3072 };

/* Values of the response headers that a receipt covers; empty when absent. */
struct ph_covered {
    struct ph_bytes content_type, content_encoding, location;
};
/* A copy that outlives the frame it came in. */
struct ph_covered_text {
    uint16_t len[3];
    char text[];
};
/* Allocates *out. PH_ERR_LIMIT: longer than PH_COVERED_MAX together. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_covered_keep(const struct ph_covered *covered,
                                       struct ph_covered_text **out);
struct ph_covered ph_covered_of(const struct ph_covered_text *kept);

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
    uint32_t upload_in_flight; /* request body bytes sent and not credited */
    uint32_t uncredited;       /* answer body bytes received and not credited */
    uint32_t subrequests;
    uint16_t status;
    bool is_head, wants_inline;
    bool sent;     /* CALL went out */
    bool is_whole; /* … with the whole body: no CALL_END follows */
    bool upload_paused;
    bool end_owed; /* CALL_END goes out when `body` is drained */
    bool request_hashed;
    bool streaming; /* the answer's head went out */
    bool leaf_done, answered;
    bool waiting; /* in the batcher for its receipt */
    struct ph_receipt_waiter waiter;
    struct ph_covered_text *covered_text; /* owned; streamed answers only */
};

/* A piece of a streamed answer. */
void ph_call_stream(struct ph_call *call, struct ph_bytes data);
/* Tell the instance to drop the call, and forget the instance. */
void ph_call_cancel(struct ph_call *call);

#endif
