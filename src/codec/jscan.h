#ifndef PH_CODEC_JSCAN_H
#define PH_CODEC_JSCAN_H

/* A strict in-place JSON scanner for documents under a signature: it keeps the exact bytes of every
 * value, allocates nothing per value, and does not recurse. Documents of our own (manifests, API
 * bodies) go through codec/json.h.
 *
 * Refused: duplicate keys in an object (an escape equals what it stands for), depth over
 * PH_JSCAN_DEPTH, numbers that are no integers of at most 18 digits, control characters, bad
 * escapes, lone surrogates, invalid UTF-8, anything after the document.
 *
 * Layer: codec. Spec: RFC 8259. Tests: jscan_test.c, jscan_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_JSCAN_DEPTH = 32,        /* containers inside each other */
    PH_JSCAN_MEMBERS_MAX = 256, /* of one object: finding duplicates compares pairs */
    PH_JSCAN_TEXT_MAX = 16 << 20,
};

enum ph_jtype { PH_JNULL, PH_JBOOL, PH_JINT, PH_JSTRING, PH_JARRAY, PH_JOBJECT };

/* One value of a scanned document. Tokens lie in document order; a container is followed by its
 * descendants. */
struct ph_jtok {
    enum ph_jtype type;
    uint32_t start, end;         /* byte range in the document: strings with their quotes */
    uint32_t cnt;                /* members of an object, elements of an array */
    uint32_t next;               /* index of the token after this value and all inside it */
    uint32_t key_start, key_end; /* in an object: the key without quotes, as written; else 0, 0 */
};

/* A scanned document: the caller owns both the text and the tokens. */
struct ph_jdoc {
    struct ph_bytes text;
    struct ph_jtok *toks;
    uint32_t tok_cnt;
};

/**
 * Scan a whole document.
 *
 * @text    at most 16 MiB; borrowed as long as the jdoc is used
 * @toks    room for tok_cap tokens, the caller's
 * Returns  PH_ERR_MALFORMED  breaks the rules above
 *          PH_ERR_LIMIT      more than tok_cap values, or a limit above other than the depth
 */
PH_CHECKED enum ph_err ph_jscan(struct ph_bytes text, struct ph_jtok *toks, uint32_t tok_cap,
                                struct ph_jdoc *out);

/* Token 0 is the root. Member of an object by name (keys with escapes never match): token index, or
 * 0 if absent. */
uint32_t ph_jscan_get(const struct ph_jdoc *doc, uint32_t object, const char *key);
/* First element or member of a container; step with toks[i].next while it is below
 * toks[container].next. */
static inline uint32_t ph_jscan_first(uint32_t container)
{
    return container + 1;
}
/* Exact bytes of a value, as signed. */
struct ph_bytes ph_jscan_raw(const struct ph_jdoc *doc, uint32_t tok);
/* A string without escapes (PH_ERR_MALFORMED otherwise, or another type; so below): view of its
 * characters. */
PH_CHECKED enum ph_err ph_jscan_str(const struct ph_jdoc *doc, uint32_t tok, struct ph_bytes *out);
/* A non-negative integer. */
PH_CHECKED enum ph_err ph_jscan_u64(const struct ph_jdoc *doc, uint32_t tok, uint64_t *out);
/* A string of exactly 2*len hex digits. */
PH_CHECKED enum ph_err ph_jscan_hex(const struct ph_jdoc *doc, uint32_t tok, uint8_t *out,
                                    size_t len);

#endif
