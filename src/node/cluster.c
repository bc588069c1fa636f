#include "node/cluster.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/attester.h"
#include "node/calls.h"
#include "node/handovers.h"
#include "node/upload.h"

#include <stdlib.h>

/* --- the giver's answers --------------------------------------------------------------------- */

static void refuse(struct ph_http_req *req, enum ph_err err, const char *why)
{
    if (err == PH_ERR_AGAIN || err == PH_ERR_LIMIT)
        ph_answer_error(req, 503, "overloaded", why[0] ? why : "phala-keyd does not answer");
    else if (err == PH_ERR_UNSUPPORTED)
        ph_answer_error(req, 403, "no-cluster-policy", why);
    else
        ph_answer_error(req, 403, "join-refused", why[0] ? why : ph_err_name(err));
}

/* Hand-over binds the connection: it needs one with an exporter value, and a certificate of the
 * other side. */
static bool need_exporter(struct ph_http_req *req, uint8_t exporter[static 32])
{
    if (ph_http_req_peer_certificate(req).len > 0 && ph_http_req_exporter(req, exporter) == PH_OK)
        return true;
    ph_answer_error(req, 403, "tls-needed",
                    "a hand-over goes over TLS 1.3 with a certificate from each side only");
    return false;
}

void ph_api_cluster_nonce(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    uint8_t nonce[32], exporter[32];
    char why[PH_KEYD_WHY_LEN] = "";

    (void)arg;
    if (!need_exporter(req, exporter))
        return;
    const enum ph_err err = ph_keyd_client_cluster_nonce(node->keyd, nonce, why);
    if (err != PH_OK)
        refuse(req, err, why);
    else
        ph_http_respond(req, 200, PH_BYTES_LIT("content-type: application/octet-stream\n"),
                        PH_BYTES_OF(nonce));
}

struct join {
    struct ph_upload up;
    struct ph_keyd_given given;
    struct ph_attest_wish wish;
    uint8_t exporter[32];
};

static void join_gone(struct ph_upload *up)
{
    struct join *j = (struct join *)up;

    ph_attester_forget(up->node->attester, &j->wish);
}

static void join_evidence(void *ctx, enum ph_err err, struct ph_bytes evidence, const char *why)
{
    struct join *j = ctx;
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    const struct ph_handover_give give = {.signer = j->up.node->identity.signer,
                                          .cluster = j->up.node->identity.cluster,
                                          .sealed = {j->given.sealed, j->given.sealed_len},
                                          .evidence = evidence};

    if (err != PH_OK) {
        ph_answer_error(j->up.req, 503, "no-evidence", why[0] ? why : "the machine gave no quote");
        return;
    }
    char remote[64];
    ph_http_req_remote(j->up.req, remote);
    /* Written down before the keys leave: a hand-over that nobody can see must not happen. */
    if (ph_handovers_add(j->up.node, "gave", &j->given.joiner, j->given.measurement, remote) !=
        PH_OK)
        ph_answer_error(j->up.req, 500, "storage", "the hand-over could not be written down");
    else if (ph_handover_give_encode(&give, &answer) != PH_OK)
        ph_answer_error(j->up.req, 500, "internal", "the answer is too long");
    else
        ph_http_respond(j->up.req, 200, PH_BYTES_LIT("content-type: application/octet-stream\n"),
                        ph_buf_view(&answer));
}

static void join_whole(struct ph_upload *up)
{
    struct join *j = (struct join *)up;
    char why[PH_KEYD_WHY_LEN] = "";

    const enum ph_err err = ph_keyd_client_cluster_give(j->up.node->keyd, j->exporter,
                                                        ph_http_req_peer_certificate(j->up.req),
                                                        ph_buf_view(&j->up.body), &j->given, why);
    if (err != PH_OK) {
        ph_log(PH_LOG_WARN, "a hand-over was refused", "why", why, NULL);
        refuse(j->up.req, err, why);
        return;
    }
    j->wish.bare = true;
    memcpy(j->wish.report_data, j->given.report_data, sizeof(j->wish.report_data));
    j->wish.done = join_evidence;
    j->wish.ctx = j;
    if (ph_attester_ask(j->up.node->attester, &j->wish) != PH_OK)
        ph_answer_error(j->up.req, 503, "overloaded",
                        "too many wait for evidence; try again later");
}

void ph_api_cluster_join(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct join *j = (struct join *)ph_upload_new(req, sizeof(*j));

    (void)arg;
    if (!j)
        return;
    if (!need_exporter(req, j->exporter)) {
        free(j);
        return;
    }
    ph_upload_take(&j->up, node, req, PH_HANDOVER_MESSAGE_MAX, "longer than a join message can be",
                   join_whole, join_gone);
}

void ph_api_cluster_handovers(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_HANDOVERS_SHOWN_MAX);

    (void)arg;
    if (ph_handovers_list(node, &text) != PH_OK)
        ph_answer_error(req, 500, "storage", "the list of hand-overs could not be read");
    else
        ph_http_respond(req, 200, PH_BYTES_LIT("content-type: application/json\n"),
                        ph_buf_view(&text));
}
