#ifndef PH_RUNTIME_IDEM_FIELDS_H
#define PH_RUNTIME_IDEM_FIELDS_H

/* Header blocks as phalad writes them, "name: value\n" per field, names in lower case, and the one
 * form of an Idempotency-Key.
 *
 * Layer: runtime. Pure. Spec: draft-ietf-httpapi-idempotency-key-header. Tests: run_idem_test.c,
 * idem_fields_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum { PH_IDEM_KEY_MAX = 255 }; /* visible ASCII characters */

/* How many fields of this name (lower case) there are, up to the first line that is none; *value
 * gets the last, without leading blanks. */
size_t ph_idem_field_find(struct ph_bytes block, const char *wanted, struct ph_bytes *value);
/* 1 to PH_IDEM_KEY_MAX visible ASCII characters. */
bool ph_idem_key_is_right(struct ph_bytes key);

#endif
