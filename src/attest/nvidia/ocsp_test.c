/* OCSP responses taken apart and judged: made ones, wrong in each way; real ones of NVIDIA's
 * responders (skips without the vectors). */

#include "attest/nvidia/ocsp.h"

#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/rim.h"
#include "attest/nvidia/synth_nvidia.h"
#include "attest/nvidia/test_world.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"

static struct ph_synth_nv_device dev;
static struct ph_synth_ocsp o;
static struct ph_buf cert_der, issuer_der, raw;
static struct ph_x509 cert, issuer;
static struct ph_ocsp got;

/* A good response on the factory's certificate. */
static void start(void)
{
    ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
    ph_buf_clear(&cert_der);
    ph_buf_clear(&issuer_der);
    cert_der = issuer_der = PH_BUF(8192);
    CHECK(ph_synth_nv_cert(&dev, 2, &cert_der) == PH_OK);
    CHECK(ph_synth_nv_cert(&dev, 3, &issuer_der) == PH_OK);
    CHECK(ph_x509_parse(&ph_x509_profile_nvidia, ph_buf_view(&cert_der), &cert) == PH_OK);
    CHECK(ph_x509_parse(&ph_x509_profile_nvidia, ph_buf_view(&issuer_der), &issuer) == PH_OK);
    ph_synth_ocsp_init(&o, NV_NOW);
    o.cert = ph_buf_view(&cert_der);
    o.issuer = ph_buf_view(&issuer_der);
    o.issuer_cn = dev.cert[3].subject;
    o.issuer_secret = dev.cert[3].secret;
}

static enum ph_err parse_made(void)
{
    ph_buf_clear(&raw);
    raw = PH_BUF(1 << 16);
    CHECK(ph_synth_ocsp_make(&o, &raw) == PH_OK);
    return ph_ocsp_parse(ph_buf_view(&raw), &got);
}

/* The response was signed by this issuer, or by a responder that it allows. */
static bool is_by(const struct ph_x509 *by)
{
    const struct ph_ocsp_facts f = ph_ocsp_judge(&got, by);
    return f.responder_allowed && f.signatures;
}

/* Which facts hold of what is made: "rs" both, "r" allowed responder, "s" signatures. */
static bool facts_are(const char *want)
{
    CHECK(parse_made() == PH_OK);
    const struct ph_ocsp_facts f = ph_ocsp_judge(&got, &issuer);
    return f.responder_allowed == (strchr(want, 'r') != NULL) &&
           f.signatures == (strchr(want, 's') != NULL);
}

TEST(a_good_response_is_read_in_each_form)
{
    static const char *const hashes[] = {"2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2"};
    for (unsigned form = 0; form < 16; form++) {
        start();
        o.hash = hashes[form & 1];
        o.by_name = form >> 1 & 1;
        o.nonce = form >> 2 & 1;
        if (form >> 3)
            o.responder_secret = NULL; /* the issuer answers itself */
        CHECK(facts_are("rs"));
        const struct ph_ocsp_single *s = ph_ocsp_find(&got, &cert, &issuer);
        CHECK(s && s->status == PH_OCSP_GOOD && s->hash_len == (form & 1 ? 48 : 32));
        CHECK(s->this_update_s == o.this_update_s && s->next_update_s == o.next_update_s);
        CHECK(got.produced_at_s == o.produced_s && got.single_cnt == 1);
        CHECK((got.nonce.len > 0) == o.nonce && got.has_responder == (form >> 3 == 0));
        /* It speaks of this certificate of this issuer only. */
        CHECK(!ph_ocsp_find(&got, &issuer, &issuer) && !ph_ocsp_find(&got, &cert, &cert));
        struct ph_x509 other = issuer;
        other.point = cert.point;
        CHECK(!ph_ocsp_find(&got, &cert, &other));
        other = issuer;
        other.subject = cert.subject;
        CHECK(!ph_ocsp_find(&got, &cert, &other));
    }
}

TEST(each_status_is_read)
{
    start();
    o.status = 1;
    for (unsigned reason = 0; reason < 11; reason++) {
        o.reason = reason;
        CHECK(parse_made() == PH_OK && got.single[0].status == PH_OCSP_REVOKED);
        CHECK(got.single[0].on_hold == (reason == 6));
    }
    o.status = 2;
    CHECK(parse_made() == PH_OK && got.single[0].status == PH_OCSP_UNKNOWN);
    o.status = 3;
    CHECK(parse_made() == PH_ERR_MALFORMED);
}

TEST(what_is_no_answer_is_refused)
{
    start();
    for (o.response_status = 1; o.response_status < 7; o.response_status++)
        CHECK(parse_made() == PH_ERR_UNSUPPORTED);
    start();
    o.hash = "1.3.14.3.2.26"; /* SHA-1 */
    CHECK(parse_made() == PH_ERR_UNSUPPORTED);
    start();
    o.next_update_s = 0;
    CHECK(parse_made() == PH_ERR_MALFORMED);
    static uint8_t big[PH_OCSP_MAX + 1];
    CHECK(ph_ocsp_parse(PH_BYTES_OF(big), &got) == PH_ERR_LIMIT);
}

TEST(every_truncation_and_what_follows_is_malformed)
{
    start();
    CHECK(parse_made() == PH_OK);
    const struct ph_ocsp before = got;
    for (size_t len = 0; len < raw.len; len++)
        CHECK(ph_ocsp_parse((struct ph_bytes){raw.ptr, len}, &got) == PH_ERR_MALFORMED);
    CHECK(ph_buf_add_str(&raw, "x") == PH_OK);
    CHECK(ph_ocsp_parse(ph_buf_view(&raw), &got) == PH_ERR_MALFORMED);
    CHECK(memcmp(&before, &got, sizeof(got)) == 0);
}

TEST(no_changed_byte_leaves_a_response_that_holds)
{
    start();
    CHECK(parse_made() == PH_OK);
    for (size_t i = 0; i < raw.len; i += 3) {
        raw.ptr[i] ^= 1;
        const bool holds = ph_ocsp_parse(ph_buf_view(&raw), &got) == PH_OK &&
                           ph_ocsp_find(&got, &cert, &issuer) && is_by(&issuer);
        if (holds)
            fail_msg("byte %zu", i);
        raw.ptr[i] ^= 1;
    }
}

TEST(only_the_issuer_and_whom_it_appoints_may_answer)
{
    static const uint8_t nobody[48] = {5, [47] = 5};
    start();
    CHECK(facts_are("rs"));
    o.purpose = NULL;
    CHECK(facts_are("s"));
    o.purpose = "1.3.6.1.5.5.7.3.1"; /* serverAuth */
    CHECK(facts_are("s"));
    start();
    o.responder.key_usage = 0xc0;
    CHECK(facts_are("s"));
    start();
    o.responder.no_key_usage = true;
    CHECK(facts_are("s"));
    start();
    o.responder.is_ca = true;
    CHECK(facts_are("s"));
    start();
    o.responder.no_aki = true;
    CHECK(facts_are("s"));
    start();
    o.responder.issuer = "NVIDIA Device Identity CA"; /* an authority, but not the issuer */
    CHECK(facts_are("s"));
    start();
    o.responder.signer_secret = nobody; /* it appointed itself */
    CHECK(facts_are("r"));
    start();
    o.signer_secret = nobody;
    CHECK(facts_are("r"));
    start();
    o.responder_secret = NULL;
    o.signer_secret = nobody;
    CHECK(facts_are("r"));
    /* The response names one responder and brings the certificate of another. */
    start();
    CHECK(parse_made() == PH_OK);
    struct ph_ocsp_facts f;
    const uint8_t id[20] = {1};
    got.responder_key_id = PH_BYTES_OF(id);
    f = ph_ocsp_judge(&got, &issuer);
    CHECK(!f.responder_allowed && f.signatures);
    got.responder_name = issuer.subject;
    CHECK(!ph_ocsp_judge(&got, &issuer).responder_allowed);
    got.responder_name = got.responder.subject;
    CHECK(ph_ocsp_judge(&got, &issuer).responder_allowed);
}

static struct ph_buf load_response(const char *name)
{
    char rel[128];
    (void)snprintf(rel, sizeof(rel),
                   "go-nvattest-tools/ocsp/test_%s_base64encoded_ocsp_response.dat", name);
    struct ph_buf text PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", rel);
    struct ph_buf der = PH_BUF(1 << 16);
    while (text.len > 0 && text.ptr[text.len - 1] <= ' ')
        text.len--;
    CHECK(ph_base64_decode(ph_buf_view(&text), &der) == PH_OK);
    return der;
}

static void check_real(const char *name, const struct ph_x509 *of, const struct ph_x509 *by,
                       const char *this_update)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = load_response(name);
    struct ph_ocsp_facts f;
    int64_t at = 0;

    if (ph_ocsp_parse(ph_buf_view(&der), &got) != PH_OK)
        fail_msg("%s: does not parse", name);
    const struct ph_ocsp_single *s = ph_ocsp_find(&got, of, by);
    if (!s)
        fail_msg("%s: speaks of another certificate", name);
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(this_update), &at) == PH_OK);
    CHECK(s->status == PH_OCSP_GOOD && s->hash_len == 48 && s->this_update_s == at);
    CHECK(s->next_update_s == at + 86400 && got.produced_at_s == at && got.has_responder);
    CHECK(is_by(by));
    f = ph_ocsp_judge(&got, by);
    CHECK(f.not_before_s < at && at < f.not_after_s);
    for (size_t i = 0; i < der.len; i += 17) {
        der.ptr[i] ^= 1;
        CHECK(!(ph_ocsp_parse(ph_buf_view(&der), &got) == PH_OK && ph_ocsp_find(&got, of, by) &&
                is_by(by)));
        der.ptr[i] ^= 1;
    }
}

TEST(responses_of_nvidias_responders_on_device_authorities_hold)
{
    struct ph_buf pem PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/attestation-sdk/hopperCertChain.txt");
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;

    CHECK(ph_nv_chain_parse(ph_buf_view(&pem), NULL, &chain) == PH_OK);
    check_real("gpu_certificate_l2", &chain->cert[PH_NV_IDENTITY], &chain->cert[PH_NV_ROOT],
               "2025-08-21T06:47:08Z");
    check_real("gpu_certificate_l3", &chain->cert[PH_NV_FACTORY], &chain->cert[PH_NV_IDENTITY],
               "2025-08-21T06:47:07Z");
    /* The third is on a device whose certificate is not published: its issuer is known. */
    struct ph_buf der PH_OWNED(ph_buf_clear) = load_response("gpu_certificate_l4");
    CHECK(ph_ocsp_parse(ph_buf_view(&der), &got) == PH_OK);
    CHECK(!ph_ocsp_find(&got, &chain->cert[PH_NV_DEVICE], &chain->cert[PH_NV_FACTORY]));
    CHECK(is_by(&chain->cert[PH_NV_FACTORY]));
    const struct ph_ocsp_facts f = ph_ocsp_judge(&got, &chain->cert[PH_NV_IDENTITY]);
    CHECK(!f.responder_allowed && !f.signatures);
}

TEST(responses_of_nvidias_responders_on_manifest_signers_hold)
{
    static const char *const files[] = {
        "go-nvattest-tools/rim/NV_GPU_DRIVER_GH100_550.90.07.xml",
        "go-nvattest-tools/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml"};
    static const char *const leaf[] = {"gpu_driver_rim_l4", "gpu_vbios_l4"};
    static const char *const issued[] = {"2025-10-24T11:32:21Z", "2025-10-24T11:32:22Z"};
    static struct ph_rim rim;

    for (size_t i = 0; i < PH_LEN(files); i++) {
        struct ph_buf xml PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", files[i]);
        struct ph_buf der[PH_RIM_CERT_CNT];
        struct ph_x509 c[PH_RIM_CERT_CNT];
        enum ph_rim_check failed;
        CHECK(ph_rim_parse(ph_buf_view(&xml), &rim, &failed) == PH_OK);
        for (size_t k = 0; k < PH_RIM_CERT_CNT; k++) {
            struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
            for (size_t b = 0; b < rim.cert[k].len; b++) {
                if (rim.cert[k].ptr[b] > ' ')
                    CHECK(ph_buf_add(&text, (struct ph_bytes){rim.cert[k].ptr + b, 1}) == PH_OK);
            }
            der[k] = PH_BUF(8192);
            CHECK(ph_base64_decode(ph_buf_view(&text), &der[k]) == PH_OK);
            CHECK(ph_x509_parse(&ph_x509_profile_nvidia, ph_buf_view(&der[k]), &c[k]) == PH_OK);
        }
        check_real(leaf[i], &c[0], &c[1], issued[i]);
        check_real("gpu_driver_rim_l3", &c[1], &c[2], "2025-10-24T11:32:21Z");
        check_real("gpu_rim_l2", &c[2], &c[3], "2025-10-24T11:32:21Z");
        for (size_t k = 0; k < PH_RIM_CERT_CNT; k++)
            ph_buf_clear(&der[k]);
    }
}

PH_TEST_MAIN(CASE(a_good_response_is_read_in_each_form), CASE(each_status_is_read),
             CASE(what_is_no_answer_is_refused),
             CASE(every_truncation_and_what_follows_is_malformed),
             CASE(no_changed_byte_leaves_a_response_that_holds),
             CASE(only_the_issuer_and_whom_it_appoints_may_answer),
             CASE(responses_of_nvidias_responders_on_device_authorities_hold),
             CASE(responses_of_nvidias_responders_on_manifest_signers_hold))
