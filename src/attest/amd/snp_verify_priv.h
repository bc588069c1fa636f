#ifndef PH_ATTEST_AMD_SNP_VERIFY_PRIV_H
#define PH_ATTEST_AMD_SNP_VERIFY_PRIV_H

/* One judgement under way, shared by the snp_verify*.c files. */

#include "attest/amd/snp.h"
#include "attest/amd/snp_chain.h"
#include "attest/amd/snp_report.h"
#include "attest/judge.h"

struct ph_snp_judgement {
    const struct ph_snp_args *args; /* policy and roots are there */
    struct ph_snp_evidence evidence;
    struct ph_bytes vek, crl;         /* for traces */
    const struct ph_snp_chain *chain; /* NULL until one was parsed */
    struct ph_snp_tcb current, reported, committed, launch;
    struct ph_snp_firmware current_firmware, committed_firmware;
    uint64_t policy, platform_info;
    uint32_t vmpl, guest_svn;
    bool authentic; /* what the status rests on holds */
    struct ph_judge judge;
    struct ph_dstack_config config; /* zero: none was given */
};

static inline bool ph_snp_judge(struct ph_snp_judgement *j, enum ph_check check, bool holds,
                                struct ph_bytes seen)
{
    return ph_judge_check(&j->judge, check, holds, seen);
}

/* Parts of the argument, in order. */
void ph_snp_judge_chain(struct ph_snp_judgement *j);
void ph_snp_judge_fields(struct ph_snp_judgement *j);
void ph_snp_judge_policy(struct ph_snp_judgement *j);

/* a <= b, as versions; the build counts too. */
bool ph_snp_firmware_reaches(const struct ph_snp_firmware *b, const struct ph_snp_firmware *a);

/* A field of the report, for traces. */
#define PH_SNP_FIELD(j, field)                                                                     \
    ((struct ph_bytes){(j)->evidence.whole.ptr + offsetof(struct ph_snp_report, field),            \
                       sizeof((j)->evidence.report.field)})

#endif
