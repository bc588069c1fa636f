#include "node/own_evidence.h"

#include "attest/evidence_bundle.h"
#include "base/log.h"
#include "base/own.h"
#include "node/collateral_dir.h"
#include "tee/quote.h"

#include <stdio.h>

enum ph_err ph_own_evidence(const struct ph_node *node, const uint8_t report_data[static 64],
                            int64_t now_s, struct ph_buf *out, char why[static 256])
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    struct ph_json_why where = {""};

    /* The simulator knows its own. */
    if (ph_tee_is_simulator(node->tee) || !node->config->collateral_dir)
        return ph_tee_evidence(node->tee, report_data, now_s, out, why);
    PH_TRY(ph_tee_quote(node->tee, report_data, &quote, why));
    if (ph_collateral_dir_bundle(node->config->collateral_dir, ph_buf_view(&quote), now_s, out,
                                 &where) == PH_OK)
        return PH_OK;
    ph_log(PH_LOG_WARN, "evidence goes without collateral: run phala collateral fetch", "why",
           where.text, NULL);
    const struct ph_evidence alone = {.quote = ph_buf_view(&quote), .time_s = now_s};
    (void)snprintf(why, 256, "the evidence bundle cannot be written");
    return ph_evidence_encode(&alone, out);
}
