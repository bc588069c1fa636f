#ifndef PH_PHALA_KEYD_OWNER_CHECK_H
#define PH_PHALA_KEYD_OWNER_CHECK_H

/* Whether an owner asked for something: docs/keys.md. */

#include "cluster.h"

#include "ipc/messages.h"
#include "keys/eip712.h"

/**
 * An owner's request for this cluster with the action at hand.
 *
 * @raw   the request as it is encoded for storage and IPC
 * @req   what it says
 * @phat  of its signer and the name in it
 * @why   written when refused
 *
 * `expires` is not judged: some requests are old by design. Returns PH_ERR_MALFORMED,
 * PH_ERR_UNTRUSTED
 */
PH_CHECKED enum ph_err keyd_owner_of(const struct keyring *ring, struct ph_bytes raw,
                                     const struct ph_bytes65 *sig, const char *action,
                                     struct ph_owner_request *req, struct ph_phat_id *phat,
                                     char why[static CLUSTER_WHY_LEN]);

#endif
