#include "attest/nvidia/xml.h"

#include "attest/nvidia/xml_priv.h"
#include "codec/utf8.h"

#define XML_URI "http://www.w3.org/XML/1998/namespace"
#define XMLNS_URI "http://www.w3.org/2000/xmlns/"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_alpha(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_name_char(uint8_t c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static void advance(struct ph_reader *r, size_t n)
{
    r->rest = (struct ph_bytes){r->rest.ptr + n, r->rest.len - n};
}

static bool starts_with(const struct ph_reader *r, struct ph_bytes word)
{
    return r->rest.len >= word.len && memcmp(r->rest.ptr, word.ptr, word.len) == 0;
}

static bool take(struct ph_reader *r, uint8_t c)
{
    if (r->rest.len == 0 || r->rest.ptr[0] != c)
        return false;
    advance(r, 1);
    return true;
}

/* Skips white space; true if there was some. */
static bool skip_space(struct ph_reader *r)
{
    const size_t before = r->rest.len;
    while (r->rest.len > 0 && is_space(r->rest.ptr[0]))
        advance(r, 1);
    return r->rest.len != before;
}

bool ph_xml_is_space(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.ptr[i]))
            return false;
    }
    return true;
}

bool ph_xml_is_literal(struct ph_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '&' || value.ptr[i] < ' ')
            return false;
    }
    return true;
}

/* XML 1.0 §2.2 Char. */
static bool is_char(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return c <= 0xd7ff || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

static size_t put_utf8(uint32_t c, uint8_t out[static 4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

static int digit(uint8_t c, uint32_t base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (base == 16 && c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The digits of &#...; or &#x...; */
static enum ph_err read_number(struct ph_bytes s, uint32_t *out)
{
    const uint32_t base = s.len > 0 && s.ptr[0] == 'x' ? 16 : 10;
    uint32_t c = 0;

    for (size_t i = base == 16; i < s.len; i++) {
        const int d = digit(s.ptr[i], base);
        if (d < 0)
            return PH_ERR_MALFORMED;
        c = c * base + (uint32_t)d;
        if (c > 0x10ffff)
            return PH_ERR_MALFORMED;
    }
    /* No digits leave 0, which is no Char. */
    if (!is_char(c))
        return PH_ERR_MALFORMED;
    *out = c;
    return PH_OK;
}

enum ph_err ph_xml_read_reference(struct ph_reader *r, struct ph_xml_char *out)
{
    static const struct {
        const char *name;
        uint8_t c;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    enum { NAME_MAX = 10 }; /* "#x0010ffff" */
    size_t n = 1;
    uint32_t c = 0;

    while (n < r->rest.len && n <= NAME_MAX && r->rest.ptr[n] != ';')
        n++;
    if (n >= r->rest.len || r->rest.ptr[n] != ';')
        return PH_ERR_MALFORMED;
    const struct ph_bytes name = {r->rest.ptr + 1, n - 1};
    if (name.len > 0 && name.ptr[0] == '#') {
        PH_TRY(read_number((struct ph_bytes){name.ptr + 1, name.len - 1}, &c));
    } else {
        for (size_t i = 0; i < PH_LEN(known); i++) {
            if (ph_bytes_is(name, known[i].name))
                c = known[i].c;
        }
        if (c == 0)
            return PH_ERR_UNSUPPORTED; /* declared in a DOCTYPE, if anywhere */
    }
    advance(r, n + 1);
    out->len = put_utf8(c, out->utf8);
    return PH_OK;
}

/* One character or reference of text or of a value is allowed and well-formed. The document is
 * known to be UTF-8, so only what Char excludes is looked for. */
static enum ph_err skip_char(struct ph_reader *r)
{
    const uint8_t *p = r->rest.ptr;
    struct ph_xml_char c;

    if (p[0] == '&')
        return ph_xml_read_reference(r, &c);
    if (p[0] < 0x20 && !is_space(p[0]))
        return PH_ERR_MALFORMED;
    if (p[0] == 0xef && r->rest.len >= 3 && p[1] == 0xbf && p[2] >= 0xbe)
        return PH_ERR_MALFORMED; /* U+FFFE, U+FFFF */
    advance(r, 1);
    return PH_OK;
}

/* NCName, or NCName ":" NCName; prefix and local only, the namespace comes later. */
static enum ph_err read_qname(struct ph_reader *r, struct ph_xml_name *out)
{
    const uint8_t *p = r->rest.ptr;
    size_t n = 0, colon = 0;

    while (n < r->rest.len && (is_name_char(p[n]) || p[n] == ':' || p[n] >= 0x80)) {
        if (p[n] >= 0x80)
            return PH_ERR_UNSUPPORTED;
        const bool first = n == 0 || p[n - 1] == ':';
        if (first && !is_alpha(p[n]))
            return PH_ERR_MALFORMED;
        if (p[n] == ':') {
            if (colon != 0)
                return PH_ERR_MALFORMED;
            colon = n;
        }
        n++;
    }
    if (n == 0 || p[n - 1] == ':')
        return PH_ERR_MALFORMED;
    if (n > PH_XML_NAME_MAX)
        return PH_ERR_LIMIT;
    const size_t local = colon ? colon + 1 : 0;
    *out = (struct ph_xml_name){
        .qname = {p, n}, .prefix = {p, colon}, .local = {p + local, n - local}};
    advance(r, n);
    return PH_OK;
}

static enum ph_err read_value(struct ph_reader *r, struct ph_bytes *out)
{
    if (r->rest.len == 0 || (r->rest.ptr[0] != '"' && r->rest.ptr[0] != '\''))
        return PH_ERR_MALFORMED;
    const uint8_t quote = r->rest.ptr[0];
    advance(r, 1);
    const uint8_t *start = r->rest.ptr;
    while (r->rest.len > 0 && r->rest.ptr[0] != quote) {
        if (r->rest.ptr[0] == '<')
            return PH_ERR_MALFORMED;
        PH_TRY(skip_char(r));
    }
    if (r->rest.len == 0)
        return PH_ERR_MALFORMED;
    *out = (struct ph_bytes){start, (size_t)(r->rest.ptr - start)};
    advance(r, 1);
    return PH_OK;
}

/* Index in ns[from..to) of the last declaration of this prefix; `to` if there is none. */
static size_t find_ns(const struct ph_xml *x, struct ph_bytes prefix, size_t from, size_t to)
{
    for (size_t i = to; i-- > from;) {
        if (ph_bytes_equal(x->ns[i].prefix, prefix))
            return i;
    }
    return to;
}

static bool has_colon(struct ph_bytes s)
{
    return s.len > 0 && memchr(s.ptr, ':', s.len) != NULL;
}

static enum ph_err declare_ns(struct ph_xml *x, struct ph_bytes prefix, struct ph_bytes uri)
{
    if (x->ns_cnt == PH_XML_NS_MAX)
        return PH_ERR_LIMIT;
    if (!ph_xml_is_literal(uri))
        return PH_ERR_UNSUPPORTED;
    /* Canonical XML §1.3: relative namespace names are an error. */
    if (uri.len > 0 && !has_colon(uri))
        return PH_ERR_UNSUPPORTED;
    /* Namespaces §2.2, §3: only the default can be undeclared; xml and xmlns are nobody's. */
    if ((prefix.len > 0 && uri.len == 0) || ph_bytes_is(prefix, "xml") ||
        ph_bytes_is(prefix, "xmlns") || ph_bytes_is(uri, XML_URI) || ph_bytes_is(uri, XMLNS_URI))
        return PH_ERR_MALFORMED;
    if (find_ns(x, prefix, x->ns_own, x->ns_cnt) != x->ns_cnt)
        return PH_ERR_MALFORMED;
    x->ns[x->ns_cnt++] = (struct ph_xml_ns){prefix, uri};
    return PH_OK;
}

static enum ph_err resolve(const struct ph_xml *x, struct ph_xml_name *name)
{
    if (ph_bytes_is(name->prefix, "xml"))
        return PH_ERR_UNSUPPORTED;
    const size_t i = find_ns(x, name->prefix, 0, x->ns_cnt);
    if (i < x->ns_cnt)
        name->uri = x->ns[i].uri;
    else if (name->prefix.len > 0)
        return PH_ERR_MALFORMED;
    return PH_OK;
}

static enum ph_err resolve_attributes(struct ph_xml *x)
{
    for (size_t i = 0; i < x->attr_cnt; i++) {
        struct ph_xml_name *name = &x->attr[i].name;
        /* The default namespace is not that of attributes. */
        if (name->prefix.len > 0)
            PH_TRY(resolve(x, name));
        for (size_t k = 0; k < i; k++) {
            if (ph_bytes_equal(name->local, x->attr[k].name.local) &&
                ph_bytes_equal(name->uri, x->attr[k].name.uri))
                return PH_ERR_MALFORMED;
        }
    }
    return PH_OK;
}

static enum ph_err read_attribute(struct ph_xml *x)
{
    struct ph_xml_attr a;

    PH_TRY(read_qname(&x->r, &a.name));
    (void)skip_space(&x->r);
    if (!take(&x->r, '='))
        return PH_ERR_MALFORMED;
    (void)skip_space(&x->r);
    PH_TRY(read_value(&x->r, &a.value));
    if (ph_bytes_is(a.name.prefix, "xmlns"))
        return declare_ns(x, a.name.local, a.value);
    if (ph_bytes_is(a.name.qname, "xmlns"))
        return declare_ns(x, (struct ph_bytes){NULL, 0}, a.value);
    if (x->attr_cnt == PH_XML_ATTR_MAX)
        return PH_ERR_LIMIT;
    x->attr[x->attr_cnt++] = a;
    return PH_OK;
}

static enum ph_err read_start(struct ph_xml *x)
{
    struct ph_xml_name name;

    if (x->depth == 0 && x->root_seen)
        return PH_ERR_MALFORMED;
    if (x->depth == PH_XML_DEPTH_MAX)
        return PH_ERR_LIMIT;
    x->attr_cnt = 0;
    x->ns_own = x->ns_cnt;
    PH_TRY(read_qname(&x->r, &name));
    for (;;) {
        const bool space = skip_space(&x->r);
        if (x->r.rest.len == 0 || x->r.rest.ptr[0] == '>' || x->r.rest.ptr[0] == '/')
            break;
        if (!space)
            return PH_ERR_MALFORMED;
        PH_TRY(read_attribute(x));
    }
    x->end_due = take(&x->r, '/');
    if (!take(&x->r, '>'))
        return PH_ERR_MALFORMED;
    PH_TRY(resolve(x, &name));
    PH_TRY(resolve_attributes(x));
    x->open[x->depth].name = name;
    x->open[x->depth].ns_before = x->ns_own;
    x->depth++;
    x->root_seen = true;
    x->name = name;
    x->token = PH_XML_START;
    return PH_OK;
}

static void close_element(struct ph_xml *x)
{
    x->depth--;
    x->name = x->open[x->depth].name;
    x->ns_cnt = x->ns_own = x->open[x->depth].ns_before;
    x->attr_cnt = 0;
    x->token = PH_XML_END;
}

static enum ph_err read_end(struct ph_xml *x)
{
    struct ph_xml_name name;

    PH_TRY(read_qname(&x->r, &name));
    (void)skip_space(&x->r);
    if (!take(&x->r, '>') || x->depth == 0 ||
        !ph_bytes_equal(name.qname, x->open[x->depth - 1].name.qname))
        return PH_ERR_MALFORMED;
    close_element(x);
    return PH_OK;
}

static enum ph_err read_text(struct ph_xml *x)
{
    const uint8_t *start = x->r.rest.ptr;

    while (x->r.rest.len > 0 && x->r.rest.ptr[0] != '<') {
        if (starts_with(&x->r, PH_BYTES_LIT("]]>")))
            return PH_ERR_MALFORMED;
        PH_TRY(skip_char(&x->r));
    }
    x->text = (struct ph_bytes){start, (size_t)(x->r.rest.ptr - start)};
    x->token = PH_XML_TEXT;
    return PH_OK;
}

enum ph_err ph_xml_open(struct ph_xml *x, struct ph_bytes doc)
{
    static const char *const declarations[] = {
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
        "<?xml version='1.0' encoding='UTF-8'?>",
        "<?xml version='1.0' encoding='utf-8'?>",
    };

    if (!ph_utf8_valid(doc))
        return PH_ERR_MALFORMED;
    memset(x, 0, sizeof(*x));
    x->doc = doc;
    x->r = (struct ph_reader){doc};
    for (size_t i = 0; i < PH_LEN(declarations); i++) {
        if (starts_with(&x->r, ph_bytes_str(declarations[i]))) {
            advance(&x->r, strlen(declarations[i]));
            return PH_OK;
        }
    }
    return starts_with(&x->r, PH_BYTES_LIT("<?")) ? PH_ERR_UNSUPPORTED : PH_OK;
}

enum ph_err ph_xml_next(struct ph_xml *x)
{
    if (x->end_due) {
        x->end_due = false;
        close_element(x);
        return PH_OK;
    }
    if (x->depth == 0)
        (void)skip_space(&x->r);
    x->at = (size_t)(x->r.rest.ptr - x->doc.ptr);
    if (x->r.rest.len == 0) {
        x->token = PH_XML_DONE;
        return x->depth == 0 && x->root_seen ? PH_OK : PH_ERR_MALFORMED;
    }
    if (starts_with(&x->r, PH_BYTES_LIT("<!")) || starts_with(&x->r, PH_BYTES_LIT("<?")))
        return PH_ERR_UNSUPPORTED; /* comment, CDATA, DOCTYPE, processing instruction */
    if (starts_with(&x->r, PH_BYTES_LIT("</"))) {
        advance(&x->r, 2);
        return read_end(x);
    }
    if (take(&x->r, '<'))
        return read_start(x);
    return x->depth == 0 ? PH_ERR_MALFORMED : read_text(x);
}

bool ph_xml_name_is(const struct ph_xml_name *name, const char *uri, const char *local)
{
    return ph_bytes_is(name->local, local) && ph_bytes_is(name->uri, uri);
}

const struct ph_xml_attr *ph_xml_attr(const struct ph_xml *x, const char *uri, const char *local)
{
    for (size_t i = 0; i < x->attr_cnt; i++) {
        if (ph_xml_name_is(&x->attr[i].name, uri, local))
            return &x->attr[i];
    }
    return NULL;
}
