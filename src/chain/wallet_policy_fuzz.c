/* Any text as a phat.json: what is taken is within its bounds, and a second reading takes the
 * same. */

#include "chain/wallet_policy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_wallet_policy p;
    struct ph_wallet_policy again = {0};
    struct ph_json_why why = {""};
    bool present = false;

    if (ph_wallet_policy_parse((struct ph_bytes){data, len}, &p, &present, &why) != PH_OK ||
        !present)
        return 0;
    assert(p.contract_cnt <= PH_WALLET_CONTRACTS_MAX && p.max_gas <= 1 << 24);
    for (size_t i = 0; i < p.contract_cnt; i++)
        assert(p.contracts[i].selector_cnt <= PH_WALLET_SELECTORS_MAX);
    assert(ph_wallet_policy_parse((struct ph_bytes){data, len}, &again, &present, &why) == PH_OK);
    assert(again.chain_id == p.chain_id && again.contract_cnt == p.contract_cnt);
    assert(ph_u256_cmp(&again.max_value_per_day, &p.max_value_per_day) == 0);
    return 0;
}
