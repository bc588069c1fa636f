#ifndef PH_KEYS_HANDOVER_H
#define PH_KEYS_HANDOVER_H

/* How a cluster's keys go from the phala-keyd of one worker to that of another.
 *
 *   joiner                                    giver
 *     ── TLS 1.3, a certificate for RA-TLS from each side (attest/ratls.h) ──
 *     ── both know its exporter value (RFC 9266) ──
 *                                     nonce ◀─  random, good once
 *     key, nonce, signer, evidence ──────────▶  judge; seal the keys to `key`
 *                judge ◀── signer, cluster, sealed keys, evidence
 *
 * The evidence of each side is over 64 bytes of report data, of which the last 32 are
 * zero:
 *
 *   joiner  SHA-256("phala-cluster-join-v3" || key 32 || nonce 32 || exporter 32 || joiner's TLS 32
 *           || giver's TLS 32 || signer 20)
 *   giver   SHA-256("phala-cluster-give-v3" || the same up to signer, its own || cluster 20 ||
 *           SHA-256(sealed))
 *
 * where a side's TLS is SHA-256 of its certificate's SubjectPublicKeyInfo; so neither works on
 * another connection, between others, for another key, or twice. Each side's certificate is judged
 * too, by the same policy. Sealed: keys/hpke.h to `key`,
 * info "phala-cluster-v1", aad the joiner's report data, over the bytes of keys/cluster.h.
 *
 * Messages: join is key 32 || nonce 32 || signer 20 || evidence; give is signer 20 || cluster 20 ||
 * sealed length u32be || sealed || evidence. Evidence is a bundle (attest/evidence_bundle.h).
 *
 * Layer: keys. Pure. Documented in docs/keys.md. Tests: handover_test.c, handover_fuzz.c.
 */

#include "base/ids.h"
#include "keys/cluster.h"

enum {
    PH_HANDOVER_NONCE_LEN = 32,
    PH_HANDOVER_EXPORTER_LEN = 32,
    PH_HANDOVER_SEALED_MAX = PH_CLUSTER_BYTES_MAX + 48,
    PH_HANDOVER_MESSAGE_MAX = 76 * 1024, /* what phala-keyd takes with a certificate */
};

/* What both sides know of one hand-over. */
struct ph_handover {
    uint8_t key[32];   /* X25519, the joiner's, made for this one hand-over */
    uint8_t nonce[32]; /* the giver's */
    uint8_t exporter[32];
    uint8_t joiner_tls[32], giver_tls[32]; /* SHA-256 of each certificate's SubjectPublicKeyInfo */
    struct ph_eth_address joiner;          /* its receipt signer */
};

struct ph_handover_join {
    uint8_t key[32], nonce[32];
    struct ph_eth_address signer;
    struct ph_bytes evidence;
};

struct ph_handover_give {
    struct ph_eth_address signer, cluster;
    struct ph_bytes sealed; /* at most PH_HANDOVER_SEALED_MAX */
    struct ph_bytes evidence;
};

void ph_handover_join_report_data(const struct ph_handover *h, uint8_t out[static 64]);
/* Of `give` all but the evidence counts. */
void ph_handover_give_report_data(const struct ph_handover *h, const struct ph_handover_give *give,
                                  uint8_t out[static 64]);

/* Append a message. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_handover_join_encode(const struct ph_handover_join *join,
                                               struct ph_buf *out);
PH_CHECKED enum ph_err ph_handover_give_encode(const struct ph_handover_give *give,
                                               struct ph_buf *out);
/* Views into `raw`. PH_ERR_MALFORMED: cut short, or a sealed part of an impossible length.
 * PH_ERR_LIMIT: over PH_HANDOVER_MESSAGE_MAX. */
PH_CHECKED enum ph_err ph_handover_join_parse(struct ph_bytes raw, struct ph_handover_join *out);
PH_CHECKED enum ph_err ph_handover_give_parse(struct ph_bytes raw, struct ph_handover_give *out);

/* Seal keys to h->key; @out has room for PH_HANDOVER_SEALED_MAX, *len is set. Errors of
 * ph_hpke_seal. */
PH_CHECKED enum ph_err ph_handover_seal(const struct ph_handover *h,
                                        const struct ph_cluster_keys *keys,
                                        uint8_t out[static PH_HANDOVER_SEALED_MAX], size_t *len);
/* @secret is that of h->key. PH_ERR_UNTRUSTED: for another hand-over, or altered.
 * PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_handover_open(const struct ph_handover *h,
                                        const uint8_t secret[static 32], struct ph_bytes sealed,
                                        struct ph_cluster_keys *out);

#endif
