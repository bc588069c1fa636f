#ifndef PH_CLI_DEPLOYER_H
#define PH_CLI_DEPLOYER_H

/* Sending a bundle, shared by deploy and dev. */

#include "api.h"
#include "bundle.h"

/* @dry_run_path  "/v1/phats" or "/v1/phats?dry_run=1". A refusal is told with positions in the
 * user's files. @answer released by the caller. */
int ph_deploy_send(const struct ph_cli *cli, const struct ph_api *api, const struct ph_owner *owner,
                   const struct ph_target *target, const struct ph_bundle *bundle,
                   uint64_t sequence, const char *path, json_t **answer);
/* Tell the user about a trouble. PH_EXIT_REFUSED. */
int ph_fail_trouble(const struct ph_cli *cli, const struct ph_trouble *trouble);

#endif
