#include "marks.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEAD = 1, FLOOR = 2 };

static const uint8_t magic[8] = "PHMARKS1";

static_assert((size_t)MARKS_PAGE_MAX <= (size_t)PH_MARKS_PAGE_MAX &&
                  (size_t)MARKS_PAGES_MAX <= (size_t)PH_MARKS_PAGES_MAX,
              "who carries them has less room");

/* --- entries --------------------------------------------------------------------------------- */

/* One entry of a page; of `head` and `floor` the one that its kind says. */
struct entry {
    struct mark_place place; /* kind || phat */
    struct head_mark head;
    struct floor floor;
};

static struct mark_place place_of(uint8_t kind, const struct ph_phat_id *phat)
{
    struct mark_place place = {{kind}};

    memcpy(place.b + 1, phat->b, sizeof(phat->b));
    return place;
}

static enum ph_err put_head(const struct head_mark *m, struct ph_buf *out)
{
    uint8_t raw[MARK_HEAD_LEN] = {HEAD};

    memcpy(raw + 1, m->phat.b, 20);
    ph_put_u64be(raw + 21, m->index);
    ph_put_u32be(raw + 29, m->key_epoch);
    ph_put_u32be(raw + 33, m->older_epoch);
    memcpy(raw + 37, m->hash.b, 32);
    return ph_buf_add(out, PH_BYTES_OF(raw));
}

static enum ph_err put_floor(const struct floor *f, struct ph_buf *out)
{
    uint8_t raw[MARK_FLOOR_LEN] = {FLOOR};

    memcpy(raw + 1, f->phat.b, 20);
    ph_put_u64be(raw + 21, f->sequence);
    raw[29] = f->gone;
    return ph_buf_add(out, PH_BYTES_OF(raw));
}

/* Where a list of this kind goes on: NULL, its beginning. */
static const struct ph_phat_id *phat_after(const struct mark_place *from, uint8_t kind,
                                           struct ph_phat_id *phat)
{
    if (from->b[0] != kind)
        return NULL;
    memcpy(phat->b, from->b + 1, sizeof(phat->b));
    return phat;
}

/* What one page can hold, before it is encoded. */
union marks {
    struct head_mark head[MARKS_PER_PAGE];
    struct floor floor[MARKS_PER_PAGE];
};

static enum ph_err add_heads(const struct heads *heads, const struct mark_place *from,
                             union marks *marks, struct ph_buf *out, struct mark_place *next,
                             size_t *cnt)
{
    struct ph_phat_id phat;

    *cnt = heads_list(heads, phat_after(from, HEAD, &phat), marks->head, MARKS_PER_PAGE);
    for (size_t i = 0; i < *cnt; i++) {
        PH_TRY(put_head(&marks->head[i], out));
        *next = place_of(HEAD, &marks->head[i].phat);
    }
    return PH_OK;
}

/* At most `room`; *cnt are added. */
static enum ph_err add_floors(const struct floors *floors, const struct mark_place *from,
                              size_t room, union marks *marks, struct ph_buf *out,
                              struct mark_place *next, size_t *cnt)
{
    struct ph_phat_id phat;
    const size_t n = floors_list(floors, phat_after(from, FLOOR, &phat), marks->floor, room);

    for (size_t i = 0; i < n; i++) {
        PH_TRY(put_floor(&marks->floor[i], out));
        *next = place_of(FLOOR, &marks->floor[i].phat);
    }
    *cnt += n;
    return PH_OK;
}

enum ph_err marks_encode(const struct heads *heads, const struct floors *floors,
                         const struct mark_place *from, struct ph_buf *out, struct mark_place *next,
                         bool *more)
{
    union marks *marks PH_OWNED(ph_freep) = malloc(sizeof(*marks));
    struct mark_place end = *from;
    size_t cnt = 0;

    if (!marks)
        return PH_ERR_NOMEM;
    if (from->b[0] <= HEAD)
        PH_TRY(add_heads(heads, from, marks, out, &end, &cnt));
    PH_TRY(add_floors(floors, from, MARKS_PER_PAGE - cnt, marks, out, &end, &cnt));
    *more = cnt == MARKS_PER_PAGE;
    *next = end;
    return PH_OK;
}

static bool read_head(struct ph_reader *r, struct head_mark *m)
{
    return ph_read_u64be(r, &m->index) && m->index > 0 && ph_read_u32be(r, &m->key_epoch) &&
           m->key_epoch > 0 && ph_read_u32be(r, &m->older_epoch) && m->older_epoch < m->key_epoch &&
           ph_read_copy(r, m->hash.b, sizeof(m->hash.b));
}

static bool read_floor(struct ph_reader *r, struct floor *f)
{
    uint8_t gone;

    if (!ph_read_u64be(r, &f->sequence) || !ph_read_u8(r, &gone) || gone > 1)
        return false;
    f->gone = gone;
    return true;
}

static bool read_entry(struct ph_reader *r, struct entry *e)
{
    if (!ph_read_copy(r, e->place.b, sizeof(e->place.b)))
        return false;
    memcpy(e->head.phat.b, e->place.b + 1, 20);
    memcpy(e->floor.phat.b, e->place.b + 1, 20);
    return (e->place.b[0] == HEAD && read_head(r, &e->head)) ||
           (e->place.b[0] == FLOOR && read_floor(r, &e->floor));
}

/* Are they entries, ascending from there, and how does it end? */
static bool check_entries(const struct mark_place *from, struct ph_bytes entries,
                          struct mark_place *end)
{
    struct ph_reader r = {entries};
    struct entry e;

    *end = *from;
    while (r.rest.len > 0) {
        if (!read_entry(&r, &e) || memcmp(e.place.b, end->b, sizeof(end->b)) <= 0)
            return false;
        *end = e.place;
    }
    return true;
}

static void say_forked(const struct head_mark *m, char why[static MARKS_WHY_LEN])
{
    char phat[41];

    ph_hex_encode(PH_BYTES_OF(m->phat.b), phat);
    (void)snprintf(why, MARKS_WHY_LEN,
                   "state: of phat %s another worker of the cluster knows another commit %llu than "
                   "this one: its history was forked",
                   phat, (unsigned long long)m->index);
}

static enum ph_err merge_one(struct heads *heads, struct floors *floors, const struct entry *e,
                             char why[static MARKS_WHY_LEN])
{
    enum ph_err err;

    if (e->place.b[0] == HEAD) {
        err = heads_merge(heads, &e->head);
        if (err != PH_ERR_UNTRUSTED)
            return err;
        say_forked(&e->head, why);
        return PH_OK;
    }
    err = floors_merge(floors, &e->floor);
    /* Deletions are forgotten first: there is no room for one when all others are sets. */
    return err == PH_ERR_LIMIT && e->floor.gone ? PH_OK : err;
}

enum ph_err marks_merge(struct heads *heads, struct floors *floors, const struct mark_place *from,
                        struct ph_bytes entries, struct mark_place *next,
                        char why[static MARKS_WHY_LEN])
{
    struct ph_reader r = {entries};
    struct mark_place end;
    struct entry e;

    why[0] = '\0';
    if (entries.len > MARKS_PLAIN_MAX || !check_entries(from, entries, &end)) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: entries do not fit, or do not ascend");
        return PH_ERR_MALFORMED;
    }
    while (r.rest.len > 0 && read_entry(&r, &e)) {
        const enum ph_err err = merge_one(heads, floors, &e, why);
        if (err != PH_OK) {
            (void)snprintf(why, MARKS_WHY_LEN,
                           "marks: this worker cannot remember more states or secrets");
            return err;
        }
    }
    *next = end;
    return PH_OK;
}

/* --- pages ----------------------------------------------------------------------------------- */

static void head_encode(const struct marks_head *head, uint8_t out[static MARKS_HEAD_LEN])
{
    memcpy(out, magic, sizeof(magic));
    out[8] = head->sealed_by;
    ph_put_u64be(out + 9, head->generation);
    memcpy(out + 17, head->from.b, sizeof(head->from.b));
    out[17 + MARK_PLACE_LEN] = head->last;
}

enum ph_err marks_head_parse(struct ph_bytes page, struct marks_head *out, struct ph_bytes *sealed)
{
    struct ph_reader r = {page};
    struct marks_head got;
    struct ph_bytes begin;
    uint8_t last;

    if (page.len > MARKS_PAGE_MAX || !ph_read_view(&r, sizeof(magic), &begin) ||
        !ph_bytes_equal(begin, PH_BYTES_OF(magic)) || !ph_read_u8(&r, &got.sealed_by) ||
        !ph_read_u64be(&r, &got.generation) || !ph_read_copy(&r, got.from.b, sizeof(got.from.b)) ||
        !ph_read_u8(&r, &last) || last > 1 || r.rest.len < PH_GCM_NONCE_LEN + PH_GCM_TAG_LEN)
        return PH_ERR_MALFORMED;
    got.last = last;
    *out = got;
    *sealed = r.rest;
    return PH_OK;
}

enum ph_err marks_seal(const struct heads *heads, const struct floors *floors,
                       const uint8_t key[static 32], struct marks_head *head,
                       struct mark_place *next, struct ph_buf *out)
{
    struct ph_buf plain PH_OWNED(ph_buf_clear) = PH_BUF(MARKS_PLAIN_MAX);
    struct mark_place end;
    uint8_t *at;
    bool more;

    PH_TRY(marks_encode(heads, floors, &head->from, &plain, &end, &more));
    const size_t len = MARKS_PAGE_MIN + plain.len;
    PH_TRY(ph_buf_reserve(out, len, &at));
    head->last = !more;
    head_encode(head, at);
    ph_random(at + MARKS_HEAD_LEN, PH_GCM_NONCE_LEN);
    PH_TRY(ph_aes256gcm_seal(key, at + MARKS_HEAD_LEN, (struct ph_bytes){at, MARKS_HEAD_LEN},
                             ph_buf_view(&plain), at + MARKS_HEAD_LEN + PH_GCM_NONCE_LEN));
    out->len += len;
    *next = end;
    return PH_OK;
}

/* Is it this page? */
static enum ph_err check_head(const struct marks_head *got, const struct marks_head *want,
                              char why[static MARKS_WHY_LEN])
{
    if (got->sealed_by != want->sealed_by) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: sealed by another kind of provider");
        return PH_ERR_UNSUPPORTED;
    }
    if (got->generation != want->generation ||
        memcmp(got->from.b, want->from.b, sizeof(want->from.b)) != 0) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: a page is missing, or not of these");
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

enum ph_err marks_open(struct heads *heads, struct floors *floors, const uint8_t key[static 32],
                       const struct marks_head *want, struct ph_bytes page, bool *last,
                       struct mark_place *next, char why[static MARKS_WHY_LEN])
{
    struct ph_buf plain PH_OWNED(ph_buf_clear) = PH_BUF(MARKS_PLAIN_MAX + 1);
    struct marks_head head;
    struct mark_place end;
    struct ph_bytes sealed;
    uint8_t *at;

    if (marks_head_parse(page, &head, &sealed) != PH_OK) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: not a page of them");
        return PH_ERR_MALFORMED;
    }
    PH_TRY(check_head(&head, want, why));
    const size_t len = sealed.len - PH_GCM_NONCE_LEN - PH_GCM_TAG_LEN;
    (void)snprintf(why, MARKS_WHY_LEN, "marks: no memory");
    PH_TRY(ph_buf_reserve(&plain, len + 1, &at)); /* also for nothing there is a place */
    const struct ph_bytes aad = {page.ptr, MARKS_HEAD_LEN};
    const struct ph_bytes body = {sealed.ptr + PH_GCM_NONCE_LEN, sealed.len - PH_GCM_NONCE_LEN};
    const enum ph_err err = ph_aes256gcm_open(key, sealed.ptr, aad, body, at);
    if (err != PH_OK) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: sealed with another key, or altered");
        return err;
    }
    PH_TRY(marks_merge(heads, floors, &head.from, (struct ph_bytes){at, len}, &end, why));
    if (!head.last && memcmp(end.b, head.from.b, sizeof(end.b)) == 0) {
        (void)snprintf(why, MARKS_WHY_LEN, "marks: a page without entries is not the last");
        return PH_ERR_MALFORMED;
    }
    *last = head.last;
    *next = end;
    return PH_OK;
}
