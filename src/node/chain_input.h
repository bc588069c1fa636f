#ifndef PH_NODE_CHAIN_INPUT_H
#define PH_NODE_CHAIN_INPUT_H

/* Inputs of requests that are not in their events (PhatAnchor.requestBlob): the request names the
 * keccak-256 of its input, and places that the operator names are asked for it, one after the
 * other: GET <place>/0x<hash>. What comes is judged by its hash, so a place can withhold an input
 * and do nothing else.
 *
 * Layer: node. Tests: tests/integration/chain_input.test.mjs.
 */

#include "base/ids.h"
#include "node/loop.h"

enum {
    PH_CHAIN_INPUT_PLACES_MAX = 4,
    PH_CHAIN_INPUT_FETCHES_MAX = 16, /* inputs that are looked for at a time */
    PH_CHAIN_INPUT_TIMEOUT_MS = 10000,
    PH_CHAIN_INPUT_WHY_LEN = 256,
};

struct ph_chain_inputs;

/* `urls`: 1 to PH_CHAIN_INPUT_PLACES_MAX, http or https, without a query; borrowed for the call.
 * PH_ERR_MALFORMED: one is none, see why. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_inputs_new(struct ph_loop *loop, const char *const *urls,
                                           size_t url_cnt, struct ph_chain_inputs **out,
                                           char why[static PH_CHAIN_INPUT_WHY_LEN]);
/* What is looked for is dropped without a word. NULL is fine. */
void ph_chain_inputs_free(struct ph_chain_inputs *inputs);
/**
 * Look for the bytes of this keccak-256, at most `max` of them.
 *
 * @got     called once, later: what was found, a view for the time of the call; NULL: nowhere
 *
 * Returns PH_ERR_AGAIN  as many as may be are looked for already
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_chain_inputs_get(struct ph_chain_inputs *inputs,
                                           const struct ph_hash32 *hash, size_t max,
                                           void (*got)(void *ctx, const struct ph_bytes *input),
                                           void *ctx);

#endif
