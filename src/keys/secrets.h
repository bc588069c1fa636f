#ifndef PH_KEYS_SECRETS_H
#define PH_KEYS_SECRETS_H

/* Secrets of a phat on their way from its owner to its instance.
 *
 * Document  JSON object {"NAME":"value",…}: names [A-Za-z_][A-Za-z0-9_]*, at most
 *           PH_SECRETS_CNT_MAX of at most PH_SECRETS_NAME_MAX bytes, values strings, the whole at
 *           most PH_SECRETS_MAX bytes.
 * Set       u8 count || count times bundle hash 32 || document: only these bundles get it; none
 *           named: any that the owner signed. At most PH_SECRETS_BUNDLES_MAX.
 * Envelope  what the owner sends: HPKE (keys/hpke.h) of a set to the cluster's caller_x25519, info
 *           "phala-secrets-v2", aad the phat id.
 * Sealed    what a worker stores: u8 3 || epoch u32be || sequence u64be || nonce 12 ||
 *           AES-256-GCM(set) under the phat's key of that epoch of the cluster
 *           (keys/sealing.h), aad "phala-secrets-sealed-v3" || phat id || epoch || sequence.
 *
 * Layer: keys. Pure but for nonces. Tests: secrets_test.c, secrets_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum {
    PH_SECRETS_MAX = 64 * 1024,
    PH_SECRETS_CNT_MAX = 128,
    PH_SECRETS_NAME_MAX = 128,
    PH_SECRETS_BUNDLES_MAX = 16,
    PH_SECRETS_SET_MAX = 1 + PH_SECRETS_BUNDLES_MAX * 32 + PH_SECRETS_MAX,
    PH_SECRETS_ENVELOPE_OVERHEAD = 32 + 16,
    PH_SECRETS_SEALED_OVERHEAD = 1 + 4 + 8 + 12 + 16,
    PH_SECRETS_ENVELOPE_MAX = PH_SECRETS_SET_MAX + PH_SECRETS_ENVELOPE_OVERHEAD,
    PH_SECRETS_SEALED_MAX = PH_SECRETS_SET_MAX + PH_SECRETS_SEALED_OVERHEAD,
};

/* Judge a document. PH_ERR_LIMIT, PH_ERR_MALFORMED; `why` never quotes a value. */
PH_CHECKED enum ph_err ph_secrets_check(struct ph_bytes document, char why[static 128]);

/* Which bundles get a set. */
struct ph_secrets_for {
    uint32_t cnt; /* 0: any that the owner signed */
    struct ph_hash32 bundle[PH_SECRETS_BUNDLES_MAX];
};
bool ph_secrets_are_for(const struct ph_secrets_for *bundles, const struct ph_hash32 *bundle);

/* A set, taken apart; the document, which is checked too, points into it. PH_ERR_MALFORMED: cut
 * short, a bundle twice. PH_ERR_LIMIT: more than PH_SECRETS_BUNDLES_MAX. Errors of
 * ph_secrets_check. */
PH_CHECKED enum ph_err ph_secrets_set_parse(struct ph_bytes set, struct ph_secrets_for *bundles,
                                            struct ph_bytes *document, char why[static 128]);

/* Owner's side: check, then append the envelope to `out`. Errors of ph_secrets_check (why is
 * written) and of ph_hpke_seal. */
PH_CHECKED enum ph_err ph_secrets_seal(const uint8_t worker_x25519[static 32],
                                       const struct ph_phat_id *phat,
                                       const struct ph_secrets_for *bundles,
                                       struct ph_bytes document, struct ph_buf *out,
                                       char why[static 128]);
/* Worker's side: open, and check the set. @out has room for envelope.len -
 * PH_SECRETS_ENVELOPE_OVERHEAD bytes; *out_len is set on PH_OK. PH_ERR_UNTRUSTED: not for this key
 * and phat, or altered. */
PH_CHECKED enum ph_err ph_secrets_open(const uint8_t secret_x25519[static 32],
                                       const struct ph_phat_id *phat, struct ph_bytes envelope,
                                       uint8_t *out, size_t *out_len, char why[static 128]);

/* Append the stored form of a set. @key is the phat's (ph_keys_phat_secrets) of that epoch. */
PH_CHECKED enum ph_err ph_secrets_store(const uint8_t key[static 32], const struct ph_phat_id *phat,
                                        uint32_t epoch, uint64_t sequence, struct ph_bytes set,
                                        struct ph_buf *out);
/* The epoch whose key opens it. PH_ERR_MALFORMED: too short or another version. PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_secrets_epoch(struct ph_bytes sealed, uint32_t *epoch);
/* The set; @out has room for sealed.len - PH_SECRETS_SEALED_OVERHEAD bytes. Errors of
 * ph_secrets_epoch; PH_ERR_UNTRUSTED: of another phat or cluster, or altered. */
PH_CHECKED enum ph_err ph_secrets_load(const uint8_t key[static 32], const struct ph_phat_id *phat,
                                       struct ph_bytes sealed, uint8_t *out, size_t *out_len,
                                       uint64_t *sequence);

#endif
