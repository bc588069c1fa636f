/* phala list and phala delete */

#include "api.h"

#include "base/own.h"

#include "printable.h"
#include <stdio.h>

static const struct ph_opt *const list_tables[] = {ph_opts_worker, ph_opts_key, ph_opts_common,
                                                   NULL};

/* Text from a worker, kept on one line of the terminal. */
static void print_cell(const json_t *value, int width)
{
    const char *s = json_string_value(value);
    char cell[128];
    (void)snprintf(cell, sizeof(cell), "%s", s != NULL ? s : "");
    ph_printable_str(cell);
    for (char *c = cell; *c != '\0'; c++)
        if (*c == '\n' || *c == '\t')
            *c = '?';
    printf("%-*s", width, cell);
}

/* Bundle hashes are shown in one form, that of receipts: hex without 0x. */
static void plain_hash(json_t *phat)
{
    const char *hash = json_string_value(json_object_get(phat, "bundle_hash"));
    if (hash != NULL && strncmp(hash, "0x", 2) == 0)
        (void)json_object_set_new(phat, "bundle_hash", json_string(hash + 2));
}

static int print_list(const struct ph_cli *cli, json_t *doc)
{
    json_t *phats = json_is_array(doc) ? doc : json_object_get(doc, "phats");
    if (!json_is_array(phats))
        return ph_fail(cli, "bad-answer", NULL, NULL, "the worker's list is no array");
    for (size_t i = 0; i < json_array_size(phats); i++)
        plain_hash(json_array_get(phats, i));
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:O}", "ok", 1, "phats", phats));
    if (json_array_size(phats) == 0) {
        printf("no phats yet; phala deploy makes one\n");
        return PH_EXIT_OK;
    }
    printf("%-24s  %-40s  %s\n", "NAME", "ID", "BUNDLE HASH");
    for (size_t i = 0; i < json_array_size(phats); i++) {
        const json_t *p = json_array_get(phats, i);
        print_cell(json_object_get(p, "name"), 24);
        printf("  ");
        print_cell(json_object_get(p, "id"), 40);
        printf("  ");
        print_cell(json_object_get(p, "bundle_hash"), 64);
        printf("\n");
    }
    return PH_EXIT_OK;
}

static int list(struct ph_cli *cli)
{
    struct ph_api api;
    struct ph_owner owner = {0};
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    int rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK)
        rc = ph_api_authorize(cli, &api, &owner, "list", "", NULL, 0, &auth);
    ph_owner_clear(&owner);
    if (rc == PH_EXIT_OK)
        rc = ph_api_json(cli, &api,
                         &(struct ph_api_call){
                             .method = "GET", .path = "/v1/phats", .auth = (const char *)auth.ptr},
                         &doc);
    return rc == PH_EXIT_OK ? print_list(cli, doc) : rc;
}

const struct ph_cmd ph_cmd_list = {
    .name = "list",
    .operands = "",
    .summary = "List your phats on a worker",
    .details = "",
    .tables = list_tables,
    .operand_min = 0,
    .operand_max = 0,
    .run = list,
};

static const struct ph_opt delete_opts[] = {
    {"yes", 'y', NULL, "do not ask"},
    {0},
};
static const struct ph_opt *const delete_tables[] = {delete_opts, ph_opts_worker, ph_opts_key,
                                                     ph_opts_common, NULL};

static int confirm(const struct ph_cli *cli, const struct ph_target *target)
{
    char line[16];
    if (ph_opts_has(&cli->opts, "yes"))
        return PH_EXIT_OK;
    if (!isatty(STDIN_FILENO) || cli->json)
        return ph_fail_usage(cli, "deleting needs --yes where nobody can be asked");
    fprintf(stderr, "Delete %s (%s) with its secrets and logs? [y/N] ", target->name, target->id);
    if (fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
        return PH_EXIT_OK;
    return ph_fail(cli, "not-confirmed", NULL, NULL, "nothing was deleted");
}

static int delete_as(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_owner *owner)
{
    struct ph_target target;
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    char path[64];
    int rc = ph_target_of(cli, cli->opts.operands[0], &owner->address, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_target_look_up(cli, api, &target);
    if (rc == PH_EXIT_OK && !target.exists)
        rc = ph_fail(cli, "not-found", cli->opts.operands[0], "phala list shows yours",
                     "there is no such phat on this worker");
    if (rc == PH_EXIT_OK)
        rc = confirm(cli, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_api_authorize(cli, api, owner, "delete", target.name, NULL,
                              ph_target_next_sequence(&target), &auth);
    if (rc != PH_EXIT_OK)
        return rc;
    (void)snprintf(path, sizeof(path), "/v1/phats/%s", target.id);
    rc = ph_api_json(
        cli, api,
        &(struct ph_api_call){.method = "DELETE", .path = path, .auth = (const char *)auth.ptr},
        NULL);
    if (rc != PH_EXIT_OK)
        return rc;
    if (cli->json)
        return ph_print_json(
            json_pack("{s:b,s:s,s:s}", "ok", 1, "id", target.id, "name", target.name));
    printf("deleted %s (%s)\n", target.name, target.id);
    return PH_EXIT_OK;
}

static int delete (struct ph_cli *cli)
{
    struct ph_api api;
    struct ph_owner owner = {0};
    int rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK)
        rc = delete_as(cli, &api, &owner);
    ph_owner_clear(&owner);
    return rc;
}

const struct ph_cmd ph_cmd_delete = {
    .name = "delete",
    .operands = "ID|NAME",
    .summary = "Delete a phat",
    .details = "Its code, secrets and logs go; receipts of its calls stay verifiable.",
    .tables = delete_tables,
    .operand_min = 1,
    .operand_max = 1,
    .run = delete,
};
