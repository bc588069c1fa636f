#ifndef PH_ATTEST_LIB_PHALA_ATTEST_H
#define PH_ATTEST_LIB_PHALA_ATTEST_H

/* libphala-attest: judge evidence from TEE hardware. Needs libcrypto and nothing else.
 *
 * Evidence in, with the moment, the policy and what the TEE must have signed; a verdict out. The
 * library reads no clock, network, file or environment variable, keeps no global state of its own,
 * prints nothing, and starts no thread but inside phala_attest_verify_batch. libcrypto is
 * initialised once, without its configuration file.
 *
 * Ownership. A pointer argument is borrowed for the call. What comes out through `out` is the
 * caller's, to be given to the matching _free function; all of these take NULL. Pointers that an
 * accessor returns live as long as the object. On an error other than PHALA_ATTEST_REFUSED, outputs
 * are untouched unless said otherwise.
 *
 * Threads. Functions may be called from any thread. One object may be used by several threads at
 * once where its parameter is const; a cache always.
 *
 * Manual: phala_attest(3). Formats of policies, bundles and verdicts: docs/attestation.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PHALA_ATTEST_API __attribute__((visibility("default")))
#define PHALA_ATTEST_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define PHALA_ATTEST_API
#define PHALA_ATTEST_CHECKED
#endif

/* What went wrong, in classes a caller can act on. */
enum phala_attest_error {
    PHALA_ATTEST_OK = 0,
    PHALA_ATTEST_REFUSED = 1,     /* judged, and the answer is no: the verdict says why */
    PHALA_ATTEST_MALFORMED = 2,   /* bytes that break their format */
    PHALA_ATTEST_UNSUPPORTED = 3, /* a kind, version or algorithm that this library cannot judge */
    PHALA_ATTEST_LIMIT = 4,       /* something is longer or more than its limit */
    PHALA_ATTEST_NOMEM = 5,
    PHALA_ATTEST_ARGUMENT = 6, /* the caller left out what is mandatory */
};
/* "ok", "refused", "malformed", …; static. */
PHALA_ATTEST_API const char *phala_attest_error_name(enum phala_attest_error error);
/* Of the library that runs: "0.1.0"; static. */
PHALA_ATTEST_API const char *phala_attest_version(void);

/* Where and why a document was refused, for people; NUL-terminated. Wherever a function takes one
 * it may be NULL, and is written only when the function refuses. */
struct phala_attest_why {
    char text[256];
};

/* What text functions allocate is freed with this. */
PHALA_ATTEST_API void phala_attest_free(char *text);

/* ---- Policy: what is required beyond being genuine ---- */

struct phala_attest_policy;

/* Read a policy document; {} denies everything. MALFORMED, LIMIT, NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_policy_parse(const char *json, size_t len, struct phala_attest_policy **out,
                          struct phala_attest_why *why);
/* Genuine production hardware with the vendor's updates, no debug, no migration. It demands no
 * measurement: any code passes, and the verdict says so. NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_policy_hardware(struct phala_attest_policy **out);
PHALA_ATTEST_API void phala_attest_policy_free(struct phala_attest_policy *policy);

/* ---- Evidence: what somebody claims ---- */

struct phala_attest_evidence;

/* Open evidence of any kind that this library knows: an Intel quote, an AMD SEV-SNP report, an
 * Azure paravisor report, an AWS Nitro document, NVIDIA's JSON or one raw report, or an evidence
 * bundle (phala-evidence-v1). The bytes are copied. MALFORMED, UNSUPPORTED, LIMIT (1 MiB), NOMEM.
 */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_evidence_open(const uint8_t *bytes, size_t len, struct phala_attest_evidence **out,
                           struct phala_attest_why *why);
PHALA_ATTEST_API void phala_attest_evidence_free(struct phala_attest_evidence *evidence);

/* What evidence is judged with, part by part. */
enum phala_attest_part {
    PHALA_ATTEST_INTEL_TCB_INFO = 1,      /* the signed JSON, exact bytes */
    PHALA_ATTEST_INTEL_TCB_INFO_CHAIN,    /* PEM */
    PHALA_ATTEST_INTEL_QE_IDENTITY,       /* the signed JSON, exact bytes */
    PHALA_ATTEST_INTEL_QE_IDENTITY_CHAIN, /* PEM */
    PHALA_ATTEST_INTEL_PCK_CRL,           /* DER */
    PHALA_ATTEST_INTEL_ROOT_CA_CRL,       /* DER */
    PHALA_ATTEST_INTEL_PCK_CHAIN,         /* PEM; only for quotes without their own */
    PHALA_ATTEST_EVENT_LOG,               /* CCEL or dstack's JSON: demanded to replay */
    PHALA_ATTEST_SNP_VEK_CERT,            /* DER: VCEK or VLEK */
    PHALA_ATTEST_SNP_CERT_CHAIN,          /* PEM: ASK or ASVK, then ARK */
    PHALA_ATTEST_SNP_CRL,                 /* DER */
    PHALA_ATTEST_NVIDIA_EVIDENCE,         /* JSON, or one raw report: GPUs beside the quote */
    PHALA_ATTEST_NVIDIA_CHAIN,            /* PEM; only for a raw report */
    PHALA_ATTEST_NVIDIA_RIM,              /* XML; up to 16, one call each */
    PHALA_ATTEST_NVIDIA_OCSP,             /* DER; up to 128, one call each */
};
/* Add a part, in place of what the evidence brought itself; the bytes are copied. LIMIT, NOMEM,
 * ARGUMENT (no such part, or no bytes). */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_evidence_add(struct phala_attest_evidence *evidence, enum phala_attest_part part,
                          const uint8_t *bytes, size_t len);

/* "intel-quote", "snp-report", "azure-hcl", "nitro-document", "nvidia"; static. Of a bundle with a
 * quote and GPUs: the quote's. */
PHALA_ATTEST_API const char *
phala_attest_evidence_kind(const struct phala_attest_evidence *evidence);
/* When it was collected, Unix seconds, as whoever made the bundle claims; 0 for bare evidence. */
PHALA_ATTEST_API int64_t phala_attest_evidence_time(const struct phala_attest_evidence *evidence);
/* Every field with its meaning, unproved, as JSON. MALFORMED, UNSUPPORTED, LIMIT, NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_evidence_show(const struct phala_attest_evidence *evidence, char **out,
                           struct phala_attest_why *why);
/* As a bundle that verifies without any network, `time_s` being when it was collected. MALFORMED (a
 * text part is no UTF-8), LIMIT, NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_evidence_bundle(const struct phala_attest_evidence *evidence, int64_t time_s,
                             char **out);

/* ---- What can be kept between verdicts: facts about bytes, never a validity ---- */

/* Intel's documents, parsed, with every signature inside verified. Immutable. */
struct phala_attest_collateral;
/* The collateral that evidence brings. MALFORMED, UNSUPPORTED, LIMIT, NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_collateral_parse(const struct phala_attest_evidence *evidence,
                              struct phala_attest_collateral **out, struct phala_attest_why *why);
/* The first and the last second at which all of it is valid. */
PHALA_ATTEST_API void
phala_attest_collateral_window(const struct phala_attest_collateral *collateral, int64_t *from_s,
                               int64_t *until_s);
PHALA_ATTEST_API void phala_attest_collateral_free(struct phala_attest_collateral *collateral);

/* Verified certificate chains, manifests and responses of every maker, by the hash of their bytes.
 */
struct phala_attest_cache;
/* entry_cnt: 1..65536. An entry is a chain of 8 to 16 KiB, or one of NVIDIA's manifests with 64 KiB
 * and its document. A chain stands for a machine; one with GPUs has about twenty entries. LIMIT,
 * NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_cache_new(size_t entry_cnt, struct phala_attest_cache **out);
PHALA_ATTEST_API void phala_attest_cache_free(struct phala_attest_cache *cache);

/* ---- Verdicts ---- */

struct phala_attest_verdict;

/* All that a verdict depends on. Start from {0} and set size: members to come stay zero then. */
struct phala_attest_request {
    size_t size; /* sizeof(struct phala_attest_request); mandatory */
    const struct phala_attest_evidence *evidence; /* mandatory */
    const struct phala_attest_policy *policy;     /* mandatory */
    int64_t now_s; /* the moment to judge at, Unix seconds; mandatory: over 0 */
    /* 64 bytes that the TEE must have signed: report data of TDX, SGX, SEV-SNP; user data of Azure
     * and Nitro. Mandatory, unless the next member is set. */
    const uint8_t *report_data;
    bool report_data_unchecked_insecure; /* true: a replayed quote passes. For tools that show */
    /* 32 bytes that GPUs must have signed. NULL: SHA-256 of the report data of the quote beside
     * them. Mandatory for GPUs alone, unless the member above is set. */
    const uint8_t *nonce;
    const struct phala_attest_collateral *collateral; /* NULL: what the evidence brings */
    struct phala_attest_cache *cache;                 /* NULL: none */
};

/* Judge. OK: accepted. REFUSED, and also MALFORMED, UNSUPPORTED and LIMIT about the evidence: there
 * is a verdict too, which says why. NOMEM, ARGUMENT: *out is untouched. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_verify(const struct phala_attest_request *request, struct phala_attest_verdict **out);
/* All of it in one call: open evidence and policy, judge, and close them again.
 *
 * @collateral   a bundle with what evidence is judged by, in place of what the evidence brings;
 * what evidence is in that bundle is not looked at. NULL: what the evidence brings
 * @policy       a policy document, NUL-terminated; NULL: as phala_attest_policy_hardware, which any
 *               code passes
 * @report_data  64 bytes; mandatory
 *
 * As phala_attest_verify; MALFORMED, UNSUPPORTED and LIMIT may also be about a document that could
 * not be opened: *out is untouched then. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_verify_bytes(const uint8_t *evidence, size_t evidence_len, const uint8_t *collateral,
                          size_t collateral_len, const char *policy, const uint8_t *report_data,
                          int64_t now_s, struct phala_attest_verdict **out);
/* Judge a certificate for RA-TLS, DER or PEM, the first of a chain: its dates, its signature if it
 * names itself as its issuer, and that the evidence in it proves what the policy asks for the
 * certificate's key. A peer holds that key only if a TLS handshake with the certificate succeeded.
 * Of request->evidence only what a quote is judged by counts, and it may be NULL; report_data and
 * nonce must be NULL, report_data_unchecked_insecure false.
 *
 * As phala_attest_verify; MALFORMED, UNSUPPORTED and LIMIT may also be about a certificate that
 * could not be opened, or has no evidence: *out is untouched then, and `why` written. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_verify_certificate(const uint8_t *certificate, size_t len,
                                const struct phala_attest_request *request,
                                struct phala_attest_verdict **out, struct phala_attest_why *why);
/* The same as phala_attest_verify, told as JSON: the verdict and each check with the bytes it
 * looked at. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_explain(const struct phala_attest_request *request, char **out);
PHALA_ATTEST_API void phala_attest_verdict_free(struct phala_attest_verdict *verdict);

/* True only if every check held. Nothing else in a verdict proves anything. */
PHALA_ATTEST_API bool phala_attest_verdict_accepted(const struct phala_attest_verdict *verdict);
/* Stable code of the first check that said no: "pck-revoked"; or "accepted", "not-judged". */
PHALA_ATTEST_API const char *
phala_attest_verdict_reason(const struct phala_attest_verdict *verdict);
/* The part of the argument it belongs to: "pck-chain"; "none" when accepted. */
PHALA_ATTEST_API const char *phala_attest_verdict_step(const struct phala_attest_verdict *verdict);
/* The same for people, in one sentence. */
PHALA_ATTEST_API const char *
phala_attest_verdict_sentence(const struct phala_attest_verdict *verdict);
/* What the vendor's rules give: "UpToDate", "OutOfDate", …, "Unknown". */
PHALA_ATTEST_API const char *
phala_attest_verdict_status(const struct phala_attest_verdict *verdict);
/* The n-th advisory, "INTEL-SA-01099"; NULL past the last. Sorted. */
PHALA_ATTEST_API const char *
phala_attest_verdict_advisory(const struct phala_attest_verdict *verdict, size_t n);
/* The second from which on the verdict does not hold any more; 0 if unknown. */
PHALA_ATTEST_API int64_t
phala_attest_verdict_valid_until(const struct phala_attest_verdict *verdict);
/* False: genuine, but any code would have passed. */
PHALA_ATTEST_API bool
phala_attest_verdict_measurements_demanded(const struct phala_attest_verdict *verdict);
/* True: a simulator's root, which proves nothing about hardware. Show it wherever this is shown. */
PHALA_ATTEST_API bool
phala_attest_verdict_insecure_simulator(const struct phala_attest_verdict *verdict);
/* "TDX", "SGX", "SNP", "NITRO", "NVIDIA"; "none" unless accepted. */
PHALA_ATTEST_API const char *phala_attest_verdict_tee(const struct phala_attest_verdict *verdict);
/* A proved value by its name in the JSON ("mr_td", "rtmr3", "mrenclave", "measurement",
 * "report_data", "fmspc", …): its bytes, and their number in *len. NULL, and *len untouched, if the
 * verdict is not accepted or its evidence has no such value. */
PHALA_ATTEST_API const uint8_t *
phala_attest_verdict_claim(const struct phala_attest_verdict *verdict, const char *name,
                           size_t *len);
/* The whole verdict with its claims as JSON, as docs/attestation.md lists it. NOMEM. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_verdict_json(const struct phala_attest_verdict *verdict, char **out);

/* ---- Many at once ---- */

struct phala_attest_quote {
    const uint8_t *quote; /* or anything else that phala_attest_evidence_open takes, as bytes */
    size_t quote_len;
    const uint8_t *report_data; /* 64 bytes; NULL only if the request says unchecked */
};

/* As many verdicts as quotes. */
struct phala_attest_verdicts;

/* Judge all of them on `thread_cnt` threads (1..64), the caller's among them. Of the request,
 * evidence, report_data and nonce are not looked at; `collateral` is of Intel's quotes, and in its
 * absence they need bundles that bring it. GPUs alone are refused unless the request says
 * unchecked: for their nonce there is no place here. Verdicts do not
 * depend on the number of threads. OK: all are accepted. REFUSED: at least one is not. In both
 * cases there are verdicts. ARGUMENT, LIMIT, NOMEM: *out is untouched. */
PHALA_ATTEST_CHECKED enum phala_attest_error
phala_attest_verify_batch(const struct phala_attest_request *request,
                          const struct phala_attest_quote *quotes, size_t quote_cnt,
                          unsigned thread_cnt, struct phala_attest_verdicts **out);
/* The verdict of the n-th quote, borrowed; NULL past the last. */
PHALA_ATTEST_API const struct phala_attest_verdict *
phala_attest_verdicts_at(const struct phala_attest_verdicts *verdicts, size_t n);
PHALA_ATTEST_API void phala_attest_verdicts_free(struct phala_attest_verdicts *verdicts);

#ifdef __cplusplus
}
#endif

#endif
