#include "attest/intel/quote.h"
#include "attest/verdict_json.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    uint8_t report_data[PH_REPORT_DATA_LEN];
    enum ph_check check;

    if (ph_quote_json(raw, &j, NULL, &check) == PH_OK &&
        ph_quote_peek_report_data(raw, report_data) != PH_OK)
        __builtin_trap();
    return 0;
}
