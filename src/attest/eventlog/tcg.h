#ifndef PH_ATTEST_EVENTLOG_TCG_H
#define PH_ATTEST_EVENTLOG_TCG_H

/* Event types of the TCG PC Client Platform Firmware Profile (PFP) 1.05 and 1.06 §10.4.1, and which
 * of them define the digest by the event's own data.
 *
 * Layer: attest. Pure. Tests: ccel_test.c; ccel_fuzz.c.
 */

#include "base/bytes.h"

/* T(enumerator, value, rule). The rule says what the digest covers:
 *   DATA      the event's data, whole. PFP §10.4.1 says so of each type marked with it.
 *   VARIABLE  the variable's value alone (UEFI_VARIABLE_DATA.VariableData), as EDK2 measures boot
 *             variables, or the whole structure, as the profile's later revisions have it
 *   SEPARATOR the data, which is 4 bytes 00000000 or ffffffff; anything else reports an error
 *   TAG       the data for tags whose definition says so (PH_TCG_TAG_AAEL), else OTHER: the
 * kernel's EFI stub logs the name of what it measured, never the bytes NONE      nothing: the event
 * is not extended OTHER     something the log does not hold: code, tables, a command line */
/* clang-format off */
#define PH_TCG_EVENTS(T)                                                                           \
    T(PREBOOT_CERT,                  0x00000000u, OTHER)                                           \
    T(POST_CODE,                     0x00000001u, OTHER)                                           \
    T(NO_ACTION,                     0x00000003u, NONE)                                            \
    T(SEPARATOR,                     0x00000004u, SEPARATOR)                                       \
    T(ACTION,                        0x00000005u, DATA)                                            \
    T(EVENT_TAG,                     0x00000006u, TAG)                                             \
    T(S_CRTM_CONTENTS,               0x00000007u, OTHER)                                           \
    T(S_CRTM_VERSION,                0x00000008u, DATA)                                            \
    T(CPU_MICROCODE,                 0x00000009u, OTHER)                                           \
    T(PLATFORM_CONFIG_FLAGS,         0x0000000au, OTHER) /* EDK2: ACPI tables under a label */     \
    T(TABLE_OF_DEVICES,              0x0000000bu, OTHER)                                           \
    T(COMPACT_HASH,                  0x0000000cu, OTHER)                                           \
    T(IPL,                           0x0000000du, OTHER)                                           \
    T(IPL_PARTITION_DATA,            0x0000000eu, OTHER)                                           \
    T(NONHOST_CODE,                  0x0000000fu, OTHER)                                           \
    T(NONHOST_CONFIG,                0x00000010u, OTHER)                                           \
    T(NONHOST_INFO,                  0x00000011u, OTHER)                                           \
    T(OMIT_BOOT_DEVICE_EVENTS,       0x00000012u, DATA)                                            \
    T(EFI_VARIABLE_DRIVER_CONFIG,    0x80000001u, DATA)                                            \
    T(EFI_VARIABLE_BOOT,             0x80000002u, VARIABLE)                                        \
    T(EFI_BOOT_SERVICES_APPLICATION, 0x80000003u, OTHER)                                           \
    T(EFI_BOOT_SERVICES_DRIVER,      0x80000004u, OTHER)                                           \
    T(EFI_RUNTIME_SERVICES_DRIVER,   0x80000005u, OTHER)                                           \
    T(EFI_GPT_EVENT,                 0x80000006u, DATA)                                            \
    T(EFI_ACTION,                    0x80000007u, DATA)                                            \
    T(EFI_PLATFORM_FIRMWARE_BLOB,    0x80000008u, OTHER)                                           \
    T(EFI_HANDOFF_TABLES,            0x80000009u, OTHER)                                           \
    T(EFI_PLATFORM_FIRMWARE_BLOB2,   0x8000000au, OTHER)                                           \
    T(EFI_HANDOFF_TABLES2,           0x8000000bu, OTHER)                                           \
    T(EFI_VARIABLE_BOOT2,            0x8000000cu, DATA)                                            \
    T(EFI_GPT_EVENT2,                0x8000000du, DATA)                                            \
    T(EFI_HCRTM_EVENT,               0x80000010u, OTHER)                                           \
    T(EFI_VARIABLE_AUTHORITY,        0x800000e0u, DATA)                                            \
    T(EFI_SPDM_FIRMWARE_BLOB,        0x800000e1u, OTHER)                                           \
    T(EFI_SPDM_FIRMWARE_CONFIG,      0x800000e2u, OTHER)
/* clang-format on */

/* Values above INT_MAX are no enumerators in C17. */
#define PH_TCG_EV_NO_ACTION 3u
#define PH_TCG_EV_PLATFORM_CONFIG_FLAGS 0xau
#define PH_TCG_EV_SEPARATOR 4u
#define PH_TCG_EV_EVENT_TAG 6u

/* taggedEventID of entries of the Confidential Containers attestation agent (AAEL): the digest is
 * that of the whole TCG_PCClientTaggedEvent {u32 id, u32 size, text "domain operation content"}.
 * Source: confidential-containers/guest-components, attestation-agent event log. */
#define PH_TCG_TAG_AAEL 0x4141454cu

/* "EV_SEPARATOR", …; "unknown" for a type the table does not hold. Static storage. */
const char *ph_tcg_event_name(uint32_t type);

enum ph_tcg_digest {
    PH_TCG_DIGEST_EQUAL,   /* computed again from the data, and equal */
    PH_TCG_DIGEST_DIFFERS, /* computed again, and not equal */
    PH_TCG_DIGEST_HIDDEN,  /* not recomputable: it covers something the log does not hold */
    PH_TCG_DIGEST_ERROR,   /* a separator that reports an error, or says neither 0 nor ~0 */
    PH_TCG_DIGEST_NOTHING, /* EV_NO_ACTION: extends nothing */
};
/* Hold a SHA-384 digest against the data of its event. */
enum ph_tcg_digest ph_tcg_digest_check(uint32_t type, struct ph_bytes data,
                                       const uint8_t digest[static 48]);

/* An AAEL entry, as views into the event's data: content may hold spaces and may be empty. */
struct ph_aael_entry {
    struct ph_bytes domain, operation, content;
};
/* Read the data of an EV_EVENT_TAG event. PH_ERR_NOT_FOUND: another tag's. PH_ERR_MALFORMED: the
 * tag is AAEL's, its text is not "domain operation content" in one line. */
PH_CHECKED enum ph_err ph_aael_parse(struct ph_bytes data, struct ph_aael_entry *out);

#endif
