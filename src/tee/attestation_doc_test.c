#include "base/own.h"
#include "base/test.h"
#include "tee/attestation_doc.h"

#include <stdio.h>
#include <string.h>

static struct ph_attestation_doc sample(void)
{
    struct ph_attestation_doc doc = {.identity = {.chain_id = 31337},
                                     .evidence = PH_BYTES_LIT("{\"format\":\"phala-evidence-v1\"}"),
                                     .insecure_simulator = true};
    memset(doc.identity.registry.b, 1, 20);
    memset(doc.identity.signer.b, 2, 20);
    memset(doc.identity.cluster.b, 7, 20);
    memset(doc.identity.caller_x25519, 3, 32);
    memset(doc.identity.operator_.b, 4, 20);
    memset(doc.identity.tls_pub, 6, 64);
    memset(doc.identity.ohttp_keys, 7, sizeof(doc.identity.ohttp_keys));
    doc.identity.has_ohttp = true;
    memset(doc.nonce, 5, 32);
    return doc;
}

TEST(document_round_trips_and_keeps_the_evidence_exact)
{
    const struct ph_attestation_doc doc = sample();
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);
    struct ph_attestation_doc got;
    char why[128];

    CHECK(ph_attestation_doc_encode(&doc, &text) == PH_OK);
    CHECK(ph_attestation_doc_parse(ph_buf_view(&text), &got, why) == PH_OK);
    CHECK(memcmp(&got.identity, &doc.identity, sizeof(got.identity)) == 0);
    CHECK(memcmp(got.nonce, doc.nonce, 32) == 0 && got.insecure_simulator);
    CHECK(ph_bytes_equal(got.evidence, doc.evidence));
    for (size_t len = 0; len < text.len; len++)
        CHECK(ph_attestation_doc_parse((struct ph_bytes){text.ptr, len}, &got, why) != PH_OK);
}

TEST(the_key_configuration_may_be_missing)
{
    struct ph_attestation_doc doc = sample(), got;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);
    char why[128];

    doc.identity.has_ohttp = false;
    memset(doc.identity.ohttp_keys, 0, sizeof(doc.identity.ohttp_keys));
    CHECK(ph_attestation_doc_encode(&doc, &text) == PH_OK);
    CHECK(!memmem(text.ptr, text.len, "ohttp", 5));
    CHECK(ph_attestation_doc_parse(ph_buf_view(&text), &got, why) == PH_OK);
    CHECK(memcmp(&got.identity, &doc.identity, sizeof(got.identity)) == 0);
}

TEST(a_wrong_member_is_refused_with_its_place)
{
    static const struct {
        const char *from, *to, *place;
        enum ph_err err;
    } cases[] = {
        {"-v1\",\"identity", "-v2\",\"identity", "format", PH_ERR_UNSUPPORTED},
        {"\"chain_id\":31337", "\"chain_id\":-1", "identity.chain_id", PH_ERR_MALFORMED},
        {"\"chain_id\":", "\"chain-id\":", "identity.chain_id", PH_ERR_MALFORMED},
        {"\"registry\":\"0x01", "\"registry\":\"0x", "identity.registry", PH_ERR_MALFORMED},
        {"\"signer\":\"0x", "\"signer\":\"0y", "identity.signer", PH_ERR_MALFORMED},
        {"\"cluster\":\"0x", "\"cluster\":\"0y", "identity.cluster", PH_ERR_MALFORMED},
        {"\"cluster\":\"0x", "\"clusters\":\"0x", "identity.cluster", PH_ERR_MALFORMED},
        {"\"caller_x25519\":\"03", "\"caller_x25519\":\"", "identity.caller_x25519",
         PH_ERR_MALFORMED},
        {"\"operator\":\"0x0404", "\"operator\":\"0x04", "identity.operator", PH_ERR_MALFORMED},
        {"\"tls_pub\":\"06", "\"tls_pub\":\"0606", "identity.tls_pub", PH_ERR_MALFORMED},
        {"\"ohttp_keys\":\"07", "\"ohttp_keys\":\"", "identity.ohttp_keys", PH_ERR_MALFORMED},
        {"\"ohttp_keys\":", "\"ohttp_key\":", "identity.ohttp_key", PH_ERR_MALFORMED},
        {"\"nonce\":\"", "\"nonce\":\"z", "nonce", PH_ERR_MALFORMED},
        {"\"evidence\":{\"format\":\"phala-evidence-v1\"}", "\"evidence\":1", "evidence",
         PH_ERR_MALFORMED},
        {"simulator\":true", "simulator\":\"true\"", "insecure_simulator", PH_ERR_MALFORMED},
        {"{\"chain_id\"", "{\"x\":1,\"chain_id\"", "identity", PH_ERR_MALFORMED},
        {",\"insecure_simulator\":true", "", "attestation", PH_ERR_MALFORMED},
    };
    const struct ph_attestation_doc doc = sample();
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);
    struct ph_attestation_doc got;
    char why[128], changed[4096];

    CHECK(ph_attestation_doc_encode(&doc, &text) == PH_OK);
    CHECK(ph_buf_add(&text, PH_BYTES_OF("")) == PH_OK);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const char *whole = (const char *)text.ptr, *at = strstr(whole, cases[i].from);
        CHECK(at);
        (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - whole), whole, cases[i].to,
                       at + strlen(cases[i].from));
        CHECK(ph_attestation_doc_parse(ph_bytes_str(changed), &got, why) == cases[i].err);
        CHECK(strstr(why, cases[i].place));
    }
}

PH_TEST_MAIN(CASE(document_round_trips_and_keeps_the_evidence_exact),
             CASE(the_key_configuration_may_be_missing),
             CASE(a_wrong_member_is_refused_with_its_place))
