/* Certificates for RA-TLS. */

#include "attest/lib/lib_priv.h"
#include "attest/ratls.h"
#include "base/own.h"

#include <stdlib.h>

enum phala_attest_error phala_attest_verify_certificate(const uint8_t *certificate, size_t len,
                                                        const struct phala_attest_request *request,
                                                        struct phala_attest_verdict **out,
                                                        struct phala_attest_why *why)
{
    struct ph_verdict *verdict PH_OWNED(ph_freep) = NULL;
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_json_why inner = {"out of memory"};
    struct phala_attest_request r;

    if (!certificate || !out || !ph_lib_request(request, &r) || r.report_data || r.nonce ||
        r.report_data_unchecked_insecure)
        return PHALA_ATTEST_ARGUMENT;
    enum ph_err err = ph_ratls_open((struct ph_bytes){certificate, len}, &ratls, &inner);
    if (err == PH_ERR_NOT_FOUND)
        err = PH_ERR_UNSUPPORTED;
    verdict = err == PH_OK ? malloc(sizeof(*verdict)) : NULL;
    if (err == PH_OK && !verdict)
        err = PH_ERR_NOMEM;
    if (err != PH_OK) {
        ph_lib_why(why, &inner);
        return ph_lib_error(err);
    }
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const struct ph_evidence_args args = {
        .evidence = r.evidence ? &r.evidence->view : NULL,
        .collateral = (const struct ph_collateral *)(const void *)r.collateral,
        .roots = &roots,
        .policy = (const struct ph_policy *)(const void *)r.policy,
        .now_s = r.now_s,
        .cache = (struct ph_attest_cache *)(void *)r.cache,
    };
    err = ph_ratls_verify(ratls, &args, verdict);
    if (err == PH_ERR_NOMEM)
        return PHALA_ATTEST_NOMEM;
    *out = (struct phala_attest_verdict *)(void *)PH_TAKE(verdict);
    return ph_lib_error(err);
}
