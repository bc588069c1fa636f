#include "node/cluster.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/attester.h"
#include "node/calls.h"
#include "node/handovers.h"

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
    struct ph_exchange ex;
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_buf body;
    struct ph_keyd_given given;
    struct ph_attest_wish wish;
    uint8_t exporter[32];
    bool answered;
};

static void join_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct join *j = (struct join *)ex;

    if (!j->answered && ph_buf_add(&j->body, data) != PH_OK) {
        j->answered = true;
        ph_answer_error(j->req, 413, "request-too-large", "longer than a join message can be");
    }
}

static void join_closed(struct ph_exchange *ex, bool sent_all)
{
    struct join *j = (struct join *)ex;

    (void)sent_all;
    ph_attester_forget(j->node->attester, &j->wish);
    ph_buf_clear(&j->body);
    free(j);
}

static void join_evidence(void *ctx, enum ph_err err, struct ph_bytes evidence, const char *why)
{
    struct join *j = ctx;
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    const struct ph_handover_give give = {.signer = j->node->identity.signer,
                                          .cluster = j->node->identity.cluster,
                                          .sealed = {j->given.sealed, j->given.sealed_len},
                                          .evidence = evidence};

    if (err != PH_OK) {
        ph_answer_error(j->req, 503, "no-evidence", why[0] ? why : "the machine gave no quote");
        return;
    }
    char remote[64];
    ph_http_req_remote(j->req, remote);
    /* Written down before the keys leave: a hand-over that nobody can see must not happen. */
    if (ph_handovers_add(j->node, "gave", &j->given.joiner, j->given.measurement, remote) != PH_OK)
        ph_answer_error(j->req, 500, "storage", "the hand-over could not be written down");
    else if (ph_handover_give_encode(&give, &answer) != PH_OK)
        ph_answer_error(j->req, 500, "internal", "the answer is too long");
    else
        ph_http_respond(j->req, 200, PH_BYTES_LIT("content-type: application/octet-stream\n"),
                        ph_buf_view(&answer));
}

static void join_end(struct ph_exchange *ex)
{
    struct join *j = (struct join *)ex;
    char why[PH_KEYD_WHY_LEN] = "";

    if (j->answered)
        return;
    j->answered = true;
    const enum ph_err err = ph_keyd_client_cluster_give(j->node->keyd, j->exporter,
                                                        ph_http_req_peer_certificate(j->req),
                                                        ph_buf_view(&j->body), &j->given, why);
    if (err != PH_OK) {
        ph_log(PH_LOG_WARN, "a hand-over was refused", "why", why, NULL);
        refuse(j->req, err, why);
        return;
    }
    j->wish.bare = true;
    memcpy(j->wish.report_data, j->given.report_data, sizeof(j->wish.report_data));
    j->wish.done = join_evidence;
    j->wish.ctx = j;
    if (ph_attester_ask(j->node->attester, &j->wish) != PH_OK)
        ph_answer_error(j->req, 503, "overloaded", "too many wait for evidence; try again later");
}

void ph_api_cluster_join(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct join *j = calloc(1, sizeof(*j));

    (void)arg;
    if (!j) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    if (!need_exporter(req, j->exporter)) {
        free(j);
        return;
    }
    j->ex = (struct ph_exchange){join_body, join_end, NULL, join_closed};
    j->node = node;
    j->req = req;
    j->body = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    ph_http_req_set_user(req, j);
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
