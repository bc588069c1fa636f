/* Receipts as JSON: docs/receipts.md. */

#include "base/hex.h"
#include "base/own.h"
#include "codec/jscan.h"
#include "keys/eip712_priv.h"
#include "keys/receipt.h"

#include <stdio.h>

enum {
    TOK_MAX = 48, /* a receipt has at most 1 + 3 + 11 + 5 + 10 values */
    TOP_CNT = 3,
    LEAF_CNT = 11,
    BATCH_CNT = 5,
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
    PH_TRY(add_hex(out, "\",\"request_hash\":\"", f->request_hash.b, 32));
    PH_TRY(add_hex(out, "\",\"response_hash\":\"", f->response_hash.b, 32));
    PH_TRY(add_hex(out, "\",\"nonce\":\"", f->nonce.b, 32));
    PH_TRY(ph_buf_addf(out, "\",\"time_ms\":%llu,\"commit_index\":%llu",
                       (unsigned long long)f->time_ms, (unsigned long long)f->commit_index));
    return add_hex(out, ",\"state_root\":\"", f->state_root.b, 32);
}

enum ph_err ph_receipt_to_json(const struct ph_receipt *receipt, struct ph_buf *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_receipt_fields f;

    ph_receipt_leaf_view(&receipt->leaf, &f);
    if (f.version != 1 || f.outcome >= PH_LEN(outcomes) || f.time_ms > PH_JSON_UINT_MAX ||
        f.commit_index > PH_JSON_UINT_MAX || receipt->batch_time_ms > PH_JSON_UINT_MAX ||
        receipt->path_len > PH_MERKLE_PATH_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(add_leaf(&text, &f));
    PH_TRY(ph_buf_addf(&text, "\"},\"batch\":{\"index\":%u,\"count\":%u,\"path\":[", receipt->index,
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
struct scan {
    struct ph_jdoc doc;
    char *why; /* 128 bytes */
};

static bool wrong(const struct scan *s, const char *path, const char *key, const char *expected)
{
    (void)snprintf(s->why, 128, "receipt: %s%s: expected %s", path, key, expected);
    return false;
}

static bool get_object(const struct scan *s, const char *key, uint32_t cnt, uint32_t *out)
{
    const uint32_t tok = ph_jscan_get(&s->doc, 0, key);
    if (tok == 0 || s->doc.toks[tok].type != PH_JOBJECT || s->doc.toks[tok].cnt != cnt)
        return wrong(s, "", key, "an object with exactly the members of " PH_RECEIPT_FORMAT);
    *out = tok;
    return true;
}

static bool get_hex(const struct scan *s, uint32_t object, const char *path, const char *key,
                    uint8_t *out, size_t len)
{
    const uint32_t tok = ph_jscan_get(&s->doc, object, key);
    struct ph_bytes text;
    char expected[32];

    if (tok != 0 && ph_jscan_str(&s->doc, tok, &text) == PH_OK &&
        ph_hex_decode(text, out, len) == PH_OK)
        return true;
    (void)snprintf(expected, sizeof(expected), "%zu hex digits", 2 * len);
    return wrong(s, path, key, expected);
}

static bool get_uint(const struct scan *s, uint32_t object, const char *path, const char *key,
                     uint64_t min, uint64_t max, uint64_t *out)
{
    const uint32_t tok = ph_jscan_get(&s->doc, object, key);
    char expected[80];

    if (tok != 0 && ph_jscan_u64(&s->doc, tok, out) == PH_OK && *out >= min && *out <= max)
        return true;
    (void)snprintf(expected, sizeof(expected), "an integer from %llu to %llu",
                   (unsigned long long)min, (unsigned long long)max);
    return wrong(s, path, key, expected);
}

static bool get_leaf(const struct scan *s, uint32_t leaf, struct ph_receipt_leaf *out)
{
    static const char path[] = "leaf.";
    struct ph_receipt_fields f;
    struct ph_bytes text;
    uint64_t version, status;

    const uint32_t tok = ph_jscan_get(&s->doc, leaf, "outcome");
    uint8_t outcome = 0;
    if (tok == 0 || ph_jscan_str(&s->doc, tok, &text) != PH_OK)
        return wrong(s, path, "outcome", "\"answered\", \"failed\" or \"cut\"");
    while (outcome < PH_LEN(outcomes) && !ph_bytes_is(text, outcomes[outcome]))
        outcome++;
    if (outcome == PH_LEN(outcomes))
        return wrong(s, path, "outcome", "\"answered\", \"failed\" or \"cut\"");

    if (!get_uint(s, leaf, path, "version", 1, 1, &version) ||
        !get_uint(s, leaf, path, "status", 100, 999, &status) ||
        !get_hex(s, leaf, path, "phat", f.phat.b, 20) ||
        !get_hex(s, leaf, path, "bundle_hash", f.bundle_hash.b, 32) ||
        !get_hex(s, leaf, path, "request_hash", f.request_hash.b, 32) ||
        !get_hex(s, leaf, path, "response_hash", f.response_hash.b, 32) ||
        !get_hex(s, leaf, path, "nonce", f.nonce.b, 32) ||
        !get_uint(s, leaf, path, "time_ms", 0, PH_JSON_UINT_MAX, &f.time_ms) ||
        !get_uint(s, leaf, path, "commit_index", 0, PH_JSON_UINT_MAX, &f.commit_index) ||
        !get_hex(s, leaf, path, "state_root", f.state_root.b, 32))
        return false;
    f.version = (uint8_t)version;
    f.outcome = outcome;
    f.status = (uint16_t)status;
    ph_receipt_fields_leaf(&f, out);
    return true;
}

static bool get_path(const struct scan *s, uint32_t batch, struct ph_receipt *out)
{
    const uint32_t path = ph_jscan_get(&s->doc, batch, "path");
    const size_t want = ph_merkle_path_len(out->index, out->count);

    if (path == 0 || s->doc.toks[path].type != PH_JARRAY || s->doc.toks[path].cnt != want)
        return wrong(s, "batch.", "path", "an array of as many hashes as index and count ask for");
    uint32_t tok = ph_jscan_first(path);
    for (size_t i = 0; i < want; i++, tok = s->doc.toks[tok].next) {
        struct ph_bytes text;
        if (ph_jscan_str(&s->doc, tok, &text) != PH_OK ||
            ph_hex_decode(text, out->path[i].b, 32) != PH_OK)
            return wrong(s, "batch.", "path", "hashes of 64 hex digits");
    }
    out->path_len = want;
    return true;
}

static bool get_batch(const struct scan *s, uint32_t batch, struct ph_receipt *out)
{
    static const char path[] = "batch.";
    uint64_t index, count;

    if (!get_uint(s, batch, path, "count", 1, PH_RECEIPT_BATCH_MAX, &count) ||
        !get_uint(s, batch, path, "index", 0, count - 1, &index) ||
        !get_uint(s, batch, path, "time_ms", 0, PH_JSON_UINT_MAX, &out->batch_time_ms) ||
        !get_hex(s, batch, path, "signature", out->sig, sizeof(out->sig)))
        return false;
    out->index = (uint32_t)index;
    out->count = (uint32_t)count;
    return get_path(s, batch, out);
}

enum ph_err ph_receipt_from_json(struct ph_bytes text, struct ph_receipt *out, char why[static 128])
{
    struct ph_jtok toks[TOK_MAX];
    struct scan s = {.why = why};
    struct ph_bytes format;
    struct ph_receipt got = {0};
    uint32_t leaf, batch;

    if (text.len > PH_RECEIPT_JSON_MAX) {
        (void)snprintf(why, 128, "receipt: longer than %d bytes", PH_RECEIPT_JSON_MAX);
        return PH_ERR_LIMIT;
    }
    if (ph_jscan(text, toks, PH_LEN(toks), &s.doc) != PH_OK || s.doc.toks[0].type != PH_JOBJECT ||
        s.doc.toks[0].cnt != TOP_CNT) {
        (void)snprintf(why, 128, "receipt: expected one JSON object with format, leaf and batch");
        return PH_ERR_MALFORMED;
    }
    const uint32_t tok = ph_jscan_get(&s.doc, 0, "format");
    if (tok == 0 || ph_jscan_str(&s.doc, tok, &format) != PH_OK ||
        !ph_bytes_is(format, PH_RECEIPT_FORMAT)) {
        (void)wrong(&s, "", "format", "\"" PH_RECEIPT_FORMAT "\"");
        return PH_ERR_UNSUPPORTED;
    }
    if (!get_object(&s, "leaf", LEAF_CNT, &leaf) || !get_object(&s, "batch", BATCH_CNT, &batch) ||
        !get_leaf(&s, leaf, &got.leaf) || !get_batch(&s, batch, &got))
        return PH_ERR_MALFORMED;
    *out = got;
    return PH_OK;
}
