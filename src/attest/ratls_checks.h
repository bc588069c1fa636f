#ifndef PH_ATTEST_RATLS_CHECKS_H
#define PH_ATTEST_RATLS_CHECKS_H

/* The checks of a certificate that carries evidence, made before the evidence is judged. Rows of
 * PH_CHECKS in checks.h: C(enumerator, step, reason code when it fails, what holds when it passes,
 * what to do if not).
 *
 * Layer: attest. Spec: docs/attestation.md. Tests: ratls_test.c.
 */

/* clang-format off */
#define PH_CHECKS_CERTIFICATE(C)                                                                   \
    C(CERTIFICATE_STARTED, CERTIFICATE, "certificate-not-yet-valid",                               \
      "the certificate is valid already",                                                          \
      "check the time it is judged at")                                                            \
    C(CERTIFICATE_FRESH,   CERTIFICATE, "certificate-expired",                                     \
      "the certificate is still valid",                                                            \
      "connect again: a worker renews its certificate long before it ends")                        \
    C(CERTIFICATE_SIGNATURE, CERTIFICATE, "certificate-signature",                                 \
      "a certificate that names itself as its issuer was signed by its own key",                   \
      "the certificate was altered")                                                               \
    C(CERTIFICATE_KEY,     CERTIFICATE, "certificate-key-mismatch",                                \
      "its evidence names the certificate's key",                                                  \
      "the evidence was copied from another certificate")
/* clang-format on */

#endif
