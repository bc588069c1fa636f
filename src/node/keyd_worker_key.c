#include "node/keyd_worker_key.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_worker_key(struct ph_keyd_client *client, struct ph_keyd_worker_key *out,
                               char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_WORKER_KEY_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_WORKER_KEY(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_WORKER_KEY_IS(&q.frame, &got) != PH_OK || got.other_is > PH_WORKER_KEY_PREVIOUS)
        return ph_keyd_refusal(&q, why);
    out->is = (enum ph_worker_key)got.other_is;
    memcpy(out->other.b, got.other.b, sizeof(out->other.b));
    return PH_OK;
}

enum ph_err ph_keyd_worker_key_step(struct ph_keyd_client *client, enum ph_worker_key_step step,
                                    struct ph_buf *state, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_WORKER_KEY_STEP m = {.step = (uint8_t)step};
    struct ph_msg_WORKER_KEY_STATE got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_WORKER_KEY_STEP(&q.request, 0, q.id, &m), NULL,
                               0, why));
    if (ph_get_WORKER_KEY_STATE(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_worker_key_kept(struct ph_keyd_client *client, char why[static PH_KEYD_WHY_LEN])
{
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_WORKER_KEY_KEPT(&q.request, 0, q.id), NULL, 0,
                               why));
    if (ph_get_WORKER_KEY_ADOPTED(&q.frame) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_keyd_client_ask_info(client);
}

enum ph_err ph_keyd_worker_key_rotate(struct ph_keyd_client *client,
                                      const struct ph_hash32 *worker_id,
                                      const struct ph_hash32 *beacon, uint8_t sig[static 65],
                                      char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_WORKER_KEY_ROTATE m = {.id = *worker_id, .beacon = *beacon};
    struct ph_msg_SIGNED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_WORKER_KEY_ROTATE(&q.request, 0, q.id, &m),
                               NULL, 0, why));
    if (ph_get_SIGNED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    memcpy(sig, got.sig.b, sizeof(got.sig.b));
    return PH_OK;
}
