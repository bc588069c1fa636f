#ifndef PH_PHALA_KEYD_HEADS_H
#define PH_PHALA_KEYD_HEADS_H

/* The newest commit of each phat's state that this process has seen: what storage is held against.
 * docs/state.md. */

#include "state/format.h"

struct heads {
    struct known_head *at; /* owned; open addressing by phat */
    size_t cap, cnt;
};

enum { KEYD_HEADS_MAX = 1 << 16 };

void heads_clear(struct heads *heads);

/**
 * A state is opened: is what storage shows the newest?
 *
 * @head  newest head in the log, its mac checked; NULL: the log is empty
 * @hash  of the head; ignored without one
 * @why   written when refused; static storage
 *
 * Also takes the one commit after the known one: durable, but this process was not told before
 * phalad died. What other workers committed is told with heads_advance before. The first log shown
 * of a phat is taken as it is. Returns PH_ERR_UNTRUSTED (older, or another history), PH_ERR_LIMIT,
 * PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err heads_open(struct heads *heads, const struct ph_phat_id *phat,
                                  const struct ph_state_head *head, const struct ph_hash32 *hash,
                                  const char **why);
/* A commit became durable: it must follow the known one. Same errors; PH_ERR_NOT_FOUND: the phat's
 * state was not opened. */
PH_CHECKED enum ph_err heads_advance(struct heads *heads, const struct ph_state_head *head,
                                     const struct ph_hash32 *hash, const char **why);

/* A state that is known here has pages of an epoch before this one. */
bool heads_refer(const struct heads *heads, uint32_t before);
/* What is known of a phat: false if nothing, else the index of its newest commit, which may be 0.
 */
bool heads_known(const struct heads *heads, const struct ph_phat_id *phat, uint64_t *index);
/* Other workers went on from the known commit, and the log has lost its beginning meanwhile: `head`
 * is the oldest that is left of it. Taken for its mac; a fork within what is lost is not seen.
 * PH_ERR_NOT_FOUND; PH_ERR_UNTRUSTED: it is not beyond the known one, or could be chained. */
PH_CHECKED enum ph_err heads_skip(struct heads *heads, const struct ph_state_head *head,
                                  const struct ph_hash32 *hash, const char **why);

#endif
