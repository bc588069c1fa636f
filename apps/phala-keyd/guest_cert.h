#ifndef PH_PHALA_KEYD_GUEST_CERT_H
#define PH_PHALA_KEYD_GUEST_CERT_H

/* TLS keys and certificates of programs beside the worker, as dstack's guest agent gives them: a
 * key, random or of a path, and a chain from it over the phat's authority to the cluster's. The
 * authorities' keys stay here; what they sign is put together here.
 *
 * Tests: tests/integration/guest_agent.test.mjs.
 */

#include "cluster.h"
#include "keyring.h"

#include "ipc/messages.h"

/* Answer GUEST_TLS_KEY and GUEST_CERT. `why` is written when refused. PH_ERR_MALFORMED: fields that
 * do not fit, or names that cannot stand in a certificate. PH_ERR_LIMIT: longer than ipc/messages.h
 * says. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err guest_tls_key(struct keyring *ring, const struct ph_ipc_frame *frame,
                                     struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);
PH_CHECKED enum ph_err guest_cert(struct keyring *ring, const struct ph_ipc_frame *frame,
                                  struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);

#endif
