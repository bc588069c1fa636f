#ifndef PH_BASE_HEX_H
#define PH_BASE_HEX_H

/* Lower-case hexadecimal.
 *
 * Layer: base. Tests: base_test.c.
 */

#include "base/bytes.h"

/* Write 2 * bytes.len digits and a NUL into `out`. */
void ph_hex_encode(struct ph_bytes bytes, char *out);

/**
 * Read exactly `out_len` bytes from hex digits of either case; an optional "0x" is skipped.
 *
 * Returns PH_ERR_MALFORMED  wrong length, or a character that is no hex digit
 */
PH_CHECKED enum ph_err ph_hex_decode(struct ph_bytes text, uint8_t *out, size_t out_len);

#endif
