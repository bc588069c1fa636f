/* Whatever parses encodes to a document that parses to the same. */
#include "base/own.h"
#include "tee/attestation_doc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_attestation_doc doc, again;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);
    char why[128];

    if (ph_attestation_doc_parse((struct ph_bytes){data, len}, &doc, why) != PH_OK ||
        ph_attestation_doc_encode(&doc, &text) != PH_OK)
        return 0;
    if (ph_attestation_doc_parse(ph_buf_view(&text), &again, why) != PH_OK ||
        !ph_bytes_equal(doc.evidence, again.evidence) ||
        memcmp(doc.nonce, again.nonce, sizeof(again.nonce)) != 0)
        abort();
    return 0;
}
