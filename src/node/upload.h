#ifndef PH_NODE_UPLOAD_H
#define PH_NODE_UPLOAD_H

/* A request whose body is taken whole, up to a limit, before anything is done with it. What is
 * longer is answered with 413, and the rest of it dropped.
 *
 * Layer: node. One thread. Used by the routes of api/openapi.yaml that take short bodies.
 */

#include "node/calls.h"

/* First member of what a route keeps of such a request. */
struct ph_upload {
    struct ph_exchange ex; /* first: the request's user pointer is this */
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_buf body;
    bool answered; /* what still comes is dropped */
    const char *too_long;
    void (*whole)(struct ph_upload *up);
    void (*gone)(struct ph_upload *up);
};

/**
 * Zeroed memory for what a route keeps, for ph_upload_take or free. NULL: there was none, and the
 * request is answered.
 *
 * @len  of the whole struct, which begins with a struct ph_upload
 */
struct ph_upload *ph_upload_new(struct ph_http_req *req, size_t len);

/**
 * Take the body of `req` into `up`, which the request owns from now on.
 *
 * @max       bytes
 * @too_long  sentence of the 413; static
 * @whole     once, with up->body: answer the request, now or later. Not for a body too long
 * @gone      NULL, or before `up` is freed: the request is over
 */
void ph_upload_take(struct ph_upload *up, struct ph_node *node, struct ph_http_req *req, size_t max,
                    const char *too_long, void (*whole)(struct ph_upload *up),
                    void (*gone)(struct ph_upload *up));

/* For a request that is somebody else's now: end what was kept of it. */
void ph_upload_free(struct ph_upload *up);

#endif
