#ifndef PH_KEYS_OHTTP_H
#define PH_KEYS_OHTTP_H

/* Oblivious HTTP's cryptography, in the two halves that a worker keeps apart: what needs the
 * private key (ph_ohttp_open_head, in phala-keyd) and what one envelope's keys are enough for
 * (phalad). And the sender's side, for the CLI and for tests.
 *
 *   request   key id u8 || kem u16 || kdf u16 || aead u16 || enc 32 || sealed message
 *   response  nonce (16 or 32 bytes: the AEAD's key length) || sealed message
 *
 * Layer: keys. Pure, but for random nonces and ephemeral keys where none is given. Spec: RFC 9458
 * §3, §4. Tests: ohttp_test.c (RFC 9458 appendix A), ohttp_fuzz.c.
 */

#include "base/bytes.h"
#include "keys/hpke.h"

enum {
    PH_OHTTP_HEAD_LEN = 7 + PH_HPKE_ENC_LEN, /* what comes before the sealed request */
    PH_OHTTP_REQUEST_OVERHEAD = PH_OHTTP_HEAD_LEN + 16,
    PH_OHTTP_RESPONSE_OVERHEAD_MAX = 32 + 16,
    PH_OHTTP_KEYS_LEN = 2 + 1 + 2 + 32 + 2 + 3 * 4, /* application/ohttp-keys of a worker */
};

/* A worker's key configuration: one key, HKDF-SHA256 with each of the three AEADs, AES-128-GCM
 * first. The key id is the first byte of SHA-256(public key), so that a request for an earlier key
 * is most likely seen as such. */
void ph_ohttp_keys_encode(const uint8_t public[static 32], uint8_t out[static PH_OHTTP_KEYS_LEN]);
/* The first configuration with X25519, HKDF-SHA256 and an AEAD of ours: its key, id and first such
 * AEAD. PH_ERR_MALFORMED: not a list of configurations. PH_ERR_UNSUPPORTED: none can be used. */
PH_CHECKED enum ph_err ph_ohttp_keys_parse(struct ph_bytes keys, uint8_t *key_id,
                                           uint8_t public[static 32], enum ph_hpke_aead *aead);

/* What one request's envelope gives to whoever opens it. Wipe it. */
struct ph_ohttp_session {
    enum ph_hpke_aead aead;
    uint8_t enc[32];
    uint8_t key[32], nonce[12]; /* of the request; the key has ph_hpke_key_len bytes */
    uint8_t secret[32];         /* exported for the response; as long as the key */
};

/**
 * Derive a request's keys from its head.
 *
 * @head    PH_OHTTP_HEAD_LEN bytes, from outside
 * @secret, @public   the recipient's X25519 key
 *
 * Returns PH_ERR_MALFORMED    another length
 *         PH_ERR_UNSUPPORTED  another key id, KEM, KDF or AEAD than the key configuration names
 *         PH_ERR_UNTRUSTED    enc is a low-order point
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_ohttp_open_head(const uint8_t secret[static 32],
                                          const uint8_t public[static 32], struct ph_bytes head,
                                          struct ph_ohttp_session *out);

/* Open the sealed request behind the head; `out` takes sealed.len - 16 bytes. PH_ERR_UNTRUSTED: not
 * for this key, or altered. PH_ERR_MALFORMED: shorter than a tag. PH_ERR_NOMEM, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_ohttp_open_request(const struct ph_ohttp_session *session,
                                             struct ph_bytes sealed, uint8_t *out);
/* Append the encapsulated response. PH_ERR_NOMEM, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_ohttp_seal_response(const struct ph_ohttp_session *session,
                                              struct ph_bytes response, struct ph_buf *out);
/* The same with the nonce given, as many bytes as the key has; for tests. */
PH_CHECKED enum ph_err ph_ohttp_seal_response_with_nonce(const struct ph_ohttp_session *session,
                                                         const uint8_t *response_nonce,
                                                         struct ph_bytes response,
                                                         struct ph_buf *out);

/* The sender: append the encapsulated request for a key configuration, and keep what opens its
 * response. Errors of ph_ohttp_keys_parse, PH_ERR_UNTRUSTED (a low-order key), PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_ohttp_seal_request(struct ph_bytes keys, struct ph_bytes request,
                                             struct ph_buf *out, struct ph_ohttp_session *session);
/* The same with the ephemeral secret given; for tests. */
PH_CHECKED enum ph_err ph_ohttp_seal_request_with_ephemeral(struct ph_bytes keys,
                                                            const uint8_t ephemeral[static 32],
                                                            struct ph_bytes request,
                                                            struct ph_buf *out,
                                                            struct ph_ohttp_session *session);
/* Append what the encapsulated response holds. PH_ERR_MALFORMED: too short. PH_ERR_UNTRUSTED: not
 * the answer to this request, or altered. */
PH_CHECKED enum ph_err ph_ohttp_open_response(const struct ph_ohttp_session *session,
                                              struct ph_bytes sealed, struct ph_buf *out);

#endif
