/* Every rule about the document, broken alone in a synthetic manifest; and the comparison with a
 * report. */

#include "attest/nvidia/rim_test_priv.h"

TEST(a_whole_manifest_is_accepted)
{
    ACCEPTED((void)0);
    CHECK(rim.kind == PH_RIM_GPU_DRIVER && rim.measurement_cnt == 3 && rim.hash_cnt == 4);
    CHECK(ph_bytes_is(rim.product, "GH100") && ph_bytes_is(rim.version, "1.2.3"));
    CHECK(ph_bytes_is(rim.edition, "GPU") && ph_bytes_is(rim.tag_id, "synthetic"));
    CHECK(rim.measurement[1].index == 1 && rim.measurement[1].active);
    CHECK(rim.measurement[1].hash_cnt == 2 &&
          ph_bytes_is(rim.measurement[1].name, "Measurement_1"));
    CHECK(rim.hash[rim.measurement[1].hash_first + 1][47] == 0xb1);
    CHECK(!rim.measurement[2].active);
    CHECK(proof.not_before_s == 1704067200 && proof.not_after_s == 1767225600);
    ACCEPTED(s.before = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    ACCEPTED(s.transform = NULL); /* XML Signature §4.4.3.2: canonical form 1.0 by default */
    ACCEPTED(s.c14n = s.transform = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315");
    ACCEPTED(s.digest_alg = "http://www.w3.org/2001/04/xmlenc#sha384");
    ACCEPTED(s.cert[0].subject = "NVIDIA Reference Value L4 LS10");
    ACCEPTED(s.cert[3].has_path_len = true; s.cert[3].path_len = 2);
    /* What is not signed: white space after the root. */
    ALTERED(CNT, "</SoftwareIdentity>", "</SoftwareIdentity>\n\n");
}

TEST(kinds_are_told_by_edition_and_version)
{
    static const struct {
        const char *meta;
        enum ph_rim_kind kind;
    } metas[] = {
        {"<Meta product='P' edition='GPU' colloquialVersion='550.90.07'/>", PH_RIM_GPU_DRIVER},
        {"<Meta product='P' edition='GPU' colloquialVersion='550.90'/>", PH_RIM_GPU_DRIVER},
        {"<Meta product='P' edition='GPU' colloquialVersion='96.00.9F.00.01'/>", PH_RIM_GPU_VBIOS},
        {"<Meta product='P' edition='SWITCH' colloquialVersion='96.10.55.00.01'/>",
         PH_RIM_SWITCH_BIOS},
        {"<Meta product='P' edition='GPU' colloquialVersion='96.00.9f.00.01'/>", PH_RIM_OTHER},
        {"<Meta product='P' edition='GPU' colloquialVersion='550'/>", PH_RIM_OTHER},
        {"<Meta product='P' edition='GPU' colloquialVersion='550..7'/>", PH_RIM_OTHER},
        {"<Meta product='P' edition='GPU' colloquialVersion='550.90.'/>", PH_RIM_OTHER},
        {"<Meta product='P' edition='SWITCH' colloquialVersion='550.90.07'/>", PH_RIM_OTHER},
        {"<Meta product='P' colloquialVersion='550.90.07'/>", PH_RIM_OTHER},
    };
    for (size_t i = 0; i < PH_LEN(metas); i++) {
        ACCEPTED(s.meta = metas[i].meta);
        CHECK(rim.kind == metas[i].kind);
    }
}

TEST(xml_outside_the_profile_is_refused)
{
    BROKEN(XML, s.before = "<!DOCTYPE SoftwareIdentity>");
    BROKEN(XML, s.before = "<!DOCTYPE SoftwareIdentity [<!ENTITY e 'x'>]>");
    BROKEN(XML, s.before = "<?xml version=\"1.1\"?>");
    BROKEN(XML, s.before = "<?pi?>");
    BROKEN(XML, s.after = "<!-- -->");
    BROKEN(XML, s.after = "&nbsp;");
    BROKEN(XML, s.after = "<![CDATA[ ]]>");
    BROKEN(XML, s.meta = "<Meta product='P' product='Q' colloquialVersion='1'/>");
    BROKEN(XML, s.meta = "<Meta product='\xff' colloquialVersion='1'/>");
    xml.len = 0;
    CHECK(judge_at(now_s) == PH_RIM_CHECK_XML);
}

TEST(a_document_larger_than_the_limit_is_refused)
{
    static uint8_t big[PH_RIM_MAX + 1];
    enum ph_rim_check failed;
    memset(big, ' ', sizeof(big));
    CHECK(ph_rim_parse((struct ph_bytes){big, sizeof(big)}, &rim, &failed) == PH_ERR_LIMIT);
    CHECK(failed == PH_RIM_CHECK_XML);
    CHECK(ph_rim_parse((struct ph_bytes){big, PH_RIM_MAX}, &rim, &failed) == PH_ERR_MALFORMED);
}

#define NS " xmlns='http://standards.iso.org/iso/19770/-2/2015/schema.xsd'"
#define NS0 " xmlns:ns0='http://standards.iso.org/iso/19770/-2/2015/schema.xsd'"

TEST(other_shapes_are_refused)
{
    BROKEN(ELEMENT, s.root = "Other" NS NS0);
    BROKEN(ELEMENT, s.root = "SoftwareIdentity xmlns='u:other'" NS0);
    BROKEN(ELEMENT, s.root = "SoftwareIdentity" NS0);
    BROKEN(ELEMENT, s.root = "SoftwareIdentity tagId='&#65;'" NS NS0);
    BROKEN(SHAPE, s.meta = "<Other/><Meta product='P' colloquialVersion='1'/>");
    BROKEN(SHAPE, s.meta = "<Entity><Meta/></Entity><Meta product='P' colloquialVersion='1'/>");
    BROKEN(SHAPE, s.after = "text");
    BROKEN(SHAPE, s.after = "<Meta product='P' colloquialVersion='1'/>"; s.meta = "");
    BROKEN(META, s.meta = "");
    BROKEN(META, s.meta = "<Meta colloquialVersion='1'/>");
    BROKEN(META, s.meta = "<Meta product='P'/>");
    BROKEN(META, s.meta = "<Meta product='' colloquialVersion='1'/>");
    BROKEN(META, s.meta = "<Meta product='P' colloquialVersion='&#49;'/>");
    BROKEN(META, s.meta = "<Meta product='P' colloquialVersion='1\t'/>");
    BROKEN(META, s.meta = "<Meta" NS " xmlns:p='u:p' p:product='P' colloquialVersion='1'/>");
    BROKEN(META, s.meta = "<Meta product='P' colloquialVersion='1'/>"
                          "<Meta product='P' colloquialVersion='1'/>");
    BROKEN(PAYLOAD, s.payload = "");
    BROKEN(PAYLOAD, s.payload = "<Payload/>");
    BROKEN(PAYLOAD, s.after = "<Payload/>");
    BROKEN(PAYLOAD, s.payload = "<Payload>text</Payload>");
    BROKEN(PAYLOAD, s.payload = "<Payload><Directory/></Payload>");
}

#define H24 "a5a5a5a5a5a5a5a5a5a5a5a5"
#define H96 H24 H24 H24 H24
#define ONE(attributes) "<Payload><Resource " attributes "/></Payload>"
#define OK_RESOURCE                                                                                \
    "type='Measurement' index='7' active='True' alternatives='1' ns2:Hash0='" H96 "' size='48'"

TEST(other_measurements_are_refused)
{
    ACCEPTED(s.payload = ONE(OK_RESOURCE));
    BROKEN(PAYLOAD, s.payload = ONE("index='7' active='True' alternatives='1' size='48'"));
    BROKEN(PAYLOAD, s.payload = ONE("type='Other' index='7' active='True' alternatives='1'"));
    BROKEN(PAYLOAD, s.payload = ONE("name='&amp;' " OK_RESOURCE));
    BROKEN(PAYLOAD, s.payload = "<Payload><Resource " OK_RESOURCE ">text</Resource></Payload>");
#define INDEX(i)                                                                                   \
    ONE("type='Measurement' " i " active='True' alternatives='1' ns2:Hash0='" H96 "' size='48'")
    ACCEPTED(s.payload = INDEX("index='0'"));
    ACCEPTED(s.payload = INDEX("index='127'"));
    BROKEN(INDEX, s.payload = INDEX(""));
    BROKEN(INDEX, s.payload = INDEX("index=''"));
    BROKEN(INDEX, s.payload = INDEX("index='abc'"));
    BROKEN(INDEX, s.payload = INDEX("index='1a'"));
    BROKEN(INDEX, s.payload = INDEX("index=' 1'"));
    BROKEN(INDEX, s.payload = INDEX("index='-1'"));
    BROKEN(INDEX, s.payload = INDEX("index='+1'"));
    BROKEN(INDEX, s.payload = INDEX("index='01'"));
    BROKEN(INDEX, s.payload = INDEX("index='128'"));
    BROKEN(INDEX, s.payload = INDEX("index='4294967296'"));
    BROKEN(INDEX, s.payload = INDEX("index='&#49;'"));
    BROKEN(INDEX, s.payload = INDEX("ns2:index='1'"));
    BROKEN(INDEX_ONCE,
           s.payload = "<Payload><Resource " OK_RESOURCE "/><Resource " OK_RESOURCE "/></Payload>");
#define ACTIVE(a)                                                                                  \
    ONE("type='Measurement' index='1' " a " alternatives='1' ns2:Hash0='" H96 "' size='48'")
    ACCEPTED(s.payload = ACTIVE("active='False'"));
    BROKEN(ACTIVE, s.payload = ACTIVE(""));
    BROKEN(ACTIVE, s.payload = ACTIVE("active='true'"));
    BROKEN(ACTIVE, s.payload = ACTIVE("active='1'"));
#define SIZE(z)                                                                                    \
    ONE("type='Measurement' index='1' active='True' alternatives='1' ns2:Hash0='" H96 "' " z)
    BROKEN(SIZE, s.payload = SIZE(""));
    BROKEN(SIZE, s.payload = SIZE("size='abc'"));
    BROKEN(SIZE, s.payload = SIZE("size='32'"));
    BROKEN(SIZE, s.payload = SIZE("size='048'"));
#define HASHES(n, h) ONE("type='Measurement' index='1' active='True' " n " size='48' " h)
    BROKEN(ALTERNATIVES, s.payload = HASHES("", "ns2:Hash0='" H96 "'"));
    BROKEN(ALTERNATIVES, s.payload = HASHES("alternatives='xyz'", "ns2:Hash0='" H96 "'"));
    BROKEN(ALTERNATIVES, s.payload = HASHES("alternatives='0'", ""));
    BROKEN(ALTERNATIVES, s.payload = HASHES("alternatives='33'", "ns2:Hash0='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", ""));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "Hash0='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "xmlns:o='u:o' o:Hash0='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='2'", "ns2:Hash0='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash1='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash0='" H96 "' ns2:Hash1='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash00='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Digest='" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash0=''"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash0='" H24 H24 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash0='" H96 "a5'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'", "ns2:Hash0='0x" H96 "'"));
    BROKEN(HASH, s.payload = HASHES("alternatives='1'",
                                    "ns2:Hash0='g" H24 H24 H24 "a5a5a5a5a5a5a5a5a5a5a5a'"));
}

/* n indices of k values each. */
static enum ph_rim_check judge_many(size_t n, size_t k)
{
    static const uint8_t values[PH_RIM_ALTERNATIVES][48];
    struct ph_buf payload PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    CHECK(ph_buf_add_str(&payload, "<ns0:Payload>") == PH_OK);
    for (size_t i = 0; i < n; i++)
        CHECK(ph_rim_synth_put_resource(&payload, (unsigned)i, true, values, k) == PH_OK);
    CHECK(ph_buf_add(&payload, PH_BYTES_LIT("</ns0:Payload>\0")) == PH_OK);
    ph_rim_synth_init(&s);
    s.payload = (const char *)payload.ptr;
    return judge();
}

TEST(the_number_of_measurements_is_limited)
{
    CHECK(judge_many(PH_RIM_INDEX_CNT, 8) == PH_RIM_CHECK_CNT && rim.hash_cnt == PH_RIM_HASHES);
    CHECK(judge_many(PH_RIM_INDEX_CNT + 1, 1) == PH_RIM_CHECK_PAYLOAD);
    CHECK(judge_many(PH_RIM_HASHES / PH_RIM_ALTERNATIVES, PH_RIM_ALTERNATIVES) == PH_RIM_CHECK_CNT);
    CHECK(judge_many(PH_RIM_HASHES / PH_RIM_ALTERNATIVES + 1, PH_RIM_ALTERNATIVES) ==
          PH_RIM_CHECK_HASH);
}

static struct ph_rim_block blocks[] = {{1, {0}}, {2, {0}}, {3, {0}}};

static void reset_blocks(void)
{
    memset(blocks[0].value, 0xa0, 48);
    memset(blocks[1].value, 0xb1, 48);
    memset(blocks[2].value, 0x77, 48);
    for (size_t i = 0; i < PH_LEN(blocks); i++)
        blocks[i].index = (uint8_t)(i + 1);
}

TEST(a_report_is_compared_with_every_active_index)
{
    struct ph_rim_comparison c;
    ACCEPTED((void)0);
    reset_blocks();
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_OK);
    CHECK(c.compared_cnt == 2 && c.mismatch_cnt == 0);
    CHECK(ph_rim_compare(NULL, &rim, blocks, 3, false, &c) == PH_OK);
    memset(blocks[1].value, 0xb0, 48); /* the other alternative */
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_OK);
    blocks[1].value[47] ^= 1;
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch_cnt == 1 && c.mismatch[0].index == 1);
    CHECK(c.mismatch[0].kind == PH_RIM_MISMATCH_VALUE);
    reset_blocks();
    memset(blocks[0].value, 0xb0, 48); /* another index's value */
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    reset_blocks();
    CHECK(ph_rim_compare(&rim, NULL, blocks, 1, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch_cnt == 1 && c.mismatch[0].index == 1);
    CHECK(c.mismatch[0].kind == PH_RIM_MISMATCH_MISSING);
    blocks[2].index = 2; /* twice, the first one right */
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch[0].kind == PH_RIM_MISMATCH_REPEATED);
    reset_blocks();
    CHECK(ph_rim_compare(&rim, &rim, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch_cnt == 2 && c.mismatch[1].kind == PH_RIM_MISMATCH_CONFLICT);
    CHECK(ph_rim_compare(NULL, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(ph_rim_compare(&rim, NULL, NULL, 0, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.compared_cnt == 2 && c.mismatch_cnt == 2);

    ACCEPTED(s.payload = ACTIVE("active='False'"));
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.compared_cnt == 0);
}

TEST(two_manifests_are_compared_together)
{
    static struct ph_rim driver;
    static struct ph_buf kept = {.limit = PH_RIM_SYNTH_MAX};
    struct ph_rim_comparison c;
    enum ph_rim_check failed;

    ACCEPTED((void)0);
    CHECK(ph_buf_add(&kept, ph_buf_view(&xml)) == PH_OK);
    CHECK(ph_rim_parse(ph_buf_view(&kept), &driver, &failed) == PH_OK);
    /* Index 1 is active in both, 2 in the firmware's only. */
    ACCEPTED(s.payload = "<Payload><Resource type='Measurement' index='1' active='True' size='48' "
                         "alternatives='1' ns2:Hash0='" H96 "'/><Resource type='Measurement' "
                         "index='2' active='True' size='48' alternatives='1' ns2:Hash0='" H96
                         "'/></Payload>");
    reset_blocks();
    CHECK(ph_rim_compare(&driver, &rim, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.compared_cnt == 2 && c.mismatch_cnt == 2);
    CHECK(c.mismatch[0].index == 1 && c.mismatch[0].kind == PH_RIM_MISMATCH_CONFLICT);
    CHECK(c.mismatch[1].index == 2 && c.mismatch[1].kind == PH_RIM_MISMATCH_VALUE);
    ph_buf_clear(&kept);
}

TEST(index_35_counts_unless_nvdec0_is_disabled)
{
    struct ph_rim_comparison c;
    ACCEPTED(s.payload = "<Payload><Resource type='Measurement' index='0' active='True' size='48' "
                         "alternatives='1' ns2:Hash0='" H96 "'/><Resource type='Measurement' "
                         "index='35' active='True' size='48' alternatives='1' ns2:Hash0='" H96
                         "'/></Payload>");
    reset_blocks();
    memset(blocks[0].value, 0xa5, 48);
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, false, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch_cnt == 1 && c.mismatch[0].index == 35);
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, true, &c) == PH_OK);
    CHECK(c.compared_cnt == 1);
    blocks[0].value[0] ^= 1; /* only that index is left out */
    CHECK(ph_rim_compare(&rim, NULL, blocks, 3, true, &c) == PH_ERR_UNTRUSTED);
    CHECK(ph_rim_compare(&rim, &rim, blocks, 3, true, &c) == PH_ERR_UNTRUSTED);
    CHECK(c.mismatch_cnt == 2 && c.mismatch[1].kind == PH_RIM_MISMATCH_CONFLICT);
}

PH_TEST_MAIN(CASE(a_whole_manifest_is_accepted), CASE(kinds_are_told_by_edition_and_version),
             CASE(xml_outside_the_profile_is_refused),
             CASE(a_document_larger_than_the_limit_is_refused), CASE(other_shapes_are_refused),
             CASE(other_measurements_are_refused), CASE(the_number_of_measurements_is_limited),
             CASE(a_report_is_compared_with_every_active_index),
             CASE(two_manifests_are_compared_together),
             CASE(index_35_counts_unless_nvdec0_is_disabled))
