#ifndef PH_ATTEST_DSTACK_BLOB_H
#define PH_ATTEST_DSTACK_BLOB_H

/* The binary "attestation" of a dstack guest: a quote, its event log and the guest's own words, in
 * SCALE (the first byte is 0) or in msgpack (a map, {"version":1,"platform","stack"}).
 *
 * Read are the evidence of TDX, SEV-SNP and Nitro Enclaves. Evidence that only a TPM's quote makes
 * whole (TDX on Google's cloud, EC2's NitroTPM) is refused: nobody here judges TPM quotes. The
 * guest's own words (report data, runtime events) are read past: what of them is true, quote and
 * log say too.
 *
 * Layer: attest. Pure. Spec: dstack's dstack-attest (attestation.rs, v1.rs, amd_sev_snp.rs) and
 * cc-eventlog; SCALE codec; msgpack specification. Tests: dstack_doc_test.c, dstack_certs_test.c,
 * dstack_doc_fuzz.c.
 */

#include "attest/evidence_bundle.h"

enum {
    PH_DSTACK_BLOB_MAX = 1024 * 1024,
    PH_DSTACK_CERTS_MAX = 8, /* blobs of a SEV-SNP chain */
};

/* What a document says. Views point into it, or into the buffers. */
struct ph_dstack_blob {
    enum ph_evidence_kind kind; /* INTEL, SNP or NITRO */
    struct ph_bytes quote;
    struct ph_buf log;         /* JSON as attest/eventlog/runtime_log.h reads it; empty: none */
    bool log_whole;            /* it has events of every register */
    bool log_rtmr3;            /* it has events of RTMR3, and perhaps some of others */
    struct ph_bytes mr_config; /* of a SEV-SNP guest: the document that HOST_DATA names, or empty */
    struct ph_bytes cert[PH_DSTACK_CERTS_MAX]; /* of a SEV-SNP guest: beside its report, as sent */
    size_t cert_cnt;
    struct ph_bytes config;  /* what the host said of the machine, JSON text; may be empty */
    struct ph_buf own_quote; /* where `quote` could not be a view; and so below */
    struct ph_buf own_cert[PH_DSTACK_CERTS_MAX];
};

/* True if bytes may be one: they may still be refused. */
bool ph_dstack_is_blob(struct ph_bytes bytes);

/**
 * Take a document apart.
 *
 * @bytes  untrusted; must outlive *out
 * @out    written whole on PH_OK: clear with ph_dstack_blob_clear; else untouched
 * @why    written when refused
 *
 * Returns PH_ERR_MALFORMED    breaks its format, or something follows
 *         PH_ERR_UNSUPPORTED  another version, or evidence of a kind that is not judged here
 *         PH_ERR_LIMIT        longer than PH_DSTACK_BLOB_MAX, or a part is longer than its limit
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_dstack_blob_open(struct ph_bytes bytes, struct ph_dstack_blob *out,
                                           struct ph_json_why *why);
void ph_dstack_blob_clear(struct ph_dstack_blob *blob);

/* A report, and the certificates beside it where a judgement looks for them. The caller clears it.
 */
struct ph_dstack_certs {
    struct ph_buf report; /* perhaps with a certificate table behind it */
    struct ph_buf vek;    /* DER; or empty */
    struct ph_buf chain;  /* PEM: ASK, then ARK; or empty */
};

/**
 * Sort what came beside the report of a SEV-SNP guest: the table that the kernel hands out, alone;
 * or certificates, PEM or DER, in any order: VCEK or VLEK, and perhaps its ASK, or ASK and ARK.
 * Nobody vouches for them: each is taken for what it says that it is, and the judgement proves it
 * or refuses. An ASK without an ARK is left out, since AMD's own stand in for both.
 *
 * @out  empty buffers; on failure they hold what was read until then
 *
 * Returns PH_ERR_MALFORMED    no certificate; or two for the same thing
 *         PH_ERR_UNSUPPORTED  a certificate outside AMD's profile
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_dstack_certs_sort(const struct ph_dstack_blob *blob,
                                            struct ph_dstack_certs *out);

#endif
