#include "attest/nvidia/kept.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <stdlib.h>

/* ---- Device chains ---- */

static void free_chain(void *value)
{
    ph_nv_chain_free(value);
}
static const struct ph_cached_type chain_type = {free_chain};

enum ph_err ph_nv_chain_get(struct ph_attest_cache *cache, struct ph_bytes pem,
                            const struct ph_nv_chain *known, int64_t now_s, struct ph_cached *out)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN] = {0};

    if (cache) {
        ph_sha256(pem, key);
        if (ph_cached_find(cache, &chain_type, key, now_s, out))
            return PH_OK;
    }
    PH_TRY(ph_nv_chain_parse(pem, known, &chain));
    if (cache)
        ph_p384_pub_prepare(&chain->leaf_key); /* before other threads see it */
    const int64_t until_s = chain->not_after_s;
    ph_cached_put(cache, &chain_type, key, PH_TAKE(chain), now_s, until_s, out);
    return PH_OK;
}

/* ---- Manifests ---- */

static void free_manifest(void *value)
{
    struct ph_nv_manifest *m = value;
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++)
        ph_buf_clear(&m->der[i]);
    free(m);
}
static const struct ph_cached_type manifest_type = {free_manifest};

enum ph_err ph_nv_manifest_open(struct ph_attest_cache *cache, struct ph_bytes xml, int64_t at_s,
                                struct ph_cached *out)
{
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN] = {0};
    enum ph_rim_check failed;

    if (xml.len > PH_RIM_MAX)
        return PH_ERR_LIMIT;
    if (cache) {
        ph_sha256(xml, key);
        if (ph_cached_find(cache, &manifest_type, key, at_s, out))
            return PH_OK;
    }
    struct ph_nv_manifest *m PH_OWNED(ph_freep) = malloc(sizeof(*m) + xml.len);
    if (!m)
        return PH_ERR_NOMEM;
    if (xml.len > 0)
        memcpy(m->doc, xml.ptr, xml.len);
    memcpy(m->key, key, sizeof(key));
    m->proof = (struct ph_rim_proof){0};
    m->cert_cnt = 0;
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++)
        m->der[i] = PH_BUF(PH_RIM_CERT_MAX);
    PH_TRY(ph_rim_parse((struct ph_bytes){m->doc, xml.len}, &m->rim, &failed));
    *out = (struct ph_cached){.value = m, .type = &manifest_type};
    out->owned = PH_TAKE(m);
    return PH_OK;
}

static enum ph_err open_certs(struct ph_nv_manifest *m)
{
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++)
        PH_TRY(ph_rim_cert_open(m->rim.cert[i], &m->der[i], &m->cert[i]));
    m->cert_cnt = PH_RIM_CERT_CNT;
    return PH_OK;
}

enum ph_err ph_nv_manifest_prove(struct ph_cached *held)
{
    struct ph_nv_manifest *m = held->owned;

    if (!m || m->proof.held != 0)
        return PH_OK; /* what came from a cache is proved */
    PH_TRY(ph_rim_prove(&m->rim, &m->proof));
    const enum ph_err err = open_certs(m);
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

void ph_nv_manifest_keep(struct ph_attest_cache *cache, int64_t at_s, struct ph_cached *held)
{
    struct ph_nv_manifest *m = held->owned;

    if (!cache || !m)
        return;
    /* not_after_s is the last second. */
    ph_cached_put(cache, &manifest_type, m->key, m, at_s, m->proof.not_after_s + 1, held);
}

/* ---- OCSP ---- */

static const struct ph_cached_type ocsp_type = {free};

static void ocsp_key(struct ph_bytes der, const struct ph_x509 *issuer, uint8_t out[static 32])
{
    struct ph_sha256 ctx;
    uint8_t len[8];

    ph_put_u64le(len, der.len);
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, PH_BYTES_OF(len));
    ph_sha256_update(&ctx, der);
    ph_sha256_update(&ctx, issuer->whole);
    ph_sha256_final(&ctx, out);
}

void ph_nv_ocsp_facts(struct ph_attest_cache *cache, struct ph_bytes der,
                      const struct ph_ocsp *ocsp, const struct ph_x509 *issuer, int64_t now_s,
                      struct ph_ocsp_facts *out)
{
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN];
    struct ph_cached held;

    if (!cache) {
        *out = ph_ocsp_judge(ocsp, issuer);
        return;
    }
    ocsp_key(der, issuer, key);
    if (ph_cached_find(cache, &ocsp_type, key, now_s, &held)) {
        memcpy(out, held.value, sizeof(*out));
        ph_cached_release(&held);
        return;
    }
    *out = ph_ocsp_judge(ocsp, issuer);
    struct ph_ocsp_facts *facts = out->signatures ? malloc(sizeof(*facts)) : NULL;
    if (!facts)
        return; /* judged again next time */
    *facts = *out;
    int64_t until_s = facts->not_after_s;
    for (size_t i = 0; i < ocsp->single_cnt; i++) {
        if (ocsp->single[i].next_update_s < until_s)
            until_s = ocsp->single[i].next_update_s;
    }
    ph_cached_put(cache, &ocsp_type, key, facts, now_s, until_s, &held);
    ph_cached_release(&held);
}
