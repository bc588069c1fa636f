#ifndef PH_ATTEST_EVENTLOG_DSTACK_CONFIG_H
#define PH_ATTEST_EVENTLOG_DSTACK_CONFIG_H

/* The configuration that a dstack host launches a guest with, as a document that the hardware
 * names by its hash: MR_CONFIG_ID of a TD (version 3), HOST_DATA of a SEV-SNP guest.
 *
 *   {"version":3,"app_id":hex20,"compose_hash":hex32,"gpu_policy_hash":hex32,"instance_id":hex20,
 *    "key_provider":"none"|"local"|"kms"|"tpm","key_provider_id":hex,"init_script_hashes":[hex32]}
 *
 * All but compose_hash and key_provider may be absent. The hash is over the exact bytes, whatever
 * their form. A host cannot change the document after launch, but it chose it: who runs the app
 * compares its members with what it expects.
 *
 * Layer: attest. Pure. Spec: dstack's dstack-types, mr_config.rs. Tests: dstack_config_test.c,
 * dstack_config_fuzz.c.
 */

#include "attest/eventlog/dstack_mr.h"

enum { PH_DSTACK_CONFIG_MAX = 8192 }; /* bytes of a document */

/* SHA-256("dstack-mr-config-v3:" || 00 || document). */
void ph_dstack_config_hash(struct ph_bytes document, uint8_t out[static 32]);

/* Read a document; *out is written whole on PH_OK, else untouched. An unknown or duplicate member,
 * or one of the wrong size, breaks the format: PH_ERR_MALFORMED. PH_ERR_LIMIT: too long. */
PH_CHECKED enum ph_err ph_dstack_config_parse(struct ph_bytes document,
                                              struct ph_dstack_config *out);

/* Hold MR_CONFIG_ID of version 3, 03 || hash || 0, and the document's members against what the
 * guest measured. PH_ERR_UNTRUSTED: refused, with *why (check mr-config-id-mismatch). */
PH_CHECKED enum ph_err ph_dstack_config_check(const struct ph_event_claims *claims,
                                              const uint8_t mr_config_id[static 48],
                                              struct ph_bytes document,
                                              struct ph_dstack_config *out,
                                              struct ph_event_why *why);

/* {"app_id","compose_hash","gpu_policy_hash","instance_id","key_provider","key_provider_id",
 * "init_script_hashes":[…]|null}; null where the document says nothing. */
struct ph_jput;
void ph_dstack_config_json(const struct ph_dstack_config *config, struct ph_jput *out,
                           const char *key);

#endif
