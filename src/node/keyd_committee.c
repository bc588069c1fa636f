#include "node/keyd_committee.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_certify(struct ph_keyd_client *client, struct ph_bytes request,
                            struct ph_hash32 *evidence_hash, struct ph_buf *certified,
                            char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_CERTIFY m = {.request = request};
    struct ph_msg_CERTIFIED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_CERTIFY(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_CERTIFIED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    *evidence_hash = got.evidence_hash;
    return ph_buf_add(certified, got.certified);
}

enum ph_err ph_keyd_verdict(struct ph_keyd_client *client, struct ph_bytes request,
                            struct ph_keyd_verdict *out, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_VERDICT m = {.request = request};
    struct ph_msg_VERDICT_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_VERDICT(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_VERDICT_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    out->certificate = got.certificate;
    out->genuine = got.genuine == 1;
    memcpy(out->sig, got.sig.b, sizeof(out->sig));
    return PH_OK;
}
