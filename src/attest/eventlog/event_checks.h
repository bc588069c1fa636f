#ifndef PH_ATTEST_EVENTLOG_EVENT_CHECKS_H
#define PH_ATTEST_EVENTLOG_EVENT_CHECKS_H

/* The checks of an event log that goes with a quote, in the order of the argument. Rows of
 * PH_CHECKS in checks.h: C(enumerator, step, reason code when it fails, what holds when it passes,
 * what to do if not).
 *
 * Layer: attest. Spec: docs/attestation.md. Tests: event_judge_test.c; each check is broken alone
 * in ccel_test.c, runtime_log_test.c and dstack_mr_test.c.
 */

/* clang-format off */
#define PH_CHECKS_EVENTLOG(C)                                                                      \
    C(EVENT_TEE,       EVENT_LOG, "event-log-tee",                                                 \
      "the evidence is of a TD, which has runtime registers",                                      \
      "enclaves have no event log; ask without one")                                               \
    C(EVENT_FORMAT,    EVENT_LOG, "event-log-malformed",                                           \
      "the event log follows its format to the last byte",                                         \
      "read the log again from the machine, whole and unaltered")                                  \
    C(EVENT_TYPE,      EVENT_LOG, "event-type",                                                    \
      "every event is of a kind that its register holds",                                          \
      "RTMR3 of a dstack guest holds runtime events only, and no other register holds any")        \
    C(EVENT_DIGEST,    EVENT_LOG, "event-digest-mismatch",                                         \
      "every digest defined as a hash of the event is that hash",                                  \
      "the log was edited after the fact; read it again from the machine")                         \
    C(EVENT_SEPARATOR, EVENT_LOG, "event-separator",                                               \
      "every separator says that the firmware went on without error",                              \
      "the firmware reported an error, or the log was edited")                                     \
    C(EVENT_DUPLICATE, EVENT_LOG, "event-duplicate",                                               \
      "separators and identity events come once",                                                  \
      "a second one would make it ambiguous which counts; do not trust this log")                  \
    C(EVENT_ORDER,     EVENT_LOG, "event-order",                                                   \
      "the events of the boot come in the order of the boot",                                      \
      "the guest did not boot as it should, or the log was reordered")                             \
    C(EVENT_IDENTITY,  EVENT_LOG, "event-identity-malformed",                                      \
      "identity events have payloads of the right size",                                           \
      "this guest is of another version than this verifier knows")                                 \
    C(RTMR0,           EVENT_LOG, "rtmr0-mismatch",                                                \
      "the log replays to RTMR0 of the quote",                                                     \
      "log and quote are of different machines, boots or moments; collect both together")          \
    C(RTMR1,           EVENT_LOG, "rtmr1-mismatch",                                                \
      "the log replays to RTMR1 of the quote",                                                     \
      "log and quote are of different machines, boots or moments; collect both together")          \
    C(RTMR2,           EVENT_LOG, "rtmr2-mismatch",                                                \
      "the log replays to RTMR2 of the quote",                                                     \
      "log and quote are of different machines, boots or moments; collect both together")          \
    C(RTMR3,           EVENT_LOG, "rtmr3-mismatch",                                                \
      "the log replays to RTMR3 of the quote",                                                     \
      "log and quote are of different machines, boots or moments; collect both together")          \
    C(EVENT_CONFIG_ID, EVENT_LOG, "mr-config-id-mismatch",                                         \
      "MR_CONFIG_ID, where it names a dstack configuration, names that of the log",                \
      "the host launched another configuration than the guest measured")                           \
    C(EVENT_OS_IMAGE,  EVENT_LOG, "os-image-mismatch",                                             \
      "MRTD and RTMR0 to RTMR2 follow from the OS image that vm_config names",                     \
      "the guest booted another image than its host says, or vm_config is of another boot")
/* clang-format on */

#endif
