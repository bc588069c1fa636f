#include "chain/wallet_policy.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/jread.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKS = 8192 };

static const char *const keys[] = {"chainId",         "worker",
                                   "firstNonce",      "contracts",
                                   "maxValueWei",     "maxValueWeiPerDay",
                                   "maxGas",          "maxTransactionsPerDay",
                                   "maxFeePerGasWei", NULL};
static const char *const contract_keys[] = {"address", "selectors", NULL};
#define INT_MAX_18 UINT64_C(999999999999999999) /* what the scanner takes */

/* Decimal digits in a string: wei do not fit a number of JSON. */
static enum ph_err read_wei(const struct ph_jdoc *doc, uint32_t wallet, const char *key,
                            struct ph_u256 *out, struct ph_json_why *why)
{
    struct ph_bytes text = {0};

    PH_TRY(ph_jread_str(doc, wallet, "wallet", key, 1, 78, &text, why));
    if (text.len > 0 && ph_u256_parse_decimal(text, out) != PH_OK)
        return ph_jread_bad(why, "wallet", key,
                            "is no decimal number, in quotes, of at most 256 bits");
    return PH_OK;
}

/* A contract that is being read. */
struct place {
    const struct ph_jdoc *doc;
    const char *path;
    struct ph_wallet_policy *policy;
    struct ph_wallet_contract *contract;
    struct ph_json_why *why;
};

static enum ph_err read_bound(struct place *at, uint32_t tok, struct ph_wallet_word *out)
{
    static const char *const allowed[] = {"is", "max", NULL};
    struct ph_bytes number = {0};
    bool is = false;

    if (at->doc->toks[tok].type == PH_JNULL)
        return PH_OK;
    if (at->doc->toks[tok].type != PH_JOBJECT || at->doc->toks[tok].cnt != 1)
        return ph_jread_bad(at->why, at->path, "words",
                            "expected null, {\"is\": \"0x…\"} or {\"max\": \"…\"}");
    PH_TRY(ph_jread_only_keys(at->doc, tok, at->path, allowed, at->why));
    PH_TRY(ph_jread_hex_0x(at->doc, tok, at->path, "is", out->value.b, sizeof(out->value.b), &is,
                           at->why));
    out->bound = is ? PH_WALLET_IS : PH_WALLET_MAX;
    if (is)
        return PH_OK;
    PH_TRY(ph_jread_str(at->doc, tok, at->path, "max", 1, 78, &number, at->why));
    return ph_u256_parse_decimal(number, &out->value) == PH_OK
               ? PH_OK
               : ph_jread_bad(at->why, at->path, "max",
                              "is no decimal number, in quotes, of at most 256 bits");
}

static enum ph_err read_words(struct place *at, uint32_t object, struct ph_wallet_selector *out)
{
    const struct ph_jdoc *doc = at->doc;
    struct ph_wallet_policy *p = at->policy;
    uint32_t list = 0;

    PH_TRY(ph_jread_array(doc, object, at->path, "words", PH_WALLET_WORDS_MAX, &list, at->why));
    out->word_at = (uint8_t)p->word_cnt;
    if (list == 0)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (p->word_cnt == PH_WALLET_WORDS_MAX)
            return ph_jread_bad(at->why, at->path, "words", "are more than 64 in all");
        PH_TRY(read_bound(at, t, &p->words[p->word_cnt++]));
        out->word_cnt++;
    }
    return PH_OK;
}

static enum ph_err read_selector_object(struct place *at, uint32_t tok,
                                        struct ph_wallet_selector *out)
{
    static const char *const allowed[] = {"selector", "words", NULL};
    bool present = false;

    PH_TRY(ph_jread_only_keys(at->doc, tok, at->path, allowed, at->why));
    PH_TRY(ph_jread_hex_0x(at->doc, tok, at->path, "selector", out->b, sizeof(out->b), &present,
                           at->why));
    if (!present)
        return ph_jread_bad(at->why, at->path, "selector", "is missing");
    return read_words(at, tok, out);
}

static enum ph_err read_selector_text(struct place *at, uint32_t tok,
                                      struct ph_wallet_selector *out, bool *plain)
{
    struct ph_bytes text;

    if (ph_jscan_str(at->doc, tok, &text) == PH_OK && text.len >= 2 &&
        memcmp(text.ptr, "0x", 2) == 0) {
        const struct ph_bytes digits = {text.ptr + 2, text.len - 2};
        *plain = digits.len == 0;
        if (*plain || ph_hex_decode(digits, out->b, sizeof(out->b)) == PH_OK)
            return PH_OK;
    }
    return ph_jread_bad(at->why, at->path, "selectors",
                        "expected texts 0x and 8 hex digits, \"0x\", or objects");
}

static enum ph_err read_selector(struct place *at, uint32_t tok)
{
    struct ph_wallet_contract *c = at->contract;
    struct ph_wallet_selector selector = {.word_cnt = 0};
    bool plain = false;

    if (at->doc->toks[tok].type == PH_JOBJECT)
        PH_TRY(read_selector_object(at, tok, &selector));
    else
        PH_TRY(read_selector_text(at, tok, &selector, &plain));
    if (plain) {
        c->plain = true;
        return PH_OK;
    }
    if (c->selector_cnt == PH_WALLET_SELECTORS_MAX)
        return ph_jread_bad(at->why, at->path, "selectors", "has more than 32");
    c->selectors[c->selector_cnt++] = selector;
    return PH_OK;
}

static enum ph_err read_contract(struct place *at, uint32_t tok)
{
    const struct ph_jdoc *doc = at->doc;
    struct ph_wallet_contract *out = at->contract;
    uint32_t list = 0;
    bool present = false;

    if (doc->toks[tok].type != PH_JOBJECT)
        return ph_jread_bad(at->why, at->path, "contract", "expected an object");
    PH_TRY(ph_jread_only_keys(doc, tok, at->path, contract_keys, at->why));
    PH_TRY(ph_jread_hex_0x(doc, tok, at->path, "address", out->address.b, sizeof(out->address.b),
                           &present, at->why));
    if (!present)
        return ph_jread_bad(at->why, at->path, "address", "is missing");
    PH_TRY(ph_jread_array(doc, tok, at->path, "selectors", PH_WALLET_SELECTORS_MAX + 1, &list,
                          at->why));
    if (list == 0)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_selector(at, t));
    return PH_OK;
}

static enum ph_err read_contracts(const struct ph_jdoc *doc, uint32_t wallet,
                                  struct ph_wallet_policy *p, struct ph_json_why *why)
{
    uint32_t list = 0;

    PH_TRY(ph_jread_array(doc, wallet, "wallet", "contracts", PH_WALLET_CONTRACTS_MAX, &list, why));
    if (list == 0)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        struct ph_wallet_contract *c = &p->contracts[p->contract_cnt];
        char path[40];
        struct place at = {doc, path, p, c, why};
        (void)snprintf(path, sizeof(path), "wallet.contracts[%zu]", p->contract_cnt);
        PH_TRY(read_contract(&at, t));
        for (size_t i = 0; i < p->contract_cnt; i++)
            if (memcmp(p->contracts[i].address.b, c->address.b, sizeof(c->address.b)) == 0)
                return ph_jread_bad(why, path, "address", "is there twice");
        p->contract_cnt++;
    }
    return PH_OK;
}

static enum ph_err read_wallet(const struct ph_jdoc *doc, uint32_t wallet,
                               struct ph_wallet_policy *p, struct ph_json_why *why)
{
    struct ph_u256 fee = {{0}};
    bool present;

    PH_TRY(ph_jread_only_keys(doc, wallet, "wallet", keys, why));
    PH_TRY(ph_jread_int(doc, wallet, "wallet", "chainId", 1, INT_MAX_18, &p->chain_id, why));
    PH_TRY(ph_jread_hex_0x(doc, wallet, "wallet", "worker", p->worker.b, sizeof(p->worker.b),
                           &present, why));
    PH_TRY(ph_jread_int(doc, wallet, "wallet", "firstNonce", 0, INT_MAX_18, &p->first_nonce, why));
    PH_TRY(read_contracts(doc, wallet, p, why));
    PH_TRY(read_wei(doc, wallet, "maxValueWei", &p->max_value, why));
    PH_TRY(read_wei(doc, wallet, "maxValueWeiPerDay", &p->max_value_per_day, why));
    PH_TRY(read_wei(doc, wallet, "maxFeePerGasWei", &fee, why));
    PH_TRY(ph_jread_int(doc, wallet, "wallet", "maxTransactionsPerDay", 0,
                        PH_WALLET_TRANSACTIONS_MAX, &p->max_transactions_per_day, why));
    PH_TRY(ph_jread_int(doc, wallet, "wallet", "maxGas", 0, 1 << 24, &p->max_gas, why));
    if (ph_u256_to_u64(&fee, &p->max_fee) != PH_OK)
        return ph_jread_bad(why, "wallet", "maxFeePerGasWei", "is over 2^64 - 1");
    return PH_OK;
}

enum ph_err ph_wallet_policy_parse(struct ph_bytes manifest, struct ph_wallet_policy *out,
                                   bool *present, struct ph_json_why *why)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = calloc(TOKS, sizeof(*toks));
    struct ph_wallet_policy p = {0};
    struct ph_jdoc doc;
    uint32_t wallet = 0;

    if (!toks)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jread_open(manifest, PH_WALLET_MANIFEST_MAX, toks, TOKS, &doc, why));
    if (doc.toks[0].type != PH_JOBJECT)
        return ph_jread_bad(why, "", "document", "expected an object");
    PH_TRY(ph_jread_object(&doc, 0, "", "wallet", &wallet, why));
    if (wallet > 0)
        PH_TRY(read_wallet(&doc, wallet, &p, why));
    *present = wallet > 0;
    if (wallet > 0)
        *out = p;
    return PH_OK;
}
