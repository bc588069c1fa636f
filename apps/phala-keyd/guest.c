#include "guest.h"

#include "keys/dstack.h"
#include "keys/sealing.h"

#include <stdio.h>

/* A key of a phat, and who says so. */
struct issued {
    uint8_t key[32], public_key[PH_DSTACK_PUBLIC_MAX];
    size_t public_len;
    struct ph_bytes65 by_app, by_cluster;
};

static enum ph_err issue_with(const uint8_t app[static 32], enum ph_dstack_alg alg,
                              struct ph_bytes path, struct ph_bytes purpose, struct issued *out)
{
    PH_TRY(ph_dstack_kdf((struct ph_bytes){app, 32}, path, out->key));
    PH_TRY(ph_dstack_public(alg, out->key, out->public_key, &out->public_len));
    return ph_dstack_by_app(app, purpose, (struct ph_bytes){out->public_key, out->public_len},
                            out->by_app.b);
}

static enum ph_err issue(struct keyring *ring, const struct ph_phat_id *phat,
                         enum ph_dstack_alg alg, struct ph_bytes path, struct ph_bytes purpose,
                         struct issued *out)
{
    struct keyring_secrets *s = ring->secrets;
    uint8_t app[32];

    enum ph_err err = ph_keys_guest_app(s->cluster.identity, phat, app);
    if (err == PH_OK)
        err = issue_with(app, alg, path, purpose, out);
    if (err == PH_OK)
        err = ph_keys_cluster(s->cluster.identity, s->scratch);
    if (err == PH_OK)
        err = ph_dstack_by_cluster(s->scratch, phat, app, out->by_cluster.b);
    ph_wipe(s->scratch, sizeof(s->scratch));
    ph_wipe(app, sizeof(app));
    return err;
}

static enum ph_err because(enum ph_err err, char why[static CLUSTER_WHY_LEN])
{
    const char *text = err == PH_ERR_UNSUPPORTED ? "guest agent: algorithm unknown"
                       : err == PH_ERR_LIMIT     ? "guest agent: path or purpose is too long"
                       : err == PH_ERR_MALFORMED ? "guest agent: a digest has 32 bytes"
                                                 : "guest agent: no key could be derived";

    return cluster_refuse(why, err, text);
}

enum ph_err guest_key(struct keyring *ring, const struct ph_ipc_frame *frame, struct ph_buf *reply,
                      char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_GUEST_KEY m;
    struct ph_msg_GUEST_KEY_IS answer;
    struct issued issued;

    (void)snprintf(why, CLUSTER_WHY_LEN, "GUEST_KEY: fields do not fit");
    PH_TRY(ph_get_GUEST_KEY(frame, &m));
    enum ph_err err = issue(ring, &m.phat, (enum ph_dstack_alg)m.alg, m.path, m.purpose, &issued);
    if (err == PH_OK) {
        memcpy(answer.key.b, issued.key, sizeof(answer.key.b));
        answer.by_app = issued.by_app;
        answer.by_cluster = issued.by_cluster;
        err = ph_encode_GUEST_KEY_IS(reply, 0, frame->id, &answer);
    }
    ph_wipe(&issued, sizeof(issued));
    ph_wipe(&answer, sizeof(answer));
    return err == PH_OK ? PH_OK : because(err, why);
}

enum ph_err guest_sign(struct keyring *ring, const struct ph_ipc_frame *frame, struct ph_buf *reply,
                       char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_GUEST_SIGN m;
    struct issued issued;
    uint8_t sig[64];

    (void)snprintf(why, CLUSTER_WHY_LEN, "GUEST_SIGN: fields do not fit");
    PH_TRY(ph_get_GUEST_SIGN(frame, &m));
    const enum ph_dstack_alg alg = (enum ph_dstack_alg)m.alg;
    enum ph_err err =
        issue(ring, &m.phat, alg, PH_BYTES_LIT("vms"), PH_BYTES_LIT("signing"), &issued);
    if (err == PH_OK)
        err = ph_dstack_sign(alg, issued.key, m.data, sig);
    if (err == PH_OK) {
        const struct ph_msg_GUEST_SIGNED answer = {.by_app = issued.by_app,
                                                   .by_cluster = issued.by_cluster,
                                                   .sig = PH_BYTES_OF(sig),
                                                   .key = {issued.public_key, issued.public_len}};
        err = ph_encode_GUEST_SIGNED(reply, 0, frame->id, &answer);
    }
    ph_wipe(&issued, sizeof(issued));
    return err == PH_OK ? PH_OK : because(err, why);
}
