/* Documents of a guest's configuration: whatever comes in, only the register that names it takes
 * it, and it can be shown. */

#include "attest/eventlog/dstack_config.h"

#include "codec/jput.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_event_claims nothing;
    static const uint8_t id[48] = {3};
    const struct ph_bytes document = {data, len};
    struct ph_buf text = PH_BUF(65536);
    struct ph_jput put = {.out = &text};
    struct ph_dstack_config c;
    struct ph_event_why why;

    if (ph_dstack_config_check(&nothing, id, document, &c, &why) == PH_OK)
        __builtin_trap(); /* nothing hashes to zero */
    if (ph_dstack_config_parse(document, &c) == PH_OK) {
        ph_dstack_config_json(&c, &put, NULL);
        if (ph_jput_end(&put) != PH_OK)
            __builtin_trap();
    }
    ph_buf_clear(&text);
    return 0;
}
