/* phala keys status | rotate | retire | backup | sign | send | holder | restore */

#include "cmd_keys.h"

#include "api.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "keys/escrow.h"
#include "keys/key_act.h"

#include <errno.h>
#include <stdio.h>

enum { ACT_VALID_S = 3000 };

static const struct ph_opt opts[] = {
    {"at-least", 0, "N", "status: refuse a worker whose newest epoch is older than N"},
    {"holder", 0, "HEX", "backup: public key of a holder, as phala keys holder prints it; repeat"},
    {"needed", 'n', "N", "backup: so many holders restore the keys"},
    {"act", 0, "FILE",
     "rotate, retire, backup: write the signed act there, for other owners to sign"},
    {"out", 'o', "FILE", "backup, send: where the backup goes"},
    {"policy", 'p', "FILE", "restore: evidence policy that the waiting worker must meet"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_worker, ph_opts_key, ph_opts_common,
                                              NULL};

int ph_holder_unlock(const struct ph_cli *cli, uint8_t secret[static 32], uint8_t public[static 32])
{
    struct ph_owner owner = {0};
    int rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK && (ph_keys_holder(owner.secret, secret) != PH_OK ||
                             ph_x25519_public(secret, public) != PH_OK))
        rc = ph_fail(cli, "io", NULL, NULL, "out of memory");
    ph_owner_clear(&owner);
    return rc;
}

static int holder(const struct ph_cli *cli)
{
    uint8_t secret[32], public[32];
    char hex[65];
    int rc = ph_holder_unlock(cli, secret, public);
    ph_wipe(secret, sizeof(secret));
    if (rc != PH_EXIT_OK)
        return rc;
    ph_hex_encode(PH_BYTES_OF(public), hex);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s}", "ok", 1, "holder", hex));
    printf("%s\n", hex);
    return PH_EXIT_OK;
}

static void print_list(const char *name, const json_t *list)
{
    size_t i;
    const json_t *item;
    printf("%s", name);
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        if (json_is_string(item))
            printf(" %s", json_string_value(item));
        else
            printf(" %d", (int)json_integer_value(item));
    }
    printf("\n");
}

static int status(const struct ph_cli *cli)
{
    const char *least_text = ph_opts_get(&cli->opts, "at-least");
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    uint64_t least = 0;
    struct ph_api api;

    if (least_text && ph_opts_number(least_text, 1, UINT32_MAX, &least) != PH_OK)
        return ph_fail_usage(cli, "--at-least takes a number");
    int rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ph_api_json(cli, &api, &(struct ph_api_call){.method = "GET", .path = "/v1/keys"},
                         &doc);
    if (rc != PH_EXIT_OK)
        return rc;
    const json_int_t epoch = json_integer_value(json_object_get(doc, "epoch"));
    if (epoch < (json_int_t)least)
        return ph_fail(cli, "older-epoch", api.url.value,
                       "it was rolled back, or was not handed the newer keys: do not use it",
                       "the worker's newest epoch is %d", (int)epoch);
    if (cli->json) {
        (void)json_object_set_new(doc, "ok", json_true());
        return ph_print_json(PH_TAKE(doc));
    }
    printf("cluster %s\nepoch %d\n", json_string_value(json_object_get(doc, "cluster")),
           (int)epoch);
    print_list("epochs in use", json_object_get(doc, "epochs"));
    print_list("owners", json_object_get(doc, "owners"));
    printf("signatures needed %d\n",
           (int)json_integer_value(json_object_get(doc, "owners_needed")));
    const json_t *older = json_object_get(doc, "older");
    printf("still of older epochs: %d secrets, %d states, of which %d cannot move%s\n",
           (int)json_integer_value(json_object_get(older, "secrets")),
           (int)json_integer_value(json_object_get(older, "states")),
           (int)json_integer_value(json_object_get(older, "left")),
           json_is_true(json_object_get(older, "known")) ? "" : " (not all looked at yet)");
    return PH_EXIT_OK;
}

/* Sign what stands in `act`, with the keystore. */
static int sign(const struct ph_cli *cli, struct ph_key_act_signed *act)
{
    struct ph_owner_request request;
    struct ph_owner owner = {0};
    struct ph_hash32 digest;

    if (act->sig_cnt == PH_KEY_OWNERS_MAX)
        return ph_fail(cli, "bad-act", NULL, NULL,
                       "the act has as many signatures as there can be");
    if (ph_key_act_request(act, &request) != PH_OK)
        return ph_fail(cli, "bad-act", NULL, NULL, "this is no act on keys");
    int rc = ph_owner_unlock(cli, &owner);
    if (rc == PH_EXIT_OK) {
        ph_owner_request_digest(&request, &digest);
        if (ph_eth_sign(owner.secret, &digest, act->sig[act->sig_cnt]) != PH_OK)
            rc = ph_fail(cli, "io", NULL, NULL, "the act cannot be signed");
        act->sig_cnt++;
    }
    ph_owner_clear(&owner);
    return rc;
}

static int write_act(const struct ph_cli *cli, const char *file,
                     const struct ph_key_act_signed *act)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEY_ACT_JSON_MAX + 1);
    if (ph_key_act_to_json(act, &text) != PH_OK || ph_buf_add_str(&text, "\n") != PH_OK ||
        ph_file_write(file, ph_buf_view(&text), 0600) != PH_OK)
        return ph_fail(cli, "io", file, NULL, "cannot write the act: %s", strerror(errno));
    if (cli->json)
        return ph_print_json(
            json_pack("{s:b,s:s,s:i}", "ok", 1, "act", file, "signatures", (int)act->sig_cnt));
    printf("%s has %u signature%s: other owners run phala keys sign, then one runs phala keys "
           "send\n",
           file, act->sig_cnt, act->sig_cnt == 1 ? "" : "s");
    return PH_EXIT_OK;
}

/* The backup must be what was asked for before it is kept as one. */
static int keep_backup(const struct ph_cli *cli, const char *file, struct ph_bytes raw,
                       const struct ph_key_act *act, const struct ph_eth_address *cluster)
{
    struct ph_escrow backup;
    if (ph_escrow_parse(raw, &backup) != PH_OK ||
        memcmp(backup.cluster.b, cluster->b, sizeof(cluster->b)) != 0 ||
        backup.needed != act->needed || backup.holder_cnt != act->holder_cnt)
        return ph_fail(cli, "bad-answer", NULL, NULL, "the worker answered another backup");
    for (uint32_t i = 0; i < act->holder_cnt; i++)
        if (memcmp(backup.holder[i].key, act->holder[i], 32) != 0)
            return ph_fail(cli, "bad-answer", NULL, NULL,
                           "the worker answered a backup for other holders");
    if (ph_file_write_new(file, raw, 0600) != PH_OK)
        return ph_fail(cli, "io", file, "name a file that does not exist",
                       "cannot write the backup: %s", strerror(errno));
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:i,s:i,s:i}", "ok", 1, "backup", file, "epoch",
                                       (int)backup.epoch, "needed", (int)backup.needed, "holders",
                                       (int)backup.holder_cnt));
    printf("%s: keys up to epoch %u; any %u of %u holders restore them\n", file, backup.epoch,
           backup.needed, backup.holder_cnt);
    return PH_EXIT_OK;
}

static int send_backup(const struct ph_cli *cli, const struct ph_api *api,
                       const struct ph_key_act_signed *said, const struct ph_key_act *act,
                       struct ph_bytes text)
{
    const char *file = ph_opts_get(&cli->opts, "out");
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    const struct ph_api_call call = {.method = "POST",
                                     .path = "/v1/keys/backup",
                                     .content_type = "application/json",
                                     .body = text};
    if (file == NULL)
        return ph_fail_usage(cli, "name where the backup goes with --out FILE");
    int rc = ph_api_do(cli, api, &call, &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer.status != 200)
        return ph_api_refused(cli, api, &answer);
    return keep_backup(cli, file, ph_buf_view(&answer.body), act, &said->cluster);
}

static int send_epochs(const struct ph_cli *cli, const struct ph_api *api, const char *path,
                       struct ph_bytes text)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    const struct ph_api_call call = {
        .method = "POST", .path = path, .content_type = "application/json", .body = text};
    int rc = ph_api_json(cli, api, &call, &doc);
    if (rc != PH_EXIT_OK)
        return rc;
    const int epoch = (int)json_integer_value(json_object_get(doc, "epoch"));
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:i}", "ok", 1, "epoch", epoch));
    printf("epoch %d\n", epoch);
    if (strcmp(path, "/v1/keys/rotate") == 0)
        printf("backups made before do not have it: make one with phala keys backup\n");
    return PH_EXIT_OK;
}

static int send_act(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_key_act_signed *said)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEY_ACT_JSON_MAX);
    struct ph_key_act act;
    if (ph_key_act_decode((struct ph_bytes){said->raw, said->raw_len}, &act) != PH_OK ||
        ph_key_act_to_json(said, &text) != PH_OK)
        return ph_fail(cli, "bad-act", NULL, NULL, "this is no act on keys");
    if (act.kind == PH_KEY_ACT_BACKUP)
        return send_backup(cli, api, said, &act, ph_buf_view(&text));
    return send_epochs(cli, api,
                       act.kind == PH_KEY_ACT_ROTATE ? "/v1/keys/rotate" : "/v1/keys/retire",
                       ph_buf_view(&text));
}

static int read_holders(const struct ph_cli *cli, struct ph_key_act *act)
{
    const char *text, *needed = ph_opts_get(&cli->opts, "needed");
    uint64_t n = 0;
    size_t at = 0;
    while ((text = ph_opts_next(&cli->opts, "holder", &at)) != NULL) {
        if (act->holder_cnt == PH_KEY_HOLDERS_MAX)
            return ph_fail_usage(cli, "at most %d holders", PH_KEY_HOLDERS_MAX);
        if (ph_hex_decode(ph_bytes_str(text), act->holder[act->holder_cnt++], 32) != PH_OK)
            return ph_fail_usage(cli,
                                 "--holder takes 64 hex digits: phala keys holder prints them");
    }
    if (act->holder_cnt == 0)
        return ph_fail_usage(cli, "name the holders with --holder");
    if (needed == NULL || ph_opts_number(needed, 1, act->holder_cnt, &n) != PH_OK)
        return ph_fail_usage(cli, "--needed takes how many of the holders restore the keys");
    act->needed = (uint32_t)n;
    return PH_EXIT_OK;
}

/* A nonce, and who is to do it at which epoch. */
static int ask_nonce(const struct ph_cli *cli, const struct ph_api *api, struct ph_key_act *act)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    int rc = ph_api_json(cli, api,
                         &(struct ph_api_call){.method = "POST", .path = "/v1/keys/nonce"}, &doc);
    if (rc != PH_EXIT_OK)
        return rc;
    const char *nonce = json_string_value(json_object_get(doc, "nonce"));
    const json_int_t epoch = json_integer_value(json_object_get(doc, "epoch"));
    if (nonce == NULL || epoch < 1 || epoch > UINT32_MAX ||
        ph_hex_decode(ph_bytes_str(nonce), act->nonce, sizeof(act->nonce)) != PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, NULL, "the worker gave no nonce");
    act->epoch = (uint32_t)epoch;
    act->worker = api->signer;
    return PH_EXIT_OK;
}

static int begin_act(const struct ph_cli *cli, enum ph_key_act_kind kind)
{
    const char *file = ph_opts_get(&cli->opts, "act");
    struct ph_key_act act = {.kind = kind};
    struct ph_key_act_signed said = {.expires =
                                         (uint64_t)(ph_clock_wall_ms() / 1000) + ACT_VALID_S};
    struct ph_api api;

    int rc = kind == PH_KEY_ACT_BACKUP ? read_holders(cli, &act) : PH_EXIT_OK;
    if (rc == PH_EXIT_OK && kind == PH_KEY_ACT_BACKUP && !file && !ph_opts_get(&cli->opts, "out"))
        rc = ph_fail_usage(cli, "name where the backup goes with --out FILE");
    if (rc == PH_EXIT_OK)
        rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ask_nonce(cli, &api, &act);
    if (rc != PH_EXIT_OK)
        return rc;
    said.cluster = api.cluster;
    said.raw_len = ph_key_act_encode(&act, said.raw);
    rc = sign(cli, &said);
    if (rc != PH_EXIT_OK)
        return rc;
    return file ? write_act(cli, file, &said) : send_act(cli, &api, &said);
}

static int read_act(const struct ph_cli *cli, const char *file, struct ph_key_act_signed *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEY_ACT_JSON_MAX);
    char why[PH_KEY_ACT_WHY] = "";
    if (ph_file_read(file, &text) != PH_OK)
        return ph_fail(cli, "io", file, NULL, "cannot read the act: %s", strerror(errno));
    if (ph_key_act_from_json(ph_buf_view(&text), out, why) != PH_OK)
        return ph_fail(cli, "bad-act", file, NULL, "%s", why);
    return PH_EXIT_OK;
}

/* What is about to be signed, in words: a signature is given to what was read. */
static void tell_act(const struct ph_key_act_signed *said)
{
    struct ph_key_act act;
    char hex[65];
    const struct ph_address_text cluster = ph_address_text(&said->cluster);
    if (ph_key_act_decode((struct ph_bytes){said->raw, said->raw_len}, &act) != PH_OK)
        return;
    const struct ph_address_text worker = ph_address_text(&act.worker);
    fprintf(stderr, "%s the keys of cluster %s, epoch %u, by worker %s\n",
            act.kind == PH_KEY_ACT_ROTATE   ? "rotate"
            : act.kind == PH_KEY_ACT_BACKUP ? "back up"
                                            : "forget all older epochs of",
            cluster.s, act.epoch, worker.s);
    for (uint32_t i = 0; i < act.holder_cnt; i++) {
        ph_hex_encode(PH_BYTES_OF(act.holder[i]), hex);
        fprintf(stderr, "holder %s\n", hex);
    }
    if (act.holder_cnt > 0)
        fprintf(stderr, "any %u of %u holders restore them\n", act.needed, act.holder_cnt);
}

static int sign_file(const struct ph_cli *cli, const char *file)
{
    struct ph_key_act_signed said;
    int rc = read_act(cli, file, &said);
    if (rc != PH_EXIT_OK)
        return rc;
    tell_act(&said);
    rc = sign(cli, &said);
    return rc == PH_EXIT_OK ? write_act(cli, file, &said) : rc;
}

static int send_file(const struct ph_cli *cli, const char *file)
{
    struct ph_key_act_signed said;
    struct ph_api api;
    int rc = read_act(cli, file, &said);
    if (rc == PH_EXIT_OK)
        rc = ph_api_open(cli, &api);
    return rc == PH_EXIT_OK ? send_act(cli, &api, &said) : rc;
}

static int run(struct ph_cli *cli)
{
    const char *what = cli->opts.operands[0], *file = cli->opts.operands[1];
    const bool has_file = cli->opts.operand_cnt == 2;
    static const struct {
        const char *name;
        int (*with_file)(const struct ph_cli *cli, const char *file);
    } files[] = {{"sign", sign_file}, {"send", send_file}, {"restore", ph_keys_restore}};

    for (size_t i = 0; i < PH_LEN(files); i++)
        if (strcmp(what, files[i].name) == 0)
            return has_file ? files[i].with_file(cli, file)
                            : ph_fail_usage(cli, "%s takes a FILE", what);
    if (has_file)
        return ph_fail_usage(cli, "\"%.40s\" takes no FILE", what);
    if (strcmp(what, "status") == 0)
        return status(cli);
    if (strcmp(what, "rotate") == 0)
        return begin_act(cli, PH_KEY_ACT_ROTATE);
    if (strcmp(what, "retire") == 0)
        return begin_act(cli, PH_KEY_ACT_RETIRE);
    if (strcmp(what, "backup") == 0)
        return begin_act(cli, PH_KEY_ACT_BACKUP);
    if (strcmp(what, "holder") == 0)
        return holder(cli);
    return ph_fail_usage(
        cli, "\"%.40s\" is none of status, rotate, retire, backup, sign, send, holder, restore",
        what);
}

const struct ph_cmd ph_cmd_keys = {
    .name = "keys",
    .operands = "status|rotate|retire|backup|holder | sign|send ACT | restore BACKUP",
    .summary = "Rotate, back up or restore a cluster's keys",
    .details =
        "\"rotate\" begins a new epoch of keys; \"backup\" makes a file in which every holder has "
        "a\n"
        "share. The owners that the cluster was founded with (phalad --key-owner) sign for both:\n"
        "where more than one must, --act FILE keeps what is signed, the others \"sign\" it, and "
        "one\n"
        "\"sends\" it, within 50 minutes. \"holder\" prints the keystore's public key for "
        "backups.\n"
        "\"restore\" gives this holder's share to a worker that waits for it (phalad --restore),\n"
        "after its evidence met the policy. Shares are opened and combined by nobody else.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 2,
    .run = run,
};
