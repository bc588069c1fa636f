/* What holds of devices together, and of each for itself: no device makes another one good. */

#include "attest/nvidia/spdm.h"
#include "attest/nvidia/test_world.h"
#include "base/test.h"

static struct nv_world w;
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

TEST(only_a_switch_is_a_switch)
{
    static const uint8_t enabled[] = {0xaa};
    static const uint8_t there[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8] = {8, 7, 6, 5, 4, 3, 2, 1};

    start(PH_NVIDIA_LS10); /* its mode is no GPU's */
    ph_synth_nv_field(&w.dev[0].report, 21, enabled, 1);
    CHECK(accepted());
    start(PH_NVIDIA_HOPPER); /* two GPUs that name each other */
    nv_world_add(&w, PH_NVIDIA_HOPPER);
    for (size_t i = 0; i < 2; i++) {
        ph_synth_nv_field(&w.dev[i].report, 21, enabled, 1);
        ph_synth_nv_field(&w.dev[i].report, 22, i == 0 ? there : back, 8);
    }
    CHECK(refused(PH_CHECK_POLICY_NV_SWITCHES));
    start(PH_NVIDIA_HOPPER); /* one without an id is none either */
    nv_world_add(&w, PH_NVIDIA_LS10);
    ph_synth_nv_field(&w.dev[0].report, 21, enabled, 1);
    ph_synth_nv_field(&w.dev[0].report, 22, there, 8);
    ph_synth_nv_field(&w.dev[1].report, 22, NULL, 0);
    CHECK(refused(PH_CHECK_NV_PDI));
    CHECK(trace.check[PH_CHECK_POLICY_NV_SWITCHES].result == PH_TRACE_FAIL);
}

TEST(a_switchs_id_is_no_less_than_eight_bytes_of_its_serial_number)
{
    static const uint8_t pdi[8] = {7, 1, 2, 3, 4, 5, 6, 7}; /* after the length of the number */

    start(PH_NVIDIA_LS10);
    w.dev[0].cert[1].serial = 0x01020304050607;
    ph_synth_nv_field(&w.dev[0].report, 22, pdi, sizeof(pdi));
    CHECK(refused(PH_CHECK_NV_PDI));
}

TEST(a_chip_is_of_its_architecture)
{
    static const struct {
        enum ph_nvidia_arch arch;
        const char *chip;
        bool good;
    } cases[] = {
        {PH_NVIDIA_HOPPER, "GH100", true},     {PH_NVIDIA_HOPPER, "GB100", false},
        {PH_NVIDIA_HOPPER, "GH1000", false},   {PH_NVIDIA_BLACKWELL, "GB202", true},
        {PH_NVIDIA_BLACKWELL, "GB1", true},    {PH_NVIDIA_BLACKWELL, "GB", false},
        {PH_NVIDIA_BLACKWELL, "GH100", false}, {PH_NVIDIA_BLACKWELL, NULL, true},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const char *chip = cases[i].chip;
        start(cases[i].arch);
        ph_synth_nv_field(&w.dev[0].report, 35, chip, chip ? strlen(chip) + 1 : 0);
        CHECK(nv_world_judge(&w, &v) == PH_OK ||
              !v.accepted); /* of chips that were not made there is no manifest */
        CHECK((trace.check[PH_CHECK_NV_ARCH].result == PH_TRACE_PASS) == cases[i].good);
    }
}

TEST(what_one_device_is_refused_for_no_later_one_makes_good)
{
    struct ph_policy_nvidia *p = &w.policy.nvidia;

    start(PH_NVIDIA_HOPPER);
    nv_world_add(&w, PH_NVIDIA_LS10);
    p->min_devices = 2;
    CHECK(accepted());
    p->device_id_cnt = 1;
    memcpy(p->device_ids[0], v.claims.nvidia.device[1].device_id, 32);
    CHECK(refused(PH_CHECK_POLICY_NV_ID));
    p->device_id_cnt = 0;
    w.policy.any_measurement = false;
    p->fw_cnt = 1;
    p->fw[0] = (struct ph_policy_nvidia_fw){.arch = PH_NVIDIA_LS10};
    CHECK(refused(PH_CHECK_POLICY_MEASUREMENT));
    start(PH_NVIDIA_HOPPER);
    nv_world_add(&w, PH_NVIDIA_BLACKWELL);
    nv_world_add(&w, PH_NVIDIA_BLACKWELL);
    CHECK(refused(PH_CHECK_NV_MIX));
}

/* Which status there is, and whether the policy takes it, is recorded beside what refuses. */
TEST(a_status_is_excused_only_of_what_is_genuine_and_matches)
{
    start(PH_NVIDIA_HOPPER);
    w.rim_cnt = 0;
    CHECK(refused(PH_CHECK_NV_RIM_PRESENT));
    CHECK(trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL);
    w.policy.nvidia.rim_not_required = true;
    CHECK(accepted());
    w.dev[0].report_secret = w.dev[0].secret[1];
    CHECK(refused(PH_CHECK_NV_SIGNATURE));
    CHECK(trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL);

    start(PH_NVIDIA_HOPPER); /* one has other firmware, the other no manifest */
    const size_t rim_cnt = w.rim_cnt;
    nv_world_add(&w, PH_NVIDIA_LS10);
    w.rim_cnt = rim_cnt;
    w.policy.nvidia.rim_not_required = true;
    CHECK(accepted() && !v.claims.nvidia.measured);
    w.dev[0].report.digest[63][0] ^= 1;
    CHECK(refused(PH_CHECK_NV_MEASUREMENTS) && v.status == PH_TCB_OUT_OF_DATE);
    CHECK(trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL);
    w.dev[1].report_secret = w.dev[1].secret[1]; /* and what is not genuine has no status */
    CHECK(nv_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.status == PH_TCB_UNKNOWN);
}

PH_TEST_MAIN(CASE(only_a_switch_is_a_switch),
             CASE(a_switchs_id_is_no_less_than_eight_bytes_of_its_serial_number),
             CASE(a_chip_is_of_its_architecture),
             CASE(what_one_device_is_refused_for_no_later_one_makes_good),
             CASE(a_status_is_excused_only_of_what_is_genuine_and_matches))
