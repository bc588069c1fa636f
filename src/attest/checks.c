#include "attest/checks.h"

static const char *const steps[PH_STEP_CNT] = {
#define S(id, name) [PH_STEP_##id] = name,
    PH_VERIFY_STEPS(S)
#undef S
};

static const struct {
    enum ph_verify_step step;
    const char *reason, *holds, *remedy;
} checks[PH_CHECK_CNT] = {
#define C(id, step, reason, holds, remedy)                                                         \
    [PH_CHECK_##id] = {PH_STEP_##step, reason, holds, remedy},
    PH_CHECKS(C)
#undef C
};

const char *ph_step_name(enum ph_verify_step step)
{
    return steps[step];
}

enum ph_verify_step ph_check_step(enum ph_check check)
{
    return checks[check].step;
}

const char *ph_check_reason(enum ph_check check)
{
    return checks[check].reason;
}

const char *ph_check_holds(enum ph_check check)
{
    return checks[check].holds;
}

const char *ph_check_remedy(enum ph_check check)
{
    return checks[check].remedy;
}

enum ph_check_group ph_check_group(enum ph_check check)
{
    enum ph_check_group group = PH_GROUP_ALL;
    int at = 0;
    /* The last mark that does not lie behind the check. */
#define G(mark)                                                                                    \
    if ((int)check >= at)                                                                          \
        group = mark;
#define C(id, step, reason, holds, remedy) at++;
    PH_CHECKS_GROUPED(C, G)
#undef C
#undef G
    return group;
}
