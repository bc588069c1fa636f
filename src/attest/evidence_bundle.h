#ifndef PH_ATTEST_EVIDENCE_BUNDLE_H
#define PH_ATTEST_EVIDENCE_BUNDLE_H

/* One portable file that holds evidence, all that is needed to judge it, and when it was made. A
 * worker serves it at /v1/attestation; `phala verify` and `phala evidence verify` consume it with
 * no network, years later.
 *
 *   {"format":"phala-evidence-v1","time":"2025-06-19T10:32:27Z",
 *    "kind":"intel-quote"|"snp-report"|"azure-hcl"|"nitro-document",   (absent: told from the
 * bytes) "quote":base64, "collateral":{"tcb_info":text,"tcb_info_chain":PEM,"qe_identity":text,
 *                  "qe_identity_chain":PEM,"pck_crl":base64,"root_ca_crl":base64,"pck_chain":PEM},
 *    "event_log":base64, "event_log_rtmr3_alone":true, "vm_config":text,
 *    "snp":{"vek_cert":base64,"cert_chain":text,"crl":base64,"mr_config":text},
 *    "nvidia":{"evidence":text,"rims":[text],"ocsp":[base64]}}
 *
 * "tcb_info", "qe_identity" and "nvidia.evidence" are the exact documents as JSON strings, so that
 * no tool in between can reformat what a signature covers. There is a "quote" or an "nvidia", or
 * both: then the evidence is accepted only if each is. "collateral" goes with Intel's quotes and
 * must be there with a quote that has no "kind"; each of its members may be absent, and the
 * verifier then refuses at the check that needed it. Unknown and duplicate keys are errors.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: evidence_bundle_test.c,
 * evidence_bundle_fuzz.c.
 */

#include "base/bytes.h"
#include "codec/json_why.h"

enum {
    PH_EVIDENCE_MAX = 1024 * 1024, /* bytes of a bundle, and of each part */
    PH_EVIDENCE_RIMS_MAX = 16,     /* reference manifests: one for each driver and firmware */
    PH_EVIDENCE_OCSP_MAX = 128,    /* one for each certificate */
};

/* K(enumerator, name): what one piece of evidence is. */
#define PH_EVIDENCE_KINDS(K)                                                                       \
    K(NONE, "none")                                                                                \
    K(INTEL, "intel-quote")      /* TDX v4 and v5; SGX v3, v4 and v5 */                            \
    K(SNP, "snp-report")         /* AMD SEV-SNP, alone or with its certificate table */            \
    K(AZURE, "azure-hcl")        /* what Azure's paravisor wraps an SNP report in */               \
    K(NITRO, "nitro-document")   /* AWS Nitro Enclaves */                                          \
    K(NVIDIA, "nvidia")          /* a JSON array of GPUs and switches */                           \
    K(DSTACK, "dstack-document") /* of a dstack guest: attest/dstack_doc.h */                      \
    K(BUNDLE, "phala-evidence-v1")
enum ph_evidence_kind {
#define K(id, name) PH_EVIDENCE_##id,
    PH_EVIDENCE_KINDS(K)
#undef K
        PH_EVIDENCE_KIND_CNT,
};
const char *ph_evidence_kind_name(enum ph_evidence_kind kind);

/* The documents a quote is judged with, named as Intel's services name them. An empty view means
 * absent. */
struct ph_collateral_parts {
    struct ph_bytes pck_chain_pem;      /* leaf, CA, root; only for quotes without their own */
    struct ph_bytes tcb_info_json;      /* {"tcbInfo":…,"signature":…}, exact bytes */
    struct ph_bytes tcb_info_chain_pem; /* TCB signer, root */
    struct ph_bytes qe_identity_json;   /* {"enclaveIdentity":…,"signature":…}, exact bytes */
    struct ph_bytes qe_identity_chain_pem; /* TCB signer, root */
    struct ph_bytes pck_crl;               /* DER, of the PCK's own CA */
    struct ph_bytes root_ca_crl;           /* DER, of the root */
};

/* What a SEV-SNP report is judged with, besides AMD's roots, named as AMD's key service names
 * them. An extended report may carry the certificates itself. */
struct ph_snp_parts {
    struct ph_bytes vek_cert;   /* DER: VCEK or VLEK */
    struct ph_bytes cert_chain; /* PEM: ASK or ASVK, then ARK */
    struct ph_bytes crl;        /* DER, of the ARK */
    struct ph_bytes mr_config;  /* JSON: the configuration of a dstack guest, named by HOST_DATA */
};

/* GPUs and switches, and what they are judged with. */
struct ph_nvidia_parts {
    struct ph_bytes evidence; /* attest/nvidia/evidence.h: JSON, exact bytes; or one raw report */
    struct ph_bytes chain;    /* PEM: of a raw report alone */
    struct ph_bytes rim[PH_EVIDENCE_RIMS_MAX];
    size_t rim_cnt;
    struct ph_bytes ocsp[PH_EVIDENCE_OCSP_MAX]; /* DER responses */
    size_t ocsp_cnt;
};

/* All pieces. There is a quote, or GPUs, or both. */
struct ph_evidence {
    enum ph_evidence_kind kind;            /* of `quote`; NONE: unknown, or there is none */
    struct ph_bytes quote;                 /* or report, or document */
    struct ph_collateral_parts collateral; /* Intel's */
    struct ph_bytes event_log;             /* CCEL, or dstack's JSON */
    bool event_log_rtmr3_alone;            /* dstack's, cut: it shows no register but RTMR3 */
    struct ph_bytes vm_config; /* JSON: what a dstack guest's host says of the machine. Unproved */
    struct ph_snp_parts snp;
    struct ph_nvidia_parts nvidia;
    int64_t time_s; /* when it was collected, Unix seconds: a claim of whoever made the bundle */
};

/* Append the bundle to `out`, which is unchanged on failure. PH_ERR_MALFORMED: a text part is no
 * UTF-8, or there is no evidence. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_evidence_encode(const struct ph_evidence *evidence, struct ph_buf *out);

struct ph_evidence_bundle; /* a parsed bundle; owns its bytes */

/**
 * Parse a bundle.
 *
 * @text  untrusted; borrowed for the call
 * @out   on PH_OK, freed by the caller with ph_evidence_free; else untouched
 * @why   written when refused: where and what
 *
 * Returns PH_ERR_LIMIT      longer than PH_EVIDENCE_MAX
 *         PH_ERR_MALFORMED  see why
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_evidence_parse(struct ph_bytes text, struct ph_evidence_bundle **out,
                                         struct ph_json_why *why);
/* The same for one bare piece of evidence, which is copied: `kind` is a quote's or NVIDIA.
 * PH_ERR_LIMIT: longer than PH_EVIDENCE_MAX. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_evidence_of_bytes(enum ph_evidence_kind kind, struct ph_bytes bytes,
                                            struct ph_evidence_bundle **out);
/* Views into the bundle, valid until it is freed. */
const struct ph_evidence *ph_evidence_view(const struct ph_evidence_bundle *bundle);
void ph_evidence_free(struct ph_evidence_bundle *bundle);
static inline void ph_evidence_freep(struct ph_evidence_bundle **bundle)
{
    ph_evidence_free(*bundle);
}

#endif
