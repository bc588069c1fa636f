/* Without the tee module nothing can be judged, so no secret is sent. */

#include "secret_args.h"

int ph_worker_check(const struct ph_cli *cli, const struct ph_api *api)
{
    if (ph_opts_has(&cli->opts, "unverified-worker-insecure"))
        return PH_EXIT_OK;
    return ph_fail(cli, "unverified-worker", api->url.value, NULL,
                   "this build cannot judge evidence");
}
