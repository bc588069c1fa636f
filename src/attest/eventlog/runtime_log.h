#ifndef PH_ATTEST_EVENTLOG_RUNTIME_LOG_H
#define PH_ATTEST_EVENTLOG_RUNTIME_LOG_H

/* dstack's event log: a JSON array with the firmware's events and the guest's own.
 *
 *   [{"imr":0..3,"event_type":u32,"digest":hex|"","event":name,"event_payload":hex,
 *     "version":1|2,"preimage":text}]             the last two may be absent
 *
 * Runtime events (type 08000001, RTMR3) are always measured again from name and payload, whatever
 * digest the log shows:
 *   version 1  SHA-384(01 00 00 08 ":" name ":" payload)
 *   version 2  SHA-384({"name":name,"payload":hex,"type":134217729}), RFC 8785
 * "preimage" is never read: it follows from the rest. Other events are held against their payload
 * where their type says so and the log was not stripped of it (attest/eventlog/tcg.h).
 *
 * Boot, before the application can measure anything: system-preparing, app-id, compose-hash, …,
 * instance-id, boot-mr-done, …, system-ready. Identity counts from there only: app-id, compose-hash
 * and instance-id before boot-mr-done, os-image-hash and key-provider before system-ready. Events
 * of these names after system-ready are the application's, and mean nothing here.
 *
 * Layer: attest. Pure. Spec: docs/attestation.md; dstack's event_log.rs and tdx attestation guide.
 * Tests: runtime_log_test.c, eventlog_vectors_test.c, runtime_log_fuzz.c.
 */

#include "attest/eventlog/event_log.h"

#define PH_RUNTIME_EVENT_TYPE 0x08000001u

enum {
    PH_RUNTIME_NAME_MAX = 256,          /* bytes of an event's name */
    PH_RUNTIME_PAYLOAD_MAX = 64 * 1024, /* bytes of a payload */
};

/**
 * Replay a whole log: every runtime event measured again, order and uniqueness held.
 *
 * @log  untrusted, at most PH_EVENT_LOG_MAX bytes; borrowed for the call
 * @out  a claim: compare out->rtmrs with a verified quote. Written whole on PH_OK, else untouched
 * @why  written when refused
 *
 * Allocates one working area of fixed size.
 * Returns PH_ERR_MALFORMED  JSON or a member breaks the format
 *         PH_ERR_LIMIT      log, event count, name or payload too long
 *         PH_ERR_UNTRUSTED  see why->check
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_runtime_log_replay(struct ph_bytes log, struct ph_event_claims *out,
                                             struct ph_event_why *why);

/* Digest of a runtime event, version 1 or 2. PH_ERR_UNSUPPORTED: another version. PH_ERR_LIMIT:
 * name or payload too long. PH_ERR_MALFORMED: version 2, and the name would need escapes.
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_runtime_event_digest(unsigned version, struct ph_bytes name,
                                               struct ph_bytes payload,
                                               uint8_t out[static PH_RTMR_LEN]);

#endif
