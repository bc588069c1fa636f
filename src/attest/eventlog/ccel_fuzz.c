/* A firmware log: whatever comes in, the iterator and the replay agree on where it is good, and an
 * accepted log replays to registers that its own events give. */

#include "attest/eventlog/ccel.h"
#include "attest/eventlog/tcg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes log = {data, len};
    struct ph_event_claims claims;
    struct ph_event_why why;
    struct ph_ccel it;
    struct ph_ccel_event e;
    struct ph_aael_entry entry;
    struct ph_rtmrs rtmrs = {0};
    enum ph_err err = PH_ERR_MALFORMED;

    if (ph_ccel_open(log, &it, &why) == PH_OK) {
        while ((err = ph_ccel_next(&it, &e, &why)) == PH_OK) {
            if (ph_aael_parse(e.data, &entry) == PH_OK && entry.domain.len == 0)
                __builtin_trap();
            if (e.type != PH_TCG_EV_NO_ACTION && e.mr > 0)
                ph_rtmrs_extend(&rtmrs, e.mr - 1, e.digest);
        }
    }
    if (ph_ccel_replay(log, &claims, &why) == PH_OK &&
        (err != PH_ERR_CLOSED || memcmp(&claims.rtmrs, &rtmrs, sizeof(rtmrs)) != 0))
        __builtin_trap();
    return 0;
}
