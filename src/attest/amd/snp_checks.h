#ifndef PH_ATTEST_AMD_SNP_CHECKS_H
#define PH_ATTEST_AMD_SNP_CHECKS_H

/* The checks of an SEV-SNP report, in the order of the argument. Rows of PH_CHECKS in checks.h:
 * C(enumerator, step, reason code when it fails, what holds when it passes, what to do if not).
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

/* clang-format off */
#define PH_CHECKS_SNP(C)                                                                           \
    C(SNP_LENGTH,          REPORT_FORMAT, "report-length",                                         \
      "the report is 1184 bytes, alone or before a certificate table",                             \
      "fetch it again")                                                                            \
    C(SNP_VERSION,         REPORT_FORMAT, "report-version",                                        \
      "the report has version 2 to 5",                                                             \
      "nobody can judge others yet")                                                               \
    C(SNP_ALGORITHM,       REPORT_FORMAT, "report-algorithm",                                      \
      "the report says ECDSA P-384 with SHA-384",                                                  \
      "nobody can judge others yet")                                                               \
    C(SNP_SIGNING_KEY,     REPORT_FORMAT, "report-signing-key",                                    \
      "a VCEK or VLEK signed, and no unknown flag is set",                                         \
      "let the host sign reports: it switched that off")                                           \
    C(SNP_RESERVED,        REPORT_FORMAT, "report-reserved",                                       \
      "every byte that its version reserves is zero",                                              \
      "the report was altered, or the firmware is newer than this verifier")                       \
    C(SNP_CERT_TABLE,      REPORT_FORMAT, "report-cert-table",                                     \
      "the certificate table after the report is well-formed",                                     \
      "drop it and give the certificates beside the report")                                       \
    C(SNP_VEK_PRESENT,     VEK_CHAIN, "vek-missing",                                               \
      "the certificate of the signing key is there",                                               \
      "fetch it from AMD's key service, or from the host")                                         \
    C(SNP_VEK_FORMAT,      VEK_CHAIN, "vek-malformed",                                             \
      "its chain is well-formed: VCEK or VLEK, ASK or ASVK, ARK",                                  \
      "fetch the certificates again")                                                              \
    C(SNP_ARK_PROFILE,     VEK_CHAIN, "ark-profile",                                               \
      "the root certificate has the profile of an ARK",                                            \
      "fetch the certificates again")                                                              \
    C(SNP_ASK_PROFILE,     VEK_CHAIN, "ask-profile",                                               \
      "the intermediate certificate has the profile of an ASK or ASVK",                            \
      "fetch the certificates again")                                                              \
    C(SNP_VEK_PROFILE,     VEK_CHAIN, "vek-profile",                                               \
      "the certificate has the profile of a VCEK or VLEK, under the authority for its kind",       \
      "fetch the certificates again")                                                              \
    C(SNP_CHAIN_LINKS,     VEK_CHAIN, "vek-links",                                                 \
      "each certificate names the next one as issuer",                                             \
      "fetch the certificates again")                                                              \
    C(SNP_VEK_EXTENSION,   VEK_CHAIN, "vek-extension",                                             \
      "AMD's extensions are complete and fit the product and the kind of key",                     \
      "fetch the certificates again")                                                              \
    C(SNP_ARK_SIGNATURE,   VEK_CHAIN, "ark-signature",                                             \
      "the ARK signed its own certificate",                                                        \
      "the chain was altered: fetch it again")                                                     \
    C(SNP_ASK_SIGNATURE,   VEK_CHAIN, "ask-signature",                                             \
      "the ARK signed the intermediate certificate",                                               \
      "the chain was altered: fetch it again")                                                     \
    C(SNP_VEK_SIGNATURE,   VEK_CHAIN, "vek-signature",                                             \
      "the intermediate key signed the certificate of the signing key",                            \
      "the chain was altered: fetch it again")                                                     \
    C(SNP_CHAIN_NOT_BEFORE, VEK_CHAIN, "vek-not-yet-valid",                                        \
      "every certificate is valid already",                                                        \
      "check the moment to judge at")                                                              \
    C(SNP_CHAIN_NOT_AFTER, VEK_CHAIN, "vek-expired",                                               \
      "no certificate has expired",                                                                \
      "fetch newer certificates, or judge at a moment when they were valid")                       \
    C(SNP_ROOT,            ROOT, "ark-unknown",                                                    \
      "the ARK is the pinned one of its product",                                                  \
      "only AMD's hardware is accepted, or a simulator that the policy names")                     \
    C(SNP_CRL_PRESENT,     CRL, "ark-crl-missing",                                                 \
      "the ARK's revocation list is there, or the policy does not demand it",                      \
      "fetch it from AMD's key service")                                                           \
    C(SNP_CRL_FORMAT,      CRL, "ark-crl-malformed",                                               \
      "the revocation list is well-formed",                                                        \
      "fetch it again")                                                                            \
    C(SNP_CRL_ISSUER,      CRL, "ark-crl-issuer",                                                  \
      "the list is that of the ARK in the chain",                                                  \
      "fetch the list of this product")                                                            \
    C(SNP_CRL_SIGNATURE,   CRL, "ark-crl-signature",                                               \
      "the ARK signed the list",                                                                   \
      "the list was altered: fetch it again")                                                      \
    C(SNP_CRL_ISSUED,      CRL, "ark-crl-not-yet-valid",                                           \
      "the list is valid already",                                                                 \
      "check the moment to judge at")                                                              \
    C(SNP_CRL_FRESH,       CRL, "ark-crl-expired",                                                 \
      "the list has not expired",                                                                  \
      "fetch a newer one")                                                                         \
    C(SNP_ASK_REVOKED,     CRL, "ask-revoked",                                                     \
      "the intermediate certificate is not revoked",                                               \
      "do not trust this chain")                                                                   \
    C(SNP_VEK_REVOKED,     CRL, "vek-revoked",                                                     \
      "the certificate of the signing key is not revoked",                                         \
      "do not trust this platform")                                                                \
    C(SNP_KEY_KIND,        REPORT_SIGNATURE, "report-key-kind",                                    \
      "the certificate is of the kind of key that the report names",                               \
      "give the VCEK for a report by a VCEK, the VLEK for one by a VLEK")                          \
    C(SNP_SIGNATURE_FORM,  REPORT_SIGNATURE, "report-signature-form",                              \
      "r and s are numbers of 48 bytes",                                                           \
      "the report was altered")                                                                    \
    C(SNP_SIGNATURE,       REPORT_SIGNATURE, "report-signature",                                   \
      "the certified key signed the report",                                                       \
      "the report was altered, or is of another chip or security version")                         \
    C(SNP_PRODUCT,         REPORT_FIELDS, "report-product",                                        \
      "the processor is of the product that its certificate names",                                \
      "fetch the certificate of this platform")                                                    \
    C(SNP_CHIP_ID,         REPORT_FIELDS, "report-chip-id",                                        \
      "the report is of the chip that its certificate names",                                      \
      "fetch the certificate of this chip; a masked chip id needs a VLEK")                         \
    C(SNP_CHIP_MASK,       REPORT_FIELDS, "report-chip-mask",                                      \
      "where the chip's key is masked, its id is too, and a VLEK signed",                          \
      "the firmware does not make such reports")                                                   \
    C(SNP_AUTHOR_KEY,      REPORT_FIELDS, "report-author-key",                                     \
      "an author key is there exactly when the report says so",                                    \
      "the firmware does not make such reports")                                                   \
    C(SNP_VMPL,            REPORT_FIELDS, "report-vmpl",                                           \
      "the privilege level is 0 to 3",                                                             \
      "the firmware does not make such reports")                                                   \
    C(SNP_POLICY_BITS,     REPORT_FIELDS, "report-guest-policy",                                   \
      "the guest policy has the bits that it must have, and no unknown one",                       \
      "the firmware is newer than this verifier")                                                  \
    C(SNP_PLATFORM_BITS,   REPORT_FIELDS, "report-platform-info",                                  \
      "the platform's state has no unknown bit",                                                   \
      "the firmware is newer than this verifier")                                                  \
    C(SNP_ABI,             REPORT_FIELDS, "report-abi",                                            \
      "the firmware is no older than the guest policy demands",                                    \
      "the firmware does not launch such guests")                                                  \
    C(SNP_POLICY_KEPT,     REPORT_FIELDS, "report-policy-broken",                                  \
      "the platform keeps what the guest policy demands: SMT, RAPL, ciphertext hiding",            \
      "the firmware does not launch such guests")                                                  \
    C(SNP_FIRMWARE,        REPORT_FIELDS, "report-firmware",                                       \
      "the firmware that runs is no older than the committed one",                                 \
      "the firmware does not run like that")                                                       \
    C(SNP_HOST_DATA,       REPORT_FIELDS, "host-data-mismatch",                                    \
      "HOST_DATA names the dstack configuration that comes with the report",                       \
      "the host launched the guest with another configuration than this one")                      \
    C(SNP_TCB_FORM,        TCB_LEVEL, "snp-tcb-reserved",                                          \
      "the reserved bytes of every TCB version are zero",                                          \
      "the firmware is newer than this verifier")                                                  \
    C(SNP_TCB_CERTIFIED,   TCB_LEVEL, "snp-tcb-certificate",                                       \
      "the reported TCB is the one that the certificate names",                                    \
      "fetch the certificate of this security version")                                            \
    C(SNP_TCB_ORDER,       TCB_LEVEL, "snp-tcb-order",                                             \
      "the reported TCB is within the committed one, and that within the current one",             \
      "the firmware does not run like that")                                                       \
    C(SNP_TCB_LAUNCH,      TCB_LEVEL, "snp-tcb-launch",                                            \
      "the guest was not launched on a better TCB than it runs on",                                \
      "launch the guest again")

#define PH_CHECKS_SNP_POLICY(C)                                                                    \
    C(POLICY_SNP_MIN_TCB,  POLICY, "policy-snp-min-tcb",                                           \
      "the TCB, reported and at launch, is at least the policy's for the product",                 \
      "update the platform, or launch the guest again")                                            \
    C(POLICY_SNP_PROVISIONAL, POLICY, "policy-snp-provisional",                                    \
      "the current firmware is committed, or the policy lets it be provisional",                   \
      "the host can still go back to older firmware: let it commit")                               \
    C(POLICY_SNP_ABI,      POLICY, "policy-snp-abi",                                               \
      "the committed firmware is at least the policy's",                                           \
      "update the platform")                                                                       \
    C(POLICY_SNP_VLEK,     POLICY, "policy-snp-vlek",                                              \
      "the chip's own key signed, or the policy allows the cloud provider's",                      \
      "ask for reports by VCEK")                                                                   \
    C(POLICY_SNP_SMT,      POLICY, "policy-snp-smt",                                               \
      "SMT is off, or the policy does not mind",                                                   \
      "switch SMT off on the host")                                                                \
    C(POLICY_SNP_CIPHERTEXT, POLICY, "policy-snp-ciphertext-hiding",                               \
      "ciphertext is hidden from the host, or the policy does not demand it",                      \
      "switch ciphertext hiding on")                                                               \
    C(POLICY_SNP_CHIP,     POLICY, "policy-snp-chip",                                              \
      "the chip is one the policy lists",                                                          \
      "this platform is not one of yours, or hides its id")                                        \
    C(POLICY_SNP_SVN,      POLICY, "policy-snp-guest-svn",                                         \
      "the guest's security version is at least the policy's",                                     \
      "launch a newer guest")                                                                      \
    C(POLICY_SNP_VMPL,     POLICY, "policy-snp-vmpl",                                              \
      "the report was asked for at a privilege level that the policy allows",                      \
      "ask at a higher privilege level (a lower number)")                                          \
    C(POLICY_SNP_MIGRATE,  POLICY, "policy-snp-migrate",                                           \
      "no migration agent can move the guest, or the policy allows it",                            \
      "launch the guest without MIGRATE_MA")
/* clang-format on */

#endif
