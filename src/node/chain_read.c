#include "node/chain_read.h"

#include "base/own.h"
#include "chain/query.h"
#include "node/chain_worker_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { READINGS_MAX = 1024 };

struct ph_chain_reading {
    struct ph_chain_worker *worker;
    struct ph_query query;
    struct ph_chain_read_events events; /* done NULL: forgotten */
    struct ph_chain_reading *next, **prev;
};

static void reading_free(struct ph_chain_reading *r)
{
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->worker->reading_cnt--;
    ph_query_clear(&r->query);
    free(r);
}

static void answer(struct ph_chain_reading *r, const struct ph_rpc_reply *reply)
{
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUERY_ANSWER_MAX);
    const struct ph_chain_read_events *events = &r->events;

    if (reply->err == PH_ERR_UNTRUSTED)
        events->failed(events->ctx, "chain-disagrees", "the chain's nodes do not agree");
    else if (reply->err != PH_OK)
        events->failed(events->ctx, "chain-unavailable", "too few of the chain's nodes answer");
    else if (ph_query_answer(&r->query, reply->answer, &json) == PH_OK)
        events->done(events->ctx, ph_buf_view(&json));
    else
        events->failed(events->ctx, "chain-unavailable",
                       "the chain's nodes answer what is none, or more than 1 MiB");
}

static void on_reply(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_reading *r = ctx;

    if (r->events.done)
        answer(r, reply);
    reading_free(r);
}

static enum ph_err refuse(char why[static PH_CHAIN_READ_WHY_LEN], enum ph_err err, const char *what)
{
    (void)snprintf(why, PH_CHAIN_READ_WHY_LEN, "%s", what);
    return err;
}

static enum ph_err ask(struct ph_chain_worker *w, const struct ph_query *query,
                       const struct ph_chain_read_events *events, struct ph_chain_reading **out)
{
    struct ph_chain_reading *r = calloc(1, sizeof(*r));

    if (!r)
        return PH_ERR_NOMEM;
    *r = (struct ph_chain_reading){
        .worker = w, .query = *query, .events = *events, .next = w->readings, .prev = &w->readings};
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = query->method,
                                      .params = ph_buf_view(&query->params),
                                      .members = query->members,
                                      .done = on_reply,
                                      .ctx = r};
    const enum ph_err err = ph_chain_client_ask(w->client, &q);
    if (err != PH_OK) {
        free(r);
        return err;
    }
    if (r->next)
        r->next->prev = &r->next;
    w->readings = r;
    w->reading_cnt++;
    *out = r;
    return PH_OK;
}

enum ph_err ph_chain_read(struct ph_node *node, struct ph_bytes question,
                          const struct ph_chain_read_events *events, struct ph_chain_reading **out,
                          char why[static PH_CHAIN_READ_WHY_LEN])
{
    struct ph_chain_worker *w = node->chain;
    struct ph_json_why reason = {""};
    struct ph_query query;

    if (!w)
        return refuse(why, PH_ERR_NOT_FOUND, "this worker is on no chain");
    const uint64_t final_number = ph_chain_client_head(w->client)->final_number;
    if (final_number == 0)
        return refuse(why, PH_ERR_NOT_FOUND, "no final block is known yet");
    if (w->reading_cnt >= READINGS_MAX)
        return refuse(why, PH_ERR_LIMIT, "too many questions to the chain are under way");
    enum ph_err err = ph_query_parse(question, final_number, &query, &reason);
    if (err != PH_OK)
        return refuse(why, err, reason.text);
    err = ask(w, &query, events, out);
    if (err != PH_OK) {
        ph_query_clear(&query);
        return refuse(why, err, ph_err_name(err));
    }
    return PH_OK;
}

void ph_chain_read_forget(struct ph_chain_reading *r)
{
    if (r)
        r->events.done = NULL;
}

void ph_chain_readings_free(struct ph_chain_worker *w)
{
    while (w->readings)
        reading_free(w->readings);
}
