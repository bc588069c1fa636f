#ifndef PH_ATTEST_INTEL_VERIFY_PRIV_H
#define PH_ATTEST_INTEL_VERIFY_PRIV_H

/* One judgement under way, shared by the verify_*.c files. */

#include "attest/intel/collateral_priv.h"
#include "attest/intel/quote.h"
#include "attest/intel/tcb_eval.h"
#include "attest/intel/verify.h"
#include "attest/judge.h"

struct ph_judgement {
    const struct ph_verify_args *args;
    const struct ph_collateral *collateral;
    struct ph_intel_quote quote;
    struct ph_bytes pck_pem;      /* the chain's bytes, for traces */
    const struct ph_chain *chain; /* NULL until one was parsed */
    struct ph_sgx_body qe_report;
    struct ph_tdx_body td;      /* of TDX quotes */
    struct ph_sgx_body enclave; /* of SGX quotes */
    struct ph_tdx15_tail td15;  /* of TD 1.5 bodies */
    bool authentic; /* every signature that the status rests on verifies, and documents pair up */
    struct ph_judge judge;
    struct ph_verdict *verdict; /* judge.verdict */
};

static inline bool ph_judge(struct ph_judgement *j, enum ph_check check, bool holds,
                            struct ph_bytes seen)
{
    return ph_judge_check(&j->judge, check, holds, seen);
}

/* Parts of the argument, in order. Each runs all checks it can, so that the status is known even
 * where an earlier check refused. */
void ph_judge_pck_chain(struct ph_judgement *j);
void ph_judge_tcb_info(struct ph_judgement *j);
void ph_judge_qe_identity(struct ph_judgement *j);
void ph_judge_crls(struct ph_judgement *j);
void ph_judge_signatures(struct ph_judgement *j);
void ph_judge_tdx_module(struct ph_judgement *j);
void ph_judge_tcb_level(struct ph_judgement *j);
void ph_judge_policy(struct ph_judgement *j);

/* A field of the quote's body, for traces. */
#define PH_JUDGE_FIELD(j, type, field)                                                             \
    ((struct ph_bytes){(j)->quote.body.ptr + offsetof(struct type, field),                         \
                       sizeof(((struct type *)0)->field)})

#endif
