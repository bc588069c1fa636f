#ifndef PH_ATTEST_NVIDIA_NVIDIA_CLAIMS_H
#define PH_ATTEST_NVIDIA_NVIDIA_CLAIMS_H

/* What accepted NVIDIA evidence proves: a set of devices that answered one nonce.
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PH_NVIDIA_DEVICES_MAX = 24 }; /* 16 GPUs and 8 switches */

enum ph_nvidia_arch { PH_NVIDIA_UNKNOWN, PH_NVIDIA_HOPPER, PH_NVIDIA_BLACKWELL, PH_NVIDIA_LS10 };
/* "HOPPER", "BLACKWELL", "LS10"; "unknown". Static. */
const char *ph_nvidia_arch_name(enum ph_nvidia_arch arch);

struct ph_nvidia_device {
    enum ph_nvidia_arch arch;
    char driver[32], vbios[32]; /* versions, NUL-terminated; a switch has no driver */
    /* SHA-256 of the SubjectPublicKeyInfo of the device's own certificate, the second of its chain:
     * the same whatever firmware runs. */
    uint8_t device_id[32];
};

struct ph_nvidia_claims {
    struct ph_nvidia_device device[PH_NVIDIA_DEVICES_MAX];
    size_t device_cnt;
    uint8_t nonce[32];
    bool revocation_checked; /* OCSP */
    bool measured;           /* compared with signed reference manifests */
};

#endif
