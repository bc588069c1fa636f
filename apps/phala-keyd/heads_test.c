/* What storage may show, and what gives it away. */

#include "heads.h"

#include "base/own.h"
#include "base/test.h"

static struct heads heads;
static const char *why;

static struct ph_phat_id phat_of(unsigned n)
{
    struct ph_phat_id phat = {{(uint8_t)(n >> 8), (uint8_t)n, 0, 1}};
    return phat;
}

/* Commit `index` of a history; its hash names both. */
static struct ph_hash32 hash_of(uint64_t index, uint8_t history)
{
    struct ph_hash32 hash = {{0}};
    if (index == 0)
        return hash;
    memset(hash.b, history, sizeof(hash.b));
    ph_put_u64le(hash.b, index);
    return hash;
}

static struct ph_state_head head_of(unsigned phat, uint64_t index, uint8_t history)
{
    return (struct ph_state_head){
        .phat = phat_of(phat), .index = index, .key_epoch = 1, .prev = hash_of(index - 1, history)};
}

static enum ph_err open_at(unsigned phat, uint64_t index, uint8_t history)
{
    const struct ph_state_head head = head_of(phat, index ? index : 1, history);
    const struct ph_phat_id id = phat_of(phat);
    const struct ph_hash32 hash = hash_of(index, history);
    why = "";
    return heads_open(&heads, &id, index ? &head : NULL, &hash, &why);
}

static enum ph_err advance(unsigned phat, uint64_t index, uint8_t history)
{
    const struct ph_state_head head = head_of(phat, index, history);
    const struct ph_hash32 hash = hash_of(index, history);
    why = "";
    return heads_advance(&heads, &head, &hash, &why);
}

TEST(the_newest_commit_and_the_one_after_it_open)
{
    CHECK(open_at(1, 0, 0) == PH_OK);
    CHECK(advance(1, 1, 7) == PH_OK && advance(1, 2, 7) == PH_OK);
    CHECK(open_at(1, 2, 7) == PH_OK);
    CHECK(open_at(1, 3, 7) == PH_OK); /* durable, but nobody said so */
    CHECK(open_at(1, 3, 7) == PH_OK);
    CHECK(advance(1, 4, 7) == PH_OK);
    heads_clear(&heads);
}

TEST(older_missing_and_other_histories_do_not)
{
    CHECK(open_at(1, 5, 7) == PH_OK); /* the first one shown */
    CHECK(open_at(1, 4, 7) == PH_ERR_UNTRUSTED && strstr(why, "rolled back"));
    CHECK(open_at(1, 0, 7) == PH_ERR_UNTRUSTED && strstr(why, "rolled back"));
    CHECK(open_at(1, 5, 8) == PH_ERR_UNTRUSTED && strstr(why, "forked"));
    CHECK(open_at(1, 6, 8) == PH_ERR_UNTRUSTED && strstr(why, "forked"));
    CHECK(open_at(1, 7, 7) == PH_ERR_UNTRUSTED && strstr(why, "forked"));
    CHECK(open_at(1, 5, 7) == PH_OK);
    CHECK(advance(1, 7, 7) == PH_ERR_UNTRUSTED);
    CHECK(advance(1, 5, 7) == PH_ERR_UNTRUSTED);
    CHECK(advance(1, 6, 8) == PH_ERR_UNTRUSTED);
    CHECK(advance(2, 1, 7) == PH_ERR_NOT_FOUND);
    CHECK(advance(1, 6, 7) == PH_OK);
    CHECK(open_at(1, 5, 7) == PH_ERR_UNTRUSTED); /* what was right a moment ago */
    heads_clear(&heads);
}

TEST(an_empty_state_may_become_anything_once)
{
    CHECK(open_at(3, 0, 0) == PH_OK && open_at(3, 0, 0) == PH_OK);
    CHECK(open_at(3, 2, 7) == PH_ERR_UNTRUSTED);
    CHECK(open_at(3, 1, 7) == PH_OK);
    CHECK(open_at(3, 0, 0) == PH_ERR_UNTRUSTED);
    heads_clear(&heads);
}

TEST(what_other_workers_committed_is_followed_commit_by_commit)
{
    uint64_t known = 0;
    const struct ph_phat_id one = phat_of(1), two = phat_of(2);
    const struct ph_state_head far = head_of(1, 9, 7), near = head_of(1, 6, 7),
                               old = head_of(1, 5, 7), other = head_of(2, 9, 7);
    const struct ph_hash32 hash = hash_of(9, 7);

    CHECK(open_at(1, 5, 7) == PH_OK);
    CHECK(heads_known(&heads, &one, &known) && known == 5 && !heads_known(&heads, &two, &known));
    CHECK(advance(1, 6, 7) == PH_OK && advance(1, 7, 7) == PH_OK && open_at(1, 8, 7) == PH_OK);
    heads_clear(&heads);
    /* Without what follows the known commit: only when the log no longer has it. */
    CHECK(open_at(1, 5, 7) == PH_OK);
    CHECK(heads_skip(&heads, &near, &hash, &why) == PH_ERR_UNTRUSTED);
    CHECK(heads_skip(&heads, &old, &hash, &why) == PH_ERR_UNTRUSTED);
    CHECK(heads_skip(&heads, &other, &hash, &why) == PH_ERR_NOT_FOUND);
    CHECK(heads_skip(&heads, &far, &hash, &why) == PH_OK);
    CHECK(open_at(1, 9, 7) == PH_OK && open_at(1, 8, 7) == PH_ERR_UNTRUSTED);
    CHECK(advance(1, 10, 7) == PH_OK);
    heads_clear(&heads);
}

TEST(many_phats_keep_apart)
{
    for (unsigned n = 0; n < 5000; n++)
        CHECK(open_at(n, 1 + n % 9, (uint8_t)n) == PH_OK);
    for (unsigned n = 0; n < 5000; n++) {
        CHECK(open_at(n, 1 + n % 9, (uint8_t)n) == PH_OK);
        CHECK(open_at(n, 1 + n % 9, (uint8_t)(n + 1)) == PH_ERR_UNTRUSTED);
    }
    heads_clear(&heads);
}

TEST(a_head_refers_to_the_epoch_of_its_oldest_page)
{
    struct ph_state_head head = head_of(1, 1, 1);
    const struct ph_phat_id id = phat_of(1);
    struct ph_hash32 hash = hash_of(1, 1);

    CHECK(!heads_refer(&heads, 2)); /* nothing is known */
    CHECK(heads_open(&heads, &id, &head, &hash, &why) == PH_OK);
    CHECK(heads_refer(&heads, 2) && !heads_refer(&heads, 1));
    head = head_of(1, 2, 1);
    head.key_epoch = 3;
    head.older_epoch = 1;
    hash = hash_of(2, 1);
    CHECK(heads_advance(&heads, &head, &hash, &why) == PH_OK);
    CHECK(heads_refer(&heads, 3) && heads_refer(&heads, 2) && !heads_refer(&heads, 1));
    head = head_of(1, 3, 1);
    head.key_epoch = 3;
    hash = hash_of(3, 1);
    CHECK(heads_advance(&heads, &head, &hash, &why) == PH_OK);
    CHECK(!heads_refer(&heads, 3) && heads_refer(&heads, 4));
    heads_clear(&heads);
}

PH_TEST_MAIN(CASE(the_newest_commit_and_the_one_after_it_open),
             CASE(what_other_workers_committed_is_followed_commit_by_commit),
             CASE(older_missing_and_other_histories_do_not),
             CASE(an_empty_state_may_become_anything_once), CASE(many_phats_keep_apart),
             CASE(a_head_refers_to_the_epoch_of_its_oldest_page))
