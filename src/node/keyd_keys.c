#include "node/keyd_keys.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_keys_status(struct ph_keyd_client *client, struct ph_keyd_keys *out,
                                char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_KEYS_STATUS_IS got;
    struct ph_keyd_keys keys = {0};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_STATUS(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_KEYS_STATUS_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    struct ph_reader owners = {got.owners}, epochs = {got.epochs};
    keys.owners.needed = got.needed;
    while (keys.owners.cnt < PH_KEY_OWNERS_MAX &&
           ph_read_copy(&owners, keys.owners.owner[keys.owners.cnt].b, 20))
        keys.owners.cnt++;
    while (keys.epoch_cnt < PH_EPOCHS_MAX && ph_read_u32be(&epochs, &keys.epoch[keys.epoch_cnt]))
        keys.epoch_cnt++;
    if (owners.rest.len > 0 || epochs.rest.len > 0)
        return PH_ERR_IO;
    *out = keys;
    return PH_OK;
}

enum ph_err ph_keyd_keys_nonce(struct ph_keyd_client *client, uint8_t out[static 32],
                               char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_KEYS_NONCE_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_NONCE(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_KEYS_NONCE_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    memcpy(out, got.nonce.b, 32);
    return PH_OK;
}

static struct ph_phat_id cluster_of(const struct ph_key_act_signed *act)
{
    struct ph_phat_id id; /* twenty bytes, as messages carry them */

    memcpy(id.b, act->cluster.b, sizeof(id.b));
    return id;
}

enum ph_err ph_keyd_keys_rotate(struct ph_keyd_client *client, const struct ph_key_act_signed *act,
                                uint32_t *epoch, struct ph_buf *state,
                                char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_KEYS_ROTATE m = {.cluster = cluster_of(act),
                                         .expires = act->expires,
                                         .act = {act->raw, act->raw_len},
                                         .sigs = {act->sig[0], (size_t)act->sig_cnt * 65}};
    struct ph_msg_KEYS_NEXT got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_ROTATE(&q.request, 0, q.id, &m), NULL, 0,
                               why));
    if (ph_get_KEYS_NEXT(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    *epoch = got.epoch;
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_keys_retire(struct ph_keyd_client *client, uint32_t before,
                                struct ph_buf *state, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_KEYS_RETIRE m = {.before = before};
    struct ph_msg_KEYS_NEXT got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_RETIRE(&q.request, 0, q.id, &m), NULL, 0,
                               why));
    if (ph_get_KEYS_NEXT(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_keys_retire_signed(struct ph_keyd_client *client,
                                       const struct ph_key_act_signed *act, struct ph_buf *state,
                                       char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_KEYS_RETIRE_SIGNED m = {.cluster = cluster_of(act),
                                                .expires = act->expires,
                                                .act = {act->raw, act->raw_len},
                                                .sigs = {act->sig[0], (size_t)act->sig_cnt * 65}};
    struct ph_msg_KEYS_NEXT got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_RETIRE_SIGNED(&q.request, 0, q.id, &m),
                               NULL, 0, why));
    if (ph_get_KEYS_NEXT(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_keys_kept(struct ph_keyd_client *client, char why[static PH_KEYD_WHY_LEN])
{
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_KEPT(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_KEYS_ADOPTED(&q.frame) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_keyd_client_ask_info(client);
}

enum ph_err ph_keyd_keys_backup(struct ph_keyd_client *client, const struct ph_key_act_signed *act,
                                struct ph_buf *backup, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_KEYS_BACKUP m = {.cluster = cluster_of(act),
                                         .expires = act->expires,
                                         .act = {act->raw, act->raw_len},
                                         .sigs = {act->sig[0], (size_t)act->sig_cnt * 65}};
    struct ph_msg_KEYS_BACKED_UP got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_KEYS_BACKUP(&q.request, 0, q.id, &m), NULL, 0,
                               why));
    if (ph_get_KEYS_BACKED_UP(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(backup, got.backup);
}

enum ph_err ph_keyd_secrets_reseal(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                   struct ph_bytes sealed, struct ph_buf *out,
                                   char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_SECRETS_RESEAL m = {.phat = *phat, .sealed = sealed};
    struct ph_msg_SECRETS_SEALED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_SECRETS_RESEAL(&q.request, 0, q.id, &m), NULL,
                               0, why));
    if (ph_get_SECRETS_SEALED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(out, got.sealed);
}

enum ph_err ph_keyd_restore(struct ph_keyd_client *client, struct ph_keyd_restore *out,
                            char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_RESTORE_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_RESTORE(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_RESTORE_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    memcpy(out->key, got.key.b, sizeof(out->key));
    memcpy(out->cluster.b, got.cluster.b, sizeof(out->cluster.b));
    out->have = got.have;
    out->needed = got.needed;
    return PH_OK;
}

enum ph_err ph_keyd_restore_share(struct ph_keyd_client *client, struct ph_bytes backup,
                                  struct ph_bytes share, uint32_t *have, uint32_t *needed,
                                  struct ph_buf *state, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_RESTORE_SHARE m = {.backup = backup, .share = share};
    struct ph_msg_RESTORED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_RESTORE_SHARE(&q.request, 0, q.id, &m), NULL,
                               0, why));
    if (ph_get_RESTORED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    *have = got.have;
    *needed = got.needed;
    return ph_buf_add(state, got.state);
}
