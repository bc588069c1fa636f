/* phala: the CLI for builders, operators and verifiers. This file picks the command. */

#include "cli.h"

#include "crypto/init.h"

#include <signal.h>
#include <stdio.h>

const struct ph_cmd_entry ph_cmd_entries[] = {
    {"init", "start a project from a template", &ph_cmd_init, NULL},
    {"dev", "serve a phat locally, reload on save", &ph_cmd_dev, NULL},
    {"deploy", "create or update a phat on a worker", &ph_cmd_deploy, NULL},
    {"call", "send a request to a phat, keep its receipt", &ph_cmd_call, NULL},
    {"logs", "show what a phat printed", &ph_cmd_logs, NULL},
    {"list", "list your phats on a worker", &ph_cmd_list, NULL},
    {"delete", "delete a phat", &ph_cmd_delete, NULL},
    {"secrets", "set the secrets of a phat", &ph_cmd_secrets, NULL},
    {"state", "take a phat's state away, bring it back", &ph_cmd_state, NULL},
    {"verify", "check a receipt and the evidence under it, offline", NULL, ph_cmd_verify},
    {"evidence", "look into and judge TEE evidence", &ph_cmd_evidence, ph_cmd_evidence_run},
    {"collateral", "fetch what evidence is judged with", &ph_cmd_collateral, NULL},
    {"key", "make, import or show an owner's key", &ph_cmd_key, NULL},
    {"keys", "rotate, back up or restore a cluster's keys", &ph_cmd_keys, NULL},
    {"worker", "a worker's place in a chain's registry", &ph_cmd_worker, NULL},
    {"devnet", "a chain with contracts and workers on this machine", &ph_cmd_devnet, NULL},
    {"completion", "print a completion script for a shell", &ph_cmd_completion, NULL},
    {0},
};

static void help(FILE *to)
{
    fprintf(to, "usage: phala COMMAND [options]\n\n"
                "Deploy JavaScript into TEEs, call it, and verify what it answers.\n\ncommands:\n");
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++)
        fprintf(to, "  %-12s %s\n", e->name, e->summary);
    fprintf(to, "  %-12s %s\n  %-12s %s\n", "help", "print this, or the help of a command",
            "version", "print the version");
    fprintf(to, "\nphala COMMAND --help tells more. Every command takes --json.\n"
                "Exit codes: 0 ok, 1 refused or failed, 2 wrong usage.\n");
}

static int version(bool json)
{
    if (json)
        return ph_print_json(json_pack("{s:s}", "version", PH_VERSION));
    printf("phala %s\n", PH_VERSION);
    return PH_EXIT_OK;
}

static int dispatch(const char *name, int argc, char **argv)
{
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++)
        if (strcmp(name, e->name) == 0)
            return e->own != NULL ? e->own(argc, argv) : ph_cmd_run(e->cmd, argc, argv);
    fprintf(stderr,
            "phala: there is no command \"%.60s\"\n  do:    phala help lists the commands\n", name);
    return PH_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a closed connection or pager is an error to report */
    ph_crypto_init();
    const char *name = argc > 1 ? argv[1] : "";
    if (name[0] == '\0') {
        help(stderr);
        return PH_EXIT_USAGE;
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0)
        return version(argc > 2 && strcmp(argv[2], "--json") == 0);
    bool asks_help =
        strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (asks_help && argc <= 2) {
        help(stdout);
        return PH_EXIT_OK;
    }
    if (asks_help) {
        char flag[] = "--help", *line[] = {argv[2], flag, NULL};
        return dispatch(argv[2], 2, line);
    }
    return dispatch(name, argc - 1, argv + 1);
}
