#ifndef PH_NODE_GUEST_PARAMS_H
#define PH_NODE_GUEST_PARAMS_H

/* Parameters of a call to the guest agent: the JSON object of a POST, or the query of a GET.
 *
 * Layer: node. Pure. Tests: tests/integration/guest_agent.test.mjs. Fuzz: guest_params_fuzz.c.
 */

#include "codec/json.h"

enum { PH_GUEST_BODY_MAX = 160 * 1024, PH_GUEST_PARAMS_MAX = 32 };

/* A JSON object; an empty body is one without members. PH_ERR_MALFORMED, PH_ERR_LIMIT: `why` says
 * it. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_guest_params_body(struct ph_bytes body, json_t **out,
                                            struct ph_json_why *why);
/* "a=1&b=x%20y" as an object of strings, + and %20 a space; a name given twice is refused. Errors
 * likewise. */
PH_CHECKED enum ph_err ph_guest_params_query(struct ph_bytes query, json_t **out,
                                             struct ph_json_why *why);
/* Bytes from a hex member, absent: none. `out` has room for max bytes. PH_ERR_MALFORMED: no string
 * of hex digits, or more than `max` bytes. */
PH_CHECKED enum ph_err ph_guest_params_hex(const json_t *params, const char *key, size_t max,
                                           uint8_t *out, size_t *len, struct ph_json_why *why);

#endif
