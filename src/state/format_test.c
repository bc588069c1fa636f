/* Commit records: what is written is read, what is wrong is refused, the mac covers every byte. */

#include "state/format.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

static uint8_t record[PH_STATE_HEAD_LEN + 2 * (PH_STATE_TABLE_ENTRY + PH_STATE_PAGE)];
static const uint8_t key[32] = {1, 2, 3};

static struct ph_state_head make(void)
{
    struct ph_state_head h = {
        .index = 7, .key_epoch = 1, .page_cnt = 10, .record_pages = 2, .time_ms = 1763700000123};
    uint8_t *table = record + PH_STATE_HEAD_LEN;

    memset(record, 0, sizeof(record));
    ph_put_u32le(table, 3);
    ph_put_u32le(table + PH_STATE_TABLE_ENTRY, 9);
    table[4] = 0xaa;
    ph_sha256((struct ph_bytes){table, 2 * PH_STATE_TABLE_ENTRY}, h.table_sha256.b);
    memset(h.phat.b, 0x11, 20);
    memset(h.prev.b, 0x22, 32);
    memset(h.session.b, 0x33, 32);
    memset(h.root.b, 0x44, 32);
    ph_state_head_encode(&h, record);
    ph_state_mac(key, record, h.mac);
    ph_state_head_encode(&h, record);
    return h;
}

static enum ph_err parse(void)
{
    struct ph_state_record rec;
    return ph_state_record_parse(PH_BYTES_OF(record), &rec);
}

TEST(what_goes_in_comes_out)
{
    const struct ph_state_head h = make();
    struct ph_state_record rec;
    struct ph_state_tip tip;
    struct ph_hash32 hash;
    uint8_t tag[PH_STATE_TAG];
    uint32_t page;

    CHECK(ph_state_record_parse(PH_BYTES_OF(record), &rec) == PH_OK);
    CHECK(rec.head.index == 7 && rec.head.time_ms == h.time_ms && rec.head.page_cnt == 10);
    CHECK(memcmp(rec.head.phat.b, h.phat.b, 20) == 0 && memcmp(rec.head.mac, h.mac, 32) == 0);
    CHECK(memcmp(rec.head.prev.b, h.prev.b, 32) == 0 &&
          memcmp(rec.head.session.b, h.session.b, 32) == 0);
    CHECK(memcmp(rec.head.root.b, h.root.b, 32) == 0 && rec.pages.len == 2 * PH_STATE_PAGE);
    ph_state_table_entry(&rec, 0, &page, tag);
    CHECK(page == 3 && tag[0] == 0xaa);
    ph_state_table_entry(&rec, 1, &page, tag);
    CHECK(page == 9);
    ph_state_table_entry(&rec, 2, &page, tag);
    CHECK(page == UINT32_MAX);
    ph_state_tip_of(&rec, &tip);
    ph_state_commit_hash(record, &hash);
    CHECK(tip.index == 7 && tip.page_cnt == 10 && memcmp(tip.hash.b, hash.b, 32) == 0);
}

TEST(the_mac_covers_every_byte_of_the_head)
{
    (void)make();
    CHECK(ph_state_mac_check(key, record) == PH_OK);
    for (size_t i = 0; i < PH_STATE_HEAD_LEN; i++) {
        record[i] ^= 1;
        CHECK(ph_state_mac_check(key, record) == PH_ERR_UNTRUSTED);
        record[i] ^= 1;
    }
    const uint8_t other[32] = {1, 2, 4};
    CHECK(ph_state_mac_check(other, record) == PH_ERR_UNTRUSTED);
}

TEST(what_is_wrong_is_refused)
{
    static const struct {
        size_t at;
        uint8_t v;
        enum ph_err err;
    } bad[] = {
        {0, 'X', PH_ERR_MALFORMED},    {8, 2, PH_ERR_UNSUPPORTED}, {32, 0, PH_ERR_MALFORMED},
        {40, 0, PH_ERR_MALFORMED},     {44, 1, PH_ERR_MALFORMED},  {87, 1, PH_ERR_MALFORMED},
        {184, 1, PH_ERR_MALFORMED},    {216, 2, PH_ERR_MALFORMED}, {220, 9, PH_ERR_MALFORMED},
        {223, 0xff, PH_ERR_MALFORMED}, {224, 1, PH_ERR_MALFORMED}, {224, 3, PH_ERR_MALFORMED},
        {227, 1, PH_ERR_MALFORMED},    {268, 9, PH_ERR_MALFORMED}, {288, 3, PH_ERR_MALFORMED},
        {272, 1, PH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        (void)make();
        CHECK(parse() == PH_OK);
        record[bad[i].at] = bad[i].v;
        if (parse() != bad[i].err)
            fail_msg("byte %zu", bad[i].at);
    }
    (void)make();
    record[40] = 3; /* key epoch; pages of an older one, and of one that is not older */
    record[44] = 2;
    CHECK(parse() == PH_OK);
    record[44] = 3;
    CHECK(parse() == PH_ERR_MALFORMED);
    (void)make();
    struct ph_state_record rec;
    for (size_t len = 0; len < sizeof(record); len += len < 320 ? 1 : 397)
        CHECK(ph_state_record_parse((struct ph_bytes){record, len}, &rec) == PH_ERR_MALFORMED);
}

TEST(pages_of_the_table_ascend_and_exist)
{
    static const struct {
        uint32_t first, second;
    } bad[] = {{9, 9}, {9, 3}, {3, 10}, {10, 11}};
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_state_head h = make();
        uint8_t *table = record + PH_STATE_HEAD_LEN;
        ph_put_u32le(table, bad[i].first);
        ph_put_u32le(table + PH_STATE_TABLE_ENTRY, bad[i].second);
        ph_sha256((struct ph_bytes){table, 2 * PH_STATE_TABLE_ENTRY}, h.table_sha256.b);
        ph_state_head_encode(&h, record);
        CHECK(parse() == PH_ERR_MALFORMED);
    }
}

TEST(only_the_next_commit_follows)
{
    const struct ph_state_tip before = {
        .index = 6, .key_epoch = 1, .hash.b = {0x22, 0x22, 0x22, 0x22}};
    struct ph_state_head h = make();
    struct ph_state_tip tip = before;

    memset(tip.hash.b, 0x22, 32);
    CHECK(ph_state_follows(&tip, &h));
    h.index = 8;
    CHECK(!ph_state_follows(&tip, &h));
    h.index = 7;
    tip.hash.b[31] ^= 1;
    CHECK(!ph_state_follows(&tip, &h));
    tip.hash.b[31] ^= 1;
    tip.key_epoch = 2;
    CHECK(!ph_state_follows(&tip, &h));
}

TEST(keys_differ_by_session_and_purpose)
{
    uint8_t a[32], b[32], mac[32];
    struct ph_hash32 s1 = {{1}}, s2 = {{2}};
    ph_state_session_key(key, &s1, a);
    ph_state_session_key(key, &s2, b);
    (void)make();
    ph_state_mac(key, record, mac);
    CHECK(memcmp(a, b, 32) != 0 && memcmp(a, mac, 32) != 0 && memcmp(a, key, 32) != 0);

    /* The vector of docs/keys.md. */
    uint8_t state_key[32], want[32];
    struct ph_hash32 session;
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("0d298c8eae5567a2e1bd37231b9c42f0a9852c31d5d9e33d212226fa4c7579f7"),
              state_key, 32) == PH_OK);
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("b71b6e28c3ef7a89903146b705c38af98a845b243c6321f57b7b5af3f219b39e"),
              want, 32) == PH_OK);
    memset(session.b, 0x33, 32);
    ph_state_session_key(state_key, &session, a);
    CHECK(memcmp(a, want, 32) == 0);
    const uint8_t zeros[PH_STATE_HEAD_LEN] = {0};
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("5f4e7da5b707beaee2444cdcd441514f4fc6fb05901c45e7f65fcab716c399bc"),
              want, 32) == PH_OK);
    ph_state_mac(state_key, zeros, mac);
    CHECK(memcmp(mac, want, 32) == 0);
}

PH_TEST_MAIN(CASE(what_goes_in_comes_out), CASE(the_mac_covers_every_byte_of_the_head),
             CASE(what_is_wrong_is_refused), CASE(pages_of_the_table_ascend_and_exist),
             CASE(only_the_next_commit_follows), CASE(keys_differ_by_session_and_purpose))
