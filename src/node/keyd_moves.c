#include "node/keyd_moves.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_state_move(struct ph_keyd_client *client,
                               const struct ph_owner_request *request,
                               const uint8_t owner_sig[static 65], struct ph_bytes head,
                               struct ph_buf *wrapped, struct ph_buf *tokens,
                               char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_STATE_MOVE m = {.request = PH_BYTES_OF(raw), .head = head};
    struct ph_msg_STATE_MOVE_IS got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(request, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_STATE_MOVE(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_STATE_MOVE_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    PH_TRY(ph_buf_add(wrapped, got.wrapped));
    return ph_buf_add(tokens, got.tokens);
}

enum ph_err ph_keyd_state_wipe(struct ph_keyd_client *client,
                               const struct ph_owner_request *request,
                               const uint8_t owner_sig[static 65], struct ph_bytes head,
                               uint8_t wiped[static PH_STATE_HEAD_LEN],
                               char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_STATE_WIPE m = {.request = PH_BYTES_OF(raw), .head = head};
    struct ph_msg_STATE_WIPE_IS got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(request, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_STATE_WIPE(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_STATE_WIPE_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    if (got.head.len != PH_STATE_HEAD_LEN)
        return PH_ERR_IO;
    memcpy(wiped, got.head.ptr, PH_STATE_HEAD_LEN);
    return PH_OK;
}
