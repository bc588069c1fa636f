/* What a call's receipt costs, in processor time: one JSON object a line, one thread. Run by hand
 * and by compare.mjs; not a test.
 *
 *   receipts_bench [PHALA-KEYD [CALLS-PER-BATCH]]
 *
 *   messages  request_hash and response_hash of the hello workload
 *   leaf      hash of a leaf, two at a time as the batcher takes them
 *   tree      a batch of 1,024 leaves, for each leaf
 *   path      the way up for one leaf of it
 *   batch     digest and signature, as phala-keyd makes them once per batch
 *   call      everything that receipts take in phalad, for each call, with the program PHALA-KEYD
 *             running: messages, leaf, id, batcher, store, and the exchange with phala-keyd, whose
 *             own processor time is not in it
 */

#include "base/own.h"
#include "crypto/init.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"
#include "node/batcher.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 100, SIGNATURES = 500, BATCHES = 1000 };

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void report(const char *name, double since_ns, double times)
{
    (void)printf("{\"name\":\"%s\",\"ns\":%.0f}\n", name, (cpu_ns() - since_ns) / times);
}

static void hash_messages(struct ph_hash32 *request, struct ph_hash32 *response)
{
    struct ph_sha256 h;

    ph_receipt_request_begin(&h, PH_BYTES_LIT("GET"), PH_BYTES_LIT("/"), PH_BYTES_LIT(""));
    ph_receipt_hash_both(&h, 200, PH_BYTES_LIT("text/plain;charset=UTF-8"), PH_BYTES_LIT(""),
                         PH_BYTES_LIT(""), PH_BYTES_LIT("Hello, World!"), request, response);
}

static void bench_parts(void)
{
    static struct ph_receipt_leaf leaf[PH_RECEIPT_BATCH_MAX];
    static struct ph_hash32 hash[PH_RECEIPT_BATCH_MAX];
    static struct ph_merkle tree;
    struct ph_leaf_hasher hasher = {.set = false};
    const uint8_t secret[32] = {1};
    const double leaves = (double)ROUNDS * PH_RECEIPT_BATCH_MAX;
    struct ph_hash32 path[PH_MERKLE_PATH_MAX], digest, other;
    uint8_t sig[65];

    double start = cpu_ns();
    for (size_t i = 0; i < (size_t)ROUNDS * PH_RECEIPT_BATCH_MAX; i++)
        hash_messages(&digest, &other);
    report("messages", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < PH_RECEIPT_BATCH_MAX; i += 2)
            ph_receipt_leaf_hash_pair(&hasher, &leaf[i], &hash[i], &hasher, &leaf[i + 1],
                                      &hash[i + 1]);
    report("leaf", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        ph_merkle_build(&tree, hash, PH_RECEIPT_BATCH_MAX);
    report("tree", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < PH_RECEIPT_BATCH_MAX; i++)
            if (ph_merkle_tree_path(&tree, i, path) != PH_MERKLE_PATH_MAX)
                abort();
    report("path", start, leaves);
    start = cpu_ns();
    for (uint64_t r = 0; r < SIGNATURES; r++) {
        ph_receipt_batch_digest(&tree.root, PH_RECEIPT_BATCH_MAX, r, &digest);
        if (ph_eth_sign(secret, &digest, sig) != PH_OK)
            abort();
    }
    report("batch", start, SIGNATURES);
}

static void fatal(void *ctx, const char *why)
{
    (void)ctx;
    (void)fprintf(stderr, "receipts_bench: %s\n", why);
    exit(1);
}

static void one_call(struct ph_batcher *batcher)
{
    const struct ph_phat_id phat = {{1}};
    const struct ph_hash32 bundle = {{2}}, nonce = {{0}};
    struct ph_hash32 request, response;
    struct ph_receipt_leaf leaf;
    struct ph_receipt_place place;
    char id[24];

    hash_messages(&request, &response);
    ph_receipt_leaf_make(&leaf, PH_OUTCOME_ANSWERED, 200, &phat, &bundle, &request, &response,
                         &nonce, 1763700000123, &(struct ph_receipt_state){0});
    if (ph_batcher_add(batcher, &leaf, &place) != PH_OK)
        abort();
    ph_receipt_id_print(&place, id);
}

/* Batches as they close under load, one after the other. */
static int bench_calls(const char *keyd_path, size_t per_batch)
{
    const struct ph_keyd_config config = {.path = keyd_path, .state = "", .seal = "none"};
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    char dir[] = "/tmp/phala-receipts-bench-XXXXXX", why[PH_KEYD_WHY_LEN] = "", command[80];
    struct ph_keyd_client *keyd = NULL;
    struct ph_receipt_store *store = NULL;
    struct ph_batcher *batcher = NULL;
    struct ph_metrics metrics = {0};
    struct ph_loop *loop = NULL;

    const int dir_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (dir_fd < 0 || ph_keyd_client_start(&config, &keyd, why) != PH_OK ||
        ph_receipt_store_open(dir_fd, &keep, &store) != PH_OK || ph_loop_new(&loop) != PH_OK ||
        ph_batcher_new(loop, keyd, store, &metrics, fatal, NULL, &batcher) != PH_OK) {
        (void)fprintf(stderr, "receipts_bench: cannot start: %s\n", why);
        return 1;
    }
    double start = 0;
    for (size_t b = 0; b < BATCHES + 10; b++) {
        if (b == 10) /* the first ones touch fresh memory */
            start = cpu_ns();
        for (size_t i = 0; i < per_batch; i++)
            one_call(batcher);
        while (!ph_batcher_drain(batcher)) {
            struct pollfd p = {.fd = ph_keyd_client_fd(keyd), .events = POLLIN};
            (void)poll(&p, 1, -1);
            ph_batcher_poll(batcher);
        }
    }
    report("call", start, (double)BATCHES * (double)per_batch);
    ph_batcher_free(batcher);
    ph_loop_free(loop);
    ph_receipt_store_close(store);
    ph_keyd_client_free(keyd);
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    ph_crypto_init();
    const unsigned long per_batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 450;
    if (argc > 3 || per_batch < 1 || per_batch > PH_RECEIPT_BATCH_MAX) {
        (void)fprintf(stderr, "usage: receipts_bench [PHALA-KEYD [CALLS-PER-BATCH 1..1024]]\n");
        return 2;
    }
    bench_parts();
    return argc > 1 ? bench_calls(argv[1], per_batch) : 0;
}
