#ifndef PHALA_COLLATERAL_FETCH_H
#define PHALA_COLLATERAL_FETCH_H

/* One run of `phala collateral fetch`: each maker's documents are taken from the cache if they
 * still hold, else fetched, checked, and kept. Refusals are told; functions return an exit status.
 *
 * Tests: tests/integration/collateral.test.mjs.
 */

#include "collateral_cache.h"
#include "collateral_check.h"
#include "collateral_http.h"
#include "evidence_needs.h"

struct ph_services {
    const char *pcs, *root_crl, *kds, *rim, *ocsp; /* base URLs; root_crl is whole, or NULL */
    const char *update;                            /* "early" or "standard" */
    const char *ca_file;
    long timeout_s;
};

struct ph_fetch {
    const struct ph_cli *cli;
    struct ph_services services;
    struct ph_check_by by;
    struct ph_cache *cache;      /* NULL: nothing is kept */
    json_t *items;               /* what was got: an array */
    struct ph_evidence evidence; /* what was got goes in here too: views into `kept` */
    struct ph_buf *kept;         /* PH_FETCH_DOCS_MAX of them */
    size_t kept_cnt;
};
enum { PH_FETCH_DOCS_MAX = 16 + PH_EVIDENCE_RIMS_MAX + PH_EVIDENCE_OCSP_MAX };

int ph_fetch_intel(struct ph_fetch *f, const struct ph_collateral_key *key);
int ph_fetch_snp(struct ph_fetch *f, const struct ph_snp_need *need);
int ph_fetch_rim(struct ph_fetch *f, const char *id);
/* For the devices of f->evidence and for the manifests in it. */
int ph_fetch_ocsp(struct ph_fetch *f);

/* Shared by the makers' files: a buffer that lives as long as the run; NULL: too many (told). */
struct ph_buf *ph_fetch_buf(struct ph_fetch *f);
/* Into the cache, if there is one, and the list of items. `source` is "fetched" or "cached". */
int ph_fetch_keep(struct ph_fetch *f, const char *name, struct ph_bytes bytes, const char *from,
                  const char *source, const struct ph_checked *checked);
/* A document that came, but is not what was asked for. */
int ph_fetch_bad(const struct ph_fetch *f, const struct ph_doc_request *request,
                 const struct ph_json_why *why);

#endif
