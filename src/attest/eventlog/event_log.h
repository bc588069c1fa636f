#ifndef PH_ATTEST_EVENTLOG_EVENT_LOG_H
#define PH_ATTEST_EVENTLOG_EVENT_LOG_H

/* Event logs of a TD: what went into its runtime measurement registers (RTMRs), and in which order.
 *
 * A log is a claim until its replay gives the registers of a quote that was verified. Two kinds are
 * read: the firmware's binary log (CCEL) and dstack's JSON log. Either way every digest that is
 * defined as the hash of what the log shows is computed again, so that a log cannot show one thing
 * and replay another.
 *
 * Layer: attest. Pure. Spec: docs/attestation.md; TCG PC Client Platform Firmware Profile 1.05 §10;
 * Intel TDX Virtual Firmware Design Guide. Tests: ccel_test.c, runtime_log_test.c,
 * eventlog_vectors_test.c.
 */

#include "attest/judge.h"

enum {
    PH_EVENT_LOG_MAX = 1024 * 1024, /* bytes of a log */
    PH_EVENT_CNT_MAX = 4096,        /* events of a log */
};

/* Extend: register = SHA-384(register || digest). index is 0..3. */
void ph_rtmrs_extend(struct ph_rtmrs *rtmrs, unsigned index,
                     const uint8_t digest[static PH_RTMR_LEN]);

/* Why a log was refused. */
struct ph_event_why {
    enum ph_check check; /* the first that said no; PH_CHECK_CNT: none */
    uint32_t event;      /* index of the event it was about, from 0 */
    char text[192];      /* what was wrong, for people */
};

/* Say no: writes *why, yields PH_ERR_MALFORMED for the format, else PH_ERR_UNTRUSTED. */
PH_CHECKED enum ph_err ph_event_refuse(struct ph_event_why *why, enum ph_check check,
                                       uint32_t event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/**
 * Judge a log against the registers of a quote.
 *
 * @log     untrusted, at most PH_EVENT_LOG_MAX bytes. JSON (the first byte that is no space is '[')
 *          is dstack's log, anything else a CCEL.
 * @quoted  RTMR0..3 of a quote that was verified
 * @out     on PH_OK written whole, else untouched
 * @match   which registers are equal, also when refused for that; all false when refused before
 * @why     written when refused
 *
 * Returns PH_ERR_MALFORMED  the log breaks its format (check event-log-malformed)
 *         PH_ERR_LIMIT      longer than PH_EVENT_LOG_MAX, or more than PH_EVENT_CNT_MAX events
 *         PH_ERR_UNTRUSTED  another check said no
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_event_log_verify(struct ph_bytes log, const struct ph_rtmrs *quoted,
                                           struct ph_event_claims *out, bool match[static 4],
                                           struct ph_event_why *why);

/* A log beside the quote of a TD, and what a dstack guest's host says of the machine. */
struct ph_event_input {
    struct ph_bytes log;
    bool rtmr3_alone;          /* dstack's, cut to RTMR3: the other registers are not asked for */
    struct ph_bytes vm_config; /* attest/eventlog/dstack_image.h; empty: none. What is not proved of
                                * it is not claimed */
};

/**
 * The same as part of a judgement of a TD's quote: every check of the group PH_GROUP_EVENTS is
 * recorded, MR_CONFIG_ID and the values derived from it among them.
 *
 * @td   the quote's body
 * @out  written whole when the log replays to the quote's registers, else untouched; proved only if
 *       the verdict accepts
 *
 * Returns PH_ERR_NOMEM alone: a refusal is the judgement's.
 */
PH_CHECKED enum ph_err ph_judge_event_log(struct ph_judge *j, const struct ph_event_input *in,
                                          const struct ph_tdx_body *td,
                                          struct ph_event_claims *out);

/* {"kind":"dstack"|"ccel","events","recomputed","unrecomputable"}, of dstack's also "boot_done",
 * "system_ready", "app_id", "compose_hash", "instance_id", "os_image_hash", "key_provider" (its
 * payload), "mr_key_provider", "mr_system", "mr_aggregated", "image_hash" in hexadecimal or null,
 * "config_id_checked", "config" (attest/eventlog/dstack_config.h, or null), "rtmr3_alone". */
struct ph_jput;
void ph_event_claims_json(const struct ph_event_claims *claims, struct ph_jput *out,
                          const char *key);

#endif
