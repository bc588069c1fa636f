#include "keys/handover.h"

#include "crypto/hash.h"
#include "keys/hpke.h"

#include <assert.h>

#define INFO PH_BYTES_LIT("phala-cluster-v1")

enum { COMMON_LEN = 5 * 32 + 20, TAG_LEN = 21 };

static size_t put(uint8_t *at, const void *from, size_t len)
{
    memcpy(at, from, len);
    return len;
}

/* Tag, key, nonce, exporter, both certificates' keys. */
static size_t put_common(const struct ph_handover *h, const char *tag, uint8_t *at)
{
    size_t n = put(at, tag, TAG_LEN);
    n += put(at + n, h->key, sizeof(h->key));
    n += put(at + n, h->nonce, sizeof(h->nonce));
    n += put(at + n, h->exporter, sizeof(h->exporter));
    n += put(at + n, h->joiner_tls, sizeof(h->joiner_tls));
    return n + put(at + n, h->giver_tls, sizeof(h->giver_tls));
}

/* As all report data of a worker: ph_report_data_is_workers. */
static void finish(struct ph_bytes all, uint8_t out[static 64])
{
    ph_sha256(all, out);
    memset(out + 32, 0, 32);
}

void ph_handover_join_report_data(const struct ph_handover *h, uint8_t out[static 64])
{
    uint8_t all[TAG_LEN + COMMON_LEN];
    size_t n = put_common(h, "phala-cluster-join-v3", all);

    n += put(all + n, h->joiner.b, sizeof(h->joiner.b));
    finish((struct ph_bytes){all, n}, out);
}

void ph_handover_give_report_data(const struct ph_handover *h, const struct ph_handover_give *give,
                                  uint8_t out[static 64])
{
    uint8_t all[TAG_LEN + COMMON_LEN + 20 + 32];
    size_t n = put_common(h, "phala-cluster-give-v3", all);

    n += put(all + n, give->signer.b, sizeof(give->signer.b));
    n += put(all + n, give->cluster.b, sizeof(give->cluster.b));
    ph_sha256(give->sealed, all + n);
    finish((struct ph_bytes){all, n + 32}, out);
}

enum ph_err ph_handover_join_encode(const struct ph_handover_join *join, struct ph_buf *out)
{
    if (join->evidence.len > PH_HANDOVER_MESSAGE_MAX - 84)
        return PH_ERR_LIMIT;
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(join->key)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(join->nonce)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(join->signer.b)));
    return ph_buf_add(out, join->evidence);
}

enum ph_err ph_handover_give_encode(const struct ph_handover_give *give, struct ph_buf *out)
{
    uint8_t len[4];

    assert(give->sealed.len <= PH_HANDOVER_SEALED_MAX);
    if (give->evidence.len > PH_HANDOVER_MESSAGE_MAX - 44 - PH_HANDOVER_SEALED_MAX)
        return PH_ERR_LIMIT;
    ph_put_u32be(len, (uint32_t)give->sealed.len);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(give->signer.b)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(give->cluster.b)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(len)));
    PH_TRY(ph_buf_add(out, give->sealed));
    return ph_buf_add(out, give->evidence);
}

enum ph_err ph_handover_join_parse(struct ph_bytes raw, struct ph_handover_join *out)
{
    struct ph_reader r = {raw};
    struct ph_handover_join got;

    if (raw.len > PH_HANDOVER_MESSAGE_MAX)
        return PH_ERR_LIMIT;
    if (!ph_read_copy(&r, got.key, sizeof(got.key)) ||
        !ph_read_copy(&r, got.nonce, sizeof(got.nonce)) ||
        !ph_read_copy(&r, got.signer.b, sizeof(got.signer.b)) || r.rest.len == 0)
        return PH_ERR_MALFORMED;
    got.evidence = r.rest;
    *out = got;
    return PH_OK;
}

enum ph_err ph_handover_give_parse(struct ph_bytes raw, struct ph_handover_give *out)
{
    struct ph_reader r = {raw};
    struct ph_handover_give got;
    uint32_t len;

    if (raw.len > PH_HANDOVER_MESSAGE_MAX)
        return PH_ERR_LIMIT;
    if (!ph_read_copy(&r, got.signer.b, sizeof(got.signer.b)) ||
        !ph_read_copy(&r, got.cluster.b, sizeof(got.cluster.b)) || !ph_read_u32be(&r, &len) ||
        len > PH_HANDOVER_SEALED_MAX || !ph_read_view(&r, len, &got.sealed) || r.rest.len == 0)
        return PH_ERR_MALFORMED;
    got.evidence = r.rest;
    *out = got;
    return PH_OK;
}

enum ph_err ph_handover_seal(const struct ph_handover *h, const struct ph_cluster_keys *keys,
                             uint8_t out[static PH_HANDOVER_SEALED_MAX], size_t *len)
{
    uint8_t plain[PH_CLUSTER_BYTES_MAX], aad[64];

    ph_handover_join_report_data(h, aad);
    const size_t plain_len = ph_cluster_keys_encode(keys, plain);
    const enum ph_err err =
        ph_hpke_seal(h->key, INFO, PH_BYTES_OF(aad), (struct ph_bytes){plain, plain_len}, out);
    ph_wipe(plain, sizeof(plain));
    if (err == PH_OK)
        *len = plain_len + PH_HPKE_OVERHEAD;
    return err;
}

enum ph_err ph_handover_open(const struct ph_handover *h, const uint8_t secret[static 32],
                             struct ph_bytes sealed, struct ph_cluster_keys *out)
{
    uint8_t plain[PH_CLUSTER_BYTES_MAX], aad[64];

    if (sealed.len < PH_HPKE_OVERHEAD || sealed.len > PH_HANDOVER_SEALED_MAX)
        return PH_ERR_MALFORMED;
    ph_handover_join_report_data(h, aad);
    enum ph_err err =
        ph_hpke_open(PH_HPKE_AES256GCM, secret, INFO, PH_BYTES_OF(aad), sealed, plain);
    if (err == PH_OK)
        err = ph_cluster_keys_decode((struct ph_bytes){plain, sealed.len - PH_HPKE_OVERHEAD}, out);
    ph_wipe(plain, sizeof(plain));
    return err;
}
