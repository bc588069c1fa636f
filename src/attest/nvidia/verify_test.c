/* Every check alone: evidence that breaks one rule is refused for that rule, and for that only. The
 * test walks over all checks of the table, so that a check without a case fails it. */

#include "attest/nvidia/spdm.h"
#include "attest/nvidia/test_world.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

static struct nv_world w;
static struct nv_made made;
static struct ph_verdict v;
static struct ph_trace trace;

static void start(enum ph_nvidia_arch arch)
{
    nv_world_clear(&w);
    nv_world_init(&w, arch);
    w.trace = &trace;
}

static bool refused(enum ph_check check)
{
    return nv_world_refused(&w, check, &v);
}

static bool accepted(void)
{
    return nv_world_accepted(&w, &v);
}

static bool applies(enum ph_check check)
{
    const enum ph_check_group group = ph_check_group(check);
    /* There are no advisories about devices: the check is made, and cannot fail. */
    return check != PH_CHECK_POLICY_ADVISORY && (group == PH_GROUP_ALL || group == PH_GROUP_NVIDIA);
}

static size_t failures(void)
{
    size_t cnt = 0;
    for (enum ph_check c = 0; c < PH_CHECK_CNT; c++)
        cnt += trace.check[c].result == PH_TRACE_FAIL;
    return cnt;
}

TEST(each_check_alone_refuses_for_its_reason)
{
    static const struct ph_claims none;
    size_t wrong = 0;
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (!applies(check))
            continue;
        start(PH_NVIDIA_HOPPER);
        nv_world_break(&w, check);
        const enum ph_err err = nv_world_judge(&w, &v);
        /* Where nothing authentic is left to judge, no policy accepts the status either. */
        const size_t also = v.status == PH_TCB_UNKNOWN && check != PH_CHECK_POLICY_STATUS &&
                            trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL;
        const bool good =
            err != PH_OK && !v.accepted && v.check == check && v.step == ph_check_step(check) &&
            strcmp(v.reason, ph_check_reason(check)) == 0 &&
            trace.check[check].result == PH_TRACE_FAIL && failures() == 1 + also &&
            memcmp(&v.claims, &none, sizeof(none)) == 0 && strncmp(v.sentence, "Refused: ", 9) == 0;
        if (!good) {
            print_message("# %s: got %s, %s, %zu failures\n", ph_check_reason(check), v.reason,
                          ph_err_name(err), failures());
            wrong++;
        }
    }
    CHECK(wrong == 0);
}

TEST(a_good_device_of_each_kind_is_accepted_and_yields_claims)
{
    for (enum ph_nvidia_arch a = PH_NVIDIA_HOPPER; a <= PH_NVIDIA_LS10; a++) {
        start(a);
        CHECK(accepted());
        CHECK(v.status == PH_TCB_UP_TO_DATE && v.step == PH_STEP_NONE && !v.insecure_simulator);
        CHECK(v.claims.tee == PH_TEE_NVIDIA && v.claims.report_data_checked);
        CHECK(v.claims.verified_at_s == NV_NOW);
        const struct ph_nvidia_claims *c = &v.claims.nvidia;
        CHECK(c->device_cnt == 1 && c->device[0].arch == a && c->measured &&
              c->revocation_checked && memcmp(c->nonce, w.nonce, 32) == 0);
        CHECK(strcmp(c->device[0].driver, a == PH_NVIDIA_LS10 ? "" : "550.90.07") == 0);
        CHECK(strcmp(c->device[0].vbios,
                     a == PH_NVIDIA_LS10 ? "96.10.55.00.01" : "96.00.9F.00.01") == 0);
        /* Every check that can be part of it was made. */
        for (enum ph_check check = 0; check < PH_CHECK_CNT; check++)
            CHECK(!applies(check) || trace.check[check].result == PH_TRACE_PASS);
    }
}

TEST(a_machine_is_accepted_as_a_whole_or_not_at_all)
{
    static const uint8_t enabled[] = {0xaa};
    uint8_t pdi[16] = {0};
    start(PH_NVIDIA_HOPPER);
    nv_world_add(&w, PH_NVIDIA_HOPPER);
    nv_world_add(&w, PH_NVIDIA_LS10);
    for (size_t i = 0; i < 8; i++) /* GPUs write ids the other way round; an unused link is zero */
        pdi[i] = (uint8_t)(w.dev[2].cert[1].serial >> 8 * i);
    for (size_t i = 0; i < 2; i++) {
        ph_synth_nv_field(&w.dev[i].report, 21, enabled, 1);
        ph_synth_nv_field(&w.dev[i].report, 22, pdi, sizeof(pdi));
    }
    CHECK(accepted() && v.claims.nvidia.device_cnt == 3 && v.claims.nvidia.measured);
    CHECK(memcmp(v.claims.nvidia.device[0].device_id, v.claims.nvidia.device[1].device_id, 32) !=
          0);
    /* Each byte of a switch's id counts. */
    for (size_t i = 0; i < 8; i++) {
        pdi[i] ^= 1;
        ph_synth_nv_field(&w.dev[1].report, 22, pdi, sizeof(pdi));
        CHECK(refused(PH_CHECK_POLICY_NV_SWITCHES));
        pdi[i] ^= 1;
    }
    ph_synth_nv_field(&w.dev[1].report, 22, pdi, sizeof(pdi));
    /* Each device must pass. */
    for (size_t i = 0; i < 3; i++) {
        w.dev[i].report.digest[i == 2 ? 30 : 63][0] ^= 1;
        CHECK(refused(PH_CHECK_NV_MEASUREMENTS) && v.status == PH_TCB_OUT_OF_DATE);
        w.dev[i].report.digest[i == 2 ? 30 : 63][0] ^= 1;
        w.dev[i].report_secret = w.dev[i].secret[1];
        CHECK(refused(PH_CHECK_NV_SIGNATURE) && v.status == PH_TCB_UNKNOWN);
        w.dev[i].report_secret = NULL;
        w.dev[i].report.nonce[0] ^= 1;
        CHECK(refused(PH_CHECK_NV_SAME_NONCE));
        w.dev[i].report.nonce[0] ^= 1;
        w.ocsp[3 * i].status = 1;
        CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
        w.ocsp[3 * i].status = 0;
    }
    /* All with the same wrong nonce. */
    for (size_t i = 0; i < 3; i++)
        w.dev[i].report.nonce[0] ^= 1;
    CHECK(refused(PH_CHECK_REPORT_DATA));
    w.nonce_unchecked = true;
    CHECK(accepted() && !v.claims.report_data_checked);
    /* One switch fewer. */
    w.dev_cnt = 2;
    CHECK(refused(PH_CHECK_POLICY_NV_SWITCHES));
    w.policy.nvidia.allow_unattested_switches = true;
    CHECK(accepted());
}

TEST(devices_are_counted_and_each_has_its_versions)
{
    char text[64 * (PH_NVIDIA_DEVICES_MAX + 1)] = "[";

    start(PH_NVIDIA_HOPPER);
    for (size_t i = 0; i <= PH_NVIDIA_DEVICES_MAX; i++)
        (void)snprintf(text + strlen(text), 64,
                       "%s{\"evidence\":\"AA==\",\"certificate\":\"AA==\"}", i == 0 ? "" : ",");
    (void)snprintf(text + strlen(text), 2, "]");
    w.evidence_text = text;
    CHECK(refused(PH_CHECK_NV_DEVICE_CNT) && nv_world_judge(&w, &v) == PH_ERR_LIMIT);
    CHECK(trace.check[PH_CHECK_NV_EVIDENCE].result == PH_TRACE_SKIP);
    w.evidence_text = "[]";
    CHECK(nv_world_judge(&w, &v) == PH_ERR_MALFORMED);
    start(PH_NVIDIA_HOPPER);
    w.policy.nvidia.rim_not_required = true;
    ph_synth_nv_field(&w.dev[0].report, 6, NULL, 0);
    CHECK(refused(PH_CHECK_NV_VERSIONS));
}

TEST(a_nonce_is_taken_from_a_report_only)
{
    /* 36 bytes: as many as stand before the end of a nonce, and no report. */
    static const char no_report[] =
        "[{\"evidence\":\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\","
        "\"certificate\":\"AA==\"}]";
    const char *const others[] = {no_report, "[]"};
    uint8_t nonce[PH_NVIDIA_NONCE_LEN];

    start(PH_NVIDIA_HOPPER);
    nv_world_make(&w, &made);
    CHECK(ph_nvidia_peek_nonce(ph_buf_view(&made.evidence), nonce) == PH_OK);
    CHECK(memcmp(nonce, w.nonce, sizeof(nonce)) == 0);
    nv_made_clear(&made);
    for (size_t i = 0; i < PH_LEN(others); i++)
        CHECK(ph_nvidia_peek_nonce(ph_bytes_str(others[i]), nonce) == PH_ERR_MALFORMED);
}

TEST(what_is_missing_denies)
{
    static const struct ph_policy zero;
    start(PH_NVIDIA_HOPPER);
    nv_world_make(&w, &made);
    struct ph_nvidia_args args = {.evidence = ph_buf_view(&made.evidence),
                                  .rims = made.rims,
                                  .rim_cnt = made.rim_cnt,
                                  .ocsp = made.ocsps,
                                  .ocsp_cnt = made.ocsp_cnt,
                                  .nonce = w.nonce,
                                  .roots = &made.roots,
                                  .policy = &w.policy,
                                  .now_s = NV_NOW};
    CHECK(ph_nvidia_verify(&args, &v) == PH_OK);
    args.nonce = NULL;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    args.nonce = w.nonce;
    args.roots = NULL;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_NV_ROOT);
    args.roots = &made.roots;
    args.policy = NULL;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
    args.policy = &zero;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
    args.policy = &w.policy;
    args.rim_cnt = 0;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_NV_RIM_PRESENT);
    CHECK(v.status == PH_TCB_UNKNOWN);
    args.ocsp_cnt = 0;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_NV_OCSP_PRESENT);
    args.ocsp_cnt = PH_NVIDIA_OCSP_MAX + 1;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_LIMIT && v.check == PH_CHECK_NV_OCSP_FORMAT);
    args.ocsp_cnt = 0;
    args.rim_cnt = PH_NVIDIA_RIMS_MAX + 1;
    CHECK(ph_nvidia_verify(&args, &v) == PH_ERR_LIMIT && v.check == PH_CHECK_NV_RIM_FORMAT);
    nv_made_clear(&made);
}

TEST(a_policy_can_do_without_manifests_and_says_so)
{
    start(PH_NVIDIA_HOPPER);
    w.policy.nvidia.rim_not_required = true;
    CHECK(accepted() && v.claims.nvidia.measured && v.status == PH_TCB_UP_TO_DATE);
    w.rim_cnt = 0;
    CHECK(accepted() && !v.claims.nvidia.measured && v.status == PH_TCB_UNKNOWN);
    w.policy.statuses = 0; /* {} denies everything still */
    CHECK(refused(PH_CHECK_POLICY_STATUS));
    w.policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    /* One of the two manifests is compared; the device is not measured whole. */
    w.rim_cnt = 1;
    CHECK(accepted() && !v.claims.nvidia.measured);
    w.dev[0].report.digest[63][0] ^= 1;
    CHECK(refused(PH_CHECK_NV_MEASUREMENTS));
    w.dev[0].report.digest[63][0] ^= 1;
    /* What is given must be good. */
    w.trust_rim_root = false;
    CHECK(refused(PH_CHECK_NV_RIM_ROOT));
}

TEST(manifests_count_for_their_own_product_and_version)
{
    static const char *const metas[] = {
        "\n<ns0:Entity name=\"S\" role=\"tagCreator\"/>\n<ns0:Meta colloquialVersion=\"550.90.08\" "
        "edition=\"GPU\" product=\"GH100\"/>\n",
        "\n<ns0:Entity name=\"S\" role=\"tagCreator\"/>\n<ns0:Meta colloquialVersion=\"550.90.07\" "
        "edition=\"GPU\" product=\"GB100\"/>\n",
        "\n<ns0:Entity name=\"S\" role=\"tagCreator\"/>\n<ns0:Meta colloquialVersion=\"550.90.07\" "
        "edition=\"SWITCH\" product=\"GH100\"/>\n"};
    for (size_t i = 0; i < PH_LEN(metas); i++) {
        start(PH_NVIDIA_HOPPER);
        w.rim[0].meta = metas[i];
        CHECK(refused(PH_CHECK_NV_RIM_PRESENT));
    }
}

TEST(of_manifests_with_one_version_that_of_the_board_counts)
{
    start(PH_NVIDIA_HOPPER);
    /* Two more VBIOS manifests of the same version: other boards'. */
    w.rim[2] = w.rim[1];
    w.rim[3] = w.rim[1];
    w.rim_cnt = 4;
    w.payload[2] = w.payload[3] = PH_BUF(1 << 16);
    CHECK(ph_buf_add_str(&w.payload[2], PH_RIM_SYNTH_PAYLOAD) == PH_OK);
    CHECK(ph_buf_add_str(&w.payload[3], PH_RIM_SYNTH_PAYLOAD) == PH_OK);
    nv_world_list(&w, 2, 2, 2);
    nv_world_list(&w, 3, 2, 9);
    w.payload[1].len = strlen(PH_RIM_SYNTH_PAYLOAD);
    nv_world_list(&w, 1, 2, 8);
    CHECK(accepted() && v.claims.nvidia.measured);
    w.dev[0].report.digest[2][0] ^= 1;
    CHECK(refused(PH_CHECK_NV_MEASUREMENTS));
}

TEST(the_measurement_of_nvdec0_counts_only_while_it_is_enabled)
{
    static const uint8_t enabled[] = {0xaa};
    start(PH_NVIDIA_HOPPER);
    nv_world_list(&w, 0, 35, 0x99); /* the device has 35 */
    CHECK(accepted());
    ph_synth_nv_field(&w.dev[0].report, 11, enabled, 1);
    CHECK(refused(PH_CHECK_NV_MEASUREMENTS));
    ph_synth_nv_field(&w.dev[0].report, 11, NULL, 0);
    CHECK(refused(PH_CHECK_NV_MEASUREMENTS));
    w.payload[0].len = strlen(PH_RIM_SYNTH_PAYLOAD);
    nv_world_list(&w, 0, 35, 35);
    CHECK(accepted());
}

TEST(manifests_can_be_judged_at_a_time_of_the_policys_choice)
{
    start(PH_NVIDIA_HOPPER);
    w.now_s = 1767225600 + 86400; /* a day after the signers' certificates ended */
    for (size_t i = 0; i < NV_OCSP; i++)
        ph_synth_ocsp_init(&w.ocsp[i], w.now_s);
    CHECK(refused(PH_CHECK_NV_RIM_NOT_AFTER) && v.status == PH_TCB_UP_TO_DATE);
    w.policy.nvidia.rim_valid_at_s = NV_NOW;
    CHECK(accepted());
    CHECK(v.valid_until_s == w.now_s + 23 * 3600); /* the responses', not the signers' */
    w.policy.nvidia.rim_valid_at_s = 1704067200 - 1;
    CHECK(refused(PH_CHECK_NV_RIM_NOT_BEFORE));
    /* Devices are always judged now. */
    w.policy.nvidia.rim_valid_at_s = NV_NOW;
    w.dev[0].cert[0].not_after_s = w.now_s;
    CHECK(refused(PH_CHECK_NV_CHAIN_NOT_AFTER));
}

TEST(revocation_is_asked_for_each_certificate_between_root_and_leaf)
{
    start(PH_NVIDIA_HOPPER);
    for (size_t i = 0; i < NV_OCSP; i++) {
        if (i >= 3 && i < NV_OCSP_RIM)
            continue;
        w.ocsp_drop[i] = true;
        CHECK(refused(PH_CHECK_NV_OCSP_PRESENT));
        w.policy.nvidia.ocsp_not_required = true;
        CHECK(accepted() && !v.claims.nvidia.revocation_checked);
        w.ocsp_drop[i] = false;
        CHECK(accepted() && v.claims.nvidia.revocation_checked);
        /* A response that is there counts, required or not. */
        w.ocsp[i].status = 1;
        CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
        w.ocsp[i].status = 2;
        CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
        w.ocsp[i].status = 0;
        w.policy.nvidia.ocsp_not_required = false;
    }
}

TEST(a_responder_speaks_for_its_own_issuer_only)
{
    start(PH_NVIDIA_HOPPER);
    w.ocsp_oversteps = true;
    w.ocsp_drop[1] = true; /* the factory's certificate is spoken of by the factory's responder */
    CHECK(refused(PH_CHECK_NV_OCSP_RESPONDER));
}

TEST(a_certificate_on_hold_is_revoked_unless_the_policy_says_otherwise)
{
    start(PH_NVIDIA_HOPPER);
    w.ocsp[0].status = 1;
    w.ocsp[0].reason = 6;
    CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
    w.policy.nvidia.allow_ocsp_hold = true;
    CHECK(accepted());
    w.ocsp[0].reason = 1; /* the key was stolen */
    CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
    w.ocsp[0].status = 2;
    CHECK(refused(PH_CHECK_NV_OCSP_GOOD));
}

TEST(validity_begins_at_its_second_and_ends_before_its_last)
{
    start(PH_NVIDIA_HOPPER);
    w.dev[0].cert[0].not_before_s = NV_NOW;
    w.dev[0].cert[0].not_after_s = NV_NOW + 1;
    CHECK(accepted() && v.valid_until_s == NV_NOW + 1);
    w.ocsp[2].this_update_s = w.ocsp[2].produced_s = NV_NOW;
    w.dev[0].cert[0].not_after_s = NV_NOW + 100;
    w.ocsp[2].next_update_s = NV_NOW + 7;
    CHECK(accepted() && v.valid_until_s == NV_NOW + 7);
    w.ocsp[2].produced_s = NV_NOW + 1;
    CHECK(refused(PH_CHECK_NV_OCSP_ISSUED));
    w.ocsp[2].produced_s = NV_NOW;
    w.ocsp[2].responder.not_after_s = NV_NOW + 3;
    CHECK(accepted() && v.valid_until_s == NV_NOW + 3);
    w.ocsp[2].responder.not_after_s = NV_NOW;
    CHECK(refused(PH_CHECK_NV_OCSP_RESPONDER));
    w.ocsp[2].responder.not_after_s = NV_NOW + 3;
    w.ocsp[2].responder.not_before_s = NV_NOW + 1;
    CHECK(refused(PH_CHECK_NV_OCSP_RESPONDER));
    w.ocsp[2].responder.not_before_s = NV_NOW;
    w.rim[1].cert[0].not_after_s = NV_NOW + 2;
    CHECK(accepted() && v.valid_until_s == NV_NOW + 2);
}

TEST(a_simulators_root_needs_a_policy_that_names_it_and_says_so)
{
    start(PH_NVIDIA_HOPPER);
    w.trust_device_root = false;
    CHECK(refused(PH_CHECK_NV_ROOT));
    w.policy.has_simulator_root_insecure = true;
    CHECK(refused(PH_CHECK_NV_ROOT));
    CHECK(ph_synth_nv_root(w.policy.simulator_root_insecure) == PH_OK);
    CHECK(accepted() && v.insecure_simulator && v.claims.insecure_simulator);
    CHECK(strncmp(v.sentence, "INSECURE-SIMULATOR", 18) == 0);
    /* Of manifests too. */
    w.trust_device_root = true;
    w.trust_rim_root = false;
    CHECK(ph_rim_synth_root(w.policy.simulator_root_insecure) == PH_OK);
    CHECK(accepted() && v.insecure_simulator);
    /* A root counts for its own purpose only. */
    w.policy.has_simulator_root_insecure = false;
    nv_world_make(&w, &made);
    made.roots.pin[made.roots.pin_cnt].maker = PH_ROOT_NVIDIA_DEVICE;
    CHECK(ph_rim_synth_root(made.roots.pin[made.roots.pin_cnt++].spki_sha256) == PH_OK);
    CHECK(nv_made_judge(&w, &made, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_NV_RIM_ROOT);
    nv_made_clear(&made);
}

TEST(a_policy_names_devices_and_versions)
{
    struct ph_policy_nvidia *p = &w.policy.nvidia;
    start(PH_NVIDIA_HOPPER);
    CHECK(accepted());
    const struct ph_nvidia_device d = v.claims.nvidia.device[0];
    p->device_id_cnt = 2;
    memcpy(p->device_ids[1], d.device_id, 32);
    CHECK(accepted());
    p->device_id_cnt = 1;
    CHECK(refused(PH_CHECK_POLICY_NV_ID));
    p->device_id_cnt = 0;

    w.policy.any_measurement = false;
    p->fw_cnt = 2; /* the second may match as well as the first */
    p->fw[1] = (struct ph_policy_nvidia_fw){.arch = PH_NVIDIA_HOPPER};
    CHECK(accepted() && v.measurements_demanded);
    p->fw[1].arch = PH_NVIDIA_BLACKWELL;
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    p->fw[1] = (struct ph_policy_nvidia_fw){PH_NVIDIA_HOPPER, "550.90.07", "550.90.7",
                                            "96.00.9F.00.01", "96.00.9E.FF"};
    CHECK(accepted());
    (void)snprintf(p->fw[1].driver, 32, "550.90.08");
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    p->fw[1].driver[0] = '\0';
    (void)snprintf(p->fw[1].min_driver, 32, "550.100");
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    p->fw[1].min_driver[0] = '\0';
    (void)snprintf(p->fw[1].min_vbios, 32, "96.00.A0");
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    p->fw[1].min_vbios[0] = '\0';
    (void)snprintf(p->fw[1].vbios, 32, "96.00.9F.00.02");
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    p->fw[1].vbios[0] = '\0';
    CHECK(accepted());
    p->fw_cnt = 1;
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
}

TEST(a_device_that_says_it_is_debugged_is_refused)
{
    static const uint8_t flags[] = {0x40, 0x20, 0x10}; /* not secure, recovery, debug */
    for (size_t i = 0; i < PH_LEN(flags); i++) {
        start(PH_NVIDIA_BLACKWELL);
        w.dev[0].tcb_flags |= flags[i];
        CHECK(refused(PH_CHECK_POLICY_DEBUG));
        w.policy.allow_debug_insecure = true;
        CHECK(accepted());
    }
}

TEST(one_device_that_is_debugged_is_enough)
{
    for (size_t which = 0; which < 2; which++) {
        start(PH_NVIDIA_BLACKWELL);
        nv_world_add(&w, PH_NVIDIA_BLACKWELL);
        w.dev[which].tcb_flags |= 0x10;
        CHECK(refused(PH_CHECK_POLICY_DEBUG));
    }
}

TEST(a_mode_that_trusts_switches_needs_them)
{
    static const enum ph_nvidia_arch archs[] = {PH_NVIDIA_HOPPER, PH_NVIDIA_BLACKWELL};
    static const uint8_t pdi[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < PH_LEN(archs); i++) {
        for (uint8_t mode = 0; mode <= PH_SPDM_MODE_PPCIE; mode++) {
            const uint8_t field[2] = {mode, 0};
            start(archs[i]);
            ph_synth_nv_field(&w.dev[0].report, 22, pdi, sizeof(pdi));
            ph_synth_nv_field(&w.dev[0].report, 36, field, sizeof(field));
            CHECK(mode == PH_SPDM_MODE_PPCIE ? refused(PH_CHECK_POLICY_NV_SWITCHES) : accepted());
        }
    }
}

TEST(a_raw_report_is_judged_with_the_chain_beside_it)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_buf chain PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    start(PH_NVIDIA_HOPPER);
    nv_world_make(&w, &made);
    CHECK(ph_synth_nv_report(&w.dev[0], &report) == PH_OK);
    CHECK(ph_synth_nv_chain(&w.dev[0], &chain) == PH_OK);
    struct ph_nvidia_args args = {.evidence = ph_buf_view(&report),
                                  .chain_pem = ph_buf_view(&chain),
                                  .rims = made.rims,
                                  .rim_cnt = made.rim_cnt,
                                  .ocsp = made.ocsps,
                                  .ocsp_cnt = made.ocsp_cnt,
                                  .nonce = w.nonce,
                                  .roots = &made.roots,
                                  .policy = &w.policy,
                                  .now_s = NV_NOW};
    CHECK(ph_nvidia_verify(&args, &v) == PH_OK);
    CHECK(ph_nvidia_is_evidence(args.evidence));
    uint8_t nonce[PH_NVIDIA_NONCE_LEN];
    CHECK(ph_nvidia_peek_nonce(args.evidence, nonce) == PH_OK);
    CHECK(memcmp(nonce, w.nonce, sizeof(nonce)) == 0);
    CHECK(ph_nvidia_peek_nonce(PH_BYTES_LIT("x"), nonce) == PH_ERR_MALFORMED);
    /* Every change of the report is refused: a prime step visits every part of it. Manifests and
     * responses are left out: they are not what is changed, and take long. */
    w.policy.nvidia.rim_not_required = w.policy.nvidia.ocsp_not_required = true;
    args.rim_cnt = args.ocsp_cnt = 0;
    CHECK(ph_nvidia_verify(&args, &v) == PH_OK);
    for (size_t i = 0; i < report.len; i += 41) {
        report.ptr[i] ^= 1;
        CHECK(ph_nvidia_verify(&args, &v) != PH_OK && !v.accepted);
        report.ptr[i] ^= 1;
    }
    for (size_t i = 0; i < chain.len; i += 101) {
        chain.ptr[i] ^= 1;
        CHECK(ph_nvidia_verify(&args, &v) != PH_OK && !v.accepted);
        chain.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < report.len; len += 97) {
        args.evidence.len = len;
        CHECK(ph_nvidia_verify(&args, &v) != PH_OK && !v.accepted);
    }
    args.evidence.len = report.len;
    args.chain_pem.len = 0;
    CHECK(ph_nvidia_verify(&args, &v) != PH_OK && v.check == PH_CHECK_NV_CHAIN_FORMAT);
    args.chain_pem.len = chain.len;
    CHECK(ph_nvidia_verify(&args, &v) == PH_OK);
    nv_made_clear(&made);
}

PH_TEST_MAIN(CASE(each_check_alone_refuses_for_its_reason),
             CASE(a_good_device_of_each_kind_is_accepted_and_yields_claims),
             CASE(a_machine_is_accepted_as_a_whole_or_not_at_all),
             CASE(devices_are_counted_and_each_has_its_versions),
             CASE(a_nonce_is_taken_from_a_report_only), CASE(what_is_missing_denies),
             CASE(a_policy_can_do_without_manifests_and_says_so),
             CASE(manifests_count_for_their_own_product_and_version),
             CASE(of_manifests_with_one_version_that_of_the_board_counts),
             CASE(the_measurement_of_nvdec0_counts_only_while_it_is_enabled),
             CASE(manifests_can_be_judged_at_a_time_of_the_policys_choice),
             CASE(revocation_is_asked_for_each_certificate_between_root_and_leaf),
             CASE(a_responder_speaks_for_its_own_issuer_only),
             CASE(a_certificate_on_hold_is_revoked_unless_the_policy_says_otherwise),
             CASE(validity_begins_at_its_second_and_ends_before_its_last),
             CASE(a_simulators_root_needs_a_policy_that_names_it_and_says_so),
             CASE(a_policy_names_devices_and_versions),
             CASE(a_device_that_says_it_is_debugged_is_refused),
             CASE(one_device_that_is_debugged_is_enough),
             CASE(a_mode_that_trusts_switches_needs_them),
             CASE(a_raw_report_is_judged_with_the_chain_beside_it))
