/* The joiner's side, before the worker serves anything. Part of cluster.h. */

#include "attest/amd/snp.h"
#include "attest/intel/quote.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/cluster.h"
#include "node/cluster_join_priv.h"
#include "node/handovers.h"
#include "node/keys.h"
#include "node/marks.h"
#include "node/own_evidence.h"
#include "node/tls.h"
#include "node/worker_cert.h"
#include "store/file.h"
#include "tee/quote.h"

#include <fcntl.h>
#include <stdio.h>

enum { MR_TD_AT = 136, MR_TD_LEN = 48 };

static enum ph_err mr_td_of(struct ph_bytes quote, struct ph_bytes *out)
{
    struct ph_intel_quote parsed;
    struct ph_bytes before;
    enum ph_check check;

    PH_TRY(ph_intel_quote_parse(quote, &parsed, &check));
    struct ph_reader r = {parsed.body};
    return ph_read_view(&r, MR_TD_AT, &before) && ph_read_view(&r, MR_TD_LEN, out)
               ? PH_OK
               : PH_ERR_MALFORMED;
}

static enum ph_err measurement_of(struct ph_bytes report, struct ph_bytes *out)
{
    struct ph_reader r = {report};
    struct ph_bytes before;

    return ph_read_view(&r, offsetof(struct ph_snp_report, measurement), &before) &&
                   ph_read_view(&r, MR_TD_LEN, out)
               ? PH_OK
               : PH_ERR_MALFORMED;
}

/* What a policy has to name to mean this worker's code, from a quote of its own. */
static enum ph_err own_measurement(struct ph_node *node, struct ph_buf *out)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    const uint8_t report_data[64] = {0};
    char why[PH_TEE_WHY_LEN], hex[2 * MR_TD_LEN + 1];
    struct ph_bytes code;

    PH_TRY(ph_tee_quote(node->tee, report_data, &quote, why));
    const bool is_snp = ph_snp_is_report(ph_buf_view(&quote));
    PH_TRY(is_snp ? measurement_of(ph_buf_view(&quote), &code)
                  : mr_td_of(ph_buf_view(&quote), &code));
    ph_hex_encode(code, hex);
    return is_snp ? ph_buf_addf(out, "\"snp\":[{\"measurement\":\"%s\"}]", hex)
                  : ph_buf_addf(out, "\"tdx\":[{\"mr_td\":\"%s\"}]", hex);
}

enum ph_err ph_cluster_simulator_policy(struct ph_node *node, char *path, size_t cap)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    int data_fd PH_OWNED(ph_closep) = -1, fd PH_OWNED(ph_closep) = -1;
    struct ph_buf code PH_OWNED(ph_buf_clear) = PH_BUF(256);
    char root_hex[65];
    uint8_t root[32];

    PH_TRY(own_measurement(node, &code));
    PH_TRY(ph_tee_simulator_root(node->tee, root));
    ph_hex_encode(PH_BYTES_OF(root), root_hex);
    PH_TRY(ph_buf_addf(&text,
                       "{\"statuses\":[\"UpToDate\"],\"measurements\":{%.*s},"
                       "\"simulator_root_insecure\":\"%s\"}\n",
                       (int)code.len, (const char *)code.ptr, root_hex));
    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &data_fd));
    PH_TRY(ph_dir_open(data_fd, "simulator", &fd));
    const struct ph_bytes all = ph_buf_view(&text);
    PH_TRY(ph_file_replace(fd, "cluster-policy.json", &all, 1));
    if ((size_t)snprintf(path, cap, "%s/simulator/cluster-policy.json", node->config->data_dir) >=
        cap)
        return PH_ERR_LIMIT;
    return PH_OK;
}

enum ph_err ph_join_post(struct ph_http_bound *bound, const char *path, struct ph_bytes body,
                         struct ph_buf *answer, char why[static 256])
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why json_why;
    const char *code = NULL, *message = NULL;
    uint16_t status;

    PH_TRY(ph_http_bound_post(bound, path, body, &status, answer, why));
    if (status == 200)
        return PH_OK;
    if (ph_json_load(ph_buf_view(answer), 65536, &doc, &json_why) == PH_OK) {
        const json_t *error = json_object_get(doc, "error");
        code = json_string_value(json_object_get(error, "code"));
        message = json_string_value(json_object_get(error, "message"));
    }
    (void)snprintf(why, 256, "%.40s: status %u: %.40s: %.150s", path, status, code ? code : "?",
                   message ? message : "");
    return PH_ERR_UNTRUSTED;
}

enum ph_err ph_join_dial(struct ph_keyd_client *keyd, const char *url, struct ph_bytes own,
                         uint32_t timeout_s, struct ph_http_bound **out, char why[static 256])
{
    const struct ph_http_tls tls = {.cert_chain_pem = own, .sign = ph_tls_sign, .ctx = keyd};

    return ph_http_bound_open(url, &tls, timeout_s, out, why);
}

enum ph_err ph_join_begin(struct ph_keyd_client *keyd, struct ph_http_bound *bound,
                          struct ph_handover_join *join, uint8_t report_data[static 64],
                          char why[static 256])
{
    struct ph_buf nonce PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    uint8_t exporter[32];

    PH_TRY(ph_join_post(bound, "/v1/cluster/nonce", (struct ph_bytes){0}, &nonce, why));
    (void)snprintf(why, 256, "the answer to the first request is no nonce");
    if (nonce.len != sizeof(join->nonce))
        return PH_ERR_MALFORMED;
    memcpy(join->nonce, nonce.ptr, sizeof(join->nonce));
    ph_http_bound_exporter(bound, exporter);
    return ph_keyd_client_cluster_ask(keyd, join->nonce, exporter, ph_http_bound_certificate(bound),
                                      join->key, report_data, why);
}

enum ph_err ph_join_send(struct ph_http_bound *bound, const struct ph_handover_join *join,
                         struct ph_buf *answer, char why[static 256])
{
    struct ph_buf message PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX);

    (void)snprintf(why, 256, "the evidence of this machine is too long for a hand-over");
    PH_TRY(ph_handover_join_encode(join, &message));
    return ph_join_post(bound, "/v1/cluster/join", ph_buf_view(&message), answer, why);
}

enum ph_err ph_join_take(struct ph_keyd_client *keyd, const struct ph_http_bound *bound,
                         struct ph_bytes answer, struct ph_eth_address *giver,
                         char measurement[static 128], struct ph_buf *state, char why[static 256])
{
    struct ph_handover_give give;

    (void)snprintf(why, 256, "phala-keyd does not answer");
    PH_TRY(ph_keyd_client_cluster_take(keyd, ph_http_bound_certificate(bound), answer, measurement,
                                       state, why));
    (void)snprintf(why, 256, "the answer is none");
    PH_TRY(ph_handover_give_parse(answer, &give));
    *giver = give.signer;
    return PH_OK;
}

static enum ph_err join(struct ph_node *node, char why[static 256])
{
    struct ph_http_bound *bound PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX),
                           answer PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX),
                           state PH_OWNED(ph_buf_clear) = PH_BUF(65536),
                           own PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_handover_join join = {.signer = ph_keyd_client_info(node->keyd)->signer};
    struct ph_eth_address giver;
    uint8_t report_data[64];
    char measurement[128];
    size_t page_cnt;

    PH_TRY(ph_worker_cert_make(node, &own, why));
    PH_TRY(ph_join_dial(node->keyd, node->config->join_url, ph_buf_view(&own), PH_JOIN_TIMEOUT_S,
                        &bound, why));
    PH_TRY(ph_join_begin(node->keyd, bound, &join, report_data, why));
    PH_TRY(ph_own_evidence(node, report_data, ph_clock_wall_ms() / 1000, &evidence, why));
    join.evidence = ph_buf_view(&evidence);
    PH_TRY(ph_join_send(bound, &join, &answer, why));
    PH_TRY(ph_join_take(node->keyd, bound, ph_buf_view(&answer), &giver, measurement, &state, why));
    PH_TRY(ph_marks_take(node->keyd, bound, &page_cnt, why));
    PH_TRY(ph_marks_store(node, why)); /* and with it the keys */
    PH_TRY(ph_keyd_client_ask_info(node->keyd));
    return ph_handovers_add(node, "took", &giver, measurement, node->config->join_url);
}

enum ph_err ph_cluster_join(struct ph_node *node)
{
    char why[256] = "";

    const enum ph_err err = join(node, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the cluster's keys were not handed over", "from",
               node->config->join_url, "why", why, "class", ph_err_name(err), NULL);
    return err;
}

static enum ph_err ask_again(struct ph_node *node, char why[static 256])
{
    struct ph_http_bound *bound PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_buf own PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    size_t page_cnt;

    PH_TRY(ph_worker_cert_make(node, &own, why));
    PH_TRY(ph_join_dial(node->keyd, node->config->join_url, ph_buf_view(&own), PH_ASK_TIMEOUT_S,
                        &bound, why));
    PH_TRY(ph_marks_take(node->keyd, bound, &page_cnt, why));
    return ph_marks_store(node, why);
}

void ph_cluster_ask_again(struct ph_node *node)
{
    char why[256] = "";

    if (ask_again(node, why) != PH_OK)
        ph_log(PH_LOG_WARN,
               "what the other worker knows of states is not known: storage is held against what "
               "this one knew",
               "from", node->config->join_url, "why", why, NULL);
}
