#include "node/chain_client.h"

#include "base/clock.h"
#include "base/own.h"
#include "node/chain_http.h"
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>

/* The journal is written anew when it has grown to this, and again at twice what that left. */
enum { REWRITE_MIN = 8 << 20 };

/* How often one endpoint's news alone make this side look: a node that tells of blocks that are
 * none costs the others no more than that. */
enum { WAKE_GAP_MS = 50 };

struct ph_chain_client {
    struct ph_chain_client_config config;
    struct ph_chain_http *http;
    struct ph_rpc *rpc;
    struct ph_follow *follow;
    struct ph_txman *txman;
    struct ph_journal *journal;
    struct ph_follow_head head;
    uint64_t cursor; /* logs up to here are done with; 0: none */
    uint64_t rewrite_at;
    struct ph_timer poll;
    int64_t poll_at_ms;
    struct ph_task turn;
    int64_t woken_ms[PH_RPC_ENDPOINTS_MAX];
    bool woken; /* there may be something new since the last look began */
    bool late;  /* the poll timer stands for news */
    bool right_chain, asking_chain, broken;
};

static int64_t now_ms(void)
{
    return ph_clock_mono_ns() / 1000000;
}

static void poll_again(struct ph_chain_client *c, int64_t ms);

/* At the end of a turn: whatever was submitted, asked or answered in it. */
static void turn(void *ctx)
{
    struct ph_chain_client *c = ctx;

    if (c->woken && c->right_chain && !c->broken && !ph_follow_is_busy(c->follow)) {
        c->woken = false;
        ph_follow_poll(c->follow);
    }
    if (c->right_chain)
        ph_txman_step(c->txman, now_ms());
    if (c->right_chain && c->config.step)
        c->config.step(c->config.ctx, now_ms());
    ph_rpc_flush(c->rpc, now_ms());
}

static void turn_later(struct ph_chain_client *c)
{
    ph_task_add(c->config.loop, &c->turn, turn, c);
}

static void on_answered(void *ctx, uint64_t ticket, struct ph_bytes body)
{
    struct ph_chain_client *c = ctx;

    ph_rpc_answered(c->rpc, ticket, now_ms(), body);
    turn_later(c);
}

static void on_failed(void *ctx, uint64_t ticket)
{
    struct ph_chain_client *c = ctx;

    ph_rpc_failed(c->rpc, ticket, now_ms());
    turn_later(c);
}

static void give_up(struct ph_chain_client *c, const char *why)
{
    c->broken = true;
    ph_timer_cancel(c->config.loop, &c->poll);
    c->config.follow.broken(c->config.ctx, why);
}

static void on_chain_id(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_client *c = ctx;
    uint64_t id;

    c->asking_chain = false;
    if (reply->err != PH_OK || reply->answer->is_error ||
        ph_rpc_quantity(reply->answer->doc, reply->answer->result, &id) != PH_OK)
        return; /* the next look asks again */
    if (id != c->config.chain_id) {
        char why[96];
        (void)snprintf(why, sizeof(why), "the nodes are of chain %llu, not %llu",
                       (unsigned long long)id, (unsigned long long)c->config.chain_id);
        give_up(c, why);
        return;
    }
    c->right_chain = true;
    if (c->config.ready)
        c->config.ready(c->config.ctx);
    poll_again(c, 0);
}

static void ask_chain_id(struct ph_chain_client *c)
{
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = "eth_chainId",
                                      .params = PH_BYTES_LIT("[]"),
                                      .done = on_chain_id,
                                      .ctx = c};

    if (!c->asking_chain && ph_rpc_ask(c->rpc, &q) == PH_OK)
        c->asking_chain = true;
}

static void look(void *ctx)
{
    struct ph_chain_client *c = ctx;

    if (c->broken)
        return;
    c->woken = (c->woken || c->late) && ph_follow_is_busy(c->follow);
    c->late = false;
    if (c->right_chain)
        ph_follow_poll(c->follow);
    else
        ask_chain_id(c);
    turn_later(c);
    poll_again(c, c->config.poll_ms);
}

static void poll_again(struct ph_chain_client *c, int64_t ms)
{
    c->poll_at_ms = now_ms() + ms;
    /* Without memory for a timer, answers that come still drive it. */
    (void)!ph_timer_arm(c->config.loop, &c->poll, ms, look, c);
}

/* A look that is under way may have asked before the block was there: another one follows. */
static void on_woken(void *ctx, size_t endpoint)
{
    struct ph_chain_client *c = ctx;
    const int64_t since = now_ms() - c->woken_ms[endpoint];

    if (c->broken || !c->right_chain)
        return;
    if (since >= WAKE_GAP_MS) {
        c->woken_ms[endpoint] = now_ms();
        c->woken = true;
        turn_later(c);
    } else {
        c->late = true;
        if (now_ms() + WAKE_GAP_MS - since < c->poll_at_ms)
            poll_again(c, WAKE_GAP_MS - since);
    }
}

/* The follower's events. */

static void on_undone(void *ctx, uint64_t number)
{
    struct ph_chain_client *c = ctx;

    c->config.follow.undone(c->config.ctx, number);
    ph_txman_undone(c->txman, number);
    poll_again(c, 0);
}

static void on_log(void *ctx, const struct ph_eth_log *log)
{
    struct ph_chain_client *c = ctx;

    c->config.follow.log(c->config.ctx, log);
}

static void on_head(void *ctx, const struct ph_follow_head *head)
{
    struct ph_chain_client *c = ctx;

    c->head = *head;
    ph_txman_head(c->txman, head);
    c->config.follow.head(c->config.ctx, head);
    if (ph_follow_is_behind(c->follow))
        poll_again(c, 0);
}

static void on_broken(void *ctx, const char *why)
{
    give_up(ctx, why);
}

/* The journal. */

static enum ph_err append_to(struct ph_journal *journal, uint8_t kind, struct ph_bytes record)
{
    struct ph_buf whole PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX + 1);

    PH_TRY(ph_buf_add(&whole, (struct ph_bytes){&kind, 1}));
    PH_TRY(ph_buf_add(&whole, record));
    return ph_journal_add(journal, ph_buf_view(&whole));
}

static enum ph_err append_tx(void *ctx, struct ph_bytes record)
{
    struct ph_chain_client *c = ctx;

    return append_to(c->journal, 't', record);
}

static enum ph_err append_cursor(struct ph_journal *journal, uint64_t block_number)
{
    uint8_t number[8];

    ph_put_u64le(number, block_number);
    return append_to(journal, 'c', PH_BYTES_OF(number));
}

struct fill {
    struct ph_chain_client *client;
    struct ph_journal *to;
};

static enum ph_err fill_tx(void *ctx, struct ph_bytes record)
{
    struct fill *f = ctx;

    return append_to(f->to, 't', record);
}

static enum ph_err fill_journal(void *ctx, struct ph_journal *to)
{
    struct fill f = {ctx, to};

    PH_TRY(append_cursor(to, f.client->cursor));
    return ph_txman_dump(f.client->txman, fill_tx, &f);
}

static enum ph_err sync_journal(void *ctx)
{
    struct ph_chain_client *c = ctx;

    PH_TRY(ph_journal_sync(c->journal));
    if (ph_journal_size(c->journal) < c->rewrite_at)
        return PH_OK;
    PH_TRY(ph_journal_rewrite(c->journal, fill_journal, c));
    const uint64_t twice = 2 * ph_journal_size(c->journal);
    c->rewrite_at = twice > REWRITE_MIN ? twice : REWRITE_MIN;
    return PH_OK;
}

static enum ph_err take_record(void *ctx, struct ph_bytes record)
{
    struct ph_chain_client *c = ctx;
    struct ph_reader r = {record};
    uint8_t kind;

    if (!ph_read_u8(&r, &kind))
        return PH_ERR_MALFORMED;
    if (kind == 't')
        return ph_txman_restore(c->txman, r.rest);
    if (kind != 'c' || !ph_read_u64le(&r, &c->cursor) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    return PH_OK;
}

/* Making it. */

static enum ph_err on_sign(void *ctx, struct ph_bytes unsigned_tx,
                           uint8_t sig[static PH_ETH_SIG_LEN])
{
    struct ph_chain_client *c = ctx;

    return c->config.sign(c->config.ctx, unsigned_tx, sig);
}

static void on_changed(void *ctx, const struct ph_hash32 *key,
                       const struct ph_txman_outcome *outcome)
{
    struct ph_chain_client *c = ctx;

    if (c->config.changed)
        c->config.changed(c->config.ctx, key, outcome);
}

static enum ph_err open_txman(struct ph_chain_client *c, size_t quorum)
{
    const struct ph_chain_client_config *config = &c->config;
    const struct ph_txman_config txman = {.rpc = c->rpc,
                                          .endpoint_cnt = config->url_cnt,
                                          .quorum = quorum,
                                          .chain_id = config->chain_id,
                                          .sender = config->sender,
                                          .max_fee_cap = config->max_fee_cap,
                                          .min_priority = config->min_priority,
                                          .in_flight_max = config->in_flight_max,
                                          .bump_blocks = config->bump_blocks,
                                          .resend_ms = config->resend_ms,
                                          .sign = on_sign,
                                          .append = append_tx,
                                          .sync = sync_journal,
                                          .changed = on_changed,
                                          .ctx = c};

    return ph_txman_new(&txman, &c->txman);
}

static enum ph_err open_follow(struct ph_chain_client *c, size_t quorum)
{
    const struct ph_chain_client_config *config = &c->config;
    struct ph_follow_config follow = {.rpc = c->rpc,
                                      .endpoint_cnt = config->url_cnt,
                                      .quorum = quorum,
                                      .address_cnt = config->address_cnt,
                                      .from_block = config->from_block,
                                      .confirmations = config->confirmations,
                                      .events = {on_undone, on_log, on_head, on_broken, c}};

    memcpy(follow.addresses, config->addresses, sizeof(follow.addresses));
    if (c->cursor >= follow.from_block && c->cursor > 0)
        follow.from_block = c->cursor + 1;
    return ph_follow_new(&follow, &c->follow);
}

static enum ph_err start(struct ph_chain_client *c, char why[static PH_CHAIN_WHY_LEN])
{
    const struct ph_chain_client_config *config = &c->config;
    const size_t quorum = config->quorum > 0 ? config->quorum : config->url_cnt / 2 + 1;
    const struct ph_chain_http_config http = {.loop = config->loop,
                                              .urls = config->urls,
                                              .url_cnt = config->url_cnt,
                                              .answered = on_answered,
                                              .failed = on_failed,
                                              .woken = on_woken,
                                              .ctx = c};

    PH_TRY(ph_chain_http_new(&http, &c->http, why));
    const struct ph_rpc_config rpc = {config->url_cnt, quorum, {ph_chain_http_post, c->http}};
    (void)snprintf(why, PH_CHAIN_WHY_LEN, "the quorum is more than there are endpoints");
    PH_TRY(ph_rpc_new(&rpc, &c->rpc));
    (void)snprintf(why, PH_CHAIN_WHY_LEN, "limits for transactions are missing");
    PH_TRY(open_txman(c, quorum));
    (void)snprintf(why, PH_CHAIN_WHY_LEN, "%.100s: it is no journal of this sender's transactions",
                   config->journal);
    PH_TRY(ph_journal_open(config->dir_fd, config->journal, take_record, c, &c->journal));
    c->rewrite_at = REWRITE_MIN;
    (void)snprintf(why, PH_CHAIN_WHY_LEN, "too many contracts to follow");
    PH_TRY(open_follow(c, quorum));
    poll_again(c, 0);
    return PH_OK;
}

enum ph_err ph_chain_client_new(const struct ph_chain_client_config *config,
                                struct ph_chain_client **out, char why[static PH_CHAIN_WHY_LEN])
{
    struct ph_chain_client *c = calloc(1, sizeof(*c));

    if (!c)
        return PH_ERR_NOMEM;
    c->config = *config;
    c->config.urls = NULL; /* borrowed for this call alone */
    const struct ph_chain_client_config kept = c->config;
    c->config = *config;
    const enum ph_err err = start(c, why);
    c->config = kept;
    if (err != PH_OK) {
        ph_chain_client_free(c);
        return err;
    }
    *out = c;
    return PH_OK;
}

void ph_chain_client_free(struct ph_chain_client *c)
{
    if (!c)
        return;
    ph_timer_cancel(c->config.loop, &c->poll);
    ph_task_cancel(c->config.loop, &c->turn);
    ph_chain_http_free(c->http);
    ph_rpc_free(c->rpc);
    ph_follow_free(c->follow);
    ph_txman_free(c->txman);
    ph_journal_close(c->journal);
    free(c);
}

enum ph_err ph_chain_client_submit(struct ph_chain_client *c, const struct ph_txman_order *order)
{
    PH_TRY(ph_txman_submit(c->txman, order));
    turn_later(c);
    return PH_OK;
}

void ph_chain_client_lend(const struct ph_chain_client *c, struct ph_txman_config *out)
{
    const struct ph_chain_client_config *config = &c->config;

    *out = (struct ph_txman_config){.rpc = c->rpc,
                                    .endpoint_cnt = config->url_cnt,
                                    .quorum = config->quorum > 0 ? config->quorum
                                                                 : config->url_cnt / 2 + 1,
                                    .chain_id = config->chain_id,
                                    .max_fee_cap = config->max_fee_cap,
                                    .min_priority = config->min_priority,
                                    .bump_blocks = config->bump_blocks,
                                    .resend_ms = config->resend_ms};
}

void ph_chain_client_wake(struct ph_chain_client *c)
{
    turn_later(c);
}

struct ph_txman *ph_chain_client_txman(struct ph_chain_client *c)
{
    return c->txman;
}

enum ph_err ph_chain_client_ask(struct ph_chain_client *c, const struct ph_rpc_question *question)
{
    PH_TRY(ph_rpc_ask(c->rpc, question));
    turn_later(c);
    return PH_OK;
}

const struct ph_follow_head *ph_chain_client_head(const struct ph_chain_client *c)
{
    return &c->head;
}

enum ph_err ph_chain_client_done_to(struct ph_chain_client *c, uint64_t block_number)
{
    if (block_number > c->head.final_number || block_number <= c->cursor)
        return PH_OK;
    c->cursor = block_number;
    return append_cursor(c->journal, block_number);
}
