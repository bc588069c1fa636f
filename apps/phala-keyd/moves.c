#include "moves.h"

#include "owner_check.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "keys/hpke.h"
#include "keys/sealing.h"
#include "state/move.h"

#include <stdio.h>

/* A move being allowed. `file_key` is wiped when it is over. */
struct move {
    struct keyring *ring;
    struct ph_phat_id phat;
    enum ph_move_kind kind;
    struct ph_bytes bound; /* what the tokens are bound to */
    uint8_t file_key[32];
    struct ph_buf tokens;
};

static enum ph_err because(enum ph_err err, const char *text, char why[static CLUSTER_WHY_LEN])
{
    (void)snprintf(why, CLUSTER_WHY_LEN, "STATE_MOVE: %s", text);
    return err;
}

static void move_clear(struct move *m)
{
    ph_wipe(m->file_key, sizeof(m->file_key));
    ph_buf_clear(&m->tokens);
}

/* One token per epoch of the cluster: which of them the state's key is of is not known here. */
static enum ph_err make_tokens(struct move *m)
{
    struct keyring_secrets *s = m->ring->secrets;
    enum ph_err err = PH_OK;
    uint8_t *at;

    m->tokens = PH_BUF((size_t)PH_MOVE_TOKENS_MAX * PH_MOVE_TOKEN_LEN);
    for (uint32_t i = 0; err == PH_OK && i < s->cluster.epoch_cnt; i++) {
        err = ph_buf_reserve(&m->tokens, PH_MOVE_TOKEN_LEN, &at);
        if (err == PH_OK)
            err = ph_keys_phat_state(s->cluster.epoch[i].master, &m->phat, s->scratch);
        if (err == PH_OK)
            err = ph_move_token_seal(s->scratch, m->kind, m->bound, m->file_key, at);
        if (err == PH_OK)
            m->tokens.len += PH_MOVE_TOKEN_LEN;
    }
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

/* A new key for the file, wrapped for the one whose key the owner named. `bound`: recipient ||
 * wrapped key. */
static enum ph_err begin_export(struct move *m, const struct ph_owner_request *req,
                                uint8_t bound[static 32 + PH_EXPORT_WRAPPED_LEN],
                                char why[static CLUSTER_WHY_LEN])
{
    memcpy(bound, req->content.b, 32);
    ph_random(m->file_key, sizeof(m->file_key));
    const enum ph_err err =
        ph_hpke_seal(req->content.b, PH_BYTES_LIT(PH_EXPORT_INFO), PH_BYTES_OF(m->phat.b),
                     PH_BYTES_OF(m->file_key), bound + 32);
    return err == PH_OK ? PH_OK : because(err, "the key that it is to be for is none", why);
}

/* The key of the file that the owner wrapped for the caller key of some epoch. */
static enum ph_err begin_import(struct move *m, const struct ph_owner_request *req,
                                struct ph_bytes raw, char why[static CLUSTER_WHY_LEN])
{
    struct keyring_secrets *s = m->ring->secrets;
    const struct ph_bytes bound = {raw.ptr, PH_IMPORT_BOUND_LEN};
    struct ph_import_head head;
    struct ph_hash32 content;
    enum ph_err err = PH_ERR_UNTRUSTED;

    if (ph_import_head_parse(raw, &head) != PH_OK)
        return because(PH_ERR_MALFORMED, "not the head of an import", why);
    ph_sha256(raw, content.b);
    if (memcmp(content.b, req->content.b, sizeof(content.b)) != 0)
        return because(PH_ERR_UNTRUSTED, "the owner signed the head of another import", why);
    if (memcmp(head.phat.b, m->phat.b, sizeof(head.phat.b)) != 0)
        return because(PH_ERR_UNTRUSTED, "the import is for another phat", why);
    for (uint32_t i = s->cluster.epoch_cnt; err == PH_ERR_UNTRUSTED && i > 0; i--) {
        err = ph_keys_caller(s->cluster.epoch[i - 1].master, s->scratch);
        if (err == PH_OK)
            err = ph_hpke_open(PH_HPKE_AES256GCM, s->scratch, PH_BYTES_LIT(PH_IMPORT_INFO), bound,
                               PH_BYTES_OF(head.wrapped), m->file_key);
    }
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err == PH_OK
               ? PH_OK
               : because(err, "its key is not wrapped for this cluster and this head", why);
}

enum ph_err state_move(struct keyring *ring, const struct ph_ipc_frame *frame, struct ph_buf *reply,
                       char why[static CLUSTER_WHY_LEN])
{
    uint8_t exported[32 + PH_EXPORT_WRAPPED_LEN];
    struct move move PH_OWNED(move_clear) = {.ring = ring};
    struct ph_msg_STATE_MOVE m;
    struct ph_owner_request req;

    if (ph_get_STATE_MOVE(frame, &m) != PH_OK)
        return because(PH_ERR_MALFORMED, "fields do not fit", why);
    move.kind = m.head.len == 0 ? PH_MOVE_EXPORT : PH_MOVE_IMPORT;
    const bool is_export = move.kind == PH_MOVE_EXPORT;
    PH_TRY(keyd_owner_of(ring, m.request, &m.owner_sig, is_export ? "export" : "import", &req,
                         &move.phat, why));
    PH_TRY(is_export ? begin_export(&move, &req, exported, why)
                     : begin_import(&move, &req, m.head, why));
    move.bound = is_export ? PH_BYTES_OF(exported) : m.head;
    PH_TRY(make_tokens(&move));
    const struct ph_bytes wrapped = {exported + 32, is_export ? PH_EXPORT_WRAPPED_LEN : 0};
    const struct ph_msg_STATE_MOVE_IS answer = {.wrapped = wrapped,
                                                .tokens = ph_buf_view(&move.tokens)};
    return ph_encode_STATE_MOVE_IS(reply, 0, frame->id, &answer);
}
