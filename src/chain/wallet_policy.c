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

static enum ph_err read_selector(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                                 struct ph_wallet_contract *out, struct ph_json_why *why)
{
    struct ph_bytes text;
    uint8_t selector[4];

    if (ph_jscan_str(doc, tok, &text) != PH_OK || text.len < 2 || memcmp(text.ptr, "0x", 2) != 0)
        return ph_jread_bad(why, path, "selectors",
                            "expected texts 0x and 8 hex digits, or \"0x\"");
    if (text.len == 2) {
        out->plain = true;
        return PH_OK;
    }
    const struct ph_bytes digits = {text.ptr + 2, text.len - 2};
    if (ph_hex_decode(digits, selector, sizeof(selector)) != PH_OK)
        return ph_jread_bad(why, path, "selectors",
                            "expected texts 0x and 8 hex digits, or \"0x\"");
    if (out->selector_cnt == PH_WALLET_SELECTORS_MAX)
        return ph_jread_bad(why, path, "selectors", "has more than 32");
    memcpy(out->selectors[out->selector_cnt++], selector, sizeof(selector));
    return PH_OK;
}

static enum ph_err read_contract(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                                 struct ph_wallet_contract *out, struct ph_json_why *why)
{
    uint32_t list = 0;
    bool present = false;

    if (doc->toks[tok].type != PH_JOBJECT)
        return ph_jread_bad(why, path, "contract", "expected an object");
    PH_TRY(ph_jread_only_keys(doc, tok, path, contract_keys, why));
    PH_TRY(ph_jread_hex_0x(doc, tok, path, "address", out->address.b, sizeof(out->address.b),
                           &present, why));
    if (!present)
        return ph_jread_bad(why, path, "address", "is missing");
    PH_TRY(ph_jread_array(doc, tok, path, "selectors", PH_WALLET_SELECTORS_MAX + 1, &list, why));
    if (list == 0)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_selector(doc, t, path, out, why));
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
        (void)snprintf(path, sizeof(path), "wallet.contracts[%zu]", p->contract_cnt);
        PH_TRY(read_contract(doc, t, path, c, why));
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
