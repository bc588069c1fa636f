#ifndef PH_CODEC_DER_H
#define PH_CODEC_DER_H

/* A strict, iterative reader of DER: definite lengths only, minimal length octets, single-byte
 * tags, every element inside its parent. Nothing is copied; views point into the input.
 *
 * Layer: codec. Spec: X.690 §8, §10. Tests: der_test.c, der_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum ph_der_tag {
    PH_DER_BOOLEAN = 0x01,
    PH_DER_INTEGER = 0x02,
    PH_DER_BIT_STRING = 0x03,
    PH_DER_OCTET_STRING = 0x04,
    PH_DER_NULL = 0x05,
    PH_DER_OID = 0x06,
    PH_DER_ENUMERATED = 0x0a,
    PH_DER_UTF8_STRING = 0x0c,
    PH_DER_PRINTABLE_STRING = 0x13,
    PH_DER_IA5_STRING = 0x16,
    PH_DER_UTC_TIME = 0x17,
    PH_DER_GENERALIZED_TIME = 0x18,
    PH_DER_SEQUENCE = 0x30,
    PH_DER_SET = 0x31,
};
enum {
    PH_DER_SCALAR_MAX = 66, /* bytes of r or of s: P-521 */
    PH_DER_UINT_MAX = 1024, /* bytes of an INTEGER that we write: RSA-8192 */
};
/* Context tags: [n] constructed is 0xa0 + n, [n] primitive is 0x80 + n. */
#define PH_DER_CONTEXT(n) (0xa0 + (n))
#define PH_DER_CONTEXT_PRIMITIVE(n) (0x80 + (n))

/* One element cut off the front of a reader. */
struct ph_der {
    uint8_t tag;
    struct ph_bytes value; /* the contents octets */
    struct ph_bytes whole; /* tag, length and contents: what a signature covers */
};

/* All return PH_ERR_MALFORMED and leave `r` alone if the next element breaks DER or is not what was
 * asked for. */
PH_CHECKED enum ph_err ph_der_next(struct ph_reader *r, struct ph_der *out);
PH_CHECKED enum ph_err ph_der_expect(struct ph_reader *r, uint8_t tag, struct ph_der *out);
/* True if the next element has this tag; reads nothing. */
bool ph_der_peek(const struct ph_reader *r, uint8_t tag);

/* Cut off one constructed element and go inside it; `whole` (may be NULL) is its tag to its end. */
PH_CHECKED enum ph_err ph_der_enter(struct ph_reader *r, uint8_t tag, struct ph_reader *inside,
                                    struct ph_bytes *whole);
/* PH_ERR_MALFORMED unless everything was read. */
PH_CHECKED enum ph_err ph_der_end(const struct ph_reader *r);
/* Compare the contents of an OBJECT IDENTIFIER with an array. */
#define PH_DER_IS_OID(view, oid) ph_bytes_equal((view), PH_BYTES_OF(oid))

/* Non-negative INTEGER or ENUMERATED that fits: minimal two's complement, no negative. */
PH_CHECKED enum ph_err ph_der_u64(const struct ph_der *e, uint64_t *out);
/* Non-negative INTEGER of any size as big-endian magnitude without leading zeros (a view; empty for
 * zero). */
PH_CHECKED enum ph_err ph_der_uint(const struct ph_der *e, struct ph_bytes *out);
/* BOOLEAN: 0x00 or 0xff only. */
PH_CHECKED enum ph_err ph_der_bool(const struct ph_der *e, bool *out);
/* BIT STRING with no unused bits. */
PH_CHECKED enum ph_err ph_der_bits(const struct ph_der *e, struct ph_bytes *out);
/* UTCTime or GeneralizedTime, RFC 5280 profile, to Unix seconds. */
PH_CHECKED enum ph_err ph_der_time(const struct ph_der *e, int64_t *out_s);
/* ECDSA-Sig-Value SEQUENCE { r, s } to fixed big-endian r || s of n bytes each, n at most
 * PH_DER_SCALAR_MAX (PH_ERR_LIMIT). Range is the verifier's to judge. */
PH_CHECKED enum ph_err ph_der_ecdsa_sig(struct ph_bytes der, size_t n, uint8_t *out);

/* A writer for the few structures we make ourselves (test PKI, TLS certificates): builds inside
 * `buf`, which is unchanged on failure. PH_ERR_LIMIT: it is full, or a limit above; PH_ERR_NOMEM.
 */
/* Append one element. */
PH_CHECKED enum ph_err ph_der_put(struct ph_buf *buf, uint8_t tag, struct ph_bytes value);
/* Append a non-negative INTEGER from a big-endian magnitude (leading zeros are dropped). */
PH_CHECKED enum ph_err ph_der_put_uint(struct ph_buf *buf, struct ph_bytes magnitude);
PH_CHECKED enum ph_err ph_der_put_u64(struct ph_buf *buf, uint64_t v);
/* Append an OID given in dotted text ("1.2.840.10045.4.3.2"), at most 128 bytes encoded.
 * PH_ERR_MALFORMED: not that. */
PH_CHECKED enum ph_err ph_der_put_oid(struct ph_buf *buf, const char *dotted);
/* Append UTCTime for years 1950..2049, else GeneralizedTime. */
PH_CHECKED enum ph_err ph_der_put_time(struct ph_buf *buf, int64_t s);
/* Append ECDSA-Sig-Value from r || s of n bytes each. */
PH_CHECKED enum ph_err ph_der_put_ecdsa_sig(struct ph_buf *buf, const uint8_t *sig, size_t n);

#endif
