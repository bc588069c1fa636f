#ifndef PH_NODE_API_PRIV_H
#define PH_NODE_API_PRIV_H

/* Shared by the files of the API. */

#include "http/server.h"
#include "node/phats.h"

/* Answer with the public description of a phat. */
void ph_api_phat_answer(struct ph_http_req *req, uint16_t status, struct ph_phat *phat);
/* The phat of an id in a path; false: there is none, and the request is answered. */
bool ph_api_find_phat(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg,
                      struct ph_phat **out);
/* Signer and name of an authorized request are the phat's; false: they are not, and it is answered.
 */
bool ph_api_owns(struct ph_http_req *req, const struct ph_phat *phat,
                 const struct ph_eth_address *owner, const struct ph_owner_request *request);
/**
 * Make an authorized change and answer: a deletion, or with `sealed` (taken over) new secrets. The
 * phat takes no other change meanwhile.
 *
 * Yields false when nothing was begun: the request is answered, and its user pointer as it was.
 */
bool ph_api_change(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                   const struct ph_owner_request *request, const uint8_t sig[static 65],
                   struct ph_buf *sealed);

#endif
