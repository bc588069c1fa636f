#ifndef PH_ATTEST_NVIDIA_NVIDIA_CHECKS_H
#define PH_ATTEST_NVIDIA_NVIDIA_CHECKS_H

/* The checks of NVIDIA device evidence, in the order of the argument. Rows of PH_CHECKS in
 * checks.h: C(enumerator, step, reason code when it fails, what holds when it passes, what to do if
 * not).
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

/* clang-format off */
#define PH_CHECKS_NVIDIA(C)                                                                        \
    C(NV_EVIDENCE,           DEVICE_FORMAT, "evidence-malformed",                                  \
      "the evidence is a list of devices, each with a report and a certificate chain",             \
      "collect it again")                                                                          \
    C(NV_DEVICE_CNT,         DEVICE_FORMAT, "evidence-device-count",                               \
      "the evidence has 1 to 24 devices",                                                          \
      "judge larger sets in parts")                                                                \
    C(NV_CHAIN_FORMAT,       DEVICE_CHAIN, "device-chain-malformed",                               \
      "each chain is five X.509 v3 certificates with P-384 keys",                                  \
      "device, its authorities and the root are needed, and nothing else")                         \
    C(NV_REQUEST,            DEVICE_FORMAT, "device-request",                                      \
      "the report begins with a request for all measurements, signed",                             \
      "this is no report of a GPU or switch")                                                      \
    C(NV_RESPONSE,           DEVICE_FORMAT, "device-response",                                     \
      "the response is one to that request",                                                       \
      "the report was altered")                                                                    \
    C(NV_BLOCKS,             DEVICE_FORMAT, "device-measurements",                                 \
      "the measurements are SHA-384 digests, numbered from 1 without gaps",                        \
      "the report was altered, or is of a kind not supported")                                     \
    C(NV_LENGTH,             DEVICE_FORMAT, "device-length",                                       \
      "the report has exactly the length it says, at most 32 KiB",                                 \
      "collect it again")                                                                          \
    C(NV_FIELDS,             DEVICE_FORMAT, "device-fields",                                       \
      "the further fields are known for this kind of device, each once, of their size",            \
      "a newer driver may send fields that this version does not know: update it")                 \
    C(NV_CHAIN_PROFILE,      DEVICE_CHAIN, "device-chain-profile",                                 \
      "names, CA flags and key usages are those of NVIDIA's devices, leaf first",                  \
      "these certificates are for something else")                                                 \
    C(NV_CHAIN_LINKS,        DEVICE_CHAIN, "device-chain-links",                                   \
      "each certificate names the next as its issuer",                                             \
      "the certificates do not belong together")                                                   \
    C(NV_CHAIN_SIGNATURE,    DEVICE_CHAIN, "device-chain-signature",                               \
      "each certificate was signed by the next, the root by itself",                               \
      "a certificate was altered")                                                                 \
    C(NV_CHAIN_NOT_BEFORE,   DEVICE_CHAIN, "device-chain-not-yet-valid",                           \
      "the chain is valid already",                                                                \
      "check the time the report is judged at")                                                    \
    C(NV_CHAIN_NOT_AFTER,    DEVICE_CHAIN, "device-chain-expired",                                 \
      "the chain has not expired",                                                                 \
      "check the time the report is judged at")                                                    \
    C(NV_ARCH,               DEVICE_CHAIN, "device-architecture",                                  \
      "chain, report and what was stated agree on the architecture",                               \
      "the report is of another kind of device than it was said to be")                            \
    C(NV_ROOT,               ROOT, "device-root-untrusted",                                        \
      "the chain ends at the pinned NVIDIA Device Identity CA",                                    \
      "this is not NVIDIA's hardware; a simulator's root must be named in the policy")             \
    C(NV_OCSP_FORMAT,        DEVICE_OCSP, "ocsp-malformed",                                        \
      "every OCSP response is a successful one of the supported form",                             \
      "fetch it again, with SHA-384 in the request")                                               \
    C(NV_OCSP_PRESENT,       DEVICE_OCSP, "ocsp-absent",                                           \
      "each certificate between root and leaf has an OCSP response, or the policy does without",   \
      "fetch the responses, or set nvidia.require_ocsp to false in the policy")                    \
    C(NV_OCSP_RESPONDER,     DEVICE_OCSP, "ocsp-responder",                                        \
      "the issuer, or a valid responder that it appointed, made each OCSP response",               \
      "this responder may not speak for the issuer")                                               \
    C(NV_OCSP_SIGNATURE,     DEVICE_OCSP, "ocsp-signature",                                        \
      "the responder signed the OCSP response",                                                    \
      "the response was altered")                                                                  \
    C(NV_OCSP_ISSUED,        DEVICE_OCSP, "ocsp-not-yet-valid",                                    \
      "the OCSP response was issued already",                                                      \
      "check the time the report is judged at")                                                    \
    C(NV_OCSP_FRESH,         DEVICE_OCSP, "ocsp-expired",                                          \
      "the OCSP response is not due for an update",                                                \
      "fetch it again")                                                                            \
    C(NV_OCSP_GOOD,          DEVICE_OCSP, "ocsp-revoked",                                          \
      "the OCSP response calls the certificate good",                                              \
      "do not trust this device or manifest")                                                      \
    C(NV_SIGNATURE,          DEVICE_REPORT, "device-signature",                                    \
      "the leaf's key signed request and response",                                                \
      "the report was altered, or is of another device")                                           \
    C(NV_FWID,               DEVICE_REPORT, "device-fwid",                                         \
      "the firmware that the report names is the one that the leaf certifies",                     \
      "the report names other firmware")                                                           \
    C(NV_PDI,                DEVICE_REPORT, "device-pdi",                                          \
      "a switch's id is that of its certificate",                                                  \
      "the report names another switch")                                                           \
    C(NV_VERSIONS,           DEVICE_REPORT, "device-versions",                                     \
      "the report gives the versions of its firmware",                                             \
      "nothing can be compared without them")                                                      \
    C(NV_STATED_NONCE,       DEVICE_REPORT, "device-stated-nonce",                                 \
      "the nonce stated beside a report is the one in it",                                         \
      "report and evidence do not belong together")                                                \
    C(NV_SAME_NONCE,         DEVICE_REPORT, "device-nonces-differ",                                \
      "all devices answered the same nonce",                                                       \
      "the reports were not collected together")                                                   \
    C(NV_DUPLICATE,          DEVICE_REPORT, "device-duplicate",                                    \
      "no device appears twice",                                                                   \
      "one device answered for several")                                                           \
    C(NV_MIX,                DEVICE_REPORT, "device-mix",                                          \
      "all GPUs are of one architecture",                                                          \
      "machines do not mix them; judge them apart")                                                \
    C(NV_RIM_FORMAT,         RIM, "rim-malformed",                                                 \
      "every manifest is one of NVIDIA's form",                                                    \
      "fetch it again")                                                                            \
    C(NV_RIM_PRESENT,        RIM, "rim-absent",                                                    \
      "each device has the manifests of its versions, or the policy does without",                 \
      "fetch them by the names that `show` prints, or set nvidia.require_rim to false")            \
    C(NV_RIM_CHAIN,          RIM, "rim-chain",                                                     \
      "the manifests' certificates are of NVIDIA's signers and vouch for each other",              \
      "the manifest was altered, or is no production manifest")                                    \
    C(NV_RIM_ROOT,           RIM, "rim-root-untrusted",                                            \
      "the manifests end at the pinned NVIDIA CoRIM signing Root CA",                              \
      "this is no manifest of NVIDIA's")                                                           \
    C(NV_RIM_SIGNATURE,      RIM, "rim-signature",                                                 \
      "the manifests' signer signed exactly these manifests",                                      \
      "a manifest was altered")                                                                    \
    C(NV_RIM_NOT_BEFORE,     RIM, "rim-not-yet-valid",                                             \
      "the manifests' signers are valid already at the time they are judged at",                   \
      "check that time")                                                                           \
    C(NV_RIM_NOT_AFTER,      RIM, "rim-expired",                                                   \
      "the manifests' signers are still valid at the time they are judged at",                     \
      "fetch manifests signed anew, or set nvidia.rim_valid_at in the policy")                     \
    C(NV_CONFLICT,           MEASUREMENTS, "measurement-conflict",                                 \
      "no measurement is listed by the driver's and by the VBIOS's manifest",                      \
      "the manifests do not belong together")                                                      \
    C(NV_MEASUREMENTS,       MEASUREMENTS, "measurement-mismatch",                                 \
      "every active measurement has one of the values that the manifests list",                    \
      "the device runs firmware that NVIDIA does not vouch for")

#define PH_CHECKS_NVIDIA_POLICY(C)                                                                 \
    C(POLICY_NV_COUNT,       POLICY, "policy-device-count",                                        \
      "there are at least as many devices as the policy demands",                                  \
      "some devices were left out")                                                                \
    C(POLICY_NV_ID,          POLICY, "policy-device-id",                                           \
      "every device is on the policy's list, if it has one",                                       \
      "this device is not allowed")                                                                \
    C(POLICY_NV_SWITCHES,    POLICY, "policy-unattested-switch",                                   \
      "every switch that a GPU in protected-PCIe mode names is among the devices",                 \
      "add the switches' evidence: they see what the GPUs exchange")
/* clang-format on */

#endif
