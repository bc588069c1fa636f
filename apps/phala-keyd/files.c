#include "files.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>

enum ph_err file_read(const char *path, struct ph_buf *out)
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *at;

    if (fd < 0)
        return PH_ERR_IO;
    for (;;) {
        PH_TRY(ph_buf_reserve(out, 4096, &at));
        const ssize_t n = read(fd, at, 4096);
        if (n < 0 && errno != EINTR)
            return PH_ERR_IO;
        if (n == 0)
            return PH_OK;
        if (n > 0)
            out->len += (size_t)n;
    }
}
