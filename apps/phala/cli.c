#include "cli.h"

#include "base/own.h"
#include "printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct ph_opt ph_opts_common[] = {
    {"json", 0, NULL, "print one JSON document instead of text"},
    {"help", 'h', NULL, "print this help"},
    {0},
};
const struct ph_opt ph_opts_worker[] = {
    {"worker", 'w', "URL", "worker to talk to (else PHALA_WORKER, else \"worker\" in config.json)"},
    {"ca", 0, "FILE", "PEM file of a certificate authority to trust besides the system's"},
    {0},
};
const struct ph_opt ph_opts_key[] = {
    {"key", 'k', "FILE", "keystore with the owner's key (else PHALA_KEYSTORE, else config.json)"},
    {"password-file", 0, "FILE",
     "file whose first line opens the keystore (else PHALA_PASSWORD_FILE, else a prompt)"},
    {0},
};

static void help_tables(const struct ph_opt *const *tables)
{
    for (; *tables != NULL; tables++) {
        for (const struct ph_opt *o = *tables; o->name != NULL; o++) {
            char left[64], letter[8] = "    ";
            if (o->letter != 0)
                (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
            (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
                           o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
            printf("  %-30s %s\n", left, o->help);
        }
    }
}

void ph_cmd_help(const struct ph_cmd *cmd)
{
    printf("usage: phala %s [options]%s%s\n\n%s.\n", cmd->name, cmd->operands[0] != '\0' ? " " : "",
           cmd->operands, cmd->summary);
    if (cmd->details[0] != '\0')
        printf("\n%s\n", cmd->details);
    printf("\noptions:\n");
    help_tables(cmd->tables);
    printf("\nexit codes: 0 ok, 1 refused or failed, 2 wrong usage\n");
}

int ph_cmd_run(const struct ph_cmd *cmd, int argc, char **argv)
{
    struct ph_cli cli = {.cmd = cmd};
    char why[256];
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        cli.json = cli.json || strcmp(argv[i], "--json") == 0;
    if (ph_opts_parse(cmd->tables, argc, argv, &cli.opts, why) != PH_OK)
        return ph_fail_usage(&cli, "%s", why);
    cli.json = ph_opts_has(&cli.opts, "json");
    if (ph_opts_has(&cli.opts, "help")) {
        ph_cmd_help(cmd);
        return PH_EXIT_OK;
    }
    if (cli.opts.operand_cnt < cmd->operand_min)
        return ph_fail_usage(&cli, "something is missing: phala %s %s", cmd->name, cmd->operands);
    if (cli.opts.operand_cnt > cmd->operand_max)
        return ph_fail_usage(&cli, "unexpected \"%.100s\": phala %s %s",
                             cli.opts.operands[cmd->operand_max], cmd->name, cmd->operands);
    return cmd->run(&cli);
}

int ph_print_json(json_t *doc)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    if (doc == NULL || ph_json_dump(doc, &text) != PH_OK) {
        json_decref(doc);
        fputs("phala: out of memory\n", stderr);
        return PH_EXIT_REFUSED;
    }
    json_decref(doc);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    (void)putchar('\n');
    (void)fflush(stdout);
    return PH_EXIT_OK;
}

static void tell_line(const char *label, const char *says)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), "%s", says);
    ph_printable_str(text);
    fprintf(stderr, "  %s:%*s%s\n", label, (int)(6 - strlen(label)), "", text);
}

static void tell(const struct ph_cli *cli, const char *code, const char *where, const char *todo,
                 const char *message)
{
    if (cli->json) {
        (void)ph_print_json(json_pack("{s:b,s:{s:s,s:s,s:s*,s:s*}}", "ok", 0, "error", "code", code,
                                      "message", message, "where", where, "do", todo));
        return;
    }
    fprintf(stderr, "phala %s: %s\n", cli->cmd->name, message);
    if (where != NULL)
        tell_line("where", where);
    if (todo != NULL)
        tell_line("do", todo);
}

int ph_fail(const struct ph_cli *cli, const char *code, const char *where, const char *todo,
            const char *fmt, ...)
{
    char message[4096];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    ph_printable_str(message); /* it quotes what workers and files said */
    tell(cli, code, where, todo, message);
    return PH_EXIT_REFUSED;
}

int ph_fail_usage(const struct ph_cli *cli, const char *fmt, ...)
{
    char message[1024], todo[64];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    ph_printable_str(message); /* it quotes what workers and files said */
    (void)snprintf(todo, sizeof(todo), "phala %s --help shows the usage", cli->cmd->name);
    tell(cli, "usage", NULL, todo, message);
    return PH_EXIT_USAGE;
}
