/* batch BUNDLE POLICY TIME THREADS QUOTE…: quotes that share the bundle's collateral. */
#include "file.h"

#include <phala_attest.h>

enum { QUOTES_MAX = 256 };

int main(int argc, char **argv)
{
    struct file *e = file_read(argv[1]), *p = file_read(argv[2]), *file[QUOTES_MAX];
    struct phala_attest_quote quote[QUOTES_MAX] = {{0}};
    struct phala_attest_evidence *bundle = NULL;
    struct phala_attest_policy *policy = NULL;
    struct phala_attest_collateral *collateral = NULL;
    struct phala_attest_cache *cache = NULL;
    struct phala_attest_verdicts *verdicts = NULL;
    const size_t cnt = argc > 5 && argc - 5 <= QUOTES_MAX ? (size_t)argc - 5 : 0;

    for (size_t i = 0; i < cnt; i++) {
        file[i] = file_read(argv[5 + i]);
        quote[i] = (struct phala_attest_quote){file[i]->bytes, file[i]->len, NULL};
    }
    if (phala_attest_evidence_open(e->bytes, e->len, &bundle, NULL) != PHALA_ATTEST_OK ||
        phala_attest_policy_parse((char *)p->bytes, p->len, &policy, NULL) != PHALA_ATTEST_OK ||
        phala_attest_collateral_parse(bundle, &collateral, NULL) != PHALA_ATTEST_OK ||
        phala_attest_cache_new(64, &cache) != PHALA_ATTEST_OK)
        return 2;
    const struct phala_attest_request r = {.size = sizeof(r),
                                           .policy = policy,
                                           .collateral = collateral,
                                           .cache = cache,
                                           .report_data_unchecked_insecure = true,
                                           .now_s = atoll(argv[3])};
    const enum phala_attest_error err =
        phala_attest_verify_batch(&r, quote, cnt, (unsigned)atoi(argv[4]), &verdicts);
    for (size_t i = 0; verdicts && i < cnt; i++)
        puts(phala_attest_verdict_reason(phala_attest_verdicts_at(verdicts, i)));
    phala_attest_verdicts_free(verdicts);
    phala_attest_cache_free(cache);
    phala_attest_collateral_free(collateral);
    phala_attest_policy_free(policy);
    phala_attest_evidence_free(bundle);
    for (size_t i = 0; i < cnt; i++)
        free(file[i]);
    free(e), free(p);
    return err;
}
