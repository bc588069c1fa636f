#include "node/os_images.h"

#include "base/own.h"
#include "codec/jread.h"

#include <stdlib.h>

enum { TOKENS_MAX = 9 * PH_OS_IMAGES_MAX };

struct ph_os_images {
    size_t cnt;
    struct ph_os_image image[];
};

static enum ph_err need_hex(const struct ph_jdoc *doc, uint32_t obj, const char *key, uint8_t *out,
                            size_t len, struct ph_json_why *why)
{
    bool present = false;

    PH_TRY(ph_jread_hex(doc, obj, "images", key, out, len, &present, why));
    return present ? PH_OK : ph_jread_bad(why, "images", key, "missing");
}

static enum ph_err read_image(const struct ph_jdoc *doc, uint32_t obj, struct ph_os_image *out,
                              struct ph_json_why *why)
{
    static const char *const known[] = {"os_image_hash", "mr_td",   "rtmr0",  "rtmr1",
                                        "rtmr2",         "version", "is_dev", NULL};
    struct ph_bytes version = {NULL, 0};

    PH_TRY(ph_jread_only_keys(doc, obj, "images", known, why));
    PH_TRY(need_hex(doc, obj, "os_image_hash", out->hash, sizeof(out->hash), why));
    PH_TRY(need_hex(doc, obj, "mr_td", out->mr_td, sizeof(out->mr_td), why));
    PH_TRY(need_hex(doc, obj, "rtmr0", out->rtmr[0], 48, why));
    PH_TRY(need_hex(doc, obj, "rtmr1", out->rtmr[1], 48, why));
    PH_TRY(need_hex(doc, obj, "rtmr2", out->rtmr[2], 48, why));
    PH_TRY(ph_jread_str(doc, obj, "images", "version", 1, PH_OS_IMAGE_VERSION_MAX, &version, why));
    if (version.len > 0)
        memcpy(out->version, version.ptr, version.len);
    out->has_is_dev = ph_jscan_get(doc, obj, "is_dev") != 0;
    return ph_jread_bool(doc, obj, "images", "is_dev", &out->is_dev, why);
}

static enum ph_err read_all(const struct ph_jdoc *doc, struct ph_os_images **out,
                            struct ph_json_why *why)
{
    static const char *const known[] = {"images", NULL};
    uint32_t list = 0;

    PH_TRY(ph_jread_only_keys(doc, 0, "", known, why));
    PH_TRY(ph_jread_array(doc, 0, "", "images", PH_OS_IMAGES_MAX, &list, why));
    if (list == 0)
        return ph_jread_bad(why, "", "images", "missing");
    const size_t cnt = doc->toks[list].cnt;
    struct ph_os_images *images PH_OWNED(ph_freep) =
        calloc(1, sizeof(*images) + cnt * sizeof(images->image[0]));
    if (!images)
        return PH_ERR_NOMEM;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_image(doc, t, &images->image[images->cnt++], why));
    *out = PH_TAKE(images);
    return PH_OK;
}

enum ph_err ph_os_images_parse(struct ph_bytes text, struct ph_os_images **out,
                               struct ph_json_why *why)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = malloc(TOKENS_MAX * sizeof(*toks));
    struct ph_jdoc doc;

    if (!toks)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jread_open(text, PH_OS_IMAGES_FILE_MAX, toks, TOKENS_MAX, &doc, why));
    return read_all(&doc, out, why);
}

void ph_os_images_free(struct ph_os_images *images)
{
    free(images);
}

const struct ph_os_image *ph_os_images_find(const struct ph_os_images *images,
                                            const uint8_t hash[static 32],
                                            const struct ph_tdx_body *td)
{
    for (size_t i = 0; images && i < images->cnt; i++) {
        const struct ph_os_image *m = &images->image[i];
        if (memcmp(m->hash, hash, sizeof(m->hash)) == 0 &&
            memcmp(m->mr_td, td->mr_td, sizeof(m->mr_td)) == 0 &&
            memcmp(m->rtmr[0], td->rtmr0, 48) == 0 && memcmp(m->rtmr[1], td->rtmr1, 48) == 0 &&
            memcmp(m->rtmr[2], td->rtmr2, 48) == 0)
            return m;
    }
    return NULL;
}
