#ifndef PH_KEYS_RECEIPT_H
#define PH_KEYS_RECEIPT_H

/* Receipts: every call is a leaf, leaves of a few milliseconds form a Merkle tree, phala-keyd signs
 * the root.
 *
 * Leaf hash SHA-256(0x00 || leaf bytes), node hash SHA-256(0x01 || left || right), tree shape of
 * RFC 9162 §2.1.1. Signature: EIP-712 ReceiptBatch(bytes32 root,uint32 count,uint64 time), domain
 * as in keys/eip712.h.
 *
 * Layer: keys. Pure. Format and how a stranger recomputes it: docs/receipts.md. Tests:
 * receipt_test.c, receipt_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "crypto/hash.h"

/* F(field, offset, size): the leaf as hashed; integers big-endian. With the 0x00 in front, `tag` to
 * `zero` are the first two blocks of SHA-256: they are the same for every call of a phat between
 * two commits, and hashed once (struct ph_leaf_hasher). */
/* clang-format off */
#define PH_RECEIPT_LEAF(F)                                                                         \
    F(tag,            0, 10) /* "phala-leaf" */                                                    \
    F(version,       10,  1) /* 2 */                                                               \
    F(phat,          11, 20)                                                                       \
    F(bundle_hash,   31, 32)                                                                       \
    F(commit_index,  63,  8) /* newest commit that the answer can depend on; 0: none */            \
    F(state_root,    71, 32) /* of the state after that commit; zero: none */                      \
    F(zero,         103, 24)                                                                       \
    F(outcome,      127,  1) /* enum ph_outcome */                                                 \
    F(status,       128,  2) /* HTTP status sent to the caller */                                  \
    F(time_ms,      130,  8) /* Unix milliseconds when the answer was complete */                  \
    F(request_hash, 138, 32)                                                                       \
    F(response_hash, 170, 32)                                                                      \
    F(nonce,        202, 32) /* Phala-Nonce of the caller; zero without one */
/* clang-format on */
enum {
    PH_RECEIPT_LEAF_LEN = 234,
    PH_RECEIPT_LEAF_CODE = 63,   /* bytes that are the same for every call of a bundle */
    PH_RECEIPT_LEAF_FRONT = 127, /* … between two commits */
    PH_RECEIPT_LEAF_VERSION = 2,
    PH_RECEIPT_BATCH_MAX = 1024,
};

enum ph_outcome {
    PH_OUTCOME_ANSWERED = 0, /* the phat's own answer, complete */
    PH_OUTCOME_FAILED = 1,   /* the worker answered for it: limit, crash, error */
    PH_OUTCOME_CUT = 2,      /* a streamed answer ended early; response_hash covers what was sent */
};

struct ph_receipt_leaf {
    uint8_t raw[PH_RECEIPT_LEAF_LEN];
};
/* Which state an answer was made from. Zeroed: the phat has none, or has made no commit, or it was
 * the worker that answered. */
struct ph_receipt_state {
    uint64_t commit_index;
    struct ph_hash32 root;
};
/* The fields of a leaf, taken apart and put together. Any bytes are a leaf here; what may stand in
 * one is for ph_receipt_from_json and ph_receipt_check to say. */
struct ph_receipt_fields {
    uint8_t version, outcome;
    uint16_t status;
    struct ph_phat_id phat;
    struct ph_hash32 bundle_hash, request_hash, response_hash, nonce;
    struct ph_receipt_state state;
    uint64_t time_ms;
};
void ph_receipt_leaf_view(const struct ph_receipt_leaf *leaf, struct ph_receipt_fields *out);
void ph_receipt_fields_leaf(const struct ph_receipt_fields *fields, struct ph_receipt_leaf *out);
/* "answered", "failed", "cut"; "unknown" for any other number. Static storage. */
const char *ph_outcome_name(uint8_t outcome);

void ph_receipt_leaf_make(struct ph_receipt_leaf *out, enum ph_outcome outcome, uint16_t status,
                          const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                          const struct ph_hash32 *request_hash,
                          const struct ph_hash32 *response_hash, const struct ph_hash32 *nonce,
                          uint64_t time_ms, const struct ph_receipt_state *state);

/* request_hash = SHA-256("phala-request-v1\n" method "\n" target "\n" content-type "\n" body)
 * response_hash = SHA-256("phala-response-v1\n" status "\n" content-type "\n" content-encoding "\n"
 *                         location "\n" body)
 * A header that is absent has an empty line. No line may hold a line feed, or the hash would be
 * that of other messages too: whoever calls has checked that. target is the path and query as the
 * phat saw them. */
void ph_receipt_request_hash(struct ph_bytes method, struct ph_bytes target,
                             struct ph_bytes content_type, struct ph_bytes body,
                             struct ph_hash32 *out);
void ph_receipt_response_hash(uint16_t status, struct ph_bytes content_type,
                              struct ph_bytes content_encoding, struct ph_bytes location,
                              struct ph_bytes body, struct ph_hash32 *out);
/* The same for a body that comes in pieces: begin, ph_sha256_update with each, ph_sha256_final. */
void ph_receipt_request_begin(struct ph_sha256 *h, struct ph_bytes method, struct ph_bytes target,
                              struct ph_bytes content_type);
void ph_receipt_response_begin(struct ph_sha256 *h, uint16_t status, struct ph_bytes content_type,
                               struct ph_bytes content_encoding, struct ph_bytes location);

/* The hash of a request that went through begin and updates, and of a whole answer: both in less
 * time than one after the other (ph_sha256_pair_from). `request` stays as it is. */
void ph_receipt_hash_both(const struct ph_sha256 *request, uint16_t status,
                          struct ph_bytes content_type, struct ph_bytes content_encoding,
                          struct ph_bytes location, struct ph_bytes body,
                          struct ph_hash32 *request_hash, struct ph_hash32 *response_hash);

void ph_receipt_leaf_hash(const struct ph_receipt_leaf *leaf, struct ph_hash32 *out);
/* The same for many leaves, most of them of one phat: remembers the hash of the front of the leaf
 * before. Zeroed is a fresh one. */
struct ph_leaf_hasher {
    bool set;
    uint8_t front[PH_RECEIPT_LEAF_FRONT];
    struct ph_sha256 after;
};
void ph_receipt_leaf_hash_next(struct ph_leaf_hasher *hasher, const struct ph_receipt_leaf *leaf,
                               struct ph_hash32 *out);
/* Two leaves at once (ph_sha256_pair_from), each by its hasher; both may have the same one. */
void ph_receipt_leaf_hash_pair(struct ph_leaf_hasher *hasher_a, const struct ph_receipt_leaf *a,
                               struct ph_hash32 *out_a, struct ph_leaf_hasher *hasher_b,
                               const struct ph_receipt_leaf *b, struct ph_hash32 *out_b);
/* A whole tree, so that each of many paths costs copying and no hashing: build once per batch, then
 * ask for every leaf's path. 64 KiB of the caller's storage. */
enum {
    PH_MERKLE_PATH_MAX = 10,
    PH_MERKLE_NODE_MAX = 2 * PH_RECEIPT_BATCH_MAX + PH_MERKLE_PATH_MAX,
};
struct ph_merkle {
    uint32_t leaf_cnt;
    struct ph_hash32 root;
    struct ph_hash32 node[PH_MERKLE_NODE_MAX]; /* levels, leaves first */
};
/* @cnt 1..PH_RECEIPT_BATCH_MAX; @leaves may be tree->node, where they are then not copied. */
void ph_merkle_build(struct ph_merkle *tree, const struct ph_hash32 *leaves, size_t cnt);
/* Audit path of leaf `index` < leaf_cnt, bottom up; yields its length. */
size_t ph_merkle_tree_path(const struct ph_merkle *tree, size_t index,
                           struct ph_hash32 out[static PH_MERKLE_PATH_MAX]);

/* The same for one root or one path, building the tree on the stack.
 * Root of 1..PH_RECEIPT_BATCH_MAX leaf hashes. */
void ph_merkle_root(const struct ph_hash32 *leaves, size_t cnt, struct ph_hash32 *out);
/* Audit path of leaf `index`, bottom up; yields its length (at most 10). RFC 9162 §2.1.3.1 */
size_t ph_merkle_path(const struct ph_hash32 *leaves, size_t cnt, size_t index,
                      struct ph_hash32 out[static PH_MERKLE_PATH_MAX]);
/* How many hashes the path of leaf `index` < cnt has. */
size_t ph_merkle_path_len(size_t index, size_t cnt);
/* Where a path leads. PH_ERR_UNTRUSTED: index, cnt or path length do not fit together. */
PH_CHECKED enum ph_err ph_merkle_lead(const struct ph_hash32 *leaf, size_t index, size_t cnt,
                                      const struct ph_hash32 *path, size_t path_len,
                                      struct ph_hash32 *root);
/* RFC 9162 §2.1.3.2. PH_ERR_UNTRUSTED: the path does not lead to the root. */
PH_CHECKED enum ph_err ph_merkle_check(const struct ph_hash32 *leaf, size_t index, size_t cnt,
                                       const struct ph_hash32 *path, size_t path_len,
                                       const struct ph_hash32 *root);

/* What phala-keyd signs for a batch. */
void ph_receipt_batch_digest(const struct ph_hash32 *root, uint32_t count, uint64_t time_ms,
                             struct ph_hash32 *out);

/* A whole receipt. JSON: see docs/receipts.md; unknown, missing and duplicate members are refused.
 * from_json: PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (another format), PH_ERR_LIMIT; `why` says where.
 * to_json: PH_ERR_LIMIT (a field that JSON cannot carry, or `out` is full), PH_ERR_NOMEM. */
#define PH_RECEIPT_FORMAT "phala-receipt-v1"
enum { PH_RECEIPT_JSON_MAX = 4096 }; /* bytes; a receipt of 1,024 leaves takes under 2,000 */
struct ph_receipt {
    struct ph_receipt_leaf leaf;
    uint32_t index, count;
    struct ph_hash32 path[PH_MERKLE_PATH_MAX];
    size_t path_len;
    uint64_t batch_time_ms;
    uint8_t sig[65];
};
PH_CHECKED enum ph_err ph_receipt_to_json(const struct ph_receipt *receipt, struct ph_buf *out);
PH_CHECKED enum ph_err ph_receipt_from_json(struct ph_bytes text, struct ph_receipt *out,
                                            char why[static 128]);
/* Root that leaf and path lead to, before any signature is looked at. PH_ERR_UNSUPPORTED: tag
 * or version is another. PH_ERR_UNTRUSTED: index, count and path do not fit together. */
PH_CHECKED enum ph_err ph_receipt_root(const struct ph_receipt *receipt, struct ph_hash32 *root);
/* Checks version, path and signature; yields who signed. Whether that signer is a worker is for the
 * evidence to say. PH_ERR_UNTRUSTED. */
PH_CHECKED enum ph_err ph_receipt_check(const struct ph_receipt *receipt,
                                        struct ph_eth_address *signer);

#endif
