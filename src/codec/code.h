#ifndef PH_CODEC_CODE_H
#define PH_CODEC_CODE_H

/* A bundle whose code only the TEE reads: a ustar archive of two files,
 *
 *   phat.code   "PHCODE1\n" || bundle hash 32 || epoch u32be || wrapped 80 || nonce 12 ||
 *               AES-256-GCM(code key, the bundle), aad "phala-code-v1" || phat id || bundle hash
 *   phat.json   the bundle's, in the clear: routing, limits and egress need it
 *
 * The bundle inside is the archive that would be deployed in the clear, phat.json with it; its hash
 * (codec/bundle.h) is the phat's identity. Wrapped is the code key, encrypted to the cluster
 * (keys/code_key.h). Nothing is compressed: what comes out is shorter than what goes in.
 *
 * Layer: codec. Pure but for a nonce. Documented in docs/keys.md. Tests: code_test.c, code_fuzz.c,
 * tests/integration/encrypted.test.mjs.
 */

#include "codec/tar.h"

#include "base/ids.h"

#define PH_CODE_FILE "phat.code"
enum {
    PH_CODE_KEY_LEN = 32,
    PH_CODE_WRAPPED_LEN = 80,
    PH_CODE_HEAD_LEN = 8 + 32 + 4 + PH_CODE_WRAPPED_LEN + 12,
    PH_CODE_WHY_LEN = 192,
};

/* What phat.code says in the clear. Views into the archive. */
struct ph_code {
    struct ph_hash32 bundle_hash; /* as claimed: ph_code_open holds the bundle against it */
    uint32_t epoch;               /* of the cluster's key that `wrapped` is encrypted to */
    struct ph_bytes wrapped, nonce, sealed;
    struct ph_bytes manifest; /* phat.json */
};

/* Does the archive have a phat.code? Then it is read as above, or refused. */
bool ph_code_is_in(const struct ph_tar *tar);

/* PH_ERR_MALFORMED: not these two files, or a phat.code that is cut short or of another kind. */
PH_CHECKED enum ph_err ph_code_parse(const struct ph_tar *tar, struct ph_code *out,
                                     char why[static PH_CODE_WHY_LEN]);

/* Owner's side. */
struct ph_code_input {
    struct ph_phat_id phat;
    struct ph_hash32 bundle_hash;
    uint32_t epoch;
    uint8_t key[PH_CODE_KEY_LEN]; /* random, for this bundle alone; the caller wipes it */
    uint8_t wrapped[PH_CODE_WRAPPED_LEN];
    struct ph_bytes bundle, manifest;
};
/* Append the archive. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_code_seal(const struct ph_code_input *in, struct ph_buf *out);
/* phat.code alone, with the nonce given: one used twice under a key breaks both, so outside of
 * tests ph_code_seal is the one to call. */
PH_CHECKED enum ph_err ph_code_seal_with_nonce(const struct ph_code_input *in,
                                               const uint8_t nonce[static 12], struct ph_buf *out);

/* Put another wrapping of the same key into the archive, which was parsed as `code`. */
void ph_code_rewrap(struct ph_buf *archive, const struct ph_code *code, uint32_t epoch,
                    const uint8_t wrapped[static PH_CODE_WRAPPED_LEN]);

/**
 * Decrypt: the archive becomes the bundle that is in it, in place.
 *
 * @phat, @bundle_hash  what is to run
 * @why                 written when refused; never quotes the code
 *
 * PH_OK means that the bundle has this hash and the manifest that lay in the clear. Otherwise the
 * archive's bytes are lost.
 *
 * Returns PH_ERR_UNTRUSTED  another bundle's, altered, another key; or what was encrypted is not
 *                           what was signed
 *         PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_code_open(struct ph_buf *archive, const uint8_t key[static 32],
                                    const struct ph_phat_id *phat,
                                    const struct ph_hash32 *bundle_hash,
                                    char why[static PH_CODE_WHY_LEN]);

#endif
