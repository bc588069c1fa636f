#ifndef PH_PHALA_KEYD_GUEST_H
#define PH_PHALA_KEYD_GUEST_H

/* The roles behind phalad --guest-agent: keys of one phat for programs beside the worker, as
 * dstack's guest agent gives them (keys/dstack.h). What comes from them is derived under a label of
 * its own; no other key of the worker or its cluster can be had or used here. */

#include "cluster.h"
#include "keyring.h"

#include "ipc/messages.h"

/* Answer GUEST_KEY: the key leaves, that is what is asked for. Errors with a sentence in `why`:
 * PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (algorithm), PH_ERR_LIMIT (path, purpose). */
PH_CHECKED enum ph_err guest_key(struct keyring *ring, const struct ph_ipc_frame *frame,
                                 struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);
/* Answer GUEST_SIGN, by the key of path "vms" and purpose "signing". Errors likewise;
 * PH_ERR_MALFORMED also: a digest that is not 32 bytes. */
PH_CHECKED enum ph_err guest_sign(struct keyring *ring, const struct ph_ipc_frame *frame,
                                  struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);

#endif
