#ifndef PH_KEYS_EIP712_PRIV_H
#define PH_KEYS_EIP712_PRIV_H

/* The EIP-712 hashing that owner requests and receipt batches share. */

#include "base/bytes.h"
#include "base/ids.h"

/* A uint as a 32-byte big-endian word. */
void ph_eip712_word_uint(uint64_t v, uint8_t out[static 32]);

/* Integers in our JSON: at most 18 digits, which every reader here takes. */
#define PH_JSON_UINT_MAX UINT64_C(999999999999999999)

/* keccak256(0x1901 || domain separator || keccak256(keccak256(type) || words)), with words already
 * encoded: dynamic members as their keccak256. At most 7 words. EIP-712 §"Definition of
 * encodeData". */
void ph_eip712_digest(const char *type, const uint8_t *words, size_t word_cnt,
                      struct ph_hash32 *out);

#endif
