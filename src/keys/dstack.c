#include "keys/dstack.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/pkey.h"
#include "crypto/secp256k1.h"

#include <stdio.h>

void ph_dstack_key_provider(const struct ph_eth_address *cluster,
                            char out[static PH_DSTACK_PROVIDER_MAX])
{
    char hex[41];

    ph_hex_encode(PH_BYTES_OF(cluster->b), hex);
    (void)snprintf(out, PH_DSTACK_PROVIDER_MAX, "{\"name\":\"phala\",\"id\":\"%s\"}", hex);
}

/* MessagePack's fixstr and bin 8: names below 32 bytes, values below 256. */
static enum ph_err put_field(struct ph_buf *out, const char *name, struct ph_bytes value)
{
    const uint8_t name_head = (uint8_t)(0xa0 | strlen(name)),
                  value_head[2] = {0xc4, (uint8_t)value.len};

    PH_TRY(ph_buf_add(out, (struct ph_bytes){&name_head, 1}));
    PH_TRY(ph_buf_add_str(out, name));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(value_head)));
    return ph_buf_add(out, value);
}

enum ph_err ph_dstack_app_info(const struct ph_phat_id *app_id,
                               const struct ph_eth_address *instance,
                               const struct ph_eth_address *cluster, struct ph_bytes info,
                               struct ph_buf *out)
{
    static const uint8_t map_of_8 = 0x88;
    const struct ph_bytes none = {0};
    char provider[PH_DSTACK_PROVIDER_MAX];

    if (info.len != PH_DSTACK_APP_INFO_LEN)
        return PH_ERR_MALFORMED;
    ph_dstack_key_provider(cluster, provider);
    PH_TRY(ph_buf_add(out, (struct ph_bytes){&map_of_8, 1}));
    PH_TRY(put_field(out, "app_id", PH_BYTES_OF(app_id->b)));
    PH_TRY(put_field(out, "compose_hash", (struct ph_bytes){info.ptr, 32}));
    PH_TRY(put_field(out, "instance_id", PH_BYTES_OF(instance->b)));
    PH_TRY(put_field(out, "device_id", none));
    PH_TRY(put_field(out, "mr_system", (struct ph_bytes){info.ptr + 32, 32}));
    PH_TRY(put_field(out, "mr_aggregated", (struct ph_bytes){info.ptr + 64, 32}));
    PH_TRY(put_field(out, "os_image_hash", none));
    return put_field(out, "key_provider_info", ph_bytes_str(provider));
}

enum ph_err ph_dstack_kdf(struct ph_bytes parent, struct ph_bytes path, uint8_t out[static 32])
{
    if (path.len > PH_DSTACK_PATH_MAX)
        return PH_ERR_LIMIT;
    return ph_hkdf_sha256(parent, PH_BYTES_LIT("RATLS"), path, out, 32);
}

/* PrivateKeyInfo around the seed: RFC 8410 §7. */
static enum ph_err ed25519_of(const uint8_t key[static 32], struct ph_pkey **out)
{
    uint8_t der[48] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

    memcpy(der + 16, key, 32);
    const enum ph_err err = ph_pkey_import_pkcs8(PH_PKEY_ED25519, PH_BYTES_OF(der), out);
    ph_wipe(der, sizeof(der));
    return err;
}

static enum ph_err ed25519_public(const uint8_t key[static 32],
                                  uint8_t out[static PH_DSTACK_PUBLIC_MAX], size_t *len)
{
    struct ph_pkey *ed PH_OWNED(ph_pkey_freep) = NULL;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(32);

    PH_TRY(ed25519_of(key, &ed));
    PH_TRY(ph_pkey_export_raw(ed, &raw));
    memcpy(out, raw.ptr, raw.len);
    *len = raw.len;
    return PH_OK;
}

enum ph_err ph_dstack_public(enum ph_dstack_alg alg, const uint8_t key[static 32],
                             uint8_t out[static PH_DSTACK_PUBLIC_MAX], size_t *len)
{
    switch (alg) {
    case PH_DSTACK_ED25519:
        return ed25519_public(key, out, len);
    case PH_DSTACK_SECP256K1:
    case PH_DSTACK_SECP256K1_PREHASHED:
        *len = 33;
        return ph_secp256k1_compressed(key, out);
    case PH_DSTACK_NONE:
    default:
        return PH_ERR_UNSUPPORTED;
    }
}

static enum ph_err sign_message(const uint8_t key[static 32], struct ph_bytes message,
                                uint8_t sig[static 65])
{
    struct ph_hash32 digest;

    ph_keccak256(message, digest.b);
    PH_TRY(ph_eth_sign(key, &digest, sig));
    sig[64] -= 27;
    return PH_OK;
}

enum ph_err ph_dstack_by_app(const uint8_t app[static 32], struct ph_bytes purpose,
                             struct ph_bytes public_key, uint8_t sig[static 65])
{
    char message[PH_DSTACK_PURPOSE_MAX + 1 + 2 * PH_DSTACK_PUBLIC_MAX + 1];

    if (purpose.len > PH_DSTACK_PURPOSE_MAX || public_key.len > PH_DSTACK_PUBLIC_MAX)
        return PH_ERR_LIMIT;
    if (purpose.len > 0)
        memcpy(message, purpose.ptr, purpose.len);
    message[purpose.len] = ':';
    ph_hex_encode(public_key, message + purpose.len + 1);
    return sign_message(
        app, (struct ph_bytes){(const uint8_t *)message, purpose.len + 1 + 2 * public_key.len},
        sig);
}

enum ph_err ph_dstack_by_cluster(const uint8_t root[static 32], const struct ph_phat_id *app_id,
                                 const uint8_t app[static 32], uint8_t sig[static 65])
{
    static const char tag[18] = {'d', 's', 't', 'a', 'c', 'k', '-', 'k', 'm',
                                 's', '-', 'i', 's', 's', 'u', 'e', 'd', ':'};
    uint8_t message[sizeof(tag) + sizeof(app_id->b) + 33];

    memcpy(message, tag, sizeof(tag));
    memcpy(message + sizeof(tag), app_id->b, sizeof(app_id->b));
    PH_TRY(ph_secp256k1_compressed(app, message + sizeof(tag) + sizeof(app_id->b)));
    return sign_message(root, PH_BYTES_OF(message), sig);
}

static enum ph_err digest_of(enum ph_dstack_alg alg, struct ph_bytes data, struct ph_hash32 *out)
{
    if (alg == PH_DSTACK_SECP256K1) {
        ph_sha256(data, out->b);
        return PH_OK;
    }
    if (data.len != sizeof(out->b))
        return PH_ERR_MALFORMED;
    memcpy(out->b, data.ptr, sizeof(out->b));
    return PH_OK;
}

enum ph_err ph_dstack_sign(enum ph_dstack_alg alg, const uint8_t key[static 32],
                           struct ph_bytes data, uint8_t sig[static 64])
{
    struct ph_pkey *ed PH_OWNED(ph_pkey_freep) = NULL;
    struct ph_hash32 digest;
    uint8_t whole[65];

    switch (alg) {
    case PH_DSTACK_ED25519:
        PH_TRY(ed25519_of(key, &ed));
        return ph_pkey_ed25519_sign(ed, data, sig);
    case PH_DSTACK_SECP256K1:
    case PH_DSTACK_SECP256K1_PREHASHED:
        PH_TRY(digest_of(alg, data, &digest));
        PH_TRY(ph_eth_sign(key, &digest, whole));
        memcpy(sig, whole, 64);
        return PH_OK;
    case PH_DSTACK_NONE:
    default:
        return PH_ERR_UNSUPPORTED;
    }
}

enum ph_err ph_dstack_verify(enum ph_dstack_alg alg, struct ph_bytes data, struct ph_bytes sig,
                             struct ph_bytes public_key)
{
    struct ph_pkey *ed PH_OWNED(ph_pkey_freep) = NULL;
    struct ph_hash32 digest;

    if (sig.len != 64)
        return PH_ERR_MALFORMED;
    switch (alg) {
    case PH_DSTACK_ED25519:
        PH_TRY(ph_pkey_import_raw(PH_PKEY_ED25519, public_key, &ed));
        return ph_pkey_ed25519_verify(ed, data, sig);
    case PH_DSTACK_SECP256K1:
    case PH_DSTACK_SECP256K1_PREHASHED:
        PH_TRY(digest_of(alg, data, &digest));
        return ph_secp256k1_verify(public_key, &digest, sig.ptr);
    case PH_DSTACK_NONE:
    default:
        return PH_ERR_UNSUPPORTED;
    }
}
