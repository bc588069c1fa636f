#include "marks_file.h"

#include "files.h"

#include "base/own.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* Pages, the length before each, and what a reader takes at a time. */
enum { FILE_MAX = MARKS_PAGES_MAX * (4 + MARKS_PAGE_MAX) + 4096 };

uint8_t marks_file_sealed_by(const struct provider *provider)
{
    return provider->kind == PROVIDER_SNP ? PH_SEAL_SNP : PH_SEAL_SIMULATOR_INSECURE;
}

enum ph_err marks_file_key(struct keyring_secrets *secrets)
{
    return ph_keys_marks(secrets->cluster.identity, secrets->sealing, secrets->scratch);
}

/* All pages, from the first to the last; nothing behind it. */
static enum ph_err open_pages(const struct keyd *keyd, struct ph_bytes raw, struct heads *heads,
                              struct floors *floors, uint64_t *generation,
                              char why[static MARKS_WHY_LEN])
{
    struct marks_head want = {.sealed_by = marks_file_sealed_by(&keyd->provider)}, first;
    struct ph_reader r = {raw};
    struct ph_bytes page, sealed;
    bool last = false;
    uint32_t len;

    while (!last) {
        if (!ph_read_u32be(&r, &len) || !ph_read_view(&r, len, &page) ||
            marks_head_parse(page, &first, &sealed) != PH_OK) {
            (void)snprintf(why, MARKS_WHY_LEN, "it is not a file of marks, or cut short");
            return PH_ERR_MALFORMED;
        }
        if (want.generation == 0)
            want.generation = first.generation;
        PH_TRY(marks_open(heads, floors, keyd->ring.secrets->scratch, &want, page, &last,
                          &want.from, why));
    }
    if (r.rest.len > 0 || want.generation == 0) {
        (void)snprintf(why, MARKS_WHY_LEN, "it is not a file of marks: it goes on behind them");
        return PH_ERR_MALFORMED;
    }
    *generation = want.generation;
    return PH_OK;
}

enum ph_err marks_file_open(struct keyd *keyd, struct ph_bytes raw,
                            char why[static PROVIDER_WHY_LEN])
{
    struct floors floors PH_OWNED(floors_clear) = {0};
    struct heads heads PH_OWNED(heads_clear) = {0};
    uint64_t generation = 0;

    PH_TRY(marks_file_key(keyd->ring.secrets));
    const enum ph_err err = open_pages(keyd, raw, &heads, &floors, &generation, why);
    ph_wipe(keyd->ring.secrets->scratch, sizeof(keyd->ring.secrets->scratch));
    PH_TRY(err);
    if (generation < keyd->ring.marks) {
        (void)snprintf(why, PROVIDER_WHY_LEN,
                       "it is of generation %llu, but the state file knows %llu: it was rolled "
                       "back",
                       (unsigned long long)generation, (unsigned long long)keyd->ring.marks);
        return PH_ERR_UNTRUSTED;
    }
    (void)snprintf(why, PROVIDER_WHY_LEN, "it holds more than fits");
    for (size_t i = 0; i < floors.cnt; i++)
        PH_TRY(floors_merge(&keyd->ring.floors, &floors.at[i]));
    heads_clear(&keyd->heads);
    keyd->heads = heads;
    heads = (struct heads){0};
    keyd->ring.marks = generation;
    keyd->marks.saved = keyd->heads.changes + keyd->ring.floors.changes;
    return PH_OK;
}

enum ph_err marks_file_load(struct keyd *keyd, const char *path, char why[static PROVIDER_WHY_LEN])
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    const bool named = keyd->ring.marks > 0;
    char file[PATH_MAX], reason[MARKS_WHY_LEN] = "it cannot be read";

    if (keyd->provider.kind == PROVIDER_NONE || !path || !keyring_has_cluster(&keyd->ring))
        return PH_OK;
    if ((size_t)snprintf(file, sizeof(file), "%s.marks", path) >= sizeof(file))
        return PH_ERR_LIMIT;
    enum ph_err err = file_read(file, &raw);
    if (err == PH_ERR_IO && errno == ENOENT) {
        err = PH_ERR_NOT_FOUND;
        (void)snprintf(reason, sizeof(reason), "it is gone");
    }
    if (err == PH_OK)
        err = marks_file_open(keyd, ph_buf_view(&raw), reason);
    keyd->marks.in_state_file = named;
    if (err == PH_OK || !named)
        return PH_OK;
    (void)snprintf(why, PROVIDER_WHY_LEN,
                   "%.80s: %.100s: without it storage could be rolled back unseen", file, reason);
    return err;
}
