/* Replacing the key that a worker signs with, at the real phala-keyd. */

#include "node/keyd_worker_key.h"

#include "base/own.h"
#include "chain/consent.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"
#include "node/keyd_chain.h"
#include "node/test_keyd.h"

#include <fcntl.h>

#define A(c) "\"0x" c c c c c c c c c c c c c c c c c c c c "\""

enum { STATE_MAX = 128 * 1024 };

static const char network[] = "{\"chainId\":31337,\"block\":0,\"contracts\":{\"anchor\":" A(
    "0a") ",\"beacon\":" A("0b") ",\"registry\":" A("0c") "}}";
static char why[PH_KEYD_WHY_LEN], network_path[160];

static struct ph_keyd_client *start_on_chain(void)
{
    const struct ph_keyd_config config = {
        .path = keyd_path(), .state = blob_path, .seal = seal, .network = network_path};
    struct ph_keyd_client *client = NULL;

    (void)snprintf(network_path, sizeof(network_path), "%s/network.json", dir);
    FILE *f = fopen(network_path, "w");
    CHECK(f && fputs(network, f) >= 0 && fclose(f) == 0);
    if (ph_keyd_client_start(&config, &client, why) != PH_OK)
        fail_msg("%s", why);
    return client;
}

static void store(const struct ph_buf *state)
{
    int fd PH_OWNED(ph_closep) = open(blob_path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    CHECK(state->len > 0 && fd >= 0 && write(fd, state->ptr, state->len) == (ssize_t)state->len);
}

static void step(struct ph_keyd_client *client, enum ph_worker_key_step what)
{
    struct ph_buf blob PH_OWNED(ph_buf_clear) = PH_BUF(STATE_MAX);

    if (ph_keyd_worker_key_step(client, what, &blob, why) != PH_OK)
        fail_msg("%s", why);
    store(&blob);
    CHECK(ph_keyd_worker_key_kept(client, why) == PH_OK);
}

static struct ph_keyd_worker_key second(struct ph_keyd_client *client)
{
    struct ph_keyd_worker_key key;

    CHECK(ph_keyd_worker_key(client, &key, why) == PH_OK);
    return key;
}

static bool is(const struct ph_eth_address *a, const struct ph_eth_address *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static void expect_batch_of(struct ph_keyd_client *client, const struct ph_eth_address *signer,
                            uint64_t time_ms)
{
    struct ph_hash32 root = {{1}}, digest;
    struct ph_eth_address by;
    uint8_t sig[65];

    CHECK(ph_keyd_client_sign_batch(client, &root, 1, time_ms, sig) == PH_OK);
    ph_receipt_batch_digest(&root, 1, time_ms, &digest);
    CHECK(ph_eth_recover(&digest, sig, &by) == PH_OK && is(&by, signer));
}

TEST(what_is_signed_moves_from_one_key_to_the_other)
{
    struct ph_keyd_client *client = start_on_chain();
    const struct ph_keyd_info first = *ph_keyd_client_info(client);
    struct ph_eth_address account, same_account;

    CHECK(ph_keyd_chain_key(client, &account, why) == PH_OK);
    CHECK(second(client).is == PH_WORKER_KEY_NONE);
    step(client, PH_WORKER_KEY_MAKE);
    const struct ph_keyd_worker_key next = second(client);
    CHECK(next.is == PH_WORKER_KEY_NEXT && !is(&next.other, &first.signer));
    expect_batch_of(client, &first.signer, 1);
    step(client, PH_WORKER_KEY_SWAP);
    CHECK(is(&ph_keyd_client_info(client)->signer, &next.other));
    CHECK(second(client).is == PH_WORKER_KEY_PREVIOUS);
    expect_batch_of(client, &next.other, 2);
    step(client, PH_WORKER_KEY_FORGET);
    ph_keyd_client_free(client);

    client = start_on_chain();
    CHECK(is(&ph_keyd_client_info(client)->signer, &next.other));
    CHECK(second(client).is == PH_WORKER_KEY_NONE);
    CHECK(memcmp(ph_keyd_client_info(client)->tls_pub, first.tls_pub, 64) == 0);
    CHECK(is(&ph_keyd_client_info(client)->cluster, &first.cluster));
    CHECK(ph_keyd_chain_key(client, &same_account, why) == PH_OK && is(&account, &same_account));
    ph_keyd_client_free(client);
}

TEST(a_step_that_was_not_stored_is_not_there_after_a_restart)
{
    struct ph_buf blob PH_OWNED(ph_buf_clear) = PH_BUF(STATE_MAX);
    struct ph_keyd_client *client = start_on_chain();
    const struct ph_eth_address first = ph_keyd_client_info(client)->signer;

    CHECK(ph_keyd_worker_key_step(client, PH_WORKER_KEY_MAKE, &blob, why) == PH_OK);
    CHECK(second(client).is == PH_WORKER_KEY_NONE);
    ph_keyd_client_free(client);
    client = start_on_chain();
    CHECK(second(client).is == PH_WORKER_KEY_NONE);
    store(&blob);
    ph_keyd_client_free(client);
    client = start_on_chain(); /* stored, and killed before it was said */
    CHECK(second(client).is == PH_WORKER_KEY_NEXT);
    CHECK(is(&ph_keyd_client_info(client)->signer, &first));
    ph_keyd_client_free(client);
    CHECK(unlink(blob_path) == 0);
}

TEST(the_present_key_names_the_next_one_and_nothing_else)
{
    struct ph_registry_of where = {.chain_id = 31337};
    const struct ph_hash32 id = {{7}}, beacon = {{8}};
    struct ph_keyd_client *client = start_on_chain();
    struct ph_eth_address signer;
    struct ph_hash32 digest;
    uint8_t sig[65];

    memset(where.registry.b, 0x0c, sizeof(where.registry.b));
    CHECK(ph_keyd_worker_key_rotate(client, &id, &beacon, sig, why) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "no next one"));
    step(client, PH_WORKER_KEY_MAKE);
    const struct ph_eth_address next = second(client).other;
    CHECK(ph_keyd_worker_key_rotate(client, &id, &beacon, sig, why) == PH_OK);
    ph_worker_rotate_digest(&where, &id, &next, &beacon, &digest);
    CHECK(ph_eth_recover(&digest, sig, &signer) == PH_OK);
    CHECK(is(&signer, &ph_keyd_client_info(client)->signer));
    step(client, PH_WORKER_KEY_SWAP); /* the previous one is not to follow */
    CHECK(ph_keyd_worker_key_rotate(client, &id, &beacon, sig, why) == PH_ERR_CONFLICT);
    ph_keyd_client_free(client);
}

TEST(what_does_not_follow_is_refused_with_the_reason)
{
    struct ph_buf blob PH_OWNED(ph_buf_clear) = PH_BUF(STATE_MAX);
    struct ph_keyd_client *client = start_on_chain(); /* with a previous key */

    CHECK(ph_keyd_worker_key_kept(client, why) == PH_ERR_NOT_FOUND && strstr(why, "no change"));
    CHECK(ph_keyd_worker_key_step(client, PH_WORKER_KEY_MAKE, &blob, why) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "second one already"));
    step(client, PH_WORKER_KEY_FORGET);
    CHECK(ph_keyd_worker_key_step(client, PH_WORKER_KEY_FORGET, &blob, why) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "no previous one"));
    CHECK(ph_keyd_worker_key_step(client, PH_WORKER_KEY_SWAP, &blob, why) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "no second one"));
    CHECK(ph_keyd_worker_key_step(client, (enum ph_worker_key_step)9, &blob, why) ==
          PH_ERR_MALFORMED);
    CHECK(blob.len == 0);
    ph_keyd_client_free(client);
}

static int remove_all(void **unused)
{
    (void)unlink(network_path);
    return remove_dir(unused);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(what_is_signed_moves_from_one_key_to_the_other),
        CASE(a_step_that_was_not_stored_is_not_there_after_a_restart),
        CASE(the_present_key_names_the_next_one_and_nothing_else),
        CASE(what_does_not_follow_is_refused_with_the_reason),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, make_dir, remove_all);
}
