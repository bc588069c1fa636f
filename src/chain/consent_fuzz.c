/* Any text as an operator's consent. */

#include "chain/consent.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_consent consent;
    struct ph_json_why why = {""};

    if (ph_consent_parse((struct ph_bytes){data, len}, &consent, &why) == PH_OK)
        assert(consent.kind > 0 && consent.deadline > 0 && consent.sig_len > 0 &&
               consent.sig_len <= PH_CONSENT_SIG_MAX);
    else
        assert(why.text[0]);
    return 0;
}
