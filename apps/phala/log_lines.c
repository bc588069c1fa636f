#include "log_lines.h"

#include "base/own.h"
#include "codec/json.h"
#include "printable.h"

#include <stdio.h>
#include <time.h>

#define SCRIPT "worker.js:"

static bool read_number(struct ph_bytes text, size_t *at, uint32_t *out)
{
    uint64_t v = 0;
    size_t start = *at;
    while (*at < text.len && *at - start < 9 && text.ptr[*at] >= '0' && text.ptr[*at] <= '9')
        v = v * 10 + (uint64_t)(text.ptr[(*at)++] - '0');
    *out = (uint32_t)v;
    return *at > start && v > 0;
}

/* "worker.js:LINE:COLUMN" at `at`: yields where it ends and what it means. */
static bool map_at(struct ph_bytes text, size_t at, const struct ph_sourcemap *map, size_t *end,
                   struct ph_source_pos *pos)
{
    uint32_t line, column;
    size_t i = at + sizeof(SCRIPT) - 1;
    if (text.len - at < sizeof(SCRIPT) - 1 ||
        memcmp(text.ptr + at, SCRIPT, sizeof(SCRIPT) - 1) != 0)
        return false;
    if (!read_number(text, &i, &line) || i >= text.len || text.ptr[i++] != ':' ||
        !read_number(text, &i, &column))
        return false;
    *end = i;
    return ph_sourcemap_lookup(map, line, column, pos) == PH_OK;
}

enum ph_err ph_log_map_positions(struct ph_bytes text, const struct ph_sourcemap *map,
                                 struct ph_buf *out)
{
    size_t copied = 0;
    for (size_t i = 0; map != NULL && i < text.len; i++) {
        struct ph_source_pos pos;
        size_t end;
        if (text.ptr[i] != SCRIPT[0] || !map_at(text, i, map, &end, &pos))
            continue;
        PH_TRY(ph_buf_add(out, (struct ph_bytes){text.ptr + copied, i - copied}));
        PH_TRY(ph_buf_addf(out, "%s:%u:%u", pos.source, pos.line, pos.column));
        copied = end;
        i = end - 1;
    }
    if (copied == text.len)
        return PH_OK;
    return ph_buf_add(out, (struct ph_bytes){text.ptr + copied, text.len - copied});
}

static const char *level_name(const json_t *level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (json_is_string(level))
        return json_string_value(level);
    json_int_t n = json_integer_value(level);
    return n >= 0 && n < (json_int_t)PH_LEN(names) ? names[n] : "?";
}

/* Time as Unix milliseconds, or text as it is. */
static void clock_text(const json_t *t, char out[static 40])
{
    struct tm tm;
    if (json_is_string(t)) {
        (void)snprintf(out, 40, "%.32s", json_string_value(t));
        return;
    }
    json_int_t ms = json_integer_value(t);
    time_t s = (time_t)(ms / 1000);
    if (ms < 0 || localtime_r(&s, &tm) == NULL)
        (void)snprintf(out, 40, "?");
    else
        (void)snprintf(out, 40, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
                       (int)(ms % 1000));
}

static enum ph_err render(struct ph_bytes line, const struct ph_sourcemap *map, struct ph_buf *out,
                          uint64_t *seq)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why;
    char when[40];
    PH_TRY(ph_json_load(line, PH_LOG_LINE_MAX, &doc, &why));
    const json_t *text = json_object_get(doc, "text"), *number = json_object_get(doc, "seq");
    if (!json_is_string(text) || !json_is_integer(number) || json_integer_value(number) < 0)
        return PH_ERR_MALFORMED;
    clock_text(json_object_get(doc, "time"), when);
    size_t start = out->len;
    PH_TRY(ph_buf_addf(out, "%s %-5.10s ", when, level_name(json_object_get(doc, "level"))));
    struct ph_bytes view = {(const uint8_t *)json_string_value(text), json_string_length(text)};
    PH_TRY(ph_log_map_positions(view, map, out));
    /* A phat must not steer its owner's terminal. */
    out->len = start + ph_printable(out->ptr + start, out->len - start);
    *seq = (uint64_t)json_integer_value(number);
    return ph_buf_add_str(out, "\n");
}

enum ph_err ph_log_next(struct ph_buf *in, const struct ph_sourcemap *map, struct ph_buf *out,
                        uint64_t *seq)
{
    const uint8_t *end = in->len > 0 ? memchr(in->ptr, '\n', in->len) : NULL;
    if (end == NULL)
        return PH_ERR_AGAIN;
    size_t len = (size_t)(end - in->ptr), was = out->len;
    enum ph_err err = render((struct ph_bytes){in->ptr, len}, map, out, seq);
    if (err != PH_OK)
        out->len = was;
    ph_buf_consume(in, len + 1);
    return err;
}
