#include "node/phat_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"

#include <inttypes.h>
#include <stdlib.h>

void ph_phat_log_init(struct ph_phat_log *log)
{
    *log = (struct ph_phat_log){.next_seq = 1};
    log->last = &log->first;
}

static void drop_first(struct ph_phat_log *log)
{
    struct ph_log_line *line = log->first;

    log->first = line->next;
    if (!log->first)
        log->last = &log->first;
    log->bytes -= line->text_len + sizeof(*line);
    free(line->text);
    free(line);
}

void ph_phat_log_clear(struct ph_phat_log *log)
{
    while (log->first)
        drop_first(log);
}

void ph_phat_log_add(struct ph_phat_log *log, int64_t time_ms, uint8_t level, uint64_t call,
                     struct ph_bytes text)
{
    struct ph_log_line *line = calloc(1, sizeof(*line));
    const size_t len = text.len > PH_LOG_LINE_MAX ? PH_LOG_LINE_MAX : text.len;
    char *copy = malloc(len + 1);

    if (!line || !copy) {
        free(line);
        free(copy);
        return;
    }
    if (len > 0)
        memcpy(copy, text.ptr, len);
    copy[len] = '\0';
    *line = (struct ph_log_line){.seq = log->next_seq++,
                                 .time_ms = time_ms,
                                 .level = level > 3 ? 3 : level,
                                 .call = call,
                                 .text = copy,
                                 .text_len = len};
    *log->last = line;
    log->last = &line->next;
    log->bytes += len + sizeof(*line);
    for (struct ph_log_follower *f = log->followers, *next; f; f = next) {
        next = f->next;
        f->line(f->ctx, line);
    }
    while (log->bytes > PH_LOG_BYTES_MAX)
        drop_first(log);
}

void ph_phat_log_follow(struct ph_phat_log *log, struct ph_log_follower *follower)
{
    follower->next = log->followers;
    log->followers = follower;
}

void ph_phat_log_unfollow(struct ph_phat_log *log, struct ph_log_follower *follower)
{
    for (struct ph_log_follower **at = &log->followers; *at; at = &(*at)->next)
        if (*at == follower) {
            *at = follower->next;
            return;
        }
}

enum ph_err ph_log_line_print(const struct ph_log_line *line, struct ph_buf *out)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const size_t cap = line->text_len * 6 + 16;
    char *text PH_OWNED(ph_freep) = malloc(cap);
    char when[21];

    if (!text)
        return PH_ERR_NOMEM;
    ph_log_escape(line->text, line->text_len, text, cap);
    ph_time_format_rfc3339(line->time_ms / 1000, when);
    when[19] = '\0';
    return ph_buf_addf(
        out,
        "{\"seq\":%" PRIu64 ",\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"call\":%" PRIu64
        ",\"text\":\"%s\"}\n",
        line->seq, when, (int)(line->time_ms % 1000), levels[line->level], line->call, text);
}
