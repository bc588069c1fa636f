/* Pages of what storage is held against: whole, in order, sealed, or refused; and what wins. */

#include "least.h"
#include "marks.h"

#include "base/own.h"
#include "base/test.h"

static const uint8_t key[32] = {1, 2, 3};
static struct heads heads, taken_heads;
static struct floors floors, taken_floors;
static char why[MARKS_WHY_LEN];

static struct ph_phat_id phat_of(unsigned n)
{
    return (struct ph_phat_id){{(uint8_t)(n * 37), (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct head_mark mark_of(unsigned n, uint64_t index, uint8_t history)
{
    struct head_mark m = {.phat = phat_of(n), .index = index, .key_epoch = 2, .older_epoch = n & 1};

    memset(m.hash.b, history, sizeof(m.hash.b));
    return m;
}

static void know(unsigned head_cnt, unsigned floor_cnt)
{
    bool changed;

    for (unsigned i = 0; i < head_cnt; i++) {
        const struct head_mark m = mark_of(i, i + 1, 7);
        CHECK(heads_merge(&heads, &m) == PH_OK);
    }
    for (unsigned i = 0; i < floor_cnt; i++) {
        const struct ph_phat_id phat = phat_of(i);
        CHECK(floors_raise(&floors, &phat, i + 5, false, &changed) == PH_OK);
    }
}

static void forget(void)
{
    heads_clear(&heads);
    heads_clear(&taken_heads);
    floors_clear(&floors);
    floors_clear(&taken_floors);
}

static struct ph_buf page_after(const struct mark_place *from, struct mark_place *next, bool *last)
{
    struct marks_head head = {.generation = 9, .sealed_by = 1, .from = *from};
    struct ph_buf page = PH_BUF(MARKS_PAGE_MAX);

    CHECK(marks_seal(&heads, &floors, key, &head, next, &page) == PH_OK);
    *last = head.last;
    return page;
}

static enum ph_err take(const struct mark_place *from, struct ph_bytes page, bool *last,
                        struct mark_place *next)
{
    const struct marks_head want = {.generation = 9, .sealed_by = 1, .from = *from};

    return marks_open(&taken_heads, &taken_floors, key, &want, page, last, next, why);
}

/* All of it, page by page; how many they were. */
static unsigned carry(void)
{
    struct mark_place from = {{0}}, next;
    bool last = false, said = false;
    unsigned cnt = 0;

    for (; !last; cnt++) {
        struct ph_buf page PH_OWNED(ph_buf_clear) = page_after(&from, &next, &said);
        CHECK(take(&from, ph_buf_view(&page), &last, &from) == PH_OK && why[0] == '\0');
        CHECK(memcmp(from.b, next.b, sizeof(next.b)) == 0 && last == said);
    }
    return cnt;
}

TEST(the_least_of_many_come_in_order)
{
    struct ph_phat_id kept[10];
    struct least least = {.at = kept, .size = sizeof(kept[0]), .cap = 10};

    for (unsigned i = 0; i < 500; i++) {
        const unsigned n = i * 7 % 500; /* each once */
        const struct ph_phat_id phat = {{(uint8_t)(n >> 8), (uint8_t)n}};
        least_add(&least, &phat);
    }
    least_sort(&least);
    CHECK(least.cnt == 10);
    for (unsigned i = 0; i < 10; i++)
        CHECK(kept[i].b[0] == 0 && kept[i].b[1] == i);
    least = (struct least){.at = kept, .size = sizeof(kept[0]), .cap = 0};
    least_add(&least, &kept[0]);
    least_sort(&least);
    CHECK(least.cnt == 0);
}

TEST(all_that_is_known_arrives_in_bounded_pages)
{
    static const struct {
        unsigned heads, floors, pages;
    } cases[] = {{0, 0, 1},   {1, 0, 1},   {0, 1, 1},    {799, 0, 1},    {800, 0, 2},
                 {801, 0, 2}, {799, 1, 2}, {2500, 0, 4}, {2500, 2000, 6}};

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        know(cases[i].heads, cases[i].floors);
        CHECK(carry() == cases[i].pages);
        CHECK(taken_heads.cnt == cases[i].heads && taken_floors.cnt == cases[i].floors);
        for (unsigned n = 0; n < cases[i].heads; n++) {
            const struct ph_phat_id phat = phat_of(n);
            uint64_t index = 0;
            CHECK(heads_known(&taken_heads, &phat, &index) && index == n + 1);
        }
        for (unsigned n = 0; n < cases[i].floors; n++) {
            const struct ph_phat_id phat = phat_of(n);
            CHECK(floors_judge(&taken_floors, &phat, n + 5, why) == PH_OK);
            CHECK(floors_judge(&taken_floors, &phat, n + 4, why) == PH_ERR_UNTRUSTED);
        }
        CHECK(heads_refer(&taken_heads, 2) == (cases[i].heads > 1)); /* epochs come along */
        forget();
    }
}

TEST(a_page_is_taken_whole_and_in_its_place_or_not_at_all)
{
    struct mark_place start = {{0}}, second, next;
    bool last;

    know(1000, 3);
    struct ph_buf one PH_OWNED(ph_buf_clear) = page_after(&start, &second, &last);
    CHECK(one.len == MARKS_PAGE_MAX && !last);
    struct ph_buf two PH_OWNED(ph_buf_clear) = page_after(&second, &next, &last);
    CHECK(last);
    for (size_t len = 0; len < two.len; len += 1 + len / 40) {
        const enum ph_err err = take(&second, (struct ph_bytes){two.ptr, len}, &last, &next);
        CHECK(err == PH_ERR_MALFORMED || err == PH_ERR_UNTRUSTED);
    }
    for (size_t at = 0; at < two.len; at += 1 + at / 40) {
        two.ptr[at] ^= 1;
        CHECK(take(&second, ph_buf_view(&two), &last, &next) != PH_OK && why[0] != '\0');
        two.ptr[at] ^= 1;
    }
    CHECK(take(&start, ph_buf_view(&two), &last, &next) == PH_ERR_UNTRUSTED &&
          strstr(why, "a page is missing"));
    struct marks_head want = {.generation = 8, .sealed_by = 1, .from = second};
    CHECK(marks_open(&taken_heads, &taken_floors, key, &want, ph_buf_view(&two), &last, &next,
                     why) == PH_ERR_UNTRUSTED);
    want = (struct marks_head){.generation = 9, .sealed_by = 2, .from = second};
    CHECK(marks_open(&taken_heads, &taken_floors, key, &want, ph_buf_view(&two), &last, &next,
                     why) == PH_ERR_UNSUPPORTED);
    CHECK(taken_heads.cnt == 0 && taken_floors.cnt == 0);
    CHECK(take(&second, ph_buf_view(&two), &last, &next) == PH_OK && last);
    forget();
}

/* Entries that are one `raw`, or two. */
static enum ph_err merge(const uint8_t *raw, size_t len)
{
    const struct mark_place start = {{0}};
    struct mark_place next;

    return marks_merge(&taken_heads, &taken_floors, &start, (struct ph_bytes){raw, len}, &next,
                       why);
}

TEST(entries_that_cannot_be_are_refused_and_nothing_of_their_page_is_taken)
{
    uint8_t raw[2 * MARK_HEAD_LEN] = {1, [21 + 7] = 5, [29 + 3] = 2, [33 + 3] = 1};
    uint8_t *second = raw + MARK_HEAD_LEN;

    memcpy(second, raw, MARK_HEAD_LEN);
    second[1] = 1;
    CHECK(merge(raw, sizeof(raw)) == PH_OK && taken_heads.cnt == 2);
    heads_clear(&taken_heads);
    second[1] = 0; /* the same phat twice */
    CHECK(merge(raw, sizeof(raw)) == PH_ERR_MALFORMED);
    second[1] = 1;
    const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{0, 0}, {0, 3}, {21 + 7, 0}, {29 + 3, 0}, {29 + 3, 1}, {33 + 3, 2}};
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        const uint8_t kept = second[bad[i].at];
        second[bad[i].at] = bad[i].value;
        CHECK(merge(raw, sizeof(raw)) == PH_ERR_MALFORMED);
        second[bad[i].at] = kept;
    }
    for (size_t len = MARK_HEAD_LEN + 1; len < sizeof(raw); len++)
        CHECK(merge(raw, len) == PH_ERR_MALFORMED);
    uint8_t floor[MARK_FLOOR_LEN] = {2, [29] = 2};
    CHECK(merge(floor, sizeof(floor)) == PH_ERR_MALFORMED);
    CHECK(taken_heads.cnt == 0 && taken_floors.cnt == 0);
    floor[29] = 1;
    CHECK(merge(floor, sizeof(floor)) == PH_OK && taken_floors.cnt == 1);
    forget();
}

TEST(the_higher_index_wins_and_another_commit_of_the_same_one_is_a_fork)
{
    const struct ph_phat_id phat = phat_of(1);
    struct head_mark m = mark_of(1, 5, 7);
    struct ph_state_head head = {.phat = phat, .index = 5, .key_epoch = 2};
    struct ph_hash32 hash = m.hash;
    const char *says = "";
    uint64_t index;

    CHECK(heads_merge(&heads, &m) == PH_OK && heads_merge(&heads, &m) == PH_OK);
    const uint64_t changes = heads.changes;
    m = mark_of(1, 4, 9);
    CHECK(heads_merge(&heads, &m) == PH_OK); /* older: of no interest */
    CHECK(heads_known(&heads, &phat, &index) && index == 5 && heads.changes == changes);
    CHECK(heads_open(&heads, &phat, &head, &hash, &says) == PH_OK);

    m = mark_of(1, 5, 9);
    CHECK(heads_merge(&heads, &m) == PH_ERR_UNTRUSTED);
    CHECK(heads_open(&heads, &phat, &head, &hash, &says) == PH_ERR_UNTRUSTED);
    CHECK(strstr(says, "another worker") && strstr(says, "forked"));
    head.index = 6;
    head.prev = hash;
    CHECK(heads_advance(&heads, &head, &hash, &says) == PH_ERR_UNTRUSTED && strstr(says, "forked"));

    m = mark_of(1, 8, 9);
    CHECK(heads_merge(&heads, &m) == PH_OK && heads_known(&heads, &phat, &index) && index == 8);
    head.index = 9;
    head.prev = m.hash;
    CHECK(heads_advance(&heads, &head, &hash, &says) == PH_OK);
    forget();
}

TEST(a_fork_of_one_state_is_named_and_the_others_are_taken)
{
    struct head_mark m = mark_of(1, 2, 9);
    uint64_t index;

    know(3, 0); /* of phat 1: index 2, history 7 */
    CHECK(heads_merge(&taken_heads, &m) == PH_OK);
    struct mark_place start = {{0}}, next;
    bool last;
    struct ph_buf page PH_OWNED(ph_buf_clear) = page_after(&start, &next, &last);
    CHECK(take(&start, ph_buf_view(&page), &last, &next) == PH_OK && last);
    CHECK(strstr(why, "phat 250001") && strstr(why, "another commit 2") && strstr(why, "forked"));
    for (unsigned n = 0; n < 3; n++) {
        const struct ph_phat_id phat = phat_of(n);
        CHECK(heads_known(&taken_heads, &phat, &index) && index == n + 1);
    }
    forget();
}

TEST(a_deletion_of_secrets_that_are_not_known_counts_and_lower_sequences_do_not)
{
    const struct ph_phat_id phat = phat_of(1);
    const struct floor gone = {.phat = phat, .sequence = 9, .gone = true},
                       older = {.phat = phat, .sequence = 8};

    CHECK(floors_merge(&floors, &gone) == PH_OK && floors_merge(&floors, &older) == PH_OK);
    CHECK(floors_judge(&floors, &phat, 8, why) == PH_ERR_UNTRUSTED && strstr(why, "deletion"));
    CHECK(floors_judge(&floors, &phat, 10, why) == PH_OK);
    forget();
}

PH_TEST_MAIN(CASE(the_least_of_many_come_in_order),
             CASE(all_that_is_known_arrives_in_bounded_pages),
             CASE(a_page_is_taken_whole_and_in_its_place_or_not_at_all),
             CASE(entries_that_cannot_be_are_refused_and_nothing_of_their_page_is_taken),
             CASE(the_higher_index_wins_and_another_commit_of_the_same_one_is_a_fork),
             CASE(a_fork_of_one_state_is_named_and_the_others_are_taken),
             CASE(a_deletion_of_secrets_that_are_not_known_counts_and_lower_sequences_do_not))
