#ifndef PH_NODE_NODE_H
#define PH_NODE_NODE_H

/* The worker: what its parts share. One thread; every part below is called from the event loop.
 *
 *   config → node → http server → routes ─┬→ api (deploy, logs, receipts, attestation)
 *                                         └→ calls → instances (phala-run) → egress → http client
 *                                                      └→ batcher → phala-keyd
 *
 * Layer: node. Tests: the integration tests run the whole worker.
 */

#include "http/client.h"
#include "http/server.h"
#include "keys/report_data.h"
#include "node/batcher.h"
#include "node/config.h"
#include "node/loop.h"
#include "node/metrics.h"

struct ph_phats;
struct ph_instances;
struct ph_tee;
struct ph_attester;
struct ph_verifier;
struct ph_state_server;
struct ph_leases;
struct ph_records;
struct ph_private_gateway;
struct ph_chain_worker;
struct ph_guest_agents;
struct ph_marks_keeper;
struct ph_refresh;
struct ph_rekey;
struct ph_worker_certs;

struct ph_node {
    const struct ph_config *config;
    struct ph_loop *loop;
    struct ph_http_server *server;
    struct ph_http_client *client;
    struct ph_keyd_client *keyd;
    struct ph_receipt_store *receipts;
    struct ph_batcher *batcher;
    struct ph_phats *phats;
    struct ph_instances *instances;
    struct ph_tee *tee;
    struct ph_worker_identity identity;
    bool keys_ephemeral; /* phala-keyd forgets its keys at exit */
    bool insecure_simulator;
    char signer_text[43]; /* 0x… */
    struct ph_metrics metrics;
    struct ph_attester *attester;
    struct ph_verifier *verifier;
    struct ph_state_server *states;
    struct ph_leases *leases;   /* NULL: no cluster */
    struct ph_records *records; /* the same */
    uint32_t calls_gated;       /* calls that wait to hear who has their phat's state */
    struct ph_private_gateway *gateway;
    struct ph_chain_worker *chain;  /* NULL: the worker is on no chain */
    struct ph_guest_agents *guests; /* NULL: no guest agent */
    struct ph_marks_keeper *marks;  /* stores what storage is held against */
    struct ph_refresh *refresh;     /* NULL: no newer epochs are asked for */
    struct ph_rekey *rekey;
    struct ph_worker_certs *certs; /* NULL: nobody is shown one */
    bool restoring;                /* waits for a backup's shares: serves nothing else */
    int state_pages_fd;
    struct ph_buf scratch;              /* header block of the answer being sent */
    uint16_t ports[PH_CONFIG_LIST_MAX]; /* bound, as config->listen */
    int64_t stop_deadline_ns;
    uint32_t deploys_open; /* bundles being received or tried */
    bool stopping;
    bool failed; /* a fatal error ended the loop */
    struct ph_timer stop_timer, housekeeping;
    struct ph_watch signal_watch, keyd_watch, server_watch, client_watch;
    int signal_fd;
};

/* Bring everything up; the listeners answer when this returns. Errors are logged. */
PH_CHECKED enum ph_err ph_node_start(const struct ph_config *config, struct ph_node *node);
/* Run until SIGTERM or SIGINT: stop accepting, finish what is in flight (at most config->grace_s),
 * sign and store the last receipts. Yields the process exit status. */
int ph_node_run(struct ph_node *node);
void ph_node_stop(struct ph_node *node);
/* Something without which the worker must not answer is gone: log, stop, exit status 1. */
void ph_node_fatal(void *node, const char *why);

#endif
