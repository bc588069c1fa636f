#ifndef PH_ATTEST_JUDGE_H
#define PH_ATTEST_JUDGE_H

/* What the verifiers of all makers share while they judge: checks are recorded one by one, the
 * first that does not hold is the verdict's, and the rest still run, so that the status and the
 * trace are whole.
 *
 * Layer: attest. Pure. Tests: intel/verify_test.c and the verify tests of the other makers.
 */

#include "attest/verdict.h"

struct ph_judge {
    struct ph_verdict *verdict;
    struct ph_trace *trace; /* NULL: none */
};

/* Reset verdict and trace; say whose evidence it is and what the policy demands. */
void ph_judge_start(struct ph_judge *j, enum ph_check_group group, const struct ph_policy *policy);
/* Record one check: yields `holds`. */
bool ph_judge_check(struct ph_judge *j, enum ph_check check, bool holds, struct ph_bytes seen);
/* The checks of a parser, `first` to `last`, of which it stops at the first that does not hold:
 * `failed`, or PH_CHECK_CNT. Those before it hold; what comes after it was not looked at. */
void ph_judge_format(struct ph_judge *j, enum ph_check first, enum ph_check last,
                     enum ph_check failed, struct ph_bytes seen);
/* valid_until becomes the earlier of itself and `until_s`. */
void ph_judge_until(struct ph_judge *j, int64_t until_s);
/* The policy's demands on status, TCB date and advisories, from the verdict's members. */
void ph_judge_tcb_policy(struct ph_judge *j, const struct ph_policy *policy);
/* True while every check has held. */
static inline bool ph_judge_holds(const struct ph_judge *j)
{
    return j->verdict->check == PH_CHECK_CNT;
}
/* All checks held: accept. The caller then writes the claims. */
void ph_judge_accept(struct ph_judge *j);
/* The last thing to do: the sentence for people. `what`: "quote", "report". */
void ph_judge_end(struct ph_judge *j, const char *what);

/* True if the roots pin this key for this maker, or the policy names it as a simulator's root: then
 * *simulator becomes true, else it is untouched. NULL roots or policy trust nobody. */
bool ph_attest_root_is_trusted(const struct ph_attest_roots *roots, const struct ph_policy *policy,
                               enum ph_root_maker maker, const uint8_t spki_sha256[static 32],
                               bool *simulator);
/* The same; a simulator's root marks the verdict. */
bool ph_judge_root(struct ph_judge *j, const struct ph_attest_roots *roots,
                   const struct ph_policy *policy, enum ph_root_maker maker,
                   const uint8_t spki_sha256[static 32]);

#endif
