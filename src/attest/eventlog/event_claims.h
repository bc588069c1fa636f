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
    PH_DSTACK_PROVIDER_NAME_MAX = 31,
    PH_DSTACK_PROVIDER_ID_MAX = 512,
    PH_INIT_SCRIPTS_MAX = 8,
    PH_ACPI_CNT = 3, /* loader, RSDP, tables */
};

/* The four registers, RTMR0 first. All zero is their value at launch. */
struct ph_rtmrs {
    uint8_t r[PH_RTMR_CNT][PH_RTMR_LEN];
};

/* The document that MR_CONFIG_ID of version 3 or HOST_DATA names: attest/eventlog/dstack_config.h.
 * What it does not say is not set. */
enum ph_dstack_kind {
    PH_DSTACK_KEYS_NONE,
    PH_DSTACK_KEYS_LOCAL,
    PH_DSTACK_KEYS_KMS,
    PH_DSTACK_KEYS_TPM
};
struct ph_dstack_config {
    bool has_app_id, has_instance_id, has_gpu_policy_hash, has_key_provider_id, has_init_scripts;
    uint8_t app_id[PH_APP_ID_LEN];
    uint8_t compose_hash[PH_COMPOSE_HASH_LEN];
    uint8_t instance_id[PH_INSTANCE_ID_LEN];
    uint8_t gpu_policy_hash[32];
    enum ph_dstack_kind key_provider;
    uint8_t key_provider_id[PH_DSTACK_PROVIDER_ID_MAX];
    uint32_t key_provider_id_len;
    uint8_t init_script_hash[PH_INIT_SCRIPTS_MAX][32]; /* in the order of their execution */
    uint32_t init_script_cnt;
};

enum ph_event_log_kind { PH_EVENT_LOG_NONE, PH_EVENT_LOG_CCEL, PH_EVENT_LOG_DSTACK };

struct ph_event_claims {
    enum ph_event_log_kind kind;
    struct ph_rtmrs rtmrs;   /* by replay; the quote's where the log does not show them */
    bool rtmr3_alone;        /* the log was cut: nothing is said of what is in RTMR0 to RTMR2 */
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
    bool has_gpu_policy_hash;
    uint8_t gpu_policy_hash[32];
    uint8_t init_script_hash[PH_INIT_SCRIPTS_MAX][32]; /* in the order of their execution */
    uint32_t init_script_cnt;
    uint32_t acpi_seen; /* bit i: the log names the digest of acpi[i]. One that it names twice
                         * counts as not named: PH_ACPI_CNT bits further */
    uint8_t acpi[PH_ACPI_CNT][PH_RTMR_LEN]; /* of the ACPI tables, in RTMR0 */

    /* dstack, derived from a verified quote and the above: attest/eventlog/dstack_mr.h */
    bool has_mrs;
    bool config_id_checked; /* MR_CONFIG_ID names what was measured */
    uint8_t mr_key_provider[32], mr_system[32], mr_aggregated[32];
    bool has_config; /* MR_CONFIG_ID is of version 3 and its document was at hand */
    struct ph_dstack_config config;
    bool has_image; /* MRTD and RTMR0 to RTMR2 are those of the OS image of this hash */
    uint8_t image_hash[PH_OS_IMAGE_HASH_LEN];
};

#endif
