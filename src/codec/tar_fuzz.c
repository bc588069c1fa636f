/* Bundles: what parses holds sorted, distinct, clean paths, and written again parses to the same.
 */

#include "codec/tar.h"

#include <assert.h>
#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_tar tar, again;
    struct ph_buf buf = PH_BUF(len + (1 << 20));
    char why[128];

    if (ph_tar_parse((struct ph_bytes){data, len}, &tar, why) != PH_OK) {
        assert(memchr(why, '\0', sizeof(why)) && strlen(why) > 0);
        return 0;
    }
    bool all = true;
    for (size_t i = 0; i < tar.file_cnt; i++) {
        const struct ph_tar_file *f = &tar.files[i];
        assert(i == 0 || strcmp(tar.files[i - 1].path, f->path) < 0);
        assert(f->path[0] != '/' && !strstr(f->path, "//") && strcmp(f->path, "..") != 0);
        assert(f->data.len <= len);
        /* A path may be split at a slash where ph_tar_add finds none. */
        all = ph_tar_add(&buf, f->path, f->data) == PH_OK && all;
    }
    if (all) {
        assert(ph_tar_finish(&buf) == PH_OK);
        assert(ph_tar_parse(ph_buf_view(&buf), &again, why) == PH_OK);
        assert(again.file_cnt == tar.file_cnt);
        for (size_t i = 0; i < tar.file_cnt; i++)
            assert(ph_bytes_equal(again.files[i].data, tar.files[i].data));
    }
    ph_buf_clear(&buf);
    return 0;
}
