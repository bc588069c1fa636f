/* The reader's profile, and canonical forms. The expected forms are worked by hand from Canonical
 * XML 1.1 §2 and §3; forms of real manifests are checked by their signatures
 * (rim_vectors_test.c). */

#include "attest/nvidia/xml.h"
#include "base/own.h"
#include "base/test.h"

static struct ph_buf form = {.limit = 1 << 20};

static void add(void *ctx, struct ph_bytes piece)
{
    CHECK(ph_buf_add(ctx, piece) == PH_OK);
}

static enum ph_err canon(struct ph_bytes doc, size_t skip)
{
    form.len = 0;
    return ph_xml_c14n_without(doc, skip, (struct ph_xml_sink){add, &form});
}

static bool canon_is(const char *doc, const char *expected)
{
    if (canon(ph_bytes_str(doc), SIZE_MAX) != PH_OK)
        return false;
    if (ph_bytes_is(ph_buf_view(&form), expected))
        return true;
    print_message("# got %.*s\n", (int)form.len, (const char *)form.ptr);
    return false;
}

static size_t offset_of(const char *doc, const char *part)
{
    const char *at = strstr(doc, part);
    CHECK(at != NULL);
    return (size_t)(at - doc);
}

TEST(tags_and_attributes_take_their_canonical_form)
{
    CHECK(canon_is("<a/>", "<a></a>"));
    CHECK(canon_is("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<a  ></a >\n", "<a></a>"));
    CHECK(canon_is("<a z='1' b = \"2\"\n\tc='3'/>", "<a b=\"2\" c=\"3\" z=\"1\"></a>"));
    CHECK(canon_is("<a>\n <b/>\n</a>", "<a>\n <b></b>\n</a>"));
    /* §2.3: attributes by namespace name, then local name; none comes first. */
    CHECK(canon_is("<e xmlns:a='http://z.org' xmlns:b='http://a.org' a:attr='1' b:attr='2' "
                   "b:aa='3' x='4' attr='5'/>",
                   "<e xmlns:a=\"http://z.org\" xmlns:b=\"http://a.org\" attr=\"5\" x=\"4\" "
                   "b:aa=\"3\" b:attr=\"2\" a:attr=\"1\"></e>"));
}

TEST(characters_take_their_canonical_form)
{
    CHECK(canon_is("<a>x &amp; &lt;&gt; > &quot;&apos;\"'</a>",
                   "<a>x &amp; &lt;&gt; &gt; \"'\"'</a>"));
    CHECK(canon_is("<a b=\"&amp; &lt; &gt; > &quot; ' &apos;\"/>",
                   "<a b=\"&amp; &lt; > > &quot; ' '\"></a>"));
    CHECK(canon_is("<a b='\"'/>", "<a b=\"&quot;\"></a>"));
    /* XML 1.0 §2.11: CR LF and CR are LF; those from references stay. */
    CHECK(canon_is("<a>1\r\n2\r3\r\r\n4&#13;&#xA;&#xd;</a>", "<a>1\n2\n3\n\n4&#xD;\n&#xD;</a>"));
    /* §3.3.3: white space in an attribute is a blank, unless it came from a reference. */
    CHECK(canon_is("<a b=\"1\r\n2\t3\n4\r5&#9;&#10;&#13;\"/>",
                   "<a b=\"1 2 3 4 5&#x9;&#xA;&#xD;\"></a>"));
    CHECK(canon_is("<a>&#x20AC;&#8364;\xe2\x82\xac &#x10FFFF;&#233;&#x41;</a>",
                   "<a>\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac \xf4\x8f\xbf\xbf\xc3\xa9"
                   "A</a>"));
}

TEST(namespaces_are_written_where_they_change)
{
    CHECK(canon_is("<a xmlns:z='u:z' xmlns:b='u:b' xmlns='u:d'/>",
                   "<a xmlns=\"u:d\" xmlns:b=\"u:b\" xmlns:z=\"u:z\"></a>"));
    CHECK(canon_is("<a xmlns='u:d'><b xmlns='u:d'><c xmlns=''><d xmlns=''/></c></b></a>",
                   "<a xmlns=\"u:d\"><b><c xmlns=\"\"><d></d></c></b></a>"));
    CHECK(canon_is("<a xmlns=''/>", "<a></a>"));
    CHECK(canon_is("<n:a xmlns:n='u:1'><n:a xmlns:n='u:2'><n:a xmlns:n='u:1'/></n:a><n:b/></n:a>",
                   "<n:a xmlns:n=\"u:1\"><n:a xmlns:n=\"u:2\"><n:a xmlns:n=\"u:1\"></n:a></n:a>"
                   "<n:b></n:b></n:a>"));
}

TEST(an_element_can_be_left_out_or_stand_alone)
{
    const char *doc = "<a xmlns='u:d' xmlns:p='u:p'> <b xmlns:q='u:q' x='1'><q:c xmlns='u:d'/>"
                      "<d xmlns=''/></b> <e/></a>";
    CHECK(canon(ph_bytes_str(doc), offset_of(doc, "<b")) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&form), "<a xmlns=\"u:d\" xmlns:p=\"u:p\">  <e></e></a>"));

    form.len = 0;
    CHECK(ph_xml_c14n_element(ph_bytes_str(doc), offset_of(doc, "<b"),
                              (struct ph_xml_sink){add, &form}) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&form),
                      "<b xmlns=\"u:d\" xmlns:p=\"u:p\" xmlns:q=\"u:q\" x=\"1\"><q:c></q:c>"
                      "<d xmlns=\"\"></d></b>"));

    /* A namespace of an outer element that the apex hides is not written. */
    doc = "<a xmlns:p='u:1' xmlns='u:d'><p:b xmlns:p='u:2' xmlns=''/></a>";
    form.len = 0;
    CHECK(ph_xml_c14n_element(ph_bytes_str(doc), offset_of(doc, "<p:b"),
                              (struct ph_xml_sink){add, &form}) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&form), "<p:b xmlns:p=\"u:2\"></p:b>"));

    CHECK(canon(ph_bytes_str(doc), 1) == PH_ERR_NOT_FOUND);
    CHECK(ph_xml_c14n_element(ph_bytes_str(doc), 1, (struct ph_xml_sink){add, &form}) ==
          PH_ERR_NOT_FOUND);
}

TEST(what_is_not_well_formed_is_refused)
{
    static const char *const docs[] = {
        "",
        " ",
        "text",
        "<",
        "<a",
        "<a ",
        "<a>",
        "<a></b>",
        "<a></a",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a></a></a>",
        "<a b/>",
        "<a b=/>",
        "<a b=1/>",
        "<a b='1/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a / >",
        "<a>]]></a>",
        "< a/>",
        "<1/>",
        "<a:/>",
        "<:a/>",
        "<a:b:c xmlns:a='u:1'/>",
        "<a:1 xmlns:a='u:1'/>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a xmlns:p='u:1' xmlns:q='u:1' p:b='1' q:b='2'/>",
        "<a xmlns:p='u:1' xmlns:p='u:2'/>",
        "<a xmlns='u:1' xmlns='u:2'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u:1'/>",
        "<a xmlns:xmlns='u:1'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='u:1'></p:a>",
        "<a xmlns:p='u:1'><b/><p:c/></a ><p:d/>",
        "<a>&</a>",
        "<a>&amp</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#0;</a>",
        "<a>&#x1F;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xFFFE;</a>",
        "<a>&#x110000;</a>",
        "<a>&#99999999999;</a>",
        "<a>&#4294967361;</a>",
        "<a>&#x1G;</a>",
        "<a>&#-1;</a>",
        "<a>\x01</a>",
        "<a>\xff</a>",
        "<a>\xc0\x80</a>",
        "<a>\xed\xa0\x80</a>",
        "<a>\xef\xbf\xbe</a>",
        "<a b='\xef\xbf\xbf'/>",
        "\xef\xbb\xbf<a/>",
    };
    for (size_t i = 0; i < PH_LEN(docs); i++) {
        if (canon(ph_bytes_str(docs[i]), SIZE_MAX) != PH_ERR_MALFORMED)
            fail_msg("not refused as malformed: %s", docs[i]);
    }
    CHECK(canon((struct ph_bytes){(const uint8_t *)"<a>\0</a>", 8}, SIZE_MAX) == PH_ERR_MALFORMED);
    CHECK(canon((struct ph_bytes){NULL, 0}, SIZE_MAX) == PH_ERR_MALFORMED);
}

TEST(what_manifests_never_use_is_refused)
{
    static const char *const docs[] = {
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        "<a>&e;</a>",
        "<a b='&nbsp;'/>",
        "<!-- c --><a/>",
        "<a><!-- c --></a>",
        "<a/><!-- c -->",
        "<a><![CDATA[x]]></a>",
        "<a><?p i?></a>",
        "<?p i?><a/>",
        "<a/><?p i?>",
        "<a xml:lang='en'/>",
        "<xml:a/>",
        "<a xml:base='u:1'/>",
        "<?xml version=\"1.1\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"latin1\"?><a/>",
        " <?xml version=\"1.0\"?><a/>",
        "<\xc3\xa9/>",
        "<a \xc3\xa9='1'/>",
        "<a xmlns='relative'/>",
        "<a xmlns='u:&#x41;'/>",
        "<a xmlns='u:\n'/>",
    };
    for (size_t i = 0; i < PH_LEN(docs); i++) {
        if (canon(ph_bytes_str(docs[i]), SIZE_MAX) != PH_ERR_UNSUPPORTED)
            fail_msg("not refused as unsupported: %s", docs[i]);
    }
}

/* `one`, n times, with numbers in place of '#'. */
static enum ph_err canon_many(const char *open, const char *one, const char *close, size_t n)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    CHECK(ph_buf_add_str(&doc, open) == PH_OK);
    for (size_t i = 0; i < n; i++) {
        for (const char *c = one; *c; c++)
            CHECK((*c == '#' ? ph_buf_addf(&doc, "%zu", i) : ph_buf_addf(&doc, "%c", *c)) == PH_OK);
    }
    CHECK(ph_buf_add_str(&doc, close) == PH_OK);
    return canon(ph_buf_view(&doc), SIZE_MAX);
}

TEST(limits_hold)
{
    char nested[7 * (PH_XML_DEPTH_MAX + 1) + 1];
    for (size_t i = 0; i <= PH_XML_DEPTH_MAX; i++) {
        memcpy(nested + 3 * i, "<a>", 3);
        memcpy(nested + 3 * (PH_XML_DEPTH_MAX + 1) + 4 * i, "</a>", 4);
    }
    nested[sizeof(nested) - 1] = '\0';
    CHECK(canon(ph_bytes_str(nested), SIZE_MAX) == PH_ERR_LIMIT);
    nested[sizeof(nested) - 5] = '\0';
    CHECK(canon(ph_bytes_str(nested + 3), SIZE_MAX) == PH_OK);
    CHECK(canon_many("<a", " b#='#'", "/>", PH_XML_ATTR_MAX) == PH_OK);
    CHECK(canon_many("<a", " b#='#'", "/>", PH_XML_ATTR_MAX + 1) == PH_ERR_LIMIT);
    CHECK(canon_many("<a", " xmlns:b#='u:#'", "/>", PH_XML_NS_MAX) == PH_OK);
    CHECK(canon_many("<a", " xmlns:b#='u:#'", "/>", PH_XML_NS_MAX + 1) == PH_ERR_LIMIT);
    /* Not one element's, but those in scope: siblings do not add up. */
    CHECK(canon_many("<a>", "<b xmlns:b#='u:#'/>", "</a>", PH_XML_NS_MAX + 1) == PH_OK);
    CHECK(canon_many("<", "a", "/>", PH_XML_NAME_MAX) == PH_OK);
    CHECK(canon_many("<", "a", "/>", PH_XML_NAME_MAX + 1) == PH_ERR_LIMIT);
}

TEST(every_truncation_is_refused)
{
    const char *doc = "<?xml version=\"1.0\"?>\n<a xmlns:p='u:1' p:x=\"&#65;\"> t &amp; <p:b/></a>";
    for (size_t len = 0; len < strlen(doc); len++)
        CHECK(canon((struct ph_bytes){(const uint8_t *)doc, len}, SIZE_MAX) != PH_OK);
    CHECK(canon(ph_bytes_str(doc), SIZE_MAX) == PH_OK);
}

TEST(tokens_come_in_the_order_of_the_document)
{
    static struct ph_xml x;
    const char *doc = "<a xmlns='u:d' b='1'>t<c/></a> ";
    CHECK(ph_xml_open(&x, ph_bytes_str(doc)) == PH_OK);
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_START && x.depth == 1 && x.at == 0);
    CHECK(ph_xml_name_is(&x.name, "u:d", "a") && !ph_xml_name_is(&x.name, "", "a"));
    CHECK(ph_bytes_is(ph_xml_attr(&x, "", "b")->value, "1") && !ph_xml_attr(&x, "u:d", "b"));
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_TEXT && ph_bytes_is(x.text, "t"));
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_START && x.depth == 2);
    CHECK(x.at == offset_of(doc, "<c") && !ph_xml_attr(&x, "", "b"));
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_END && x.depth == 1);
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_END && x.depth == 0);
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_DONE);
    CHECK(ph_xml_next(&x) == PH_OK && x.token == PH_XML_DONE);
}

PH_TEST_MAIN(CASE(tags_and_attributes_take_their_canonical_form),
             CASE(characters_take_their_canonical_form),
             CASE(namespaces_are_written_where_they_change),
             CASE(an_element_can_be_left_out_or_stand_alone),
             CASE(what_is_not_well_formed_is_refused), CASE(what_manifests_never_use_is_refused),
             CASE(limits_hold), CASE(every_truncation_is_refused),
             CASE(tokens_come_in_the_order_of_the_document))
