#include "state/test_keeper.h"

#include "base/test.h"

#include <stdlib.h>

struct test_keeper test_keeper;
const struct ph_phat_id test_phat = {{1, 2, 3}};
const uint8_t test_key[32] = {9, 9, 9};
struct ph_state_keys test_keys;

static enum ph_err keep_node(void *ctx, struct ph_tree_at at,
                             const uint8_t node[static PH_TREE_NODE])
{
    struct test_keeper *k = ctx;
    size_t i = 0;
    while (i < k->node_cnt && (k->node[i]->at.n != at.n || k->node[i]->at.level != at.level))
        i++;
    if (i == k->node_cnt) {
        CHECK(k->node_cnt < TEST_NODES);
        k->node[k->node_cnt] = calloc(1, sizeof(*k->node[0]));
        CHECK(k->node[k->node_cnt]);
        k->node[k->node_cnt++]->at = at;
    }
    memcpy(k->node[i]->b, node, PH_TREE_NODE);
    return PH_OK;
}

static enum ph_err serve_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    struct test_keeper *k = ctx;
    for (size_t i = 0; i < k->node_cnt; i++) {
        if (k->node[i]->at.n == at.n && k->node[i]->at.level == at.level) {
            memcpy(out, k->node[i]->b, PH_TREE_NODE);
            return PH_OK;
        }
    }
    return PH_ERR_NOT_FOUND;
}

static enum ph_err serve_page(void *ctx, uint32_t page, uint8_t out[static PH_STATE_PAGE])
{
    struct test_keeper *k = ctx;
    k->page_reads++;
    if (page >= TEST_PAGES || !k->page[page])
        return PH_ERR_NOT_FOUND;
    memcpy(out, k->page[page], PH_STATE_PAGE);
    return PH_OK;
}

const struct ph_state_source test_source = {&test_keeper, serve_page, serve_node};

void test_keeper_clear(void)
{
    for (size_t i = 0; i < TEST_PAGES; i++)
        free(test_keeper.page[i]);
    for (size_t i = 0; i < test_keeper.node_cnt; i++)
        free(test_keeper.node[i]);
    ph_tree_free(test_keeper.tree);
    memset(&test_keeper, 0, sizeof(test_keeper));
    test_keys = ph_state_keys_of(1, test_key);
    CHECK(ph_tree_open(&test_keeper.tip, serve_node, &test_keeper, 64, &test_keeper.tree) == PH_OK);
}

void test_keeper_apply(struct ph_bytes raw)
{
    struct ph_state_record rec;
    struct ph_hash32 root;
    uint8_t tag[PH_STATE_TAG];
    uint32_t page;

    CHECK(ph_state_record_parse(raw, &rec) == PH_OK);
    CHECK(ph_state_follows(&test_keeper.tip, &rec.head));
    uint32_t of = 0;
    while (of < test_keys.cnt && test_keys.at[of].epoch != rec.head.key_epoch)
        of++;
    CHECK(of < test_keys.cnt &&
          ph_state_mac_check(test_keys.at[of].key, rec.head_raw.ptr) == PH_OK);
    CHECK(ph_tree_resize(test_keeper.tree, rec.head.page_cnt) == PH_OK);
    for (uint32_t i = 0; i < rec.head.record_pages; i++) {
        struct ph_tree_entry e = {
            .index = rec.head.index, .session = rec.head.session, .epoch = rec.head.key_epoch};
        ph_state_table_entry(&rec, i, &page, tag);
        memcpy(e.tag, tag, sizeof(tag));
        CHECK(page < TEST_PAGES && ph_tree_set(test_keeper.tree, page, &e) == PH_OK);
        if (!test_keeper.page[page])
            test_keeper.page[page] = malloc(PH_STATE_PAGE);
        memcpy(test_keeper.page[page], rec.pages.ptr + (size_t)i * PH_STATE_PAGE, PH_STATE_PAGE);
    }
    CHECK(ph_tree_root(test_keeper.tree, &root) == PH_OK);
    CHECK(memcmp(root.b, rec.head.root.b, 32) == 0);
    CHECK(ph_tree_dirty(test_keeper.tree, keep_node, &test_keeper) == PH_OK);
    ph_tree_forget(test_keeper.tree);
    ph_state_tip_of(&rec, &test_keeper.tip);
}
