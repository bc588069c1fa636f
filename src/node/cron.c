#include "node/cron.h"

#include <time.h>

static bool read_number(struct ph_reader *r, uint32_t *out)
{
    uint32_t n = 0;
    size_t digits = 0;

    while (r->rest.len > 0 && r->rest.ptr[0] >= '0' && r->rest.ptr[0] <= '9' && digits < 4) {
        uint8_t c;
        if (!ph_read_u8(r, &c))
            return false;
        n = n * 10 + (uint32_t)(c - '0');
        digits++;
    }
    *out = n;
    return digits > 0;
}

static bool read_char(struct ph_reader *r, char c)
{
    uint8_t got;
    return r->rest.len > 0 && r->rest.ptr[0] == (uint8_t)c && ph_read_u8(r, &got);
}

/* One element: "*", "n", "n-m", each with an optional "/step". */
static bool read_item(struct ph_reader *r, uint32_t least, uint32_t greatest, uint64_t *bits,
                      bool *any)
{
    uint32_t from = least, to = greatest, step = 1;

    if (read_char(r, '*')) {
        *any = true;
    } else {
        if (!read_number(r, &from))
            return false;
        to = from;
        if (read_char(r, '-') && !read_number(r, &to))
            return false;
    }
    if (read_char(r, '/')) {
        if (!read_number(r, &step) || step == 0)
            return false;
        if (to == from)
            to = greatest; /* "n/step" runs to the end of the range */
        *any = false;
    }
    if (from < least || to > greatest || from > to)
        return false;
    for (uint32_t n = from; n <= to; n += step)
        *bits |= (uint64_t)1 << n;
    return true;
}

static bool read_field(struct ph_reader *r, uint32_t least, uint32_t greatest, uint64_t *bits,
                       bool *any)
{
    *bits = 0;
    *any = false;
    do {
        bool item_any = false;
        if (!read_item(r, least, greatest, bits, &item_any))
            return false;
        *any = *any || item_any;
    } while (read_char(r, ','));
    return true;
}

enum ph_err ph_cron_parse(struct ph_bytes text, struct ph_cron *out)
{
    struct ph_cron c = {0};
    struct ph_reader r = {text};
    uint64_t bits[5];
    bool any[5];
    static const uint8_t least[5] = {0, 0, 1, 1, 0}, greatest[5] = {59, 23, 31, 12, 7};

    if (text.len >= sizeof(c.text))
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < 5; i++)
        if ((i > 0 && !read_char(&r, ' ')) ||
            !read_field(&r, least[i], greatest[i], &bits[i], &any[i]))
            return PH_ERR_MALFORMED;
    if (r.rest.len != 0)
        return PH_ERR_MALFORMED;
    memcpy(c.text, text.ptr, text.len);
    c.minutes = bits[0];
    c.hours = (uint32_t)bits[1];
    c.days = (uint32_t)bits[2];
    c.months = (uint32_t)bits[3];
    c.weekdays = (uint32_t)(bits[4] | bits[4] >> 7) & 0x7f;
    c.any_day = any[2];
    c.any_weekday = any[4];
    *out = c;
    return PH_OK;
}

static bool day_matches(const struct ph_cron *c, const struct tm *tm)
{
    const bool day = c->days >> tm->tm_mday & 1, weekday = c->weekdays >> tm->tm_wday & 1;

    if (!(c->months >> (tm->tm_mon + 1) & 1))
        return false;
    if (c->any_day || c->any_weekday)
        return day && weekday;
    return day || weekday;
}

enum ph_err ph_cron_next(const struct ph_cron *cron, int64_t after_s, int64_t *out_s)
{
    int64_t t = (after_s / 60 + 1) * 60;
    const int64_t end = t + (int64_t)5 * 366 * 86400;

    while (t < end) {
        struct tm tm;
        const time_t at = t;
        (void)gmtime_r(&at, &tm);
        if (!day_matches(cron, &tm)) {
            t = (t / 86400 + 1) * 86400;
        } else if (!(cron->hours >> tm.tm_hour & 1)) {
            t = (t / 3600 + 1) * 3600;
        } else if (!(cron->minutes >> tm.tm_min & 1)) {
            t += 60;
        } else {
            *out_s = t;
            return PH_OK;
        }
    }
    return PH_ERR_NOT_FOUND;
}
