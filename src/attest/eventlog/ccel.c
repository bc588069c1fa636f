#include "attest/eventlog/ccel.h"

#include "attest/eventlog/tcg.h"

enum {
    ALG_SHA384 = 12, /* TPM_ALG_SHA384 */
    MR_MAX = 4,
    SHA1_LEN = 20,
    ALGS_MAX = 8,
};

static bool all_bytes(struct ph_bytes b, uint8_t value)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] != value)
            return false;
    }
    return true;
}

static enum ph_err bad(struct ph_event_why *why, uint32_t event, const char *what)
{
    return ph_event_refuse(why, PH_CHECK_EVENT_FORMAT, event, "event %u: %s", event, what);
}

/* TCG_EfiSpecIdEvent: the log's algorithms. PFP §10.4.5.1. */
static enum ph_err read_spec_id(struct ph_bytes data, struct ph_event_why *why)
{
    struct ph_reader r = {data};
    struct ph_bytes signature, skipped;
    uint8_t minor, major, errata, uintn, vendor_len;
    uint32_t platform_class, algs;
    uint16_t id, size;

    if (!ph_read_view(&r, 16, &signature) || !ph_read_u32le(&r, &platform_class) ||
        !ph_read_u8(&r, &minor) || !ph_read_u8(&r, &major) || !ph_read_u8(&r, &errata) ||
        !ph_read_u8(&r, &uintn) || !ph_read_u32le(&r, &algs))
        return bad(why, 0, "the Spec ID event is cut short");
    if (!ph_bytes_equal(signature, PH_BYTES_LIT("Spec ID Event03\0")) || major != 2)
        return bad(why, 0, "the log does not start with a Spec ID event of version 2");
    if (algs == 0 || algs > ALGS_MAX)
        return bad(why, 0, "the Spec ID event names no algorithm, or too many");
    if (!ph_read_u16le(&r, &id) || !ph_read_u16le(&r, &size))
        return bad(why, 0, "the Spec ID event is cut short");
    if (algs != 1 || id != ALG_SHA384 || size != PH_RTMR_LEN) {
        (void)bad(why, 0, "the log's algorithm is not SHA-384 alone");
        return PH_ERR_UNSUPPORTED;
    }
    if (!ph_read_u8(&r, &vendor_len) || !ph_read_view(&r, vendor_len, &skipped) || r.rest.len != 0)
        return bad(why, 0, "lengths in the Spec ID event do not add up");
    return PH_OK;
}

enum ph_err ph_ccel_open(struct ph_bytes log, struct ph_ccel *out, struct ph_event_why *why)
{
    struct ph_reader r = {log};
    struct ph_bytes sha1, data;
    uint32_t mr, type, size;

    if (log.len > PH_EVENT_LOG_MAX) {
        (void)bad(why, 0, "the log is longer than 1 MiB");
        return PH_ERR_LIMIT;
    }
    if (!ph_read_u32le(&r, &mr) || !ph_read_u32le(&r, &type) ||
        !ph_read_view(&r, SHA1_LEN, &sha1) || !ph_read_u32le(&r, &size) ||
        !ph_read_view(&r, size, &data))
        return bad(why, 0, "the log ends inside its first event");
    if (type != PH_TCG_EV_NO_ACTION || !all_bytes(sha1, 0))
        return bad(why, 0, "the first event is no Spec ID event");
    PH_TRY(read_spec_id(data, why));
    *out = (struct ph_ccel){r, 0};
    return PH_OK;
}

/* True at the end of the events. What follows must be padding: ff, or 00, to the last byte. Padding
 * with something in it is no event: none has register ffffffff, or no digest. */
static bool at_end(struct ph_bytes rest)
{
    return rest.len == 0 ||
           ((rest.ptr[0] == 0 || rest.ptr[0] == 0xff) && all_bytes(rest, rest.ptr[0]));
}

enum ph_err ph_ccel_next(struct ph_ccel *log, struct ph_ccel_event *out, struct ph_event_why *why)
{
    struct ph_reader r = log->rest;
    struct ph_ccel_event e = {.index = log->next};
    struct ph_bytes digest;
    uint32_t cnt, size;
    uint16_t alg;

    if (at_end(r.rest))
        return PH_ERR_CLOSED;
    if (log->next >= PH_EVENT_CNT_MAX) {
        (void)bad(why, log->next, "the log has too many events");
        return PH_ERR_LIMIT;
    }
    if (!ph_read_u32le(&r, &e.mr) || !ph_read_u32le(&r, &e.type) || !ph_read_u32le(&r, &cnt))
        return bad(why, e.index, "the log ends inside an event");
    if (e.mr > MR_MAX)
        return bad(why, e.index, "the register is none of 0 to 4");
    if (cnt != 1)
        return bad(why, e.index, "an event has exactly one digest, SHA-384");
    if (!ph_read_u16le(&r, &alg) || !ph_read_view(&r, PH_RTMR_LEN, &digest) ||
        !ph_read_u32le(&r, &size) || !ph_read_view(&r, size, &e.data))
        return bad(why, e.index, "the log ends inside an event");
    if (alg != ALG_SHA384)
        return bad(why, e.index, "the digest is not SHA-384");
    e.digest = digest.ptr;
    *log = (struct ph_ccel){r, log->next + 1};
    *out = e;
    return PH_OK;
}

/* One event into the claims. `separators` counts those seen, by register. */
static enum ph_err take(struct ph_event_claims *c, const struct ph_ccel_event *e,
                        bool separated[static PH_RTMR_CNT], struct ph_event_why *why)
{
    const enum ph_tcg_digest digest = ph_tcg_digest_check(e->type, e->data, e->digest);

    c->event_cnt++;
    if (digest == PH_TCG_DIGEST_NOTHING)
        return PH_OK;
    if (e->mr == 0)
        return ph_event_refuse(why, PH_CHECK_EVENT_TYPE, e->index,
                               "event %u: %s extends MRTD, which no event extends", e->index,
                               ph_tcg_event_name(e->type));
    if (digest == PH_TCG_DIGEST_ERROR)
        return ph_event_refuse(why, PH_CHECK_EVENT_SEPARATOR, e->index,
                               "event %u: the separator says neither 00000000 nor ffffffff",
                               e->index);
    if (digest == PH_TCG_DIGEST_DIFFERS)
        return ph_event_refuse(why, PH_CHECK_EVENT_DIGEST, e->index,
                               "event %u: the digest of %s is not the hash of its data", e->index,
                               ph_tcg_event_name(e->type));
    if (e->type == PH_TCG_EV_SEPARATOR) {
        if (separated[e->mr - 1])
            return ph_event_refuse(why, PH_CHECK_EVENT_DUPLICATE, e->index,
                                   "event %u: a second separator for RTMR%u", e->index, e->mr - 1);
        separated[e->mr - 1] = true;
    }
    if (digest == PH_TCG_DIGEST_EQUAL)
        c->recomputed_cnt++;
    else
        c->unrecomputable_cnt++;
    ph_rtmrs_extend(&c->rtmrs, e->mr - 1, e->digest);
    return PH_OK;
}

enum ph_err ph_ccel_replay(struct ph_bytes bytes, struct ph_event_claims *out,
                           struct ph_event_why *why)
{
    struct ph_event_claims claims = {.kind = PH_EVENT_LOG_CCEL};
    bool separated[PH_RTMR_CNT] = {false};
    struct ph_ccel log;
    struct ph_ccel_event e;
    enum ph_err err;

    PH_TRY(ph_ccel_open(bytes, &log, why));
    while ((err = ph_ccel_next(&log, &e, why)) == PH_OK)
        PH_TRY(take(&claims, &e, separated, why));
    if (err != PH_ERR_CLOSED)
        return err;
    *out = claims;
    return PH_OK;
}
