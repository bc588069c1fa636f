#ifndef PH_NODE_MARKS_H
#define PH_NODE_MARKS_H

/* What phala-keyd holds storage against, the newest commits and secrets that are known, outlives a
 * restart and comes from other workers: this stores it beside the state file, a few seconds after
 * it changed and when the worker stops, and carries it between workers. docs/keys.md.
 *
 * Layer: node. Tests: tests/integration/marks.test.mjs.
 */

#include "http/bound.h"
#include "http/server.h"
#include "node/node.h"

struct ph_marks_keeper;

/* Begin storing. PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_marks_open(struct ph_node *node);
/* Store what is not stored yet, and end. After the states were closed. */
void ph_marks_close(struct ph_node *node);
/* Store now, and then the state file if it is to say so. Blocks; before the loop runs. PH_ERR_IO;
 * those of ph_keyd_marks_save but PH_ERR_NOT_FOUND. */
PH_CHECKED enum ph_err ph_marks_store(struct ph_node *node, char why[static 256]);

/**
 * Ask the worker at the other end of `bound` what it knows, and have phala-keyd take it. Any
 * thread; blocks.
 *
 * @page_cnt  how many pages that was
 * @why       written when refused
 *
 * Returns PH_ERR_UNTRUSTED    it said no, or what it sent is not of a worker of this cluster
 *         PH_ERR_MALFORMED, PH_ERR_IO, PH_ERR_LIMIT; those of phala-keyd
 */
PH_CHECKED enum ph_err ph_marks_take(struct ph_keyd_client *keyd, struct ph_http_bound *bound,
                                     size_t *page_cnt, char why[static 256]);

void ph_api_cluster_marks(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
