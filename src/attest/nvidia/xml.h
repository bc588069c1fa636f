#ifndef PH_ATTEST_NVIDIA_XML_H
#define PH_ATTEST_NVIDIA_XML_H

/* A strict pull reader of XML 1.0 with namespaces, and Canonical XML of what it reads: for signed
 * documents of a known shape. What real manifests never use is refused: DOCTYPE, comments, CDATA,
 * processing instructions, attributes of the xml: namespace, names beyond ASCII, entities other
 * than the five predefined ones and character references. Nothing is copied or allocated.
 *
 * Without xml: attributes Canonical XML 1.0 and 1.1 are the same bytes, and so are the forms with
 * and without comments.
 *
 * Layer: attest. Pure. Spec: XML 1.0 5th ed.; Namespaces in XML 1.0; Canonical XML 1.1 §2, §4.
 * Tests: xml_test.c, xml_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_XML_DEPTH_MAX = 16, /* elements inside each other */
    PH_XML_ATTR_MAX = 64,  /* attributes of one element, namespace declarations not counted */
    PH_XML_NS_MAX = 32,    /* namespace declarations in scope at once */
    PH_XML_NAME_MAX = 128, /* bytes of a qualified name */
};

/* A qualified name, resolved. Views into the document; uri is empty for "no namespace". */
struct ph_xml_name {
    struct ph_bytes qname, prefix, local, uri;
};

struct ph_xml_attr {
    struct ph_xml_name name;
    struct ph_bytes value; /* as written between the quotes: references not resolved */
};

struct ph_xml_ns {
    struct ph_bytes prefix; /* empty: the default namespace */
    struct ph_bytes uri;    /* empty: xmlns="" */
};

enum ph_xml_token {
    PH_XML_START, /* of an element: name, attr; <a/> is a start and an end */
    PH_XML_END,   /* name */
    PH_XML_TEXT, /* text; one token between two tags. Only white space outside the root, not told */
    PH_XML_DONE, /* the document ended after one root element */
};

/* The reader. Fields under "token" describe the last one read. */
struct ph_xml {
    struct ph_bytes doc;
    struct ph_reader r;
    /* token */
    enum ph_xml_token token;
    size_t at;               /* its offset in the document */
    size_t depth;            /* elements open around it; a START's own included, an END's not */
    struct ph_xml_name name; /* START, END */
    struct ph_bytes text;    /* TEXT, as written */
    struct ph_xml_attr attr[PH_XML_ATTR_MAX]; /* START, in the order of the document */
    size_t attr_cnt;
    /* in scope; the START's own ones are ns[ns_own..ns_cnt) */
    struct ph_xml_ns ns[PH_XML_NS_MAX];
    size_t ns_own, ns_cnt;
    /* inside */
    struct {
        struct ph_xml_name name;
        size_t ns_before;
    } open[PH_XML_DEPTH_MAX];
    bool end_due; /* the START was <a/> */
    bool root_seen;
};

/**
 * Begin to read a document; reads the XML declaration, if there is one.
 *
 * @doc  untrusted; must outlive *x
 *
 * Returns PH_ERR_MALFORMED    no UTF-8
 *         PH_ERR_UNSUPPORTED  an XML declaration other than version 1.0 in UTF-8
 */
PH_CHECKED enum ph_err ph_xml_open(struct ph_xml *x, struct ph_bytes doc);

/**
 * Read the next token. After PH_XML_DONE it stays DONE; after an error *x is not to be used.
 *
 * Returns PH_ERR_MALFORMED    not well-formed, a prefix without namespace, a duplicate attribute
 *         PH_ERR_UNSUPPORTED  well-formed, but refused here: see the top of this file
 *         PH_ERR_LIMIT        one of the limits above
 */
PH_CHECKED enum ph_err ph_xml_next(struct ph_xml *x);

/* True if the name is `local` in namespace `uri` ("" for none). */
bool ph_xml_name_is(const struct ph_xml_name *name, const char *uri, const char *local);
/* The START's attribute of that name; NULL if it has none. */
const struct ph_xml_attr *ph_xml_attr(const struct ph_xml *x, const char *uri, const char *local);
/* True if the value is literal: no reference, and no white space but blanks, so that the bytes are
 * the value that the specification gives it. */
bool ph_xml_is_literal(struct ph_bytes value);
/* True if the text is white space only (or empty). */
bool ph_xml_is_space(struct ph_bytes text);

/* Takes the canonical form, piece by piece. */
struct ph_xml_sink {
    void (*put)(void *ctx, struct ph_bytes piece);
    void *ctx;
};

/**
 * Canonical form of a document without one element.
 *
 * @skip  offset of the element's START (ph_xml.at), or SIZE_MAX: nothing is left out
 * @sink  has seen a part of the form when this fails
 *
 * Returns what ph_xml_open and ph_xml_next return
 *         PH_ERR_NOT_FOUND  no element begins at `skip`
 */
PH_CHECKED enum ph_err ph_xml_c14n_without(struct ph_bytes doc, size_t skip,
                                           struct ph_xml_sink sink);
/* Canonical form of the element whose START is at `apex`, with all namespaces in scope there. The
 * same errors; the rest of the document is not read. */
PH_CHECKED enum ph_err ph_xml_c14n_element(struct ph_bytes doc, size_t apex,
                                           struct ph_xml_sink sink);

#endif
