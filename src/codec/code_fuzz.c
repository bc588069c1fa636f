/* An archive that claims to hold encrypted code; and what an owner may have encrypted, sealed here
 * so that it opens. */
#include "base/own.h"
#include "codec/code.h"

#include <stdlib.h>

static void as_archive(struct ph_bytes input)
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_code code;
    char why[PH_CODE_WHY_LEN];

    if (!tar || ph_tar_parse(input, tar, why) != PH_OK || ph_code_parse(tar, &code, why) != PH_OK)
        return;
    if (!ph_code_is_in(tar) || code.wrapped.len != PH_CODE_WRAPPED_LEN ||
        code.sealed.len + PH_CODE_HEAD_LEN >= input.len)
        abort();
}

static void as_bundle(struct ph_bytes input)
{
    const struct ph_code_input in = {.bundle = input, .manifest = PH_BYTES_LIT("{\"name\":\"t\"}")};
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(input.len + 8192);
    char why[PH_CODE_WHY_LEN];

    if (ph_code_seal(&in, &archive) != PH_OK)
        abort();
    /* No bundle has a hash of zeros. */
    if (ph_code_open(&archive, in.key, &in.phat, &in.bundle_hash, why) == PH_OK ||
        archive.len != input.len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    as_archive((struct ph_bytes){data, len});
    as_bundle((struct ph_bytes){data, len});
    return 0;
}
