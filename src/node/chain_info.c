#include "node/chain_info.h"

#include "base/hex.h"
#include "node/chain_worker.h"

static json_t *address_json(const struct ph_eth_address *address)
{
    char text[2 + 40 + 1] = "0x";

    ph_hex_encode(PH_BYTES_OF(address->b), text + 2);
    return json_string(text);
}

json_t *ph_chain_info(const struct ph_node *node)
{
    struct ph_chain_status s;

    if (!node->chain)
        return json_null();
    const struct ph_network *net = ph_chain_worker_network(node->chain);
    ph_chain_worker_status(node->chain, &s);
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:i}", "chain_id", (json_int_t)net->chain_id,
                     "registry", address_json(&net->registry), "anchor", address_json(&net->anchor),
                     "account", address_json(&s.account), "head", (json_int_t)s.head, "final",
                     (json_int_t)s.final_number, "requests", (int)s.requests);
}
