#ifndef PH_CHAIN_RPC_WIRE_H
#define PH_CHAIN_RPC_WIRE_H

/* JSON-RPC on the wire: batches of calls, and the answers that nodes give. A node is not trusted:
 * its text is scanned within limits, ids must be ours, each at most once.
 *
 * Layer: chain. Pure. Spec: JSON-RPC 2.0 §4 to §6. Tests: rpc_wire_test.c, rpc_wire_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "codec/jscan.h"

enum {
    PH_RPC_BATCH_MAX = 100,        /* calls in one request */
    PH_RPC_IDS_A_TICKET = 128,     /* ids of a batch are its ticket's: this many times it, and up */
    PH_RPC_TEXT_MAX = 8 << 20,     /* bytes of an answer */
    PH_RPC_TOKS_MAX = 512 * 1024,  /* values in it */
    PH_RPC_MESSAGE_MAX = 512,      /* characters of an error's message that are kept */
    PH_RPC_REVERT_DATA_MAX = 4096, /* bytes of revert data that are kept */
};

/* A call: its params are an array in JSON, of our own making. Its id is the first one's plus its
 * place. */
struct ph_rpc_call {
    const char *method;
    struct ph_bytes params;
};
/* Append a batch of 1 to PH_RPC_BATCH_MAX calls: an array, also for one. PH_ERR_LIMIT,
 * PH_ERR_NOMEM: the buffer's. */
PH_CHECKED enum ph_err ph_rpc_put_batch(uint64_t first_id, const struct ph_rpc_call *calls,
                                        size_t call_cnt, struct ph_buf *out);

/* What a node says to one call. */
struct ph_rpc_answer {
    bool is_error;
    uint32_t result;         /* token in doc; when is_error: 0 */
    int64_t code;            /* of an error; 0: not one of at most 18 digits */
    struct ph_bytes message; /* of an error: characters as written, escapes and all */
    struct ph_bytes data;    /* of an error: characters of the string there, mostly "0x…" */
    const struct ph_jdoc *doc;
};

/* An answered batch: text borrowed, tokens owned. */
struct ph_rpc_batch {
    struct ph_jdoc doc;
    struct ph_jtok *toks;
};
void ph_rpc_batch_clear(struct ph_rpc_batch *batch);
/* Scan a node's text, whatever it is. PH_ERR_MALFORMED: no JSON. PH_ERR_LIMIT: over the limits
 * above. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rpc_scan(struct ph_bytes text, struct ph_rpc_batch *out);
/**
 * Read the answers to a batch of `cnt` calls.
 *
 * @answers  one for each call; doc NULL: the node gave none. Views into batch.
 * @batch    cleared by the caller when this is PH_OK
 *
 * Returns PH_ERR_MALFORMED  no JSON, no array (a lone error object is PH_ERR_IO: the node refused
 *                           the batch), ids that are not ours, or twice, neither result nor error
 *         PH_ERR_LIMIT      over the limits above
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_rpc_parse_batch(struct ph_bytes text, uint64_t first_id, size_t cnt,
                                          struct ph_rpc_batch *batch,
                                          struct ph_rpc_answer *answers);

/* The bytes that a string "0x…" stands for, appended. PH_ERR_MALFORMED, PH_ERR_LIMIT,
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rpc_data(const struct ph_jdoc *doc, uint32_t tok, struct ph_buf *out);
/* The same from characters. */
PH_CHECKED enum ph_err ph_rpc_data_of(struct ph_bytes text, struct ph_buf *out);
/* A quantity that fits 64 bits. PH_ERR_MALFORMED, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_rpc_quantity(const struct ph_jdoc *doc, uint32_t tok, uint64_t *out);

/* What two nodes must agree on: of objects the members named (NULL-terminated; an absent one counts
 * as such), of other values all, hex digits in either case. SHA-256 over it. An error counts with
 * its data alone: nodes word messages differently. */
void ph_rpc_answer_digest(const struct ph_rpc_answer *answer, const char *const *members,
                          struct ph_hash32 *out);

#endif
