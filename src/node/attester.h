#ifndef PH_NODE_ATTESTER_H
#define PH_NODE_ATTESTER_H

/* Makes attestation documents on a thread of its own: a hardware quote may take a second, in which
 * calls go on.
 *
 * Layer: node. Tests: attester_test.c, tests/integration/attestation.test.mjs.
 */

#include "node/node.h"

struct ph_attester;

/* One wish; the storage is the asker's, until `done` or ph_attester_forget. */
struct ph_attest_wish {
    uint8_t nonce[32];       /* of an attestation document */
    bool bare;               /* evidence over `report_data` instead of a document */
    bool quote;              /* the quote alone over `report_data` */
    uint8_t report_data[64]; /* of bare evidence and of a quote */
    void (*done)(void *ctx, enum ph_err err, struct ph_bytes document, const char *why);
    void *ctx;
    struct ph_attest_wish *next;
    bool queued;
};

/* Borrows node and its tee. */
PH_CHECKED enum ph_err ph_attester_new(struct ph_node *node, struct ph_attester **out);
void ph_attester_free(struct ph_attester *attester);
/* PH_ERR_LIMIT: too many are waiting. `done` is called from the event loop, never from inside this
 * call. */
PH_CHECKED enum ph_err ph_attester_ask(struct ph_attester *attester, struct ph_attest_wish *wish);
void ph_attester_forget(struct ph_attester *attester, struct ph_attest_wish *wish);

#endif
