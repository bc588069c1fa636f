#include "chain/refusal.h"

#include "base/hex.h"
#include "contracts_abi.h"

#include <inttypes.h>
#include <stdio.h>

enum { WORDS_MAX = 3 };

static const struct {
    const struct ph_abi_error *errors;
    size_t cnt;
} contracts[] = {
    {ph_abi_worker_registry_errors, PH_LEN(ph_abi_worker_registry_errors)},
    {ph_abi_tee_policy_errors, PH_LEN(ph_abi_tee_policy_errors)},
    {ph_abi_dcap_verifier_errors, PH_LEN(ph_abi_dcap_verifier_errors)},
    {ph_abi_intel_collateral_errors, PH_LEN(ph_abi_intel_collateral_errors)},
    {ph_abi_epoch_beacon_errors, PH_LEN(ph_abi_epoch_beacon_errors)},
    {ph_abi_verifier_committee_errors, PH_LEN(ph_abi_verifier_committee_errors)},
    {ph_abi_phat_anchor_errors, PH_LEN(ph_abi_phat_anchor_errors)},
};

static const char *name_of(struct ph_bytes revert_data)
{
    const char *found = NULL;

    for (size_t i = 0; !found && i < PH_LEN(contracts); i++)
        found = ph_abi_error_name(contracts[i].errors, contracts[i].cnt, revert_data);
    return found;
}

/* A word: a number where it can be one, else its bytes. */
static void put_word(const uint8_t bytes[static 32], char out[static 67])
{
    struct ph_u256 word;
    uint64_t number;

    memcpy(word.b, bytes, sizeof(word.b));
    if (ph_u256_to_u64(&word, &number) == PH_OK) {
        (void)snprintf(out, 67, "%" PRIu64, number);
        return;
    }
    out[0] = '0';
    out[1] = 'x';
    ph_hex_encode(PH_BYTES_OF(word.b), out + 2);
}

void ph_refusal_text(struct ph_bytes revert_data, char out[static PH_REFUSAL_LEN])
{
    char selector[9] = "";

    if (revert_data.len < 4) {
        (void)snprintf(out, PH_REFUSAL_LEN, "no reason given");
        return;
    }
    const char *name = name_of(revert_data);
    if (!name) {
        ph_hex_encode((struct ph_bytes){revert_data.ptr, 4}, selector);
        (void)snprintf(out, PH_REFUSAL_LEN, "an unknown error 0x%s", selector);
        return;
    }
    size_t used = (size_t)snprintf(out, PH_REFUSAL_LEN, "%.100s", name);
    for (size_t i = 0; i < WORDS_MAX && revert_data.len >= 4 + 32 * (i + 1); i++) {
        char word[67];
        put_word(revert_data.ptr + 4 + 32 * i, word);
        const int n =
            snprintf(out + used, PH_REFUSAL_LEN - used, "%s %s", i == 0 ? ":" : ",", word);
        if (n < 0 || (size_t)n >= PH_REFUSAL_LEN - used) {
            out[used] = '\0';
            break;
        }
        used += (size_t)n;
    }
}

bool ph_refusal_is(struct ph_bytes revert_data, const char *name)
{
    const char *found = name_of(revert_data);
    const size_t len = strlen(name);

    return found && strncmp(found, name, len) == 0 && found[len] == '(';
}
