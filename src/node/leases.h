#ifndef PH_NODE_LEASES_H
#define PH_NODE_LEASES_H

/* Which worker of a cluster has which phat's state: the leases of this one (docs/cluster.md).
 *
 * Without a cluster (node->leases is NULL) everything is held and certain.
 *
 * Layer: node. Tests: tests/integration/takeover.test.mjs.
 */

#include "node/loop.h"
#include "node/node.h"
#include "store/cluster_leases.h"

struct ph_phat;
struct ph_instance;

enum ph_lease_told { PH_LEASE_OURS, PH_LEASE_THEIRS, PH_LEASE_UNKNOWN };

/* Someone who waits to hear who has the lease; the storage is theirs. `url`: the holder's, with
 * PH_LEASE_THEIRS. */
struct ph_lease_waiter {
    void (*told)(void *ctx, enum ph_lease_told what, const char *url);
    void *ctx;
    struct ph_lease_waiter *next, **prev; /* prev NULL: does not wait */
};

/* Part of a phat. Zeroed: not held. */
struct ph_lease {
    bool held, asked;
    uint64_t epoch;
    int64_t certain_until_ns; /* ph_clock_boot_ns: no other can have it before then */
    struct ph_lease_waiter *waiters;
};

/* Start renewing. PH_OK and nothing without config->cluster_url. Errors are logged. */
PH_CHECKED enum ph_err ph_leases_open(struct ph_node *node);
/* Gives back everything that is held: after the states are closed. */
void ph_leases_close(struct ph_node *node);

/* The phat's state may be opened here. */
bool ph_lease_is_held(const struct ph_phat *phat);
/* Ask for the lease, and be told once, perhaps at once. */
void ph_lease_want(struct ph_phat *phat, struct ph_lease_waiter *waiter);
/* Do not be told any more. */
void ph_lease_forget(struct ph_lease_waiter *waiter);
/* Nothing needs it now: give it back, if it is held. */
void ph_lease_give_back(struct ph_phat *phat);

/* What an instance says may be heard: another worker cannot have its phat's state. Otherwise
 * nothing of it is heard until that is known again, and it ends if it is not. */
bool ph_lease_lets_speak(struct ph_instance *instance);

#endif
