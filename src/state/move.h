#ifndef PH_STATE_MOVE_H
#define PH_STATE_MOVE_H

/* A phat's state on its way to its owner and back: the export file, the head of an import, and the
 * tokens by which phala-keyd lets a phat's process make or take one. Format and argument:
 * docs/state.md.
 *
 *   file    head (PH_EXPORT_HEAD_LEN) || recipient 32 || wrapped key 80 || pieces
 *   piece i AES-256-GCM under the file's key, nonce u32 zero || u64be i, aad SHA-256(head), over 16
 *           pages of the database, the last one over what is left
 *
 * The pages in the clear, one after another, are a SQLite database. The number of pieces follows
 * from the head, so that one that is cut off is missed.
 *
 * Layer: state. Pure but for a token's salt. Tests: move_test.c, move_fuzz.c.
 */

#include "state/format.h"

enum {
    PH_EXPORT_HEAD_LEN = 160,
    PH_EXPORT_WRAPPED_LEN = 32 + 32 + 16, /* HPKE: enc || sealed file key */
    PH_EXPORT_FRONT_LEN = PH_EXPORT_HEAD_LEN + 32 + PH_EXPORT_WRAPPED_LEN,
    PH_EXPORT_PIECE_PAGES = 16,
    PH_EXPORT_PIECE = PH_EXPORT_PIECE_PAGES * PH_STATE_PAGE, /* in the clear */
    PH_EXPORT_PIECE_OVERHEAD = 16,
    PH_IMPORT_BOUND_LEN = 8 + 20 + 8 + 32 + PH_EXPORT_HEAD_LEN + 32,
    PH_IMPORT_HEAD_LEN = PH_IMPORT_BOUND_LEN + PH_EXPORT_WRAPPED_LEN,
    PH_MOVE_TOKEN_LEN = 32 + 32 + 16,
    PH_MOVE_TOKENS_MAX = 16, /* epochs of a cluster */
};

/* Info of the HPKE messages (keys/hpke.h) that wrap a file's key. Their aad: the phat's id (of an
 * export, made before the head is known: the pieces bind that); the bound part of an import's head.
 */
#define PH_EXPORT_INFO "phala-state-export-v1"
#define PH_IMPORT_INFO "phala-state-import-v1"

/* What an export is of. Little-endian: magic "PHSTATE1" || phat 20 || cluster 20 || index u64 ||
 * commit hash 32 || root 32 || page_cnt u32 || zero 4 || time u64 || zero 24. */
struct ph_export_head {
    struct ph_phat_id phat;        /* zero: of no phat, but a database that its owner brought */
    struct ph_eth_address cluster; /* zero likewise */
    uint64_t index;                /* newest commit in it; 0: none */
    struct ph_hash32 hash, root;   /* of that commit */
    uint32_t page_cnt;
    uint64_t time_ms; /* of the export, by the phat's process */
};
void ph_export_head_encode(const struct ph_export_head *head,
                           uint8_t out[static PH_EXPORT_HEAD_LEN]);
/* PH_ERR_MALFORMED: magic, zero bytes, or too many pages. */
PH_CHECKED enum ph_err ph_export_head_parse(struct ph_bytes raw, struct ph_export_head *out);
uint64_t ph_export_piece_cnt(uint32_t page_cnt);
/* Bytes of piece i in the clear. */
size_t ph_export_piece_len(uint32_t page_cnt, uint64_t i);
/* Bytes of all pieces, sealed. */
uint64_t ph_export_pieces_len(uint32_t page_cnt);

/* @binding  SHA-256 of the export head
 * @out      plain.len + PH_EXPORT_PIECE_OVERHEAD bytes */
PH_CHECKED enum ph_err ph_export_piece_seal(const uint8_t key[static 32],
                                            const struct ph_hash32 *binding, uint64_t i,
                                            struct ph_bytes plain, uint8_t *out);
/* PH_ERR_UNTRUSTED: altered, of another file, or another piece. PH_ERR_MALFORMED: too short. */
PH_CHECKED enum ph_err ph_export_piece_open(const uint8_t key[static 32],
                                            const struct ph_hash32 *binding, uint64_t i,
                                            struct ph_bytes sealed, uint8_t *out);
/* PH_ERR_MALFORMED: the first page is not that of a SQLite database which a phat can open (page
 * size 4,096, rollback journal, so many pages): `why` says what. */
PH_CHECKED enum ph_err ph_import_check_database(struct ph_bytes page, uint32_t page_cnt,
                                                char why[static 128]);

/* What an owner signs of an import: magic "PHIMPRT1" || phat 20 || index u64le || hash 32 || export
 * head || SHA-256 of all sealed pieces; then the file's key, wrapped for the cluster. */
struct ph_import_head {
    struct ph_phat_id phat;     /* into which */
    uint64_t over_index;        /* over which commit, and no other: 0: an empty state */
    struct ph_hash32 over_hash; /* zero likewise */
    struct ph_export_head from; /* what it is */
    struct ph_hash32 binding;   /* SHA-256 of that head, as the pieces are bound to it */
    struct ph_hash32 pieces;    /* SHA-256 */
    uint8_t wrapped[PH_EXPORT_WRAPPED_LEN];
};
void ph_import_head_encode(const struct ph_import_head *head,
                           uint8_t out[static PH_IMPORT_HEAD_LEN]);
/* PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_import_head_parse(struct ph_bytes raw, struct ph_import_head *out);

/* How phala-keyd hands a file's key to the process that has the state, and to no other: salt 32 ||
 * AES-256-GCM(key 32) under HKDF(state key, salt, "phala-state-move-v1"), zero nonce, aad kind ||
 * bound to. */
enum ph_move_kind { PH_MOVE_EXPORT = 1, PH_MOVE_IMPORT = 2 };
/* @bound  export: recipient || wrapped key; import: the import head */
PH_CHECKED enum ph_err ph_move_token_seal(const uint8_t state_key[static 32],
                                          enum ph_move_kind kind, struct ph_bytes bound,
                                          const uint8_t file_key[static 32],
                                          uint8_t out[static PH_MOVE_TOKEN_LEN]);
/* The file's key from the one of several tokens that is this state key's. PH_ERR_UNTRUSTED: none
 * is. PH_ERR_MALFORMED: not whole tokens, or too many. */
PH_CHECKED enum ph_err ph_move_token_open(const uint8_t state_key[static 32],
                                          enum ph_move_kind kind, struct ph_bytes bound,
                                          struct ph_bytes tokens, uint8_t file_key[static 32]);

#endif
