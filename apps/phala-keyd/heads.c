#include "heads.h"

#include "least.h"

#include "base/own.h"

#include <stdlib.h>

struct known_head {
    bool used;
    bool forked; /* another worker knows another commit of this index */
    struct ph_phat_id phat;
    struct ph_state_tip tip; /* root and page_cnt are not looked at */
};

void heads_clear(struct heads *heads)
{
    free(heads->at);
    *heads = (struct heads){0};
}

/* Phat ids are digests: their first bytes spread well. */
static size_t start_of(const struct heads *h, const struct ph_phat_id *phat)
{
    size_t n = 0;
    for (size_t i = 0; i < 4; i++)
        n = n << 8 | phat->b[i];
    return n & (h->cap - 1);
}

/* Its slot, or the free one where it would go. */
static struct known_head *slot(const struct heads *h, const struct ph_phat_id *phat)
{
    size_t i = start_of(h, phat);
    while (h->at[i].used && memcmp(h->at[i].phat.b, phat->b, sizeof(phat->b)) != 0)
        i = (i + 1) & (h->cap - 1);
    return &h->at[i];
}

static enum ph_err grow(struct heads *h)
{
    struct heads bigger = {.cap = h->cap ? 2 * h->cap : 64, .cnt = h->cnt, .changes = h->changes};

    if (h->cnt >= KEYD_HEADS_MAX)
        return PH_ERR_LIMIT;
    bigger.at = calloc(bigger.cap, sizeof(*bigger.at));
    if (!bigger.at)
        return PH_ERR_NOMEM;
    for (size_t i = 0; i < h->cap; i++) {
        if (h->at[i].used)
            *slot(&bigger, &h->at[i].phat) = h->at[i];
    }
    free(h->at);
    *h = bigger;
    return PH_OK;
}

static void put_tip(struct heads *h, const struct ph_phat_id *phat, const struct ph_state_tip *tip)
{
    struct known_head *at = slot(h, phat);

    if (!at->used)
        h->cnt++;
    at->used = true;
    at->forked = false;
    at->phat = *phat;
    at->tip = *tip;
    h->changes++;
}

static struct ph_state_tip tip_of(const struct ph_state_head *head, const struct ph_hash32 *hash)
{
    return (struct ph_state_tip){.index = head->index,
                                 .key_epoch = head->key_epoch,
                                 .older_epoch = head->older_epoch,
                                 .hash = *hash};
}

static enum ph_err put(struct heads *h, const struct ph_state_head *head,
                       const struct ph_hash32 *hash)
{
    const struct ph_state_tip tip = tip_of(head, hash);

    put_tip(h, &head->phat, &tip);
    return PH_OK;
}

/* Room for one more, so that a slot is always free. */
static enum ph_err make_room(struct heads *h)
{
    return h->cnt + 1 > h->cap / 2 ? grow(h) : PH_OK;
}

static const char forked_text[] =
    "state: another worker of the cluster knows another commit of the same index than this one: "
    "the history was forked";

enum ph_err heads_open(struct heads *heads, const struct ph_phat_id *phat,
                       const struct ph_state_head *head, const struct ph_hash32 *hash,
                       const char **why)
{
    PH_TRY(make_room(heads));
    const struct known_head *at = slot(heads, phat);
    if (!at->used) {
        const struct ph_state_tip tip = head ? tip_of(head, hash) : (struct ph_state_tip){0};
        put_tip(heads, phat, &tip);
        return PH_OK;
    }
    if (at->forked) {
        *why = forked_text;
        return PH_ERR_UNTRUSTED;
    }
    const uint64_t index = head ? head->index : 0;
    if (index < at->tip.index) {
        *why = "state: storage shows an older commit than the newest one: it was rolled back";
        return PH_ERR_UNTRUSTED;
    }
    if (index == at->tip.index &&
        (index == 0 || memcmp(hash->b, at->tip.hash.b, sizeof(hash->b)) == 0))
        return PH_OK;
    if (head && ph_state_follows(&at->tip, head))
        return put(heads, head, hash);
    *why = "state: storage shows another history than the one that was committed: it was forked";
    return PH_ERR_UNTRUSTED;
}

bool heads_known(const struct heads *heads, const struct ph_phat_id *phat, uint64_t *index)
{
    const struct known_head *at = heads->cap > 0 ? slot(heads, phat) : NULL;

    if (!at || !at->used)
        return false;
    *index = at->tip.index;
    return true;
}

enum ph_err heads_skip(struct heads *heads, const struct ph_state_head *head,
                       const struct ph_hash32 *hash, const char **why)
{
    uint64_t known;

    if (!heads_known(heads, &head->phat, &known)) {
        *why = "state: it was not opened here";
        return PH_ERR_NOT_FOUND;
    }
    if (head->index <= known + 1) {
        *why = "state: the log reaches back to the newest known commit: show all that follow it";
        return PH_ERR_UNTRUSTED;
    }
    return put(heads, head, hash);
}

enum ph_err heads_advance(struct heads *heads, const struct ph_state_head *head,
                          const struct ph_hash32 *hash, const char **why)
{
    const struct known_head *at = heads->cap > 0 ? slot(heads, &head->phat) : NULL;

    if (!at || !at->used) {
        *why = "state: it was not opened here";
        return PH_ERR_NOT_FOUND;
    }
    if (at->forked) {
        *why = forked_text;
        return PH_ERR_UNTRUSTED;
    }
    if (!ph_state_follows(&at->tip, head)) {
        *why = "state: the commit does not follow the newest one";
        return PH_ERR_UNTRUSTED;
    }
    return put(heads, head, hash);
}

/* Of the oldest page. */
static uint32_t epoch_of(const struct ph_state_tip *tip)
{
    return tip->older_epoch != 0 ? tip->older_epoch : tip->key_epoch;
}

bool heads_refer(const struct heads *heads, uint32_t before)
{
    for (size_t i = 0; i < heads->cap; i++)
        if (heads->at[i].used && heads->at[i].tip.index > 0 && epoch_of(&heads->at[i].tip) < before)
            return true;
    return false;
}

size_t heads_list(const struct heads *heads, const struct ph_phat_id *after, struct head_mark *out,
                  size_t cap)
{
    struct least least = {.at = out, .size = sizeof(*out), .cap = cap};

    for (size_t i = 0; i < heads->cap; i++) {
        const struct known_head *at = &heads->at[i];
        if (!at->used || at->tip.index == 0 ||
            (after && memcmp(at->phat.b, after->b, sizeof(after->b)) <= 0))
            continue;
        const struct head_mark mark = {.phat = at->phat,
                                       .index = at->tip.index,
                                       .key_epoch = at->tip.key_epoch,
                                       .older_epoch = at->tip.older_epoch,
                                       .hash = at->tip.hash};
        least_add(&least, &mark);
    }
    least_sort(&least);
    return least.cnt;
}

enum ph_err heads_merge(struct heads *heads, const struct head_mark *mark)
{
    const struct ph_state_tip tip = {.index = mark->index,
                                     .key_epoch = mark->key_epoch,
                                     .older_epoch = mark->older_epoch,
                                     .hash = mark->hash};

    PH_TRY(make_room(heads));
    struct known_head *at = slot(heads, &mark->phat);
    if (at->used && at->tip.index == mark->index &&
        memcmp(at->tip.hash.b, mark->hash.b, sizeof(mark->hash.b)) != 0) {
        at->forked = true;
        return PH_ERR_UNTRUSTED;
    }
    if (!at->used || at->tip.index < mark->index)
        put_tip(heads, &mark->phat, &tip);
    return PH_OK;
}
