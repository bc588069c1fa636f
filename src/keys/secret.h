#ifndef PH_KEYS_SECRET_H
#define PH_KEYS_SECRET_H

/* Memory for keys: pages of their own, locked, left out of core dumps, empty in a forked child, and
 * wiped on free. Used in phala-keyd.
 *
 * Layer: keys. Tests: secret_test.c.
 */

#include "base/bytes.h"

struct ph_secret; /* opaque, so that a key is never copied by an assignment */

/* `len` bytes, 1..1 MiB, all zero. PH_ERR_LIMIT; PH_ERR_NOMEM: no memory, or RLIMIT_MEMLOCK does
 * not allow to lock it (nothing is kept unlocked instead). */
PH_CHECKED enum ph_err ph_secret_new(size_t len, struct ph_secret **out);
/* Wipe and unmap; NULL is fine. */
void ph_secret_free(struct ph_secret *secret);
static inline void ph_secret_freep(struct ph_secret **secret)
{
    ph_secret_free(*secret);
}
/* The bytes, valid until it is freed. */
uint8_t *ph_secret_at(struct ph_secret *secret);
size_t ph_secret_len(const struct ph_secret *secret);
static inline struct ph_bytes ph_secret_view(struct ph_secret *secret)
{
    return (struct ph_bytes){ph_secret_at(secret), ph_secret_len(secret)};
}

#endif
