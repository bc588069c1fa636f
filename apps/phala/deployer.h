#ifndef PH_CLI_DEPLOYER_H
#define PH_CLI_DEPLOYER_H

/* Sending a bundle, shared by deploy and dev; and encrypting it. */

#include "api.h"
#include "bundle.h"

/* @archive  bundle->tar, or what it was encrypted to
 * @path     "/v1/phats" or "/v1/phats?dry_run=1"
 * A refusal is told with positions in the
 * user's files. @answer released by the caller. */
int ph_deploy_send(const struct ph_cli *cli, const struct ph_api *api, const struct ph_owner *owner,
                   const struct ph_target *target, const struct ph_bundle *bundle,
                   struct ph_bytes archive, uint64_t sequence, const char *path, json_t **answer);
/* Encrypt the bundle to the worker's cluster, which the caller has judged (ph_worker_check), under
 * a key that nobody else ever has; `out` is sent in place of bundle->tar. */
int ph_deploy_encrypt(const struct ph_cli *cli, const struct ph_api *api,
                      const struct ph_owner *owner, const char *name,
                      const struct ph_bundle *bundle, struct ph_buf *out);
/* Tell the user about a trouble. PH_EXIT_REFUSED. */
int ph_fail_trouble(const struct ph_cli *cli, const struct ph_trouble *trouble);

#endif
