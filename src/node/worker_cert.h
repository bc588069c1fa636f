#ifndef PH_NODE_WORKER_CERT_H
#define PH_NODE_WORKER_CERT_H

/* The worker's certificates for TLS: a self-signed one with evidence for its key inside
 * (attest/ratls.h: TCG DICE and dstack), and, with --tls-cert, what the operator gave. The
 * operator's is shown to everybody; to workers, who prove themselves likewise, the one with
 * evidence.
 *
 * That one is good for a week and made anew every day, with new quotes, so that it ages with the
 * platform. Where the machine gives no quote it is one without evidence, workers are shown none,
 * and a new one is tried for every minute.
 *
 * Layer: node. Tests: tests/integration/ratls.test.mjs, tls.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

struct ph_worker_certs;

/* Make one with evidence, now: blocks for two quotes. PEM appended to `out`. @why written when
 * refused. PH_ERR_IO, PH_ERR_AGAIN: no quote, or phala-keyd did not sign. PH_ERR_LIMIT,
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_worker_cert_make(struct ph_node *node, struct ph_buf *out,
                                           char why[static 256]);

/* Before the listeners: the attester's thread has nothing to do yet. Errors are logged. */
PH_CHECKED enum ph_err ph_worker_certs_open(struct ph_node *node);
void ph_worker_certs_close(struct ph_node *node);
/* For ph_http_server_listen: views until the next call. */
struct ph_http_tls ph_worker_certs_tls(const struct ph_node *node);
/* A copy of the one with evidence, PEM, appended. PH_ERR_NOT_FOUND: there is none now. */
PH_CHECKED enum ph_err ph_worker_certs_own(const struct ph_node *node, struct ph_buf *out);
/* SIGHUP: read --tls-cert again, and make the other one anew. What fails is logged, and the old one
 * goes on. */
void ph_worker_certs_reload(struct ph_node *node);

#endif
