#include "base/hex.h"
#include "base/test.h"
#include "keys/report_data.h"

#include <string.h>

static struct ph_worker_identity identity(void)
{
    struct ph_worker_identity id = {.chain_id = 31337};
    memset(id.registry.b, 1, 20);
    memset(id.signer.b, 2, 20);
    memset(id.caller_x25519, 3, 32);
    memset(id.operator_.b, 4, 20);
    memset(id.tls_pub, 6, 64);
    memset(id.cluster.b, 7, 20);
    return id;
}

TEST(report_data_is_the_published_vector)
{
    const struct ph_worker_identity id = identity();
    uint8_t nonce[32], got[64], want[64] = {0};

    memset(nonce, 5, sizeof(nonce));
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("1e83456daeda27988faa5f73179f2210594b9bbb45e91c352f43fc4a1cbcc1ca"),
              want, 32) == PH_OK);
    ph_worker_report_data(&id, nonce, got);
    CHECK(memcmp(got, want, 64) == 0);
    CHECK(ph_report_data_is_workers(got));
    got[63] = 1;
    CHECK(!ph_report_data_is_workers(got));
}

TEST(report_data_changes_with_every_part)
{
    struct ph_worker_identity id = identity();
    uint8_t nonce[32], base[64], got[64];

    memset(nonce, 5, sizeof(nonce));
    ph_worker_report_data(&id, nonce, base);
#define CHANGES(byte)                                                                              \
    do {                                                                                           \
        (byte) ^= 1;                                                                               \
        ph_worker_report_data(&id, nonce, got);                                                    \
        CHECK(memcmp(got, base, 32) != 0);                                                         \
        (byte) ^= 1;                                                                               \
    } while (0)
    CHANGES(id.chain_id);
    CHANGES(id.registry.b[19]);
    CHANGES(id.signer.b[0]);
    CHANGES(id.caller_x25519[31]);
    CHANGES(id.operator_.b[7]);
    CHANGES(id.tls_pub[63]);
    CHANGES(id.cluster.b[19]);
    CHANGES(nonce[0]);
    CHANGES(id.has_ohttp);
    id.has_ohttp = true;
    ph_worker_report_data(&id, nonce, base);
    CHANGES(id.ohttp_keys[0]);
    CHANGES(id.ohttp_keys[PH_OHTTP_KEYS_LEN - 1]);
    CHANGES(id.tls_pub[0]);
    CHANGES(nonce[31]);
}

/* Computed with node's crypto, as is the one above. */
TEST(a_key_configuration_is_bound_too)
{
    struct ph_worker_identity id = identity();
    uint8_t nonce[32], got[64], want[64] = {0};

    id.has_ohttp = true;
    memset(id.ohttp_keys, 8, sizeof(id.ohttp_keys));
    memset(nonce, 5, sizeof(nonce));
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("ce5a7bd926be2a5651936f86da8326ebbf8535ddb775f01542b038153a311819"),
              want, 32) == PH_OK);
    ph_worker_report_data(&id, nonce, got);
    CHECK(memcmp(got, want, 64) == 0);
}

PH_TEST_MAIN(CASE(report_data_is_the_published_vector), CASE(report_data_changes_with_every_part),
             CASE(a_key_configuration_is_bound_too))
