#include "node/measured.h"

#include "attest/intel/quote.h"
#include "crypto/hash.h"

static void aggregate(const struct ph_tdx_body *body, struct ph_measured *m)
{
    static const uint8_t zero[3][PH_MEASURED_LEN];
    uint8_t config[3][PH_MEASURED_LEN];
    struct ph_sha256 h;

    memcpy(config[0], body->mr_config_id, PH_MEASURED_LEN);
    memcpy(config[1], body->mr_owner, PH_MEASURED_LEN);
    memcpy(config[2], body->mr_owner_config, PH_MEASURED_LEN);
    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_OF(m->mr_td));
    ph_sha256_update(&h, PH_BYTES_OF(m->rtmr));
    if (memcmp(config, zero, sizeof(zero)) != 0)
        ph_sha256_update(&h, PH_BYTES_OF(config));
    ph_sha256_final(&h, m->mr_aggregated);
}

void ph_measured_system(const struct ph_measured *m, struct ph_bytes key_provider,
                        uint8_t out[static 32])
{
    struct ph_sha256 h;
    uint8_t provider[32];

    ph_sha256(key_provider, provider);
    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_OF(m->mr_td));
    for (size_t i = 0; i < 3; i++)
        ph_sha256_update(&h, PH_BYTES_OF(m->rtmr[i]));
    ph_sha256_update(&h, PH_BYTES_OF(provider));
    ph_sha256_final(&h, out);
}

enum ph_err ph_measured_of(struct ph_bytes quote, struct ph_measured *out)
{
    struct ph_intel_quote parsed;
    struct ph_tdx_body body;
    enum ph_check check;

    *out = (struct ph_measured){0};
    if (ph_intel_quote_parse(quote, &parsed, &check) != PH_OK || parsed.tee != PH_TEE_TDX)
        return PH_ERR_UNSUPPORTED;
    ph_intel_quote_tdx(&parsed, &body);
    memcpy(out->mr_td, body.mr_td, PH_MEASURED_LEN);
    memcpy(out->rtmr[0], body.rtmr0, PH_MEASURED_LEN);
    memcpy(out->rtmr[1], body.rtmr1, PH_MEASURED_LEN);
    memcpy(out->rtmr[2], body.rtmr2, PH_MEASURED_LEN);
    memcpy(out->rtmr[3], body.rtmr3, PH_MEASURED_LEN);
    aggregate(&body, out);
    out->has_td = true;
    return PH_OK;
}
