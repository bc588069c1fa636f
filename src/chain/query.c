#include "chain/query.h"

#include "base/hex.h"
#include "base/own.h"
#include "chain/eth.h"
#include "chain/u256.h"
#include "codec/jput.h"
#include "codec/jread.h"

#include <inttypes.h>

enum { TOKS = 512, HEX_TEXT_MAX = 2 + 2 * PH_QUERY_DATA_MAX };

void ph_query_clear(struct ph_query *q)
{
    ph_buf_clear(&q->params);
}

/* --- the question ---------------------------------------------------------------------------- */

struct form {
    const struct ph_jdoc *doc;
    uint64_t final_number;
    struct ph_query *q;
    struct ph_json_why *why;
};

static enum ph_err put(struct form *f, const char *text)
{
    return ph_buf_add_str(&f->q->params, text);
}

/* "0x…" of exactly this many bytes, from a value that is that. */
static enum ph_err put_hex(struct form *f, uint32_t tok, size_t len, const char *key)
{
    uint8_t bytes[32];
    char text[65];
    struct ph_bytes chars;

    if (ph_jscan_str(f->doc, tok, &chars) != PH_OK || chars.len != 2 + 2 * len ||
        memcmp(chars.ptr, "0x", 2) != 0 || ph_hex_decode(chars, bytes, len) != PH_OK)
        return ph_jread_bad(f->why, "", key, len == 20 ? "is no address 0x…" : "is no topic 0x…");
    ph_hex_encode((struct ph_bytes){bytes, len}, text);
    return ph_buf_addf(&f->q->params, "\"0x%s\"", text);
}

static enum ph_err need(struct form *f, const char *key, uint32_t *out)
{
    *out = ph_jscan_get(f->doc, 0, key);
    return *out > 0 ? PH_OK : ph_jread_bad(f->why, "", key, "is missing");
}

static enum ph_err put_data(struct form *f)
{
    struct ph_bytes text = {(const uint8_t *)"0x", 2};

    PH_TRY(ph_jread_str(f->doc, 0, "", "data", 2, HEX_TEXT_MAX, &text, f->why));
    bool good = text.len % 2 == 0 && memcmp(text.ptr, "0x", 2) == 0;
    for (size_t i = 2; good && i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    if (!good)
        return ph_jread_bad(f->why, "", "data", "is no bytes 0x…");
    PH_TRY(put(f, ",\"data\":\""));
    PH_TRY(ph_buf_add(&f->q->params, text));
    return put(f, "\"");
}

/* A block that is final; the newest one unless it is named. */
static enum ph_err read_block(struct form *f, const char *key, uint64_t otherwise, uint64_t *out)
{
    *out = otherwise;
    return ph_jread_int(f->doc, 0, "", key, 0, f->final_number, out, f->why);
}

static enum ph_err put_block(struct form *f)
{
    PH_TRY(read_block(f, "block", f->final_number, &f->q->to_block));
    return ph_buf_addf(&f->q->params, "\"0x%" PRIx64 "\"", f->q->to_block);
}

static enum ph_err read_block_question(struct form *f)
{
    static const char *const keys[] = {"ask", "block", NULL};

    f->q->kind = PH_QUERY_BLOCK;
    f->q->method = "eth_getBlockByNumber";
    f->q->members = ph_eth_block_members;
    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(put(f, "["));
    PH_TRY(put_block(f));
    return put(f, ",false]");
}

static enum ph_err read_call(struct form *f)
{
    static const char *const keys[] = {"ask", "to", "data", "from", "block", NULL};
    const uint32_t from = ph_jscan_get(f->doc, 0, "from");
    uint32_t to;

    f->q->kind = PH_QUERY_CALL;
    f->q->method = "eth_call";
    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(need(f, "to", &to));
    PH_TRY(put(f, "[{\"to\":"));
    PH_TRY(put_hex(f, to, 20, "to"));
    PH_TRY(put_data(f));
    if (from > 0) {
        PH_TRY(put(f, ",\"from\":"));
        PH_TRY(put_hex(f, from, 20, "from"));
    }
    PH_TRY(put(f, "},"));
    PH_TRY(put_block(f));
    return put(f, "]");
}

static enum ph_err read_balance(struct form *f)
{
    static const char *const keys[] = {"ask", "of", "block", NULL};
    uint32_t of;

    f->q->kind = PH_QUERY_BALANCE;
    f->q->method = "eth_getBalance";
    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(need(f, "of", &of));
    PH_TRY(put(f, "["));
    PH_TRY(put_hex(f, of, 20, "of"));
    PH_TRY(put(f, ","));
    PH_TRY(put_block(f));
    return put(f, "]");
}

/* A list of values of `len` bytes, at least one and at most `max`. */
static enum ph_err put_list(struct form *f, uint32_t tok, size_t len, uint32_t max, const char *key)
{
    const struct ph_jtok *toks = f->doc->toks;
    const uint32_t first = ph_jscan_first(tok);

    if (toks[tok].cnt == 0 || toks[tok].cnt > max)
        return ph_jread_bad(f->why, "", key, "has none, or too many");
    PH_TRY(put(f, "["));
    for (uint32_t i = first; i < toks[tok].next; i = toks[i].next) {
        if (i != first)
            PH_TRY(put(f, ","));
        PH_TRY(put_hex(f, i, len, key));
    }
    return put(f, "]");
}

static enum ph_err put_topics(struct form *f)
{
    const struct ph_jtok *toks = f->doc->toks;
    uint32_t topics = 0;

    PH_TRY(ph_jread_array(f->doc, 0, "", "topics", PH_ETH_TOPICS_MAX, &topics, f->why));
    PH_TRY(put(f, ",\"topics\":["));
    if (topics > 0)
        for (uint32_t i = ph_jscan_first(topics); i < toks[topics].next; i = toks[i].next) {
            if (i != ph_jscan_first(topics))
                PH_TRY(put(f, ","));
            if (toks[i].type == PH_JNULL)
                PH_TRY(put(f, "null"));
            else if (toks[i].type == PH_JARRAY)
                PH_TRY(put_list(f, i, 32, PH_QUERY_TOPICS_MAX, "topics"));
            else
                PH_TRY(put_hex(f, i, 32, "topics"));
        }
    return put(f, "]");
}

static enum ph_err read_logs(struct form *f)
{
    static const char *const keys[] = {"ask", "address", "topics", "from", "to", NULL};
    uint32_t addresses = 0, from;

    f->q->kind = PH_QUERY_LOGS;
    f->q->method = "eth_getLogs";
    f->q->members = ph_eth_log_members;
    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(ph_jread_array(f->doc, 0, "", "address", PH_QUERY_ADDRESSES_MAX, &addresses, f->why));
    if (addresses == 0)
        return ph_jread_bad(f->why, "", "address", "is missing");
    PH_TRY(need(f, "from", &from));
    PH_TRY(read_block(f, "from", 0, &f->q->from_block));
    PH_TRY(read_block(f, "to", f->final_number, &f->q->to_block));
    if (f->q->to_block < f->q->from_block || f->q->to_block - f->q->from_block >= PH_QUERY_SPAN_MAX)
        return ph_jread_bad(f->why, "", "to", "is before from, or more than 2,000 blocks after it");
    PH_TRY(put(f, "[{\"address\":"));
    PH_TRY(put_list(f, addresses, 20, PH_QUERY_ADDRESSES_MAX, "address"));
    PH_TRY(put_topics(f));
    return ph_buf_addf(&f->q->params,
                       ",\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64 "\"}]",
                       f->q->from_block, f->q->to_block);
}

enum ph_err ph_query_parse(struct ph_bytes text, uint64_t final_number, struct ph_query *out,
                           struct ph_json_why *why)
{
    static const struct {
        const char *name;
        enum ph_err (*read)(struct form *f);
    } asks[] = {{"block", read_block_question},
                {"call", read_call},
                {"balance", read_balance},
                {"logs", read_logs}};
    struct ph_query q = {.params = PH_BUF(2 * PH_QUERY_TEXT_MAX)};
    struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;
    struct ph_bytes ask = {0};

    PH_TRY(ph_jread_open(text, PH_QUERY_TEXT_MAX, toks, TOKS, &doc, why));
    PH_TRY(ph_jread_str(&doc, 0, "", "ask", 1, 16, &ask, why));
    struct form f = {&doc, final_number, &q, why};
    for (size_t i = 0; i < PH_LEN(asks); i++) {
        if (!ph_bytes_is(ask, asks[i].name))
            continue;
        const enum ph_err err = asks[i].read(&f);
        if (err != PH_OK) {
            ph_query_clear(&q);
            return err;
        }
        *out = q;
        return PH_OK;
    }
    return ph_jread_bad(why, "", "ask", "is none of block, call, balance, logs");
}

/* --- the answer ------------------------------------------------------------------------------ */

static void put_0x(struct ph_jput *j, const char *key, struct ph_bytes bytes)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_ETH_LOGS_DATA_MAX + 3);
    char piece[2 * 64 + 1];
    enum ph_err err = ph_buf_add_str(&text, "0x");

    for (size_t at = 0; err == PH_OK && at < bytes.len; at += 64) {
        const size_t n = bytes.len - at < 64 ? bytes.len - at : 64;
        ph_hex_encode((struct ph_bytes){bytes.ptr + at, n}, piece);
        err = ph_buf_add_str(&text, piece);
    }
    if (err != PH_OK && j->err == PH_OK)
        j->err = err;
    ph_jput_text(j, key, ph_buf_view(&text));
}

static enum ph_err put_block_answer(const struct ph_rpc_answer *answer, struct ph_jput *j)
{
    struct ph_eth_block b;

    PH_TRY(ph_eth_block_parse(answer->doc, answer->result, &b));
    ph_jput_object(j, "ok");
    ph_jput_int(j, "number", (int64_t)b.number);
    put_0x(j, "hash", PH_BYTES_OF(b.hash.b));
    put_0x(j, "parent", PH_BYTES_OF(b.parent.b));
    ph_jput_int(j, "timestamp", (int64_t)b.timestamp);
    ph_jput_close(j);
    return PH_OK;
}

static void put_log(struct ph_jput *j, const struct ph_eth_log *log)
{
    ph_jput_object(j, NULL);
    put_0x(j, "address", PH_BYTES_OF(log->address.b));
    ph_jput_array(j, "topics");
    for (size_t i = 0; i < log->topic_cnt; i++)
        put_0x(j, NULL, PH_BYTES_OF(log->topics[i].b));
    ph_jput_close(j);
    put_0x(j, "data", log->data);
    ph_jput_int(j, "blockNumber", (int64_t)log->block_number);
    put_0x(j, "blockHash", PH_BYTES_OF(log->block_hash.b));
    put_0x(j, "transactionHash", PH_BYTES_OF(log->tx_hash.b));
    ph_jput_int(j, "logIndex", (int64_t)log->index);
    ph_jput_close(j);
}

static enum ph_err put_logs_answer(const struct ph_query *q, const struct ph_rpc_answer *answer,
                                   struct ph_jput *j)
{
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {0};

    PH_TRY(ph_eth_logs_parse(answer->doc, answer->result, q->from_block, q->to_block, &logs));
    ph_jput_array(j, "ok");
    for (size_t i = 0; i < logs.cnt; i++)
        put_log(j, &logs.at[i]);
    ph_jput_close(j);
    return PH_OK;
}

static enum ph_err put_result(const struct ph_query *q, const struct ph_rpc_answer *answer,
                              struct ph_jput *j)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUERY_ANSWER_MAX);
    char decimal[PH_U256_DECIMAL_LEN];
    struct ph_bytes text;
    struct ph_u256 wei;

    switch (q->kind) {
    case PH_QUERY_BLOCK:
        return put_block_answer(answer, j);
    case PH_QUERY_LOGS:
        return put_logs_answer(q, answer, j);
    case PH_QUERY_CALL:
        PH_TRY(ph_rpc_data(answer->doc, answer->result, &bytes));
        put_0x(j, "ok", ph_buf_view(&bytes));
        return PH_OK;
    case PH_QUERY_BALANCE:
        PH_TRY(ph_jscan_str(answer->doc, answer->result, &text));
        PH_TRY(ph_u256_parse_quantity(text, &wei));
        ph_u256_format_decimal(&wei, decimal);
        ph_jput_str(j, "ok", decimal);
        return PH_OK;
    }
    return PH_ERR_MALFORMED;
}

/* Nodes agree on the data of an error alone; their words differ. */
static void put_error(const struct ph_rpc_answer *answer, struct ph_jput *j)
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_RPC_REVERT_DATA_MAX);
    const bool reverted = ph_rpc_data_of(answer->data, &data) == PH_OK && data.len > 0;

    ph_jput_object(j, "error");
    ph_jput_str(j, "code", reverted ? "reverted" : "node");
    ph_jput_str(j, "message",
                reverted ? "the call was reverted"
                         : "nodes refuse the question, or it was reverted");
    put_0x(j, "data", reverted ? ph_buf_view(&data) : (struct ph_bytes){NULL, 0});
    ph_jput_close(j);
}

enum ph_err ph_query_answer(const struct ph_query *q, const struct ph_rpc_answer *answer,
                            struct ph_buf *out)
{
    struct ph_jput j = {.out = out};

    ph_jput_object(&j, NULL);
    if (answer->is_error)
        put_error(answer, &j);
    else
        PH_TRY(put_result(q, answer, &j));
    ph_jput_close(&j);
    return ph_jput_end(&j);
}
