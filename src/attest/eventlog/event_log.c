#include "attest/eventlog/event_log.h"

#include "attest/eventlog/ccel.h"
#include "attest/eventlog/dstack_config.h"
#include "attest/eventlog/dstack_image.h"
#include "attest/eventlog/runtime_log.h"
#include "attest/intel/spec.h"
#include "base/own.h"
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

/* What was decided about a check; of what nothing can be said, the check is skipped. */
static bool record(struct ph_judge *j, enum ph_check check, enum ph_err err,
                   const struct ph_event_why *why, struct ph_bytes log)
{
    if (err == PH_OK)
        return ph_judge_check(j, check, true, log);
    if (err != PH_ERR_UNSUPPORTED)
        refuse(j, why, log);
    return false;
}

static void judge_config(struct ph_judge *j, const struct ph_tdx_body *td,
                         const struct ph_dstack_vm *vm, struct ph_bytes log,
                         struct ph_event_claims *claims)
{
    struct ph_event_why why;
    enum ph_err err;

    if (td->mr_config_id[0] == 3 && vm->config.len > 0) {
        err = ph_dstack_config_check(claims, td->mr_config_id, vm->config, &claims->config, &why);
        claims->has_config = err == PH_OK;
    } else {
        err = ph_dstack_config_id_check(claims, td->mr_config_id, &why);
    }
    claims->config_id_checked = record(j, PH_CHECK_EVENT_CONFIG_ID, err, &why, log);
}

/* PH_ERR_NOMEM alone. */
static enum ph_err judge_dstack(struct ph_judge *j, const struct ph_event_input *in,
                                const struct ph_tdx_body *td, struct ph_event_claims *claims)
{
    struct ph_dstack_vm vm PH_OWNED(ph_dstack_vm_clear) = {.is_lite = false};
    struct ph_event_why why;

    /* One that cannot be read says nothing, as if it were not there. */
    if (in->vm_config.len > 0 && ph_dstack_vm_parse(in->vm_config, &vm) == PH_ERR_NOMEM)
        return PH_ERR_NOMEM;
    judge_config(j, td, &vm, in->log, claims);
    const enum ph_err err = ph_dstack_image_check(&vm, claims, td, &why);
    claims->has_image = record(j, PH_CHECK_EVENT_OS_IMAGE, err, &why, in->log);
    if (claims->has_image)
        memcpy(claims->image_hash, vm.image_hash, sizeof(claims->image_hash));
    ph_dstack_mrs(claims, td);
    return PH_OK;
}

/* Registers that a cut log does not show count as the quote has them. */
static void take_quoted(const struct ph_rtmrs *quoted, struct ph_event_claims *claims)
{
    memcpy(claims->rtmrs.r, quoted->r, sizeof(quoted->r[0]) * 3);
    claims->rtmr3_alone = true;
}

enum ph_err ph_judge_event_log(struct ph_judge *j, const struct ph_event_input *in,
                               const struct ph_tdx_body *td, struct ph_event_claims *out)
{
    const struct ph_rtmrs quoted = registers(td);
    const struct ph_bytes log = in->log;
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
    const bool cut = in->rtmr3_alone && claims.kind == PH_EVENT_LOG_DSTACK;
    for (unsigned i = cut ? 3 : 0; i < PH_RTMR_CNT; i++)
        ok = ph_judge_check(j, rtmr_checks[i], match[i], log) && ok;
    if (cut)
        take_quoted(&quoted, &claims);
    if (claims.kind == PH_EVENT_LOG_DSTACK)
        PH_TRY(judge_dstack(j, in, td, &claims));
    if (ok)
        *out = claims;
    return PH_OK;
}
