#include "key_roles.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "keys/escrow.h"
#include "keys/secrets.h"

#include <stdio.h>

/* One request being answered. */
struct asked {
    const struct key_means *means;
    const struct ph_ipc_frame *frame;
    struct ph_buf *reply;
    char *why;
};

static enum ph_err refuse(const struct asked *a, enum ph_err err, const char *text)
{
    return cluster_refuse(a->why, err, text);
}

static int64_t now_s(void)
{
    return ph_clock_wall_ms() / 1000;
}

/* Nonces: u64be time of issue || 8 random || 16 of a mac under a key of this start. Issuing one
 * keeps nothing, so asking for many is no way to spend those of others. */

enum { NONCE_SAID = 16 };

static void nonce_mac(const struct keyring *ring, const uint8_t nonce[static NONCE_SAID],
                      uint8_t mac[static 32])
{
    ph_hmac_sha256(PH_BYTES_OF(ring->secrets->nonces), (struct ph_bytes){nonce, NONCE_SAID}, mac);
}

static enum ph_err do_nonce(const struct asked *a)
{
    struct ph_msg_KEYS_NONCE_IS answer;
    uint8_t mac[32];

    if (ph_get_KEYS_NONCE(a->frame) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_NONCE takes no fields");
    ph_put_u64be(answer.nonce.b, (uint64_t)now_s());
    ph_random(answer.nonce.b + 8, 8);
    nonce_mac(a->means->ring, answer.nonce.b, mac);
    memcpy(answer.nonce.b + NONCE_SAID, mac, 16);
    return ph_encode_KEYS_NONCE_IS(a->reply, 0, a->frame->id, &answer);
}

static enum ph_err spend_nonce(const struct asked *a, const uint8_t nonce[static 32])
{
    struct key_acts *acts = a->means->acts;
    struct ph_reader r = {{nonce, 32}};
    const int64_t now = now_s();
    uint64_t issued = 0;
    uint8_t mac[32];
    size_t room = KEY_ACTS_MAX;

    nonce_mac(a->means->ring, nonce, mac);
    if (!ph_read_u64be(&r, &issued) || !ph_ct_equal(mac, nonce + NONCE_SAID, 16))
        return refuse(a, PH_ERR_UNTRUSTED,
                      "key act: its nonce is not of this worker since its last start: ask for one "
                      "and sign again");
    if (issued > (uint64_t)now || (uint64_t)now - issued > PH_KEY_ACT_VALID_S)
        return refuse(a, PH_ERR_UNTRUSTED, "key act: its nonce is older than an hour");
    for (size_t i = 0; i < KEY_ACTS_MAX; i++) {
        if (acts->spent[i].until_s <= now)
            room = i;
        else if (memcmp(acts->spent[i].nonce, nonce, 32) == 0)
            return refuse(a, PH_ERR_UNTRUSTED, "key act: it was done already");
    }
    if (room == KEY_ACTS_MAX)
        return refuse(a, PH_ERR_LIMIT, "key act: too many within an hour");
    memcpy(acts->spent[room].nonce, nonce, 32);
    acts->spent[room].until_s = (int64_t)issued + PH_KEY_ACT_VALID_S + 1;
    return PH_OK;
}

/* Is it what the keys' owners want this worker to do, now and once? */
static enum ph_err authorise(const struct asked *a, struct ph_bytes act, struct ph_bytes sigs,
                             const struct ph_phat_id *cluster, uint64_t expires,
                             enum ph_key_act_kind kind, struct ph_key_act *out)
{
    const struct keyring *ring = a->means->ring;
    struct ph_key_act_signed said = {
        .raw_len = act.len, .expires = expires, .sig_cnt = (uint32_t)(sigs.len / 65)};

    if (act.len > sizeof(said.raw) || sigs.len % 65 != 0 || sigs.len > sizeof(said.sig))
        return refuse(a, PH_ERR_MALFORMED, "key act: act or signatures have another length");
    memcpy(said.cluster.b, cluster->b, sizeof(said.cluster.b));
    if (act.len > 0)
        memcpy(said.raw, act.ptr, act.len);
    if (sigs.len > 0)
        memcpy(said.sig, sigs.ptr, sigs.len);
    PH_TRY(ph_key_act_judge(&said, &ring->secrets->cluster.owners, &ring->cluster, now_s(), out,
                            a->why));
    if (out->kind != kind)
        return refuse(a, PH_ERR_UNTRUSTED, "key act: signed for another purpose");
    if (memcmp(out->worker.b, ring->signer.b, sizeof(ring->signer.b)) != 0)
        return refuse(a, PH_ERR_UNTRUSTED, "key act: signed for another worker");
    if (out->epoch != ph_cluster_keys_newest(&ring->secrets->cluster)->epoch)
        return refuse(a, PH_ERR_CONFLICT, "key act: signed at another epoch than the newest here");
    return spend_nonce(a, out->nonce);
}

/* The next keys lie in the ring: answer what the state file is to hold. */
static enum ph_err answer_next(const struct asked *a)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    const struct ph_cluster_keys *next = &a->means->ring->secrets->next;

    PH_TRY(provider_state(a->means->provider, a->means->ring, next, &state));
    const struct ph_msg_KEYS_NEXT answer = {.epoch = ph_cluster_keys_newest(next)->epoch,
                                            .state = ph_buf_view(&state)};
    return ph_encode_KEYS_NEXT(a->reply, 0, a->frame->id, &answer);
}

static enum ph_err do_rotate(const struct asked *a)
{
    struct keyring_secrets *s = a->means->ring->secrets;
    struct ph_msg_KEYS_ROTATE m;
    struct ph_key_act act;

    if (ph_get_KEYS_ROTATE(a->frame, &m) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_ROTATE: fields do not fit");
    PH_TRY(authorise(a, m.act, m.sigs, &m.cluster, m.expires, PH_KEY_ACT_ROTATE, &act));
    memcpy(&s->next, &s->cluster, sizeof(s->next));
    ph_random(s->scratch, sizeof(s->scratch));
    const enum ph_err err = ph_cluster_keys_rotate(&s->next, s->scratch);
    ph_wipe(s->scratch, sizeof(s->scratch));
    if (err == PH_OK)
        return answer_next(a);
    ph_wipe(&s->next, sizeof(s->next));
    return refuse(a, err, "key act: 16 epochs are in use: the oldest must be retired first");
}

static enum ph_err do_kept(const struct asked *a)
{
    char epoch[16];

    if (ph_get_KEYS_KEPT(a->frame) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_KEPT takes no fields");
    const enum ph_err err = keyring_adopt(a->means->ring);
    if (err != PH_OK)
        return refuse(a, err, "KEYS_KEPT: there are no next keys");
    const struct ph_cluster_keys *keys = &a->means->ring->secrets->cluster;
    (void)snprintf(epoch, sizeof(epoch), "%u", ph_cluster_keys_newest(keys)->epoch);
    ph_log(PH_LOG_INFO, "the cluster's keys changed", "epoch", epoch, NULL);
    return ph_encode_KEYS_ADOPTED(a->reply, 0, a->frame->id);
}

static enum ph_err retire(const struct asked *a, uint32_t before)
{
    struct keyring_secrets *s = a->means->ring->secrets;

    if (heads_refer(a->means->heads, before))
        return refuse(a, PH_ERR_CONFLICT, "KEYS_RETIRE: a state that is known here refers to it");
    memcpy(&s->next, &s->cluster, sizeof(s->next));
    const enum ph_err err = ph_cluster_keys_retire(&s->next, before);
    if (err == PH_OK)
        return answer_next(a);
    ph_wipe(&s->next, sizeof(s->next));
    return refuse(a, err,
                  err == PH_ERR_CONFLICT ? "KEYS_RETIRE: no epoch is older"
                                         : "KEYS_RETIRE: there is no such epoch");
}

static enum ph_err do_retire(const struct asked *a)
{
    struct ph_msg_KEYS_RETIRE m;

    if (ph_get_KEYS_RETIRE(a->frame, &m) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_RETIRE: fields do not fit");
    return retire(a, m.before);
}

static enum ph_err do_retire_signed(const struct asked *a)
{
    struct ph_msg_KEYS_RETIRE_SIGNED m;
    struct ph_key_act act;

    if (ph_get_KEYS_RETIRE_SIGNED(a->frame, &m) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_RETIRE_SIGNED: fields do not fit");
    PH_TRY(authorise(a, m.act, m.sigs, &m.cluster, m.expires, PH_KEY_ACT_RETIRE, &act));
    return retire(a, act.epoch);
}

static enum ph_err do_status(const struct asked *a)
{
    const struct ph_cluster_keys *keys = &a->means->ring->secrets->cluster;
    uint8_t owners[PH_KEY_OWNERS_MAX * 20], epochs[PH_EPOCHS_MAX * 4];

    if (ph_get_KEYS_STATUS(a->frame) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_STATUS takes no fields");
    for (uint32_t i = 0; i < keys->owners.cnt; i++)
        memcpy(owners + (size_t)i * 20, keys->owners.owner[i].b, 20);
    for (uint32_t i = 0; i < keys->epoch_cnt; i++)
        ph_put_u32be(epochs + (size_t)i * 4, keys->epoch[i].epoch);
    const struct ph_msg_KEYS_STATUS_IS answer = {.needed = (uint8_t)keys->owners.needed,
                                                 .owners = {owners, (size_t)keys->owners.cnt * 20},
                                                 .epochs = {epochs, (size_t)keys->epoch_cnt * 4}};
    return ph_encode_KEYS_STATUS_IS(a->reply, 0, a->frame->id, &answer);
}

static enum ph_err do_backup(const struct asked *a)
{
    struct ph_buf backup PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    struct keyring_secrets *s = a->means->ring->secrets;
    struct ph_msg_KEYS_BACKUP m;
    struct ph_key_act act;

    if (ph_get_KEYS_BACKUP(a->frame, &m) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "KEYS_BACKUP: fields do not fit");
    PH_TRY(authorise(a, m.act, m.sigs, &m.cluster, m.expires, PH_KEY_ACT_BACKUP, &act));
    enum ph_err err = ph_keys_cluster(s->cluster.identity, s->scratch);
    if (err == PH_OK)
        err = ph_escrow_make(&s->cluster, &act, s->scratch, &a->means->ring->cluster,
                             (uint64_t)now_s(), &backup);
    ph_wipe(s->scratch, sizeof(s->scratch));
    if (err != PH_OK)
        return refuse(a, err, "backup: nothing can be sealed to one of the holders' keys");
    ph_log(PH_LOG_INFO, "a backup of the cluster's keys was made", NULL);
    const struct ph_msg_KEYS_BACKED_UP answer = {.backup = ph_buf_view(&backup)};
    return ph_encode_KEYS_BACKED_UP(a->reply, 0, a->frame->id, &answer);
}

/* The same document of the same change under the newest epoch: who may read it does not change, so
 * nobody has to sign. */
static enum ph_err reseal(const struct asked *a, const struct ph_msg_SECRETS_RESEAL *m,
                          const uint8_t *old_master, struct ph_buf *out)
{
    struct keyring_secrets *s = a->means->ring->secrets;
    const struct ph_epoch_key *newest = ph_cluster_keys_newest(&s->cluster);
    uint8_t *plain = ph_secret_at(a->means->plain);
    uint64_t sequence = 0;
    size_t len = 0;

    enum ph_err err = ph_keys_phat_secrets(old_master, &m->phat, s->scratch);
    if (err == PH_OK)
        err = ph_secrets_load(s->scratch, &m->phat, m->sealed, plain, &len, &sequence);
    if (err != PH_OK)
        (void)refuse(a, err, "SECRETS_RESEAL: not sealed by this cluster for this phat");
    else
        err = floors_judge(&a->means->ring->floors, &m->phat, sequence, a->why);
    if (err == PH_OK)
        err = ph_keys_phat_secrets(newest->master, &m->phat, s->scratch);
    if (err == PH_OK)
        err = ph_secrets_store(s->scratch, &m->phat, newest->epoch, sequence,
                               (struct ph_bytes){plain, len}, out);
    ph_wipe(s->scratch, sizeof(s->scratch));
    ph_wipe(plain, len);
    return err;
}

static enum ph_err do_reseal(const struct asked *a)
{
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    const struct ph_cluster_keys *keys = &a->means->ring->secrets->cluster;
    struct ph_msg_SECRETS_RESEAL m;
    uint32_t epoch;

    if (ph_get_SECRETS_RESEAL(a->frame, &m) != PH_OK || ph_secrets_epoch(m.sealed, &epoch) != PH_OK)
        return refuse(a, PH_ERR_MALFORMED, "SECRETS_RESEAL: fields do not fit");
    if (epoch == ph_cluster_keys_newest(keys)->epoch)
        return refuse(a, PH_ERR_NOT_FOUND, "SECRETS_RESEAL: they are of the newest epoch");
    const uint8_t *master = ph_cluster_keys_master(keys, epoch);
    if (!master)
        return refuse(a, PH_ERR_UNTRUSTED, "SECRETS_RESEAL: this cluster has no such epoch");
    PH_TRY(reseal(a, &m, master, &sealed));
    const struct ph_msg_SECRETS_SEALED answer = {.sealed = ph_buf_view(&sealed)};
    return ph_encode_SECRETS_SEALED(a->reply, 0, a->frame->id, &answer);
}

static const struct {
    uint16_t type;
    enum ph_err (*answer)(const struct asked *a);
} roles[] = {
    {PH_IPC_KEYS_STATUS, do_status},    {PH_IPC_KEYS_NONCE, do_nonce},
    {PH_IPC_KEYS_ROTATE, do_rotate},    {PH_IPC_KEYS_KEPT, do_kept},
    {PH_IPC_KEYS_RETIRE, do_retire},    {PH_IPC_KEYS_BACKUP, do_backup},
    {PH_IPC_SECRETS_RESEAL, do_reseal}, {PH_IPC_KEYS_RETIRE_SIGNED, do_retire_signed},
};

bool key_role_has(uint16_t type)
{
    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == type)
            return true;
    return false;
}

enum ph_err key_role(const struct key_means *means, const struct ph_ipc_frame *frame,
                     struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    const struct asked asked = {means, frame, reply, why};

    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == frame->type)
            return roles[i].answer(&asked);
    return refuse(&asked, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
}
