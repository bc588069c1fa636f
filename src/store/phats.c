#include "store/phats.h"

#include "base/hex.h"
#include "base/own.h"
#include "store/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

enum { HEAD_LEN = 4 + PH_OWNER_REQUEST_LEN + 65 + 8 };

static const struct {
    char magic[5];
    const char *suffix;
    size_t data_max;
} files[] = {
    [PH_PHAT_BUNDLE] = {"PHP1", ".phat", PH_BUNDLE_MAX},
    [PH_PHAT_SECRETS] = {"PHS1", ".secrets", PH_SEALED_MAX},
};

static void file_name(enum ph_phat_file file, const struct ph_phat_id *id, char out[static 64])
{
    ph_hex_encode(PH_BYTES_OF(id->b), out);
    (void)snprintf(out + 40, 24, "%s", files[file].suffix);
}

void ph_phat_record_clear(struct ph_phat_record *record)
{
    ph_buf_clear(&record->data);
}

static void encode_head(enum ph_phat_file file, const struct ph_phat_record *record,
                        uint8_t head[static HEAD_LEN])
{
    memcpy(head, files[file].magic, 4);
    ph_owner_request_encode(&record->request, head + 4);
    memcpy(head + 4 + PH_OWNER_REQUEST_LEN, record->sig, 65);
    ph_put_u64le(head + 4 + PH_OWNER_REQUEST_LEN + 65, record->time_ms);
}

enum ph_err ph_phat_record_encode(enum ph_phat_file file, const struct ph_phat_record *record,
                                  struct ph_buf *out)
{
    uint8_t head[HEAD_LEN];

    encode_head(file, record, head);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(head)));
    return ph_buf_add(out, ph_buf_view(&record->data));
}

enum ph_err ph_phat_store(int dir_fd, enum ph_phat_file file, const struct ph_phat_id *id,
                          const struct ph_phat_record *record)
{
    uint8_t head[HEAD_LEN];
    char name[64];

    encode_head(file, record, head);
    file_name(file, id, name);
    const struct ph_bytes parts[] = {PH_BYTES_OF(head), ph_buf_view(&record->data)};
    return ph_file_replace(dir_fd, name, parts, PH_LEN(parts));
}

enum ph_err ph_phat_record_parse(struct ph_bytes raw, enum ph_phat_file file,
                                 const struct ph_phat_id *id, struct ph_phat_record *out)
{
    struct ph_reader r = {raw};
    struct ph_bytes magic, request;
    struct ph_phat_record rec = {.data = PH_BUF(files[file].data_max)};
    struct ph_phat_id derived;

    if (!ph_read_view(&r, 4, &magic) || !ph_bytes_is(magic, files[file].magic) ||
        !ph_read_view(&r, PH_OWNER_REQUEST_LEN, &request) ||
        !ph_read_copy(&r, rec.sig, sizeof(rec.sig)) || !ph_read_u64le(&r, &rec.time_ms))
        return PH_ERR_MALFORMED;
    PH_TRY(ph_owner_request_decode(request, &rec.request));
    PH_TRY(ph_owner_request_recover(&rec.request, rec.sig, &rec.owner));
    ph_phat_id_derive(&rec.owner, rec.request.name, &derived);
    if (memcmp(derived.b, id->b, sizeof(derived.b)) != 0)
        return PH_ERR_UNTRUSTED;
    PH_TRY(ph_buf_add(&rec.data, r.rest));
    *out = rec;
    return PH_OK;
}

enum ph_err ph_phat_load(int dir_fd, enum ph_phat_file file, const struct ph_phat_id *id,
                         struct ph_phat_record *out)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(HEAD_LEN + files[file].data_max);
    char name[64];

    file_name(file, id, name);
    PH_TRY(ph_file_read(dir_fd, name, &raw));
    return ph_phat_record_parse(ph_buf_view(&raw), file, id, out);
}

enum ph_err ph_phat_remove_secrets(int dir_fd, const struct ph_phat_id *id)
{
    char name[64];
    file_name(PH_PHAT_SECRETS, id, name);
    return ph_file_remove(dir_fd, name);
}

enum ph_err ph_phat_list(int dir_fd, struct ph_phat_id *out, size_t cap, size_t *cnt)
{
    const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return PH_ERR_IO;
    }
    *cnt = 0;
    for (struct dirent *e; (e = readdir(dir)) && *cnt < cap;) {
        const struct ph_bytes name = ph_bytes_str(e->d_name);
        if (name.len == 45 && strcmp(e->d_name + 40, files[PH_PHAT_BUNDLE].suffix) == 0 &&
            ph_hex_decode((struct ph_bytes){name.ptr, 40}, out[*cnt].b, sizeof(out->b)) == PH_OK)
            (*cnt)++;
    }
    (void)closedir(dir);
    return PH_OK;
}
