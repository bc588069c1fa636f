#ifndef PH_CODEC_CBOR_H
#define PH_CODEC_CBOR_H

/* A strict reader of CBOR, for documents under a signature. Nothing is copied or allocated, nothing
 * recurses; views point into the input.
 *
 * Refused: lengths and integers that are not in their shortest form; indefinite lengths of strings
 * and arrays (maps may have them: AWS writes one); duplicate keys; keys that are no integer or
 * string; text that is no UTF-8; floats, undefined and other simple values; depth over
 * PH_CBOR_DEPTH.
 *
 * Layer: codec. Spec: RFC 8949 §3, §4.2.1, §5.6. Tests: cbor_test.c, cbor_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_CBOR_DEPTH = 16,    /* arrays, maps and tags inside each other */
    PH_CBOR_KEYS_MAX = 64, /* keys of the maps that are open at one point, together */
};

enum ph_cbor_type {
    PH_CBOR_UINT,
    PH_CBOR_NEGATIVE, /* -1 - value */
    PH_CBOR_BYTES,
    PH_CBOR_TEXT,
    PH_CBOR_ARRAY,
    PH_CBOR_MAP,
    PH_CBOR_TAG,
    PH_CBOR_BOOL,
    PH_CBOR_NULL,
};

/* The head of one data item; of strings, all of it. */
struct ph_cbor {
    enum ph_cbor_type type;
    uint64_t value;        /* integer, number of elements or of pairs, tag, 0 or 1 */
    bool indefinite;       /* a map that ends with a break; value is 0 */
    struct ph_bytes bytes; /* BYTES, TEXT */
};

/**
 * Cut one whole item off the front, with everything in it, and hold it against all rules above. Do
 * this first: the functions below read heads one by one and see neither depth nor duplicates.
 *
 * Returns PH_ERR_MALFORMED    no item, or a rule above is broken
 *         PH_ERR_UNSUPPORTED  well-formed, but an indefinite length, a float, a simple value or a
 *                             kind of key that is refused here
 *         PH_ERR_LIMIT        too deep, or too many keys
 */
PH_CHECKED enum ph_err ph_cbor_cut(struct ph_reader *r, struct ph_bytes *whole);

/* Read the next head. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED; `r` and *out are then untouched. */
PH_CHECKED enum ph_err ph_cbor_next(struct ph_reader *r, struct ph_cbor *out);
/* The same, of this type or PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_cbor_expect(struct ph_reader *r, enum ph_cbor_type type,
                                      struct ph_cbor *out);

/* The pairs of a map that was just read: call before each; *more is false at its end. */
PH_CHECKED enum ph_err ph_cbor_more(struct ph_reader *r, struct ph_cbor *map, bool *more);

#endif
