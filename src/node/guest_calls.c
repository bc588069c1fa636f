#include "node/guest_calls.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/pkey.h"
#include "keys/report_data.h"
#include "node/guest_calls_priv.h"
#include "node/guest_params.h"
#include "node/keyd_guest.h"
#include "node/version.h"

#include <stdio.h>
#include <stdlib.h>

#define JSON_HEADERS PH_BYTES_LIT("content-type: application/json\n")

struct ph_guest_method {
    const char *path;
    void (*run)(struct ph_guest_call *call, const json_t *params);
};

static void answer_raw(struct ph_guest_call *call, uint16_t status, struct ph_bytes json)
{
    call->answered = true;
    ph_http_respond(call->req, status, JSON_HEADERS, json);
}

void ph_guest_refuse(struct ph_guest_call *call, uint16_t status, const char *message)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_jput j = {.out = &text};

    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "error", message);
    ph_jput_close(&j);
    answer_raw(call, status,
               ph_jput_end(&j) == PH_OK ? ph_buf_view(&text)
                                        : PH_BYTES_LIT("{\"error\":\"bad request\"}"));
}

void ph_guest_answer(struct ph_guest_call *call, struct ph_jput *j)
{
    ph_jput_close(j);
    if (ph_jput_end(j) == PH_OK)
        answer_raw(call, 200, ph_buf_view(j->out));
    else
        ph_guest_refuse(call, 500, "the worker has no memory for the answer; try again later");
    ph_wipe(j->out->ptr, j->out->len);
}

static void refuse_keyd(struct ph_guest_call *call, enum ph_err err)
{
    if (err == PH_ERR_LIMIT)
        ph_guest_refuse(call, 400, "path has at most 1024 bytes, purpose 256");
    else if (err == PH_ERR_MALFORMED)
        ph_guest_refuse(call, 400, "data: a prehashed digest has 32 bytes");
    else
        ph_guest_refuse(call, 500, "the worker's keys cannot be used now; try again later");
}

/* Absent: secp256k1, as in dstack. False: refused. */
static bool read_alg(struct ph_guest_call *call, const json_t *params, bool signs,
                     enum ph_dstack_alg *out)
{
    struct ph_json_why why = {""};
    const char *name = "";

    if (ph_json_str(params, "", "algorithm", 0, 64, &name, &why) != PH_OK) {
        ph_guest_refuse(call, 400, why.text);
        return false;
    }
    if (strcmp(name, "ed25519") == 0)
        *out = PH_DSTACK_ED25519;
    else if (strcmp(name, "secp256k1") == 0 || strcmp(name, "k256") == 0 ||
             (!signs && name[0] == '\0'))
        *out = PH_DSTACK_SECP256K1;
    else if (signs && strcmp(name, "secp256k1_prehashed") == 0)
        *out = PH_DSTACK_SECP256K1_PREHASHED;
    else {
        ph_guest_refuse(call, 400,
                        signs ? "algorithm: must be ed25519, secp256k1 or secp256k1_prehashed"
                              : "algorithm: must be secp256k1 or ed25519");
        return false;
    }
    return true;
}

static bool read_hex(struct ph_guest_call *call, const json_t *params, const char *key, size_t max,
                     uint8_t *out, size_t *len)
{
    struct ph_json_why why = {""};

    if (ph_guest_params_hex(params, key, max, out, len, &why) == PH_OK)
        return true;
    ph_guest_refuse(call, 400, why.text);
    return false;
}

static void give_key(struct ph_guest_call *call, const json_t *params, const char *key_name,
                     const char *chain_name)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX);
    struct ph_jput j = {.out = &text};
    struct ph_json_why why = {""};
    const char *path = "", *purpose = "";
    struct ph_guest_key key;
    enum ph_dstack_alg alg;

    if (!read_alg(call, params, false, &alg))
        return;
    if (ph_json_str(params, "", "path", 0, PH_DSTACK_PATH_MAX, &path, &why) != PH_OK ||
        ph_json_str(params, "", "purpose", 0, PH_DSTACK_PURPOSE_MAX, &purpose, &why) != PH_OK) {
        ph_guest_refuse(call, 400, why.text);
        return;
    }
    const enum ph_err err = ph_keyd_guest_key(call->node->keyd, &call->id, alg, ph_bytes_str(path),
                                              ph_bytes_str(purpose), &key);
    if (err != PH_OK) {
        refuse_keyd(call, err);
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_hex(&j, key_name, PH_BYTES_OF(key.key));
    ph_jput_array(&j, chain_name);
    ph_jput_hex(&j, NULL, PH_BYTES_OF(key.by_app));
    ph_jput_hex(&j, NULL, PH_BYTES_OF(key.by_cluster));
    ph_jput_close(&j);
    ph_guest_answer(call, &j);
    ph_wipe(&key, sizeof(key));
}

static void get_key(struct ph_guest_call *call, const json_t *params)
{
    give_key(call, params, "key", "signature_chain");
}

static void derive_k256_key(struct ph_guest_call *call, const json_t *params)
{
    give_key(call, params, "k256_key", "k256_signature_chain");
}

static void sign(struct ph_guest_call *call, const json_t *params)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX);
    struct ph_jput j = {.out = &text};
    uint8_t *data PH_OWNED(ph_freep) = malloc(PH_DSTACK_DATA_MAX);
    struct ph_guest_signed got;
    enum ph_dstack_alg alg;
    size_t len;

    if (!data) {
        ph_guest_refuse(call, 500, "out of memory; try again later");
        return;
    }
    if (!read_alg(call, params, true, &alg) ||
        !read_hex(call, params, "data", PH_DSTACK_DATA_MAX, data, &len))
        return;
    const enum ph_err err =
        ph_keyd_guest_sign(call->node->keyd, &call->id, alg, (struct ph_bytes){data, len}, &got);
    if (err != PH_OK) {
        refuse_keyd(call, err);
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_hex(&j, "signature", PH_BYTES_OF(got.sig));
    ph_jput_array(&j, "signature_chain");
    ph_jput_hex(&j, NULL, PH_BYTES_OF(got.sig));
    ph_jput_hex(&j, NULL, PH_BYTES_OF(got.by_app));
    ph_jput_hex(&j, NULL, PH_BYTES_OF(got.by_cluster));
    ph_jput_close(&j);
    ph_jput_hex(&j, "public_key", (struct ph_bytes){got.public_key, got.public_len});
    ph_guest_answer(call, &j);
}

static void verify(struct ph_guest_call *call, const json_t *params)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX);
    struct ph_jput j = {.out = &text};
    uint8_t *data PH_OWNED(ph_freep) = malloc(PH_DSTACK_DATA_MAX), sig[64], key[65];
    size_t len, sig_len, key_len;
    enum ph_dstack_alg alg;

    if (!data) {
        ph_guest_refuse(call, 500, "out of memory; try again later");
        return;
    }
    if (!read_alg(call, params, true, &alg) ||
        !read_hex(call, params, "data", PH_DSTACK_DATA_MAX, data, &len) ||
        !read_hex(call, params, "signature", sizeof(sig), sig, &sig_len) ||
        !read_hex(call, params, "public_key", sizeof(key), key, &key_len))
        return;
    const enum ph_err err =
        ph_dstack_verify(alg, (struct ph_bytes){data, len}, (struct ph_bytes){sig, sig_len},
                         (struct ph_bytes){key, key_len});
    if (err == PH_ERR_MALFORMED || err == PH_ERR_UNSUPPORTED) {
        ph_guest_refuse(
            call, 400,
            "signature has 64 bytes, a prehashed digest 32, and public_key is a point of the "
            "algorithm's curve");
        return;
    }
    if (err != PH_OK && err != PH_ERR_UNTRUSTED) {
        ph_guest_refuse(call, 500, "the signature could not be checked; try again later");
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_bool(&j, "valid", err == PH_OK);
    ph_guest_answer(call, &j);
}

static void on_quote(void *ctx, enum ph_err err, struct ph_bytes quote, const char *why)
{
    struct ph_guest_call *call = ctx;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX);
    struct ph_jput j = {.out = &text};

    if (err != PH_OK) {
        ph_guest_refuse(call, 500, why[0] ? why : "no quote could be made; try again later");
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_hex(&j, "quote", quote);
    ph_jput_str(&j, "event_log", "[]");
    if (call->hash_algorithm) {
        ph_jput_str(&j, "hash_algorithm", call->hash_algorithm);
        ph_jput_str(&j, "prefix", strcmp(call->hash_algorithm, "raw") == 0 ? "" : "app-data");
    } else {
        ph_jput_hex(&j, "report_data", PH_BYTES_OF(call->wish.report_data));
        ph_jput_str(&j, "vm_config", "");
        ph_jput_str(&j, "attestation", "");
    }
    ph_guest_answer(call, &j);
}

/* What the worker says of itself ends in 32 zero bytes, so nobody else's report data may. */
static void quote(struct ph_guest_call *call, const uint8_t report_data[static 64])
{
    if (!call->node->config->guest_quotes) {
        ph_guest_refuse(call, 400,
                        "quotes are not given here: start phalad with --guest-agent-quotes");
        return;
    }
    if (ph_report_data_is_workers(report_data)) {
        ph_guest_refuse(
            call, 400,
            "report_data: its last 32 bytes are zero, which is kept for the worker itself; use "
            "more than 32 bytes, for example a SHA-512");
        return;
    }
    memcpy(call->wish.report_data, report_data, 64);
    call->wish.quote = true;
    call->wish.done = on_quote;
    call->wish.ctx = call;
    if (ph_attester_ask(call->node->attester, &call->wish) != PH_OK)
        ph_guest_refuse(call, 500, "too many quotes are being made; try again later");
}

static void get_quote(struct ph_guest_call *call, const json_t *params)
{
    uint8_t report_data[64] = {0};
    size_t len;

    if (read_hex(call, params, "report_data", sizeof(report_data), report_data, &len))
        quote(call, report_data);
}

static void raw_quote(struct ph_guest_call *call, const json_t *params)
{
    call->hash_algorithm = "raw";
    get_quote(call, params);
}

/* The legacy call hashes "app-data:" and the data, SHA-512 unless told otherwise. */
static void tdx_quote(struct ph_guest_call *call, const json_t *params)
{
    static const char tag[] = "app-data:";
    uint8_t message[sizeof(tag) - 1 + 4096], report_data[PH_HASH_MAX_LEN] = {0};
    const size_t tag_len = sizeof(tag) - 1;
    struct ph_json_why why = {""};
    const char *name = "", *prefix = "";
    size_t len;

    if (ph_json_str(params, "", "hash_algorithm", 0, 16, &name, &why) != PH_OK ||
        ph_json_str(params, "", "prefix", 0, 256, &prefix, &why) != PH_OK) {
        ph_guest_refuse(call, 400, why.text);
        return;
    }
    if (strcmp(name, "raw") == 0) {
        raw_quote(call, params);
        return;
    }
    const bool sha384 = strcmp(name, "sha384") == 0;
    if ((!sha384 && name[0] != '\0' && strcmp(name, "sha512") != 0) || prefix[0] != '\0') {
        ph_guest_refuse(
            call, 400,
            "hash_algorithm: must be sha512, sha384 or raw; prefix: only the default is made");
        return;
    }
    memcpy(message, tag, tag_len);
    if (!read_hex(call, params, "report_data", sizeof(message) - tag_len, message + tag_len, &len))
        return;
    if (ph_hash(sha384 ? PH_HASH_SHA384 : PH_HASH_SHA512, (struct ph_bytes){message, tag_len + len},
                report_data) != PH_OK) {
        ph_guest_refuse(call, 500, "no hash could be made; try again later");
        return;
    }
    call->hash_algorithm = sha384 ? "sha384" : "sha512";
    quote(call, report_data);
}

/* No evidence of a GPU is made when this machine boots. */
static void gpu_info(struct ph_guest_call *call, const json_t *params)
{
    (void)params;
    answer_raw(call, 200, PH_BYTES_LIT("{\"attestation\":\"\"}"));
}

static void version(struct ph_guest_call *call, const json_t *params)
{
    (void)params;
    answer_raw(call, 200, PH_BYTES_LIT("{\"version\":\"" PH_VERSION "\",\"rev\":\"\"}"));
}

static void not_supported(struct ph_guest_call *call, const json_t *params)
{
    (void)params;
    ph_guest_refuse(
        call, 400,
        "not supported: the measurements of this machine are not the programs' to extend");
}

static void attest(struct ph_guest_call *call, const json_t *params)
{
    (void)params;
    ph_guest_refuse(call, 400,
                    "not supported: use GetQuote, and GET /v1/attestation for the worker itself");
}

static const struct ph_guest_method methods[] = {
    {"/GetKey", get_key},
    {"/GetQuote", get_quote},
    {"/GetTlsKey", ph_guest_get_tls_key},
    {"/GpuInfo", gpu_info},
    {"/Info", ph_guest_info},
    {"/Sign", sign},
    {"/Verify", verify},
    {"/Version", version},
    {"/EmitEvent", not_supported},
    {"/Attest", attest},
    {"/prpc/Tappd.DeriveKey", ph_guest_derive_key},
    {"/prpc/Tappd.DeriveK256Key", derive_k256_key},
    {"/prpc/Tappd.TdxQuote", tdx_quote},
    {"/prpc/Tappd.RawQuote", raw_quote},
    {"/prpc/Tappd.Info", ph_guest_info},
};

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct ph_guest_call *call = (struct ph_guest_call *)ex;

    (void)sent_all;
    ph_attester_forget(call->node->attester, &call->wish);
    ph_buf_clear(&call->body);
    ph_guest_tls_free(call->tls);
    free(call);
}

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct ph_guest_call *call = (struct ph_guest_call *)ex;

    if (!call->answered && ph_buf_add(&call->body, data) != PH_OK)
        ph_guest_refuse(call, 400, "the body is too long");
}

static struct ph_bytes query_of(const struct ph_http_req *req)
{
    const struct ph_bytes target = ph_http_req_target(req);
    const uint8_t *mark = memchr(target.ptr, '?', target.len);
    const size_t at = mark ? (size_t)(mark - target.ptr) + 1 : target.len;

    return (struct ph_bytes){target.ptr + at, target.len - at};
}

static void on_body_end(struct ph_exchange *ex)
{
    struct ph_guest_call *call = (struct ph_guest_call *)ex;
    const struct ph_phat *phat = ph_phats_find(call->node->phats, &call->id);
    json_t *params PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why = {"the request cannot be read"};

    if (call->answered)
        return;
    if (!phat || !phat->version) { /* deleted while the connection was open */
        ph_guest_refuse(call, 400, "this phat was deleted");
        return;
    }
    const enum ph_err err = ph_bytes_is(ph_http_req_method(call->req), "GET")
                                ? ph_guest_params_query(query_of(call->req), &params, &why)
                                : ph_guest_params_body(ph_buf_view(&call->body), &params, &why);
    if (err == PH_ERR_NOMEM)
        ph_guest_refuse(call, 500, "out of memory; try again later");
    else if (err != PH_OK)
        ph_guest_refuse(call, 400, why.text);
    else
        call->method->run(call, params);
}

static const struct ph_guest_method *method_of(const struct ph_http_req *req)
{
    const struct ph_bytes target = ph_http_req_target(req), query = query_of(req);
    const size_t cut = target.len - query.len;
    const bool has_mark = cut > 0 && target.ptr[cut - 1] == '?';
    const struct ph_bytes path = {target.ptr, has_mark ? cut - 1 : cut};

    for (size_t i = 0; i < PH_LEN(methods); i++)
        if (ph_bytes_is(path, methods[i].path))
            return &methods[i];
    return NULL;
}

void ph_guest_call_begin(struct ph_node *node, struct ph_http_req *req,
                         const struct ph_phat_id *phat)
{
    const struct ph_bytes verb = ph_http_req_method(req);
    const struct ph_guest_method *method = method_of(req);
    struct ph_guest_call *call = NULL;

    if (method && (ph_bytes_is(verb, "GET") || ph_bytes_is(verb, "POST")))
        call = calloc(1, sizeof(*call));
    if (!call) {
        ph_http_respond(req, method ? 400 : 404, JSON_HEADERS,
                        method ? PH_BYTES_LIT("{\"error\":\"ask with POST or GET\"}")
                               : PH_BYTES_LIT("{\"error\":\"no such method\"}"));
        return;
    }
    *call = (struct ph_guest_call){.ex = {on_body, on_body_end, NULL, on_closed},
                                   .node = node,
                                   .req = req,
                                   .id = *phat,
                                   .method = method,
                                   .body = PH_BUF(PH_GUEST_BODY_MAX)};
    ph_http_req_set_user(req, call);
}
