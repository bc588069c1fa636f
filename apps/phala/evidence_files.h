#ifndef PHALA_EVIDENCE_FILES_H
#define PHALA_EVIDENCE_FILES_H

/* Files that `phala evidence` reads: evidence of any kind, bundles, folders of collateral,
 * certificates, manifests, policies. */

#include "attest/intel/collateral_key.h"
#include "attest/ratls.h"

enum {
    /* Everything one judgement can read: evidence, those seven, certificate, chain, list, event
     * log, manifests, OCSP responses. */
    PH_EVIDENCE_BUFS = PH_COLLATERAL_FILES_ALL + 5 + PH_EVIDENCE_RIMS_MAX + PH_EVIDENCE_OCSP_MAX,
};

/* What the command line names; NULL for what it does not. */
struct ph_evidence_sources {
    const char *file;       /* evidence or bundle: bytes, hex digits or base64 */
    const char *collateral; /* folder or bundle */
    const char *cert;       /* SEV-SNP: VCEK or VLEK; NVIDIA: the chain of a raw report */
    const char *chain, *crl;
    const char *rim, *ocsp; /* folders */
    const char *event_log;
};

/* Owns what the views in `evidence` point into. Zero-initialise; clear with
 * ph_evidence_files_clear. */
struct ph_evidence_files {
    struct ph_evidence evidence;
    bool is_bundle;         /* the evidence came with a time and collateral of its own */
    bool has_no_log;        /* a dstack guest's, without a log of all registers */
    struct ph_ratls *ratls; /* the certificate that the evidence came in; NULL: none */
    struct ph_evidence_bundle *bundle, *collateral_bundle;
    struct ph_buf buf[PH_EVIDENCE_BUFS];
    size_t buf_cnt;
};

/* Read evidence, and what it is judged with in place of what it brings. `why` says what could not
 * be read. */
PH_CHECKED enum ph_err ph_evidence_files_load(struct ph_evidence_files *files,
                                              const struct ph_evidence_sources *from,
                                              struct ph_json_why *why);
void ph_evidence_files_clear(struct ph_evidence_files *files);

/* Read a whole file of at most `max` bytes into `out`. PH_ERR_NOT_FOUND, PH_ERR_LIMIT, PH_ERR_IO.
 */
PH_CHECKED enum ph_err ph_evidence_file_read(const char *path, size_t max, struct ph_buf *out,
                                             struct ph_json_why *why);

/* Write evidence with all that it is judged with as one bundle. A raw report of a GPU becomes the
 * JSON that carries it with its chain. Errors as ph_evidence_encode; PH_ERR_IO. */
PH_CHECKED enum ph_err ph_evidence_write_bundle(const struct ph_evidence *evidence, int64_t time_s,
                                                const char *path, struct ph_json_why *why);

#endif
