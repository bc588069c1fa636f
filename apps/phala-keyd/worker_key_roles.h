#ifndef PH_PHALA_KEYD_WORKER_KEY_ROLES_H
#define PH_PHALA_KEYD_WORKER_KEY_ROLES_H

/* Replacing the key that a worker signs with (worker_keys.h): WORKER_KEY and what follows it in
 * ipc/messages.h. docs/keys.md lists the roles. */

#include "chain.h"
#include "provider.h"

struct worker_key_means {
    struct keyring *ring;
    const struct provider *provider;
    const struct keyd_chain *chain;
};

bool worker_key_role_has(uint16_t type);
/* Answer one of them. An error: `why` says what is refused. */
PH_CHECKED enum ph_err worker_key_role(const struct worker_key_means *means,
                                       const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                       char why[static CLUSTER_WHY_LEN]);

#endif
