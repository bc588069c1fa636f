#ifndef PH_NODE_PHAT_SHOW_H
#define PH_NODE_PHAT_SHOW_H

/* What everybody may read of a phat: schema Phat of api/openapi.yaml. With a wallet, its account
 * and what the phat may do with it.
 *
 * Layer: node. Tests: tests/integration/deploy.test.mjs, wallet.test.mjs.
 */

#include "codec/json.h"
#include "node/phats.h"

/* A new object; NULL: no memory. */
json_t *ph_phat_show(struct ph_phat *phat);

#endif
