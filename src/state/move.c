#include "state/move.h"

#include "crypto/aead.h"
#include "crypto/hash.h"

#include <stdio.h>

static const uint8_t export_magic[8] = "PHSTATE1", import_magic[8] = "PHIMPRT1";

enum { HEAD_ZERO_TAIL = 24, SQLITE_HEADER = 100 };

static void put(uint8_t **at, const void *from, size_t len)
{
    memcpy(*at, from, len);
    *at += len;
}

static void put_u64le(uint8_t **at, uint64_t n)
{
    ph_put_u64le(*at, n);
    *at += 8;
}

void ph_export_head_encode(const struct ph_export_head *head,
                           uint8_t out[static PH_EXPORT_HEAD_LEN])
{
    uint8_t *at = out;

    memset(out, 0, PH_EXPORT_HEAD_LEN);
    put(&at, export_magic, sizeof(export_magic));
    put(&at, head->phat.b, sizeof(head->phat.b));
    put(&at, head->cluster.b, sizeof(head->cluster.b));
    put_u64le(&at, head->index);
    put(&at, head->hash.b, sizeof(head->hash.b));
    put(&at, head->root.b, sizeof(head->root.b));
    ph_put_u32le(at, head->page_cnt);
    at += 8; /* four of them zero */
    put_u64le(&at, head->time_ms);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

enum ph_err ph_export_head_parse(struct ph_bytes raw, struct ph_export_head *out)
{
    struct ph_reader r = {raw};
    struct ph_export_head h;
    uint8_t magic[8], tail[HEAD_ZERO_TAIL];
    uint32_t zero;

    if (!ph_read_copy(&r, magic, sizeof(magic)) || !ph_read_copy(&r, h.phat.b, sizeof(h.phat.b)) ||
        !ph_read_copy(&r, h.cluster.b, sizeof(h.cluster.b)) || !ph_read_u64le(&r, &h.index) ||
        !ph_read_copy(&r, h.hash.b, sizeof(h.hash.b)) ||
        !ph_read_copy(&r, h.root.b, sizeof(h.root.b)) || !ph_read_u32le(&r, &h.page_cnt) ||
        !ph_read_u32le(&r, &zero) || !ph_read_u64le(&r, &h.time_ms) ||
        !ph_read_copy(&r, tail, sizeof(tail)) || r.rest.len > 0)
        return PH_ERR_MALFORMED;
    if (memcmp(magic, export_magic, sizeof(magic)) != 0 || zero != 0 ||
        !is_zero(tail, sizeof(tail)) || h.page_cnt > PH_STATE_PAGES_MAX)
        return PH_ERR_MALFORMED;
    *out = h;
    return PH_OK;
}

uint64_t ph_export_piece_cnt(uint32_t page_cnt)
{
    return ((uint64_t)page_cnt + PH_EXPORT_PIECE_PAGES - 1) / PH_EXPORT_PIECE_PAGES;
}

size_t ph_export_piece_len(uint32_t page_cnt, uint64_t i)
{
    const uint64_t first = i * PH_EXPORT_PIECE_PAGES;

    if (first >= page_cnt)
        return 0;
    const uint64_t left = page_cnt - first;
    return (size_t)(left < PH_EXPORT_PIECE_PAGES ? left : PH_EXPORT_PIECE_PAGES) * PH_STATE_PAGE;
}

uint64_t ph_export_pieces_len(uint32_t page_cnt)
{
    return (uint64_t)page_cnt * PH_STATE_PAGE +
           ph_export_piece_cnt(page_cnt) * PH_EXPORT_PIECE_OVERHEAD;
}

static void piece_nonce(uint64_t i, uint8_t out[static PH_GCM_NONCE_LEN])
{
    memset(out, 0, PH_GCM_NONCE_LEN);
    for (size_t at = PH_GCM_NONCE_LEN; i > 0; i >>= 8)
        out[--at] = (uint8_t)i;
}

enum ph_err ph_export_piece_seal(const uint8_t key[static 32], const struct ph_hash32 *binding,
                                 uint64_t i, struct ph_bytes plain, uint8_t *out)
{
    uint8_t nonce[PH_GCM_NONCE_LEN];

    piece_nonce(i, nonce);
    return ph_aes256gcm_seal(key, nonce, PH_BYTES_OF(binding->b), plain, out);
}

enum ph_err ph_export_piece_open(const uint8_t key[static 32], const struct ph_hash32 *binding,
                                 uint64_t i, struct ph_bytes sealed, uint8_t *out)
{
    uint8_t nonce[PH_GCM_NONCE_LEN];

    piece_nonce(i, nonce);
    return ph_aes256gcm_open(key, nonce, PH_BYTES_OF(binding->b), sealed, out);
}

/* SQLite's file format, section 1.3: magic, page size, versions (1: rollback journal), reserved
 * bytes, size in pages (counts when it is what the file has). */
enum ph_err ph_import_check_database(struct ph_bytes page, uint32_t page_cnt, char why[static 128])
{
    static const uint8_t magic[16] = "SQLite format 3";
    const uint8_t *p = page.ptr;
    const char *what = NULL;

    if (page.len < SQLITE_HEADER || memcmp(p, magic, sizeof(magic)) != 0)
        what = "is no SQLite database";
    else if ((p[16] << 8 | p[17]) != PH_STATE_PAGE || p[20] != 0)
        what = "has not pages of 4096 bytes: VACUUM it after PRAGMA page_size=4096";
    else if (p[18] != 1 || p[19] != 1)
        what = "keeps a write-ahead log: PRAGMA journal_mode=DELETE first";
    else if (((uint32_t)p[28] << 24 | (uint32_t)p[29] << 16 | (uint32_t)p[30] << 8 | p[31]) !=
             page_cnt)
        what = "has another number of pages than its header says: VACUUM it";
    if (what) {
        (void)snprintf(why, 128, "what is imported %s", what);
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

void ph_import_head_encode(const struct ph_import_head *head,
                           uint8_t out[static PH_IMPORT_HEAD_LEN])
{
    uint8_t *at = out;

    put(&at, import_magic, sizeof(import_magic));
    put(&at, head->phat.b, sizeof(head->phat.b));
    put_u64le(&at, head->over_index);
    put(&at, head->over_hash.b, sizeof(head->over_hash.b));
    ph_export_head_encode(&head->from, at);
    at += PH_EXPORT_HEAD_LEN;
    put(&at, head->pieces.b, sizeof(head->pieces.b));
    put(&at, head->wrapped, sizeof(head->wrapped));
}

enum ph_err ph_import_head_parse(struct ph_bytes raw, struct ph_import_head *out)
{
    struct ph_reader r = {raw};
    struct ph_import_head h;
    struct ph_bytes from;
    uint8_t magic[8];

    if (!ph_read_copy(&r, magic, sizeof(magic)) || !ph_read_copy(&r, h.phat.b, sizeof(h.phat.b)) ||
        !ph_read_u64le(&r, &h.over_index) ||
        !ph_read_copy(&r, h.over_hash.b, sizeof(h.over_hash.b)) ||
        !ph_read_view(&r, PH_EXPORT_HEAD_LEN, &from) ||
        !ph_read_copy(&r, h.pieces.b, sizeof(h.pieces.b)) ||
        !ph_read_copy(&r, h.wrapped, sizeof(h.wrapped)) || r.rest.len > 0 ||
        memcmp(magic, import_magic, sizeof(magic)) != 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_export_head_parse(from, &h.from));
    ph_sha256(from, h.binding.b);
    *out = h;
    return PH_OK;
}

/* Key and associated data of a token. */
static enum ph_err token_keys(const uint8_t state_key[static 32], enum ph_move_kind kind,
                              const uint8_t salt[static 32], struct ph_bytes bound,
                              uint8_t key[static 32], uint8_t aad[static 33])
{
    aad[0] = (uint8_t)kind;
    ph_sha256(bound, aad + 1);
    return ph_hkdf_sha256((struct ph_bytes){state_key, 32}, (struct ph_bytes){salt, 32},
                          PH_BYTES_LIT("phala-state-move-v1"), key, 32);
}

static const uint8_t no_nonce[PH_GCM_NONCE_LEN]; /* the salt makes each key a key of one message */

enum ph_err ph_move_token_seal(const uint8_t state_key[static 32], enum ph_move_kind kind,
                               struct ph_bytes bound, const uint8_t file_key[static 32],
                               uint8_t out[static PH_MOVE_TOKEN_LEN])
{
    uint8_t key[32], aad[33];

    ph_random(out, 32);
    enum ph_err err = token_keys(state_key, kind, out, bound, key, aad);
    if (err == PH_OK)
        err = ph_aes256gcm_seal(key, no_nonce, PH_BYTES_OF(aad), (struct ph_bytes){file_key, 32},
                                out + 32);
    ph_wipe(key, sizeof(key));
    return err;
}

enum ph_err ph_move_token_open(const uint8_t state_key[static 32], enum ph_move_kind kind,
                               struct ph_bytes bound, struct ph_bytes tokens,
                               uint8_t file_key[static 32])
{
    enum ph_err err = PH_ERR_UNTRUSTED;
    uint8_t key[32], aad[33];

    if (tokens.len == 0 || tokens.len % PH_MOVE_TOKEN_LEN != 0 ||
        tokens.len > (size_t)PH_MOVE_TOKENS_MAX * PH_MOVE_TOKEN_LEN)
        return PH_ERR_MALFORMED;
    for (size_t at = 0; err == PH_ERR_UNTRUSTED && at < tokens.len; at += PH_MOVE_TOKEN_LEN) {
        const uint8_t *token = tokens.ptr + at;
        err = token_keys(state_key, kind, token, bound, key, aad);
        if (err == PH_OK)
            err = ph_aes256gcm_open(key, no_nonce, PH_BYTES_OF(aad),
                                    (struct ph_bytes){token + 32, 48}, file_key);
    }
    ph_wipe(key, sizeof(key));
    return err;
}
