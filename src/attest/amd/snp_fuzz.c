/* A report with its certificate table: whatever comes in, the views lie inside it. */

#include "attest/amd/snp.h"
#include "attest/amd/snp_report.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    struct ph_snp_evidence e;
    uint8_t report_data[PH_REPORT_DATA_LEN];
    enum ph_check check;

    if (ph_snp_report_parse(raw, &e, &check) != PH_OK)
        return 0;
    for (size_t i = 0; i < PH_SNP_TABLE_CNT; i++) {
        if (e.cert[i].len > 0 &&
            (e.cert[i].ptr < data || e.cert[i].ptr + e.cert[i].len > data + len))
            __builtin_trap();
    }
    if (!ph_snp_is_report(raw) || ph_snp_peek_report_data(raw, report_data) != PH_OK ||
        ph_snp_json(raw, &j, NULL, &check) != PH_OK || ph_jput_end(&j) != PH_OK)
        __builtin_trap();
    return 0;
}
