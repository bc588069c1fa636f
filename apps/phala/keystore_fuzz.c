/* Any bytes as a keystore file. The password-free part is the whole parser: the key derivation that
 * follows takes only bounded numbers and fixed-length fields, and would cost a second per input. */

#include "keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_eth_address address;
    struct ph_keystore_why why = {0};
    enum ph_err err = ph_keystore_address((struct ph_bytes){data, size}, &address, &why);
    if ((err == PH_OK) != (why.text[0] == '\0'))
        __builtin_trap(); /* every refusal says why, and nothing else does */
    return 0;
}
