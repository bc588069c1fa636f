/* Canonical XML 1.1 §2.3, for the documents that xml.c reads. */

#include "attest/nvidia/xml_priv.h"

static void put(struct ph_xml_sink sink, struct ph_bytes piece)
{
    if (piece.len > 0)
        sink.put(sink.ctx, piece);
}

static void put_str(struct ph_xml_sink sink, const char *s)
{
    put(sink, ph_bytes_str(s));
}

/* What stands for a character in text, or in an attribute; NULL: the character itself. */
static const char *text_escape(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#xD;";
    }
    return NULL;
}

static const char *attr_escape(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#x9;";
    case '\n':
        return "&#xA;";
    case '\r':
        return "&#xD;";
    }
    return NULL;
}

/* A literal character that is not written as it stands: XML 1.0 §2.11 makes CR LF and CR a line
 * feed everywhere, §3.3.3 makes white space in attributes a blank. What references stand for is
 * kept, and escaped. */
static const char *literal_form(uint8_t c, bool in_attr)
{
    if (in_attr && (c == '\t' || c == '\n' || c == '\r'))
        return " ";
    if (c == '\r')
        return "\n";
    return in_attr ? attr_escape(c) : text_escape(c);
}

static enum ph_err put_chars(struct ph_xml_sink sink, struct ph_bytes raw, bool in_attr)
{
    struct ph_reader r = {raw};
    struct ph_bytes run = {raw.ptr, 0};

    while (r.rest.len > 0) {
        const uint8_t c = r.rest.ptr[0];
        const char *form = c == '&' ? "" : literal_form(c, in_attr);
        if (!form) {
            run.len++;
            r.rest = (struct ph_bytes){r.rest.ptr + 1, r.rest.len - 1};
            continue;
        }
        put(sink, run);
        if (c == '&') {
            struct ph_xml_char ch;
            PH_TRY(ph_xml_read_reference(&r, &ch));
            form = in_attr ? attr_escape(ch.utf8[0]) : text_escape(ch.utf8[0]);
            put(sink, form ? ph_bytes_str(form) : (struct ph_bytes){ch.utf8, ch.len});
        } else {
            const size_t n = c == '\r' && r.rest.len > 1 && r.rest.ptr[1] == '\n' ? 2 : 1;
            put_str(sink, form);
            r.rest = (struct ph_bytes){r.rest.ptr + n, r.rest.len - n};
        }
        run = (struct ph_bytes){r.rest.ptr, 0};
    }
    put(sink, run);
    return PH_OK;
}

/* Order of code points, which is that of UTF-8 bytes. */
static int compare(struct ph_bytes a, struct ph_bytes b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_attr(const struct ph_xml_attr *a, const struct ph_xml_attr *b)
{
    const int c = compare(a->name.uri, b->name.uri);
    return c != 0 ? c : compare(a->name.local, b->name.local);
}

/* URI of the prefix among ns[0..cnt); the default namespace is empty where nobody declared it. */
static struct ph_bytes uri_of(const struct ph_xml *x, struct ph_bytes prefix, size_t cnt)
{
    for (size_t i = cnt; i-- > 0;) {
        if (ph_bytes_equal(x->ns[i].prefix, prefix))
            return x->ns[i].uri;
    }
    return (struct ph_bytes){NULL, 0};
}

/* Is ns[i] written? It is the declaration in force, and what is written around the element does not
 * say the same: ns[0..known), empty for an apex. */
static bool is_written(const struct ph_xml *x, size_t i, size_t known)
{
    for (size_t k = i + 1; k < x->ns_cnt; k++) {
        if (ph_bytes_equal(x->ns[k].prefix, x->ns[i].prefix))
            return false;
    }
    return !ph_bytes_equal(x->ns[i].uri, uri_of(x, x->ns[i].prefix, known));
}

static enum ph_err put_namespaces(const struct ph_xml *x, struct ph_xml_sink sink, size_t known)
{
    uint8_t order[PH_XML_NS_MAX];
    size_t cnt = 0;

    for (size_t i = known; i < x->ns_cnt; i++) {
        if (!is_written(x, i, known))
            continue;
        size_t at = cnt++;
        for (; at > 0 && compare(x->ns[i].prefix, x->ns[order[at - 1]].prefix) < 0; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
    for (size_t i = 0; i < cnt; i++) {
        const struct ph_xml_ns *ns = &x->ns[order[i]];
        put_str(sink, ns->prefix.len > 0 ? " xmlns:" : " xmlns");
        put(sink, ns->prefix);
        put_str(sink, "=\"");
        PH_TRY(put_chars(sink, ns->uri, true));
        put_str(sink, "\"");
    }
    return PH_OK;
}

static enum ph_err put_attributes(const struct ph_xml *x, struct ph_xml_sink sink)
{
    uint8_t order[PH_XML_ATTR_MAX];

    for (size_t i = 0; i < x->attr_cnt; i++) {
        size_t at = i;
        for (; at > 0 && compare_attr(&x->attr[i], &x->attr[order[at - 1]]) < 0; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
    for (size_t i = 0; i < x->attr_cnt; i++) {
        const struct ph_xml_attr *a = &x->attr[order[i]];
        put_str(sink, " ");
        put(sink, a->name.qname);
        put_str(sink, "=\"");
        PH_TRY(put_chars(sink, a->value, true));
        put_str(sink, "\"");
    }
    return PH_OK;
}

/* Write the token. `known`: how many of the namespaces in scope are written already. */
static enum ph_err put_token(const struct ph_xml *x, struct ph_xml_sink sink, size_t known)
{
    switch (x->token) {
    case PH_XML_START:
        put_str(sink, "<");
        put(sink, x->name.qname);
        PH_TRY(put_namespaces(x, sink, known));
        PH_TRY(put_attributes(x, sink));
        put_str(sink, ">");
        return PH_OK;
    case PH_XML_END:
        put_str(sink, "</");
        put(sink, x->name.qname);
        put_str(sink, ">");
        return PH_OK;
    case PH_XML_TEXT:
        return put_chars(sink, x->text, false);
    case PH_XML_DONE:
        break;
    }
    return PH_OK;
}

/* Read up to the END of the element that was just begun. */
static enum ph_err skip_element(struct ph_xml *x)
{
    const size_t outside = x->depth - 1;
    do {
        PH_TRY(ph_xml_next(x));
    } while (x->token != PH_XML_END || x->depth != outside);
    return PH_OK;
}

enum ph_err ph_xml_c14n_without(struct ph_bytes doc, size_t skip, struct ph_xml_sink sink)
{
    struct ph_xml x;
    bool skipped = skip == SIZE_MAX;

    PH_TRY(ph_xml_open(&x, doc));
    for (;;) {
        PH_TRY(ph_xml_next(&x));
        if (x.token == PH_XML_DONE)
            return skipped ? PH_OK : PH_ERR_NOT_FOUND;
        if (x.token == PH_XML_START && x.at == skip) {
            skipped = true;
            PH_TRY(skip_element(&x));
        } else {
            PH_TRY(put_token(&x, sink, x.ns_own));
        }
    }
}

enum ph_err ph_xml_c14n_element(struct ph_bytes doc, size_t apex, struct ph_xml_sink sink)
{
    struct ph_xml x;

    PH_TRY(ph_xml_open(&x, doc));
    do {
        PH_TRY(ph_xml_next(&x));
        if (x.token == PH_XML_DONE)
            return PH_ERR_NOT_FOUND;
    } while (x.token != PH_XML_START || x.at != apex);

    const size_t outside = x.depth - 1;
    PH_TRY(put_token(&x, sink, 0));
    do {
        PH_TRY(ph_xml_next(&x));
        PH_TRY(put_token(&x, sink, x.ns_own));
    } while (x.token != PH_XML_END || x.depth != outside);
    return PH_OK;
}
