#ifndef PH_NODE_MEASURED_H
#define PH_NODE_MEASURED_H

/* What this machine's boot was measured as, from a quote of its own: for those who ask what they
 * run beside. Whoever is to believe it asks for a quote.
 *
 * Layer: node. Tests: tests/integration/guest_agent.test.mjs.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum { PH_MEASURED_LEN = 48 };

struct ph_measured {
    bool has_td; /* TDX or the simulator; else all below is zero */
    uint8_t mr_td[PH_MEASURED_LEN], rtmr[4][PH_MEASURED_LEN];
    /* dstack's: SHA-256(MRTD || RTMR0..3), and MRCONFIGID, MROWNER and MROWNERCONFIG behind them if
     * any of these is not zero. */
    uint8_t mr_aggregated[32];
};

/* dstack's mr_system: SHA-256(MRTD || RTMR0..2 || SHA-256(key_provider)). */
void ph_measured_system(const struct ph_measured *m, struct ph_bytes key_provider,
                        uint8_t out[static 32]);
/* Of a quote by Intel's hardware over a TD. PH_ERR_UNSUPPORTED: another kind of quote; *out is then
 * zero. */
PH_CHECKED enum ph_err ph_measured_of(struct ph_bytes quote, struct ph_measured *out);

#endif
