#include "keystore.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/json.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "scrypt_wide.h"

#include <stdio.h>

enum { SALT_MAX = 64, NEW_SCRYPT_N = 262144, NEW_SCRYPT_R = 8, NEW_SCRYPT_P = 1 };

struct keystore {
    bool scrypt; /* else pbkdf2 */
    uint64_t n;
    uint32_t r, p, rounds;
    uint8_t salt[SALT_MAX];
    size_t salt_len;
    uint8_t iv[16], ciphertext[32], mac[32];
    bool has_address;
    struct ph_eth_address address;
};

static enum ph_err refuse(struct ph_keystore_why *why, enum ph_err err, const char *text)
{
    (void)snprintf(why->text, sizeof(why->text), "%s", text);
    return err;
}

static enum ph_err string_is(const json_t *object, const char *path, const char *key,
                             const char *expected, struct ph_keystore_why *why)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value != NULL && strcmp(value, expected) == 0)
        return PH_OK;
    (void)snprintf(why->text, sizeof(why->text), "%s%s is %.40s, expected \"%s\"", path, key,
                   value != NULL ? value : "missing or no string", expected);
    return value != NULL ? PH_ERR_UNSUPPORTED : PH_ERR_MALFORMED;
}

static enum ph_err hex_member(const json_t *object, const char *path, const char *key, uint8_t *out,
                              size_t len, struct ph_keystore_why *why)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value != NULL && ph_hex_decode(ph_bytes_str(value), out, len) == PH_OK)
        return PH_OK;
    (void)snprintf(why->text, sizeof(why->text), "%s%s: expected %zu hex digits", path, key,
                   2 * len);
    return PH_ERR_MALFORMED;
}

static enum ph_err int_member(const json_t *object, const char *key, int64_t max, int64_t *out,
                              struct ph_keystore_why *why)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_integer(v) || json_integer_value(v) < 1) {
        (void)snprintf(why->text, sizeof(why->text),
                       "crypto.kdfparams.%s: expected a positive integer", key);
        return PH_ERR_MALFORMED;
    }
    if (json_integer_value(v) > max) {
        (void)snprintf(why->text, sizeof(why->text),
                       "crypto.kdfparams.%s is over the limit of %lld", key, (long long)max);
        return PH_ERR_LIMIT;
    }
    *out = json_integer_value(v);
    return PH_OK;
}

static enum ph_err parse_scrypt(const json_t *params, struct keystore *ks,
                                struct ph_keystore_why *why)
{
    int64_t n, r, p;
    PH_TRY(int_member(params, "n", 1 << 24, &n, why));
    PH_TRY(int_member(params, "r", 1 << 16, &r, why));
    PH_TRY(int_member(params, "p", 1 << 16, &p, why));
    if (n < 2 || (n & (n - 1)) != 0)
        return refuse(why, PH_ERR_MALFORMED, "crypto.kdfparams.n: expected a power of two");
    /* Products of values bounded above stay below 2^56. */
    if (128 * n * r > PH_KEYSTORE_SCRYPT_MEM_MAX || n * r * p > PH_KEYSTORE_SCRYPT_WORK_MAX)
        return refuse(why, PH_ERR_LIMIT,
                      "crypto.kdfparams: scrypt would take more memory or time than allowed");
    ks->scrypt = true;
    ks->n = (uint64_t)n;
    ks->r = (uint32_t)r;
    ks->p = (uint32_t)p;
    return PH_OK;
}

static enum ph_err parse_kdf(const json_t *crypto, struct keystore *ks, struct ph_keystore_why *why)
{
    const char *kdf = json_string_value(json_object_get(crypto, "kdf"));
    const json_t *params = json_object_get(crypto, "kdfparams");
    if (kdf == NULL || !json_is_object(params))
        return refuse(why, PH_ERR_MALFORMED, "crypto.kdf or crypto.kdfparams is missing");
    int64_t dklen, rounds;
    if (strcmp(kdf, "scrypt") == 0) {
        PH_TRY(parse_scrypt(params, ks, why));
    } else if (strcmp(kdf, "pbkdf2") == 0) {
        PH_TRY(int_member(params, "c", PH_KEYSTORE_PBKDF2_MAX, &rounds, why));
        PH_TRY(string_is(params, "crypto.kdfparams.", "prf", "hmac-sha256", why));
        ks->rounds = (uint32_t)rounds;
    } else {
        return refuse(why, PH_ERR_UNSUPPORTED, "crypto.kdf: expected \"scrypt\" or \"pbkdf2\"");
    }
    PH_TRY(int_member(params, "dklen", 32, &dklen, why));
    if (dklen != 32)
        return refuse(why, PH_ERR_MALFORMED, "crypto.kdfparams.dklen: expected 32");
    const char *salt = json_string_value(json_object_get(params, "salt"));
    size_t digits = salt != NULL ? strlen(salt) : 0;
    if (digits == 0 || digits % 2 != 0 || digits / 2 > SALT_MAX)
        return refuse(why, PH_ERR_MALFORMED,
                      "crypto.kdfparams.salt: expected 1 to 64 bytes in hex");
    ks->salt_len = digits / 2;
    return hex_member(params, "crypto.kdfparams.", "salt", ks->salt, ks->salt_len, why);
}

static enum ph_err parse(struct ph_bytes text, struct keystore *out, struct ph_keystore_why *why)
{
    struct keystore ks = {0};
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why jwhy;
    enum ph_err err = ph_json_load(text, PH_KEYSTORE_TEXT_MAX, &doc, &jwhy);
    if (err != PH_OK)
        return refuse(why, err, jwhy.text);
    const json_t *version = json_object_get(doc, "version");
    if (!json_is_integer(version))
        return refuse(why, PH_ERR_MALFORMED,
                      "version is missing: this is no Web3 Secret Storage file");
    if (json_integer_value(version) != 3)
        return refuse(why, PH_ERR_UNSUPPORTED, "version: expected 3");
    const json_t *crypto = json_object_get(doc, "crypto");
    if (crypto == NULL) /* some wallets capitalise the member */
        crypto = json_object_get(doc, "Crypto");
    if (!json_is_object(crypto))
        return refuse(why, PH_ERR_MALFORMED, "crypto: expected an object");
    PH_TRY(string_is(crypto, "crypto.", "cipher", "aes-128-ctr", why));
    const json_t *cipherparams = json_object_get(crypto, "cipherparams");
    PH_TRY(hex_member(cipherparams, "crypto.cipherparams.", "iv", ks.iv, sizeof(ks.iv), why));
    PH_TRY(hex_member(crypto, "crypto.", "ciphertext", ks.ciphertext, sizeof(ks.ciphertext), why));
    PH_TRY(hex_member(crypto, "crypto.", "mac", ks.mac, sizeof(ks.mac), why));
    PH_TRY(parse_kdf(crypto, &ks, why));
    ks.has_address = json_object_get(doc, "address") != NULL;
    if (ks.has_address)
        PH_TRY(hex_member(doc, "", "address", ks.address.b, sizeof(ks.address.b), why));
    *out = ks;
    return PH_OK;
}

/* keccak256(derived[16:32] || ciphertext) */
static void keystore_mac(const uint8_t derived[static 32], const uint8_t ciphertext[static 32],
                         uint8_t out[static 32])
{
    uint8_t both[48];
    memcpy(both, derived + 16, 16);
    memcpy(both + 16, ciphertext, 32);
    ph_keccak256(PH_BYTES_OF(both), out);
    ph_wipe(both, sizeof(both));
}

static enum ph_err derive(const struct keystore *ks, struct ph_bytes password,
                          uint8_t derived[static 32])
{
    struct ph_bytes salt = {ks->salt, ks->salt_len};
    if (!ks->scrypt)
        return ph_pbkdf2_sha256(password, salt, ks->rounds, derived, 32);
    if (ks->r < 4 && ks->n >= (uint64_t)1 << 16 * ks->r) /* RFC 7914 §2: n < 2^(128 r / 8) */
        return ph_scrypt_wide(password, salt, ks->n, ks->r, ks->p, derived);
    return ph_scrypt(password, salt, ks->n, ks->r, ks->p, derived, 32);
}

static enum ph_err unlock(const struct keystore *ks, const uint8_t derived[static 32],
                          uint8_t secret[static 32], struct ph_eth_address *address,
                          struct ph_keystore_why *why)
{
    uint8_t mac[32];
    keystore_mac(derived, ks->ciphertext, mac);
    if (!ph_ct_equal(mac, ks->mac, sizeof(mac)))
        return refuse(why, PH_ERR_UNTRUSTED,
                      "wrong password, or the file is damaged (its MAC differs)");
    enum ph_err err = ph_aes128ctr(derived, ks->iv, PH_BYTES_OF(ks->ciphertext), secret);
    if (err == PH_OK)
        err = ph_eth_address(secret, address);
    if (err != PH_OK)
        return refuse(why, err, "the decrypted bytes are no secp256k1 key");
    if (ks->has_address && memcmp(ks->address.b, address->b, sizeof(address->b)) != 0)
        return refuse(why, PH_ERR_UNTRUSTED, "address is not that of the key inside");
    return PH_OK;
}

enum ph_err ph_keystore_open(struct ph_bytes text, struct ph_bytes password,
                             uint8_t secret[static 32], struct ph_eth_address *address,
                             struct ph_keystore_why *why)
{
    struct keystore ks;
    PH_TRY(parse(text, &ks, why));
    if (password.len > PH_KEYSTORE_PASSWORD_MAX)
        return refuse(why, PH_ERR_LIMIT, "the password is over 1024 bytes");
    uint8_t derived[32], plain[32];
    struct ph_eth_address addr;
    enum ph_err err = derive(&ks, password, derived);
    if (err != PH_OK)
        (void)refuse(why, err, "the key derivation failed: out of memory");
    else
        err = unlock(&ks, derived, plain, &addr, why);
    if (err == PH_OK) {
        memcpy(secret, plain, sizeof(plain));
        *address = addr;
    }
    ph_wipe(derived, sizeof(derived));
    ph_wipe(plain, sizeof(plain));
    return err;
}

enum ph_err ph_keystore_address(struct ph_bytes text, struct ph_eth_address *out,
                                struct ph_keystore_why *why)
{
    struct keystore ks;
    PH_TRY(parse(text, &ks, why));
    if (!ks.has_address)
        return refuse(why, PH_ERR_NOT_FOUND, "the file names no address");
    *out = ks.address;
    return PH_OK;
}

/* RFC 9562 §5.4: version 4, variant 10. */
static void random_uuid(char out[static 37])
{
    uint8_t b[16];
    char hex[33];
    ph_random(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    ph_hex_encode(PH_BYTES_OF(b), hex);
    (void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

enum ph_err ph_keystore_write(const uint8_t secret[static 32], struct ph_bytes password,
                              struct ph_buf *out)
{
    if (password.len == 0)
        return PH_ERR_MALFORMED;
    if (password.len > PH_KEYSTORE_PASSWORD_MAX)
        return PH_ERR_LIMIT;
    struct ph_eth_address address;
    PH_TRY(ph_eth_address(secret, &address));
    uint8_t salt[32], iv[16], derived[32], ciphertext[32], mac[32];
    ph_random(salt, sizeof(salt));
    ph_random(iv, sizeof(iv));
    PH_TRY(ph_scrypt(password, PH_BYTES_OF(salt), NEW_SCRYPT_N, NEW_SCRYPT_R, NEW_SCRYPT_P, derived,
                     sizeof(derived)));
    enum ph_err err = ph_aes128ctr(derived, iv, (struct ph_bytes){secret, 32}, ciphertext);
    keystore_mac(derived, ciphertext, mac);
    ph_wipe(derived, sizeof(derived));
    PH_TRY(err);
    char addr_hex[41], salt_hex[65], iv_hex[33], ct_hex[65], mac_hex[65], id[37];
    ph_hex_encode(PH_BYTES_OF(address.b), addr_hex);
    ph_hex_encode(PH_BYTES_OF(salt), salt_hex);
    ph_hex_encode(PH_BYTES_OF(iv), iv_hex);
    ph_hex_encode(PH_BYTES_OF(ciphertext), ct_hex);
    ph_hex_encode(PH_BYTES_OF(mac), mac_hex);
    random_uuid(id);
    return ph_buf_addf(
        out,
        "{\"address\":\"%s\",\"crypto\":{\"cipher\":\"aes-128-ctr\",\"ciphertext\":\"%s\","
        "\"cipherparams\":{\"iv\":\"%s\"},\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,"
        "\"n\":%d,\"p\":%d,\"r\":%d,\"salt\":\"%s\"},\"mac\":\"%s\"},\"id\":\"%s\","
        "\"version\":3}\n",
        addr_hex, ct_hex, iv_hex, NEW_SCRYPT_N, NEW_SCRYPT_P, NEW_SCRYPT_R, salt_hex, mac_hex, id);
}
