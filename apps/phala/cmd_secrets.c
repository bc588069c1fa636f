/* phala secrets */

#include "secret_args.h"

#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>

static const struct ph_opt opts[] = {
    {"bundle", 'b', "HASH",
     "only this bundle gets them, and those of further --bundle; default: any that you deploy"},
    {0},
};
static const struct ph_opt *const tables[] = {opts,        ph_opts_secrets, ph_opts_worker,
                                              ph_opts_key, ph_opts_common,  NULL};

/* The hashes that receipts and phala deploy --dry-run show. */
static int read_bundles(const struct ph_cli *cli, struct ph_secrets_for *out)
{
    const char *hash;

    for (size_t at = 0; (hash = ph_opts_next(&cli->opts, "bundle", &at)) != NULL;) {
        struct ph_hash32 *next = &out->bundle[out->cnt];
        if (out->cnt == PH_SECRETS_BUNDLES_MAX)
            return ph_fail_usage(cli, "--bundle is given at most %d times", PH_SECRETS_BUNDLES_MAX);
        if (ph_hex_decode(ph_bytes_str(hash), next->b, sizeof(next->b)) != PH_OK)
            return ph_fail_usage(cli, "--bundle takes a bundle hash of 64 hex digits, which phala "
                                      "deploy --dry-run prints");
        if (out->cnt > 0 && ph_secrets_are_for(out, next))
            return ph_fail_usage(cli, "--bundle names %.70s twice", hash);
        out->cnt++;
    }
    return PH_EXIT_OK;
}

static int send_them(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_owner *owner, const struct ph_secret_doc *doc)
{
    struct ph_target target;
    int rc = ph_target_of(cli, cli->opts.operands[0], &owner->address, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_target_look_up(cli, api, &target);
    if (rc != PH_EXIT_OK)
        return rc;
    if (!target.exists)
        return ph_fail(cli, "not-found", cli->opts.operands[0],
                       "deploy it first; phala list shows yours",
                       "there is no such phat on this worker");
    const uint64_t sequence = ph_target_next_sequence(&target);
    rc = ph_secrets_send(cli, api, owner, &target, doc, sequence);
    if (rc != PH_EXIT_OK)
        return rc;
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:s,s:I,s:I}", "ok", 1, "id", target.id, "name",
                                       target.name, "secrets", (json_int_t)doc->cnt, "sequence",
                                       (json_int_t)sequence));
    printf("%s has %zu secret%s (sequence %llu)\n", target.name, doc->cnt, doc->cnt == 1 ? "" : "s",
           (unsigned long long)sequence);
    return PH_EXIT_OK;
}

static int run(struct ph_cli *cli)
{
    struct ph_api api;
    struct ph_secret_doc doc = {0};
    struct ph_owner owner = {0};
    struct ph_secrets_for bundles = {0};
    int rc = read_bundles(cli, &bundles);
    if (rc == PH_EXIT_OK)
        rc = ph_secret_doc_read(cli, cli->opts.operands + 1, cli->opts.operand_cnt - 1, &doc);
    doc.bundles = bundles;
    if (rc == PH_EXIT_OK)
        rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_worker_check(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK)
        rc = send_them(cli, &api, &owner, &doc);
    ph_owner_clear(&owner);
    ph_secret_doc_clear(&doc);
    return rc;
}

const struct ph_cmd ph_cmd_secrets = {
    .name = "secrets",
    .operands = "ID|NAME [SECRET=@FILE|SECRET=-]...",
    .summary = "Set the secrets of a phat",
    .details =
        "The secrets given replace all that the phat has; none given removes them. They are sealed "
        "to\n"
        "the worker's key, after its evidence met the policy, so that only the TEE reads them.\n"
        "The phat finds them in env. With --bundle no other bundle gets them, also none that you\n"
        "deploy later: name both before you change from one to the next.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 60,
    .run = run,
};
