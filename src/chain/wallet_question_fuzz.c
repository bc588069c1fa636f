/* Any text as a phat's question to its wallet: what is taken is within its bounds. */

#include "chain/wallet_question.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_wallet_wanted w;
    struct ph_json_why why = {""};

    if (ph_wallet_question_parse((struct ph_bytes){data, len}, &w, &why) != PH_OK)
        return 0;
    assert(w.wish <= PH_WALLET_WAIT && w.data.len <= PH_WALLET_DATA_MAX);
    assert(w.gas <= 1 << 24 && w.key.len <= PH_WALLET_KEY_MAX);
    assert(w.wish == PH_WALLET_SEND || (w.gas == 0 && w.key.len == 0 && w.data.len == 0));
    ph_wallet_wanted_clear(&w);
    return 0;
}
