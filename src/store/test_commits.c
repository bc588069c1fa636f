#include "store/test_commits.h"

#include "base/test.h"
#include "crypto/hash.h"

#include <stdlib.h>

static enum ph_err no_nodes(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    (void)ctx;
    (void)at;
    (void)out;
    return PH_ERR_NOT_FOUND; /* nothing ever leaves the memory of this tree */
}

static uint64_t seed_of;
static uint32_t below(uint32_t n)
{
    seed_of = seed_of * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed_of >> 33) % n;
}

uint8_t made_byte(uint64_t i, uint32_t page)
{
    return (uint8_t)(1 + (i * 31 + page * 7) % 255);
}

/* Page numbers of one commit: some in the middle, and all that are new; or simply all. */
static uint32_t choose(uint8_t *chosen, uint32_t before, uint32_t now, uint32_t most)
{
    uint32_t cnt = 0;

    memset(chosen, 0, MADE_PAGES);
    if (below(4) == 0)
        before = 0;
    for (uint32_t p = before; p < now; p++)
        chosen[p] = 1;
    for (uint32_t i = 0; i < most && now > 0; i++)
        chosen[below(now)] = 1;
    for (uint32_t p = 0; p < now; p++)
        cnt += chosen[p];
    return cnt;
}

static void make(struct made_commits *m, struct ph_tree *tree, uint64_t i, uint32_t most)
{
    const struct ph_state_tip *before = &m->tip[i - 1];
    struct ph_state_head head = {
        .phat = m->phat, .index = i, .key_epoch = 1, .prev = before->hash, .time_ms = i};
    uint8_t chosen[MADE_PAGES], *at;

    head.page_cnt = before->page_cnt + below(most);
    if (head.page_cnt > MADE_PAGES)
        head.page_cnt = below(MADE_PAGES);
    if (below(10) == 0)
        head.page_cnt = below(head.page_cnt + 1);
    head.record_pages = choose(chosen, before->page_cnt, head.page_cnt, below(most));
    const size_t len = ph_state_record_len(head.record_pages);
    m->record[i] = PH_BUF(len);
    CHECK(ph_buf_reserve(&m->record[i], len, &at) == PH_OK);
    m->record[i].len = len;
    memcpy(m->writer[i], m->writer[i - 1], MADE_PAGES);
    memset(m->writer[i] + head.page_cnt, 0, MADE_PAGES - head.page_cnt);

    uint8_t *table = at + PH_STATE_HEAD_LEN;
    uint8_t *row = table, *page = table + (size_t)head.record_pages * PH_STATE_TABLE_ENTRY;
    CHECK(ph_tree_resize(tree, head.page_cnt) == PH_OK);
    for (uint32_t p = 0; p < head.page_cnt; p++) {
        struct ph_tree_entry entry = {.index = i};
        if (!chosen[p])
            continue;
        memset(entry.tag, made_byte(i, p), sizeof(entry.tag));
        CHECK(ph_tree_set(tree, p, &entry) == PH_OK);
        ph_put_u32le(row, p);
        memcpy(row + 4, entry.tag, sizeof(entry.tag));
        memset(page, made_byte(i, p), PH_STATE_PAGE);
        m->writer[i][p] = (uint8_t)i;
        row += PH_STATE_TABLE_ENTRY;
        page += PH_STATE_PAGE;
    }
    CHECK(ph_tree_root(tree, &head.root) == PH_OK);
    ph_sha256((struct ph_bytes){table, (size_t)(row - table)}, head.table_sha256.b);
    ph_state_head_encode(&head, at);
    struct ph_state_record rec;
    CHECK(ph_state_record_parse(ph_buf_view(&m->record[i]), &rec) == PH_OK);
    ph_state_tip_of(&rec, &m->tip[i]);
}

void made_commits_init(struct made_commits *made, uint64_t seed, uint64_t cnt, uint32_t most)
{
    const struct ph_state_tip nothing = {0};
    struct ph_tree *tree;

    memset(made, 0, sizeof(*made));
    memset(made->phat.b, 0x5a, sizeof(made->phat.b));
    seed_of = seed;
    CHECK(cnt <= MADE_COMMITS);
    made->cnt = cnt;
    CHECK(ph_tree_open(&nothing, no_nodes, NULL, 16, &tree) == PH_OK);
    for (uint64_t i = 1; i <= cnt; i++)
        make(made, tree, i, most);
    ph_tree_free(tree);
}

void made_commits_clear(struct made_commits *made)
{
    for (uint64_t i = 1; i <= made->cnt; i++)
        ph_buf_clear(&made->record[i]);
}
