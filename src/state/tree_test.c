/* The tree against a plain model that hashes everything, over a source that remembers only what it
 * was given; and against sources that lie. */

#include "state/tree.h"

#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum { PAGES = 64 * 64 * 3, NODES = 4096 };

/* A source: nodes written so far. */
struct source {
    struct {
        struct ph_tree_at at;
        uint8_t b[PH_TREE_NODE];
    } * node[NODES];
    size_t cnt, reads;
    size_t spoil; /* 1 + index of a node that is read with a bit flipped; 0: none */
};
static struct source src;

static size_t source_find(struct ph_tree_at at)
{
    size_t i = 0;
    while (i < src.cnt && (src.node[i]->at.n != at.n || src.node[i]->at.level != at.level))
        i++;
    return i;
}

static enum ph_err source_read(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    const size_t i = source_find(at);
    (void)ctx;
    src.reads++;
    if (i == src.cnt)
        return PH_ERR_NOT_FOUND;
    memcpy(out, src.node[i]->b, PH_TREE_NODE);
    if (src.spoil == i + 1)
        out[17] ^= 4;
    return PH_OK;
}

static enum ph_err source_write(void *ctx, struct ph_tree_at at,
                                const uint8_t node[static PH_TREE_NODE])
{
    const size_t i = source_find(at);
    (void)ctx;
    if (i == src.cnt) {
        CHECK(src.cnt < NODES);
        src.node[src.cnt] = malloc(sizeof(*src.node[0]));
        CHECK(src.node[src.cnt]);
        src.node[src.cnt++]->at = at;
    }
    memcpy(src.node[i]->b, node, PH_TREE_NODE);
    return PH_OK;
}

static void source_clear(void)
{
    for (size_t i = 0; i < src.cnt; i++)
        free(src.node[i]);
    memset(&src, 0, sizeof(src));
}

/* The model: all entries, and the root by hashing all of them. */
static struct ph_tree_entry model[PAGES];
static uint32_t model_cnt;

static void model_root(struct ph_hash32 *out)
{
    static uint8_t below[PAGES / 64 + 1][64], nodes[2][PAGES / 64 + 1][PH_TREE_NODE];
    uint32_t cnt = model_cnt > 0 ? (model_cnt + 63) / 64 : 1;
    uint8_t height = 1;

    memset(nodes, 0, sizeof(nodes));
    for (uint32_t i = 0; i < model_cnt; i++) {
        uint8_t *at = nodes[0][i / 64] + (size_t)(i % 64) * 64;
        memcpy(at, model[i].tag, 16);
        ph_put_u64le(at + 16, model[i].index);
        memcpy(at + 24, model[i].session.b, 32);
        ph_put_u32le(at + 56, model[i].epoch > 1 ? model[i].epoch : 0);
    }
    for (; cnt > 1; cnt = (cnt + 63) / 64, height++) {
        memset(below, 0, sizeof(below));
        for (uint32_t i = 0; i < cnt; i++) {
            static const uint8_t zero[PH_TREE_NODE];
            if (memcmp(nodes[0][i], zero, sizeof(zero)) != 0)
                ph_sha256(PH_BYTES_OF(nodes[0][i]), below[i]);
        }
        memset(nodes[0], 0, sizeof(nodes[0]));
        for (uint32_t i = 0; i < cnt; i++)
            memcpy(nodes[0][i / 64] + (size_t)(i % 64) * 64, below[i], 64);
    }
    uint8_t text[19 + 4 + 1 + 32] = "phala-state-root-v1";
    ph_put_u32le(text + 19, model_cnt);
    text[23] = height;
    ph_sha256(PH_BYTES_OF(nodes[0][0]), text + 24);
    ph_sha256(PH_BYTES_OF(text), out->b);
}

static uint64_t seed;
static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void change(struct ph_tree *tree, uint32_t page)
{
    struct ph_tree_entry e = {.index = 1 + random_below(1000)};
    e.tag[0] = (uint8_t)random_below(256);
    e.session.b[31] = 7;
    e.epoch = 1 + random_below(3);
    CHECK(ph_tree_set(tree, page, &e) == PH_OK);
    model[page] = e;
    if (page >= model_cnt)
        model_cnt = page + 1;
}

static void cut(struct ph_tree *tree, uint32_t page_cnt)
{
    CHECK(ph_tree_resize(tree, page_cnt) == PH_OK);
    for (uint32_t i = page_cnt; i < model_cnt; i++)
        model[i] = (struct ph_tree_entry){0};
    model_cnt = page_cnt;
}

static void check_entries(struct ph_tree *tree, uint32_t step)
{
    struct ph_tree_entry e;
    for (uint32_t i = 0; i < model_cnt; i += step) {
        CHECK(ph_tree_get(tree, i, &e) == PH_OK);
        CHECK(memcmp(&e, &model[i], sizeof(e)) == 0);
    }
}

static void check_root(struct ph_tree *tree, struct ph_hash32 *root)
{
    struct ph_hash32 want;
    CHECK(ph_tree_root(tree, root) == PH_OK);
    model_root(&want);
    CHECK(memcmp(root->b, want.b, 32) == 0);
}

static struct ph_tree *reopen(struct ph_tree *tree, const struct ph_hash32 *root)
{
    const struct ph_state_tip tip = {.index = 1, .root = *root, .page_cnt = model_cnt};
    ph_tree_free(tree);
    CHECK(ph_tree_open(&tip, source_read, NULL, 16, &tree) == PH_OK);
    return tree;
}

TEST(random_changes_give_the_root_that_hashing_everything_gives)
{
    const struct ph_state_tip nothing = {0};
    struct ph_tree *tree;
    struct ph_hash32 root;

    for (uint64_t run = 1; run <= 12; run++) {
        seed = run;
        source_clear();
        memset(model, 0, sizeof(model));
        model_cnt = 0;
        CHECK(ph_tree_open(&nothing, source_read, NULL, 16, &tree) == PH_OK);
        check_root(tree, &root);
        const uint32_t range = run % 3 == 0 ? PAGES : run % 3 == 1 ? 200 : 64 * 65;
        for (int round = 0; round < 12; round++) {
            const uint32_t changes = 1 + random_below(60);
            for (uint32_t i = 0; i < changes; i++)
                change(tree, random_below(range));
            if (random_below(4) == 0)
                cut(tree, random_below(model_cnt + 1));
            if (random_below(6) == 0)
                cut(tree, 0);
            check_root(tree, &root);
            check_entries(tree, 61);
            if (random_below(2) == 0) { /* a checkpoint, and sometimes a restart */
                CHECK(ph_tree_dirty(tree, source_write, NULL) == PH_OK);
                ph_tree_forget(tree);
                CHECK(ph_tree_dirty_cnt(tree) == 0);
                if (random_below(2) == 0)
                    tree = reopen(tree, &root);
                check_entries(tree, 7);
            }
        }
        ph_tree_free(tree);
    }
    source_clear();
}

/* Three levels, all at the source. */
static struct ph_tree *big(struct ph_hash32 *root)
{
    const struct ph_state_tip nothing = {0};
    struct ph_tree *tree;

    source_clear();
    memset(model, 0, sizeof(model));
    model_cnt = 0;
    seed = 99;
    CHECK(ph_tree_open(&nothing, source_read, NULL, 16, &tree) == PH_OK);
    for (uint32_t i = 0; i < PAGES; i += 37)
        change(tree, i);
    check_root(tree, root);
    CHECK(ph_tree_dirty(tree, source_write, NULL) == PH_OK);
    ph_tree_forget(tree);
    return tree;
}

TEST(a_source_that_lies_is_refused_wherever_it_lies)
{
    struct ph_hash32 root;
    struct ph_tree *tree = big(&root);
    struct ph_tree_entry e;
    size_t refused = 0;

    ph_tree_free(tree);
    for (size_t i = 0; i < src.cnt; i++) {
        const struct ph_state_tip tip = {.index = 1, .root = root, .page_cnt = model_cnt};
        bool caught = false;
        src.spoil = i + 1;
        if (ph_tree_open(&tip, source_read, NULL, 16, &tree) == PH_ERR_UNTRUSTED) {
            refused++;
            continue;
        }
        for (uint32_t page = 0; page < model_cnt && !caught; page += 37)
            caught = ph_tree_get(tree, page, &e) == PH_ERR_UNTRUSTED;
        refused += caught;
        ph_tree_free(tree);
    }
    CHECK(src.cnt > 190 && refused == src.cnt);
    source_clear();
}

TEST(another_root_size_or_a_missing_node_is_refused)
{
    struct ph_hash32 root;
    struct ph_tree *tree = big(&root), *other;
    struct ph_tree_entry e;
    struct ph_state_tip tip = {.index = 1, .root = root, .page_cnt = model_cnt};

    ph_tree_free(tree);
    tip.page_cnt--;
    CHECK(ph_tree_open(&tip, source_read, NULL, 16, &other) == PH_ERR_UNTRUSTED);
    tip.page_cnt++;
    tip.root.b[0] ^= 1;
    CHECK(ph_tree_open(&tip, source_read, NULL, 16, &other) == PH_ERR_UNTRUSTED);
    tip.root.b[0] ^= 1;
    tip.page_cnt = PH_STATE_PAGES_MAX + 1;
    CHECK(ph_tree_open(&tip, source_read, NULL, 16, &other) == PH_ERR_UNTRUSTED);
    tip.page_cnt = model_cnt;

    const size_t i = source_find((struct ph_tree_at){0, 0});
    src.node[i]->at.level = 77; /* the source has lost it */
    CHECK(ph_tree_open(&tip, source_read, NULL, 16, &other) == PH_OK);
    CHECK(ph_tree_get(other, 0, &e) == PH_ERR_UNTRUSTED);
    CHECK(ph_tree_get(other, PAGES - 1, &e) == PH_OK);
    ph_tree_free(other);
    source_clear();
}

TEST(opening_reads_the_top_only_and_a_page_costs_its_path)
{
    struct ph_hash32 root;
    struct ph_tree *tree = big(&root);
    struct ph_tree_entry e;

    src.reads = 0;
    tree = reopen(tree, &root);
    CHECK(src.reads == 1);
    CHECK(ph_tree_get(tree, 37, &e) == PH_OK && src.reads == 3);
    CHECK(ph_tree_get(tree, 38, &e) == PH_OK && src.reads == 3);
    ph_tree_free(tree);
    source_clear();
}

TEST(pages_beyond_the_largest_database_are_refused)
{
    const struct ph_state_tip nothing = {0};
    const struct ph_tree_entry e = {.index = 1};
    struct ph_tree *tree;

    CHECK(ph_tree_open(&nothing, source_read, NULL, 16, &tree) == PH_OK);
    CHECK(ph_tree_set(tree, PH_STATE_PAGES_MAX, &e) == PH_ERR_LIMIT);
    CHECK(ph_tree_resize(tree, PH_STATE_PAGES_MAX + 1) == PH_ERR_LIMIT);
    CHECK(ph_tree_set(tree, PH_STATE_PAGES_MAX - 1, &e) == PH_OK);
    CHECK(ph_tree_page_cnt(tree) == PH_STATE_PAGES_MAX);
    ph_tree_free(tree);
}

PH_TEST_MAIN(CASE(random_changes_give_the_root_that_hashing_everything_gives),
             CASE(a_source_that_lies_is_refused_wherever_it_lies),
             CASE(another_root_size_or_a_missing_node_is_refused),
             CASE(opening_reads_the_top_only_and_a_page_costs_its_path),
             CASE(pages_beyond_the_largest_database_are_refused))
