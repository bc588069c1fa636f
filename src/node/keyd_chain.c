#include "node/keyd_chain.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_chain_key(struct ph_keyd_client *client, struct ph_eth_address *sender,
                              char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_CHAIN_KEY_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_CHAIN_KEY(&q.request, 0, q.id));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_CHAIN_KEY_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    memcpy(sender->b, got.sender.b, sizeof(sender->b));
    return PH_OK;
}

static enum ph_err take_signature(const struct ph_keyd_question *q, uint8_t sig[static 65],
                                  char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_SIGNED got;

    if (ph_get_SIGNED(&q->frame, &got) != PH_OK)
        return ph_keyd_refusal(q, why);
    memcpy(sig, got.sig.b, sizeof(got.sig.b));
    return PH_OK;
}

enum ph_err ph_keyd_tx_sign(struct ph_keyd_client *client, struct ph_bytes unsigned_tx,
                            uint8_t sig[static 65], char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_TX_SIGN m = {.unsigned_tx = unsigned_tx};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_TX_SIGN(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    return take_signature(&q, sig, why);
}

enum ph_err ph_keyd_answer_sign(struct ph_keyd_client *client,
                                const struct ph_anchor_answer *answer, uint8_t sig[static 65],
                                char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_ANSWER_SIGN m = {.request = answer->request_id,
                                         .terms = answer->terms,
                                         .code = answer->code_hash,
                                         .outcome = answer->outcome,
                                         .result = answer->result_hash};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_ANSWER_SIGN(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    return take_signature(&q, sig, why);
}

enum ph_err ph_keyd_worker_says(struct ph_keyd_client *client, enum ph_worker_word word,
                                const struct ph_hash32 *worker_id, uint8_t sig[static 65],
                                char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_WORKER_SAYS m = {.word = (uint8_t)word, .id = *worker_id};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_WORKER_SAYS(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    return take_signature(&q, sig, why);
}
