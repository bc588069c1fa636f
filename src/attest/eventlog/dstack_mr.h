#ifndef PH_ATTEST_EVENTLOG_DSTACK_MR_H
#define PH_ATTEST_EVENTLOG_DSTACK_MR_H

/* Values that dstack derives from a guest's measurements: what its KMS and its contracts allow.
 *
 * Layer: attest. Pure. Spec: docs/attestation.md; dstack's attestation guide. Tests:
 * dstack_mr_test.c.
 */

#include "attest/eventlog/event_log.h"

/* The payload of the key-provider event. */
struct ph_dstack_provider {
    char name[PH_DSTACK_PROVIDER_NAME_MAX + 1]; /* "none", "local-sgx", "kms", "tpm" */
    uint8_t id[PH_DSTACK_PROVIDER_ID_MAX];      /* a key's DER SubjectPublicKeyInfo, a hash */
    uint32_t id_len;
};
/* PH_ERR_NOT_FOUND: the log has no such event. PH_ERR_MALFORMED: it is not {"name","id"} with an id
 * in hexadecimal. */
PH_CHECKED enum ph_err ph_dstack_provider(const struct ph_event_claims *claims,
                                          struct ph_dstack_provider *out);

/* The kind that the name of a provider stands for; -1: none. */
int ph_dstack_kind_of(const char *name);

/**
 * Derive, from the replayed registers and a verified quote's body, into the claims:
 *   mr_key_provider  SHA-256 of the key-provider payload; zero without one
 *   mr_system        SHA-256(MRTD || RTMR0..2 || mr_key_provider)
 *   mr_aggregated    SHA-256(MRTD || RTMR0..3 [|| MR_CONFIG_ID || MR_OWNER || MR_OWNER_CONFIG,
 *                    where one of the three is not zero])
 */
void ph_dstack_mrs(struct ph_event_claims *claims, const struct ph_tdx_body *td);

/**
 * Hold MR_CONFIG_ID, which the host chose at launch, against what the guest measured.
 *
 *   all zero       demands nothing
 *   01 || 32 || 0  compose hash
 *   02 || 32 || 0  Keccak-256(compose hash || app id || kind 0..3 || provider's id)
 *
 * Returns PH_OK              unset, or equal
 *         PH_ERR_UNTRUSTED   not equal, or the log lacks what it names (check
 *                            mr-config-id-mismatch)
 *         PH_ERR_UNSUPPORTED another version: nothing can be said here; of 3, see
 *                            ph_dstack_config_check
 */
PH_CHECKED enum ph_err ph_dstack_config_id_check(const struct ph_event_claims *claims,
                                                 const uint8_t mr_config_id[static 48],
                                                 struct ph_event_why *why);

#endif
