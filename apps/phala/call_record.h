#ifndef PH_CLI_CALL_RECORD_H
#define PH_CLI_CALL_RECORD_H

/* One call, kept whole: what was sent, what came back, the receipt, and the worker's evidence, so
 * that phala verify needs no network. Format "phala-call-v1", docs/cli.md:
 *
 *   {"format":"phala-call-v1","worker":url,"phat":id,
 *    "request":{"method","target","content_type","nonce","body":base64},
 *    "response":{"status","content_type","content_encoding","location","body":base64},
 *    "receipt":{…phala-receipt-v1…},"attestation":{…phala-attestation-v1…}}
 *
 * target is the path and query as the phat saw them; a header that was absent is "". Tests:
 * tests/integration/cli.test.mjs.
 */

#include "api.h"

struct ph_call_sent {
    const struct ph_target *target;
    const char *method, *path, *content_type; /* "" without one */
    char nonce[65];                           /* hex */
    struct ph_bytes body;
};

/* Fetch a call's receipt, waiting for its batch to be signed. @out released by the caller. */
int ph_receipt_fetch(const struct ph_cli *cli, const struct ph_api *api, struct ph_bytes id,
                     json_t **out);
/* Make the record: receipt given, evidence fetched with a fresh nonce. @out released by the caller.
 */
int ph_call_record_make(const struct ph_cli *cli, const struct ph_api *api,
                        const struct ph_call_sent *sent, const struct ph_http_answer *answer,
                        json_t *receipt, json_t **out);

#endif
