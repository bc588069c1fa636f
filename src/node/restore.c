#include "node/restore.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/jput.h"
#include "node/api.h"
#include "node/calls.h"
#include "node/handovers.h"
#include "node/keyd_keys.h"
#include "node/keys.h"
#include "node/own_evidence.h"
#include "node/upload.h"
#include "tee/quote.h"

#define JSON_TYPE PH_BYTES_LIT("content-type: application/json\n")

enum { SHARE_MESSAGE_MAX = 2 + PH_ESCROW_MAX + PH_ESCROW_SEALED_LEN };

enum ph_err ph_restore_wait(struct ph_node *node)
{
    ph_log(PH_LOG_INFO, "waiting for the shares of a backup of the cluster's keys", NULL);
    ph_loop_run(node->loop);
    return node->restoring ? PH_ERR_CLOSED : PH_OK;
}

static void refuse(struct ph_http_req *req, enum ph_err err, const char *why)
{
    const bool wait = err == PH_ERR_AGAIN || err == PH_ERR_NOMEM || err == PH_ERR_CLOSED;
    const bool conflict = err == PH_ERR_CONFLICT || err == PH_ERR_UNSUPPORTED;

    ph_answer_error(req,
                    wait                      ? 503
                    : conflict                ? 409
                    : err == PH_ERR_MALFORMED ? 400
                                              : 403,
                    wait                      ? "overloaded"
                    : conflict                ? "conflict"
                    : err == PH_ERR_MALFORMED ? "bad-share"
                                              : "share-refused",
                    why[0] ? why : ph_err_name(err));
}

/* Everything a holder's CLI judges before it lets go of a share. Quotes block: nothing else is
 * served meanwhile. */
static enum ph_err put_offer(struct ph_node *node, const struct ph_keyd_restore *r,
                             const uint8_t nonce[static 32], struct ph_buf *out)
{
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
    struct ph_jput j = {.out = out};
    uint8_t report_data[64];
    char text[43] = "0x", why[PH_TEE_WHY_LEN] = "";

    ph_escrow_report_data(r->key, nonce, &node->identity.signer, &r->cluster, report_data);
    PH_TRY(ph_own_evidence(node, report_data, ph_clock_wall_ms() / 1000, &evidence, why));
    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "format", "phala-restore-v1");
    ph_hex_encode(PH_BYTES_OF(node->identity.signer.b), text + 2);
    ph_jput_str(&j, "signer", text);
    ph_hex_encode(PH_BYTES_OF(r->cluster.b), text + 2);
    ph_jput_str(&j, "cluster", text);
    ph_jput_hex(&j, "key", PH_BYTES_OF(r->key));
    ph_jput_hex(&j, "nonce", (struct ph_bytes){nonce, 32});
    ph_jput_int(&j, "have", r->have);
    ph_jput_int(&j, "needed", r->needed);
    ph_jput_raw(&j, "evidence", ph_buf_view(&evidence));
    ph_jput_close(&j);
    return ph_jput_end(&j);
}

void ph_api_restore_show(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX + 4096);
    struct ph_keyd_restore r;
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t nonce[32];

    (void)arg;
    if (ph_hex_decode(ph_api_query(req, "nonce"), nonce, sizeof(nonce)) != PH_OK) {
        ph_answer_error(req, 400, "bad-request", "nonce is 64 hex digits");
        return;
    }
    const enum ph_err err = ph_keyd_restore(node->keyd, &r, why);
    if (err != PH_OK)
        refuse(req, err, why);
    else if (put_offer(node, &r, nonce, &text) != PH_OK)
        ph_answer_error(req, 503, "no-evidence", "the machine gave no quote; try again");
    else
        ph_http_respond(req, 200, JSON_TYPE, ph_buf_view(&text));
}

/* All shares are there: store the keys, and go on as any worker that has its own. */
static enum ph_err finish(struct ph_upload *s, const struct ph_buf *state,
                          char why[static PH_KEYD_WHY_LEN])
{
    char remote[64];

    PH_TRY(ph_keys_change(s->node, state, why));
    ph_http_req_remote(s->req, remote);
    PH_TRY(ph_handovers_add(s->node, "restored", &s->node->identity.signer, "", remote));
    s->node->restoring = false;
    ph_loop_stop(s->node->loop);
    return PH_OK;
}

static void share_whole(struct ph_upload *s)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536),
                        text PH_OWNED(ph_buf_clear) = PH_BUF(256);
    struct ph_reader r = {ph_buf_view(&s->body)};
    struct ph_bytes backup = {0};
    uint32_t have = 0, needed = 0;
    uint16_t len;
    char why[PH_KEYD_WHY_LEN] = "";

    if (!ph_read_u16be(&r, &len) || !ph_read_view(&r, len, &backup)) {
        refuse(s->req, PH_ERR_MALFORMED, "restore: expected a length, a backup and a share");
        return;
    }
    enum ph_err err =
        ph_keyd_restore_share(s->node->keyd, backup, r.rest, &have, &needed, &state, why);
    if (err == PH_OK && have == needed)
        err = finish(s, &state, why);
    if (err == PH_OK)
        err = ph_buf_addf(&text, "{\"have\":%u,\"needed\":%u}\n", have, needed);
    if (err != PH_OK) {
        ph_log(PH_LOG_WARN, "a share was refused", "why", why, NULL);
        refuse(s->req, err, why);
        return;
    }
    ph_http_respond(s->req, 200, JSON_TYPE, ph_buf_view(&text));
}

void ph_api_restore_share(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_upload *s = ph_upload_new(req, sizeof(*s));

    (void)arg;
    if (s)
        ph_upload_take(s, node, req, SHARE_MESSAGE_MAX, "longer than a backup and a share",
                       share_whole, NULL);
}
