#include "node/keyd_marks.h"

#include "node/keyd_client_priv.h"

#include <stdio.h>

/* PH_ERR_IO: phala-keyd says no place. */
static enum ph_err read_place(struct ph_bytes raw, struct ph_marks_place *out)
{
    if (raw.len != sizeof(out->b))
        return PH_ERR_IO;
    memcpy(out->b, raw.ptr, sizeof(out->b));
    out->len = sizeof(out->b);
    return PH_OK;
}

enum ph_err ph_keyd_marks_ask(struct ph_keyd_client *client,
                              uint8_t request[static PH_MARKS_REQUEST_LEN],
                              char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_MARKS_ASKING got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_MARKS_ASK(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_MARKS_ASKING(&q.frame, &got) != PH_OK || got.request.len != PH_MARKS_REQUEST_LEN)
        return ph_keyd_refusal(&q, why);
    memcpy(request, got.request.ptr, PH_MARKS_REQUEST_LEN);
    return PH_OK;
}

enum ph_err ph_keyd_marks_give(struct ph_keyd_client *client, struct ph_bytes request,
                               struct ph_bytes after, struct ph_buf *page,
                               char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_MARKS_GIVE m = {.after = after, .request = request};
    struct ph_msg_MARKS_PAGE got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(
        client, &q, ph_keyd_unless_stalled(client, ph_encode_MARKS_GIVE(&q.request, 0, q.id, &m)),
        NULL, 0, why));
    if (ph_get_MARKS_PAGE(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(page, got.page);
}

enum ph_err ph_keyd_marks_take(struct ph_keyd_client *client, struct ph_bytes page, bool *last,
                               struct ph_marks_place *next, char forked[static PH_KEYD_WHY_LEN],
                               char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_MARKS_TAKE m = {.page = page};
    struct ph_msg_MARKS_TAKEN got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_MARKS_TAKE(&q.request, 0, q.id, &m), NULL, 0,
                               why));
    if (ph_get_MARKS_TAKEN(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    PH_TRY(read_place(got.next, next));
    *last = got.last;
    (void)snprintf(forked, PH_KEYD_WHY_LEN, "%.*s", (int)got.forked.len,
                   got.forked.len > 0 ? (const char *)got.forked.ptr : "");
    return PH_OK;
}

enum ph_err ph_keyd_marks_save(struct ph_keyd_client *client, struct ph_marks_place *at, bool *last,
                               struct ph_buf *page, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_MARKS_SAVE m = {.after = {at->b, at->len}};
    struct ph_msg_MARKS_PAGE got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_keyd_ask_encoded(client, &q, ph_encode_MARKS_SAVE(&q.request, 0, q.id, &m), NULL, 0,
                               why));
    if (ph_get_MARKS_PAGE(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    PH_TRY(ph_buf_add(page, got.page));
    PH_TRY(read_place(got.next, at));
    *last = got.last;
    return PH_OK;
}

enum ph_err ph_keyd_marks_saved(struct ph_keyd_client *client, struct ph_buf *state,
                                char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_MARKS_NOTED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(
        ph_keyd_ask_encoded(client, &q, ph_encode_MARKS_SAVED(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_MARKS_NOTED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, why);
    return ph_buf_add(state, got.state);
}
