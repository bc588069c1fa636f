#include "chain/rpc_message.h"

#include "base/own.h"

/* Under every ticket's ids. */
enum { SUBSCRIBE_ID = 1 };

enum ph_err ph_rpc_put_subscribe(struct ph_buf *out)
{
    return ph_buf_addf(out,
                       "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"eth_subscribe\","
                       "\"params\":[\"newHeads\"]}",
                       SUBSCRIBE_ID);
}

static enum ph_err read_id(const struct ph_jdoc *doc, uint32_t object, uint64_t *out)
{
    const uint32_t tok = doc->toks[object].type == PH_JOBJECT ? ph_jscan_get(doc, object, "id") : 0;

    return tok != 0 ? ph_jscan_u64(doc, tok, out) : PH_ERR_MALFORMED;
}

static enum ph_err read_answers(const struct ph_jdoc *doc, struct ph_rpc_message *out)
{
    uint64_t id;

    if (doc->toks[0].cnt == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(read_id(doc, ph_jscan_first(0), &id));
    if (id < PH_RPC_IDS_A_TICKET)
        return PH_ERR_MALFORMED;
    *out = (struct ph_rpc_message){PH_RPC_MESSAGE_ANSWERS, id / PH_RPC_IDS_A_TICKET};
    return PH_OK;
}

static enum ph_err read_one(const struct ph_jdoc *doc, struct ph_rpc_message *out)
{
    const uint32_t method = ph_jscan_get(doc, 0, "method");
    struct ph_bytes name;
    uint64_t id;

    if (method == 0) {
        PH_TRY(read_id(doc, 0, &id));
        if (id != SUBSCRIBE_ID)
            return PH_ERR_MALFORMED;
        *out = (struct ph_rpc_message){.kind = PH_RPC_MESSAGE_SUBSCRIBED};
        return PH_OK;
    }
    PH_TRY(ph_jscan_str(doc, method, &name));
    if (!ph_bytes_is(name, "eth_subscription"))
        return PH_ERR_MALFORMED;
    *out = (struct ph_rpc_message){.kind = PH_RPC_MESSAGE_NEWS};
    return PH_OK;
}

enum ph_err ph_rpc_message_read(struct ph_bytes text, struct ph_rpc_message *out)
{
    struct ph_rpc_batch scanned PH_OWNED(ph_rpc_batch_clear) = {0};

    PH_TRY(ph_rpc_scan(text, &scanned));
    if (scanned.doc.toks[0].type == PH_JARRAY)
        return read_answers(&scanned.doc, out);
    return scanned.doc.toks[0].type == PH_JOBJECT ? read_one(&scanned.doc, out) : PH_ERR_MALFORMED;
}
