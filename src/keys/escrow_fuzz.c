/* Backups from outside: never more than an error, and views that lie in the input. */
#include "keys/escrow.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[32] = {1};
    struct ph_escrow backup;
    struct ph_shamir_share share;
    char why[PH_ESCROW_WHY];

    if (ph_escrow_parse((struct ph_bytes){data, len}, &backup) != PH_OK)
        return 0;
    if (backup.keys.ptr < data || backup.shares.ptr + backup.shares.len > data + len)
        abort();
    (void)!ph_escrow_open_share(&backup, secret, &share);
    (void)!ph_escrow_take(&backup, secret, backup.shares, &share, why);
    return 0;
}
