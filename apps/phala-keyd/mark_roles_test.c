/* What workers of a cluster tell each other about storage, and what one keeps on its disk: asked of
 * the roles as phalad asks them. */

#include "mark_roles.h"
#include "marks_file.h"
#include "test_roles.h"

#include "base/own.h"

static struct keyd a, b, stranger;
static struct ph_buf kept; /* a copy of an answer */

static void begin(void)
{
    kept = PH_BUF(KEYD_DATAGRAM_MAX);
    keyd_begin(&a, NULL);
    keyd_begin(&b, &a);
    keyd_begin(&stranger, NULL);
}

static void end(void)
{
    keyd_end(&a);
    keyd_end(&b);
    keyd_end(&stranger);
    ph_buf_clear(&reply);
    ph_buf_clear(&kept);
}

static void know(struct keyd *keyd, unsigned cnt, uint64_t index, uint8_t history)
{
    for (unsigned i = 0; i < cnt; i++) {
        struct head_mark m = {
            .phat = {{(uint8_t)(i >> 8), (uint8_t)i}}, .index = index, .key_epoch = 1};
        memset(m.hash.b, history, sizeof(m.hash.b));
        CHECK(heads_merge(&keyd->heads, &m) == PH_OK);
    }
}

static uint64_t knows(const struct keyd *keyd, unsigned n)
{
    const struct ph_phat_id phat = {{(uint8_t)(n >> 8), (uint8_t)n}};
    uint64_t index = 0;

    return heads_known(&keyd->heads, &phat, &index) ? index : 0;
}

static enum ph_err ask(struct keyd *keyd, uint8_t request[static MARKS_REQUEST_LEN])
{
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);
    struct ph_msg_MARKS_ASKING got;

    PH_TRY(keyd_send(keyd, ph_encode_MARKS_ASK(&out, 0, 1), &out));
    CHECK(ph_get_MARKS_ASKING(&frame, &got) == PH_OK && got.request.len == MARKS_REQUEST_LEN);
    memcpy(request, got.request.ptr, MARKS_REQUEST_LEN);
    return PH_OK;
}

/* The page is in `kept`. */
static enum ph_err give(struct keyd *keyd, const uint8_t request[static MARKS_REQUEST_LEN],
                        struct ph_bytes after, struct ph_msg_MARKS_PAGE *page)
{
    const struct ph_msg_MARKS_GIVE m = {.after = after, .request = {request, MARKS_REQUEST_LEN}};
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);

    PH_TRY(keyd_send(keyd, ph_encode_MARKS_GIVE(&out, 0, 1, &m), &out));
    ph_buf_clear(&kept);
    CHECK(ph_buf_add(&kept, ph_buf_view(&reply)) == PH_OK);
    CHECK(ph_ipc_decode(ph_buf_view(&kept), &frame) == PH_OK);
    CHECK(ph_get_MARKS_PAGE(&frame, page) == PH_OK);
    return PH_OK;
}

static enum ph_err take(struct keyd *keyd, struct ph_bytes page, struct ph_msg_MARKS_TAKEN *got)
{
    const struct ph_msg_MARKS_TAKE m = {.page = page};
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);

    PH_TRY(keyd_send(keyd, ph_encode_MARKS_TAKE(&out, 0, 1, &m), &out));
    CHECK(ph_get_MARKS_TAKEN(&frame, got) == PH_OK);
    return PH_OK;
}

TEST(what_one_worker_knows_another_one_of_its_cluster_takes_over)
{
    uint8_t request[MARKS_REQUEST_LEN], after[PH_MARKS_PLACE_LEN];
    struct ph_msg_MARKS_PAGE page;
    struct ph_msg_MARKS_TAKEN taken;

    begin();
    know(&a, 1000, 20, 7);
    know(&b, 10, 30, 8); /* newer, and of another history for all that this can tell */
    CHECK(ask(&b, request) == PH_OK);
    CHECK(give(&a, request, (struct ph_bytes){0}, &page) == PH_OK && page.last == 0);
    CHECK(take(&b, page.page, &taken) == PH_OK && taken.last == 0 && taken.forked.len == 0);
    memcpy(after, taken.next.ptr, sizeof(after));
    CHECK(give(&a, request, PH_BYTES_OF(after), &page) == PH_OK && page.last == 1);
    CHECK(take(&b, page.page, &taken) == PH_OK && taken.last == 1);
    CHECK(b.heads.cnt == 1000 && knows(&b, 9) == 30 && knows(&b, 10) == 20);
    CHECK(take(&b, page.page, &taken) == PH_ERR_CONFLICT); /* it is over */
    end();
}

TEST(nobody_else_is_told_or_believed)
{
    uint8_t request[MARKS_REQUEST_LEN], newer[MARKS_REQUEST_LEN], after[PH_MARKS_PLACE_LEN];
    struct ph_msg_MARKS_PAGE page;
    struct ph_msg_MARKS_TAKEN taken;

    begin();
    know(&a, 1000, 20, 7);
    CHECK(ask(&stranger, request) == PH_OK);
    CHECK(give(&a, request, (struct ph_bytes){0}, &page) == PH_ERR_UNTRUSTED &&
          strstr(why, "not asked by a worker of this cluster"));
    CHECK(ask(&b, request) == PH_OK);
    CHECK(give(&stranger, request, (struct ph_bytes){0}, &page) == PH_ERR_UNTRUSTED);
    CHECK(give(&b, request, (struct ph_bytes){0}, &page) == PH_ERR_UNTRUSTED &&
          strstr(why, "asked that itself"));
    request[40] ^= 1;
    CHECK(give(&a, request, (struct ph_bytes){0}, &page) == PH_ERR_UNTRUSTED);
    request[40] ^= 1;

    /* A page for an earlier question, and one that does not come next. */
    CHECK(give(&a, request, (struct ph_bytes){0}, &page) == PH_OK);
    CHECK(ask(&b, newer) == PH_OK);
    CHECK(take(&b, page.page, &taken) == PH_ERR_UNTRUSTED && b.heads.cnt == 0);
    CHECK(ask(&b, request) == PH_OK && give(&a, request, (struct ph_bytes){0}, &page) == PH_OK);
    memcpy(after, page.next.ptr, sizeof(after));
    CHECK(give(&a, request, PH_BYTES_OF(after), &page) == PH_OK);
    CHECK(take(&b, page.page, &taken) == PH_ERR_UNTRUSTED && strstr(why, "a page is missing"));
    CHECK(take(&b, page.page, &taken) == PH_ERR_CONFLICT); /* and the answer is over */
    CHECK(b.heads.cnt == 0);
    end();
}

TEST(a_fork_is_named_and_its_state_opens_no_more)
{
    uint8_t request[MARKS_REQUEST_LEN];
    struct ph_msg_MARKS_PAGE page;
    struct ph_msg_MARKS_TAKEN taken;

    begin();
    know(&a, 2, 20, 7);
    know(&b, 1, 20, 8);
    CHECK(ask(&b, request) == PH_OK && give(&a, request, (struct ph_bytes){0}, &page) == PH_OK);
    CHECK(take(&b, page.page, &taken) == PH_OK && taken.last == 1);
    CHECK(ph_bytes_equal(taken.forked, ph_bytes_str("state: of phat "
                                                    "0000000000000000000000000000000000000000 "
                                                    "another worker of the cluster knows another "
                                                    "commit 20 than this one: its history was "
                                                    "forked")));
    CHECK(knows(&b, 1) == 20);
    end();
}

TEST(a_worker_that_was_given_its_keys_does_nothing_before_it_was_told)
{
    const struct ph_msg_SIGN_BATCH batch = {.count = 1};
    const struct ph_msg_MARKS_SAVE save = {{0}};
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);
    uint8_t request[MARKS_REQUEST_LEN];
    struct ph_msg_MARKS_PAGE page;
    struct ph_msg_MARKS_TAKEN taken;

    begin();
    b.marks.due = true;
    CHECK(keyd_send(&b, ph_encode_SIGN_BATCH(&out, 0, 1, &batch), &out) == PH_ERR_CONFLICT &&
          strstr(why, "the hand-over is not over"));
    CHECK(keyd_send(&b, ph_encode_MARKS_SAVE(&out, 0, 1, &save), &out) == PH_ERR_CONFLICT);
    CHECK(keyd_send(&b, ph_encode_KEYD_INFO(&out, 0, 1), &out) == PH_OK);
    CHECK(ask(&a, request) == PH_OK && give(&b, request, (struct ph_bytes){0}, &page) != PH_OK);
    CHECK(ask(&b, request) == PH_OK && give(&a, request, (struct ph_bytes){0}, &page) == PH_OK);
    CHECK(take(&b, page.page, &taken) == PH_OK && taken.last == 1);
    CHECK(keyd_send(&b, ph_encode_SIGN_BATCH(&out, 0, 1, &batch), &out) == PH_OK);
    /* There is nothing to keep, and yet a file: that it goes is to be seen. */
    CHECK(keyd_send(&b, ph_encode_MARKS_SAVE(&out, 0, 1, &save), &out) == PH_OK);
    CHECK(keyd_send(&a, ph_encode_MARKS_SAVE(&out, 0, 1, &save), &out) == PH_ERR_NOT_FOUND);
    end();
}

/* All pages as the file has them; the state file's bytes, if it is to be written. */
static void save_file(struct keyd *keyd, struct ph_buf *file, struct ph_buf *state)
{
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);
    struct ph_msg_MARKS_SAVE m = {{0}};
    struct ph_msg_MARKS_PAGE page = {0};
    struct ph_msg_MARKS_NOTED noted;
    uint8_t after[PH_MARKS_PLACE_LEN], len[4];

    do {
        CHECK(keyd_send(keyd, ph_encode_MARKS_SAVE(&out, 0, 1, &m), &out) == PH_OK);
        CHECK(ph_get_MARKS_PAGE(&frame, &page) == PH_OK);
        ph_put_u32be(len, (uint32_t)page.page.len);
        CHECK(ph_buf_add(file, PH_BYTES_OF(len)) == PH_OK && ph_buf_add(file, page.page) == PH_OK);
        memcpy(after, page.next.ptr, sizeof(after));
        m.after = PH_BYTES_OF(after);
        if (!page.last)
            CHECK(keyd_send(keyd, ph_encode_MARKS_SAVED(&out, 0, 1), &out) == PH_ERR_CONFLICT);
    } while (!page.last);
    CHECK(keyd_send(keyd, ph_encode_MARKS_SAVED(&out, 0, 1), &out) == PH_OK);
    CHECK(ph_get_MARKS_NOTED(&frame, &noted) == PH_OK && ph_buf_add(state, noted.state) == PH_OK);
}

/* The same worker, started again; it knows nothing, and of the file what its state file says. */
static void restart(struct keyd *keyd)
{
    heads_clear(&keyd->heads);
    floors_clear(&keyd->ring.floors);
    keyd->heads = (struct heads){0};
    keyd->marks = (struct mark_keeper){0};
}

TEST(the_file_comes_back_after_a_restart_whole_of_this_worker_and_not_older)
{
    struct ph_buf file PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20),
                       later PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20),
                       names PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    const struct ph_msg_MARKS_SAVE save = {{0}};
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);
    const struct ph_phat_id phat = {{9}};
    char says[PROVIDER_WHY_LEN];
    bool changed;

    begin();
    know(&a, 900, 4, 7);
    CHECK(floors_raise(&a.ring.floors, &phat, 3, false, &changed) == PH_OK);
    save_file(&a, &file, &names);
    CHECK(names.len > 0 && a.ring.marks == 1); /* the state file is to name it */
    ph_buf_clear(&names);
    CHECK(keyd_send(&a, ph_encode_MARKS_SAVE(&out, 0, 1, &save), &out) == PH_ERR_NOT_FOUND);
    know(&a, 1, 5, 7);
    save_file(&a, &later, &names);
    CHECK(names.len == 0 && a.ring.marks == 2);

    restart(&a);
    CHECK(marks_file_open(&a, ph_buf_view(&later), says) == PH_OK && a.ring.marks == 2);
    CHECK(a.heads.cnt == 900 && knows(&a, 0) == 5 && knows(&a, 899) == 4);
    CHECK(floors_judge(&a.ring.floors, &phat, 2, why) == PH_ERR_UNTRUSTED);
    CHECK(keyd_send(&a, ph_encode_MARKS_SAVE(&out, 0, 1, &save), &out) == PH_ERR_NOT_FOUND);

    restart(&a);
    CHECK(marks_file_open(&a, ph_buf_view(&file), says) == PH_ERR_UNTRUSTED &&
          strstr(says, "generation 1, but the state file knows 2"));
    for (size_t len = 0; len < later.len; len += 1 + len / 20)
        CHECK(marks_file_open(&a, (struct ph_bytes){later.ptr, len}, says) != PH_OK);
    for (size_t at = 0; at < later.len; at += 1 + at / 20) {
        later.ptr[at] ^= 1;
        CHECK(marks_file_open(&a, ph_buf_view(&later), says) != PH_OK);
        later.ptr[at] ^= 1;
    }
    CHECK(ph_buf_add_str(&later, "x") == PH_OK);
    CHECK(marks_file_open(&a, ph_buf_view(&later), says) == PH_ERR_MALFORMED);
    later.len--;
    CHECK(marks_file_open(&b, ph_buf_view(&later), says) == PH_ERR_UNTRUSTED); /* its machine */
    memcpy(stranger.ring.secrets->sealing, a.ring.secrets->sealing, 32);
    CHECK(marks_file_open(&stranger, ph_buf_view(&later), says) == PH_ERR_UNTRUSTED);
    CHECK(a.heads.cnt == 0 && b.heads.cnt == 0 && a.ring.floors.cnt == 0);
    end();
}

TEST(the_state_file_names_the_generation_of_the_marks)
{
    uint8_t raw[KEYRING_BYTES_MAX];
    struct keyring again;
    const struct ph_phat_id phat = {{9}};
    bool changed;

    begin();
    a.ring.marks = 77;
    for (int with_floors = 0; with_floors < 2; with_floors++) {
        const size_t len = keyring_encode(&a.ring, &a.ring.secrets->cluster, raw);
        CHECK(keyring_init(&again) == PH_OK);
        CHECK(keyring_decode(&again, (struct ph_bytes){raw, len}) == PH_OK);
        CHECK(again.marks == 77 && again.floors.cnt == (size_t)with_floors);
        keyring_clear(&again);
        for (size_t cut = 32; cut < len; cut++) {
            CHECK(keyring_init(&again) == PH_OK);
            CHECK(keyring_decode(&again, (struct ph_bytes){raw, cut}) == PH_ERR_MALFORMED);
            keyring_clear(&again);
        }
        CHECK(floors_raise(&a.ring.floors, &phat, 3, false, &changed) == PH_OK);
    }
    end();
}

PH_TEST_MAIN(CASE(what_one_worker_knows_another_one_of_its_cluster_takes_over),
             CASE(nobody_else_is_told_or_believed),
             CASE(a_fork_is_named_and_its_state_opens_no_more),
             CASE(a_worker_that_was_given_its_keys_does_nothing_before_it_was_told),
             CASE(the_file_comes_back_after_a_restart_whole_of_this_worker_and_not_older),
             CASE(the_state_file_names_the_generation_of_the_marks))
