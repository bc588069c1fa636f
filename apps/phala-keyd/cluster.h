#ifndef PH_PHALA_KEYD_CLUSTER_H
#define PH_PHALA_KEYD_CLUSTER_H

/* Hand-over of the cluster's keys between the phala-keyd of two workers (keys/handover.h): each
 * judges the other's evidence, and the certificate by which the other proved itself in the
 * connection's handshake, by the policy it was started with, by its own clock.
 *
 * Tests: cluster_test.c, tests/integration/cluster.test.mjs.
 */

#include "keyring.h"

#include "attest/policy.h"
#include "keys/handover.h"

#include <stdio.h>

enum {
    CLUSTER_NONCES = 1024,      /* hand-overs that wait for their second message */
    CLUSTER_NONCE_VALID_S = 60, /* a hardware quote may take seconds */
    CLUSTER_WHY_LEN = 256,
    CLUSTER_MEASUREMENT_LEN = 128, /* "tdx " and 96 hex digits, at most */
};

/* `err`, after the sentence that says why: what every role of phala-keyd refuses with. */
static inline enum ph_err cluster_refuse(char why[static CLUSTER_WHY_LEN], enum ph_err err,
                                         const char *text)
{
    (void)snprintf(why, CLUSTER_WHY_LEN, "%s", text);
    return err;
}

struct cluster {
    struct ph_policy *policy;     /* owned; NULL: nothing is handed over or taken */
    struct ph_hash32 policy_hash; /* SHA-256 of the policy's text; zero without one */
    struct {
        uint8_t nonce[32];
        int64_t until_s; /* 0: free */
    } nonce[CLUSTER_NONCES];
    bool asking; /* `ask` and ring->secrets->ephemeral hold */
    struct ph_handover ask;
};

/* Read the policy file: before lockdown. `why` names the place. */
PH_CHECKED enum ph_err cluster_load_policy(struct cluster *cluster, const char *path,
                                           char why[static CLUSTER_WHY_LEN]);
void cluster_clear(struct cluster *cluster);

/* Giver: a nonce that is good for one hand-over. PH_ERR_LIMIT: too many wait. PH_ERR_UNSUPPORTED:
 * no policy. */
PH_CHECKED enum ph_err cluster_nonce(struct cluster *cluster, int64_t now_s, uint8_t out[static 32],
                                     char why[static CLUSTER_WHY_LEN]);

struct cluster_given {
    struct ph_eth_address joiner;
    char measurement[CLUSTER_MEASUREMENT_LEN];
    uint8_t sealed[PH_HANDOVER_SEALED_MAX];
    size_t sealed_len;
    uint8_t report_data[64]; /* for the giver's evidence */
};
/**
 * Giver: judge a joiner and seal the cluster's keys to it. Its nonce is spent whatever comes out.
 *
 * @exporter     of the connection that the message came over
 * @certificate  of the joiner on that connection, DER
 * @message      keys/handover.h
 *
 * Returns PH_ERR_UNTRUSTED    the nonce is not ours, spent or too old; or the evidence is refused
 *         PH_ERR_UNSUPPORTED  no policy
 *         PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err cluster_give(struct cluster *cluster, const struct keyring *ring,
                                    const uint8_t exporter[static 32], struct ph_bytes certificate,
                                    struct ph_bytes message, int64_t now_s,
                                    struct cluster_given *out, char why[static CLUSTER_WHY_LEN]);

/* Joiner: a fresh key for one hand-over over a connection to whoever has `certificate`; an earlier
 * one that was not finished is forgotten. A worker that has its keys asks for newer epochs.
 * PH_ERR_UNSUPPORTED: no policy. PH_ERR_UNTRUSTED: no certificate for RA-TLS, or not in the form
 * that is a worker's own word. */
PH_CHECKED enum ph_err cluster_ask(struct cluster *cluster, struct keyring *ring,
                                   const uint8_t nonce[static 32],
                                   const uint8_t exporter[static 32], struct ph_bytes certificate,
                                   uint8_t key[static 32], uint8_t report_data[static 64],
                                   char why[static CLUSTER_WHY_LEN]);
/* Joiner: judge the giver, its certificate being that of the connection again, and take the keys,
 * or newer epochs of them as the ring's next keys; @measurement as in cluster_given.
 * PH_ERR_CONFLICT: nothing was asked for. PH_ERR_NOT_FOUND: nothing is newer. PH_ERR_LIMIT: too
 * many epochs. Others as cluster_give. */
PH_CHECKED enum ph_err cluster_take(struct cluster *cluster, struct keyring *ring,
                                    struct ph_bytes certificate, struct ph_bytes message,
                                    int64_t now_s, char measurement[static CLUSTER_MEASUREMENT_LEN],
                                    char why[static CLUSTER_WHY_LEN]);

#endif
