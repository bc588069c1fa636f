#ifndef PH_NODE_CONFIG_H
#define PH_NODE_CONFIG_H

/* The command line of phalad: everything an operator decides. No environment variable changes what
 * is checked.
 *
 * Layer: node. Documented in docs/operator.md. Tests: config_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "keys/cluster.h"
#include "store/receipts.h"

enum {
    PH_CONFIG_LIST_MAX = 16,
    PH_CONFIG_GUEST_DIR_MAX = 107 - 46,
    PH_CONFIG_MEMBERS_MAX = 16,
    PH_CONFIG_CHAIN_URLS_MAX = 8,
    PH_CONFIG_CHAIN_INPUTS_MAX = 4
};

struct ph_listen {
    char address[108];
    uint16_t port;
    bool tls;
    bool one_phat; /* every path belongs to `phat` */
    struct ph_phat_id phat;
};

enum ph_tee_choice {
    PH_TEE_CHOICE_AUTO,
    PH_TEE_CHOICE_TSM,
    PH_TEE_CHOICE_SIMULATOR,
    PH_TEE_CHOICE_SIMULATOR_SNP
};

struct ph_config {
    const char *data_dir;
    struct ph_listen listen[PH_CONFIG_LIST_MAX];
    size_t listen_cnt;
    const char *domain;        /* phats answer at <id>.<domain>; NULL: path routing only */
    const char *tls_cert_file; /* PEM chain for phala-keyd's TLS key; NULL: self-signed */
    const char *cluster_url;   /* where callers reach this worker; NULL: no cluster */
    bool open;                 /* any owner may deploy */
    struct ph_eth_address owners[PH_CONFIG_LIST_MAX];
    size_t owner_cnt;
    struct ph_eth_address operator_;
    enum ph_tee_choice tee;
    const char *os_images_file; /* measured images for POST /verify; NULL: none */
    const char *state_url;      /* commit log of states; NULL: files under data_dir */
    const char *collateral_dir; /* for quotes to verify that come without; NULL: none */
    const char *join_url;       /* worker to get a cluster's keys from; NULL: none */
    const char *cluster_policy; /* file; NULL: none */
    const char *network_file;   /* chain and contracts; NULL: the worker is on no chain */
    const char *chain_urls[PH_CONFIG_CHAIN_URLS_MAX];
    size_t chain_url_cnt;
    const char *chain_inputs[PH_CONFIG_CHAIN_INPUTS_MAX]; /* where inputs by hash may be */
    size_t chain_input_cnt;
    const char *member_urls[PH_CONFIG_MEMBERS_MAX]; /* committee members to ask */
    size_t member_url_cnt;
    uint32_t chain_quorum;        /* 0: more than half of them */
    uint32_t chain_confirmations; /* 0: final is what nodes call finalized */
    const char *restore; /* 0x… of the cluster whose keys come from a backup; NULL: none */
    const char *key_owners[PH_KEY_OWNERS_MAX]; /* 0x…, of the keys of a cluster that is founded */
    size_t key_owner_cnt;
    uint32_t key_owners_needed;
    uint32_t epoch_grace_s; /* older epochs of the keys are kept for so long at least */
    const char *guest_dir;  /* sockets of the guest agent; NULL: none */
    bool guest_quotes;      /* the guest agent makes quotes */
    bool ephemeral_keys;    /* accept that keys and secrets do not survive a restart */
    const char *keyd_path, *run_path;
    bool require_full_sandbox;
    bool jit;
    uint32_t warm;          /* instances that wait ready */
    bool spare;             /* a process waits to become an instance */
    uint32_t instances_max; /* instances that run phats; the longest idle goes first */
    uint32_t idle_s;        /* an instance without calls is ended after this */
    uint32_t grace_s;       /* for calls in flight at shutdown */
    uint32_t connections;
    uint32_t connections_per_address; /* over `connections` it does not count */
    const char *private_hosts_insecure[PH_CONFIG_LIST_MAX + 1];
    size_t private_host_cnt;
    const char *extra_ca_file;
    struct ph_receipt_keep receipt_keep;
    int ready_fd; /* -1: none */
    bool print_routes;
};

/**
 * Read the command line.
 *
 * @out  strings point into argv
 * @why  at least 256 bytes; a sentence that names the option
 *
 * Returns PH_ERR_MALFORMED
 */
PH_CHECKED enum ph_err ph_config_parse(int argc, char **argv, struct ph_config *out,
                                       char why[static 256]);
/* "http://host", "https://host:443": scheme and authority, no path, at most 255 bytes. */
bool ph_url_is_base(struct ph_bytes url);
/* Text of --help, in pieces; NULL ends them. */
const char *const *ph_config_usage(void);

#endif
