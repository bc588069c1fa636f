#include "attest/evidence_bundle.h"

#include "base/clock.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/jput.h"
#include "codec/jread.h"

#include <stdlib.h>

#define FORMAT "phala-evidence-v1"

enum { BUNDLE_VALUES_MAX = 256 }; /* a full bundle has 166 */

/* Members of an object: where they go in struct ph_evidence, and how they are written. */
struct member {
    const char *key;
    size_t offset; /* of the view */
    bool is_text;
};

#define AT(name) offsetof(struct ph_evidence, name)
static const struct member intel[] = {
    {"tcb_info", AT(collateral.tcb_info_json), true},
    {"tcb_info_chain", AT(collateral.tcb_info_chain_pem), true},
    {"qe_identity", AT(collateral.qe_identity_json), true},
    {"qe_identity_chain", AT(collateral.qe_identity_chain_pem), true},
    {"pck_crl", AT(collateral.pck_crl), false},
    {"root_ca_crl", AT(collateral.root_ca_crl), false},
    {"pck_chain", AT(collateral.pck_chain_pem), true},
};
static const struct member snp[] = {
    {"vek_cert", AT(snp.vek_cert), false},
    {"cert_chain", AT(snp.cert_chain), true},
    {"crl", AT(snp.crl), false},
    {"mr_config", AT(snp.mr_config), true},
};
#undef AT

const char *ph_evidence_kind_name(enum ph_evidence_kind kind)
{
    static const char *const names[] = {
#define K(id, name) name,
        PH_EVIDENCE_KINDS(K)
#undef K
    };
    return names[kind];
}

struct ph_evidence_bundle {
    struct ph_evidence view;
    struct ph_buf bytes; /* owns everything the view points into */
};

void ph_evidence_free(struct ph_evidence_bundle *bundle)
{
    if (!bundle)
        return;
    ph_buf_clear(&bundle->bytes);
    free(bundle);
}

const struct ph_evidence *ph_evidence_view(const struct ph_evidence_bundle *bundle)
{
    return &bundle->view;
}

static void put_part(struct ph_jput *j, const char *key, struct ph_bytes part, bool is_text)
{
    if (part.len > PH_EVIDENCE_MAX && j->err == PH_OK)
        j->err = PH_ERR_LIMIT;
    else if (is_text)
        ph_jput_text(j, key, part);
    else
        ph_jput_base64(j, key, part);
}

static void put_members(struct ph_jput *j, const struct ph_evidence *e, const struct member *member,
                        size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        struct ph_bytes part;
        memcpy(&part, (const char *)e + member[i].offset, sizeof(part));
        if (part.len > 0)
            put_part(j, member[i].key, part, member[i].is_text);
    }
}

static void put_list(struct ph_jput *j, const char *key, const struct ph_bytes *part, size_t cnt,
                     bool is_text)
{
    if (cnt == 0)
        return;
    ph_jput_array(j, key);
    for (size_t i = 0; i < cnt; i++)
        put_part(j, NULL, part[i], is_text);
    ph_jput_close(j);
}

static void put_nvidia(struct ph_jput *j, const struct ph_nvidia_parts *p)
{
    if (p->evidence.len == 0)
        return;
    ph_jput_object(j, "nvidia");
    put_part(j, "evidence", p->evidence, true);
    put_list(j, "rims", p->rim, p->rim_cnt, true);
    put_list(j, "ocsp", p->ocsp, p->ocsp_cnt, false);
    ph_jput_close(j);
}

/* Bundles of Intel's quotes have no "kind": readers of the first form take them too. */
static void put_quote(struct ph_jput *j, const struct ph_evidence *e)
{
    const bool is_intel = e->kind == PH_EVIDENCE_NONE || e->kind == PH_EVIDENCE_INTEL;

    if (e->quote.len == 0)
        return;
    if (!is_intel)
        ph_jput_str(j, "kind", ph_evidence_kind_name(e->kind));
    put_part(j, "quote", e->quote, false);
    if (is_intel) {
        ph_jput_object(j, "collateral");
        put_members(j, e, intel, PH_LEN(intel));
        ph_jput_close(j);
    }
    if (e->event_log.len > 0)
        put_part(j, "event_log", e->event_log, false);
    if (e->event_log_rtmr3_alone)
        ph_jput_bool(j, "event_log_rtmr3_alone", true);
    if (e->vm_config.len > 0)
        put_part(j, "vm_config", e->vm_config, true);
    if (e->snp.vek_cert.len > 0 || e->snp.cert_chain.len > 0 || e->snp.crl.len > 0 ||
        e->snp.mr_config.len > 0) {
        ph_jput_object(j, "snp");
        put_members(j, e, snp, PH_LEN(snp));
        ph_jput_close(j);
    }
}

enum ph_err ph_evidence_encode(const struct ph_evidence *evidence, struct ph_buf *out)
{
    const size_t before = out->len;
    struct ph_jput j = {.out = out};
    char time[21];

    if (evidence->quote.len == 0 && evidence->nvidia.evidence.len == 0)
        return PH_ERR_MALFORMED;
    if (evidence->nvidia.rim_cnt > PH_EVIDENCE_RIMS_MAX ||
        evidence->nvidia.ocsp_cnt > PH_EVIDENCE_OCSP_MAX)
        return PH_ERR_LIMIT;
    ph_time_format_rfc3339(evidence->time_s, time);
    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "format", FORMAT);
    ph_jput_str(&j, "time", time);
    put_quote(&j, evidence);
    put_nvidia(&j, &evidence->nvidia);
    ph_jput_close(&j);
    const enum ph_err err = ph_jput_end(&j);
    if (err != PH_OK)
        out->len = before;
    return err;
}

/* What is being read, and into which bundle. */
struct reading {
    const struct ph_jdoc *doc;
    struct ph_evidence_bundle *bundle;
    struct ph_json_why *why;
};

/* Copy one string into the bundle; the buffer has room for all, so views stay good. */
static enum ph_err take(const struct reading *r, uint32_t tok, const char *path, const char *key,
                        bool is_text, struct ph_bytes *view)
{
    const struct ph_jtok *t = &r->doc->toks[tok];
    struct ph_buf *bytes = &r->bundle->bytes;
    const size_t at = bytes->len;
    struct ph_bytes text;

    if (t->type != PH_JSTRING || t->end - t->start == 2)
        return ph_jread_bad(r->why, path, key, "expected a string that is not empty");
    if (is_text)
        PH_TRY(ph_jread_unescape(r->doc, tok, bytes));
    else if (ph_jscan_str(r->doc, tok, &text) != PH_OK || ph_base64_decode(text, bytes) != PH_OK)
        return ph_jread_bad(r->why, path, key, "not base64");
    *view = (struct ph_bytes){bytes->ptr + at, bytes->len - at};
    return PH_OK;
}

static enum ph_err take_member(const struct reading *r, uint32_t object, const char *path,
                               const char *key, bool is_text, struct ph_bytes *view)
{
    const uint32_t tok = ph_jscan_get(r->doc, object, key);
    return tok ? take(r, tok, path, key, is_text, view) : PH_OK;
}

static enum ph_err take_members(const struct reading *r, uint32_t object, const char *path,
                                const struct member *member, size_t cnt)
{
    const char *keys[PH_LEN(intel) + 1] = {0};

    for (size_t i = 0; i < cnt; i++)
        keys[i] = member[i].key;
    PH_TRY(ph_jread_only_keys(r->doc, object, path, keys, r->why));
    for (size_t i = 0; i < cnt; i++) {
        struct ph_bytes part = {0};
        PH_TRY(take_member(r, object, path, member[i].key, member[i].is_text, &part));
        memcpy((char *)&r->bundle->view + member[i].offset, &part, sizeof(part));
    }
    return PH_OK;
}

static enum ph_err take_list(const struct reading *r, uint32_t object, const char *key,
                             bool is_text, struct ph_bytes *out, uint32_t max, size_t *cnt)
{
    uint32_t list;

    PH_TRY(ph_jread_array(r->doc, object, "nvidia", key, max, &list, r->why));
    if (!list)
        return PH_OK;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(r->doc, list, t); t = r->doc->toks[t].next)
        PH_TRY(take(r, t, "nvidia", key, is_text, &out[(*cnt)++]));
    return PH_OK;
}

static enum ph_err read_nvidia(const struct reading *r, uint32_t object)
{
    static const char *const keys[] = {"evidence", "rims", "ocsp", NULL};
    struct ph_nvidia_parts *p = &r->bundle->view.nvidia;

    PH_TRY(ph_jread_only_keys(r->doc, object, "nvidia", keys, r->why));
    PH_TRY(take_member(r, object, "nvidia", "evidence", true, &p->evidence));
    if (p->evidence.len == 0)
        return ph_jread_bad(r->why, "nvidia", "evidence", "missing");
    PH_TRY(take_list(r, object, "rims", true, p->rim, PH_EVIDENCE_RIMS_MAX, &p->rim_cnt));
    return take_list(r, object, "ocsp", false, p->ocsp, PH_EVIDENCE_OCSP_MAX, &p->ocsp_cnt);
}

static enum ph_err read_kind(const struct reading *r)
{
    struct ph_bytes name = {0};

    PH_TRY(ph_jread_str(r->doc, 0, "", "kind", 1, 32, &name, r->why));
    if (!name.ptr)
        return PH_OK;
    for (enum ph_evidence_kind k = PH_EVIDENCE_INTEL; k <= PH_EVIDENCE_NITRO; k++) {
        if (ph_bytes_is(name, ph_evidence_kind_name(k)))
            r->bundle->view.kind = k;
    }
    return r->bundle->view.kind == PH_EVIDENCE_NONE
               ? ph_jread_bad(r->why, "", "kind", "no kind of evidence that a quote can be")
               : PH_OK;
}

/* The quote with what it is judged by. */
static enum ph_err read_quote(const struct reading *r)
{
    struct ph_evidence *e = &r->bundle->view;

    PH_TRY(read_kind(r));
    PH_TRY(take_member(r, 0, "", "quote", false, &e->quote));
    PH_TRY(take_member(r, 0, "", "event_log", false, &e->event_log));
    PH_TRY(
        ph_jread_bool(r->doc, 0, "", "event_log_rtmr3_alone", &e->event_log_rtmr3_alone, r->why));
    PH_TRY(take_member(r, 0, "", "vm_config", true, &e->vm_config));
    const uint32_t parts = ph_jscan_get(r->doc, 0, "collateral");
    if (parts)
        PH_TRY(take_members(r, parts, "collateral", intel, PH_LEN(intel)));
    const uint32_t snp_parts = ph_jscan_get(r->doc, 0, "snp");
    if (snp_parts)
        PH_TRY(take_members(r, snp_parts, "snp", snp, PH_LEN(snp)));
    if (e->quote.len == 0 &&
        (e->kind != PH_EVIDENCE_NONE || e->event_log.len > 0 || e->vm_config.len > 0 || parts ||
         snp_parts || e->nvidia.evidence.len == 0))
        return ph_jread_bad(r->why, "", "quote", "missing");
    if (e->quote.len > 0 && e->kind == PH_EVIDENCE_NONE && !parts)
        return ph_jread_bad(r->why, "", "collateral", "missing");
    return PH_OK;
}

static enum ph_err read_bundle(const struct reading *r)
{
    static const char *const top[] = {
        "format",    "time", "kind",   "quote", "collateral", "event_log", "event_log_rtmr3_alone",
        "vm_config", "snp",  "nvidia", NULL};
    struct ph_bytes format = {0};

    PH_TRY(ph_jread_only_keys(r->doc, 0, "", top, r->why));
    PH_TRY(ph_jread_str(r->doc, 0, "", "format", 1, 64, &format, r->why));
    if (!ph_bytes_is(format, FORMAT))
        return ph_jread_bad(r->why, "", "format", "expected \"" FORMAT "\"");
    if (!ph_jscan_get(r->doc, 0, "time"))
        return ph_jread_bad(r->why, "", "time", "missing");
    PH_TRY(ph_jread_time(r->doc, 0, "", "time", &r->bundle->view.time_s, r->why));
    const uint32_t nvidia = ph_jscan_get(r->doc, 0, "nvidia");
    if (nvidia)
        PH_TRY(read_nvidia(r, nvidia));
    return read_quote(r);
}

enum ph_err ph_evidence_parse(struct ph_bytes text, struct ph_evidence_bundle **out,
                              struct ph_json_why *why)
{
    struct ph_jtok toks[BUNDLE_VALUES_MAX] PH_NO_INIT;
    struct ph_jdoc doc;
    uint8_t *at;

    PH_TRY(ph_jread_open(text, PH_EVIDENCE_MAX, toks, BUNDLE_VALUES_MAX, &doc, why));
    struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = calloc(1, sizeof(*b));
    if (!b)
        return PH_ERR_NOMEM;
    /* Escapes and base64 only shrink: the text has at least the bytes of all its parts. */
    b->bytes = PH_BUF(text.len);
    PH_TRY(ph_buf_reserve(&b->bytes, text.len, &at));
    PH_TRY(read_bundle(&(struct reading){&doc, b, why}));
    *out = PH_TAKE(b);
    return PH_OK;
}

enum ph_err ph_evidence_of_bytes(enum ph_evidence_kind kind, struct ph_bytes bytes,
                                 struct ph_evidence_bundle **out)
{
    struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = calloc(1, sizeof(*b));

    if (!b)
        return PH_ERR_NOMEM;
    b->bytes = PH_BUF(PH_EVIDENCE_MAX);
    PH_TRY(ph_buf_add(&b->bytes, bytes));
    if (kind == PH_EVIDENCE_NVIDIA) {
        b->view.nvidia.evidence = ph_buf_view(&b->bytes);
    } else {
        b->view.kind = kind;
        b->view.quote = ph_buf_view(&b->bytes);
    }
    *out = PH_TAKE(b);
    return PH_OK;
}
