#ifndef PH_CLI_CALL_PRIVATE_H
#define PH_CLI_CALL_PRIVATE_H

/* A call inside an envelope that only an attested worker can open: Oblivious HTTP
 * (docs/private-calls.md). Whoever carries it (a load balancer, a relay) sees sizes and times.
 *
 * Tests: tests/integration/private_cli.test.mjs.
 */

#include "api.h"

/**
 * Verify the worker's evidence by the policy that the user names, then send the call to the key
 * that it binds. Nothing is encrypted before; there is no option to go on without. A worker whose
 * clock is another is asked once more, by its clock.
 *
 * @call  as for ph_api_do; the worker's name is not inside, only the path
 * @out   initialised with PH_HTTP_ANSWER: the answer inside
 */
int ph_call_private(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_api_call *call, struct ph_http_answer *out);

#endif
