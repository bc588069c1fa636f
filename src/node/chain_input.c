#include "node/chain_input.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "http/url.h"
#include "node/client_loop.h"

#include <stdio.h>
#include <stdlib.h>

enum { HASH_TEXT_LEN = 2 + 64 };

struct place {
    char url[PH_HTTP_URL_MAX + 2]; /* ends in '/' */
    char host[PH_EGRESS_HOST_MAX + 8];
    struct ph_egress_rule rule;
};

/* An input that is looked for. */
struct want {
    struct ph_chain_inputs *inputs;
    struct ph_hash32 hash;
    size_t max, place; /* the place that is asked */
    void (*got)(void *ctx, const struct ph_bytes *input);
    void *ctx;
    struct want *next, **prev;
};

struct ph_chain_inputs {
    struct ph_client_loop at;
    struct place places[PH_CHAIN_INPUT_PLACES_MAX];
    size_t place_cnt, want_cnt;
    struct want *wants;
};

static void want_free(struct want *w)
{
    w->inputs->want_cnt--;
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
    free(w);
}

static void on_done(void *ctx, uint64_t tag, uint16_t status, struct ph_bytes body);

/* Ask the first place that can be asked, from w->place on. */
static enum ph_err ask(struct want *w)
{
    struct ph_chain_inputs *in = w->inputs;
    enum ph_err err = PH_ERR_NOT_FOUND;

    for (; w->place < in->place_cnt; w->place++) {
        struct ph_buf url PH_OWNED(ph_buf_clear) = PH_BUF(PH_HTTP_URL_MAX + 128);
        const struct place *at = &in->places[w->place];
        char hex[65];
        ph_hex_encode(PH_BYTES_OF(w->hash.b), hex);
        err = ph_buf_addf(&url, "%s0x%s", at->url, hex);
        if (err != PH_OK)
            continue;
        const struct ph_http_fetch_spec spec = {
            .method = PH_BYTES_LIT("GET"),
            .url = ph_buf_view(&url),
            .headers = PH_BYTES_LIT("accept: application/octet-stream\n"),
            .rules = &at->rule,
            .rule_cnt = 1,
            .timeout_ms = PH_CHAIN_INPUT_TIMEOUT_MS,
            .response_max = w->max};
        err = ph_client_loop_fetch(&in->at, &spec, on_done, w, 0);
        if (err == PH_OK)
            return PH_OK;
    }
    return err;
}

static void on_done(void *ctx, uint64_t tag, uint16_t status, struct ph_bytes body)
{
    struct want *w = ctx;
    struct ph_hash32 hash;

    (void)tag;
    ph_keccak256(body, hash.b);
    const bool found = status == 200 && memcmp(hash.b, w->hash.b, sizeof(hash.b)) == 0;
    w->place++;
    if (!found && ask(w) == PH_OK)
        return;
    w->got(w->ctx, found ? &body : NULL);
    want_free(w);
}

enum ph_err ph_chain_inputs_get(struct ph_chain_inputs *in, const struct ph_hash32 *hash,
                                size_t max, void (*got)(void *ctx, const struct ph_bytes *input),
                                void *ctx)
{
    if (in->want_cnt >= PH_CHAIN_INPUT_FETCHES_MAX)
        return PH_ERR_AGAIN;
    struct want *w = calloc(1, sizeof(*w));
    if (!w)
        return PH_ERR_NOMEM;
    *w = (struct want){.inputs = in, .hash = *hash, .max = max, .got = got, .ctx = ctx};
    w->next = in->wants;
    w->prev = &in->wants;
    if (w->next)
        w->next->prev = &w->next;
    in->wants = w;
    in->want_cnt++;
    const enum ph_err err = ask(w);
    if (err != PH_OK)
        want_free(w);
    return err;
}

static enum ph_err read_place(const char *text, struct place *out,
                              char why[static PH_CHAIN_INPUT_WHY_LEN])
{
    struct ph_http_url *url PH_OWNED(ph_freep) = calloc(1, sizeof(*url));
    const char *reason = "it has a query";

    if (!url)
        return PH_ERR_NOMEM;
    enum ph_err err = ph_http_url_parse(ph_bytes_str(text), url, &reason);
    if (err == PH_OK && strchr(url->text, '?')) {
        reason = "a place for inputs has no query: their hash follows its path";
        err = PH_ERR_MALFORMED;
    }
    if (err == PH_OK && strlen(url->text) + 1 + HASH_TEXT_LEN > PH_HTTP_URL_MAX) {
        reason = "it is too long";
        err = PH_ERR_MALFORMED;
    }
    if (err != PH_OK) {
        (void)snprintf(why, PH_CHAIN_INPUT_WHY_LEN, "%.120s: %.110s", text, reason);
        return err;
    }
    const bool ends = url->text[strlen(url->text) - 1] == '/';
    (void)snprintf(out->url, sizeof(out->url), "%s%s", url->text, ends ? "" : "/");
    (void)snprintf(out->host, sizeof(out->host), "%s:%u", url->host, url->port);
    out->rule = (struct ph_egress_rule){.https = url->https, .port = url->port};
    memcpy(out->rule.host, url->host, sizeof(out->rule.host));
    return PH_OK;
}

static enum ph_err open_places(struct ph_chain_inputs *in, struct ph_loop *loop,
                               const char *const *urls, size_t url_cnt,
                               char why[static PH_CHAIN_INPUT_WHY_LEN])
{
    const char *hosts[PH_CHAIN_INPUT_PLACES_MAX + 1] = {NULL};

    if (url_cnt == 0 || url_cnt > PH_CHAIN_INPUT_PLACES_MAX) {
        (void)snprintf(why, PH_CHAIN_INPUT_WHY_LEN, "1 to %d places", PH_CHAIN_INPUT_PLACES_MAX);
        return PH_ERR_MALFORMED;
    }
    for (size_t i = 0; i < url_cnt; i++) {
        PH_TRY(read_place(urls[i], &in->places[i], why));
        hosts[i] = in->places[i].host;
    }
    in->place_cnt = url_cnt;
    const struct ph_http_client_config config = {.private_hosts_insecure = hosts,
                                                 .connections = PH_CHAIN_INPUT_FETCHES_MAX};
    (void)snprintf(why, PH_CHAIN_INPUT_WHY_LEN, "the HTTP client cannot start");
    return ph_client_loop_open(&in->at, loop, &config);
}

enum ph_err ph_chain_inputs_new(struct ph_loop *loop, const char *const *urls, size_t url_cnt,
                                struct ph_chain_inputs **out,
                                char why[static PH_CHAIN_INPUT_WHY_LEN])
{
    struct ph_chain_inputs *in = calloc(1, sizeof(*in));

    if (!in)
        return PH_ERR_NOMEM;
    const enum ph_err err = open_places(in, loop, urls, url_cnt, why);
    if (err != PH_OK) {
        ph_chain_inputs_free(in);
        return err;
    }
    *out = in;
    return PH_OK;
}

void ph_chain_inputs_free(struct ph_chain_inputs *in)
{
    if (!in)
        return;
    ph_client_loop_close(&in->at);
    while (in->wants)
        want_free(in->wants);
    free(in);
}
