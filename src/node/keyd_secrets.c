#include "node/keyd_secrets.h"

#include "node/keyd_client_priv.h"

/* Ask what was encoded, unless it would only wait. */
static enum ph_err ask(struct ph_keyd_client *client, struct ph_keyd_question *q,
                       enum ph_err encoded, const int *fd, char why[static PH_KEYD_WHY_LEN])
{
    return ph_keyd_ask_encoded(client, q, ph_keyd_unless_stalled(client, encoded), fd, fd ? 1 : 0,
                               why);
}

enum ph_err ph_keyd_secrets_kept(struct ph_keyd_client *client,
                                 const struct ph_owner_request *request,
                                 const uint8_t owner_sig[static 65], struct ph_buf *state,
                                 char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_SECRETS_KEPT m = {.gone = strcmp(request->action, "delete") == 0,
                                    .request = PH_BYTES_OF(raw)};
    struct ph_msg_SECRETS_NOTED got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(request, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_SECRETS_KEPT(&q.request, 0, q.id, &m), NULL, why));
    if (ph_get_SECRETS_NOTED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_secrets_known(struct ph_keyd_client *client, struct ph_buf *phats,
                                  char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_SECRETS_KNOWN_ARE got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_SECRETS_KNOWN(&q.request, 0, q.id), NULL, why));
    if (ph_get_SECRETS_KNOWN_ARE(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return got.phats.len % 20 == 0 ? ph_buf_add(phats, got.phats) : PH_ERR_IO;
}

enum ph_err ph_keyd_code_release(struct ph_keyd_client *client,
                                 const struct ph_owner_request *deploy,
                                 const uint8_t owner_sig[static 65], uint32_t epoch,
                                 struct ph_bytes wrapped, int pipe_fd,
                                 char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_CODE_RELEASE m = {
        .epoch = epoch, .request = PH_BYTES_OF(raw), .wrapped = wrapped};
    PH_KEYD_QUESTION;

    ph_owner_request_encode(deploy, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_CODE_RELEASE(&q.request, 0, q.id, &m), &pipe_fd, why));
    return ph_get_CODE_RELEASED(&q.frame) == PH_OK ? PH_OK : ph_keyd_refusal(&q, why);
}

enum ph_err ph_keyd_code_rewrap(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                const struct ph_code *code, uint32_t *epoch,
                                uint8_t wrapped[static PH_CODE_WRAPPED_LEN],
                                char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_CODE_REWRAP m = {.phat = *phat,
                                         .bundle_hash = code->bundle_hash,
                                         .epoch = code->epoch,
                                         .wrapped = code->wrapped};
    struct ph_msg_CODE_REWRAPPED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_CODE_REWRAP(&q.request, 0, q.id, &m), NULL, why));
    if (ph_get_CODE_REWRAPPED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    if (got.wrapped.len != PH_CODE_WRAPPED_LEN)
        return PH_ERR_IO;
    *epoch = got.epoch;
    memcpy(wrapped, got.wrapped.ptr, PH_CODE_WRAPPED_LEN);
    return PH_OK;
}
