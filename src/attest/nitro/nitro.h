#ifndef PH_ATTEST_NITRO_NITRO_H
#define PH_ATTEST_NITRO_NITRO_H

/* Judge attestation documents of AWS Nitro Enclaves: a COSE_Sign1 structure, signed with ES384 by a
 * certificate that AWS's hypervisor holds for three hours.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; no clock, network, log,
 * global state or recursion; any thread. Spec: [NSM] aws/aws-nitro-enclaves-nsm-api,
 * docs/attestation_process.md §2, §3; RFC 9052 §4.2 (COSE_Sign1). Tests: nitro_test.c,
 * nitro_vectors_test.c, nitro_fuzz.c.
 */

#include "attest/verdict.h"
#include "codec/jput.h"

enum {
    PH_NITRO_MAX = 20 * 1024,         /* bytes of a document */
    PH_NITRO_PAYLOAD_MAX = 16 * 1024, /* [NSM] §3.1 */
    PH_NITRO_CERT_MAX = 1024,         /* [NSM] §3.2.2.2 */
    PH_NITRO_CA_MAX = 8,              /* certificates of cabundle; 4 seen */
};

/* A parsed document: what it claims. Views point into its bytes, owned by someone else. */
struct ph_nitro_doc {
    struct ph_bytes protected_header, payload, signature; /* contents of the byte strings */
    struct ph_bytes module_id;                            /* UTF-8 */
    uint64_t timestamp_ms;
    uint32_t pcrs;                       /* bit n: pcr[n] is there */
    struct ph_bytes pcr[PH_NITRO_PCRS];  /* 48 bytes each */
    struct ph_bytes certificate;         /* DER */
    struct ph_bytes ca[PH_NITRO_CA_MAX]; /* DER, root first */
    size_t ca_cnt;
    /* Optional; ptr is NULL where the field is absent or null. */
    struct ph_bytes public_key, user_data, nonce;
};

/**
 * Parse a document, tagged (18) or not.
 *
 * @document  untrusted; must outlive *out
 * @out       written whole on PH_OK, else untouched
 * @failed    the check of step document-format that failed; PH_CHECK_CNT on PH_OK. Always written
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (an algorithm or digest), PH_ERR_LIMIT
 */
PH_CHECKED enum ph_err ph_nitro_parse(struct ph_bytes document, struct ph_nitro_doc *out,
                                      enum ph_check *failed);

/* Everything a judgement can use. Zero members have the meaning given. */
struct ph_nitro_args {
    struct ph_bytes document;            /* untrusted, at most PH_NITRO_MAX bytes */
    const struct ph_attest_roots *roots; /* pins of PH_ROOT_AWS_NITRO; NULL trusts nobody */
    const struct ph_policy *policy;      /* NULL denies */
    const uint8_t *report_data;          /* 64 bytes; NULL only with the next member set */
    bool report_data_unchecked;          /* for tools that show: a replayed document passes */
    int64_t now_s;                       /* Unix time; certificates are judged at it */
    struct ph_trace *trace;              /* NULL: none; else written whole */
};

/**
 * Decide whether a document proves what the policy asks.
 *
 * Report data: user_data, 1 to 64 bytes followed by zeros up to 64, must equal `report_data`. A
 * document without user_data, or with a longer one, has none. nonce and public_key are claims only.
 *
 * AWS knows no TCB levels: the status is UpToDate when certificates, root and signature hold, else
 * Unknown. A policy with min_tcb_date refuses every document.
 *
 * Debug: AWS zeroes PCR0, PCR1 and PCR2 of an enclave in debug mode. Unless all three are there and
 * none is zero, it counts as debug.
 *
 * @out  always written whole
 *
 * Returns PH_OK              accepted
 *         PH_ERR_UNTRUSTED   refused: see out->step and out->reason
 *         PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT  what ph_nitro_parse returns
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_nitro_verify(const struct ph_nitro_args *args, struct ph_verdict *out);

/**
 * What a document says, unproved:
 * {"kind":"nitro-document","module_id","timestamp_ms","digest","pcrs":{"0":
 * hex},"certificate":{"subject","not_before","not_after"}|null,"cabundle":number,"public_key",
 * "user_data","nonce"}. The last three are hex or null.
 *
 * @failed  as ph_nitro_parse; nothing is appended when refused
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT; what the writer says
 */
PH_CHECKED enum ph_err ph_nitro_json(struct ph_bytes document, struct ph_jput *out, const char *key,
                                     enum ph_check *failed);

#endif
