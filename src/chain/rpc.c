#include "chain/rpc.h"

#include "base/own.h"

#include <assert.h>
#include <stdlib.h>

enum { EACH_TEXT_MAX = 2 << 20, BATCH_BODY_MAX = 16 << 20 };

enum state { UNASKED, WAITING, ANSWERED, FAILED };

/* A question. It lives until the last post that carries it is over: an endpoint that is slower than
 * the quorum still holds it. */
struct ask {
    struct ph_rpc_question q;
    struct ph_buf params;
    enum state state[PH_RPC_ENDPOINTS_MAX];
    struct ph_hash32 digest[PH_RPC_ENDPOINTS_MAX];
    struct ph_buf each[PH_RPC_ENDPOINTS_MAX];
    size_t refs;
    bool over, queued;
    struct ask *next; /* among those that wait to leave */
};

/* One body under way to one endpoint. */
struct post {
    uint64_t ticket;
    size_t endpoint, cnt;
    struct ask *asks[PH_RPC_BATCH_MAX];
    struct post *next;
};

struct endpoint {
    uint32_t failures; /* in a row */
    int64_t until_ms;  /* left alone until then */
};

struct ph_rpc {
    struct ph_rpc_config config;
    struct endpoint endpoints[PH_RPC_ENDPOINTS_MAX];
    struct ask *fresh, **fresh_end;
    size_t fresh_cnt;
    struct post *posts;
    uint64_t ticket;
    size_t turn; /* which endpoint PH_RPC_ANY begins with */
    size_t pending;
};

enum ph_err ph_rpc_new(const struct ph_rpc_config *config, struct ph_rpc **out)
{
    if (config->endpoint_cnt == 0 || config->endpoint_cnt > PH_RPC_ENDPOINTS_MAX ||
        config->quorum == 0 || config->quorum > config->endpoint_cnt)
        return PH_ERR_MALFORMED;
    struct ph_rpc *rpc = calloc(1, sizeof(*rpc));
    if (!rpc)
        return PH_ERR_NOMEM;
    rpc->config = *config;
    rpc->fresh_end = &rpc->fresh;
    *out = rpc;
    return PH_OK;
}

static void ask_unref(struct ask *ask)
{
    if (--ask->refs > 0)
        return;
    ph_buf_clear(&ask->params);
    for (size_t i = 0; i < PH_RPC_ENDPOINTS_MAX; i++)
        ph_buf_clear(&ask->each[i]);
    free(ask);
}

static void post_free(struct post *post)
{
    for (size_t i = 0; i < post->cnt; i++)
        ask_unref(post->asks[i]);
    free(post);
}

void ph_rpc_free(struct ph_rpc *rpc)
{
    if (!rpc)
        return;
    for (struct ask *ask = rpc->fresh, *next; ask; ask = next) {
        next = ask->next;
        ask_unref(ask);
    }
    for (struct post *post = rpc->posts, *next; post; post = next) {
        next = post->next;
        post_free(post);
    }
    free(rpc);
}

static void enqueue(struct ph_rpc *rpc, struct ask *ask)
{
    ask->next = NULL;
    ask->refs++;
    ask->queued = true;
    *rpc->fresh_end = ask;
    rpc->fresh_end = &ask->next;
    rpc->fresh_cnt++;
}

enum ph_err ph_rpc_ask(struct ph_rpc *rpc, const struct ph_rpc_question *question)
{
    if (rpc->pending >= PH_RPC_ASKS_MAX)
        return PH_ERR_LIMIT;
    struct ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        return PH_ERR_NOMEM;
    ask->q = *question;
    ask->params = PH_BUF(BATCH_BODY_MAX);
    for (size_t i = 0; i < PH_RPC_ENDPOINTS_MAX; i++)
        ask->each[i] = PH_BUF(EACH_TEXT_MAX);
    const enum ph_err err = ph_buf_add(&ask->params, question->params);
    if (err != PH_OK) {
        free(ask);
        return err;
    }
    enqueue(rpc, ask);
    rpc->pending++;
    return PH_OK;
}

static bool is_up(const struct ph_rpc *rpc, size_t endpoint, int64_t now_ms)
{
    return now_ms >= rpc->endpoints[endpoint].until_ms;
}

size_t ph_rpc_endpoints_up(const struct ph_rpc *rpc, int64_t now_ms)
{
    size_t cnt = 0;

    for (size_t i = 0; i < rpc->config.endpoint_cnt; i++)
        cnt += is_up(rpc, i, now_ms);
    return cnt;
}

size_t ph_rpc_pending(const struct ph_rpc *rpc)
{
    return rpc->pending;
}

static void back_off(struct ph_rpc *rpc, size_t endpoint, int64_t now_ms)
{
    struct endpoint *e = &rpc->endpoints[endpoint];

    if (!is_up(rpc, endpoint, now_ms))
        return; /* bodies that were under way together fail together */
    const uint32_t doublings = e->failures < 8 ? e->failures : 8;
    const int64_t wait_ms = (int64_t)PH_RPC_BACKOFF_MIN_MS << doublings;

    e->failures++;
    e->until_ms = now_ms + (wait_ms < PH_RPC_BACKOFF_MAX_MS ? wait_ms : PH_RPC_BACKOFF_MAX_MS);
}

static void finish(struct ph_rpc *rpc, struct ask *ask, const struct ph_rpc_reply *reply)
{
    ask->over = true;
    rpc->pending--;
    ask->q.done(ask->q.ctx, reply);
}

static void finish_with(struct ph_rpc *rpc, struct ask *ask, enum ph_err err)
{
    finish(rpc, ask, &(struct ph_rpc_reply){.err = err});
}

static size_t count(const struct ph_rpc *rpc, const struct ask *ask, enum state state)
{
    size_t cnt = 0;

    for (size_t i = 0; i < rpc->config.endpoint_cnt; i++)
        cnt += ask->state[i] == state;
    return cnt;
}

/* How many endpoints said what this one said. */
static size_t agreeing(const struct ph_rpc *rpc, const struct ask *ask, size_t endpoint)
{
    size_t cnt = 0;

    for (size_t i = 0; i < rpc->config.endpoint_cnt; i++)
        cnt += ask->state[i] == ANSWERED &&
               memcmp(ask->digest[i].b, ask->digest[endpoint].b, sizeof(ask->digest[i].b)) == 0;
    return cnt;
}

/* The largest group that agrees. */
static size_t best_group(const struct ph_rpc *rpc, const struct ask *ask)
{
    size_t best = 0;

    for (size_t i = 0; i < rpc->config.endpoint_cnt; i++) {
        const size_t cnt = ask->state[i] == ANSWERED ? agreeing(rpc, ask, i) : 0;
        best = cnt > best ? cnt : best;
    }
    return best;
}

static void finish_each(struct ph_rpc *rpc, struct ask *ask)
{
    struct ph_bytes each[PH_RPC_ENDPOINTS_MAX];
    size_t said = 0;

    for (size_t i = 0; i < rpc->config.endpoint_cnt; i++) {
        each[i] = ph_buf_view(&ask->each[i]);
        said += each[i].len > 0;
    }
    if (said < rpc->config.quorum)
        finish_with(rpc, ask, PH_ERR_IO);
    else
        finish(rpc, ask, &(struct ph_rpc_reply){.each = each});
}

/* Nobody can make it a success any more, or all have spoken. */
static void settle(struct ph_rpc *rpc, struct ask *ask)
{
    const size_t waiting = count(rpc, ask, WAITING), quorum = rpc->config.quorum;

    if (ask->over || ask->queued)
        return;
    switch (ask->q.mode) {
    case PH_RPC_ANY:
        if (waiting > 0)
            return;
        if (count(rpc, ask, UNASKED) > 0)
            enqueue(rpc, ask);
        else
            finish_with(rpc, ask, PH_ERR_IO);
        return;
    case PH_RPC_QUORUM:
        if (best_group(rpc, ask) + waiting < quorum)
            finish_with(rpc, ask,
                        count(rpc, ask, ANSWERED) >= quorum ? PH_ERR_UNTRUSTED : PH_ERR_IO);
        return;
    case PH_RPC_EACH:
        if (waiting == 0)
            finish_each(rpc, ask);
        return;
    }
}

static void take_answer(struct ph_rpc *rpc, struct ask *ask, size_t endpoint,
                        const struct ph_rpc_answer *answer)
{
    if (ask->over)
        return;
    ask->state[endpoint] = ANSWERED;
    switch (ask->q.mode) {
    case PH_RPC_ANY:
        finish(rpc, ask, &(struct ph_rpc_reply){.answer = answer});
        return;
    case PH_RPC_QUORUM:
        ph_rpc_answer_digest(answer, ask->q.members, &ask->digest[endpoint]);
        if (agreeing(rpc, ask, endpoint) >= rpc->config.quorum)
            finish(rpc, ask, &(struct ph_rpc_reply){.answer = answer});
        else
            settle(rpc, ask);
        return;
    case PH_RPC_EACH:
        /* What does not fit is no answer. */
        if (!answer->is_error)
            (void)!ph_buf_add(&ask->each[endpoint], ph_jscan_raw(answer->doc, answer->result));
        settle(rpc, ask);
        return;
    }
}

static void lose(struct ph_rpc *rpc, struct ask *ask, size_t endpoint)
{
    if (ask->over)
        return;
    ask->state[endpoint] = FAILED;
    settle(rpc, ask);
}

static struct post *post_out(struct ph_rpc *rpc, uint64_t ticket)
{
    for (struct post **at = &rpc->posts; *at; at = &(*at)->next) {
        if ((*at)->ticket == ticket) {
            struct post *post = *at;
            *at = post->next;
            return post;
        }
    }
    return NULL;
}

static void lose_all(struct ph_rpc *rpc, struct post *post, int64_t now_ms)
{
    back_off(rpc, post->endpoint, now_ms);
    for (size_t i = 0; i < post->cnt; i++)
        lose(rpc, post->asks[i], post->endpoint);
}

void ph_rpc_failed(struct ph_rpc *rpc, uint64_t ticket, int64_t now_ms)
{
    struct post *post = post_out(rpc, ticket);

    if (!post)
        return;
    lose_all(rpc, post, now_ms);
    post_free(post);
}

void ph_rpc_answered(struct ph_rpc *rpc, uint64_t ticket, int64_t now_ms, struct ph_bytes body)
{
    struct ph_rpc_answer answers[PH_RPC_BATCH_MAX];
    struct ph_rpc_batch batch PH_OWNED(ph_rpc_batch_clear) = {0};
    struct post *post = post_out(rpc, ticket);

    if (!post)
        return;
    if (ph_rpc_parse_batch(body, ticket * PH_RPC_IDS_A_TICKET, post->cnt, &batch, answers) !=
        PH_OK) {
        lose_all(rpc, post, now_ms);
    } else {
        rpc->endpoints[post->endpoint] = (struct endpoint){0};
        for (size_t i = 0; i < post->cnt; i++) {
            if (answers[i].doc)
                take_answer(rpc, post->asks[i], post->endpoint, &answers[i]);
            else
                lose(rpc, post->asks[i], post->endpoint);
        }
    }
    post_free(post);
}

/* The body of a post, to its endpoint. */
static enum ph_err send_post(struct ph_rpc *rpc, struct post *post)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(BATCH_BODY_MAX);
    struct ph_rpc_call calls[PH_RPC_BATCH_MAX];

    for (size_t i = 0; i < post->cnt; i++)
        calls[i] =
            (struct ph_rpc_call){post->asks[i]->q.method, ph_buf_view(&post->asks[i]->params)};
    PH_TRY(ph_rpc_put_batch(post->ticket * PH_RPC_IDS_A_TICKET, calls, post->cnt, &body));
    return rpc->config.transport.post(rpc->config.transport.ctx, post->endpoint, post->ticket,
                                      ph_buf_view(&body));
}

static void leave(struct ph_rpc *rpc, struct post *post, int64_t now_ms)
{
    post->ticket = ++rpc->ticket;
    if (send_post(rpc, post) != PH_OK) {
        lose_all(rpc, post, now_ms);
        post_free(post);
        return;
    }
    post->next = rpc->posts;
    rpc->posts = post;
}

/* Those of `asks` that one endpoint is to hear, as many posts as it takes. */
static void send_to(struct ph_rpc *rpc, size_t endpoint, struct ask *const *asks, size_t cnt,
                    int64_t now_ms)
{
    struct post *post = NULL;

    for (size_t i = 0; i < cnt; i++) {
        if (asks[i]->over || asks[i]->state[endpoint] != WAITING)
            continue;
        if (!post)
            post = calloc(1, sizeof(*post));
        if (!post) {
            lose(rpc, asks[i], endpoint);
            continue;
        }
        post->endpoint = endpoint;
        post->asks[post->cnt++] = asks[i];
        asks[i]->refs++;
        if (post->cnt == PH_RPC_BATCH_MAX)
            leave(rpc, PH_TAKE(post), now_ms);
    }
    if (post)
        leave(rpc, post, now_ms);
}

/* Which endpoints are to hear it. */
static void address(struct ph_rpc *rpc, struct ask *ask, int64_t now_ms)
{
    const size_t cnt = rpc->config.endpoint_cnt;
    bool found = false;

    assert(cnt > 0);
    for (size_t i = 0; i < cnt; i++) {
        const size_t endpoint = (rpc->turn + i) % cnt;
        if (ask->state[endpoint] != UNASKED || (found && ask->q.mode == PH_RPC_ANY))
            continue;
        ask->state[endpoint] = is_up(rpc, endpoint, now_ms) ? WAITING : FAILED;
        found |= ask->state[endpoint] == WAITING;
    }
    rpc->turn = (rpc->turn + 1) % cnt;
}

void ph_rpc_flush(struct ph_rpc *rpc, int64_t now_ms)
{
    const size_t cnt = rpc->fresh_cnt;
    struct ask **asks PH_OWNED(ph_freep) = cnt > 0 ? calloc(cnt, sizeof(struct ask *)) : NULL;
    struct ask *fresh = rpc->fresh;

    if (!asks)
        return; /* nothing to do, or no memory: the next turn sends them */
    rpc->fresh = NULL;
    rpc->fresh_end = &rpc->fresh;
    rpc->fresh_cnt = 0;
    for (size_t i = 0; i < cnt; i++, fresh = fresh->next) {
        asks[i] = fresh;
        fresh->queued = false;
        address(rpc, fresh, now_ms);
    }
    for (size_t e = 0; e < rpc->config.endpoint_cnt; e++)
        send_to(rpc, e, asks, cnt, now_ms);
    for (size_t i = 0; i < cnt; i++) {
        settle(rpc, asks[i]);
        ask_unref(asks[i]);
    }
}
