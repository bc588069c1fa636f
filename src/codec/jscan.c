#include "codec/jscan.h"

#include "base/hex.h"
#include "codec/utf8_priv.h"

/* The scanner works on offsets into the text instead of a ph_reader: every token carries offsets,
 * and one comparison against len guards each step. */
struct scan {
    const uint8_t *p;
    uint32_t len, at;
    struct ph_jtok *toks;
    uint32_t cap, cnt, depth;
    uint32_t open[PH_JSCAN_DEPTH]; /* tokens of the containers around `at` */
    bool escapes[PH_JSCAN_DEPTH];  /* some key of that object is written with an escape */
};

/* Bytes that are plain inside a string: not a control, quote, backslash or part of UTF-8. */
static inline bool plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->len) {
        const uint8_t c = s->p[s->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
        s->at++;
    }
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Code unit of the \uXXXX at p, -1 if it is none. */
static int32_t unicode_escape(const uint8_t *p, uint32_t left)
{
    int32_t unit = 0;

    if (left < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const int v = hex_value(p[i]);
        if (v < 0)
            return -1;
        unit = unit << 4 | v;
    }
    return unit;
}

/* Length of the escape at p, 0 if it is none. A surrogate stands only in a pair: a lone one has no
 * UTF-8 form, and readers differ on what it means. */
static uint32_t escape_len(const uint8_t *p, uint32_t left)
{
    if (left < 2)
        return 0;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    const int32_t unit = unicode_escape(p, left);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return 6;
    const int32_t low = unicode_escape(p + 6, left - 6);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* At a quote: step over the string. */
static bool scan_string(struct scan *s, bool *escaped)
{
    uint32_t at = s->at + 1;

    while (at < s->len) {
        const uint8_t c = s->p[at];
        uint32_t n = 1;
        if (!plain(c)) {
            if (c == '"') {
                s->at = at + 1;
                return true;
            }
            if (c == '\\') {
                *escaped = true;
                n = escape_len(s->p + at, s->len - at);
            } else {
                n = c < 0x80 ? 0 : (uint32_t)ph_utf8_len(s->p + at, s->len - at);
            }
            if (n == 0)
                return false;
        }
        at += n;
    }
    return false;
}

/* RFC 8259 §6 without fraction and exponent: -? ( 0 | [1-9][0-9]* ), at most 18 digits. */
static bool scan_int(struct scan *s)
{
    uint32_t at = s->at + (s->p[s->at] == '-');
    const uint32_t first = at;

    while (at < s->len && s->p[at] >= '0' && s->p[at] <= '9')
        at++;
    const uint32_t digits = at - first;
    if (digits == 0 || digits > 18 || (digits > 1 && s->p[first] == '0'))
        return false;
    if (at < s->len && (s->p[at] == '.' || s->p[at] == 'e' || s->p[at] == 'E'))
        return false;
    s->at = at;
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    const size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->p + s->at, word, n) != 0)
        return false;
    s->at += (uint32_t)n;
    return true;
}

/* The value at `at`; for a container, its opening bracket only. */
static enum ph_err scan_value(struct scan *s, uint32_t key_start, uint32_t key_end)
{
    bool ok = true, escaped;

    if (s->at >= s->len)
        return PH_ERR_MALFORMED;
    if (s->cnt >= s->cap)
        return PH_ERR_LIMIT;
    struct ph_jtok *tok = &s->toks[s->cnt];
    *tok = (struct ph_jtok){
        .start = s->at, .next = s->cnt + 1, .key_start = key_start, .key_end = key_end};
    switch (s->p[s->at]) {
    case '{':
    case '[':
        if (s->depth == PH_JSCAN_DEPTH)
            return PH_ERR_MALFORMED;
        tok->type = s->p[s->at] == '{' ? PH_JOBJECT : PH_JARRAY;
        s->escapes[s->depth] = false;
        s->open[s->depth++] = s->cnt;
        s->at++;
        break;
    case '"':
        tok->type = PH_JSTRING;
        ok = scan_string(s, &escaped);
        break;
    case 't':
        tok->type = PH_JBOOL;
        ok = scan_word(s, "true");
        break;
    case 'f':
        tok->type = PH_JBOOL;
        ok = scan_word(s, "false");
        break;
    case 'n':
        tok->type = PH_JNULL;
        ok = scan_word(s, "null");
        break;
    default:
        tok->type = PH_JINT;
        ok = scan_int(s);
        break;
    }
    tok->end = s->at;
    s->cnt++;
    return ok ? PH_OK : PH_ERR_MALFORMED;
}

/* A key, the colon and the value (or its opening bracket). */
static enum ph_err scan_member(struct scan *s)
{
    if (s->at >= s->len || s->p[s->at] != '"')
        return PH_ERR_MALFORMED;
    const uint32_t key_start = s->at + 1;
    if (!scan_string(s, &s->escapes[s->depth - 1]))
        return PH_ERR_MALFORMED;
    const uint32_t key_end = s->at - 1;
    skip_space(s);
    if (s->at >= s->len || s->p[s->at] != ':')
        return PH_ERR_MALFORMED;
    s->at++;
    skip_space(s);
    return scan_value(s, key_start, key_end);
}

/* Next UTF-16 code unit or byte of a valid string body; escapes of ASCII and their plain forms come
 * out alike. Multi-byte UTF-8 comes out as one code point, like its escapes. */
static uint32_t next_char(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *at = *p;

    if (*at == '\\') {
        const uint32_t n = escape_len(at, (uint32_t)(end - at));
        *p = at + n;
        if (n == 2) {
            static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
            const char *hit = strchr(from, at[1]);
            return (uint32_t)(hit ? to[hit - from] : at[1]);
        }
        const uint32_t unit = (uint32_t)unicode_escape(at, 6);
        if (n == 6)
            return unit;
        return 0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)unicode_escape(at + 6, 6) - 0xdc00);
    }
    if (*at < 0x80) {
        *p = at + 1;
        return *at;
    }
    const size_t n = ph_utf8_len(at, (size_t)(end - at));
    uint32_t point = at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        point = point << 6 | (at[i] & 0x3f);
    *p = at + n;
    return point;
}

static bool keys_equal(const struct scan *s, const struct ph_jtok *a, const struct ph_jtok *b,
                       bool escapes)
{
    const uint8_t *p = s->p + a->key_start, *q = s->p + b->key_start;
    const uint8_t *p_end = s->p + a->key_end, *q_end = s->p + b->key_end;

    if (!escapes)
        return p_end - p == q_end - q && memcmp(p, q, (size_t)(p_end - p)) == 0;
    while (p < p_end && q < q_end) {
        if (next_char(&p, p_end) != next_char(&q, q_end))
            return false;
    }
    return p == p_end && q == q_end;
}

/* RFC 8259 §4 leaves duplicate names open, which is how two readers of one signed document come to
 * disagree. Pairwise, hence the limit on members. */
static enum ph_err check_keys(const struct scan *s, uint32_t object, bool escapes)
{
    const struct ph_jtok *toks = s->toks;

    for (uint32_t i = object + 1; i < s->cnt; i = toks[i].next) {
        for (uint32_t j = toks[i].next; j < s->cnt; j = toks[j].next) {
            if (keys_equal(s, &toks[i], &toks[j], escapes))
                return PH_ERR_MALFORMED;
        }
    }
    return PH_OK;
}

static enum ph_err close_container(struct scan *s)
{
    const uint32_t index = s->open[--s->depth];
    struct ph_jtok *tok = &s->toks[index];

    s->at++;
    tok->end = s->at;
    tok->next = s->cnt;
    return tok->type == PH_JOBJECT ? check_keys(s, index, s->escapes[s->depth]) : PH_OK;
}

/* Inside a container, before a member, an element, a comma or the end. */
static enum ph_err scan_inside(struct scan *s)
{
    struct ph_jtok *around = &s->toks[s->open[s->depth - 1]];
    const bool object = around->type == PH_JOBJECT;

    skip_space(s);
    if (s->at >= s->len)
        return PH_ERR_MALFORMED;
    if (s->p[s->at] == (object ? '}' : ']'))
        return close_container(s);
    if (around->cnt > 0) {
        if (s->p[s->at] != ',')
            return PH_ERR_MALFORMED;
        s->at++;
        skip_space(s);
    }
    if (object && around->cnt == PH_JSCAN_MEMBERS_MAX)
        return PH_ERR_LIMIT;
    around->cnt++;
    return object ? scan_member(s) : scan_value(s, 0, 0);
}

enum ph_err ph_jscan(struct ph_bytes text, struct ph_jtok *toks, uint32_t tok_cap,
                     struct ph_jdoc *out)
{
    if (text.len > PH_JSCAN_TEXT_MAX)
        return PH_ERR_LIMIT;
    struct scan s = {.p = text.ptr, .len = (uint32_t)text.len, .toks = toks, .cap = tok_cap};

    skip_space(&s);
    PH_TRY(scan_value(&s, 0, 0));
    while (s.depth > 0)
        PH_TRY(scan_inside(&s));
    skip_space(&s);
    if (s.at != s.len)
        return PH_ERR_MALFORMED;
    *out = (struct ph_jdoc){.text = text, .toks = toks, .tok_cnt = s.cnt};
    return PH_OK;
}

uint32_t ph_jscan_get(const struct ph_jdoc *doc, uint32_t object, const char *key)
{
    const struct ph_jtok *toks = doc->toks;
    const size_t len = strlen(key);

    if (object >= doc->tok_cnt || toks[object].type != PH_JOBJECT)
        return 0;
    for (uint32_t i = ph_jscan_first(object); i < toks[object].next; i = toks[i].next) {
        /* A backslash in `key` would match the written form of an escape. */
        if (toks[i].key_end - toks[i].key_start == len &&
            memcmp(doc->text.ptr + toks[i].key_start, key, len) == 0 && !memchr(key, '\\', len))
            return i;
    }
    return 0;
}

struct ph_bytes ph_jscan_raw(const struct ph_jdoc *doc, uint32_t tok)
{
    const struct ph_jtok *t = &doc->toks[tok];
    return (struct ph_bytes){doc->text.ptr + t->start, t->end - t->start};
}

enum ph_err ph_jscan_str(const struct ph_jdoc *doc, uint32_t tok, struct ph_bytes *out)
{
    const struct ph_bytes raw = ph_jscan_raw(doc, tok);

    if (doc->toks[tok].type != PH_JSTRING || memchr(raw.ptr, '\\', raw.len))
        return PH_ERR_MALFORMED;
    *out = (struct ph_bytes){raw.ptr + 1, raw.len - 2};
    return PH_OK;
}

enum ph_err ph_jscan_u64(const struct ph_jdoc *doc, uint32_t tok, uint64_t *out)
{
    const struct ph_bytes raw = ph_jscan_raw(doc, tok);

    if (doc->toks[tok].type != PH_JINT || raw.ptr[0] == '-')
        return PH_ERR_MALFORMED;
    uint64_t n = 0;
    for (size_t i = 0; i < raw.len; i++)
        n = n * 10 + (uint64_t)(raw.ptr[i] - '0');
    *out = n;
    return PH_OK;
}

enum ph_err ph_jscan_hex(const struct ph_jdoc *doc, uint32_t tok, uint8_t *out, size_t len)
{
    struct ph_bytes text;

    PH_TRY(ph_jscan_str(doc, tok, &text));
    /* ph_hex_decode skips an "0x", which has no place here; the length settles it. */
    if (text.len != 2 * len)
        return PH_ERR_MALFORMED;
    return ph_hex_decode(text, out, len);
}
