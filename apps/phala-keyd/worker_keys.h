#ifndef PH_PHALA_KEYD_WORKER_KEYS_H
#define PH_PHALA_KEYD_WORKER_KEYS_H

/* The keys that are a worker's alone, and how the one that signs is replaced.
 *
 * At first all of them are derived from the seed. The first change writes them out, with a new
 * random seed in the place of the old one: what was derived from that can be forgotten. There is
 * then, for as long as the registry of a chain needs to go over from one key to the other, a second
 * key that signs:
 *
 *   none ── make ─▶ next ── swap ─▶ previous ── forget ─▶ none
 *                        ◀── swap ──              (a reorganisation took the change away)
 *
 * Each step is made twice: as what the state file is to hold, and, once it does, as what is used.
 *
 * Tests: worker_keys_test.c, worker_keys_fuzz.c; src/node/keyd_worker_key_test.c.
 */

#include "ipc/messages.h"

#include <stdbool.h>

enum { WORKER_KEYS_LEN = 1 + 4 * 32 };

/* In secret memory. Zero: everything is of the seed. */
struct worker_keys {
    bool written;       /* the rest holds; else it is zero */
    uint8_t seed[32];   /* what the seed is from now on */
    uint8_t tls[32];    /* P-256 */
    uint8_t chain[32];  /* secp256k1: the account that pays */
    uint8_t signer[32]; /* secp256k1: receipts and answers */
    uint8_t other[32];  /* secp256k1; zero with PH_WORKER_KEY_NONE */
    enum ph_worker_key other_is;
};

/**
 * What the keys are after a step.
 *
 * @out  its memory is secret; may not be `keys`
 *
 * Returns PH_ERR_CONFLICT  the step does not follow on where they are
 *         PH_ERR_NOMEM
 * with @out wiped.
 */
PH_CHECKED enum ph_err worker_keys_step(const struct worker_keys *keys,
                                        const uint8_t seed[static 32], enum ph_worker_key_step step,
                                        struct worker_keys *out);

/* u8 what the other is || tls 32 || chain 32 || signer 32 || other 32; only of written ones. */
void worker_keys_encode(const struct worker_keys *keys, uint8_t out[static WORKER_KEYS_LEN]);
/* PH_ERR_MALFORMED: no such kind, a key that is zero and should not be, or is not and should. */
PH_CHECKED enum ph_err worker_keys_decode(const uint8_t seed[static 32],
                                          const uint8_t raw[static WORKER_KEYS_LEN],
                                          struct worker_keys *out);

/* The account's key, the signing key and that of TLS: written, or of the seed. */
PH_CHECKED enum ph_err worker_keys_chain(const struct worker_keys *keys,
                                         const uint8_t seed[static 32], uint8_t out[static 32]);
PH_CHECKED enum ph_err worker_keys_signer(const struct worker_keys *keys,
                                          const uint8_t seed[static 32], uint8_t out[static 32]);
PH_CHECKED enum ph_err worker_keys_tls(const struct worker_keys *keys,
                                       const uint8_t seed[static 32], uint8_t out[static 32]);

#endif
