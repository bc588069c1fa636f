/* Which number several nodes can be believed to reach. The follower itself is tested with real
 * nodes and with liars among them: tests/integration/chain_client.test.mjs. */

#include "chain/follow.h"

#include "base/test.h"

static bool gives(size_t quorum, const uint64_t *values, size_t cnt, uint64_t expected)
{
    uint64_t got = 99;

    return ph_quorum_number(values, cnt, quorum, &got) == PH_OK && got == expected;
}

TEST(a_number_counts_that_a_quorum_reaches)
{
    const uint64_t three[] = {10, 12, 11}, alike[] = {7, 7, 7}, one[] = {5};

    CHECK(gives(2, three, 3, 11));
    CHECK(gives(1, three, 3, 12));
    CHECK(gives(3, three, 3, 10));
    CHECK(gives(2, alike, 3, 7));
    CHECK(gives(1, one, 1, 5));
}

TEST(a_minority_moves_it_neither_up_nor_down)
{
    const uint64_t high[] = {UINT64_MAX, 12, 11}, low[] = {12, 0, 11};

    CHECK(gives(2, high, 3, 12));
    CHECK(gives(2, low, 3, 11));
}

TEST(too_few_numbers_are_none)
{
    const uint64_t two[] = {10, 12};
    uint64_t out = 4;

    CHECK(ph_quorum_number(two, 2, 3, &out) == PH_ERR_NOT_FOUND);
    CHECK(ph_quorum_number(two, 0, 1, &out) == PH_ERR_NOT_FOUND);
    CHECK(ph_quorum_number(two, 2, 0, &out) == PH_ERR_NOT_FOUND && out == 4);
}

PH_TEST_MAIN(CASE(a_number_counts_that_a_quorum_reaches),
             CASE(a_minority_moves_it_neither_up_nor_down), CASE(too_few_numbers_are_none))
