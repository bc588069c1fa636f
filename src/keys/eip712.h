#ifndef PH_KEYS_EIP712_H
#define PH_KEYS_EIP712_H

/* The typed data that keys of this system sign, and nothing else: owners' requests and receipt
 * batches.
 *
 * Domain: EIP712Domain(string name,string version) with name "Phala", version "1".
 *
 * Layer: keys. Pure. Spec: EIP-712. Tests: eip712_test.c (vectors cross-checked with an independent
 * implementation).
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_NAME_MAX = 63 }; /* phat names: [a-z0-9] and inner '-', as in a DNS label */

/* What an owner asks of a worker.
 * OwnerRequest(string action,string name,bytes32 content,address cluster,uint64 sequence,uint64
 * expires) */
struct ph_owner_request {
    char action[16]; /* "deploy", "delete", "secrets", "logs", "list", "export", "import";
                        "keys-rotate", "keys-backup", "keys-retire" (key_act.h) */
    char name[PH_NAME_MAX + 1]; /* the phat's name; empty for "list" and "keys-…" */
    /* deploy: bundle hash; secrets: SHA-256 of the envelope; export: the X25519 key that it is for;
     * import: SHA-256 of its head; else zero */
    struct ph_hash32 content;
    struct ph_eth_address cluster; /* the cluster's identity, which all of its workers share: good
                                      for each of them, and for those of no other cluster */
    uint64_t sequence;             /* changes: greater than any before for this phat; reads: 0 */
    uint64_t expires;              /* Unix seconds; at most 600 s ahead of the worker's clock */
};

/* PH_ERR_MALFORMED: unknown action, or a name outside the rule above. */
PH_CHECKED enum ph_err ph_owner_request_check(const struct ph_owner_request *req);
/* The digest that the owner signs. */
void ph_owner_request_digest(const struct ph_owner_request *req, struct ph_hash32 *out);
/* Who signed. PH_ERR_UNTRUSTED. */
PH_CHECKED enum ph_err ph_owner_request_recover(const struct ph_owner_request *req,
                                                const uint8_t sig[static 65],
                                                struct ph_eth_address *owner);
/* Bytes for IPC and storage, so that phala-keyd judges exactly what was signed: fixed-length fields
 * in struct order. */
enum { PH_OWNER_REQUEST_LEN = 16 + 64 + 32 + 20 + 8 + 8 };
void ph_owner_request_encode(const struct ph_owner_request *req,
                             uint8_t out[static PH_OWNER_REQUEST_LEN]);
PH_CHECKED enum ph_err ph_owner_request_decode(struct ph_bytes raw, struct ph_owner_request *out);

/* HTTP form: "Authorization: Phala <base64url of JSON>" with members action, name, content,
 * cluster, sequence, expires, owner, signature. */
PH_CHECKED enum ph_err ph_owner_request_from_header(struct ph_bytes value,
                                                    struct ph_owner_request *out,
                                                    uint8_t sig[static 65],
                                                    struct ph_eth_address *owner,
                                                    char why[static 128]);
PH_CHECKED enum ph_err ph_owner_request_to_header(const struct ph_owner_request *req,
                                                  const uint8_t sig[static 65],
                                                  const struct ph_eth_address *owner,
                                                  struct ph_buf *out);

/* SHA-256("phala-phat-id-v1" || owner || name), first 20 bytes. */
void ph_phat_id_derive(const struct ph_eth_address *owner, const char *name,
                       struct ph_phat_id *out);

#endif
