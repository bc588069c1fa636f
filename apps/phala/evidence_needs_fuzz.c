/* Any bytes as evidence: what it needs has names that are file names, each once. */

#include "evidence_needs.h"

#include "attest/evidence.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ph_err each(void *arg, const struct ph_x509 *cert, const struct ph_x509 *issuer,
                        const char *name)
{
    (void)arg;
    if (cert->whole.len == 0 || issuer->whole.len == 0 || !ph_is_file_name(name))
        __builtin_trap();
    return PH_OK;
}

static void check_names(const struct ph_needs *needs)
{
    char name[PH_SNP_FOLDER_LEN];

    for (size_t i = 0; i < needs->rim_cnt; i++) {
        if (!ph_is_file_name(needs->rim[i]))
            __builtin_trap();
        for (size_t k = 0; k < i; k++) {
            if (strcmp(needs->rim[i], needs->rim[k]) == 0)
                __builtin_trap();
        }
    }
    if (!needs->has_snp)
        return;
    ph_snp_need_name(&needs->snp, name);
    if (strchr(name, '/') || strncmp(name, "snp-", 4) != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_json_why why;
    struct ph_needs needs;

    if (ph_evidence_open((struct ph_bytes){data, size}, &bundle, &why) != PH_OK)
        return 0;
    if (ph_needs_of(ph_evidence_view(bundle), &needs, &why) == PH_OK)
        check_names(&needs);
    (void)!ph_needs_ocsp(ph_evidence_view(bundle), each, NULL, &why);
    return 0;
}
