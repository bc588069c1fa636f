/* The Merkle tree of RFC 9162 §2.1 over at most PH_RECEIPT_BATCH_MAX leaves. Built level by level:
 * a node without a right sibling moves up unchanged, which gives the RFC's shape (split at the
 * largest power of two below n). */

#include "base/own.h"
#include "crypto/hash.h"
#include "keys/receipt.h"

#include <assert.h>

static void node_input(const struct ph_hash32 *left, const struct ph_hash32 *right,
                       uint8_t raw[static 65])
{
    raw[0] = 0x01;
    memcpy(raw + 1, left->b, 32);
    memcpy(raw + 33, right->b, 32);
}

static void node_hash(const struct ph_hash32 *left, const struct ph_hash32 *right,
                      struct ph_hash32 *out)
{
    uint8_t raw[65] PH_NO_INIT;

    node_input(left, right, raw);
    ph_sha256(PH_BYTES_OF(raw), out->b);
}

/* Two neighbours: four nodes of a level into two of the next. */
static void node_hash_pair(const struct ph_hash32 child[static 4], struct ph_hash32 out[static 2])
{
    uint8_t first[65] PH_NO_INIT, second[65] PH_NO_INIT;

    node_input(&child[0], &child[1], first);
    node_input(&child[2], &child[3], second);
    ph_sha256_pair(PH_BYTES_OF(first), PH_BYTES_OF(second), out[0].b, out[1].b);
}

void ph_merkle_build(struct ph_merkle *tree, const struct ph_hash32 *leaves, size_t cnt)
{
    assert(cnt >= 1 && cnt <= PH_RECEIPT_BATCH_MAX);
    if (leaves != tree->node)
        memcpy(tree->node, leaves, cnt * sizeof(*leaves));
    tree->leaf_cnt = (uint32_t)cnt;

    struct ph_hash32 *level = tree->node;
    for (size_t n = cnt; n > 1; n = (n + 1) / 2) {
        struct ph_hash32 *up = level + n;
        size_t i = 0;
        for (; i + 3 < n; i += 4)
            node_hash_pair(&level[i], &up[i / 2]);
        if (i + 1 < n)
            node_hash(&level[i], &level[i + 1], &up[i / 2]);
        if (n % 2 == 1)
            up[n / 2] = level[n - 1];
        level = up;
    }
    tree->root = *level;
}

size_t ph_merkle_tree_path(const struct ph_merkle *tree, size_t index,
                           struct ph_hash32 out[static PH_MERKLE_PATH_MAX])
{
    const struct ph_hash32 *level = tree->node;
    size_t len = 0;

    assert(index < tree->leaf_cnt);
    for (size_t n = tree->leaf_cnt; n > 1; n = (n + 1) / 2) {
        if ((index ^ 1) < n)
            out[len++] = level[index ^ 1];
        level += n;
        index /= 2;
    }
    return len;
}

void ph_merkle_root(const struct ph_hash32 *leaves, size_t cnt, struct ph_hash32 *out)
{
    struct ph_merkle tree;

    ph_merkle_build(&tree, leaves, cnt);
    *out = tree.root;
}

size_t ph_merkle_path(const struct ph_hash32 *leaves, size_t cnt, size_t index,
                      struct ph_hash32 out[static PH_MERKLE_PATH_MAX])
{
    struct ph_merkle tree;

    ph_merkle_build(&tree, leaves, cnt);
    return ph_merkle_tree_path(&tree, index, out);
}

size_t ph_merkle_path_len(size_t index, size_t cnt)
{
    size_t len = 0;

    for (; cnt > 1; cnt = (cnt + 1) / 2, index /= 2)
        len += (index ^ 1) < cnt;
    return len;
}

enum ph_err ph_merkle_lead(const struct ph_hash32 *leaf, size_t index, size_t cnt,
                           const struct ph_hash32 *path, size_t path_len, struct ph_hash32 *root)
{
    if (cnt < 1 || cnt > PH_RECEIPT_BATCH_MAX || index >= cnt ||
        path_len != ph_merkle_path_len(index, cnt))
        return PH_ERR_UNTRUSTED;

    struct ph_hash32 at = *leaf;
    size_t used = 0;
    for (size_t n = cnt; n > 1; n = (n + 1) / 2, index /= 2) {
        if ((index ^ 1) >= n)
            continue;
        struct ph_hash32 up;
        if (index % 2 == 0)
            node_hash(&at, &path[used], &up);
        else
            node_hash(&path[used], &at, &up);
        at = up;
        used++;
    }
    *root = at;
    return PH_OK;
}

enum ph_err ph_merkle_check(const struct ph_hash32 *leaf, size_t index, size_t cnt,
                            const struct ph_hash32 *path, size_t path_len,
                            const struct ph_hash32 *root)
{
    struct ph_hash32 got;

    PH_TRY(ph_merkle_lead(leaf, index, cnt, path, path_len, &got));
    return memcmp(got.b, root->b, sizeof(got.b)) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
}
