#ifndef PH_ATTEST_INTEL_TCB_DOCS_PRIV_H
#define PH_ATTEST_INTEL_TCB_DOCS_PRIV_H

/* Readers shared by tcb_info.c and enclave_identity.c. */

#include "attest/intel/tcb_docs.h"
#include "codec/jscan.h"

/* A scanned document and where to say what is wrong with it. */
struct ph_doc {
    struct ph_jdoc json;
    struct ph_jtok *toks; /* owned */
    struct ph_json_why *why;
};

/* Scan `text`, find the body under `body_key` and the signature; hash the body's exact bytes. */
PH_CHECKED enum ph_err ph_doc_open(struct ph_doc *doc, struct ph_bytes text, const char *body_key,
                                   uint32_t *body, uint8_t digest[static 32],
                                   uint8_t sig[static 64], struct ph_json_why *why);
void ph_doc_close(struct ph_doc *doc);

/* Say what is wrong: yields PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_doc_bad(struct ph_doc *doc, const char *key, const char *what);

/* Likewise: yields PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_doc_too_many(struct ph_doc *doc, const char *key);

/* Required members of an object. */
PH_CHECKED enum ph_err ph_doc_member(struct ph_doc *doc, uint32_t obj, const char *key,
                                     enum ph_jtype type, uint32_t *tok);
PH_CHECKED enum ph_err ph_doc_int(struct ph_doc *doc, uint32_t obj, const char *key, uint64_t max,
                                  uint64_t *out);
PH_CHECKED enum ph_err ph_doc_hex(struct ph_doc *doc, uint32_t obj, const char *key, uint8_t *out,
                                  size_t len);
PH_CHECKED enum ph_err ph_doc_time(struct ph_doc *doc, uint32_t obj, const char *key,
                                   int64_t *out_s);
PH_CHECKED enum ph_err ph_doc_str(struct ph_doc *doc, uint32_t obj, const char *key,
                                  struct ph_bytes *out);
/* issueDate before nextUpdate, and nothing else. */
PH_CHECKED enum ph_err ph_doc_window(struct ph_doc *doc, uint32_t obj, int64_t *issue_s,
                                     int64_t *next_s);

/* tcbStatus, tcbDate and advisoryIDs of one level. */
PH_CHECKED enum ph_err ph_doc_level(struct ph_doc *doc, uint32_t level,
                                    struct ph_advisory_pool *pool, enum ph_tcb_status *status,
                                    int64_t *date_s, struct ph_advisory_range *advisories);
/* The tcbLevels of a module or enclave. */
PH_CHECKED enum ph_err ph_doc_isv_levels(struct ph_doc *doc, uint32_t obj,
                                         struct ph_advisory_pool *pool, struct ph_isv_levels *out);

#endif
