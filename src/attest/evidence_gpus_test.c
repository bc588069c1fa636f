/* GPUs through the front: alone, and beside a quote, where both must hold and one challenge binds
 * them. */

#include "attest/evidence.h"

#include "attest/nvidia/test_world.h"
#include "attest/synth/synth_world.h"
#include "attest/verdict_json.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

static struct ph_json_why why;
/* When the quote's documents and the GPUs' OCSP responses end; 0: as they come. */
static int64_t docs_until_s, ocsp_until_s;

struct fixture {
    struct world w;
    struct nv_world gpus;
    struct nv_made made;
    struct ph_synth_pki *pki;
    struct ph_buf quote;
    struct ph_attest_roots roots;
    struct ph_evidence evidence;
    struct ph_evidence_args args;
};

/* A TD and two GPUs that answered SHA-256 of its report data, or 32 bytes of the caller's. */
static void setup(struct fixture *f, const uint8_t *nonce)
{
    memset(f, 0, sizeof(*f));
    world_init(&f->w);
    if (docs_until_s)
        f->w.s.next_update_s = docs_until_s;
    f->quote = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_synth_pki_new(&f->w.s, &f->pki) == PH_OK);
    CHECK(ph_synth_tdx_quote(&f->w.s, f->pki, &f->w.td, NULL, &f->quote) == PH_OK);
    nv_world_init(&f->gpus, PH_NVIDIA_HOPPER);
    nv_world_add(&f->gpus, PH_NVIDIA_HOPPER);
    for (size_t i = 0; i < f->gpus.dev_cnt; i++) {
        if (nonce)
            memcpy(f->gpus.dev[i].report.nonce, nonce, 32);
        else
            ph_sha256(PH_BYTES_OF(f->w.expected), f->gpus.dev[i].report.nonce);
    }
    for (size_t i = 0; ocsp_until_s && i < PH_LEN(f->gpus.ocsp); i++)
        f->gpus.ocsp[i].next_update_s = ocsp_until_s;
    nv_world_make(&f->gpus, &f->made);
    f->roots = f->made.roots;
    f->roots.cnt = 1;
    ph_synth_pki_root(f->pki, f->roots.key[0]);
    f->evidence.quote = ph_buf_view(&f->quote);
    f->evidence.collateral = ph_synth_pki_parts(f->pki);
    f->evidence.nvidia.evidence = ph_buf_view(&f->made.evidence);
    f->evidence.nvidia.rim_cnt = f->made.rim_cnt;
    memcpy(f->evidence.nvidia.rim, f->made.rims, sizeof(f->made.rims));
    f->evidence.nvidia.ocsp_cnt = f->made.ocsp_cnt;
    memcpy(f->evidence.nvidia.ocsp, f->made.ocsps, sizeof(f->made.ocsps));
    f->args = (struct ph_evidence_args){.evidence = &f->evidence,
                                        .roots = &f->roots,
                                        .policy = &f->w.policy,
                                        .report_data = f->w.expected,
                                        .now_s = f->w.now_s};
}

static void teardown(struct fixture *f)
{
    nv_made_clear(&f->made);
    nv_world_clear(&f->gpus);
    ph_synth_pki_free(f->pki);
    ph_buf_clear(&f->quote);
}

static struct fixture f;
static struct ph_verdict v, quote_alone, gpus_alone;

static void is_accepted(void)
{
    if (ph_evidence_verify(&f.args, &v) != PH_OK)
        fail_msg("%s", v.sentence);
    CHECK(v.accepted && v.check == PH_CHECK_CNT);
}

static void is_refused(enum ph_check check)
{
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED);
    if (v.check != check)
        fail_msg("%s", v.sentence);
    static const struct ph_claims nothing;
    CHECK(!v.accepted && memcmp(&v.claims, &nothing, sizeof(nothing)) == 0);
}

TEST(gpus_alone_answer_the_callers_nonce)
{
    static const uint8_t nonce[32] = {1, 2, 3}, other[32] = {1, 2, 4};
    struct ph_trace trace;
    setup(&f, nonce);
    f.evidence.quote.len = 0;
    f.args.report_data = NULL;
    f.args.nonce = nonce;
    f.args.trace = &trace;
    is_accepted();
    CHECK(v.claims.tee == PH_TEE_NVIDIA && v.claims.nvidia.device_cnt == 2 && !v.claims.has_gpus);
    CHECK(v.claims.report_data_checked && trace.group == PH_GROUP_NVIDIA);
    f.evidence.event_log = PH_BYTES_LIT("[]"); /* of what? */
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNSUPPORTED && !v.accepted);
    f.evidence.event_log.len = 0;
    f.args.nonce = other;
    is_refused(PH_CHECK_REPORT_DATA);
    f.args.nonce = NULL; /* nothing expected, nothing proved */
    is_refused(PH_CHECK_REPORT_DATA);
    f.args.report_data_unchecked = true;
    is_accepted();
    CHECK(!v.claims.report_data_checked);
    teardown(&f);
}

TEST(a_quote_and_gpus_are_accepted_together)
{
    struct ph_trace trace, gpu_trace;
    setup(&f, NULL);
    f.args.trace = &trace;
    f.args.gpu_trace = &gpu_trace;
    is_accepted();
    CHECK(v.claims.tee == PH_TEE_TDX && v.claims.has_gpus && v.claims.nvidia.device_cnt == 2);
    CHECK(memcmp(v.claims.report_data, f.w.expected, 64) == 0);
    CHECK(trace.group == PH_GROUP_INTEL && gpu_trace.group == PH_GROUP_NVIDIA);

    /* Marks and dates are those of both. */
    struct ph_evidence one = f.evidence;
    struct ph_evidence_args args = f.args;
    args.evidence = &one;
    one.nvidia.evidence.len = 0;
    CHECK(ph_evidence_verify(&args, &quote_alone) == PH_OK && !quote_alone.claims.has_gpus);
    one = f.evidence;
    one.quote.len = 0;
    args.nonce = v.claims.nvidia.nonce;
    CHECK(ph_evidence_verify(&args, &gpus_alone) == PH_OK);
    const int64_t a = quote_alone.valid_until_s, b = gpus_alone.valid_until_s;
    CHECK(a != 0 && b != 0 && v.valid_until_s == (a < b ? a : b));
    CHECK(v.status == quote_alone.status && v.tcb_date_s == quote_alone.tcb_date_s);
    CHECK(v.tcb_date_s != 0 && gpus_alone.tcb_date_s == 0); /* NVIDIA gives none */
    teardown(&f);
}

TEST(the_whole_holds_until_its_first_part_ends)
{
    for (int late = 0; late < 2; late++) {
        *(late ? &ocsp_until_s : &docs_until_s) = WORLD_NOW + 1;
        setup(&f, NULL);
        docs_until_s = ocsp_until_s = 0;
        is_accepted();
        struct ph_evidence one = f.evidence;
        struct ph_evidence_args args = f.args;
        args.evidence = &one;
        one.nvidia.evidence.len = 0;
        CHECK(ph_evidence_verify(&args, &quote_alone) == PH_OK);
        one = f.evidence;
        one.quote.len = 0;
        args.nonce = v.claims.nvidia.nonce;
        CHECK(ph_evidence_verify(&args, &gpus_alone) == PH_OK);
        const int64_t a = quote_alone.valid_until_s, b = gpus_alone.valid_until_s;
        CHECK(late ? a > b : a < b);
        CHECK(v.valid_until_s == (late ? b : a));
        teardown(&f);
    }
}

TEST(each_proof_can_refuse_the_whole)
{
    setup(&f, NULL);
    f.quote.ptr[200] ^= 1; /* the quote's body */
    is_refused(PH_CHECK_QUOTE_SIGNATURE);
    f.quote.ptr[200] ^= 1;
    is_accepted();
    f.evidence.nvidia.rim_cnt = 0; /* the policy demands manifests */
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && !v.accepted);
    CHECK(ph_check_group(v.check) == PH_GROUP_NVIDIA || v.step == PH_STEP_POLICY);
    f.evidence.nvidia.rim_cnt = f.made.rim_cnt;
    is_accepted();
    for (size_t i = 0; i < f.roots.pin_cnt; i++)
        f.roots.pin[i].maker = PH_ROOT_AMD_MILAN;
    CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && !v.accepted);
    CHECK(ph_check_group(v.check) == PH_GROUP_NVIDIA && v.claims.tee == PH_TEE_NONE);
    teardown(&f);
}

TEST(gpus_of_another_challenge_are_refused)
{
    static const uint8_t nonce[32] = {9}, other[32] = {8};
    setup(&f, nonce);
    is_refused(PH_CHECK_REPORT_DATA); /* not SHA-256 of the report data */
    f.args.nonce = nonce;             /* what the caller says counts */
    is_accepted();
    f.args.nonce = other;
    is_refused(PH_CHECK_REPORT_DATA);
    /* A tool that expects nothing still sees whether both belong together. */
    f.args.nonce = NULL;
    f.args.report_data = NULL;
    f.args.report_data_unchecked = true;
    is_refused(PH_CHECK_REPORT_DATA);
    teardown(&f);
    setup(&f, NULL);
    f.args.report_data = NULL;
    f.args.report_data_unchecked = true;
    is_accepted();
    CHECK(!v.claims.report_data_checked);
    teardown(&f);
}

TEST(a_simulator_on_either_side_marks_the_whole)
{
    for (size_t side = 0; side < 2; side++) {
        setup(&f, NULL);
        f.w.policy.has_simulator_root_insecure = true;
        if (side == 0) { /* the quote */
            ph_attest_root_hash(f.roots.key[0], f.w.policy.simulator_root_insecure);
            f.roots.cnt = 0;
        }
        for (size_t i = 0; side == 1 && i < f.roots.pin_cnt; i++) {
            if (f.roots.pin[i].maker != PH_ROOT_NVIDIA_DEVICE)
                continue;
            memcpy(f.w.policy.simulator_root_insecure, f.roots.pin[i].spki_sha256, 32);
            f.roots.pin[i].maker = PH_ROOT_AMD_MILAN;
        }
        is_accepted();
        CHECK(v.insecure_simulator && v.claims.insecure_simulator);
        CHECK(strstr(v.sentence, "INSECURE-SIMULATOR"));
        f.evidence.nvidia.rim_cnt = 0; /* refused: the mark stays */
        CHECK(ph_evidence_verify(&f.args, &v) == PH_ERR_UNTRUSTED && v.insecure_simulator);
        teardown(&f);
    }
}

TEST(a_bundle_carries_both)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_buf shown PH_OWNED(ph_buf_clear) = PH_BUF(16 << 20);
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_jput j = {.out = &shown};
    setup(&f, NULL);
    CHECK(ph_evidence_encode(&f.evidence, &text) == PH_OK);
    CHECK(ph_evidence_open(ph_buf_view(&text), &bundle, &why) == PH_OK);
    f.args.evidence = ph_evidence_view(bundle);
    is_accepted();
    ph_verdict_json(&v, &j, NULL);
    CHECK(ph_jput_end(&j) == PH_OK);
    CHECK(memmem(shown.ptr, shown.len, "\"gpus\":{\"nonce\":", 16));
    shown.len = 0;
    j = (struct ph_jput){.out = &shown};
    CHECK(ph_evidence_show(ph_evidence_view(bundle), &j, NULL, &why) == PH_OK);
    CHECK(ph_jput_end(&j) == PH_OK);
    CHECK(memmem(shown.ptr, shown.len, "{\"kind\":\"phala-evidence-v1\",", 28) == shown.ptr);
    CHECK(memmem(shown.ptr, shown.len, "\"kind\":\"intel-tdx-quote\"", 24));
    for (size_t cut = 1; cut < 4; cut++) { /* room for all but the last brackets */
        struct ph_buf few PH_OWNED(ph_buf_clear) = PH_BUF(shown.len - cut);
        j = (struct ph_jput){.out = &few};
        CHECK(ph_evidence_show(ph_evidence_view(bundle), &j, NULL, &why) != PH_OK);
    }
    teardown(&f);
}

TEST(nvidias_own_objects_are_no_bundles)
{
    setup(&f, NULL);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    CHECK(ph_evidence_detect(f.evidence.nvidia.evidence) == PH_EVIDENCE_NVIDIA);
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    CHECK(ph_synth_nv_report(&f.gpus.dev[0], &report) == PH_OK);
    CHECK(ph_evidence_detect(ph_buf_view(&report)) == PH_EVIDENCE_NVIDIA);
    CHECK(ph_buf_add_str(&text, "{\"evidence_list\":") == PH_OK);
    CHECK(ph_buf_add(&text, f.evidence.nvidia.evidence) == PH_OK);
    CHECK(ph_buf_add_str(&text, "}") == PH_OK);
    CHECK(ph_evidence_detect(ph_buf_view(&text)) == PH_EVIDENCE_NVIDIA);
    text.len--; /* one that names our format is ours, whatever else it holds */
    CHECK(ph_buf_add_str(&text, ",\"x\":\"phala-evidence-v1\"}") == PH_OK);
    CHECK(ph_nvidia_is_evidence(ph_buf_view(&text)));
    CHECK(ph_evidence_detect(ph_buf_view(&text)) == PH_EVIDENCE_BUNDLE);
    teardown(&f);
}

PH_TEST_MAIN(CASE(gpus_alone_answer_the_callers_nonce),
             CASE(a_quote_and_gpus_are_accepted_together), CASE(each_proof_can_refuse_the_whole),
             CASE(the_whole_holds_until_its_first_part_ends),
             CASE(gpus_of_another_challenge_are_refused),
             CASE(a_simulator_on_either_side_marks_the_whole), CASE(a_bundle_carries_both),
             CASE(nvidias_own_objects_are_no_bundles))
