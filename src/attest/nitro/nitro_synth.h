#ifndef PH_ATTEST_NITRO_NITRO_SYNTH_H
#define PH_ATTEST_NITRO_NITRO_SYNTH_H

/* Nitro documents under a root of one's own, whole or with chosen faults: for tests. The verifier
 * is never linked with it.
 *
 * Layer: attest, tests only.
 */

#include "attest/nitro/nitro_claims.h"
#include "attest/synth/synth_p384.h"

enum { PH_NITRO_SYNTH_CERTS = 10, PH_NITRO_SYNTH_MAX = 64 * 1024 };

/* ph_nitro_synth_init fills in a document that verifies; change members to break it. */
struct ph_nitro_synth {
    const char *module_id, *digest;
    uint64_t timestamp_ms;
    uint32_t pcrs; /* which are there */
    uint8_t pcr[PH_NITRO_PCRS][48];
    struct ph_bytes public_key, user_data, nonce;         /* ptr NULL: null */
    struct ph_synth_p384_cert cert[PH_NITRO_SYNTH_CERTS]; /* leaf first */
    size_t cert_cnt;
    const uint8_t *signer; /* 48 bytes: signs the document */
    /* The first occurrence of `from` in the payload becomes `to` before it is signed. */
    struct {
        struct ph_bytes from, to;
    } edit[2];
    struct ph_bytes protected_header, unprotected; /* contents; the encoded item */
    struct ph_bytes before, after;                 /* around the four parts: array head; nothing */
};

/* PCR 0 to 4 and 8 are 48 bytes 0xc0 + number, the others to 15 zero; user_data is "synthetic user
 * data" and zeros, 64 bytes; judged well from 2025-01-01T00:00:00Z for three hours; four CAs. */
void ph_nitro_synth_init(struct ph_nitro_synth *s);
/* Append the document. PH_ERR_NOT_FOUND: nothing to edit. PH_ERR_MALFORMED,
 * PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_nitro_synth_make(const struct ph_nitro_synth *s, struct ph_buf *out);
/* The synthetic root's pin. */
PH_CHECKED enum ph_err ph_nitro_synth_root(uint8_t spki_sha256[static 32]);

#endif
