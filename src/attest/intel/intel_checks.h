#ifndef PH_ATTEST_INTEL_INTEL_CHECKS_H
#define PH_ATTEST_INTEL_INTEL_CHECKS_H

/* The checks of an Intel quote, in the order of the argument. Rows of PH_CHECKS in checks.h:
 * C(enumerator, step, reason code when it fails, what holds when it passes, what to do if not).
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

/* clang-format off */
#define PH_CHECKS_INTEL(C)                                                                         \
    C(QUOTE_LENGTH,        QUOTE_FORMAT, "quote-truncated",                                        \
      "every field of the quote lies inside it",                                                   \
      "the quote ends early; collect it again")                                                    \
    C(QUOTE_VERSION,       QUOTE_FORMAT, "quote-version",                                          \
      "the quote version is 3, 4 or 5",                                                            \
      "this version is not supported")                                                             \
    C(QUOTE_KEY_TYPE,      QUOTE_FORMAT, "quote-key-type",                                         \
      "the attestation key is ECDSA P-256",                                                        \
      "other key types are not supported")                                                         \
    C(QUOTE_TEE_TYPE,      QUOTE_FORMAT, "quote-tee-type",                                         \
      "the TEE type is SGX or TDX, as the version and body allow",                                 \
      "the header contradicts itself")                                                             \
    C(QUOTE_VENDOR,        QUOTE_FORMAT, "quote-vendor",                                           \
      "the quoting enclave is Intel's",                                                            \
      "quoting enclaves of other makers are not supported")                                        \
    C(QUOTE_BODY,          QUOTE_FORMAT, "quote-body-type",                                        \
      "the body type is known and its size is right",                                              \
      "type and size of the body must be 1/384, 2/584, 3/648 or 4/885")                            \
    C(QUOTE_AUTH_LENGTH,   QUOTE_FORMAT, "quote-auth-length",                                      \
      "the signature data has exactly the length it says",                                         \
      "lengths inside the signature data do not add up")                                           \
    C(QUOTE_OUTER_TYPE,    QUOTE_FORMAT, "quote-outer-type",                                       \
      "the outer certification data is a QE report (type 6)",                                      \
      "versions 4 and 5 must carry type 6")                                                        \
    C(QUOTE_CERT_DATA,     QUOTE_FORMAT, "quote-cert-data",                                        \
      "the certification data names the PCK, with the size of its type",                           \
      "types 1 to 5 can name a PCK")                                                               \
    C(QUOTE_TRAILING,      QUOTE_FORMAT, "quote-trailing",                                         \
      "nothing but zero padding follows the quote",                                                \
      "remove the bytes after the signature data")                                                 \
    C(PCK_PRESENT,         PCK_CHAIN, "pck-absent",                                                \
      "a PCK certificate chain is at hand",                                                        \
      "the quote carries none; add pck_chain.pem to the collateral")                               \
    C(PCK_FORMAT,          PCK_CHAIN, "pck-malformed",                                             \
      "the PCK chain is three strict X.509 v3 certificates",                                       \
      "leaf, CA and root are needed, and nothing else")                                            \
    C(PCK_ROOT_PROFILE,    PCK_CHAIN, "root-profile",                                              \
      "the root has the profile of Intel SGX Root CA",                                             \
      "name, CA flag, path length or key usage differ")                                            \
    C(PCK_CA_PROFILE,      PCK_CHAIN, "pck-ca-profile",                                            \
      "the issuer has the profile of Intel SGX PCK Platform or Processor CA",                      \
      "name, CA flag, path length or key usage differ")                                            \
    C(PCK_PROFILE,         PCK_CHAIN, "pck-profile",                                               \
      "the leaf has the profile of Intel SGX PCK Certificate",                                     \
      "name, CA flag or key usage differ")                                                         \
    C(PCK_LINKS,           PCK_CHAIN, "pck-links",                                                 \
      "issuer names and key identifiers link the chain",                                           \
      "a certificate names another issuer")                                                        \
    C(PCK_EXTENSION,       PCK_CHAIN, "pck-extension",                                             \
      "the SGX extension is complete and fits the kind of CA",                                     \
      "the PCK lacks or garbles Intel's extension")                                                \
    C(PCK_ROOT_SIGNATURE,  PCK_CHAIN, "root-signature",                                            \
      "the root signed itself",                                                                    \
      "the root certificate was altered")                                                          \
    C(PCK_CA_SIGNATURE,    PCK_CHAIN, "pck-ca-signature",                                          \
      "the root signed the PCK CA",                                                                \
      "the CA certificate was altered or is of another root")                                      \
    C(PCK_SIGNATURE,       PCK_CHAIN, "pck-signature",                                             \
      "the PCK CA signed the PCK",                                                                 \
      "the PCK certificate was altered or is of another CA")                                       \
    C(PCK_NOT_BEFORE,      PCK_CHAIN, "pck-not-yet-valid",                                         \
      "every certificate of the PCK chain is valid already",                                       \
      "check the time the quote is judged at")                                                     \
    C(PCK_NOT_AFTER,       PCK_CHAIN, "pck-expired",                                               \
      "no certificate of the PCK chain has expired",                                               \
      "the platform needs a new PCK certificate")                                                  \
    C(ROOT_PINNED,         ROOT, "root-untrusted",                                                 \
      "the chain ends at a pinned root key",                                                       \
      "production evidence ends at Intel's root; a simulator's root must be named by the policy")  \
    C(TCB_INFO_PRESENT,    TCB_INFO, "tcb-info-absent",                                            \
      "TCB info and its signer's chain are at hand",                                               \
      "add tcb_info and tcb_info_chain to the collateral")                                         \
    C(TCB_SIGNER_PROFILE,  TCB_INFO, "tcb-signer-profile",                                         \
      "the signer has the profile of Intel SGX TCB Signing, under the root's",                     \
      "a certificate of another role cannot sign TCB info")                                        \
    C(TCB_SIGNER_LINKS,    TCB_INFO, "tcb-signer-links",                                           \
      "issuer name and key identifier link signer and root",                                       \
      "the signer names another issuer")                                                           \
    C(TCB_SIGNER_SIGNATURE, TCB_INFO, "tcb-signer-signature",                                      \
      "the root signed itself and the TCB signer",                                                 \
      "a certificate of the TCB signing chain was altered")                                        \
    C(TCB_SIGNER_ROOT,     TCB_INFO, "tcb-signer-root",                                            \
      "the TCB signing chain ends at the root of the PCK chain",                                   \
      "quote and TCB info come from different authorities")                                        \
    C(TCB_SIGNER_NOT_BEFORE, TCB_INFO, "tcb-signer-not-yet-valid",                                 \
      "the TCB signing chain is valid already",                                                    \
      "check the time the quote is judged at")                                                     \
    C(TCB_SIGNER_NOT_AFTER, TCB_INFO, "tcb-signer-expired",                                        \
      "the TCB signing chain has not expired",                                                     \
      "fetch the collateral again")                                                                \
    C(TCB_INFO_SIGNATURE,  TCB_INFO, "tcb-info-signature",                                         \
      "the signer signed these exact bytes of TCB info",                                           \
      "the document was altered or reformatted")                                                   \
    C(TCB_INFO_VERSION,    TCB_INFO, "tcb-info-version",                                           \
      "TCB info is version 3",                                                                     \
      "fetch it from version 4 of Intel's service")                                                \
    C(TCB_INFO_ID,         TCB_INFO, "tcb-info-id",                                                \
      "TCB info is for this kind of TEE",                                                          \
      "SGX quotes need SGX TCB info, TDX quotes TDX TCB info")                                     \
    C(TCB_INFO_ISSUED,     TCB_INFO, "tcb-info-not-yet-valid",                                     \
      "TCB info was issued already",                                                               \
      "check the time the quote is judged at")                                                     \
    C(TCB_INFO_FRESH,      TCB_INFO, "tcb-info-expired",                                           \
      "TCB info is not due for an update",                                                         \
      "fetch the collateral again")                                                                \
    C(FMSPC,               TCB_INFO, "fmspc-mismatch",                                             \
      "TCB info is for the platform family of the PCK",                                            \
      "fetch TCB info for the FMSPC in the PCK certificate")                                       \
    C(PCEID,               TCB_INFO, "pceid-mismatch",                                             \
      "TCB info is for the PCE of the PCK",                                                        \
      "fetch TCB info for the PCEID in the PCK certificate")                                       \
    C(QE_ID_PRESENT,       QE_IDENTITY, "qe-identity-absent",                                      \
      "QE identity and its signer's chain are at hand",                                            \
      "add qe_identity and qe_identity_chain to the collateral")                                   \
    C(QE_SIGNER_PROFILE,   QE_IDENTITY, "qe-signer-profile",                                       \
      "the signer has the profile of Intel SGX TCB Signing, under the root's",                     \
      "a certificate of another role cannot sign QE identity")                                     \
    C(QE_SIGNER_LINKS,     QE_IDENTITY, "qe-signer-links",                                         \
      "issuer name and key identifier link signer and root",                                       \
      "the signer names another issuer")                                                           \
    C(QE_SIGNER_SIGNATURE, QE_IDENTITY, "qe-signer-signature",                                     \
      "the root signed itself and the TCB signer",                                                 \
      "a certificate of the signing chain was altered")                                            \
    C(QE_SIGNER_ROOT,      QE_IDENTITY, "qe-signer-root",                                          \
      "the signing chain ends at the root of the PCK chain",                                       \
      "quote and QE identity come from different authorities")                                     \
    C(QE_SIGNER_NOT_BEFORE, QE_IDENTITY, "qe-signer-not-yet-valid",                                \
      "the signing chain is valid already",                                                        \
      "check the time the quote is judged at")                                                     \
    C(QE_SIGNER_NOT_AFTER, QE_IDENTITY, "qe-signer-expired",                                       \
      "the signing chain has not expired",                                                         \
      "fetch the collateral again")                                                                \
    C(QE_ID_SIGNATURE,     QE_IDENTITY, "qe-identity-signature",                                   \
      "the signer signed these exact bytes of QE identity",                                        \
      "the document was altered or reformatted")                                                   \
    C(QE_ID_VERSION,       QE_IDENTITY, "qe-identity-version",                                     \
      "QE identity is version 2",                                                                  \
      "fetch it from version 4 of Intel's service")                                                \
    C(QE_ID_ID,            QE_IDENTITY, "qe-identity-id",                                          \
      "QE identity is for this kind of TEE",                                                       \
      "SGX quotes need QE, TDX quotes TD_QE")                                                      \
    C(QE_ID_ISSUED,        QE_IDENTITY, "qe-identity-not-yet-valid",                               \
      "QE identity was issued already",                                                            \
      "check the time the quote is judged at")                                                     \
    C(QE_ID_FRESH,         QE_IDENTITY, "qe-identity-expired",                                     \
      "QE identity is not due for an update",                                                      \
      "fetch the collateral again")                                                                \
    C(ROOT_CRL_PRESENT,    CRL, "root-crl-absent",                                                 \
      "the root's CRL is at hand",                                                                 \
      "add root_ca_crl to the collateral")                                                         \
    C(ROOT_CRL_ISSUER,     CRL, "root-crl-issuer",                                                 \
      "the root's CRL names the root and its key",                                                 \
      "this is the CRL of another authority")                                                      \
    C(ROOT_CRL_SIGNATURE,  CRL, "root-crl-signature",                                              \
      "the root signed its CRL",                                                                   \
      "the CRL was altered")                                                                       \
    C(ROOT_CRL_ISSUED,     CRL, "root-crl-not-yet-valid",                                          \
      "the root's CRL was issued already",                                                         \
      "check the time the quote is judged at")                                                     \
    C(ROOT_CRL_FRESH,      CRL, "root-crl-expired",                                                \
      "the root's CRL is not due for an update",                                                   \
      "fetch the collateral again")                                                                \
    C(PCK_CA_REVOKED,      CRL, "pck-ca-revoked",                                                  \
      "the root has not revoked the PCK CA",                                                       \
      "do not trust this platform")                                                                \
    C(TCB_SIGNER_REVOKED,  CRL, "tcb-signer-revoked",                                              \
      "the root has not revoked a TCB signer",                                                     \
      "do not trust this collateral")                                                              \
    C(PCK_CRL_PRESENT,     CRL, "pck-crl-absent",                                                  \
      "the PCK CA's CRL is at hand",                                                               \
      "add pck_crl to the collateral")                                                             \
    C(PCK_CRL_ISSUER,      CRL, "pck-crl-issuer",                                                  \
      "the PCK's CRL names the PCK's CA and its key",                                              \
      "fetch the CRL of this CA: platform or processor")                                           \
    C(PCK_CRL_SIGNATURE,   CRL, "pck-crl-signature",                                               \
      "the PCK CA signed its CRL",                                                                 \
      "the CRL was altered")                                                                       \
    C(PCK_CRL_ISSUED,      CRL, "pck-crl-not-yet-valid",                                           \
      "the PCK CA's CRL was issued already",                                                       \
      "check the time the quote is judged at")                                                     \
    C(PCK_CRL_FRESH,       CRL, "pck-crl-expired",                                                 \
      "the PCK CA's CRL is not due for an update",                                                 \
      "fetch the collateral again")                                                                \
    C(PCK_REVOKED,         CRL, "pck-revoked",                                                     \
      "the PCK CA has not revoked the PCK",                                                        \
      "do not trust this platform")                                                                \
    C(QE_REPORT_SIGNATURE, QE_REPORT, "qe-report-signature",                                       \
      "the PCK signed the quoting enclave's report",                                               \
      "the quote was altered or is of another platform")                                           \
    C(QE_BINDING,          QE_REPORT, "qe-report-data",                                            \
      "that report binds the attestation key",                                                     \
      "the attestation key is not the quoting enclave's")                                          \
    C(QE_BINDING_TAIL,     QE_REPORT, "qe-report-data-tail",                                       \
      "the rest of the report data is zero",                                                       \
      "the report was made for another purpose")                                                   \
    C(QE_MISCSELECT,       QE_REPORT, "qe-miscselect",                                             \
      "the quoting enclave has the MISCSELECT of QE identity",                                     \
      "this is not Intel's quoting enclave")                                                       \
    C(QE_ATTRIBUTES,       QE_REPORT, "qe-attributes",                                             \
      "the quoting enclave has the attributes of QE identity",                                     \
      "this is not Intel's production quoting enclave")                                            \
    C(QE_DEBUG,            QE_REPORT, "qe-debug",                                                  \
      "the quoting enclave is no debug enclave",                                                   \
      "a debug quoting enclave can sign anything")                                                 \
    C(QE_MRSIGNER,         QE_REPORT, "qe-mrsigner",                                               \
      "the quoting enclave has the signer of QE identity",                                         \
      "this is not Intel's quoting enclave")                                                       \
    C(QE_PRODUCT,          QE_REPORT, "qe-isvprodid",                                              \
      "the quoting enclave has the product id of QE identity",                                     \
      "this is another enclave of the same signer")                                                \
    C(QUOTE_SIGNATURE,     QUOTE_SIGNATURE, "quote-signature",                                     \
      "the attestation key signed header and body",                                                \
      "the quote was altered")                                                                     \
    C(MODULE_IDENTITY,     TDX_MODULE, "tdx-module-identity",                                      \
      "TCB info knows the TDX module's version",                                                   \
      "fetch newer TCB info")                                                                      \
    C(MODULE_SIGNER,       TDX_MODULE, "tdx-module-signer",                                        \
      "the TDX module has the signer that TCB info gives",                                         \
      "this is not Intel's TDX module")                                                            \
    C(MODULE_ATTRIBUTES,   TDX_MODULE, "tdx-module-attributes",                                    \
      "the TDX module's attributes are those of TCB info, and zero",                               \
      "this is not a production TDX module")                                                       \
    C(TCB_LEVEL,           TCB_LEVEL, "tcb-no-level",                                              \
      "platform, TDX module and quoting enclave each reach a TCB level",                           \
      "the platform is older than everything TCB info knows; update it")                           \
    C(TCB_COMPONENTS,      TCB_LEVEL, "tcb-component-status",                                      \
      "module and quoting enclave are UpToDate, OutOfDate or Revoked",                             \
      "no rule says how such a status counts")                                                     \
    C(TCB_CURRENT,         TCB_LEVEL, "tcb-current-worse",                                         \
      "the TD runs on a TCB that is no worse than at its launch",                                  \
      "the TDX module was replaced by a worse one")                                                \
    C(TCB_REVOKED,         TCB_LEVEL, "tcb-revoked",                                               \
      "the TCB level is not revoked",                                                              \
      "do not trust this platform before it is updated")

#define PH_CHECKS_INTEL_POLICY(C)                                                                  \
    C(POLICY_EVALUATION,   POLICY, "policy-evaluation-number",                                     \
      "the TCB evaluation number is not below the policy's",                                       \
      "fetch newer collateral")                                                                    \
    C(POLICY_SEPT_VE,      POLICY, "policy-sept-ve",                                               \
      "SEPT_VE_DISABLE is on, or the policy allows it off",                                        \
      "the host could inject #VE into this TD")                                                    \
    C(POLICY_MIGRATABLE,   POLICY, "policy-migratable",                                            \
      "migration is off, or the policy allows it",                                                 \
      "this TD may be moved to another platform")                                                  \
    C(POLICY_SERVICE_TD,   POLICY, "policy-service-td",                                            \
      "no service TD is bound, or the policy allows it",                                           \
      "another TD has power over this one")                                                        \
    C(POLICY_INSTANCE,     POLICY, "policy-platform-instance",                                     \
      "the platform instance is on the policy's list, if it has one",                              \
      "this machine is not allowed")
/* clang-format on */

#endif
