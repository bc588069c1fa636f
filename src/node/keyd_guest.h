#ifndef PH_NODE_KEYD_GUEST_H
#define PH_NODE_KEYD_GUEST_H

/* What the guest agent asks phala-keyd. Both calls wait for the answer, as those of keyd_client.h;
 * PH_ERR_AGAIN at once while phala-keyd is stalled. Refusals of phala-keyd keep their class.
 *
 * Layer: node. Tests: tests/integration/guest_agent.test.mjs.
 */

#include "keys/dstack.h"
#include "node/keyd_client.h"

struct ph_guest_key {
    uint8_t key[32]; /* secret: the caller wipes it */
    uint8_t by_app[65], by_cluster[65];
};
PH_CHECKED enum ph_err ph_keyd_guest_key(struct ph_keyd_client *client,
                                         const struct ph_phat_id *phat, enum ph_dstack_alg alg,
                                         struct ph_bytes path, struct ph_bytes purpose,
                                         struct ph_guest_key *out);

struct ph_guest_signed {
    uint8_t sig[64], by_app[65], by_cluster[65];
    uint8_t public_key[PH_DSTACK_PUBLIC_MAX];
    size_t public_len;
};
PH_CHECKED enum ph_err ph_keyd_guest_sign(struct ph_keyd_client *client,
                                          const struct ph_phat_id *phat, enum ph_dstack_alg alg,
                                          struct ph_bytes data, struct ph_guest_signed *out);

/* A P-256 key: random, or of a path. PH_ERR_LIMIT: a path over PH_DSTACK_PATH_MAX. */
struct ph_guest_tls_key {
    uint8_t key[32]; /* secret: the caller wipes it */
    uint8_t pub[64];
};
PH_CHECKED enum ph_err ph_keyd_guest_tls_key(struct ph_keyd_client *client,
                                             const struct ph_phat_id *phat, bool random,
                                             struct ph_bytes path, struct ph_guest_tls_key *out);

/* A certificate for a key, by the phat's authority. Texts end in NUL each; borrowed. */
struct ph_guest_cert_wish {
    uint8_t usage; /* enum ph_guest_usage */
    uint64_t not_before, not_after;
    struct ph_bytes pub; /* empty: no leaf, only the authorities */
    struct ph_bytes subject, alt_names;
    struct ph_bytes app_info; /* PH_DSTACK_APP_INFO_LEN bytes; empty: none */
    struct ph_bytes quote;    /* over the key in dstack's manner; empty: none */
};
/* Leaf, the phat's authority, the cluster's: DER, appended. PH_ERR_MALFORMED: names or dates that
 * cannot stand in a certificate. */
PH_CHECKED enum ph_err ph_keyd_guest_cert(struct ph_keyd_client *client,
                                          const struct ph_phat_id *phat,
                                          const struct ph_guest_cert_wish *wish,
                                          struct ph_buf chain[static 3]);

#endif
