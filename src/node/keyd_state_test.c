/* The roles around states, asked of the real phala-keyd: the key goes to the phat's end of the
 * channel only, and only for the newest history. PHALA_KEYD names the executable. */

#include "base/own.h"
#include "base/test.h"
#include "crypto/secp256k1.h"
#include "ipc/state_packets.h"
#include "node/keyd_moves.h"
#include "state/format.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static char dir[] = "/tmp/phala-keyd-state-XXXXXX";
static char blob_path[128], seal[160], why[PH_KEYD_WHY_LEN];
static const struct ph_phat_id phat = {{7, 7, 7}}, other = {{7, 7, 8}};

static struct ph_keyd_client *start(void)
{
    const char *path = getenv("PHALA_KEYD");
    const struct ph_keyd_config config = {.path = path, .state = blob_path, .seal = seal};
    struct ph_keyd_client *client = NULL;

    CHECK(path);
    if (ph_keyd_client_start(&config, &client, why) != PH_OK)
        fail_msg("%s", why);
    return client;
}

/* Ask for a state's key; yields it when it came. */
static enum ph_err key_for(struct ph_keyd_client *client, const struct ph_phat_id *id,
                           struct ph_bytes head, uint8_t key[static 32])
{
    uint8_t raw[PH_STATE_PACKET_MAX];
    struct ph_state_packet packet;
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    const enum ph_err err = ph_keyd_client_state_key(client, id, head, pair[0], why);
    const ssize_t n = read(pair[1], raw, sizeof(raw));
    CHECK((n > 0) == (err == PH_OK));
    CHECK(err == PH_OK || why[0] != '\0');
    if (n > 0) {
        CHECK(ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &packet) == PH_OK);
        CHECK(packet.kind == PH_STATE_KEY);
        memcpy(key, packet.data.ptr, 32);
    }
    CHECK(read(pair[0], raw, sizeof(raw)) < 0); /* nothing for phalad's end */
    (void)close(pair[0]);
    (void)close(pair[1]);
    return err;
}

/* A commit of this phat as its process would make it. */
static struct ph_bytes commit_of(const struct ph_phat_id *id, const uint8_t key[static 32],
                                 uint64_t index, const struct ph_hash32 *prev, uint8_t mark,
                                 uint8_t out[static PH_STATE_HEAD_LEN], struct ph_hash32 *hash)
{
    struct ph_state_head head = {.phat = *id, .index = index, .key_epoch = 1, .prev = *prev};

    memset(head.root.b, mark, sizeof(head.root.b));
    ph_state_head_encode(&head, out);
    ph_state_mac(key, out, head.mac);
    ph_state_head_encode(&head, out);
    ph_state_commit_hash(out, hash);
    return (struct ph_bytes){out, PH_STATE_HEAD_LEN};
}

static struct ph_bytes commit(const uint8_t key[static 32], uint64_t index,
                              const struct ph_hash32 *prev, uint8_t mark,
                              uint8_t out[static PH_STATE_HEAD_LEN], struct ph_hash32 *hash)
{
    return commit_of(&phat, key, index, prev, mark, out, hash);
}

TEST(the_key_comes_back_after_a_restart_and_differs_between_phats)
{
    struct ph_keyd_client *client = start();
    uint8_t key[32], again[32], others[32];

    CHECK(key_for(client, &phat, (struct ph_bytes){0}, key) == PH_OK);
    CHECK(key_for(client, &other, (struct ph_bytes){0}, others) == PH_OK);
    CHECK(memcmp(key, others, 32) != 0);
    ph_keyd_client_free(client);
    client = start();
    CHECK(key_for(client, &phat, (struct ph_bytes){0}, again) == PH_OK);
    CHECK(memcmp(key, again, 32) == 0);
    ph_keyd_client_free(client);
}

TEST(rolled_back_forked_forged_and_foreign_histories_get_no_key)
{
    struct ph_keyd_client *client = start();
    const struct ph_hash32 nothing = {{0}};
    uint8_t key[32], none[32], one[PH_STATE_HEAD_LEN], two[PH_STATE_HEAD_LEN],
        fork[PH_STATE_HEAD_LEN];
    struct ph_hash32 hash1, hash2, hash_fork;

    CHECK(key_for(client, &phat, (struct ph_bytes){0}, key) == PH_OK);
    const struct ph_bytes first = commit(key, 1, &nothing, 1, one, &hash1);
    const struct ph_bytes second = commit(key, 2, &hash1, 2, two, &hash2);
    const struct ph_bytes forked = commit(key, 2, &hash1, 3, fork, &hash_fork);

    CHECK(ph_keyd_client_state_advance(client, second, why) == PH_ERR_UNTRUSTED);
    CHECK(ph_keyd_client_state_advance(client, first, why) == PH_OK);
    CHECK(ph_keyd_client_state_advance(client, second, why) == PH_OK);
    CHECK(ph_keyd_client_state_advance(client, forked, why) == PH_ERR_UNTRUSTED);
    CHECK(key_for(client, &phat, second, none) == PH_OK);
    CHECK(key_for(client, &phat, first, none) == PH_ERR_UNTRUSTED && strstr(why, "rolled back"));
    CHECK(key_for(client, &phat, (struct ph_bytes){0}, none) == PH_ERR_UNTRUSTED);
    CHECK(key_for(client, &phat, forked, none) == PH_ERR_UNTRUSTED && strstr(why, "forked"));
    CHECK(key_for(client, &other, second, none) == PH_ERR_UNTRUSTED && strstr(why, "another phat"));
    two[160] ^= 1; /* another root under the same mac */
    CHECK(key_for(client, &phat, second, none) == PH_ERR_UNTRUSTED &&
          strstr(why, "not committed by this phat"));
    CHECK(ph_keyd_client_state_advance(client, second, why) == PH_ERR_UNTRUSTED);
    two[160] ^= 1;
    CHECK(key_for(client, &phat, (struct ph_bytes){two, 100}, none) == PH_ERR_MALFORMED);
    CHECK(key_for(client, &phat, second, none) == PH_OK);
    ph_keyd_client_free(client);
}

TEST(a_channel_that_takes_nothing_gets_no_key)
{
    struct ph_keyd_client *client = start();
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    (void)close(pair[1]);
    CHECK(ph_keyd_client_state_key(client, &phat, (struct ph_bytes){0}, pair[0], why) == PH_ERR_IO);
    (void)close(pair[0]);
    uint8_t key[32];
    CHECK(key_for(client, &phat, (struct ph_bytes){0}, key) == PH_OK); /* and it lives on */
    ph_keyd_client_free(client);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(blob_path, sizeof(blob_path), "%s/keyd.state", dir);
    (void)snprintf(seal, sizeof(seal), "simulator:%s/seal.key", dir);
    return 0;
}

static int remove_dir(void **state)
{
    char command[160];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* The owner's request about phat "mine", and whose it is. */
static struct ph_owner_request owner_asks(const struct ph_keyd_client *client, const char *action,
                                          uint8_t sig[static 65], struct ph_phat_id *mine)
{
    static const uint8_t secret[32] = {[31] = 7};
    struct ph_owner_request r = {.name = "mine", .sequence = 3, .expires = 9};
    struct ph_eth_address owner;
    struct ph_hash32 digest;

    (void)snprintf(r.action, sizeof(r.action), "%s", action);
    r.cluster = ph_keyd_client_info(client)->cluster;
    ph_owner_request_digest(&r, &digest);
    CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK && ph_eth_address(secret, &owner) == PH_OK);
    ph_phat_id_derive(&owner, r.name, mine);
    return r;
}

TEST(only_its_owners_deletion_wipes_a_state_and_only_over_the_newest_commit)
{
    struct ph_keyd_client *client = start();
    const struct ph_hash32 nothing = {{0}};
    uint8_t key[32], one[PH_STATE_HEAD_LEN], two[PH_STATE_HEAD_LEN], wiped[PH_STATE_HEAD_LEN],
        sig[65], bad[65];
    struct ph_hash32 hash1, hash2, empty;
    struct ph_state_head head;
    struct ph_phat_id mine;
    const struct ph_owner_request deploy = owner_asks(client, "deploy", bad, &mine);
    const struct ph_owner_request delete = owner_asks(client, "delete", sig, &mine);

    CHECK(key_for(client, &mine, (struct ph_bytes){0}, key) == PH_OK);
    const struct ph_bytes first = commit_of(&mine, key, 1, &nothing, 1, one, &hash1);
    const struct ph_bytes second = commit_of(&mine, key, 2, &hash1, 2, two, &hash2);
    CHECK(ph_keyd_client_state_advance(client, first, why) == PH_OK);
    CHECK(ph_keyd_client_state_advance(client, second, why) == PH_OK);

    CHECK(ph_keyd_state_wipe(client, &deploy, bad, second, wiped, why) == PH_ERR_UNTRUSTED);
    CHECK(ph_keyd_state_wipe(client, &delete, bad, second, wiped, why) == PH_ERR_UNTRUSTED);
    CHECK(ph_keyd_state_wipe(client, &delete, sig, first, wiped, why) == PH_ERR_UNTRUSTED);
    two[100] ^= 1; /* no commit of this phat */
    CHECK(ph_keyd_state_wipe(client, &delete, sig, second, wiped, why) == PH_ERR_UNTRUSTED);
    two[100] ^= 1;
    CHECK(key_for(client, &phat, (struct ph_bytes){0}, key) == PH_OK);
    const struct ph_bytes theirs = commit(key, 1, &nothing, 1, one, &hash1);
    CHECK(ph_keyd_state_wipe(client, &delete, sig, theirs, wiped, why) == PH_ERR_UNTRUSTED);

    CHECK(ph_keyd_state_wipe(client, &delete, sig, second, wiped, why) == PH_OK);
    CHECK(ph_state_head_parse(PH_BYTES_OF(wiped), &head) == PH_OK);
    ph_state_root_empty(&empty);
    CHECK(head.index == 3 && head.page_cnt == 0 && memcmp(head.root.b, empty.b, 32) == 0);
    CHECK(memcmp(head.prev.b, hash2.b, 32) == 0);
    CHECK(ph_keyd_client_state_advance(client, PH_BYTES_OF(wiped), why) == PH_OK);
    CHECK(key_for(client, &mine, second, key) == PH_ERR_UNTRUSTED); /* storage that goes back */
    CHECK(key_for(client, &mine, (struct ph_bytes){0}, key) == PH_ERR_UNTRUSTED);
    CHECK(key_for(client, &mine, PH_BYTES_OF(wiped), key) == PH_OK);
    ph_keyd_client_free(client);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(the_key_comes_back_after_a_restart_and_differs_between_phats),
        CASE(rolled_back_forked_forged_and_foreign_histories_get_no_key),
        CASE(a_channel_that_takes_nothing_gets_no_key),
        CASE(only_its_owners_deletion_wipes_a_state_and_only_over_the_newest_commit)};
    ph_test_fix_tap();
    return cmocka_run_group_tests_name("cases", cases, make_dir, remove_dir);
}
