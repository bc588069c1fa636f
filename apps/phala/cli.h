#ifndef PH_CLI_CLI_H
#define PH_CLI_CLI_H

/* What every command of the CLI shares: its place in the command table, its parsed options, exit
 * codes, and the one form in which a refusal is told: what, where, what to do; as JSON with --json.
 */

#include "files.h"
#include "opts.h"

#include "codec/json.h"

enum ph_exit {
    PH_EXIT_OK = 0,
    PH_EXIT_REFUSED = 1, /* refused, failed, or a check did not hold */
    PH_EXIT_USAGE = 2,   /* the command line itself is wrong */
};

struct ph_cmd;

/* One run of one command. */
struct ph_cli {
    const struct ph_cmd *cmd;
    bool json;
    struct ph_opts opts;
};

/* One command. `tables` is ended by NULL; operands are counted here so that no command has to. */
struct ph_cmd {
    const char *name;
    const char *operands; /* usage text: "NAME [PATH]" */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs of --help; may be "" */
    const struct ph_opt *const *tables;
    size_t operand_min, operand_max;
    int (*run)(struct ph_cli *cli); /* an enum ph_exit */
};

/* Options that many commands have. */
extern const struct ph_opt ph_opts_common[]; /* --json, --help */
extern const struct ph_opt ph_opts_worker[]; /* --worker, --ca */
extern const struct ph_opt ph_opts_key[];    /* --key, --password-file */

/* Parse, answer --help, count operands, run. */
int ph_cmd_run(const struct ph_cmd *cmd, int argc, char **argv);
void ph_cmd_help(const struct ph_cmd *cmd);

/**
 * Tell the user about a refusal, on standard error, or with --json as
 * {"ok":false,"error":{"code","message","where","do"}} on standard output.
 *
 * @code   stable and lower-case: "bad-manifest"
 * @where  file, URL or option concerned; NULL if the message says it all
 * @todo   what to do about it; NULL if that is plain
 * Returns PH_EXIT_REFUSED
 */
int ph_fail(const struct ph_cli *cli, const char *code, const char *where, const char *todo,
            const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A wrong command line. Returns PH_EXIT_USAGE. */
int ph_fail_usage(const struct ph_cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Print a JSON document as one line on standard output; releases it. Returns PH_EXIT_OK. */
int ph_print_json(json_t *doc);

/* Commands in files of their own. */
extern const struct ph_cmd ph_cmd_init, ph_cmd_dev, ph_cmd_deploy, ph_cmd_call, ph_cmd_logs,
    ph_cmd_list, ph_cmd_delete, ph_cmd_secrets, ph_cmd_key, ph_cmd_completion, ph_cmd_evidence,
    ph_cmd_collateral, ph_cmd_keys, ph_cmd_state, ph_cmd_worker, ph_cmd_devnet;
/* Commands that parse their own line: argv[0] is the command's name; they answer --help. */
int ph_cmd_verify(int argc, char **argv);
int ph_cmd_evidence_run(int argc, char **argv);

/* Every command, in the order of the help text, ended by a NULL name. */
struct ph_cmd_entry {
    const char *name, *summary;
    const struct ph_cmd *cmd;          /* NULL: no options are known to completion */
    int (*own)(int argc, char **argv); /* NULL: `cmd` is run */
};
extern const struct ph_cmd_entry ph_cmd_entries[];

#endif
