#include "chain/tx_policy.h"

#include "contracts_abi.h"

#include <stdio.h>

static enum ph_err refuse(char why[static PH_TX_POLICY_WHY_LEN], const char *what)
{
    (void)snprintf(why, PH_TX_POLICY_WHY_LEN, "transaction: %s", what);
    return PH_ERR_UNTRUSTED;
}

/* What a worker sends, and to which contract. */
static const struct {
    size_t to; /* offset of the address in struct ph_network */
    const struct ph_abi_call *call;
} messages[] = {
    {offsetof(struct ph_network, anchor), &ph_abi_phat_anchor_fulfill},
    {offsetof(struct ph_network, anchor), &ph_abi_phat_anchor_propose},
    {offsetof(struct ph_network, beacon), &ph_abi_epoch_beacon_roll},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_register},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_renew},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_rotate_key},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_attach},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_rest},
    {offsetof(struct ph_network, registry), &ph_abi_worker_registry_wake},
    {offsetof(struct ph_network, intel_collateral), &ph_abi_intel_collateral_add_pck},
};

static bool is_known(const struct ph_network *net, const struct ph_tx *tx)
{
    static const struct ph_eth_address unnamed;

    if (memcmp(tx->to.b, unnamed.b, sizeof(unnamed.b)) == 0)
        return false;
    for (size_t i = 0; i < PH_LEN(messages); i++) {
        const uint8_t *to = (const uint8_t *)net + messages[i].to;
        if (memcmp(to, tx->to.b, sizeof(tx->to.b)) == 0 && tx->data.len >= 4 &&
            memcmp(messages[i].call->selector, tx->data.ptr, 4) == 0)
            return true;
    }
    return false;
}

static enum ph_err spend(const struct ph_network *net, const struct ph_tx *tx, int64_t now_s,
                         struct ph_tx_budget *budget, char why[static PH_TX_POLICY_WHY_LEN])
{
    const struct ph_u256 cost = ph_u256_product(tx->gas, tx->max_fee);
    struct ph_tx_budget after = *budget;

    if (after.day != now_s / 86400)
        after = (struct ph_tx_budget){.day = now_s / 86400};
    if (ph_u256_add(&after.spent, &cost, &after.spent) != PH_OK ||
        ph_u256_cmp(&after.spent, &net->max_wei_per_day) > 0)
        return refuse(why, "the day's budget for gas is spent");
    *budget = after;
    return PH_OK;
}

enum ph_err ph_tx_policy_check(const struct ph_network *net, struct ph_bytes unsigned_tx,
                               int64_t now_s, struct ph_tx_budget *budget,
                               char why[static PH_TX_POLICY_WHY_LEN])
{
    static const struct ph_u256 zero;
    struct ph_tx tx;

    (void)snprintf(why, PH_TX_POLICY_WHY_LEN, "transaction: not of type 2, or not whole");
    PH_TRY(ph_tx_parse(unsigned_tx, &tx));
    if (tx.chain_id != net->chain_id)
        return refuse(why, "for another chain");
    if (tx.creates || !is_known(net, &tx))
        return refuse(why, "not a message that a worker sends to its network");
    if (ph_u256_cmp(&tx.value, &zero) != 0)
        return refuse(why, "it moves value");
    if (tx.gas > net->max_gas || tx.max_fee > net->max_fee || tx.max_priority_fee > tx.max_fee)
        return refuse(why, "gas or fee is over the limit");
    return spend(net, &tx, now_s, budget, why);
}
