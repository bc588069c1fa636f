#ifndef PH_CHAIN_U256_H
#define PH_CHAIN_U256_H

/* Unsigned 256-bit integers as the EVM has them: amounts in wei, and words of contracts. Only what
 * a client needs of arithmetic: sums and products that tell when they overflow.
 *
 * Layer: chain. Pure. Spec: Ethereum JSON-RPC, "Hex encoding" (quantities). Tests: u256_test.c.
 */

#include "base/bytes.h"

/* Big-endian, as on the wire. */
struct ph_u256 {
    uint8_t b[32];
};

struct ph_u256 ph_u256_of(uint64_t v);
/* PH_ERR_LIMIT: it does not fit. */
PH_CHECKED enum ph_err ph_u256_to_u64(const struct ph_u256 *v, uint64_t *out);
/* Below 0, 0, above 0, as memcmp has it. */
int ph_u256_cmp(const struct ph_u256 *a, const struct ph_u256 *b);
/* PH_ERR_LIMIT: the sum has more than 256 bits. */
PH_CHECKED enum ph_err ph_u256_add(const struct ph_u256 *a, const struct ph_u256 *b,
                                   struct ph_u256 *out);
/* The whole product: it always fits. */
struct ph_u256 ph_u256_product(uint64_t a, uint64_t b);

/* Decimal digits without a sign or leading zeros, as documents of ours write wei.
 * PH_ERR_MALFORMED: something else. PH_ERR_LIMIT: more than 256 bits. */
PH_CHECKED enum ph_err ph_u256_parse_decimal(struct ph_bytes text, struct ph_u256 *out);
/* A quantity of JSON-RPC: "0x", then 1 to 64 hex digits, none of them a leading zero.
 * PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_u256_parse_quantity(struct ph_bytes text, struct ph_u256 *out);
/* The same for what fits 64 bits. PH_ERR_LIMIT: it does not. */
PH_CHECKED enum ph_err ph_quantity_parse(struct ph_bytes text, uint64_t *out);

enum { PH_QUANTITY_LEN = 2 + 16 + 1, PH_U256_DECIMAL_LEN = 78 + 1 };
/* "0x…" as JSON-RPC wants it, with a NUL. */
void ph_quantity_format(uint64_t v, char out[static PH_QUANTITY_LEN]);
/* Decimal digits, with a NUL. */
void ph_u256_format_decimal(const struct ph_u256 *v, char out[static PH_U256_DECIMAL_LEN]);

#endif
