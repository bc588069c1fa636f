/* Certificates with evidence: what binds them to their key is checked, and everything that is wrong
 * refuses for its own reason. */

#include "attest/ratls.h"

#include "attest/intel/verify.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"

enum { DAY = 86400 };

static struct ph_json_why why;
static struct ph_verdict v;

/* Everything about one certificate that a test may change before it is made. */
struct fixture {
    struct world w;
    struct ph_synth_pki *pki;
    struct ph_attest_roots roots;
    uint8_t key[32], spki[PH_CERT_SPKI_P256_LEN];
    struct ph_buf claims, quote, evidence, dstack_quote, dstack, cert;
    struct ph_cert_ext ext[4];
    size_t ext_cnt;
    struct ph_cert c;
    struct ph_evidence with; /* collateral */
    struct ph_evidence_args args;
};
static struct fixture f;

static void quote_over(const uint8_t report_data[static 64], struct ph_buf *out)
{
    memcpy(f.w.td.report_data, report_data, 64);
    ph_buf_clear(out);
    *out = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_synth_tdx_quote(&f.w.s, f.pki, &f.w.td, NULL, out) == PH_OK);
}

static void wrap(struct ph_bytes bytes, struct ph_buf *out)
{
    ph_buf_clear(out);
    *out = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_der_put(out, PH_DER_OCTET_STRING, bytes) == PH_OK);
}

/* The evidence of both forms, for the key in f.spki. */
static void make_evidence(void)
{
    uint8_t report_data[64];

    ph_buf_clear(&f.claims);
    f.claims = PH_BUF(256);
    CHECK(ph_ratls_claims(PH_BYTES_OF(f.spki), &f.claims, report_data) == PH_OK);
    quote_over(report_data, &f.quote);
    ph_buf_clear(&f.evidence);
    f.evidence = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&f.quote), ph_buf_view(&f.claims),
                                   &f.evidence) == PH_OK);
    ph_ratls_dstack_report_data(PH_BYTES_OF(f.spki), report_data);
    quote_over(report_data, &f.dstack_quote);
    wrap(ph_buf_view(&f.dstack_quote), &f.dstack);
    f.ext[0] = (struct ph_cert_ext){PH_RATLS_OID_TAGGED_EVIDENCE, ph_buf_view(&f.evidence)};
    f.ext_cnt = 1;
}

static void setup(void)
{
    static const uint8_t serial[] = {9};
    uint8_t xy[64];

    memset(&f, 0, sizeof(f));
    world_init(&f.w);
    CHECK(ph_synth_pki_new(&f.w.s, &f.pki) == PH_OK);
    f.roots.cnt = 1;
    ph_synth_pki_root(f.pki, f.roots.key[0]);
    f.with.collateral = ph_synth_pki_parts(f.pki);
    f.key[31] = 5;
    CHECK(ph_p256_public(f.key, xy) == PH_OK);
    ph_cert_spki_p256(xy, f.spki);
    make_evidence();
    f.c = (struct ph_cert){.serial = PH_BYTES_OF(serial),
                           .issuer = {.common_name = "worker"},
                           .subject = {.common_name = "worker"},
                           .not_before_s = WORLD_NOW - DAY,
                           .not_after_s = WORLD_NOW + DAY,
                           .server_auth = true,
                           .spki = PH_BYTES_OF(f.spki)};
    f.args = (struct ph_evidence_args){
        .evidence = &f.with, .roots = &f.roots, .policy = &f.w.policy, .now_s = WORLD_NOW};
}

static void teardown(void)
{
    ph_synth_pki_free(f.pki);
    ph_buf_clear(&f.claims);
    ph_buf_clear(&f.quote);
    ph_buf_clear(&f.evidence);
    ph_buf_clear(&f.dstack_quote);
    ph_buf_clear(&f.dstack);
    ph_buf_clear(&f.cert);
}

/* Sign with f.key. */
static void make_cert(void)
{
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                      sig_der PH_OWNED(ph_buf_clear) = PH_BUF(80);
    uint8_t digest[32], sig[64];

    f.c.ext = f.ext;
    f.c.ext_cnt = f.ext_cnt;
    CHECK(ph_cert_put_tbs(&f.c, &tbs) == PH_OK);
    ph_sha256(ph_buf_view(&tbs), digest);
    CHECK(ph_p256_sign_digest(f.key, digest, sig) == PH_OK);
    CHECK(ph_der_put_ecdsa_sig(&sig_der, sig, 32) == PH_OK);
    ph_buf_clear(&f.cert);
    f.cert = PH_BUF(PH_CERT_PUT_MAX);
    CHECK(ph_cert_put(ph_buf_view(&tbs), ph_buf_view(&sig_der), &f.cert) == PH_OK);
}

static enum ph_err open_cert(struct ph_ratls **out)
{
    make_cert();
    return ph_ratls_open(ph_buf_view(&f.cert), out, &why);
}

static enum ph_err judge(void)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;

    PH_TRY(open_cert(&ratls));
    return ph_ratls_verify(ratls, &f.args, &v);
}

static bool refused_for(const char *reason)
{
    if (judge() == PH_ERR_UNTRUSTED && !v.accepted && strcmp(v.reason, reason) == 0)
        return true;
    print_message("# %s instead of %s\n", v.reason, reason);
    return false;
}

TEST(a_certificate_with_evidence_for_its_key_is_accepted)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    static struct ph_trace trace;

    setup();
    CHECK(open_cert(&ratls) == PH_OK);
    CHECK(ratls->form == PH_RATLS_TCG && ratls->names_key && ratls->nonce.len == 0);
    CHECK(ratls->signature == PH_RATLS_BY_ITSELF);
    f.args.trace = &trace;
    CHECK(ph_ratls_verify(ratls, &f.args, &v) == PH_OK && v.accepted);
    CHECK(v.claims.report_data_checked);
    CHECK(memcmp(v.claims.report_data, ratls->report_data, 64) == 0);
    CHECK(v.valid_until_s == f.c.not_after_s);
    CHECK(ph_trace_has(&trace, PH_CHECK_CERTIFICATE_KEY) &&
          trace.check[PH_CHECK_CERTIFICATE_KEY].result == PH_TRACE_PASS);
    f.c.not_after_s = WORLD_NOW + INT64_C(36500) * DAY;
    CHECK(judge() == PH_OK && v.valid_until_s < f.c.not_after_s);
    teardown();
}

TEST(pem_and_der_are_the_same_and_the_first_of_a_chain_counts)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    setup();
    make_cert();
    CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&f.cert), &pem) == PH_OK);
    CHECK(ph_pem_encode("CERTIFICATE", PH_BYTES_LIT("0\0"), &pem) == PH_OK);
    CHECK(ph_ratls_is_certificate(ph_buf_view(&pem)));
    CHECK(ph_ratls_is_certificate(ph_buf_view(&f.cert)));
    CHECK(!ph_ratls_is_certificate(ph_buf_view(&f.quote)));
    CHECK(!ph_ratls_is_certificate(PH_BYTES_LIT("{}")));
    CHECK(!ph_ratls_is_certificate(PH_BYTES_LIT("{\"chain\":\"-----BEGIN CERTIFICATE-----")));
    CHECK(ph_ratls_is_certificate(PH_BYTES_LIT("subject: x\n-----BEGIN CERTIFICATE-----")));
    CHECK(ph_ratls_open(ph_buf_view(&pem), &ratls, &why) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&ratls->der), ph_buf_view(&f.cert)));
    CHECK(ph_ratls_verify(ratls, &f.args, &v) == PH_OK);
    teardown();
}

TEST(dstack_form_counts_alone_and_gives_way_to_the_other)
{
    static const uint8_t app[] = {0x04, 0x03, 'a', 'p', 'p'};
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_ratls *both PH_OWNED(ph_ratls_freep) = NULL;

    setup();
    f.ext[0] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "1", ph_buf_view(&f.dstack)};
    f.ext[1] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "3", PH_BYTES_OF(app)};
    f.ext_cnt = 2;
    CHECK(open_cert(&ratls) == PH_OK && ratls->form == PH_RATLS_DSTACK);
    CHECK(ph_bytes_is(ratls->app_id, "app"));
    CHECK(ph_ratls_verify(ratls, &f.args, &v) == PH_OK);
    f.ext[2] = (struct ph_cert_ext){PH_RATLS_OID_TAGGED_EVIDENCE, ph_buf_view(&f.evidence)};
    f.ext_cnt = 3;
    CHECK(open_cert(&both) == PH_OK && both->form == PH_RATLS_TCG);
    CHECK(ph_ratls_verify(both, &f.args, &v) == PH_OK);
    teardown();
}

TEST(evidence_of_another_key_is_refused_in_both_forms)
{
    setup();
    const uint8_t other[32] = {[31] = 6};
    uint8_t xy[64];
    CHECK(ph_p256_public(other, xy) == PH_OK);
    memcpy(f.key, other, 32);
    ph_cert_spki_p256(xy, f.spki); /* the evidence still names the first key */
    CHECK(refused_for("certificate-key-mismatch"));
    f.ext[0] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "1", ph_buf_view(&f.dstack)};
    CHECK(refused_for("report-data-mismatch"));
    /* Claims that name the key, around a quote that was made for other claims. */
    uint8_t report_data[64];
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(256),
                         evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_ratls_claims(PH_BYTES_OF(f.spki), &claims, report_data) == PH_OK);
    CHECK(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&f.quote), ph_buf_view(&claims),
                                   &evidence) == PH_OK);
    f.ext[0] = (struct ph_cert_ext){PH_RATLS_OID_TAGGED_EVIDENCE, ph_buf_view(&evidence)};
    CHECK(refused_for("report-data-mismatch"));
    teardown();
}

/* A worker's identity or hand-over, a program's data: no report data but the claims' counts. */
TEST(a_quote_for_another_purpose_is_refused)
{
    uint8_t purpose[64];
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);

    setup();
    ph_ratls_dstack_report_data(PH_BYTES_OF(f.spki), purpose);
    const uint8_t tail[32] = {0};
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            memcpy(purpose + 32, tail, 32);
        if (i == 2) { /* the right hash, and more behind it */
            ph_sha256(ph_buf_view(&f.claims), purpose);
            purpose[63] = 1;
        }
        quote_over(purpose, &f.quote);
        ph_buf_clear(&evidence);
        CHECK(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&f.quote),
                                       ph_buf_view(&f.claims), &evidence) == PH_OK);
        f.ext[0].value = ph_buf_view(&evidence);
        CHECK(refused_for("report-data-mismatch"));
    }
    teardown();
}

TEST(dates_are_judged_at_the_moment_that_is_given)
{
    setup();
    f.c.not_after_s = WORLD_NOW;
    CHECK(judge() == PH_OK);
    f.c.not_after_s = WORLD_NOW - 1;
    CHECK(refused_for("certificate-expired"));
    f.c.not_after_s = WORLD_NOW + 1;
    f.c.not_before_s = WORLD_NOW;
    CHECK(judge() == PH_OK);
    f.c.not_before_s = WORLD_NOW + 1;
    CHECK(refused_for("certificate-not-yet-valid"));
    teardown();
}

TEST(what_names_itself_as_issuer_must_have_signed)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_ratls *bad PH_OWNED(ph_ratls_freep) = NULL;

    setup();
    f.key[31] = 6; /* signed by another key than the certificate's */
    CHECK(refused_for("certificate-signature"));
    f.c.issuer.common_name = "authority";
    CHECK(open_cert(&ratls) == PH_OK && ratls->signature == PH_RATLS_BY_ISSUER);
    CHECK(ph_ratls_verify(ratls, &f.args, &v) == PH_OK);
    f.c.issuer.common_name = "worker";
    f.key[31] = 5;
    make_cert();
    /* A later end, without the key: one digit of notAfter, found from the end of the tbs. */
    uint8_t *at = memmem(f.cert.ptr, f.cert.len, "\x17\x0d", 2);
    CHECK(at);
    at[2] ^= 1;
    CHECK(ph_ratls_open(ph_buf_view(&f.cert), &bad, &why) == PH_OK);
    CHECK(ph_ratls_verify(bad, &f.args, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.step == PH_STEP_CERTIFICATE);
    teardown();
}

TEST(evidence_inside_is_judged_as_any_other)
{
    setup();
    f.args.roots = NULL;
    CHECK(refused_for("root-untrusted"));
    f.args.roots = &f.roots;
    f.args.policy = NULL;
    CHECK(judge() == PH_ERR_UNTRUSTED && v.step == PH_STEP_POLICY);
    f.args.policy = &f.w.policy;
    f.args.evidence = NULL; /* no collateral */
    CHECK(judge() != PH_OK && !v.accepted);
    f.args.evidence = &f.with;
    f.args.now_s = WORLD_NOW + 400 * DAY;
    f.c.not_after_s = f.args.now_s;
    CHECK(judge() == PH_ERR_UNTRUSTED);
    teardown();
}

TEST(an_extension_that_is_stripped_or_comes_twice_is_refused)
{
    struct ph_ratls *ratls = NULL;

    setup();
    f.ext_cnt = 0;
    CHECK(open_cert(&ratls) == PH_ERR_NOT_FOUND && !ratls);
    CHECK(strstr(why.text, "no evidence"));
    f.ext[1] = f.ext[0];
    f.ext_cnt = 2;
    CHECK(open_cert(&ratls) == PH_ERR_MALFORMED && strstr(why.text, "twice"));
    f.ext[0] = f.ext[1] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "1", ph_buf_view(&f.dstack)};
    CHECK(open_cert(&ratls) == PH_ERR_MALFORMED && !ratls);
    teardown();
}

/* The evidence with one part of its CBOR replaced. */
static enum ph_err open_with(struct ph_bytes value)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    f.ext[0] = (struct ph_cert_ext){PH_RATLS_OID_TAGGED_EVIDENCE, value};
    return open_cert(&ratls);
}

static enum ph_err open_claims(struct ph_bytes claims, enum ph_evidence_kind kind)
{
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_ratls_tagged_evidence(kind, ph_buf_view(&f.quote), claims, &evidence) == PH_OK);
    return open_with(ph_buf_view(&evidence));
}

TEST(evidence_that_breaks_its_format_is_refused)
{
    setup();
    const struct ph_bytes good = ph_buf_view(&f.evidence), claims = ph_buf_view(&f.claims);
    for (size_t i = 1; i < good.len; i += i < 16 || i + 100 > good.len ? 1 : 97)
        CHECK(open_with((struct ph_bytes){good.ptr, i}) == PH_ERR_MALFORMED);
    struct ph_buf more PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_buf_add(&more, good) == PH_OK && ph_buf_add(&more, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(open_with(ph_buf_view(&more)) == PH_ERR_MALFORMED);
    f.evidence.ptr[2] ^= 1; /* tag 60001 */
    CHECK(open_with(good) == PH_ERR_UNSUPPORTED);
    f.evidence.ptr[2] ^= 1;
    f.evidence.ptr[3] = 0x81; /* an array of one */
    CHECK(open_with(good) == PH_ERR_MALFORMED);
    CHECK(open_claims(claims, PH_EVIDENCE_SNP) == PH_ERR_MALFORMED); /* the quote is Intel's */
    CHECK(open_claims(PH_BYTES_LIT("\xa0"), PH_EVIDENCE_INTEL) == PH_ERR_MALFORMED);
    CHECK(open_claims(PH_BYTES_LIT("\xa1\x6bpubkey-hash\x01"), PH_EVIDENCE_INTEL) ==
          PH_ERR_MALFORMED);
    teardown();
}

TEST(claims_may_have_a_nonce_others_and_longer_hashes)
{
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(512),
                         evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    uint8_t hash[64], report_data[64] = {0};

    setup();
    ph_sha512(PH_BYTES_OF(f.spki), hash);
    CHECK(ph_buf_add(&claims, PH_BYTES_LIT("\xa3\x01\x82\x01\x02\x65nonce\x42hi\x6bpubkey-hash"
                                           "\x58\x44\x82\x08\x58\x40")) == PH_OK);
    CHECK(ph_buf_add(&claims, PH_BYTES_OF(hash)) == PH_OK);
    ph_sha256(ph_buf_view(&claims), report_data);
    quote_over(report_data, &f.quote);
    CHECK(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&f.quote), ph_buf_view(&claims),
                                   &evidence) == PH_OK);
    f.ext[0].value = ph_buf_view(&evidence);
    CHECK(open_cert(&ratls) == PH_OK && ph_bytes_is(ratls->nonce, "hi") && ratls->names_key);
    CHECK(ph_ratls_verify(ratls, &f.args, &v) == PH_OK);
    claims.ptr[claims.len - 65 - 2] = 0x02; /* a hash that nobody knows */
    CHECK(open_claims(ph_buf_view(&claims), PH_EVIDENCE_INTEL) == PH_ERR_UNSUPPORTED);
    teardown();
}

TEST(every_cut_of_a_certificate_is_refused)
{
    struct ph_ratls *ratls = NULL;

    setup();
    make_cert();
    for (size_t i = 0; i < f.cert.len; i++)
        CHECK(ph_ratls_open((struct ph_bytes){f.cert.ptr, i}, &ratls, &why) != PH_OK);
    CHECK(!ratls);
    static uint8_t big[PH_RATLS_CERTIFICATE_MAX + 1] = {0x30, 0x82, 0x7f, 0xfd, 0x30};
    CHECK(ph_ratls_open(PH_BYTES_OF(big), &ratls, &why) != PH_OK);
    CHECK(ph_ratls_open(PH_BYTES_LIT("-----BEGIN CERTIFICATE-----\nMA"), &ratls, &why) ==
          PH_ERR_MALFORMED);
    CHECK(ph_ratls_open(PH_BYTES_LIT("{}"), &ratls, &why) == PH_ERR_MALFORMED);
    teardown();
}

TEST(no_flipped_bit_is_accepted)
{
    setup();
    make_cert();
    for (size_t i = 0; i < f.cert.len; i += i < 400 ? 1 : 61) {
        struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
        f.cert.ptr[i] ^= 0x10;
        if (ph_ratls_open(ph_buf_view(&f.cert), &ratls, &why) == PH_OK &&
            ph_ratls_verify(ratls, &f.args, &v) == PH_OK)
            CHECK(ratls->signature == PH_RATLS_BY_ISSUER); /* a name of the issuer was flipped */
        f.cert.ptr[i] ^= 0x10;
    }
    teardown();
}

TEST(what_it_says_is_shown)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18);
    struct ph_jput j = {.out = &text};

    setup();
    CHECK(open_cert(&ratls) == PH_OK);
    CHECK(ph_ratls_show(ratls, &j, NULL, &why) == PH_OK && ph_jput_end(&j) == PH_OK);
    CHECK(memmem(text.ptr, text.len, "\"ra-tls-certificate\"", 20));
    CHECK(memmem(text.ptr, text.len, "\"form\":\"tcg-dice\"", 17));
    CHECK(memmem(text.ptr, text.len, "\"signature\":\"by-itself\"", 23));
    CHECK(memmem(text.ptr, text.len, "\"evidence\":{\"kind\"", 18));
    teardown();
}

PH_TEST_MAIN(CASE(a_certificate_with_evidence_for_its_key_is_accepted),
             CASE(pem_and_der_are_the_same_and_the_first_of_a_chain_counts),
             CASE(dstack_form_counts_alone_and_gives_way_to_the_other),
             CASE(evidence_of_another_key_is_refused_in_both_forms),
             CASE(a_quote_for_another_purpose_is_refused),
             CASE(dates_are_judged_at_the_moment_that_is_given),
             CASE(what_names_itself_as_issuer_must_have_signed),
             CASE(evidence_inside_is_judged_as_any_other),
             CASE(an_extension_that_is_stripped_or_comes_twice_is_refused),
             CASE(evidence_that_breaks_its_format_is_refused),
             CASE(claims_may_have_a_nonce_others_and_longer_hashes),
             CASE(every_cut_of_a_certificate_is_refused), CASE(no_flipped_bit_is_accepted),
             CASE(what_it_says_is_shown))
