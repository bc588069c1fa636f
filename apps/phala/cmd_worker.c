/* phala worker status | consent | rotate: an operator's side of a worker's place in the registry.
 */

#include "api.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "chain/consent.h"

#include <stdio.h>

enum { DAY_S = 86400, DAYS_DEFAULT = 365, DAYS_MAX = 3650, KIND_TDX = 2 };

static const struct ph_opt opts[] = {
    {"kind", 0, "N", "kind of TEE as the network numbers it, for a consent (default 2, TDX)"},
    {"slot", 0, "N", "place on the platform, from 0, for a consent (default 0)"},
    {"days", 0, "N", "how long a consent holds (default 365)"},
    {"nonce", 0, "N", "how many consents to this key were taken back before (default 0)"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_worker, ph_opts_key, ph_opts_common,
                                              NULL};

/* What a worker says of itself and its chain. */
struct told {
    struct ph_registry_of where;
    struct ph_eth_address signer, operator_; /* signer: the key that is consented to */
    json_t *doc;                             /* owned: GET /v1/info */
    const json_t *registration;
};

static bool read_address(const json_t *object, const char *member, struct ph_eth_address *out)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text && ph_hex_decode(ph_bytes_str(text), out->b, sizeof(out->b)) == PH_OK;
}

static int ask(const struct ph_cli *cli, const struct ph_api *api, struct told *out)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct told t = {.signer = api->signer};
    int rc =
        ph_api_json(cli, api, &(struct ph_api_call){.method = "GET", .path = "/v1/info"}, &doc);

    if (rc != PH_EXIT_OK)
        return rc;
    const json_t *chain = json_object_get(doc, "chain");
    const json_int_t id = json_integer_value(json_object_get(chain, "chain_id"));
    t.registration = json_object_get(chain, "registration");
    if (!json_is_object(t.registration))
        return ph_fail(cli, "no-registry", api->url.value,
                       "start it with --chain and a --network that names lens and intelCollateral",
                       "the worker registers on no chain");
    if (id < 1 || !read_address(chain, "registry", &t.where.registry) ||
        !read_address(doc, "operator", &t.operator_))
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "the worker does not say where it registers, and for whom");
    t.where.chain_id = (uint64_t)id;
    t.doc = PH_TAKE(doc);
    *out = t;
    return PH_EXIT_OK;
}

/* The key that is to follow the worker's present one. */
static int ask_next(const struct ph_cli *cli, const struct ph_api *api, struct told *t)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    const int rc = ph_api_json(
        cli, api, &(struct ph_api_call){.method = "POST", .path = "/v1/chain/next-key"}, &doc);

    if (rc != PH_EXIT_OK)
        return rc;
    if (!read_address(doc, "next_signer", &t->signer))
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "the worker does not say its next key");
    return PH_EXIT_OK;
}

static int show(const struct ph_cli *cli, const struct ph_api *api, const struct told *t)
{
    const char *why = json_string_value(json_object_get(t->registration, "why"));
    const char *state = json_string_value(json_object_get(t->registration, "state"));
    const bool live = json_is_true(json_object_get(t->registration, "live"));

    if (!why || !state)
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "the worker does not say its state");
    if (!live)
        return ph_fail(cli, "not-live", api->url.value, NULL,
                       "the worker is %s in the registry%s%s", state, why[0] ? ": " : "", why);
    if (cli->json)
        return ph_print_json(json_pack("{s:b, s:O}", "ok", 1, "registration", t->registration));
    printf("%s, lease until %lld (Unix seconds)\n", state,
           (long long)json_integer_value(json_object_get(t->registration, "lease_until")));
    if (why[0])
        printf("%s\n", why);
    return PH_EXIT_OK;
}

static int number(const struct ph_cli *cli, const char *name, uint64_t min, uint64_t max,
                  uint64_t otherwise, uint64_t *out)
{
    const char *text = ph_opts_get(&cli->opts, name);

    *out = otherwise;
    if (text && ph_opts_number(text, min, max, out) != PH_OK)
        return ph_fail_usage(cli, "--%s takes a number from %llu to %llu", name,
                             (unsigned long long)min, (unsigned long long)max);
    return PH_EXIT_OK;
}

static int read_terms(const struct ph_cli *cli, struct ph_consent *out)
{
    uint64_t kind, slot, days, nonce;
    int rc = number(cli, "kind", 1, UINT16_MAX, KIND_TDX, &kind);

    if (rc == PH_EXIT_OK)
        rc = number(cli, "slot", 0, UINT8_MAX, 0, &slot);
    if (rc == PH_EXIT_OK)
        rc = number(cli, "days", 1, DAYS_MAX, DAYS_DEFAULT, &days);
    if (rc == PH_EXIT_OK)
        rc = number(cli, "nonce", 0, UINT32_MAX, 0, &nonce);
    if (rc != PH_EXIT_OK)
        return rc;
    *out = (struct ph_consent){.kind = (uint16_t)kind,
                               .slot = (uint8_t)slot,
                               .nonce = nonce,
                               .deadline = (uint64_t)(ph_clock_wall_ms() / 1000) + days * DAY_S};
    return PH_EXIT_OK;
}

static int sign(const struct ph_cli *cli, const struct told *t, struct ph_consent *consent)
{
    struct ph_owner owner = {0};
    struct ph_hash32 digest;
    int rc = ph_owner_unlock(cli, &owner);

    if (rc != PH_EXIT_OK)
        return rc;
    const struct ph_address_text mine = ph_address_text(&owner.address);
    const struct ph_address_text theirs = ph_address_text(&t->operator_);
    ph_consent_digest(&t->where, consent, &t->signer, &digest);
    if (memcmp(owner.address.b, t->operator_.b, sizeof(owner.address.b)) != 0)
        rc = ph_fail(cli, "other-operator", NULL, "start the worker with this --operator",
                     "the keystore is of %s, the worker's operator is %s", mine.s, theirs.s);
    else if (ph_eth_sign(owner.secret, &digest, consent->sig) != PH_OK)
        rc = ph_fail(cli, "io", NULL, NULL, "the consent cannot be signed");
    ph_owner_clear(&owner);
    return rc;
}

static int give(const struct ph_cli *cli, const struct ph_api *api, const struct told *t,
                bool rotates)
{
    struct ph_consent consent = {0};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_CONSENT_TEXT_MAX);
    char sig[2 * PH_ETH_SIG_LEN + 1];
    int rc = read_terms(cli, &consent);

    if (rc == PH_EXIT_OK)
        rc = sign(cli, t, &consent);
    if (rc != PH_EXIT_OK)
        return rc;
    ph_hex_encode((struct ph_bytes){consent.sig, PH_ETH_SIG_LEN}, sig);
    if (ph_buf_addf(&text,
                    "{\"kind\":%u,\"slot\":%u,\"nonce\":%llu,\"deadline\":%llu,"
                    "\"signature\":\"0x%s\"}",
                    consent.kind, consent.slot, (unsigned long long)consent.nonce,
                    (unsigned long long)consent.deadline, sig) != PH_OK)
        return ph_fail(cli, "io", NULL, NULL, "out of memory");
    const struct ph_api_call call = {.method = "PUT",
                                     .path = "/v1/chain/consent",
                                     .content_type = "application/json",
                                     .body = ph_buf_view(&text)};
    rc = ph_api_json(cli, api, &call, NULL);
    if (rc != PH_EXIT_OK)
        return rc;
    const struct ph_address_text signer = ph_address_text(&t->signer);
    if (cli->json)
        return ph_print_json(json_pack("{s:b, s:s, s:I}", "ok", 1, "signer", signer.s, "deadline",
                                       (json_int_t)consent.deadline));
    if (rotates) {
        printf("the worker's key becomes %s, with consent until %llu (Unix seconds): see phala "
               "worker status\n",
               signer.s, (unsigned long long)consent.deadline);
        return PH_EXIT_OK;
    }
    printf("the worker's key %s may enter the registry of chain %llu until %llu (Unix seconds)\n",
           signer.s, (unsigned long long)t->where.chain_id, (unsigned long long)consent.deadline);
    return PH_EXIT_OK;
}

static int run(struct ph_cli *cli)
{
    const char *what = cli->opts.operands[0];
    const bool rotates = strcmp(what, "rotate") == 0;
    const bool consents = rotates || strcmp(what, "consent") == 0;
    struct told t = {0};
    struct ph_api api;

    if (!consents && strcmp(what, "status") != 0)
        return ph_fail_usage(cli, "\"%.40s\" is none of status, consent and rotate", what);
    int rc = ph_api_open(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ask(cli, &api, &t);
    if (rc == PH_EXIT_OK && rotates)
        rc = ask_next(cli, &api, &t);
    if (rc == PH_EXIT_OK)
        rc = consents ? give(cli, &api, &t, rotates) : show(cli, &api, &t);
    json_decref(t.doc);
    return rc;
}

const struct ph_cmd ph_cmd_worker = {
    .name = "worker",
    .operands = "status|consent|rotate",
    .summary = "a worker's place in a chain's registry",
    .details =
        "status   where the worker stands, and what is in the way; fails unless it is live\n"
        "consent  sign, with the operator's key, that the worker's key may enter the registry, and "
        "give that to the worker: it then enters, renews and comes back by itself. The operator's "
        "key does not leave this machine\n"
        "rotate   have the worker make its next key, and consent to that: the worker then brings "
        "the registry over to it, signs with it from then on, and forgets the key before once that "
        "is final",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
