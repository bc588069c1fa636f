#ifndef PH_NODE_RECORDS_H
#define PH_NODE_RECORDS_H

/* Records of phats that a cluster shares: what owners change here is put into the database before
 * it is acknowledged, what they changed elsewhere comes from there, judged as at a deploy
 * (docs/cluster.md).
 *
 * Layer: node. Tests: tests/integration/takeover.test.mjs.
 */

#include "node/node.h"
#include "node/phats.h"

/* PH_OK and nothing without config->cluster_url. Errors are logged. */
PH_CHECKED enum ph_err ph_records_open(struct ph_node *node);
void ph_records_close(struct ph_node *node);

/* An accepted change, on its way. */
struct ph_record_wish {
    enum ph_phat_file file;
    struct ph_phat_id phat;
    const struct ph_owner_request *request;
    const uint8_t *sig;   /* 65 bytes */
    struct ph_bytes data; /* bundle, sealed secrets, or nothing: a deletion */
    /* Told once: at once without a cluster. PH_ERR_CONFLICT: another worker accepted this sequence
     * or a higher one; PH_ERR_NOMEM; else it is unknown whether it is stored. */
    void (*done)(void *ctx, enum ph_err err);
    void *ctx;
};
/* Make it durable for all workers. The wish and what it points to are borrowed for the call. */
void ph_record_share(struct ph_node *node, const struct ph_record_wish *wish);
/* The phat's secrets, or the key of its code, were sealed anew for the same request: replace the
 * record for all workers. Nothing waits for it; the next round of node/rekey.h does it again if
 * need be. */
void ph_record_renew(struct ph_node *node, enum ph_phat_file file, const struct ph_phat_id *phat,
                     const struct ph_owner_request *request, const uint8_t sig[static 65],
                     struct ph_bytes data);
/* Answer a request whose change was not stored. */
void ph_record_refuse(struct ph_http_req *req, enum ph_err err);

#endif
