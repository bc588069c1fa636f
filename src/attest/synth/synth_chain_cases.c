#include "attest/synth/synth_chain_cases.h"

#include "base/test.h"

#include <stdio.h>

/* Checks that have no counterpart on chain: certification data and PEM do not travel there, any
 * root will do on a development chain, and which statuses are good enough is TeePolicy's question.
 */
static bool has_counterpart(enum ph_check check)
{
    static const enum ph_check none[] = {
        PH_CHECK_QUOTE_CERT_DATA, PH_CHECK_QUOTE_TRAILING,     PH_CHECK_PCK_PRESENT,
        PH_CHECK_PCK_FORMAT,      PH_CHECK_ROOT_PINNED,        PH_CHECK_POLICY_STATUS,
        PH_CHECK_POLICY_TCB_DATE, PH_CHECK_POLICY_EVALUATION,  PH_CHECK_POLICY_ADVISORY,
        PH_CHECK_POLICY_INSTANCE, PH_CHECK_POLICY_MEASUREMENT,
    };
    const enum ph_check_group group = ph_check_group(check);

    for (size_t i = 0; i < PH_LEN(none); i++) {
        if (none[i] == check)
            return false;
    }
    return group == PH_GROUP_INTEL || group == PH_GROUP_ALL;
}

/* As a worker's: its last half is zero. TeePolicy judges the status, so every one passes here. */
static void start(struct world *w)
{
    world_init(w);
    memset(w->expected + 32, 0, 32);
    memset(w->td.report_data + 32, 0, 32);
    memset(w->enclave.report_data + 32, 0, 32);
    w->td.mr_td[0] = w->enclave.mrenclave[0] = 1;
    w->policy.statuses = UINT32_MAX;
}

/* The last one is accepted here, where the policy names measurements, and refused on chain. */
static const char *const plain[] = {"tdx4",
                                    "tdx5",
                                    "td15",
                                    "sgx3",
                                    "sgx4",
                                    "sgx5",
                                    "processor_ca",
                                    "also_issued_earlier",
                                    "also_129_revoked",
                                    "also_serials_on_the_other_list",
                                    "also_ca_expires_first",
                                    "also_another_signer",
                                    "zero_image"};

/* Serials of certificates that do not exist. */
static void revoke_others(struct ph_synth *s, size_t cnt)
{
    CHECK(cnt <= PH_SYNTH_SERIALS_MAX);
    for (size_t i = 0; i < cnt; i++)
        s->revoked_by_ca[i] = (struct ph_synth_serial){.b = {0x40, (uint8_t)i, 0x77}};
    s->revoked_by_ca_cnt = cnt;
}

static void make_plain(const char *name, struct world *w)
{
    if (strncmp(name, "sgx", 3) == 0)
        world_sgx(w, (uint16_t)(name[3] - '0'));
    if (strcmp(name, "tdx5") == 0 || strcmp(name, "td15") == 0)
        w->s.quote_version = 5;
    w->td15 = strcmp(name, "td15") == 0;
    if (strcmp(name, "processor_ca") == 0)
        w->s.processor_ca = true;
    if (strcmp(name, "also_issued_earlier") == 0) {
        w->s.issue_s -= 24 * 3600;
        w->s.crl_issue_s -= 24 * 3600;
        w->s.root_crl_issue_s -= 24 * 3600;
    }
    if (strcmp(name, "also_129_revoked") == 0)
        revoke_others(&w->s, 129);
    if (strcmp(name, "also_serials_on_the_other_list") == 0) {
        w->s.revoked_by_ca[w->s.revoked_by_ca_cnt++] = w->s.ca_serial;
        w->s.revoked_by_root[w->s.revoked_by_root_cnt++] = w->s.pck_serial;
    }
    if (strcmp(name, "also_ca_expires_first") == 0)
        w->s.ca_not_after_s = w->now_s + 100;
    if (strcmp(name, "also_another_signer") == 0) {
        w->s.signer_serial.b[19] ^= 1;
        w->s.evaluation_number--;
        w->s.qe_evaluation_number--;
    }
    if (strcmp(name, "zero_image") == 0)
        memset(w->td.mr_td, 0, sizeof(w->td.mr_td));
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t below(uint64_t *state, uint64_t n)
{
    return next(state) % n;
}

static const char *status(uint64_t *state, bool part)
{
    static const char *const of_platform[] = {"UpToDate",
                                              "SWHardeningNeeded",
                                              "ConfigurationNeeded",
                                              "ConfigurationAndSWHardeningNeeded",
                                              "OutOfDate",
                                              "OutOfDateConfigurationNeeded",
                                              "Revoked"};
    static const char *const of_part[] = {"UpToDate",  "UpToDate", "UpToDate",         "OutOfDate",
                                          "OutOfDate", "Revoked",  "SWHardeningNeeded"};
    return part ? of_part[below(state, PH_LEN(of_part))]
                : of_platform[below(state, PH_LEN(of_platform))];
}

static const char *date(uint64_t *state)
{
    static const char *const dates[] = {"2024-03-13T00:00:00Z", "2023-08-09T00:00:00Z",
                                        "2020-02-29T23:59:59Z", "2021-11-10T12:00:00Z"};
    return dates[below(state, PH_LEN(dates))];
}

/* Levels of one SVN, each less than the one before; the document may list them in any order. */
static size_t isv_levels(uint64_t *state,
                         struct ph_synth_isv_level level[static PH_SYNTH_LEVELS_MAX])
{
    const size_t cnt = 1 + below(state, 3);
    uint16_t svn = (uint16_t)(5 + below(state, 3));
    for (size_t i = 0; i < cnt; i++) {
        level[i] = (struct ph_synth_isv_level){svn, status(state, true), date(state), NULL};
        svn = (uint16_t)(svn - 1 - below(state, 2));
    }
    if (cnt > 1 && below(state, 3) == 0) {
        const struct ph_synth_isv_level swap = level[0];
        level[0] = level[1];
        level[1] = swap;
    }
    return cnt;
}

/* SVNs around those of the platform, so that some levels are reached and some are not. */
static void make_random(uint64_t seed, struct world *w)
{
    uint64_t state = seed * 0x2545f4914f6cdd1d + 1;
    struct ph_synth *s = &w->s;
    const bool sgx = below(&state, 4) == 0;

    if (sgx)
        world_sgx(w, 3);
    s->level_cnt = 1 + below(&state, PH_SYNTH_LEVELS_MAX);
    for (size_t i = 0; i < s->level_cnt; i++) {
        struct ph_synth_level *l = &s->level[i];
        const bool out_of_reach = i + 1 < s->level_cnt && below(&state, 3) == 0;
        const size_t at = below(&state, 16);
        for (size_t c = 0; c < 16; c++) {
            l->sgx[c] = (uint8_t)(s->cpusvn[c] - (s->cpusvn[c] > 0 && below(&state, 3) == 0));
            l->tdx[c] = (uint8_t)(w->td.tee_tcb_svn[c] -
                                  (w->td.tee_tcb_svn[c] > 0 && below(&state, 3) == 0));
        }
        if (out_of_reach && below(&state, 2))
            l->sgx[at] = (uint8_t)(s->cpusvn[at] + 1);
        else if (out_of_reach)
            l->tdx[at] = (uint8_t)(w->td.tee_tcb_svn[at] + 1);
        l->pcesvn = (uint16_t)(s->pcesvn - i + (below(&state, 8) == 0));
        l->status = status(&state, false);
        l->date = date(&state);
        l->advisories = below(&state, 2) ? "[\"INTEL-SA-00615\",\"INTEL-SA-00657\"]" : NULL;
    }
    s->qe_level_cnt = isv_levels(&state, s->qe_level);
    s->qe_isvsvn = (uint16_t)(4 + below(&state, 5));
    s->evaluation_number = 16 + (uint32_t)below(&state, 3);
    s->qe_evaluation_number = 16 + (uint32_t)below(&state, 3);
    s->module_identities = true;
    s->module_version = 3;
    s->module_level_cnt = isv_levels(&state, s->module_level);
    w->td.tee_tcb_svn[0] = (uint8_t)(4 + below(&state, 5));
    w->td.tee_tcb_svn[1] = below(&state, 3) == 0 ? 0 : below(&state, 16) == 0 ? 9 : 3;
    if (!sgx && below(&state, 2)) {
        s->quote_version = 5;
        w->td15 = true;
        memcpy(w->tail.tee_tcb_svn2, w->td.tee_tcb_svn, 16);
        w->tail.tee_tcb_svn2[0] = (uint8_t)(w->td.tee_tcb_svn[0] + below(&state, 4) - 1);
        w->tail.tee_tcb_svn2[2] = (uint8_t)(w->td.tee_tcb_svn[2] + below(&state, 2));
    }
}

bool chain_case(size_t n, char name[static 64], struct world *w)
{
    start(w);
    if (n < PH_LEN(plain)) {
        (void)snprintf(name, 64, "%s", plain[n]);
        make_plain(plain[n], w);
        return true;
    }
    n -= PH_LEN(plain);
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (!has_counterpart(check))
            continue;
        if (n-- > 0)
            continue;
        (void)snprintf(name, 64, "break_%s", ph_check_reason(check));
        world_break(w, check);
        if (check == PH_CHECK_REPORT_DATA)
            w->expected[0] ^= 1; /* bind is the first half */
        return true;
    }
    if (n >= CHAIN_RANDOM_CASES)
        return false;
    (void)snprintf(name, 64, "random_%03zu", n);
    make_random(n, w);
    return true;
}
