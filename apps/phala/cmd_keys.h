#ifndef PH_CLI_CMD_KEYS_H
#define PH_CLI_CMD_KEYS_H

/* Parts of `phala keys`. Each yields the exit code, and has told the user what failed. */

#include "owner.h"

/* Unlock the keystore and derive its holder's key. The caller wipes both. */
int ph_holder_unlock(const struct ph_cli *cli, uint8_t secret[static 32],
                     uint8_t public[static 32]);
/* `phala keys restore BACKUP`: give this holder's share to a worker that waits for it. */
int ph_keys_restore(const struct ph_cli *cli, const char *file);

#endif
