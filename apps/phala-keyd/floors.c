#include "floors.h"

#include "least.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void floors_clear(struct floors *floors)
{
    free(floors->at);
    *floors = (struct floors){0};
}

static struct floor *find(const struct floors *floors, const struct ph_phat_id *phat)
{
    for (size_t i = 0; i < floors->cnt; i++)
        if (memcmp(floors->at[i].phat.b, phat->b, sizeof(phat->b)) == 0)
            return &floors->at[i];
    return NULL;
}

enum ph_err floors_judge(const struct floors *floors, const struct ph_phat_id *phat,
                         uint64_t sequence, char why[static FLOORS_WHY_LEN])
{
    const struct floor *at = find(floors, phat);

    if (at && sequence < at->sequence) {
        (void)snprintf(why, FLOORS_WHY_LEN,
                       "secrets: storage shows the set of sequence %llu, but %s %llu is known: it "
                       "was rolled back",
                       (unsigned long long)sequence,
                       at->gone ? "the deletion of sequence" : "that of sequence",
                       (unsigned long long)at->sequence);
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

/* The deleted phat that was deleted first. */
static struct floor *oldest_gone(const struct floors *floors)
{
    struct floor *oldest = NULL;

    for (size_t i = 0; i < floors->cnt; i++)
        if (floors->at[i].gone && (!oldest || floors->at[i].sequence < oldest->sequence))
            oldest = &floors->at[i];
    return oldest;
}

static enum ph_err room(struct floors *floors, struct floor **out)
{
    if (floors->cnt == FLOORS_MAX) {
        *out = oldest_gone(floors);
        return *out ? PH_OK : PH_ERR_LIMIT;
    }
    if (floors->cnt == floors->cap) {
        const size_t cap = floors->cap ? 2 * floors->cap : 16;
        struct floor *more = realloc(floors->at, cap * sizeof(*more));
        if (!more)
            return PH_ERR_NOMEM;
        floors->at = more;
        floors->cap = cap;
    }
    *out = &floors->at[floors->cnt++];
    return PH_OK;
}

enum ph_err floors_raise(struct floors *floors, const struct ph_phat_id *phat, uint64_t sequence,
                         bool gone, bool *changed)
{
    struct floor *at = find(floors, phat);

    *changed = false;
    if (at ? sequence <= at->sequence : gone)
        return PH_OK;
    if (!at)
        PH_TRY(room(floors, &at));
    *at = (struct floor){.phat = *phat, .sequence = sequence, .gone = gone};
    floors->changes++;
    *changed = true;
    return PH_OK;
}

enum ph_err floors_merge(struct floors *floors, const struct floor *mark)
{
    struct floor *at = find(floors, &mark->phat);

    if (at && mark->sequence <= at->sequence)
        return PH_OK;
    if (!at)
        PH_TRY(room(floors, &at));
    *at = *mark;
    floors->changes++;
    return PH_OK;
}

size_t floors_list(const struct floors *floors, const struct ph_phat_id *after, struct floor *out,
                   size_t cap)
{
    struct least least = {.at = out, .size = sizeof(*out), .cap = cap};

    for (size_t i = 0; i < floors->cnt; i++)
        if (!after || memcmp(floors->at[i].phat.b, after->b, sizeof(after->b)) > 0)
            least_add(&least, &floors->at[i]);
    least_sort(&least);
    return least.cnt;
}

size_t floors_encode(const struct floors *floors, uint8_t out[static FLOORS_BYTES_MAX])
{
    uint8_t *p = out + 2;

    out[0] = (uint8_t)(floors->cnt >> 8);
    out[1] = (uint8_t)floors->cnt;
    for (size_t i = 0; i < floors->cnt; i++, p += FLOOR_LEN) {
        memcpy(p, floors->at[i].phat.b, 20);
        ph_put_u64be(p + 20, floors->at[i].sequence);
        p[28] = floors->at[i].gone;
    }
    return (size_t)(p - out);
}

static enum ph_err read_one(struct ph_reader *r, struct floors *into)
{
    struct floor got;
    uint8_t gone;
    struct floor *at;

    if (!ph_read_copy(r, got.phat.b, sizeof(got.phat.b)) || !ph_read_u64be(r, &got.sequence) ||
        !ph_read_u8(r, &gone) || gone > 1 || find(into, &got.phat))
        return PH_ERR_MALFORMED;
    got.gone = gone;
    PH_TRY(room(into, &at));
    *at = got;
    return PH_OK;
}

enum ph_err floors_decode(struct ph_bytes raw, struct floors *out)
{
    struct ph_reader r = {raw};
    struct floors got = {0};
    enum ph_err err = PH_OK;
    uint16_t cnt;

    if (!ph_read_u16be(&r, &cnt) || cnt > FLOORS_MAX || r.rest.len != (size_t)cnt * FLOOR_LEN)
        return PH_ERR_MALFORMED;
    for (uint16_t i = 0; err == PH_OK && i < cnt; i++)
        err = read_one(&r, &got);
    if (err != PH_OK) {
        floors_clear(&got);
        return err;
    }
    *out = got;
    return PH_OK;
}
