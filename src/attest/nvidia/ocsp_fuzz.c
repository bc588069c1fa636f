#include "attest/nvidia/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    struct ph_ocsp o;

    if (ph_ocsp_parse(raw, &o) != PH_OK)
        return 0;
    if (o.single_cnt == 0 || o.single_cnt > PH_OCSP_SINGLES_MAX)
        __builtin_trap();
    if (o.has_responder) {
        const struct ph_ocsp_single *s = ph_ocsp_find(&o, &o.responder, &o.responder);
        if (s && s->hash_len != 32 && s->hash_len != 48)
            __builtin_trap();
        const struct ph_ocsp_facts f = ph_ocsp_judge(&o, &o.responder);
        if (f.not_before_s > f.not_after_s)
            __builtin_trap();
    }
    return 0;
}
