#include "keys/secrets.h"

#include "codec/jscan.h"
#include "crypto/aead.h"
#include "keys/hpke.h"

#include <stdio.h>

#define HPKE_INFO PH_BYTES_LIT("phala-secrets-v2")

_Static_assert((int)PH_SECRETS_ENVELOPE_OVERHEAD == (int)PH_HPKE_OVERHEAD, "envelope overhead");

static bool name_ok(struct ph_bytes name)
{
    if (name.len == 0 || name.len > PH_SECRETS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return true;
}

enum ph_err ph_secrets_check(struct ph_bytes document, char why[static 128])
{
    struct ph_jtok toks[1 + PH_SECRETS_CNT_MAX];
    struct ph_jdoc doc;

    if (document.len > PH_SECRETS_MAX) {
        (void)snprintf(why, 128, "secrets: longer than %d bytes", PH_SECRETS_MAX);
        return PH_ERR_LIMIT;
    }
    const enum ph_err err = ph_jscan(document, toks, PH_LEN(toks), &doc);
    if (err == PH_ERR_LIMIT) {
        (void)snprintf(why, 128, "secrets: more than %d of them", PH_SECRETS_CNT_MAX);
        return PH_ERR_LIMIT;
    }
    if (err != PH_OK || doc.toks[0].type != PH_JOBJECT) {
        (void)snprintf(why, 128, "secrets: expected one JSON object of strings, names unique");
        return PH_ERR_MALFORMED;
    }
    uint32_t number = 0;
    for (uint32_t tok = ph_jscan_first(0); tok < doc.toks[0].next; tok = doc.toks[tok].next) {
        const struct ph_jtok *t = &doc.toks[tok];
        number++;
        if (!name_ok((struct ph_bytes){document.ptr + t->key_start, t->key_end - t->key_start})) {
            (void)snprintf(why, 128,
                           "secrets: name %u: expected a letter or '_', then letters, digits, '_'; "
                           "at most %d bytes",
                           number, PH_SECRETS_NAME_MAX);
            return PH_ERR_MALFORMED;
        }
        if (t->type != PH_JSTRING) {
            (void)snprintf(why, 128, "secrets: value %u: expected a string", number);
            return PH_ERR_MALFORMED;
        }
    }
    return PH_OK;
}

bool ph_secrets_are_for(const struct ph_secrets_for *bundles, const struct ph_hash32 *bundle)
{
    for (uint32_t i = 0; i < bundles->cnt; i++)
        if (memcmp(bundles->bundle[i].b, bundle->b, sizeof(bundle->b)) == 0)
            return true;
    return bundles->cnt == 0;
}

static enum ph_err set_encode(const struct ph_secrets_for *bundles, struct ph_bytes document,
                              struct ph_buf *out)
{
    const uint8_t cnt = (uint8_t)bundles->cnt;

    PH_TRY(ph_buf_add(out, (struct ph_bytes){&cnt, 1}));
    for (uint32_t i = 0; i < bundles->cnt; i++)
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(bundles->bundle[i].b)));
    return ph_buf_add(out, document);
}

enum ph_err ph_secrets_set_parse(struct ph_bytes set, struct ph_secrets_for *bundles,
                                 struct ph_bytes *document, char why[static 128])
{
    struct ph_secrets_for got = {0};
    struct ph_reader r = {set};
    uint8_t cnt = 0;

    if (ph_read_u8(&r, &cnt) && cnt > PH_SECRETS_BUNDLES_MAX) {
        (void)snprintf(why, 128, "secrets: for more than %d bundles", PH_SECRETS_BUNDLES_MAX);
        return PH_ERR_LIMIT;
    }
    while (got.cnt < cnt) {
        struct ph_hash32 *at = &got.bundle[got.cnt];
        if (!ph_read_copy(&r, at->b, sizeof(at->b)) ||
            (got.cnt > 0 && ph_secrets_are_for(&got, at))) {
            (void)snprintf(why, 128,
                           "secrets: the bundles that they are for: cut short, or one "
                           "twice");
            return PH_ERR_MALFORMED;
        }
        got.cnt++;
    }
    PH_TRY(ph_secrets_check(r.rest, why));
    *bundles = got;
    *document = r.rest;
    return PH_OK;
}

enum ph_err ph_secrets_seal(const uint8_t worker_x25519[static 32], const struct ph_phat_id *phat,
                            const struct ph_secrets_for *bundles, struct ph_bytes document,
                            struct ph_buf *out, char why[static 128])
{
    struct ph_buf set = PH_BUF(PH_SECRETS_SET_MAX);
    struct ph_secrets_for parsed;
    struct ph_bytes inner;
    uint8_t *at;

    enum ph_err err = set_encode(bundles, document, &set);
    if (err == PH_OK)
        err = ph_secrets_set_parse(ph_buf_view(&set), &parsed, &inner, why);
    else
        (void)snprintf(why, 128, "secrets: longer than %d bytes", PH_SECRETS_MAX);
    if (err == PH_OK) {
        (void)snprintf(why, 128, "secrets: cannot be encrypted to the worker's key");
        err = ph_buf_reserve(out, set.len + PH_HPKE_OVERHEAD, &at);
    }
    if (err == PH_OK)
        err = ph_hpke_seal(worker_x25519, HPKE_INFO, PH_BYTES_OF(phat->b), ph_buf_view(&set), at);
    if (err == PH_OK) {
        out->len += set.len + PH_HPKE_OVERHEAD;
        why[0] = '\0';
    }
    if (set.ptr)
        ph_wipe(set.ptr, set.cap);
    ph_buf_clear(&set);
    return err;
}

enum ph_err ph_secrets_open(const uint8_t secret_x25519[static 32], const struct ph_phat_id *phat,
                            struct ph_bytes envelope, uint8_t *out, size_t *out_len,
                            char why[static 128])
{
    if (envelope.len > PH_SECRETS_ENVELOPE_MAX) {
        (void)snprintf(why, 128, "secrets: envelope longer than %d bytes", PH_SECRETS_ENVELOPE_MAX);
        return PH_ERR_LIMIT;
    }
    const enum ph_err err = ph_hpke_open(PH_HPKE_AES256GCM, secret_x25519, HPKE_INFO,
                                         PH_BYTES_OF(phat->b), envelope, out);
    if (err != PH_OK) {
        (void)snprintf(why, 128, "secrets: envelope is not encrypted to this worker for this phat");
        return err;
    }
    const size_t len = envelope.len - PH_HPKE_OVERHEAD;
    struct ph_secrets_for bundles;
    struct ph_bytes document;
    const enum ph_err checked =
        ph_secrets_set_parse((struct ph_bytes){out, len}, &bundles, &document, why);
    if (checked != PH_OK) {
        ph_wipe(out, len);
        return checked;
    }
    *out_len = len;
    return PH_OK;
}

enum { SEALED_VERSION = 3, AAD_LEN = 23 + 20 + 4 + 8 };

/* What stands before the ciphertext. */
struct sealed_head {
    uint32_t epoch;
    uint64_t sequence;
    struct ph_bytes nonce, ciphertext;
};

static enum ph_err read_head(struct ph_bytes sealed, struct sealed_head *out)
{
    struct ph_reader r = {sealed};
    uint8_t version;

    if (sealed.len > PH_SECRETS_SEALED_MAX)
        return PH_ERR_LIMIT;
    if (!ph_read_u8(&r, &version) || version != SEALED_VERSION || !ph_read_u32be(&r, &out->epoch) ||
        !ph_read_u64be(&r, &out->sequence) || !ph_read_view(&r, PH_GCM_NONCE_LEN, &out->nonce) ||
        r.rest.len < PH_GCM_TAG_LEN)
        return PH_ERR_MALFORMED;
    out->ciphertext = r.rest;
    return PH_OK;
}

static void make_aad(const struct ph_phat_id *phat, uint32_t epoch, uint64_t sequence,
                     uint8_t out[static AAD_LEN])
{
    memcpy(out, "phala-secrets-sealed-v3", 23);
    memcpy(out + 23, phat->b, sizeof(phat->b));
    ph_put_u32be(out + 43, epoch);
    ph_put_u64be(out + 47, sequence);
}

enum ph_err ph_secrets_store(const uint8_t key[static 32], const struct ph_phat_id *phat,
                             uint32_t epoch, uint64_t sequence, struct ph_bytes set,
                             struct ph_buf *out)
{
    uint8_t aad[AAD_LEN], *at;

    if (set.len > PH_SECRETS_SET_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_buf_reserve(out, set.len + PH_SECRETS_SEALED_OVERHEAD, &at));
    at[0] = SEALED_VERSION;
    ph_put_u32be(at + 1, epoch);
    ph_put_u64be(at + 5, sequence);
    ph_random(at + 13, PH_GCM_NONCE_LEN);
    make_aad(phat, epoch, sequence, aad);
    PH_TRY(ph_aes256gcm_seal(key, at + 13, PH_BYTES_OF(aad), set, at + 25));
    out->len += set.len + PH_SECRETS_SEALED_OVERHEAD;
    return PH_OK;
}

enum ph_err ph_secrets_epoch(struct ph_bytes sealed, uint32_t *epoch)
{
    struct sealed_head head;

    PH_TRY(read_head(sealed, &head));
    *epoch = head.epoch;
    return PH_OK;
}

enum ph_err ph_secrets_load(const uint8_t key[static 32], const struct ph_phat_id *phat,
                            struct ph_bytes sealed, uint8_t *out, size_t *out_len,
                            uint64_t *sequence)
{
    struct sealed_head head;
    uint8_t aad[AAD_LEN];

    PH_TRY(read_head(sealed, &head));
    make_aad(phat, head.epoch, head.sequence, aad);
    PH_TRY(ph_aes256gcm_open(key, head.nonce.ptr, PH_BYTES_OF(aad), head.ciphertext, out));
    *out_len = head.ciphertext.len - PH_GCM_TAG_LEN;
    *sequence = head.sequence;
    return PH_OK;
}
