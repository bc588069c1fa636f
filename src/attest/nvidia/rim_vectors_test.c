/* Real manifests: those that NVIDIA signed are accepted while their certificates are valid, those
 * that its and Google's tools keep as bad examples are refused, each for its reason. Skips without
 * the vectors. */

#include "attest/nvidia/rim.h"
#include "attest/nvidia/spdm.h"
#include "attest/verdict.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"

static struct ph_rim rim; /* large */

static int64_t seconds(const char *rfc3339)
{
    int64_t s = 0;
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(rfc3339), &s) == PH_OK);
    return s;
}

/* clang-format off */
static const struct {
    const char *file, *product, *version;
    enum ph_rim_kind kind;
    size_t active;
    const char *from, *until; /* of the chain: the leaf's, or the L3's where that ends earlier */
} good[] = {
    {"rims/1010_0200_882_96005E0001_PROD.swidtag", "GH100", "96.00.5E.00.01", PH_RIM_GPU_VBIOS, 12, "2023-06-23", "2025-06-22"},
    {"rims/1010_0200_882_960074001A_PROD.swidtag", "GH100", "96.00.74.00.1A", PH_RIM_GPU_VBIOS, 12, "2023-09-06", "2025-09-05"},
    {"rims/1010_0205_862_96005E0002_PROD.swidtag", "GH100", "96.00.5E.00.02", PH_RIM_GPU_VBIOS, 12, "2023-06-28", "2025-06-27"},
    {"rims/1010_0205_862_960074001F_PROD.swidtag", "GH100", "96.00.74.00.1F", PH_RIM_GPU_VBIOS, 12, "2023-09-06", "2025-09-05"},
    {"rims/1010_0210_886_9600740011_PROD.swidtag", "GH100", "96.00.74.00.11", PH_RIM_GPU_VBIOS, 12, "2023-09-06", "2025-09-05"},
    {"rims/g520_0200_885_9600740001_PROD.swidtag", "GH100", "96.00.74.00.01", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0202_885_96006D0008_PROD.swidtag", "GH100", "96.00.6D.00.08", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0202_885_9600740014_PROD.swidtag", "GH100", "96.00.74.00.14", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0205_865_9600740006_PROD.swidtag", "GH100", "96.00.74.00.06", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0207_865_9600740015_PROD.swidtag", "GH100", "96.00.74.00.15", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0213_881_96006D0007_PROD.swidtag", "GH100", "96.00.6D.00.07", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"rims/g520_0228_889_96006D000A_PROD.swidtag", "GH100", "96.00.6D.00.0A", PH_RIM_GPU_VBIOS, 12, "2023-08-25", "2025-08-24"},
    {"attestation-sdk/NV_GPU_DRIVER_GH100_550.144.03.xml", "GH100", "550.144.03", PH_RIM_GPU_DRIVER, 21, "2024-12-30", "2026-12-30"},
    {"attestation-sdk/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml", "LS10", "96.10.55.00.01", PH_RIM_SWITCH_BIOS, 31, "2026-05-20", "2027-11-02"},
    {"go-nvattest-tools/rim/NV_GPU_DRIVER_GH100_550.90.07.xml", "GH100", "550.90.07", PH_RIM_GPU_DRIVER, 21, "2024-06-01", "2026-06-01"},
    {"go-nvattest-tools/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml", "GH100", "96.00.9F.00.01", PH_RIM_GPU_VBIOS, 12, "2024-02-23", "2026-02-22"},
    {"go-nvattest-tools/rim/success_valid_rim.xml", "GH100", "96.00.6D.00.29", PH_RIM_GPU_VBIOS, 12, "2023-12-05", "2025-12-04"},
};

/* How the document is refused as it stands. Some are wrong in more than the way they are named for:
 * see the next test. */
static const struct {
    const char *file;
    enum ph_rim_check check;
} bad[] = {
    {"attestation-sdk/incorrect_cert_chain_driver_rim.xml", PH_RIM_CHECK_CHAIN_LENGTH},
    {"go-nvattest-tools/rim/failure_duplicate_index.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_empty_payload.xml", PH_RIM_CHECK_META},
    {"go-nvattest-tools/rim/failure_hash_empty_namespace.xml", PH_RIM_CHECK_HASH},
    {"go-nvattest-tools/rim/failure_invalid_alternatives.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_invalid_base64_cert.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_invalid_cert_bytes.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_invalid_index.xml", PH_RIM_CHECK_INDEX},
    {"go-nvattest-tools/rim/failure_invalid_pem_data.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_invalid_size.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_missing_alternatives.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_missing_colloquial_version.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_missing_hash.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_missing_index.xml", PH_RIM_CHECK_INDEX},
    {"go-nvattest-tools/rim/failure_missing_meta.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_missing_size.xml", PH_RIM_CHECK_SIZE},
    {"go-nvattest-tools/rim/failure_missing_x509_certificate.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_missing_x509_data.xml", PH_RIM_CHECK_ELEMENT},
    {"go-nvattest-tools/rim/failure_no_payload.xml", PH_RIM_CHECK_META},
    {"go-nvattest-tools/rim/valid_signed_xml.xml", PH_RIM_CHECK_ELEMENT}, /* a SAML response */
};

/* The same documents with what else is wrong in them put right. */
static const struct {
    const char *file;
    enum ph_rim_check check; /* CNT: they must parse */
} completed[] = {
    {"success_payload_multiple_alternatives.xml", PH_RIM_CHECK_CNT},
    {"success_payload_multiple_measurements.xml", PH_RIM_CHECK_CNT},
    {"success_payload_single_measurement.xml", PH_RIM_CHECK_CNT},
    {"failure_duplicate_index.xml", PH_RIM_CHECK_INDEX_ONCE},
    {"failure_empty_payload.xml", PH_RIM_CHECK_PAYLOAD},
    {"failure_hash_empty_namespace.xml", PH_RIM_CHECK_HASH},
    {"failure_invalid_alternatives.xml", PH_RIM_CHECK_ALTERNATIVES},
    {"failure_invalid_base64_cert.xml", PH_RIM_CHECK_CHAIN_LENGTH},
    {"failure_invalid_cert_bytes.xml", PH_RIM_CHECK_CHAIN_LENGTH},
    {"failure_invalid_index.xml", PH_RIM_CHECK_INDEX},
    {"failure_invalid_pem_data.xml", PH_RIM_CHECK_CHAIN_LENGTH},
    {"failure_invalid_size.xml", PH_RIM_CHECK_SIZE},
    {"failure_missing_alternatives.xml", PH_RIM_CHECK_ALTERNATIVES},
    {"failure_missing_colloquial_version.xml", PH_RIM_CHECK_META},
    {"failure_missing_hash.xml", PH_RIM_CHECK_HASH},
    {"failure_missing_index.xml", PH_RIM_CHECK_INDEX},
    {"failure_missing_meta.xml", PH_RIM_CHECK_META},
    {"failure_missing_size.xml", PH_RIM_CHECK_SIZE},
    {"failure_missing_x509_certificate.xml", PH_RIM_CHECK_CHAIN_LENGTH},
    {"failure_missing_x509_data.xml", PH_RIM_CHECK_KEY_INFO},
    {"failure_no_payload.xml", PH_RIM_CHECK_PAYLOAD},
};
/* clang-format on */

TEST(what_nvidia_signed_is_accepted_while_it_is_valid)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    enum ph_rim_check failed;
    struct ph_rim_proof proof;

    for (size_t i = 0; i < PH_LEN(good); i++) {
        struct ph_buf xml PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", good[i].file);
        char day[32];
        size_t active = 0;

        if (ph_rim_parse(ph_buf_view(&xml), &rim, &failed) != PH_OK)
            fail_msg("%s: %s", good[i].file, ph_rim_check_reason(failed));
        CHECK(failed == PH_RIM_CHECK_CNT);
        CHECK(ph_bytes_is(rim.product, good[i].product));
        CHECK(ph_bytes_is(rim.version, good[i].version));
        CHECK(rim.kind == good[i].kind && rim.measurement_cnt == 64);
        for (size_t k = 0; k < rim.measurement_cnt; k++)
            active += rim.measurement[k].active;
        if (active != good[i].active)
            fail_msg("%s: %zu active", good[i].file, active);

        (void)snprintf(day, sizeof(day), "%sT23:59:59Z", good[i].from);
        const int64_t from = seconds(day);
        if (ph_rim_verify_signature(&rim, &roots, NULL, from, &proof) != PH_OK)
            fail_msg("%s: %s", good[i].file, ph_rim_check_reason(proof.failed));
        CHECK(proof.failed == PH_RIM_CHECK_CNT && !proof.insecure_simulator);
        CHECK(proof.held == (1ull << PH_RIM_CHECK_CNT) - 1);
        CHECK(from >= proof.not_before_s && from - proof.not_before_s < 86400);
        (void)snprintf(day, sizeof(day), "%sT00:00:00Z", good[i].until);
        CHECK(proof.not_after_s >= seconds(day) && proof.not_after_s < seconds(day) + 86400);

        CHECK(ph_rim_verify_signature(&rim, &roots, NULL, proof.not_after_s, &proof) == PH_OK);
        CHECK(ph_rim_verify_signature(&rim, &roots, NULL, proof.not_after_s + 1, &proof) ==
              PH_ERR_UNTRUSTED);
        CHECK(proof.failed == PH_RIM_CHECK_FRESH);
        CHECK(ph_rim_verify_signature(&rim, &roots, NULL, proof.not_before_s, &proof) == PH_OK);
        CHECK(ph_rim_verify_signature(&rim, &roots, NULL, proof.not_before_s - 1, &proof) ==
              PH_ERR_UNTRUSTED);
        CHECK(proof.failed == PH_RIM_CHECK_ISSUED);
        CHECK(ph_rim_verify_signature(&rim, NULL, NULL, from, &proof) == PH_ERR_UNTRUSTED);
        CHECK(proof.failed == PH_RIM_CHECK_ROOT);
    }
}

TEST(an_altered_signature_is_refused)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_buf xml PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/%s", "attestation-sdk/incorrect_signature_driver_rim.xml");
    enum ph_rim_check failed;
    struct ph_rim_proof proof;

    CHECK(ph_rim_parse(ph_buf_view(&xml), &rim, &failed) == PH_OK);
    CHECK(ph_rim_verify_signature(&rim, &roots, NULL, seconds("2025-06-01T00:00:00Z"), &proof) ==
          PH_ERR_UNTRUSTED);
    CHECK(proof.failed == PH_RIM_CHECK_SIGNATURE);
}

TEST(bad_examples_are_refused)
{
    enum ph_rim_check failed;

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_buf xml PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", bad[i].file);
        CHECK(ph_rim_parse(ph_buf_view(&xml), &rim, &failed) != PH_OK);
        if (failed != bad[i].check)
            fail_msg("%s: %s", bad[i].file, ph_rim_check_reason(failed));
        CHECK(rim.measurement_cnt == 0 && rim.cert_cnt == 0);
    }
}

/* Replace every `from` in `text` by `to`. */
static void replace(struct ph_buf *text, const char *from, const char *to)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    const size_t n = strlen(from);
    for (size_t i = 0; i < text->len;) {
        const bool here = text->len - i >= n && memcmp(text->ptr + i, from, n) == 0;
        CHECK((here ? ph_buf_add_str(&out, to)
                    : ph_buf_add(&out, (struct ph_bytes){text->ptr + i, 1})) == PH_OK);
        i += here ? n : 1;
    }
    text->len = 0;
    CHECK(ph_buf_add(text, ph_buf_view(&out)) == PH_OK);
}

#define ZEROS_24 "000000000000000000000000"
#define ZEROS_96 ZEROS_24 ZEROS_24 ZEROS_24 ZEROS_24

/* Google's examples leave out what they do not try: hashes of the right length, root and namespace,
 * Meta, Payload, Signature. Those parts come from a real manifest. */
static void complete(struct ph_buf *xml, const struct ph_buf *real)
{
    static const char *const words[][2] = {
        {"\"hash0\"", "\"" ZEROS_96 "\""},
        {"\"hash1\"", "\"" ZEROS_96 "\""},
        {"\"hashA\"", "\"" ZEROS_96 "\""},
        {"size=\"10\"", "size=\"48\""},
        {"size=\"20\"", "size=\"48\""},
        {"colloquialVersion=\"1.0\"", "colloquialVersion=\"1.0\" product=\"GH100\""},
        {"tagVersion=\"0\">",
         "tagVersion=\"0\"><ns0:Meta colloquialVersion=\"1.2\" product=\"GH100\"/>"},
        {"ReferenceIntegrityManifest", "SoftwareIdentity"},
        {"<SoftwareIdentity>",
         "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "
         "xmlns:ns0=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "
         "xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\">"},
        {"</Signature", "</ds:Signature"},
        {"<KeyInfo", "<ds:KeyInfo"},
        {"</KeyInfo", "</ds:KeyInfo"},
        {"<X509", "<ds:X509"},
        {"</X509", "</ds:X509"},
    };
    char whole[32768];

    for (size_t i = 0; i < PH_LEN(words); i++)
        replace(xml, words[i][0], words[i][1]);
    (void)snprintf(whole, sizeof(whole), "%.*s", (int)real->len, real->ptr);
    const char *payload = strstr(whole, "<ns0:Payload"), *sig = strstr(whole, "<ds:Signature ");
    CHECK(payload && sig);
    if (!memmem(xml->ptr, xml->len, "<Signature>", 11))
        replace(xml, "</SoftwareIdentity>", sig);
    *strstr(whole, "<ds:KeyInfo") = '\0';
    replace(xml, "<Signature>", payload);
}

TEST(bad_examples_are_refused_for_what_they_try)
{
    struct ph_buf real PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/%s", "go-nvattest-tools/rim/success_valid_rim.xml");
    enum ph_rim_check failed;

    for (size_t i = 0; i < PH_LEN(completed); i++) {
        char rel[256];
        (void)snprintf(rel, sizeof(rel), "go-nvattest-tools/rim/%s", completed[i].file);
        struct ph_buf xml PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", rel);
        complete(&xml, &real);
        const enum ph_err err = ph_rim_parse(ph_buf_view(&xml), &rim, &failed);
        if (failed != completed[i].check || (err == PH_OK) != (failed == PH_RIM_CHECK_CNT))
            fail_msg("%s: %s", completed[i].file,
                     failed < PH_RIM_CHECK_CNT ? ph_rim_check_reason(failed) : "accepted");
    }
}

TEST(any_change_of_a_real_manifest_is_refused)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_buf xml PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", good[0].file);
    struct ph_rim_proof proof;
    enum ph_rim_check failed;
    const int64_t at = seconds("2024-06-01T00:00:00Z");

    /* A prime step visits every part of the document. */
    for (size_t i = 0; i < xml.len; i += 61) {
        xml.ptr[i] ^= 1;
        const bool ok = ph_rim_parse(ph_buf_view(&xml), &rim, &failed) == PH_OK &&
                        ph_rim_verify_signature(&rim, &roots, NULL, at, &proof) == PH_OK;
        if (ok)
            fail_msg("byte %zu", i);
        xml.ptr[i] ^= 1;
    }
}

/* The blocks of a report that Google's tools keep with the two manifests it matches. */
TEST(a_real_report_matches_its_manifests_and_no_others)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/%s", "go-nvattest-tools/test_raw_gpu_attestation_report.dat");
    struct ph_buf driver_xml PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/%s", "go-nvattest-tools/rim/NV_GPU_DRIVER_GH100_550.90.07.xml");
    struct ph_buf other_xml PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/%s", "attestation-sdk/NV_GPU_DRIVER_GH100_550.144.03.xml");
    struct ph_buf vbios_xml PH_OWNED(ph_buf_clear) = ph_test_vector(
        "nvidia/%s", "go-nvattest-tools/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml");
    static struct ph_rim driver, vbios;
    static struct ph_rim_block blocks[PH_SPDM_BLOCKS_MAX];
    struct ph_rim_comparison c;
    struct ph_spdm_report r;
    enum ph_rim_check failed;
    enum ph_check check;

    CHECK(ph_spdm_parse_gpu(ph_buf_view(&report), &r, &check) == PH_OK && r.block_cnt == 64);
    for (size_t i = 0; i < r.block_cnt; i++) {
        blocks[i].index = (uint8_t)(i + 1);
        memcpy(blocks[i].value,
               r.record.ptr + (i + 1) * PH_SPDM_BLOCK_LEN - sizeof(blocks[i].value), 48);
    }
    CHECK(ph_rim_parse(ph_buf_view(&driver_xml), &driver, &failed) == PH_OK);
    CHECK(ph_rim_parse(ph_buf_view(&vbios_xml), &vbios, &failed) == PH_OK);
    const bool disabled = r.field[PH_SPDM_NVDEC0].ptr[0] == PH_SPDM_DISABLED;
    CHECK(disabled);
    CHECK(ph_rim_compare(&driver, &vbios, blocks, r.block_cnt, disabled, &c) == PH_OK);
    CHECK(c.mismatch_cnt == 0 && c.compared_cnt >= 32);

    const size_t compared = c.compared_cnt;
    size_t refused = 0;
    for (size_t i = 0; i < r.block_cnt; i++) {
        blocks[i].value[0] ^= 1;
        if (ph_rim_compare(&driver, &vbios, blocks, r.block_cnt, disabled, &c) != PH_OK) {
            CHECK(c.mismatch_cnt == 1 && c.mismatch[0].index == i);
            refused++;
        }
        blocks[i].value[0] ^= 1;
    }
    CHECK(refused == compared);
    CHECK(ph_rim_parse(ph_buf_view(&other_xml), &driver, &failed) == PH_OK);
    CHECK(ph_rim_compare(&driver, &vbios, blocks, r.block_cnt, disabled, &c) == PH_ERR_UNTRUSTED);
}

PH_TEST_MAIN(CASE(what_nvidia_signed_is_accepted_while_it_is_valid),
             CASE(an_altered_signature_is_refused), CASE(bad_examples_are_refused),
             CASE(bad_examples_are_refused_for_what_they_try),
             CASE(any_change_of_a_real_manifest_is_refused),
             CASE(a_real_report_matches_its_manifests_and_no_others))
