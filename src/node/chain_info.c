#include "node/chain_info.h"

#include "base/hex.h"
#include "node/chain_worker.h"

static json_t *address_json(const struct ph_eth_address *address)
{
    char text[2 + 40 + 1] = "0x";

    ph_hex_encode(PH_BYTES_OF(address->b), text + 2);
    return json_string(text);
}

static json_t *second_json(const struct ph_chain_registration *r, enum ph_worker_key is)
{
    return r->second_is == is ? address_json(&r->second) : json_null();
}

static json_t *registration_json(const struct ph_chain_status *s)
{
    const struct ph_chain_registration *r = &s->registration;
    char id[2 + 64 + 1] = "0x";

    if (!s->registers)
        return json_null();
    ph_hex_encode(PH_BYTES_OF(r->id.b), id + 2);
    return json_pack("{s:s, s:b, s:s, s:I, s:s, s:o, s:o}", "state",
                     r->known ? ph_worker_state_name(r->state) : "unknown", "live", r->live, "id",
                     id, "lease_until", (json_int_t)r->lease_until, "why", r->why, "next_signer",
                     second_json(r, PH_WORKER_KEY_NEXT), "previous_signer",
                     second_json(r, PH_WORKER_KEY_PREVIOUS));
}

json_t *ph_chain_registration_info(const struct ph_node *node)
{
    struct ph_chain_status s;

    if (!node->chain)
        return json_null();
    ph_chain_worker_status(node->chain, &s);
    return registration_json(&s);
}

json_t *ph_chain_info(const struct ph_node *node)
{
    struct ph_chain_status s;

    if (!node->chain)
        return json_null();
    const struct ph_network *net = ph_chain_worker_network(node->chain);
    ph_chain_worker_status(node->chain, &s);
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:i, s:o}", "chain_id",
                     (json_int_t)net->chain_id, "registry", address_json(&net->registry), "anchor",
                     address_json(&net->anchor), "account", address_json(&s.account), "head",
                     (json_int_t)s.head, "final", (json_int_t)s.final_number, "requests",
                     (int)s.requests, "registration", registration_json(&s));
}

void ph_chain_count(const struct ph_node *node, struct ph_metrics *metrics)
{
    struct ph_chain_status s;

    if (!node->chain)
        return;
    ph_chain_worker_status(node->chain, &s);
    const struct ph_chain_registration *r = &s.registration;
    metrics->chain_live = r->live;
    metrics->chain_lease_s = r->lease_until > r->time ? r->lease_until - r->time : 0;
    metrics->chain_requests = s.requests;
    metrics->chain_transactions = s.transactions;
    metrics->chain_refused = r->refused_cnt;
}
