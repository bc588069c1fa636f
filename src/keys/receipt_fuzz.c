/* Whatever parses as a receipt encodes to JSON that parses to the same receipt. */
#include "base/own.h"
#include "keys/receipt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_receipt receipt, again;
    struct ph_eth_address signer;
    char why[128];

    if (ph_receipt_from_json((struct ph_bytes){data, len}, &receipt, why) != PH_OK)
        return 0;
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    if (ph_receipt_to_json(&receipt, &json) != PH_OK ||
        ph_receipt_from_json(ph_buf_view(&json), &again, why) != PH_OK ||
        memcmp(receipt.leaf.raw, again.leaf.raw, sizeof(again.leaf.raw)) != 0 ||
        receipt.path_len != again.path_len || memcmp(receipt.sig, again.sig, 65) != 0)
        abort();
    if (ph_receipt_check(&receipt, &signer) != PH_OK)
        return 0;
    return 0;
}
