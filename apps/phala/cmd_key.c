/* phala key new | import | address */

#include "owner.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "keystore.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

static const struct ph_opt opts[] = {
    {"out", 'o', "FILE", "where to write the keystore (default: keystore.json beside config.json)"},
    {"from", 0, "FILE", "import: file with the secret as 64 hex digits, - for standard input"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_key, ph_opts_common, NULL};

static int out_path(const struct ph_cli *cli, struct ph_path *out)
{
    const char *named = ph_opts_get(&cli->opts, "out");
    struct ph_path dir;
    if (named != NULL)
        return ph_path_set(out, "%s", named) == PH_OK ? PH_EXIT_OK
                                                      : ph_fail_usage(cli, "--out is too long");
    if (ph_config_dir(&dir) != PH_OK)
        return ph_fail(cli, "no-home", NULL, "name a file with --out", "HOME is not set");
    if (ph_dir_make_private(dir.s) != PH_OK)
        return ph_fail(cli, "io", dir.s, NULL, "cannot make the folder: %s", strerror(errno));
    return ph_path_set(out, "%s/keystore.json", dir.s) == PH_OK ? PH_EXIT_OK : PH_EXIT_REFUSED;
}

/* Encrypt and write; a keystore that exists is never touched. */
static int store(const struct ph_cli *cli, const uint8_t secret[static 32])
{
    struct ph_path path;
    struct ph_password password;
    struct ph_eth_address address;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    if (ph_eth_address(secret, &address) != PH_OK)
        return ph_fail(cli, "bad-key", NULL, "use 32 bytes that are a secp256k1 secret",
                       "the secret is zero or beyond the group's order");
    int rc = out_path(cli, &path);
    if (rc != PH_EXIT_OK)
        return rc;
    if (access(path.s, F_OK) == 0)
        return ph_fail(cli, "exists", path.s, "name another file with --out",
                       "the keystore exists");
    rc = ph_password_new(cli, &password);
    enum ph_err err =
        rc == PH_EXIT_OK ? ph_keystore_write(secret, ph_password_view(&password), &text) : PH_OK;
    ph_password_clear(&password);
    if (rc != PH_EXIT_OK)
        return rc;
    if (err == PH_OK)
        err = ph_file_write_new(path.s, ph_buf_view(&text), 0600);
    if (err != PH_OK)
        return ph_fail(cli, "io", path.s, NULL, "cannot write the keystore: %s", strerror(errno));
    struct ph_address_text addr = ph_address_text(&address);
    if (cli->json)
        return ph_print_json(
            json_pack("{s:b,s:s,s:s}", "ok", 1, "address", addr.s, "keystore", path.s));
    printf("address   %s\nkeystore  %s\n", addr.s, path.s);
    return PH_EXIT_OK;
}

static int key_new(const struct ph_cli *cli)
{
    uint8_t secret[32] = {0};
    struct ph_eth_address address;
    (void)mlock(secret, sizeof(secret));
    do /* a value out of range comes up once in 2^128 tries */
        ph_random(secret, sizeof(secret));
    while (ph_eth_address(secret, &address) != PH_OK);
    int rc = store(cli, secret);
    ph_wipe(secret, sizeof(secret));
    return rc;
}

static int key_import(const struct ph_cli *cli)
{
    const char *from = ph_opts_get(&cli->opts, "from");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(256);
    uint8_t secret[32];
    char typed[128];
    size_t len = 0;
    enum ph_err err;
    if (from != NULL) {
        err = ph_file_read(from, &text);
    } else {
        err = ph_terminal_secret("Secret, 64 hex digits", typed, sizeof(typed), &len);
        if (err == PH_OK)
            err = ph_buf_add(&text, (struct ph_bytes){(const uint8_t *)typed, len});
        ph_wipe(typed, sizeof(typed));
    }
    if (err != PH_OK)
        return ph_fail(cli, "io", from, "name a file with --from FILE, or - for standard input",
                       "cannot read the secret: %s",
                       from != NULL ? strerror(errno) : "there is no terminal to type it in");
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    err = ph_hex_decode(ph_buf_view(&text), secret, sizeof(secret));
    if (text.ptr != NULL)
        ph_wipe(text.ptr, text.cap);
    int rc = err == PH_OK ? store(cli, secret)
                          : ph_fail(cli, "bad-key", from, NULL, "expected 64 hex digits");
    ph_wipe(secret, sizeof(secret));
    return rc;
}

static int key_address(const struct ph_cli *cli)
{
    struct ph_eth_address address;
    int rc = ph_owner_address(cli, &address);
    if (rc != PH_EXIT_OK)
        return rc;
    struct ph_address_text text = ph_address_text(&address);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s}", "ok", 1, "address", text.s));
    printf("%s\n", text.s);
    return PH_EXIT_OK;
}

static int run(struct ph_cli *cli)
{
    const char *what = cli->opts.operands[0];
    if (strcmp(what, "new") == 0)
        return key_new(cli);
    if (strcmp(what, "import") == 0)
        return key_import(cli);
    if (strcmp(what, "address") == 0)
        return key_address(cli);
    return ph_fail_usage(cli, "\"%.40s\" is none of new, import, address", what);
}

const struct ph_cmd ph_cmd_key = {
    .name = "key",
    .operands = "new|import|address",
    .summary = "Make, import or show an owner's key",
    .details =
        "The key is an Ethereum key in a Web3 Secret Storage v3 file, the form that geth and cast\n"
        "read and write. \"new\" makes a random key, \"import\" takes one from a file or the\n"
        "terminal, \"address\" prints the address of the keystore without opening it. Passwords\n"
        "and secrets never go on the command line.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
