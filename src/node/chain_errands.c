#include "node/chain_registrar_priv.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>

/* Under one errand: one after another until each is final. */
enum { ERRAND_TRIES = 8 };

static const char errands[] = {ERRAND_ROLL,   ERRAND_PCK,  ERRAND_REGISTER, ERRAND_RENEW,
                               ERRAND_ROTATE, ERRAND_REST, ERRAND_WAKE};

/* Gas of an errand's transaction, with room for the cheaper compiler's code. */
static uint64_t gas_of(enum ph_chain_errand errand)
{
    switch (errand) {
    case ERRAND_REGISTER:
    case ERRAND_RENEW:
    case ERRAND_ROTATE:
        return 1500000;
    case ERRAND_PCK:
        return 2000000;
    case ERRAND_ROLL:
    case ERRAND_REST:
    case ERRAND_WAKE:
        return 150000;
    }
    return 0;
}

static struct ph_hash32 key_of(const struct ph_chain_registrar *r, char errand, unsigned try)
{
    uint8_t text[20 + 2];
    struct ph_hash32 key;

    memcpy(text, r->w->network.registry.b, 20);
    text[20] = (uint8_t)errand;
    text[21] = (uint8_t)try;
    ph_keccak256(PH_BYTES_OF(text), key.b);
    return key;
}

bool ph_chain_errand_is_under_way(struct ph_chain_registrar *r)
{
    struct ph_txman *m = ph_chain_client_txman(r->w->client);
    struct ph_txman_outcome got;
    bool waits = false;

    for (size_t i = 0; i < PH_LEN(errands); i++)
        for (unsigned try = 0; try < ERRAND_TRIES; try++) {
            const struct ph_hash32 key = key_of(r, errands[i], try);
            if (ph_txman_get(m, &key, &got) != PH_OK)
                continue;
            const bool mined = got.state == PH_TXMAN_MINED || got.state == PH_TXMAN_DONE;
            if (mined ? got.block_number > r->taken_block : got.state != PH_TXMAN_REFUSED)
                waits = true;
            else if (got.state != PH_TXMAN_MINED)
                ph_txman_forget(m, &key);
        }
    return waits;
}

bool ph_chain_errand_is_sent(const struct ph_chain_registrar *r, enum ph_chain_errand errand)
{
    struct ph_txman *m = ph_chain_client_txman(r->w->client);
    struct ph_txman_outcome got;

    for (unsigned try = 0; try < ERRAND_TRIES; try++) {
        const struct ph_hash32 key = key_of(r, (char)errand, try);
        if (ph_txman_get(m, &key, &got) != PH_OK || got.state == PH_TXMAN_REFUSED)
            continue;
        const bool mined = got.state == PH_TXMAN_MINED || got.state == PH_TXMAN_DONE;
        if (!mined || (got.ok && got.block_number > r->taken_block))
            return true;
    }
    return false;
}

void ph_chain_registrar_send(struct ph_chain_registrar *r, enum ph_chain_errand errand,
                             const struct ph_eth_address *to, struct ph_bytes data)
{
    struct ph_chain_worker *w = r->w;
    struct ph_txman_order order = {.to = *to, .gas = gas_of(errand), .data = data};
    enum ph_err err = PH_ERR_CONFLICT;

    if (order.gas > w->network.max_gas)
        order.gas = w->network.max_gas;
    for (unsigned try = 0; err == PH_ERR_CONFLICT && try < ERRAND_TRIES; try++) {
        order.key = key_of(r, (char)errand, try);
        err = ph_chain_client_submit(w->client, &order);
    }
    if (err != PH_OK)
        ph_chain_registrar_fail(r, "the transaction cannot be sent now", ph_err_name(err));
}

void ph_chain_registrar_changed(struct ph_chain_registrar *r, const struct ph_hash32 *key,
                                const struct ph_txman_outcome *outcome)
{
    bool mine = false;

    for (size_t i = 0; !mine && i < PH_LEN(errands); i++)
        for (unsigned try = 0; !mine && try < ERRAND_TRIES; try++) {
            const struct ph_hash32 of = key_of(r, errands[i], try);
            mine = memcmp(of.b, key->b, sizeof(of.b)) == 0;
        }
    if (!mine)
        return;
    if (outcome->state == PH_TXMAN_REFUSED)
        ph_chain_registrar_fail(r, "phala-keyd does not sign the transaction",
                                "its log line says why");
    else if (outcome->state == PH_TXMAN_MINED && !outcome->ok)
        ph_chain_registrar_fail(r, "the transaction was reverted", "what it was about changed");
}

void ph_chain_errand_roll(struct ph_chain_registrar *r)
{
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(64);

    if (ph_abi_encode_call(&ph_abi_epoch_beacon_roll, NULL, &call) == PH_OK)
        ph_chain_registrar_send(r, ERRAND_ROLL, &r->w->network.beacon, ph_buf_view(&call));
}

void ph_chain_errand_word(struct ph_chain_registrar *r, enum ph_worker_word word)
{
    const bool rests = word == PH_WORKER_RESTS;
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(512);
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t sig[65];
    const struct ph_abi_worker_registry_rest_args rest = {r->id, PH_BYTES_OF(sig)};
    const struct ph_abi_worker_registry_wake_args wake = {r->id, PH_BYTES_OF(sig)};

    enum ph_err err = ph_keyd_worker_says(r->w->node->keyd, word, &r->id, sig, why);
    if (err == PH_OK)
        err = rests ? ph_abi_encode_call(&ph_abi_worker_registry_rest, &rest, &call)
                    : ph_abi_encode_call(&ph_abi_worker_registry_wake, &wake, &call);
    if (err != PH_OK)
        ph_chain_registrar_fail(r, "phala-keyd does not sign the worker's word",
                                why[0] ? why : ph_err_name(err));
    else
        ph_chain_registrar_send(r, rests ? ERRAND_REST : ERRAND_WAKE, &r->w->network.registry,
                                ph_buf_view(&call));
}

bool ph_chain_registrar_can_pay(struct ph_chain_registrar *r)
{
    const struct ph_u256 price =
        ph_u256_product(gas_of(ERRAND_PCK), ph_chain_client_head(r->w->client)->base_fee);
    char text[PH_LEASE_WHY_LEN], account[41], wei[PH_U256_DECIMAL_LEN];

    if (ph_u256_cmp(&r->balance, &price) >= 0)
        return true;
    ph_hex_encode(PH_BYTES_OF(r->w->sender.b), account);
    ph_u256_format_decimal(&price, wei);
    (void)snprintf(text, sizeof(text),
                   "0x%s pays for this worker's transactions and has too little: send it at least "
                   "%s wei",
                   account, wei);
    ph_chain_registrar_say(r, text);
    r->facts_hash = (struct ph_hash32){{0}}; /* ask again without waiting for a block */
    return false;
}
