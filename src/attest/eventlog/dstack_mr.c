#include "attest/eventlog/dstack_mr.h"

#include "base/hex.h"
#include "codec/jscan.h"
#include "crypto/hash.h"

static bool all_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

_Static_assert(PH_KEY_PROVIDER_MAX <= 2 * PH_DSTACK_PROVIDER_ID_MAX, "no id is too long");

enum ph_err ph_dstack_provider(const struct ph_event_claims *claims, struct ph_dstack_provider *out)
{
    struct ph_dstack_provider p = {.id_len = 0};
    struct ph_jtok toks[8];
    struct ph_jdoc doc;
    struct ph_bytes name, id;

    if (!claims->has_key_provider)
        return PH_ERR_NOT_FOUND;
    if (ph_jscan((struct ph_bytes){claims->key_provider, claims->key_provider_len}, toks,
                 PH_LEN(toks), &doc) != PH_OK)
        return PH_ERR_MALFORMED;
    const uint32_t n = ph_jscan_get(&doc, 0, "name"), i = ph_jscan_get(&doc, 0, "id");
    if (toks[0].cnt != 2 || n == 0 || i == 0 || /* members of what is no object are not found */
        ph_jscan_str(&doc, n, &name) != PH_OK || ph_jscan_str(&doc, i, &id) != PH_OK ||
        name.len > PH_DSTACK_PROVIDER_NAME_MAX || ph_jscan_hex(&doc, i, p.id, id.len / 2) != PH_OK)
        return PH_ERR_MALFORMED;
    memcpy(p.name, name.ptr, name.len);
    p.id_len = (uint32_t)(id.len / 2);
    *out = p;
    return PH_OK;
}

void ph_dstack_mrs(struct ph_event_claims *claims, const struct ph_tdx_body *td)
{
    const size_t owner_len = 48;
    struct ph_sha256 hash;

    memset(claims->mr_key_provider, 0, sizeof(claims->mr_key_provider));
    if (claims->has_key_provider)
        ph_sha256((struct ph_bytes){claims->key_provider, claims->key_provider_len},
                  claims->mr_key_provider);

    ph_sha256_init(&hash);
    ph_sha256_update(&hash, PH_BYTES_OF(td->mr_td));
    for (unsigned i = 0; i < 3; i++)
        ph_sha256_update(&hash, PH_BYTES_OF(claims->rtmrs.r[i]));
    ph_sha256_update(&hash, PH_BYTES_OF(claims->mr_key_provider));
    ph_sha256_final(&hash, claims->mr_system);

    ph_sha256_init(&hash);
    ph_sha256_update(&hash, PH_BYTES_OF(td->mr_td));
    for (unsigned i = 0; i < PH_RTMR_CNT; i++)
        ph_sha256_update(&hash, PH_BYTES_OF(claims->rtmrs.r[i]));
    if (!all_zero(td->mr_config_id, owner_len) || !all_zero(td->mr_owner, owner_len) ||
        !all_zero(td->mr_owner_config, owner_len)) {
        ph_sha256_update(&hash, PH_BYTES_OF(td->mr_config_id));
        ph_sha256_update(&hash, PH_BYTES_OF(td->mr_owner));
        ph_sha256_update(&hash, PH_BYTES_OF(td->mr_owner_config));
    }
    ph_sha256_final(&hash, claims->mr_aggregated);
    claims->has_mrs = true;
}

/* "local-sgx" is what the event calls the local provider. */
int ph_dstack_kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum ph_dstack_kind kind;
    } kinds[] = {{"none", PH_DSTACK_KEYS_NONE},
                 {"local", PH_DSTACK_KEYS_LOCAL},
                 {"local-sgx", PH_DSTACK_KEYS_LOCAL},
                 {"kms", PH_DSTACK_KEYS_KMS},
                 {"tpm", PH_DSTACK_KEYS_TPM}};

    for (size_t i = 0; i < PH_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return (int)kinds[i].kind;
    }
    return -1;
}

static enum ph_err config_hash_v2(const struct ph_event_claims *claims, uint8_t out[static 32])
{
    uint8_t text[PH_COMPOSE_HASH_LEN + PH_APP_ID_LEN + 1 + PH_DSTACK_PROVIDER_ID_MAX];
    struct ph_dstack_provider p;

    if (!claims->has_app_id || ph_dstack_provider(claims, &p) != PH_OK ||
        ph_dstack_kind_of(p.name) < 0)
        return PH_ERR_UNTRUSTED;
    memcpy(text, claims->compose_hash, PH_COMPOSE_HASH_LEN);
    memcpy(text + PH_COMPOSE_HASH_LEN, claims->app_id, PH_APP_ID_LEN);
    const size_t at = PH_COMPOSE_HASH_LEN + PH_APP_ID_LEN;
    text[at] = (uint8_t)ph_dstack_kind_of(p.name);
    memcpy(text + at + 1, p.id, p.id_len);
    ph_keccak256((struct ph_bytes){text, at + 1 + p.id_len}, out);
    return PH_OK;
}

enum ph_err ph_dstack_config_id_check(const struct ph_event_claims *claims,
                                      const uint8_t mr_config_id[static 48],
                                      struct ph_event_why *why)
{
    uint8_t want[32];
    bool ok = claims->has_compose_hash;

    if (all_zero(mr_config_id, 48))
        return PH_OK;
    if (mr_config_id[0] != 1 && mr_config_id[0] != 2)
        return PH_ERR_UNSUPPORTED;
    if (mr_config_id[0] == 1)
        memcpy(want, claims->compose_hash, sizeof(want));
    else
        ok = ok && config_hash_v2(claims, want) == PH_OK;
    if (!ok || memcmp(mr_config_id + 1, want, sizeof(want)) != 0 ||
        !all_zero(mr_config_id + 33, 15))
        return ph_event_refuse(why, PH_CHECK_EVENT_CONFIG_ID, claims->event_cnt,
                               "MR_CONFIG_ID (version %u) does not fit the events of the boot",
                               mr_config_id[0]);
    return PH_OK;
}
