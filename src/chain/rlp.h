#ifndef PH_CHAIN_RLP_H
#define PH_CHAIN_RLP_H

/* Recursive length prefix: Ethereum's form of a tree of byte strings. The reader is handed one
 * level at a time, so that nothing recurses; it takes the one canonical form of each item only.
 *
 * Layer: chain. Pure. Spec: [YP] appendix B. Tests: rlp_test.c, rlp_fuzz.c; against viem and cast:
 * tests/integration/chain_codec.test.mjs.
 */

#include "base/bytes.h"
#include "chain/u256.h"

/* One item: the bytes of a string, or what is inside a list. A view. */
struct ph_rlp_item {
    bool is_list;
    struct ph_bytes payload;
};

/* All of these cut one item off the front, or touch neither reader nor output. PH_ERR_MALFORMED:
 * cut short, or not in its shortest form. */
PH_CHECKED enum ph_err ph_rlp_read(struct ph_reader *r, struct ph_rlp_item *out);
/* A string; a list, to be read with `out`. PH_ERR_MALFORMED also: the other one is there. */
PH_CHECKED enum ph_err ph_rlp_read_string(struct ph_reader *r, struct ph_bytes *out);
PH_CHECKED enum ph_err ph_rlp_read_list(struct ph_reader *r, struct ph_reader *out);
/* An integer: a string without leading zeros. PH_ERR_LIMIT: more than 64 (256) bits. */
PH_CHECKED enum ph_err ph_rlp_read_u64(struct ph_reader *r, uint64_t *out);
PH_CHECKED enum ph_err ph_rlp_read_u256(struct ph_reader *r, struct ph_u256 *out);

/* Append one item. PH_ERR_LIMIT, PH_ERR_NOMEM: the buffer's; it is unchanged then. */
PH_CHECKED enum ph_err ph_rlp_put_string(struct ph_buf *out, struct ph_bytes bytes);
PH_CHECKED enum ph_err ph_rlp_put_u64(struct ph_buf *out, uint64_t v);
PH_CHECKED enum ph_err ph_rlp_put_u256(struct ph_buf *out, const struct ph_u256 *v);
/* A list around `payload`, items already encoded. */
PH_CHECKED enum ph_err ph_rlp_put_list(struct ph_buf *out, struct ph_bytes payload);

#endif
