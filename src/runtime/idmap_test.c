#include "runtime/idmap.h"

#include "base/own.h"
#include "base/test.h"

TEST(entries_are_found_until_taken_whatever_the_order)
{
    enum { CNT = 1000 };
    static int values[CNT];
    struct ph_idmap map PH_OWNED(ph_idmap_clear) = {0};

    CHECK(!ph_idmap_get(&map, 1) && !ph_idmap_take(&map, 1));
    for (uint64_t id = 0; id < CNT; id++)
        CHECK(ph_idmap_put(&map, id * 7919, &values[id]) == PH_OK);
    CHECK(ph_idmap_put(&map, 7919, &values[0]) == PH_ERR_CONFLICT && map.cnt == CNT);

    size_t at = 0, seen = 0;
    while (ph_idmap_next(&map, &at))
        seen++;
    CHECK(seen == CNT);

    /* Taking every third one must not lose a neighbour that had been displaced. */
    for (uint64_t id = 0; id < CNT; id += 3)
        CHECK(ph_idmap_take(&map, id * 7919) == &values[id]);
    for (uint64_t id = 0; id < CNT; id++)
        CHECK(ph_idmap_get(&map, id * 7919) == (id % 3 == 0 ? NULL : (void *)&values[id]));
    CHECK(ph_idmap_put(&map, 0, &values[5]) == PH_OK && ph_idmap_get(&map, 0) == &values[5]);
}

PH_TEST_MAIN(CASE(entries_are_found_until_taken_whatever_the_order))
