#include "state_roles.h"

#include "base/clock.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "ipc/state_packets.h"

#include <errno.h>
#include <unistd.h>

/* A phat's state key of an epoch, into the scratch memory, which the caller wipes. */
static enum ph_err derive_state_key(struct job *job, const struct ph_phat_id *phat, uint32_t epoch)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    const uint8_t *master = ph_cluster_keys_master(&s->cluster, epoch);

    if (!master)
        return because(job, PH_ERR_UNTRUSTED,
                       "state: the commit is of a key epoch that this cluster does not have");
    return ph_keys_phat_state(master, phat, s->scratch);
}

/* The key goes to the phat's process and nowhere else: phalad's end of the channel is written to,
 * so that the other end reads it. */
static enum ph_err send_state_key(struct job *job, const struct ph_phat_id *phat, uint32_t epoch,
                                  uint32_t follow)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    uint8_t packet[PH_STATE_PACKET_HEAD + 32];
    ssize_t n;

    PH_TRY(derive_state_key(job, phat, epoch));
    ph_state_packet_head(PH_STATE_KEY, (uint8_t)follow, epoch, packet);
    memcpy(packet + PH_STATE_PACKET_HEAD, s->scratch, 32);
    do
        n = write(job->fd, packet, sizeof(packet));
    while (n < 0 && errno == EINTR);
    ph_wipe(packet, sizeof(packet));
    ph_wipe(s->scratch, 32);
    return n == (ssize_t)sizeof(packet)
               ? PH_OK
               : because(job, PH_ERR_IO, "STATE_KEY: the channel does not take the key");
}

/* The keys of all epochs that a state's pages can be of, and the newest, which seals; a new state's
 * are of the newest alone. */
static enum ph_err send_state_keys(struct job *job, const struct ph_phat_id *phat,
                                   const struct ph_state_head *head)
{
    const struct ph_cluster_keys *keys = &job->keyd->ring.secrets->cluster;
    uint32_t at = keys->epoch_cnt - 1;
    const uint32_t oldest = !head                    ? keys->epoch[at].epoch
                            : head->older_epoch != 0 ? head->older_epoch
                                                     : head->key_epoch;

    if (job->fd < 0)
        return because(job, PH_ERR_MALFORMED, "STATE_KEY: no channel came with it");
    while (at > 0 && keys->epoch[at].epoch > oldest)
        at--;
    if (keys->epoch[at].epoch != oldest)
        return because(job, PH_ERR_UNTRUSTED,
                       "state: pages are of a key epoch that this cluster does not have");
    for (; at < keys->epoch_cnt; at++)
        PH_TRY(send_state_key(job, phat, keys->epoch[at].epoch, keys->epoch_cnt - 1 - at));
    return PH_OK;
}

/* A head with the mac of its phat's state key. */
static enum ph_err judge_head(struct job *job, struct ph_bytes raw, struct ph_state_head *head,
                              struct ph_hash32 *hash)
{
    if (ph_state_head_parse(raw, head) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "state: what storage shows is no commit");
    PH_TRY(derive_state_key(job, &head->phat, head->key_epoch));
    const enum ph_err err = ph_state_mac_check(job->keyd->ring.secrets->scratch, raw.ptr);
    ph_wipe(job->keyd->ring.secrets->scratch, 32);
    if (err != PH_OK)
        return because(job, err, "state: what storage shows was not committed by this phat");
    ph_state_commit_hash(raw.ptr, hash);
    return PH_OK;
}

static enum ph_err advance(struct job *job, struct ph_bytes raw,
                           enum ph_err (*take)(struct heads *, const struct ph_state_head *,
                                               const struct ph_hash32 *, const char **))
{
    struct ph_state_head head;
    struct ph_hash32 hash;
    const char *why = "state: no memory";

    PH_TRY(judge_head(job, raw, &head, &hash));
    const enum ph_err err = take(&job->keyd->heads, &head, &hash, &why);
    if (err != PH_OK)
        return because(job, err, why);
    return ph_encode_STATE_ADVANCED(job->reply, 0, job->frame->id);
}

static enum ph_err do_state_skip(struct job *job)
{
    struct ph_msg_STATE_SKIP m;

    if (ph_get_STATE_SKIP(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "STATE_SKIP: fields do not fit");
    return advance(job, m.head, heads_skip);
}

static enum ph_err do_state_known(struct job *job)
{
    struct ph_msg_STATE_KNOWN m;
    struct ph_msg_STATE_IS answer = {0};

    if (ph_get_STATE_KNOWN(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "STATE_KNOWN: fields do not fit");
    answer.known = heads_known(&job->keyd->heads, &m.phat, &answer.index);
    return ph_encode_STATE_IS(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_state_key(struct job *job)
{
    struct ph_msg_STATE_KEY m;
    struct ph_state_head head;
    struct ph_hash32 hash;
    const char *why = "state: no memory";

    if (ph_get_STATE_KEY(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "STATE_KEY: fields do not fit");
    if (m.head.len > 0) {
        PH_TRY(judge_head(job, m.head, &head, &hash));
        if (memcmp(head.phat.b, m.phat.b, sizeof(m.phat.b)) != 0)
            return because(job, PH_ERR_UNTRUSTED, "state: the log is that of another phat");
    }
    const enum ph_err err =
        heads_open(&job->keyd->heads, &m.phat, m.head.len > 0 ? &head : NULL, &hash, &why);
    if (err != PH_OK)
        return because(job, err, why);
    PH_TRY(send_state_keys(job, &m.phat, m.head.len > 0 ? &head : NULL));
    return ph_encode_STATE_KEY_SENT(job->reply, 0, job->frame->id);
}

/* A deletion that its owner signed: the commit after the newest one, of no pages. Nobody but the
 * phat's process and this one can make a commit, and the process is no more. */
static enum ph_err do_state_wipe(struct job *job)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    struct ph_msg_STATE_WIPE m;
    struct ph_owner_request req;
    struct ph_phat_id phat;
    struct ph_state_head head;
    struct ph_hash32 hash;
    const char *why = "state: no memory";
    uint8_t raw[PH_STATE_HEAD_LEN];

    if (ph_get_STATE_WIPE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "STATE_WIPE: fields do not fit");
    PH_TRY(owner_of(job, m.request, &m.owner_sig, "delete", &req, &phat));
    PH_TRY(judge_head(job, m.head, &head, &hash));
    if (memcmp(head.phat.b, phat.b, sizeof(phat.b)) != 0)
        return because(job, PH_ERR_UNTRUSTED, "state: the deletion is of another phat");
    const enum ph_err err = heads_open(&job->keyd->heads, &phat, &head, &hash, &why);
    if (err != PH_OK)
        return because(job, err, why);
    struct ph_state_head last = {.phat = phat,
                                 .index = head.index + 1,
                                 .key_epoch = ph_cluster_keys_newest(&s->cluster)->epoch,
                                 .prev = hash,
                                 .time_ms = (uint64_t)ph_clock_wall_ms()};
    ph_random(last.session.b, sizeof(last.session.b));
    ph_state_root_empty(&last.root);
    ph_sha256((struct ph_bytes){NULL, 0}, last.table_sha256.b);
    PH_TRY(derive_state_key(job, &phat, last.key_epoch));
    ph_state_head_encode(&last, raw);
    ph_state_mac(s->scratch, raw, last.mac);
    ph_wipe(s->scratch, sizeof(s->scratch));
    ph_state_head_encode(&last, raw);
    const struct ph_msg_STATE_WIPE_IS answer = {.head = PH_BYTES_OF(raw)};
    return ph_encode_STATE_WIPE_IS(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_state_advance(struct job *job)
{
    struct ph_msg_STATE_ADVANCE m;

    if (ph_get_STATE_ADVANCE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "STATE_ADVANCE: fields do not fit");
    return advance(job, m.head, heads_advance);
}

bool state_role_has(uint16_t type)
{
    return type == PH_IPC_STATE_KNOWN || type == PH_IPC_STATE_SKIP || type == PH_IPC_STATE_WIPE ||
           type == PH_IPC_STATE_KEY || type == PH_IPC_STATE_ADVANCE;
}

enum ph_err state_role(struct job *job)
{
    switch (job->frame->type) {
    case PH_IPC_STATE_KNOWN:
        return do_state_known(job);
    case PH_IPC_STATE_SKIP:
        return do_state_skip(job);
    case PH_IPC_STATE_WIPE:
        return do_state_wipe(job);
    case PH_IPC_STATE_KEY:
        return do_state_key(job);
    case PH_IPC_STATE_ADVANCE:
        return do_state_advance(job);
    default:
        return because(job, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
    }
}
