/* Which set of secrets is the newest, and what storage may show. */

#include "floors.h"

#include "base/test.h"

#include <string.h>

static struct floors floors;
static char why[FLOORS_WHY_LEN];

static struct ph_phat_id phat_of(unsigned n)
{
    return (struct ph_phat_id){{(uint8_t)(n >> 8), (uint8_t)n, 1}};
}

static enum ph_err judge(unsigned phat, uint64_t sequence)
{
    const struct ph_phat_id id = phat_of(phat);
    why[0] = '\0';
    return floors_judge(&floors, &id, sequence, why);
}

/* Whether it changed anything. */
static bool raise_to(unsigned phat, uint64_t sequence, bool gone)
{
    const struct ph_phat_id id = phat_of(phat);
    bool changed;
    CHECK(floors_raise(&floors, &id, sequence, gone, &changed) == PH_OK);
    return changed;
}

TEST(an_older_set_than_the_newest_is_refused_and_both_are_named)
{
    CHECK(judge(1, 5) == PH_OK); /* nothing is known */
    CHECK(raise_to(1, 9, false));
    CHECK(judge(1, 9) == PH_OK && judge(1, 10) == PH_OK);
    CHECK(judge(1, 8) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "sequence 8") && strstr(why, "sequence 9") && strstr(why, "rolled back"));
    CHECK(judge(2, 1) == PH_OK); /* another phat's */
    CHECK(!raise_to(1, 9, false) && !raise_to(1, 3, false) && !raise_to(1, 3, true));
    CHECK(judge(1, 8) == PH_ERR_UNTRUSTED);
    floors_clear(&floors);
}

TEST(a_deletion_ends_the_sets_before_it)
{
    CHECK(!raise_to(1, 4, true)); /* it had none */
    CHECK(raise_to(1, 5, false) && raise_to(1, 7, true));
    CHECK(judge(1, 5) == PH_ERR_UNTRUSTED && strstr(why, "deletion of sequence 7"));
    CHECK(raise_to(1, 8, false) && judge(1, 8) == PH_OK);
    floors_clear(&floors);
}

TEST(deleted_phats_make_room_and_living_ones_do_not)
{
    const struct ph_phat_id one_more = phat_of(FLOORS_MAX), last = phat_of(FLOORS_MAX + 1);
    bool changed;

    for (unsigned i = 0; i < FLOORS_MAX; i++)
        CHECK(raise_to(i, 10, false));
    CHECK(raise_to(7, 30, true) && raise_to(9, 20, true));
    CHECK(floors_raise(&floors, &one_more, 1, false, &changed) == PH_OK && changed);
    CHECK(judge(9, 1) == PH_OK);            /* forgotten: it was deleted first */
    CHECK(judge(7, 1) == PH_ERR_UNTRUSTED); /* not forgotten */
    CHECK(raise_to(7, 31, false));          /* deployed again */
    CHECK(floors_raise(&floors, &last, 1, false, &changed) == PH_ERR_LIMIT && !changed);
    CHECK(judge(7, 30) == PH_ERR_UNTRUSTED); /* and nothing was touched */
    floors_clear(&floors);
}

TEST(bytes_come_back_as_they_were_and_nothing_else_is_taken)
{
    static uint8_t raw[FLOORS_BYTES_MAX], again[FLOORS_BYTES_MAX];
    struct floors got = {0};

    CHECK(raise_to(1, 9, false) && raise_to(2, UINT64_MAX, false) && raise_to(1, 10, true));
    const size_t len = floors_encode(&floors, raw);
    CHECK(len == 2 + 2 * FLOOR_LEN);
    for (size_t n = 0; n < len; n++)
        CHECK(floors_decode((struct ph_bytes){raw, n}, &got) == PH_ERR_MALFORMED && !got.at);
    CHECK(floors_decode((struct ph_bytes){raw, len + 1}, &got) == PH_ERR_MALFORMED);
    CHECK(floors_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
    CHECK(floors_encode(&got, again) == len && memcmp(raw, again, len) == 0);
    floors_clear(&got);
    raw[2 + 28] = 2; /* neither there nor gone */
    CHECK(floors_decode((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    raw[2 + 28] = 1;
    memcpy(raw + 2 + FLOOR_LEN, raw + 2, 20); /* a phat twice */
    CHECK(floors_decode((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    floors_clear(&floors);
}

PH_TEST_MAIN(CASE(an_older_set_than_the_newest_is_refused_and_both_are_named),
             CASE(a_deletion_ends_the_sets_before_it),
             CASE(deleted_phats_make_room_and_living_ones_do_not),
             CASE(bytes_come_back_as_they_were_and_nothing_else_is_taken))
