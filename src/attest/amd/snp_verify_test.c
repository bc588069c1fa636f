/* Every check alone: a report that breaks one rule is refused for that rule, and for that only. The
 * test walks over all checks of the table, so that a check without a case fails it. */

#include "attest/amd/snp_world.h"
#include "attest/verdict_json.h"
#include "base/own.h"
#include "base/test.h"

#include "attest/eventlog/dstack_config.h"
static struct snp_world w;
static struct ph_verdict v;
static struct ph_trace trace;

static void milan(void)
{
    snp_world_init(&w, PH_SNP_MILAN, 3, false);
}

static bool applies(enum ph_check check)
{
    const enum ph_check_group group = ph_check_group(check);
    /* AMD's rules know no advisories. */
    return check != PH_CHECK_POLICY_ADVISORY && (group == PH_GROUP_ALL || group == PH_GROUP_SNP);
}

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        if (b[i] != 0)
            return false;
    }
    return true;
}

/* How many checks failed, of those that ran. */
static size_t failures(void)
{
    size_t cnt = 0;
    for (enum ph_check c = 0; c < PH_CHECK_CNT; c++)
        cnt += trace.check[c].result == PH_TRACE_FAIL;
    return cnt;
}

TEST(each_check_alone_refuses_for_its_reason)
{
    size_t wrong = 0;
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (!applies(check))
            continue;
        milan();
        if (!snp_world_break(&w, check)) {
            print_message("# %s: no case\n", ph_check_reason(check));
            wrong++;
            continue;
        }
        w.trace = &trace;
        const enum ph_err err = snp_world_judge(&w, &v);
        /* Where the status is unknown, the policy's check on it fails too. Without AMD's extensions
         * there is no product to lay a TCB out for. */
        const size_t more = v.status == PH_TCB_UNKNOWN &&
                            trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL;
        const bool only = failures() == 1 + more || check == PH_CHECK_SNP_VEK_EXTENSION;
        if (err == PH_OK || v.accepted || v.check != check || v.step != ph_check_step(check) ||
            strcmp(v.reason, ph_check_reason(check)) != 0 || !only ||
            trace.check[check].result != PH_TRACE_FAIL || !is_zero(&v.claims, sizeof(v.claims)) ||
            strncmp(v.sentence, "Refused: ", 9) != 0) {
            print_message("# %s: got %s, %s, %zu failures\n", ph_check_reason(check), v.reason,
                          ph_err_name(err), failures());
            wrong++;
        }
    }
    CHECK(wrong == 0);
}

TEST(a_good_report_is_accepted_and_yields_claims)
{
    milan();
    w.trace = &trace;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    CHECK(v.accepted && v.step == PH_STEP_NONE && v.check == PH_CHECK_CNT);
    CHECK(strcmp(v.reason, "accepted") == 0 && v.status == PH_TCB_UP_TO_DATE);
    CHECK(v.advisory_cnt == 0 && v.tcb_date_s == 0 && v.evaluation_number == 0);
    CHECK(v.valid_until_s == w.s.crl_next_s && v.measurements_demanded && !v.insecure_simulator);
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (applies(check) && trace.check[check].result != PH_TRACE_PASS)
            fail_msg("%s did not run", ph_check_reason(check));
    }
    const struct ph_snp_claims *c = &v.claims.snp;
    CHECK(v.claims.tee == PH_TEE_SNP && v.claims.quote_version == 3 && c->report_version == 3);
    CHECK(v.claims.report_data_checked && memcmp(v.claims.report_data, w.expected, 64) == 0);
    CHECK(v.claims.verified_at_s == SNP_WORLD_NOW && c->product == PH_SNP_MILAN && !c->is_vlek);
    CHECK(c->guest_svn == 3 && c->policy == 0x3001f && c->vmpl == 0 && c->platform_info == 5);
    CHECK(memcmp(c->chip_id, w.s.hwid, 64) == 0 && c->csp_id[0] == '\0' && c->revocation_checked);
    CHECK(memcmp(&c->reported, &w.s.tcb, sizeof(c->reported)) == 0 &&
          memcmp(&c->committed, &w.s.tcb, sizeof(c->reported)) == 0 &&
          memcmp(&c->current, &w.s.tcb, sizeof(c->reported)) == 0 &&
          memcmp(&c->launch, &w.s.tcb, sizeof(c->reported)) == 0);
    CHECK(c->current_firmware.major == 1 && c->current_firmware.minor == 55 &&
          c->committed_firmware.build == 29);
    CHECK(memcmp(c->measurement, w.s.report.measurement, 48) == 0 &&
          memcmp(c->host_data, w.s.report.host_data, 32) == 0 &&
          memcmp(c->id_key_digest, w.s.report.id_key_digest, 48) == 0 &&
          memcmp(c->report_id_ma, w.s.report.report_id_ma, 32) == 0);
}

TEST(a_trace_shows_where_each_check_looked)
{
    static const struct {
        enum ph_check check;
        size_t offset, len;
    } cases[] = {
        {PH_CHECK_SNP_LENGTH, 0, 0x4a0},     {PH_CHECK_SNP_SIGNATURE_FORM, 0x2a0, 144},
        {PH_CHECK_SNP_SIGNATURE, 0, 0x2a0},  {PH_CHECK_SNP_PRODUCT, 0x188, 1},
        {PH_CHECK_SNP_CHIP_ID, 0x1a0, 64},   {PH_CHECK_SNP_KEY_KIND, 0x48, 4},
        {PH_CHECK_SNP_POLICY_BITS, 8, 8},    {PH_CHECK_SNP_PLATFORM_BITS, 0x40, 8},
        {PH_CHECK_SNP_TCB_ORDER, 0x1e0, 8},  {PH_CHECK_SNP_TCB_CERTIFIED, 0x180, 8},
        {PH_CHECK_SNP_TCB_LAUNCH, 0x1f0, 8}, {PH_CHECK_REPORT_DATA, 0x50, 64},
        {PH_CHECK_POLICY_SNP_VMPL, 0x30, 4}, {PH_CHECK_POLICY_SNP_SVN, 4, 4},
        {PH_CHECK_POLICY_DEBUG, 8, 8},       {PH_CHECK_POLICY_MEASUREMENT, 0x90, 48},
    };
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    w.trace = &trace;
    snp_world_make(&w, &e);
    const struct ph_snp_args a = snp_world_args(&w, &e);
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const struct ph_bytes seen = trace.check[cases[i].check].bytes;
        if (seen.ptr != e.report.ptr + cases[i].offset || seen.len != cases[i].len)
            fail_msg("%s", ph_check_reason(cases[i].check));
    }
    CHECK(trace.check[PH_CHECK_SNP_VEK_SIGNATURE].bytes.ptr == e.vek.ptr);
    CHECK(trace.check[PH_CHECK_SNP_CRL_FRESH].bytes.ptr == e.crl.ptr);
    struct ph_snp_args cut = a;
    cut.crl.len--;
    CHECK(ph_snp_verify(&cut, &v) == PH_ERR_MALFORMED);
    CHECK(trace.check[PH_CHECK_SNP_CRL_FORMAT].bytes.ptr == e.crl.ptr);
    cut = a;
    cut.vek.len--;
    CHECK(ph_snp_verify(&cut, &v) == PH_ERR_MALFORMED);
    CHECK(trace.check[PH_CHECK_SNP_VEK_FORMAT].bytes.ptr == e.vek.ptr);
}

TEST(every_product_version_and_key_is_accepted)
{
    for (enum ph_snp_product p = PH_SNP_MILAN; p <= PH_SNP_TURIN; p++) {
        for (uint32_t version = 2; version <= 5; version++) {
            snp_world_init(&w, p, version, version % 2 == 0);
            w.as_pem = version < 4;
            w.s.wrap_hwid = version > 3;
            if (snp_world_judge(&w, &v) != PH_OK)
                fail_msg("%s version %u: %s", ph_snp_product_name(p), version, v.reason);
            CHECK(v.claims.snp.product == p && v.claims.snp.report_version == version);
            CHECK(v.claims.snp.is_vlek == (version % 2 == 0));
            CHECK(strcmp(v.claims.snp.csp_id, version % 2 == 0 ? "CN=cloud.example" : "") == 0);
            CHECK(v.claims.snp.current_mit_vector == (version == 5 ? 0x3f : 0));
            CHECK(memcmp(&v.claims.snp.reported, &w.s.tcb, sizeof(w.s.tcb)) == 0);
        }
    }
}

/* Judge the world's report with certificates of another. */
static enum ph_err judge_with(const struct snp_world *certs)
{
    struct snp_evidence own PH_OWNED(snp_evidence_clear), other PH_OWNED(snp_evidence_clear);
    snp_world_make(&w, &own);
    snp_world_make(certs, &other);
    struct ph_snp_args a = snp_world_args(&w, &own);
    a.vek = ph_buf_view(&other.vek);
    a.chain_pem = ph_buf_view(&other.chain);
    a.crl = ph_buf_view(&other.crl);
    if (own.roots.pin_cnt < PH_ATTEST_PINS_MAX)
        own.roots.pin[own.roots.pin_cnt++] = other.roots.pin[other.roots.pin_cnt - 1];
    return ph_snp_verify(&a, &v);
}

TEST(a_vlek_binds_no_chip_and_a_vcek_always_one)
{
    struct snp_world other;
    /* The id may show, or be masked; both are fine for a VLEK. */
    snp_world_init(&w, PH_SNP_MILAN, 3, true);
    memset(w.s.report.chip_id, 7, 64);
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.chip_id[63] == 7);
    w.s.report.flags[0] |= PH_SNP_FLAG_MASK_CHIP_KEY;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHIP_MASK);
    memset(w.s.report.chip_id, 0, 64);
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    /* A VCEK whose chip is masked names nobody: also where its certificate has zeros. */
    milan();
    memset(w.s.report.chip_id, 0, 64);
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHIP_ID);
    memset(w.s.hwid, 0, 64);
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHIP_ID);
    /* Turin's ids have 8 bytes and no more. */
    for (int vlek = 0; vlek < 2; vlek++) {
        snp_world_init(&w, PH_SNP_TURIN, 5, vlek);
        w.s.report.chip_id[8] = 1;
        CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHIP_ID);
    }
    /* The kind that the report names and that of the certificate differ, both ways. */
    milan();
    snp_world_init(&other, PH_SNP_MILAN, 3, true);
    CHECK(judge_with(&other) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_KEY_KIND);
    w = other;
    snp_world_init(&other, PH_SNP_MILAN, 3, false);
    CHECK(judge_with(&other) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_KEY_KIND);
}

TEST(each_component_of_each_tcb_is_compared)
{
    /* Bytes of a TCB version in use, Milan's layout and Turin's. */
    static const size_t used[2][5] = {{0, 1, 6, 7, 7}, {0, 1, 2, 3, 7}};
    for (int turin = 0; turin < 2; turin++) {
        for (size_t i = 0; i < 5; i++) {
            const size_t at = used[turin][i];
            const enum ph_snp_product p = turin ? PH_SNP_TURIN : PH_SNP_GENOA;
            struct ph_snp_report *r = &w.s.report;

            snp_world_init(&w, p, 4, false);
            r->reported_tcb[at]--;
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED);
            CHECK(v.check == PH_CHECK_SNP_TCB_CERTIFIED && v.status == PH_TCB_UNKNOWN);

            snp_world_init(&w, p, 4, false);
            r->committed_tcb[at]--; /* below reported */
            w.policy.snp.allow_provisional = true;
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_TCB_ORDER);

            snp_world_init(&w, p, 4, false);
            r->current_tcb[at]--; /* below committed, and launch */
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_TCB_ORDER);

            snp_world_init(&w, p, 4, false);
            r->launch_tcb[at]++;
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED &&
                  v.check == PH_CHECK_SNP_TCB_LAUNCH);

            snp_world_init(&w, p, 4, false);
            r->committed_tcb[at]++;
            r->current_tcb[at]++;
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
            CHECK(v.status == PH_TCB_OUT_OF_DATE);
            w.policy.statuses = 1u << PH_TCB_OUT_OF_DATE;
            CHECK(snp_world_judge(&w, &v) == PH_OK && v.status == PH_TCB_OUT_OF_DATE);
            r->current_tcb[at]++;
            CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED &&
                  v.check == PH_CHECK_POLICY_SNP_PROVISIONAL);
            w.policy.snp.allow_provisional = true;
            CHECK(snp_world_judge(&w, &v) == PH_OK);
        }
    }
}

TEST(least_versions_are_of_the_product_reported_and_at_launch)
{
    struct ph_policy_snp *p = &w.policy.snp;
    milan();
    p->has_min_tcb = true;
    /* Listed for another product only. */
    p->min_tcb[PH_SNP_GENOA].present = true;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_MIN_TCB);
    p->min_tcb[PH_SNP_MILAN].present = true;
    p->min_tcb[PH_SNP_MILAN].tcb = w.s.tcb;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.s.report.launch_tcb[6]--;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_MIN_TCB);
    CHECK(v.status == PH_TCB_UP_TO_DATE); /* the status is the report's, not the policy's */
    milan();                              /* launched as it must, and behind since */
    p->has_min_tcb = p->min_tcb[PH_SNP_MILAN].present = true;
    p->min_tcb[PH_SNP_MILAN].tcb = w.s.tcb;
    w.policy.statuses = 1u << PH_TCB_OUT_OF_DATE;
    w.s.tcb.microcode--;
    w.s.report.reported_tcb[7]--;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_MIN_TCB);
    p->has_min_tcb = false;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
}

TEST(each_tcb_of_a_report_has_zeros_where_its_product_has_nothing)
{
    struct ph_snp_report *r = &w.s.report;
    uint8_t *const tcbs[] = {r->current_tcb, r->reported_tcb, r->committed_tcb, r->launch_tcb};

    for (size_t i = 0; i < PH_LEN(tcbs); i++) {
        milan();
        tcbs[i][2] = 1;
        w.trace = &trace;
        CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_TCB_FORM);
        CHECK(failures() == 2 && v.status == PH_TCB_UNKNOWN); /* and the policy's on the status */
    }
}

/* A check that refuses beside others shows it too: whoever asks what is wrong sees all of it. */
TEST(a_trace_shows_what_else_is_wrong)
{
    milan();
    w.trace = &trace;
    memset(w.s.report.chip_id, 0, 64); /* masked, which is only a VLEK's to do */
    w.s.report.flags[0] |= PH_SNP_FLAG_MASK_CHIP_KEY;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHIP_ID);
    CHECK(trace.check[PH_CHECK_SNP_CHIP_MASK].result == PH_TRACE_FAIL);
    milan();
    w.trace = &trace;
    CHECK(snp_world_break(&w, PH_CHECK_SNP_VEK_EXTENSION));
    w.s.report.cpuid_family[0] = 0xff; /* of no product that is known; nor is the certificate's */
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_VEK_EXTENSION);
    CHECK(trace.check[PH_CHECK_SNP_PRODUCT].result == PH_TRACE_FAIL);
}

TEST(a_list_of_revocations_is_needed_only_where_the_policy_says_so)
{
    milan();
    w.policy.snp.require_crl = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.revocation_checked);
    milan();
    w.drop_crl = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && !v.claims.snp.revocation_checked);
}

TEST(lists_of_a_policy_end_where_they_end)
{
    struct ph_policy_snp *p = &w.policy.snp;

    milan();
    p->guest[1] = p->guest[0];
    p->guest[0].measurement[0] ^= 1;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
    milan();
    p->chip_id_cnt = 1;
    memcpy(p->chip_ids[1], w.s.hwid, 64);
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_CHIP);
    milan();
    p->deny_vlek = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
}

TEST(firmware_versions_are_compared_from_the_left)
{
    struct ph_snp_report *r = &w.s.report;
    milan();
    /* Committed 1.54.200 is before the current 1.55.29, and not committed to it. */
    r->committed_minor[0] = 54;
    r->committed_build[0] = 200;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED &&
          v.check == PH_CHECK_POLICY_SNP_PROVISIONAL);
    w.policy.snp.allow_provisional = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.policy.snp.min_abi_major = 1;
    w.policy.snp.min_abi_minor = 54;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.policy.snp.min_abi_minor = 55; /* what counts is what cannot be gone back on */
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_ABI);
    milan();
    r->committed_major[0] = 2;
    r->committed_minor[0] = 0;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_FIRMWARE);
    milan();
    r->policy[0] = 55;
    r->policy[1] = 1;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
}

TEST(guest_policy_and_platform_bits_are_held_to_their_version)
{
    struct ph_snp_report *r = &w.s.report;
    for (size_t bit = 16; bit < 64; bit++) {
        milan();
        r->policy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        r->platform_info[0] = PH_SNP_PLATFORM_RAPL_DIS | PH_SNP_PLATFORM_CIPHERTEXT_HIDING;
        w.policy.allow_debug_insecure = w.policy.snp.allow_migrate_ma = true;
        const bool good = bit <= 25 && bit != 17;
        CHECK(snp_world_judge(&w, &v) == (good ? PH_OK : PH_ERR_UNTRUSTED));
        CHECK(good || v.check == PH_CHECK_SNP_POLICY_BITS);
    }
    for (size_t bit = 0; bit < 64; bit++) {
        for (uint32_t version = 4; version <= 5; version++) {
            snp_world_init(&w, PH_SNP_MILAN, version, false);
            memset(r->platform_info, 0, 8);
            r->platform_info[bit / 8] = (uint8_t)(1u << bit % 8);
            const bool good = bit <= (version == 5 ? 7 : 5);
            CHECK(snp_world_judge(&w, &v) == (good ? PH_OK : PH_ERR_UNTRUSTED));
            CHECK(good || v.check == PH_CHECK_SNP_PLATFORM_BITS);
        }
    }
}

TEST(a_platform_keeps_what_the_guest_demands_of_it)
{
    static const struct {
        uint64_t policy, platform;
        bool kept;
    } cases[] = {
        {0x20000, 0, true},         {0x20000, 1, false},       /* no SMT */
        {0x830000, 0, false},       {0x830000, 1 << 3, true},  /* RAPL_DIS */
        {0x1030000, 0, false},      {0x1030000, 1 << 4, true}, /* CIPHERTEXT_HIDING */
        {0x1030000, 1 << 3, false}, {0x830000, 1 << 4, false},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        milan();
        ph_put_u64le(w.s.report.policy, cases[i].policy);
        ph_put_u64le(w.s.report.platform_info, cases[i].platform);
        CHECK(snp_world_judge(&w, &v) == (cases[i].kept ? PH_OK : PH_ERR_UNTRUSTED));
        CHECK(cases[i].kept || v.check == PH_CHECK_SNP_POLICY_KEPT);
    }
    milan();
    w.policy.snp.require_smt_off = w.policy.snp.require_ciphertext_hiding = true;
    w.s.report.platform_info[0] = PH_SNP_PLATFORM_CIPHERTEXT_HIDING;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
}

TEST(author_keys_are_there_when_they_are_said_to_be)
{
    struct ph_policy_snp_guest *g = &w.policy.snp.guest[0];
    milan();
    memset(w.s.report.author_key_digest, 9, 48);
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_AUTHOR_KEY);
    w.s.report.flags[0] |= PH_SNP_FLAG_AUTHOR_KEY;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    /* Each member of a measurement counts where it is set. */
    g->has_author_key_digest = g->has_id_key_digest = g->has_host_data = true;
    memset(g->author_key_digest, 9, 48);
    memcpy(g->id_key_digest, w.s.report.id_key_digest, 48);
    memcpy(g->host_data, w.s.report.host_data, 32);
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    uint8_t *const parts[] = {g->author_key_digest, g->id_key_digest, g->host_data, g->measurement};
    for (size_t i = 0; i < PH_LEN(parts); i++) {
        parts[i][31] ^= 1;
        CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED &&
              v.check == PH_CHECK_POLICY_MEASUREMENT);
        parts[i][31] ^= 1;
    }
    /* A second guest will do; none at all will not, unless any will. */
    w.policy.snp.guest[1] = *g;
    w.policy.snp.guest_cnt = 2;
    g->measurement[0] ^= 1;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.policy.snp.guest_cnt = 0;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
    w.policy.any_measurement = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && !v.measurements_demanded);
}

TEST(privilege_levels_chips_and_allowances_are_the_policys)
{
    milan();
    w.s.report.vmpl[0] = 3;
    w.policy.snp.max_vmpl = 3;
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.vmpl == 3);
    w.policy.snp.max_vmpl = 2;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_VMPL);
    memset(w.s.report.vmpl, 0xff, 4); /* what the host gets for itself */
    w.policy.snp.max_vmpl = UINT32_MAX;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_VMPL);
    milan();
    w.policy.snp.chip_id_cnt = 2;
    memcpy(w.policy.snp.chip_ids[1], w.s.hwid, 64);
    w.policy.snp.min_guest_svn = 3;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.policy.snp.chip_ids[1][63] ^= 1;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_SNP_CHIP);
    milan();
    w.s.report.policy[2] |= 1 << 2 | 1 << 3;
    w.policy.snp.allow_migrate_ma = w.policy.allow_debug_insecure = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
}

TEST(signatures_out_of_range_are_refused)
{
    static const uint8_t order[48] = {/* FIPS 186-5: n of P-384, little-endian */
                                      0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7,
                                      0xb0, 0x48, 0xb2, 0x0d, 0x1a, 0x58, 0xdf, 0x2d, 0x37, 0xf4,
                                      0x81, 0x4d, 0x63, 0xc7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const size_t at[] = {0x2a0, 0x2e8};
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    snp_world_make(&w, &e);
    const struct ph_snp_args a = snp_world_args(&w, &e);
    for (size_t i = 0; i < 2; i++) {
        uint8_t keep[72];
        memcpy(keep, e.report.ptr + at[i], 72);
        memset(e.report.ptr + at[i], 0, 72);
        CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_SIGNATURE);
        memcpy(e.report.ptr + at[i], order, 48);
        CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_SIGNATURE);
        memcpy(e.report.ptr + at[i], keep, 72);
        for (size_t k = 48; k < 72; k++) {
            e.report.ptr[at[i] + k] = 1;
            CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED &&
                  v.check == PH_CHECK_SNP_SIGNATURE_FORM);
            e.report.ptr[at[i] + k] = 0;
        }
    }
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
}

TEST(a_status_is_there_exactly_when_what_it_rests_on_holds)
{
    static const enum ph_check unknown[] = {
        PH_CHECK_SNP_VEK_PRESENT,   PH_CHECK_SNP_VEK_FORMAT,    PH_CHECK_SNP_VEK_EXTENSION,
        PH_CHECK_SNP_ARK_SIGNATURE, PH_CHECK_SNP_ASK_SIGNATURE, PH_CHECK_SNP_VEK_SIGNATURE,
        PH_CHECK_SNP_CRL_FORMAT,    PH_CHECK_SNP_KEY_KIND,      PH_CHECK_SNP_SIGNATURE_FORM,
        PH_CHECK_SNP_SIGNATURE,     PH_CHECK_SNP_PRODUCT,       PH_CHECK_SNP_TCB_FORM,
        PH_CHECK_SNP_TCB_CERTIFIED,
    };
    for (enum ph_check check = PH_CHECK_SNP_VEK_PRESENT; check < PH_CHECK_CNT; check++) {
        bool want_unknown = false;
        if (!applies(check))
            continue;
        for (size_t i = 0; i < PH_LEN(unknown); i++)
            want_unknown = want_unknown || unknown[i] == check;
        milan();
        CHECK(snp_world_break(&w, check) && snp_world_judge(&w, &v) != PH_OK);
        if ((v.status == PH_TCB_UNKNOWN) != want_unknown)
            fail_msg("%s: %s", ph_check_reason(check), ph_tcb_status_name(v.status));
    }
}

TEST(what_is_missing_denies)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    snp_world_make(&w, &e);
    const struct ph_snp_args good = snp_world_args(&w, &e);
    struct ph_snp_args a = good;
    a.roots = NULL;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_ROOT);
    a = good;
    a.policy = NULL;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
    a = good;
    a.report_data = NULL;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    a.report_data_unchecked = true;
    CHECK(ph_snp_verify(&a, &v) == PH_OK && !v.claims.report_data_checked);
    a = good;
    a.chain_pem = (struct ph_bytes){0}; /* AMD's own did not sign */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHAIN_LINKS);
    CHECK(v.status == PH_TCB_UNKNOWN);
    a = good;
    a.report = (struct ph_bytes){0};
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_LENGTH);
}

TEST(padding_after_the_table_is_the_policys_choice)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    w.in_table = true;
    snp_world_make(&w, &e);
    static const uint8_t zeros[100];
    CHECK(ph_buf_add(&e.report, PH_BYTES_OF(zeros)) == PH_OK);
    const struct ph_snp_args a = snp_world_args(&w, &e);
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
    w.policy.exact_length = true;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_LENGTH);
    e.report.len -= sizeof(zeros);
    const struct ph_snp_args exact = snp_world_args(&w, &e);
    CHECK(ph_snp_verify(&exact, &v) == PH_OK);
}

TEST(claims_are_written_as_json)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_jput j = {.out = &text};
    snp_world_init(&w, PH_SNP_TURIN, 5, true);
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    ph_verdict_json(&v, &j, NULL);
    CHECK(ph_jput_end(&j) == PH_OK && ph_buf_add(&text, PH_BYTES_LIT("\0")) == PH_OK);
    const char *s = (const char *)text.ptr;
    CHECK(strstr(s, "\"tee\":\"SNP\",\"quote_version\":5,\"product\":\"Turin\","
                    "\"signing_key\":\"VLEK\",\"csp_id\":\"CN=cloud.example\",\"guest_svn\":3,"
                    "\"vmpl\":0,\"policy\":\"000000000003001f\"") ||
          strstr(s, "\"product\":\"Turin\",\"signing_key\":\"VLEK\","
                    "\"csp_id\":\"CN=cloud.example\",\"guest_svn\":3,\"vmpl\":0,"
                    "\"policy\":\"000000000003001f\",\"guest_policy\":[\"SMT\",\"RESERVED_ONE\"]"));
    CHECK(strstr(s, "\"reported_tcb\":{\"fmc\":2,\"bootloader\":4,\"tee\":1,\"snp\":24,"
                    "\"microcode\":219}"));
    CHECK(strstr(s, "\"current_firmware\":\"1.55.29\"") &&
          strstr(s, "\"current_mit_vector\":\"000000000000003f\"") &&
          strstr(s, "\"revocation_checked\":true"));
    CHECK(strstr(s, "\"measurement\":\"e2e2") && !strstr(s, "mr_td") && !strstr(s, "mrenclave"));
}

TEST(a_chain_is_valid_from_its_first_second)
{
    milan();
    w.now_s = w.s.vek_not_before_s;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    w.now_s--;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHAIN_NOT_BEFORE);
}

TEST(a_certificate_that_the_caller_gives_counts_whatever_it_is)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);

    milan();
    w.in_table = true;
    snp_world_make(&w, &e);
    struct ph_snp_args a = snp_world_args(&w, &e);
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
    a.vek = PH_BYTES_LIT("x"); /* and the table has a good one */
    CHECK(ph_snp_verify(&a, &v) != PH_OK && v.check == PH_CHECK_SNP_VEK_FORMAT);
}

TEST(the_configuration_that_host_data_names_is_claimed)
{
    static const char document[] =
        "{\"compose_hash\":\"2222222222222222222222222222222222222222222222222222222222222222\","
        "\"key_provider\":\"kms\"}";

    snp_world_init(&w, PH_SNP_MILAN, 3, false);
    CHECK(snp_world_judge(&w, &v) == PH_OK &&
          v.claims.snp.config.key_provider == PH_DSTACK_KEYS_TPM);
    w.mr_config = NULL;
    CHECK(snp_world_judge(&w, &v) == PH_OK && !v.claims.snp.has_config);
    w.mr_config = document;
    ph_dstack_config_hash(ph_bytes_str(document), w.s.report.host_data);
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.has_config);
    CHECK(v.claims.snp.config.compose_hash[0] == 0x22);
    CHECK(v.claims.snp.config.key_provider == PH_DSTACK_KEYS_KMS);
    w.s.report.host_data[31] ^= 1;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_HOST_DATA);
    w.mr_config = "{}"; /* named, but it breaks its format */
    ph_dstack_config_hash(ph_bytes_str("{}"), w.s.report.host_data);
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_HOST_DATA);
}

PH_TEST_MAIN(
    CASE(the_configuration_that_host_data_names_is_claimed),
    CASE(a_chain_is_valid_from_its_first_second),
    CASE(a_certificate_that_the_caller_gives_counts_whatever_it_is),
    CASE(each_check_alone_refuses_for_its_reason),
    CASE(a_good_report_is_accepted_and_yields_claims), CASE(a_trace_shows_where_each_check_looked),
    CASE(every_product_version_and_key_is_accepted),
    CASE(a_vlek_binds_no_chip_and_a_vcek_always_one), CASE(each_component_of_each_tcb_is_compared),
    CASE(least_versions_are_of_the_product_reported_and_at_launch),
    CASE(each_tcb_of_a_report_has_zeros_where_its_product_has_nothing),
    CASE(a_trace_shows_what_else_is_wrong),
    CASE(a_list_of_revocations_is_needed_only_where_the_policy_says_so),
    CASE(lists_of_a_policy_end_where_they_end), CASE(firmware_versions_are_compared_from_the_left),
    CASE(guest_policy_and_platform_bits_are_held_to_their_version),
    CASE(a_platform_keeps_what_the_guest_demands_of_it),
    CASE(author_keys_are_there_when_they_are_said_to_be),
    CASE(privilege_levels_chips_and_allowances_are_the_policys),
    CASE(signatures_out_of_range_are_refused),
    CASE(a_status_is_there_exactly_when_what_it_rests_on_holds), CASE(what_is_missing_denies),
    CASE(padding_after_the_table_is_the_policys_choice), CASE(claims_are_written_as_json))
