#include "node/chain_worker_priv.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "node/leases.h"
#include "node/phats.h"

#include <inttypes.h>
#include <stdlib.h>

static int64_t now_ms(void)
{
    return ph_clock_mono_ns() / 1000000;
}

static void advance_all(void *ctx);

static void advance_later(struct ph_chain_worker *w)
{
    ph_task_add(w->node->loop, &w->turn, advance_all, w);
}

static struct ph_chain_request *find(struct ph_chain_worker *w, uint64_t id)
{
    for (struct ph_chain_request *r = w->requests; r; r = r->next)
        if (r->terms.id == id && !r->undone)
            return r;
    return NULL;
}

static void request_free(struct ph_chain_request *r)
{
    ph_buf_clear(&r->input);
    ph_buf_clear(&r->result);
    free(r);
}

static bool is_elsewhere(const struct ph_abi_phat_anchor_terms *terms)
{
    return (terms->demand & PH_ANCHOR_BLOB_INPUT) != 0;
}

/* It is in the event, or it can be looked for. */
static bool is_input_known(const struct ph_chain_worker *w,
                           const struct ph_abi_phat_anchor_requested_event *e)
{
    struct ph_hash32 hash;

    if (is_elsewhere(&e->terms))
        return w->inputs != NULL;
    ph_keccak256(e->input, hash.b);
    return e->input.len <= PH_CHAIN_INPUT_MAX &&
           memcmp(hash.b, e->terms.input_hash.b, sizeof(hash.b)) == 0;
}

void ph_chain_request_add(struct ph_chain_worker *w, const struct ph_eth_log *log,
                          const struct ph_abi_phat_anchor_requested_event *e)
{
    if (find(w, e->terms.id) || w->request_cnt >= REQUESTS_MAX || !is_input_known(w, e))
        return;
    struct ph_chain_request *r = calloc(1, sizeof(*r));
    if (!r)
        return;
    *r = (struct ph_chain_request){.worker = w,
                                   .terms = e->terms,
                                   .input = PH_BUF(PH_CHAIN_INPUT_MAX),
                                   .has_input = !is_elsewhere(&e->terms),
                                   .block = log->block_number,
                                   .result = PH_BUF(PH_CHAIN_RESULT_MAX)};
    if (ph_buf_add(&r->input, e->input) != PH_OK) {
        request_free(r);
        return;
    }
    *w->end = r;
    w->end = &r->next;
    w->request_cnt++;
}

static bool is_final(const struct ph_chain_worker *w, uint64_t block)
{
    return block > 0 && block <= ph_chain_client_head(w->client)->final_number;
}

/* A transaction for it may still come into a block, and its outcome is then not needed by anybody
 * else: the request is kept until it has, also when another worker's answer was first. */
static bool is_under_way(const struct ph_chain_request *r)
{
    struct ph_txman *m = ph_chain_client_txman(r->worker->client);
    struct ph_txman_outcome got;

    for (unsigned try = 0; try <= TRIES_MAX; try++) {
        const struct ph_hash32 key = ph_chain_key(r, try < TRIES_MAX ? try : PROPOSAL);
        if (ph_txman_get(m, &key, &got) == PH_OK && got.state != PH_TXMAN_DONE &&
            got.state != PH_TXMAN_REFUSED)
            return true;
    }
    return false;
}

/* Nothing can come of it any more: answered for good, too late for good, or never made. */
static bool is_over(const struct ph_chain_request *r)
{
    const struct ph_chain_worker *w = r->worker;

    if (r->state == RUNNING || r->state == FETCHING)
        return false;
    if (r->undone)
        return true;
    const bool answered = is_final(w, r->closed_block);
    const bool late =
        is_final(w, r->block) && r->terms.deadline <= ph_chain_client_head(w->client)->timestamp;
    return (answered || late) && !is_under_way(r);
}

static void forget(struct ph_chain_request *r)
{
    struct ph_txman *m = ph_chain_client_txman(r->worker->client);
    struct ph_hash32 key = ph_chain_key(r, PROPOSAL);

    ph_txman_forget(m, &key);
    for (unsigned try = 0; try < TRIES_MAX; try++) {
        key = ph_chain_key(r, try);
        ph_txman_forget(m, &key);
    }
}

/* Take out what is over, and say up to where logs are not needed again. */
static void clean_up(struct ph_chain_worker *w)
{
    uint64_t done_to = ph_chain_client_head(w->client)->final_number;
    struct ph_chain_request **at = &w->requests;

    for (struct ph_chain_request *r = w->requests; r; r = r->next)
        if (!is_over(r) && r->block > 0 && r->block - 1 < done_to)
            done_to = r->block - 1;
    /* First where to begin, then what is forgotten: the journal keeps this order. */
    if (ph_chain_client_done_to(w->client, done_to) != PH_OK)
        return;
    while (*at) {
        struct ph_chain_request *r = *at;
        if (!is_over(r) || (!r->undone && r->block > done_to)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        w->request_cnt--;
        forget(r);
        request_free(r);
    }
    w->end = at;
}

/* Whose phat? */

static void on_phat_id(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_app *app = ctx;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_abi_phat_app_phat_id_result result;
    _Alignas(16) uint8_t room[256];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    app->asking = false;
    if (reply->err != PH_OK)
        return; /* the next turn asks again */
    /* Without an answer of this form it is no phat: zero, which none has. */
    app->known = true;
    if (!reply->answer->is_error &&
        ph_rpc_data(reply->answer->doc, reply->answer->result, &raw) == PH_OK &&
        ph_abi_decode(ph_abi_phat_app_phat_id.out, ph_buf_view(&raw), &mem, &result) == PH_OK)
        memcpy(app->phat.b, result.arg0, sizeof(app->phat.b));
    advance_later(app->worker);
}

static void ask_app(struct ph_chain_app *app)
{
    struct ph_chain_worker *w = app->worker;
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(256);
    char to[41], selector[9];

    ph_hex_encode(PH_BYTES_OF(app->address.b), to);
    ph_hex_encode(PH_BYTES_OF(ph_abi_phat_app_phat_id.selector), selector);
    if (ph_buf_addf(&params, "[{\"to\":\"0x%s\",\"data\":\"0x%s\"},\"0x%" PRIx64 "\"]", to,
                    selector, ph_chain_client_head(w->client)->number) != PH_OK)
        return;
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = "eth_call",
                                      .params = ph_buf_view(&params),
                                      .done = on_phat_id,
                                      .ctx = app};
    app->asking = ph_chain_client_ask(w->client, &q) == PH_OK;
}

static struct ph_chain_app *app_of(struct ph_chain_worker *w, const struct ph_eth_address *address)
{
    for (size_t i = 0; i < w->app_cnt; i++)
        if (memcmp(w->apps[i]->address.b, address->b, sizeof(address->b)) == 0)
            return w->apps[i];
    struct ph_chain_app *app = w->app_cnt < APPS_MAX ? calloc(1, sizeof(*app)) : NULL;
    if (!app)
        return NULL;
    app->address = *address;
    app->worker = w;
    w->apps[w->app_cnt++] = app;
    return app;
}

/* The phat that is asked, if it is deployed here and may run now. */
static struct ph_phat *phat_of(struct ph_chain_request *r)
{
    struct ph_chain_app *app = app_of(r->worker, &r->terms.app);

    if (!app)
        return NULL;
    if (!app->known) {
        if (!app->asking)
            ask_app(app);
        return NULL;
    }
    struct ph_phat *phat = ph_phats_find(r->worker->node->phats, &app->phat);
    if (!phat || !phat->version ||
        (phat->version->manifest.state_pages > 0 && !ph_lease_is_held(phat)))
        return NULL;
    return phat;
}

/* What went wrong by the phat's own doing is an answer; all else is tried again. */
static bool is_the_phats(const char *code)
{
    static const char *const codes[] = {"exception",    "no-response", "cpu-limit",
                                        "memory-limit", "wall-limit",  "response-too-large"};

    for (size_t i = 0; i < PH_LEN(codes); i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static void on_told(void *ctx, const struct ph_chain_told *what)
{
    struct ph_chain_request *r = ctx;
    const char *code = what->code ? what->code : "internal";

    r->state = WAITING;
    advance_later(r->worker);
    if (!what->answered && !is_the_phats(code)) {
        r->not_before_ms = now_ms() + RETRY_MS;
        return;
    }
    r->outcome = what->answered ? PH_ANCHOR_ANSWERED : PH_ANCHOR_FAILED;
    r->code_hash = what->bundle_hash;
    ph_buf_clear(&r->result);
    if (ph_buf_add(&r->result, what->answered ? what->result : ph_bytes_str(code)) == PH_OK)
        r->state = ANSWERED;
    r->has_answer = r->state == ANSWERED;
}

/* An input that was fetched is not kept: so many may be asked for, and it can be fetched again. */
static void let_go(struct ph_chain_request *r)
{
    if (is_elsewhere(&r->terms)) {
        ph_buf_clear(&r->input);
        r->has_input = false;
    }
}

static void on_input(void *ctx, const struct ph_bytes *input)
{
    struct ph_chain_request *r = ctx;

    r->state = WAITING;
    ph_buf_clear(&r->input);
    r->has_input = input && ph_buf_add(&r->input, *input) == PH_OK;
    if (!r->has_input) {
        r->not_before_ms = now_ms() + ((int64_t)RETRY_MS << r->misses);
        r->misses += r->misses < MISSES_MAX;
    }
    advance_later(r->worker);
}

static void fetch(struct ph_chain_request *r)
{
    r->state = FETCHING;
    if (ph_chain_inputs_get(r->worker->inputs, &r->terms.input_hash, PH_CHAIN_INPUT_MAX, on_input,
                            r) != PH_OK)
        r->state = WAITING; /* the next turn tries again */
}

static void run(struct ph_chain_request *r)
{
    struct ph_chain_worker *w = r->worker;
    struct ph_phat *phat = phat_of(r);

    if (!phat)
        return;
    if (!r->has_input) {
        fetch(r);
        return;
    }
    const struct ph_chain_ask ask = {.chain_id = w->network.chain_id,
                                     .request_id = r->terms.id,
                                     .deadline_s = r->terms.deadline,
                                     .app = r->terms.app,
                                     .consumer = r->terms.consumer,
                                     .input = ph_buf_view(&r->input)};
    r->state = RUNNING;
    if (ph_call_chain(w->node, phat, &ask, on_told, r) != PH_OK)
        r->state = WAITING;
    let_go(r);
}

/* Its answer is with the transactions already: from before a restart. */
static bool was_sent(struct ph_chain_request *r)
{
    struct ph_txman_outcome got;

    for (unsigned try = TRIES_MAX; try-- > 0;) {
        const struct ph_hash32 key = ph_chain_key(r, try);
        if (ph_txman_get(ph_chain_client_txman(r->worker->client), &key, &got) == PH_OK) {
            r->tries = try;
            r->sent_key = key;
            return true;
        }
    }
    return false;
}

/* Only a live worker's answer counts, and one that stops begins nothing. */
static bool may_begin(const struct ph_chain_worker *w)
{
    return !w->node->stopping && (!w->registrar || ph_chain_registrar_is_live(w->registrar));
}

/* One step, if there is one to make. */
static void advance(struct ph_chain_request *r)
{
    struct ph_chain_worker *w = r->worker;

    if (r->undone || r->closed_block > 0 || now_ms() < r->not_before_ms ||
        r->terms.deadline <= ph_chain_client_head(w->client)->timestamp)
        return;
    if (!r->checked && was_sent(r))
        r->state = SENT;
    r->checked = true;
    if (r->state == WAITING && may_begin(w))
        run(r);
    /* Behind the change of the key in the order of transactions, it would be of the wrong one. */
    if (w->registrar && ph_chain_registrar_rotates(w->registrar))
        return;
    if (r->state == ANSWERED && ph_chain_bring(r) != PH_OK)
        r->not_before_ms = now_ms() + RETRY_MS;
}

static void advance_all(void *ctx)
{
    struct ph_chain_worker *w = ctx;
    bool waits = false;

    for (struct ph_chain_request *r = w->requests; r; r = r->next) {
        advance(r);
        waits |= r->state != SENT;
    }
    if (waits && w->later.slot == 0)
        (void)!ph_timer_arm(w->node->loop, &w->later, RETRY_MS, advance_all, w);
}

void ph_chain_request_propose(struct ph_chain_worker *w,
                              const struct ph_abi_phat_anchor_proposed_event *e)
{
    struct ph_chain_request *r = find(w, e->id);

    if (!r || r->proposal_cnt == PROPOSALS_MAX || e->signature.len != 65 ||
        memcmp(e->signer.b, w->node->identity.signer.b, sizeof(e->signer.b)) == 0)
        return;
    struct ph_chain_proposal *p = &r->proposals[r->proposal_cnt++];
    *p = (struct ph_chain_proposal){
        .signer = e->signer, .code_hash = e->reply.code_hash, .outcome = (uint8_t)e->reply.outcome};
    ph_keccak256(e->reply.result, p->result_hash.b);
    memcpy(p->sig, e->signature.ptr, sizeof(p->sig));
}

void ph_chain_request_close(struct ph_chain_worker *w, uint64_t id, uint64_t block)
{
    struct ph_chain_request *r = find(w, id);

    if (r)
        r->closed_block = block;
}

void ph_chain_requests_undone(struct ph_chain_worker *w, uint64_t number)
{
    for (struct ph_chain_request *r = w->requests; r; r = r->next) {
        if (r->block >= number)
            r->undone = true;
        if (r->closed_block >= number)
            r->closed_block = 0;
    }
}

/* Its place may go to a newer proposal. */
static void note_failure(struct ph_chain_request *r)
{
    for (size_t i = 0; i < r->proposal_cnt; i++) {
        struct ph_chain_proposal *p = &r->proposals[i];
        if (memcmp(p->signer.b, r->sent_with.b, sizeof(p->signer.b)) == 0 &&
            ++p->failures == PROPOSAL_FAILURES_MAX)
            *p = r->proposals[--r->proposal_cnt];
    }
}

void ph_chain_requests_changed(struct ph_chain_worker *w, const struct ph_hash32 *key)
{
    for (struct ph_chain_request *r = w->requests; r; r = r->next) {
        if (r->state != SENT || r->tries + 1 == TRIES_MAX ||
            memcmp(r->sent_key.b, key->b, sizeof(key->b)) != 0)
            continue;
        r->tries++;
        note_failure(r);
        r->state = r->has_answer ? ANSWERED : WAITING;
        r->not_before_ms = now_ms() + RETRY_MS;
        advance_later(w);
    }
}

void ph_chain_requests_show_again(struct ph_chain_worker *w)
{
    for (struct ph_chain_request *r = w->requests; r; r = r->next)
        r->proposed = false;
    advance_later(w);
}

bool ph_chain_requests_are_open(const struct ph_chain_worker *w)
{
    struct ph_txman_outcome got;

    for (const struct ph_chain_request *r = w->requests; r; r = r->next) {
        if (r->closed_block > 0 || r->undone || r->state == WAITING || r->state == FETCHING)
            continue;
        /* A proposal waits for another worker's answer: nothing more is to be done here. */
        const bool shown = r->state == ANSWERED && r->proposed;
        const bool mined =
            r->state == SENT &&
            ph_txman_get(ph_chain_client_txman(w->client), &r->sent_key, &got) == PH_OK &&
            got.state != PH_TXMAN_QUEUED && got.state != PH_TXMAN_SENT;
        if (!shown && !mined)
            return true;
    }
    return false;
}

void ph_chain_requests_head(struct ph_chain_worker *w)
{
    clean_up(w);
    advance_later(w);
}

void ph_chain_requests_free(struct ph_chain_worker *w)
{
    ph_task_cancel(w->node->loop, &w->turn);
    ph_timer_cancel(w->node->loop, &w->later);
    for (struct ph_chain_request *r = w->requests, *next; r; r = next) {
        next = r->next;
        request_free(r);
    }
    for (size_t i = 0; i < w->app_cnt; i++)
        free(w->apps[i]);
}
