#ifndef PHALA_COLLATERAL_HTTP_H
#define PHALA_COLLATERAL_HTTP_H

/* One document from a vendor's service. TLS is verified, redirects are refused, size and time are
 * bounded. What comes back is bytes: collateral_check.h says whether they are any good.
 *
 * Tests: tests/integration/collateral.test.mjs, collateral_http_fuzz.c.
 */

#include "cli.h"
#include "http_call.h"

enum { PH_COLLATERAL_URL_MAX = 2048, PH_COLLATERAL_DOC_MAX = 1 << 20 };

/* What the content type of an answer must be. */
enum ph_doc_type {
    PH_DOC_ANY,
    PH_DOC_JSON, /* application/json, or one with +json */
    PH_DOC_DER,  /* neither JSON nor HTML */
    PH_DOC_OCSP, /* application/ocsp-response */
};

struct ph_doc_request {
    const char *what; /* "the TCB info of FMSPC …" */
    char url[PH_COLLATERAL_URL_MAX];
    enum ph_doc_type type;
    struct ph_bytes body; /* of an OCSP request; empty: GET */
    const char *ca_file;  /* NULL: none besides the system's */
    long timeout_s;
};

/* False: no https URL, nor http to anywhere. */
bool ph_collateral_url_ok(const char *url);

/* 0, or the exit status of a refusal that was told. `out` is initialised with PH_HTTP_ANSWER and a
 * limit on its body, which this sets. */
int ph_doc_fetch(const struct ph_cli *cli, const struct ph_doc_request *request,
                 struct ph_http_answer *out);
/* Append URL-encoded text, decoded: RFC 3986 §2.1; a plus sign is itself, for base64 has them.
 * PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_url_decode(struct ph_bytes text, struct ph_buf *out);
/* Append a URL-encoded header's text. Told when absent or malformed. */
int ph_doc_chain(const struct ph_cli *cli, const struct ph_doc_request *request,
                 const struct ph_http_answer *answer, const char *name, struct ph_buf *out);

#endif
