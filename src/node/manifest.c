#include "node/manifest.h"

#include "base/own.h"
#include "codec/tar.h"

#include <stdio.h>
#include <stdlib.h>

static enum ph_err fail(struct ph_json_why *why, const char *path, const char *what)
{
    (void)snprintf(why->text, sizeof(why->text), "phat.json: %s: %s", path, what);
    return PH_ERR_MALFORMED;
}

static bool is_variable_name(const char *s)
{
    for (size_t i = 0; s[i]; i++) {
        const char c = s[i];
        const bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!(alpha || (i > 0 && c >= '0' && c <= '9')) || i >= 64)
            return false;
    }
    return s[0] != '\0';
}

static enum ph_err read_name(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    const char *name = NULL, *main_file = "worker.js", *description = NULL;
    struct ph_owner_request probe = {.action = "deploy"};

    PH_TRY(ph_json_str(doc, "phat.json", "name", 1, PH_NAME_MAX, &name, why));
    PH_TRY(ph_json_str(doc, "phat.json", "main", 1, PH_TAR_PATH_MAX, &main_file, why));
    PH_TRY(ph_json_str(doc, "phat.json", "description", 0, 1000, &description, why));
    if (!name)
        return fail(why, "name", "is missing; give the phat a name of a-z, 0-9 and inner '-'");
    (void)snprintf(probe.name, sizeof(probe.name), "%s", name);
    if (ph_owner_request_check(&probe) != PH_OK)
        return fail(why, "name", "must be 1 to 63 of a-z, 0-9 and inner '-'");
    (void)snprintf(m->name, sizeof(m->name), "%s", name);
    (void)snprintf(m->main_file, sizeof(m->main_file), "%s", main_file);
    return PH_OK;
}

static enum ph_err read_limits(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    const json_t *limits = json_object_get(doc, "limits");
#define L(key, field, least, greatest, dflt) key,
    static const char *const keys[] = {PH_MANIFEST_LIMITS(L) NULL};
#undef L

    if (limits && !json_is_object(limits))
        return fail(why, "limits", "expected an object");
    if (limits)
        PH_TRY(ph_json_only_keys(limits, "limits", keys, why));
#define L(key, field, least, greatest, dflt)                                                       \
    {                                                                                              \
        int64_t v = (dflt);                                                                        \
        if (limits)                                                                                \
            PH_TRY(ph_json_int(limits, "limits", key, least, greatest, &v, why));                  \
        m->limits.field = (uint32_t)v;                                                             \
    }
    PH_MANIFEST_LIMITS(L)
#undef L
    return PH_OK;
}

static enum ph_err read_egress(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    const json_t *list = json_object_get(doc, "egress");
    size_t i;
    const json_t *item;

    if (!list)
        return PH_OK;
    if (!json_is_array(list) || json_array_size(list) > PH_MANIFEST_EGRESS_MAX)
        return fail(why, "egress", "expected a list of at most 64 origins");
    if (json_array_size(list) == 0)
        return PH_OK;
    m->egress = calloc(json_array_size(list), sizeof(*m->egress));
    if (!m->egress)
        return PH_ERR_NOMEM;
    json_array_foreach(list, i, item)
    {
        char reason[128] = "expected a text", path[32];
        (void)snprintf(path, sizeof(path), "egress[%zu]", i);
        if (!json_is_string(item) ||
            ph_egress_rule_parse((struct ph_bytes){(const uint8_t *)json_string_value(item),
                                                   json_string_length(item)},
                                 &m->egress[i], reason) != PH_OK)
            return fail(why, path, reason);
        m->egress_cnt++;
    }
    return PH_OK;
}

static enum ph_err read_env(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    json_t *env = json_object_get(doc, "env");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_MANIFEST_MAX);

    if (env) {
        const char *key;
        json_t *value;
        if (!json_is_object(env) || json_object_size(env) > PH_MANIFEST_ENV_MAX)
            return fail(why, "env", "expected an object of at most 64 texts");
        json_object_foreach(env, key, value)
        {
            if (!is_variable_name(key) || !json_is_string(value))
                return fail(why, "env", "names are [A-Za-z_][A-Za-z0-9_]*, values are texts");
        }
        PH_TRY(ph_json_dump(env, &text));
    } else {
        PH_TRY(ph_buf_add_str(&text, "{}"));
    }
    PH_TRY(ph_buf_add(&text, (struct ph_bytes){(const uint8_t *)"", 1}));
    m->env_json = (char *)PH_TAKE(text.ptr);
    return PH_OK;
}

static enum ph_err read_names(const json_t *doc, const char *key, size_t max, size_t len_max,
                              bool variables, struct ph_json_why *why)
{
    const json_t *list = json_object_get(doc, key), *item;
    size_t i;

    if (!list)
        return PH_OK;
    if (!json_is_array(list) || json_array_size(list) > max)
        return fail(why, key, "expected a list, shorter than this");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) > len_max ||
            (variables && !is_variable_name(json_string_value(item))))
            return fail(why, key,
                        variables ? "names are [A-Za-z_][A-Za-z0-9_]*" : "expected texts");
    }
    return PH_OK;
}

static enum ph_err read_triggers(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    const json_t *triggers = json_object_get(doc, "triggers"), *list, *item;
    static const char *const keys[] = {"cron", NULL};
    size_t i;

    if (!triggers)
        return PH_OK;
    if (!json_is_object(triggers))
        return fail(why, "triggers", "expected an object");
    PH_TRY(ph_json_only_keys(triggers, "triggers", keys, why));
    list = json_object_get(triggers, "cron");
    if (!list)
        return PH_OK;
    if (!json_is_array(list) || json_array_size(list) > PH_MANIFEST_CRON_MAX)
        return fail(why, "triggers.cron", "expected a list of at most 8 expressions");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) ||
            ph_cron_parse(ph_bytes_str(json_string_value(item)), &m->cron[m->cron_cnt]) != PH_OK)
            return fail(why, "triggers.cron",
                        "expected five fields: minute hour day month weekday");
        m->cron_cnt++;
    }
    return PH_OK;
}

/* "state": {"maxMiB": 64}: the phat has a database of at most that size. */
static enum ph_err read_state(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    static const char *const keys[] = {"maxMiB", NULL};
    const json_t *state = json_object_get(doc, "state");
    int64_t mib = PH_MANIFEST_STATE_MIB;

    if (!state)
        return PH_OK;
    if (!json_is_object(state))
        return fail(why, "state", "expected an object");
    PH_TRY(ph_json_only_keys(state, "state", keys, why));
    PH_TRY(ph_json_int(state, "state", "maxMiB", 1, PH_MANIFEST_STATE_MIB_MAX, &mib, why));
    m->state_pages = (uint32_t)mib * 256;
    return PH_OK;
}

/* "chain": {"read": true}: the phat may ask the chain that its worker follows. */
static enum ph_err read_chain(const json_t *doc, struct ph_manifest *m, struct ph_json_why *why)
{
    static const char *const keys[] = {"read", NULL};
    const json_t *chain = json_object_get(doc, "chain");

    if (!chain)
        return PH_OK;
    if (!json_is_object(chain))
        return fail(why, "chain", "expected an object");
    PH_TRY(ph_json_only_keys(chain, "chain", keys, why));
    const json_t *read = json_object_get(chain, "read");
    if (read && !json_is_boolean(read))
        return fail(why, "chain.read", "expected true or false");
    m->chain_read = json_is_true(read);
    return PH_OK;
}

/* "wallet": what it may send on chain. Read as phala-keyd reads it, from the text. */
static enum ph_err read_wallet(const json_t *doc, struct ph_bytes text, struct ph_manifest *m,
                               struct ph_json_why *why)
{
    bool present = false;

    if (!json_object_get(doc, "wallet"))
        return PH_OK;
    m->wallet = calloc(1, sizeof(*m->wallet));
    if (!m->wallet)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_wallet_policy_parse(text, m->wallet, &present, why);
    if (err != PH_OK || !present) {
        struct ph_json_why reason = *why;
        (void)snprintf(why->text, sizeof(why->text), "phat.json: %.200s", reason.text);
        return err == PH_OK ? PH_ERR_MALFORMED : err;
    }
    return PH_OK;
}

static enum ph_err parse(const json_t *doc, struct ph_bytes text, struct ph_manifest *m,
                         struct ph_json_why *why)
{
    static const char *const keys[] = {"name",   "main",    "description", "egress", "env",
                                       "limits", "secrets", "triggers",    "assets", "state",
                                       "chain",  "wallet",  NULL};

    if (!json_is_object(doc))
        return fail(why, "document", "expected an object");
    PH_TRY(ph_json_only_keys(doc, "phat.json", keys, why));
    PH_TRY(read_name(doc, m, why));
    PH_TRY(read_limits(doc, m, why));
    PH_TRY(read_state(doc, m, why));
    PH_TRY(read_chain(doc, m, why));
    PH_TRY(read_wallet(doc, text, m, why));
    PH_TRY(read_egress(doc, m, why));
    PH_TRY(read_env(doc, m, why));
    PH_TRY(read_names(doc, "secrets", PH_MANIFEST_SECRETS_MAX, 64, true, why));
    PH_TRY(read_names(doc, "assets", 64, 200, false, why));
    return read_triggers(doc, m, why);
}

enum ph_err ph_manifest_parse(struct ph_bytes text, struct ph_manifest *out,
                              struct ph_json_why *why)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_manifest m = {0};

    PH_TRY(ph_json_load(text, PH_MANIFEST_MAX, &doc, why));
    const enum ph_err err = parse(doc, text, &m, why);
    if (err != PH_OK) {
        ph_manifest_clear(&m);
        return err;
    }
    *out = m;
    return PH_OK;
}

void ph_manifest_clear(struct ph_manifest *manifest)
{
    free(manifest->wallet);
    free(manifest->egress);
    free(manifest->env_json);
    *manifest = (struct ph_manifest){0};
}
