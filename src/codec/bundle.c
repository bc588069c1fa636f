#include "codec/bundle.h"

#include "crypto/hash.h"

#include <string.h>

/* Index of the file that follows `at` in path order (equal paths by index); cnt if none. `at` is
 * cnt for the first. */
static size_t next_file(const struct ph_bundle_file *files, size_t cnt, size_t at)
{
    size_t best = cnt;

    for (size_t i = 0; i < cnt; i++) {
        if (at < cnt) {
            const int order = strcmp(files[i].path, files[at].path);
            if (order < 0 || (order == 0 && i <= at))
                continue;
        }
        if (best == cnt || strcmp(files[i].path, files[best].path) < 0)
            best = i;
    }
    return best;
}

static bool sorted(const struct ph_bundle_file *files, size_t cnt)
{
    for (size_t i = 1; i < cnt; i++)
        if (strcmp(files[i - 1].path, files[i].path) > 0)
            return false;
    return true;
}

static void hash_file(struct ph_sha256 *h, const struct ph_bundle_file *file)
{
    const struct ph_bytes path = ph_bytes_str(file->path);
    uint8_t path_len[4], data_len[8], digest[32];

    ph_put_u32le(path_len, (uint32_t)path.len);
    ph_put_u64le(data_len, file->data.len);
    ph_sha256(file->data, digest);
    ph_sha256_update(h, PH_BYTES_OF(path_len));
    ph_sha256_update(h, path);
    ph_sha256_update(h, PH_BYTES_OF(data_len));
    ph_sha256_update(h, PH_BYTES_OF(digest));
}

static void begin(struct ph_sha256 *h)
{
    ph_sha256_init(h);
    ph_sha256_update(h, PH_BYTES_LIT("phala-bundle-v1\n"));
}

void ph_bundle_hash(const struct ph_bundle_file *files, size_t file_cnt, struct ph_hash32 *out)
{
    const bool in_order = sorted(files, file_cnt);
    struct ph_sha256 h;

    begin(&h);
    for (size_t i = 0, at = file_cnt; i < file_cnt; i++) {
        at = in_order ? i : next_file(files, file_cnt, at);
        hash_file(&h, &files[at]);
    }
    ph_sha256_final(&h, out->b);
}

void ph_bundle_hash_tar(const struct ph_tar *tar, struct ph_hash32 *out)
{
    struct ph_sha256 h;

    begin(&h);
    for (size_t i = 0; i < tar->file_cnt; i++) {
        const struct ph_bundle_file file = {tar->files[i].path, tar->files[i].data};
        hash_file(&h, &file);
    }
    ph_sha256_final(&h, out->b);
}
