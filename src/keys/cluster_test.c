#include "base/test.h"
#include "keys/cluster.h"

#include <string.h>

/* Identity aa…, epochs 1, 2 and 7. */
static struct ph_cluster_keys sample(void)
{
    struct ph_cluster_keys keys;
    uint8_t identity[32], master[32];

    memset(identity, 0xaa, 32);
    memset(master, 1, 32);
    ph_cluster_keys_found(&keys, identity, master);
    keys.epoch_cnt = 3;
    keys.epoch[1].epoch = 2;
    keys.epoch[2].epoch = 7;
    memset(keys.epoch[1].master, 2, 32);
    memset(keys.epoch[2].master, 7, 32);
    return keys;
}

TEST(a_founded_cluster_has_epoch_1)
{
    const uint8_t identity[32] = {1}, master[32] = {2};
    struct ph_cluster_keys keys;

    ph_cluster_keys_found(&keys, identity, master);
    CHECK(ph_cluster_keys_newest(&keys)->epoch == 1);
    CHECK(memcmp(ph_cluster_keys_master(&keys, 1), master, 32) == 0);
    CHECK(memcmp(keys.identity, identity, 32) == 0);
    CHECK(!ph_cluster_keys_master(&keys, 0) && !ph_cluster_keys_master(&keys, 2));
    const struct ph_cluster_keys none = {0};
    CHECK(!ph_cluster_keys_newest(&none) && !ph_cluster_keys_master(&none, 0));
}

TEST(keys_round_trip_and_each_epoch_finds_its_own)
{
    const struct ph_cluster_keys keys = sample();
    struct ph_cluster_keys got = {0};
    uint8_t raw[PH_CLUSTER_BYTES_MAX];

    const size_t len = ph_cluster_keys_encode(&keys, raw);
    CHECK(len == 1 + 32 + 1 + 3 * 36);
    CHECK(ph_cluster_keys_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
    CHECK(memcmp(&got, &keys, sizeof(got)) == 0);
    CHECK(ph_cluster_keys_master(&got, 2)[0] == 2 && ph_cluster_keys_master(&got, 7)[0] == 7);
    CHECK(ph_cluster_keys_newest(&got)->epoch == 7);
}

static bool refused(const uint8_t *raw, size_t len)
{
    struct ph_cluster_keys got, before;

    memset(&got, 0x5a, sizeof(got));
    before = got;
    return ph_cluster_keys_decode((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED &&
           memcmp(&got, &before, sizeof(got)) == 0;
}

TEST(bytes_that_are_no_keys_are_refused)
{
    const struct ph_cluster_keys keys = sample();
    uint8_t raw[PH_CLUSTER_BYTES_MAX + 1] = {0}, changed[sizeof(raw)];
    const size_t len = ph_cluster_keys_encode(&keys, raw);
    static const struct {
        size_t at;
        uint8_t to;
    } cases[] = {
        {0, 0},                  /* version */
        {0, 2},                  /* version */
        {33, 0},                 /* no epochs */
        {33, 2},                 /* bytes left over */
        {33, 4},                 /* cut short */
        {33, PH_EPOCHS_MAX + 1}, /* too many */
        {37, 0},                 /* epoch 0 */
        {37, 2},                 /* the same twice */
        {34 + 2 * 36 + 3, 1},    /* not ascending */
    };

    for (size_t i = 0; i < len; i++)
        CHECK(refused(raw, i));
    CHECK(refused(raw, len + 1));
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        memcpy(changed, raw, len);
        changed[cases[i].at] = cases[i].to;
        CHECK(refused(changed, len));
    }
}

TEST(as_many_epochs_as_allowed_are_taken_and_no_more)
{
    struct ph_cluster_keys keys = sample(), got;
    uint8_t raw[PH_CLUSTER_BYTES_MAX + 36] = {0};

    keys.epoch_cnt = PH_EPOCHS_MAX;
    for (uint32_t i = 0; i < PH_EPOCHS_MAX; i++)
        keys.epoch[i].epoch = i + 1;
    const size_t len = ph_cluster_keys_encode(&keys, raw);
    CHECK(ph_cluster_keys_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
    raw[33]++;
    ph_put_u32be(raw + len, PH_EPOCHS_MAX + 1);
    CHECK(refused(raw, len + 36));
}

/* `sample` with as many owners as there may be, of which one must sign. */
static struct ph_cluster_keys owned(void)
{
    struct ph_cluster_keys keys = sample();

    keys.owners.needed = 1;
    keys.owners.cnt = PH_KEY_OWNERS_MAX;
    for (uint32_t i = 0; i < PH_KEY_OWNERS_MAX; i++)
        keys.owners.owner[i].b[19] = (uint8_t)i;
    return keys;
}

TEST(owners_round_trip_and_such_as_make_no_sense_are_refused)
{
    struct ph_cluster_keys keys = owned(), got;
    uint8_t raw[PH_CLUSTER_BYTES_MAX + 1] = {0}, changed[sizeof(raw)];
    const size_t at = 1 + 32 + 1 + 3 * 36;
    static const struct {
        size_t at;
        uint8_t to;
    } cases[] = {
        {0, 0},
        {0, PH_KEY_OWNERS_MAX + 1},
        {1, 0},
        {1, PH_KEY_OWNERS_MAX - 1},
        {1, PH_KEY_OWNERS_MAX + 1},
        {2 + 20 + 19, 0},
    };

    const size_t len = ph_cluster_keys_encode(&keys, raw);
    CHECK(len == at + 2 + PH_KEY_OWNERS_MAX * 20 && raw[0] == 2);
    CHECK(ph_cluster_keys_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
    CHECK(memcmp(&got, &keys, sizeof(got)) == 0);
    for (size_t i = 0; i < len; i++)
        CHECK(refused(raw, i));
    CHECK(refused(raw, len + 1));
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        memcpy(changed, raw, len);
        changed[at + cases[i].at] = cases[i].to;
        CHECK(refused(changed, len));
    }
    memcpy(changed, raw, len);
    changed[0] = 1; /* owners are no part of version 1 */
    CHECK(refused(changed, len));
    keys.epoch_cnt = PH_EPOCHS_MAX;
    for (uint32_t i = 0; i < PH_EPOCHS_MAX; i++)
        keys.epoch[i].epoch = i + 1;
    CHECK(ph_cluster_keys_encode(&keys, raw) == PH_CLUSTER_BYTES_MAX);
}

TEST(a_rotation_adds_the_next_epoch_until_there_are_too_many)
{
    struct ph_cluster_keys keys = sample();
    const uint8_t master[32] = {0x99};

    CHECK(ph_cluster_keys_rotate(&keys, master) == PH_OK);
    CHECK(keys.epoch_cnt == 4 && ph_cluster_keys_newest(&keys)->epoch == 8);
    CHECK(memcmp(ph_cluster_keys_master(&keys, 8), master, 32) == 0);
    while (keys.epoch_cnt < PH_EPOCHS_MAX)
        CHECK(ph_cluster_keys_rotate(&keys, master) == PH_OK);
    CHECK(ph_cluster_keys_rotate(&keys, master) == PH_ERR_LIMIT);
    keys = sample();
    keys.epoch[2].epoch = UINT32_MAX;
    CHECK(ph_cluster_keys_rotate(&keys, master) == PH_ERR_LIMIT);
    keys.epoch_cnt = 0;
    CHECK(ph_cluster_keys_rotate(&keys, master) == PH_ERR_LIMIT);
}

TEST(retired_epochs_leave_no_trace)
{
    struct ph_cluster_keys keys = sample();
    const uint8_t *raw = (const uint8_t *)&keys;

    CHECK(ph_cluster_keys_retire(&keys, 1) == PH_ERR_CONFLICT);
    CHECK(ph_cluster_keys_retire(&keys, 3) == PH_ERR_NOT_FOUND);
    CHECK(ph_cluster_keys_retire(&keys, 7) == PH_OK);
    CHECK(keys.epoch_cnt == 1 && keys.epoch[0].epoch == 7 && keys.epoch[0].master[31] == 7);
    uint8_t first[32], second[32];
    memset(first, 1, sizeof(first));
    memset(second, 2, sizeof(second));
    CHECK(!memmem(raw, sizeof(keys), first, 32) && !memmem(raw, sizeof(keys), second, 32));
}

TEST(newer_epochs_of_the_same_cluster_are_taken_and_nothing_else)
{
    struct ph_cluster_keys here = owned(), there = owned();
    const uint8_t master[32] = {0x99};

    CHECK(ph_cluster_keys_merge(&here, &there) == PH_ERR_NOT_FOUND);
    CHECK(ph_cluster_keys_rotate(&there, master) == PH_OK);
    CHECK(ph_cluster_keys_merge(&here, &there) == PH_OK);
    CHECK(memcmp(&here, &there, sizeof(here)) == 0);

    /* What is retired here stays so; what is retired there is still in use here. */
    CHECK(ph_cluster_keys_retire(&here, 7) == PH_OK);
    CHECK(ph_cluster_keys_merge(&here, &there) == PH_ERR_NOT_FOUND);
    there = here;
    here = owned();
    CHECK(ph_cluster_keys_merge(&here, &there) == PH_OK);
    CHECK(here.epoch_cnt == 4 && here.epoch[0].epoch == 1 && here.epoch[3].epoch == 8);

    struct ph_cluster_keys before = here;
    struct ph_cluster_keys others[3] = {there, there, there};
    others[0].identity[31] ^= 1;
    others[1].owners.needed = 2;
    others[2].epoch[1].master[0] ^= 1; /* another epoch 8 */
    for (size_t i = 0; i < PH_LEN(others); i++) {
        CHECK(ph_cluster_keys_rotate(&others[i], master) == PH_OK);
        CHECK(ph_cluster_keys_merge(&here, &others[i]) == PH_ERR_UNTRUSTED);
        CHECK(memcmp(&here, &before, sizeof(here)) == 0);
    }
    while (here.epoch_cnt < PH_EPOCHS_MAX)
        CHECK(ph_cluster_keys_rotate(&here, master) == PH_OK);
    there = here;
    CHECK(ph_cluster_keys_retire(&there, 2) == PH_OK);
    CHECK(ph_cluster_keys_rotate(&there, master) == PH_OK);
    CHECK(ph_cluster_keys_merge(&here, &there) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(a_founded_cluster_has_epoch_1),
             CASE(keys_round_trip_and_each_epoch_finds_its_own),
             CASE(bytes_that_are_no_keys_are_refused),
             CASE(as_many_epochs_as_allowed_are_taken_and_no_more),
             CASE(owners_round_trip_and_such_as_make_no_sense_are_refused),
             CASE(a_rotation_adds_the_next_epoch_until_there_are_too_many),
             CASE(retired_epochs_leave_no_trace),
             CASE(newer_epochs_of_the_same_cluster_are_taken_and_nothing_else))
