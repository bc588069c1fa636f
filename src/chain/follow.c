#include "chain/follow.h"

#include "base/hex.h"
#include "base/own.h"
#include "chain/u256.h"

#include <stdlib.h>

/* A block with the hashes of its transactions. */
enum { TOKS_MAX = 32 * 1024 };

struct seen {
    uint64_t number;
    struct ph_hash32 hash;
};

/* What one look has found out. */
struct look {
    uint32_t waiting;  /* questions under way */
    bool failed;       /* one of them gave nothing: the next look tries again */
    bool tip_is_other; /* another block lies where the tip was */
    bool tip_is_gone;  /* none does */
    uint64_t latest, final_number;
    uint64_t from, to; /* being read */
    bool reads_final;  /* the whole range is final: its last block is enough */
    struct ph_eth_block blocks[PH_FOLLOW_STEP];
    struct ph_eth_logs logs;
};

struct ph_follow {
    struct ph_follow_config config;
    struct seen *seen; /* newest last; the first one may be final */
    size_t seen_cnt;
    uint64_t next; /* first block that was not read */
    uint64_t final_number;
    uint64_t span;
    struct ph_eth_block tip;
    struct look look;
    bool busy, behind, broken;
    struct ph_jtok *toks;
    struct slot {
        struct ph_follow *follow;
        size_t at;
    } slots[PH_FOLLOW_STEP];
};

enum ph_err ph_quorum_number(const uint64_t *values, size_t value_cnt, size_t quorum, uint64_t *out)
{
    uint64_t best = 0;
    bool found = false;

    if (quorum == 0)
        return PH_ERR_NOT_FOUND;
    for (size_t i = 0; i < value_cnt; i++) {
        size_t reach = 0;
        for (size_t j = 0; j < value_cnt; j++)
            reach += values[j] >= values[i];
        if (reach >= quorum && (!found || values[i] > best)) {
            best = values[i];
            found = true;
        }
    }
    if (!found)
        return PH_ERR_NOT_FOUND;
    *out = best;
    return PH_OK;
}

enum ph_err ph_follow_new(const struct ph_follow_config *config, struct ph_follow **out)
{
    if (config->address_cnt > PH_FOLLOW_ADDRESSES_MAX)
        return PH_ERR_MALFORMED;
    struct ph_follow *f = calloc(1, sizeof(*f));
    if (!f)
        return PH_ERR_NOMEM;
    f->config = *config;
    f->next = config->from_block;
    f->span = PH_FOLLOW_SPAN_MAX;
    for (size_t i = 0; i < PH_FOLLOW_STEP; i++)
        f->slots[i] = (struct slot){f, i};
    f->seen = calloc(PH_FOLLOW_DEPTH_MAX, sizeof(*f->seen));
    f->toks = calloc(TOKS_MAX, sizeof(*f->toks));
    if (!f->seen || !f->toks) {
        ph_follow_free(f);
        return PH_ERR_NOMEM;
    }
    *out = f;
    return PH_OK;
}

void ph_follow_free(struct ph_follow *f)
{
    if (!f)
        return;
    ph_eth_logs_clear(&f->look.logs);
    free(f->seen);
    free(f->toks);
    free(f);
}

bool ph_follow_is_busy(const struct ph_follow *f)
{
    return f->busy;
}

bool ph_follow_is_behind(const struct ph_follow *f)
{
    return f->behind && !f->broken;
}

static void break_off(struct ph_follow *f, const char *why)
{
    f->broken = true;
    f->config.events.broken(f->config.events.ctx, why);
}

/* Questions. */

static void ask(struct ph_follow *f, enum ph_rpc_mode mode, const char *method,
                struct ph_bytes params, const char *const *members,
                void (*done)(void *, const struct ph_rpc_reply *), void *ctx)
{
    const struct ph_rpc_question q = {.mode = mode,
                                      .method = method,
                                      .params = params,
                                      .members = members,
                                      .done = done,
                                      .ctx = ctx};

    if (ph_rpc_ask(f->config.rpc, &q) == PH_OK)
        f->look.waiting++;
    else
        f->look.failed = true;
}

static void ask_block(struct ph_follow *f, uint64_t number,
                      void (*done)(void *, const struct ph_rpc_reply *), void *ctx)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(64);

    if (ph_buf_addf(&params, "[\"0x%llx\",false]", (unsigned long long)number) != PH_OK)
        f->look.failed = true;
    else
        ask(f, PH_RPC_QUORUM, "eth_getBlockByNumber", ph_buf_view(&params), ph_eth_block_members,
            done, ctx);
}

static enum ph_err put_filter(const struct ph_follow *f, struct ph_buf *out)
{
    PH_TRY(ph_buf_addf(out, "[{\"fromBlock\":\"0x%llx\",\"toBlock\":\"0x%llx\",\"address\":[",
                       (unsigned long long)f->look.from, (unsigned long long)f->look.to));
    for (size_t i = 0; i < f->config.address_cnt; i++) {
        char hex[41];
        ph_hex_encode(PH_BYTES_OF(f->config.addresses[i].b), hex);
        PH_TRY(ph_buf_addf(out, "%s\"0x%s\"", i > 0 ? "," : "", hex));
    }
    return ph_buf_add_str(out, "]}]");
}

/* What is read, is taken over at once, or not at all. */

static void remember(struct ph_follow *f, const struct ph_eth_block *block)
{
    if (f->seen_cnt == PH_FOLLOW_DEPTH_MAX) {
        memmove(f->seen, f->seen + 1, (f->seen_cnt - 1) * sizeof(*f->seen));
        f->seen_cnt--;
    }
    f->seen[f->seen_cnt++] = (struct seen){block->number, block->hash};
    f->tip = *block;
    f->next = block->number + 1;
}

/* The newest final block is kept: a reorganisation cannot go below it. */
static void forget_final(struct ph_follow *f)
{
    size_t drop = 0;

    while (drop + 1 < f->seen_cnt && f->seen[drop + 1].number <= f->final_number)
        drop++;
    memmove(f->seen, f->seen + drop, (f->seen_cnt - drop) * sizeof(*f->seen));
    f->seen_cnt -= drop;
}

static void give_head(struct ph_follow *f)
{
    const uint64_t read = f->next - 1, final_number = f->look.final_number;

    if (f->seen_cnt == 0)
        return;
    if ((final_number < read ? final_number : read) > f->final_number)
        f->final_number = final_number < read ? final_number : read;
    forget_final(f);
    const struct ph_follow_head head = {.number = f->tip.number,
                                        .timestamp = f->tip.timestamp,
                                        .base_fee = f->tip.base_fee,
                                        .hash = f->tip.hash,
                                        .final_number = f->final_number};
    f->config.events.head(f->config.events.ctx, &head);
}

static void look_over(struct ph_follow *f)
{
    ph_eth_logs_clear(&f->look.logs);
    f->busy = false;
}

/* Do the blocks hang together, and on what was seen before? */
static bool blocks_link(const struct ph_follow *f)
{
    const struct look *l = &f->look;
    const size_t cnt = l->reads_final ? 1 : (size_t)(l->to - l->from + 1);

    for (size_t i = 0; i < cnt; i++) {
        const uint64_t number = l->reads_final ? l->to : l->from + i;
        if (l->blocks[i].number != number)
            return false;
        if (i > 0 && memcmp(l->blocks[i].parent.b, l->blocks[i - 1].hash.b, 32) != 0)
            return false;
    }
    if (l->reads_final || f->seen_cnt == 0 || f->tip.number + 1 != l->from)
        return true;
    return memcmp(l->blocks[0].parent.b, f->tip.hash.b, 32) == 0;
}

static bool logs_belong(const struct ph_follow *f)
{
    const struct look *l = &f->look;

    for (size_t i = 0; i < l->logs.cnt; i++) {
        const struct ph_eth_log *log = &l->logs.at[i];
        const bool is_last = log->block_number == l->to;
        const struct ph_eth_block *block = !l->reads_final ? &l->blocks[log->block_number - l->from]
                                           : is_last       ? &l->blocks[0]
                                                           : NULL;
        if (block && memcmp(block->hash.b, log->block_hash.b, 32) != 0)
            return false;
    }
    return true;
}

static void take_range(struct ph_follow *f)
{
    struct look *l = &f->look;
    const size_t cnt = l->reads_final ? 1 : (size_t)(l->to - l->from + 1);

    for (size_t i = 0; i < l->logs.cnt; i++)
        f->config.events.log(f->config.events.ctx, &l->logs.at[i]);
    for (size_t i = 0; i < cnt; i++)
        remember(f, &l->blocks[i]);
    f->behind = f->next <= l->latest;
    if (f->span < PH_FOLLOW_SPAN_MAX)
        f->span *= 2;
}

static void range_answered(struct ph_follow *f)
{
    if (--f->look.waiting > 0)
        return;
    if (f->look.failed) {
        /* Too many logs for one answer looks like this as well. */
        f->span = f->span > 1 ? f->span / 2 : 1;
    } else if (blocks_link(f) && logs_belong(f)) {
        take_range(f);
        give_head(f);
    } /* else: reorganised while it was read; the next look finds out */
    look_over(f);
}

static void on_block(void *ctx, const struct ph_rpc_reply *reply)
{
    const struct slot *slot = ctx;
    struct look *l = &slot->follow->look;

    if (reply->err != PH_OK || reply->answer->is_error ||
        ph_eth_block_parse(reply->answer->doc, reply->answer->result, &l->blocks[slot->at]) !=
            PH_OK)
        l->failed = true;
    range_answered(slot->follow);
}

static void on_logs(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_follow *f = ctx;
    struct look *l = &f->look;

    if (reply->err != PH_OK || reply->answer->is_error ||
        ph_eth_logs_parse(reply->answer->doc, reply->answer->result, l->from, l->to, &l->logs) !=
            PH_OK)
        l->failed = true;
    range_answered(f);
}

static void read_range(struct ph_follow *f)
{
    struct ph_buf filter PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct look *l = &f->look;

    l->from = f->next;
    l->reads_final = l->from <= l->final_number;
    const uint64_t end = l->reads_final ? l->final_number : l->latest;
    const uint64_t span =
        l->reads_final ? f->span : (f->span < PH_FOLLOW_STEP ? f->span : PH_FOLLOW_STEP);
    l->to = end - l->from < span ? end : l->from + span - 1;
    l->waiting = 1; /* this function: answers may come from inside of a question that fails */
    l->failed = false;
    const size_t cnt = l->reads_final ? 1 : (size_t)(l->to - l->from + 1);
    for (size_t i = 0; i < cnt; i++)
        ask_block(f, l->reads_final ? l->to : l->from + i, on_block, &f->slots[i]);
    if (f->config.address_cnt > 0) {
        if (put_filter(f, &filter) == PH_OK)
            ask(f, PH_RPC_QUORUM, "eth_getLogs", ph_buf_view(&filter), ph_eth_log_members, on_logs,
                f);
        else
            l->failed = true;
    }
    range_answered(f);
}

/* The tip is not part of the chain any more: go down until something is. The next looks do so block
 * by block. */
static void step_back(struct ph_follow *f)
{
    const struct seen gone = f->seen[f->seen_cnt - 1];

    if (gone.number <= f->final_number) {
        break_off(f, "a block that was final is not part of the chain any more");
        return;
    }
    f->seen_cnt--;
    f->next = gone.number;
    f->behind = true;
    if (f->seen_cnt > 0) {
        f->tip = (struct ph_eth_block){.number = f->seen[f->seen_cnt - 1].number,
                                       .hash = f->seen[f->seen_cnt - 1].hash};
    }
    f->config.events.undone(f->config.events.ctx, gone.number);
}

/* The chain is shorter than what was seen: another one, or the nodes lag behind? */
static void on_lower(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_follow *f = ctx;
    struct ph_eth_block block;

    if (reply->err == PH_OK && !reply->answer->is_error &&
        ph_eth_block_parse(reply->answer->doc, reply->answer->result, &block) == PH_OK) {
        for (size_t i = 0; i < f->seen_cnt; i++)
            if (f->seen[i].number == block.number &&
                memcmp(f->seen[i].hash.b, block.hash.b, 32) != 0)
                f->look.tip_is_other = true;
    }
    if (f->look.tip_is_other)
        step_back(f);
    look_over(f);
}

static void ask_lower(struct ph_follow *f)
{
    ask_block(f, f->look.latest, on_lower, f);
    if (f->look.failed)
        look_over(f);
}

static void facts_answered(struct ph_follow *f)
{
    struct look *l = &f->look;

    if (--l->waiting > 0)
        return;
    if (f->config.confirmations > 0)
        l->final_number =
            l->latest > f->config.confirmations ? l->latest - f->config.confirmations : 0;
    f->behind = false;
    if (l->tip_is_gone)
        l->tip_is_other |= l->latest >= f->tip.number;
    if (l->failed) {
        look_over(f);
    } else if (l->tip_is_other) {
        step_back(f);
        look_over(f);
    } else if (l->tip_is_gone) {
        ask_lower(f);
    } else if (f->next <= l->latest) {
        read_range(f);
    } else {
        give_head(f);
        look_over(f);
    }
}

/* Does each node's answer reach this far? */
static void take_numbers(struct ph_follow *f, const struct ph_rpc_reply *reply, bool of_blocks,
                         uint64_t *out)
{
    uint64_t values[PH_RPC_ENDPOINTS_MAX];
    size_t cnt = 0;

    for (size_t i = 0; reply->err == PH_OK && i < f->config.endpoint_cnt; i++) {
        struct ph_eth_block block;
        struct ph_bytes text;
        struct ph_jdoc doc;
        if (reply->each[i].len == 0 || ph_jscan(reply->each[i], f->toks, TOKS_MAX, &doc) != PH_OK)
            continue;
        if (!of_blocks) {
            cnt += ph_jscan_str(&doc, 0, &text) == PH_OK &&
                   ph_quantity_parse(text, &values[cnt]) == PH_OK;
        } else if (ph_eth_block_parse(&doc, 0, &block) == PH_OK) {
            values[cnt++] = block.number;
        }
    }
    if (ph_quorum_number(values, cnt, f->config.quorum, out) != PH_OK)
        f->look.failed = true;
}

static void on_latest(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_follow *f = ctx;

    take_numbers(f, reply, false, &f->look.latest);
    facts_answered(f);
}

static void on_final(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_follow *f = ctx;

    take_numbers(f, reply, true, &f->look.final_number);
    facts_answered(f);
}

static void on_tip(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_follow *f = ctx;
    struct ph_eth_block block;

    if (reply->err != PH_OK || reply->answer->is_error) {
        f->look.failed = true;
    } else {
        const enum ph_err err =
            ph_eth_block_parse(reply->answer->doc, reply->answer->result, &block);
        if (err == PH_ERR_NOT_FOUND)
            f->look.tip_is_gone = true;
        else if (err != PH_OK)
            f->look.failed = true;
        else
            f->look.tip_is_other = memcmp(block.hash.b, f->tip.hash.b, 32) != 0;
    }
    facts_answered(f);
}

void ph_follow_poll(struct ph_follow *f)
{
    if (f->busy || f->broken)
        return;
    f->busy = true;
    f->look = (struct look){.waiting = 1};
    ask(f, PH_RPC_EACH, "eth_blockNumber", PH_BYTES_LIT("[]"), NULL, on_latest, f);
    if (f->config.confirmations == 0)
        ask(f, PH_RPC_EACH, "eth_getBlockByNumber", PH_BYTES_LIT("[\"finalized\",false]"), NULL,
            on_final, f);
    if (f->seen_cnt > 0)
        ask_block(f, f->tip.number, on_tip, f);
    facts_answered(f);
}
