#include "keys/sealing.h"

#include "crypto/aead.h"

#include <assert.h>

/* Group orders: SEC 2 §2.4.1, FIPS 186-5 / SP 800-186 §3.2.1.3. */
static const uint8_t secp256k1_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static const char label_receipt[] = "phala/receipt/secp256k1";
static const char label_chain[] = "phala/chain/secp256k1";
static const char label_caller[] = "phala/caller/x25519";
static const char label_ohttp[] = "phala/ohttp/x25519";
static const char label_tls[] = "phala/tls/p256";
static const char label_cluster[] = "phala/cluster/secp256k1";
static const char label_secrets[] = "phala/secrets/aes256gcm";
static const char label_state[] = "phala/state/hkdf";
static const char label_peers[] = "phala/peers/hmac";
static const char label_marks[] = "phala/marks/aes256gcm";
static const char label_holder[] = "phala/holder/x25519";
static const char label_guest[] = "phala/guest-agent/secp256k1";
static const char label_guest_root[] = "phala/guest-agent/root-ca/p256";
static const char label_guest_app[] = "phala/guest-agent/app-ca/p256";
static const char label_wallet[] = "phala/wallet/secp256k1";
static const char label_wallet_ledger[] = "phala/wallet-ledger/aes256gcm";

static enum ph_err derive(const uint8_t master[static PH_MASTER_LEN], const char *label,
                          struct ph_bytes context, uint8_t try, uint8_t out[static 32])
{
    uint8_t info[128];
    size_t len = strlen(label);

    assert(len + context.len + 1 <= sizeof(info));
    memcpy(info, label, len);
    if (context.len > 0)
        memcpy(info + len, context.ptr, context.len);
    len += context.len;
    info[len++] = try;
    return ph_hkdf_sha256((struct ph_bytes){master, PH_MASTER_LEN}, PH_BYTES_LIT("phala-keys-v1"),
                          (struct ph_bytes){info, len}, out, 32);
}

/* 1 <= v < order, without a branch on the digits of v. */
static bool scalar_ok(const uint8_t v[static 32], const uint8_t order[static 32])
{
    unsigned borrow = 0, any = 0;

    for (int i = 31; i >= 0; i--) {
        borrow = ((unsigned)v[i] - order[i] - borrow) >> 8 & 1;
        any |= v[i];
    }
    return borrow == 1 && any != 0;
}

static enum ph_err scalar_for(const uint8_t master[static PH_MASTER_LEN], const char *label,
                              struct ph_bytes context, const uint8_t order[static 32],
                              uint8_t out[static 32])
{
    uint8_t candidate[32];

    for (unsigned try = 0; try < 256; try++) {
        PH_TRY(derive(master, label, context, (uint8_t)try, candidate));
        if (!scalar_ok(candidate, order))
            continue;
        memcpy(out, candidate, sizeof(candidate));
        ph_wipe(candidate, sizeof(candidate));
        return PH_OK;
    }
    return PH_ERR_LIMIT;
}

enum ph_err ph_keys_scalar(const uint8_t master[static PH_MASTER_LEN], const char *label,
                           const uint8_t order[static 32], uint8_t out[static 32])
{
    return scalar_for(master, label, (struct ph_bytes){0}, order, out);
}

enum ph_err ph_keys_guest_app(const uint8_t identity[static PH_MASTER_LEN],
                              const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return scalar_for(identity, label_guest, PH_BYTES_OF(phat->b), secp256k1_order, out);
}

enum ph_err ph_keys_guest_ca(const uint8_t identity[static PH_MASTER_LEN],
                             const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return phat ? scalar_for(identity, label_guest_app, PH_BYTES_OF(phat->b), p256_order, out)
                : scalar_for(identity, label_guest_root, (struct ph_bytes){0}, p256_order, out);
}

enum ph_err ph_keys_wallet(const uint8_t identity[static PH_MASTER_LEN],
                           const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return scalar_for(identity, label_wallet, PH_BYTES_OF(phat->b), secp256k1_order, out);
}

enum ph_err ph_keys_wallet_ledger(const uint8_t identity[static PH_MASTER_LEN],
                                  const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return derive(identity, label_wallet_ledger, PH_BYTES_OF(phat->b), 0, out);
}

enum ph_err ph_keys_receipt(const uint8_t seed[static 32], uint8_t out[static 32])
{
    return ph_keys_scalar(seed, label_receipt, secp256k1_order, out);
}

enum ph_err ph_keys_chain(const uint8_t seed[static 32], uint8_t out[static 32])
{
    return ph_keys_scalar(seed, label_chain, secp256k1_order, out);
}

enum ph_err ph_keys_caller(const uint8_t master[static PH_MASTER_LEN], uint8_t out[static 32])
{
    return derive(master, label_caller, (struct ph_bytes){0}, 0, out);
}

enum ph_err ph_keys_ohttp(const uint8_t master[static PH_MASTER_LEN], uint8_t out[static 32])
{
    return derive(master, label_ohttp, (struct ph_bytes){0}, 0, out);
}

enum ph_err ph_keys_tls(const uint8_t seed[static 32], uint8_t out[static 32])
{
    return ph_keys_scalar(seed, label_tls, p256_order, out);
}

enum ph_err ph_keys_cluster(const uint8_t identity[static 32], uint8_t out[static 32])
{
    return ph_keys_scalar(identity, label_cluster, secp256k1_order, out);
}

enum ph_err ph_keys_phat_secrets(const uint8_t master[static PH_MASTER_LEN],
                                 const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return derive(master, label_secrets, PH_BYTES_OF(phat->b), 0, out);
}

enum ph_err ph_keys_phat_state(const uint8_t master[static PH_MASTER_LEN],
                               const struct ph_phat_id *phat, uint8_t out[static 32])
{
    return derive(master, label_state, PH_BYTES_OF(phat->b), 0, out);
}

enum ph_err ph_keys_peers(const uint8_t identity[static PH_MASTER_LEN], uint8_t out[static 32])
{
    return derive(identity, label_peers, (struct ph_bytes){NULL, 0}, 0, out);
}

enum ph_err ph_keys_marks(const uint8_t identity[static PH_MASTER_LEN],
                          const uint8_t ask[static 32], uint8_t out[static 32])
{
    return derive(identity, label_marks, (struct ph_bytes){ask, 32}, 0, out);
}

enum ph_err ph_keys_holder(const uint8_t keystore[static 32], uint8_t out[static 32])
{
    return derive(keystore, label_holder, (struct ph_bytes){NULL, 0}, 0, out);
}

enum { STATE_AAD_LEN = 9, STATE_NONCE_AT = 9, STATE_SEALED_AT = 21 };
static const uint8_t state_magic[8] = "PHKEYD2\n";

enum ph_err ph_state_file_seal(const uint8_t sealing_key[static 32], enum ph_seal_provider provider,
                               struct ph_bytes plain, uint8_t *out)
{
    uint8_t head[STATE_SEALED_AT];

    memcpy(head, state_magic, sizeof(state_magic));
    head[8] = (uint8_t)provider;
    ph_random(head + STATE_NONCE_AT, PH_GCM_NONCE_LEN);
    PH_TRY(ph_aes256gcm_seal(sealing_key, head + STATE_NONCE_AT,
                             (struct ph_bytes){head, STATE_AAD_LEN}, plain, out + STATE_SEALED_AT));
    memcpy(out, head, sizeof(head));
    return PH_OK;
}

enum ph_err ph_state_file_open(const uint8_t sealing_key[static 32], enum ph_seal_provider provider,
                               struct ph_bytes blob, uint8_t *out)
{
    struct ph_reader r = {blob};
    struct ph_bytes magic, nonce;
    uint8_t kind;

    if (blob.len < PH_SEALED_OVERHEAD || !ph_read_view(&r, sizeof(state_magic), &magic) ||
        !ph_bytes_equal(magic, PH_BYTES_OF(state_magic)) || !ph_read_u8(&r, &kind) ||
        !ph_read_view(&r, PH_GCM_NONCE_LEN, &nonce))
        return PH_ERR_MALFORMED;
    if (kind != provider)
        return PH_ERR_UNSUPPORTED;
    return ph_aes256gcm_open(sealing_key, nonce.ptr, (struct ph_bytes){blob.ptr, STATE_AAD_LEN},
                             r.rest, out);
}
