#include "attest/intel/tcb_docs_priv.h"

#include "base/hex.h"

#include <stdio.h>

static enum ph_err read_module(struct ph_doc *doc, uint32_t obj, struct ph_tdx_module *out)
{
    PH_TRY(ph_doc_hex(doc, obj, "mrsigner", out->mrsigner, sizeof(out->mrsigner)));
    PH_TRY(ph_doc_hex(doc, obj, "attributes", out->attributes, sizeof(out->attributes)));
    return ph_doc_hex(doc, obj, "attributesMask", out->attributes_mask,
                      sizeof(out->attributes_mask));
}

/* "TDX_01": two hex digits of either case. */
static enum ph_err read_module_id(struct ph_doc *doc, uint32_t obj, uint8_t *version)
{
    struct ph_bytes id;
    PH_TRY(ph_doc_str(doc, obj, "id", &id));
    if (id.len != 6 || memcmp(id.ptr, "TDX_", 4) != 0 ||
        ph_hex_decode((struct ph_bytes){id.ptr + 4, 2}, version, 1) != PH_OK)
        return ph_doc_bad(doc, "tdxModuleIdentities.id", "not TDX_ and two hexadecimal digits");
    return PH_OK;
}

static enum ph_err read_identities(struct ph_doc *doc, uint32_t body, struct ph_tcb_info *out)
{
    const uint32_t list = ph_jscan_get(&doc->json, body, "tdxModuleIdentities");

    if (list == 0)
        return PH_OK; /* documents from before TDX 1.5 have none */
    if (doc->json.toks[list].type != PH_JARRAY)
        return ph_doc_bad(doc, "tdxModuleIdentities", "has the wrong type");
    if (doc->json.toks[list].cnt > PH_TCB_MODULES_MAX)
        return ph_doc_too_many(doc, "tdxModuleIdentities");
    for (uint32_t t = ph_jscan_first(list); t < doc->json.toks[list].next;
         t = doc->json.toks[t].next) {
        struct ph_tdx_module_identity *id = &out->identity[out->identity_cnt];
        if (doc->json.toks[t].type != PH_JOBJECT)
            return ph_doc_bad(doc, "tdxModuleIdentities", "an element is no object");
        PH_TRY(read_module_id(doc, t, &id->version));
        for (size_t i = 0; i < out->identity_cnt; i++) {
            if (out->identity[i].version == id->version)
                return ph_doc_bad(doc, "tdxModuleIdentities", "two have the same id");
        }
        PH_TRY(read_module(doc, t, &id->module));
        PH_TRY(ph_doc_isv_levels(doc, t, &out->advisories, &id->levels));
        out->identity_cnt++;
    }
    return PH_OK;
}

static enum ph_err read_components(struct ph_doc *doc, uint32_t tcb, const char *key,
                                   uint16_t out[static 16])
{
    uint32_t list;
    uint64_t svn;
    size_t n = 0;

    PH_TRY(ph_doc_member(doc, tcb, key, PH_JARRAY, &list));
    if (doc->json.toks[list].cnt != 16)
        return ph_doc_bad(doc, key, "must have 16 elements");
    for (uint32_t t = ph_jscan_first(list); t < doc->json.toks[list].next;
         t = doc->json.toks[t].next) {
        if (doc->json.toks[t].type != PH_JOBJECT)
            return ph_doc_bad(doc, key, "an element is no object");
        PH_TRY(ph_doc_int(doc, t, "svn", UINT16_MAX, &svn));
        out[n++] = (uint16_t)svn;
    }
    return PH_OK;
}

/* Versions 1 and 2: sgxtcbcomp01svn to sgxtcbcomp16svn. */
static enum ph_err read_old_components(struct ph_doc *doc, uint32_t tcb, uint16_t out[static 16])
{
    char key[32];
    uint64_t svn;
    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(key, sizeof(key), "sgxtcbcomp%02usvn", i + 1);
        PH_TRY(ph_doc_int(doc, tcb, key, UINT8_MAX, &svn));
        out[i] = (uint16_t)svn;
    }
    return PH_OK;
}

/* Which of two levels asks for more; the order Intel's library sorts by. */
static int compare(const struct ph_tcb_level *a, const struct ph_tcb_level *b)
{
    for (size_t i = 0; i < 16; i++) {
        if (a->sgx[i] != b->sgx[i])
            return a->sgx[i] < b->sgx[i] ? -1 : 1;
    }
    for (size_t i = 0; i < 16; i++) {
        if (a->tdx[i] != b->tdx[i])
            return a->tdx[i] < b->tdx[i] ? -1 : 1;
    }
    return a->pcesvn == b->pcesvn ? 0 : a->pcesvn < b->pcesvn ? -1 : 1;
}

static enum ph_err insert(struct ph_doc *doc, struct ph_tcb_info *info,
                          const struct ph_tcb_level *level)
{
    size_t at = info->level_cnt;
    for (; at > 0; at--) {
        const int order = compare(&info->level[at - 1], level);
        if (order == 0)
            return ph_doc_bad(doc, "tcbLevels", "two levels have the same SVNs");
        if (order > 0)
            break;
    }
    memmove(&info->level[at + 1], &info->level[at],
            (info->level_cnt - at) * sizeof(info->level[0]));
    info->level[at] = *level;
    info->level_cnt++;
    return PH_OK;
}

/* Version 1: "status", no date. */
static enum ph_err read_v1_status(struct ph_doc *doc, uint32_t level, enum ph_tcb_status *status)
{
    struct ph_bytes name;
    PH_TRY(ph_doc_str(doc, level, "status", &name));
    return ph_tcb_status_parse(name, status) == PH_OK
               ? PH_OK
               : ph_doc_bad(doc, "status", "not a status of Intel's list");
}

static enum ph_err read_level(struct ph_doc *doc, uint32_t t, struct ph_tcb_info *info)
{
    struct ph_tcb_level level = {0};
    uint32_t tcb;
    uint64_t pcesvn;

    if (doc->json.toks[t].type != PH_JOBJECT)
        return ph_doc_bad(doc, "tcbLevels", "an element is no object");
    PH_TRY(ph_doc_member(doc, t, "tcb", PH_JOBJECT, &tcb));
    if (info->version >= 3)
        PH_TRY(read_components(doc, tcb, "sgxtcbcomponents", level.sgx));
    else
        PH_TRY(read_old_components(doc, tcb, level.sgx));
    if (info->is_tdx)
        PH_TRY(read_components(doc, tcb, "tdxtcbcomponents", level.tdx));
    PH_TRY(ph_doc_int(doc, tcb, "pcesvn", UINT16_MAX, &pcesvn));
    level.pcesvn = (uint16_t)pcesvn;
    if (info->version == 1)
        PH_TRY(read_v1_status(doc, t, &level.status));
    else
        PH_TRY(ph_doc_level(doc, t, &info->advisories, &level.status, &level.date_s,
                            &level.advisories));
    return insert(doc, info, &level);
}

static enum ph_err read_levels(struct ph_doc *doc, uint32_t body, struct ph_tcb_info *out)
{
    uint32_t list;
    PH_TRY(ph_doc_member(doc, body, "tcbLevels", PH_JARRAY, &list));
    if (doc->json.toks[list].cnt > PH_TCB_LEVELS_MAX)
        return ph_doc_too_many(doc, "tcbLevels");
    if (doc->json.toks[list].cnt == 0)
        return ph_doc_bad(doc, "tcbLevels", "empty");
    for (uint32_t t = ph_jscan_first(list); t < doc->json.toks[list].next;
         t = doc->json.toks[t].next)
        PH_TRY(read_level(doc, t, out));
    return PH_OK;
}

static enum ph_err read_head(struct ph_doc *doc, uint32_t body, struct ph_tcb_info *out)
{
    struct ph_bytes id;
    uint64_t v;

    PH_TRY(ph_doc_int(doc, body, "version", 3, &v));
    if (v == 0)
        return ph_doc_bad(doc, "version", "out of range");
    out->version = (uint32_t)v;
    PH_TRY(ph_doc_window(doc, body, &out->issue_s, &out->next_update_s));
    PH_TRY(ph_doc_hex(doc, body, "fmspc", out->fmspc, sizeof(out->fmspc)));
    /* Early documents of versions 1 and 2 have no pceId. */
    if (out->version >= 3 || ph_jscan_get(&doc->json, body, "pceId") != 0)
        PH_TRY(ph_doc_hex(doc, body, "pceId", out->pceid, sizeof(out->pceid)));
    if (out->version >= 2) {
        PH_TRY(ph_doc_int(doc, body, "tcbType", 0, &v));
        PH_TRY(ph_doc_int(doc, body, "tcbEvaluationDataNumber", UINT32_MAX, &v));
        out->evaluation_number = (uint32_t)v;
    }
    if (out->version < 3)
        return PH_OK;
    PH_TRY(ph_doc_str(doc, body, "id", &id));
    out->is_tdx = ph_bytes_is(id, "TDX");
    return out->is_tdx || ph_bytes_is(id, "SGX") ? PH_OK : ph_doc_bad(doc, "id", "not SGX or TDX");
}

static enum ph_err read_body(struct ph_doc *doc, uint32_t body, struct ph_tcb_info *out)
{
    uint32_t module;

    PH_TRY(read_head(doc, body, out));
    if (out->is_tdx) {
        PH_TRY(ph_doc_member(doc, body, "tdxModule", PH_JOBJECT, &module));
        PH_TRY(read_module(doc, module, &out->module));
        out->has_module = true;
        PH_TRY(read_identities(doc, body, out));
    }
    return read_levels(doc, body, out);
}

enum ph_err ph_tcb_info_parse(struct ph_bytes text, struct ph_tcb_info *out,
                              struct ph_json_why *why)
{
    struct ph_doc doc;
    uint32_t body;

    memset(out, 0, sizeof(*out));
    enum ph_err err = ph_doc_open(&doc, text, "tcbInfo", &body, out->digest, out->sig, why);
    if (err == PH_OK)
        err = read_body(&doc, body, out);
    ph_doc_close(&doc);
    return err;
}
