#include "runtime/run_keeper.h"

#include "base/own.h"
#include "base/test.h"
#include "ipc/state_packets.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { NODES = 512 };

/* Storage: sealed pages and nodes as of the newest record. */
static struct {
    uint8_t *page[PH_KEEPER_PAGES];
    struct {
        struct ph_tree_at at;
        uint8_t b[PH_TREE_NODE];
    } * node[NODES];
    size_t node_cnt;
    struct ph_tree *tree;
    struct ph_state_tip tip;
} keeper;
static const uint8_t key[32] = {9, 9, 9};

static pthread_t thread;
static int channel = -1; /* the thread's end */
atomic_int ph_keeper_hold, ph_keeper_lie, ph_keeper_lose;
static atomic_int quit;
static atomic_int records; /* that came */

static enum ph_err keep_node(void *ctx, struct ph_tree_at at,
                             const uint8_t node[static PH_TREE_NODE])
{
    size_t i = 0;

    (void)ctx;
    while (i < keeper.node_cnt &&
           (keeper.node[i]->at.n != at.n || keeper.node[i]->at.level != at.level))
        i++;
    if (i == keeper.node_cnt) {
        assert(i < NODES);
        keeper.node[i] = calloc(1, sizeof(*keeper.node[0]));
        assert(keeper.node[i]);
        keeper.node[keeper.node_cnt++]->at = at;
    }
    memcpy(keeper.node[i]->b, node, PH_TREE_NODE);
    return PH_OK;
}

static const uint8_t *find_node(struct ph_tree_at at)
{
    for (size_t i = 0; i < keeper.node_cnt; i++) {
        if (keeper.node[i]->at.n == at.n && keeper.node[i]->at.level == at.level)
            return keeper.node[i]->b;
    }
    return NULL;
}

static enum ph_err read_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    const uint8_t *node = find_node(at);

    (void)ctx;
    if (!node)
        return PH_ERR_NOT_FOUND;
    memcpy(out, node, PH_TREE_NODE);
    return PH_OK;
}

static void must(enum ph_err err)
{
    assert(err == PH_OK);
}

static void apply(struct ph_bytes raw)
{
    struct ph_state_record rec;
    struct ph_hash32 root;
    uint8_t tag[PH_STATE_TAG];
    uint32_t page;

    must(ph_state_record_parse(raw, &rec));
    assert(ph_state_follows(&keeper.tip, &rec.head));
    must(ph_state_mac_check(key, rec.head_raw.ptr));
    must(ph_tree_resize(keeper.tree, rec.head.page_cnt));
    for (uint32_t i = 0; i < rec.head.record_pages; i++) {
        struct ph_tree_entry e = {
            .index = rec.head.index, .session = rec.head.session, .epoch = rec.head.key_epoch};
        ph_state_table_entry(&rec, i, &page, tag);
        memcpy(e.tag, tag, sizeof(tag));
        assert(page < PH_KEEPER_PAGES);
        must(ph_tree_set(keeper.tree, page, &e));
        if (!keeper.page[page])
            keeper.page[page] = malloc(PH_STATE_PAGE);
        memcpy(keeper.page[page], rec.pages.ptr + (size_t)i * PH_STATE_PAGE, PH_STATE_PAGE);
    }
    must(ph_tree_root(keeper.tree, &root));
    assert(memcmp(root.b, rec.head.root.b, 32) == 0);
    must(ph_tree_dirty(keeper.tree, keep_node, NULL));
    ph_tree_forget(keeper.tree);
    ph_state_tip_of(&rec, &keeper.tip);
}

static void tell(enum ph_state_packet_kind kind, struct ph_bytes data)
{
    uint8_t raw[PH_STATE_PACKET_HEAD + PH_STATE_PAGE];

    ph_state_packet_head(kind, 0, 0, raw);
    assert(data.len <= PH_STATE_PAGE);
    if (data.len > 0)
        memcpy(raw + PH_STATE_PACKET_HEAD, data.ptr, data.len);
    (void)!write(channel, raw, PH_STATE_PACKET_HEAD + data.len);
}

static void serve_read(const uint8_t *bytes)
{
    uint8_t copy[PH_STATE_PAGE];

    if (!bytes) {
        tell(PH_STATE_ABSENT, (struct ph_bytes){0});
        return;
    }
    memcpy(copy, bytes, sizeof(copy));
    copy[7] ^= (uint8_t)atomic_load(&ph_keeper_lie);
    tell(PH_STATE_DATA, PH_BYTES_OF(copy));
}

static void *serve(void *unused)
{
    static uint8_t raw[PH_STATE_PACKET_MAX];
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(256 << 20);
    uint32_t left = 0;
    bool unconfirmed = false;
    struct ph_state_packet p;

    (void)unused;
    while (!atomic_load(&quit)) {
        struct pollfd fd = {.fd = channel, .events = POLLIN};
        if (atomic_load(&ph_keeper_lose)) {
            tell(PH_STATE_LOST, PH_BYTES_LIT("another writer has the log"));
            break;
        }
        if (unconfirmed && !atomic_load(&ph_keeper_hold)) {
            unconfirmed = false;
            tell(PH_STATE_COMMITTED, (struct ph_bytes){0});
        }
        if (poll(&fd, 1, 2) <= 0)
            continue;
        const ssize_t n = read(channel, raw, sizeof(raw));
        if (n <= 0)
            break;
        must(ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &p));
        if (p.kind == PH_STATE_READ_PAGE) {
            serve_read(p.n < PH_KEEPER_PAGES ? keeper.page[p.n] : NULL);
        } else if (p.kind == PH_STATE_READ_NODE) {
            serve_read(find_node((struct ph_tree_at){p.a, p.n}));
        } else if (p.kind == PH_STATE_COMMIT) {
            assert(left == 0 && !unconfirmed); /* one at a time */
            left = p.n;
        } else {
            assert(p.kind == PH_STATE_PIECE && p.data.len <= left);
            must(ph_buf_add(&record, p.data));
            left -= (uint32_t)p.data.len;
            if (left > 0)
                continue;
            apply(ph_buf_view(&record));
            record.len = 0;
            unconfirmed = true;
            atomic_fetch_add(&records, 1);
        }
    }
    return NULL;
}

void ph_keeper_fresh(void)
{
    for (size_t i = 0; i < PH_KEEPER_PAGES; i++)
        free(keeper.page[i]);
    for (size_t i = 0; i < keeper.node_cnt; i++)
        free(keeper.node[i]);
    ph_tree_free(keeper.tree);
    memset(&keeper, 0, sizeof(keeper));
    CHECK(ph_tree_open(&keeper.tip, read_node, NULL, 64, &keeper.tree) == PH_OK);
}

struct ph_state_tip ph_keeper_tip(void)
{
    return keeper.tip;
}

static void tell_key(void)
{
    uint8_t packet[PH_STATE_PACKET_HEAD + 32];

    ph_state_packet_head(PH_STATE_KEY, 0, 1, packet);
    memcpy(packet + PH_STATE_PACKET_HEAD, key, 32);
    CHECK(write(channel, packet, sizeof(packet)) == (ssize_t)sizeof(packet));
}

void ph_keeper_start(int fd)
{
    channel = fd;
    atomic_store(&ph_keeper_hold, 0);
    atomic_store(&ph_keeper_lose, 0);
    atomic_store(&quit, 0);
    tell_key();
    CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
}

void ph_keeper_stop(void)
{
    atomic_store(&quit, 1);
    CHECK(pthread_join(thread, NULL) == 0);
}

int ph_keeper_records(void)
{
    return atomic_load(&records);
}

void ph_keeper_open(struct ph_rig_instance *inst, uint32_t max_pages)
{
    const struct ph_state_tip tip = ph_keeper_tip();
    const struct ph_msg_STATE state = {.index = tip.index,
                                       .hash = tip.hash,
                                       .root = tip.root,
                                       .page_cnt = tip.page_cnt,
                                       .key_epoch = tip.key_epoch,
                                       .max_pages = max_pages};
    ph_keeper_start(inst->state);
    CHECK(ph_put_STATE(&inst->chan, 0, 0, &state) == PH_OK);
}

void ph_keeper_wait(int cnt)
{
    for (int ms = 0; ph_keeper_records() < cnt; ms++) {
        CHECK(ms < 20000);
        (void)poll(NULL, 0, 1);
    }
}
