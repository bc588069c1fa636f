#ifndef PH_ATTEST_EVENTLOG_CCEL_H
#define PH_ATTEST_EVENTLOG_CCEL_H

/* The firmware's event log of a TD (the data that the ACPI table CCEL points at): TCG's
 * crypto-agile format with SHA-384 as its only algorithm.
 *
 *   TCG_PCR_EVENT   u32 register, u32 type EV_NO_ACTION, 20 zero bytes, u32 size,
 *                   TCG_EfiSpecIdEvent: "Spec ID Event03\0", u32 platform class, u8 minor, u8
 *                   major 2, u8 errata, u8 uintn size, u32 algorithms, {u16 id, u16 size}[], u8
 *                   vendor size, vendor bytes
 *   TCG_PCR_EVENT2  u32 register, u32 type, u32 digests, {u16 algorithm, 48 bytes}[], u32 size,
 *                   data; again until the end, or until padding that is 00 or ff to the last byte
 *
 * Register 0 is MRTD, which no event extends; 1..4 are RTMR0..3.
 *
 * Layer: attest. Pure, no allocation. Spec: TCG PFP 1.05 §10.2; UEFI 2.11 §38. Tests: ccel_test.c,
 * eventlog_vectors_test.c, ccel_fuzz.c.
 */

#include "attest/eventlog/event_log.h"

/* One event: views into the log. */
struct ph_ccel_event {
    uint32_t index;        /* 0 is the first after the Spec ID event */
    uint32_t mr;           /* 0: none, 1..4: RTMR0..3 */
    uint32_t type;         /* attest/eventlog/tcg.h */
    const uint8_t *digest; /* 48 bytes */
    struct ph_bytes data;
};

/* A place in a log. */
struct ph_ccel {
    struct ph_reader rest;
    uint32_t next; /* index of the next event */
};

/**
 * Read the header of a log.
 *
 * @log  untrusted; borrowed as long as *out and its events are used
 * Returns PH_ERR_LIMIT        longer than PH_EVENT_LOG_MAX
 *         PH_ERR_MALFORMED    no Spec ID event at the start
 *         PH_ERR_UNSUPPORTED  other algorithms than SHA-384
 */
PH_CHECKED enum ph_err ph_ccel_open(struct ph_bytes log, struct ph_ccel *out,
                                    struct ph_event_why *why);
/* The next event. PH_ERR_CLOSED: the log has ended, and nothing but padding follows.
 * PH_ERR_MALFORMED, PH_ERR_LIMIT (more than PH_EVENT_CNT_MAX). */
PH_CHECKED enum ph_err ph_ccel_next(struct ph_ccel *log, struct ph_ccel_event *out,
                                    struct ph_event_why *why);

/**
 * Replay a whole log: every event held against its data, one separator a register at most.
 *
 * Firmware older than 2023 measured one separator for each PCR that a register stands for; such
 * logs are refused as event-duplicate, since a second separator is how the end of the boot is
 * forged.
 *
 * @out  a claim: compare out->rtmrs with a verified quote. Written whole on PH_OK, else untouched
 * Returns those above, PH_ERR_UNTRUSTED: see why->check
 */
PH_CHECKED enum ph_err ph_ccel_replay(struct ph_bytes log, struct ph_event_claims *out,
                                      struct ph_event_why *why);

#endif
