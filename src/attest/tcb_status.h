#ifndef PH_ATTEST_TCB_STATUS_H
#define PH_ATTEST_TCB_STATUS_H

/* What a vendor says about the security version of a platform.
 *
 * Layer: attest. Pure. Source: Intel PCS API v4, tcbStatus; Intel QVL for the relaunch advice.
 */

#include "base/bytes.h"

#include <stdint.h>

/* T(enumerator, name in Intel's documents and in our JSON) */
/* clang-format off */
#define PH_TCB_STATUSES(T)                                                                         \
    T(UNKNOWN,                 "Unknown")                                                          \
    T(UP_TO_DATE,              "UpToDate")                                                         \
    T(SW_HARDENING,            "SWHardeningNeeded")                                                \
    T(CONFIG,                  "ConfigurationNeeded")                                              \
    T(CONFIG_SW_HARDENING,     "ConfigurationAndSWHardeningNeeded")                                \
    T(OUT_OF_DATE,             "OutOfDate")                                                        \
    T(OUT_OF_DATE_CONFIG,      "OutOfDateConfigurationNeeded")                                     \
    T(RELAUNCH_ADVISED,        "TD_RELAUNCH_ADVISED")                                              \
    T(RELAUNCH_ADVISED_CONFIG, "TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED")                         \
    T(REVOKED,                 "Revoked")                                                          \
    T(NO_LEVEL,                "NoMatchingLevel")
/* clang-format on */

/* UNKNOWN: the evidence broke before the rules could be applied. NO_LEVEL: they were applied and
 * the platform is below every level. Neither, nor REVOKED, can be accepted by any policy. */
enum ph_tcb_status {
#define T(id, name) PH_TCB_##id,
    PH_TCB_STATUSES(T)
#undef T
        PH_TCB_STATUS_CNT,
};

/* "UpToDate", … Static storage. */
const char *ph_tcb_status_name(enum ph_tcb_status status);
/* PH_ERR_NOT_FOUND: no such name. Accepts all names above but "Unknown" and "NoMatchingLevel". */
PH_CHECKED enum ph_err ph_tcb_status_parse(struct ph_bytes name, enum ph_tcb_status *out);

#endif
