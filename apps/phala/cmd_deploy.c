/* phala deploy */

#include "deployer.h"
#include "secret_args.h"

#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>

static const struct ph_opt opts[] = {
    {"dry-run", 'n', NULL,
     "bundle and print the hash only; with --worker, let it check the bundle too"},
    {"secret", 's', "NAME=@FILE", "set a secret (NAME=- asks or reads standard input); repeatable"},
    {"pin-secrets", 0, NULL,
     "give the secrets to this bundle and no other, also none deployed later"},
    {"encrypted", 'e', NULL, "encrypt the code to the worker's cluster: only the TEE reads it"},
    {"out", 'o', "FILE", "keep the bundle, and its source map as FILE.map"},
    {0},
};
static const struct ph_opt *const tables[] = {opts,        ph_opts_secrets, ph_opts_worker,
                                              ph_opts_key, ph_opts_common,  NULL};

static int keep_bundle(const struct ph_cli *cli, const struct ph_bundle *bundle)
{
    const char *out = ph_opts_get(&cli->opts, "out");
    struct ph_path map;
    if (out == NULL)
        return PH_EXIT_OK;
    if (ph_path_set(&map, "%s.map", out) != PH_OK ||
        ph_file_write(out, ph_buf_view(&bundle->tar), 0644) != PH_OK ||
        ph_file_write(map.s, ph_buf_view(&bundle->source_map), 0644) != PH_OK)
        return ph_fail(cli, "io", out, "name a file in a writable folder",
                       "cannot keep the bundle");
    return PH_EXIT_OK;
}

static int print_dry_run(const struct ph_cli *cli, const struct ph_project *project,
                         const struct ph_bundle *bundle, bool checked)
{
    char hash[65];
    ph_hex_encode(PH_BYTES_OF(bundle->hash.b), hash);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:b,s:s,s:s,s:I,s:I,s:b}", "ok", 1, "dry_run", 1,
                                       "name", project->name, "bundle_hash", hash, "files",
                                       (json_int_t)bundle->file_cnt, "bytes",
                                       (json_int_t)bundle->tar.len, "checked_by_worker", checked));
    printf("name         %s\nbundle hash  %s\nfiles        %zu, %zu bytes\nchecked by   %s\n",
           project->name, hash, bundle->file_cnt, bundle->tar.len,
           checked ? "the worker" : "nobody yet (give --worker to let it check the manifest)");
    return PH_EXIT_OK;
}

static void print_wallet(const json_t *wallet)
{
    const char *address = json_string_value(json_object_get(wallet, "address"));
    struct ph_eth_address account;
    char text[41];

    if (address == NULL ||
        ph_hex_decode(ph_bytes_str(address), account.b, sizeof(account.b)) != PH_OK)
        return;
    ph_hex_encode(PH_BYTES_OF(account.b), text);
    printf("wallet       0x%s%s\n", text,
           json_is_true(json_object_get(wallet, "sends"))
               ? ""
               : ": this worker does not send (wallet.worker, wallet.chainId in phat.json)");
}

static int print_deployed(const struct ph_cli *cli, const struct ph_api *api,
                          const struct ph_target *target, const struct ph_bundle *bundle,
                          const json_t *answer, size_t secrets)
{
    char hash[65], url[2 * PH_PATH_MAX];
    const char *said_url = json_string_value(json_object_get(answer, "url"));
    const char *said_hash = json_string_value(json_object_get(answer, "bundle_hash"));
    ph_hex_encode(PH_BYTES_OF(bundle->hash.b), hash);
    struct ph_hash32 stored;
    if (said_hash == NULL ||
        ph_hex_decode(ph_bytes_str(said_hash), stored.b, sizeof(stored.b)) != PH_OK ||
        memcmp(stored.b, bundle->hash.b, sizeof(stored.b)) != 0)
        return ph_fail(cli, "bad-answer", api->url.value, "do not use this worker",
                       "the worker stored another bundle than was sent: %.66s, not %s",
                       said_hash != NULL ? said_hash : "none", hash);
    if (said_url != NULL && strstr(said_url, "://") != NULL)
        (void)snprintf(url, sizeof(url), "%s", said_url);
    else
        (void)snprintf(url, sizeof(url), "%s/p/%s/", api->url.value, target->id);
    if (cli->json)
        return ph_print_json(json_pack(
            "{s:b,s:s,s:s,s:s,s:s,s:b,s:O*,s:O*,s:I,s:O*,s:O*,s:b}", "ok", 1, "id", target->id,
            "name", target->name, "bundle_hash", hash, "url", url, "created", !target->exists,
            "owner", json_object_get(answer, "owner"), "sequence",
            json_object_get(answer, "sequence"), "secrets", (json_int_t)secrets, "encrypted",
            json_object_get(answer, "encrypted"), "wallet", json_object_get(answer, "wallet"),
            "insecure_simulator", (int)api->insecure_simulator));
    printf("%s      %s\nid           %s\nbundle hash  %s\nurl          %s\n",
           target->exists ? "updated" : "created", target->name, target->id, hash, url);
    if (secrets > 0)
        printf("secrets      %zu set\n", secrets);
    if (json_is_true(json_object_get(answer, "encrypted")))
        printf("code         encrypted to the cluster: only the TEE reads it\n");
    print_wallet(json_object_get(answer, "wallet"));
    if (api->insecure_simulator)
        printf("worker       INSECURE-SIMULATOR: its receipts prove nothing about hardware\n");
    return PH_EXIT_OK;
}

static int deploy_as(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_owner *owner, const struct ph_project *project,
                     const struct ph_bundle *bundle, const struct ph_secret_doc *secrets)
{
    struct ph_buf encrypted PH_OWNED(ph_buf_clear) = PH_BUF(PH_BUNDLE_MAX + PH_BUNDLE_MAX / 4);
    struct ph_bytes archive = ph_buf_view(&bundle->tar);
    struct ph_target target;
    json_t *answer PH_OWNED(ph_json_freep) = NULL;
    bool dry_run = ph_opts_has(&cli->opts, "dry-run");
    int rc = ph_target_of(cli, project->name, &owner->address, &target);
    if (rc == PH_EXIT_OK)
        rc = ph_target_look_up(cli, api, &target);
    (void)snprintf(target.name, sizeof(target.name), "%s", project->name);
    uint64_t sequence = ph_target_next_sequence(&target);
    /* Secrets that are pinned to the bundle before would keep this one from starting. */
    const bool first = secrets->bundles.cnt > 0 && target.exists && !dry_run;
    if (rc == PH_EXIT_OK && first)
        rc = ph_secrets_send(cli, api, owner, &target, secrets, sequence++);
    if (rc == PH_EXIT_OK && ph_opts_has(&cli->opts, "encrypted")) {
        rc = ph_deploy_encrypt(cli, api, owner, target.name, bundle, &encrypted);
        archive = ph_buf_view(&encrypted);
    }
    if (rc == PH_EXIT_OK)
        rc = ph_deploy_send(cli, api, owner, &target, bundle, archive, sequence,
                            dry_run ? "/v1/phats?dry_run=1" : "/v1/phats", &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (dry_run)
        return print_dry_run(cli, project, bundle, true);
    if (secrets->cnt > 0 && !first)
        rc = ph_secrets_send(cli, api, owner, &target, secrets, sequence + 1);
    return rc == PH_EXIT_OK ? print_deployed(cli, api, &target, bundle, answer, secrets->cnt) : rc;
}

static int deploy(const struct ph_cli *cli, const struct ph_project *project,
                  const struct ph_bundle *bundle, const struct ph_secret_doc *secrets)
{
    struct ph_api api;
    struct ph_owner owner = {0};
    int rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK && (secrets->cnt > 0 || ph_opts_has(&cli->opts, "encrypted")))
        rc = ph_worker_check(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK)
        rc = deploy_as(cli, &api, &owner, project, bundle, secrets);
    ph_owner_clear(&owner);
    return rc;
}

static int run(struct ph_cli *cli)
{
    struct ph_trouble trouble;
    struct ph_project project;
    struct ph_bundle bundle;
    struct ph_secret_doc secrets = {0};
    const char *specs[PH_OPTS_GIVEN_MAX], *spec;
    size_t spec_cnt = 0;
    for (size_t at = 0; (spec = ph_opts_next(&cli->opts, "secret", &at)) != NULL;)
        specs[spec_cnt++] = spec;
    const char *path = cli->opts.operand_cnt > 0 ? cli->opts.operands[0] : ".";
    if (ph_project_open(path, &project, &trouble) != PH_OK)
        return ph_fail_trouble(cli, &trouble);
    if (ph_bundle_build(&project, &bundle, &trouble) != PH_OK) {
        ph_project_clear(&project);
        return ph_fail_trouble(cli, &trouble);
    }
    int rc = keep_bundle(cli, &bundle);
    bool offline = ph_opts_has(&cli->opts, "dry-run") && !ph_opts_has(&cli->opts, "worker");
    if (rc == PH_EXIT_OK && ph_opts_has(&cli->opts, "pin-secrets") && spec_cnt == 0)
        rc = ph_fail_usage(cli, "--pin-secrets needs the secrets: give them with --secret");
    if (rc == PH_EXIT_OK && !offline)
        rc = ph_secret_doc_read(cli, specs, spec_cnt, &secrets);
    if (ph_opts_has(&cli->opts, "pin-secrets"))
        secrets.bundles = (struct ph_secrets_for){.cnt = 1, .bundle = {bundle.hash}};
    if (rc == PH_EXIT_OK)
        rc = offline ? print_dry_run(cli, &project, &bundle, false)
                     : deploy(cli, &project, &bundle, &secrets);
    ph_secret_doc_clear(&secrets);
    ph_bundle_clear(&bundle);
    ph_project_clear(&project);
    return rc;
}

const struct ph_cmd ph_cmd_deploy = {
    .name = "deploy",
    .operands = "[FOLDER|SCRIPT]",
    .summary = "Create or update a phat on a worker",
    .details = "Bundles the script and everything it imports with esbuild, signs the bundle hash "
               "with the\n"
               "owner's key, and sends it. The same name and owner update the same phat. --dry-run "
               "prints\n"
               "the bundle hash, which receipts carry, without a worker.",
    .tables = tables,
    .operand_min = 0,
    .operand_max = 1,
    .run = run,
};
