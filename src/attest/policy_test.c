/* Policies: what an empty one denies, what a document may say, and how each part decides. */

#include "attest/policy.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct ph_policy policy;
static struct ph_json_why why;

static enum ph_err parse(const char *text)
{
    return ph_policy_parse(ph_bytes_str(text), &policy, &why);
}

#define A48                                                                                        \
    "111111111111111111111111111111111111111111111111"                                             \
    "111111111111111111111111111111111111111111111111"
#define A32 "2222222222222222222222222222222222222222222222222222222222222222"

TEST(an_empty_document_and_a_zeroed_policy_deny_everything)
{
    struct world w;
    struct ph_verdict v;
    CHECK(parse("{}") == PH_OK);
    static const struct ph_policy zero;
    CHECK(memcmp(&policy, &zero, sizeof(zero)) == 0);
    world_init(&w);
    w.policy = policy;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
    /* A status alone is not enough: no measurement is allowed yet. */
    CHECK(parse("{\"statuses\":[\"UpToDate\"]}") == PH_OK);
    w.policy = policy;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
    CHECK(parse("{\"statuses\":[\"UpToDate\"],\"measurements\":\"any\"}") == PH_OK);
    w.policy = policy;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(the_builtin_policy_takes_production_hardware_and_no_measurement)
{
    const struct ph_policy *p = ph_policy_builtin_hardware();
    CHECK(p->statuses == 1u << PH_TCB_UP_TO_DATE && p->any_measurement);
    CHECK(!p->allow_debug_insecure && !p->allow_migratable && !p->allow_sept_ve &&
          !p->allow_service_td && !p->has_simulator_root_insecure && p->grace_s == 0);
}

TEST(members_for_snp_are_read)
{
    static const struct ph_policy_snp none;
    const struct ph_policy_snp *p = &policy.snp;

    CHECK(parse("{\"measurements\":{\"snp\":[{\"measurement\":\"" A48 "\"},{\"measurement\":\"" A48
                "\",\"host_data\":\"" A32 "\",\"id_key_digest\":\"" A48
                "\",\"author_key_digest\":\"" A48 "\"}]}}") == PH_OK);
    CHECK(p->guest_cnt == 2 && p->guest[0].measurement[47] == 0x11);
    CHECK(!p->guest[0].has_host_data && !p->guest[0].has_id_key_digest &&
          !p->guest[0].has_author_key_digest);
    CHECK(p->guest[1].has_host_data && p->guest[1].host_data[31] == 0x22);
    CHECK(p->guest[1].has_id_key_digest && p->guest[1].id_key_digest[47] == 0x11);
    CHECK(p->guest[1].has_author_key_digest && p->guest[1].author_key_digest[47] == 0x11);

    CHECK(parse("{\"snp\":{}}") == PH_OK && memcmp(p, &none, sizeof(none)) == 0);
    CHECK(parse("{\"snp\":{\"min_tcb\":{\"milan\":{\"bootloader\":4,\"tee\":1,\"snp\":24,"
                "\"microcode\":219},\"turin\":{\"fmc\":1}},"
                "\"min_abi\":{\"major\":1,\"minor\":55},\"min_guest_svn\":7,\"max_vmpl\":3,"
                "\"require_smt_off\":true,\"require_ciphertext_hiding\":true,\"require_crl\":true,"
                "\"allow_migrate_ma\":true,\"allow_provisional\":true,\"allow_vlek\":false,"
                "\"chip_ids\":[\"59790fb1c39f35c1\",\"" A32 A32 "\"]}}") == PH_OK);
    const struct ph_snp_tcb milan = {.bootloader = 4, .tee = 1, .snp = 24, .microcode = 219};
    const struct ph_snp_tcb turin = {.fmc = 1};
    CHECK(p->has_min_tcb && p->min_tcb[PH_SNP_MILAN].present && p->min_tcb[PH_SNP_TURIN].present &&
          !p->min_tcb[PH_SNP_GENOA].present);
    CHECK(memcmp(&p->min_tcb[PH_SNP_MILAN].tcb, &milan, sizeof(milan)) == 0);
    CHECK(memcmp(&p->min_tcb[PH_SNP_TURIN].tcb, &turin, sizeof(turin)) == 0);
    CHECK(p->min_abi_major == 1 && p->min_abi_minor == 55 && p->min_guest_svn == 7);
    CHECK(p->max_vmpl == 3 && p->require_smt_off && p->require_ciphertext_hiding &&
          p->require_crl && p->allow_migrate_ma && p->allow_provisional && p->deny_vlek);
    CHECK(p->chip_id_cnt == 2 && p->chip_ids[0][0] == 0x59 && p->chip_ids[0][7] == 0xc1 &&
          p->chip_ids[0][8] == 0 && p->chip_ids[1][63] == 0x22);
}

TEST(nitro_measurements_are_read)
{
    CHECK(parse("{\"measurements\":{\"nitro\":[{\"pcr0\":\"" A48 "\",\"pcr3\":\"" A48
                "\"},{\"pcr8\":\"" A48 "\"}]}}") == PH_OK);
    CHECK(policy.nitro_cnt == 2 && policy.nitro[0].pcrs == 9 && policy.nitro[1].pcrs == 1 << 8);
    CHECK(policy.nitro[0].pcr[3][47] == 0x11 && policy.nitro[1].pcr[8][0] == 0x11);
    CHECK(!policy.any_measurement && policy.tdx_cnt == 0);
}

TEST(every_member_is_read)
{
    CHECK(parse("{\"statuses\":[\"UpToDate\",\"SWHardeningNeeded\"],"
                "\"min_tcb_date\":\"2024-03-13T00:00:00Z\",\"min_evaluation_number\":17,"
                "\"denied_advisories\":[\"INTEL-SA-00001\"],"
                "\"measurements\":{\"tdx\":[{\"mr_td\":\"" A48 "\",\"rtmr3\":\"" A48 "\"}],"
                "\"sgx\":[{\"mrenclave\":\"" A32 "\"},"
                "{\"mrsigner\":\"" A32 "\",\"isvprodid\":3,\"min_isvsvn\":4}]},"
                "\"allow_debug_insecure\":true,\"allow_sept_ve\":true,\"allow_migratable\":true,"
                "\"allow_service_td\":true,\"exact_length\":true,\"grace_s\":60,"
                "\"platform_instances\":[\"33333333333333333333333333333333\"],"
                "\"simulator_root_insecure\":\"" A32 "\"}") == PH_OK);
    CHECK(policy.statuses == (1u << PH_TCB_UP_TO_DATE | 1u << PH_TCB_SW_HARDENING));
    CHECK(policy.min_tcb_date_s == 1710288000 && policy.min_evaluation_number == 17);
    CHECK(policy.denied_advisory_cnt == 1 &&
          strcmp(policy.denied_advisories[0], "INTEL-SA-00001") == 0);
    CHECK(policy.tdx_cnt == 1 && policy.tdx[0].fields == (PH_TDX_FIELD_MRTD | PH_TDX_FIELD_RTMR3));
    CHECK(policy.tdx[0].mrtd[47] == 0x11 && policy.tdx[0].rtmr[3][0] == 0x11);
    CHECK(policy.sgx_cnt == 2 && policy.sgx[0].has_mrenclave && !policy.sgx[0].has_mrsigner);
    CHECK(policy.sgx[1].has_mrsigner && policy.sgx[1].isvprodid == 3 &&
          policy.sgx[1].min_isvsvn == 4);
    CHECK(policy.allow_debug_insecure && policy.allow_sept_ve && policy.allow_migratable &&
          policy.allow_service_td && policy.exact_length && policy.grace_s == 60);
    CHECK(policy.instance_cnt == 1 && policy.instances[0][15] == 0x33);
    CHECK(policy.has_simulator_root_insecure && policy.simulator_root_insecure[31] == 0x22);
    CHECK(!policy.any_measurement);
}

TEST(what_is_wrong_is_refused_and_named)
{
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"[]", ""},
        {"{", ""},
        {"{\"statuses\":[],\"statuses\":[]}", ""},
        {"{\"status\":[]}", "status"},
        {"{\"statuses\":\"UpToDate\"}", "statuses"},
        {"{\"statuses\":[\"uptodate\"]}", "statuses"},
        {"{\"statuses\":[1]}", "statuses"},
        {"{\"statuses\":[\"Revoked\"]}", "statuses"},
        {"{\"statuses\":[\"NoMatchingLevel\"]}", "statuses"},
        {"{\"statuses\":[\"Unknown\"]}", "statuses"},
        {"{\"min_tcb_date\":\"2024-03-13\"}", "min_tcb_date"},
        {"{\"min_tcb_date\":\"2024-13-13T00:00:00Z\"}", "min_tcb_date"},
        {"{\"min_evaluation_number\":-1}", "min_evaluation_number"},
        {"{\"min_evaluation_number\":4294967296}", "min_evaluation_number"},
        {"{\"grace_s\":7776001}", "grace_s"},
        {"{\"grace_s\":1.5}", "fractions"},
        {"{\"denied_advisories\":[\"\"]}", "denied_advisories"},
        {"{\"denied_advisories\":[7]}", "denied_advisories"},
        {"{\"denied_advisories\":[\"INTEL-SA-000000000000000000000001\"]}", "denied_advisories"},
        {"{\"measurements\":\"all\"}", "measurements"},
        {"{\"measurements\":{\"sev\":[]}}", "sev"},
        {"{\"measurements\":{\"snp\":{}}}", "snp"},
        {"{\"measurements\":{\"snp\":[1]}}", "snp"},
        {"{\"measurements\":{\"snp\":[{}]}}", "measurement"},
        {"{\"measurements\":{\"snp\":[{\"host_data\":\"" A32 "\"}]}}", "measurement"},
        {"{\"measurements\":{\"snp\":[{\"measurement\":\"11\"}]}}", "measurement"},
        {"{\"measurements\":{\"snp\":[{\"measurement\":\"" A48 "\",\"rtmr0\":\"\"}]}}", "rtmr0"},
        {"{\"snp\":[]}", "snp"},
        {"{\"snp\":{\"allow_debug\":true}}", "allow_debug"},
        {"{\"snp\":{\"allow_vlek\":1}}", "allow_vlek"},
        {"{\"snp\":{\"require_crl\":null}}", "require_crl"},
        {"{\"snp\":{\"max_vmpl\":4}}", "max_vmpl"},
        {"{\"snp\":{\"min_guest_svn\":4294967296}}", "min_guest_svn"},
        {"{\"snp\":{\"min_abi\":{}}}", "major"},
        {"{\"snp\":{\"min_abi\":{\"major\":256}}}", "major"},
        {"{\"snp\":{\"min_abi\":{\"major\":1,\"build\":1}}}", "build"},
        {"{\"snp\":{\"min_tcb\":[]}}", "min_tcb"},
        {"{\"snp\":{\"min_tcb\":{\"venice\":{}}}}", "venice"},
        {"{\"snp\":{\"min_tcb\":{\"milan\":{\"fmc\":1}}}}", "fmc"},
        {"{\"snp\":{\"min_tcb\":{\"turin\":{\"fmc\":256}}}}", "fmc"},
        {"{\"snp\":{\"chip_ids\":[\"11\"]}}", "chip_ids"},
        {"{\"snp\":{\"chip_ids\":[\"0000000000000000\"]}}", "chip_ids"},
        {"{\"measurements\":{\"tdx\":{}}}", "tdx"},
        {"{\"measurements\":{\"tdx\":[1]}}", "tdx"},
        {"{\"measurements\":{\"tdx\":[{}]}}", "mr_td"},
        {"{\"measurements\":{\"tdx\":[{\"rtmr0\":\"" A48 "\"}]}}", "mr_td"},
        {"{\"measurements\":{\"tdx\":[{\"mr_td\":\"11\"}]}}", "mr_td"},
        {"{\"measurements\":{\"tdx\":[{\"mr_td\":\"" A48 "\",\"rtmr4\":\"\"}]}}", "rtmr4"},
        {"{\"measurements\":{\"nitro\":{}}}", "nitro"},
        {"{\"measurements\":{\"nitro\":[{}]}}", "pcr0"},
        {"{\"measurements\":{\"nitro\":[{\"pcr3\":\"" A48 "\"}]}}", "pcr0"},
        {"{\"measurements\":{\"nitro\":[{\"pcr0\":\"11\"}]}}", "pcr0"},
        {"{\"measurements\":{\"nitro\":[{\"pcr0\":\"" A48 "\",\"pcr9\":\"" A48 "\"}]}}", "pcr9"},
        {"{\"measurements\":{\"sgx\":[{}]}}", "mrenclave"},
        {"{\"measurements\":{\"sgx\":[true]}}", "sgx"},
        {"{\"measurements\":{\"sgx\":[{\"mrsigner\":\"" A32 "\"}]}}", "isvprodid"},
        {"{\"measurements\":{\"sgx\":[{\"mrenclave\":\"" A32 "\",\"min_isvsvn\":1}]}}",
         "min_isvsvn"},
        {"{\"measurements\":{\"sgx\":[{\"mrsigner\":\"" A32 "\",\"isvprodid\":65536,"
         "\"min_isvsvn\":1}]}}",
         "isvprodid"},
        {"{\"allow_debug_insecure\":1}", "allow_debug_insecure"},
        {"{\"allow_sept_ve\":\"yes\"}", "allow_sept_ve"},
        {"{\"allow_migratable\":null}", "allow_migratable"},
        {"{\"allow_service_td\":0}", "allow_service_td"},
        {"{\"exact_length\":[]}", "exact_length"},
        {"{\"platform_instances\":[\"33\"]}", "platform_instances"},
        {"{\"platform_instances\":{}}", "platform_instances"},
        {"{\"simulator_root_insecure\":true}", "simulator_root_insecure"},
        {"{\"simulator_root_insecure\":\"22\"}", "simulator_root_insecure"},
        {"{\"simulator_root\":\"" A32 "\"}", "simulator_root"},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        memset(&policy, 0x5c, sizeof(policy));
        static struct ph_policy before;
        before = policy;
        why.text[0] = '\0';
        if (parse(bad[i].text) != PH_ERR_MALFORMED || !strstr(why.text, bad[i].names) ||
            why.text[0] == '\0')
            fail_msg("%s: %s", bad[i].text, why.text);
        CHECK(memcmp(&policy, &before, sizeof(before)) == 0);
    }
}

TEST(a_document_over_the_limit_is_refused)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_POLICY_JSON_MAX + 16);
    CHECK(ph_buf_add_str(&text, "{}") == PH_OK);
    while (text.len <= PH_POLICY_JSON_MAX)
        CHECK(ph_buf_add_str(&text, " ") == PH_OK);
    CHECK(ph_policy_parse(ph_buf_view(&text), &policy, &why) == PH_ERR_LIMIT);
}

/* Judge `w` and yield whether it was accepted; a refusal must be the measurement's. */
static bool measured(const struct world *w)
{
    struct ph_verdict v;
    const enum ph_err err = world_judge(w, &v);
    CHECK(v.measurements_demanded);
    CHECK(err == PH_OK || v.check == PH_CHECK_POLICY_MEASUREMENT);
    return err == PH_OK;
}

TEST(a_td_is_named_by_every_register_that_the_policy_gives)
{
    struct world w;
    world_init(&w);
    uint8_t *const registers[] = {w.td.mr_td, w.td.rtmr0,        w.td.rtmr1,  w.td.rtmr2,
                                  w.td.rtmr3, w.td.mr_config_id, w.td.mr_seam};
    w.policy.any_measurement = false;
    w.policy.tdx_cnt = 2; /* the second may match as well as the first; the first has no field */
    struct ph_policy_tdx *want = &w.policy.tdx[1];
    uint8_t *const wants[] = {want->mrtd,    want->rtmr[0],    want->rtmr[1], want->rtmr[2],
                              want->rtmr[3], want->mrconfigid, want->mrseam};
    CHECK(!measured(&w));
    want->fields = 0x7f;
    for (size_t i = 0; i < PH_LEN(registers); i++) {
        memset(registers[i], (int)(i + 1), 48);
        memset(wants[i], (int)(i + 1), 48);
    }
    CHECK(measured(&w));
    for (size_t i = 0; i < PH_LEN(registers); i++) {
        registers[i][47] ^= 1;
        CHECK(!measured(&w));
        want->fields = 0x7f & ~(1u << i);
        CHECK(measured(&w)); /* not asked for */
        want->fields = 0x7f;
        registers[i][47] ^= 1;
    }
}

TEST(an_enclave_is_named_by_its_hash_or_by_signer_product_and_version)
{
    struct world w;
    world_init(&w);
    world_sgx(&w, 3);
    memset(w.enclave.mrenclave, 0x11, 32);
    memset(w.enclave.mrsigner, 0x22, 32);
    w.enclave.isvprodid[0] = 3;
    w.enclave.isvsvn[0] = 4;
    w.policy.any_measurement = false;
    w.policy.sgx_cnt = 1;
    struct ph_policy_sgx *want = &w.policy.sgx[0];
    CHECK(!measured(&w));
    want->has_mrenclave = true;
    memset(want->mrenclave, 0x11, 32);
    CHECK(measured(&w));
    want->mrenclave[31] ^= 1;
    CHECK(!measured(&w));

    *want = (struct ph_policy_sgx){.has_mrsigner = true, .isvprodid = 3, .min_isvsvn = 4};
    memset(want->mrsigner, 0x22, 32);
    CHECK(measured(&w));
    want->min_isvsvn = 5;
    CHECK(!measured(&w));
    want->min_isvsvn = 3;
    CHECK(measured(&w));
    want->isvprodid = 2;
    CHECK(!measured(&w));
    want->isvprodid = 3;
    want->mrsigner[0] ^= 1;
    CHECK(!measured(&w));
    /* Both given: both must match. */
    want->mrsigner[0] ^= 1;
    want->has_mrenclave = true;
    CHECK(!measured(&w));
}

TEST(each_allowance_allows_its_own_thing)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.td.td_attributes[0] = 1;
    w.policy.allow_debug_insecure = true;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.td.td_attributes[3] = 0; /* SEPT_VE_DISABLE off */
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SEPT_VE);
    w.policy.allow_sept_ve = true;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.td.td_attributes[3] = 0x20; /* MIGRATABLE */
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MIGRATABLE);
    w.policy.allow_migratable = true;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.s.quote_version = 5;
    w.td15 = true;
    w.tail.mr_service_td[0] = 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SERVICE_TD);
    w.policy.allow_service_td = true;
    CHECK(world_judge(&w, &v) == PH_OK);

    world_init(&w);
    world_sgx(&w, 3);
    w.enclave.attributes[0] |= 2;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_DEBUG);
    w.policy.allow_debug_insecure = true;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(a_platform_list_admits_its_platforms_only)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.policy.instance_cnt = 2;
    memcpy(w.policy.instances[1], w.s.platform_instance, 16);
    CHECK(world_judge(&w, &v) == PH_OK);
    w.policy.instances[1][0] ^= 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_INSTANCE);
    /* A Processor CA's PCK names no instance: a zeroed entry is not that. */
    world_init(&w);
    w.s.processor_ca = true;
    w.policy.instance_cnt = 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_INSTANCE);
}

TEST(entries_count_from_the_first_to_the_last_counted)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.policy.any_measurement = false;
    for (size_t at = 0; at < 3; at++) {
        memset(w.policy.tdx, 0, sizeof(w.policy.tdx));
        memset(w.policy.instances, 0, sizeof(w.policy.instances));
        w.policy.tdx[at].fields = PH_TDX_FIELD_MRTD; /* zero, as the TD's */
        memcpy(w.policy.instances[at], w.s.platform_instance, 16);
        w.policy.tdx_cnt = w.policy.instance_cnt = 2;
        CHECK((world_judge(&w, &v) == PH_OK) == (at < 2));
        w.policy.tdx_cnt = 3;
        CHECK((world_judge(&w, &v) == PH_OK) == (at < 2));
        w.policy.instance_cnt = 3;
        CHECK(world_judge(&w, &v) == PH_OK);
    }
    world_init(&w);
    world_sgx(&w, 3);
    w.policy.any_measurement = false;
    w.policy.sgx[1].has_mrenclave = true;
    w.policy.sgx_cnt = 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
    w.policy.sgx_cnt = 2;
    CHECK(world_judge(&w, &v) == PH_OK);
    /* The other kind's list is of no use. */
    w.policy.sgx_cnt = 0;
    w.policy.tdx_cnt = 1;
    w.policy.tdx[0].fields = PH_TDX_FIELD_MRTD;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
}

PH_TEST_MAIN(CASE(entries_count_from_the_first_to_the_last_counted),
             CASE(an_empty_document_and_a_zeroed_policy_deny_everything),
             CASE(the_builtin_policy_takes_production_hardware_and_no_measurement),
             CASE(every_member_is_read), CASE(members_for_snp_are_read),
             CASE(nitro_measurements_are_read), CASE(what_is_wrong_is_refused_and_named),
             CASE(a_document_over_the_limit_is_refused),
             CASE(a_td_is_named_by_every_register_that_the_policy_gives),
             CASE(an_enclave_is_named_by_its_hash_or_by_signer_product_and_version),
             CASE(each_allowance_allows_its_own_thing),
             CASE(a_platform_list_admits_its_platforms_only))
