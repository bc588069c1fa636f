#ifndef PH_NODE_KEYD_MARKS_H
#define PH_NODE_KEYD_MARKS_H

/* What phala-keyd holds storage against, as phalad carries it: sealed pages, to and from other
 * workers of the cluster, and to this worker's disk. docs/keys.md.
 *
 * A place is where a page begins or ends. Errors as in keyd_client.h. Layer: node. Tests:
 * tests/integration/marks.test.mjs.
 */

#include "node/keyd_client.h"

struct ph_marks_place {
    uint8_t b[PH_MARKS_PLACE_LEN];
    size_t len; /* 0: the beginning */
};

/* A question for another worker; an earlier one is forgotten. */
PH_CHECKED enum ph_err ph_keyd_marks_ask(struct ph_keyd_client *client,
                                         uint8_t request[static PH_MARKS_REQUEST_LEN],
                                         char why[static PH_KEYD_WHY_LEN]);
/* Another worker asked: append the page after `after`. PH_ERR_UNTRUSTED: no worker of this cluster
 * asked that. */
PH_CHECKED enum ph_err ph_keyd_marks_give(struct ph_keyd_client *client, struct ph_bytes request,
                                          struct ph_bytes after, struct ph_buf *page,
                                          char why[static PH_KEYD_WHY_LEN]);
/* A page of the answer, in order. `next` is where the one after it begins; `forked` gets a sentence
 * about a state whose history is forked, or is empty. PH_ERR_UNTRUSTED: none of the answer.
 * PH_ERR_CONFLICT: nothing was asked for. */
PH_CHECKED enum ph_err ph_keyd_marks_take(struct ph_keyd_client *client, struct ph_bytes page,
                                          bool *last, struct ph_marks_place *next,
                                          char forked[static PH_KEYD_WHY_LEN],
                                          char why[static PH_KEYD_WHY_LEN]);
/* A page for the disk, appended; `at`, the beginning at first, becomes where it ends.
 * PH_ERR_NOT_FOUND: there is nothing that the disk does not have. */
PH_CHECKED enum ph_err ph_keyd_marks_save(struct ph_keyd_client *client, struct ph_marks_place *at,
                                          bool *last, struct ph_buf *page,
                                          char why[static PH_KEYD_WHY_LEN]);
/* All pages since the beginning are stored durably; `state` gets what the state file is to hold
 * from now on, or nothing. On the event loop, once it runs. */
PH_CHECKED enum ph_err ph_keyd_marks_saved(struct ph_keyd_client *client, struct ph_buf *state,
                                           char why[static PH_KEYD_WHY_LEN]);

#endif
