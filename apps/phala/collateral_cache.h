#ifndef PHALA_COLLATERAL_CACHE_H
#define PHALA_COLLATERAL_CACHE_H

/* A folder of fetched collateral. Contents lie under the SHA-256 of their bytes, names are hard
 * links to them, and a small index says where each came from and how long it holds:
 *
 *   objects/9f86d0…                                   one file for each content
 *   tdx-90c06f000000-platform/tcb_info.signed.json    as `phalad --collateral` reads it
 *   snp-milan-<chip>-<versions>/vek_cert.der, cert_chain.pem, crl.der
 *   nvidia-rim/<id>.xml   nvidia-ocsp/<SHA-256 of the certificate>.der
 *   index.json {"format":"phala-collateral-v1","entries":[{"name","sha256","from","valid_until"}]}
 *
 * Nothing in it is trusted when it is read. One process writes at a time (lock file).
 *
 * Tests: tests/integration/collateral.test.mjs.
 */

#include "base/bytes.h"
#include "codec/json.h"

struct ph_cache;

/* Open a cache, making it if need be, and lock it. `why` is written when refused: PH_ERR_IO,
 * PH_ERR_MALFORMED (an index that is none), PH_ERR_CONFLICT (another process writes), PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err ph_cache_open(const char *dir, struct ph_cache **out,
                                     struct ph_json_why *why);
void ph_cache_close(struct ph_cache *cache);
static inline void ph_cache_closep(struct ph_cache **cache)
{
    ph_cache_close(*cache);
}

/* Append what is kept under a name, if it is still the bytes that the index names.
 * PH_ERR_NOT_FOUND. */
PH_CHECKED enum ph_err ph_cache_get(const struct ph_cache *cache, const char *name,
                                    struct ph_buf *out);
/* Keep bytes under a name "folder/file", in place of what was there. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_cache_put(struct ph_cache *cache, const char *name, struct ph_bytes bytes,
                                    const char *from, int64_t valid_until_s);
/* Remove what has expired, and contents that no name stands for; write the index. Appends the
 * removed names to `removed`, a JSON array. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_cache_finish(struct ph_cache *cache, int64_t now_s, json_t *removed);

#endif
