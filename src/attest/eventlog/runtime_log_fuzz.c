/* dstack's log: whatever comes in, identity is bound only by a boot that was done. */

#include "attest/eventlog/dstack_mr.h"
#include "attest/eventlog/runtime_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_tdx_body td;
    struct ph_event_claims claims;
    struct ph_event_why why;
    struct ph_dstack_provider provider;
    uint8_t config_id[48] = {2};

    if (ph_runtime_log_replay((struct ph_bytes){data, len}, &claims, &why) != PH_OK)
        return 0;
    if ((claims.has_app_id || claims.has_compose_hash || claims.system_ready) && !claims.boot_done)
        __builtin_trap();
    if (ph_dstack_provider(&claims, &provider) == PH_OK && !claims.has_key_provider)
        __builtin_trap();
    ph_dstack_mrs(&claims, &td);
    if (ph_dstack_config_id_check(&claims, config_id, &why) == PH_OK)
        __builtin_trap(); /* nothing hashes to zero */
    return 0;
}
