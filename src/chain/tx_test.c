/* EIP-1559 transactions. The vectors come from viem 2.57.0 (serializeTransaction, signTransaction),
 * with the secret 0x46…46. */

#include "chain/tx.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "chain/rlp.h"

#define UNSIGNED                                                                                   \
    "02f7827a6909843b9aca008504a817c800825208943535353535353535353535353535353535353535880de0"     \
    "b6b3a764000085a9059cbb00c0"
#define DIGEST "b112ae34fe05686714564c54be2d2a7d6a1bb7f49b93a743892ebe0a8ae69ef4"
#define SIGNED                                                                                     \
    "02f87a827a6909843b9aca008504a817c80082520894353535353535353535353535353535353535353588"       \
    "0de0b6b3a764000085a9059cbb00c080a0639001a340f147a4aa47c6ac7b2b3e7e915059588d7f9ac6e1bf"       \
    "a3a3120fa6c4a035e1eaefcd6a061f830f88edaad231991fb4a7979620d4d35da3c963ba76d440"
#define HASH "e55586821b1540fd30531a938791aec3b0c8f7e92e7a6049a7137537fce1b537"
#define SENDER "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
#define CREATION "02dc827a6909843b9aca008504a817c800825208808086600160005500c0"

static uint8_t scratch[1024];

static struct ph_bytes hex(const char *text)
{
    CHECK(ph_hex_decode(ph_bytes_str(text), scratch, strlen(text) / 2) == PH_OK);
    return (struct ph_bytes){scratch, strlen(text) / 2};
}

static void check_hex(struct ph_bytes got, const char *expected)
{
    char text[2 * sizeof(scratch) + 1];

    CHECK(got.len <= sizeof(scratch));
    ph_hex_encode(got, text);
    assert_string_equal(text, expected);
}

static struct ph_tx payment(void)
{
    struct ph_tx tx = {.chain_id = 31337,
                       .nonce = 9,
                       .max_priority_fee = 1000000000,
                       .max_fee = 20000000000,
                       .gas = 21000,
                       .value = ph_u256_of(1000000000000000000),
                       .data = PH_BYTES_LIT("\xa9\x05\x9c\xbb\x00")};
    memset(tx.to.b, 0x35, sizeof(tx.to.b));
    return tx;
}

TEST(the_unsigned_form_and_its_digest_are_those_of_others)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    const struct ph_tx tx = payment();
    struct ph_hash32 digest;

    CHECK(ph_tx_encode(&tx, &out) == PH_OK);
    check_hex(ph_buf_view(&out), UNSIGNED);
    ph_tx_digest(ph_buf_view(&out), &digest);
    check_hex(PH_BYTES_OF(digest.b), DIGEST);
}

TEST(a_contract_is_created_with_no_address)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_tx tx = payment(), back;

    tx.creates = true;
    tx.value = ph_u256_of(0);
    tx.data = PH_BYTES_LIT("\x60\x01\x60\x00\x55\x00");
    CHECK(ph_tx_encode(&tx, &out) == PH_OK);
    check_hex(ph_buf_view(&out), CREATION);
    CHECK(ph_tx_parse(ph_buf_view(&out), &back) == PH_OK && back.creates);
}

TEST(a_signature_makes_the_form_that_nodes_take)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    uint8_t secret[32], sig[PH_ETH_SIG_LEN];
    struct ph_hash32 digest, hash;
    struct ph_eth_address sender;
    struct ph_tx back;

    memset(secret, 0x46, sizeof(secret));
    const struct ph_bytes unsigned_tx = hex(UNSIGNED);
    ph_tx_digest(unsigned_tx, &digest);
    CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK);
    CHECK(ph_tx_sign_with(unsigned_tx, sig, &out) == PH_OK);
    check_hex(ph_buf_view(&out), SIGNED);
    ph_tx_hash(ph_buf_view(&out), &hash);
    check_hex(PH_BYTES_OF(hash.b), HASH);
    CHECK(ph_tx_parse_signed(ph_buf_view(&out), &back, &sender) == PH_OK);
    check_hex(PH_BYTES_OF(sender.b), SENDER);
    CHECK(back.nonce == 9 && back.chain_id == 31337 && back.data.len == 5);
    sig[64] = 29;
    CHECK(ph_tx_sign_with(unsigned_tx, sig, &out) == PH_ERR_MALFORMED);
}

TEST(a_parsed_one_has_every_field)
{
    const struct ph_tx expected = payment();
    struct ph_tx tx;

    CHECK(ph_tx_parse(hex(UNSIGNED), &tx) == PH_OK);
    CHECK(tx.chain_id == expected.chain_id && tx.nonce == expected.nonce &&
          tx.max_priority_fee == expected.max_priority_fee && tx.max_fee == expected.max_fee &&
          tx.gas == expected.gas && !tx.creates && ph_u256_cmp(&tx.value, &expected.value) == 0 &&
          memcmp(tx.to.b, expected.to.b, 20) == 0 && ph_bytes_equal(tx.data, expected.data));
}

TEST(every_truncation_and_anything_behind_is_refused)
{
    const struct ph_bytes whole = hex(UNSIGNED);
    struct ph_tx tx;

    for (size_t n = 0; n < whole.len; n++)
        CHECK(ph_tx_parse((struct ph_bytes){whole.ptr, n}, &tx) == PH_ERR_MALFORMED);
    CHECK(ph_tx_parse((struct ph_bytes){whole.ptr, whole.len + 1}, &tx) == PH_ERR_MALFORMED);
}

TEST(other_types_and_access_lists_are_refused)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_tx tx;
    struct ph_bytes raw = hex(UNSIGNED);

    scratch[0] = 1;
    CHECK(ph_tx_parse(raw, &tx) == PH_ERR_UNSUPPORTED);
    scratch[0] = 0xf8;
    CHECK(ph_tx_parse(raw, &tx) == PH_ERR_UNSUPPORTED);
    scratch[0] = 2;
    CHECK(ph_buf_add(&fields, (struct ph_bytes){raw.ptr + 2, raw.len - 3}) == PH_OK);
    CHECK(ph_rlp_put_list(&fields, PH_BYTES_LIT("\xc0")) == PH_OK);
    CHECK(ph_buf_add_str(&out, "\x02") == PH_OK);
    CHECK(ph_rlp_put_list(&out, ph_buf_view(&fields)) == PH_OK);
    CHECK(ph_tx_parse(ph_buf_view(&out), &tx) == PH_ERR_UNSUPPORTED);
}

TEST(an_altered_signature_names_nobody_or_somebody_else)
{
    const struct ph_bytes whole = hex(SIGNED);
    struct ph_eth_address sender, right;
    struct ph_tx tx;

    CHECK(ph_tx_parse_signed(whole, &tx, &right) == PH_OK);
    for (size_t i = 2; i < whole.len; i++) {
        scratch[i] ^= 1;
        const enum ph_err err = ph_tx_parse_signed(whole, &tx, &sender);
        CHECK(err != PH_OK || memcmp(sender.b, right.b, sizeof(right.b)) != 0);
        scratch[i] ^= 1;
    }
}

TEST(one_that_is_too_long_is_refused)
{
    static uint8_t big[PH_TX_MAX];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_TX_MAX);
    struct ph_tx tx = payment();

    tx.data = PH_BYTES_OF(big);
    CHECK(ph_tx_encode(&tx, &out) == PH_ERR_LIMIT && out.len == 0);
    CHECK(ph_tx_parse((struct ph_bytes){big, PH_TX_MAX}, &tx) == PH_ERR_UNSUPPORTED);
}

PH_TEST_MAIN(CASE(the_unsigned_form_and_its_digest_are_those_of_others),
             CASE(a_contract_is_created_with_no_address),
             CASE(a_signature_makes_the_form_that_nodes_take), CASE(a_parsed_one_has_every_field),
             CASE(every_truncation_and_anything_behind_is_refused),
             CASE(other_types_and_access_lists_are_refused),
             CASE(an_altered_signature_names_nobody_or_somebody_else),
             CASE(one_that_is_too_long_is_refused))
