#ifndef PH_TEE_SNP_KEY_H
#define PH_TEE_SNP_KEY_H

/* The sealing key that an SEV-SNP guest gets from the processor: MSG_KEY_REQ through
 * /dev/sev-guest.
 *
 * Asked for: root VCEK, with guest policy and launch measurement mixed in. Another chip, another
 * image or another policy gets another key; new firmware keeps it.
 *
 * Layer: tee. Spec: SEV Secure Nested Paging Firmware ABI §7.2 (MSG_KEY_REQ, MSG_KEY_RSP); Linux
 * uapi/linux/sev-guest.h (SNP_GET_DERIVED_KEY). Tests: snp_key_test.c.
 */

#include "base/bytes.h"

enum { PH_SNP_KEY_REQ_LEN = 32, PH_SNP_KEY_RSP_LEN = 64, PH_SNP_KEY_WHY_LEN = 256 };

void ph_snp_key_request(uint8_t out[static PH_SNP_KEY_REQ_LEN]);
/* Derived key out of a response. PH_ERR_UNTRUSTED: status is not 0. PH_ERR_MALFORMED: the key is
 * all zero, which no processor derives. */
PH_CHECKED enum ph_err ph_snp_key_response(const uint8_t rsp[static PH_SNP_KEY_RSP_LEN],
                                           uint8_t key[static 32]);

/* The sealing key: HKDF-SHA256 over the derived key, salt "phala-keyd-state-v1". `device` is
 * "/dev/sev-guest". PH_ERR_NOT_FOUND: no such device; PH_ERR_IO: the request failed; and the errors
 * of ph_snp_key_response. */
PH_CHECKED enum ph_err ph_snp_sealing_key(const char *device, uint8_t key[static 32],
                                          char why[static PH_SNP_KEY_WHY_LEN]);

#endif
