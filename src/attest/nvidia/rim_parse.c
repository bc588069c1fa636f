#include "attest/nvidia/rim.h"

#include "attest/nvidia/xml.h"
#include "base/hex.h"

#define SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define SHA384_URI "http://www.w3.org/2001/04/xmlenc#sha384"

enum { TEXT_MAX = 128 }; /* bytes of a product, a version, a name */

/* The elements of a manifest. Each but RESOURCE, ENTITY, TRANSFORM and CERT is there once, so that
 * counting them in the whole document is counting them in their parent. */
enum element {
    NOWHERE,
    ROOT,
    ENTITY,
    META,
    PAYLOAD,
    RESOURCE,
    SIGNATURE,
    SIGNED_INFO,
    C14N_METHOD,
    SIG_METHOD,
    REFERENCE,
    TRANSFORMS,
    TRANSFORM,
    DIGEST_METHOD,
    DIGEST_VALUE,
    SIG_VALUE,
    KEY_INFO,
    X509_DATA,
    CERT,
    ELEMENT_CNT,
};

/* Where each may stand, how often, and which check fails: if it is missing, if there are too many,
 * if something foreign is in it. Siblings come in the order of the rows. */
/* clang-format off */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): members in the order of the sentence above. */
static const struct rule {
    const char *uri, *local;
    const char *attr; /* of ours: the only attribute allowed, and demanded; "" for none */
    enum element parent;
    enum ph_rim_check missing, many, inside;
    uint8_t min, max;
    bool text; /* holds text; the others white space at most */
} rules[ELEMENT_CNT] = {
#define K(x) PH_RIM_CHECK_##x
    [ROOT]          = {SWID, "SoftwareIdentity", NULL, NOWHERE, K(ELEMENT), K(ELEMENT), K(SHAPE), 1, 1, false},
    [ENTITY]        = {SWID, "Entity", NULL, ROOT, K(SHAPE), K(SHAPE), K(SHAPE), 0, 8, false},
    [META]          = {SWID, "Meta", NULL, ROOT, K(META), K(META), K(SHAPE), 1, 1, false},
    [PAYLOAD]       = {SWID, "Payload", NULL, ROOT, K(PAYLOAD), K(PAYLOAD), K(PAYLOAD), 1, 1, false},
    [RESOURCE]      = {SWID, "Resource", NULL, PAYLOAD, K(PAYLOAD), K(PAYLOAD), K(PAYLOAD), 1, PH_RIM_INDEX_CNT, false},
    [SIGNATURE]     = {DSIG, "Signature", "", ROOT, K(SIGNED), K(SIGNED_ONCE), K(SHAPE), 1, 1, false},
    [SIGNED_INFO]   = {DSIG, "SignedInfo", "", SIGNATURE, K(SHAPE), K(SHAPE), K(SHAPE), 1, 1, false},
    [C14N_METHOD]   = {DSIG, "CanonicalizationMethod", "Algorithm", SIGNED_INFO, K(ALGORITHMS), K(ALGORITHMS), K(ALGORITHMS), 1, 1, false},
    [SIG_METHOD]    = {DSIG, "SignatureMethod", "Algorithm", SIGNED_INFO, K(ALGORITHMS), K(ALGORITHMS), K(ALGORITHMS), 1, 1, false},
    [REFERENCE]     = {DSIG, "Reference", "URI", SIGNED_INFO, K(REFERENCE), K(REFERENCE), K(REFERENCE), 1, 1, false},
    [TRANSFORMS]    = {DSIG, "Transforms", "", REFERENCE, K(REFERENCE), K(REFERENCE), K(REFERENCE), 1, 1, false},
    [TRANSFORM]     = {DSIG, "Transform", "Algorithm", TRANSFORMS, K(REFERENCE), K(REFERENCE), K(REFERENCE), 1, 2, false},
    [DIGEST_METHOD] = {DSIG, "DigestMethod", "Algorithm", REFERENCE, K(ALGORITHMS), K(ALGORITHMS), K(ALGORITHMS), 1, 1, false},
    [DIGEST_VALUE]  = {DSIG, "DigestValue", "", REFERENCE, K(REFERENCE), K(REFERENCE), K(REFERENCE), 1, 1, true},
    [SIG_VALUE]     = {DSIG, "SignatureValue", "", SIGNATURE, K(SHAPE), K(SHAPE), K(SHAPE), 1, 1, true},
    [KEY_INFO]      = {DSIG, "KeyInfo", "", SIGNATURE, K(KEY_INFO), K(KEY_INFO), K(KEY_INFO), 1, 1, false},
    [X509_DATA]     = {DSIG, "X509Data", "", KEY_INFO, K(KEY_INFO), K(KEY_INFO), K(KEY_INFO), 1, 1, false},
    [CERT]          = {DSIG, "X509Certificate", "", X509_DATA, K(CHAIN_LENGTH), K(CHAIN_LENGTH), K(KEY_INFO), PH_RIM_CERT_CNT, PH_RIM_CERT_CNT, true},
};

/* What each method may be. Canonical XML 1.0 and 1.1 are the same for what xml.h reads. */
#define C14N11 "http://www.w3.org/2006/12/xml-c14n11"
#define C14N10 "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
static const struct {
    enum element element;
    unsigned nth; /* of its kind, from 1 */
    const char *algorithm;
} algorithms[] = {
    {C14N_METHOD, 1, C14N11},
    {C14N_METHOD, 1, C14N10},
    {SIG_METHOD, 1, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"},
    {TRANSFORM, 1, "http://www.w3.org/2000/09/xmldsig#enveloped-signature"},
    {TRANSFORM, 2, C14N11},
    {TRANSFORM, 2, C14N10},
    {DIGEST_METHOD, 1, "http://www.w3.org/2001/04/xmldsig-more#sha384"},
    {DIGEST_METHOD, 1, SHA384_URI},
};
/* clang-format on */

struct parser {
    struct ph_xml x;
    struct ph_rim *rim;
    enum element at;                     /* innermost open element */
    enum element path[PH_XML_DEPTH_MAX]; /* the ones around it */
    enum element last[PH_XML_DEPTH_MAX]; /* the last child seen, by depth of the parent */
    unsigned cnt[ELEMENT_CNT];
    bool index_seen[PH_RIM_INDEX_CNT];
    enum ph_rim_check failed;
};

static enum ph_err fail(struct parser *p, enum ph_rim_check check, enum ph_err err)
{
    p->failed = check;
    return err;
}

static enum ph_err broken(struct parser *p, enum ph_rim_check check)
{
    return fail(p, check, PH_ERR_MALFORMED);
}

/* The value of an attribute without namespace whose text counts: literal, not too long. Empty if
 * the attribute is absent. */
static enum ph_err read_attr(struct parser *p, const char *local, enum ph_rim_check check,
                             struct ph_bytes *out)
{
    const struct ph_xml_attr *a = ph_xml_attr(&p->x, "", local);

    *out = a ? a->value : (struct ph_bytes){NULL, 0};
    if (out->len > TEXT_MAX || !ph_xml_is_literal(*out))
        return broken(p, check);
    return PH_OK;
}

/* Decimal without sign or leading zero, at most `max`. */
static bool read_decimal(struct ph_bytes text, unsigned max, unsigned *out)
{
    unsigned v = 0;

    if (text.len == 0 || text.len > 4 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        v = v * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

/* "Hash0", "Hash1"…: the number, if the name is one of those. */
static bool read_hash_name(struct ph_bytes local, unsigned *out)
{
    return local.len > 4 && memcmp(local.ptr, "Hash", 4) == 0 &&
           read_decimal((struct ph_bytes){local.ptr + 4, local.len - 4}, PH_RIM_ALTERNATIVES - 1,
                        out);
}

/* Exactly the hashes 0..cnt-1, in the namespace of SHA-384. */
static enum ph_err read_hashes(struct parser *p, struct ph_rim_measurement *m)
{
    struct ph_rim *rim = p->rim;
    unsigned found = 0, n;

    if (rim->hash_cnt + m->hash_cnt > PH_RIM_HASHES)
        return fail(p, PH_RIM_CHECK_HASH, PH_ERR_LIMIT);
    m->hash_first = (uint16_t)rim->hash_cnt;
    for (size_t i = 0; i < p->x.attr_cnt; i++) {
        const struct ph_xml_attr *a = &p->x.attr[i];
        if (!ph_bytes_is(a->name.uri, SHA384_URI))
            continue;
        /* Names differ, so `found` numbers below hash_cnt are all of them. */
        if (!read_hash_name(a->name.local, &n) || n >= m->hash_cnt ||
            a->value.len != 2 * PH_RIM_HASH_LEN ||
            ph_hex_decode(a->value, rim->hash[rim->hash_cnt + n], PH_RIM_HASH_LEN) != PH_OK)
            return broken(p, PH_RIM_CHECK_HASH);
        found++;
    }
    if (found != m->hash_cnt)
        return broken(p, PH_RIM_CHECK_HASH);
    rim->hash_cnt += m->hash_cnt;
    return PH_OK;
}

static enum ph_err read_resource(struct parser *p)
{
    struct ph_rim_measurement m = {.active = false};
    struct ph_bytes text;
    unsigned index, alternatives;

    PH_TRY(read_attr(p, "type", PH_RIM_CHECK_PAYLOAD, &text));
    if (!ph_bytes_is(text, "Measurement"))
        return broken(p, PH_RIM_CHECK_PAYLOAD);
    PH_TRY(read_attr(p, "name", PH_RIM_CHECK_PAYLOAD, &m.name));
    PH_TRY(read_attr(p, "index", PH_RIM_CHECK_INDEX, &text));
    if (!read_decimal(text, PH_RIM_INDEX_CNT - 1, &index))
        return broken(p, PH_RIM_CHECK_INDEX);
    if (p->index_seen[index])
        return broken(p, PH_RIM_CHECK_INDEX_ONCE);
    p->index_seen[index] = true;
    m.index = (uint8_t)index;
    PH_TRY(read_attr(p, "active", PH_RIM_CHECK_ACTIVE, &text));
    m.active = ph_bytes_is(text, "True");
    if (!m.active && !ph_bytes_is(text, "False"))
        return broken(p, PH_RIM_CHECK_ACTIVE);
    PH_TRY(read_attr(p, "size", PH_RIM_CHECK_SIZE, &text));
    if (!ph_bytes_is(text, "48"))
        return broken(p, PH_RIM_CHECK_SIZE);
    PH_TRY(read_attr(p, "alternatives", PH_RIM_CHECK_ALTERNATIVES, &text));
    if (!read_decimal(text, PH_RIM_ALTERNATIVES, &alternatives) || alternatives == 0)
        return broken(p, PH_RIM_CHECK_ALTERNATIVES);
    m.hash_cnt = (uint8_t)alternatives;
    PH_TRY(read_hashes(p, &m));
    p->rim->measurement[p->rim->measurement_cnt++] = m;
    return PH_OK;
}

/* Groups of `sets` characters with dots between them: their number; 0 if there is anything else. */
static size_t count_groups(struct ph_bytes text, size_t min, size_t max, bool hex)
{
    size_t groups = 1, len = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c == '.' && len >= min) {
            groups++;
            len = 0;
        } else if ((c >= '0' && c <= '9') || (hex && c >= 'A' && c <= 'F')) {
            if (++len > max)
                return 0;
        } else {
            return 0;
        }
    }
    return len >= min ? groups : 0;
}

static enum ph_rim_kind kind_of(const struct ph_rim *rim)
{
    const bool bios = count_groups(rim->version, 2, 2, true) == 5;
    const size_t numbers = count_groups(rim->version, 1, 5, false);

    if (ph_bytes_is(rim->edition, "SWITCH") && bios)
        return PH_RIM_SWITCH_BIOS;
    if (ph_bytes_is(rim->edition, "GPU") && bios)
        return PH_RIM_GPU_VBIOS;
    if (ph_bytes_is(rim->edition, "GPU") && (numbers == 2 || numbers == 3))
        return PH_RIM_GPU_DRIVER;
    return PH_RIM_OTHER;
}

static enum ph_err read_meta(struct parser *p)
{
    PH_TRY(read_attr(p, "colloquialVersion", PH_RIM_CHECK_META, &p->rim->version));
    PH_TRY(read_attr(p, "product", PH_RIM_CHECK_META, &p->rim->product));
    PH_TRY(read_attr(p, "edition", PH_RIM_CHECK_META, &p->rim->edition));
    if (p->rim->version.len == 0 || p->rim->product.len == 0)
        return broken(p, PH_RIM_CHECK_META);
    p->rim->kind = kind_of(p->rim);
    return PH_OK;
}

/* A method is one of those listed; the Reference is to the whole document. */
static enum ph_err check_method(struct parser *p, const struct rule *rule)
{
    const struct ph_xml_attr *a = &p->x.attr[0];

    if (p->x.attr_cnt != (rule->attr[0] ? 1 : 0))
        return broken(p, rule->inside);
    if (p->x.attr_cnt == 0)
        return PH_OK;
    if (!ph_xml_name_is(&a->name, "", rule->attr))
        return broken(p, rule->inside);
    if (p->at ==
        REFERENCE) /* XML Signature §4.4.3.3: "" is the document that holds the signature */
        return a->value.len == 0 ? PH_OK : fail(p, PH_RIM_CHECK_REFERENCE, PH_ERR_UNSUPPORTED);
    for (size_t i = 0; i < PH_LEN(algorithms); i++) {
        if (algorithms[i].element == p->at && algorithms[i].nth == p->cnt[p->at] &&
            ph_bytes_is(a->value, algorithms[i].algorithm))
            return PH_OK;
    }
    return fail(p, rule->inside, PH_ERR_UNSUPPORTED);
}

static enum ph_err read_element(struct parser *p)
{
    const struct rule *rule = &rules[p->at];

    if (rule->attr)
        PH_TRY(check_method(p, rule));
    switch (p->at) {
    case ROOT:
        return read_attr(p, "tagId", PH_RIM_CHECK_ELEMENT, &p->rim->tag_id);
    case META:
        return read_meta(p);
    case RESOURCE:
        return read_resource(p);
    case SIGNATURE:
        p->rim->signature_at = p->x.at;
        return PH_OK;
    case SIGNED_INFO:
        p->rim->signed_info_at = p->x.at;
        return PH_OK;
    case CERT:
        p->rim->cert_cnt++;
        return PH_OK;
    case NOWHERE:
    case ENTITY:
    case PAYLOAD:
    case C14N_METHOD:
    case SIG_METHOD:
    case REFERENCE:
    case TRANSFORMS:
    case TRANSFORM:
    case DIGEST_METHOD:
    case DIGEST_VALUE:
    case SIG_VALUE:
    case KEY_INFO:
    case X509_DATA:
    case ELEMENT_CNT:
        break;
    }
    return PH_OK;
}

static enum ph_err enter_element(struct parser *p)
{
    const size_t depth = p->x.depth - 1; /* of the parent */
    enum element e = ROOT;

    while (e < ELEMENT_CNT &&
           (rules[e].parent != p->at || !ph_xml_name_is(&p->x.name, rules[e].uri, rules[e].local)))
        e++;
    if (e == ELEMENT_CNT)
        return broken(p, p->at == NOWHERE ? PH_RIM_CHECK_ELEMENT : rules[p->at].inside);
    if (p->cnt[e] == rules[e].max)
        return broken(p, rules[e].many);
    if (e < p->last[depth])
        return broken(p, rules[p->at].inside);
    p->cnt[e]++;
    p->last[depth] = e;
    p->path[depth] = p->at;
    p->at = e;
    if (p->x.depth < PH_XML_DEPTH_MAX)
        p->last[p->x.depth] = NOWHERE;
    return read_element(p);
}

static enum ph_err read_text(struct parser *p)
{
    if (!rules[p->at].text)
        return ph_xml_is_space(p->x.text) ? PH_OK : broken(p, rules[p->at].inside);
    if (p->at == DIGEST_VALUE)
        p->rim->digest_value = p->x.text;
    else if (p->at == SIG_VALUE)
        p->rim->signature_value = p->x.text;
    else
        p->rim->cert[p->rim->cert_cnt - 1] = p->x.text;
    return PH_OK;
}

static enum ph_err read_document(struct parser *p, struct ph_bytes xml)
{
    enum ph_err err;

    if (xml.len > PH_RIM_MAX)
        return fail(p, PH_RIM_CHECK_XML, PH_ERR_LIMIT);
    if ((err = ph_xml_open(&p->x, xml)) != PH_OK)
        return fail(p, PH_RIM_CHECK_XML, err);
    for (;;) {
        if ((err = ph_xml_next(&p->x)) != PH_OK)
            return fail(p, PH_RIM_CHECK_XML, err);
        switch (p->x.token) {
        case PH_XML_START:
            PH_TRY(enter_element(p));
            break;
        case PH_XML_END:
            p->at = p->path[p->x.depth];
            break;
        case PH_XML_TEXT:
            PH_TRY(read_text(p));
            break;
        case PH_XML_DONE:
            for (enum element e = ROOT; e < ELEMENT_CNT; e++) {
                if (p->cnt[e] < rules[e].min)
                    return broken(p, rules[e].missing);
            }
            return PH_OK;
        }
    }
}

enum ph_err ph_rim_parse(struct ph_bytes xml, struct ph_rim *out, enum ph_rim_check *failed)
{
    struct parser p = {.rim = out, .failed = PH_RIM_CHECK_CNT};

    memset(out, 0, sizeof(*out));
    const enum ph_err err = read_document(&p, xml);
    *failed = p.failed;
    if (err != PH_OK) {
        memset(out, 0, sizeof(*out));
        return err;
    }
    out->doc = xml;
    return PH_OK;
}
