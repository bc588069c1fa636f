#include "node/state_roots.h"

#include "base/test.h"

static struct ph_hash32 root_of(uint64_t index)
{
    struct ph_hash32 root = {{0}};
    memcpy(root.b, &index, sizeof(index));
    return root;
}

static void add(struct ph_state_roots *roots, uint64_t index)
{
    const struct ph_hash32 root = root_of(index);
    ph_state_roots_add(roots, index, &root);
}

static bool finds(struct ph_state_roots *roots, uint64_t index, uint64_t found)
{
    struct ph_receipt_state got;
    const struct ph_hash32 root = root_of(found);

    return ph_state_roots_find(roots, index, &got) == PH_OK && got.commit_index == found &&
           memcmp(got.root.b, root.b, sizeof(root.b)) == 0;
}

TEST(only_what_is_durable_is_found)
{
    struct ph_state_roots *roots = ph_state_roots_new();
    struct ph_receipt_state got;

    CHECK(roots && ph_state_roots_newest(roots) == 0);
    CHECK(ph_state_roots_find(roots, 0, &got) == PH_ERR_NOT_FOUND);
    add(roots, 7); /* where the state was opened */
    CHECK(ph_state_roots_newest(roots) == 7 && finds(roots, 7, 7));
    CHECK(ph_state_roots_find(roots, 8, &got) == PH_ERR_NOT_FOUND);
    CHECK(finds(roots, 6, 7)); /* never older than that */
    add(roots, 8);
    CHECK(finds(roots, 7, 7) && finds(roots, 8, 8));
    CHECK(ph_state_roots_find(roots, UINT64_MAX, &got) == PH_ERR_NOT_FOUND);
    ph_state_roots_unref(roots);
}

TEST(one_that_is_no_longer_kept_gives_the_oldest_that_is)
{
    struct ph_state_roots *roots = ph_state_roots_new();

    CHECK(roots);
    for (uint64_t i = 0; i <= 3 * PH_STATE_ROOTS_KEPT; i++) {
        add(roots, i);
        CHECK(finds(roots, i, i));
        const uint64_t oldest = i < PH_STATE_ROOTS_KEPT ? 0 : i + 1 - PH_STATE_ROOTS_KEPT;
        CHECK(finds(roots, oldest, oldest) && finds(roots, 0, oldest));
    }
    ph_state_roots_unref(ph_state_roots_ref(roots));
    CHECK(finds(roots, 3 * PH_STATE_ROOTS_KEPT, 3 * PH_STATE_ROOTS_KEPT));
    ph_state_roots_unref(roots);
    ph_state_roots_unref(NULL);
}

PH_TEST_MAIN(CASE(only_what_is_durable_is_found),
             CASE(one_that_is_no_longer_kept_gives_the_oldest_that_is))
