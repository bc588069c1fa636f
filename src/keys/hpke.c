#include "keys/hpke.h"

#include "crypto/aead.h"
#include "crypto/pkey.h"

#include <assert.h>

enum {
    INFO_MAX = 1024,
    LABELED_MAX = 7 + 10 + 32 + INFO_MAX, /* "HPKE-v1", suite id, label, value */
};

/* RFC 9180 §4.1: suite_id = "KEM" || I2OSP(kem_id, 2); kem_id of DHKEM(X25519, HKDF-SHA256). */
static const uint8_t kem_suite[5] = {'K', 'E', 'M', 0x00, 0x20};

/* §5.1: suite_id = "HPKE" || kem_id || kdf_id (HKDF-SHA256) || aead_id. */
struct suite {
    uint8_t id[10];
};
static struct suite suite_of(enum ph_hpke_aead aead)
{
    return (struct suite){{'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, (uint8_t)aead}};
}

size_t ph_hpke_key_len(enum ph_hpke_aead aead)
{
    switch (aead) {
    case PH_HPKE_AES128GCM:
        return 16;
    case PH_HPKE_AES256GCM:
    case PH_HPKE_CHACHA20POLY1305:
        return 32;
    }
    return 0;
}

/* A short string put together on the stack. */
struct text {
    size_t len;
    uint8_t b[LABELED_MAX + 64];
};
static void put(struct text *t, struct ph_bytes bytes)
{
    assert(bytes.len <= sizeof(t->b) - t->len);
    if (bytes.len > 0)
        memcpy(t->b + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
}

/* LabeledExtract(salt, label, ikm): §4. HKDF-Extract is HMAC(salt, ikm). */
static void labeled_extract(struct ph_bytes suite, struct ph_bytes salt, const char *label,
                            struct ph_bytes ikm, uint8_t prk[static 32])
{
    struct text t;

    t.len = 0;
    put(&t, PH_BYTES_LIT("HPKE-v1"));
    put(&t, suite);
    put(&t, ph_bytes_str(label));
    put(&t, ikm);
    ph_hmac_sha256(salt, (struct ph_bytes){t.b, t.len}, prk);
    ph_wipe(t.b, t.len);
}

/* LabeledExpand(prk, label, info, L) for L of at most 32: the first block of HKDF-Expand. */
static void labeled_expand(struct ph_bytes suite, const uint8_t prk[static 32], const char *label,
                           struct ph_bytes info, uint8_t *out, size_t len)
{
    const uint8_t head[2] = {0, (uint8_t)len}, one = 1;
    uint8_t block[32];
    struct text t;

    assert(len <= sizeof(block));
    t.len = 0;
    put(&t, PH_BYTES_OF(head));
    put(&t, PH_BYTES_LIT("HPKE-v1"));
    put(&t, suite);
    put(&t, ph_bytes_str(label));
    put(&t, info);
    put(&t, (struct ph_bytes){&one, 1});
    ph_hmac_sha256((struct ph_bytes){prk, 32}, (struct ph_bytes){t.b, t.len}, block);
    memcpy(out, block, len);
    ph_wipe(block, sizeof(block));
}

/* ExtractAndExpand of §4.1, then KeySchedule of §5.1 for base mode (no psk). */
static void schedule(enum ph_hpke_aead aead, const uint8_t dh[static 32],
                     const uint8_t enc[static 32], const uint8_t recipient[static 32],
                     struct ph_bytes info, struct ph_hpke_context *out)
{
    const struct suite suite = suite_of(aead);
    const struct ph_bytes kem = PH_BYTES_OF(kem_suite), id = PH_BYTES_OF(suite.id);
    uint8_t prk[32], shared[32], kem_context[64], context[1 + 32 + 32], secret[32];

    memcpy(kem_context, enc, 32);
    memcpy(kem_context + 32, recipient, 32);
    labeled_extract(kem, PH_BYTES_LIT(""), "eae_prk", (struct ph_bytes){dh, 32}, prk);
    labeled_expand(kem, prk, "shared_secret", PH_BYTES_OF(kem_context), shared, sizeof(shared));

    context[0] = 0; /* mode_base */
    labeled_extract(id, PH_BYTES_LIT(""), "psk_id_hash", PH_BYTES_LIT(""), context + 1);
    labeled_extract(id, PH_BYTES_LIT(""), "info_hash", info, context + 33);
    labeled_extract(id, PH_BYTES_OF(shared), "secret", PH_BYTES_LIT(""), secret);
    *out = (struct ph_hpke_context){.aead = aead, .key_len = ph_hpke_key_len(aead)};
    labeled_expand(id, secret, "key", PH_BYTES_OF(context), out->key, out->key_len);
    labeled_expand(id, secret, "base_nonce", PH_BYTES_OF(context), out->nonce, sizeof(out->nonce));
    labeled_expand(id, secret, "exp", PH_BYTES_OF(context), out->exporter, sizeof(out->exporter));
    ph_wipe(prk, sizeof(prk));
    ph_wipe(shared, sizeof(shared));
    ph_wipe(secret, sizeof(secret));
}

static enum ph_err check(enum ph_hpke_aead aead, struct ph_bytes info)
{
    if (ph_hpke_key_len(aead) == 0)
        return PH_ERR_UNSUPPORTED;
    return info.len <= INFO_MAX ? PH_OK : PH_ERR_LIMIT;
}

enum ph_err ph_hpke_receive(enum ph_hpke_aead aead, const uint8_t secret[static 32],
                            const uint8_t public[static 32], const uint8_t enc[static 32],
                            struct ph_bytes info, struct ph_hpke_context *out)
{
    uint8_t dh[32];

    PH_TRY(check(aead, info));
    PH_TRY(ph_x25519(secret, enc, dh));
    schedule(aead, dh, enc, public, info, out);
    ph_wipe(dh, sizeof(dh));
    return PH_OK;
}

enum ph_err ph_hpke_send(enum ph_hpke_aead aead, const uint8_t ephemeral[static 32],
                         const uint8_t recipient[static 32], struct ph_bytes info,
                         uint8_t enc[static 32], struct ph_hpke_context *out)
{
    uint8_t public[32], dh[32];

    PH_TRY(check(aead, info));
    PH_TRY(ph_x25519_public(ephemeral, public));
    PH_TRY(ph_x25519(ephemeral, recipient, dh));
    schedule(aead, dh, public, recipient, info, out);
    ph_wipe(dh, sizeof(dh));
    memcpy(enc, public, sizeof(public));
    return PH_OK;
}

/* §5.3 */
void ph_hpke_export(const struct ph_hpke_context *context, struct ph_bytes exporter_context,
                    uint8_t *out, size_t len)
{
    const struct suite suite = suite_of(context->aead);

    labeled_expand(PH_BYTES_OF(suite.id), context->exporter, "sec", exporter_context, out, len);
}

enum ph_err ph_hpke_aead_seal(enum ph_hpke_aead aead, const uint8_t *key,
                              const uint8_t nonce[static 12], struct ph_bytes aad,
                              struct ph_bytes plain, uint8_t *out)
{
    const size_t key_len = ph_hpke_key_len(aead);

    if (key_len == 0)
        return PH_ERR_UNSUPPORTED;
    if (aead == PH_HPKE_CHACHA20POLY1305)
        return ph_chacha20poly1305_seal(key, nonce, aad, plain, out);
    return ph_aesgcm_seal((struct ph_bytes){key, key_len}, (struct ph_bytes){nonce, 12}, aad,
                          PH_GCM_TAG_LEN, plain, out);
}

enum ph_err ph_hpke_aead_open(enum ph_hpke_aead aead, const uint8_t *key,
                              const uint8_t nonce[static 12], struct ph_bytes aad,
                              struct ph_bytes sealed, uint8_t *out)
{
    const size_t key_len = ph_hpke_key_len(aead);

    if (key_len == 0)
        return PH_ERR_UNSUPPORTED;
    if (sealed.len < PH_GCM_TAG_LEN)
        return PH_ERR_MALFORMED;
    if (aead == PH_HPKE_CHACHA20POLY1305)
        return ph_chacha20poly1305_open(key, nonce, aad, sealed, out);
    return ph_aesgcm_open((struct ph_bytes){key, key_len}, (struct ph_bytes){nonce, 12}, aad,
                          PH_GCM_TAG_LEN, sealed, out);
}

enum ph_err ph_hpke_seal_with_ephemeral(enum ph_hpke_aead aead, const uint8_t ephemeral[static 32],
                                        const uint8_t recipient[static 32], struct ph_bytes info,
                                        struct ph_bytes aad, struct ph_bytes plain, uint8_t *out)
{
    struct ph_hpke_context c;
    uint8_t enc[32];

    PH_TRY(ph_hpke_send(aead, ephemeral, recipient, info, enc, &c));
    const enum ph_err err =
        ph_hpke_aead_seal(aead, c.key, c.nonce, aad, plain, out + PH_HPKE_ENC_LEN);
    if (err == PH_OK)
        memcpy(out, enc, sizeof(enc));
    ph_wipe(&c, sizeof(c));
    return err;
}

enum ph_err ph_hpke_seal(const uint8_t recipient[static 32], struct ph_bytes info,
                         struct ph_bytes aad, struct ph_bytes plain, uint8_t *out)
{
    uint8_t ephemeral[32];

    ph_random(ephemeral, sizeof(ephemeral));
    const enum ph_err err =
        ph_hpke_seal_with_ephemeral(PH_HPKE_AES256GCM, ephemeral, recipient, info, aad, plain, out);
    ph_wipe(ephemeral, sizeof(ephemeral));
    return err;
}

enum ph_err ph_hpke_open(enum ph_hpke_aead aead, const uint8_t secret[static 32],
                         struct ph_bytes info, struct ph_bytes aad, struct ph_bytes message,
                         uint8_t *out)
{
    struct ph_reader r = {message};
    struct ph_hpke_context c;
    uint8_t enc[32], pub[32];

    if (message.len < PH_HPKE_OVERHEAD || !ph_read_copy(&r, enc, sizeof(enc)))
        return PH_ERR_MALFORMED;
    PH_TRY(ph_x25519_public(secret, pub));
    PH_TRY(ph_hpke_receive(aead, secret, pub, enc, info, &c));
    const enum ph_err err = ph_hpke_aead_open(aead, c.key, c.nonce, aad, r.rest, out);
    ph_wipe(&c, sizeof(c));
    return err;
}
