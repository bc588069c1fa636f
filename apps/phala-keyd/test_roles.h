#ifndef PH_PHALA_KEYD_TEST_ROLES_H
#define PH_PHALA_KEYD_TEST_ROLES_H

/* Workers for tests of roles: what phala-keyd is without its process, asked as phalad asks it. */

#include "roles.h"

#include "base/test.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "ipc/messages.h"
#include "keys/eip712.h"

#include <stdio.h>

static struct ph_buf reply; /* the last answer */
static struct ph_ipc_frame frame;
static char why[256];

/* A worker of a cluster of its own, or of another one's. */
static inline void keyd_begin(struct keyd *keyd, const struct keyd *same_cluster)
{
    CHECK(keyring_init(&keyd->ring) == PH_OK);
    keyring_found(&keyd->ring, &(struct ph_key_owners){0});
    if (same_cluster)
        keyd->ring.secrets->cluster = same_cluster->ring.secrets->cluster;
    CHECK(keyring_derive(&keyd->ring) == PH_OK);
    ph_random(keyd->ring.secrets->sealing, 32);
    keyd->provider.kind = PROVIDER_SIMULATOR_INSECURE;
}

static inline void keyd_end(struct keyd *keyd)
{
    heads_clear(&keyd->heads);
    keyring_clear(&keyd->ring);
    *keyd = (struct keyd){0};
}

/* Send what was encoded. The class of the refusal, its sentence in `why`; PH_OK: the answer is in
 * `frame`. */
static inline enum ph_err keyd_send(struct keyd *keyd, enum ph_err encoded, struct ph_buf *request)
{
    struct ph_msg_KEYD_FAIL fail;

    CHECK(encoded == PH_OK);
    if (reply.limit == 0)
        reply = PH_BUF(KEYD_DATAGRAM_MAX);
    CHECK(keyd_answer(keyd, ph_buf_view(request), -1, &reply) == PH_OK);
    ph_buf_clear(request);
    CHECK(ph_ipc_decode(ph_buf_view(&reply), &frame) == PH_OK);
    if (ph_get_KEYD_FAIL(&frame, &fail) != PH_OK)
        return PH_OK;
    (void)snprintf(why, sizeof(why), "%.*s", (int)fail.message.len, (const char *)fail.message.ptr);
    return (enum ph_err)fail.err;
}

#endif
