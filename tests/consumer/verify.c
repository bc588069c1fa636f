/* verify EVIDENCE POLICY REPORT_DATA TIME: is this evidence what the policy asks? */
#include "file.h"

#include <phala_attest.h>

int main(int argc, char **argv)
{
    struct file *e = file_read(argv[1]), *p = file_read(argv[2]), *data = file_read(argv[3]);
    struct phala_attest_evidence *evidence = NULL;
    struct phala_attest_policy *policy = NULL;
    struct phala_attest_verdict *verdict = NULL;
    struct phala_attest_why why = {""};

    if (argc != 5 || data->len != 64 ||
        phala_attest_evidence_open(e->bytes, e->len, &evidence, &why) != PHALA_ATTEST_OK ||
        phala_attest_policy_parse((char *)p->bytes, p->len, &policy, &why) != PHALA_ATTEST_OK)
        return puts(why.text), 2;
    const struct phala_attest_request r = {.size = sizeof(r),
                                           .evidence = evidence,
                                           .policy = policy,
                                           .report_data = data->bytes,
                                           .now_s = atoll(argv[4])};
    const enum phala_attest_error err = phala_attest_verify(&r, &verdict);
    puts(verdict ? phala_attest_verdict_sentence(verdict) : phala_attest_error_name(err));
    phala_attest_verdict_free(verdict);
    phala_attest_policy_free(policy);
    phala_attest_evidence_free(evidence);
    free(e), free(p), free(data);
    return err;
}
