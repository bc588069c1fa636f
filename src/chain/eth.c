#include "chain/eth.h"

#include "base/own.h"
#include "codec/jread.h"

#include <stdlib.h>

const char *const ph_eth_block_members[] = {"number",    "hash",          "parentHash",
                                            "timestamp", "baseFeePerGas", NULL};
const char *const ph_eth_log_members[] = {"address",   "topics",          "data",     "blockNumber",
                                          "blockHash", "transactionHash", "logIndex", NULL};
const char *const ph_eth_receipt_members[] = {"transactionHash", "blockHash", "blockNumber",
                                              "status",          "gasUsed",   NULL};

static enum ph_err object_at(const struct ph_jdoc *doc, uint32_t tok)
{
    if (doc->toks[tok].type == PH_JNULL)
        return PH_ERR_NOT_FOUND;
    return doc->toks[tok].type == PH_JOBJECT ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err quantity(const struct ph_jdoc *doc, uint32_t object, const char *key,
                            uint64_t *out)
{
    return ph_rpc_quantity(doc, ph_jscan_get(doc, object, key), out);
}

static enum ph_err fixed(const struct ph_jdoc *doc, uint32_t object, const char *key, uint8_t *out,
                         size_t len)
{
    struct ph_json_why why;
    bool present = false;

    PH_TRY(ph_jread_hex_0x(doc, object, "", key, out, len, &present, &why));
    return present ? PH_OK : PH_ERR_MALFORMED;
}

enum ph_err ph_eth_block_parse(const struct ph_jdoc *doc, uint32_t tok, struct ph_eth_block *out)
{
    struct ph_eth_block block = {0};

    PH_TRY(object_at(doc, tok));
    PH_TRY(quantity(doc, tok, "number", &block.number));
    PH_TRY(quantity(doc, tok, "timestamp", &block.timestamp));
    PH_TRY(fixed(doc, tok, "hash", block.hash.b, sizeof(block.hash.b)));
    PH_TRY(fixed(doc, tok, "parentHash", block.parent.b, sizeof(block.parent.b)));
    if (ph_jscan_get(doc, tok, "baseFeePerGas") != 0)
        PH_TRY(quantity(doc, tok, "baseFeePerGas", &block.base_fee));
    *out = block;
    return PH_OK;
}

enum ph_err ph_eth_receipt_parse(const struct ph_jdoc *doc, uint32_t tok,
                                 struct ph_eth_receipt *out)
{
    struct ph_eth_receipt receipt = {0};
    uint64_t status;

    PH_TRY(object_at(doc, tok));
    PH_TRY(fixed(doc, tok, "transactionHash", receipt.tx_hash.b, sizeof(receipt.tx_hash.b)));
    PH_TRY(fixed(doc, tok, "blockHash", receipt.block_hash.b, sizeof(receipt.block_hash.b)));
    PH_TRY(quantity(doc, tok, "blockNumber", &receipt.block_number));
    PH_TRY(quantity(doc, tok, "gasUsed", &receipt.gas_used));
    PH_TRY(quantity(doc, tok, "status", &status));
    if (status > 1)
        return PH_ERR_MALFORMED;
    receipt.ok = status == 1;
    *out = receipt;
    return PH_OK;
}

void ph_eth_logs_clear(struct ph_eth_logs *logs)
{
    free(logs->at);
    ph_buf_clear(&logs->data);
    *logs = (struct ph_eth_logs){0};
}

static enum ph_err read_topics(const struct ph_jdoc *doc, uint32_t log_tok, struct ph_eth_log *log)
{
    const uint32_t topics = ph_jscan_get(doc, log_tok, "topics");

    if (topics == 0 || doc->toks[topics].type != PH_JARRAY ||
        doc->toks[topics].cnt > PH_ETH_TOPICS_MAX)
        return PH_ERR_MALFORMED;
    for (uint32_t t = ph_jscan_first(topics); ph_jread_in(doc, topics, t); t = doc->toks[t].next) {
        struct ph_buf topic PH_OWNED(ph_buf_clear) = PH_BUF(32);
        PH_TRY(ph_rpc_data(doc, t, &topic));
        if (topic.len != 32)
            return PH_ERR_MALFORMED;
        memcpy(log->topics[log->topic_cnt++].b, topic.ptr, 32);
    }
    return PH_OK;
}

static enum ph_err read_log(const struct ph_jdoc *doc, uint32_t tok, struct ph_eth_log *log,
                            struct ph_buf *data)
{
    bool removed = false;
    struct ph_json_why why;
    const size_t before = data->len;

    if (doc->toks[tok].type != PH_JOBJECT)
        return PH_ERR_MALFORMED;
    PH_TRY(fixed(doc, tok, "address", log->address.b, sizeof(log->address.b)));
    PH_TRY(fixed(doc, tok, "blockHash", log->block_hash.b, sizeof(log->block_hash.b)));
    PH_TRY(fixed(doc, tok, "transactionHash", log->tx_hash.b, sizeof(log->tx_hash.b)));
    PH_TRY(quantity(doc, tok, "blockNumber", &log->block_number));
    PH_TRY(quantity(doc, tok, "logIndex", &log->index));
    PH_TRY(ph_jread_bool(doc, tok, "", "removed", &removed, &why));
    PH_TRY(read_topics(doc, tok, log));
    const uint32_t data_tok = ph_jscan_get(doc, tok, "data");
    if (removed || data_tok == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_rpc_data(doc, data_tok, data));
    log->data.len = data->len - before;
    return PH_OK;
}

/* In order, so none twice; inside of what was asked for. */
static bool in_place(const struct ph_eth_log *log, const struct ph_eth_log *before, uint64_t from,
                     uint64_t to)
{
    if (log->block_number < from || log->block_number > to)
        return false;
    return !before || before->block_number < log->block_number ||
           (before->block_number == log->block_number && before->index < log->index);
}

static enum ph_err read_logs(const struct ph_jdoc *doc, uint32_t tok, uint64_t from, uint64_t to,
                             struct ph_eth_logs *logs)
{
    for (uint32_t t = ph_jscan_first(tok); ph_jread_in(doc, tok, t); t = doc->toks[t].next) {
        struct ph_eth_log *log = &logs->at[logs->cnt];
        PH_TRY(read_log(doc, t, log, &logs->data));
        if (!in_place(log, logs->cnt > 0 ? log - 1 : NULL, from, to))
            return PH_ERR_MALFORMED;
        logs->cnt++;
    }
    return PH_OK;
}

enum ph_err ph_eth_logs_parse(const struct ph_jdoc *doc, uint32_t tok, uint64_t from_block,
                              uint64_t to_block, struct ph_eth_logs *out)
{
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {.data = PH_BUF(PH_ETH_LOGS_DATA_MAX)};
    size_t at = 0;

    if (doc->toks[tok].type != PH_JARRAY)
        return PH_ERR_MALFORMED;
    if (doc->toks[tok].cnt > PH_ETH_LOGS_MAX)
        return PH_ERR_LIMIT;
    logs.at = calloc((size_t)doc->toks[tok].cnt + 1, sizeof(*logs.at));
    if (!logs.at)
        return PH_ERR_NOMEM;
    PH_TRY(read_logs(doc, tok, from_block, to_block, &logs));
    for (size_t i = 0; i < logs.cnt; i++) { /* the buffer does not move any more */
        logs.at[i].data.ptr = logs.at[i].data.len > 0 ? logs.data.ptr + at : NULL;
        at += logs.at[i].data.len;
    }
    *out = logs;
    logs = (struct ph_eth_logs){0};
    return PH_OK;
}
