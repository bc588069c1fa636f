/* TLS keys of programs: the key and its chain come from phala-keyd, the quote between the two from
 * the machine. */

#include "attest/ratls.h"
#include "base/clock.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "node/guest_agent.h"
#include "node/guest_calls_priv.h"
#include "node/keyd_guest.h"
#include "node/measured.h"

#include <stdlib.h>

enum {
    PEM_MAX = 64 * 1024,
    BACKDATE_S = 3600,
    VALID_S = 10 * 365 * 86400, /* as dstack has it */
};
static const int64_t date_max_s = INT64_C(8589934591); /* in the year 2242 */

struct ph_guest_tls {
    struct ph_guest_tls_key key; /* secret */
    struct ph_guest_cert_wish wish;
    struct ph_buf names; /* what wish.subject and wish.alt_names point into */
    uint8_t app_info[PH_DSTACK_APP_INFO_LEN];
};

void ph_guest_tls_free(struct ph_guest_tls *tls)
{
    if (!tls)
        return;
    ph_buf_clear(&tls->names);
    ph_wipe(tls, sizeof(*tls));
    free(tls);
}

static bool refuse_param(struct ph_guest_call *call, const char *key, const char *what)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "%s: %s", key, what);
    ph_guest_refuse(call, 400, text);
    return false;
}

/* A boolean; in a query "true" or "false". */
static bool read_flag(struct ph_guest_call *call, const json_t *params, const char *key,
                      bool absent, bool *out)
{
    const json_t *v = json_object_get(params, key);
    const char *text = json_string_value(v);

    *out = absent;
    if (!v || json_is_null(v))
        return true;
    if (!json_is_boolean(v) && !(text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)))
        return refuse_param(call, key, "must be true or false");
    *out = json_is_true(v) || (text && strcmp(text, "true") == 0);
    return true;
}

/* Unix seconds; in a query digits. */
static bool read_date(struct ph_guest_call *call, const json_t *params, const char *key,
                      int64_t absent, uint64_t *out)
{
    const json_t *v = json_object_get(params, key);
    const char *text = json_string_value(v);
    int64_t got = absent;

    if (v && !json_is_null(v)) {
        char *end = NULL;
        got = json_is_integer(v) ? json_integer_value(v)
              : text && *text && strspn(text, "0123456789") == strlen(text)
                  ? strtoll(text, &end, 10)
                  : -1;
        if (got < 0 || got > date_max_s)
            return refuse_param(call, key, "must be Unix time in seconds, before the year 2242");
    }
    *out = (uint64_t)got;
    return true;
}

static bool add_name(struct ph_guest_call *call, const char *key, const json_t *v, size_t max,
                     struct ph_buf *out)
{
    const char *text = json_string_value(v);

    if (!text || strlen(text) > max)
        return refuse_param(call, key, "must be text of at most 256 bytes");
    return ph_buf_add(out, (struct ph_bytes){(const uint8_t *)text, strlen(text) + 1}) == PH_OK ||
           refuse_param(call, key, "too long altogether");
}

/* The subject and the alternative names, each ended by a NUL. */
static bool read_names(struct ph_guest_call *call, const json_t *params, struct ph_guest_tls *tls)
{
    const json_t *subject = json_object_get(params, "subject"),
                 *names = json_object_get(params, "alt_names");

    tls->names = PH_BUF((PH_GUEST_NAMES_MAX + 1) * (PH_GUEST_SUBJECT_MAX + 1));
    if (subject && !json_is_null(subject) &&
        !add_name(call, "subject", subject, PH_GUEST_SUBJECT_MAX, &tls->names))
        return false;
    const size_t split = tls->names.len;
    if (names && !json_is_null(names) && !json_is_array(names))
        return refuse_param(call, "alt_names", "must be a list");
    if (json_array_size(names) > PH_GUEST_NAMES_MAX)
        return refuse_param(call, "alt_names", "at most 32");
    for (size_t i = 0; i < json_array_size(names); i++)
        if (!add_name(call, "alt_names", json_array_get(names, i), PH_GUEST_SUBJECT_MAX,
                      &tls->names))
            return false;
    const struct ph_bytes all = ph_buf_view(&tls->names);
    tls->wish.subject = (struct ph_bytes){all.ptr, split};
    tls->wish.alt_names = (struct ph_bytes){all.ptr + split, all.len - split};
    return true;
}

/* PKCS #8 of a P-256 key: RFC 5958, with RFC 5915 inside. */
static enum ph_err put_pkcs8(const struct ph_guest_tls_key *key, struct ph_buf *out)
{
    static const uint8_t head[] = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06,
                                   0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
                                   0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const uint8_t middle[] = {0xa1, 0x44, 0x03, 0x42, 0x00, 0x04};
    uint8_t der[sizeof(head) + 32 + sizeof(middle) + 64];

    memcpy(der, head, sizeof(head));
    memcpy(der + sizeof(head), key->key, 32);
    memcpy(der + sizeof(head) + 32, middle, sizeof(middle));
    memcpy(der + sizeof(head) + 32 + sizeof(middle), key->pub, 64);
    const enum ph_err err = ph_pem_encode("PRIVATE KEY", PH_BYTES_OF(der), out);
    ph_wipe(der, sizeof(der));
    return err;
}

static void put_pem(struct ph_jput *j, const char *key, struct ph_buf *pem, enum ph_err err)
{
    if (err != PH_OK)
        j->err = err;
    else
        ph_jput_text(j, key, ph_buf_view(pem));
    ph_wipe(pem->ptr, pem->len);
    pem->len = 0;
}

static void finish(struct ph_guest_call *call)
{
    struct ph_guest_tls *tls = call->tls;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX),
                       pem PH_OWNED(ph_buf_clear) = PH_BUF(PEM_MAX),
                       chain[3] = {PH_BUF(PEM_MAX), PH_BUF(PEM_MAX), PH_BUF(PEM_MAX)};
    struct ph_jput j = {.out = &text};

    const enum ph_err err = ph_keyd_guest_cert(call->node->keyd, &call->id, &tls->wish, chain);
    if (err == PH_ERR_MALFORMED || err == PH_ERR_LIMIT) {
        ph_guest_refuse(call, 400,
                        "not_before must be earlier than not_after; alt_names are DNS names or "
                        "addresses");
    } else if (err != PH_OK) {
        ph_guest_refuse(call, 500, "the worker's keys cannot be used now; try again later");
    } else {
        ph_jput_object(&j, NULL);
        put_pem(&j, "key", &pem, put_pkcs8(&tls->key, &pem));
        ph_jput_array(&j, "certificate_chain");
        for (size_t i = 0; i < PH_LEN(chain); i++)
            put_pem(&j, NULL, &pem, ph_pem_encode("CERTIFICATE", ph_buf_view(&chain[i]), &pem));
        ph_jput_close(&j);
        ph_guest_answer(call, &j);
    }
    for (size_t i = 0; i < PH_LEN(chain); i++)
        ph_buf_clear(&chain[i]);
}

static void on_quote(void *ctx, enum ph_err err, struct ph_bytes quote, const char *why)
{
    struct ph_guest_call *call = ctx;

    if (err != PH_OK) {
        ph_guest_refuse(call, 500, why[0] ? why : "no quote could be made; try again later");
        return;
    }
    call->tls->wish.quote = quote;
    finish(call);
}

/* A quote over the key in dstack's manner: as with GetQuote, it speaks for a program on this
 * machine. */
static void ask_quote(struct ph_guest_call *call)
{
    uint8_t spki[PH_CERT_SPKI_P256_LEN];

    if (!call->node->config->guest_quotes) {
        ph_guest_refuse(call, 400,
                        "quotes are not given here: start phalad with --guest-agent-quotes");
        return;
    }
    ph_cert_spki_p256(call->tls->key.pub, spki);
    ph_ratls_dstack_report_data(PH_BYTES_OF(spki), call->wish.report_data);
    call->wish.quote = true;
    call->wish.done = on_quote;
    call->wish.ctx = call;
    if (ph_attester_ask(call->node->attester, &call->wish) != PH_OK)
        ph_guest_refuse(call, 500, "too many quotes are being made; try again later");
}

/* What dstack's KMS has from the machine's event log, said by this worker. */
static bool read_app_info(struct ph_guest_call *call, struct ph_guest_tls *tls)
{
    const struct ph_measured *measured = ph_guest_agents_measured(call->node);
    const struct ph_phat *phat = ph_phats_find(call->node->phats, &call->id);
    char provider[PH_DSTACK_PROVIDER_MAX];

    if (!measured->has_td)
        return refuse_param(call, "with_app_info", "this machine's boot is not measured as a TD's");
    ph_dstack_key_provider(&call->node->identity.cluster, provider);
    memcpy(tls->app_info, phat->version->bundle_hash.b, 32);
    ph_measured_system(measured, ph_bytes_str(provider), tls->app_info + 32);
    memcpy(tls->app_info + 64, measured->mr_aggregated, 32);
    tls->wish.app_info = PH_BYTES_OF(tls->app_info);
    return true;
}

/* What both calls have in common. */
static void make(struct ph_guest_call *call, const json_t *params, bool random, const char *path)
{
    struct ph_guest_tls *tls = calloc(1, sizeof(*tls));
    const int64_t now_s = ph_clock_wall_ms() / 1000;
    bool ra_tls, server, client, app_info;

    call->tls = tls;
    if (!tls) {
        ph_guest_refuse(call, 500, "out of memory; try again later");
        return;
    }
    if (!read_names(call, params, tls) ||
        !read_flag(call, params, "usage_ra_tls", false, &ra_tls) ||
        !read_flag(call, params, "usage_server_auth", false, &server) ||
        !read_flag(call, params, "usage_client_auth", false, &client) ||
        !read_flag(call, params, "with_app_info", false, &app_info) ||
        !read_date(call, params, "not_before", now_s - BACKDATE_S, &tls->wish.not_before) ||
        !read_date(call, params, "not_after", now_s + VALID_S, &tls->wish.not_after))
        return;
    if (app_info && !read_app_info(call, tls))
        return;
    tls->wish.usage =
        (uint8_t)((server ? PH_GUEST_SERVER_AUTH : 0) | (client ? PH_GUEST_CLIENT_AUTH : 0));
    const enum ph_err err =
        ph_keyd_guest_tls_key(call->node->keyd, &call->id, random, ph_bytes_str(path), &tls->key);
    tls->wish.pub = PH_BYTES_OF(tls->key.pub);
    if (err == PH_ERR_LIMIT)
        ph_guest_refuse(call, 400, "path has at most 1024 bytes");
    else if (err != PH_OK)
        ph_guest_refuse(call, 500, "the worker's keys cannot be used now; try again later");
    else if (ra_tls)
        ask_quote(call);
    else
        finish(call);
}

void ph_guest_get_tls_key(struct ph_guest_call *call, const json_t *params)
{
    make(call, params, true, "");
}

void ph_guest_derive_key(struct ph_guest_call *call, const json_t *params)
{
    struct ph_json_why why = {""};
    const char *path = "";
    bool random;

    if (!read_flag(call, params, "random_seed", false, &random))
        return;
    if (ph_json_str(params, "", "path", 0, PH_DSTACK_PATH_MAX, &path, &why) != PH_OK)
        ph_guest_refuse(call, 400, why.text);
    else
        make(call, params, random, path);
}
