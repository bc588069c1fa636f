#include "chain.h"

#include "files.h"

#include "base/own.h"
#include "chain/anchor.h"
#include "chain/consent.h"
#include "crypto/secp256k1.h"

#include <stdio.h>

enum ph_err chain_load(struct keyd_chain *chain, const char *path, char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_NETWORK_TEXT_MAX);
    struct ph_json_why where = {""};

    enum ph_err err = file_read(path, &text);
    if (err == PH_OK)
        err = ph_network_parse(ph_buf_view(&text), &chain->network, &where);
    if (err != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "network %.90s: %.130s", path,
                       where.text[0] ? where.text : ph_err_name(err));
        return err;
    }
    chain->is_set = true;
    return PH_OK;
}

static enum ph_err need_network(const struct keyd_chain *chain, char why[static CLUSTER_WHY_LEN])
{
    return chain->is_set ? PH_OK
                         : cluster_refuse(why, PH_ERR_NOT_FOUND,
                                          "chain: phala-keyd was started without a network");
}

/* The account that pays for transactions. */
static enum ph_err sender_of(struct keyring_secrets *s, struct ph_eth_address *out)
{
    enum ph_err err = worker_keys_chain(&s->worker, s->seed, s->scratch);

    if (err == PH_OK)
        err = ph_eth_address(s->scratch, out);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

enum ph_err chain_key(struct keyd_chain *chain, struct keyring *ring,
                      const struct ph_ipc_frame *frame, struct ph_buf *reply,
                      char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_CHAIN_KEY_IS answer = {0};
    struct ph_eth_address sender;

    PH_TRY(need_network(chain, why));
    if (ph_get_CHAIN_KEY(frame) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "CHAIN_KEY takes no fields");
    PH_TRY(sender_of(ring->secrets, &sender));
    memcpy(answer.sender.b, sender.b, sizeof(answer.sender.b));
    return ph_encode_CHAIN_KEY_IS(reply, 0, frame->id, &answer);
}

enum ph_err chain_tx_sign(struct keyd_chain *chain, struct keyring *ring,
                          const struct ph_ipc_frame *frame, int64_t now_s, struct ph_buf *reply,
                          char why[static CLUSTER_WHY_LEN])
{
    struct keyring_secrets *s = ring->secrets;
    char reason[PH_TX_POLICY_WHY_LEN] = "";
    struct ph_msg_SIGNED answer;
    struct ph_msg_TX_SIGN m;
    struct ph_hash32 digest;

    PH_TRY(need_network(chain, why));
    if (ph_get_TX_SIGN(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "TX_SIGN: fields do not fit");
    enum ph_err err =
        ph_tx_policy_check(&chain->network, m.unsigned_tx, now_s, &chain->budget, reason);
    if (err != PH_OK)
        return cluster_refuse(why, err, reason);
    ph_tx_digest(m.unsigned_tx, &digest);
    err = worker_keys_chain(&s->worker, s->seed, s->scratch);
    if (err == PH_OK)
        err = ph_eth_sign(s->scratch, &digest, answer.sig.b);
    ph_wipe(s->scratch, sizeof(s->scratch));
    PH_TRY(err);
    return ph_encode_SIGNED(reply, 0, frame->id, &answer);
}

enum ph_err chain_answer_sign(struct keyd_chain *chain, struct keyring *ring,
                              const struct ph_ipc_frame *frame, struct ph_buf *reply,
                              char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_SIGNED answer;
    struct ph_msg_ANSWER_SIGN m;
    struct ph_hash32 digest;

    PH_TRY(need_network(chain, why));
    if (ph_get_ANSWER_SIGN(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "ANSWER_SIGN: fields do not fit");
    if (m.outcome > PH_ANCHOR_FAILED)
        return cluster_refuse(why, PH_ERR_MALFORMED, "ANSWER_SIGN: outcome is neither 0 nor 1");
    const struct ph_anchor_answer what = {.request_id = m.request,
                                          .terms = m.terms,
                                          .code_hash = m.code,
                                          .result_hash = m.result,
                                          .outcome = m.outcome};
    ph_anchor_answer_digest(chain->network.chain_id, &chain->network.anchor, &what, &digest);
    PH_TRY(ph_eth_sign(ring->secrets->receipt, &digest, answer.sig.b));
    return ph_encode_SIGNED(reply, 0, frame->id, &answer);
}

enum ph_err chain_worker_says(struct keyd_chain *chain, struct keyring *ring,
                              const struct ph_ipc_frame *frame, struct ph_buf *reply,
                              char why[static CLUSTER_WHY_LEN])
{
    const struct ph_registry_of where = {chain->network.chain_id, chain->network.registry};
    struct ph_eth_address sender;
    struct ph_msg_SIGNED answer;
    struct ph_msg_WORKER_SAYS m;
    struct ph_hash32 digest;

    PH_TRY(need_network(chain, why));
    if (ph_get_WORKER_SAYS(frame, &m) != PH_OK || m.word > PH_WORKER_WAKES)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WORKER_SAYS: fields do not fit");
    PH_TRY(sender_of(ring->secrets, &sender));
    ph_worker_word_digest(&where, (enum ph_worker_word)m.word, &m.id, &sender, &digest);
    PH_TRY(ph_eth_sign(ring->secrets->receipt, &digest, answer.sig.b));
    return ph_encode_SIGNED(reply, 0, frame->id, &answer);
}
