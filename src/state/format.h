#ifndef PH_STATE_FORMAT_H
#define PH_STATE_FORMAT_H

/* Commits of a phat's state as bytes: head, page table, pages.
 *
 * Layer: state. Pure. Format: docs/state.md. Tests: format_test.c, format_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum {
    PH_STATE_PAGE = 4096,
    PH_STATE_TAG = 16,
    PH_STATE_HEAD_LEN = 268,
    PH_STATE_TABLE_ENTRY = 4 + PH_STATE_TAG,
    PH_STATE_PAGES_MAX = 1 << 26,    /* of a database: 256 GiB */
    PH_STATE_COMMIT_PAGES = 1 << 16, /* of one commit: 256 MiB */
};

/* A head, taken apart. */
struct ph_state_head {
    struct ph_phat_id phat;
    uint64_t index;           /* from 1 */
    uint32_t key_epoch;       /* of the cluster's master key: of the mac and of this record */
    uint32_t older_epoch;     /* of the oldest page, if it is before key_epoch; else 0 */
    struct ph_hash32 prev;    /* commit hash of index - 1; zero for the first */
    struct ph_hash32 session; /* random, of the writer */
    struct ph_hash32 root;
    struct ph_hash32 table_sha256;
    uint32_t page_cnt;     /* of the database, after this commit */
    uint32_t record_pages; /* of this record */
    uint64_t time_ms;
    uint8_t mac[32];
};

/* A whole record: views into someone's bytes. */
struct ph_state_record {
    struct ph_state_head head;
    struct ph_bytes head_raw; /* PH_STATE_HEAD_LEN */
    struct ph_bytes table;    /* record_pages * PH_STATE_TABLE_ENTRY */
    struct ph_bytes pages;    /* record_pages * PH_STATE_PAGE */
};

/* What is known of a state's newest commit. Zeroed: no commit yet. */
struct ph_state_tip {
    uint64_t index;
    struct ph_hash32 hash; /* of the head */
    struct ph_hash32 root;
    uint32_t page_cnt;
    uint32_t key_epoch;
    uint32_t older_epoch; /* as in the head; not kept in files, where it is 0 */
};

void ph_state_head_encode(const struct ph_state_head *head, uint8_t out[static PH_STATE_HEAD_LEN]);
/* PH_ERR_MALFORMED: magic, zero bytes, ranges; PH_ERR_UNSUPPORTED: another version. The mac is not
 * judged. */
PH_CHECKED enum ph_err ph_state_head_parse(struct ph_bytes raw, struct ph_state_head *out);
void ph_state_commit_hash(const uint8_t raw[static PH_STATE_HEAD_LEN], struct ph_hash32 *out);
/* Length in bytes of a record with so many pages. */
static inline size_t ph_state_record_len(uint32_t record_pages)
{
    return PH_STATE_HEAD_LEN + (size_t)record_pages * (PH_STATE_TABLE_ENTRY + PH_STATE_PAGE);
}
/* Parse a record that fills `raw`: head, lengths, table ascending, in range, and as hashed in the
 * head. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_state_record_parse(struct ph_bytes raw, struct ph_state_record *out);
/* Entry i of the table. */
void ph_state_table_entry(const struct ph_state_record *record, uint32_t i, uint32_t *page,
                          uint8_t tag[static PH_STATE_TAG]);
/* True if `head` is what may follow `tip`: same phat is the caller's to check. */
bool ph_state_follows(const struct ph_state_tip *tip, const struct ph_state_head *head);
/* The tip after a record. */
void ph_state_tip_of(const struct ph_state_record *record, struct ph_state_tip *out);

/* The root over a tree's top node, and that of a state without pages. */
void ph_state_root(uint32_t page_cnt, uint8_t height, const struct ph_hash32 *top,
                   struct ph_hash32 *out);
void ph_state_root_empty(struct ph_hash32 *out);
/* Keys of one phat's state, from its 32-byte state key. */
void ph_state_mac(const uint8_t state_key[static 32], const uint8_t head[static PH_STATE_HEAD_LEN],
                  uint8_t mac[static 32]);
/* PH_ERR_UNTRUSTED: the mac of the head is not this state key's. */
PH_CHECKED enum ph_err ph_state_mac_check(const uint8_t state_key[static 32],
                                          const uint8_t head[static PH_STATE_HEAD_LEN]);
void ph_state_session_key(const uint8_t state_key[static 32], const struct ph_hash32 *session,
                          uint8_t out[static 32]);

#endif
