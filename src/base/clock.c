#include "base/clock.h"

#include <time.h>

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static int days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

static bool read_digits(struct ph_reader *r, size_t n, int *out)
{
    struct ph_bytes v;
    if (!ph_read_view(r, n, &v))
        return false;
    int x = 0;
    for (size_t i = 0; i < n; i++) {
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            return false;
        x = x * 10 + (v.ptr[i] - '0');
    }
    *out = x;
    return true;
}

static bool read_char(struct ph_reader *r, char c)
{
    uint8_t got;
    return c == '\0' || (ph_read_u8(r, &got) && got == (uint8_t)c);
}

/* year digits, then month, day, hour, minute, second with the given separators, then 'Z', then the
 * end. */
static enum ph_err parse(struct ph_bytes text, size_t year_digits, char date_sep, char t_sep,
                         char time_sep, int64_t *out_s)
{
    struct ph_reader r = {text};
    int y, mo, d, h, mi, s;

    if (!read_digits(&r, year_digits, &y) || !read_char(&r, date_sep) || !read_digits(&r, 2, &mo) ||
        !read_char(&r, date_sep) || !read_digits(&r, 2, &d) || !read_char(&r, t_sep) ||
        !read_digits(&r, 2, &h) || !read_char(&r, time_sep) || !read_digits(&r, 2, &mi) ||
        !read_char(&r, time_sep) || !read_digits(&r, 2, &s) || !read_char(&r, 'Z') ||
        r.rest.len != 0)
        return PH_ERR_MALFORMED;
    if (year_digits == 2)
        y += y >= 50 ? 1900 : 2000;
    if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 || s > 59)
        return PH_ERR_MALFORMED;
    *out_s = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + s;
    return PH_OK;
}

enum ph_err ph_time_parse_rfc3339(struct ph_bytes text, int64_t *out_s)
{
    return parse(text, 4, '-', 'T', ':', out_s);
}

enum ph_err ph_time_parse_asn1_utc(struct ph_bytes text, int64_t *out_s)
{
    return parse(text, 2, '\0', '\0', '\0', out_s);
}

enum ph_err ph_time_parse_asn1_generalized(struct ph_bytes text, int64_t *out_s)
{
    return parse(text, 4, '\0', '\0', '\0', out_s);
}

void ph_time_format_rfc3339(int64_t s, char out[static 21])
{
    const int64_t first = days_from_civil(0, 1, 1) * 86400;
    const int64_t last = days_from_civil(9999, 12, 31) * 86400 + 86399;
    const time_t clamped = s < first ? first : s > last ? last : s;
    struct tm tm;

    (void)gmtime_r(&clamped, &tm);
    /* strftime's %Y does not pad years below 1000. */
    const int year = tm.tm_year + 1900;
    for (int i = 3, y = year; i >= 0; i--, y /= 10)
        out[i] = (char)('0' + y % 10);
    (void)strftime(out + 4, 17, "-%m-%dT%H:%M:%SZ", &tm);
}

int64_t ph_clock_wall_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t ph_clock_mono_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
