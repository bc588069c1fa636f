#include "store/spill.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum ph_err ph_spill_new(int dir_fd, size_t len, struct ph_spill *out)
{
    int fd PH_OWNED(ph_closep) = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EOPNOTSUPP || errno == EISDIR ? PH_ERR_UNSUPPORTED : PH_ERR_IO;
    const int rc = posix_fallocate(fd, 0, (off_t)len);
    if (rc != 0)
        return rc == ENOSPC || rc == EDQUOT ? PH_ERR_LIMIT : PH_ERR_IO;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return PH_ERR_NOMEM;
    *out = (struct ph_spill){at, len};
    return PH_OK;
}

void ph_spill_clear(struct ph_spill *spill)
{
    if (spill->ptr)
        (void)munmap(spill->ptr, spill->len);
    *spill = (struct ph_spill){0};
}
