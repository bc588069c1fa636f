#ifndef PH_ATTEST_NITRO_NITRO_CLAIMS_H
#define PH_ATTEST_NITRO_NITRO_CLAIMS_H

/* What an accepted AWS Nitro attestation document proves.
 *
 * Layer: attest. Spec: AWS Nitro Enclaves, attestation process.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    PH_NITRO_PCRS = 32,
    PH_NITRO_MODULE_ID_MAX = 127,   /* bytes */
    PH_NITRO_PUBLIC_KEY_MAX = 1024, /* bytes, as AWS limits it; so below */
    PH_NITRO_USER_DATA_MAX = 512,   /* of user_data and of nonce */
};

struct ph_nitro_claims {
    char module_id[PH_NITRO_MODULE_ID_MAX + 1];  /* NUL-terminated */
    int64_t timestamp_ms;                        /* Unix time, milliseconds */
    uint32_t pcrs;                               /* bit n: pcr[n] is in the document */
    uint8_t pcr[PH_NITRO_PCRS][48];              /* SHA-384 */
    uint8_t public_key[PH_NITRO_PUBLIC_KEY_MAX]; /* what the enclave wrote there; len 0: nothing */
    size_t public_key_len;
    uint8_t user_data[PH_NITRO_USER_DATA_MAX];
    size_t user_data_len;
    uint8_t nonce[PH_NITRO_USER_DATA_MAX];
    size_t nonce_len;
};

#endif
