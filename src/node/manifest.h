#ifndef PH_NODE_MANIFEST_H
#define PH_NODE_MANIFEST_H

/* phat.json: what a phat is called, what it may use and whom it may talk to. Part of the bundle,
 * hence of what a receipt proves.
 *
 * Layer: node. Documented in docs/phats.md. Tests: manifest_test.c, manifest_fuzz.c.
 */

#include "base/bytes.h"
#include "chain/wallet_policy.h"
#include "codec/json.h"
#include "http/client.h"
#include "keys/eip712.h"
#include "node/cron.h"

enum {
    PH_MANIFEST_MAX = 64 * 1024,
    PH_MANIFEST_EGRESS_MAX = 64,
    PH_MANIFEST_ENV_MAX = 64,
    PH_MANIFEST_CRON_MAX = 8,
    PH_MANIFEST_SECRETS_MAX = 128,
    PH_MANIFEST_STATE_MIB = 64, /* of a database, unless it says so */
    PH_MANIFEST_STATE_MIB_MAX = 256 * 1024,
};

/* L(key, field, least, greatest, default): one row is one limit. */
/* clang-format off */
#define PH_MANIFEST_LIMITS(L)                                                                      \
    L("cpuMs",         cpu_ms,            1,           30000,     200) /* JavaScript CPU time per entry into the phat */ \
    L("wallMs",        wall_ms,           1,          300000,   30000) /* from request to end of answer */ \
    L("memoryMiB",     memory_mib,       16,            4096,     128) /* private memory of the instance */ \
    L("requestBytes",  request_bytes,     0,      1073741824, 10485760) /* body of one request */ \
    L("responseBytes", response_bytes,    0,      4294967295, 104857600) /* body of one answer */ \
    L("concurrency",   concurrency,       1,           10000,    1000) /* calls in flight */ \
    L("subrequests",   subrequests,       0,            1000,      50) /* fetches per call */
/* clang-format on */

struct ph_limits {
#define L(key, field, least, greatest, dflt) uint32_t field;
    PH_MANIFEST_LIMITS(L)
#undef L
};

struct ph_manifest {
    char name[PH_NAME_MAX + 1];
    char main_file[201]; /* path of the script inside the bundle */
    struct ph_limits limits;
    uint32_t state_pages; /* most 4,096-byte pages of its database; 0: it keeps no state */
    bool chain_read;      /* it asks the worker's chain: env.CHAIN */
    struct ph_wallet_policy *wallet; /* owned; NULL: it sends no transactions */
    struct ph_egress_rule *egress;   /* owned */
    size_t egress_cnt;
    char *env_json; /* owned; compact JSON object of plain variables */
    struct ph_cron cron[PH_MANIFEST_CRON_MAX];
    size_t cron_cnt;
};

/**
 * Parse a manifest.
 *
 * @text  untrusted, at most PH_MANIFEST_MAX
 * @out   on PH_OK owned parts are freed by ph_manifest_clear; else untouched
 * @why   on failure the path of the offending member and what was expected
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_manifest_parse(struct ph_bytes text, struct ph_manifest *out,
                                         struct ph_json_why *why);
void ph_manifest_clear(struct ph_manifest *manifest);

#endif
