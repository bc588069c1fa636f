/* Parsing, showing and judging must not crash; nothing a fuzzer makes is accepted, and what is
 * parsed lies inside the document. */

#include "attest/nitro/nitro.h"
#include "base/own.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    static struct ph_verdict verdict;
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput out = {.out = &json};
    struct ph_nitro_doc doc;
    enum ph_check failed;
    const struct ph_nitro_args args = {
        .document = {data, len},
        .roots = &roots,
        .policy = ph_policy_builtin_hardware(),
        .report_data_unchecked = true,
        .now_s = 1735689600,
    };

    if (ph_nitro_verify(&args, &verdict) == PH_OK || verdict.accepted)
        abort();
    if (ph_nitro_parse(args.document, &doc, &failed) != PH_OK)
        return 0;
    if (doc.certificate.ptr < data || doc.certificate.ptr + doc.certificate.len > data + len ||
        doc.ca_cnt == 0 || doc.ca_cnt > PH_NITRO_CA_MAX || doc.pcrs == 0)
        abort();
    (void)!ph_nitro_json(args.document, &out, NULL, &failed);
    return 0;
}
