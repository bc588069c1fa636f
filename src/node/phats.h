#ifndef PH_NODE_PHATS_H
#define PH_NODE_PHATS_H

/* The phats deployed on this worker. Bundles stay on disk; what routing and limits need is in
 * memory.
 *
 * Layer: node. Tests: bundle_test.c, and the integration tests for everything that touches disk and
 * network.
 */

#include "node/leases.h"
#include "node/manifest.h"
#include "node/node.h"
#include "node/phat_log.h"
#include "store/phats.h"

struct ph_instance;
struct ph_wipe;

/* One bundle that an owner signed. Shared by the phat and the instances that run it. */
struct ph_version {
    unsigned refs;
    struct ph_owner_request request;
    uint8_t sig[65];
    struct ph_hash32 bundle_hash;
    struct ph_manifest manifest;
    uint32_t code_epoch; /* of the key that its code is encrypted to; 0: it is not */
};

struct ph_phat {
    struct ph_phat_id id;
    char id_text[41];
    struct ph_eth_address owner;
    uint64_t sequence;         /* of the newest accepted change */
    uint64_t bundle_sequence;  /* of the newest bundle, or of its deletion */
    uint64_t secrets_sequence; /* of the secrets stored; 0: none */
    uint64_t secrets_floor;    /* of the last deletion: secrets before it are over */
    uint64_t changed_ms;
    struct ph_version *version;       /* NULL: deleted */
    struct ph_instance *instance;     /* NULL: none runs */
    struct ph_instance *state_holder; /* has the state, or is about to; NULL: it went */
    bool state_busy;                  /* the state is opened for some instance, or open */
    struct ph_lease lease;            /* of its state, in a cluster */
    uint32_t calls;                   /* in flight */
    uint32_t holders;                 /* instances that point here */
    bool deploying;                   /* a new bundle is on trial */
    bool moving;                      /* its state is exported or imported */
    bool secrets_lost;                /* phala-keyd knows of some, storage shows none */
    bool unwiped;                     /* deleted, and its state may be there yet; the deletion: */
    struct ph_owner_request deletion;
    uint8_t deletion_sig[65];
    uint64_t shared[2];   /* sequences of its records in the cluster's database; by ph_phat_file */
    struct ph_wipe *wipe; /* under way; NULL: none */
    struct ph_phat_log log;
    uint32_t guest_tag; /* of its guest agent socket; 0: it never had one */
    struct ph_timer cron_timer;
    struct ph_node *node;
    struct ph_phat *next; /* in its hash bucket */
};

/* What a bundle turned out to be. */
struct ph_bundle_info {
    struct ph_hash32 hash;       /* of encrypted code as it claims: its instance holds it to that */
    struct ph_manifest manifest; /* owned until moved */
    uint32_t code_epoch;         /* as in struct ph_version */
};
/**
 * Judge a bundle: the archive, its manifest, and where it can be read its main file.
 *
 * @why  on failure a sentence for the owner
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_bundle_open(struct ph_bytes archive, struct ph_bundle_info *out,
                                      struct ph_json_why *why);

/* Load everything under data/phats. A record that does not verify is left out, and logged. */
PH_CHECKED enum ph_err ph_phats_open(struct ph_node *node, struct ph_phats **out);
void ph_phats_close(struct ph_phats *phats);
struct ph_phat *ph_phats_find(const struct ph_phats *phats, const struct ph_phat_id *id);
/* Entry for an id that may be new; it has no version until one is put. PH_ERR_NOMEM, PH_ERR_LIMIT.
 */
PH_CHECKED enum ph_err ph_phats_ensure(struct ph_phats *phats, const struct ph_phat_id *id,
                                       const struct ph_eth_address *owner, struct ph_phat **out);
/* Forget an entry for which nothing was ever accepted, once nobody holds it; others stay. */
void ph_phat_release(struct ph_phat *phat);
void ph_phats_each(const struct ph_phats *phats, void (*fn)(void *ctx, struct ph_phat *phat),
                   void *ctx);

/* Store a bundle durably and make it the phat's version; `version` is taken over on PH_OK. */
PH_CHECKED enum ph_err ph_phat_put(struct ph_phat *phat, struct ph_version *version,
                                   struct ph_bytes archive);
/* Forget bundle and secrets durably; the request's sequence stays. phala-keyd is told. */
PH_CHECKED enum ph_err ph_phat_drop(struct ph_phat *phat, const struct ph_owner_request *request,
                                    const uint8_t sig[static 65]);
/* Store them durably, and have phala-keyd release none that are older. PH_ERR_AGAIN: it does not
 * answer; errors of storage. */
PH_CHECKED enum ph_err ph_phat_put_secrets(struct ph_phat *phat,
                                           const struct ph_owner_request *request,
                                           const uint8_t sig[static 65], struct ph_bytes sealed);
/* Replace the stored archive by one that says the same: its code's key encrypted to another epoch.
 */
PH_CHECKED enum ph_err ph_phat_put_rewrapped(struct ph_phat *phat, struct ph_bytes archive,
                                             uint32_t epoch);
/* Read the stored archive of the current version back, verified; and the sealed secrets
 * (PH_ERR_NOT_FOUND: none). */
PH_CHECKED enum ph_err ph_phat_read_bundle(const struct ph_phat *phat,
                                           const struct ph_version *version, struct ph_buf *out);
PH_CHECKED enum ph_err ph_phat_read_secrets(const struct ph_phat *phat, struct ph_buf *out);

/* The sealed secrets with the request that they were stored for. PH_ERR_NOT_FOUND: there are none.
 */
PH_CHECKED enum ph_err ph_phat_read_secrets_record(const struct ph_phat *phat,
                                                   struct ph_owner_request *request,
                                                   uint8_t sig[static 65], struct ph_buf *out);

/* A version that is not stored: moves the manifest out of info. */
PH_CHECKED enum ph_err ph_version_new(struct ph_bundle_info *info,
                                      const struct ph_owner_request *request,
                                      const uint8_t sig[static 65], struct ph_version **out);
struct ph_version *ph_version_ref(struct ph_version *version);
void ph_version_unref(struct ph_version *version);

#endif
