#ifndef PH_TEE_QUOTE_H
#define PH_TEE_QUOTE_H

/* Evidence of this machine: a quote over 64 bytes of report data, from the kernel's configfs-tsm or
 * from the development simulator, which makes a real TDX v4 quote over a PKI of its own, so that
 * one verifier judges both.
 *
 * Calls block: a hardware quote takes milliseconds to a second, and PH_TEE_TSM_RETRIES_MAX races
 * are waited for. One call at a time per object.
 *
 * Layer: tee. Kernel interface: Documentation/ABI/testing/configfs-tsm-report. Tests: tsm_test.c
 * (scripted races), simulator_test.c (judged by the verifier).
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_TEE_REPORT_DATA_LEN = 64,
    PH_TEE_QUOTE_MAX = 64 * 1024,
    PH_TEE_EVIDENCE_MAX = 1024 * 1024,
    PH_TEE_WHY_LEN = 256,
};

enum ph_tee_provider {
    PH_TEE_PROVIDER_NONE = 0, /* zero asks for nothing */
    PH_TEE_PROVIDER_AUTO,     /* this machine's hardware; refused where there is none */
    PH_TEE_PROVIDER_TDX,
    PH_TEE_PROVIDER_SNP,
    PH_TEE_PROVIDER_SIMULATOR_INSECURE, /* proves nothing: only a development policy accepts it */
    PH_TEE_PROVIDER_SIMULATOR_SNP_INSECURE, /* likewise, of the kind of SEV-SNP */
};
/* "tdx", "snp", "simulator (INSECURE-SIMULATOR)", "simulator-snp (INSECURE-SIMULATOR)", "none",
 * "auto". Static storage. */
const char *ph_tee_provider_name(enum ph_tee_provider provider);

struct ph_tee_config {
    enum ph_tee_provider provider;
    const char *tsm_root; /* NULL: "/sys/kernel/config/tsm/report" */
    const char *dir; /* simulator: where its seed lies; the directory exists, the seed is made */
};

struct ph_tee;

/**
 * Find the provider and make it ready.
 *
 * @config  borrowed for the call
 * @out     on PH_OK, freed by the caller with ph_tee_free; else untouched
 * @why     written when refused: what is missing and what to do
 *
 * Returns PH_ERR_NOT_FOUND    no configfs-tsm here (kernel 6.7 and a mounted configfs are needed)
 *         PH_ERR_UNSUPPORTED  its provider is another than asked for, or one nobody here can judge
 *         PH_ERR_MALFORMED    the simulator's seed file is not 32 bytes
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_tee_open(const struct ph_tee_config *config, struct ph_tee **out,
                                   char why[static PH_TEE_WHY_LEN]);
void ph_tee_free(struct ph_tee *tee);
static inline void ph_tee_freep(struct ph_tee **tee)
{
    ph_tee_free(*tee);
}

/* What was found: never NONE or AUTO. */
enum ph_tee_provider ph_tee_provider(const struct ph_tee *tee);
bool ph_tee_is_simulator(const struct ph_tee *tee);
/* SHA-256 of the simulator root's SubjectPublicKeyInfo: what a development policy names in
 * simulator_root_insecure. PH_ERR_NOT_FOUND: hardware. */
PH_CHECKED enum ph_err ph_tee_simulator_root(const struct ph_tee *tee, uint8_t out[static 32]);

/**
 * A quote over the report data, appended to `out`.
 *
 * Returns PH_ERR_AGAIN  other users of the interface won every race: try later
 *         PH_ERR_LIMIT  longer than PH_TEE_QUOTE_MAX
 *         PH_ERR_IO     the kernel or the host's quoting service failed
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_tee_quote(struct ph_tee *tee,
                                    const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                                    struct ph_buf *out, char why[static PH_TEE_WHY_LEN]);

/* The whole evidence bundle (attest/evidence_bundle.h), JSON appended to `out`: the quote and the
 * collateral that this machine knows. The simulator issues its collateral anew when half of its
 * life is over; hardware has none of its own, so its bundle carries the quote only and `phala
 * collateral fetch` adds the rest. @now_s Unix seconds. Errors as of ph_tee_quote. */
PH_CHECKED enum ph_err ph_tee_evidence(struct ph_tee *tee,
                                       const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                                       int64_t now_s, struct ph_buf *out,
                                       char why[static PH_TEE_WHY_LEN]);

#endif
