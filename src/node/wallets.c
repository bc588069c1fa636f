#include "node/wallets.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/bundle.h"
#include "node/keyd_wallet.h"
#include "node/wallets_priv.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_FLIGHT_MAX = 16, /* fewer than the nonces that phala-keyd signs again */
    FILES_MAX = PH_TAR_FILES_MAX * (PH_TAR_PATH_MAX + 44),
    LEDGER_MAX = 4096,
    ARCHIVE_MAX = 1 << 30, /* bounded by what a deploy takes */
};

static enum ph_err refuse(const char **code, char why[static PH_WALLET_ASK_WHY_LEN],
                          enum ph_err err, const char *what, const char *text)
{
    *code = what;
    (void)snprintf(why, PH_WALLET_ASK_WHY_LEN, "%s", text);
    return err;
}

/* --- signing ---------------------------------------------------------------------------------- */

static enum ph_err store_ledger(struct ph_wallet *w, struct ph_bytes ledger)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s.ledger", w->id_text);
    return ph_file_replace(w->all->dir_fd, name, &ledger, 1);
}

/* The ledger is durable before the signature is known to anybody. */
static enum ph_err on_sign(void *ctx, struct ph_bytes unsigned_tx,
                           uint8_t sig[static PH_ETH_SIG_LEN])
{
    struct ph_wallet *w = ctx;
    struct ph_buf ledger PH_OWNED(ph_buf_clear) = PH_BUF(LEDGER_MAX);
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t got[PH_ETH_SIG_LEN];

    enum ph_err err =
        ph_keyd_wallet_sign(w->all->worker->node->keyd, &w->phat, unsigned_tx, got, &ledger, why);
    if (err == PH_OK) {
        err = store_ledger(w, ph_buf_view(&ledger));
        (void)snprintf(why, sizeof(why), "its ledger cannot be stored");
    }
    if (err == PH_OK) {
        memcpy(sig, got, sizeof(got));
        return PH_OK;
    }
    const char *text = why[0] ? why : ph_err_name(err);
    if (err != w->refusal_class || strcmp(text, w->refusal) != 0)
        ph_log(PH_LOG_WARN, "a phat's transaction was not signed", "phat", w->id_text, "class",
               ph_err_name(err), "why", text, NULL);
    w->refusal_class = err;
    (void)snprintf(w->refusal, sizeof(w->refusal), "%s", text);
    return err;
}

static void on_changed(void *ctx, const struct ph_hash32 *key,
                       const struct ph_txman_outcome *outcome)
{
    ph_wallet_order_changed(ctx, key, outcome);
}

/* --- opening ---------------------------------------------------------------------------------- */

static uint64_t fee_cap(const struct ph_wallet *w)
{
    const uint64_t network = w->all->worker->network.max_fee;
    const uint64_t cap = w->policy.max_fee < network ? w->policy.max_fee : network;

    return cap > 0 ? cap : 1;
}

static enum ph_err start_sending(struct ph_wallet *w)
{
    struct ph_txman_config config;
    const struct ph_follow_head *head;

    ph_chain_client_lend(w->all->worker->client, &config);
    config.sender = w->address;
    config.max_fee_cap = fee_cap(w);
    config.in_flight_max = IN_FLIGHT_MAX;
    config.sign = on_sign;
    config.append = ph_wallet_append;
    config.sync = ph_wallet_sync;
    config.changed = on_changed;
    config.ctx = w;
    PH_TRY(ph_txman_new(&config, &w->txman));
    const enum ph_err err = ph_wallet_journal_open(w);
    if (err != PH_OK) {
        ph_wallet_orders_free(w);
        ph_txman_free(PH_TAKE(w->txman));
        return err;
    }
    head = ph_chain_client_head(w->all->worker->client);
    if (head->number > 0)
        ph_txman_head(w->txman, head);
    return PH_OK;
}

/* Show phala-keyd the bundle, and what it sealed last. */
static enum ph_err show(struct ph_wallet *w, struct ph_phat *phat, struct ph_version *version,
                        char why[static PH_KEYD_WHY_LEN])
{
    struct ph_node *node = w->all->worker->node;
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(ARCHIVE_MAX);
    struct ph_buf files PH_OWNED(ph_buf_clear) = PH_BUF(FILES_MAX);
    struct ph_buf ledger PH_OWNED(ph_buf_clear) = PH_BUF(LEDGER_MAX);
    char reason[128], name[64];

    if (!tar)
        return PH_ERR_NOMEM;
    (void)snprintf(why, PH_KEYD_WHY_LEN, "the stored bundle is not this version's");
    PH_TRY(ph_phat_read_bundle(phat, version, &archive));
    PH_TRY(ph_tar_parse(ph_buf_view(&archive), tar, reason));
    const struct ph_tar_file *manifest = ph_tar_find(tar, PH_BYTES_LIT("phat.json"));
    if (!manifest)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_bundle_list_tar(tar, &files));
    (void)snprintf(why, PH_KEYD_WHY_LEN, "its ledger cannot be read");
    (void)snprintf(name, sizeof(name), "%s.ledger", w->id_text);
    const enum ph_err err = ph_file_read(w->all->dir_fd, name, &ledger);
    if (err != PH_OK && err != PH_ERR_NOT_FOUND)
        return err;
    (void)snprintf(why, PH_KEYD_WHY_LEN, "phala-keyd was not asked: too many files");
    return ph_keyd_wallet_open(node->keyd, &version->request, version->sig, manifest->data,
                               ph_buf_view(&files), ph_buf_view(&ledger), &w->address, &w->sends,
                               why);
}

static struct ph_wallet *find(const struct ph_wallets *all, const struct ph_phat_id *phat)
{
    for (struct ph_wallet *w = all->first; w; w = w->next)
        if (memcmp(w->phat.b, phat->b, sizeof(phat->b)) == 0)
            return w;
    return NULL;
}

static struct ph_wallet *find_or_add(struct ph_wallets *all, const struct ph_phat *phat)
{
    struct ph_wallet *w = find(all, &phat->id);

    if (w)
        return w;
    w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    *w = (struct ph_wallet){.all = all, .phat = phat->id, .end = &w->orders, .next = all->first};
    (void)snprintf(w->id_text, sizeof(w->id_text), "%s", phat->id_text);
    all->first = w;
    return w;
}

enum ph_err ph_wallet_of(struct ph_phat *phat, struct ph_version *version, struct ph_wallet **out,
                         const char **code, char why[static PH_WALLET_ASK_WHY_LEN])
{
    struct ph_chain_worker *worker = phat->node->chain;
    char reason[PH_KEYD_WHY_LEN] = "";

    if (!version->manifest.wallet)
        return refuse(code, why, PH_ERR_UNTRUSTED, "wallet-denied",
                      "phat.json does not ask for it: \"wallet\": {…}");
    if (!worker)
        return refuse(code, why, PH_ERR_NOT_FOUND, "wallet-unavailable",
                      "this worker is on no chain");
    struct ph_wallet *w = find_or_add(worker->wallets, phat);
    if (!w)
        return refuse(code, why, PH_ERR_NOMEM, "wallet-unavailable", "out of memory");
    if (w->sequence != version->request.sequence) {
        const enum ph_err err = show(w, phat, version, reason);
        if (err != PH_OK)
            return refuse(code, why, err, "wallet-unavailable",
                          reason[0] ? reason : ph_err_name(err));
        w->policy = *version->manifest.wallet;
        w->sequence = version->request.sequence;
        if (w->txman)
            ph_txman_set_fee_cap(w->txman, fee_cap(w));
    }
    if (w->sends && !w->txman && w->policy.chain_id == worker->network.chain_id) {
        const enum ph_err err = start_sending(w);
        if (err != PH_OK)
            return refuse(code, why, err, "wallet-unavailable",
                          "its journal cannot be read: see the worker's log");
    }
    *out = w;
    return PH_OK;
}

enum ph_err ph_wallets_new(struct ph_chain_worker *worker, struct ph_wallets **out)
{
    int data_fd PH_OWNED(ph_closep) = -1;
    struct ph_wallets *all = calloc(1, sizeof(*all));

    if (!all)
        return PH_ERR_NOMEM;
    *all = (struct ph_wallets){.worker = worker, .dir_fd = -1};
    enum ph_err err = ph_dir_open(AT_FDCWD, worker->node->config->data_dir, &data_fd);
    if (err == PH_OK)
        err = ph_dir_open(data_fd, "wallets", &all->dir_fd);
    if (err != PH_OK) {
        ph_wallets_free(all);
        return err;
    }
    *out = all;
    return PH_OK;
}

static void wallet_free(struct ph_wallet *w)
{
    ph_wallet_questions_free(w);
    ph_wallet_orders_free(w);
    ph_txman_free(w->txman);
    ph_journal_close(w->journal);
    free(w);
}

void ph_wallets_free(struct ph_wallets *all)
{
    if (!all)
        return;
    for (struct ph_wallet *w = all->first, *next; w; w = next) {
        next = w->next;
        wallet_free(w);
    }
    ph_closep(&all->dir_fd);
    free(all);
}

/* --- driving ---------------------------------------------------------------------------------- */

static void resume(void *ctx, struct ph_phat *phat)
{
    struct ph_wallets *all = ctx;
    char name[64], why[PH_WALLET_ASK_WHY_LEN];
    struct ph_wallet *w;
    const char *code;

    (void)snprintf(name, sizeof(name), "%s.journal", phat->id_text);
    if (!phat->version || !phat->version->manifest.wallet ||
        faccessat(all->dir_fd, name, F_OK, 0) != 0)
        return;
    if (ph_wallet_of(phat, phat->version, &w, &code, why) != PH_OK)
        ph_log(PH_LOG_ERROR, "a phat's transactions are not seen through", "phat", phat->id_text,
               "why", why, NULL);
}

void ph_wallets_resume(struct ph_wallets *all)
{
    if (all->worker->node->phats)
        ph_phats_each(all->worker->node->phats, resume, all);
}

void ph_wallets_undone(struct ph_wallets *all, uint64_t block_number)
{
    for (struct ph_wallet *w = all->first; w; w = w->next)
        if (w->txman)
            ph_txman_undone(w->txman, block_number);
}

void ph_wallets_head(struct ph_wallets *all, const struct ph_follow_head *head)
{
    for (struct ph_wallet *w = all->first; w; w = w->next)
        if (w->txman)
            ph_txman_head(w->txman, head);
}

void ph_wallets_step(struct ph_wallets *all, int64_t now_ms)
{
    for (struct ph_wallet *w = all->first; w; w = w->next) {
        if (w->txman)
            ph_txman_step(w->txman, now_ms);
        ph_wallet_answer(w);
        if (w->txman)
            ph_wallet_orders_reap(w);
    }
}
