#include "keys/secret.h"

#include <sys/mman.h>
#include <unistd.h>

enum { SECRET_MAX = 1 << 20 };

/* The head lies on the same pages as the bytes. */
struct ph_secret {
    size_t len, map_len;
    _Alignas(16) uint8_t bytes[];
};

enum ph_err ph_secret_new(size_t len, struct ph_secret **out)
{
    if (len == 0 || len > SECRET_MAX)
        return PH_ERR_LIMIT;

    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t map_len = (sizeof(struct ph_secret) + len + page - 1) / page * page;
    struct ph_secret *s =
        mmap(NULL, map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return PH_ERR_NOMEM;
    if (mlock(s, map_len) != 0 || madvise(s, map_len, MADV_DONTDUMP) != 0 ||
        madvise(s, map_len, MADV_WIPEONFORK) != 0) {
        (void)munmap(s, map_len);
        return PH_ERR_NOMEM;
    }
    s->len = len;
    s->map_len = map_len;
    *out = s;
    return PH_OK;
}

void ph_secret_free(struct ph_secret *secret)
{
    if (!secret)
        return;
    const size_t map_len = secret->map_len;
    ph_wipe(secret, map_len);
    (void)munmap(secret, map_len);
}

uint8_t *ph_secret_at(struct ph_secret *secret)
{
    return secret->bytes;
}

size_t ph_secret_len(const struct ph_secret *secret)
{
    return secret->len;
}
