/* What policies say of GPUs and switches: every member, everything that is wrong, how versions
 * compare. */

#include "attest/nvidia/nvidia_policy.h"

#include "attest/policy.h"
#include "base/test.h"

static struct ph_policy policy;
static struct ph_json_why why;

static enum ph_err parse(const char *text)
{
    return ph_policy_parse(ph_bytes_str(text), &policy, &why);
}

#define A32 "2222222222222222222222222222222222222222222222222222222222222222"

TEST(an_empty_object_is_the_strictest)
{
    static const struct ph_policy_nvidia zero;
    CHECK(parse("{\"nvidia\":{}}") == PH_OK);
    CHECK(memcmp(&policy.nvidia, &zero, sizeof(zero)) == 0);
    CHECK(parse("{\"nvidia\":{\"require_rim\":true,\"require_ocsp\":true}}") == PH_OK);
    CHECK(memcmp(&policy.nvidia, &zero, sizeof(zero)) == 0);
}

TEST(every_member_is_read)
{
    const struct ph_policy_nvidia *p = &policy.nvidia;
    CHECK(parse("{\"nvidia\":{\"require_rim\":false,\"require_ocsp\":false,"
                "\"allow_ocsp_hold\":true,\"allow_unattested_switches\":true,"
                "\"rim_valid_at\":\"2024-03-13T00:00:00Z\",\"min_devices\":24,"
                "\"device_ids\":[\"" A32 "\",\"" A32 "\"]},"
                "\"measurements\":{\"nvidia\":[{\"arch\":\"hopper\",\"driver\":\"550.90.07\","
                "\"min_driver\":\"550\",\"vbios\":\"96.00.9F.00.01\",\"min_vbios\":\"96\"},"
                "{\"arch\":\"LS10\"}]}}") == PH_OK);
    CHECK(p->rim_not_required && p->ocsp_not_required && p->allow_ocsp_hold &&
          p->allow_unattested_switches);
    CHECK(p->rim_valid_at_s == 1710288000 && p->min_devices == 24 && p->device_id_cnt == 2);
    CHECK(p->device_ids[1][31] == 0x22 && p->fw_cnt == 2 && !policy.any_measurement);
    CHECK(p->fw[0].arch == PH_NVIDIA_HOPPER && strcmp(p->fw[0].driver, "550.90.07") == 0 &&
          strcmp(p->fw[0].min_driver, "550") == 0 &&
          strcmp(p->fw[0].vbios, "96.00.9F.00.01") == 0 && strcmp(p->fw[0].min_vbios, "96") == 0);
    CHECK(p->fw[1].arch == PH_NVIDIA_LS10 && p->fw[1].driver[0] == '\0');
}

TEST(what_is_wrong_is_refused_and_named)
{
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"{\"nvidia\":[]}", "nvidia"},
        {"{\"nvidia\":{\"require_rims\":true}}", "require_rims"},
        {"{\"nvidia\":{\"require_rim\":0}}", "require_rim"},
        {"{\"nvidia\":{\"require_ocsp\":\"no\"}}", "require_ocsp"},
        {"{\"nvidia\":{\"allow_ocsp_hold\":null}}", "allow_ocsp_hold"},
        {"{\"nvidia\":{\"allow_unattested_switches\":1}}", "allow_unattested_switches"},
        {"{\"nvidia\":{\"rim_valid_at\":\"2024\"}}", "rim_valid_at"},
        {"{\"nvidia\":{\"min_devices\":25}}", "min_devices"},
        {"{\"nvidia\":{\"min_devices\":-1}}", "min_devices"},
        {"{\"nvidia\":{\"device_ids\":[\"22\"]}}", "device_ids"},
        {"{\"nvidia\":{\"device_ids\":{}}}", "device_ids"},
        {"{\"measurements\":{\"nvidia\":{}}}", "nvidia"},
        {"{\"measurements\":{\"nvidia\":[7]}}", "nvidia"},
        {"{\"measurements\":{\"nvidia\":[{}]}}", "arch"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"Rubin\"}]}}", "expected \"HOPPER\""},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPERHOPPERHOPPER\"}]}}", "1 to 16 bytes"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"x\"}]}}",
         "driver: expected a version like \"550."},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"min_driver\":\"x\"}]}}",
         "min_driver: expected"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"vbios\":\"x\"}]}}",
         "vbios: expected a version like \"96."},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"min_vbios\":\"x\"}]}}",
         "min_vbios: expected"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"bios\":\"1\"}]}}", "bios"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"5A\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"5..1\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\".5\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"5.\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":\"1234567\"}]}}",
         "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"vbios\":\"9f\"}]}}", "vbios"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"min_vbios\":7}]}}", "min_vbios"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"LS10\",\"driver\":\"550\"}]}}", "driver"},
        {"{\"measurements\":{\"nvidia\":[{\"arch\":\"LS10\",\"min_driver\":\"550\"}]}}", "driver"},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        why.text[0] = '\0';
        if (parse(bad[i].text) != PH_ERR_MALFORMED || !strstr(why.text, bad[i].names))
            fail_msg("%s: %s", bad[i].text, why.text);
    }
}

TEST(versions_compare_number_by_number)
{
    static const struct {
        const char *a, *b;
        unsigned base;
        int want; /* its sign */
    } rows[] = {
        {"550.90.07", "550.90.7", 10, 0},
        {"550.90", "550.90.00", 10, 0},
        {"550.90", "550.90.01", 10, -1},
        {"550.100", "550.90", 10, 1},
        {"96.00.9F", "96.00.A0", 16, -1},
        {"96.00.9F", "96.00.10", 16, 1},
        {"97", "96.FF.FF.FF.FF", 16, 1},
        {"10", "9", 10, 1},
        {"0", "0.0", 10, 0},
        {"4294967297", "1", 10, 1}, /* as long as it may be: no number wraps around */
        {"1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.2", "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", 10, 1},
        {"", "", 10, 0},
        {"", "1", 10, -1},
        {"9F", "9", 10, 0}, /* no digit in base 10 */
        {"ffff", "ffff", 10, 0},
    };
    for (size_t i = 0; i < PH_LEN(rows) - 2; i++) {
        const int got = ph_nvidia_version_cmp(rows[i].a, rows[i].b, rows[i].base);
        const int back = ph_nvidia_version_cmp(rows[i].b, rows[i].a, rows[i].base);
        if ((got > 0) - (got < 0) != rows[i].want || (back > 0) - (back < 0) != -rows[i].want)
            fail_msg("%s %s: %d", rows[i].a, rows[i].b, got);
    }
    /* What is no version ends the comparison, and never the program. */
    for (size_t i = PH_LEN(rows) - 2; i < PH_LEN(rows); i++)
        (void)ph_nvidia_version_cmp(rows[i].a, rows[i].b, 10);
}

TEST(a_version_that_is_not_reported_is_none)
{
    static const struct {
        const char *policy, *driver;
        bool allowed;
    } rows[] = {
        {"{\"arch\":\"HOPPER\"}", "", true},
        {"{\"arch\":\"HOPPER\",\"driver\":\"0\"}", "", false},
        {"{\"arch\":\"HOPPER\",\"driver\":\"0\"}", "0.0", true},
        {"{\"arch\":\"HOPPER\",\"min_driver\":\"0\"}", "", false},
        {"{\"arch\":\"HOPPER\",\"min_driver\":\"0\"}", "0", true},
        {"{\"arch\":\"HOPPER\",\"driver\":\"123456.7\"}", "123456.7", true},
        {"{\"arch\":\"HOPPER\",\"driver\":\"1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1\"}", "1", false},
        {"{\"arch\":\"LS10\"}", "", false}, /* of another kind */
    };
    char text[256];

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_nvidia_device device = {.arch = PH_NVIDIA_HOPPER};
        (void)snprintf(device.driver, sizeof(device.driver), "%s", rows[i].driver);
        (void)snprintf(text, sizeof(text), "{\"measurements\":{\"nvidia\":[%s]}}", rows[i].policy);
        CHECK(parse(text) == PH_OK);
        if (ph_policy_nvidia_allows(&policy.nvidia, &device) != rows[i].allowed)
            fail_msg("row %zu", i);
    }
    /* Only what is listed counts, and of a kind that is known. */
    CHECK(parse("{\"measurements\":{\"nvidia\":[{\"arch\":\"LS10\"}]}}") == PH_OK);
    struct ph_nvidia_device device = {.arch = PH_NVIDIA_HOPPER};
    policy.nvidia.fw[1].arch = PH_NVIDIA_HOPPER; /* behind the end */
    CHECK(!ph_policy_nvidia_allows(&policy.nvidia, &device));
    policy.nvidia.fw_cnt = 2;
    CHECK(ph_policy_nvidia_allows(&policy.nvidia, &device));
    policy.nvidia.fw[1].arch = device.arch = PH_NVIDIA_UNKNOWN;
    CHECK(!ph_policy_nvidia_allows(&policy.nvidia, &device));
    /* 32 characters are too many. */
    CHECK(parse("{\"measurements\":{\"nvidia\":[{\"arch\":\"HOPPER\",\"driver\":"
                "\"11.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1\"}]}}") == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(an_empty_object_is_the_strictest), CASE(every_member_is_read),
             CASE(what_is_wrong_is_refused_and_named), CASE(versions_compare_number_by_number),
             CASE(a_version_that_is_not_reported_is_none))
