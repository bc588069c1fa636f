/* Any bytes as a transaction: one that is read is written again to the same bytes, so that
 * phala-keyd judges exactly what it signs; and a signed one names its sender or is refused. */

#include "chain/tx.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes input = {data, len};
    struct ph_buf out = PH_BUF(PH_TX_MAX);
    struct ph_eth_address sender;
    struct ph_tx tx;

    if (ph_tx_parse(input, &tx) == PH_OK) {
        assert(ph_tx_encode(&tx, &out) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&out), input));
    }
    (void)!ph_tx_parse_signed(input, &tx, &sender);
    ph_buf_clear(&out);
    return 0;
}
