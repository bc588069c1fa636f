#ifndef PH_CHAIN_REFUSAL_H
#define PH_CHAIN_REFUSAL_H

/* Why the contracts refused a worker, in words: the custom error that a call reverted with, of any
 * contract that judges a registration, with what it says.
 *
 * Layer: chain. Pure. Spec: Solidity, "Contract ABI Specification", Errors. Tests: refusal_test.c,
 * refusal_fuzz.c.
 */

#include "base/bytes.h"

enum { PH_REFUSAL_LEN = 256 };

/* "TcbRefused(uint8): 5": numbers in decimal, other words in hexadecimal. "an unknown error
 * 0x12345678", "no reason given". @revert_data any bytes */
void ph_refusal_text(struct ph_bytes revert_data, char out[static PH_REFUSAL_LEN]);
/* Is it this error? @name without arguments: "PckUnknown". */
bool ph_refusal_is(struct ph_bytes revert_data, const char *name);

#endif
