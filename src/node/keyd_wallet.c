#include "node/keyd_wallet.h"

#include "node/keyd_client_priv.h"

static enum ph_err ask(struct ph_keyd_client *client, struct ph_keyd_question *q,
                       enum ph_err encoded, char why[static PH_KEYD_WHY_LEN])
{
    return ph_keyd_ask_encoded(client, q, ph_keyd_unless_stalled(client, encoded), NULL, 0, why);
}

enum ph_err ph_keyd_wallet_open(struct ph_keyd_client *client,
                                const struct ph_owner_request *deploy,
                                const uint8_t owner_sig[static 65], struct ph_bytes manifest,
                                struct ph_bytes files, struct ph_bytes ledger,
                                struct ph_eth_address *address, bool *sends,
                                char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_WALLET_OPEN m = {
        .request = PH_BYTES_OF(raw), .manifest = manifest, .files = files, .ledger = ledger};
    struct ph_msg_WALLET_IS got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(deploy, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_WALLET_OPEN(&q.request, 0, q.id, &m), why));
    if (ph_get_WALLET_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    memcpy(address->b, got.address.b, sizeof(address->b));
    *sends = got.sends == 1;
    return PH_OK;
}

enum ph_err ph_keyd_wallet_sign(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                struct ph_bytes unsigned_tx, uint8_t sig[static 65],
                                struct ph_buf *ledger, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_WALLET_SIGN m = {.phat = *phat, .unsigned_tx = unsigned_tx};
    struct ph_msg_WALLET_SIGNED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask(client, &q, ph_encode_WALLET_SIGN(&q.request, 0, q.id, &m), why));
    if (ph_get_WALLET_SIGNED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    PH_TRY(ph_buf_add(ledger, got.ledger));
    memcpy(sig, got.sig.b, sizeof(got.sig.b));
    return PH_OK;
}
