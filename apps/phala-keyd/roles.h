#ifndef PH_PHALA_KEYD_ROLES_H
#define PH_PHALA_KEYD_ROLES_H

/* What phala-keyd does for phalad: one datagram in, one datagram out. Every signature has a typed
 * meaning; nothing signs bytes that it does not understand. docs/keys.md lists the roles. */

#include "chain.h"
#include "cluster.h"
#include "heads.h"
#include "key_roles.h"
#include "keyring.h"
#include "marks.h"
#include "provider.h"
#include "restore.h"
#include "wallets.h"

#include "base/bytes.h"

enum {
    /* The largest request: a hand-over's message and the certificate of its connection. */
    KEYD_DATAGRAM_MAX = 112 * 1024,
    KEYD_PEER_URL_MAX = 255,
};

struct keyd {
    struct keyring ring;
    struct cluster cluster;
    struct key_acts acts;
    struct restore restore;
    struct provider provider; /* seals the state that a hand-over makes */
    uint8_t flags;            /* enum ph_keyd_flag */
    uint64_t last_batch_ms;   /* signed batches never go back in time */
    struct keyd_chain chain;  /* what may be signed for which network */
    struct heads heads;       /* newest commits of phats' states */
    struct wallets wallets;   /* of phats, and what was signed for them */
    struct mark_keeper marks; /* how they, and the floors of the ring, are kept and shared */
    struct ph_secret *plain;  /* PH_SECRETS_SEALED_MAX bytes for an opened set; owned */
};

/**
 * Answer one datagram.
 *
 * @datagram  as received; anything at all
 * @fd        the descriptor that came with it, or -1; borrowed
 * @reply     the answer is put into it: always exactly one, KEYD_FAIL when the request is refused
 *
 * Returns PH_ERR_NOMEM or PH_ERR_LIMIT when not even a refusal could be written.
 */
PH_CHECKED enum ph_err keyd_answer(struct keyd *keyd, struct ph_bytes datagram, int fd,
                                   struct ph_buf *reply);
/* Put a refusal into `reply`, for what never became a datagram. */
PH_CHECKED enum ph_err keyd_refuse(struct ph_buf *reply, uint64_t id, enum ph_err err,
                                   const char *message);

#endif
