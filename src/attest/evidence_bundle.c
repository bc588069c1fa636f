#include "attest/evidence_bundle.h"

#include "base/clock.h"
#include "base/own.h"
#include "codec/base64.h"

#include <stdio.h>
#include <stdlib.h>

#define FORMAT "phala-evidence-v1"

/* Members of "collateral": where they go and how they are written. */
static const struct {
    const char *key;
    size_t offset; /* of the view, in struct ph_collateral_parts */
    bool is_text;
} members[] = {
    {"tcb_info", offsetof(struct ph_collateral_parts, tcb_info_json), true},
    {"tcb_info_chain", offsetof(struct ph_collateral_parts, tcb_info_chain_pem), true},
    {"qe_identity", offsetof(struct ph_collateral_parts, qe_identity_json), true},
    {"qe_identity_chain", offsetof(struct ph_collateral_parts, qe_identity_chain_pem), true},
    {"pck_crl", offsetof(struct ph_collateral_parts, pck_crl), false},
    {"root_ca_crl", offsetof(struct ph_collateral_parts, root_ca_crl), false},
    {"pck_chain", offsetof(struct ph_collateral_parts, pck_chain_pem), true},
};

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

static json_t *base64_json(struct ph_bytes bytes)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_BASE64_LEN(bytes.len));
    if (ph_base64_encode(bytes, &text) != PH_OK)
        return NULL;
    return json_stringn((const char *)text.ptr, text.len);
}

static enum ph_err put(json_t *obj, const char *key, json_t *value)
{
    return value && json_object_set_new(obj, key, value) == 0 ? PH_OK : PH_ERR_MALFORMED;
}

enum ph_err ph_evidence_encode(const struct ph_evidence *evidence, struct ph_buf *out)
{
    json_t *doc PH_OWNED(ph_json_freep) = json_object();
    json_t *parts PH_OWNED(ph_json_freep) = json_object();
    char time[21];

    if (!doc || !parts)
        return PH_ERR_NOMEM;
    for (size_t i = 0; i < PH_LEN(members); i++) {
        struct ph_bytes part;
        memcpy(&part, (const char *)&evidence->collateral + members[i].offset, sizeof(part));
        if (part.len > PH_EVIDENCE_MAX)
            return PH_ERR_LIMIT;
        if (part.len == 0)
            continue;
        /* json_stringn yields NULL for bytes that are no UTF-8. */
        PH_TRY(put(parts, members[i].key,
                   members[i].is_text ? json_stringn((const char *)part.ptr, part.len)
                                      : base64_json(part)));
    }
    if (evidence->quote.len > PH_EVIDENCE_MAX)
        return PH_ERR_LIMIT;
    ph_time_format_rfc3339(evidence->time_s, time);
    PH_TRY(put(doc, "format", json_string(FORMAT)));
    PH_TRY(put(doc, "time", json_string(time)));
    PH_TRY(put(doc, "quote", base64_json(evidence->quote)));
    PH_TRY(put(doc, "collateral", PH_TAKE(parts)));
    return ph_json_dump(doc, out);
}

static enum ph_err bad(struct ph_json_why *why, const char *key, const char *what)
{
    (void)snprintf(why->text, sizeof(why->text), "%s: %s", key, what);
    return PH_ERR_MALFORMED;
}

/* Copy one string member into the bundle; the buffer has room for all, so views stay good. */
static enum ph_err take(struct ph_evidence_bundle *b, const json_t *obj, const char *key,
                        bool is_text, struct ph_bytes *view, struct ph_json_why *why)
{
    const json_t *v = json_object_get(obj, key);
    const size_t at = b->bytes.len;

    if (!v)
        return PH_OK;
    if (!json_is_string(v) || json_string_length(v) == 0)
        return bad(why, key, "expected a string that is not empty");
    const struct ph_bytes text = {(const uint8_t *)json_string_value(v), json_string_length(v)};
    if (is_text)
        PH_TRY(ph_buf_add(&b->bytes, text));
    else if (ph_base64_decode(text, &b->bytes) != PH_OK)
        return bad(why, key, "not base64");
    *view = (struct ph_bytes){b->bytes.ptr + at, b->bytes.len - at};
    return PH_OK;
}

static enum ph_err read_bundle(struct ph_evidence_bundle *b, const json_t *doc,
                               struct ph_json_why *why)
{
    static const char *const top[] = {"format", "time", "quote", "collateral", NULL};
    const char *inner[PH_LEN(members) + 1] = {0};
    const char *format = NULL, *time = NULL;

    if (!json_is_object(doc))
        return bad(why, "bundle", "expected an object");
    PH_TRY(ph_json_only_keys(doc, "", top, why));
    PH_TRY(ph_json_str(doc, "", "format", 1, 64, &format, why));
    if (!format || strcmp(format, FORMAT) != 0)
        return bad(why, "format", "expected \"" FORMAT "\"");
    PH_TRY(ph_json_str(doc, "", "time", 20, 20, &time, why));
    if (!time || ph_time_parse_rfc3339(ph_bytes_str(time), &b->view.time_s) != PH_OK)
        return bad(why, "time", "expected a time like 2025-06-19T10:32:27Z");
    PH_TRY(take(b, doc, "quote", false, &b->view.quote, why));
    if (b->view.quote.len == 0)
        return bad(why, "quote", "missing");

    const json_t *parts = json_object_get(doc, "collateral");
    if (!json_is_object(parts))
        return bad(why, "collateral", "expected an object");
    for (size_t i = 0; i < PH_LEN(members); i++)
        inner[i] = members[i].key;
    PH_TRY(ph_json_only_keys(parts, "collateral", inner, why));
    for (size_t i = 0; i < PH_LEN(members); i++) {
        struct ph_bytes part = {0};
        PH_TRY(take(b, parts, members[i].key, members[i].is_text, &part, why));
        memcpy((char *)&b->view.collateral + members[i].offset, &part, sizeof(part));
    }
    return PH_OK;
}

enum ph_err ph_evidence_parse(struct ph_bytes text, struct ph_evidence_bundle **out,
                              struct ph_json_why *why)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    uint8_t *at;

    PH_TRY(ph_json_load(text, PH_EVIDENCE_MAX, &doc, why));
    struct ph_evidence_bundle *b PH_OWNED(ph_evidence_freep) = calloc(1, sizeof(*b));
    if (!b)
        return PH_ERR_NOMEM;
    /* Escapes and base64 only shrink: the text has at least the bytes of all its parts. */
    b->bytes = PH_BUF(text.len);
    if (text.len > 0)
        PH_TRY(ph_buf_reserve(&b->bytes, text.len, &at));
    PH_TRY(read_bundle(b, doc, why));
    *out = PH_TAKE(b);
    return PH_OK;
}
