#include "keys/ohttp.h"

#include "crypto/aead.h"
#include "crypto/hash.h"

#include <assert.h>

enum { HDR_LEN = 7 };
static const enum ph_hpke_aead aeads[] = {PH_HPKE_AES128GCM, PH_HPKE_AES256GCM,
                                          PH_HPKE_CHACHA20POLY1305};

static uint8_t *put_u16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
    return at + 2;
}

static uint8_t key_id_of(const uint8_t public[static 32])
{
    uint8_t hash[32];

    ph_sha256((struct ph_bytes){public, 32}, hash);
    return hash[0];
}

void ph_ohttp_keys_encode(const uint8_t public[static 32], uint8_t out[static PH_OHTTP_KEYS_LEN])
{
    uint8_t *at = put_u16(out, PH_OHTTP_KEYS_LEN - 2);

    *at++ = key_id_of(public);
    at = put_u16(at, PH_HPKE_KEM_X25519);
    memcpy(at, public, 32);
    at = put_u16(at + 32, 4 * PH_LEN(aeads));
    for (size_t i = 0; i < PH_LEN(aeads); i++)
        at = put_u16(put_u16(at, PH_HPKE_KDF_SHA256), aeads[i]);
    assert(at == out + PH_OHTTP_KEYS_LEN);
}

/* One configuration, whose length stood before it. *usable: by us. */
static bool read_config(struct ph_reader r, uint8_t *key_id, uint8_t public[static 32],
                        enum ph_hpke_aead *aead, bool *usable)
{
    uint16_t kem, suites_len, kdf, aead_id;
    struct ph_reader suites;

    *usable = false;
    if (!ph_read_u8(&r, key_id) || !ph_read_u16be(&r, &kem))
        return false;
    if (kem != PH_HPKE_KEM_X25519) /* its key's length is not known here */
        return true;
    if (!ph_read_copy(&r, public, 32) || !ph_read_u16be(&r, &suites_len) || suites_len == 0 ||
        suites_len % 4 != 0 || suites_len != r.rest.len)
        return false;
    for (suites = r;
         !*usable && ph_read_u16be(&suites, &kdf) && ph_read_u16be(&suites, &aead_id);) {
        *aead = (enum ph_hpke_aead)aead_id;
        *usable = kdf == PH_HPKE_KDF_SHA256 && ph_hpke_key_len(*aead) > 0;
    }
    return true;
}

enum ph_err ph_ohttp_keys_parse(struct ph_bytes keys, uint8_t *key_id, uint8_t public[static 32],
                                enum ph_hpke_aead *aead)
{
    struct ph_reader r = {keys};
    uint8_t id, key[32];
    enum ph_hpke_aead first = PH_HPKE_AES128GCM;
    bool found = false;

    while (r.rest.len > 0) {
        struct ph_bytes config;
        uint16_t len;
        bool usable;
        if (!ph_read_u16be(&r, &len) || !ph_read_view(&r, len, &config) ||
            !read_config((struct ph_reader){config}, &id, key, &first, &usable))
            return PH_ERR_MALFORMED;
        if (!usable || found)
            continue;
        found = true;
        *key_id = id;
        memcpy(public, key, sizeof(key));
        *aead = first;
    }
    return found ? PH_OK : PH_ERR_UNSUPPORTED;
}

/* RFC 9458 §4.3: info = "message/bhttp request" || 0x00 || hdr */
struct info {
    uint8_t b[21 + 1 + HDR_LEN];
};
static struct info info_of(const uint8_t hdr[static HDR_LEN])
{
    struct info info = {"message/bhttp request"};

    memcpy(info.b + 22, hdr, HDR_LEN);
    return info;
}

static void session_of(const struct ph_hpke_context *c, const uint8_t enc[static 32],
                       struct ph_ohttp_session *out)
{
    *out = (struct ph_ohttp_session){.aead = c->aead};
    memcpy(out->enc, enc, sizeof(out->enc));
    memcpy(out->key, c->key, c->key_len);
    memcpy(out->nonce, c->nonce, sizeof(out->nonce));
    ph_hpke_export(c, PH_BYTES_LIT("message/bhttp response"), out->secret, c->key_len);
}

enum ph_err ph_ohttp_open_head(const uint8_t secret[static 32], const uint8_t public[static 32],
                               struct ph_bytes head, struct ph_ohttp_session *out)
{
    struct ph_reader r = {head};
    struct ph_bytes hdr;
    struct ph_hpke_context c;
    uint8_t key_id;
    uint16_t kem, kdf, aead;

    if (head.len != PH_OHTTP_HEAD_LEN || !ph_read_view(&r, HDR_LEN, &hdr))
        return PH_ERR_MALFORMED;
    struct ph_reader fields = {hdr};
    if (!ph_read_u8(&fields, &key_id) || !ph_read_u16be(&fields, &kem) ||
        !ph_read_u16be(&fields, &kdf) || !ph_read_u16be(&fields, &aead))
        return PH_ERR_MALFORMED;
    if (key_id != key_id_of(public) || kem != PH_HPKE_KEM_X25519 || kdf != PH_HPKE_KDF_SHA256)
        return PH_ERR_UNSUPPORTED;
    const struct info info = info_of(hdr.ptr);
    PH_TRY(ph_hpke_receive((enum ph_hpke_aead)aead, secret, public, r.rest.ptr, PH_BYTES_OF(info.b),
                           &c));
    session_of(&c, r.rest.ptr, out);
    ph_wipe(&c, sizeof(c));
    return PH_OK;
}

enum ph_err ph_ohttp_open_request(const struct ph_ohttp_session *session, struct ph_bytes sealed,
                                  uint8_t *out)
{
    return ph_hpke_aead_open(session->aead, session->key, session->nonce, PH_BYTES_LIT(""), sealed,
                             out);
}

/* RFC 9458 §4.4: keys of the response, from the exported secret and the nonce before it. */
static enum ph_err response_keys(const struct ph_ohttp_session *s, const uint8_t *response_nonce,
                                 uint8_t key[static 32], uint8_t nonce[static 12])
{
    const size_t len = ph_hpke_key_len(s->aead);
    const struct ph_bytes secret = {s->secret, len};
    uint8_t salt[64];

    memcpy(salt, s->enc, 32);
    memcpy(salt + 32, response_nonce, len);
    PH_TRY(
        ph_hkdf_sha256(secret, (struct ph_bytes){salt, 32 + len}, PH_BYTES_LIT("key"), key, len));
    return ph_hkdf_sha256(secret, (struct ph_bytes){salt, 32 + len}, PH_BYTES_LIT("nonce"), nonce,
                          12);
}

enum ph_err ph_ohttp_seal_response_with_nonce(const struct ph_ohttp_session *session,
                                              const uint8_t *response_nonce,
                                              struct ph_bytes response, struct ph_buf *out)
{
    const size_t nonce_len = ph_hpke_key_len(session->aead); /* max(Nn, Nk): Nn is 12 */
    uint8_t key[32], nonce[12], *at;

    PH_TRY(ph_buf_reserve(out, nonce_len + response.len + 16, &at));
    enum ph_err err = response_keys(session, response_nonce, key, nonce);
    if (err == PH_OK)
        err = ph_hpke_aead_seal(session->aead, key, nonce, PH_BYTES_LIT(""), response,
                                at + nonce_len);
    ph_wipe(key, sizeof(key));
    PH_TRY(err);
    memcpy(at, response_nonce, nonce_len);
    out->len += nonce_len + response.len + 16;
    return PH_OK;
}

enum ph_err ph_ohttp_seal_response(const struct ph_ohttp_session *session, struct ph_bytes response,
                                   struct ph_buf *out)
{
    uint8_t response_nonce[32];

    ph_random(response_nonce, sizeof(response_nonce));
    return ph_ohttp_seal_response_with_nonce(session, response_nonce, response, out);
}

enum ph_err ph_ohttp_seal_request_with_ephemeral(struct ph_bytes keys,
                                                 const uint8_t ephemeral[static 32],
                                                 struct ph_bytes request, struct ph_buf *out,
                                                 struct ph_ohttp_session *session)
{
    enum ph_hpke_aead aead = PH_HPKE_AES128GCM;
    struct ph_hpke_context c;
    uint8_t hdr[HDR_LEN], public[32], enc[32], *at;

    PH_TRY(ph_ohttp_keys_parse(keys, &hdr[0], public, &aead));
    (void)put_u16(put_u16(put_u16(hdr + 1, PH_HPKE_KEM_X25519), PH_HPKE_KDF_SHA256), aead);
    const struct info info = info_of(hdr);
    PH_TRY(ph_buf_reserve(out, PH_OHTTP_REQUEST_OVERHEAD + request.len, &at));
    PH_TRY(ph_hpke_send(aead, ephemeral, public, PH_BYTES_OF(info.b), enc, &c));
    const enum ph_err err =
        ph_hpke_aead_seal(aead, c.key, c.nonce, PH_BYTES_LIT(""), request, at + PH_OHTTP_HEAD_LEN);
    if (err == PH_OK) {
        memcpy(at, hdr, HDR_LEN);
        memcpy(at + HDR_LEN, enc, 32);
        out->len += PH_OHTTP_REQUEST_OVERHEAD + request.len;
        session_of(&c, enc, session);
    }
    ph_wipe(&c, sizeof(c));
    return err;
}

enum ph_err ph_ohttp_seal_request(struct ph_bytes keys, struct ph_bytes request, struct ph_buf *out,
                                  struct ph_ohttp_session *session)
{
    uint8_t ephemeral[32];

    ph_random(ephemeral, sizeof(ephemeral));
    const enum ph_err err =
        ph_ohttp_seal_request_with_ephemeral(keys, ephemeral, request, out, session);
    ph_wipe(ephemeral, sizeof(ephemeral));
    return err;
}

enum ph_err ph_ohttp_open_response(const struct ph_ohttp_session *session, struct ph_bytes sealed,
                                   struct ph_buf *out)
{
    const size_t nonce_len = ph_hpke_key_len(session->aead);
    struct ph_reader r = {sealed};
    struct ph_bytes response_nonce;
    uint8_t key[32], nonce[12], *at;

    if (!ph_read_view(&r, nonce_len, &response_nonce) || r.rest.len < 16)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_reserve(out, r.rest.len, &at));
    enum ph_err err = response_keys(session, response_nonce.ptr, key, nonce);
    if (err == PH_OK)
        err = ph_hpke_aead_open(session->aead, key, nonce, PH_BYTES_LIT(""), r.rest, at);
    ph_wipe(key, sizeof(key));
    PH_TRY(err);
    out->len += r.rest.len - 16;
    return PH_OK;
}
