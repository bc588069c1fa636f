#include "restore.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "keys/escrow.h"

#include <stdio.h>

static enum ph_err may_restore(const struct restore *restore, const struct keyring *ring,
                               char why[static CLUSTER_WHY_LEN])
{
    if (keyring_has_cluster(ring))
        return cluster_refuse(why, PH_ERR_CONFLICT,
                              "restore: this worker has the keys of a cluster");
    if (!restore->wanted)
        return cluster_refuse(why, PH_ERR_UNSUPPORTED,
                              "restore: phalad was not started with --restore");
    return PH_OK;
}

enum ph_err restore_is(struct restore *restore, struct keyring *ring,
                       const struct ph_ipc_frame *frame, struct ph_buf *reply,
                       char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_RESTORE_IS answer = {.have = (uint8_t)restore->have,
                                       .needed = (uint8_t)restore->needed};

    if (ph_get_RESTORE(frame) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "RESTORE takes no fields");
    PH_TRY(may_restore(restore, ring, why));
    if (!restore->begun) {
        ph_random(ring->secrets->ephemeral, 32);
        if (ph_x25519_public(ring->secrets->ephemeral, restore->key) != PH_OK)
            return cluster_refuse(why, PH_ERR_NOMEM, "no memory for a key");
        restore->begun = true;
    }
    memcpy(answer.key.b, restore->key, sizeof(answer.key.b));
    memcpy(answer.cluster.b, restore->cluster.b, sizeof(answer.cluster.b));
    return ph_encode_RESTORE_IS(reply, 0, frame->id, &answer);
}

/* The backup that a share came with: of the cluster that is wanted, and the same as before. */
static enum ph_err judge_backup(const struct restore *restore, struct ph_bytes raw,
                                struct ph_escrow *out, char why[static CLUSTER_WHY_LEN])
{
    const enum ph_err err = ph_escrow_parse(raw, out);

    if (err != PH_OK)
        return cluster_refuse(why, err,
                              err == PH_ERR_UNTRUSTED
                                  ? "restore: the backup is not signed by the cluster it names"
                                  : "restore: not a backup of a cluster's keys");
    if (memcmp(out->cluster.b, restore->cluster.b, sizeof(out->cluster.b)) != 0)
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "restore: the backup is of another cluster");
    if (restore->have > 0 && memcmp(out->head.b, restore->backup.b, sizeof(out->head.b)) != 0)
        return cluster_refuse(
            why, PH_ERR_UNTRUSTED,
            "restore: the share is of another backup than those that came before");
    return PH_OK;
}

static enum ph_err take_share(struct restore *restore, struct keyring *ring,
                              const struct ph_escrow *backup, struct ph_bytes returned,
                              char why[static CLUSTER_WHY_LEN])
{
    struct keyring_secrets *s = ring->secrets;
    struct ph_shamir_share *at = &s->share[restore->have];

    PH_TRY(ph_escrow_take(backup, s->ephemeral, returned, at, why));
    for (uint32_t i = 0; i < restore->have; i++) {
        if (s->share[i].x != at->x)
            continue;
        ph_wipe(at, sizeof(*at));
        return cluster_refuse(why, PH_ERR_CONFLICT, "restore: this share is here already");
    }
    restore->backup = backup->head;
    restore->needed = backup->needed;
    restore->have++;
    return PH_OK;
}

/* Start over: what was combined is not the keys. */
static void forget(struct restore *restore, struct keyring *ring)
{
    ph_wipe(ring->secrets->share, sizeof(ring->secrets->share));
    restore->have = restore->needed = 0;
}

enum ph_err restore_share(struct restore *restore, struct keyring *ring,
                          const struct provider *provider, const struct ph_ipc_frame *frame,
                          struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    struct keyring_secrets *s = ring->secrets;
    struct ph_msg_RESTORE_SHARE m;
    struct ph_escrow backup;

    if (ph_get_RESTORE_SHARE(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "RESTORE_SHARE: fields do not fit");
    PH_TRY(may_restore(restore, ring, why));
    if (!restore->begun)
        return cluster_refuse(why, PH_ERR_CONFLICT, "restore: ask for the key first");
    if (s->next.epoch_cnt > 0)
        return cluster_refuse(why, PH_ERR_CONFLICT, "restore: the shares that are needed came");
    PH_TRY(judge_backup(restore, m.backup, &backup, why));
    PH_TRY(take_share(restore, ring, &backup, m.share, why));
    struct ph_msg_RESTORED answer = {.have = (uint8_t)restore->have,
                                     .needed = (uint8_t)restore->needed};
    if (restore->have == restore->needed) {
        const enum ph_err err = ph_escrow_combine(&backup, s->share, restore->have, &s->next, why);
        if (err != PH_OK)
            forget(restore, ring);
        PH_TRY(err);
        ph_wipe(s->share, sizeof(s->share));
        PH_TRY(provider_state(provider, ring, &s->next, &state));
        answer.state = ph_buf_view(&state);
    }
    return ph_encode_RESTORED(reply, 0, frame->id, &answer);
}
