#include "secret_args.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "keys/secrets.h"

#include <errno.h>
#include <stdio.h>

const struct ph_opt ph_opts_secrets[] = {
    {"policy", 'p', "FILE", "evidence policy that the worker must meet before it gets secrets"},
    {"unverified-worker-insecure", 0, NULL, "send secrets without checking the worker's evidence"},
    {0},
};

/* Whole file or input, with one final line feed cut off: editors add it, secrets rarely mean it. */
static int read_value(const struct ph_cli *cli, const char *name, const char *source,
                      struct ph_buf *value)
{
    enum ph_err err;
    if (strcmp(source, "-") == 0 && isatty(STDIN_FILENO)) {
        char typed[4096], prompt[200];
        size_t len = 0;
        (void)snprintf(prompt, sizeof(prompt), "Value of %.128s", name);
        err = ph_terminal_secret(prompt, typed, sizeof(typed), &len);
        if (err == PH_OK)
            err = ph_buf_add(value, (struct ph_bytes){(const uint8_t *)typed, len});
        ph_wipe(typed, sizeof(typed));
    } else {
        err = ph_file_read(source[0] == '@' ? source + 1 : source, value);
    }
    if (err != PH_OK)
        return ph_fail(cli, "bad-secret", source, "use NAME=@FILE, or NAME=- for standard input",
                       "cannot read the value of secret %.128s: %s", name, strerror(errno));
    if (value->len > 0 && value->ptr[value->len - 1] == '\n')
        value->len--;
    return PH_EXIT_OK;
}

static int add_secret(const struct ph_cli *cli, const char *spec, json_t *doc)
{
    const char *eq = strchr(spec, '=');
    char name[PH_SECRETS_NAME_MAX + 1];
    if (eq == NULL || eq == spec || (size_t)(eq - spec) > PH_SECRETS_NAME_MAX ||
        (eq[1] != '@' && strcmp(eq + 1, "-") != 0))
        return ph_fail_usage(cli, "a secret is given as NAME=@FILE or NAME=-; values do not go on "
                                  "the command line, where other processes can read them");
    (void)snprintf(name, sizeof(name), "%.*s", (int)(eq - spec), spec);
    if (json_object_get(doc, name) != NULL)
        return ph_fail_usage(cli, "secret %s is given twice", name);
    struct ph_buf value = PH_BUF(PH_SECRETS_MAX);
    int rc = read_value(cli, name, eq + 1, &value);
    if (rc == PH_EXIT_OK &&
        json_object_set_new(doc, name, json_stringn((const char *)value.ptr, value.len)) != 0)
        rc = ph_fail(cli, "bad-secret", spec, "encode binary values, for example in base64",
                     "the value of secret %s is no UTF-8 text", name);
    if (value.ptr != NULL)
        ph_wipe(value.ptr, value.cap);
    ph_buf_clear(&value);
    return rc;
}

int ph_secret_doc_read(const struct ph_cli *cli, const char *const *specs, size_t cnt,
                       struct ph_secret_doc *out)
{
    json_t *doc PH_OWNED(ph_json_freep) = json_object();
    char why[128] = "out of memory";
    *out = (struct ph_secret_doc){.text = PH_BUF(PH_SECRETS_MAX), .cnt = cnt};
    for (size_t i = 0; i < cnt; i++) {
        int rc = add_secret(cli, specs[i], doc);
        if (rc != PH_EXIT_OK)
            return rc;
    }
    enum ph_err err = ph_json_dump(doc, &out->text);
    if (err == PH_OK)
        err = ph_secrets_check(ph_buf_view(&out->text), why);
    if (err != PH_OK)
        return ph_fail(cli, "bad-secret", NULL, "at most 64 KiB in all; names like API_KEY",
                       "the secrets are refused: %s", err == PH_ERR_LIMIT ? "too much" : why);
    return PH_EXIT_OK;
}

void ph_secret_doc_clear(struct ph_secret_doc *doc)
{
    if (doc->text.ptr != NULL)
        ph_wipe(doc->text.ptr, doc->text.cap);
    ph_buf_clear(&doc->text);
}

int ph_secrets_send(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_owner *owner, const struct ph_target *target,
                    const struct ph_secret_doc *doc, uint64_t sequence)
{
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_phat_id id;
    struct ph_hash32 content;
    char why[128] = "", path[96];
    ph_phat_id_derive(&owner->address, target->name, &id);
    enum ph_err err = ph_secrets_seal(api->caller_x25519, &id, &doc->bundles,
                                      ph_buf_view(&doc->text), &envelope, why);
    if (err != PH_OK)
        return ph_fail(cli, "bad-secret", NULL, NULL, "cannot seal the secrets: %s %s",
                       ph_err_name(err), why);
    ph_sha256(ph_buf_view(&envelope), content.b);
    int rc = ph_api_authorize(cli, api, owner, "secrets", target->name, &content, sequence, &auth);
    if (rc != PH_EXIT_OK)
        return rc;
    (void)snprintf(path, sizeof(path), "/v1/phats/%s/secrets", target->id);
    return ph_api_json(cli, api,
                       &(struct ph_api_call){.method = "PUT",
                                             .path = path,
                                             .auth = (const char *)auth.ptr,
                                             .content_type = "application/octet-stream",
                                             .body = ph_buf_view(&envelope)},
                       NULL);
}
