#ifndef PH_ATTEST_EVENTLOG_EVENT_CLAIMS_H
#define PH_ATTEST_EVENTLOG_EVENT_CLAIMS_H

/* What an event log proves once it replays to the quote's registers.
 *
 * Layer: attest. Spec: docs/attestation.md.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    PH_RTMR_LEN = 48, /* bytes of a register, and of a digest: SHA-384 */
    PH_RTMR_CNT = 4,
    PH_APP_ID_LEN = 20,
    PH_INSTANCE_ID_LEN = 20,
    PH_COMPOSE_HASH_LEN = 32,
    PH_OS_IMAGE_HASH_LEN = 32,
    PH_KEY_PROVIDER_MAX = 1024, /* bytes of the key-provider event's payload */
};

/* The four registers, RTMR0 first. All zero is their value at launch. */
struct ph_rtmrs {
    uint8_t r[PH_RTMR_CNT][PH_RTMR_LEN];
};

enum ph_event_log_kind { PH_EVENT_LOG_NONE, PH_EVENT_LOG_CCEL, PH_EVENT_LOG_DSTACK };

struct ph_event_claims {
    enum ph_event_log_kind kind;
    struct ph_rtmrs rtmrs;   /* by replay */
    uint32_t event_cnt;      /* all, EV_NO_ACTION among them */
    uint32_t recomputed_cnt; /* events whose digest was computed again from what the log shows */
    uint32_t unrecomputable_cnt; /* extended events whose digest hides what was measured */

    /* dstack: what the guest measured about itself before the application could measure anything.
     * A member holds only where its flag is set; CCEL logs set none. */
    bool has_app_id, has_compose_hash, has_instance_id, has_os_image_hash, has_key_provider;
    bool boot_done;    /* boot-mr-done was measured */
    bool system_ready; /* system-ready was measured: events after it are the application's */
    uint8_t app_id[PH_APP_ID_LEN];
    uint8_t instance_id[PH_INSTANCE_ID_LEN]; /* unset where the app asked for none */
    uint8_t compose_hash[PH_COMPOSE_HASH_LEN];
    uint8_t os_image_hash[PH_OS_IMAGE_HASH_LEN];
    uint8_t key_provider[PH_KEY_PROVIDER_MAX]; /* the payload: JSON text {"name","id"} */
    uint32_t key_provider_len;

    /* dstack, derived from a verified quote and the above: attest/eventlog/dstack_mr.h */
    bool has_mrs;
    bool config_id_checked; /* MR_CONFIG_ID names what was measured */
    uint8_t mr_key_provider[32], mr_system[32], mr_aggregated[32];
};

#endif
