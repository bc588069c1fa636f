#include "node/phat_show.h"

#include "base/clock.h"
#include "base/hex.h"
#include "node/wallets_priv.h"

#include <stdio.h>

static json_t *hex_text(struct ph_bytes bytes)
{
    char text[2 + 2 * 32 + 1] = "0x";

    ph_hex_encode(bytes, text + 2);
    return json_string(text);
}

static json_t *wei_text(const struct ph_u256 *wei)
{
    char text[PH_U256_DECIMAL_LEN];

    ph_u256_format_decimal(wei, text);
    return json_string(text);
}

static json_t *show_word(const struct ph_wallet_word *word)
{
    switch (word->bound) {
    case PH_WALLET_IS:
        return json_pack("{s:o}", "is", hex_text(PH_BYTES_OF(word->value.b)));
    case PH_WALLET_MAX:
        return json_pack("{s:o}", "max", wei_text(&word->value));
    case PH_WALLET_FREE:
        break;
    }
    return json_null();
}

static json_t *show_selector(const struct ph_wallet_policy *p, const struct ph_wallet_selector *s)
{
    json_t *words = json_array();

    if (s->word_cnt == 0) {
        json_decref(words);
        return hex_text(PH_BYTES_OF(s->b));
    }
    for (size_t i = 0; i < s->word_cnt; i++)
        (void)json_array_append_new(words, show_word(&p->words[s->word_at + i]));
    return json_pack("{s:o,s:o}", "selector", hex_text(PH_BYTES_OF(s->b)), "words", words);
}

static json_t *show_contract(const struct ph_wallet_policy *p, const struct ph_wallet_contract *c)
{
    json_t *selectors = json_array();

    for (size_t i = 0; i < c->selector_cnt; i++)
        (void)json_array_append_new(selectors, show_selector(p, &c->selectors[i]));
    if (c->plain)
        (void)json_array_append_new(selectors, json_string("0x"));
    return json_pack("{s:o,s:o}", "address", hex_text(PH_BYTES_OF(c->address.b)), "selectors",
                     selectors);
}

static json_t *show_policy(const struct ph_wallet_policy *p)
{
    const struct ph_u256 fee = ph_u256_of(p->max_fee);
    json_t *contracts = json_array();

    for (size_t i = 0; i < p->contract_cnt; i++)
        (void)json_array_append_new(contracts, show_contract(p, &p->contracts[i]));
    return json_pack("{s:I,s:o,s:I,s:o,s:o,s:o,s:I,s:I,s:o}", "chainId", (json_int_t)p->chain_id,
                     "worker", hex_text(PH_BYTES_OF(p->worker.b)), "firstNonce",
                     (json_int_t)p->first_nonce, "contracts", contracts, "maxValueWei",
                     wei_text(&p->max_value), "maxValueWeiPerDay", wei_text(&p->max_value_per_day),
                     "maxTransactionsPerDay", (json_int_t)p->max_transactions_per_day, "maxGas",
                     (json_int_t)p->max_gas, "maxFeePerGasWei", wei_text(&fee));
}

/* The policy in the form of phat.json, and, where the worker is on a chain, the account and whether
 * this is the worker that sends. NULL: the phat has no wallet, or no memory. */
static json_t *show_wallet(struct ph_phat *phat)
{
    struct ph_version *version = phat->version;
    char why[PH_WALLET_ASK_WHY_LEN];
    struct ph_wallet *w = NULL;
    const char *code;

    if (!version || !version->manifest.wallet)
        return NULL;
    json_t *doc = show_policy(version->manifest.wallet);
    if (doc && phat->node->chain && ph_wallet_of(phat, version, &w, &code, why) == PH_OK) {
        (void)json_object_set_new(doc, "address", hex_text(PH_BYTES_OF(w->address.b)));
        (void)json_object_set_new(doc, "sends", json_boolean(w->sends && w->txman));
    }
    return doc;
}

json_t *ph_phat_show(struct ph_phat *phat)
{
    const struct ph_version *v = phat->version;
    char when[21];
    json_t *doc;

    ph_time_format_rfc3339((int64_t)phat->changed_ms / 1000, when);
    doc = json_pack("{s:s, s:s?, s:o, s:I, s:s, s:b, s:b, s:I, s:b}", "id", phat->id_text, "name",
                    v ? v->manifest.name : NULL, "owner", hex_text(PH_BYTES_OF(phat->owner.b)),
                    "sequence", (json_int_t)phat->sequence, "changed", when, "deleted", v == NULL,
                    "has_secrets", phat->secrets_sequence != 0, "secrets_sequence",
                    (json_int_t)phat->secrets_sequence, "encrypted", v && v->code_epoch != 0);
    if (doc && v) {
        char url[160];
        const struct ph_node *node = phat->node;
        if (node->config->domain)
            (void)snprintf(url, sizeof(url), "https://%s.%.100s/", phat->id_text,
                           node->config->domain);
        else
            (void)snprintf(url, sizeof(url), "/p/%s/", phat->id_text);
        (void)json_object_set_new(doc, "bundle_hash", hex_text(PH_BYTES_OF(v->bundle_hash.b)));
        (void)json_object_set_new(doc, "url", json_string(url));
        json_t *wallet = show_wallet(phat);
        if (wallet)
            (void)json_object_set_new(doc, "wallet", wallet);
    }
    return doc;
}
