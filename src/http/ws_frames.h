#ifndef PH_HTTP_WS_FRAMES_H
#define PH_HTTP_WS_FRAMES_H

/* Messages of a WebSocket, a client's side: bytes to messages and back, over wslay. The server is
 * not trusted: what it may make this side keep or do is bounded, whatever it sends.
 *
 * Text only, uncompressed. A message is whole before it is told. Pings are answered, a close is
 * answered and ends it.
 *
 * Layer: http. Pure, but for the masks' randomness. Spec: RFC 6455 §5, §7. Tests:
 * ws_frames_test.c, ws_frames_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_HTTP_WS_FRAMES_MAX = 65536, /* of one message: some nodes send 1 KiB in each */
    /* Pings, pongs and empty frames in a window of this length. */
    PH_HTTP_WS_IDLE_MAX = 256,
    PH_HTTP_WS_WINDOW_MS = 10000,
};

struct ph_http_ws_frames;

struct ph_http_ws_frames_config {
    size_t message_max; /* bytes of a message that comes */
    size_t out_max;     /* bytes that wait to leave, frames' heads included */
    /* A message. It may call send, and nothing else here. */
    void (*message)(void *ctx, struct ph_bytes text);
    void *ctx;
};

/* PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_ws_frames_new(const struct ph_http_ws_frames_config *config,
                                             struct ph_http_ws_frames **out);
void ph_http_ws_frames_free(struct ph_http_ws_frames *frames);

/**
 * Bytes from the server, cut anywhere.
 *
 * Returns PH_ERR_CLOSED     it said goodbye; the answer to that waits to leave
 *         PH_ERR_MALFORMED  it breaks the protocol, or sends binary; that it does waits to leave
 *         PH_ERR_LIMIT      over a limit above
 *         PH_ERR_NOMEM
 * After any of these, and in every later call the same, nothing more is told.
 */
PH_CHECKED enum ph_err ph_http_ws_frames_take(struct ph_http_ws_frames *frames,
                                              struct ph_bytes bytes, int64_t now_ms);
/* Queue a message. PH_ERR_LIMIT: over out_max, nothing is queued. PH_ERR_CLOSED: it is over.
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_ws_frames_send(struct ph_http_ws_frames *frames,
                                              struct ph_bytes text);
/* What waits to leave, and that the first `n` bytes of it have left. */
struct ph_bytes ph_http_ws_frames_out(const struct ph_http_ws_frames *frames);
void ph_http_ws_frames_sent(struct ph_http_ws_frames *frames, size_t n);

#endif
