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
    CHECK(len == PH_CLUSTER_BYTES_MAX);
    CHECK(ph_cluster_keys_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
    raw[33]++;
    ph_put_u32be(raw + len, PH_EPOCHS_MAX + 1);
    CHECK(refused(raw, len + 36));
}

PH_TEST_MAIN(CASE(a_founded_cluster_has_epoch_1),
             CASE(keys_round_trip_and_each_epoch_finds_its_own),
             CASE(bytes_that_are_no_keys_are_refused),
             CASE(as_many_epochs_as_allowed_are_taken_and_no_more))
