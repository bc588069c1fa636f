#ifndef PH_NODE_KEYS_H
#define PH_NODE_KEYS_H

/* The cluster's keys as phalad carries them: it stores what phala-keyd says they are to be, tells
 * it when they are stored, and then is a worker of the new epoch. And the API of their owners
 * (docs/keys.md): phala-keyd judges every act.
 *
 * Layer: node. Tests: tests/integration/keys.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

/* Store the content of the state file durably; nothing: no file is kept. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_keys_store(struct ph_node *node, const struct ph_buf *state);
/* Store it, and have phala-keyd and this worker use the keys that are in it. PH_ERR_IO: the old
 * ones are still in use; else as ph_keyd_keys_kept. */
PH_CHECKED enum ph_err ph_keys_change(struct ph_node *node, const struct ph_buf *state,
                                      char why[static 256]);
/* The same after ph_keyd_worker_key_step: the worker's own keys. */
PH_CHECKED enum ph_err ph_keys_change_own(struct ph_node *node, const struct ph_buf *state,
                                          char why[static 256]);
/* Have phala-keyd forget every epoch but the newest, in its state file too. PH_ERR_CONFLICT: there
 * is only one, or it knows something that refers to an older one. */
PH_CHECKED enum ph_err ph_keys_retire(struct ph_node *node, char why[static 256]);
/* What phala-keyd says about itself is who this worker is: at the start, and after a change. */
void ph_keys_identify(struct ph_node *node);

void ph_api_keys(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_keys_nonce(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_keys_rotate(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_keys_retire(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_keys_backup(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
