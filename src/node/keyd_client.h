#ifndef PH_NODE_KEYD_CLIENT_H
#define PH_NODE_KEYD_CLIENT_H

/* phalad's end of the channel to phala-keyd: start it, ask it, and sign batches without waiting.
 *
 * Calls that answer at once block for at most PH_KEYD_TIMEOUT_MS. Any thread may make them, several
 * at a time; none keeps another from being sent. Those about secrets, which the event loop makes,
 * give up at once while something else has waited for longer than PH_KEYD_STALL_MS. Batches are
 * sent, and their signatures collected when ph_keyd_client_fd turns readable; neither blocks.
 *
 * When phala-keyd is gone every call gives PH_ERR_CLOSED, for ever: free the client and start
 * another one (keys come back from the state file; pending batches are to be sent again).
 *
 * Layer: node. Messages: ipc/messages.h. Tests: keyd_process_test.c (the real process).
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "ipc/messages.h"
#include "keys/eip712.h"
#include "keys/handover.h"
#include "keys/ohttp.h"

#include <stdbool.h>

enum {
    PH_KEYD_TIMEOUT_MS = 2000,
    PH_KEYD_STALL_MS = 500,
    PH_KEYD_BATCHES_MAX = 64, /* signatures asked for and not yet collected */
    PH_KEYD_WHY_LEN = 256,
};

struct ph_keyd_config {
    const char *path;              /* executable of phala-keyd */
    const char *state;             /* its state file; made when absent. Ignored with seal "none" */
    const char *seal;              /* "simulator:FILE", "snp" or "none": docs/keys.md */
    const char *network;           /* file: what is signed for a chain; NULL: nothing is */
    const char *cluster_policy;    /* file; NULL: nothing is handed over */
    bool join;                     /* without a state: wait for the keys of a cluster */
    const char *restore;           /* without a state: wait for a backup's shares of this cluster's
                                      keys, 0x…; NULL: do not */
    const char *const *key_owners; /* 0x… of those who must sign for acts on the keys of a cluster
                                      that is founded; NULL: nobody may */
    size_t key_owner_cnt;          /* at most PH_KEY_OWNERS_MAX */
    uint32_t key_owners_needed;
};

/* What phala-keyd says about itself. */
struct ph_keyd_info {
    struct ph_eth_address signer;
    uint8_t signer_pub[64];        /* secp256k1 x || y */
    struct ph_eth_address cluster; /* zero: it waits for the keys of one */
    uint32_t epoch;                /* newest of the cluster; 0 likewise */
    uint8_t caller_x25519[32];
    uint8_t tls_pub[64]; /* P-256 x || y */
    uint8_t ohttp_x25519[32];
    uint8_t flags;           /* enum ph_keyd_flag */
    struct ph_hash32 policy; /* SHA-256 of the cluster policy; zero: none */
};

struct ph_keyd_client;

/**
 * Start phala-keyd as a child and ask who it is.
 *
 * The child inherits standard error and the channel, and nothing else (no environment either); it
 * exits when the channel closes, so also when this process dies. Nobody else may reap it.
 *
 * @config   borrowed for the call
 * @out      on PH_OK, freed by the caller with ph_keyd_client_free; else untouched
 * @why      written when refused
 *
 * Returns PH_ERR_IO      cannot be started
 *         PH_ERR_CLOSED  it ended at once: its own log says why (bad state file, other sealing key)
 *         PH_ERR_AGAIN   no answer in time
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_keyd_client_start(const struct ph_keyd_config *config,
                                            struct ph_keyd_client **out,
                                            char why[static PH_KEYD_WHY_LEN]);
/* Closes the channel, on which phala-keyd exits; waits for it (a second, then SIGKILL). NULL is
 * fine. */
void ph_keyd_client_free(struct ph_keyd_client *client);

/* As answered at the start, or to ph_keyd_client_ask_info. Both on one thread. */
const struct ph_keyd_info *ph_keyd_client_info(const struct ph_keyd_client *client);
/* Ask again: its keys are others now. */
PH_CHECKED enum ph_err ph_keyd_client_ask_info(struct ph_keyd_client *client);
/* Its process id; for logs and tests. */
int ph_keyd_client_pid(const struct ph_keyd_client *client);

/* All that follow: PH_ERR_CLOSED phala-keyd is gone; PH_ERR_AGAIN no answer in time (the late one
 * is dropped); else the class that phala-keyd gave, with its sentence in `why` where there is one.
 */

/* EIP-712 signature over a batch. PH_ERR_MALFORMED: count is 0 or above PH_RECEIPT_BATCH_MAX.
 * PH_ERR_CONFLICT: time_ms is below that of an earlier batch. */
PH_CHECKED enum ph_err ph_keyd_client_sign_batch(struct ph_keyd_client *client,
                                                 const struct ph_hash32 *root, uint32_t count,
                                                 uint64_t time_ms, uint8_t sig[static 65]);

/* The same without waiting: `tag` comes back with the signature. PH_ERR_LIMIT: PH_KEYD_BATCHES_MAX
 * are under way. */
PH_CHECKED enum ph_err ph_keyd_client_sign_batch_send(struct ph_keyd_client *client, uint64_t tag,
                                                      const struct ph_hash32 *root, uint32_t count,
                                                      uint64_t time_ms);
/* A descriptor for the event loop: readable when ph_keyd_client_poll has something. Owned by the
 * client. */
int ph_keyd_client_fd(const struct ph_keyd_client *client);

struct ph_keyd_signed {
    uint64_t tag;
    enum ph_err result; /* PH_OK: sig holds */
    uint8_t sig[65];
};
/* Collect one result; call until PH_ERR_AGAIN. PH_ERR_CLOSED: nothing more will come. */
PH_CHECKED enum ph_err ph_keyd_client_poll(struct ph_keyd_client *client,
                                           struct ph_keyd_signed *out);

/* ECDSA over P-256 for a TLS 1.3 CertificateVerify or a TLS 1.2 key exchange: DER signature over
 * the SHA-256 digest, at most 72 bytes. PH_ERR_UNSUPPORTED: scheme is not ecdsa_secp256r1_sha256.
 */
PH_CHECKED enum ph_err ph_keyd_client_tls_sign(struct ph_keyd_client *client, uint16_t scheme,
                                               const uint8_t digest[static 32],
                                               uint8_t sig[static PH_TLS_SIG_MAX], size_t *sig_len);

/* Turn an owner's envelope into the stored form, appended to `sealed`. `request` is the signed
 * owner request with action "secrets" (its `expires` is the caller's to judge).
 * PH_ERR_UNTRUSTED: signature, worker, content hash or envelope do not fit. PH_ERR_MALFORMED,
 * PH_ERR_LIMIT: the document inside. */
PH_CHECKED enum ph_err ph_keyd_client_secrets_seal(struct ph_keyd_client *client,
                                                   const struct ph_owner_request *request,
                                                   const uint8_t owner_sig[static 65],
                                                   struct ph_bytes envelope, struct ph_buf *sealed,
                                                   char why[static PH_KEYD_WHY_LEN]);

/* Have the document written into `pipe_fd` (a pipe's write end, empty; borrowed: the caller closes
 * its own copy) for the instance at the other end. `deploy` is the stored, owner-signed request
 * with action "deploy" of the bundle that is to run. *len: bytes in the pipe.
 * PH_ERR_UNTRUSTED: not signed by the owner of the phat that the blob was sealed for.
 * PH_ERR_LIMIT: the pipe does not hold it. */
PH_CHECKED enum ph_err
ph_keyd_client_secrets_release(struct ph_keyd_client *client, const struct ph_owner_request *deploy,
                               const uint8_t owner_sig[static 65], struct ph_bytes sealed,
                               int pipe_fd, uint32_t *len, char why[static PH_KEYD_WHY_LEN]);

/* Which commit of a phat is the newest that phala-keyd knows; PH_ERR_NOT_FOUND: it knows none. */
PH_CHECKED enum ph_err ph_keyd_client_state_known(struct ph_keyd_client *client,
                                                  const struct ph_phat_id *phat, uint64_t *index,
                                                  char why[static PH_KEYD_WHY_LEN]);
/* The log begins with this head, which lies beyond what follows the known one. PH_ERR_UNTRUSTED:
 * it does not, or was not committed by the phat. */
PH_CHECKED enum ph_err ph_keyd_client_state_skip(struct ph_keyd_client *client,
                                                 struct ph_bytes head,
                                                 char why[static PH_KEYD_WHY_LEN]);

/* What proves that a worker with the cluster's keys says it is reached at this URL. */
PH_CHECKED enum ph_err ph_keyd_client_peer_url(struct ph_keyd_client *client, struct ph_bytes url,
                                               struct ph_hash32 *mac,
                                               char why[static PH_KEYD_WHY_LEN]);

/* A phat's state is opened: hold the newest head of its log (empty: none) against what phala-keyd
 * knows, and send the state key to the other end of `channel_fd` (docs/state.md). PH_ERR_UNTRUSTED:
 * storage shows an older, forked or forged history: see why. */
PH_CHECKED enum ph_err ph_keyd_client_state_key(struct ph_keyd_client *client,
                                                const struct ph_phat_id *phat, struct ph_bytes head,
                                                int channel_fd, char why[static PH_KEYD_WHY_LEN]);
/* A commit is durable: its head becomes the newest. PH_ERR_UNTRUSTED: it does not follow. */
PH_CHECKED enum ph_err ph_keyd_client_state_advance(struct ph_keyd_client *client,
                                                    struct ph_bytes head,
                                                    char why[static PH_KEYD_WHY_LEN]);

/* Hand-over of the cluster's keys: keys/handover.h. PH_ERR_UNSUPPORTED: no cluster policy. */

/* Giver: a nonce for one hand-over. PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_keyd_client_cluster_nonce(struct ph_keyd_client *client,
                                                    uint8_t out[static 32],
                                                    char why[static PH_KEYD_WHY_LEN]);
struct ph_keyd_given {
    struct ph_eth_address joiner;
    char measurement[128];
    uint8_t report_data[64]; /* for the evidence that goes with the answer */
    uint8_t sealed[PH_HANDOVER_SEALED_MAX];
    size_t sealed_len;
};
/* Giver: the joiner's message, and the certificate (DER) of the connection that it came over, to be
 * judged. PH_ERR_UNTRUSTED: refused. */
PH_CHECKED enum ph_err ph_keyd_client_cluster_give(struct ph_keyd_client *client,
                                                   const uint8_t exporter[static 32],
                                                   struct ph_bytes certificate,
                                                   struct ph_bytes join, struct ph_keyd_given *out,
                                                   char why[static PH_KEYD_WHY_LEN]);
/* Joiner: a key, and the report data for the evidence that goes with it; @certificate is the
 * giver's. PH_ERR_UNTRUSTED: none that a worker has. */
PH_CHECKED enum ph_err
ph_keyd_client_cluster_ask(struct ph_keyd_client *client, const uint8_t nonce[static 32],
                           const uint8_t exporter[static 32], struct ph_bytes certificate,
                           uint8_t key[static 32], uint8_t report_data[static 64],
                           char why[static PH_KEYD_WHY_LEN]);
/* Joiner: the giver's message, to be judged. `state`, appended, is what the state file must hold
 * from now on (nothing with seal "none"). A worker that has its keys took newer epochs, which are
 * in use after ph_keyd_keys_kept; PH_ERR_NOT_FOUND: none is newer. */
PH_CHECKED enum ph_err
ph_keyd_client_cluster_take(struct ph_keyd_client *client, struct ph_bytes certificate,
                            struct ph_bytes give, char measurement[static 128],
                            struct ph_buf *state, char why[static PH_KEYD_WHY_LEN]);

/* The keys of one encapsulated request from its head, PH_OHTTP_HEAD_LEN bytes as they came.
 * PH_ERR_UNSUPPORTED: for another key or suite. PH_ERR_UNTRUSTED: its enc is no public key.
 * PH_ERR_MALFORMED: another length. PH_ERR_AGAIN also at once while phala-keyd is stalled. The
 * caller wipes *out. */
PH_CHECKED enum ph_err ph_keyd_client_ohttp_open(struct ph_keyd_client *client,
                                                 struct ph_bytes head,
                                                 struct ph_ohttp_session *out);

#endif
