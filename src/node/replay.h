#ifndef PH_NODE_REPLAY_H
#define PH_NODE_REPLAY_H

/* Which private calls were taken already: an envelope is taken once, and only while its Date lies
 * in a window. Dates at or below a floor are refused; the floor only rises: with the clock, at the
 * start (what an earlier process took is not known here), and when the memory is full.
 *
 * Layer: node. Pure: time comes in. Spec: RFC 9458 §6.5. Why so: docs/private-calls.md. Tests:
 * replay_test.c.
 */

#include "base/bytes.h"

enum {
    PH_REPLAY_PAST_S = 60,   /* a Date may be this old */
    PH_REPLAY_FUTURE_S = 2,  /* and this far ahead */
    PH_REPLAY_MAX = 1 << 18, /* envelopes that are remembered */
};

struct ph_replay;

/* `now_s` is the wall clock at the start: nothing dated up to PH_REPLAY_FUTURE_S behind it is
 * taken, because an earlier process may have taken it. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_replay_new(int64_t now_s, uint32_t max, struct ph_replay **out);
void ph_replay_free(struct ph_replay *replay);

/**
 * Take an envelope, once.
 *
 * @date_s  its Date, from inside
 * @enc     its ephemeral public key: 32 bytes, which no other envelope has
 *
 * Returns PH_ERR_UNTRUSTED  the date lies outside of the window
 *         PH_ERR_CONFLICT   taken before
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_replay_take(struct ph_replay *replay, int64_t now_s, int64_t date_s,
                                      const uint8_t enc[static 32]);
/* Seconds until a request dated when it is sent is taken: 0 but just after the start, or after the
 * clock was set back. */
int64_t ph_replay_wait_s(const struct ph_replay *replay, int64_t now_s);

#endif
