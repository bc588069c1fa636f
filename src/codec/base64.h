#ifndef PH_CODEC_BASE64_H
#define PH_CODEC_BASE64_H

/* Base64 (RFC 4648 §4, padded) and base64url (§5, unpadded); strict: no white space, no non-zero
 * trailing bits. PEM (RFC 7468): text around and between blocks is allowed, as Intel's chains carry
 * it. A
 * block begins at the start of a line (or of what is left of the text), its END marker too.
 *
 * Layer: codec. Tests: base64_test.c, base64_fuzz.c.
 */

#include "base/bytes.h"

#define PH_BASE64_LEN(n) (((n) + 2) / 3 * 4)

enum { PH_PEM_LABEL_MAX = 64 }; /* characters */

/* Append text to `out`, which is unchanged on failure (so below). PH_ERR_LIMIT: it is full;
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_base64_encode(struct ph_bytes bytes, struct ph_buf *out);
PH_CHECKED enum ph_err ph_base64url_encode(struct ph_bytes bytes, struct ph_buf *out);
/* Append bytes to `out`. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_base64_decode(struct ph_bytes text, struct ph_buf *out);
PH_CHECKED enum ph_err ph_base64url_decode(struct ph_bytes text, struct ph_buf *out);

/**
 * Cut the next PEM block with this label ("CERTIFICATE", "X509 CRL") off `r`, append its DER bytes
 * to `out`.
 *
 * Returns PH_ERR_NOT_FOUND  no further block
 *         PH_ERR_MALFORMED  a block that does not end, or is no base64 (line breaks LF or CRLF)
 */
PH_CHECKED enum ph_err ph_pem_next(struct ph_reader *r, const char *label, struct ph_buf *out);
/* Append a PEM block with 64-character lines. */
PH_CHECKED enum ph_err ph_pem_encode(const char *label, struct ph_bytes der, struct ph_buf *out);

#endif
