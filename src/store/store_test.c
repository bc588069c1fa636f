/* Files, phat records and receipt segments on a real directory, crashes included. */

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/secp256k1.h"
#include "store/file.h"
#include "store/phats.h"
#include "store/receipts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int make_dir(void)
{
    char path[] = "/tmp/phala-store-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static off_t size_of(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, 0) == 0 ? st.st_size : -1;
}

TEST(a_file_is_replaced_whole_or_not_at_all)
{
    const int dir = make_dir();
    struct ph_buf got PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const struct ph_bytes one[] = {PH_BYTES_LIT("hello "), PH_BYTES_LIT("world")};
    const struct ph_bytes two[] = {PH_BYTES_LIT("second")};

    CHECK(ph_file_read(dir, "f", &got) == PH_ERR_NOT_FOUND);
    CHECK(ph_file_replace(dir, "f", one, 2) == PH_OK);
    CHECK(ph_file_read(dir, "f", &got) == PH_OK && ph_bytes_is(ph_buf_view(&got), "hello world"));
    CHECK(ph_file_replace(dir, "f", two, 1) == PH_OK);
    ph_buf_clear(&got);
    CHECK(ph_file_read(dir, "f", &got) == PH_OK && ph_bytes_is(ph_buf_view(&got), "second"));
    CHECK(size_of(dir, ".f.new") == -1);

    struct ph_buf small PH_OWNED(ph_buf_clear) = PH_BUF(5);
    CHECK(ph_file_read(dir, "f", &small) == PH_ERR_LIMIT);
    struct ph_buf exact PH_OWNED(ph_buf_clear) = PH_BUF(6);
    CHECK(ph_file_read(dir, "f", &exact) == PH_OK && exact.len == 6);
    CHECK(symlinkat("f", dir, "link") == 0);
    CHECK(ph_file_read(dir, "link", &exact) == PH_ERR_IO);
    CHECK(ph_file_remove(dir, "f") == PH_OK && ph_file_remove(dir, "f") == PH_OK);
    (void)close(dir);
}

static const uint8_t owner_key[32] = {[31] = 7};

static struct ph_phat_record make_record(const char *name, const char *data, struct ph_phat_id *id)
{
    struct ph_phat_record rec = {.time_ms = 1234, .data = PH_BUF(1024)};
    struct ph_hash32 digest;

    (void)snprintf(rec.request.action, sizeof(rec.request.action), "deploy");
    (void)snprintf(rec.request.name, sizeof(rec.request.name), "%s", name);
    rec.request.sequence = 42;
    ph_owner_request_digest(&rec.request, &digest);
    CHECK(ph_eth_sign(owner_key, &digest, rec.sig) == PH_OK);
    CHECK(ph_eth_address(owner_key, &rec.owner) == PH_OK);
    ph_phat_id_derive(&rec.owner, name, id);
    CHECK(ph_buf_add_str(&rec.data, data) == PH_OK);
    return rec;
}

TEST(a_phat_record_comes_back_with_its_owner)
{
    const int dir = make_dir();
    struct ph_phat_id id, ids[4];
    struct ph_phat_record rec PH_OWNED(ph_phat_record_clear) = make_record("one", "bundle", &id);
    struct ph_phat_record got;
    size_t cnt;

    CHECK(ph_phat_load(dir, PH_PHAT_BUNDLE, &id, &got) == PH_ERR_NOT_FOUND);
    CHECK(ph_phat_store(dir, PH_PHAT_BUNDLE, &id, &rec) == PH_OK);
    CHECK(ph_phat_load(dir, PH_PHAT_BUNDLE, &id, &got) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&got.data), "bundle") && got.request.sequence == 42);
    CHECK(memcmp(got.owner.b, rec.owner.b, 20) == 0 && got.time_ms == 1234);
    ph_phat_record_clear(&got);
    CHECK(ph_phat_list(dir, ids, 4, &cnt) == PH_OK && cnt == 1 && memcmp(ids[0].b, id.b, 20) == 0);
    CHECK(ph_phat_load(dir, PH_PHAT_SECRETS, &id, &got) == PH_ERR_NOT_FOUND);
    (void)close(dir);
}

TEST(storage_that_swaps_or_alters_a_record_is_refused)
{
    const int dir = make_dir();
    struct ph_phat_id one, two;
    struct ph_phat_record a PH_OWNED(ph_phat_record_clear) = make_record("one", "bundle", &one);
    struct ph_phat_record b PH_OWNED(ph_phat_record_clear) = make_record("two", "bundle", &two);
    struct ph_phat_record got;
    char from[64], to[64];

    CHECK(ph_phat_store(dir, PH_PHAT_BUNDLE, &one, &a) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(one.b), from);
    ph_hex_encode(PH_BYTES_OF(two.b), to);
    (void)snprintf(from + 40, 8, ".phat");
    (void)snprintf(to + 40, 8, ".phat");
    CHECK(renameat(dir, from, dir, to) == 0);
    CHECK(ph_phat_load(dir, PH_PHAT_BUNDLE, &two, &got) == PH_ERR_UNTRUSTED);

    /* Every byte of the head matters, but the time. */
    CHECK(ph_phat_store(dir, PH_PHAT_BUNDLE, &two, &b) == PH_OK);
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_file_read(dir, to, &raw) == PH_OK);
    for (size_t i = 0; i < 4 + PH_OWNER_REQUEST_LEN + 65; i++) {
        raw.ptr[i] ^= 0x01;
        const struct ph_bytes view = ph_buf_view(&raw);
        CHECK(ph_file_replace(dir, to, &view, 1) == PH_OK);
        const enum ph_err err = ph_phat_load(dir, PH_PHAT_BUNDLE, &two, &got);
        CHECK(err == PH_ERR_UNTRUSTED || err == PH_ERR_MALFORMED);
        raw.ptr[i] ^= 0x01;
    }
    for (size_t len = 0; len < 4 + PH_OWNER_REQUEST_LEN + 65 + 8; len += 7) {
        const struct ph_bytes cut = {raw.ptr, len};
        CHECK(ph_file_replace(dir, to, &cut, 1) == PH_OK);
        CHECK(ph_phat_load(dir, PH_PHAT_BUNDLE, &two, &got) == PH_ERR_MALFORMED);
    }
    (void)close(dir);
}

static struct ph_receipt_leaf leaves[PH_RECEIPT_BATCH_MAX];

static struct ph_receipt_batch make_batch(uint64_t number, uint32_t cnt)
{
    for (uint32_t i = 0; i < cnt; i++) {
        memset(&leaves[i], 0, sizeof(leaves[i]));
        ph_put_u64be(leaves[i].raw + 66, number * 10000 + i);
    }
    struct ph_receipt_batch batch = {number, number * 1000, {0}, leaves, cnt};
    memset(batch.sig, (int)(number & 0xff), sizeof(batch.sig));
    return batch;
}

static uint64_t leaf_mark(const struct ph_receipt *r)
{
    struct ph_reader at = {{r->leaf.raw + 66, 8}};
    uint64_t v = 0;
    CHECK(ph_read_u64be(&at, &v));
    return v;
}

static struct ph_receipt_store *open_store(int dir, const struct ph_receipt_keep *keep)
{
    struct ph_receipt_store *store = NULL;
    CHECK(ph_receipt_store_open(dup(dir), keep, &store) == PH_OK);
    return store;
}

TEST(receipts_are_found_again_after_a_restart)
{
    const int dir = make_dir();
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    struct ph_receipt_store *store = open_store(dir, &keep);
    struct ph_receipt r;

    for (uint64_t n = 1; n <= 200; n++) {
        const struct ph_receipt_batch batch = make_batch(n, (uint32_t)(n % 7 + 1));
        CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
    }
    CHECK(ph_receipt_store_alias(store, 77, 150, 2) == PH_OK);
    CHECK(ph_receipt_store_append(store, &(struct ph_receipt_batch){.number = 200}) ==
          PH_ERR_CONFLICT);
    ph_receipt_store_close(store);

    store = open_store(dir, &keep);
    CHECK(ph_receipt_store_next(store) == 201);
    for (uint64_t n = 1; n <= 200; n++) {
        const uint32_t cnt = (uint32_t)(n % 7 + 1);
        CHECK(ph_receipt_store_get(store, n, cnt - 1, &r) == PH_OK);
        CHECK(leaf_mark(&r) == n * 10000 + cnt - 1 && r.count == cnt &&
              r.batch_time_ms == n * 1000);
        CHECK(r.sig[0] == (uint8_t)n);
        CHECK(ph_receipt_store_get(store, n, cnt, &r) == PH_ERR_NOT_FOUND);
    }
    CHECK(ph_receipt_store_get(store, 201, 0, &r) == PH_ERR_NOT_FOUND);
    CHECK(ph_receipt_store_get(store, 0, 0, &r) == PH_ERR_NOT_FOUND);
    uint64_t batch;
    uint32_t index;
    CHECK(ph_receipt_store_find_alias(store, 77, &batch, &index) == PH_OK && batch == 150 &&
          index == 2);
    CHECK(ph_receipt_store_find_alias(store, 78, &batch, &index) == PH_ERR_NOT_FOUND);
    ph_receipt_store_close(store);
    (void)close(dir);
}

TEST(a_path_from_the_store_leads_to_the_root_of_its_leaves)
{
    const int dir = make_dir();
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    struct ph_receipt_store *store = open_store(dir, &keep);
    const struct ph_receipt_batch batch = make_batch(1, 13);
    struct ph_hash32 hashes[13], root;
    struct ph_receipt r;

    CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
    for (uint32_t i = 0; i < 13; i++)
        ph_receipt_leaf_hash(&leaves[i], &hashes[i]);
    ph_merkle_root(hashes, 13, &root);
    for (uint32_t i = 0; i < 13; i++) {
        CHECK(ph_receipt_store_get(store, 1, i, &r) == PH_OK);
        CHECK(ph_merkle_check(&hashes[i], i, 13, r.path, r.path_len, &root) == PH_OK);
    }
    ph_receipt_store_close(store);
    (void)close(dir);
}

TEST(a_record_cut_short_at_any_byte_is_dropped_and_numbering_goes_on)
{
    const int dir = make_dir();
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    const char *name = "0000000000000001.seg";
    struct ph_receipt_store *store = open_store(dir, &keep);
    struct ph_receipt_batch batch = make_batch(1, 2);
    struct ph_receipt r;

    CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
    const off_t first = size_of(dir, name);
    batch = make_batch(2, 3);
    CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
    ph_receipt_store_close(store);
    const off_t both = size_of(dir, name);
    CHECK(first == 92 + 2 * PH_RECEIPT_LEAF_LEN && both == first + 92 + 3 * PH_RECEIPT_LEAF_LEN);

    struct ph_buf whole PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_file_read(dir, name, &whole) == PH_OK);
    for (off_t len = first; len < both; len += 13) {
        const struct ph_bytes cut = {whole.ptr, (size_t)len};
        CHECK(ph_file_replace(dir, name, &cut, 1) == PH_OK);
        store = open_store(dir, &keep);
        CHECK(ph_receipt_store_next(store) == 2);
        CHECK(ph_receipt_store_get(store, 1, 1, &r) == PH_OK);
        CHECK(ph_receipt_store_get(store, 2, 0, &r) == PH_ERR_NOT_FOUND);
        batch = make_batch(2, 1);
        CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
        CHECK(ph_receipt_store_get(store, 2, 0, &r) == PH_OK && leaf_mark(&r) == 20000);
        ph_receipt_store_close(store);
    }
    (void)close(dir);
}

TEST(old_segments_go_by_size_and_by_age_but_numbers_never_come_back)
{
    const int dir = make_dir();
    const struct ph_receipt_keep keep = {.bytes = 60000, .seconds = 60, .segment_bytes = 10000};
    struct ph_receipt_store *store = open_store(dir, &keep);
    struct ph_receipt r;

    for (uint64_t n = 1; n <= 100; n++) {
        const struct ph_receipt_batch batch = make_batch(n, 10);
        CHECK(ph_receipt_store_append(store, &batch) == PH_OK);
    }
    CHECK(ph_receipt_store_get(store, 1, 0, &r) == PH_ERR_NOT_FOUND);
    CHECK(ph_receipt_store_get(store, 100, 9, &r) == PH_OK);
    CHECK(ph_receipt_store_get(store, 80, 9, &r) == PH_OK);
    ph_receipt_store_expire(store, 100000 + 61000);
    CHECK(ph_receipt_store_get(store, 80, 9, &r) == PH_ERR_NOT_FOUND);
    ph_receipt_store_close(store);
    store = open_store(dir, &keep);
    CHECK(ph_receipt_store_next(store) == 101);
    ph_receipt_store_close(store);
    (void)close(dir);
}

TEST(skipped_numbers_are_never_found_and_the_others_are_over_a_restart)
{
    const int dir = make_dir();
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    struct ph_receipt_store *store = open_store(dir, &keep);
    const struct ph_receipt_batch first = make_batch(1, 3), late = make_batch(2, 3),
                                  second = make_batch(1000, 3), third = make_batch(1001, 3);
    struct ph_receipt r;

    CHECK(ph_receipt_store_append(store, &first) == PH_OK);
    ph_receipt_store_skip(store, 1000);
    ph_receipt_store_skip(store, 5);
    CHECK(ph_receipt_store_next(store) == 1000);
    CHECK(ph_receipt_store_append(store, &late) == PH_ERR_CONFLICT);
    CHECK(ph_receipt_store_append(store, &second) == PH_OK);
    CHECK(ph_receipt_store_append(store, &third) == PH_OK);
    for (int restarts = 0; restarts < 2; restarts++) {
        CHECK(ph_receipt_store_get(store, 1, 2, &r) == PH_OK);
        CHECK(ph_receipt_store_get(store, 1000, 2, &r) == PH_OK);
        CHECK(ph_receipt_store_get(store, 1001, 2, &r) == PH_OK);
        CHECK(ph_receipt_store_get(store, 2, 0, &r) == PH_ERR_NOT_FOUND);
        CHECK(ph_receipt_store_get(store, 999, 0, &r) == PH_ERR_NOT_FOUND);
        ph_receipt_store_close(store);
        store = open_store(dir, &keep);
        CHECK(ph_receipt_store_next(store) == 1002);
    }
    ph_receipt_store_close(store);
    (void)close(dir);
}

PH_TEST_MAIN(CASE(skipped_numbers_are_never_found_and_the_others_are_over_a_restart),
             CASE(a_file_is_replaced_whole_or_not_at_all),
             CASE(a_phat_record_comes_back_with_its_owner),
             CASE(storage_that_swaps_or_alters_a_record_is_refused),
             CASE(receipts_are_found_again_after_a_restart),
             CASE(a_path_from_the_store_leads_to_the_root_of_its_leaves),
             CASE(a_record_cut_short_at_any_byte_is_dropped_and_numbering_goes_on),
             CASE(old_segments_go_by_size_and_by_age_but_numbers_never_come_back))
