#include "heads.h"

#include "base/own.h"

#include <stdlib.h>

struct known_head {
    bool used;
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
    struct heads bigger = {.cap = h->cap ? 2 * h->cap : 64, .cnt = h->cnt};

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

static enum ph_err put(struct heads *h, const struct ph_phat_id *phat,
                       const struct ph_state_head *head, const struct ph_hash32 *hash)
{
    struct known_head *at = slot(h, phat);

    if (!at->used)
        h->cnt++;
    at->used = true;
    at->phat = *phat;
    at->tip = (struct ph_state_tip){0};
    if (head) {
        at->tip.index = head->index;
        at->tip.key_epoch = head->key_epoch;
        at->tip.older_epoch = head->older_epoch;
        at->tip.hash = *hash;
    }
    return PH_OK;
}

enum ph_err heads_open(struct heads *heads, const struct ph_phat_id *phat,
                       const struct ph_state_head *head, const struct ph_hash32 *hash,
                       const char **why)
{
    if (heads->cnt + 1 > heads->cap / 2)
        PH_TRY(grow(heads));
    const struct known_head *at = slot(heads, phat);
    if (!at->used)
        return put(heads, phat, head, hash);
    const uint64_t index = head ? head->index : 0;
    if (index < at->tip.index) {
        *why = "state: storage shows an older commit than the newest one: it was rolled back";
        return PH_ERR_UNTRUSTED;
    }
    if (index == at->tip.index &&
        (index == 0 || memcmp(hash->b, at->tip.hash.b, sizeof(hash->b)) == 0))
        return PH_OK;
    if (head && ph_state_follows(&at->tip, head))
        return put(heads, phat, head, hash);
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
    return put(heads, &head->phat, head, hash);
}

enum ph_err heads_advance(struct heads *heads, const struct ph_state_head *head,
                          const struct ph_hash32 *hash, const char **why)
{
    const struct known_head *at = heads->cap > 0 ? slot(heads, &head->phat) : NULL;

    if (!at || !at->used) {
        *why = "state: it was not opened here";
        return PH_ERR_NOT_FOUND;
    }
    if (!ph_state_follows(&at->tip, head)) {
        *why = "state: the commit does not follow the newest one";
        return PH_ERR_UNTRUSTED;
    }
    return put(heads, &head->phat, head, hash);
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
