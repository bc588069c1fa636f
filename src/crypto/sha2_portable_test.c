/* SHA-2 in portable C beside libcrypto's, at every length around the block boundaries and however
 * the message is cut; and NIST's examples, so that the two cannot be wrong together. */

#include "crypto/sha2_portable_priv.h"

#include "crypto/hash.h"
#include "crypto/test_priv.h"

/* All three digests of a message that comes in pieces of at most `step` bytes. */
static void digest(struct ph_bytes data, size_t step, uint8_t out256[static 32],
                   uint8_t out384[static 48], uint8_t out512[static 64])
{
    struct ph_sha2_256 c256;
    struct ph_sha2_512 c384, c512;

    ph_sha2_256_init(&c256);
    ph_sha2_384_init(&c384);
    ph_sha2_512_init(&c512);
    while (data.len > 0) {
        const struct ph_bytes piece = {data.ptr, data.len < step ? data.len : step};
        ph_sha2_256_update(&c256, piece);
        ph_sha2_512_update(&c384, piece);
        ph_sha2_512_update(&c512, piece);
        data.ptr += piece.len;
        data.len -= piece.len;
    }
    ph_sha2_256_final(&c256, out256);
    ph_sha2_512_final(&c384, out384, 48);
    ph_sha2_512_final(&c512, out512, 64);
}

static void check_all(struct ph_bytes data, size_t step, const char *d256, const char *d384,
                      const char *d512)
{
    uint8_t out256[32], out384[48], out512[64];

    digest(data, step, out256, out384, out512);
    check_hex(out256, 32, d256);
    check_hex(out384, 48, d384);
    check_hex(out512, 64, d512);
}

/* NIST, "Secure Hashing: Example Values", SHA256, SHA384, SHA512. */
TEST(nists_examples)
{
    check_all(PH_BYTES_LIT("abc"), 1,
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
              "8086072ba1e7cc2358baeca134c825a7",
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    check_all(PH_BYTES_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), 64,
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
              "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
              "b0455a8520bc4e6f5fe95b1fe3c8452b",
              "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
              "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445");
}

TEST(every_length_is_hashed_as_libcrypto_does)
{
    uint8_t out256[32], out384[48], out512[64], want[64];

    for (size_t len = 0; len <= 600; len++) {
        digest(seq(len), 600, out256, out384, out512);
        ph_sha256(seq(len), want);
        assert_memory_equal(out256, want, 32);
        ph_sha384(seq(len), want);
        assert_memory_equal(out384, want, 48);
        ph_sha512(seq(len), want);
        assert_memory_equal(out512, want, 64);
    }
}

TEST(a_message_may_come_in_pieces_of_any_size)
{
    uint8_t whole[3][64], out[3][64];

    digest(seq(1000), 1000, whole[0], whole[1], whole[2]);
    for (size_t step = 1; step < 300; step++) {
        digest(seq(1000), step, out[0], out[1], out[2]);
        assert_memory_equal(out[0], whole[0], 32);
        assert_memory_equal(out[1], whole[1], 48);
        assert_memory_equal(out[2], whole[2], 64);
    }
}

PH_TEST_MAIN(CASE(nists_examples), CASE(every_length_is_hashed_as_libcrypto_does),
             CASE(a_message_may_come_in_pieces_of_any_size))
