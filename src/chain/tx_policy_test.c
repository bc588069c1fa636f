/* What a worker's key signs on chain: each reason to say no, alone. */

#include "chain/tx_policy.h"

#include "base/own.h"
#include "base/test.h"
#include "contracts_abi.h"

enum { NOW = 1800000000 };

static struct ph_network net;
static struct ph_tx_budget budget;
static uint8_t data[36];
static char why[PH_TX_POLICY_WHY_LEN];

/* A message to the anchor that is signed. */
static struct ph_tx good(void)
{
    struct ph_tx tx = {
        .chain_id = 31337, .nonce = 3, .max_priority_fee = 1, .max_fee = 10, .gas = 1000};

    net = (struct ph_network){.chain_id = 31337,
                              .anchor = {{0x0a}},
                              .beacon = {{0x0b}},
                              .registry = {{0x0c}},
                              .intel_collateral = {{0x0d}},
                              .max_fee = 10,
                              .max_gas = 1000,
                              .max_wei_per_day = ph_u256_of(25000)};
    budget = (struct ph_tx_budget){0};
    memcpy(data, ph_abi_phat_anchor_fulfill.selector, 4);
    tx.to = net.anchor;
    tx.data = PH_BYTES_OF(data);
    return tx;
}

static enum ph_err judge_at(const struct ph_tx *tx, int64_t now_s)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);

    CHECK(ph_tx_encode(tx, &raw) == PH_OK);
    return ph_tx_policy_check(&net, ph_buf_view(&raw), now_s, &budget, why);
}

static enum ph_err judge(const struct ph_tx *tx)
{
    return judge_at(tx, NOW);
}

TEST(what_a_worker_sends_is_signed)
{
    struct ph_tx tx = good();

    CHECK(judge(&tx) == PH_OK);
    memcpy(data, ph_abi_worker_registry_renew.selector, 4);
    tx.to = net.registry;
    CHECK(judge(&tx) == PH_OK);
    memcpy(data, ph_abi_epoch_beacon_roll.selector, 4);
    tx.to = net.beacon;
    tx.gas = 100;
    CHECK(judge(&tx) == PH_OK);
}

TEST(a_platforms_certificate_goes_to_the_collateral_that_is_named)
{
    struct ph_tx tx = good();

    memcpy(data, ph_abi_intel_collateral_add_pck.selector, 4);
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED); /* to the anchor */
    tx.to = net.intel_collateral;
    CHECK(judge(&tx) == PH_OK);
    net.intel_collateral = tx.to = (struct ph_eth_address){{0}}; /* none is named */
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
}

TEST(anything_else_is_not)
{
    struct ph_tx tx = good();

    tx.chain_id = 1;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "chain"));
    tx = good();
    tx.value = ph_u256_of(1);
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "value"));
    tx = good();
    tx.to.b[19] ^= 1;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "message"));
    tx = good();
    tx.to = net.registry; /* a message to another contract */
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx = good();
    memcpy(data, ph_abi_phat_anchor_withdraw.selector, 4);
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx = good();
    tx.data.len = 3;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx = good();
    tx.creates = true;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx = good();
    tx.gas = 1001;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "limit"));
    tx = good();
    tx.max_fee = 11;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx = good();
    tx.max_priority_fee = 11;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    CHECK(budget.spent.b[31] == 0 && budget.spent.b[30] == 0); /* what is refused costs nothing */
    CHECK(ph_tx_policy_check(&net, PH_BYTES_LIT("\x02"), NOW, &budget, why) == PH_ERR_MALFORMED);
}

TEST(a_days_budget_ends_and_comes_back_the_next_day)
{
    const struct ph_tx tx = good(); /* 10,000 wei at most */

    CHECK(judge(&tx) == PH_OK && judge(&tx) == PH_OK);
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "budget"));
    CHECK(judge_at(&tx, NOW + 86400) == PH_OK);
}

TEST(a_zeroed_network_signs_nothing)
{
    struct ph_tx tx = good();

    net = (struct ph_network){0};
    tx.to = net.anchor;
    tx.chain_id = 0;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
}

PH_TEST_MAIN(CASE(what_a_worker_sends_is_signed),
             CASE(a_platforms_certificate_goes_to_the_collateral_that_is_named),
             CASE(anything_else_is_not), CASE(a_days_budget_ends_and_comes_back_the_next_day),
             CASE(a_zeroed_network_signs_nothing))
