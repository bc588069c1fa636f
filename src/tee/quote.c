#include "tee/quote.h"

#include "attest/evidence_bundle.h"
#include "attest/intel/verify.h"
#include "base/clock.h"
#include "base/own.h"
#include "tee/simulator.h"
#include "tee/simulator_snp.h"
#include "tee/tsm.h"

#include <stdio.h>

#define TSM_ROOT "/sys/kernel/config/tsm/report"

_Static_assert((int)PH_TEE_REPORT_DATA_LEN == (int)PH_REPORT_DATA_LEN &&
                   (int)PH_TEE_QUOTE_MAX == (int)PH_QUOTE_MAX &&
                   (int)PH_TEE_EVIDENCE_MAX == (int)PH_EVIDENCE_MAX,
               "what is made here can be judged");

struct ph_tee {
    enum ph_tee_provider provider;
    struct ph_simulator *sim;     /* simulator; owned */
    struct ph_simulator_snp *snp; /* simulator-snp; owned */
    char *root;                   /* hardware; owned */
};

const char *ph_tee_provider_name(enum ph_tee_provider provider)
{
    switch (provider) {
    case PH_TEE_PROVIDER_NONE:
        return "none";
    case PH_TEE_PROVIDER_AUTO:
        return "auto";
    case PH_TEE_PROVIDER_TDX:
        return "tdx";
    case PH_TEE_PROVIDER_SNP:
        return "snp";
    case PH_TEE_PROVIDER_SIMULATOR_INSECURE:
        return "simulator (INSECURE-SIMULATOR)";
    case PH_TEE_PROVIDER_SIMULATOR_SNP_INSECURE:
        return "simulator-snp (INSECURE-SIMULATOR)";
    }
    return "unknown";
}

static enum ph_err open_hardware(const struct ph_tee_config *config, struct ph_tee *tee,
                                 char why[static PH_TEE_WHY_LEN])
{
    const struct ph_tsm_ops ops = ph_tsm_ops_system();

    tee->root = strdup(config->tsm_root ? config->tsm_root : TSM_ROOT);
    if (!tee->root)
        return PH_ERR_NOMEM;
    PH_TRY(ph_tsm_probe(&ops, tee->root, &tee->provider, why));
    if (config->provider != PH_TEE_PROVIDER_AUTO && config->provider != tee->provider) {
        (void)snprintf(why, PH_TEE_WHY_LEN, "this machine's TEE is %s, not %s",
                       ph_tee_provider_name(tee->provider), ph_tee_provider_name(config->provider));
        return PH_ERR_UNSUPPORTED;
    }
    return PH_OK;
}

enum ph_err ph_tee_open(const struct ph_tee_config *config, struct ph_tee **out,
                        char why[static PH_TEE_WHY_LEN])
{
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = calloc(1, sizeof(*tee));

    (void)snprintf(why, PH_TEE_WHY_LEN, "no memory");
    if (!tee)
        return PH_ERR_NOMEM;
    switch (config->provider) {
    case PH_TEE_PROVIDER_NONE:
        (void)snprintf(why, PH_TEE_WHY_LEN, "no TEE provider is configured");
        return PH_ERR_UNSUPPORTED;
    case PH_TEE_PROVIDER_SIMULATOR_INSECURE:
        PH_TRY(ph_simulator_open(config->dir, &tee->sim, why));
        tee->provider = config->provider;
        break;
    case PH_TEE_PROVIDER_SIMULATOR_SNP_INSECURE:
        PH_TRY(ph_simulator_snp_open(config->dir, &tee->snp, why));
        tee->provider = config->provider;
        break;
    case PH_TEE_PROVIDER_AUTO:
    case PH_TEE_PROVIDER_TDX:
    case PH_TEE_PROVIDER_SNP:
        PH_TRY(open_hardware(config, tee, why));
        break;
    }
    *out = PH_TAKE(tee);
    why[0] = '\0';
    return PH_OK;
}

void ph_tee_free(struct ph_tee *tee)
{
    if (!tee)
        return;
    ph_simulator_free(tee->sim);
    ph_simulator_snp_free(tee->snp);
    free(tee->root);
    free(tee);
}

enum ph_tee_provider ph_tee_provider(const struct ph_tee *tee)
{
    return tee->provider;
}

bool ph_tee_is_simulator(const struct ph_tee *tee)
{
    return tee->sim || tee->snp;
}

enum ph_err ph_tee_simulator_root(const struct ph_tee *tee, uint8_t out[static 32])
{
    uint8_t xy[64];

    if (tee->snp) {
        ph_simulator_snp_root(tee->snp, out);
        return PH_OK;
    }
    if (!tee->sim)
        return PH_ERR_NOT_FOUND;
    PH_TRY(ph_simulator_root(tee->sim, xy));
    ph_attest_root_hash(xy, out);
    return PH_OK;
}

static enum ph_err quote_at(struct ph_tee *tee,
                            const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN], int64_t now_s,
                            struct ph_buf *out, char why[static PH_TEE_WHY_LEN])
{
    (void)snprintf(why, PH_TEE_WHY_LEN, "the simulator cannot sign a quote");
    if (tee->snp)
        return ph_simulator_snp_report(tee->snp, report_data, out);
    if (tee->sim)
        return ph_simulator_quote(tee->sim, report_data, now_s, out);
    const struct ph_tsm_ops ops = ph_tsm_ops_system();
    return ph_tsm_report(&ops, tee->root, tee->provider, report_data, out, NULL, why);
}

enum ph_err ph_tee_quote(struct ph_tee *tee,
                         const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                         struct ph_buf *out, char why[static PH_TEE_WHY_LEN])
{
    PH_TRY(quote_at(tee, report_data, ph_clock_wall_ms() / 1000, out, why));
    why[0] = '\0';
    return PH_OK;
}

enum ph_err ph_tee_evidence(struct ph_tee *tee,
                            const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN], int64_t now_s,
                            struct ph_buf *out, char why[static PH_TEE_WHY_LEN])
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    struct ph_evidence evidence = {.time_s = now_s};

    PH_TRY(quote_at(tee, report_data, now_s, &quote, why));
    evidence.quote = ph_buf_view(&quote);
    if (tee->snp) {
        evidence.kind = PH_EVIDENCE_SNP;
        evidence.snp = ph_simulator_snp_parts(tee->snp);
    }
    if (tee->sim)
        evidence.collateral = ph_simulator_collateral(tee->sim);
    (void)snprintf(why, PH_TEE_WHY_LEN, "the evidence bundle cannot be written");
    PH_TRY(ph_evidence_encode(&evidence, out));
    why[0] = '\0';
    return PH_OK;
}
