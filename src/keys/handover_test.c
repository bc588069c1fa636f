#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "keys/handover.h"
#include "keys/report_data.h"

#include <string.h>

static const uint8_t secret[32] = {[0] = 9};

static struct ph_handover sample(void)
{
    struct ph_handover h;

    CHECK(ph_x25519_public(secret, h.key) == PH_OK);
    memset(h.nonce, 2, 32);
    memset(h.exporter, 3, 32);
    memset(h.joiner_tls, 7, 32);
    memset(h.giver_tls, 8, 32);
    memset(h.joiner.b, 4, 20);
    return h;
}

static struct ph_cluster_keys keys_of(uint8_t mark)
{
    const uint8_t identity[32] = {mark}, master[32] = {mark, 1};
    struct ph_cluster_keys keys;

    ph_cluster_keys_found(&keys, identity, master);
    return keys;
}

static bool hex_is(const uint8_t raw[static 64], const char *hex)
{
    char text[129];
    ph_hex_encode((struct ph_bytes){raw, 64}, text);
    return strcmp(text, hex) == 0;
}

TEST(report_data_is_the_published_vector)
{
    const struct ph_handover h = sample();
    struct ph_handover_give give = {.sealed = PH_BYTES_LIT("sealed")};
    uint8_t got[64];

    memset(give.signer.b, 5, 20);
    memset(give.cluster.b, 6, 20);
    ph_handover_join_report_data(&h, got);
    CHECK(hex_is(got, "1887dccd7311c9fecfc778b5368668dd742b07ff9f2f731ac7c7a3d6ea870533"
                      "0000000000000000000000000000000000000000000000000000000000000000"));
    CHECK(ph_report_data_is_workers(got));
    ph_handover_give_report_data(&h, &give, got);
    CHECK(hex_is(got, "a002f74f491030ae724d8c461f9330d9092995f6226e112c902522f762bdc0db"
                      "0000000000000000000000000000000000000000000000000000000000000000"));
    CHECK(ph_report_data_is_workers(got));
}

TEST(report_data_changes_with_every_part)
{
    struct ph_handover h = sample();
    uint8_t sealed[4] = {1}, join[64], give_data[64], got[64];
    struct ph_handover_give give = {.sealed = PH_BYTES_OF(sealed)};

    ph_handover_join_report_data(&h, join);
    ph_handover_give_report_data(&h, &give, give_data);
    CHECK(memcmp(join, give_data, 64) != 0);
    uint8_t *const of_both[] = {&h.key[0],      &h.key[31],        &h.nonce[31],
                                &h.exporter[0], &h.joiner_tls[31], &h.giver_tls[0]};
    for (size_t i = 0; i < PH_LEN(of_both); i++) {
        *of_both[i] ^= 1;
        ph_handover_join_report_data(&h, got);
        CHECK(memcmp(got, join, 64) != 0);
        ph_handover_give_report_data(&h, &give, got);
        CHECK(memcmp(got, give_data, 64) != 0);
        *of_both[i] ^= 1;
    }
    h.joiner.b[19] ^= 1;
    ph_handover_join_report_data(&h, got);
    CHECK(memcmp(got, join, 64) != 0);
    uint8_t *const of_give[] = {&give.signer.b[0], &give.cluster.b[19], &sealed[3]};
    for (size_t i = 0; i < PH_LEN(of_give); i++) {
        *of_give[i] ^= 1;
        ph_handover_give_report_data(&h, &give, got);
        CHECK(memcmp(got, give_data, 64) != 0);
        *of_give[i] ^= 1;
    }
}

TEST(sealed_keys_open_in_their_hand_over_only)
{
    struct ph_handover h = sample();
    const struct ph_cluster_keys keys = keys_of(7);
    struct ph_cluster_keys got = {0};
    uint8_t sealed[PH_HANDOVER_SEALED_MAX], other[32] = {1};
    size_t len = 0;

    CHECK(ph_handover_seal(&h, &keys, sealed, &len) == PH_OK);
    const struct ph_bytes blob = {sealed, len};
    CHECK(ph_handover_open(&h, other, blob, &got) == PH_ERR_UNTRUSTED);
    for (size_t i = 0; i < len; i++)
        CHECK(ph_handover_open(&h, secret, (struct ph_bytes){sealed, i}, &got) != PH_OK);
    for (size_t i = 0; i < len; i++) {
        sealed[i] ^= 1;
        CHECK(ph_handover_open(&h, secret, blob, &got) == PH_ERR_UNTRUSTED);
        sealed[i] ^= 1;
    }
    uint8_t *const bound[] = {&h.nonce[0], &h.exporter[31], &h.joiner_tls[0], &h.giver_tls[31],
                              &h.joiner.b[0]};
    for (size_t i = 0; i < PH_LEN(bound); i++) {
        *bound[i] ^= 1;
        CHECK(ph_handover_open(&h, secret, blob, &got) == PH_ERR_UNTRUSTED);
        *bound[i] ^= 1;
    }
    CHECK(got.epoch_cnt == 0);
    CHECK(ph_handover_open(&h, secret, blob, &got) == PH_OK);
    CHECK(memcmp(&got, &keys, sizeof(got)) == 0);
}

TEST(messages_round_trip_and_every_cut_is_refused)
{
    struct ph_handover_join join = {.evidence = PH_BYTES_LIT("{}")}, join_got;
    struct ph_handover_give give = {.sealed = PH_BYTES_LIT("abc"), .evidence = PH_BYTES_LIT("{}")};
    struct ph_handover_give give_got;
    struct ph_buf a PH_OWNED(ph_buf_clear) = PH_BUF(1024), b PH_OWNED(ph_buf_clear) = PH_BUF(1024);

    memset(join.key, 1, 32);
    memset(join.signer.b, 2, 20);
    memset(give.cluster.b, 3, 20);
    CHECK(ph_handover_join_encode(&join, &a) == PH_OK);
    CHECK(ph_handover_give_encode(&give, &b) == PH_OK);
    CHECK(ph_handover_join_parse(ph_buf_view(&a), &join_got) == PH_OK);
    CHECK(memcmp(join_got.key, join.key, 32) == 0 && join_got.signer.b[0] == 2);
    CHECK(ph_bytes_is(join_got.evidence, "{}"));
    CHECK(ph_handover_give_parse(ph_buf_view(&b), &give_got) == PH_OK);
    CHECK(give_got.cluster.b[0] == 3 && ph_bytes_is(give_got.sealed, "abc"));
    CHECK(ph_bytes_is(give_got.evidence, "{}"));
    for (size_t i = 0; i < 84 + 1; i++)
        CHECK((ph_handover_join_parse((struct ph_bytes){a.ptr, i}, &join_got) == PH_OK) ==
              (i > 84));
    for (size_t i = 0; i < 44 + 3 + 1; i++)
        CHECK((ph_handover_give_parse((struct ph_bytes){b.ptr, i}, &give_got) == PH_OK) ==
              (i > 47));
    ph_put_u32be(b.ptr + 40, PH_HANDOVER_SEALED_MAX + 1);
    CHECK(ph_handover_give_parse(ph_buf_view(&b), &give_got) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(report_data_is_the_published_vector), CASE(report_data_changes_with_every_part),
             CASE(sealed_keys_open_in_their_hand_over_only),
             CASE(messages_round_trip_and_every_cut_is_refused))
