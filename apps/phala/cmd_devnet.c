/* phala devnet: a chain, contracts and workers on this machine. The script is tools/devnet.mjs of a
 * checkout, which has the contracts' sources and the packages that compile them. */

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const struct ph_opt opts[] = {
    {"once", 0, NULL, "end when the first request was answered"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_common, NULL};

static int run(struct ph_cli *cli)
{
    struct ph_path script;
    char node[] = "node", once[] = "--once";

    if (ph_checkout_find("tools/devnet.mjs", &script) != PH_OK)
        return ph_fail(
            cli, "no-checkout", NULL,
            "clone the source, run sh tools/setup.sh test and meson there, and try again "
            "from inside of it",
            "the development network is made from a checkout of Phala's source");
    char *const argv[] = {node, script.s, ph_opts_has(&cli->opts, "once") ? once : NULL, NULL};
    (void)fflush(NULL);
    (void)execvp(node, argv);
    return ph_fail(cli, "io", "node", "install Node.js 18 or newer",
                   "the development network cannot be started: %s", strerror(errno));
}

const struct ph_cmd ph_cmd_devnet = {
    .name = "devnet",
    .operands = "",
    .summary = "a chain with contracts and workers on this machine",
    .details =
        "Starts anvil, deploys the contracts, starts three workers of three operators with "
        "simulators of two vendors, which register themselves, deploys a phat, and has a contract "
        "ask it. Prints the answer and who signed it as one JSON line, and stays up until Ctrl-C. "
        "INSECURE: simulators prove nothing",
    .tables = tables,
    .run = run,
};
