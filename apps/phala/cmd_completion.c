/* phala completion: scripts made of the option tables, so that they cannot go stale. */

#include "cli.h"

#include <stdio.h>

static const struct ph_opt *const tables[] = {ph_opts_common, NULL};

static bool takes_path(const struct ph_opt *o)
{
    return o->arg != NULL && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0 ||
                              strcmp(o->arg, "NAME=@FILE") == 0);
}

static void print_commands(void)
{
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++)
        printf("%s ", e->name);
    printf("help version");
}

static void bash(void)
{
    printf("_phala() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ]; then words='");
    print_commands();
    printf("'\n  else case ${COMP_WORDS[1]} in\n");
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++) {
        if (e->cmd == NULL)
            continue;
        printf("    %s) words='", e->name);
        for (const struct ph_opt *const *t = e->cmd->tables; *t != NULL; t++)
            for (const struct ph_opt *o = *t; o->name != NULL; o++)
                printf("--%s ", o->name);
        printf("%s' ;;\n", strcmp(e->name, "key") == 0 ? "new import address"
                           : strcmp(e->name, "keys") == 0
                               ? "status rotate retire backup sign send holder restore"
                           : strcmp(e->name, "worker") == 0     ? "status consent"
                           : strcmp(e->name, "completion") == 0 ? "bash zsh fish"
                           : strcmp(e->name, "evidence") == 0   ? "show verify explain bundle"
                           : strcmp(e->name, "collateral") == 0 ? "fetch"
                           : strcmp(e->name, "state") == 0      ? "show export import open key"
                                                                : "");
    }
    printf("  esac; fi\n"
           "  case $cur in\n"
           "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
           "    *) COMPREPLY=($(compgen -W \"${words//--*([^ ])/}\" -- \"$cur\") $(compgen -f -- "
           "\"$cur\")) ;;\n  esac\n"
           "  [ \"$COMP_CWORD\" -eq 1 ] && COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "  return 0\n}\nshopt -s extglob\ncomplete -o filenames -F _phala phala\n");
}

/* Quotes and brackets mean something inside zsh's and fish's specifications. */
static void print_help(const char *text)
{
    for (; *text != '\0'; text++)
        putchar(strchr("'[]:\\\"", *text) != NULL ? ' ' : *text);
}

static void zsh(void)
{
    printf("#compdef phala\n_phala() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n");
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++) {
        printf("      '%s:", e->name);
        print_help(e->summary);
        printf("'\n");
    }
    printf("    )\n    _describe command commands\n    return\n  fi\n  local what=$words[2]\n"
           "  shift words; (( CURRENT-- ))\n  case $what in\n");
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++) {
        if (e->cmd == NULL)
            continue;
        printf("    %s) _arguments", e->name);
        for (const struct ph_opt *const *t = e->cmd->tables; *t != NULL; t++) {
            for (const struct ph_opt *o = *t; o->name != NULL; o++) {
                printf(" \\\n      '*--%s[", o->name);
                print_help(o->help);
                printf("]%s%s%s'", o->arg != NULL ? ":" : "", o->arg != NULL ? "value" : "",
                       takes_path(o)    ? ":_files"
                       : o->arg != NULL ? ": "
                                        : "");
            }
        }
        printf(" \\\n      '*:file:_files' ;;\n");
    }
    printf("  esac\n}\ncompdef _phala phala\n");
}

static void fish(void)
{
    for (const struct ph_cmd_entry *e = ph_cmd_entries; e->name != NULL; e++) {
        printf("complete -c phala -n __fish_use_subcommand -f -a %s -d '", e->name);
        print_help(e->summary);
        printf("'\n");
        if (e->cmd == NULL)
            continue;
        for (const struct ph_opt *const *t = e->cmd->tables; *t != NULL; t++) {
            for (const struct ph_opt *o = *t; o->name != NULL; o++) {
                printf("complete -c phala -n '__fish_seen_subcommand_from %s' -l %s%s", e->name,
                       o->name,
                       o->arg == NULL  ? ""
                       : takes_path(o) ? " -r -F"
                                       : " -x");
                if (o->letter != 0)
                    printf(" -s %c", o->letter);
                printf(" -d '");
                print_help(o->help);
                printf("'\n");
            }
        }
    }
}

static int run(struct ph_cli *cli)
{
    const char *shell = cli->opts.operands[0];
    if (strcmp(shell, "bash") == 0)
        bash();
    else if (strcmp(shell, "zsh") == 0)
        zsh();
    else if (strcmp(shell, "fish") == 0)
        fish();
    else
        return ph_fail_usage(cli, "\"%.40s\" is none of bash, zsh, fish", shell);
    return PH_EXIT_OK;
}

const struct ph_cmd ph_cmd_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "Print a completion script for a shell",
    .details = "bash:  . <(phala completion bash)\nzsh:   phala completion zsh > ~/.zfunc/_phala\n"
               "fish:  phala completion fish > ~/.config/fish/completions/phala.fish",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
