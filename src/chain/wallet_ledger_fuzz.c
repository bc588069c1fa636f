/* Any bytes as a ledger, and any as a transaction: what is signed is within the policy, and
 * counted.
 */

#include "chain/wallet_ledger.h"

#include "chain/test_wallet.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_wallet_policy policy;
    const struct ph_bytes all = {data, len};
    struct ph_wallet_ledger ledger = {0}, before;
    char why[PH_WALLET_WHY_LEN];
    struct ph_json_why reason;
    struct ph_bytes raw = all;
    bool present;

    if (policy.chain_id == 0 && ph_wallet_policy_parse(ph_bytes_str(TEST_WALLET_MANIFEST), &policy,
                                                       &present, &reason) != PH_OK)
        abort();
    if (len > PH_WALLET_LEDGER_LEN &&
        ph_wallet_ledger_decode((struct ph_bytes){data, PH_WALLET_LEDGER_LEN}, &ledger) == PH_OK)
        raw = (struct ph_bytes){data + PH_WALLET_LEDGER_LEN, len - PH_WALLET_LEDGER_LEN};
    before = ledger;
    if (ph_wallet_judge(&policy, raw, 1800000000, &ledger, why) != PH_OK) {
        assert(memcmp(&before, &ledger, sizeof(before)) == 0);
        return 0;
    }
    struct ph_tx tx;
    assert(ph_tx_parse(raw, &tx) == PH_OK && !tx.creates && tx.chain_id == policy.chain_id);
    assert(ph_u256_cmp(&tx.value, &policy.max_value) <= 0 && tx.gas <= policy.max_gas);
    assert(tx.max_fee <= policy.max_fee && tx.nonce < ledger.next_nonce);
    assert(ledger.next_nonce >= before.next_nonce && ledger.day >= before.day);
    return 0;
}
