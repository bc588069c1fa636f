#include "attest/eventlog/dstack_config.h"

#include "codec/jput.h"
#include "codec/jread.h"
#include "crypto/hash.h"

enum { TOKENS_MAX = 64 };

void ph_dstack_config_hash(struct ph_bytes document, uint8_t out[static 32])
{
    static const char domain[] = "dstack-mr-config-v3:"; /* with the zero at its end */
    struct ph_sha256 hash;

    ph_sha256_init(&hash);
    ph_sha256_update(&hash, PH_BYTES_OF(domain));
    ph_sha256_update(&hash, document);
    ph_sha256_final(&hash, out);
}

static enum ph_err read_provider(const struct ph_jdoc *json, struct ph_dstack_config *c,
                                 struct ph_json_why *why)
{
    static const char *const names[] = {"none", "local", "kms", "tpm"};
    const uint32_t id = ph_jscan_get(json, 0, "key_provider_id");
    struct ph_bytes name = {0}, hex;
    size_t i = 0;

    PH_TRY(ph_jread_str(json, 0, "", "key_provider", 1, 8, &name, why));
    while (i < PH_LEN(names) && !ph_bytes_is(name, names[i]))
        i++;
    if (i == PH_LEN(names))
        return PH_ERR_MALFORMED;
    c->key_provider = (enum ph_dstack_kind)i;
    c->has_key_provider_id = id != 0;
    if (id == 0)
        return PH_OK;
    if (ph_jscan_str(json, id, &hex) != PH_OK || hex.len % 2 != 0 ||
        hex.len / 2 > sizeof(c->key_provider_id))
        return PH_ERR_MALFORMED;
    c->key_provider_id_len = (uint32_t)(hex.len / 2);
    return ph_jscan_hex(json, id, c->key_provider_id, c->key_provider_id_len);
}

static enum ph_err read_scripts(const struct ph_jdoc *json, struct ph_dstack_config *c,
                                struct ph_json_why *why)
{
    uint32_t list;

    PH_TRY(ph_jread_array(json, 0, "", "init_script_hashes", PH_INIT_SCRIPTS_MAX, &list, why));
    c->has_init_scripts = list != 0;
    if (list == 0)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(json, list, t); t = json->toks[t].next)
        PH_TRY(ph_jscan_hex(json, t, c->init_script_hash[c->init_script_cnt++], 32));
    return PH_OK;
}

enum ph_err ph_dstack_config_parse(struct ph_bytes document, struct ph_dstack_config *out)
{
    static const char *const known[] = {
        "version",     "app_id",       "compose_hash",    "gpu_policy_hash",
        "instance_id", "key_provider", "key_provider_id", "init_script_hashes",
        NULL};
    struct ph_dstack_config c = {.key_provider = PH_DSTACK_KEYS_NONE};
    struct ph_jtok toks[TOKENS_MAX];
    struct ph_json_why why;
    struct ph_jdoc json;
    uint64_t version = 3;
    bool has_compose = false;

    PH_TRY(ph_jread_open(document, PH_DSTACK_CONFIG_MAX, toks, TOKENS_MAX, &json, &why));
    PH_TRY(ph_jread_only_keys(&json, 0, "", known, &why));
    PH_TRY(ph_jread_int(&json, 0, "", "version", 3, 3, &version, &why));
    PH_TRY(ph_jread_hex(&json, 0, "", "app_id", c.app_id, 20, &c.has_app_id, &why));
    PH_TRY(ph_jread_hex(&json, 0, "", "compose_hash", c.compose_hash, 32, &has_compose, &why));
    PH_TRY(ph_jread_hex(&json, 0, "", "gpu_policy_hash", c.gpu_policy_hash, 32,
                        &c.has_gpu_policy_hash, &why));
    PH_TRY(ph_jread_hex(&json, 0, "", "instance_id", c.instance_id, 20, &c.has_instance_id, &why));
    PH_TRY(read_provider(&json, &c, &why));
    PH_TRY(read_scripts(&json, &c, &why));
    if (!has_compose)
        return PH_ERR_MALFORMED;
    *out = c;
    return PH_OK;
}

/* A member of the document that is there is what the guest measured. */
static bool same(bool has, const void *in_document, bool measured, const void *in_log, size_t len)
{
    return !has || (measured && memcmp(in_document, in_log, len) == 0);
}

static bool same_provider(const struct ph_dstack_config *c, const struct ph_event_claims *e)
{
    struct ph_dstack_provider p;

    if (ph_dstack_provider(e, &p) != PH_OK || ph_dstack_kind_of(p.name) != (int)c->key_provider)
        return false;
    return !c->has_key_provider_id ||
           (c->key_provider_id_len == p.id_len && memcmp(c->key_provider_id, p.id, p.id_len) == 0);
}

static bool same_scripts(const struct ph_dstack_config *c, const struct ph_event_claims *e)
{
    return !c->has_init_scripts ||
           (c->init_script_cnt == e->init_script_cnt &&
            memcmp(c->init_script_hash, e->init_script_hash, 32 * (size_t)c->init_script_cnt) == 0);
}

enum ph_err ph_dstack_config_check(const struct ph_event_claims *claims,
                                   const uint8_t mr_config_id[static 48], struct ph_bytes document,
                                   struct ph_dstack_config *out, struct ph_event_why *why)
{
    const struct ph_event_claims *e = claims;
    struct ph_dstack_config c;
    uint8_t want[48] = {3};
    const char *what = NULL;

    ph_dstack_config_hash(document, want + 1);
    if (memcmp(mr_config_id, want, sizeof(want)) != 0)
        what = "MR_CONFIG_ID is not the hash of the document in vm_config";
    else if (ph_dstack_config_parse(document, &c) != PH_OK)
        what = "the document that MR_CONFIG_ID names breaks its format";
    else if (!same(true, c.compose_hash, e->has_compose_hash, e->compose_hash, 32))
        what = "compose_hash";
    else if (!same(c.has_app_id, c.app_id, e->has_app_id, e->app_id, 20))
        what = "app_id";
    else if (!same(c.has_instance_id, c.instance_id, e->has_instance_id, e->instance_id, 20))
        what = "instance_id";
    else if (!same(c.has_gpu_policy_hash, c.gpu_policy_hash, e->has_gpu_policy_hash,
                   e->gpu_policy_hash, 32))
        what = "gpu_policy_hash";
    else if (!same_scripts(&c, e))
        what = "init_script_hashes";
    else if (!same_provider(&c, e))
        what = "key_provider";
    if (what)
        return ph_event_refuse(why, PH_CHECK_EVENT_CONFIG_ID, claims->event_cnt,
                               "MR_CONFIG_ID (version 3) does not fit the events of the boot: %s",
                               what);
    *out = c;
    return PH_OK;
}

static void put(struct ph_jput *out, const char *key, bool has, struct ph_bytes value)
{
    if (has)
        ph_jput_hex(out, key, value);
    else
        ph_jput_null(out, key);
}

void ph_dstack_config_json(const struct ph_dstack_config *c, struct ph_jput *out, const char *key)
{
    static const char *const kinds[] = {"none", "local-sgx", "kms", "tpm"};

    ph_jput_object(out, key);
    put(out, "app_id", c->has_app_id, PH_BYTES_OF(c->app_id));
    put(out, "compose_hash", true, PH_BYTES_OF(c->compose_hash));
    put(out, "gpu_policy_hash", c->has_gpu_policy_hash, PH_BYTES_OF(c->gpu_policy_hash));
    put(out, "instance_id", c->has_instance_id, PH_BYTES_OF(c->instance_id));
    ph_jput_str(out, "key_provider", kinds[c->key_provider]);
    put(out, "key_provider_id", c->has_key_provider_id,
        (struct ph_bytes){c->key_provider_id, c->key_provider_id_len});
    if (c->has_init_scripts) {
        ph_jput_array(out, "init_script_hashes");
        for (uint32_t i = 0; i < c->init_script_cnt; i++)
            ph_jput_hex(out, NULL, PH_BYTES_OF(c->init_script_hash[i]));
        ph_jput_close(out);
    } else {
        ph_jput_null(out, "init_script_hashes");
    }
    ph_jput_close(out);
}
