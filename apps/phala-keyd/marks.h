#ifndef PH_PHALA_KEYD_MARKS_H
#define PH_PHALA_KEYD_MARKS_H

/* What storage is held against, as it leaves this process: the newest commit of each phat's state
 * (heads.h) and its newest secrets (floors.h), in sealed pages. To other workers of the cluster,
 * and to this worker's own disk, where they outlive a restart. docs/keys.md.
 *
 *   page  = "PHMARKS1" || u8 sealed by || u64be generation || from 21 || u8 last || nonce 12
 *           || AES-256-GCM(entries), aad what stands before the nonce
 *   entry = 01 || phat 20 || index u64be || key epoch u32be || older epoch u32be || commit hash 32
 *         | 02 || phat 20 || sequence u64be || u8 gone
 *
 * Entries ascend by their first 21 bytes, their place, and lie beyond `from`, which is where the
 * page before ended: 21 zeros for the first. So no page can be left out. "Sealed by" is 0 for other
 * workers, where the generation is 0; else of enum ph_seal_provider.
 *
 * Tests: marks_test.c, marks_fuzz.c.
 */

#include "floors.h"
#include "heads.h"

#include "ipc/messages.h"

enum {
    MARK_PLACE_LEN = PH_MARKS_PLACE_LEN,
    MARK_HEAD_LEN = 21 + 8 + 4 + 4 + 32,
    MARK_FLOOR_LEN = 21 + 8 + 1,
    MARKS_PER_PAGE = 800, /* a page fits a datagram */
    MARKS_PLAIN_MAX = MARKS_PER_PAGE * MARK_HEAD_LEN,
    MARKS_HEAD_LEN = 8 + 1 + 8 + MARK_PLACE_LEN + 1,
    MARKS_PAGE_MIN = MARKS_HEAD_LEN + 12 + 16,
    MARKS_PAGE_MAX = MARKS_PAGE_MIN + MARKS_PLAIN_MAX,
    MARKS_PAGES_MAX = (KEYD_HEADS_MAX + FLOORS_MAX) / MARKS_PER_PAGE + 1,
    MARKS_FOR_PEERS = 0,
    MARKS_WHY_LEN = 256,
};

struct mark_place {
    uint8_t b[MARK_PLACE_LEN];
};

/* What a page is of, and where in it. */
struct marks_head {
    uint8_t sealed_by;
    uint64_t generation;
    struct mark_place from;
    bool last;
};

/**
 * Seal the page after `head->from`; `head->last` is set.
 *
 * @next  the end of this page: where the next one begins
 * @out   MARKS_PAGE_MAX bytes of room are taken from it; appended
 *
 * Returns PH_ERR_NOMEM; PH_ERR_LIMIT: the buffer's
 */
PH_CHECKED enum ph_err marks_seal(const struct heads *heads, const struct floors *floors,
                                  const uint8_t key[static 32], struct marks_head *head,
                                  struct mark_place *next, struct ph_buf *out);
/**
 * Open a page and take what is newer than what is known: the higher index, the higher sequence.
 *
 * @want   of which only `last` is not looked at: the page must be this one
 * @last   whether it was the last
 * @next   its end
 * @why    says which phat's history is forked, if one is (heads.h), and is empty otherwise; or why
 *         the page is refused. The other entries are taken with a forked one.
 *
 * Returns PH_ERR_MALFORMED    no page, or entries that are none, in no order; nothing is taken
 *         PH_ERR_UNSUPPORTED  sealed by another provider
 *         PH_ERR_UNTRUSTED    another page than wanted, sealed with another key, or altered
 *         PH_ERR_LIMIT        more is known than fits; PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err marks_open(struct heads *heads, struct floors *floors,
                                  const uint8_t key[static 32], const struct marks_head *want,
                                  struct ph_bytes page, bool *last, struct mark_place *next,
                                  char why[static MARKS_WHY_LEN]);

/* What phala-keyd is at with them. All zero at the start. */
struct mark_keeper {
    bool due; /* the hand-over that gave the keys is not over: what others know was not taken yet */
    struct {
        bool open;
        uint8_t ask[32];
        struct mark_place at; /* the page that must come next begins there */
    } asking;
    struct {
        bool whole; /* all pages were given: MARKS_SAVED may come */
        uint64_t generation;
        uint64_t changes; /* when it began */
        struct mark_place at;
    } saving;
    uint64_t saved;     /* the changes of which the file on disk knows */
    bool wanted;        /* a file, also without changes */
    bool in_state_file; /* it names a generation */
};

/* The parts in the clear, for marks_fuzz.c and the file on disk. */

/* PH_ERR_MALFORMED. @sealed is nonce and ciphertext. */
PH_CHECKED enum ph_err marks_head_parse(struct ph_bytes page, struct marks_head *out,
                                        struct ph_bytes *sealed);
/* Entries of one page, at most MARKS_PLAIN_MAX bytes; *more: there are others beyond. */
PH_CHECKED enum ph_err marks_encode(const struct heads *heads, const struct floors *floors,
                                    const struct mark_place *from, struct ph_buf *out,
                                    struct mark_place *next, bool *more);
/* Errors and `why` as marks_open. */
PH_CHECKED enum ph_err marks_merge(struct heads *heads, struct floors *floors,
                                   const struct mark_place *from, struct ph_bytes entries,
                                   struct mark_place *next, char why[static MARKS_WHY_LEN]);

#endif
