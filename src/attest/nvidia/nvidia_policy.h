#ifndef PH_ATTEST_NVIDIA_NVIDIA_POLICY_H
#define PH_ATTEST_NVIDIA_NVIDIA_POLICY_H

/* What a policy can say of GPUs and switches. All zero is the strictest: manifests and OCSP
 * responses are demanded, and judged at the present moment.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: nvidia_policy_test.c.
 */

#include "attest/nvidia/nvidia_claims.h"
#include "codec/jscan.h"
#include "codec/json_why.h"

enum { PH_POLICY_NVIDIA_MAX = 64, PH_POLICY_NVIDIA_IDS_MAX = 256, PH_NVIDIA_VERSION_LEN = 31 };

/* Firmware that is allowed on devices of one architecture. An empty version demands nothing. */
struct ph_policy_nvidia_fw {
    enum ph_nvidia_arch arch;
    char driver[PH_NVIDIA_VERSION_LEN + 1], min_driver[PH_NVIDIA_VERSION_LEN + 1];
    char vbios[PH_NVIDIA_VERSION_LEN + 1], min_vbios[PH_NVIDIA_VERSION_LEN + 1];
};

struct ph_policy_nvidia {
    struct ph_policy_nvidia_fw fw[PH_POLICY_NVIDIA_MAX]; /* "measurements": {"nvidia": […]} */
    size_t fw_cnt;
    bool rim_not_required;  /* devices may come without manifests: their firmware is not judged */
    bool ocsp_not_required; /* certificates may come without a response; a bad one still refuses */
    bool allow_ocsp_hold;   /* a certificate that is on hold counts as good */
    bool allow_unattested_switches; /* a GPU in protected-PCIe mode may be linked to switches that
                                       are not among the devices: they see its plaintext */
    int64_t rim_valid_at_s;         /* moment the manifests' certificates are judged at; 0: now */
    uint32_t min_devices;
    uint8_t device_ids[PH_POLICY_NVIDIA_IDS_MAX][32]; /* none: any device */
    size_t device_id_cnt;
};

/* Read "nvidia" and the elements of "measurements": {"nvidia": […]}. `tok` is the object; `list`
 * the array, of at most PH_POLICY_NVIDIA_MAX. PH_ERR_MALFORMED, and `why` says what is wrong. */
PH_CHECKED enum ph_err ph_policy_nvidia_read(const struct ph_jdoc *doc, uint32_t tok,
                                             struct ph_policy_nvidia *out, struct ph_json_why *why);
PH_CHECKED enum ph_err ph_policy_nvidia_read_fw(const struct ph_jdoc *doc, uint32_t list,
                                                struct ph_policy_nvidia *out,
                                                struct ph_json_why *why);

/* True if a device's versions are those of some entry. */
bool ph_policy_nvidia_allows(const struct ph_policy_nvidia *policy,
                             const struct ph_nvidia_device *device);

/* Compare versions of dotted numbers, decimal (10) or hexadecimal (16): below 0, 0, above 0. A
 * missing number is 0. */
int ph_nvidia_version_cmp(const char *a, const char *b, unsigned base);

#endif
