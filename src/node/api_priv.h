#ifndef PH_NODE_API_PRIV_H
#define PH_NODE_API_PRIV_H

/* Shared by the files of the API. */

#include "http/server.h"
#include "node/phats.h"

/* Answer with the public description of a phat. */
void ph_api_phat_answer(struct ph_http_req *req, uint16_t status, const struct ph_phat *phat);

#endif
