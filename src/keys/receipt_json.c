/* Receipts as JSON: docs/receipts.md. */

#include "base/hex.h"
#include "base/own.h"
#include "codec/jread.h"
#include "keys/eip712_priv.h"
#include "keys/receipt.h"

#include <stdio.h>

enum {
    TOK_MAX = 48, /* a receipt has at most 1 + 3 + 11 + 5 + 10 values */
};

static const char *const outcomes[] = {"answered", "failed", "cut"};

const char *ph_outcome_name(uint8_t outcome)
{
    return outcome < PH_LEN(outcomes) ? outcomes[outcome] : "unknown";
}

static enum ph_err add_hex(struct ph_buf *out, const char *before, const uint8_t *raw, size_t len)
{
    char hex[2 * 65 + 1];

    ph_hex_encode((struct ph_bytes){raw, len}, hex);
    return ph_buf_addf(out, "%s%s", before, hex);
}

static enum ph_err add_leaf(struct ph_buf *out, const struct ph_receipt_fields *f)
{
    PH_TRY(ph_buf_addf(out,
                       "{\"format\":\"" PH_RECEIPT_FORMAT "\",\"leaf\":{\"version\":%u,"
                       "\"outcome\":\"%s\",\"status\":%u",
                       f->version, ph_outcome_name(f->outcome), f->status));
    PH_TRY(add_hex(out, ",\"phat\":\"", f->phat.b, 20));
    PH_TRY(add_hex(out, "\",\"bundle_hash\":\"", f->bundle_hash.b, 32));
    PH_TRY(ph_buf_addf(out, "\",\"commit_index\":%llu", (unsigned long long)f->state.commit_index));
    PH_TRY(add_hex(out, ",\"state_root\":\"", f->state.root.b, 32));
    PH_TRY(add_hex(out, "\",\"request_hash\":\"", f->request_hash.b, 32));
    PH_TRY(add_hex(out, "\",\"response_hash\":\"", f->response_hash.b, 32));
    PH_TRY(add_hex(out, "\",\"nonce\":\"", f->nonce.b, 32));
    return ph_buf_addf(out, "\",\"time_ms\":%llu", (unsigned long long)f->time_ms);
}

enum ph_err ph_receipt_to_json(const struct ph_receipt *receipt, struct ph_buf *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_receipt_fields f;

    ph_receipt_leaf_view(&receipt->leaf, &f);
    if (f.version != PH_RECEIPT_LEAF_VERSION || f.outcome >= PH_LEN(outcomes) ||
        f.time_ms > PH_JSON_UINT_MAX || f.state.commit_index > PH_JSON_UINT_MAX ||
        receipt->batch_time_ms > PH_JSON_UINT_MAX || receipt->path_len > PH_MERKLE_PATH_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(add_leaf(&text, &f));
    PH_TRY(ph_buf_addf(&text, "},\"batch\":{\"index\":%u,\"count\":%u,\"path\":[", receipt->index,
                       receipt->count));
    for (size_t i = 0; i < receipt->path_len; i++) {
        PH_TRY(add_hex(&text, i > 0 ? ",\"" : "\"", receipt->path[i].b, 32));
        PH_TRY(ph_buf_add_str(&text, "\""));
    }
    PH_TRY(ph_buf_addf(&text, "],\"time_ms\":%llu", (unsigned long long)receipt->batch_time_ms));
    PH_TRY(add_hex(&text, ",\"signature\":\"0x", receipt->sig, 65));
    PH_TRY(ph_buf_add_str(&text, "\"}}"));
    return ph_buf_add(out, ph_buf_view(&text));
}

/* Reading: the first member that is wrong names itself in `why`. */

static const char *const top_keys[] = {"format", "leaf", "batch", NULL};
static const char *const leaf_keys[] = {
    "version",    "outcome",      "status",        "phat",  "bundle_hash", "commit_index",
    "state_root", "request_hash", "response_hash", "nonce", "time_ms",     NULL};
static const char *const batch_keys[] = {"index", "count", "path", "time_ms", "signature", NULL};

static enum ph_err get_outcome(const struct ph_jdoc *doc, uint32_t leaf, uint8_t *out,
                               struct ph_json_why *why)
{
    struct ph_bytes text = {NULL, 0};

    PH_TRY(ph_jread_str(doc, leaf, "leaf", "outcome", 0, 16, &text, why));
    for (size_t i = 0; i < PH_LEN(outcomes); i++)
        if (ph_bytes_is(text, outcomes[i])) {
            *out = (uint8_t)i;
            return PH_OK;
        }
    return ph_jread_bad(why, "leaf", "outcome", "expected answered, failed or cut");
}

static enum ph_err get_leaf(const struct ph_jdoc *doc, uint32_t leaf, struct ph_receipt_leaf *out,
                            struct ph_json_why *why)
{
    struct ph_receipt_fields f = {0};
    uint64_t version = 0, status = 0;
    bool has;

    PH_TRY(ph_jread_all_keys(doc, leaf, "leaf", leaf_keys, why));
    PH_TRY(get_outcome(doc, leaf, &f.outcome, why));
    PH_TRY(ph_jread_int(doc, leaf, "leaf", "version", PH_RECEIPT_LEAF_VERSION,
                        PH_RECEIPT_LEAF_VERSION, &version, why));
    PH_TRY(ph_jread_int(doc, leaf, "leaf", "status", 100, 999, &status, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "phat", f.phat.b, 20, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "bundle_hash", f.bundle_hash.b, 32, &has, why));
    PH_TRY(ph_jread_int(doc, leaf, "leaf", "commit_index", 0, PH_JSON_UINT_MAX,
                        &f.state.commit_index, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "state_root", f.state.root.b, 32, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "request_hash", f.request_hash.b, 32, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "response_hash", f.response_hash.b, 32, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, leaf, "leaf", "nonce", f.nonce.b, 32, &has, why));
    PH_TRY(ph_jread_int(doc, leaf, "leaf", "time_ms", 0, PH_JSON_UINT_MAX, &f.time_ms, why));
    f.version = (uint8_t)version;
    f.status = (uint16_t)status;
    ph_receipt_fields_leaf(&f, out);
    return PH_OK;
}

static enum ph_err get_path(const struct ph_jdoc *doc, uint32_t batch, struct ph_receipt *out,
                            struct ph_json_why *why)
{
    const size_t want = ph_merkle_path_len(out->index, out->count);
    uint32_t path = 0;

    PH_TRY(ph_jread_array(doc, batch, "batch", "path", PH_MERKLE_PATH_MAX, &path, why));
    if (doc->toks[path].cnt != want)
        return ph_jread_bad(why, "batch", "path",
                            "expected as many hashes as index and count ask for");
    uint32_t tok = ph_jscan_first(path);
    for (size_t i = 0; i < want; i++, tok = doc->toks[tok].next) {
        struct ph_bytes text;
        if (ph_jscan_str(doc, tok, &text) != PH_OK ||
            ph_hex_decode(text, out->path[i].b, 32) != PH_OK)
            return ph_jread_bad(why, "batch", "path", "expected hashes of 64 hex digits");
    }
    out->path_len = want;
    return PH_OK;
}

static enum ph_err get_batch(const struct ph_jdoc *doc, uint32_t batch, struct ph_receipt *out,
                             struct ph_json_why *why)
{
    uint64_t index = 0, count = 0;
    bool has;

    PH_TRY(ph_jread_all_keys(doc, batch, "batch", batch_keys, why));
    PH_TRY(ph_jread_int(doc, batch, "batch", "count", 1, PH_RECEIPT_BATCH_MAX, &count, why));
    PH_TRY(ph_jread_int(doc, batch, "batch", "index", 0, count - 1, &index, why));
    PH_TRY(ph_jread_int(doc, batch, "batch", "time_ms", 0, PH_JSON_UINT_MAX, &out->batch_time_ms,
                        why));
    PH_TRY(
        ph_jread_hex_0x(doc, batch, "batch", "signature", out->sig, sizeof(out->sig), &has, why));
    out->index = (uint32_t)index;
    out->count = (uint32_t)count;
    return get_path(doc, batch, out, why);
}

static enum ph_err read_all(struct ph_bytes text, struct ph_receipt *out, struct ph_json_why *why)
{
    struct ph_jtok toks[TOK_MAX];
    struct ph_jdoc doc;
    struct ph_bytes format = {NULL, 0};
    uint32_t leaf = 0, batch = 0;

    PH_TRY(ph_jread_open(text, PH_RECEIPT_JSON_MAX, toks, PH_LEN(toks), &doc, why));
    PH_TRY(ph_jread_all_keys(&doc, 0, "", top_keys, why));
    PH_TRY(ph_jread_str(&doc, 0, "", "format", 0, 64, &format, why));
    if (!ph_bytes_is(format, PH_RECEIPT_FORMAT)) {
        (void)!ph_jread_bad(why, "", "format", "expected " PH_RECEIPT_FORMAT);
        return PH_ERR_UNSUPPORTED;
    }
    PH_TRY(ph_jread_object(&doc, 0, "", "leaf", &leaf, why));
    PH_TRY(ph_jread_object(&doc, 0, "", "batch", &batch, why));
    PH_TRY(get_leaf(&doc, leaf, &out->leaf, why));
    return get_batch(&doc, batch, out, why);
}

enum ph_err ph_receipt_from_json(struct ph_bytes text, struct ph_receipt *out, char why[static 128])
{
    struct ph_receipt got = {0};
    struct ph_json_why where;

    const enum ph_err err = read_all(text, &got, &where);
    if (err != PH_OK) {
        (void)snprintf(why, 128, "receipt: %.110s", where.text);
        return err;
    }
    *out = got;
    return PH_OK;
}
