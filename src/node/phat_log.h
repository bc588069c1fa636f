#ifndef PH_NODE_PHAT_LOG_H
#define PH_NODE_PHAT_LOG_H

/* The last lines that a phat logged, for its owner. In memory, bounded: a phat that floods its log
 * loses its own old lines and nothing else.
 *
 * Layer: node. Tests: phat_log_test.c.
 */

#include "base/bytes.h"

enum {
    PH_LOG_BYTES_MAX = 128 * 1024, /* text kept per phat */
    PH_LOG_LINE_MAX = 8 * 1024,    /* longer texts are cut */
};

struct ph_log_line {
    uint64_t seq; /* from 1, per phat */
    int64_t time_ms;
    uint8_t level; /* 0 debug, 1 info, 2 warn, 3 error */
    uint64_t call; /* 0: outside of a call */
    char *text;    /* owned, UTF-8 as the phat gave it */
    size_t text_len;
    struct ph_log_line *next;
};

/* Someone who reads along. The storage is the reader's. */
struct ph_log_follower {
    void (*line)(void *ctx, const struct ph_log_line *line);
    void (*end)(void *ctx); /* the worker stops: leave */
    void *ctx;
    struct ph_log_follower *next;
};

struct ph_phat_log {
    struct ph_log_line *first, **last;
    size_t bytes;
    uint64_t next_seq;
    struct ph_log_follower *followers;
};

void ph_phat_log_init(struct ph_phat_log *log);
void ph_phat_log_clear(struct ph_phat_log *log);
/* Append a copy of the text; out of memory drops the line. */
void ph_phat_log_add(struct ph_phat_log *log, int64_t time_ms, uint8_t level, uint64_t call,
                     struct ph_bytes text);
void ph_phat_log_follow(struct ph_phat_log *log, struct ph_log_follower *follower);
void ph_phat_log_unfollow(struct ph_phat_log *log, struct ph_log_follower *follower);
/* One NDJSON line: {"seq":…,"time":…,"level":…,"call":…,"text":…}\n */
PH_CHECKED enum ph_err ph_log_line_print(const struct ph_log_line *line, struct ph_buf *out);

#endif
