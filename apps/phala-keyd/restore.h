#ifndef PH_PHALA_KEYD_RESTORE_H
#define PH_PHALA_KEYD_RESTORE_H

/* A worker without keys puts those of its cluster together from a backup's shares (keys/escrow.h),
 * which holders seal to a key that is made here and bound by this machine's evidence. */

#include "cluster.h"
#include "keyring.h"
#include "provider.h"

#include "ipc/messages.h"

struct restore {
    bool wanted;                   /* the process was started for it */
    struct ph_eth_address cluster; /* and takes the keys of this cluster only */
    bool begun;                    /* ring->secrets->ephemeral is its key, whose public half … */
    uint8_t key[32];               /* … this is */
    struct ph_hash32 backup;       /* its head's hash: of the first share that came */
    uint32_t have, needed;         /* shares in ring->secrets->share; 0, 0: none came */
};

/* Answer RESTORE. PH_ERR_UNSUPPORTED: not started for it. PH_ERR_CONFLICT: there are keys. */
PH_CHECKED enum ph_err restore_is(struct restore *restore, struct keyring *ring,
                                  const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                  char why[static CLUSTER_WHY_LEN]);
/* Answer RESTORE_SHARE. With the last one the keys are the ring's next. PH_ERR_UNTRUSTED: a backup
 * that nobody signed or another cluster's, another backup than the first share's, a share that is
 * none of it, or shares that do not fit together. PH_ERR_CONFLICT: that share is here, or the keys
 * are. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED. */
PH_CHECKED enum ph_err restore_share(struct restore *restore, struct keyring *ring,
                                     const struct provider *provider,
                                     const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                     char why[static CLUSTER_WHY_LEN]);

#endif
