#include "node/keyd_guest.h"

#include "node/keyd_client_priv.h"

enum ph_err ph_keyd_guest_key(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                              enum ph_dstack_alg alg, struct ph_bytes path, struct ph_bytes purpose,
                              struct ph_guest_key *out)
{
    const struct ph_msg_GUEST_KEY m = {
        .phat = *phat, .alg = (uint8_t)alg, .path = path, .purpose = purpose};
    struct ph_msg_GUEST_KEY_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_GUEST_KEY(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_GUEST_KEY_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, NULL);
    memcpy(out->key, got.key.b, sizeof(out->key));
    memcpy(out->by_app, got.by_app.b, sizeof(out->by_app));
    memcpy(out->by_cluster, got.by_cluster.b, sizeof(out->by_cluster));
    ph_wipe(&got, sizeof(got));
    ph_wipe(q.answer.ptr, q.answer.len);
    return PH_OK;
}

enum ph_err ph_keyd_guest_sign(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                               enum ph_dstack_alg alg, struct ph_bytes data,
                               struct ph_guest_signed *out)
{
    const struct ph_msg_GUEST_SIGN m = {.phat = *phat, .alg = (uint8_t)alg, .data = data};
    struct ph_msg_GUEST_SIGNED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_GUEST_SIGN(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_GUEST_SIGNED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, NULL);
    if (got.sig.len != sizeof(out->sig) || got.key.len > sizeof(out->public_key))
        return PH_ERR_IO;
    memcpy(out->sig, got.sig.ptr, sizeof(out->sig));
    memcpy(out->public_key, got.key.ptr, got.key.len);
    out->public_len = got.key.len;
    memcpy(out->by_app, got.by_app.b, sizeof(out->by_app));
    memcpy(out->by_cluster, got.by_cluster.b, sizeof(out->by_cluster));
    return PH_OK;
}

enum ph_err ph_keyd_guest_tls_key(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                  bool random, struct ph_bytes path, struct ph_guest_tls_key *out)
{
    const struct ph_msg_GUEST_TLS_KEY m = {.phat = *phat, .random = random, .path = path};
    struct ph_msg_GUEST_TLS_KEY_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_GUEST_TLS_KEY(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_GUEST_TLS_KEY_IS(&q.frame, &got) != PH_OK || got.pub.len != sizeof(out->pub))
        return ph_keyd_refusal(&q, NULL);
    memcpy(out->key, got.key.b, sizeof(out->key));
    memcpy(out->pub, got.pub.ptr, sizeof(out->pub));
    ph_wipe(&got, sizeof(got));
    ph_wipe(q.answer.ptr, q.answer.len);
    return PH_OK;
}

enum ph_err ph_keyd_guest_cert(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                               const struct ph_guest_cert_wish *wish, struct ph_buf chain[static 3])
{
    const struct ph_msg_GUEST_CERT m = {.phat = *phat,
                                        .usage = wish->usage,
                                        .not_before = wish->not_before,
                                        .not_after = wish->not_after,
                                        .pub = wish->pub,
                                        .subject = wish->subject,
                                        .alt_names = wish->alt_names,
                                        .app_info = wish->app_info,
                                        .quote = wish->quote};
    struct ph_msg_GUEST_CERT_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_GUEST_CERT(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_GUEST_CERT_IS(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, NULL);
    PH_TRY(ph_buf_add(&chain[0], got.leaf));
    PH_TRY(ph_buf_add(&chain[1], got.app));
    return ph_buf_add(&chain[2], got.root);
}
