/* phala state: take a phat's state away, look into it, bring it back. */

#include "call_record.h"
#include "secret_args.h"
#include "state_file.h"

#include "base/hex.h"
#include "base/own.h"
#include "keys/hpke.h"
#include "keys/receipt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MOVE_TIMEOUT_S = 16 * 60 };

static const struct ph_opt opts[] = {
    {"to", 0, "HEX", "export for this X25519 public key in place of the owner's own"},
    {"identity", 'i', "FILE", "open with the X25519 secret in FILE (64 hex digits)"},
    {"out", 'o', "FILE", "open: write the SQLite database here"},
    {"over", 0, "INDEX:HASH",
     "import only over this commit, as \"phala state show\" prints it; default: asked now"},
    {0},
};
static const struct ph_opt *const tables[] = {opts,        ph_opts_secrets, ph_opts_worker,
                                              ph_opts_key, ph_opts_common,  NULL};

/* One run: who, where, which phat. */
struct state_run {
    const struct ph_cli *cli;
    struct ph_api api;
    struct ph_owner owner;
    struct ph_target target;
    uint8_t secret[32], public[32]; /* that exports are for, or opened with */
};

static int find(struct state_run *r)
{
    const struct ph_cli *cli = r->cli;
    int rc = ph_api_open(cli, &r->api);
    if (rc == PH_EXIT_OK)
        rc = ph_target_of(cli, cli->opts.operands[1], &r->owner.address, &r->target);
    if (rc == PH_EXIT_OK)
        rc = ph_target_look_up(cli, &r->api, &r->target);
    if (rc == PH_EXIT_OK && !r->target.exists)
        rc = ph_fail(cli, "not-found", cli->opts.operands[1],
                     "deploy it first; phala list shows yours",
                     "there is no such phat on this worker");
    return rc;
}

/* --- Export */

/* An export on its way into a file. */
struct download {
    int fd;
    uint64_t len;
    struct ph_sha256 sha; /* as the receipt hashes the answer */
};

static enum ph_err take(void *ctx, struct ph_bytes data)
{
    struct download *d = ctx;

    ph_sha256_update(&d->sha, data);
    d->len += data.len;
    return ph_write_all(d->fd, data);
}

static int ask_export(struct state_run *r, const uint8_t to[static 32], const char *query,
                      struct download *d, struct ph_http_answer *answer)
{
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    const struct ph_http_flow flow = {.ctx = d, .take = take};
    struct ph_hash32 content;
    char path[128];
    struct ph_bytes holder;

    memcpy(content.b, to, sizeof(content.b));
    int rc =
        ph_api_authorize(r->cli, &r->api, &r->owner, "export", r->target.name, &content, 0, &auth);
    if (rc != PH_EXIT_OK)
        return rc;
    (void)snprintf(path, sizeof(path), "/v1/phats/%s/state/export%s", r->target.id, query);
    ph_receipt_response_begin(&d->sha, 200, PH_BYTES_LIT("application/octet-stream"),
                              PH_BYTES_LIT(""), PH_BYTES_LIT(""));
    rc = ph_api_do(r->cli, &r->api,
                   &(struct ph_api_call){.method = "POST",
                                         .path = path,
                                         .auth = (const char *)auth.ptr,
                                         .flow = &flow,
                                         .timeout_s = MOVE_TIMEOUT_S},
                   answer);
    if (rc == PH_EXIT_OK && answer->status == 307 &&
        ph_http_header(answer, "phala-holder", &holder) == PH_OK)
        return ph_fail(r->cli, "elsewhere", r->api.url.value, "run it again with that --worker",
                       "the state is at another worker of the cluster: %.*s", (int)holder.len,
                       (const char *)holder.ptr);
    if (rc == PH_EXIT_OK && answer->status != 200)
        rc = ph_api_refused(r->cli, &r->api, answer);
    return rc;
}

/* The receipt of this very answer: it says of which phat and commit the file is. */
static int check_receipt(struct state_run *r, const struct ph_http_answer *answer,
                         struct download *d, const struct ph_export_head *head, json_t **doc)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_receipt_fields f;
    struct ph_receipt receipt;
    struct ph_eth_address signer;
    struct ph_hash32 hash;
    struct ph_bytes id;
    char why[128] = "";

    if (ph_http_header(answer, "phala-receipt-id", &id) != PH_OK)
        return ph_fail(r->cli, "no-receipt", r->api.url.value, NULL, "the export has no receipt");
    int rc = ph_receipt_fetch(r->cli, &r->api, id, doc);
    if (rc != PH_EXIT_OK)
        return rc;
    if (ph_json_dump(*doc, &text) != PH_OK ||
        ph_receipt_from_json(ph_buf_view(&text), &receipt, why) != PH_OK ||
        ph_receipt_check(&receipt, &signer) != PH_OK)
        return ph_fail(r->cli, "bad-receipt", r->api.url.value, "do not rely on this export",
                       "the export's receipt does not verify %s", why);
    ph_receipt_leaf_view(&receipt.leaf, &f);
    ph_sha256_final(&d->sha, hash.b);
    if (memcmp(signer.b, r->api.signer.b, sizeof(signer.b)) != 0 ||
        memcmp(f.response_hash.b, hash.b, sizeof(hash.b)) != 0 ||
        memcmp(f.phat.b, head->phat.b, sizeof(f.phat.b)) != 0 || f.state.commit_index < head->index)
        return ph_fail(r->cli, "bad-receipt", r->api.url.value, "do not rely on this export",
                       "the export's receipt is of another worker, phat, file or commit");
    return PH_EXIT_OK;
}

static int print_head(const struct ph_cli *cli, const struct ph_export_head *head, const char *file)
{
    char phat[41], root[65], hash[65];

    ph_hex_encode(PH_BYTES_OF(head->phat.b), phat);
    ph_hex_encode(PH_BYTES_OF(head->root.b), root);
    ph_hex_encode(PH_BYTES_OF(head->hash.b), hash);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:I,s:s,s:s,s:I,s:s*}", "ok", 1, "phat", phat,
                                       "index", (json_int_t)head->index, "hash", hash, "root", root,
                                       "bytes", (json_int_t)head->page_cnt * PH_STATE_PAGE, "file",
                                       file));
    printf("phat   %s\nindex  %llu\nhash   %s\nroot   %s\nbytes  %llu\n", phat,
           (unsigned long long)head->index, hash, root,
           (unsigned long long)head->page_cnt * PH_STATE_PAGE);
    if (file != NULL)
        printf("file   %s\n", file);
    return PH_EXIT_OK;
}

static int keep_receipt(const struct ph_cli *cli, const char *file, json_t *doc)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_path path;

    if (ph_path_set(&path, "%s.receipt", file) != PH_OK || ph_json_dump(doc, &text) != PH_OK ||
        ph_buf_add_str(&text, "\n") != PH_OK ||
        ph_file_write(path.s, ph_buf_view(&text), 0644) != PH_OK)
        return ph_fail(cli, "io", file, NULL, "cannot keep the receipt: %s", strerror(errno));
    return PH_EXIT_OK;
}

/* What came into `path` is what was asked for, whole and, if it is for us, readable. */
static int check_export(struct state_run *r, const char *path, const uint8_t to[static 32],
                        struct ph_export_head *head)
{
    struct ph_moved_file f;
    struct ph_hash32 pieces;
    char phat[41];
    int rc = ph_moved_file_open(r->cli, path, &f);

    if (rc != PH_EXIT_OK)
        return rc;
    ph_hex_encode(PH_BYTES_OF(f.head.phat.b), phat);
    if (!f.is_export || strcmp(phat, r->target.id) != 0 ||
        memcmp(f.recipient, to, sizeof(f.recipient)) != 0 ||
        memcmp(f.head.cluster.b, r->api.cluster.b, sizeof(f.head.cluster.b)) != 0)
        rc = ph_fail(r->cli, "bad-answer", r->api.url.value, "do not use this worker",
                     "the worker sent the export of another phat, or for another key");
    if (rc == PH_EXIT_OK && memcmp(to, r->public, sizeof(r->public)) == 0) {
        rc = ph_moved_file_unlock(r->cli, &f, r->secret);
        if (rc == PH_EXIT_OK)
            rc = ph_moved_file_check(r->cli, &f, -1, &pieces);
    }
    *head = f.head;
    ph_moved_file_close(&f);
    return rc;
}

static int read_to(const struct state_run *r, uint8_t to[static 32])
{
    const char *named = ph_opts_get(&r->cli->opts, "to");

    memcpy(to, r->public, 32);
    if (named != NULL && ph_hex_decode(ph_bytes_str(named), to, 32) != PH_OK)
        return ph_fail_usage(r->cli, "--to: expected an X25519 public key of 64 hex digits");
    return PH_EXIT_OK;
}

static int do_export(struct state_run *r)
{
    const char *file = r->cli->opts.operands[2];
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    json_t *receipt PH_OWNED(ph_json_freep) = NULL;
    struct ph_export_head head;
    struct ph_path part;
    uint8_t to[32];
    int rc = read_to(r, to);

    if (rc == PH_EXIT_OK && ph_opts_has(&r->cli->opts, "policy"))
        rc = ph_worker_check(r->cli, &r->api);
    if (rc != PH_EXIT_OK)
        return rc;
    if (ph_path_set(&part, "%s.part", file) != PH_OK)
        return ph_fail_usage(r->cli, "the file's path is too long");
    struct download d = {.fd = open(part.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (d.fd < 0)
        return ph_fail(r->cli, "io", part.s, NULL, "cannot write the file: %s", strerror(errno));
    rc = ask_export(r, to, "", &d, &answer);
    if (rc == PH_EXIT_OK && fsync(d.fd) != 0)
        rc = ph_fail(r->cli, "io", part.s, NULL, "cannot write the file: %s", strerror(errno));
    (void)close(d.fd);
    if (rc == PH_EXIT_OK)
        rc = check_export(r, part.s, to, &head);
    if (rc == PH_EXIT_OK)
        rc = check_receipt(r, &answer, &d, &head, &receipt);
    if (rc == PH_EXIT_OK)
        rc = keep_receipt(r->cli, file, receipt);
    if (rc == PH_EXIT_OK && rename(part.s, file) != 0)
        rc = ph_fail(r->cli, "io", file, NULL, "cannot name the file: %s", strerror(errno));
    if (rc != PH_EXIT_OK)
        (void)unlink(part.s);
    return rc == PH_EXIT_OK ? print_head(r->cli, &head, file) : rc;
}

/* The newest commit, as the worker says now. */
static int ask_head(struct state_run *r, struct ph_export_head *head)
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    uint8_t front[PH_EXPORT_FRONT_LEN];
    int pair[2];
    char phat[41];

    if (pipe2(pair, O_CLOEXEC) != 0)
        return ph_fail(r->cli, "io", NULL, NULL, "no descriptors left");
    struct download d = {.fd = pair[1]};
    int rc = ask_export(r, r->public, "?what=head", &d, &answer);
    (void)close(pair[1]);
    const bool whole = rc == PH_EXIT_OK && d.len == sizeof(front) &&
                       read(pair[0], front, sizeof(front)) == (ssize_t)sizeof(front);
    (void)close(pair[0]);
    if (rc != PH_EXIT_OK)
        return rc;
    if (!whole || ph_export_head_parse((struct ph_bytes){front, PH_EXPORT_HEAD_LEN}, head) != PH_OK)
        return ph_fail(r->cli, "bad-answer", r->api.url.value, NULL,
                       "the worker's answer is no head of an export");
    ph_hex_encode(PH_BYTES_OF(head->phat.b), phat);
    if (strcmp(phat, r->target.id) != 0)
        return ph_fail(r->cli, "bad-answer", r->api.url.value, "do not use this worker",
                       "the worker's answer is about another phat");
    return PH_EXIT_OK;
}

static int do_show(struct state_run *r)
{
    struct ph_export_head head;
    int rc = ask_head(r, &head);
    return rc == PH_EXIT_OK ? print_head(r->cli, &head, NULL) : rc;
}

/* --- Import */

/* Pieces on their way to the worker. */
struct upload {
    struct ph_moved_file *file;
    uint8_t piece[PH_EXPORT_PIECE + PH_EXPORT_PIECE_OVERHEAD];
    size_t len, at;
};

static size_t give(void *ctx, uint8_t *out, size_t cap)
{
    struct upload *u = ctx;

    if (u->at == u->len) {
        u->at = 0;
        if (ph_moved_file_next(u->file, u->piece, &u->len) != PH_OK)
            return 0;
    }
    const size_t left = u->len - u->at, n = left < cap ? left : cap;
    memcpy(out, u->piece + u->at, n);
    u->at += n;
    return n;
}

/* "INDEX:HASH" */
static int read_over(struct state_run *r, struct ph_import_head *head)
{
    const char *text = ph_opts_get(&r->cli->opts, "over"), *colon;
    struct ph_export_head now;
    char digits[24];

    if (text == NULL) {
        int rc = ask_head(r, &now);
        head->over_index = now.index;
        head->over_hash = now.hash;
        return rc;
    }
    colon = strchr(text, ':');
    if (colon != NULL && (size_t)(colon - text) < sizeof(digits)) {
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)(colon - text), text);
        if (ph_opts_number(digits, 0, UINT64_MAX / 2, &head->over_index) == PH_OK &&
            ph_hex_decode(ph_bytes_str(colon + 1), head->over_hash.b, 32) == PH_OK)
            return PH_EXIT_OK;
    }
    return ph_fail_usage(r->cli, "--over: expected INDEX:HASH, the hash of 64 hex digits");
}

/* What is imported, over which commit, under a key that only the cluster opens. */
static int make_head(struct state_run *r, struct ph_moved_file *f, uint8_t raw[PH_IMPORT_HEAD_LEN])
{
    struct ph_import_head head = {.from = f->head};
    int rc = read_over(r, &head);

    if (rc == PH_EXIT_OK)
        rc = ph_moved_file_check(r->cli, f, -1, &head.pieces);
    if (rc != PH_EXIT_OK)
        return rc;
    ph_moved_file_rewind(f);
    ph_phat_id_derive(&r->owner.address, r->target.name, &head.phat);
    ph_import_head_encode(&head, raw);
    const enum ph_err err = ph_hpke_seal(r->api.caller_x25519, PH_BYTES_LIT(PH_IMPORT_INFO),
                                         (struct ph_bytes){raw, PH_IMPORT_BOUND_LEN},
                                         PH_BYTES_OF(f->key), head.wrapped);
    if (err != PH_OK)
        return ph_fail(r->cli, "bad-answer", r->api.url.value, "do not use this worker",
                       "the worker's key cannot be encrypted to (%s)", ph_err_name(err));
    ph_import_head_encode(&head, raw);
    return PH_EXIT_OK;
}

static int send_import(struct state_run *r, struct ph_moved_file *f)
{
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct upload upload = {.file = f};
    const struct ph_http_flow flow = {
        .ctx = &upload, .give = give, .len = ph_export_pieces_len(f->head.page_cnt)};
    uint8_t raw[PH_IMPORT_HEAD_LEN];
    struct ph_hash32 content;
    struct ph_json_why why;
    char path[96];
    int rc = make_head(r, f, raw);

    if (rc != PH_EXIT_OK)
        return rc;
    ph_sha256(PH_BYTES_OF(raw), content.b);
    rc = ph_api_authorize(r->cli, &r->api, &r->owner, "import", r->target.name, &content, 0, &auth);
    if (rc != PH_EXIT_OK)
        return rc;
    (void)snprintf(path, sizeof(path), "/v1/phats/%s/state", r->target.id);
    rc = ph_api_do(r->cli, &r->api,
                   &(struct ph_api_call){.method = "PUT",
                                         .path = path,
                                         .auth = (const char *)auth.ptr,
                                         .content_type = "application/octet-stream",
                                         .body = PH_BYTES_OF(raw),
                                         .flow = flow.len > 0 ? &flow : NULL,
                                         .timeout_s = MOVE_TIMEOUT_S},
                   &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer.status != 200)
        return ph_api_refused(r->cli, &r->api, &answer);
    if (ph_json_load(ph_buf_view(&answer.body), 1 << 20, &doc, &why) != PH_OK)
        return ph_fail(r->cli, "bad-answer", r->api.url.value, NULL, "the answer is no JSON: %s",
                       why.text);
    const json_int_t index = json_integer_value(json_object_get(doc, "index"));
    const char *root = json_string_value(json_object_get(doc, "root"));
    if (r->cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:I,s:s?}", "ok", 1, "phat", r->target.id, "index",
                                       index, "root", root));
    printf("imported  %s\nindex     %lld\nroot      %s\n", r->target.id, (long long)index,
           root != NULL ? root : "?");
    return PH_EXIT_OK;
}

static int do_import(struct state_run *r)
{
    struct ph_moved_file f;
    int rc = ph_worker_check(r->cli, &r->api);

    if (rc == PH_EXIT_OK)
        rc = ph_moved_file_open(r->cli, r->cli->opts.operands[2], &f);
    if (rc != PH_EXIT_OK)
        return rc;
    rc = ph_moved_file_unlock(r->cli, &f, r->secret);
    if (rc == PH_EXIT_OK)
        rc = send_import(r, &f);
    ph_moved_file_close(&f);
    return rc;
}

/* --- Without a worker */

static int do_open(struct state_run *r)
{
    const char *out = ph_opts_get(&r->cli->opts, "out");
    struct ph_moved_file f;
    struct ph_hash32 pieces;
    int rc = ph_moved_file_open(r->cli, r->cli->opts.operands[1], &f), fd = -1;

    if (rc != PH_EXIT_OK)
        return rc;
    if (out != NULL) {
        fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            rc = ph_fail(r->cli, "io", out, "name a file that does not exist yet",
                         "cannot write the database: %s", strerror(errno));
    }
    if (rc == PH_EXIT_OK)
        rc = ph_moved_file_unlock(r->cli, &f, r->secret);
    if (rc == PH_EXIT_OK)
        rc = ph_moved_file_check(r->cli, &f, fd, &pieces);
    const struct ph_export_head head = f.head;
    ph_moved_file_close(&f);
    if (fd >= 0 && close(fd) != 0 && rc == PH_EXIT_OK)
        rc = ph_fail(r->cli, "io", out, NULL, "cannot write the database: %s", strerror(errno));
    if (fd >= 0 && rc != PH_EXIT_OK)
        (void)unlink(out);
    return rc == PH_EXIT_OK ? print_head(r->cli, &head, out) : rc;
}

static int do_key(struct state_run *r)
{
    char text[65];

    ph_hex_encode(PH_BYTES_OF(r->public), text);
    if (r->cli->json)
        return ph_print_json(json_pack("{s:b,s:s}", "ok", 1, "key", text));
    printf("%s\n", text);
    return PH_EXIT_OK;
}

static const struct {
    const char *name;
    size_t operands;
    bool asks_worker;
    int (*run)(struct state_run *r);
} actions[] = {
    {"show", 2, true, do_show},  {"export", 3, true, do_export}, {"import", 3, true, do_import},
    {"open", 2, false, do_open}, {"key", 1, false, do_key},
};

static int run(struct ph_cli *cli)
{
    struct state_run r = {.cli = cli};
    size_t i = 0;
    int rc = PH_EXIT_OK;

    while (i < PH_LEN(actions) && strcmp(actions[i].name, cli->opts.operands[0]) != 0)
        i++;
    if (i == PH_LEN(actions))
        return ph_fail_usage(cli, "\"%.40s\" is none of show, export, import, open, key",
                             cli->opts.operands[0]);
    if (cli->opts.operand_cnt != actions[i].operands)
        return ph_fail_usage(cli, "\"state %s\" takes %zu operands", actions[i].name,
                             actions[i].operands - 1);
    if (actions[i].asks_worker || !ph_opts_has(&cli->opts, "identity"))
        rc = ph_owner_unlock(cli, &r.owner);
    if (rc == PH_EXIT_OK)
        rc = ph_state_identity(cli, &r.owner, r.secret, r.public);
    if (rc == PH_EXIT_OK && actions[i].asks_worker)
        rc = find(&r);
    if (rc == PH_EXIT_OK)
        rc = actions[i].run(&r);
    ph_owner_clear(&r.owner);
    ph_wipe(r.secret, sizeof(r.secret));
    return rc;
}

const struct ph_cmd ph_cmd_state = {
    .name = "state",
    .operands = "show ID|NAME | export ID|NAME FILE | import ID|NAME FILE | open FILE | key",
    .summary = "Take a phat's state away, look into it, bring it back",
    .details =
        "\"export\" writes a file that only the owner's key opens, and FILE.receipt, which says of "
        "which\n"
        "commit it is. \"open\" checks it and writes the SQLite database in it. \"import\" puts "
        "an\n"
        "export or a database in place of a phat's whole state, as one commit over the one that\n"
        "\"show\" prints; the worker's evidence must meet the policy. \"key\" prints the key that\n"
        "exports are for.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 3,
    .run = run,
};
