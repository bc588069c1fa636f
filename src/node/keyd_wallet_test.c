/* Accounts of phats in the real process: whose policy, which worker, and that what was signed is
 * counted over a restart. */

#include "node/keyd_wallet.h"

#include "base/hex.h"
#include "base/own.h"
#include "chain/tx.h"
#include "codec/bundle.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "node/test_keyd.h"

static const uint8_t owner_secret[32] = {[31] = 7}, stranger_secret[32] = {[31] = 8};
static char why[PH_KEYD_WHY_LEN];

/* A bundle whose phat.json has a wallet for this worker, and its owner's deploy request. */
struct deploy {
    struct ph_owner_request req;
    uint8_t sig[65];
    char manifest[1024];
    struct ph_buf files;
};

static void sign(struct deploy *d, const uint8_t secret[static 32])
{
    struct ph_hash32 digest;

    ph_owner_request_digest(&d->req, &digest);
    CHECK(ph_eth_sign(secret, &digest, d->sig) == PH_OK);
}

static void list_files(struct deploy *d)
{
    const struct ph_bytes manifest = ph_bytes_str(d->manifest);
    const struct ph_bundle_file files[] = {{"phat.json", manifest},
                                           {"worker.js", PH_BYTES_LIT("1")}};
    static struct ph_tar tar;

    tar.file_cnt = PH_LEN(files);
    for (size_t i = 0; i < PH_LEN(files); i++) {
        (void)snprintf(tar.files[i].path, sizeof(tar.files[i].path), "%s", files[i].path);
        tar.files[i].data = files[i].data;
    }
    ph_buf_clear(&d->files);
    CHECK(ph_bundle_list_tar(&tar, &d->files) == PH_OK);
    ph_bundle_hash_tar(&tar, &d->req.content);
}

static void make(struct ph_keyd_client *client, uint64_t sequence, const char *value_per_day,
                 const struct ph_eth_address *worker, struct deploy *d)
{
    char text[41];

    *d = (struct deploy){.files = PH_BUF(4096)};
    ph_hex_encode(PH_BYTES_OF(worker->b), text);
    (void)snprintf(d->manifest, sizeof(d->manifest),
                   "{\"name\":\"agent\",\"wallet\":{\"chainId\":31337,\"worker\":\"0x%s\","
                   "\"contracts\":[{\"address\":\"0x0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\","
                   "\"selectors\":[\"0x\"]}],\"maxValueWei\":\"100\",\"maxValueWeiPerDay\":\"%s\","
                   "\"maxTransactionsPerDay\":10,\"maxGas\":21000,\"maxFeePerGasWei\":\"1000\"}}",
                   text, value_per_day);
    d->req = (struct ph_owner_request){
        .action = "deploy", .name = "agent", .sequence = sequence, .expires = 1};
    d->req.cluster = ph_keyd_client_info(client)->cluster;
    list_files(d);
    sign(d, owner_secret);
}

static struct ph_phat_id agent(void)
{
    struct ph_eth_address owner;
    struct ph_phat_id phat;

    CHECK(ph_eth_address(owner_secret, &owner) == PH_OK);
    ph_phat_id_derive(&owner, "agent", &phat);
    return phat;
}

static enum ph_err open_with(struct ph_keyd_client *client, const struct deploy *d,
                             struct ph_bytes ledger, struct ph_eth_address *address, bool *sends)
{
    return ph_keyd_wallet_open(client, &d->req, d->sig, ph_bytes_str(d->manifest),
                               ph_buf_view(&d->files), ledger, address, sends, why);
}

static enum ph_err open_it(struct ph_keyd_client *client, const struct deploy *d)
{
    struct ph_eth_address address;
    bool sends = false;

    PH_TRY(open_with(client, d, (struct ph_bytes){0}, &address, &sends));
    CHECK(sends);
    return PH_OK;
}

/* A transaction of 100 wei; *ledger is what is to be kept. */
static enum ph_err send(struct ph_keyd_client *client, uint64_t nonce, struct ph_buf *raw,
                        uint8_t sig[static 65], struct ph_buf *ledger)
{
    const struct ph_phat_id phat = agent();
    struct ph_tx tx = {
        .chain_id = 31337, .nonce = nonce, .max_fee = 1000, .gas = 21000, .value = ph_u256_of(100)};

    memset(tx.to.b, 0x0a, sizeof(tx.to.b));
    ph_buf_clear(raw);
    ph_buf_clear(ledger);
    CHECK(ph_tx_encode(&tx, raw) == PH_OK);
    return ph_keyd_wallet_sign(client, &phat, ph_buf_view(raw), sig, ledger, why);
}

#define BUFFERS                                                                                    \
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);                                       \
    struct ph_buf ledger PH_OWNED(ph_buf_clear) = PH_BUF(4096);                                    \
    uint8_t sig[65]

static void deploy_clear(struct deploy *d)
{
    ph_buf_clear(&d->files);
}

TEST(a_transaction_that_the_policy_allows_is_signed_by_the_phats_account)
{
    struct ph_buf signed_tx PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_keyd_client *client = start();
    struct ph_eth_address address, sender;
    struct deploy d PH_OWNED(deploy_clear);
    struct ph_tx tx;
    bool sends;
    BUFFERS;

    make(client, 1, "250", &ph_keyd_client_info(client)->signer, &d);
    CHECK(send(client, 0, &raw, sig, &ledger) == PH_ERR_NOT_FOUND);
    CHECK(open_with(client, &d, (struct ph_bytes){0}, &address, &sends) == PH_OK && sends);
    CHECK(send(client, 0, &raw, sig, &ledger) == PH_OK && ledger.len > 0);
    CHECK(ph_tx_sign_with(ph_buf_view(&raw), sig, &signed_tx) == PH_OK);
    CHECK(ph_tx_parse_signed(ph_buf_view(&signed_tx), &tx, &sender) == PH_OK);
    CHECK(memcmp(sender.b, address.b, sizeof(address.b)) == 0);
    CHECK(send(client, 1, &raw, sig, &ledger) == PH_OK);
    CHECK(send(client, 2, &raw, sig, &ledger) == PH_ERR_LIMIT && strstr(why, "250 wei"));
    CHECK(ledger.len == 0);
    ph_keyd_client_free(client);
}

TEST(only_the_phat_json_that_the_owner_signed_counts)
{
    struct ph_keyd_client *client = start();
    const struct ph_eth_address *self = &ph_keyd_client_info(client)->signer;
    struct deploy d PH_OWNED(deploy_clear), wide PH_OWNED(deploy_clear);
    struct ph_eth_address own, other;
    bool sends;

    make(client, 1, "250", self, &d);
    make(client, 1, "999", self, &wide);
    char manifest[sizeof(d.manifest)];
    memcpy(manifest, d.manifest, sizeof(manifest));
    memcpy(d.manifest, wide.manifest, sizeof(d.manifest)); /* the list and hash as signed */
    CHECK(open_it(client, &d) == PH_ERR_UNTRUSTED && strstr(why, "phat.json of the bundle"));
    CHECK(open_with(client, &wide, (struct ph_bytes){0}, &own, &sends) == PH_OK);
    list_files(&d);
    sign(&d, stranger_secret); /* somebody else's phat: another account */
    CHECK(open_with(client, &d, (struct ph_bytes){0}, &other, &sends) == PH_OK);
    CHECK(memcmp(own.b, other.b, sizeof(own.b)) != 0);
    d.req.content.b[0] ^= 1; /* a hash that nobody signed */
    CHECK(open_it(client, &d) == PH_ERR_UNTRUSTED);
    memcpy(d.manifest, manifest, sizeof(manifest));
    list_files(&d);
    d.req.cluster.b[0] ^= 1;
    sign(&d, owner_secret);
    CHECK(open_it(client, &d) == PH_ERR_UNTRUSTED && strstr(why, "another cluster"));
    d.req.cluster.b[0] ^= 1;
    (void)snprintf(d.req.action, sizeof(d.req.action), "delete");
    sign(&d, owner_secret);
    CHECK(open_it(client, &d) == PH_ERR_UNTRUSTED && strstr(why, "another action"));
    (void)snprintf(d.req.action, sizeof(d.req.action), "deploy");
    sign(&d, owner_secret);
    d.files.len -= 1;
    CHECK(open_it(client, &d) == PH_ERR_MALFORMED);
    d.files.len += 1;
    CHECK(open_it(client, &d) == PH_OK);
    ph_keyd_client_free(client);
}

TEST(a_newer_bundle_ends_the_policy_of_an_older_one)
{
    struct ph_keyd_client *client = start();
    const struct ph_eth_address *self = &ph_keyd_client_info(client)->signer;
    const struct ph_eth_address other = {{1}};
    struct deploy older PH_OWNED(deploy_clear), newer PH_OWNED(deploy_clear),
        moved PH_OWNED(deploy_clear);
    struct ph_eth_address address;
    bool sends = true;
    BUFFERS;

    make(client, 5, "1000", self, &older);
    make(client, 6, "150", self, &newer);
    make(client, 7, "150", &other, &moved);
    CHECK(open_it(client, &older) == PH_OK && send(client, 0, &raw, sig, &ledger) == PH_OK);
    CHECK(open_it(client, &newer) == PH_OK);
    CHECK(open_it(client, &older) == PH_ERR_UNTRUSTED && strstr(why, "newer bundle"));
    CHECK(send(client, 1, &raw, sig, &ledger) == PH_ERR_LIMIT);
    CHECK(open_with(client, &moved, (struct ph_bytes){0}, &address, &sends) == PH_OK && !sends);
    CHECK(send(client, 1, &raw, sig, &ledger) == PH_ERR_UNTRUSTED && strstr(why, "another worker"));
    CHECK(open_it(client, &newer) == PH_ERR_UNTRUSTED);
    ph_keyd_client_free(client);
}

TEST(what_was_signed_is_counted_over_a_restart)
{
    struct ph_keyd_client *client = start();
    struct ph_eth_address address;
    struct deploy d PH_OWNED(deploy_clear);
    bool sends;
    BUFFERS;

    make(client, 1, "250", &ph_keyd_client_info(client)->signer, &d);
    CHECK(open_it(client, &d) == PH_OK);
    CHECK(send(client, 0, &raw, sig, &ledger) == PH_OK);
    CHECK(send(client, 1, &raw, sig, &ledger) == PH_OK);
    struct ph_buf kept PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_buf_add(&kept, ph_buf_view(&ledger)) == PH_OK);
    ph_keyd_client_free(client);

    client = start();
    CHECK(open_with(client, &d, ph_buf_view(&kept), &address, &sends) == PH_OK && sends);
    CHECK(send(client, 2, &raw, sig, &ledger) == PH_ERR_LIMIT);
    CHECK(send(client, 1, &raw, sig, &ledger) == PH_OK); /* the same one again */
    ph_keyd_client_free(client);

    client = start();
    for (size_t i = 0; i < kept.len; i += 97) {
        kept.ptr[i] ^= 1;
        CHECK(open_with(client, &d, ph_buf_view(&kept), &address, &sends) == PH_ERR_UNTRUSTED);
        kept.ptr[i] ^= 1;
    }
    CHECK(open_with(client, &d, (struct ph_bytes){kept.ptr, kept.len - 1}, &address, &sends) ==
          PH_ERR_UNTRUSTED);
    CHECK(send(client, 0, &raw, sig, &ledger) == PH_ERR_NOT_FOUND);
    ph_keyd_client_free(client);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_transaction_that_the_policy_allows_is_signed_by_the_phats_account),
        CASE(only_the_phat_json_that_the_owner_signed_counts),
        CASE(a_newer_bundle_ends_the_policy_of_an_older_one),
        CASE(what_was_signed_is_counted_over_a_restart),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
