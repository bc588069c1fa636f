#ifndef PH_CHAIN_ABI_H
#define PH_CHAIN_ABI_H

/* Arguments, answers and events of contracts. What a contract takes is described by tables that
 * tools/abi.mjs makes from the contract's ABI at build time, one C struct and one table each; the
 * two functions below move bytes between the two. Nobody writes a selector or a topic by hand.
 *
 * In C a value is: uint8_t… uint64_t  uint64_t; wider ones struct ph_u256; bool; address
 * struct ph_eth_address; bytes32 struct ph_hash32; bytesN uint8_t[N]; bytes and string
 * struct ph_bytes; T[] struct ph_abi_list; T[n] an array; a tuple a struct.
 *
 * Decoding is strict: what an encoder of Solidity would not write (high bits, padding) is refused.
 *
 * Layer: chain. Pure. Spec: Solidity, "Contract ABI Specification". Tests: abi_test.c, abi_fuzz.c;
 * against viem and cast: tests/integration/chain_codec.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "chain/u256.h"

enum ph_abi_kind {
    PH_ABI_U64,  /* an unsigned integer of up to 64 bits */
    PH_ABI_U256, /* a wider one */
    PH_ABI_BOOL,
    PH_ABI_ADDRESS,
    PH_ABI_FIXED, /* bytesN: left-aligned */
    PH_ABI_BYTES, /* bytes, string */
    PH_ABI_LIST,  /* T[] */
    PH_ABI_ARRAY, /* T[n] */
    PH_ABI_TUPLE,
};

struct ph_abi_field;

struct ph_abi_type {
    enum ph_abi_kind kind;
    uint32_t size;   /* U64, U256, FIXED: bytes of the value; ARRAY: elements; TUPLE: fields */
    bool dynamic;    /* lies in the tail, the head holds its offset */
    uint32_t head;   /* bytes in the head */
    uint32_t c_size; /* sizeof its form in C */
    const struct ph_abi_type *of;      /* LIST, ARRAY */
    const struct ph_abi_field *fields; /* TUPLE */
};

struct ph_abi_field {
    const struct ph_abi_type *type;
    size_t offset; /* in the struct */
};

/* T[] in C: `cnt` values at `at`. */
struct ph_abi_list {
    const void *at;
    uint32_t cnt;
};

/* Arguments of a function, or of a constructor or error: `selector` first where there is one. */
struct ph_abi_call {
    const char *signature; /* "transfer(address,uint256)" */
    uint8_t selector[4];
    const struct ph_abi_type *in, *out; /* tuples */
};

/* An event: indexed arguments are in the topics (a dynamic one as its hash), the rest in the data;
 * both tuples are of the event's one struct. */
struct ph_abi_event {
    const char *signature;
    struct ph_hash32 topic;
    const struct ph_abi_type *indexed, *data;
};

/* A custom error of a contract, for messages. */
struct ph_abi_error {
    const char *signature;
    uint8_t selector[4];
};

/* Where a decoder puts the elements of lists: the caller's memory, aligned for any type. */
struct ph_abi_mem {
    uint8_t *ptr;
    size_t len, used;
};

/* Append the encoding of the struct at `in`, of type `tuple`. PH_ERR_LIMIT, PH_ERR_NOMEM: the
 * buffer's; a longer value than its type has (a uint32 of 2^32) is PH_ERR_LIMIT too. On failure the
 * buffer is as it was. */
PH_CHECKED enum ph_err ph_abi_encode(const struct ph_abi_type *tuple, const void *in,
                                     struct ph_buf *out);
/* Read the whole of `data` into the struct at `out`: its bytes are views into data, its lists lie
 * in `mem`. PH_ERR_MALFORMED. PH_ERR_LIMIT: mem is too small. */
PH_CHECKED enum ph_err ph_abi_decode(const struct ph_abi_type *tuple, struct ph_bytes data,
                                     struct ph_abi_mem *mem, void *out);

/* Selector and arguments: the data of a transaction or an eth_call. As ph_abi_encode. */
PH_CHECKED enum ph_err ph_abi_encode_call(const struct ph_abi_call *call, const void *in,
                                          struct ph_buf *out);
/* A log of this event. PH_ERR_NOT_FOUND: of another. PH_ERR_MALFORMED, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_abi_decode_event(const struct ph_abi_event *event,
                                           const struct ph_hash32 *topics, size_t topic_cnt,
                                           struct ph_bytes data, struct ph_abi_mem *mem, void *out);
/* Signature of the custom error that revert data begins with; NULL: none of these. */
const char *ph_abi_error_name(const struct ph_abi_error *errors, size_t error_cnt,
                              struct ph_bytes revert_data);

/* Tables of types without a name of their own. */
extern const struct ph_abi_type ph_abi_u8, ph_abi_u16, ph_abi_u24, ph_abi_u32, ph_abi_u40,
    ph_abi_u48, ph_abi_u56, ph_abi_u64, ph_abi_bool, ph_abi_address, ph_abi_bytes, ph_abi_bytes32,
    ph_abi_nothing; /* no arguments */

#endif
