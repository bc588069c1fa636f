#include "codec/code.h"

#include "base/own.h"
#include "codec/bundle.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC PH_BYTES_LIT("PHCODE1\n")
#define CONTEXT "phala-code-v1"

enum { CONTEXT_LEN = sizeof(CONTEXT) - 1, AAD_LEN = CONTEXT_LEN + 20 + 32 };

static enum ph_err fail(char why[static PH_CODE_WHY_LEN], enum ph_err err, const char *text)
{
    (void)snprintf(why, PH_CODE_WHY_LEN, "code: %s", text);
    return err;
}

bool ph_code_is_in(const struct ph_tar *tar)
{
    return ph_tar_find(tar, PH_BYTES_LIT(PH_CODE_FILE)) != NULL;
}

enum ph_err ph_code_parse(const struct ph_tar *tar, struct ph_code *out,
                          char why[static PH_CODE_WHY_LEN])
{
    const struct ph_tar_file *code = ph_tar_find(tar, PH_BYTES_LIT(PH_CODE_FILE));
    const struct ph_tar_file *manifest = ph_tar_find(tar, PH_BYTES_LIT("phat.json"));
    struct ph_code got;
    struct ph_bytes magic;

    if (!code || !manifest || tar->file_cnt != 2)
        return fail(why, PH_ERR_MALFORMED,
                    "an encrypted bundle is phat.json and phat.code, nothing else");
    struct ph_reader r = {code->data};
    if (!ph_read_view(&r, MAGIC.len, &magic) || !ph_bytes_equal(magic, MAGIC))
        return fail(why, PH_ERR_MALFORMED, "phat.code is not of this version");
    if (!ph_read_copy(&r, got.bundle_hash.b, sizeof(got.bundle_hash.b)) ||
        !ph_read_u32be(&r, &got.epoch) || !ph_read_view(&r, PH_CODE_WRAPPED_LEN, &got.wrapped) ||
        !ph_read_view(&r, PH_GCM_NONCE_LEN, &got.nonce) || r.rest.len < PH_GCM_TAG_LEN)
        return fail(why, PH_ERR_MALFORMED, "phat.code is cut short");
    got.sealed = r.rest;
    got.manifest = manifest->data;
    *out = got;
    return PH_OK;
}

static void make_aad(const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                     uint8_t out[static AAD_LEN])
{
    memcpy(out, CONTEXT, CONTEXT_LEN);
    memcpy(out + CONTEXT_LEN, phat->b, 20);
    memcpy(out + CONTEXT_LEN + 20, bundle_hash->b, 32);
}

enum ph_err ph_code_seal_with_nonce(const struct ph_code_input *in, const uint8_t nonce[static 12],
                                    struct ph_buf *out)
{
    uint8_t aad[AAD_LEN], *at;

    PH_TRY(ph_buf_reserve(out, PH_CODE_HEAD_LEN + in->bundle.len + PH_GCM_TAG_LEN, &at));
    memcpy(at, MAGIC.ptr, MAGIC.len);
    memcpy(at + 8, in->bundle_hash.b, 32);
    ph_put_u32be(at + 40, in->epoch);
    memcpy(at + 44, in->wrapped, PH_CODE_WRAPPED_LEN);
    memcpy(at + 44 + PH_CODE_WRAPPED_LEN, nonce, PH_GCM_NONCE_LEN);
    make_aad(&in->phat, &in->bundle_hash, aad);
    PH_TRY(ph_aes256gcm_seal(in->key, nonce, PH_BYTES_OF(aad), in->bundle, at + PH_CODE_HEAD_LEN));
    out->len += PH_CODE_HEAD_LEN + in->bundle.len + PH_GCM_TAG_LEN;
    return PH_OK;
}

enum ph_err ph_code_seal(const struct ph_code_input *in, struct ph_buf *out)
{
    struct ph_buf file PH_OWNED(ph_buf_clear) = PH_BUF(out->limit);
    uint8_t nonce[PH_GCM_NONCE_LEN];

    ph_random(nonce, sizeof(nonce));
    PH_TRY(ph_code_seal_with_nonce(in, nonce, &file));
    PH_TRY(ph_tar_add(out, PH_CODE_FILE, ph_buf_view(&file)));
    PH_TRY(ph_tar_add(out, "phat.json", in->manifest));
    return ph_tar_finish(out);
}

void ph_code_rewrap(struct ph_buf *archive, const struct ph_code *code, uint32_t epoch,
                    const uint8_t wrapped[static PH_CODE_WRAPPED_LEN])
{
    uint8_t *at = archive->ptr + (code->wrapped.ptr - archive->ptr);

    ph_put_u32be(at - 4, epoch);
    memcpy(at, wrapped, PH_CODE_WRAPPED_LEN);
}

/* What was encrypted must be what was signed. */
static enum ph_err judge(struct ph_bytes bundle, struct ph_tar *tar,
                         const struct ph_hash32 *bundle_hash, const struct ph_hash32 *manifest_hash,
                         char why[static PH_CODE_WHY_LEN])
{
    const struct ph_tar_file *manifest;
    struct ph_hash32 hash;
    char reason[128];

    if (ph_tar_parse(bundle, tar, reason) != PH_OK) {
        (void)snprintf(why, PH_CODE_WHY_LEN, "code: what was encrypted is no bundle: %s", reason);
        return PH_ERR_MALFORMED;
    }
    if (ph_code_is_in(tar))
        return fail(why, PH_ERR_MALFORMED, "what was encrypted is encrypted code again");
    manifest = ph_tar_find(tar, PH_BYTES_LIT("phat.json"));
    if (manifest)
        ph_sha256(manifest->data, hash.b);
    if (!manifest || memcmp(hash.b, manifest_hash->b, sizeof(hash.b)) != 0)
        return fail(why, PH_ERR_UNTRUSTED,
                    "phat.json in the clear is not the one that was encrypted");
    ph_bundle_hash_tar(tar, &hash);
    if (memcmp(hash.b, bundle_hash->b, sizeof(hash.b)) != 0)
        return fail(why, PH_ERR_UNTRUSTED,
                    "what was encrypted has another hash than the one that was signed");
    return PH_OK;
}

enum ph_err ph_code_open(struct ph_buf *archive, const uint8_t key[static 32],
                         const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                         char why[static PH_CODE_WHY_LEN])
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_hash32 manifest_hash;
    struct ph_code code;
    uint8_t aad[AAD_LEN];
    char reason[128];

    if (!tar)
        return fail(why, PH_ERR_NOMEM, "no memory");
    if (ph_tar_parse(ph_buf_view(archive), tar, reason) != PH_OK) {
        (void)snprintf(why, PH_CODE_WHY_LEN, "code: %s", reason);
        return PH_ERR_MALFORMED;
    }
    PH_TRY(ph_code_parse(tar, &code, why));
    if (memcmp(code.bundle_hash.b, bundle_hash->b, sizeof(bundle_hash->b)) != 0)
        return fail(why, PH_ERR_UNTRUSTED, "phat.code is of another bundle than the one deployed");
    ph_sha256(code.manifest, manifest_hash.b);
    make_aad(phat, bundle_hash, aad);
    uint8_t *at = archive->ptr + (code.sealed.ptr - archive->ptr);
    const enum ph_err err =
        ph_aes256gcm_open(key, code.nonce.ptr, PH_BYTES_OF(aad), code.sealed, at);
    if (err != PH_OK)
        return fail(why, err,
                    "does not open with its key: altered, cut, or of another phat or bundle");
    archive->len = code.sealed.len - PH_GCM_TAG_LEN;
    memmove(archive->ptr, at, archive->len);
    return judge(ph_buf_view(archive), tar, bundle_hash, &manifest_hash, why);
}
