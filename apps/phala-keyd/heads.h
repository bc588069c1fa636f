#ifndef PH_PHALA_KEYD_HEADS_H
#define PH_PHALA_KEYD_HEADS_H

/* The newest commit of each phat's state that this process has seen, or was told of by another
 * worker of the cluster: what storage is held against. docs/state.md. */

#include "state/format.h"

struct heads {
    struct known_head *at; /* owned; open addressing by phat */
    size_t cap, cnt;
    uint64_t changes; /* since the process began: has what is kept on disk become older? */
};

/* What is known of one phat, as it goes to disk and to other workers (marks.h). */
struct head_mark {
    struct ph_phat_id phat;
    uint64_t index; /* from 1 */
    uint32_t key_epoch, older_epoch;
    struct ph_hash32 hash; /* of the commit, whose root it covers */
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

/* The least of what is known by phat id, beyond `after` (NULL: of all), ascending; at most `cap`,
 * for which `out` has room. Yields how many. States without a commit are left out. */
size_t heads_list(const struct heads *heads, const struct ph_phat_id *after, struct head_mark *out,
                  size_t cap);
/* Another worker, or this one before a restart, knows this commit: the higher index wins.
 * PH_ERR_UNTRUSTED: another commit of the same index is known here; nothing of that phat is opened
 * or taken any more, until a higher index is known. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err heads_merge(struct heads *heads, const struct head_mark *mark);

#endif
