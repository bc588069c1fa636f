/* Every check of a Nitro document, broken alone in a synthetic one. */

#include "attest/nitro/nitro.h"

#include "attest/evidence.h"
#include "attest/nitro/nitro_synth.h"
#include "attest/verdict_json.h"
#include "base/own.h"
#include "base/test.h"

static struct ph_nitro_synth s;
static struct ph_buf doc = {.limit = PH_NITRO_SYNTH_MAX};
static struct ph_policy policy;
static struct ph_attest_roots roots;
static struct ph_verdict verdict;
static struct ph_trace trace;
static uint8_t report_data[64];
static const int64_t now_s = 1735689600 + 60;
static struct ph_nitro_args args;

/* A document that verifies, and a policy that accepts it. */
static void reset(void)
{
    ph_nitro_synth_init(&s);
    memset(&policy, 0, sizeof(policy));
    policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    policy.nitro_cnt = 1;
    policy.nitro[0].pcrs = 1;
    memset(policy.nitro[0].pcr[0], 0xc0, 48);
    memset(&roots, 0, sizeof(roots));
    roots.pin_cnt = 1;
    roots.pin[0].maker = PH_ROOT_AWS_NITRO;
    CHECK(ph_nitro_synth_root(roots.pin[0].spki_sha256) == PH_OK);
    memcpy(report_data, s.user_data.ptr, 64);
    args = (struct ph_nitro_args){.roots = &roots,
                                  .policy = &policy,
                                  .report_data = report_data,
                                  .now_s = now_s,
                                  .trace = &trace};
}

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *b = (const uint8_t *)p;
    while (len > 0 && b[len - 1] == 0)
        len--;
    return len == 0;
}

static enum ph_err judge(void)
{
    args.document = ph_buf_view(&doc);
    const enum ph_err err = ph_nitro_verify(&args, &verdict);
    CHECK((err == PH_OK) == verdict.accepted);
    CHECK((err == PH_OK) == (verdict.check == PH_CHECK_CNT));
    CHECK(verdict.accepted || is_zero(&verdict.claims, sizeof(verdict.claims)));
    CHECK(verdict.accepted || trace.check[verdict.check].result == PH_TRACE_FAIL);
    return err;
}

static void make(void)
{
    doc.len = 0;
    CHECK(ph_nitro_synth_make(&s, &doc) == PH_OK);
}

static void expect(enum ph_check want, const char *what)
{
    if (verdict.check != want)
        fail_msg("%s: %s", what, verdict.reason);
    /* Alone: no other check fails with it, but that the status is unknown then. */
    for (enum ph_check c = 0; c < PH_CHECK_CNT; c++) {
        const bool follows = c == PH_CHECK_POLICY_STATUS && verdict.status == PH_TCB_UNKNOWN;
        if (trace.check[c].result == PH_TRACE_FAIL && c != want && !follows)
            fail_msg("%s: %s too", what, ph_check_reason(c));
    }
}

#define BROKEN(check, ...)                                                                         \
    do {                                                                                           \
        reset();                                                                                   \
        __VA_ARGS__;                                                                               \
        make();                                                                                    \
        CHECK(judge() != PH_OK);                                                                   \
        expect(PH_CHECK_##check, #__VA_ARGS__);                                                    \
    } while (0)
#define ACCEPTED(...)                                                                              \
    do {                                                                                           \
        reset();                                                                                   \
        __VA_ARGS__;                                                                               \
        make();                                                                                    \
        if (judge() != PH_OK)                                                                      \
            fail_msg("%s: %s", #__VA_ARGS__, verdict.reason);                                      \
    } while (0)
/* The payload, edited before it is signed. */
#define EDIT_AT(i, a, b) s.edit[i].from = PH_BYTES_LIT(a), s.edit[i].to = PH_BYTES_LIT(b)
#define EDIT(a, b) EDIT_AT(0, a, b)

TEST(a_whole_document_is_accepted)
{
    ACCEPTED((void)0);
    const struct ph_claims *c = &verdict.claims;
    CHECK(c->tee == PH_TEE_NITRO && c->report_data_checked && !c->insecure_simulator);
    CHECK(strcmp(c->nitro.module_id, "i-0123-enc0456") == 0);
    CHECK(c->nitro.timestamp_ms == 1735689604321 && c->nitro.pcrs == 0xffff);
    CHECK(c->nitro.pcr[4][47] == 0xc4 && c->nitro.user_data_len == 64);
    CHECK(c->nitro.nonce_len == 0 && c->nitro.public_key_len == 0);
    CHECK(memcmp(c->report_data, report_data, 64) == 0 && c->verified_at_s == now_s);
    CHECK(verdict.status == PH_TCB_UP_TO_DATE && verdict.measurements_demanded);
    CHECK(verdict.valid_until_s == 1735689600 + 3 * 3600);
    CHECK(strcmp(verdict.sentence, "The document is genuine and satisfies the policy.") == 0);
    for (enum ph_check k = PH_CHECK_NITRO_LENGTH; k <= PH_CHECK_NITRO_SIGNATURE; k++)
        CHECK(trace.check[k].result == PH_TRACE_PASS);
    ACCEPTED(s.before = PH_BYTES_LIT("\xd2\x84")); /* tagged */
    ACCEPTED(s.nonce = PH_BYTES_LIT("n"); s.public_key = PH_BYTES_LIT("key"));
    CHECK(verdict.claims.nitro.nonce_len == 1 && verdict.claims.nitro.nonce[0] == 'n');
    CHECK(verdict.claims.nitro.public_key_len == 3);
    /* One intermediate; two certificates. */
    ACCEPTED(s.cert[2].issuer = s.cert[4].subject; s.cert[2].issuer_secret = s.cert[4].secret;
             s.cert[3] = s.cert[4]; s.cert_cnt = 4);
    ACCEPTED(s.cert[0].issuer = s.cert[4].subject; s.cert[0].issuer_secret = s.cert[4].secret;
             s.cert[1] = s.cert[4]; s.cert_cnt = 2);
}

TEST(what_is_no_cose_sign1_is_refused)
{
    BROKEN(NITRO_COSE, s.before = PH_BYTES_LIT("\xd8\x60\x84"));
    BROKEN(NITRO_COSE, s.before = PH_BYTES_LIT("\x83"));
    BROKEN(NITRO_COSE, s.before = PH_BYTES_LIT("\x85"); s.after = PH_BYTES_LIT("\x00"));
    BROKEN(NITRO_COSE, s.before = PH_BYTES_LIT("\x9f"); s.after = PH_BYTES_LIT("\xff"));
    BROKEN(NITRO_COSE, s.after = PH_BYTES_LIT("\x00"));
    BROKEN(NITRO_COSE, s.unprotected = PH_BYTES_LIT("\x80"));
    BROKEN(NITRO_COSE, s.unprotected = PH_BYTES_LIT("\x40"));
    reset();
    make();
    doc.ptr[doc.len - 97] = 0x5f; /* length of the signature */
    CHECK(judge() == PH_ERR_MALFORMED && verdict.check == PH_CHECK_NITRO_COSE);
    make();
    doc.ptr[doc.len - 97] = 0x61; /* one byte more, and it is there */
    CHECK(ph_buf_add(&doc, PH_BYTES_LIT("x")) == PH_OK);
    CHECK(judge() == PH_ERR_MALFORMED && verdict.check == PH_CHECK_NITRO_COSE);
    for (size_t len = 0; len < 5; len++) {
        doc.len = len;
        CHECK(judge() == PH_ERR_MALFORMED && verdict.check == PH_CHECK_NITRO_COSE);
    }
    static uint8_t big[PH_NITRO_MAX + 1];
    args.document = PH_BYTES_OF(big);
    CHECK(ph_nitro_verify(&args, &verdict) == PH_ERR_LIMIT);
    CHECK(verdict.check == PH_CHECK_NITRO_LENGTH);
}

TEST(every_truncation_is_refused)
{
    reset();
    make();
    for (size_t len = doc.len; len-- > 0;) {
        doc.len = len;
        CHECK(judge() == PH_ERR_MALFORMED);
    }
}

TEST(other_algorithms_are_refused)
{
    BROKEN(NITRO_ALGORITHM, s.protected_header = PH_BYTES_LIT("\xa1\x01\x26"));     /* ES256 */
    BROKEN(NITRO_ALGORITHM, s.protected_header = PH_BYTES_LIT("\xa1\x01\x38\x23")); /* ES512 */
    BROKEN(NITRO_ALGORITHM, s.protected_header = PH_BYTES_LIT("\xa0"));
    BROKEN(NITRO_ALGORITHM, s.protected_header = PH_BYTES_LIT(""));
    BROKEN(NITRO_ALGORITHM, s.protected_header = PH_BYTES_LIT("\xa2\x01\x38\x22\x04\x40"));
    BROKEN(NITRO_ALGORITHM, s.unprotected = PH_BYTES_LIT("\xa1\x01\x38\x22"));
    BROKEN(NITRO_ALGORITHM, s.unprotected = PH_BYTES_LIT("\xbf\xff"));
}

TEST(other_payloads_are_refused)
{
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6", "\x65other\xf6"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6", "\x69user_data\xf6")); /* twice */
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6", "\x45nonce\xf6"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6", "\x01\xf6"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6", "\x65nonce"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6\xff", "\x65nonce\xf6\xff\x00"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x65nonce\xf6\xff", "\x65nonce\xf6"));
    BROKEN(NITRO_PAYLOAD, EDIT("\xbf\x69module_id", "\xaa\x69module_id"));
    BROKEN(NITRO_PAYLOAD, EDIT("\xbf\x69module_id", "\x9f\x69module_id"));
    BROKEN(NITRO_PAYLOAD, EDIT("\xbf\x69module_id", "\xd2\xbf\x69module_id"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x66SHA384", "\x78\x06SHA384"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x66SHA384", "\x66SHA38\xff"));
    BROKEN(NITRO_PAYLOAD, EDIT("\x64pcrs\xb0\x00", "\x64pcrs\xb0\x01"));
    ACCEPTED(EDIT("\xbf\x69module_id", "\xa9\x69module_id");
             EDIT_AT(1, "\x65nonce\xf6\xff", "\x65nonce\xf6"));
    ACCEPTED(EDIT("\x65nonce\xf6", "")); /* absent instead of null */
    static uint8_t many[PH_NITRO_PAYLOAD_MAX];
    BROKEN(NITRO_COSE, s.user_data = PH_BYTES_OF(many)); /* the payload is larger than AWS's */
}

TEST(other_fields_are_refused)
{
    static uint8_t many[2048];
    static char longest[PH_NITRO_MODULE_ID_MAX + 2], name[900];
    memset(longest, 'i', sizeof(longest) - 1);
    memset(name, 'n', sizeof(name) - 1);

    /* Missing. */
    BROKEN(NITRO_FIELDS, EDIT("\x69module_id\x6ei-0123-enc0456", ""));
    BROKEN(NITRO_FIELDS, EDIT("\x66"
                              "digest\x66SHA384",
                              ""));
    BROKEN(NITRO_FIELDS, s.timestamp_ms = 5; EDIT("\x69timestamp\x05", ""));
    BROKEN(NITRO_FIELDS, s.pcrs = 0; EDIT("\x64pcrs\xa0", ""));
    BROKEN(NITRO_FIELDS, EDIT("\x65nonce\xf6", ""); EDIT_AT(1,
                                                            "\x6b"
                                                            "certificate",
                                                            "\x65nonce"));
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1; EDIT("\x68"
                                              "cabundle\x80",
                                              ""));
    /* Of another type or size. */
    BROKEN(NITRO_FIELDS, s.module_id = "");
    BROKEN(NITRO_FIELDS, s.module_id = longest);
    BROKEN(NITRO_MODULE, s.module_id = longest + 1);
    BROKEN(NITRO_FIELDS, EDIT("\x6ei-0123-enc0456", "\x4ei-0123-enc0456"));
    BROKEN(NITRO_FIELDS, EDIT("\x6ei-0123-enc0456", "\xf6"));
    BROKEN(NITRO_FIELDS, EDIT("\x6ei-0123-enc0456", "\x6ei-0123\0enc0456"));
    BROKEN(NITRO_FIELDS, s.timestamp_ms = 0);
    BROKEN(NITRO_FIELDS, s.timestamp_ms = 1ull << 63);
    BROKEN(NITRO_FIELDS, s.timestamp_ms = 5; EDIT("\x69timestamp\x05", "\x69timestamp\x25"));
    BROKEN(NITRO_FIELDS, s.timestamp_ms = 5; EDIT("\x69timestamp\x05", "\x69timestamp\x41\x05"));
    BROKEN(NITRO_FIELDS, EDIT("\x65nonce\xf6", ""); EDIT_AT(1,
                                                            "\x6b"
                                                            "certificate",
                                                            "\x6b"
                                                            "certificate\x40\x65nonce"));
    BROKEN(NITRO_FIELDS, EDIT("\x65nonce\xf6", ""); EDIT_AT(1,
                                                            "\x6b"
                                                            "certificate",
                                                            "\x6b"
                                                            "certificate\xf6\x65nonce"));
    BROKEN(NITRO_FIELDS, s.cert[0].subject = name);
    BROKEN(NITRO_FIELDS, s.cert[2].subject = name);
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1);
    BROKEN(NITRO_FIELDS, s.cert_cnt = 10; for (size_t i = 5; i < 10; i++) s.cert[i] = s.cert[4]);
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1; EDIT("cabundle\x80", "cabundle\x81\x40"));
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1; EDIT("cabundle\x80", "cabundle\x81\xf6"));
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1; EDIT("cabundle\x80", "cabundle\xa0"));
    BROKEN(NITRO_FIELDS, s.cert_cnt = 1; EDIT("cabundle\x80", "cabundle\xf6"));
    BROKEN(NITRO_FIELDS, EDIT("public_key\xf6", "public_key\x40"));
    BROKEN(NITRO_FIELDS, EDIT("public_key\xf6", "public_key\x61x"));
    BROKEN(NITRO_FIELDS, EDIT("public_key\xf6", "public_key\xf4"));
    BROKEN(NITRO_FIELDS, s.public_key = (struct ph_bytes){many, PH_NITRO_PUBLIC_KEY_MAX + 1});
    ACCEPTED(s.public_key = (struct ph_bytes){many, PH_NITRO_PUBLIC_KEY_MAX});
    BROKEN(NITRO_FIELDS, s.user_data = (struct ph_bytes){many, PH_NITRO_USER_DATA_MAX + 1});
    ACCEPTED(s.user_data = (struct ph_bytes){many, PH_NITRO_USER_DATA_MAX};
             args.report_data_unchecked = true);
    BROKEN(NITRO_FIELDS, s.nonce = (struct ph_bytes){many, PH_NITRO_USER_DATA_MAX + 1});
    ACCEPTED(s.nonce = (struct ph_bytes){many, PH_NITRO_USER_DATA_MAX});
    BROKEN(NITRO_FIELDS, EDIT("nonce\xf6", "nonce\x80"));
}

TEST(other_pcrs_are_refused)
{
    BROKEN(NITRO_PCRS, s.digest = "SHA256");
    BROKEN(NITRO_PCRS, s.digest = "sha384");
    BROKEN(NITRO_PCRS, s.digest = "");
    BROKEN(NITRO_PCRS, EDIT("\x66SHA384", "\x46SHA384")); /* bytes */
    BROKEN(NITRO_PCRS, s.pcrs = 0);
    BROKEN(NITRO_PCRS, s.pcrs = 0; EDIT("\x64pcrs\xa0", "\x64pcrs\xf6"));
    BROKEN(NITRO_PCRS, s.pcrs = 0; EDIT("\x64pcrs\xa0", "\x64pcrs\x80"));
    BROKEN(NITRO_PCRS, s.pcrs = 1 << 31; EDIT("\xa1\x18\x1f", "\xa1\x18\x20"));
    BROKEN(NITRO_PCRS, s.pcrs = 1; EDIT("\xa1\x00\x58\x30", "\xa1\x20\x58\x30"));
    BROKEN(NITRO_PCRS, s.pcrs = 1; EDIT("\xa1\x00\x58\x30\xc0", "\xa1\x00\x58\x2f"));
    BROKEN(NITRO_PCRS, s.pcrs = 1; EDIT("\xa1\x00\x58\x30", "\xa1\x00\x58\x31\xc0"));
    BROKEN(NITRO_PCRS, s.pcrs = 1; memset(s.pcr[0], 'a', 48);
           EDIT("\xa1\x00\x58\x30", "\xa1\x00\x78\x30"));
    ACCEPTED(s.pcrs = 0xffffffff; memset(s.pcr[31], 0xdf, 48));
    CHECK(verdict.claims.nitro.pcr[31][0] == 0xdf && verdict.claims.nitro.pcr[31][47] == 0xdf);
    CHECK(verdict.claims.nitro.pcr[0][47] == 0xc0);
}

static const uint8_t nobody[48] = {[47] = 77};

TEST(other_certificates_are_refused)
{
    BROKEN(NITRO_CERT_FORMAT, s.cert[0].p256_sig_alg = true);
    BROKEN(NITRO_CERT_FORMAT, s.cert[3].p256_sig_alg = true);
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[0].is_ca = true);
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[0].no_basic_constraints = true);
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[0].no_key_usage = true);
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[0].key_usage = 0x40);
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[0].key_usage = 0x86);
    for (size_t i = 1; i < 5; i++) {
        BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].is_ca = false);
        BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].no_basic_constraints = true);
        BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].no_key_usage = true);
        BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].key_usage = 0x82);
        BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].subject = "Somebody";
               s.cert[i - 1].issuer = "Somebody"; if (i == 4) s.cert[4].issuer = "Somebody");
        if (i > 1)
            BROKEN(NITRO_CHAIN_PROFILE, s.cert[i].has_path_len = true;
                   s.cert[i].path_len = (uint8_t)(i - 2));
    }
    BROKEN(NITRO_CHAIN_PROFILE,
           s.cert[4].subject = s.cert[4].issuer = s.cert[3].issuer = "aws-us-gov.nitro-enclaves");
    /* The end of a CA's name counts, and something stands before it. */
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[2].subject = "somebody.else.nitro-enclaves";
           s.cert[1].issuer = "somebody.else.nitro-enclaves");
    BROKEN(NITRO_CHAIN_PROFILE, s.cert[2].subject = ".aws.nitro-enclaves";
           s.cert[1].issuer = ".aws.nitro-enclaves");
    ACCEPTED(s.cert[2].subject = "9.aws.nitro-enclaves"; s.cert[1].issuer = "9.aws.nitro-enclaves");
    BROKEN(NITRO_MODULE, s.module_id = "i-0123-enc045");
    BROKEN(NITRO_MODULE, s.module_id = "i-0123-enc0457");
    BROKEN(NITRO_MODULE, s.cert[0].subject = "i-0123-enc0456");
    BROKEN(NITRO_CHAIN_LINKS, s.cert[0].issuer = "9.aws.nitro-enclaves");
    BROKEN(NITRO_CHAIN_LINKS, s.cert[2].issuer = "9.aws.nitro-enclaves");
    BROKEN(NITRO_CHAIN_LINKS, s.cert[4].issuer = "9.aws.nitro-enclaves");
    BROKEN(NITRO_CHAIN_LINKS, s.cert[1].no_aki = true);
    BROKEN(NITRO_CHAIN_LINKS, s.cert[4].no_ski = true);
    BROKEN(NITRO_CHAIN_LINKS, s.cert[2].issuer_secret = nobody;
           s.cert[2].signer_secret = s.cert[3].secret);
    for (size_t i = 0; i < 5; i++)
        BROKEN(NITRO_CHAIN_SIGNATURE, s.cert[i].signer_secret = nobody);
}

TEST(every_certificate_must_be_valid_now)
{
    for (size_t i = 0; i < 5; i++) {
        BROKEN(NITRO_ISSUED, s.cert[i].not_before_s = now_s + 1;
               if (i == 0) s.timestamp_ms = (uint64_t)(now_s + 2) * 1000);
        BROKEN(NITRO_FRESH, s.cert[i].not_after_s = now_s - 1);
        ACCEPTED(s.cert[i].not_after_s = now_s);
        CHECK(verdict.valid_until_s == now_s);
    }
    ACCEPTED(args.now_s = 1735689600);
    BROKEN(NITRO_ISSUED, args.now_s = 1735689600 - 1);
    BROKEN(NITRO_FRESH, args.now_s = 1735689600 + 3 * 3600 + 1);
    BROKEN(NITRO_TIMESTAMP, s.timestamp_ms = 1735689599999);
    ACCEPTED(s.timestamp_ms = 1735689600000);
    ACCEPTED(s.timestamp_ms = (1735689600ull + 3 * 3600) * 1000);
    BROKEN(NITRO_TIMESTAMP, s.timestamp_ms = (1735689600ull + 3 * 3600 + 1) * 1000);
    BROKEN(NITRO_TIMESTAMP, s.timestamp_ms = INT64_MAX);
}

TEST(other_roots_are_refused)
{
    BROKEN(NITRO_ROOT, roots.pin_cnt = 0);
    BROKEN(NITRO_ROOT, roots.pin[0].maker = PH_ROOT_NVIDIA_RIM);
    BROKEN(NITRO_ROOT, args.roots = NULL);
    BROKEN(NITRO_ROOT, roots = ph_attest_roots_production());
    BROKEN(NITRO_ROOT, roots.pin_cnt = 0; policy.has_simulator_root_insecure = true);
    ACCEPTED(roots.pin_cnt = 0; policy.has_simulator_root_insecure = true;
             CHECK(ph_nitro_synth_root(policy.simulator_root_insecure) == PH_OK));
    CHECK(verdict.insecure_simulator && verdict.claims.insecure_simulator);
}

TEST(only_the_leaf_may_sign_the_document)
{
    BROKEN(NITRO_SIGNATURE, s.signer = s.cert[1].secret);
    BROKEN(NITRO_SIGNATURE, s.signer = nobody);
    CHECK(verdict.status == PH_TCB_UNKNOWN);
    reset();
    make();
    uint8_t *pcr = memmem(doc.ptr, doc.len, "\xc0\xc0\xc0\xc0", 4);
    CHECK(pcr != NULL);
    pcr[47] ^= 1;
    policy.nitro[0].pcr[0][47] ^= 1;
    CHECK(judge() == PH_ERR_UNTRUSTED);
    expect(PH_CHECK_NITRO_SIGNATURE, "altered");
}

TEST(report_data_is_user_data_with_zeros_after_it)
{
    BROKEN(REPORT_DATA, report_data[0] ^= 1);
    BROKEN(REPORT_DATA, report_data[63] ^= 1);
    ACCEPTED(memset(report_data, 0, 64); report_data[0] = 'x'; s.user_data = PH_BYTES_LIT("x"));
    BROKEN(REPORT_DATA, memset(report_data, 0, 64); report_data[0] = 'x'; report_data[1] = 'y';
           s.user_data = PH_BYTES_LIT("x"));
    BROKEN(REPORT_DATA, memset(report_data, 0, 64); s.user_data = PH_BYTES_LIT(""));
    BROKEN(REPORT_DATA, memset(report_data, 0, 64); s.user_data = (struct ph_bytes){NULL, 0});
    BROKEN(REPORT_DATA, memset(report_data, 0, 64);
           s.user_data = PH_BYTES_LIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\0\0\0\0\0"));
    BROKEN(REPORT_DATA, s.nonce = s.user_data; s.user_data = (struct ph_bytes){NULL, 0});
    ACCEPTED(args.report_data = NULL; args.report_data_unchecked = true);
    CHECK(!verdict.claims.report_data_checked);
    reset();
    args.report_data = NULL;
    make();
    CHECK(judge() == PH_ERR_UNTRUSTED && verdict.check == PH_CHECK_REPORT_DATA);
}

TEST(the_policy_decides_last)
{
    static const uint8_t zero[48];
    BROKEN(POLICY_STATUS, policy.statuses = 0);
    BROKEN(POLICY_TCB_DATE, policy.min_tcb_date_s = 1);
    for (size_t i = 0; i <= 2; i++) {
        BROKEN(POLICY_DEBUG, memset(s.pcr[i], 0, 48);
               memset(policy.nitro[0].pcr[0], s.pcr[0][0], 48));
        BROKEN(POLICY_DEBUG, s.pcrs &= ~(1u << i); policy.nitro[0].pcrs = 1 << 8;
               memset(policy.nitro[0].pcr[8], 0xc8, 48));
        ACCEPTED(memcpy(s.pcr[i], zero, 47); s.pcr[i][47] = 1;
                 memcpy(policy.nitro[0].pcr[0], s.pcr[0], 48));
    }
    ACCEPTED(memset(s.pcr, 0, sizeof(s.pcr)); policy.allow_debug_insecure = true;
             memset(policy.nitro[0].pcr[0], 0, 48));
    ACCEPTED(memset(s.pcr[3], 0, 48)); /* says nothing of debug mode */
    ACCEPTED(s.pcrs &= ~(1u << 3));
    BROKEN(POLICY_MEASUREMENT, policy.nitro_cnt = 0);
    BROKEN(POLICY_MEASUREMENT, policy.nitro[0].pcrs = 0);
    BROKEN(POLICY_MEASUREMENT, policy.nitro[0].pcr[0][47] ^= 1);
    BROKEN(POLICY_MEASUREMENT, policy.nitro[0].pcrs |= 1 << 8);
    BROKEN(POLICY_MEASUREMENT, s.pcrs &= ~(1u << 8); policy.nitro[0].pcrs = 1 << 8);
    ACCEPTED(policy.nitro[1] = policy.nitro[0]; policy.nitro[0].pcr[0][0] ^= 1;
             policy.nitro_cnt = 2);
    ACCEPTED(policy.nitro[1] = policy.nitro[0]; policy.nitro[1].pcr[0][0] ^= 1;
             policy.nitro_cnt = 2);
    ACCEPTED(
        for (size_t i = 1; i < PH_POLICY_MEASUREMENTS_MAX; i++) policy.nitro[i] = policy.nitro[0];
        for (size_t i = 0; i + 1 < PH_POLICY_MEASUREMENTS_MAX; i++) policy.nitro[i].pcr[0][0] ^= 1;
        policy.nitro_cnt = PH_POLICY_MEASUREMENTS_MAX);
    ACCEPTED(policy.nitro_cnt = 0; policy.any_measurement = true);
    CHECK(!verdict.measurements_demanded);
    BROKEN(POLICY_STATUS, args.policy = &(struct ph_policy){.any_measurement = true});
    reset();
    args.policy = NULL;
    make();
    CHECK(judge() == PH_ERR_UNTRUSTED && verdict.check == PH_CHECK_POLICY_STATUS);
}

TEST(documents_and_claims_are_shown_as_json)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_jput out = {.out = &text};
    enum ph_check failed;

    ACCEPTED(s.nonce = PH_BYTES_LIT("n"));
    CHECK(ph_nitro_json(ph_buf_view(&doc), &out, NULL, &failed) == PH_OK);
    CHECK(ph_jput_end(&out) == PH_OK && ph_buf_add(&text, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(strstr((char *)text.ptr, "{\"kind\":\"nitro-document\",\"module_id\":\"i-0123-enc0456\","
                                   "\"timestamp_ms\":1735689604321,\"digest\":\"SHA384\","
                                   "\"pcrs\":{\"0\":\"c0c0"));
    CHECK(strstr((char *)text.ptr, "\"15\":\"0000"));
    CHECK(strstr((char *)text.ptr, "\"subject\":\"i-0123-enc0456.us-test-1.aws\","
                                   "\"not_before\":\"2025-01-01T00:00:00Z\""));
    CHECK(strstr((char *)text.ptr, "\"cabundle\":4,\"public_key\":null,"));
    CHECK(strstr((char *)text.ptr, "\"nonce\":\"6e\"}"));

    text.len = 0;
    out = (struct ph_jput){.out = &text};
    ph_verdict_json(&verdict, &out, NULL);
    CHECK(ph_jput_end(&out) == PH_OK && ph_buf_add(&text, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(strstr((char *)text.ptr, "\"verdict\":\"accepted\",\"status\":\"UpToDate\""));
    CHECK(strstr((char *)text.ptr, "\"tee\":\"NITRO\",\"module_id\":\"i-0123-enc0456\""));

    text.len = 0;
    out = (struct ph_jput){.out = &text};
    doc.len--;
    CHECK(ph_nitro_json(ph_buf_view(&doc), &out, NULL, &failed) == PH_ERR_MALFORMED);
    CHECK(failed == PH_CHECK_NITRO_COSE && text.len == 0);
}

TEST(documents_are_judged_and_shown_through_the_front)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_jput out = {.out = &text};
    struct ph_json_why why;

    ACCEPTED((void)0);
    struct ph_evidence evidence = {.kind = PH_EVIDENCE_NITRO, .quote = ph_buf_view(&doc)};
    struct ph_evidence_args front = {.evidence = &evidence,
                                     .roots = &roots,
                                     .policy = &policy,
                                     .report_data = report_data,
                                     .now_s = now_s,
                                     .trace = &trace};
    CHECK(ph_evidence_verify(&front, &verdict) == PH_OK && verdict.claims.tee == PH_TEE_NITRO);
    CHECK(trace.check[PH_CHECK_NITRO_SIGNATURE].result == PH_TRACE_PASS);
    CHECK(ph_evidence_show(&evidence, &out, NULL, &why) == PH_OK && ph_jput_end(&out) == PH_OK);
    CHECK(memmem(text.ptr, text.len, "nitro-document", 14));
    report_data[0] ^= 1;
    CHECK(ph_evidence_verify(&front, &verdict) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_REPORT_DATA);
    report_data[0] ^= 1;
    front.report_data = NULL;
    CHECK(ph_evidence_verify(&front, &verdict) == PH_ERR_UNTRUSTED);
    front.report_data_unchecked = true;
    CHECK(ph_evidence_verify(&front, &verdict) == PH_OK);
    front.now_s += 4 * 3600;
    CHECK(ph_evidence_verify(&front, &verdict) == PH_ERR_UNTRUSTED);
    front.now_s = now_s;
    front.roots = NULL;
    CHECK(ph_evidence_verify(&front, &verdict) == PH_ERR_UNTRUSTED);
    front.roots = &roots;
    /* An event log that nobody replays does not pass unseen. */
    evidence.event_log = PH_BYTES_LIT("[]");
    CHECK(ph_evidence_verify(&front, &verdict) == PH_ERR_UNSUPPORTED && !verdict.accepted);
}

PH_TEST_MAIN(CASE(a_whole_document_is_accepted), CASE(what_is_no_cose_sign1_is_refused),
             CASE(every_truncation_is_refused), CASE(other_algorithms_are_refused),
             CASE(other_payloads_are_refused), CASE(other_fields_are_refused),
             CASE(other_pcrs_are_refused), CASE(other_certificates_are_refused),
             CASE(every_certificate_must_be_valid_now), CASE(other_roots_are_refused),
             CASE(only_the_leaf_may_sign_the_document),
             CASE(report_data_is_user_data_with_zeros_after_it), CASE(the_policy_decides_last),
             CASE(documents_and_claims_are_shown_as_json),
             CASE(documents_are_judged_and_shown_through_the_front))
