#include "owner.h"

#include "base/hex.h"
#include "base/own.h"
#include "keystore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static int from_config(const struct ph_cli *cli, const char *member, struct ph_setting *out)
{
    struct ph_path dir, file;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(64 << 10);
    if (ph_config_dir(&dir) != PH_OK || ph_path_set(&file, "%s/config.json", dir.s) != PH_OK)
        return PH_EXIT_OK;
    enum ph_err err = ph_file_read(file.s, &text);
    if (err == PH_ERR_NOT_FOUND)
        return PH_EXIT_OK;
    if (err != PH_OK)
        return ph_fail(cli, "bad-config", file.s, NULL, "cannot read the settings: %s",
                       strerror(errno));
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why = {"expected an object"};
    static const char *const keys[] = {"worker", "keystore", "ca", NULL};
    const char *value = NULL;
    err = ph_json_load(ph_buf_view(&text), text.limit, &doc, &why);
    if (err == PH_OK)
        err = json_is_object(doc) ? ph_json_only_keys(doc, "", keys, &why) : PH_ERR_MALFORMED;
    if (err == PH_OK)
        err = ph_json_str(doc, "", member, 1, PH_PATH_MAX - 1, &value, &why);
    if (err != PH_OK)
        return ph_fail(cli, "bad-config", file.s, "correct or remove it", "%s", why.text);
    if (value != NULL)
        (void)snprintf(out->value, sizeof(out->value), "%s", value);
    return PH_EXIT_OK;
}

int ph_setting_get(const struct ph_cli *cli, const char *option, const char *env,
                   const char *member, struct ph_setting *out)
{
    *out = (struct ph_setting){0};
    const char *value = ph_opts_get(&cli->opts, option);
    if (value == NULL && env != NULL)
        value = getenv(env);
    if (value == NULL || value[0] == '\0')
        return from_config(cli, member, out);
    if (strlen(value) >= sizeof(out->value))
        return ph_fail_usage(cli, "--%s is too long", option);
    (void)snprintf(out->value, sizeof(out->value), "%s", value);
    return PH_EXIT_OK;
}

static int find_keystore(const struct ph_cli *cli, struct ph_setting *path, struct ph_buf *text)
{
    int rc = ph_setting_get(cli, "key", "PHALA_KEYSTORE", "keystore", path);
    if (rc != PH_EXIT_OK)
        return rc;
    if (path->value[0] == '\0') {
        struct ph_path dir;
        if (ph_config_dir(&dir) != PH_OK)
            return ph_fail(cli, "no-key", NULL, "name it with --key FILE",
                           "no keystore is named and HOME is not set");
        (void)snprintf(path->value, sizeof(path->value), "%.4000s/keystore.json", dir.s);
    }
    enum ph_err err = ph_file_read(path->value, text);
    if (err == PH_ERR_NOT_FOUND)
        return ph_fail(cli, "no-key", path->value,
                       "make one with phala key new, or name it with --key FILE",
                       "there is no keystore");
    if (err != PH_OK)
        return ph_fail(cli, "no-key", path->value, NULL, "cannot read the keystore: %s",
                       strerror(errno));
    return PH_EXIT_OK;
}

int ph_owner_unlock(const struct ph_cli *cli, struct ph_owner *out)
{
    struct ph_setting path;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYSTORE_TEXT_MAX);
    int rc = find_keystore(cli, &path, &text);
    if (rc != PH_EXIT_OK)
        return rc;
    struct ph_password password;
    char prompt[300];
    (void)snprintf(prompt, sizeof(prompt), "Password of %.256s", path.value);
    rc = ph_password_get(cli, prompt, &password);
    if (rc == PH_EXIT_OK) {
        struct ph_keystore_why why;
        (void)mlock(out, sizeof(*out));
        enum ph_err err = ph_keystore_open(ph_buf_view(&text), ph_password_view(&password),
                                           out->secret, &out->address, &why);
        if (err != PH_OK)
            rc = ph_fail(cli, err == PH_ERR_UNTRUSTED ? "bad-password" : "bad-keystore", path.value,
                         NULL, "%s", why.text);
    }
    ph_password_clear(&password);
    return rc;
}

int ph_owner_address(const struct ph_cli *cli, struct ph_eth_address *out)
{
    struct ph_setting path;
    struct ph_keystore_why why;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYSTORE_TEXT_MAX);
    int rc = find_keystore(cli, &path, &text);
    if (rc != PH_EXIT_OK)
        return rc;
    enum ph_err err = ph_keystore_address(ph_buf_view(&text), out, &why);
    if (err == PH_ERR_NOT_FOUND) { /* the member is optional: then only the key itself tells */
        struct ph_owner owner;
        rc = ph_owner_unlock(cli, &owner);
        if (rc == PH_EXIT_OK)
            *out = owner.address;
        ph_owner_clear(&owner);
        return rc;
    }
    if (err != PH_OK)
        return ph_fail(cli, "bad-keystore", path.value, NULL, "%s", why.text);
    return PH_EXIT_OK;
}

void ph_owner_clear(struct ph_owner *owner)
{
    ph_wipe(owner, sizeof(*owner));
    (void)munlock(owner, sizeof(*owner));
}

struct ph_address_text ph_address_text(const struct ph_eth_address *address)
{
    struct ph_address_text t = {"0x"};
    ph_hex_encode(PH_BYTES_OF(address->b), t.s + 2);
    return t;
}
