#ifndef PH_CODEC_UTF8_H
#define PH_CODEC_UTF8_H

/* UTF-8 as a yes or no.
 *
 * Layer: codec. Spec: RFC 3629 §4. Tests: cbor_test.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

/* True if `text` is UTF-8: no surrogates, no overlong forms, nothing over U+10FFFF. */
bool ph_utf8_valid(struct ph_bytes text);

#endif
