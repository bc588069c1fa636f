/* What a call's receipt costs, in processor time: one JSON object a line, one thread. Run by hand;
 * not a test.
 *
 *   receipts_bench
 *
 *   messages  request_hash and response_hash, bodies hashed already
 *   leaf      hash of a leaf
 *   tree      a batch of 1,024 leaves, for each leaf
 *   path      the way up for one leaf of it
 *   batch     digest and signature, as phala-keyd makes them once per batch
 */

#include "crypto/init.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 100, SIGNATURES = 500 };

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

int main(void)
{
    static struct ph_receipt_leaf leaf[PH_RECEIPT_BATCH_MAX];
    static struct ph_hash32 hash[PH_RECEIPT_BATCH_MAX];
    static struct ph_merkle tree;
    const uint8_t secret[32] = {1}, body[32] = {2};
    const double leaves = (double)ROUNDS * PH_RECEIPT_BATCH_MAX;
    struct ph_hash32 path[PH_MERKLE_PATH_MAX], digest;
    uint8_t sig[65];
    size_t hashes = 0;

    ph_crypto_init();
    double start = cpu_ns();
    for (size_t i = 0; i < ROUNDS * PH_RECEIPT_BATCH_MAX; i++) {
        ph_receipt_request_hash(PH_BYTES_LIT("GET"), PH_BYTES_LIT("/?pair=BTC-USD"),
                                PH_BYTES_LIT(""), body, &digest);
        ph_receipt_response_hash(200, PH_BYTES_LIT("application/json"), PH_BYTES_LIT(""),
                                 PH_BYTES_LIT(""), body, &digest);
    }
    report("messages", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < PH_RECEIPT_BATCH_MAX; i++)
            ph_receipt_leaf_hash(&leaf[i], &hash[i]);
    report("leaf", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        ph_merkle_build(&tree, hash, PH_RECEIPT_BATCH_MAX);
    report("tree", start, leaves);
    start = cpu_ns();
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < PH_RECEIPT_BATCH_MAX; i++)
            hashes += ph_merkle_tree_path(&tree, i, path);
    report("path", start, leaves);
    start = cpu_ns();
    for (uint64_t r = 0; r < SIGNATURES; r++) {
        ph_receipt_batch_digest(&tree.root, PH_RECEIPT_BATCH_MAX, r, &digest);
        if (ph_eth_sign(secret, &digest, sig) != PH_OK)
            return 1;
    }
    report("batch", start, SIGNATURES);
    return hashes == (size_t)ROUNDS * PH_RECEIPT_BATCH_MAX * PH_MERKLE_PATH_MAX ? 0 : 1;
}
