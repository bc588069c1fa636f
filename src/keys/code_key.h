#ifndef PH_KEYS_CODE_KEY_H
#define PH_KEYS_CODE_KEY_H

/* The key of encrypted code (codec/code.h), from its owner to the cluster: HPKE (keys/hpke.h) to
 * the caller_x25519 of an epoch, info "phala-code-key-v1", aad phat id || bundle hash || epoch
 * u32be. It opens for no other phat, bundle or epoch; a phat's id binds its owner.
 *
 * Layer: keys. Pure but for an ephemeral key. Tests: code_key_test.c.
 */

#include "codec/code.h"

PH_CHECKED enum ph_err ph_code_key_wrap(const uint8_t to_x25519[static 32],
                                        const struct ph_phat_id *phat,
                                        const struct ph_hash32 *bundle_hash, uint32_t epoch,
                                        const uint8_t key[static PH_CODE_KEY_LEN],
                                        uint8_t wrapped[static PH_CODE_WRAPPED_LEN]);
/* PH_ERR_UNTRUSTED: not encrypted to this key for this phat, bundle and epoch, or altered.
 * PH_ERR_MALFORMED: another length. */
PH_CHECKED enum ph_err ph_code_key_open(const uint8_t secret_x25519[static 32],
                                        const struct ph_phat_id *phat,
                                        const struct ph_hash32 *bundle_hash, uint32_t epoch,
                                        struct ph_bytes wrapped,
                                        uint8_t key[static PH_CODE_KEY_LEN]);

#endif
