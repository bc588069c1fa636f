#ifndef PH_ATTEST_CHECKS_H
#define PH_ATTEST_CHECKS_H

/* Every check of every kind of evidence, in the order of the argument: this table feeds the enum,
 * the stable reason codes, the sentences, `phala evidence explain`, docs and tests.
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

#include "attest/amd/snp_checks.h"
#include "attest/eventlog/event_checks.h"
#include "attest/intel/intel_checks.h"
#include "attest/nitro/nitro_checks.h"
#include "attest/nvidia/nvidia_checks.h"
#include "attest/ratls_checks.h"

#include <stddef.h>

/* S(enumerator, name) */
/* clang-format off */
#define PH_VERIFY_STEPS(S)                                                                         \
    S(NONE,            "none")                                                                     \
    S(CERTIFICATE,     "certificate")                                                              \
    S(QUOTE_FORMAT,    "quote-format")                                                             \
    S(PCK_CHAIN,       "pck-chain")                                                                \
    S(ROOT,            "root")                                                                     \
    S(TCB_INFO,        "tcb-info")                                                                 \
    S(QE_IDENTITY,     "qe-identity")                                                              \
    S(CRL,             "crl")                                                                      \
    S(QE_REPORT,       "qe-report")                                                                \
    S(QUOTE_SIGNATURE, "quote-signature")                                                          \
    S(TDX_MODULE,      "tdx-module")                                                               \
    S(TCB_LEVEL,       "tcb-level")                                                                \
    S(REPORT_FORMAT,   "report-format")                                                            \
    S(VEK_CHAIN,       "vek-chain")                                                                \
    S(REPORT_SIGNATURE, "report-signature")                                                        \
    S(REPORT_FIELDS,   "report-fields")                                                            \
    S(DEVICE_FORMAT,   "device-format")                                                            \
    S(DEVICE_CHAIN,    "device-chain")                                                             \
    S(DEVICE_OCSP,     "device-ocsp")                                                              \
    S(DEVICE_REPORT,   "device-report")                                                            \
    S(RIM,             "rim")                                                                      \
    S(MEASUREMENTS,    "measurements")                                                             \
    S(DOCUMENT_FORMAT, "document-format")                                                          \
    S(DOCUMENT_CHAIN,  "document-chain")                                                           \
    S(DOCUMENT_SIGNATURE, "document-signature")                                                    \
    S(EVENT_LOG,       "event-log")                                                                \
    S(REPORT_DATA,     "report-data")                                                              \
    S(POLICY,          "policy")

/* Makers' own rows, then what all kinds share, then makers' own policy rows. G(group) says whose
 * the rows between two marks are. */
#define PH_CHECKS_COMMON(C)                                                                        \
    C(REPORT_DATA,         REPORT_DATA, "report-data-mismatch",                                    \
      "the report data is what the verifier expects",                                              \
      "the quote was made for another key, nonce or purpose")                                      \
    C(POLICY_STATUS,       POLICY, "policy-status",                                                \
      "the policy accepts the TCB status",                                                         \
      "update the platform, or accept the status in the policy")                                   \
    C(POLICY_TCB_DATE,     POLICY, "policy-tcb-date",                                              \
      "the TCB date is not before the policy's",                                                   \
      "update the platform")                                                                       \
    C(POLICY_ADVISORY,     POLICY, "policy-advisory",                                              \
      "no advisory is one the policy denies",                                                      \
      "update the platform")                                                                       \
    C(POLICY_DEBUG,        POLICY, "policy-debug",                                                 \
      "debug is off",                                                                              \
      "a debug TD or enclave keeps no secrets")

#define PH_CHECKS_LAST(C)                                                                          \
    C(POLICY_MEASUREMENT,  POLICY, "policy-measurement",                                           \
      "the measurements are allowed by the policy",                                                \
      "this is not the code the policy expects")

#define PH_CHECKS(C) PH_CHECKS_GROUPED(C, PH_NO_GROUP)
#define PH_NO_GROUP(group)
#define PH_CHECKS_GROUPED(C, G)                                                                    \
    G(PH_GROUP_CERTIFICATE) PH_CHECKS_CERTIFICATE(C)                                               \
    G(PH_GROUP_INTEL)  PH_CHECKS_INTEL(C)                                                          \
    G(PH_GROUP_SNP)    PH_CHECKS_SNP(C)                                                            \
    G(PH_GROUP_NVIDIA) PH_CHECKS_NVIDIA(C)                                                         \
    G(PH_GROUP_NITRO)  PH_CHECKS_NITRO(C)                                                          \
    G(PH_GROUP_EVENTS) PH_CHECKS_EVENTLOG(C)                                                       \
    G(PH_GROUP_ALL)    PH_CHECKS_COMMON(C)                                                         \
    G(PH_GROUP_INTEL)  PH_CHECKS_INTEL_POLICY(C)                                                   \
    G(PH_GROUP_SNP)    PH_CHECKS_SNP_POLICY(C)                                                     \
    G(PH_GROUP_NVIDIA) PH_CHECKS_NVIDIA_POLICY(C)                                                  \
    G(PH_GROUP_NITRO)  PH_CHECKS_NITRO_POLICY(C)                                                   \
    G(PH_GROUP_ALL)    PH_CHECKS_LAST(C)
/* clang-format on */

/* The parts of the argument, in order. */
enum ph_verify_step {
#define S(id, name) PH_STEP_##id,
    PH_VERIFY_STEPS(S)
#undef S
        PH_STEP_CNT,
};

enum ph_check {
#define C(id, step, reason, holds, remedy) PH_CHECK_##id,
    PH_CHECKS(C)
#undef C
        PH_CHECK_CNT,
};

/* Whose a check is. */
enum ph_check_group {
    PH_GROUP_ALL, /* every kind of evidence */
    PH_GROUP_INTEL,
    PH_GROUP_SNP,
    PH_GROUP_NVIDIA,
    PH_GROUP_NITRO,
    PH_GROUP_EVENTS,      /* an event log beside the evidence */
    PH_GROUP_CERTIFICATE, /* the certificate that carries the evidence */
};
enum ph_check_group ph_check_group(enum ph_check check);

const char *ph_step_name(enum ph_verify_step step);
enum ph_verify_step ph_check_step(enum ph_check check);
/* Stable code of its failure: "pck-revoked". */
const char *ph_check_reason(enum ph_check check);
/* What holds when it passes; and what a person can do when it does not. */
const char *ph_check_holds(enum ph_check check);
const char *ph_check_remedy(enum ph_check check);

#endif
