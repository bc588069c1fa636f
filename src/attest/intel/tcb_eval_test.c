/* Intel's level rules by themselves: matching, converging, relaunching. */

#include "attest/intel/tcb_eval.h"

#include "base/test.h"

static struct ph_tcb_info info;
static struct ph_sgx_ext pck;

/* One level that asks for 1 everywhere, and a platform with 1 everywhere. */
static void one_level(void)
{
    memset(&info, 0, sizeof(info));
    memset(&pck, 0, sizeof(pck));
    info.level_cnt = 1;
    info.level[0].status = PH_TCB_UP_TO_DATE;
    info.level[0].pcesvn = 1;
    pck.pcesvn = 1;
    for (size_t i = 0; i < 16; i++)
        info.level[0].sgx[i] = info.level[0].tdx[i] = pck.component[i] = 1;
}

static enum ph_tcb_status evaluate(const struct ph_tdx_svns *svns)
{
    struct ph_tcb_result r;
    ph_tcb_evaluate(&info, &pck, svns, NULL, 0, &r);
    return r.status;
}

TEST(every_component_and_the_pcesvn_must_reach_the_level)
{
    one_level();
    CHECK(evaluate(NULL) == PH_TCB_UP_TO_DATE);
    for (size_t i = 0; i < 16; i++) {
        pck.component[i] = 0;
        CHECK(evaluate(NULL) == PH_TCB_NO_LEVEL);
        pck.component[i] = 2;
        CHECK(evaluate(NULL) == PH_TCB_UP_TO_DATE);
        pck.component[i] = 1;
    }
    pck.pcesvn = 0;
    CHECK(evaluate(NULL) == PH_TCB_NO_LEVEL);
}

TEST(tdx_components_count_from_index_2_when_the_module_has_a_version)
{
    one_level();
    info.has_module = true;
    struct ph_tdx_svns svns;
    memset(svns.b, 1, sizeof(svns.b));
    svns.b[1] = 0;
    for (size_t i = 0; i < 16; i++)
        info.level[0].tdx[i] = i == 1 ? 0 : 1;
    /* Version 0: all sixteen. */
    CHECK(evaluate(&svns) == PH_TCB_UP_TO_DATE);
    svns.b[0] = 0;
    CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);
    svns.b[0] = 1;
    info.level[0].tdx[1] = 1;
    CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);

    /* A version: bytes 0 and 1 are judged by the module's own levels. */
    info.identity_cnt = 1;
    info.identity[0].version = 3;
    info.identity[0].levels.cnt = 1;
    info.identity[0].levels.level[0] =
        (struct ph_isv_level){.isvsvn = 1, .status = PH_TCB_UP_TO_DATE};
    svns.b[1] = 3;
    info.level[0].tdx[0] = info.level[0].tdx[1] = 255;
    CHECK(evaluate(&svns) == PH_TCB_UP_TO_DATE);
    for (size_t i = 2; i < 16; i++) {
        svns.b[i] = 0;
        CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);
        svns.b[i] = 1;
    }
    svns.b[0] = 0; /* below every level of the module */
    CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);
    svns.b[0] = 1;
    svns.b[1] = 4; /* no such module */
    CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);
    info.identity[1] = info.identity[0];
    info.identity[1].version = 4; /* there, but not counted */
    CHECK(evaluate(&svns) == PH_TCB_NO_LEVEL);
    info.identity_cnt = 2;
    CHECK(evaluate(&svns) == PH_TCB_UP_TO_DATE);
    info.identity[1].version = svns.b[1] = 1;
    CHECK(evaluate(&svns) == PH_TCB_UP_TO_DATE);
}

TEST(the_first_level_reached_counts)
{
    one_level();
    info.level_cnt = 2;
    info.level[1] = info.level[0];
    info.level[1].status = PH_TCB_OUT_OF_DATE;
    info.level[1].pcesvn = 0;
    CHECK(evaluate(NULL) == PH_TCB_UP_TO_DATE);
    pck.pcesvn = 0;
    CHECK(evaluate(NULL) == PH_TCB_OUT_OF_DATE);
}

TEST(the_quoting_enclave_counts_where_it_is_known)
{
    struct ph_isv_levels qe = {.cnt = 2};
    struct ph_tcb_result r;
    qe.level[0] = (struct ph_isv_level){.isvsvn = 5, .status = PH_TCB_UP_TO_DATE};
    qe.level[1] = (struct ph_isv_level){.isvsvn = 2, .status = PH_TCB_OUT_OF_DATE};
    one_level();
    ph_tcb_evaluate(&info, &pck, NULL, &qe, 5, &r);
    CHECK(r.status == PH_TCB_UP_TO_DATE && r.qe == &qe.level[0]);
    ph_tcb_evaluate(&info, &pck, NULL, &qe, 4, &r);
    CHECK(r.status == PH_TCB_OUT_OF_DATE && r.qe == &qe.level[1]);
    ph_tcb_evaluate(&info, &pck, NULL, &qe, 1, &r);
    CHECK(r.status == PH_TCB_NO_LEVEL && !r.qe && r.platform);
}

/* U S C B O D R N: a letter for each status, in the order of the enum without the relaunch two. */
static enum ph_tcb_status of(char c)
{
    switch (c) {
    case 'U':
        return PH_TCB_UP_TO_DATE;
    case 'S':
        return PH_TCB_SW_HARDENING;
    case 'C':
        return PH_TCB_CONFIG;
    case 'B':
        return PH_TCB_CONFIG_SW_HARDENING;
    case 'O':
        return PH_TCB_OUT_OF_DATE;
    case 'D':
        return PH_TCB_OUT_OF_DATE_CONFIG;
    case 'R':
        return PH_TCB_REVOKED;
    case 'A':
        return PH_TCB_RELAUNCH_ADVISED;
    case 'G':
        return PH_TCB_RELAUNCH_ADVISED_CONFIG;
    default:
        return PH_TCB_NO_LEVEL;
    }
}

TEST(converging_follows_intels_table)
{
    static const char platform[] = "USCBODRN";
    static const char *const rows[] = {
        /* part */
        "UUSCBODRN", /* UpToDate leaves it */
        "OOODDODRN", /* OutOfDate */
        "RRRRRRRRN", /* Revoked */
    };
    for (size_t r = 0; r < PH_LEN(rows); r++) {
        for (size_t i = 0; i < sizeof(platform) - 1; i++)
            CHECK(ph_tcb_converge(of(platform[i]), of(rows[r][0])) == of(rows[r][i + 1]));
    }
}

TEST(relaunch_is_advised_when_only_the_launch_was_old)
{
    static const char launch[] = "USCBODRN";
    static const struct {
        char current;
        const char *result; /* for each launch status */
    } rows[] = {
        {'U', "USCBAGRN"}, {'S', "USCBAGRN"}, {'C', "USCBGGRN"}, {'B', "USCBGGRN"},
        {'O', "USCBODRN"}, {'D', "USCBODRN"}, {'R', "USCBODRN"}, {'N', "USCBODRN"},
    };
    for (size_t r = 0; r < PH_LEN(rows); r++) {
        for (size_t i = 0; i < sizeof(launch) - 1; i++)
            CHECK(ph_tcb_relaunch(of(launch[i]), of(rows[r].current)) == of(rows[r].result[i]));
    }
}

TEST(status_names_are_intels)
{
    enum ph_tcb_status s;
    CHECK(ph_tcb_status_parse(PH_BYTES_LIT("ConfigurationAndSWHardeningNeeded"), &s) == PH_OK &&
          s == PH_TCB_CONFIG_SW_HARDENING);
    CHECK(ph_tcb_status_parse(PH_BYTES_LIT("Unknown"), &s) == PH_ERR_NOT_FOUND);
    CHECK(ph_tcb_status_parse(PH_BYTES_LIT("NoMatchingLevel"), &s) == PH_ERR_NOT_FOUND);
    CHECK(ph_tcb_status_parse(PH_BYTES_LIT(""), &s) == PH_ERR_NOT_FOUND);
    CHECK(strcmp(ph_tcb_status_name(PH_TCB_STATUS_CNT), "Unknown") == 0);
}

PH_TEST_MAIN(CASE(every_component_and_the_pcesvn_must_reach_the_level),
             CASE(tdx_components_count_from_index_2_when_the_module_has_a_version),
             CASE(the_first_level_reached_counts),
             CASE(the_quoting_enclave_counts_where_it_is_known),
             CASE(converging_follows_intels_table),
             CASE(relaunch_is_advised_when_only_the_launch_was_old), CASE(status_names_are_intels))
