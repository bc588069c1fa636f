/* claims EVIDENCE POLICY TIME: what accepted evidence proves, as JSON, then mr_td alone. */
#include "file.h"

#include <phala_attest.h>

int main(int argc, char **argv)
{
    struct file *e = file_read(argv[1]), *p = file_read(argv[2]);
    struct phala_attest_evidence *evidence = NULL;
    struct phala_attest_policy *policy = NULL;
    struct phala_attest_verdict *verdict = NULL;
    char *json = NULL;

    if (argc != 4 ||
        phala_attest_evidence_open(e->bytes, e->len, &evidence, NULL) != PHALA_ATTEST_OK ||
        phala_attest_policy_parse((char *)p->bytes, p->len, &policy, NULL) != PHALA_ATTEST_OK)
        return 2;
    const struct phala_attest_request r = {.size = sizeof(r),
                                           .evidence = evidence,
                                           .policy = policy,
                                           .report_data_unchecked_insecure = true,
                                           .now_s = atoll(argv[3])};
    const enum phala_attest_error err = phala_attest_verify(&r, &verdict);
    if (!verdict || phala_attest_verdict_json(verdict, &json) != PHALA_ATTEST_OK)
        return 2;
    puts(json);
    size_t len = 0;
    const uint8_t *mr_td = phala_attest_verdict_claim(verdict, "mr_td", &len);
    for (size_t i = 0; mr_td && i < len; i++)
        printf("%02x", mr_td[i]);
    putchar('\n');
    phala_attest_free(json);
    phala_attest_verdict_free(verdict);
    phala_attest_policy_free(policy);
    phala_attest_evidence_free(evidence);
    free(e), free(p);
    return err;
}
