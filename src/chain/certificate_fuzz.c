/* What strangers send about certificates: what is taken can be written, read again and named. */
#include "chain/certificate.h"

#include "base/own.h"

#include <stdlib.h>

static void as_request(struct ph_bytes raw)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_CERTIFY_MAX);
    struct ph_abi_verifier_committee_certificate c, again;
    const struct ph_committee_of where = {.chain_id = 1};
    struct ph_bytes evidence, same;
    struct ph_hash32 digest;

    if (ph_certify_parse(raw, &c, &evidence) != PH_OK)
        return;
    ph_certificate_digest(&where, &c, &digest);
    if (evidence.len > PH_CERTIFY_EVIDENCE_MAX)
        return;
    if (ph_certify_encode(&c, evidence, &out) != PH_OK ||
        ph_certify_parse(ph_buf_view(&out), &again, &same) != PH_OK ||
        !ph_claims_are_same(&c.claims, &again.claims) || same.len != evidence.len)
        abort();
}

static void as_certified(struct ph_bytes raw)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFICATE_MAX);
    struct ph_certified got, again;

    if (ph_certified_parse(raw, &got) == PH_OK &&
        (ph_certified_encode(&got, &out) != PH_OK ||
         ph_certified_parse(ph_buf_view(&out), &again) != PH_OK || again.sig_cnt != got.sig_cnt))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    as_request((struct ph_bytes){data, len});
    as_certified((struct ph_bytes){data, len});
    return 0;
}
