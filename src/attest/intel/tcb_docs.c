#include "attest/intel/tcb_docs_priv.h"

#include "base/clock.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKENS_MAX = 16384 }; /* the largest of Intel's documents has about 3,000 */

static enum ph_err say(struct ph_doc *doc, enum ph_err err, const char *key, const char *what)
{
    (void)snprintf(doc->why->text, sizeof(doc->why->text), "%s: %s", key, what);
    return err;
}

enum ph_err ph_doc_bad(struct ph_doc *doc, const char *key, const char *what)
{
    return say(doc, PH_ERR_MALFORMED, key, what);
}

enum ph_err ph_doc_too_many(struct ph_doc *doc, const char *key)
{
    return say(doc, PH_ERR_LIMIT, key, "too many elements");
}

enum ph_err ph_doc_open(struct ph_doc *doc, struct ph_bytes text, const char *body_key,
                        uint32_t *body, uint8_t digest[static 32], uint8_t sig[static 64],
                        struct ph_json_why *why)
{
    *doc = (struct ph_doc){.why = why};
    if (text.len > PH_TCB_DOC_MAX)
        return say(doc, PH_ERR_LIMIT, body_key, "the document is longer than 256 KiB");
    doc->toks = malloc(TOKENS_MAX * sizeof(*doc->toks));
    if (!doc->toks)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_jscan(text, doc->toks, TOKENS_MAX, &doc->json);
    if (err != PH_OK)
        return say(doc, err, body_key, "not strict JSON (duplicate key, fraction, depth, syntax)");
    if (doc->json.toks[0].type != PH_JOBJECT)
        return ph_doc_bad(doc, body_key, "the document is no object");
    PH_TRY(ph_doc_member(doc, 0, body_key, PH_JOBJECT, body));
    PH_TRY(ph_doc_hex(doc, 0, "signature", sig, 64));
    ph_sha256(ph_jscan_raw(&doc->json, *body), digest);
    return PH_OK;
}

void ph_doc_close(struct ph_doc *doc)
{
    free(doc->toks);
    doc->toks = NULL;
}

enum ph_err ph_doc_member(struct ph_doc *doc, uint32_t obj, const char *key, enum ph_jtype type,
                          uint32_t *tok)
{
    const uint32_t t = ph_jscan_get(&doc->json, obj, key);
    if (t == 0)
        return ph_doc_bad(doc, key, "missing");
    if (doc->json.toks[t].type != type)
        return ph_doc_bad(doc, key, "has the wrong type");
    *tok = t;
    return PH_OK;
}

enum ph_err ph_doc_int(struct ph_doc *doc, uint32_t obj, const char *key, uint64_t max,
                       uint64_t *out)
{
    uint32_t t;
    uint64_t v;
    PH_TRY(ph_doc_member(doc, obj, key, PH_JINT, &t));
    if (ph_jscan_u64(&doc->json, t, &v) != PH_OK || v > max)
        return ph_doc_bad(doc, key, "out of range");
    *out = v;
    return PH_OK;
}

enum ph_err ph_doc_hex(struct ph_doc *doc, uint32_t obj, const char *key, uint8_t *out, size_t len)
{
    uint32_t t;
    PH_TRY(ph_doc_member(doc, obj, key, PH_JSTRING, &t));
    if (ph_jscan_hex(&doc->json, t, out, len) != PH_OK)
        return ph_doc_bad(doc, key, "not hexadecimal of the right length");
    return PH_OK;
}

enum ph_err ph_doc_str(struct ph_doc *doc, uint32_t obj, const char *key, struct ph_bytes *out)
{
    uint32_t t;
    PH_TRY(ph_doc_member(doc, obj, key, PH_JSTRING, &t));
    if (ph_jscan_str(&doc->json, t, out) != PH_OK)
        return ph_doc_bad(doc, key, "has escapes");
    return PH_OK;
}

enum ph_err ph_doc_time(struct ph_doc *doc, uint32_t obj, const char *key, int64_t *out_s)
{
    struct ph_bytes text;
    PH_TRY(ph_doc_str(doc, obj, key, &text));
    if (ph_time_parse_rfc3339(text, out_s) != PH_OK)
        return ph_doc_bad(doc, key, "not a time like 2025-06-19T10:32:27Z");
    return PH_OK;
}

enum ph_err ph_doc_window(struct ph_doc *doc, uint32_t obj, int64_t *issue_s, int64_t *next_s)
{
    PH_TRY(ph_doc_time(doc, obj, "issueDate", issue_s));
    return ph_doc_time(doc, obj, "nextUpdate", next_s);
}

static enum ph_err read_advisories(struct ph_doc *doc, uint32_t level,
                                   struct ph_advisory_pool *pool, struct ph_advisory_range *out)
{
    const uint32_t list = ph_jscan_get(&doc->json, level, "advisoryIDs");
    struct ph_bytes id;

    *out = (struct ph_advisory_range){(uint16_t)pool->cnt, 0};
    if (list == 0)
        return PH_OK;
    if (doc->json.toks[list].type != PH_JARRAY)
        return ph_doc_bad(doc, "advisoryIDs", "has the wrong type");
    for (uint32_t t = ph_jscan_first(list); t < doc->json.toks[list].next;
         t = doc->json.toks[t].next) {
        if (doc->json.toks[t].type != PH_JSTRING || ph_jscan_str(&doc->json, t, &id) != PH_OK ||
            id.len == 0 || id.len > PH_ADVISORY_LEN_MAX)
            return ph_doc_bad(doc, "advisoryIDs", "not a list of short names");
        if (pool->cnt == PH_TCB_ADVISORIES_MAX)
            return ph_doc_too_many(doc, "advisoryIDs");
        memcpy(pool->id[pool->cnt], id.ptr, id.len);
        pool->id[pool->cnt++][id.len] = '\0';
        out->cnt++;
    }
    return PH_OK;
}

enum ph_err ph_doc_level(struct ph_doc *doc, uint32_t level, struct ph_advisory_pool *pool,
                         enum ph_tcb_status *status, int64_t *date_s,
                         struct ph_advisory_range *advisories)
{
    struct ph_bytes name;
    PH_TRY(ph_doc_str(doc, level, "tcbStatus", &name));
    if (ph_tcb_status_parse(name, status) != PH_OK)
        return ph_doc_bad(doc, "tcbStatus", "not a status of Intel's list");
    PH_TRY(ph_doc_time(doc, level, "tcbDate", date_s));
    return read_advisories(doc, level, pool, advisories);
}

/* Put `level` where its SVN belongs: best first. Two alike would leave the result to chance. */
static enum ph_err insert_isv(struct ph_doc *doc, struct ph_isv_levels *levels,
                              const struct ph_isv_level *level)
{
    size_t at = levels->cnt;
    while (at > 0 && levels->level[at - 1].isvsvn <= level->isvsvn) {
        if (levels->level[at - 1].isvsvn == level->isvsvn)
            return ph_doc_bad(doc, "tcbLevels", "two levels have the same SVN");
        at--;
    }
    memmove(&levels->level[at + 1], &levels->level[at],
            (levels->cnt - at) * sizeof(levels->level[0]));
    levels->level[at] = *level;
    levels->cnt++;
    return PH_OK;
}

enum ph_err ph_doc_isv_levels(struct ph_doc *doc, uint32_t obj, struct ph_advisory_pool *pool,
                              struct ph_isv_levels *out)
{
    uint32_t list, tcb;
    uint64_t svn;

    out->cnt = 0;
    PH_TRY(ph_doc_member(doc, obj, "tcbLevels", PH_JARRAY, &list));
    if (doc->json.toks[list].cnt > PH_ISV_LEVELS_MAX)
        return ph_doc_too_many(doc, "tcbLevels");
    if (doc->json.toks[list].cnt == 0)
        return ph_doc_bad(doc, "tcbLevels", "empty");
    for (uint32_t t = ph_jscan_first(list); t < doc->json.toks[list].next;
         t = doc->json.toks[t].next) {
        struct ph_isv_level level = {0};
        if (doc->json.toks[t].type != PH_JOBJECT)
            return ph_doc_bad(doc, "tcbLevels", "an element is no object");
        PH_TRY(ph_doc_member(doc, t, "tcb", PH_JOBJECT, &tcb));
        PH_TRY(ph_doc_int(doc, tcb, "isvsvn", UINT16_MAX, &svn));
        level.isvsvn = (uint16_t)svn;
        PH_TRY(ph_doc_level(doc, t, pool, &level.status, &level.date_s, &level.advisories));
        PH_TRY(insert_isv(doc, out, &level));
    }
    return PH_OK;
}
