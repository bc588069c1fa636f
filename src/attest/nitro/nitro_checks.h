#ifndef PH_ATTEST_NITRO_NITRO_CHECKS_H
#define PH_ATTEST_NITRO_NITRO_CHECKS_H

/* The checks of a Nitro attestation document, in the order of the argument. Rows of PH_CHECKS in
 * checks.h: C(enumerator, step, reason code when it fails, what holds when it passes, what to do if
 * not).
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

/* clang-format off */
#define PH_CHECKS_NITRO(C)                                                                         \
    C(NITRO_LENGTH,        DOCUMENT_FORMAT, "nitro-length",                                        \
      "the document is at most 20 KiB long",                                                       \
      "this is no Nitro document")                                                                 \
    C(NITRO_COSE,          DOCUMENT_FORMAT, "nitro-cose",                                          \
      "it is a COSE_Sign1 structure in strict CBOR, and nothing follows it",                       \
      "the document was cut, padded or altered")                                                   \
    C(NITRO_ALGORITHM,     DOCUMENT_FORMAT, "nitro-algorithm",                                     \
      "its headers say ES384 and nothing else",                                                    \
      "this is no Nitro document")                                                                 \
    C(NITRO_PAYLOAD,       DOCUMENT_FORMAT, "nitro-payload",                                       \
      "the payload is one map in strict CBOR with the known fields, each once",                    \
      "this is no Nitro document")                                                                 \
    C(NITRO_FIELDS,        DOCUMENT_FORMAT, "nitro-fields",                                        \
      "every field that must be there is, with its type and size",                                 \
      "this is no Nitro document")                                                                 \
    C(NITRO_PCRS,          DOCUMENT_FORMAT, "nitro-pcrs",                                          \
      "digest is SHA384 and every PCR, 0 to 31, has its length",                                   \
      "this is no Nitro document")                                                                 \
    C(NITRO_CERT_FORMAT,   DOCUMENT_CHAIN, "nitro-cert-format",                                    \
      "every certificate is X.509 with P-384 and ECDSA with SHA-384",                              \
      "the certificates are damaged")                                                              \
    C(NITRO_CHAIN_PROFILE, DOCUMENT_CHAIN, "nitro-chain-profile",                                  \
      "each has the names, CA flag, path length and key usage of its role",                        \
      "this key may not sign Nitro documents")                                                     \
    C(NITRO_MODULE,        DOCUMENT_CHAIN, "nitro-module",                                         \
      "the leaf is the certificate of the module that the document names",                         \
      "document and certificate do not belong together")                                           \
    C(NITRO_CHAIN_LINKS,   DOCUMENT_CHAIN, "nitro-chain-links",                                    \
      "each certificate names the next as its issuer",                                             \
      "the certificates do not belong together")                                                   \
    C(NITRO_CHAIN_SIGNATURE, DOCUMENT_CHAIN, "nitro-chain-signature",                              \
      "each was signed by the next, the root by itself",                                           \
      "a certificate was forged")                                                                  \
    C(NITRO_ISSUED,        DOCUMENT_CHAIN, "nitro-not-yet-valid",                                  \
      "every certificate is valid already",                                                        \
      "check the time the document is judged at")                                                  \
    C(NITRO_FRESH,         DOCUMENT_CHAIN, "nitro-expired",                                        \
      "every certificate is still valid",                                                          \
      "ask the enclave for a new document: they live for three hours")                             \
    C(NITRO_TIMESTAMP,     DOCUMENT_CHAIN, "nitro-timestamp",                                      \
      "the document was made while its certificate was valid",                                     \
      "ask the enclave for a new document")                                                        \
    C(NITRO_ROOT,          ROOT, "nitro-root-untrusted",                                           \
      "the root's key is AWS's, or the simulator's that the policy names",                         \
      "this document is not from AWS's production hardware")                                       \
    C(NITRO_SIGNATURE,     DOCUMENT_SIGNATURE, "nitro-signature",                                  \
      "the leaf signed the document",                                                              \
      "the document was altered")

#define PH_CHECKS_NITRO_POLICY(C)
/* clang-format on */

#endif
