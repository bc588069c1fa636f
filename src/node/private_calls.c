#include "node/private_calls.h"

#include "base/log.h"
#include "base/own.h"
#include "node/calls.h"
#include "node/envelopes.h"
#include "node/keyd_client.h"
#include "node/private_message.h"
#include "node/replay.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS_TYPE "application/ohttp-keys"
#define REQUEST_TYPE "message/ohttp-req"
#define RESPONSE_HEADERS PH_BYTES_LIT("content-type: message/ohttp-res\ncache-control: no-store\n")
#define PROBLEM_HEADERS PH_BYTES_LIT("content-type: application/problem+json\n")

struct ph_private_gateway {
    struct ph_node *node;
    struct ph_replay *replay;
    struct ph_envelopes *envelopes; /* what the cluster took; NULL: this worker is alone */
    uint32_t call_cnt;
    size_t held; /* bytes of envelopes */
};

/* One envelope, from its first byte to the last of its answer. */
struct private_call {
    struct ph_exchange ex;
    struct ph_private_gateway *gateway;
    struct ph_http_req *req;
    struct ph_http_inner *inner; /* NULL: not begun, or answered */
    struct ph_ohttp_session session;
    struct ph_buf sealed;
    struct ph_buf opened; /* while the cluster is asked */
    struct ph_envelope_ask ask;
    bool answered;
};

enum ph_err ph_private_gateway_new(struct ph_node *node, struct ph_private_gateway **out)
{
    struct ph_private_gateway *gateway = calloc(1, sizeof(*gateway));

    if (!gateway)
        return PH_ERR_NOMEM;
    gateway->node = node;
    enum ph_err err =
        ph_replay_new(ph_loop_wall_ms(node->loop) / 1000, PH_REPLAY_MAX, &gateway->replay);
    if (err == PH_OK && node->config->cluster_url)
        err = ph_envelopes_new(node, &gateway->envelopes);
    if (err != PH_OK) {
        ph_private_gateway_free(gateway);
        return err;
    }
    *out = gateway;
    return PH_OK;
}

void ph_private_gateway_free(struct ph_private_gateway *gateway)
{
    if (!gateway)
        return;
    ph_envelopes_free(gateway->envelopes);
    ph_replay_free(gateway->replay);
    free(gateway);
}

static int64_t now_s(const struct private_call *call)
{
    return ph_loop_wall_ms(call->gateway->node->loop) / 1000;
}

static void drop_sealed(struct private_call *call)
{
    call->gateway->held -= call->sealed.len;
    ph_buf_clear(&call->sealed);
}

static void drop_opened(struct private_call *call)
{
    call->gateway->held -= call->opened.len;
    ph_wipe(call->opened.ptr, call->opened.len);
    ph_buf_clear(&call->opened);
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct private_call *call = (struct private_call *)ex;

    (void)sent_all;
    if (call->inner)
        ph_http_inner_cut(call->inner);
    ph_envelopes_forget(&call->ask);
    drop_opened(call);
    drop_sealed(call);
    call->gateway->call_cnt--;
    ph_wipe(&call->session, sizeof(call->session));
    free(call);
}

/* An answer outside of an envelope: there is none to put it in. */
static void refuse(struct private_call *call, uint16_t status, const char *code,
                   const char *message)
{
    call->answered = true;
    call->gateway->node->metrics.private_refused++;
    ph_answer_error(call->req, status, code, message);
}

/* RFC 9458 §5.3: the client is to fetch the key configuration again. */
static void refuse_key(struct private_call *call)
{
    static const char body[] =
        "{\"type\":\"https://iana.org/assignments/http-problem-types#ohttp-key\","
        "\"title\":\"key identifier or suite unknown\"}\n";

    call->answered = true;
    call->gateway->node->metrics.private_refused++;
    ph_http_respond(call->req, 400, PROBLEM_HEADERS, ph_bytes_str(body));
}

/* Seal an answer and send it. */
static void answer(struct private_call *call, uint16_t status, struct ph_bytes headers,
                   struct ph_bytes body, struct ph_bytes trailers)
{
    struct ph_buf plain PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_PRIVATE_ANSWER_MAX);
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_PRIVATE_ANSWER_MAX + 64);

    if (ph_private_response(status, headers, body, trailers, now_s(call), &plain) != PH_OK ||
        ph_ohttp_seal_response(&call->session, ph_buf_view(&plain), &sealed) != PH_OK) {
        refuse(call, 503, "overloaded", "the worker has no memory for the answer; try again later");
        return;
    }
    call->answered = true;
    ph_http_respond(call->req, 200, RESPONSE_HEADERS, ph_buf_view(&sealed));
}

static void answer_error(struct private_call *call, uint16_t status, const char *code,
                         const char *message, struct ph_bytes more_headers)
{
    struct ph_buf headers PH_OWNED(ph_buf_clear) = PH_BUF(PH_PRIVATE_HEAD_MAX);
    char body[512];

    (void)snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code,
                   message);
    if (ph_buf_add_str(&headers, "content-type: application/json\n") != PH_OK ||
        ph_buf_add(&headers, more_headers) != PH_OK)
        headers.len = 0;
    answer(call, status, ph_buf_view(&headers), ph_bytes_str(body), (struct ph_bytes){NULL, 0});
}

/* RFC 9458 §6.5.2: inside the envelope, with the Date that the client is to go by. */
static void answer_date(struct private_call *call)
{
    static const char body[] = "{\"type\":\"https://iana.org/assignments/http-problem-types#date\","
                               "\"title\":\"date of the request is missing or out of range\"}\n";
    char headers[128];

    (void)snprintf(headers, sizeof(headers),
                   "content-type: application/problem+json\nretry-after: %lld\n",
                   (long long)ph_replay_wait_s(call->gateway->replay, now_s(call)));
    answer(call, 400, ph_bytes_str(headers), ph_bytes_str(body), (struct ph_bytes){NULL, 0});
}

static void on_answer(void *ctx, const struct ph_http_inner_answer *got)
{
    struct private_call *call = ctx;
    struct ph_bytes receipt = ph_http_block_find(got->headers, "phala-receipt-id");
    char kept[128] = "";

    call->inner = NULL;
    if (got->end == PH_HTTP_INNER_WHOLE) {
        answer(call, got->status, got->headers, got->body, got->trailers);
        return;
    }
    /* Half an answer cannot be sealed; that it was begun stands in its receipt. */
    if (receipt.len > 0 && receipt.len < 64)
        (void)snprintf(kept, sizeof(kept), "phala-receipt-id: %.*s\n", (int)receipt.len,
                       (const char *)receipt.ptr);
    if (got->end == PH_HTTP_INNER_TOO_LONG)
        answer_error(call, 502, "response-too-large",
                     "the answer is larger than a private call takes", ph_bytes_str(kept));
    else
        answer_error(call, 502, "response-cut", "the answer ended early", ph_bytes_str(kept));
}

/* The request inside goes on as any other. */
static void forward(struct private_call *call, const struct ph_bhttp_request *request)
{
    struct ph_http_inner_config config = {
        .answer_max = PH_PRIVATE_ANSWER_MAX, .done = on_answer, .ctx = call};
    struct ph_buf head = PH_BUF(PH_PRIVATE_HEAD_MAX);
    struct ph_buf body = PH_BUF(PH_PRIVATE_REQUEST_MAX);
    struct ph_http_refusal no = {400, "bad-request",
                                 "scheme, authority or path is not as it must be"};

    enum ph_err err = ph_private_head(request, &head, &config.is_tls);
    if (err == PH_OK)
        err = ph_bhttp_content_add(&request->content, &body);
    if (err == PH_OK && ph_http_inner_begin(call->req, &config, &head, &body, &call->inner, &no))
        return;
    ph_buf_clear(&head);
    ph_buf_clear(&body);
    if (err == PH_ERR_LIMIT)
        no = (struct ph_http_refusal){431, "headers-too-large", "the header fields are too long"};
    answer_error(call, no.status, no.code, no.message, (struct ph_bytes){NULL, 0});
}

static void refuse_replayed(struct private_call *call)
{
    refuse(call, 409, "replayed", "this envelope was taken before: make a new one");
}

static void take(struct private_call *call, struct ph_bytes plain)
{
    struct ph_bhttp_request request;

    if (ph_bhttp_request_parse(plain, &request) != PH_OK) {
        refuse(call, 400, "bad-envelope", "the envelope holds no binary HTTP request");
        return;
    }
    call->gateway->node->metrics.private_opened++;
    forward(call, &request);
}

static void on_cluster_told(void *ctx, enum ph_err err)
{
    struct private_call *call = ctx;

    if (err == PH_OK)
        take(call, ph_buf_view(&call->opened));
    else if (err == PH_ERR_CONFLICT)
        refuse_replayed(call);
    else
        refuse(call, 503, "storage",
               "the cluster's database does not say whether this envelope was taken before: make a "
               "new one, later");
    drop_opened(call);
}

/* It is new here. Another worker, which has the same key, may have taken it. */
static void ask_cluster(struct private_call *call, struct ph_bytes plain, int64_t date_s)
{
    call->opened = PH_BUF(PH_PRIVATE_REQUEST_MAX);
    if (ph_buf_add(&call->opened, plain) != PH_OK) {
        refuse(call, 503, "overloaded", "out of memory; try again later");
        return;
    }
    call->gateway->held += plain.len;
    memcpy(call->ask.envelope.enc, call->session.enc, sizeof(call->ask.envelope.enc));
    call->ask.envelope.date_s = date_s;
    call->ask.told = on_cluster_told;
    call->ask.ctx = call;
    ph_envelopes_take(call->gateway->envelopes, &call->ask);
}

/* What was sealed, by whoever sent it. */
static void on_plain(struct private_call *call, struct ph_bytes plain)
{
    struct ph_bhttp_request request;
    int64_t date_s;

    if (ph_bhttp_request_parse(plain, &request) != PH_OK) {
        answer_error(call, 400, "bad-request", "the envelope holds no binary HTTP request",
                     (struct ph_bytes){NULL, 0});
        return;
    }
    if (!ph_http_date_parse(ph_bhttp_field_find(request.fields, "date"), &date_s)) {
        answer_date(call);
        return;
    }
    const enum ph_err err =
        ph_replay_take(call->gateway->replay, now_s(call), date_s, call->session.enc);
    if (err == PH_ERR_UNTRUSTED) {
        answer_date(call);
    } else if (err == PH_ERR_CONFLICT) {
        refuse_replayed(call);
    } else if (err != PH_OK) {
        refuse(call, 503, "overloaded", "out of memory; try again later");
    } else if (call->gateway->envelopes) {
        ask_cluster(call, plain, date_s);
    } else {
        take(call, plain);
    }
}

static void open_envelope(struct private_call *call)
{
    struct ph_reader r = {ph_buf_view(&call->sealed)};
    struct ph_bytes head;
    uint8_t *plain PH_OWNED(ph_freep) = malloc(call->sealed.len ? call->sealed.len : 1);

    if (!plain) {
        refuse(call, 503, "overloaded", "out of memory; try again later");
        return;
    }
    enum ph_err err = ph_read_view(&r, PH_OHTTP_HEAD_LEN, &head) ? PH_OK : PH_ERR_MALFORMED;
    if (err == PH_OK)
        err = ph_keyd_client_ohttp_open(call->gateway->node->keyd, head, &call->session);
    if (err == PH_ERR_UNSUPPORTED) {
        refuse_key(call);
        return;
    }
    if (err == PH_OK)
        err = ph_ohttp_open_request(&call->session, r.rest, plain);
    if (err == PH_ERR_MALFORMED || err == PH_ERR_UNTRUSTED)
        refuse(call, 400, "bad-envelope", "the body does not open with this worker's key");
    else if (err != PH_OK)
        refuse(call, 503, "overloaded", "the envelope cannot be opened now; try again later");
    else
        on_plain(call, (struct ph_bytes){plain, r.rest.len - 16});
    ph_wipe(plain, r.rest.len);
}

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct private_call *call = (struct private_call *)ex;

    if (call->answered)
        return;
    if (call->sealed.len + data.len > PH_PRIVATE_REQUEST_MAX) {
        refuse(call, 413, "request-too-large", "an envelope has at most 1 MiB");
        return;
    }
    if (call->gateway->held + data.len > PH_PRIVATE_HELD_MAX ||
        ph_buf_add(&call->sealed, data) != PH_OK) {
        refuse(call, 503, "overloaded", "too many private calls at a time; try again later");
        return;
    }
    call->gateway->held += data.len;
}

static void on_body_end(struct ph_exchange *ex)
{
    struct private_call *call = (struct private_call *)ex;

    if (!call->answered)
        open_envelope(call);
    drop_sealed(call);
}

static bool is_request_type(struct ph_bytes type)
{
    const size_t len = strlen(REQUEST_TYPE);

    return type.len >= len && ph_http_is_nocase((struct ph_bytes){type.ptr, len}, REQUEST_TYPE) &&
           (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

void ph_api_ohttp_gateway(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_private_gateway *gateway = node->gateway;

    (void)arg;
    if (!is_request_type(ph_http_req_header(req, "content-type"))) {
        ph_answer_error(req, 415, "unsupported-media-type", "Content-Type is " REQUEST_TYPE);
        return;
    }
    if (ph_http_req_body_len(req) > PH_PRIVATE_REQUEST_MAX) {
        ph_answer_error(req, 413, "request-too-large", "an envelope has at most 1 MiB");
        return;
    }
    struct private_call *call =
        gateway->call_cnt < PH_PRIVATE_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
    if (!call) {
        ph_answer_error(req, 503, "overloaded",
                        "too many private calls at a time; try again later");
        return;
    }
    *call = (struct private_call){.ex = {on_body, on_body_end, NULL, on_closed},
                                  .gateway = gateway,
                                  .req = req,
                                  .sealed = PH_BUF(PH_PRIVATE_REQUEST_MAX)};
    gateway->call_cnt++;
    ph_http_req_set_user(req, call);
}

void ph_api_ohttp_keys(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    ph_http_respond(req, 200, PH_BYTES_LIT("content-type: " KEYS_TYPE "\n"),
                    PH_BYTES_OF(node->identity.ohttp_keys));
}
