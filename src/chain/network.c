#include "chain/network.h"

enum { TOKS = 256 };

static const char *const root_keys[] = {"chainId", "block", "contracts", "limits", NULL};
static const char *const contract_keys[] = {"anchor",          "beacon", "registry", "lens",
                                            "intelCollateral", "policy", "committee"};
enum { CONTRACTS_NEEDED = 3 }; /* the first ones */
static const char *const limit_keys[] = {"maxFeePerGasWei", "maxGas", "maxWeiPerDay", NULL};

static enum ph_err read_contracts(const struct ph_jdoc *doc, struct ph_network *net,
                                  struct ph_json_why *why)
{
    uint8_t *const into[] = {net->anchor.b,           net->beacon.b, net->registry.b, net->lens.b,
                             net->intel_collateral.b, net->policy.b, net->committee.b};
    uint32_t tok = 0;

    PH_TRY(ph_jread_object(doc, 0, "", "contracts", &tok, why));
    if (tok == 0)
        return ph_jread_bad(why, "", "contracts", "is missing");
    for (size_t i = 0; i < PH_LEN(into); i++) {
        bool present = false;
        PH_TRY(
            ph_jread_hex_0x(doc, tok, "contracts", contract_keys[i], into[i], 20, &present, why));
        if (!present && i < CONTRACTS_NEEDED)
            return ph_jread_bad(why, "contracts", contract_keys[i], "is missing");
    }
    return PH_OK;
}

/* Decimal digits in a string: wei do not fit a number of JSON. */
static enum ph_err read_wei(const struct ph_jdoc *doc, uint32_t limits, const char *key,
                            struct ph_u256 *out, struct ph_json_why *why)
{
    struct ph_bytes text = {0};

    PH_TRY(ph_jread_str(doc, limits, "limits", key, 1, 78, &text, why));
    if (text.len > 0 && ph_u256_parse_decimal(text, out) != PH_OK)
        return ph_jread_bad(why, "limits", key, "is no decimal number of at most 256 bits");
    return PH_OK;
}

static enum ph_err read_limits(const struct ph_jdoc *doc, struct ph_network *net,
                               struct ph_json_why *why)
{
    struct ph_u256 fee = ph_u256_of(net->max_fee);
    uint32_t tok = 0;

    PH_TRY(ph_jread_object(doc, 0, "", "limits", &tok, why));
    if (tok == 0)
        return PH_OK;
    PH_TRY(ph_jread_only_keys(doc, tok, "limits", limit_keys, why));
    PH_TRY(read_wei(doc, tok, "maxFeePerGasWei", &fee, why));
    PH_TRY(
        ph_jread_int(doc, tok, "limits", "maxGas", 21000, PH_NETWORK_GAS_MAX, &net->max_gas, why));
    PH_TRY(read_wei(doc, tok, "maxWeiPerDay", &net->max_wei_per_day, why));
    if (ph_u256_to_u64(&fee, &net->max_fee) != PH_OK || net->max_fee == 0)
        return ph_jread_bad(why, "limits", "maxFeePerGasWei", "is not 1 to 2^64 - 1");
    return PH_OK;
}

enum ph_err ph_network_parse(struct ph_bytes text, struct ph_network *out, struct ph_json_why *why)
{
    struct ph_network net = {.max_fee = PH_NETWORK_FEE_DEFAULT, .max_gas = PH_NETWORK_GAS_MAX};
    struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;

    memset(net.max_wei_per_day.b, 0xff, sizeof(net.max_wei_per_day.b));
    PH_TRY(ph_jread_open(text, PH_NETWORK_TEXT_MAX, toks, TOKS, &doc, why));
    PH_TRY(ph_jread_only_keys(&doc, 0, "", root_keys, why));
    PH_TRY(
        ph_jread_int(&doc, 0, "", "chainId", 1, UINT64_C(999999999999999999), &net.chain_id, why));
    PH_TRY(ph_jread_int(&doc, 0, "", "block", 0, UINT64_C(999999999999999999), &net.block, why));
    if (net.chain_id == 0)
        return ph_jread_bad(why, "", "chainId", "is missing");
    PH_TRY(read_contracts(&doc, &net, why));
    PH_TRY(read_limits(&doc, &net, why));
    *out = net;
    return PH_OK;
}
