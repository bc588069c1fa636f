#include "worker_key_roles.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "chain/consent.h"
#include "crypto/secp256k1.h"

bool worker_key_role_has(uint16_t type)
{
    return type == PH_IPC_WORKER_KEY || type == PH_IPC_WORKER_KEY_STEP ||
           type == PH_IPC_WORKER_KEY_KEPT || type == PH_IPC_WORKER_KEY_ROTATE;
}

static enum ph_err do_status(const struct worker_key_means *m, const struct ph_ipc_frame *frame,
                             struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_WORKER_KEY_IS answer = {.other_is = (uint8_t)m->ring->secrets->worker.other_is};

    if (ph_get_WORKER_KEY(frame) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WORKER_KEY takes no fields");
    memcpy(answer.other.b, m->ring->other.b, sizeof(answer.other.b));
    return ph_encode_WORKER_KEY_IS(reply, 0, frame->id, &answer);
}

static enum ph_err do_step(const struct worker_key_means *m, const struct ph_ipc_frame *frame,
                           struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    struct ph_msg_WORKER_KEY_STEP asked;

    if (ph_get_WORKER_KEY_STEP(frame, &asked) != PH_OK || asked.step < PH_WORKER_KEY_MAKE ||
        asked.step > PH_WORKER_KEY_FORGET)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WORKER_KEY_STEP: fields do not fit");
    const enum ph_err err = keyring_worker_step(m->ring, (enum ph_worker_key_step)asked.step);
    if (err == PH_ERR_CONFLICT)
        return cluster_refuse(
            why, err,
            asked.step == PH_WORKER_KEY_MAKE   ? "worker key: there is a second one already"
            : asked.step == PH_WORKER_KEY_SWAP ? "worker key: there is no second one to go over to"
                                               : "worker key: there is no previous one to forget");
    PH_TRY(err);
    PH_TRY(provider_state(m->provider, m->ring, keyring_stored(m->ring), &state));
    const struct ph_msg_WORKER_KEY_STATE answer = {.state = ph_buf_view(&state)};
    return ph_encode_WORKER_KEY_STATE(reply, 0, frame->id, &answer);
}

static enum ph_err do_kept(const struct worker_key_means *m, const struct ph_ipc_frame *frame,
                           struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    char signer[41], other[41];

    if (ph_get_WORKER_KEY_KEPT(frame) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WORKER_KEY_KEPT takes no fields");
    const enum ph_err err = keyring_worker_adopt(m->ring);
    if (err != PH_OK)
        return cluster_refuse(why, err, "WORKER_KEY_KEPT: no change of the key was begun");
    ph_hex_encode(PH_BYTES_OF(m->ring->signer.b), signer);
    ph_hex_encode(PH_BYTES_OF(m->ring->other.b), other);
    ph_log(PH_LOG_INFO, "the worker's keys changed", "signer", signer, "other", other, NULL);
    return ph_encode_WORKER_KEY_ADOPTED(reply, 0, frame->id);
}

/* The key that is in the registry now says which one is to follow; only the one that was made here
 * can. */
static enum ph_err do_rotate(const struct worker_key_means *m, const struct ph_ipc_frame *frame,
                             struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    const struct ph_registry_of where = {m->chain->network.chain_id, m->chain->network.registry};
    const struct keyring_secrets *s = m->ring->secrets;
    struct ph_msg_WORKER_KEY_ROTATE asked;
    struct ph_msg_SIGNED answer;
    struct ph_hash32 digest;

    if (!m->chain->is_set)
        return cluster_refuse(why, PH_ERR_NOT_FOUND,
                              "chain: phala-keyd was started without a network");
    if (ph_get_WORKER_KEY_ROTATE(frame, &asked) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WORKER_KEY_ROTATE: fields do not fit");
    if (s->worker.other_is != PH_WORKER_KEY_NEXT)
        return cluster_refuse(why, PH_ERR_CONFLICT, "worker key: there is no next one");
    ph_worker_rotate_digest(&where, &asked.id, &m->ring->other, &asked.beacon, &digest);
    PH_TRY(ph_eth_sign(s->receipt, &digest, answer.sig.b));
    return ph_encode_SIGNED(reply, 0, frame->id, &answer);
}

enum ph_err worker_key_role(const struct worker_key_means *means, const struct ph_ipc_frame *frame,
                            struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    switch (frame->type) {
    case PH_IPC_WORKER_KEY:
        return do_status(means, frame, reply, why);
    case PH_IPC_WORKER_KEY_STEP:
        return do_step(means, frame, reply, why);
    case PH_IPC_WORKER_KEY_KEPT:
        return do_kept(means, frame, reply, why);
    case PH_IPC_WORKER_KEY_ROTATE:
        return do_rotate(means, frame, reply, why);
    default:
        return cluster_refuse(why, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
    }
}
