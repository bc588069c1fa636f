#include "state/format.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

/* Offsets in a head. */
enum {
    AT_VERSION = 8,
    AT_PHAT = 12,
    AT_INDEX = 32,
    AT_EPOCH = 40,
    AT_OLDER = 44,
    AT_ZERO = 48,
    AT_PREV = 88,
    AT_SESSION = 120,
    AT_ROOT = 152,
    AT_TABLE = 184,
    AT_FLAGS = 216, /* none are known: zero */
    AT_PAGE_CNT = 220,
    AT_RECORD_PAGES = 224,
    AT_TIME = 228,
    AT_MAC = 236,
};
static const uint8_t magic[8] = {'P', 'H', 'C', 'O', 'M', 'M', 'I', 'T'};
static const uint8_t zeros[AT_PREV - AT_ZERO];

void ph_state_head_encode(const struct ph_state_head *head, uint8_t out[static PH_STATE_HEAD_LEN])
{
    memset(out, 0, PH_STATE_HEAD_LEN);
    memcpy(out, magic, sizeof(magic));
    ph_put_u32le(out + AT_VERSION, 1);
    memcpy(out + AT_PHAT, head->phat.b, 20);
    ph_put_u64le(out + AT_INDEX, head->index);
    ph_put_u32le(out + AT_EPOCH, head->key_epoch);
    ph_put_u32le(out + AT_OLDER, head->older_epoch);
    memcpy(out + AT_PREV, head->prev.b, 32);
    memcpy(out + AT_SESSION, head->session.b, 32);
    memcpy(out + AT_ROOT, head->root.b, 32);
    memcpy(out + AT_TABLE, head->table_sha256.b, 32);
    ph_put_u32le(out + AT_PAGE_CNT, head->page_cnt);
    ph_put_u32le(out + AT_RECORD_PAGES, head->record_pages);
    ph_put_u64le(out + AT_TIME, head->time_ms);
    memcpy(out + AT_MAC, head->mac, 32);
}

static bool read_fields(struct ph_reader *r, struct ph_state_head *h)
{
    return ph_read_copy(r, h->phat.b, 20) && ph_read_u64le(r, &h->index) &&
           ph_read_u32le(r, &h->key_epoch) && ph_read_u32le(r, &h->older_epoch);
}

static bool read_hashes(struct ph_reader *r, struct ph_state_head *h, uint32_t *flags)
{
    return ph_read_copy(r, h->prev.b, 32) && ph_read_copy(r, h->session.b, 32) &&
           ph_read_copy(r, h->root.b, 32) && ph_read_copy(r, h->table_sha256.b, 32) &&
           ph_read_u32le(r, flags) && ph_read_u32le(r, &h->page_cnt) &&
           ph_read_u32le(r, &h->record_pages) && ph_read_u64le(r, &h->time_ms) &&
           ph_read_copy(r, h->mac, 32);
}

enum ph_err ph_state_head_parse(struct ph_bytes raw, struct ph_state_head *out)
{
    struct ph_reader r = {raw};
    struct ph_state_head h;
    struct ph_bytes mark, zero;
    uint32_t version, flags;

    if (raw.len != PH_STATE_HEAD_LEN || !ph_read_view(&r, sizeof(magic), &mark) ||
        !ph_bytes_equal(mark, PH_BYTES_OF(magic)) || !ph_read_u32le(&r, &version))
        return PH_ERR_MALFORMED;
    if (version != 1)
        return PH_ERR_UNSUPPORTED;
    if (!read_fields(&r, &h) || !ph_read_view(&r, sizeof(zeros), &zero) ||
        !read_hashes(&r, &h, &flags))
        return PH_ERR_MALFORMED;
    if (!ph_bytes_equal(zero, PH_BYTES_OF(zeros)) || h.index == 0 || h.key_epoch == 0 ||
        h.older_epoch >= h.key_epoch || h.page_cnt > PH_STATE_PAGES_MAX ||
        h.record_pages > PH_STATE_COMMIT_PAGES || flags != 0)
        return PH_ERR_MALFORMED;
    *out = h;
    return PH_OK;
}

void ph_state_commit_hash(const uint8_t raw[static PH_STATE_HEAD_LEN], struct ph_hash32 *out)
{
    ph_sha256((struct ph_bytes){raw, PH_STATE_HEAD_LEN}, out->b);
}

void ph_state_table_entry(const struct ph_state_record *record, uint32_t i, uint32_t *page,
                          uint8_t tag[static PH_STATE_TAG])
{
    struct ph_reader r = {record->table};
    struct ph_bytes before;
    if (!ph_read_view(&r, (size_t)i * PH_STATE_TABLE_ENTRY, &before) || !ph_read_u32le(&r, page) ||
        !ph_read_copy(&r, tag, PH_STATE_TAG))
        *page = UINT32_MAX; /* i is out of range: a page that no database has */
}

enum ph_err ph_state_record_parse(struct ph_bytes raw, struct ph_state_record *out)
{
    struct ph_reader r = {raw};
    struct ph_state_record rec;
    struct ph_hash32 table;
    uint8_t tag[PH_STATE_TAG];
    uint32_t page, before = 0;

    if (!ph_read_view(&r, PH_STATE_HEAD_LEN, &rec.head_raw))
        return PH_ERR_MALFORMED;
    PH_TRY(ph_state_head_parse(rec.head_raw, &rec.head));
    if (raw.len != ph_state_record_len(rec.head.record_pages) ||
        !ph_read_view(&r, (size_t)rec.head.record_pages * PH_STATE_TABLE_ENTRY, &rec.table))
        return PH_ERR_MALFORMED;
    rec.pages = r.rest;
    ph_sha256(rec.table, table.b);
    if (memcmp(table.b, rec.head.table_sha256.b, 32) != 0)
        return PH_ERR_MALFORMED;
    for (uint32_t i = 0; i < rec.head.record_pages; i++) {
        ph_state_table_entry(&rec, i, &page, tag);
        if (page >= rec.head.page_cnt || (i > 0 && page <= before))
            return PH_ERR_MALFORMED;
        before = page;
    }
    *out = rec;
    return PH_OK;
}

bool ph_state_follows(const struct ph_state_tip *tip, const struct ph_state_head *head)
{
    return head->index == tip->index + 1 && memcmp(head->prev.b, tip->hash.b, 32) == 0 &&
           head->key_epoch >= tip->key_epoch;
}

void ph_state_tip_of(const struct ph_state_record *record, struct ph_state_tip *out)
{
    *out = (struct ph_state_tip){.index = record->head.index,
                                 .root = record->head.root,
                                 .page_cnt = record->head.page_cnt,
                                 .key_epoch = record->head.key_epoch,
                                 .older_epoch = record->head.older_epoch};
    ph_sha256(record->head_raw, out->hash.b);
}

/* HKDF of 32 bytes cannot fail: its lengths are constants. */
static void derive(const uint8_t key[static 32], struct ph_bytes salt, struct ph_bytes info,
                   uint8_t out[static 32])
{
    if (ph_hkdf_sha256((struct ph_bytes){key, 32}, salt, info, out, 32) != PH_OK)
        ph_random(out, 32); /* a key that opens nothing */
}

void ph_state_mac(const uint8_t state_key[static 32], const uint8_t head[static PH_STATE_HEAD_LEN],
                  uint8_t mac[static 32])
{
    uint8_t key[32];
    derive(state_key, (struct ph_bytes){0}, PH_BYTES_LIT("phala-state-mac-v1"), key);
    ph_hmac_sha256(PH_BYTES_OF(key), (struct ph_bytes){head, AT_MAC}, mac);
    ph_wipe(key, sizeof(key));
}

enum ph_err ph_state_mac_check(const uint8_t state_key[static 32],
                               const uint8_t head[static PH_STATE_HEAD_LEN])
{
    uint8_t mac[32];
    ph_state_mac(state_key, head, mac);
    return ph_ct_equal(mac, head + AT_MAC, 32) ? PH_OK : PH_ERR_UNTRUSTED;
}

void ph_state_session_key(const uint8_t state_key[static 32], const struct ph_hash32 *session,
                          uint8_t out[static 32])
{
    derive(state_key, PH_BYTES_OF(session->b), PH_BYTES_LIT("phala-state-page-v1"), out);
}

void ph_state_root(uint32_t page_cnt, uint8_t height, const struct ph_hash32 *top,
                   struct ph_hash32 *out)
{
    struct ph_sha256 ctx;
    uint8_t shape[5];

    ph_put_u32le(shape, page_cnt);
    shape[4] = height;
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, PH_BYTES_LIT("phala-state-root-v1"));
    ph_sha256_update(&ctx, PH_BYTES_OF(shape));
    ph_sha256_update(&ctx, PH_BYTES_OF(top->b));
    ph_sha256_final(&ctx, out->b);
}

void ph_state_root_empty(struct ph_hash32 *out)
{
    static const uint8_t node[PH_STATE_PAGE]; /* a tree is one node high at least */
    struct ph_hash32 top;

    ph_sha256(PH_BYTES_OF(node), top.b);
    ph_state_root(0, 1, &top, out);
}
