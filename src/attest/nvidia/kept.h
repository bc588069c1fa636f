#ifndef PH_ATTEST_NVIDIA_KEPT_H
#define PH_ATTEST_NVIDIA_KEPT_H

/* What judgements of NVIDIA's evidence can share through a cache: device chains, manifests with
 * what was found out about their signatures, and facts about OCSP responses.
 *
 * Layer: attest. Tests: nvidia_cache_test.c.
 */

#include "attest/cache.h"
#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/ocsp.h"
#include "attest/nvidia/rim.h"

/* A struct ph_nv_chain from the cache (NULL: none), or parsed and put there. As ph_nv_chain_parse;
 * give it back with ph_cached_release. */
PH_CHECKED enum ph_err ph_nv_chain_get(struct ph_attest_cache *cache, struct ph_bytes pem,
                                       const struct ph_nv_chain *known, int64_t now_s,
                                       struct ph_cached *out);

/* A manifest: what it claims; once proved, also what holds of it whoever is trusted. */
struct ph_nv_manifest {
    struct ph_rim rim; /* of `doc` below */
    struct ph_rim_proof proof;
    struct ph_x509 cert[PH_RIM_CERT_CNT]; /* leaf first */
    size_t cert_cnt;                      /* all of them, or 0: one is malformed */
    struct ph_buf der[PH_RIM_CERT_CNT];
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN];
    uint8_t doc[]; /* our copy */
};

/**
 * Parse a manifest, or find it.
 *
 * @cache  NULL: none. Only what ph_nv_manifest_keep gave it is found there
 * @at_s   the moment its certificates are judged at
 * @out    give it back with ph_cached_release
 *
 * As ph_rim_parse; PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err ph_nv_manifest_open(struct ph_attest_cache *cache, struct ph_bytes xml,
                                           int64_t at_s, struct ph_cached *out);
/* Find out about its signatures, unless that was done. Only PH_ERR_NOMEM is an error. */
PH_CHECKED enum ph_err ph_nv_manifest_prove(struct ph_cached *held);
/* Let others find it. Only for one that was proved and that the caller trusts: there are few of
 * these, and they may be large. */
void ph_nv_manifest_keep(struct ph_attest_cache *cache, int64_t at_s, struct ph_cached *held);

/* ph_ocsp_judge, by the cache (NULL: none) where the signatures of the response verified before.
 * `der` is the response. */
void ph_nv_ocsp_facts(struct ph_attest_cache *cache, struct ph_bytes der,
                      const struct ph_ocsp *ocsp, const struct ph_x509 *issuer, int64_t now_s,
                      struct ph_ocsp_facts *out);

#endif
