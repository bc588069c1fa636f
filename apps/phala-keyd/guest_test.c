/* Keys of a phat's programs: whose they are, who says so, and what is refused. */

#include "test_roles.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "keys/dstack.h"
#include "keys/sealing.h"

static struct keyd a, b, stranger;
static const struct ph_phat_id phat = {{7}}, neighbour = {{8}};

static void begin(void)
{
    keyd_begin(&a, NULL);
    keyd_begin(&b, &a);
    keyd_begin(&stranger, NULL);
}

static void end(void)
{
    keyd_end(&a);
    keyd_end(&b);
    keyd_end(&stranger);
    ph_buf_clear(&reply);
}

static enum ph_err key_of(struct keyd *keyd, const struct ph_phat_id *id, uint8_t alg,
                          struct ph_bytes path, struct ph_bytes purpose,
                          struct ph_msg_GUEST_KEY_IS *out)
{
    const struct ph_msg_GUEST_KEY m = {.phat = *id, .alg = alg, .path = path, .purpose = purpose};
    struct ph_buf request = PH_BUF(KEYD_DATAGRAM_MAX);

    PH_TRY(keyd_send(keyd, ph_encode_GUEST_KEY(&request, 0, 1, &m), &request));
    CHECK(ph_get_GUEST_KEY_IS(&frame, out) == PH_OK);
    return PH_OK;
}

static enum ph_err plain_key(struct keyd *keyd, const struct ph_phat_id *id, const char *path,
                             struct ph_msg_GUEST_KEY_IS *out)
{
    return key_of(keyd, id, PH_DSTACK_SECP256K1, ph_bytes_str(path), PH_BYTES_LIT("p"), out);
}

/* The address that made a signature over keccak256 of `message`; its v is 0 or 1. */
static struct ph_eth_address signer_of(struct ph_bytes message, const struct ph_bytes65 *sig)
{
    struct ph_eth_address who = {{0}};
    struct ph_hash32 digest;
    uint8_t ethereum[65];

    ph_keccak256(message, digest.b);
    memcpy(ethereum, sig->b, 65);
    ethereum[64] = (uint8_t)(ethereum[64] + 27);
    CHECK(ph_eth_recover(&digest, ethereum, &who) == PH_OK);
    return who;
}

TEST(a_key_is_the_same_on_all_workers_of_a_cluster_and_another_for_each_phat_and_path)
{
    struct ph_msg_GUEST_KEY_IS key, again;

    begin();
    CHECK(plain_key(&a, &phat, "x", &key) == PH_OK && plain_key(&b, &phat, "x", &again) == PH_OK);
    CHECK(memcmp(&key, &again, sizeof(key)) == 0);
    CHECK(plain_key(&a, &phat, "y", &again) == PH_OK && memcmp(key.key.b, again.key.b, 32) != 0);
    CHECK(plain_key(&a, &neighbour, "x", &again) == PH_OK &&
          memcmp(key.key.b, again.key.b, 32) != 0);
    CHECK(plain_key(&stranger, &phat, "x", &again) == PH_OK &&
          memcmp(key.key.b, again.key.b, 32) != 0);
    /* A rotation changes nothing: it hangs on the identity. */
    const uint8_t next[32] = {3};
    CHECK(ph_cluster_keys_rotate(&a.ring.secrets->cluster, next) == PH_OK);
    CHECK(plain_key(&a, &phat, "x", &again) == PH_OK);
    CHECK(memcmp(key.key.b, again.key.b, 32) == 0);
    end();
}

TEST(the_phats_key_and_the_clusters_vouch_for_it)
{
    uint8_t app[32], public_key[PH_DSTACK_PUBLIC_MAX], app_public[PH_DSTACK_PUBLIC_MAX],
        message[256];
    char hex[2 * PH_DSTACK_PUBLIC_MAX + 1];
    struct ph_msg_GUEST_KEY_IS key;
    struct ph_eth_address want;
    size_t len;

    begin();
    CHECK(plain_key(&a, &phat, "x", &key) == PH_OK);
    CHECK(ph_dstack_public(PH_DSTACK_SECP256K1, key.key.b, public_key, &len) == PH_OK && len == 33);
    ph_hex_encode((struct ph_bytes){public_key, len}, hex);
    const int text = snprintf((char *)message, sizeof(message), "p:%s", hex);
    CHECK(ph_keys_guest_app(a.ring.secrets->cluster.identity, &phat, app) == PH_OK);
    CHECK(ph_eth_address(app, &want) == PH_OK);
    struct ph_eth_address who = signer_of((struct ph_bytes){message, (size_t)text}, &key.by_app);
    CHECK(memcmp(who.b, want.b, 20) == 0);

    CHECK(ph_dstack_public(PH_DSTACK_SECP256K1, app, app_public, &len) == PH_OK);
    memcpy(message, "dstack-kms-issued:", 18);
    memcpy(message + 18, phat.b, 20);
    memcpy(message + 38, app_public, len);
    who = signer_of((struct ph_bytes){message, 38 + len}, &key.by_cluster);
    CHECK(memcmp(who.b, a.ring.cluster.b, 20) == 0);
    end();
}

static enum ph_err sign(uint8_t alg, struct ph_bytes data, struct ph_msg_GUEST_SIGNED *out)
{
    const struct ph_msg_GUEST_SIGN m = {.phat = phat, .alg = alg, .data = data};
    struct ph_buf request = PH_BUF(KEYD_DATAGRAM_MAX);

    PH_TRY(keyd_send(&a, ph_encode_GUEST_SIGN(&request, 0, 1, &m), &request));
    CHECK(ph_get_GUEST_SIGNED(&frame, out) == PH_OK);
    return PH_OK;
}

TEST(a_signature_is_by_the_key_that_comes_with_it_and_over_the_data)
{
    const uint8_t digest[32] = {1};
    const struct {
        uint8_t alg;
        struct ph_bytes data;
    } cases[] = {{PH_DSTACK_ED25519, PH_BYTES_LIT("data")},
                 {PH_DSTACK_SECP256K1, PH_BYTES_LIT("data")},
                 {PH_DSTACK_SECP256K1_PREHASHED, PH_BYTES_OF(digest)}};
    const uint8_t another[32] = {2};
    struct ph_msg_GUEST_SIGNED got;

    begin();
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        const enum ph_dstack_alg alg = (enum ph_dstack_alg)cases[i].alg;
        CHECK(sign(cases[i].alg, cases[i].data, &got) == PH_OK);
        CHECK(ph_dstack_verify(alg, cases[i].data, got.sig, got.key) == PH_OK);
        CHECK(ph_dstack_verify(alg, PH_BYTES_OF(another), got.sig, got.key) == PH_ERR_UNTRUSTED);
    }
    end();
}

TEST(what_dstack_does_not_have_is_refused)
{
    static const uint8_t long_path[PH_DSTACK_PATH_MAX + 1];
    const struct ph_bytes longest = {long_path, PH_DSTACK_PATH_MAX},
                          too_long = PH_BYTES_OF(long_path),
                          purpose = {long_path, PH_DSTACK_PURPOSE_MAX + 1};
    struct ph_msg_GUEST_KEY_IS key;
    struct ph_msg_GUEST_SIGNED got;

    begin();
    CHECK(key_of(&a, &phat, PH_DSTACK_ED25519, longest, (struct ph_bytes){0}, &key) == PH_OK);
    CHECK(key_of(&a, &phat, PH_DSTACK_ED25519, too_long, (struct ph_bytes){0}, &key) ==
              PH_ERR_LIMIT &&
          strstr(why, "too long"));
    CHECK(key_of(&a, &phat, PH_DSTACK_ED25519, longest, purpose, &key) == PH_ERR_LIMIT);
    CHECK(key_of(&a, &phat, 9, longest, (struct ph_bytes){0}, &key) == PH_ERR_UNSUPPORTED &&
          strstr(why, "algorithm unknown"));
    CHECK(sign(9, PH_BYTES_LIT("data"), &got) == PH_ERR_UNSUPPORTED);
    CHECK(sign(PH_DSTACK_SECP256K1_PREHASHED, PH_BYTES_LIT("short"), &got) == PH_ERR_MALFORMED &&
          strstr(why, "32 bytes"));
    end();
}

PH_TEST_MAIN(CASE(a_key_is_the_same_on_all_workers_of_a_cluster_and_another_for_each_phat_and_path),
             CASE(the_phats_key_and_the_clusters_vouch_for_it),
             CASE(a_signature_is_by_the_key_that_comes_with_it_and_over_the_data),
             CASE(what_dstack_does_not_have_is_refused))
