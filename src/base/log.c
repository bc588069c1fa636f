#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *process_name = "phala";
static enum ph_log_level least_level = PH_LOG_INFO;

void ph_log_setup(const char *process, enum ph_log_level least)
{
    process_name = process;
    least_level = least;
}

/* Length of the valid UTF-8 sequence at s, or 0. Overlong forms and surrogates are not valid. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    if (s[0] >= 0xc2 && s[0] <= 0xdf && left >= 2 && (s[1] & 0xc0) == 0x80)
        return 2;
    if ((s[0] & 0xf0) == 0xe0 && left >= 3 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 &&
        !(s[0] == 0xe0 && s[1] < 0xa0) && !(s[0] == 0xed && s[1] >= 0xa0))
        return 3;
    if (s[0] >= 0xf0 && s[0] <= 0xf4 && left >= 4 && (s[1] & 0xc0) == 0x80 &&
        (s[2] & 0xc0) == 0x80 && (s[3] & 0xc0) == 0x80 && !(s[0] == 0xf0 && s[1] < 0x90) &&
        !(s[0] == 0xf4 && s[1] >= 0x90))
        return 4;
    return 0;
}

void ph_log_escape(const char *text, unsigned long len, char *out, unsigned long cap)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;

    for (size_t i = 0; i < len && at + 7 < cap;) {
        const unsigned char c = s[i];
        size_t n = 1;
        if (c == '"' || c == '\\') {
            out[at++] = '\\';
            out[at++] = (char)c;
        } else if (c >= 0x20 && c < 0x7f) {
            out[at++] = (char)c;
        } else if (c >= 0x80 && (n = utf8_len(s + i, len - i)) > 0) {
            memcpy(out + at, s + i, n);
            at += n;
        } else {
            n = 1;
            at += (size_t)snprintf(out + at, 7, "\\u%04x", c);
        }
        i += n;
    }
    out[at] = '\0';
}

void ph_log(enum ph_log_level level, const char *msg, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char line[8192], text[4096];
    int at;

    if (level < least_level)
        return;
    const int64_t now_ms = ph_clock_wall_ms();
    char when[21];
    ph_time_format_rfc3339(now_ms / 1000, when);
    when[19] = '\0';
    ph_log_escape(msg, strlen(msg), text, sizeof(text));
    at = snprintf(line, sizeof(line),
                  "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"process\":\"%s\",\"msg\":\"%s\"", when,
                  (int)(now_ms % 1000), names[level], process_name, text);

    va_list args;
    va_start(args, msg);
    for (const char *key; (key = va_arg(args, const char *));) {
        const char *value = va_arg(args, const char *);
        ph_log_escape(value ? value : "", value ? strlen(value) : 0, text, sizeof(text));
        const size_t left = sizeof(line) - (size_t)at;
        const int n = snprintf(line + at, left, ",\"%s\":\"%s\"", key, text);
        if (n < 0 || (size_t)n + 3 > left)
            break; /* cut before this pair: the line stays valid JSON */
        at += n;
    }
    va_end(args);
    line[at++] = '}';
    line[at++] = '\n';
    /* One write, so that lines of several processes on one terminal do not mix. */
    ssize_t wrote = write(STDERR_FILENO, line, (size_t)at);
    (void)wrote;
}
