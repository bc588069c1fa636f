/* What the real phala-keyd signs for a chain, and what it does not. PHALA_KEYD names the
 * executable. */

#include "node/keyd_chain.h"

#include "base/own.h"
#include "base/test.h"
#include "chain/tx.h"

#include <stdlib.h>

#define A(c) "\"0x" c c c c c c c c c c c c c c c c c c c c "\""
#define NETWORK                                                                                    \
    "{\"chainId\":31337,\"block\":0,\"contracts\":{\"anchor\":" A("0a") ",\"beacon\":" A(          \
        "0b") ",\"registry\":" A("0c") "},\"limits\":{\"maxWeiPerDay\":\"3000000000000000\"}}"

static char dir[] = "/tmp/phala-keyd-chain-XXXXXX";
static char why[PH_KEYD_WHY_LEN];

static void write_file(char path[static 64], const char *text)
{
    (void)snprintf(path, 64, "%s/network.json", dir);
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static enum ph_err start_with(const char *network, struct ph_keyd_client **out)
{
    const struct ph_keyd_config config = {
        .path = getenv("PHALA_KEYD"), .state = "none", .seal = "none", .network = network};

    CHECK(config.path);
    return ph_keyd_client_start(&config, out, why);
}

static struct ph_keyd_client *start(void)
{
    struct ph_keyd_client *client = NULL;
    char path[64];

    write_file(path, NETWORK);
    if (start_with(path, &client) != PH_OK)
        fail_msg("%s", why);
    return client;
}

/* A message to the anchor, of a gas that costs 0.002 ether at most. */
static enum ph_err sign(struct ph_keyd_client *client, uint8_t to, uint64_t gas, struct ph_buf *raw,
                        uint8_t sig[static 65])
{
    struct ph_tx tx = {.chain_id = 31337,
                       .max_priority_fee = 1,
                       .max_fee = 10000000000,
                       .gas = gas,
                       .data = PH_BYTES_OF(ph_abi_phat_anchor_fulfill.selector)};

    memset(tx.to.b, to, sizeof(tx.to.b));
    ph_buf_clear(raw);
    CHECK(ph_tx_encode(&tx, raw) == PH_OK);
    return ph_keyd_tx_sign(client, ph_buf_view(raw), sig, why);
}

TEST(a_transaction_to_the_anchor_is_signed_by_the_account)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_buf signed_tx PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_keyd_client *client = start();
    struct ph_eth_address account, sender;
    struct ph_tx tx;
    uint8_t sig[65];

    CHECK(ph_keyd_chain_key(client, &account, why) == PH_OK);
    CHECK(memcmp(account.b, ph_keyd_client_info(client)->signer.b, sizeof(account.b)) != 0);
    CHECK(sign(client, 0x0a, 200000, &raw, sig) == PH_OK);
    CHECK(ph_tx_sign_with(ph_buf_view(&raw), sig, &signed_tx) == PH_OK);
    CHECK(ph_tx_parse_signed(ph_buf_view(&signed_tx), &tx, &sender) == PH_OK);
    CHECK(memcmp(sender.b, account.b, sizeof(account.b)) == 0);
    ph_keyd_client_free(client);
}

TEST(other_transactions_and_those_beyond_the_budget_are_not)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_keyd_client *client = start();
    uint8_t sig[65];

    CHECK(sign(client, 0x0d, 21000, &raw, sig) == PH_ERR_UNTRUSTED && strstr(why, "message"));
    CHECK(ph_keyd_tx_sign(client, PH_BYTES_LIT("\x02"), sig, why) == PH_ERR_MALFORMED);
    CHECK(sign(client, 0x0a, 200000, &raw, sig) == PH_OK);
    CHECK(sign(client, 0x0a, 200000, &raw, sig) == PH_ERR_UNTRUSTED && strstr(why, "budget"));
    CHECK(sign(client, 0x0a, 100000, &raw, sig) == PH_OK);
    ph_keyd_client_free(client);
}

TEST(an_answer_is_signed_with_the_key_of_receipts_for_this_anchor)
{
    struct ph_keyd_client *client = start();
    struct ph_anchor_answer answer = {.request_id = 5, .terms = {{1}}, .code_hash = {{2}}};
    struct ph_eth_address anchor, signer;
    struct ph_hash32 digest;
    uint8_t sig[65];

    memset(anchor.b, 0x0a, sizeof(anchor.b));
    CHECK(ph_keyd_answer_sign(client, &answer, sig, why) == PH_OK);
    ph_anchor_answer_digest(31337, &anchor, &answer, &digest);
    CHECK(ph_eth_recover(&digest, sig, &signer) == PH_OK);
    CHECK(memcmp(signer.b, ph_keyd_client_info(client)->signer.b, sizeof(signer.b)) == 0);
    answer.outcome = 2;
    CHECK(ph_keyd_answer_sign(client, &answer, sig, why) == PH_ERR_MALFORMED);
    ph_keyd_client_free(client);
}

TEST(the_workers_word_is_signed_with_that_key_for_its_own_account)
{
    struct ph_keyd_client *client = start();
    struct ph_registry_of where = {.chain_id = 31337};
    const struct ph_hash32 id = {{7}};
    struct ph_eth_address account, signer;
    struct ph_hash32 digest;
    uint8_t sig[65];

    memset(where.registry.b, 0x0c, sizeof(where.registry.b));
    CHECK(ph_keyd_chain_key(client, &account, why) == PH_OK);
    for (int word = PH_WORKER_RESTS; word <= PH_WORKER_WAKES; word++) {
        CHECK(ph_keyd_worker_says(client, (enum ph_worker_word)word, &id, sig, why) == PH_OK);
        ph_worker_word_digest(&where, (enum ph_worker_word)word, &id, &account, &digest);
        CHECK(ph_eth_recover(&digest, sig, &signer) == PH_OK);
        CHECK(memcmp(signer.b, ph_keyd_client_info(client)->signer.b, sizeof(signer.b)) == 0);
    }
    CHECK(ph_keyd_worker_says(client, (enum ph_worker_word)2, &id, sig, why) == PH_ERR_MALFORMED);
    ph_keyd_client_free(client);
}

TEST(without_a_network_nothing_is_signed)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_keyd_client *client = NULL;
    const struct ph_anchor_answer answer = {.request_id = 5};
    struct ph_eth_address account;
    uint8_t sig[65];

    CHECK(start_with(NULL, &client) == PH_OK);
    CHECK(ph_keyd_chain_key(client, &account, why) == PH_ERR_NOT_FOUND);
    CHECK(sign(client, 0x0a, 21000, &raw, sig) == PH_ERR_NOT_FOUND);
    CHECK(ph_keyd_answer_sign(client, &answer, sig, why) == PH_ERR_NOT_FOUND);
    CHECK(ph_keyd_worker_says(client, PH_WORKER_RESTS, &answer.terms, sig, why) ==
          PH_ERR_NOT_FOUND);
    ph_keyd_client_free(client);
}

TEST(a_network_that_cannot_be_read_keeps_it_from_starting)
{
    struct ph_keyd_client *client = NULL;
    char path[64];

    write_file(path, "{\"chainId\":31337}");
    CHECK(start_with(path, &client) == PH_ERR_CLOSED && !client);
    CHECK(unlink(path) == 0);
    CHECK(start_with(path, &client) == PH_ERR_CLOSED && !client);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_transaction_to_the_anchor_is_signed_by_the_account),
        CASE(other_transactions_and_those_beyond_the_budget_are_not),
        CASE(an_answer_is_signed_with_the_key_of_receipts_for_this_anchor),
        CASE(the_workers_word_is_signed_with_that_key_for_its_own_account),
        CASE(without_a_network_nothing_is_signed),
        CASE(a_network_that_cannot_be_read_keeps_it_from_starting),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
