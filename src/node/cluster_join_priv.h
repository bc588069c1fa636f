#ifndef PH_NODE_CLUSTER_JOIN_PRIV_H
#define PH_NODE_CLUSTER_JOIN_PRIV_H

/* The steps of a hand-over on the joiner's side, which blocks at the start (cluster_join.c) and
 * runs beside the event loop later (cluster_refresh.c). */

#include "http/bound.h"
#include "node/keyd_client.h"

enum { PH_JOIN_TIMEOUT_S = 30, PH_ASK_TIMEOUT_S = 5 };

/* Connect to the worker at `url`, showing this worker's certificate with evidence: PEM, `own`.
 * `timeout_s` is for this, and for each request. */
PH_CHECKED enum ph_err ph_join_dial(struct ph_keyd_client *keyd, const char *url,
                                    struct ph_bytes own, uint32_t timeout_s,
                                    struct ph_http_bound **out, char why[static 256]);
/* A POST that must be answered with 200; else the worker's own sentence is in `why`.
 * PH_ERR_UNTRUSTED: it said no. */
PH_CHECKED enum ph_err ph_join_post(struct ph_http_bound *bound, const char *path,
                                    struct ph_bytes body, struct ph_buf *answer,
                                    char why[static 256]);
/* Ask for a nonce, and phala-keyd for what this machine's evidence must be over. `join` lacks the
 * evidence and the signer then. */
PH_CHECKED enum ph_err ph_join_begin(struct ph_keyd_client *keyd, struct ph_http_bound *bound,
                                     struct ph_handover_join *join, uint8_t report_data[static 64],
                                     char why[static 256]);
/* Send the evidence; `answer` gets what phala-keyd is to judge. */
PH_CHECKED enum ph_err ph_join_send(struct ph_http_bound *bound,
                                    const struct ph_handover_join *join, struct ph_buf *answer,
                                    char why[static 256]);
/* phala-keyd judges the answer, and the certificate of the connection that it came over, and takes
 * the keys; `state` as in ph_keyd_client_cluster_take. On
 * the event loop, once it runs: what phala-keyd is to store is stored before anything else changes
 * its keys. */
PH_CHECKED enum ph_err ph_join_take(struct ph_keyd_client *keyd, const struct ph_http_bound *bound,
                                    struct ph_bytes answer, struct ph_eth_address *giver,
                                    char measurement[static 128], struct ph_buf *state,
                                    char why[static 256]);

#endif
