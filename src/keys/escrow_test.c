#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "keys/escrow.h"
#include "keys/report_data.h"

enum { HOLDERS = 4, NEEDED = 3 };

static struct ph_cluster_keys keys;
static uint8_t signing[32], holder[HOLDERS][32];
static struct ph_eth_address cluster;
static struct ph_buf backup = {.limit = PH_ESCROW_MAX};

/* A backup of `keys`, 3 of 4. */
static struct ph_key_act act_for(void)
{
    struct ph_key_act act = {
        .kind = PH_KEY_ACT_BACKUP, .needed = NEEDED, .holder_cnt = HOLDERS, .epoch = 2};
    for (uint32_t i = 0; i < HOLDERS; i++)
        CHECK(ph_x25519_public(holder[i], act.holder[i]) == PH_OK);
    return act;
}

static int set_up(void **state)
{
    const uint8_t identity[32] = {7}, master[32] = {8}, second[32] = {9};

    (void)state;
    ph_cluster_keys_found(&keys, identity, master);
    if (ph_cluster_keys_rotate(&keys, second) != PH_OK)
        return -1;
    for (unsigned i = 0; i < HOLDERS; i++)
        memset(holder[i], 0x30 + (int)i, 32);
    if (ph_keys_cluster(keys.identity, signing) != PH_OK ||
        ph_eth_address(signing, &cluster) != PH_OK)
        return -1;
    const struct ph_key_act real = act_for();
    return ph_escrow_make(&keys, &real, signing, &cluster, 1700000000, &backup) == PH_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ph_buf_clear(&backup);
    return 0;
}

static struct ph_escrow parsed(void)
{
    struct ph_escrow e;
    CHECK(ph_escrow_parse(ph_buf_view(&backup), &e) == PH_OK);
    return e;
}

TEST(head_says_what_it_is_a_backup_of)
{
    const struct ph_escrow e = parsed();

    CHECK(memcmp(e.cluster.b, cluster.b, 20) == 0 && e.epoch == 2 && e.time_s == 1700000000);
    CHECK(e.needed == NEEDED && e.holder_cnt == HOLDERS);
}

TEST(enough_holders_restore_the_keys_and_fewer_do_not)
{
    const struct ph_escrow e = parsed();
    static const uint8_t restore[32] = {0x55};
    uint8_t restore_key[32], returned[PH_ESCROW_SEALED_LEN];
    struct ph_shamir_share share[HOLDERS], opened;
    struct ph_cluster_keys got = {0};
    char why[PH_ESCROW_WHY] = "";

    CHECK(ph_x25519_public(restore, restore_key) == PH_OK);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        CHECK(ph_escrow_open_share(&e, holder[i], &opened) == PH_OK);
        CHECK(ph_escrow_return(&e, &opened, restore_key, returned) == PH_OK);
        CHECK(ph_escrow_take(&e, restore, PH_BYTES_OF(returned), &share[i], why) == PH_OK);
    }
    CHECK(ph_escrow_combine(&e, share, NEEDED, &got, why) == PH_OK);
    CHECK(memcmp(&got, &keys, sizeof(keys)) == 0);
    CHECK(ph_escrow_combine(&e, share + 1, NEEDED, &got, why) == PH_OK);
    CHECK(ph_escrow_combine(&e, share, NEEDED - 1, &got, why) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "commits to"));
    share[1] = share[0];
    CHECK(ph_escrow_combine(&e, share, NEEDED, &got, why) == PH_ERR_MALFORMED);
    CHECK(strstr(why, "twice"));
}

TEST(a_share_opens_for_its_holder_only_and_comes_back_to_the_named_key_only)
{
    const struct ph_escrow e = parsed();
    static const uint8_t stranger[32] = {0x77}, restore[32] = {0x55}, other[32] = {0, 0x56};
    uint8_t restore_key[32], returned[PH_ESCROW_SEALED_LEN];
    struct ph_shamir_share share;
    char why[PH_ESCROW_WHY] = "";

    CHECK(ph_escrow_open_share(&e, stranger, &share) == PH_ERR_NOT_FOUND);
    CHECK(ph_escrow_open_share(&e, holder[2], &share) == PH_OK && share.x == 3);
    CHECK(ph_x25519_public(restore, restore_key) == PH_OK);
    CHECK(ph_escrow_return(&e, &share, restore_key, returned) == PH_OK);
    CHECK(ph_escrow_take(&e, other, PH_BYTES_OF(returned), &share, why) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "not sealed to this"));
    CHECK(ph_escrow_take(&e, restore, (struct ph_bytes){returned, 80}, &share, why) ==
          PH_ERR_MALFORMED);
    /* What is sealed to a holder is not what comes back: another info. */
    CHECK(ph_escrow_take(&e, holder[0], (struct ph_bytes){e.shares.ptr, PH_ESCROW_SEALED_LEN},
                         &share, why) == PH_ERR_UNTRUSTED);
}

TEST(a_wrong_share_is_told_from_a_right_one)
{
    const struct ph_escrow e = parsed();
    static const uint8_t restore[32] = {0x55};
    uint8_t restore_key[32], returned[PH_ESCROW_SEALED_LEN];
    struct ph_shamir_share share, out;
    char why[PH_ESCROW_WHY] = "";

    CHECK(ph_x25519_public(restore, restore_key) == PH_OK);
    CHECK(ph_escrow_open_share(&e, holder[0], &share) == PH_OK);
    for (unsigned change = 0; change < 3; change++) {
        struct ph_shamir_share wrong = share;
        if (change == 0)
            wrong.y[31] ^= 1;
        else
            wrong.x = change == 1 ? 2 : HOLDERS + 1;
        CHECK(ph_escrow_return(&e, &wrong, restore_key, returned) == PH_OK);
        CHECK(ph_escrow_take(&e, restore, PH_BYTES_OF(returned), &out, why) == PH_ERR_UNTRUSTED);
        CHECK(strstr(why, "not one of this backup"));
    }
}

TEST(shares_of_two_backups_do_not_mix)
{
    struct ph_buf second PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    const struct ph_escrow e = parsed();
    const struct ph_key_act act = act_for();
    static const uint8_t restore[32] = {0x55};
    uint8_t restore_key[32], returned[PH_ESCROW_SEALED_LEN];
    struct ph_shamir_share share;
    struct ph_escrow e2;
    char why[PH_ESCROW_WHY] = "";

    CHECK(ph_escrow_make(&keys, &act, signing, &cluster, 1700000001, &second) == PH_OK);
    CHECK(ph_escrow_parse(ph_buf_view(&second), &e2) == PH_OK);
    CHECK(ph_x25519_public(restore, restore_key) == PH_OK);
    CHECK(ph_escrow_open_share(&e2, holder[0], &share) == PH_OK);
    CHECK(ph_escrow_return(&e2, &share, restore_key, returned) == PH_OK);
    CHECK(ph_escrow_take(&e, restore, PH_BYTES_OF(returned), &share, why) == PH_ERR_UNTRUSTED);
}

TEST(what_is_cut_short_or_altered_is_refused)
{
    uint8_t raw[PH_ESCROW_MAX + 1];
    struct ph_escrow e;

    memcpy(raw, backup.ptr, backup.len);
    raw[backup.len] = 0;
    for (size_t i = 0; i < backup.len; i++)
        CHECK(ph_escrow_parse((struct ph_bytes){raw, i}, &e) != PH_OK);
    CHECK(ph_escrow_parse((struct ph_bytes){raw, backup.len + 1}, &e) == PH_ERR_MALFORMED);
    for (size_t i = 0; i < backup.len; i++) {
        raw[i] ^= 1;
        CHECK(ph_escrow_parse((struct ph_bytes){raw, backup.len}, &e) != PH_OK);
        raw[i] ^= 1;
    }
    CHECK(ph_escrow_parse((struct ph_bytes){raw, backup.len}, &e) == PH_OK);
}

TEST(a_backup_signed_by_another_key_is_refused)
{
    struct ph_buf forged PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    static const uint8_t stranger[32] = {1};
    const struct ph_key_act act = act_for();
    struct ph_escrow e;

    CHECK(ph_escrow_make(&keys, &act, stranger, &cluster, 1, &forged) == PH_OK);
    CHECK(ph_escrow_parse(ph_buf_view(&forged), &e) == PH_ERR_UNTRUSTED);
}

TEST(keys_of_another_cluster_than_named_are_refused)
{
    struct ph_buf forged PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    static const uint8_t stranger[32] = {1};
    struct ph_eth_address name;
    const struct ph_key_act act = act_for();
    struct ph_shamir_share share[NEEDED];
    struct ph_cluster_keys got;
    struct ph_escrow e;
    char why[PH_ESCROW_WHY] = "";

    CHECK(ph_eth_address(stranger, &name) == PH_OK);
    CHECK(ph_escrow_make(&keys, &act, stranger, &name, 1, &forged) == PH_OK);
    CHECK(ph_escrow_parse(ph_buf_view(&forged), &e) == PH_OK);
    for (uint32_t i = 0; i < NEEDED; i++)
        CHECK(ph_escrow_open_share(&e, holder[i], &share[i]) == PH_OK);
    CHECK(ph_escrow_combine(&e, share, NEEDED, &got, why) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "another cluster's"));
}

TEST(report_data_is_the_published_vector)
{
    uint8_t key[32], nonce[32], got[64];
    struct ph_eth_address signer, name;
    char hex[65];

    memset(key, 1, sizeof(key));
    memset(nonce, 2, sizeof(nonce));
    memset(signer.b, 3, sizeof(signer.b));
    memset(name.b, 4, sizeof(name.b));
    ph_escrow_report_data(key, nonce, &signer, &name, got);
    ph_hex_encode((struct ph_bytes){got, 32}, hex);
    CHECK(strcmp(hex, "0786c6301f8b30dc87ab20e15c91f63cd16edc250f7f0d525566f6c2efe6b3a6") == 0);
}

TEST(report_data_changes_with_every_part)
{
    uint8_t key[32] = {1}, nonce[32] = {2}, first[64], got[64];
    struct ph_eth_address signer = {{3}}, name = {{4}};
    uint8_t *const parts[] = {&key[31], &nonce[0], &signer.b[19], &name.b[0]};

    ph_escrow_report_data(key, nonce, &signer, &name, first);
    CHECK(ph_report_data_is_workers(first));
    for (size_t i = 0; i < PH_LEN(parts); i++) {
        *parts[i] ^= 1;
        ph_escrow_report_data(key, nonce, &signer, &name, got);
        CHECK(memcmp(got, first, 64) != 0);
        *parts[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(head_says_what_it_is_a_backup_of),
        CASE(enough_holders_restore_the_keys_and_fewer_do_not),
        CASE(a_share_opens_for_its_holder_only_and_comes_back_to_the_named_key_only),
        CASE(a_wrong_share_is_told_from_a_right_one),
        CASE(shares_of_two_backups_do_not_mix),
        CASE(what_is_cut_short_or_altered_is_refused),
        CASE(a_backup_signed_by_another_key_is_refused),
        CASE(keys_of_another_cluster_than_named_are_refused),
        CASE(report_data_is_the_published_vector),
        CASE(report_data_changes_with_every_part),
    };
    ph_test_fix_tap();
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
