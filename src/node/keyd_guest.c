#include "node/keyd_guest.h"

#include "base/own.h"
#include "node/keyd_client_priv.h"

static uint64_t new_id(struct ph_keyd_client *client)
{
    (void)pthread_mutex_lock(&client->lock);
    const uint64_t id = ph_keyd_next_id(client);
    (void)pthread_mutex_unlock(&client->lock);
    return id;
}

static enum ph_err class_of(const struct ph_ipc_frame *frame)
{
    struct ph_msg_KEYD_FAIL fail;

    return ph_get_KEYD_FAIL(frame, &fail) == PH_OK ? ph_keyd_fail_class(fail.err) : PH_ERR_IO;
}

enum ph_err ph_keyd_guest_key(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                              enum ph_dstack_alg alg, struct ph_bytes path, struct ph_bytes purpose,
                              struct ph_guest_key *out)
{
    const struct ph_msg_GUEST_KEY m = {
        .phat = *phat, .alg = (uint8_t)alg, .path = path, .purpose = purpose};
    struct ph_buf request PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYD_DATAGRAM_MAX);
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYD_DATAGRAM_MAX);
    struct ph_msg_GUEST_KEY_IS got;
    struct ph_ipc_frame frame;
    const uint64_t id = new_id(client);

    PH_TRY(ph_encode_GUEST_KEY(&request, 0, id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_exchange(client, ph_buf_view(&request), id, NULL, 0, &answer, &frame));
    if (ph_get_GUEST_KEY_IS(&frame, &got) != PH_OK)
        return class_of(&frame);
    memcpy(out->key, got.key.b, sizeof(out->key));
    memcpy(out->by_app, got.by_app.b, sizeof(out->by_app));
    memcpy(out->by_cluster, got.by_cluster.b, sizeof(out->by_cluster));
    ph_wipe(&got, sizeof(got));
    ph_wipe(answer.ptr, answer.len);
    return PH_OK;
}

enum ph_err ph_keyd_guest_sign(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                               enum ph_dstack_alg alg, struct ph_bytes data,
                               struct ph_guest_signed *out)
{
    const struct ph_msg_GUEST_SIGN m = {.phat = *phat, .alg = (uint8_t)alg, .data = data};
    struct ph_buf request PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYD_DATAGRAM_MAX);
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYD_DATAGRAM_MAX);
    struct ph_msg_GUEST_SIGNED got;
    struct ph_ipc_frame frame;
    const uint64_t id = new_id(client);

    PH_TRY(ph_encode_GUEST_SIGN(&request, 0, id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_exchange(client, ph_buf_view(&request), id, NULL, 0, &answer, &frame));
    if (ph_get_GUEST_SIGNED(&frame, &got) != PH_OK)
        return class_of(&frame);
    if (got.sig.len != sizeof(out->sig) || got.key.len > sizeof(out->public_key))
        return PH_ERR_IO;
    memcpy(out->sig, got.sig.ptr, sizeof(out->sig));
    memcpy(out->public_key, got.key.ptr, got.key.len);
    out->public_len = got.key.len;
    memcpy(out->by_app, got.by_app.b, sizeof(out->by_app));
    memcpy(out->by_cluster, got.by_cluster.b, sizeof(out->by_cluster));
    return PH_OK;
}
