#include "attest/eventlog/event_log.h"

#include "attest/eventlog/ccel.h"
#include "attest/eventlog/dstack_mr.h"
#include "attest/eventlog/runtime_log.h"
#include "attest/intel/spec.h"
#include "crypto/hash.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void ph_rtmrs_extend(struct ph_rtmrs *rtmrs, unsigned index,
                     const uint8_t digest[static PH_RTMR_LEN])
{
    uint8_t both[2 * PH_RTMR_LEN];

    assert(index < PH_RTMR_CNT);
    memcpy(both, rtmrs->r[index], PH_RTMR_LEN);
    memcpy(both + PH_RTMR_LEN, digest, PH_RTMR_LEN);
    ph_sha384(PH_BYTES_OF(both), rtmrs->r[index]);
}

enum ph_err ph_event_refuse(struct ph_event_why *why, enum ph_check check, uint32_t event,
                            const char *fmt, ...)
{
    va_list args;

    why->check = check;
    why->event = event;
    va_start(args, fmt);
    (void)vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return check == PH_CHECK_EVENT_FORMAT ? PH_ERR_MALFORMED : PH_ERR_UNTRUSTED;
}

static bool is_json(struct ph_bytes log)
{
    size_t i = 0;

    while (i < log.len &&
           (log.ptr[i] == ' ' || log.ptr[i] == '\n' || log.ptr[i] == '\r' || log.ptr[i] == '\t'))
        i++;
    return i < log.len && log.ptr[i] == '[';
}

static const enum ph_check rtmr_checks[PH_RTMR_CNT] = {PH_CHECK_RTMR0, PH_CHECK_RTMR1,
                                                       PH_CHECK_RTMR2, PH_CHECK_RTMR3};

static enum ph_err replay(struct ph_bytes log, struct ph_event_claims *out,
                          struct ph_event_why *why)
{
    *why = (struct ph_event_why){.check = PH_CHECK_CNT};
    return is_json(log) ? ph_runtime_log_replay(log, out, why) : ph_ccel_replay(log, out, why);
}

static void compare(const struct ph_event_claims *claims, const struct ph_rtmrs *quoted,
                    bool match[static PH_RTMR_CNT])
{
    for (unsigned i = 0; i < PH_RTMR_CNT; i++)
        match[i] = memcmp(claims->rtmrs.r[i], quoted->r[i], PH_RTMR_LEN) == 0;
}

enum ph_err ph_event_log_verify(struct ph_bytes log, const struct ph_rtmrs *quoted,
                                struct ph_event_claims *out, bool match[static 4],
                                struct ph_event_why *why)
{
    struct ph_event_claims claims;

    for (unsigned i = 0; i < PH_RTMR_CNT; i++)
        match[i] = false;
    PH_TRY(replay(log, &claims, why));
    compare(&claims, quoted, match);
    for (unsigned i = 0; i < PH_RTMR_CNT; i++) {
        if (!match[i])
            return ph_event_refuse(why, rtmr_checks[i], claims.event_cnt,
                                   "the log replays to another RTMR%u than the quote's", i);
    }
    *out = claims;
    return PH_OK;
}

static struct ph_rtmrs registers(const struct ph_tdx_body *td)
{
    struct ph_rtmrs out;

    memcpy(out.r[0], td->rtmr0, PH_RTMR_LEN);
    memcpy(out.r[1], td->rtmr1, PH_RTMR_LEN);
    memcpy(out.r[2], td->rtmr2, PH_RTMR_LEN);
    memcpy(out.r[3], td->rtmr3, PH_RTMR_LEN);
    return out;
}

/* A check that does not hold, and what it saw, if it is the verdict's. */
static void refuse(struct ph_judge *j, const struct ph_event_why *why, struct ph_bytes log)
{
    const bool first = ph_judge_holds(j);

    (void)ph_judge_check(j, why->check, false, log);
    if (first)
        memcpy(j->verdict->detail, why->text, sizeof(j->verdict->detail));
}

static void judge_dstack(struct ph_judge *j, const struct ph_tdx_body *td, struct ph_bytes log,
                         struct ph_event_claims *claims)
{
    struct ph_event_why why;
    const enum ph_err err = ph_dstack_config_id_check(claims, td->mr_config_id, &why);

    /* Another version, or another maker's: it says nothing here, and the check is skipped. */
    if (err != PH_ERR_UNSUPPORTED)
        claims->config_id_checked = ph_judge_check(j, PH_CHECK_EVENT_CONFIG_ID, err == PH_OK, log);
    ph_dstack_mrs(claims, td);
}

enum ph_err ph_judge_event_log(struct ph_judge *j, struct ph_bytes log,
                               const struct ph_tdx_body *td, struct ph_event_claims *out)
{
    const struct ph_rtmrs quoted = registers(td);
    struct ph_event_claims claims;
    struct ph_event_why why;
    bool match[PH_RTMR_CNT], ok = true;

    if (j->trace)
        j->trace->has_events = true;
    const enum ph_err err = replay(log, &claims, &why);
    if (err == PH_ERR_NOMEM)
        return err;
    if (err != PH_OK) { /* a replay stops at its first refusal: the other checks were not made */
        refuse(j, &why, log);
        return PH_OK;
    }
    for (enum ph_check c = PH_CHECK_EVENT_FORMAT; c <= PH_CHECK_EVENT_IDENTITY; c++)
        (void)ph_judge_check(j, c, true, log);
    compare(&claims, &quoted, match);
    for (unsigned i = 0; i < PH_RTMR_CNT; i++)
        ok = ph_judge_check(j, rtmr_checks[i], match[i], log) && ok;
    if (claims.kind == PH_EVENT_LOG_DSTACK)
        judge_dstack(j, td, log, &claims);
    if (ok)
        *out = claims;
    return PH_OK;
}
