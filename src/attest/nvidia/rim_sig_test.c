/* Every rule about a manifest's signature and chain, broken alone in a synthetic manifest. */

#include "attest/nvidia/rim_test_priv.h"

TEST(other_signatures_are_refused)
{
    BROKEN(SIGNED, s.no_signature = true);
    BROKEN(ALGORITHMS, s.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#");
    BROKEN(ALGORITHMS, s.c14n = "http://www.w3.org/2006/12/xml-c14n11#WithComments");
    BROKEN(ALGORITHMS, s.sig_alg = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256");
    BROKEN(ALGORITHMS, s.sig_alg = "http://www.w3.org/2000/09/xmldsig#hmac-sha1");
    BROKEN(ALGORITHMS, s.digest_alg = "http://www.w3.org/2001/04/xmlenc#sha256");
    BROKEN(ALGORITHMS, s.digest_alg = "http://www.w3.org/2000/09/xmldsig#sha1");
    BROKEN(ALGORITHMS, s.c14n = "http://www.w3.org/2006/12/xml-c14n11\" Id=\"x");
    BROKEN(REFERENCE, s.uri = "#synthetic");
    BROKEN(REFERENCE, s.uri = "#xpointer(/)");
    BROKEN(REFERENCE, s.uri = "\" Id=\"x");
    BROKEN(REFERENCE, s.enveloped = "http://www.w3.org/2006/12/xml-c14n11");
    BROKEN(REFERENCE, s.enveloped = "http://www.w3.org/2002/06/xmldsig-filter2");
    BROKEN(REFERENCE, s.transform = "http://www.w3.org/TR/1999/REC-xslt-19991116");
    BROKEN(REFERENCE, s.transform = "http://www.w3.org/TR/1999/REC-xpath-19991116");
    BROKEN(REFERENCE, s.transform = s.enveloped);
    BROKEN(REFERENCE, s.more_transforms =
                          "<ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>");
    BROKEN(REFERENCE, s.more_references = "<ds:Reference URI=\"\"/>");
    BROKEN(SHAPE, s.more_signed_info = "<ds:Object/>");
    BROKEN(SHAPE, s.behind = "text");
    /* XML Signature §4.5.2: a key of one's own, and whatever else KeyInfo may hold. */
    BROKEN(KEY_INFO, s.key_info = "<ds:KeyValue><ECKeyValue/></ds:KeyValue>");
    BROKEN(KEY_INFO, s.key_info = "<ds:KeyName>x</ds:KeyName>");
    BROKEN(KEY_INFO, s.key_info = "<ds:X509Data/>");
    BROKEN(KEY_INFO, s.more_x509 = "<ds:X509CRL/>");
    BROKEN(SIGNED_ONCE,
           s.behind = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>");
    BROKEN(SHAPE, s.behind = "<Signature/>");
}

TEST(signatures_elsewhere_are_refused)
{
    /* Not a child of the root. */
    ALTERED(SHAPE, "<ns0:Entity ",
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"
            "<ns0:Entity ");
    ALTERED(PAYLOAD, "</ns0:Payload>",
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/></ns0:Payload>");
    ALTERED(SHAPE, "<ds:Signature ", "<ns0:Signature><ds:Signature ");
    /* Wrapped: the signed manifest inside another, or kept in an Object. */
    struct ph_buf whole PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    ACCEPTED((void)0);
    CHECK(ph_buf_add(&whole, ph_buf_view(&xml)) == PH_OK);
    CHECK(ph_buf_add(&whole, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    BROKEN(SHAPE, s.after = (const char *)whole.ptr; s.no_signature = true);
    BROKEN(SHAPE, s.behind = (const char *)whole.ptr);
    BROKEN(SHAPE, s.meta = (const char *)whole.ptr);
    ph_rim_synth_init(&s);
    struct ph_buf object PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    CHECK(ph_buf_addf(&object, "</ds:KeyInfo><ds:Object>%s</ds:Object>", (const char *)whole.ptr) ==
          PH_OK);
    CHECK(ph_buf_add(&object, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    expect(judge_altered("</ds:KeyInfo>", (const char *)object.ptr), PH_RIM_CHECK_SHAPE, "Object");
}

TEST(what_was_altered_after_signing_is_refused)
{
    ALTERED(DIGEST, "active=\"False\"", "active=\"True\"");
    ALTERED(DIGEST, "a0a0", "a0a1");
    ALTERED(DIGEST, "1.2.3", "1.2.4");
    ALTERED(DIGEST, "</ns0:Payload>\n", "</ns0:Payload>");
    ALTERED(DIGEST, "Synthetic &amp; Co", "Synthetic &lt; Co");
    ALTERED(DIGEST, "corpus=", "xmlns:more=\"u:more\" corpus=");
    ALTERED(SIGNATURE, "2006/12/xml-c14n11\"/><ds:SignatureMethod",
            "TR/2001/REC-xml-c14n-20010315\"/><ds:SignatureMethod");
    ALTERED(SIGNATURE, "<ds:SignedInfo>", "<ds:SignedInfo> ");
    ALTERED(SIGNATURE, "<ds:SignatureValue>\n", "<ds:SignatureValue>AAAA");
    ALTERED(SIGNATURE, "<ds:SignatureValue>\n", "<ds:SignatureValue>!");
    ALTERED(DIGEST, "<ds:DigestValue>", "<ds:DigestValue>AAAA");
    /* The same canonical form: not altered. */
    ALTERED(CNT, "&amp;", "&#38;");
    ALTERED(CNT, "corpus=\"false\"", "corpus  = 'false'");
    ALTERED(CNT, "<ns0:Payload ",
            "<ns0:Payload xmlns:ns0=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" ");
    BROKEN(DIGEST,
           s.wrong_digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    BROKEN(DIGEST, s.wrong_digest = "");
    BROKEN(DIGEST, s.wrong_digest = "A");
    BROKEN(SIGNATURE, s.signer = s.cert[1].secret);
}

TEST(other_chains_are_refused)
{
    BROKEN(CHAIN_LENGTH, s.cert_cnt = 3);
    BROKEN(CHAIN_LENGTH, s.cert_cnt = 0);
    BROKEN(CHAIN_LENGTH, s.cert[4] = s.cert[3]; s.cert_cnt = 5);
    BROKEN(CERTS, s.cert[0].p256_sig_alg = true);
    ALTERED(CERTS, "<ds:X509Certificate>", "<ds:X509Certificate>AAAA");
    ALTERED(CERTS, "<ds:X509Certificate>", "<ds:X509Certificate>&#65;");
    BROKEN(PROFILE, s.cert[0].subject = "Somebody");
    BROKEN(PROFILE, s.cert[0].subject = "HCC RIM L4 Signer 2");
    BROKEN(PROFILE, s.cert[1].subject = s.cert[0].issuer = "NVIDIA Reference Value GH100");
    BROKEN(PROFILE, s.cert[2].subject = s.cert[1].issuer = "NVIDIA Reference Value L3 GH100");
    BROKEN(PROFILE, s.cert[2].subject = s.cert[1].issuer = "AMD Reference Value GH100 CA");
    BROKEN(PROFILE, s.cert[3].subject = s.cert[3].issuer = s.cert[2].issuer = "NVIDIA");
    BROKEN(PROFILE, s.cert[0].is_ca = true);
    BROKEN(PROFILE, s.cert[0].no_basic_constraints = true);
    BROKEN(PROFILE, s.cert[1].is_ca = false);
    BROKEN(PROFILE, s.cert[2].is_ca = false);
    BROKEN(PROFILE, s.cert[3].is_ca = false);
    BROKEN(PROFILE, s.cert[0].key_usage = 0x06);
    BROKEN(PROFILE, s.cert[0].key_usage = 0xc0);
    BROKEN(PROFILE, s.cert[0].no_key_usage = true);
    BROKEN(PROFILE, s.cert[1].key_usage = 0x80);
    BROKEN(PROFILE, s.cert[3].key_usage = 0x02);
    BROKEN(PROFILE, s.cert[2].has_path_len = true; s.cert[2].path_len = 0);
    BROKEN(PROFILE, s.cert[3].has_path_len = true; s.cert[3].path_len = 1);
    BROKEN(LINKS, s.cert[0].issuer = "NVIDIA Reference Value L3 GH100 002");
    BROKEN(LINKS, s.cert[2].issuer = "Somebody");
    BROKEN(LINKS, s.cert[3].issuer = "Somebody");
    BROKEN(LINKS, s.cert[0].no_aki = true);
    BROKEN(LINKS, s.cert[1].no_ski = true);
    BROKEN(LINKS, s.cert[1].no_ski = s.cert[0].no_aki = true); /* two absent ones are not equal */
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t nobody[48] = {[47] = 77};
        BROKEN(LINKS, s.cert[i].issuer_secret = nobody;
               s.cert[i].signer_secret = s.cert[i < 3 ? i + 1 : 3].secret);
        BROKEN(CHAIN_SIGNATURE, s.cert[i].signer_secret = nobody);
    }
}

TEST(other_roots_are_refused)
{
    struct ph_attest_roots roots = synthetic_root();
    static struct ph_policy policy;

    ACCEPTED((void)0);
    roots.pin[0].maker = PH_ROOT_NVIDIA_DEVICE;
    CHECK(ph_rim_verify_signature(&rim, &roots, NULL, now_s, &proof) == PH_ERR_UNTRUSTED);
    CHECK(proof.failed == PH_RIM_CHECK_ROOT);
    CHECK(proof.held == ((1ull << PH_RIM_CHECK_CNT) - 1 - (1u << PH_RIM_CHECK_ROOT)));
    roots = ph_attest_roots_production();
    CHECK(ph_rim_verify_signature(&rim, &roots, NULL, now_s, &proof) == PH_ERR_UNTRUSTED);
    CHECK(ph_rim_verify_signature(&rim, &roots, &policy, now_s, &proof) == PH_ERR_UNTRUSTED);
    policy.has_simulator_root_insecure = true;
    CHECK(ph_rim_verify_signature(&rim, &roots, &policy, now_s, &proof) == PH_ERR_UNTRUSTED);
    CHECK(!proof.insecure_simulator);
    CHECK(ph_rim_synth_root(policy.simulator_root_insecure) == PH_OK);
    CHECK(ph_rim_verify_signature(&rim, &roots, &policy, now_s, &proof) == PH_OK);
    CHECK(proof.insecure_simulator);
}

TEST(every_certificate_must_be_valid_at_the_time_given)
{
    ACCEPTED((void)0);
    CHECK(judge_at(1704067200) == PH_RIM_CHECK_CNT && judge_at(1767225600) == PH_RIM_CHECK_CNT);
    CHECK(judge_at(1704067199) == PH_RIM_CHECK_ISSUED);
    CHECK(judge_at(1767225601) == PH_RIM_CHECK_FRESH);
    for (size_t i = 0; i < 4; i++) {
        BROKEN(ISSUED, s.cert[i].not_before_s = now_s + 1);
        BROKEN(FRESH, s.cert[i].not_after_s = now_s - 1);
    }
}

TEST(a_manifest_that_was_not_parsed_is_refused)
{
    const struct ph_attest_roots roots = synthetic_root();
    memset(&rim, 0, sizeof(rim));
    CHECK(ph_rim_verify_signature(&rim, &roots, NULL, now_s, &proof) == PH_ERR_UNTRUSTED);
    CHECK(proof.failed == PH_RIM_CHECK_XML && proof.held == 0);
}

PH_TEST_MAIN(CASE(other_signatures_are_refused), CASE(signatures_elsewhere_are_refused),
             CASE(what_was_altered_after_signing_is_refused), CASE(other_chains_are_refused),
             CASE(other_roots_are_refused), CASE(every_certificate_must_be_valid_at_the_time_given),
             CASE(a_manifest_that_was_not_parsed_is_refused))
