/* Signed acts as JSON: what is taken is written and taken again, the same. */
#include "base/own.h"
#include "keys/key_act.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEY_ACT_JSON_MAX);
    struct ph_key_act_signed act, again;
    char why[PH_KEY_ACT_WHY];

    if (ph_key_act_from_json((struct ph_bytes){data, len}, &act, why) != PH_OK)
        return 0;
    if (ph_key_act_to_json(&act, &text) != PH_OK ||
        ph_key_act_from_json(ph_buf_view(&text), &again, why) != PH_OK ||
        again.raw_len != act.raw_len || memcmp(act.raw, again.raw, act.raw_len) != 0 ||
        again.sig_cnt != act.sig_cnt || memcmp(act.sig, again.sig, sizeof(act.sig)) != 0 ||
        again.expires != act.expires)
        abort();
    return 0;
}
