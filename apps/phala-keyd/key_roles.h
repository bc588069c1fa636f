#ifndef PH_PHALA_KEYD_KEY_ROLES_H
#define PH_PHALA_KEYD_KEY_ROLES_H

/* The roles about the cluster's keys themselves: acts of their owners (keys/key_act.h), and what
 * follows from a rotation.
 *
 * Keys change in two steps, so that nothing is ever sealed under a key that a crash can take away:
 * what they will be is answered as the state file's content (KEYS_NEXT), and used once phalad says
 * that it is stored (KEYS_KEPT). Killed in between, the process starts with the one or the other.
 *
 * Errors come with a sentence in `why`.
 */

#include "cluster.h"
#include "heads.h"
#include "keyring.h"
#include "provider.h"

#include "ipc/messages.h"

enum { KEY_ACTS_MAX = 64 }; /* authorised within the time that a nonce is valid */

struct key_acts {
    struct {
        uint8_t nonce[32];
        int64_t until_s;
    } spent[KEY_ACTS_MAX];
};

/* What they need of this process; borrowed. */
struct key_means {
    struct keyring *ring;
    struct key_acts *acts;
    const struct provider *provider;
    const struct heads *heads;
    struct ph_secret *plain; /* for an opened set of secrets */
};

/* KEYS_STATUS, KEYS_NONCE, KEYS_ROTATE, KEYS_KEPT, KEYS_RETIRE, KEYS_RETIRE_SIGNED,
 * KEYS_BACKUP, SECRETS_RESEAL.
 * PH_ERR_UNTRUSTED: not authorised. PH_ERR_UNSUPPORTED: the keys have no owners. PH_ERR_CONFLICT:
 * not as things are. PH_ERR_NOT_FOUND: nothing to do. PH_ERR_LIMIT, PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err key_role(const struct key_means *means, const struct ph_ipc_frame *frame,
                                struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);
/* Is the message one of those? */
bool key_role_has(uint16_t type);

#endif
