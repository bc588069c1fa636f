#include "chain/rpc_wire.h"

#include "base/hex.h"
#include "base/own.h"
#include "chain/u256.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum ph_err ph_rpc_put_batch(uint64_t first_id, const struct ph_rpc_call *calls, size_t call_cnt,
                             struct ph_buf *out)
{
    for (size_t i = 0; i < call_cnt; i++) {
        PH_TRY(ph_buf_addf(out, "%s{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":",
                           i == 0 ? "[" : ",", (unsigned long long)(first_id + i),
                           calls[i].method));
        PH_TRY(ph_buf_add(out, calls[i].params));
        PH_TRY(ph_buf_add_str(out, "}"));
    }
    return ph_buf_add_str(out, "]");
}

void ph_rpc_batch_clear(struct ph_rpc_batch *batch)
{
    free(batch->toks);
    *batch = (struct ph_rpc_batch){0};
}

/* Characters of a string, escapes and all, at most `max`; empty for anything else. */
static struct ph_bytes text_of(const struct ph_jdoc *doc, uint32_t tok, size_t max)
{
    if (tok == 0 || doc->toks[tok].type != PH_JSTRING)
        return (struct ph_bytes){0};
    const struct ph_bytes raw = ph_jscan_raw(doc, tok);
    const size_t len = raw.len - 2;
    return (struct ph_bytes){raw.ptr + 1, len < max ? len : max};
}

/* At most 18 digits and a sign: the scanner saw to it. */
static int64_t int_of(const struct ph_jdoc *doc, uint32_t tok)
{
    if (tok == 0 || doc->toks[tok].type != PH_JINT)
        return 0;
    const struct ph_bytes raw = ph_jscan_raw(doc, tok);
    const bool negative = raw.ptr[0] == '-';
    int64_t v = 0;
    for (size_t i = negative; i < raw.len; i++)
        v = v * 10 + (raw.ptr[i] - '0');
    return negative ? -v : v;
}

static void read_error(const struct ph_jdoc *doc, uint32_t error, struct ph_rpc_answer *out)
{
    uint32_t data = ph_jscan_get(doc, error, "data");

    /* Some nodes put the data one level deeper. */
    if (data != 0 && doc->toks[data].type == PH_JOBJECT)
        data = ph_jscan_get(doc, data, "data");
    out->is_error = true;
    out->code = int_of(doc, ph_jscan_get(doc, error, "code"));
    out->message = text_of(doc, ph_jscan_get(doc, error, "message"), PH_RPC_MESSAGE_MAX);
    out->data = text_of(doc, data, 2 + 2 * PH_RPC_REVERT_DATA_MAX);
}

static enum ph_err read_answer(const struct ph_jdoc *doc, uint32_t tok, uint64_t first_id,
                               size_t cnt, struct ph_rpc_answer *answers)
{
    struct ph_rpc_answer answer = {.doc = doc};
    uint64_t id;

    if (doc->toks[tok].type != PH_JOBJECT)
        return PH_ERR_MALFORMED;
    const uint32_t id_tok = ph_jscan_get(doc, tok, "id");
    if (id_tok == 0 || ph_jscan_u64(doc, id_tok, &id) != PH_OK || id < first_id ||
        id - first_id >= cnt || answers[id - first_id].doc)
        return PH_ERR_MALFORMED;
    const uint32_t error = ph_jscan_get(doc, tok, "error");
    answer.result = ph_jscan_get(doc, tok, "result");
    if (error != 0 && doc->toks[error].type == PH_JOBJECT) {
        answer.result = 0;
        read_error(doc, error, &answer);
    } else if (answer.result == 0) {
        return PH_ERR_MALFORMED;
    }
    answers[id - first_id] = answer;
    return PH_OK;
}

static enum ph_err read_answers(const struct ph_jdoc *doc, uint64_t first_id, size_t cnt,
                                struct ph_rpc_answer *answers)
{
    for (size_t i = 0; i < cnt; i++)
        answers[i] = (struct ph_rpc_answer){0};
    if (doc->toks[0].type == PH_JOBJECT) {
        const uint32_t error = ph_jscan_get(doc, 0, "error");
        return error != 0 && doc->toks[error].type == PH_JOBJECT ? PH_ERR_IO : PH_ERR_MALFORMED;
    }
    if (doc->toks[0].type != PH_JARRAY)
        return PH_ERR_MALFORMED;
    for (uint32_t t = ph_jscan_first(0); t < doc->toks[0].next; t = doc->toks[t].next)
        PH_TRY(read_answer(doc, t, first_id, cnt, answers));
    return PH_OK;
}

enum ph_err ph_rpc_scan(struct ph_bytes text, struct ph_rpc_batch *out)
{
    if (text.len > PH_RPC_TEXT_MAX)
        return PH_ERR_LIMIT;
    /* A value and what parts it from the next are two bytes at least. */
    const size_t most = text.len / 2 + 1;
    const uint32_t cap = (uint32_t)(most < PH_RPC_TOKS_MAX ? most : PH_RPC_TOKS_MAX);
    struct ph_rpc_batch got = {.toks = calloc(cap, sizeof(struct ph_jtok))};
    if (!got.toks)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_jscan(text, got.toks, cap, &got.doc);
    if (err != PH_OK) {
        free(got.toks);
        return err;
    }
    *out = got;
    return PH_OK;
}

enum ph_err ph_rpc_parse_batch(struct ph_bytes text, uint64_t first_id, size_t cnt,
                               struct ph_rpc_batch *batch, struct ph_rpc_answer *answers)
{
    PH_TRY(ph_rpc_scan(text, batch));
    const enum ph_err err =
        read_answers(&batch->doc, first_id, cnt, answers); /* point at its doc */
    if (err != PH_OK)
        ph_rpc_batch_clear(batch);
    return err;
}

enum ph_err ph_rpc_data_of(struct ph_bytes text, struct ph_buf *out)
{
    uint8_t *at;

    if (text.len < 2 || text.len % 2 != 0 || text.ptr[0] != '0' || text.ptr[1] != 'x')
        return PH_ERR_MALFORMED;
    const size_t len = text.len / 2 - 1;
    if (len == 0)
        return PH_OK;
    PH_TRY(ph_buf_reserve(out, len, &at));
    PH_TRY(ph_hex_decode((struct ph_bytes){text.ptr + 2, text.len - 2}, at, len));
    out->len += len;
    return PH_OK;
}

enum ph_err ph_rpc_data(const struct ph_jdoc *doc, uint32_t tok, struct ph_buf *out)
{
    struct ph_bytes text;

    PH_TRY(ph_jscan_str(doc, tok, &text));
    return ph_rpc_data_of(text, out);
}

enum ph_err ph_rpc_quantity(const struct ph_jdoc *doc, uint32_t tok, uint64_t *out)
{
    struct ph_bytes text;

    if (tok == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_jscan_str(doc, tok, &text));
    return ph_quantity_parse(text, out);
}

/* A value's bytes in lower case, with its length in front: no two sequences look alike. */
static void digest_text(struct ph_sha256 *h, struct ph_bytes text)
{
    uint8_t piece[256];

    ph_put_u64le(piece, text.len);
    ph_sha256_update(h, (struct ph_bytes){piece, 8});
    while (text.len > 0) {
        const size_t n = text.len < sizeof(piece) ? text.len : sizeof(piece);
        for (size_t i = 0; i < n; i++) {
            const uint8_t c = text.ptr[i];
            piece[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
        }
        ph_sha256_update(h, (struct ph_bytes){piece, n});
        text = (struct ph_bytes){text.ptr + n, text.len - n};
    }
}

/* Scalars inside `tok`, in their order: a node may put spaces between them. */
static void digest_scalars(struct ph_sha256 *h, const struct ph_jdoc *doc, uint32_t tok)
{
    for (uint32_t t = tok; t < doc->toks[tok].next; t++) {
        const struct ph_jtok *value = &doc->toks[t];
        if (value->type == PH_JARRAY || value->type == PH_JOBJECT) {
            uint8_t shape[5] = {value->type == PH_JARRAY ? '[' : '{'};
            ph_put_u32le(shape + 1, value->cnt);
            ph_sha256_update(h, PH_BYTES_OF(shape));
        } else {
            digest_text(h, ph_jscan_raw(doc, t));
        }
    }
}

static void digest_members(struct ph_sha256 *h, const struct ph_jdoc *doc, uint32_t object,
                           const char *const *members)
{
    for (; *members; members++) {
        const uint32_t tok = ph_jscan_get(doc, object, *members);
        ph_sha256_update(h, tok != 0 ? PH_BYTES_LIT("+") : PH_BYTES_LIT("-"));
        if (tok != 0)
            digest_scalars(h, doc, tok);
    }
}

/* One value, or each of an array's. */
static void digest_value(struct ph_sha256 *h, const struct ph_jdoc *doc, uint32_t tok,
                         const char *const *members)
{
    const bool many = doc->toks[tok].type == PH_JARRAY;
    uint32_t t = many ? ph_jscan_first(tok) : tok;

    ph_sha256_update(h, many ? PH_BYTES_LIT("[") : PH_BYTES_LIT(" "));
    for (; t < doc->toks[tok].next; t = doc->toks[t].next) {
        ph_sha256_update(h, PH_BYTES_LIT(","));
        if (members && doc->toks[t].type == PH_JOBJECT)
            digest_members(h, doc, t, members);
        else
            digest_scalars(h, doc, t);
    }
}

void ph_rpc_answer_digest(const struct ph_rpc_answer *answer, const char *const *members,
                          struct ph_hash32 *out)
{
    struct ph_sha256 h;

    ph_sha256_init(&h);
    if (answer->is_error) {
        ph_sha256_update(&h, PH_BYTES_LIT("error"));
        digest_text(&h, answer->data);
    } else {
        ph_sha256_update(&h, PH_BYTES_LIT("value"));
        digest_value(&h, answer->doc, answer->result, members);
    }
    ph_sha256_final(&h, out->b);
}
