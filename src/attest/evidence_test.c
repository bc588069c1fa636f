/* One front: the kind is told from the bytes, each piece is judged by its maker's verifier, and
 * what cannot be judged is refused. */

#include "attest/evidence.h"

#include "attest/intel/verify.h"
#include "attest/nitro/nitro_synth.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"
#include "base/test_guarded.h"

static struct ph_json_why why;

struct fixture {
    struct world w;
    struct ph_synth_pki *pki;
    struct ph_buf quote;
    struct ph_attest_roots roots;
    struct ph_evidence evidence;
    struct ph_evidence_args args;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    world_init(&f->w);
    f->quote = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_synth_pki_new(&f->w.s, &f->pki) == PH_OK);
    CHECK(ph_synth_tdx_quote(&f->w.s, f->pki, &f->w.td, NULL, &f->quote) == PH_OK);
    f->roots.cnt = 1;
    ph_synth_pki_root(f->pki, f->roots.key[0]);
    f->evidence.quote = ph_buf_view(&f->quote);
    f->evidence.collateral = ph_synth_pki_parts(f->pki);
    f->args = (struct ph_evidence_args){.evidence = &f->evidence,
                                        .roots = &f->roots,
                                        .policy = &f->w.policy,
                                        .report_data = f->w.expected,
                                        .now_s = f->w.now_s};
}

static void teardown(struct fixture *f)
{
    ph_synth_pki_free(f->pki);
    ph_buf_clear(&f->quote);
}

static struct fixture f;
static struct ph_verdict v, other;

TEST(a_kind_is_told_by_its_first_bytes)
{
    static uint8_t snp[1184] = {3, [0x34] = 1}, snp6[1184] = {6, [0x34] = 1}; /* ECDSA P-384 */
    const struct {
        struct ph_bytes bytes;
        enum ph_evidence_kind kind;
    } cases[] = {
        {PH_BYTES_LIT("\4\0\2\0\x81\0\0\0"), PH_EVIDENCE_INTEL},
        {PH_BYTES_LIT("\5\0\2\0\0\0\0\0"), PH_EVIDENCE_INTEL},
        {PH_BYTES_LIT("\3\0\3\0\0\0\0\0"), PH_EVIDENCE_INTEL},
        {PH_BYTES_LIT("\2\0\2\0\0\0\0\0"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("\6\0\2\0\0\0\0\0"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("\4\0\1\0\x81\0\0\0"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("\4\0\2\0\x82\0\0\0"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("\4\0\2\0\x81\0\0"), PH_EVIDENCE_NONE},
        {PH_BYTES_OF(snp), PH_EVIDENCE_SNP},
        {{snp, sizeof(snp) - 1}, PH_EVIDENCE_NONE},
        {PH_BYTES_OF(snp6), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("HCLA"), PH_EVIDENCE_AZURE},
        {PH_BYTES_LIT("HCL"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT("\x84\x44\xa1\x01\x38\x22\xa0"), PH_EVIDENCE_NITRO},
        {PH_BYTES_LIT("\xd2\x84\x44\xa1\x01\x38\x22\xa0"), PH_EVIDENCE_NITRO},
        {PH_BYTES_LIT("\x84\x44\xa1\x01\x38\x21\xa0"), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT(" \r\n\t[]"), PH_EVIDENCE_NVIDIA},
        {PH_BYTES_LIT(" {}"), PH_EVIDENCE_BUNDLE},
        {PH_BYTES_LIT(" "), PH_EVIDENCE_NONE},
        {PH_BYTES_LIT(""), PH_EVIDENCE_NONE},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const struct ph_bytes bytes = ph_guarded(cases[i].bytes);
        if (ph_evidence_detect(bytes) != cases[i].kind)
            fail_msg("case %zu", i);
        ph_guarded_free(bytes);
    }
}

TEST(bare_evidence_and_bundles_are_opened)
{
    setup(&f);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence_bundle *bare PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_evidence_bundle *gpus PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_evidence_bundle *none = NULL;
    static uint8_t big[PH_EVIDENCE_MAX + 1] = {'['};

    CHECK(ph_evidence_open(f.evidence.quote, &bare, &why) == PH_OK);
    CHECK(ph_evidence_view(bare)->kind == PH_EVIDENCE_INTEL);
    CHECK(ph_bytes_equal(ph_evidence_view(bare)->quote, f.evidence.quote));
    CHECK(ph_evidence_view(bare)->quote.ptr != f.evidence.quote.ptr);
    CHECK(ph_evidence_encode(&f.evidence, &text) == PH_OK);
    CHECK(ph_evidence_open(ph_buf_view(&text), &bundle, &why) == PH_OK);
    CHECK(ph_bytes_equal(ph_evidence_view(bundle)->quote, f.evidence.quote));
    CHECK(ph_evidence_view(bundle)->collateral.pck_crl.len > 0);
    CHECK(ph_evidence_open(PH_BYTES_LIT("[]"), &gpus, &why) == PH_OK);
    CHECK(ph_evidence_view(gpus)->quote.len == 0 &&
          ph_evidence_view(gpus)->nvidia.evidence.len == 2);
    why.text[0] = '\0';
    CHECK(ph_evidence_open(PH_BYTES_LIT("x"), &none, &why) == PH_ERR_UNSUPPORTED && why.text[0]);
    why.text[0] = '\0';
    CHECK(ph_evidence_open(PH_BYTES_LIT("{}"), &none, &why) == PH_ERR_MALFORMED && why.text[0]);
    CHECK(ph_evidence_open(PH_BYTES_OF(big), &none, &why) == PH_ERR_LIMIT);
    CHECK(strstr(why.text, "longer than"));
    struct ph_evidence_bundle *long_one PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(ph_evidence_open((struct ph_bytes){big, PH_EVIDENCE_MAX}, &long_one, &why) == PH_OK);
    CHECK(!none);
    teardown(&f);
}

/* With and without parsed collateral: the verdict of the quote's own verifier. */
TEST(a_quote_gets_the_verdict_of_its_verifier)
{
    for (size_t bad = 0; bad < 3; bad++) {
        setup(&f);
        struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
        CHECK(ph_collateral_parse(&f.evidence.collateral, &c, &why) == PH_OK);
        if (bad == 1)
            f.w.expected[63] ^= 1;
        if (bad == 2)
            f.quote.ptr[200] ^= 1;
        const enum ph_err err = ph_quote_verify(f.evidence.quote, c, &f.roots, &f.w.policy,
                                                f.w.expected, f.w.now_s, &other);
        CHECK((err == PH_OK) == (bad == 0));
        CHECK(ph_evidence_verify(&f.args, &v) == err && memcmp(&v, &other, sizeof(v)) == 0);
        f.args.collateral = c;
        f.evidence.collateral = (struct ph_collateral_parts){0};
        CHECK(ph_evidence_verify(&f.args, &v) == err && memcmp(&v, &other, sizeof(v)) == 0);
        teardown(&f);
    }
}

TEST(a_nitro_document_is_judged_by_its_user_data)
{
    struct ph_nitro_synth doc;
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(PH_NITRO_SYNTH_MAX);
    struct ph_buf shown PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &shown};
    struct ph_evidence e = {0};
    struct ph_policy policy = *ph_policy_builtin_hardware();
    struct ph_attest_roots roots = {.pin_cnt = 1, .pin = {{.maker = PH_ROOT_AWS_NITRO}}};
    uint8_t expected[64] = "synthetic user data";
    const struct ph_evidence_args args = {.evidence = &e,
                                          .roots = &roots,
                                          .policy = &policy,
                                          .report_data = expected,
                                          .now_s = 1735689600 + 60}; /* 2025-01-01T00:01:00Z */
    ph_nitro_synth_init(&doc);
    CHECK(ph_nitro_synth_make(&doc, &bytes) == PH_OK);
    CHECK(ph_nitro_synth_root(roots.pin[0].spki_sha256) == PH_OK);
    e.quote = ph_buf_view(&bytes);
    if (ph_evidence_verify(&args, &v) != PH_OK)
        fail_msg("%s", v.sentence);
    CHECK(v.accepted && v.claims.tee == PH_TEE_NITRO && v.claims.report_data_checked);
    CHECK(ph_evidence_show(&e, &j, NULL, &why) == PH_OK && ph_jput_end(&j) == PH_OK);
    CHECK(memmem(shown.ptr, shown.len, "\"kind\":\"nitro-document\"", 23));
    expected[0] ^= 1;
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    expected[0] ^= 1;
    struct ph_evidence_args rootless = args;
    rootless.roots = NULL;
    CHECK(ph_evidence_verify(&rootless, &v) == PH_ERR_UNTRUSTED && !v.accepted);
    roots.pin[0].maker = PH_ROOT_AMD_MILAN; /* a pin counts for its own maker only */
    CHECK(ph_evidence_verify(&args, &v) == PH_ERR_UNTRUSTED && !v.accepted);
}

TEST(makers_have_the_roots_that_are_pinned_and_no_others)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    CHECK(roots.cnt == 1 && roots.pin_cnt == 6);
}

TEST(what_is_missing_denies)
{
    setup(&f);
    f.args.report_data = NULL;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    f.args.report_data_unchecked = true;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_OK && !v.claims.report_data_checked);
    f.args.roots = NULL;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && v.step == PH_STEP_ROOT);
    f.args.roots = &f.roots;
    f.args.policy = NULL;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && v.step == PH_STEP_POLICY);
    f.args.policy = &f.w.policy;
    f.evidence.collateral.root_ca_crl.len = 0;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && v.step == PH_STEP_CRL);
    f.evidence.quote.len = 0;
    CHECK(ph_evidence_verify(&f.args, &v) != PH_OK && !v.accepted);
    teardown(&f);
}

TEST(an_event_log_beside_a_quote_is_demanded_to_replay)
{
    struct ph_trace trace;
    setup(&f);
    f.args.trace = &trace;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_OK && !v.claims.has_events);
    f.evidence.event_log = PH_BYTES_LIT("[");
    CHECK(ph_evidence_verify(&f.args, &v) != PH_OK && v.step == PH_STEP_EVENT_LOG);
    CHECK(trace.has_events);
    teardown(&f);
}

static void is_not_judged(enum ph_err expected, const char *says)
{
    memset(&v, 0xa5, sizeof(v));
    CHECK(ph_evidence_verify(&f.args, &v) == expected);
    CHECK(!v.accepted && strcmp(v.reason, "not-judged") == 0 && strstr(v.sentence, says));
    CHECK(v.claims.tee == PH_TEE_NONE && v.status == PH_TCB_UNKNOWN);
}

TEST(what_cannot_be_judged_is_refused_and_says_why)
{
    setup(&f);
    f.evidence.kind = PH_EVIDENCE_SNP; /* said to be what it is not */
    is_not_judged(PH_ERR_UNSUPPORTED, "said to be");
    f.evidence.kind = PH_EVIDENCE_INTEL;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_OK);
    f.evidence.collateral.tcb_info_json = PH_BYTES_LIT("{");
    is_not_judged(PH_ERR_MALFORMED, "tcbInfo");
    f.evidence.kind = PH_EVIDENCE_NONE;
    f.evidence.quote = PH_BYTES_LIT("nothing");
    is_not_judged(PH_ERR_UNSUPPORTED, "no known kind");
    f.evidence.event_log = PH_BYTES_LIT("l");
    is_not_judged(PH_ERR_UNSUPPORTED, "event log");
    f.args.policy = NULL;
    is_not_judged(PH_ERR_UNSUPPORTED, "event log");
    teardown(&f);
}

TEST(evidence_is_shown_by_its_kind)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    setup(&f);
    why.text[0] = '\0';
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_OK && ph_jput_end(&j) == PH_OK);
    CHECK(memmem(text.ptr, text.len, "\"kind\":\"intel-tdx-quote\"", 24) && !why.text[0]);
    f.evidence.nvidia.evidence = PH_BYTES_LIT("[]"); /* no GPU in it */
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) != PH_OK && strstr(why.text, "nvidia"));
    f.evidence.nvidia.evidence = PH_BYTES_LIT("?");
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) != PH_OK && strstr(why.text, "nvidia"));
    f.evidence.nvidia.evidence.len = 0;
    f.evidence.quote.len = 1;
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) != PH_OK && strstr(why.text, "none"));
    f.evidence.quote.len = 0;
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) != PH_OK && strstr(why.text, "nvidia"));
    f.evidence.quote.len = 100;
    why.text[0] = '\0';
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_ERR_MALFORMED);
    CHECK(strstr(why.text, "does not hold that"));
    f.evidence.quote.len = 3;
    CHECK(ph_evidence_show(&f.evidence, &j, NULL, &why) == PH_ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "cannot be shown"));
    teardown(&f);
}

TEST(what_only_begins_like_evidence_is_not_shown)
{
    static uint8_t snp[1184] = {3, [0x34] = 1, [0x4c] = 1}; /* reserved */
    const struct {
        struct ph_bytes quote, gpus;
        enum ph_evidence_kind kind;
    } cases[] = {
        {PH_BYTES_LIT("\4\0\2\0\x81\0\0\0"), {0}, PH_EVIDENCE_INTEL},
        {PH_BYTES_OF(snp), {0}, PH_EVIDENCE_SNP},
        {PH_BYTES_LIT("HCLA"), {0}, PH_EVIDENCE_AZURE},
        {PH_BYTES_LIT("\x84\x44\xa1\x01\x38\x22\xa0"), {0}, PH_EVIDENCE_NITRO},
        {{0}, PH_BYTES_LIT("[]"), PH_EVIDENCE_NVIDIA},
        {PH_BYTES_LIT("\4\0\2\0\x81\0\0\0"), PH_BYTES_LIT("[]"), PH_EVIDENCE_INTEL},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
        struct ph_jput j = {.out = &text};
        const struct ph_evidence e = {.quote = cases[i].quote,
                                      .nvidia = {.evidence = cases[i].gpus}};
        why.text[0] = '\0';
        if (ph_evidence_show(&e, &j, NULL, &why) == PH_OK ||
            !strstr(why.text, ph_evidence_kind_name(cases[i].kind)))
            fail_msg("case %zu: %s", i, why.text);
    }
}

PH_TEST_MAIN(CASE(what_only_begins_like_evidence_is_not_shown),
             CASE(a_kind_is_told_by_its_first_bytes), CASE(bare_evidence_and_bundles_are_opened),
             CASE(a_quote_gets_the_verdict_of_its_verifier),
             CASE(a_nitro_document_is_judged_by_its_user_data), CASE(what_is_missing_denies),
             CASE(makers_have_the_roots_that_are_pinned_and_no_others),
             CASE(an_event_log_beside_a_quote_is_demanded_to_replay),
             CASE(what_cannot_be_judged_is_refused_and_says_why),
             CASE(evidence_is_shown_by_its_kind))
