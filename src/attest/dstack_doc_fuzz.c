#include "attest/dstack_doc.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    const struct ph_bytes bytes = {data, len};
    struct ph_json_why why;

    (void)ph_dstack_is_doc(bytes);
    if (ph_dstack_doc_open(bytes, &bundle, &why) == PH_OK &&
        ph_evidence_view(bundle)->quote.len == 0)
        __builtin_trap();
    return 0;
}
