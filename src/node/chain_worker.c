#include "node/chain_worker_priv.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "node/wallets.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdlib.h>

enum { POLL_MS = 500, IN_FLIGHT_MAX = 256, BUMP_BLOCKS = 3, RESEND_MS = 15000 };

/* The client's events. */

static void on_ready(void *ctx)
{
    struct ph_chain_worker *w = ctx;
    char sender[41];

    ph_hex_encode(PH_BYTES_OF(w->sender.b), sender);
    ph_log(PH_LOG_INFO, "follows the anchor; gas is paid by", "account", sender, NULL);
    if (w->registrar)
        ph_chain_registrar_start(w->registrar);
    ph_wallets_resume(w->wallets);
}

static void on_log(void *ctx, const struct ph_eth_log *log)
{
    struct ph_chain_worker *w = ctx;
    static _Alignas(16) uint8_t room[4096];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};
    struct ph_abi_phat_anchor_requested_event requested;
    struct ph_abi_phat_anchor_fulfilled_event fulfilled;
    struct ph_abi_phat_anchor_cancelled_event cancelled;
    struct ph_abi_phat_anchor_proposed_event proposed;

    if (ph_abi_decode_event(&ph_abi_phat_anchor_requested_event, log->topics, log->topic_cnt,
                            log->data, &mem, &requested) == PH_OK)
        ph_chain_request_add(w, log, &requested);
    else if (ph_abi_decode_event(&ph_abi_phat_anchor_fulfilled_event, log->topics, log->topic_cnt,
                                 log->data, &mem, &fulfilled) == PH_OK)
        ph_chain_request_close(w, fulfilled.id, log->block_number);
    else if (ph_abi_decode_event(&ph_abi_phat_anchor_cancelled_event, log->topics, log->topic_cnt,
                                 log->data, &mem, &cancelled) == PH_OK)
        ph_chain_request_close(w, cancelled.id, log->block_number);
    else if (ph_abi_decode_event(&ph_abi_phat_anchor_proposed_event, log->topics, log->topic_cnt,
                                 log->data, &mem, &proposed) == PH_OK)
        ph_chain_request_propose(w, &proposed);
}

static void on_undone(void *ctx, uint64_t number)
{
    struct ph_chain_worker *w = ctx;

    ph_chain_requests_undone(w, number);
    ph_wallets_undone(w->wallets, number);
}

static void on_head(void *ctx, const struct ph_follow_head *head)
{
    struct ph_chain_worker *w = ctx;

    ph_chain_requests_head(w);
    ph_wallets_head(w->wallets, head);
}

static void on_step(void *ctx, int64_t now_ms)
{
    struct ph_chain_worker *w = ctx;

    ph_wallets_step(w->wallets, now_ms);
}

static void on_broken(void *ctx, const char *why)
{
    (void)ctx;
    ph_log(PH_LOG_ERROR, "contracts are not answered any more", "why", why, NULL);
}

static void on_changed(void *ctx, const struct ph_hash32 *key,
                       const struct ph_txman_outcome *outcome)
{
    struct ph_chain_worker *w = ctx;

    if (outcome->state == PH_TXMAN_DONE && !outcome->ok)
        ph_chain_requests_changed(w, key);
    if (w->registrar)
        ph_chain_registrar_changed(w->registrar, key, outcome);
}

static enum ph_err on_sign(void *ctx, struct ph_bytes unsigned_tx, uint8_t sig[static 65])
{
    struct ph_chain_worker *w = ctx;
    char why[PH_KEYD_WHY_LEN] = "";
    const enum ph_err err = ph_keyd_tx_sign(w->node->keyd, unsigned_tx, sig, why);

    if (err != PH_OK)
        ph_log(PH_LOG_WARN, "a transaction was not signed", "class", ph_err_name(err), "why", why,
               NULL);
    return err;
}

/* Making it. */

static enum ph_err load_network(struct ph_chain_worker *w)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_NETWORK_TEXT_MAX);
    const char *path = w->node->config->network_file;
    struct ph_json_why why = {""};

    enum ph_err err = ph_file_read(AT_FDCWD, path, &text);
    if (err == PH_OK)
        err = ph_network_parse(ph_buf_view(&text), &w->network, &why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the network cannot be read", "file", path, "why",
               why.text[0] ? why.text : ph_err_name(err), NULL);
    return err;
}

static enum ph_err open_client(struct ph_chain_worker *w)
{
    const struct ph_config *c = w->node->config;
    struct ph_chain_client_config config = {.loop = w->node->loop,
                                            .urls = c->chain_urls,
                                            .url_cnt = c->chain_url_cnt,
                                            .chain_id = w->network.chain_id,
                                            .addresses = {w->network.anchor},
                                            .address_cnt = 1,
                                            .from_block = w->network.block,
                                            .quorum = c->chain_quorum,
                                            .confirmations = c->chain_confirmations,
                                            .poll_ms = POLL_MS,
                                            .journal = "chain.journal",
                                            .sender = w->sender,
                                            .max_fee_cap = w->network.max_fee,
                                            .min_priority = 1,
                                            .in_flight_max = IN_FLIGHT_MAX,
                                            .bump_blocks = BUMP_BLOCKS,
                                            .resend_ms = RESEND_MS,
                                            .sign = on_sign,
                                            .ready = on_ready,
                                            .follow = {on_undone, on_log, on_head, on_broken, NULL},
                                            .changed = on_changed,
                                            .step = on_step,
                                            .ctx = w};
    char why[PH_CHAIN_WHY_LEN] = "";
    int dir_fd PH_OWNED(ph_closep) = open(c->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0)
        return PH_ERR_IO;
    config.dir_fd = dir_fd;
    const enum ph_err err = ph_chain_client_new(&config, &w->client, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the chain cannot be followed", "why", why, NULL);
    return err;
}

static enum ph_err open_registrar(struct ph_chain_worker *w)
{
    static const struct ph_eth_address unnamed;

    if (memcmp(w->network.lens.b, unnamed.b, sizeof(unnamed.b)) != 0)
        return ph_chain_registrar_new(w, &w->registrar);
    ph_log(PH_LOG_WARN, "does not register: the network's file names no lens", NULL);
    return PH_OK;
}

static enum ph_err open_inputs(struct ph_chain_worker *w)
{
    const struct ph_config *c = w->node->config;
    char why[PH_CHAIN_INPUT_WHY_LEN] = "";

    if (c->chain_input_cnt == 0)
        return PH_OK;
    const enum ph_err err =
        ph_chain_inputs_new(w->node->loop, c->chain_inputs, c->chain_input_cnt, &w->inputs, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "inputs cannot be looked for", "why", why, NULL);
    return err;
}

static enum ph_err start(struct ph_chain_worker *w)
{
    char why[PH_KEYD_WHY_LEN] = "";

    PH_TRY(load_network(w));
    const enum ph_err err = ph_keyd_chain_key(w->node->keyd, &w->sender, why);
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR, "no account for the chain", "why", why, NULL);
        return err;
    }
    w->node->identity.chain_id = w->network.chain_id;
    w->node->identity.registry = w->network.registry;
    PH_TRY(open_registrar(w));
    PH_TRY(ph_wallets_new(w, &w->wallets));
    PH_TRY(open_inputs(w));
    return open_client(w);
}

enum ph_err ph_chain_worker_new(struct ph_node *node, struct ph_chain_worker **out)
{
    struct ph_chain_worker *w = calloc(1, sizeof(*w));

    if (!w)
        return PH_ERR_NOMEM;
    w->node = node;
    w->end = &w->requests;
    const enum ph_err err = start(w);
    if (err != PH_OK) {
        ph_chain_worker_free(w);
        return err;
    }
    *out = w;
    return PH_OK;
}

void ph_chain_worker_free(struct ph_chain_worker *w)
{
    if (!w)
        return;
    ph_chain_client_free(w->client);
    ph_chain_readings_free(w);
    ph_wallets_free(w->wallets);
    ph_chain_inputs_free(w->inputs);
    ph_chain_requests_free(w);
    ph_chain_registrar_free(w->registrar);
    free(w);
}

const struct ph_network *ph_chain_worker_network(const struct ph_chain_worker *w)
{
    return &w->network;
}

void ph_chain_worker_stop(struct ph_chain_worker *w)
{
    if (w->registrar)
        ph_chain_registrar_stop(w->registrar);
}

bool ph_chain_worker_is_done(const struct ph_chain_worker *w)
{
    if (!w->registrar)
        return true;
    return ph_chain_registrar_is_at_rest(w->registrar) && !ph_chain_requests_are_open(w);
}

static size_t transactions(const struct ph_chain_worker *w)
{
    size_t cnt = 0;

    for (int state = PH_TXMAN_QUEUED; state <= PH_TXMAN_REFUSED; state++)
        cnt += ph_txman_count(ph_chain_client_txman(w->client), (enum ph_txman_state)state);
    return cnt;
}

void ph_chain_worker_status(const struct ph_chain_worker *w, struct ph_chain_status *out)
{
    const struct ph_follow_head *head = ph_chain_client_head(w->client);

    *out = (struct ph_chain_status){.account = w->sender,
                                    .head = head->number,
                                    .final_number = head->final_number,
                                    .requests = w->request_cnt,
                                    .transactions = transactions(w),
                                    .registers = w->registrar != NULL};
    if (w->registrar)
        ph_chain_registrar_status(w->registrar, &out->registration);
}
