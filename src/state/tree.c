#include "state/tree.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum { BUCKETS = 1024, ENTRY = PH_TREE_NODE / PH_TREE_FANOUT };

/* A node in memory: checked against its parent when it was read, or made here. */
struct node {
    struct ph_tree_at at;
    bool dirty; /* the source does not have it: stays in memory */
    bool stale; /* its parent's entry, or the top hash, does not show it yet */
    struct node *in_bucket, *next_stale;
    struct node *older, *newer; /* clean nodes by use */
    uint8_t b[PH_TREE_NODE];
};

struct ph_tree {
    ph_tree_read read;
    void *ctx;
    uint32_t page_cnt;
    uint8_t height;
    struct ph_hash32 top; /* SHA-256 of the top node, when nothing is stale */
    struct node *bucket[BUCKETS];
    struct node *stale[PH_TREE_HEIGHT_MAX];
    struct node *oldest, *newest;
    size_t clean_cnt, clean_max, dirty_cnt;
};

static const uint8_t zero_node[PH_TREE_NODE];

static uint8_t height_of(uint32_t page_cnt)
{
    uint8_t height = 1;
    for (uint64_t covered = PH_TREE_FANOUT; covered < page_cnt; covered *= PH_TREE_FANOUT)
        height++;
    return height;
}

static struct node **bucket_of(struct ph_tree *t, struct ph_tree_at at)
{
    return &t->bucket[(at.n * 2654435761u ^ at.level * 40503u) % BUCKETS];
}

static struct node *find(struct ph_tree *t, struct ph_tree_at at)
{
    struct node *node = *bucket_of(t, at);
    while (node && (node->at.n != at.n || node->at.level != at.level))
        node = node->in_bucket;
    return node;
}

static void unlink_clean(struct ph_tree *t, struct node *node)
{
    *(node->older ? &node->older->newer : &t->oldest) = node->newer;
    *(node->newer ? &node->newer->older : &t->newest) = node->older;
    node->older = node->newer = NULL;
    t->clean_cnt--;
}

static void link_newest(struct ph_tree *t, struct node *node)
{
    node->older = t->newest;
    node->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = node;
    t->newest = node;
    t->clean_cnt++;
}

/* Take a node out of memory; it must not be on a stale list. */
static void drop(struct ph_tree *t, struct node *node)
{
    struct node **at = bucket_of(t, node->at);
    while (*at != node)
        at = &(*at)->in_bucket;
    *at = node->in_bucket;
    if (node->dirty)
        t->dirty_cnt--;
    else
        unlink_clean(t, node);
    free(node);
}

static bool is_top(const struct ph_tree *t, struct ph_tree_at at)
{
    return at.level + 1 == t->height;
}

static void touch(struct ph_tree *t, struct node *node)
{
    if (node->dirty || node == t->newest)
        return;
    unlink_clean(t, node);
    link_newest(t, node);
}

/* Clean nodes beyond the limit go, the oldest first; the top stays. `keep` was just read. */
static void evict(struct ph_tree *t, const struct node *keep)
{
    struct node *node = t->oldest;
    while (node && t->clean_cnt > t->clean_max) {
        struct node *next = node->newer;
        if (node != keep && !is_top(t, node->at))
            drop(t, node);
        node = next;
    }
}

static enum ph_err add(struct ph_tree *t, struct ph_tree_at at, struct node **out)
{
    struct node *node = calloc(1, sizeof(*node));
    struct node **bucket = bucket_of(t, at);

    if (!node)
        return PH_ERR_NOMEM;
    node->at = at;
    node->in_bucket = *bucket;
    *bucket = node;
    link_newest(t, node);
    *out = node;
    return PH_OK;
}

static bool is_zero(const uint8_t *b, size_t len)
{
    return memcmp(b, zero_node, len) == 0;
}

static uint8_t *entry(struct node *node, uint32_t i)
{
    return node->b + (size_t)i * ENTRY;
}

/* Read a node that must hash to `want`, or be all zero when `want` is NULL. */
static enum ph_err fetch(struct ph_tree *t, struct ph_tree_at at, const uint8_t *want,
                         struct node **out)
{
    struct ph_hash32 hash;
    struct node *node;
    enum ph_err err;

    PH_TRY(add(t, at, &node));
    if (want) {
        err = t->read(t->ctx, at, node->b);
        if (err == PH_ERR_NOT_FOUND)
            err = PH_ERR_UNTRUSTED; /* its parent says that it was written */
        if (err == PH_OK) {
            ph_sha256(PH_BYTES_OF(node->b), hash.b);
            err = memcmp(hash.b, want, 32) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
        }
        if (err != PH_OK) {
            drop(t, node);
            return err;
        }
    }
    evict(t, node);
    *out = node;
    return PH_OK;
}

/* The node at `at`, by way of its parents from the top down. */
static enum ph_err load(struct ph_tree *t, struct ph_tree_at at, struct node **out)
{
    struct ph_tree_at step = {(uint8_t)(t->height - 1), 0};
    struct node *node = find(t, step);

    if (!node)
        return PH_ERR_UNTRUSTED; /* the top is always there */
    while (step.level > at.level) {
        uint32_t child = at.n;
        for (uint8_t l = at.level; l + 1 < step.level; l++)
            child /= PH_TREE_FANOUT;
        const struct ph_tree_at below = {(uint8_t)(step.level - 1), child};
        struct node *next = find(t, below);
        if (!next) {
            uint8_t want[32];
            const bool written = !is_zero(entry(node, child % PH_TREE_FANOUT), ENTRY);
            memcpy(want, entry(node, child % PH_TREE_FANOUT), 32);
            PH_TRY(fetch(t, below, written ? want : NULL, &next));
        }
        touch(t, next);
        node = next;
        step = below;
    }
    *out = node;
    return PH_OK;
}

static void mark(struct ph_tree *t, struct node *node)
{
    if (!node->dirty) {
        unlink_clean(t, node);
        node->dirty = true;
        t->dirty_cnt++;
    }
    if (!node->stale) {
        node->stale = true;
        node->next_stale = t->stale[node->at.level];
        t->stale[node->at.level] = node;
    }
}

/* Load a leaf node and mark it and all above it as changed. */
static enum ph_err load_to_change(struct ph_tree *t, uint32_t leaf, struct node **out)
{
    struct ph_tree_at at = {0, leaf};
    struct node *node;

    PH_TRY(load(t, at, out));
    mark(t, *out);
    while (at.level + 1 < t->height) {
        at = (struct ph_tree_at){(uint8_t)(at.level + 1), at.n / PH_TREE_FANOUT};
        PH_TRY(load(t, at, &node));
        mark(t, node);
    }
    return PH_OK;
}

void ph_tree_free(struct ph_tree *tree)
{
    if (!tree)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (tree->bucket[i]) {
            struct node *next = tree->bucket[i]->in_bucket;
            free(tree->bucket[i]);
            tree->bucket[i] = next;
        }
    }
    free(tree);
}

static void tree_freep(struct ph_tree **tree)
{
    ph_tree_free(*tree);
}

enum ph_err ph_tree_open(const struct ph_state_tip *tip, ph_tree_read read, void *ctx,
                         size_t cache_nodes, struct ph_tree **out)
{
    struct ph_tree *t PH_OWNED(tree_freep) = calloc(1, sizeof(*t));
    struct ph_hash32 root;
    struct node *top;

    if (!t)
        return PH_ERR_NOMEM;
    if (tip->page_cnt > PH_STATE_PAGES_MAX)
        return PH_ERR_UNTRUSTED;
    t->read = read;
    t->ctx = ctx;
    t->page_cnt = tip->page_cnt;
    t->height = height_of(tip->page_cnt);
    t->clean_max = cache_nodes < 16 ? 16 : cache_nodes;
    PH_TRY(add(t, (struct ph_tree_at){(uint8_t)(t->height - 1), 0}, &top));
    if (tip->index > 0) {
        const enum ph_err err = read(ctx, top->at, top->b);
        if (err != PH_OK && err != PH_ERR_NOT_FOUND)
            return err;
    }
    ph_sha256(PH_BYTES_OF(top->b), t->top.b);
    ph_state_root(t->page_cnt, t->height, &t->top, &root);
    if (tip->index > 0 && memcmp(root.b, tip->root.b, 32) != 0)
        return PH_ERR_UNTRUSTED;
    *out = PH_TAKE(t);
    return PH_OK;
}

uint32_t ph_tree_page_cnt(const struct ph_tree *tree)
{
    return tree->page_cnt;
}

size_t ph_tree_dirty_cnt(const struct ph_tree *tree)
{
    return tree->dirty_cnt;
}

enum ph_err ph_tree_get(struct ph_tree *tree, uint32_t page, struct ph_tree_entry *out)
{
    struct node *leaf;

    *out = (struct ph_tree_entry){0};
    if (page >= tree->page_cnt)
        return PH_OK;
    PH_TRY(load(tree, (struct ph_tree_at){0, page / PH_TREE_FANOUT}, &leaf));
    struct ph_reader r = {{entry(leaf, page % PH_TREE_FANOUT), ENTRY}};
    if (!ph_read_copy(&r, out->tag, PH_STATE_TAG) || !ph_read_u64le(&r, &out->index) ||
        !ph_read_copy(&r, out->session.b, 32) || !ph_read_u32le(&r, &out->epoch))
        return PH_ERR_UNTRUSTED;
    if (out->index > 0 && out->epoch == 0)
        out->epoch = 1;
    return PH_OK;
}

/* One more level on top; the old top is the first below it. */
static enum ph_err raise(struct ph_tree *t)
{
    struct node *top, *old;

    PH_TRY(load(t, (struct ph_tree_at){(uint8_t)(t->height - 1), 0}, &old));
    PH_TRY(add(t, (struct ph_tree_at){t->height, 0}, &top));
    mark(t, old);
    mark(t, top);
    t->height++;
    return PH_OK;
}

static enum ph_err grow(struct ph_tree *t, uint32_t page_cnt)
{
    const uint8_t height = height_of(page_cnt);

    while (t->height < height)
        PH_TRY(raise(t));
    t->page_cnt = page_cnt;
    return PH_OK;
}

enum ph_err ph_tree_set(struct ph_tree *tree, uint32_t page, const struct ph_tree_entry *e)
{
    struct node *leaf;

    if (page >= PH_STATE_PAGES_MAX)
        return PH_ERR_LIMIT;
    if (page >= tree->page_cnt)
        PH_TRY(grow(tree, page + 1));
    PH_TRY(load_to_change(tree, page / PH_TREE_FANOUT, &leaf));
    uint8_t *at = entry(leaf, page % PH_TREE_FANOUT);
    memset(at, 0, ENTRY);
    memcpy(at, e->tag, PH_STATE_TAG);
    ph_put_u64le(at + PH_STATE_TAG, e->index);
    memcpy(at + PH_STATE_TAG + 8, e->session.b, 32);
    ph_put_u32le(at + PH_STATE_TAG + 40, e->epoch == 1 ? 0 : e->epoch);
    return PH_OK;
}

/* Forget nodes that no longer count: right of the last page's path, or above the top. */
static void drop_behind(struct ph_tree *t, uint32_t last_page)
{
    for (unsigned l = 0; l < PH_TREE_HEIGHT_MAX; l++) {
        struct node *kept = NULL, *next;
        for (struct node *node = t->stale[l]; node; node = next) {
            next = node->next_stale;
            uint32_t last = last_page / PH_TREE_FANOUT;
            for (unsigned i = 0; i < l; i++)
                last /= PH_TREE_FANOUT;
            if (node->at.n > last || l >= t->height) {
                node->stale = false;
                node->next_stale = NULL;
            } else {
                node->next_stale = kept;
                kept = node;
            }
        }
        t->stale[l] = kept;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        struct node *next;
        for (struct node *node = t->bucket[i]; node; node = next) {
            next = node->in_bucket;
            uint32_t last = last_page / PH_TREE_FANOUT;
            for (uint8_t l = 0; l < node->at.level; l++)
                last /= PH_TREE_FANOUT;
            if (node->at.n > last || node->at.level >= t->height)
                drop(t, node);
        }
    }
}

enum ph_err ph_tree_resize(struct ph_tree *tree, uint32_t page_cnt)
{
    struct node *node;

    if (page_cnt > PH_STATE_PAGES_MAX)
        return PH_ERR_LIMIT;
    if (page_cnt >= tree->page_cnt)
        return grow(tree, page_cnt);

    /* Zero what lies right of the last page on its path, then cut the levels above. */
    const uint32_t last_page = page_cnt > 0 ? page_cnt - 1 : 0;
    PH_TRY(load_to_change(tree, last_page / PH_TREE_FANOUT, &node));
    uint32_t at = last_page;
    for (uint8_t level = 0; level < tree->height; level++, at /= PH_TREE_FANOUT) {
        PH_TRY(load(tree, (struct ph_tree_at){level, at / PH_TREE_FANOUT}, &node));
        const uint32_t first = at % PH_TREE_FANOUT + (page_cnt > 0 || level > 0);
        memset(node->b + (size_t)first * ENTRY, 0, (size_t)(PH_TREE_FANOUT - first) * ENTRY);
    }
    tree->page_cnt = page_cnt;
    tree->height = height_of(page_cnt);
    drop_behind(tree, last_page);
    return PH_OK;
}

enum ph_err ph_tree_root(struct ph_tree *tree, struct ph_hash32 *out)
{
    struct ph_hash32 hash;

    for (uint8_t level = 0; level < tree->height; level++) {
        while (tree->stale[level]) {
            struct node *node = tree->stale[level], *above;
            ph_sha256(PH_BYTES_OF(node->b), hash.b);
            if (is_top(tree, node->at)) {
                tree->top = hash;
            } else {
                const struct ph_tree_at at = {(uint8_t)(level + 1), node->at.n / PH_TREE_FANOUT};
                PH_TRY(load(tree, at, &above));
                mark(tree, above);
                uint8_t *to = entry(above, node->at.n % PH_TREE_FANOUT);
                memset(to, 0, ENTRY);
                if (!is_zero(node->b, PH_TREE_NODE))
                    memcpy(to, hash.b, 32);
            }
            tree->stale[level] = node->next_stale;
            node->stale = false;
            node->next_stale = NULL;
        }
    }
    ph_state_root(tree->page_cnt, tree->height, &tree->top, out);
    return PH_OK;
}

enum ph_err ph_tree_node(struct ph_tree *tree, struct ph_tree_at at,
                         uint8_t out[static PH_TREE_NODE])
{
    struct node *node;
    uint64_t first = at.n;

    for (uint8_t level = 0; level <= at.level && first < PH_STATE_PAGES_MAX; level++)
        first *= PH_TREE_FANOUT;
    if (at.level >= tree->height || (at.n > 0 && first >= tree->page_cnt))
        return PH_ERR_NOT_FOUND;
    PH_TRY(load(tree, at, &node));
    memcpy(out, node->b, PH_TREE_NODE);
    return PH_OK;
}

enum ph_err ph_tree_dirty(struct ph_tree *tree,
                          enum ph_err (*each)(void *ctx, struct ph_tree_at at,
                                              const uint8_t node[static PH_TREE_NODE]),
                          void *ctx)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct node *node = tree->bucket[i]; node; node = node->in_bucket) {
            if (node->dirty)
                PH_TRY(each(ctx, node->at, node->b));
        }
    }
    return PH_OK;
}

void ph_tree_forget(struct ph_tree *tree)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct node *node = tree->bucket[i]; node; node = node->in_bucket) {
            if (node->dirty && !node->stale) {
                node->dirty = false;
                tree->dirty_cnt--;
                link_newest(tree, node);
            }
        }
    }
    evict(tree, NULL);
}
