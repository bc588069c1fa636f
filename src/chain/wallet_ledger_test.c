/* What a phat's account is signed for: each reason to say no, alone; days and nonces. */

#include "chain/wallet_ledger.h"

#include "base/own.h"
#include "base/test.h"
#include "chain/test_wallet.h"

enum { DAY = 86400, NOW = 20000 * DAY + 5, FIRST = 7 };

static struct ph_wallet_policy policy;
static struct ph_wallet_ledger ledger;
static uint8_t data[PH_WALLET_DATA_MAX + 1];
static char why[PH_WALLET_WHY_LEN];

/* A message to the first contract that is signed. */
static struct ph_tx good(void)
{
    struct ph_tx tx = {.chain_id = 31337,
                       .nonce = FIRST,
                       .max_priority_fee = 1,
                       .max_fee = 1000,
                       .gas = 90000,
                       .value = ph_u256_of(100),
                       .data = {data, 36}};
    struct ph_json_why reason;
    bool present;

    CHECK(ph_wallet_policy_parse(ph_bytes_str(TEST_WALLET_MANIFEST), &policy, &present, &reason) ==
          PH_OK);
    ledger = (struct ph_wallet_ledger){0};
    memcpy(data, "\xa9\x05\x9c\xbb", 4);
    memset(tx.to.b, 0x0a, sizeof(tx.to.b));
    return tx;
}

static enum ph_err judge_at(const struct ph_tx *tx, int64_t now_s)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    const struct ph_wallet_ledger before = ledger;

    CHECK(ph_tx_encode(tx, &raw) == PH_OK);
    const enum ph_err err = ph_wallet_judge(&policy, ph_buf_view(&raw), now_s, &ledger, why);
    CHECK(err == PH_OK || memcmp(&before, &ledger, sizeof(before)) == 0);
    return err;
}

static enum ph_err judge(const struct ph_tx *tx)
{
    return judge_at(tx, NOW);
}

TEST(what_the_policy_lists_is_signed)
{
    struct ph_tx tx = good();

    CHECK(judge(&tx) == PH_OK);
    memcpy(data, "\x09\x5e\xa7\xb3", 4);
    tx.nonce++;
    tx.data.len = 4;
    CHECK(judge(&tx) == PH_OK);
    memset(tx.to.b, 0x0b, sizeof(tx.to.b));
    tx.nonce++;
    tx.data.len = 0;
    tx.value = ph_u256_of(50);
    CHECK(judge(&tx) == PH_OK);
    CHECK(ledger.next_nonce == FIRST + 3 && ledger.transactions == 3);
}

#define REFUSED(change, err, text)                                                                 \
    do {                                                                                           \
        struct ph_tx tx = good();                                                                  \
        change;                                                                                    \
        why[0] = '\0';                                                                             \
        if (judge(&tx) != (err) || !strstr(why, text))                                             \
            fail_msg("%s: %s", #change, why);                                                      \
    } while (0)

TEST(each_rule_alone_is_enough_to_refuse)
{
    REFUSED(tx.chain_id = 1, PH_ERR_UNTRUSTED, "another chain");
    REFUSED(tx.to.b[3] ^= 1, PH_ERR_UNTRUSTED, "contract 0x0a0a0a0b");
    REFUSED(tx.creates = true, PH_ERR_UNTRUSTED, "creates");
    REFUSED(data[0] ^= 1, PH_ERR_UNTRUSTED, "selector 0xa8059cbb");
    REFUSED(tx.data.len = 3, PH_ERR_UNTRUSTED, "1 to 3");
    REFUSED(tx.data.len = 0, PH_ERR_UNTRUSTED, "no calldata");
    REFUSED(memset(tx.to.b, 0x0b, 20), PH_ERR_UNTRUSTED, "selector 0xa9059cbb");
    REFUSED(tx.value = ph_u256_of(101), PH_ERR_LIMIT, "maxValueWei of 100 wei");
    REFUSED(tx.gas = 90001, PH_ERR_LIMIT, "maxGas 90000");
    REFUSED(tx.max_fee = 1001, PH_ERR_LIMIT, "maxFeePerGasWei 1000");
    REFUSED(tx.max_priority_fee = 1001, PH_ERR_LIMIT, "maxFeePerGasWei");
    REFUSED(tx.data.len = PH_WALLET_DATA_MAX + 1, PH_ERR_LIMIT, "calldata");
    REFUSED(tx.nonce = FIRST + 1, PH_ERR_UNTRUSTED, "nonce 8");
    REFUSED(tx.nonce = UINT64_MAX, PH_ERR_UNTRUSTED, "nonce");
}

/* The first word is bound to one value, the second to numbers up to 0x0101. */
static void bind_words(void)
{
    policy.word_cnt = 3;
    policy.words[0] = (struct ph_wallet_word){PH_WALLET_IS, ph_u256_of(7)};
    policy.words[1] = (struct ph_wallet_word){PH_WALLET_MAX, ph_u256_of(0x0101)};
    policy.words[2] = (struct ph_wallet_word){PH_WALLET_IS, ph_u256_of(8)};
    policy.contracts[0].selectors[0].word_cnt = 2;
    memset(data + 4, 0, 64);
    data[35] = 7;
}

TEST(words_that_are_not_as_the_policy_has_them_are_refused)
{
    REFUSED(bind_words(); data[35] = 6; tx.data.len = 68, PH_ERR_UNTRUSTED, "words after");
    REFUSED(bind_words(); data[4] = 1; tx.data.len = 68, PH_ERR_UNTRUSTED, "0xa9059cbb");
    REFUSED(bind_words(); data[36] = 1; tx.data.len = 68, PH_ERR_UNTRUSTED, "words after");
    REFUSED(bind_words(); tx.data.len = 67, PH_ERR_UNTRUSTED, "words after");
    REFUSED(bind_words(); tx.data.len = 4, PH_ERR_UNTRUSTED, "words after");
    memset(data + 4, 0, 64);
}

TEST(words_up_to_the_policys_and_what_follows_them_are_signed)
{
    struct ph_tx tx = good();

    bind_words();
    tx.data.len = 80;
    data[66] = data[67] = 1;
    data[79] = 5;
    CHECK(judge(&tx) == PH_OK);
    data[67] = 2;
    tx.nonce++;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    memset(data + 4, 0, 76);
}

TEST(a_selector_with_other_words_allows_too)
{
    struct ph_tx tx = good();

    bind_words();
    policy.contracts[0].selectors[1] = policy.contracts[0].selectors[0];
    policy.contracts[0].selectors[1].word_at = 2;
    policy.contracts[0].selectors[1].word_cnt = 1;
    data[35] = 8;
    data[36] = 0xff;
    tx.data.len = 68;
    CHECK(judge(&tx) == PH_OK);
    data[35] = 9;
    tx.nonce++;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    memset(data + 4, 0, 64);
}

TEST(a_policy_that_is_zero_refuses_everything)
{
    struct ph_tx tx = good();

    tx.nonce = 0;
    policy = (struct ph_wallet_policy){0};
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
    tx.chain_id = 0;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
}

TEST(each_limit_that_is_zero_refuses_everything)
{
    REFUSED(policy.chain_id = 0, PH_ERR_UNTRUSTED, "chain");
    REFUSED(policy.contract_cnt = 0, PH_ERR_UNTRUSTED, "contract");
    REFUSED(policy.contracts[0].selector_cnt = 0, PH_ERR_UNTRUSTED, "selector");
    REFUSED(policy.max_value = ph_u256_of(0), PH_ERR_LIMIT, "maxValueWei of 0");
    REFUSED(policy.max_value_per_day = ph_u256_of(0), PH_ERR_LIMIT, "maxValueWeiPerDay of 0");
    REFUSED(policy.max_transactions_per_day = 0, PH_ERR_LIMIT, "maxTransactionsPerDay of 0");
    REFUSED(policy.max_gas = 0, PH_ERR_LIMIT, "maxGas 0");
    REFUSED(policy.max_fee = 0, PH_ERR_LIMIT, "maxFeePerGasWei 0");
}

TEST(what_is_no_transaction_of_type_2_is_refused)
{
    /* Of type 1, of no type, cut, and of type 2 with an access list of one address. */
    static const char *const bad[] = {"\x01\xc0", "\xc0", "\x02", "\x02\xc0"};
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_tx tx = good();

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_wallet_judge(&policy, ph_bytes_str(bad[i]), NOW, &ledger, why) != PH_OK);
    CHECK(ph_tx_encode(&tx, &raw) == PH_OK);
    for (size_t len = 0; len < raw.len; len++)
        CHECK(ph_wallet_judge(&policy, (struct ph_bytes){raw.ptr, len}, NOW, &ledger, why) !=
              PH_OK);
    CHECK(raw.ptr[raw.len - 1] == 0xc0);
    raw.ptr[raw.len - 1] = 0x80; /* the access list as a string */
    CHECK(ph_wallet_judge(&policy, ph_buf_view(&raw), NOW, &ledger, why) != PH_OK);
    CHECK(ledger.next_nonce == 0);
}

TEST(a_day_has_its_value_and_its_number_and_the_next_day_has_them_again)
{
    struct ph_tx tx = good();

    for (int i = 0; i < 2; i++, tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    CHECK(judge(&tx) == PH_ERR_LIMIT && strstr(why, "maxValueWeiPerDay of 250 wei"));
    tx.value = ph_u256_of(50);
    CHECK(judge(&tx) == PH_OK);
    tx.value = ph_u256_of(0);
    for (int i = 0; i < 2; i++) {
        tx.nonce++;
        CHECK(judge(&tx) == PH_OK);
    }
    tx.nonce++;
    CHECK(judge(&tx) == PH_ERR_LIMIT && strstr(why, "maxTransactionsPerDay of 5"));
    CHECK(judge_at(&tx, 20000 * DAY + DAY - 1) == PH_ERR_LIMIT);
    CHECK(judge_at(&tx, 20001 * DAY) == PH_OK);
    tx.nonce++;
    tx.value = ph_u256_of(100);
    CHECK(judge_at(&tx, 20001 * DAY) == PH_OK);
    CHECK(ledger.transactions == 2);
}

TEST(a_clock_that_goes_back_gives_nothing_back)
{
    struct ph_tx tx = good();

    for (int i = 0; i < 2; i++, tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    CHECK(judge_at(&tx, NOW - DAY) == PH_ERR_LIMIT);
    CHECK(judge_at(&tx, 0) == PH_ERR_LIMIT && judge_at(&tx, -1) == PH_ERR_LIMIT);
}

TEST(the_same_order_with_a_higher_fee_counts_once_and_another_one_twice)
{
    struct ph_tx tx = good();

    tx.max_fee = 500;
    CHECK(judge(&tx) == PH_OK);
    for (tx.max_fee = 600; tx.max_fee <= 1000; tx.max_fee += 100)
        CHECK(judge(&tx) == PH_OK);
    CHECK(ledger.transactions == 1 && ledger.next_nonce == FIRST + 1);
    tx.max_fee = 1000;
    data[35] = 1;
    CHECK(judge(&tx) == PH_OK && ledger.transactions == 2 && ledger.next_nonce == FIRST + 1);
    data[35] = 0; /* the first one again: nobody knows which of them is executed */
    CHECK(judge(&tx) == PH_ERR_LIMIT && strstr(why, "maxValueWeiPerDay"));
    data[35] = 0;
}

TEST(an_older_ledger_gives_no_more_transactions_than_the_day_has)
{
    struct ph_tx tx = good();
    const struct ph_wallet_ledger older = ledger;

    tx.value = ph_u256_of(0);
    for (int i = 0; i < 3; i++, tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    ledger = older;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED && strstr(why, "7 is the next"));
    for (tx.nonce = FIRST; tx.nonce < FIRST + 3; tx.nonce++)
        CHECK(judge(&tx) == PH_OK); /* which the chain takes no more */
    for (int i = 0; i < 2; i++, tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    CHECK(judge(&tx) == PH_ERR_LIMIT);
}

TEST(only_the_newest_nonces_may_be_signed_again)
{
    struct ph_tx tx = good();

    policy.max_transactions_per_day = 1000;
    tx.value = ph_u256_of(0);
    for (int i = 0; i < PH_WALLET_SIGNED_MAX + 1; i++, tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    const uint64_t counted = ledger.transactions;
    CHECK(counted == PH_WALLET_SIGNED_MAX + 1); /* the same order at a new nonce is a new one */
    for (tx.nonce = FIRST + 1; tx.nonce < ledger.next_nonce; tx.nonce++)
        CHECK(judge(&tx) == PH_OK);
    CHECK(ledger.transactions == counted);
    tx.nonce = FIRST;
    CHECK(judge(&tx) == PH_ERR_UNTRUSTED);
}

TEST(a_ledger_is_kept_as_bytes)
{
    uint8_t raw[PH_WALLET_LEDGER_LEN + 1];
    struct ph_wallet_ledger got;
    struct ph_tx tx = good();

    CHECK(judge(&tx) == PH_OK);
    ledger.sequence = 99;
    ph_wallet_ledger_encode(&ledger, raw);
    CHECK(ph_wallet_ledger_decode((struct ph_bytes){raw, PH_WALLET_LEDGER_LEN}, &got) == PH_OK);
    CHECK(memcmp(&got, &ledger, sizeof(got)) == 0);
    for (size_t len = 0; len < PH_WALLET_LEDGER_LEN; len++)
        CHECK(ph_wallet_ledger_decode((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    CHECK(ph_wallet_ledger_decode(PH_BYTES_OF(raw), &got) == PH_ERR_MALFORMED);
    raw[8] = 0xff;
    CHECK(ph_wallet_ledger_decode((struct ph_bytes){raw, PH_WALLET_LEDGER_LEN}, &got) ==
          PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(what_the_policy_lists_is_signed), CASE(each_rule_alone_is_enough_to_refuse),
             CASE(words_that_are_not_as_the_policy_has_them_are_refused),
             CASE(words_up_to_the_policys_and_what_follows_them_are_signed),
             CASE(a_selector_with_other_words_allows_too),
             CASE(a_policy_that_is_zero_refuses_everything),
             CASE(each_limit_that_is_zero_refuses_everything),
             CASE(what_is_no_transaction_of_type_2_is_refused),
             CASE(a_day_has_its_value_and_its_number_and_the_next_day_has_them_again),
             CASE(a_clock_that_goes_back_gives_nothing_back),
             CASE(the_same_order_with_a_higher_fee_counts_once_and_another_one_twice),
             CASE(an_older_ledger_gives_no_more_transactions_than_the_day_has),
             CASE(only_the_newest_nonces_may_be_signed_again), CASE(a_ledger_is_kept_as_bytes))
