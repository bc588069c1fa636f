#include "chain/wallet_ledger.h"

#include "base/hex.h"
#include "base/own.h"

#include <inttypes.h>
#include <stdio.h>

static enum ph_err refuse(char why[static PH_WALLET_WHY_LEN], enum ph_err err, const char *what)
{
    (void)snprintf(why, PH_WALLET_WHY_LEN, "wallet: %s", what);
    return err;
}

static enum ph_err over_wei(char why[static PH_WALLET_WHY_LEN], const char *what,
                            const struct ph_u256 *limit)
{
    char text[PH_U256_DECIMAL_LEN];

    ph_u256_format_decimal(limit, text);
    (void)snprintf(why, PH_WALLET_WHY_LEN, "wallet: %s of %s wei", what, text);
    return PH_ERR_LIMIT;
}

static enum ph_err over(char why[static PH_WALLET_WHY_LEN], const char *what, uint64_t limit)
{
    (void)snprintf(why, PH_WALLET_WHY_LEN, "wallet: %s %" PRIu64, what, limit);
    return PH_ERR_LIMIT;
}

static const struct ph_wallet_contract *find(const struct ph_wallet_policy *policy,
                                             const struct ph_eth_address *to)
{
    for (size_t i = 0; i < policy->contract_cnt; i++)
        if (memcmp(policy->contracts[i].address.b, to->b, sizeof(to->b)) == 0)
            return &policy->contracts[i];
    return NULL;
}

/* Whether the words after the selector are as the policy has them. */
static bool words_fit(const struct ph_wallet_policy *policy, const struct ph_wallet_selector *s,
                      struct ph_bytes data)
{
    if (data.len < 4 + 32 * (size_t)s->word_cnt)
        return false;
    for (size_t i = 0; i < s->word_cnt; i++) {
        const struct ph_wallet_word *word = &policy->words[s->word_at + i];
        const int order = memcmp(data.ptr + 4 + 32 * i, word->value.b, 32);
        if ((word->bound == PH_WALLET_IS && order != 0) ||
            (word->bound == PH_WALLET_MAX && order > 0))
            return false;
    }
    return true;
}

static enum ph_err judge_function(const struct ph_wallet_policy *policy,
                                  const struct ph_wallet_contract *c, struct ph_bytes data,
                                  char why[static PH_WALLET_WHY_LEN])
{
    bool listed = false;
    char text[9];

    for (size_t i = 0; i < c->selector_cnt; i++) {
        if (memcmp(c->selectors[i].b, data.ptr, 4) != 0)
            continue;
        if (words_fit(policy, &c->selectors[i], data))
            return PH_OK;
        listed = true;
    }
    ph_hex_encode((struct ph_bytes){data.ptr, 4}, text);
    (void)snprintf(why, PH_WALLET_WHY_LEN,
                   listed
                       ? "wallet: the words after the selector 0x%s are not as phat.json has them"
                       : "wallet: phat.json does not list the selector 0x%s for that contract",
                   text);
    return PH_ERR_UNTRUSTED;
}

/* To whom, and which function. */
static enum ph_err judge_message(const struct ph_wallet_policy *policy, const struct ph_tx *tx,
                                 char why[static PH_WALLET_WHY_LEN])
{
    char text[41];

    if (tx->creates)
        return refuse(why, PH_ERR_UNTRUSTED, "a transaction that creates a contract");
    const struct ph_wallet_contract *c = find(policy, &tx->to);
    if (!c) {
        ph_hex_encode(PH_BYTES_OF(tx->to.b), text);
        (void)snprintf(why, PH_WALLET_WHY_LEN, "wallet: phat.json does not list the contract 0x%s",
                       text);
        return PH_ERR_UNTRUSTED;
    }
    if (tx->data.len == 0 && c->plain)
        return PH_OK;
    if (tx->data.len < 4)
        return refuse(why, PH_ERR_UNTRUSTED,
                      tx->data.len == 0 ? "phat.json does not list \"0x\", no calldata, for that "
                                          "contract"
                                        : "calldata of 1 to 3 bytes");
    return judge_function(policy, c, tx->data, why);
}

static enum ph_err judge_size(const struct ph_wallet_policy *policy, const struct ph_tx *tx,
                              char why[static PH_WALLET_WHY_LEN])
{
    if (ph_u256_cmp(&tx->value, &policy->max_value) > 0)
        return over_wei(why, "the value is over maxValueWei", &policy->max_value);
    if (tx->gas > policy->max_gas)
        return over(why, "the gas is over maxGas", policy->max_gas);
    if (tx->max_fee > policy->max_fee || tx->max_priority_fee > tx->max_fee)
        return over(why, "the fee is over maxFeePerGasWei", policy->max_fee);
    if (tx->data.len > PH_WALLET_DATA_MAX)
        return over(why, "the calldata is longer than", PH_WALLET_DATA_MAX);
    return PH_OK;
}

/* What a transaction does, whatever its nonce and its price. */
static enum ph_err order_of(const struct ph_tx *tx, struct ph_hash32 *out)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct ph_tx order = *tx;

    order.nonce = order.max_fee = order.max_priority_fee = 0;
    PH_TRY(ph_tx_encode(&order, &raw));
    ph_tx_digest(ph_buf_view(&raw), out);
    return PH_OK;
}

static enum ph_err judge_nonce(const struct ph_tx *tx, uint64_t next,
                               char why[static PH_WALLET_WHY_LEN])
{
    if (tx->nonce <= next && next - tx->nonce <= PH_WALLET_SIGNED_MAX && tx->nonce < UINT64_MAX)
        return PH_OK;
    (void)snprintf(why, PH_WALLET_WHY_LEN,
                   "wallet: nonce %" PRIu64 " is asked for, but %" PRIu64
                   " is the next that this worker signs: was the account used elsewhere? "
                   "(firstNonce)",
                   tx->nonce, next);
    return PH_ERR_UNTRUSTED;
}

static enum ph_err count(const struct ph_wallet_policy *policy, const struct ph_tx *tx,
                         int64_t today, struct ph_wallet_ledger *l,
                         char why[static PH_WALLET_WHY_LEN])
{
    if (today > l->day) {
        l->day = today;
        l->value = (struct ph_u256){{0}};
        l->transactions = 0;
    }
    if (l->transactions >= policy->max_transactions_per_day)
        return over(why, "the day (UTC) has had its maxTransactionsPerDay of",
                    policy->max_transactions_per_day);
    if (ph_u256_add(&l->value, &tx->value, &l->value) != PH_OK ||
        ph_u256_cmp(&l->value, &policy->max_value_per_day) > 0)
        return over_wei(why, "with this the day (UTC) is over maxValueWeiPerDay",
                        &policy->max_value_per_day);
    l->transactions++;
    return PH_OK;
}

/* A nonce that has this order already. */
static bool is_again(const struct ph_wallet_ledger *l, uint64_t nonce,
                     const struct ph_hash32 *order)
{
    return nonce < l->next_nonce &&
           memcmp(l->orders[nonce % PH_WALLET_SIGNED_MAX].b, order->b, sizeof(order->b)) == 0;
}

enum ph_err ph_wallet_judge(const struct ph_wallet_policy *policy, struct ph_bytes unsigned_tx,
                            int64_t now_s, struct ph_wallet_ledger *ledger,
                            char why[static PH_WALLET_WHY_LEN])
{
    struct ph_wallet_ledger after = *ledger;
    struct ph_hash32 order;
    struct ph_tx tx;

    (void)refuse(why, PH_ERR_MALFORMED, "not a transaction of type 2 without an access list");
    PH_TRY(ph_tx_parse(unsigned_tx, &tx));
    if (policy->chain_id == 0 || tx.chain_id != policy->chain_id)
        return refuse(why, PH_ERR_UNTRUSTED, "for another chain than phat.json's chainId");
    PH_TRY(judge_message(policy, &tx, why));
    PH_TRY(judge_size(policy, &tx, why));
    PH_TRY(order_of(&tx, &order));
    if (after.next_nonce < policy->first_nonce)
        after.next_nonce = policy->first_nonce;
    PH_TRY(judge_nonce(&tx, after.next_nonce, why));
    if (!is_again(ledger, tx.nonce, &order))
        PH_TRY(count(policy, &tx, now_s / 86400, &after, why));
    after.orders[tx.nonce % PH_WALLET_SIGNED_MAX] = order;
    if (tx.nonce == after.next_nonce)
        after.next_nonce++;
    *ledger = after;
    return PH_OK;
}

void ph_wallet_ledger_encode(const struct ph_wallet_ledger *l,
                             uint8_t out[static PH_WALLET_LEDGER_LEN])
{
    uint8_t *at = out;

    ph_put_u64be(at, l->sequence);
    ph_put_u64be(at + 8, (uint64_t)l->day);
    memcpy(at + 16, l->value.b, sizeof(l->value.b));
    ph_put_u64be(at + 48, l->transactions);
    ph_put_u64be(at + 56, l->next_nonce);
    for (size_t i = 0; i < PH_WALLET_SIGNED_MAX; i++)
        memcpy(at + 64 + 32 * i, l->orders[i].b, 32);
}

enum ph_err ph_wallet_ledger_decode(struct ph_bytes raw, struct ph_wallet_ledger *out)
{
    struct ph_wallet_ledger l = {0};
    struct ph_reader r = {raw};
    uint64_t day;

    if (!ph_read_u64be(&r, &l.sequence) || !ph_read_u64be(&r, &day) || day > INT64_MAX / 86400 ||
        !ph_read_copy(&r, l.value.b, sizeof(l.value.b)) || !ph_read_u64be(&r, &l.transactions) ||
        !ph_read_u64be(&r, &l.next_nonce))
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < PH_WALLET_SIGNED_MAX; i++)
        if (!ph_read_copy(&r, l.orders[i].b, sizeof(l.orders[i].b)))
            return PH_ERR_MALFORMED;
    if (r.rest.len != 0)
        return PH_ERR_MALFORMED;
    l.day = (int64_t)day;
    *out = l;
    return PH_OK;
}
