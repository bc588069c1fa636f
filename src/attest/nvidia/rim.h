#ifndef PH_ATTEST_NVIDIA_RIM_H
#define PH_ATTEST_NVIDIA_RIM_H

/* NVIDIA's reference integrity manifests: signed SWID tags that list the measurements a driver or a
 * firmware may have. Three steps, kept apart:
 *   ph_rim_parse             what a document claims: UNTRUSTED
 *   ph_rim_verify_signature  whether NVIDIA signed exactly that document
 *   ph_rim_compare           whether a device's measurements are those that manifests list
 *
 * Layer: attest. Pure: no clock, network or global state. Spec: ISO/IEC 19770-2:2015 (SWID); TCG
 * Reference Integrity Manifest Information Model; XML Signature Syntax and Processing 1.1, narrowed
 * as the table below says. Tests: rim_test.c, rim_sig_test.c, rim_vectors_test.c, rim_fuzz.c.
 */

#include "attest/x509.h"
#include "base/bytes.h"

#include <assert.h>
#include <stdbool.h>

enum {
    PH_RIM_MAX = 1024 * 1024, /* bytes of a document */
    PH_RIM_INDEX_CNT = 128,   /* indices are 0..127; GPUs use 0..63 */
    PH_RIM_ALTERNATIVES = 32, /* most hashes of one index; 4 seen */
    PH_RIM_HASHES = 1024,     /* most hashes of a document */
    PH_RIM_HASH_LEN = 48,     /* SHA-384 */
    PH_RIM_CERT_CNT = 4,      /* leaf, L3, CA, root */
    PH_RIM_CERT_MAX = 4096,   /* bytes of one certificate, DER */
    PH_RIM_NVDEC0_INDEX = 35, /* measures nothing while NVDEC0 is disabled */
};

/* C(name, reason code, what holds), in the order of judgement. The
 * first ones are of ph_rim_parse, those from CERTS on of ph_rim_verify_signature. */
/* clang-format off */
#define PH_RIM_CHECKS(C)                                                                           \
    C(XML,             "rim-xml",                                                                  \
      "the manifest is XML of the accepted profile, at most 1 MiB")                                \
    C(ELEMENT,         "rim-root-element",                                                         \
      "its root is a SWID SoftwareIdentity")                                                       \
    C(SHAPE,           "rim-shape",                                                                \
      "it has the elements of a manifest, in order, and no others")                                \
    C(META,            "rim-meta",                                                                 \
      "one Meta gives product and version")                                                        \
    C(PAYLOAD,         "rim-payload",                                                              \
      "one Payload lists at least one measurement")                                                \
    C(INDEX,           "rim-index",                                                                \
      "every measurement has an index from 0 to 127")                                              \
    C(INDEX_ONCE,      "rim-index-duplicate",                                                      \
      "no index is listed twice")                                                                  \
    C(ACTIVE,          "rim-active",                                                               \
      "every measurement is active or not")                                                        \
    C(SIZE,            "rim-size",                                                                 \
      "every measurement is 48 bytes long")                                                        \
    C(ALTERNATIVES,    "rim-alternatives",                                                         \
      "every measurement says how many values it may have")                                        \
    C(HASH,            "rim-hash",                                                                 \
      "and has exactly so many SHA-384 values")                                                    \
    C(SIGNED,          "rim-signature-absent",                                                     \
      "one Signature is a child of the root")                                                      \
    C(SIGNED_ONCE,     "rim-signature-many",                                                       \
      "there is no second Signature")                                                              \
    C(ALGORITHMS,      "rim-signature-algorithm",                                                  \
      "it uses xml-c14n11 or xml-c14n, SHA-384 and ECDSA with SHA-384")                            \
    C(REFERENCE,       "rim-signature-reference",                                                  \
      "it covers the whole document but itself")                                                   \
    C(KEY_INFO,        "rim-key-info",                                                             \
      "its key is given by certificates alone")                                                    \
    C(CHAIN_LENGTH,    "rim-chain-length",                                                         \
      "there are four certificates, leaf first")                                                   \
    C(CERTS,           "rim-certificate",                                                          \
      "each certificate is X.509 with P-384 and ECDSA with SHA-384")                               \
    C(PROFILE,         "rim-chain-profile",                                                        \
      "each has the names, CA flag, path length and key usage of its role")                        \
    C(LINKS,           "rim-chain-links",                                                          \
      "each names the next as its issuer")                                                         \
    C(CHAIN_SIGNATURE, "rim-chain-signature",                                                      \
      "each was signed by the next, the root by itself")                                           \
    C(ROOT,            "rim-root-untrusted",                                                       \
      "the root's key is the pinned one")                                                          \
    C(DIGEST,          "rim-digest",                                                               \
      "the document has the signed digest")                                                        \
    C(SIGNATURE,       "rim-signature",                                                            \
      "the leaf signed that digest")                                                               \
    C(ISSUED,          "rim-not-yet-valid",                                                        \
      "every certificate is valid already at the time manifests are judged at")                    \
    C(FRESH,           "rim-expired",                                                              \
      "every certificate is still valid at that time")
/* clang-format on */

enum ph_rim_check {
#define C(id, reason, holds) PH_RIM_CHECK_##id,
    PH_RIM_CHECKS(C)
#undef C
        PH_RIM_CHECK_CNT, /* also: nothing failed */
};
static_assert(PH_RIM_CHECK_CNT <= 32, "a bit each in struct ph_rim_proof");

/* Stable reason code; what holds. Static storage. `check` is below PH_RIM_CHECK_CNT. */
const char *ph_rim_check_reason(enum ph_rim_check check);
const char *ph_rim_check_holds(enum ph_rim_check check);

/* What a manifest seems to be for, by its edition and the form of its version. A hint: compare
 * product and version with the device's. */
enum ph_rim_kind {
    PH_RIM_OTHER,
    PH_RIM_GPU_DRIVER,  /* "GPU", 550.90.07 */
    PH_RIM_GPU_VBIOS,   /* "GPU", 96.00.9F.00.01 */
    PH_RIM_SWITCH_BIOS, /* "SWITCH", 96.10.55.00.01 */
};

struct ph_attest_roots;
struct ph_policy;

struct ph_rim_measurement {
    struct ph_bytes name; /* "Measurement_12"; may be empty */
    uint8_t index;        /* 0-based */
    bool active;          /* only these are compared */
    uint8_t hash_cnt;     /* 1..PH_RIM_ALTERNATIVES */
    uint16_t hash_first;  /* its values are ph_rim.hash[hash_first..hash_first + hash_cnt) */
};

/* A parsed manifest: what it claims. About 60 KiB; views point into the document. */
struct ph_rim {
    struct ph_bytes doc;
    enum ph_rim_kind kind;
    struct ph_bytes product; /* "GH100" */
    struct ph_bytes edition; /* "GPU", "SWITCH"; may be empty */
    struct ph_bytes version; /* colloquialVersion: "550.90.07", "96.00.9F.00.01" */
    struct ph_bytes tag_id;  /* may be empty */
    struct ph_rim_measurement measurement[PH_RIM_INDEX_CNT]; /* in the document's order */
    size_t measurement_cnt;
    uint8_t hash[PH_RIM_HASHES][PH_RIM_HASH_LEN];
    size_t hash_cnt;
    /* the signature, as text; used by ph_rim_verify_signature */
    size_t signature_at, signed_info_at; /* offsets of the elements */
    struct ph_bytes digest_value, signature_value;
    struct ph_bytes cert[PH_RIM_CERT_CNT]; /* leaf first, base64 */
    size_t cert_cnt;
};

/**
 * Parse a manifest.
 *
 * @xml     untrusted; must outlive *out
 * @out     written whole on PH_OK, else zeroed: too large to be kept twice
 * @failed  the check that failed; PH_RIM_CHECK_CNT on PH_OK. Always written
 *
 * Returns PH_ERR_MALFORMED    the document is no manifest
 *         PH_ERR_UNSUPPORTED  XML, an algorithm or a reference outside the profile
 *         PH_ERR_LIMIT        one of the limits above, or of attest/nvidia/xml.h
 */
PH_CHECKED enum ph_err ph_rim_parse(struct ph_bytes xml, struct ph_rim *out,
                                    enum ph_rim_check *failed);

/* One of rim->cert, taken out of its base64 (appended to `der`, which must outlive *out) and
 * parsed. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT (above PH_RIM_CERT_MAX), PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err ph_rim_cert_open(struct ph_bytes text, struct ph_buf *der,
                                        struct ph_x509 *out);

/* What was found out about a signature. */
struct ph_rim_proof {
    uint32_t held;            /* bit 1 << check is set for every check that held */
    enum ph_rim_check failed; /* the first that did not; PH_RIM_CHECK_CNT if all held */
    /* The rest is zero unless CERTS held. */
    int64_t not_before_s; /* window in which all four certificates are valid */
    int64_t not_after_s;  /* inclusive */
    uint8_t root_spki_sha256[32];
    bool insecure_simulator; /* ROOT held because the policy names a simulator's root */
};

/**
 * Decide whether a manifest is NVIDIA's, at one moment. All checks run, so that `held` is complete
 * even where an early one failed.
 *
 * @rim     parsed; its document must still be there
 * @roots   pins of PH_ROOT_NVIDIA_RIM; NULL trusts nobody
 * @policy  may name a simulator's root; NULL does not
 * @at_s    Unix time, seconds, certificates are judged at: now, or the policy's choice. Leaf
 *          certificates live for two years, and manifests are not always signed anew
 * @out     always written
 *
 * Returns PH_ERR_UNTRUSTED  out->failed says why
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_rim_verify_signature(const struct ph_rim *rim,
                                               const struct ph_attest_roots *roots,
                                               const struct ph_policy *policy, int64_t at_s,
                                               struct ph_rim_proof *out);

/* The same in two steps, so that the first can be kept. What holds of a manifest whoever is
 * trusted, and whenever; `out` lacks ROOT, ISSUED and FRESH. Only PH_ERR_NOMEM is an error. */
PH_CHECKED enum ph_err ph_rim_prove(const struct ph_rim *rim, struct ph_rim_proof *out);
/* Add these to what ph_rim_prove wrote. PH_ERR_UNTRUSTED as above. */
PH_CHECKED enum ph_err ph_rim_decide(struct ph_rim_proof *proof,
                                     const struct ph_attest_roots *roots,
                                     const struct ph_policy *policy, int64_t at_s);

/* One measurement of a device's report. */
struct ph_rim_block {
    uint8_t index; /* as in SPDM: 1-based, the manifest's index plus one */
    uint8_t value[PH_RIM_HASH_LEN];
};

enum ph_rim_mismatch_kind {
    PH_RIM_MISMATCH_VALUE,    /* the report has none of the listed values */
    PH_RIM_MISMATCH_MISSING,  /* the report has no such block */
    PH_RIM_MISMATCH_REPEATED, /* the report has it more than once */
    PH_RIM_MISMATCH_CONFLICT, /* both manifests have it active */
};

struct ph_rim_mismatch {
    uint8_t index; /* 0-based */
    enum ph_rim_mismatch_kind kind;
};

struct ph_rim_comparison {
    size_t compared_cnt; /* active indices that were looked at */
    size_t mismatch_cnt;
    struct ph_rim_mismatch mismatch[PH_RIM_INDEX_CNT]; /* by index, ascending; one per index */
};

/**
 * Compare a report with manifests: every active index must have one of its values.
 *
 * @driver, @firmware  of a GPU: driver and VBIOS. One of them may be NULL (a switch has one
 *                     manifest only); with both NULL nothing matches
 * @blocks             at most 255 of them
 * @nvdec0_disabled    the report says so: index PH_RIM_NVDEC0_INDEX is then left out
 * @out                always written
 *
 * Returns PH_ERR_UNTRUSTED  there is a mismatch, or nothing was compared
 */
PH_CHECKED enum ph_err ph_rim_compare(const struct ph_rim *driver, const struct ph_rim *firmware,
                                      const struct ph_rim_block *blocks, size_t block_cnt,
                                      bool nvdec0_disabled, struct ph_rim_comparison *out);

#endif
