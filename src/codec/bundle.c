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

enum ph_err ph_bundle_list_tar(const struct ph_tar *tar, struct ph_buf *out)
{
    for (size_t i = 0; i < tar->file_cnt; i++) {
        const struct ph_bytes path = ph_bytes_str(tar->files[i].path);
        uint8_t path_len[4], rest[8 + 32];
        ph_put_u32le(path_len, (uint32_t)path.len);
        ph_put_u64le(rest, tar->files[i].data.len);
        ph_sha256(tar->files[i].data, rest + 8);
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(path_len)));
        PH_TRY(ph_buf_add(out, path));
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(rest)));
    }
    return PH_OK;
}

/* Below 0: a comes before b, as the list is sorted. */
static int order_of(struct ph_bytes a, struct ph_bytes b)
{
    const size_t both = a.len < b.len ? a.len : b.len;
    const int order = both > 0 ? memcmp(a.ptr, b.ptr, both) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

enum ph_err ph_bundle_list_find(struct ph_bytes list, struct ph_bytes path,
                                struct ph_hash32 *bundle, struct ph_hash32 *file)
{
    struct ph_bytes at, before = {0}, digest;
    struct ph_reader r = {list};
    bool found = false;
    struct ph_hash32 got;
    struct ph_sha256 h;
    uint32_t path_len;
    uint64_t data_len;

    while (r.rest.len > 0) {
        if (!ph_read_u32le(&r, &path_len) || path_len == 0 || path_len > PH_TAR_PATH_MAX ||
            !ph_read_view(&r, path_len, &at) || !ph_read_u64le(&r, &data_len) ||
            !ph_read_view(&r, 32, &digest) || order_of(before, at) >= 0)
            return PH_ERR_MALFORMED;
        if (ph_bytes_equal(at, path)) {
            memcpy(got.b, digest.ptr, sizeof(got.b));
            found = true;
        }
        before = at;
    }
    if (!found)
        return PH_ERR_NOT_FOUND;
    begin(&h);
    ph_sha256_update(&h, list);
    ph_sha256_final(&h, bundle->b);
    *file = got;
    return PH_OK;
}
