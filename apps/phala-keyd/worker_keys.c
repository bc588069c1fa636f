#include "worker_keys.h"

#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "keys/sealing.h"

#include <string.h>

static void put_32(uint8_t out[static 32], const uint8_t in[static 32])
{
    memcpy(out, in, 32);
}

enum ph_err worker_keys_chain(const struct worker_keys *keys, const uint8_t seed[static 32],
                              uint8_t out[static 32])
{
    if (!keys->written)
        return ph_keys_chain(seed, out);
    put_32(out, keys->chain);
    return PH_OK;
}

enum ph_err worker_keys_signer(const struct worker_keys *keys, const uint8_t seed[static 32],
                               uint8_t out[static 32])
{
    if (!keys->written)
        return ph_keys_receipt(seed, out);
    put_32(out, keys->signer);
    return PH_OK;
}

enum ph_err worker_keys_tls(const struct worker_keys *keys, const uint8_t seed[static 32],
                            uint8_t out[static 32])
{
    if (!keys->written)
        return ph_keys_tls(seed, out);
    put_32(out, keys->tls);
    return PH_OK;
}

/* The keys as they are, written out under a seed that has made none of them. */
static enum ph_err write_out(const struct worker_keys *keys, const uint8_t seed[static 32],
                             struct worker_keys *out)
{
    if (keys->written) {
        memcpy(out, keys, sizeof(*out));
        return PH_OK;
    }
    PH_TRY(ph_keys_tls(seed, out->tls));
    PH_TRY(ph_keys_chain(seed, out->chain));
    PH_TRY(ph_keys_receipt(seed, out->signer));
    ph_random(out->seed, sizeof(out->seed));
    out->written = true;
    return PH_OK;
}

static enum ph_err make(struct worker_keys *out)
{
    uint8_t random[32];

    if (out->other_is != PH_WORKER_KEY_NONE)
        return PH_ERR_CONFLICT;
    /* Derived, so that whatever is drawn gives a scalar in range. */
    ph_random(random, sizeof(random));
    const enum ph_err err = ph_keys_receipt(random, out->other);
    ph_wipe(random, sizeof(random));
    out->other_is = PH_WORKER_KEY_NEXT;
    return err;
}

static enum ph_err swap(struct worker_keys *out)
{
    uint8_t was[32];

    if (out->other_is == PH_WORKER_KEY_NONE)
        return PH_ERR_CONFLICT;
    put_32(was, out->signer);
    put_32(out->signer, out->other);
    put_32(out->other, was);
    ph_wipe(was, sizeof(was));
    out->other_is =
        out->other_is == PH_WORKER_KEY_NEXT ? PH_WORKER_KEY_PREVIOUS : PH_WORKER_KEY_NEXT;
    return PH_OK;
}

static enum ph_err forget(struct worker_keys *out)
{
    if (out->other_is != PH_WORKER_KEY_PREVIOUS)
        return PH_ERR_CONFLICT;
    ph_wipe(out->other, sizeof(out->other));
    out->other_is = PH_WORKER_KEY_NONE;
    return PH_OK;
}

static enum ph_err do_step(enum ph_worker_key_step step, struct worker_keys *out)
{
    switch (step) {
    case PH_WORKER_KEY_MAKE:
        return make(out);
    case PH_WORKER_KEY_SWAP:
        return swap(out);
    case PH_WORKER_KEY_FORGET:
        return forget(out);
    }
    return PH_ERR_CONFLICT;
}

enum ph_err worker_keys_step(const struct worker_keys *keys, const uint8_t seed[static 32],
                             enum ph_worker_key_step step, struct worker_keys *out)
{
    memset(out, 0, sizeof(*out));
    enum ph_err err = write_out(keys, seed, out);
    if (err == PH_OK)
        err = do_step(step, out);
    if (err != PH_OK)
        ph_wipe(out, sizeof(*out));
    return err;
}

void worker_keys_encode(const struct worker_keys *keys, uint8_t out[static WORKER_KEYS_LEN])
{
    out[0] = (uint8_t)keys->other_is;
    put_32(out + 1, keys->tls);
    put_32(out + 33, keys->chain);
    put_32(out + 65, keys->signer);
    put_32(out + 97, keys->other);
}

static bool is_zero(const uint8_t key[static 32])
{
    static const uint8_t zero[32];

    return ph_ct_equal(key, zero, sizeof(zero));
}

enum ph_err worker_keys_decode(const uint8_t seed[static 32],
                               const uint8_t raw[static WORKER_KEYS_LEN], struct worker_keys *out)
{
    if (raw[0] > PH_WORKER_KEY_PREVIOUS || is_zero(raw + 97) != (raw[0] == PH_WORKER_KEY_NONE) ||
        is_zero(raw + 1) || is_zero(raw + 33) || is_zero(raw + 65))
        return PH_ERR_MALFORMED;
    *out = (struct worker_keys){.written = true, .other_is = (enum ph_worker_key)raw[0]};
    put_32(out->seed, seed);
    put_32(out->tls, raw + 1);
    put_32(out->chain, raw + 33);
    put_32(out->signer, raw + 65);
    put_32(out->other, raw + 97);
    return PH_OK;
}
