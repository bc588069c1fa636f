/* AES-GCM, AES-CTR, X25519, randomness. */

#include "crypto/aead.h"

#include "crypto/pkey.h"
#include "crypto/test_priv.h"

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13, 14, 16. */
TEST(aes256gcm_matches_the_mode_s_own_vectors)
{
    static const uint8_t zero[32];
    uint8_t out[80];

    CHECK(ph_aes256gcm_seal(zero, zero, (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0},
                            out) == PH_OK);
    check_hex(out, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    CHECK(ph_aes256gcm_seal(zero, zero, (struct ph_bytes){NULL, 0}, (struct ph_bytes){zero, 16},
                            out) == PH_OK);
    check_hex(out, 32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    CHECK(ph_aes256gcm_seal(
              unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").ptr,
              unhex("cafebabefacedbaddecaf888").ptr,
              unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
              unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
              out) == PH_OK);
    check_hex(out, 76,
              "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
              "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
              "76fc6ece0f4e1768cddf8853bb2d551b");
}

/* [node] createCipheriv with key seq(key_len), iv seq(iv_len), aad seq(20), plain text seq(37) */
static const struct {
    size_t key_len, iv_len, tag_len;
    const char *sealed;
} gcms[] = {
    {16, 12, 16,
     "936da5cd621ef15343db6b813aae7e07a33708f547f8ebe1fe38eb360859bc73a585f9d4d06db230"
     "a7d30a46c7ff4ec32ef1632682"},
    {16, 1, 12,
     "3a63fcbd84e40aad74265203947004a2571a27591987c8931126dd5b1b8e8fc42e16dbfd0468158c"
     "85159a1da24677153a"},
    {24, 60, 13,
     "9e7de807bf18b16871115072f48a9fb43b94c92556892f1ec77ecc3b200a7e5f69ab0414fc552122"
     "b488869ac2d7eb22636d"},
    {32, 12, 14,
     "4703d418c1e0c41c85489d80bde4766293c79527e46e496b207eff9e01741ead21318cdf8b105f47"
     "32acd7b7ccf83953a21742"},
    {32, 128, 15,
     "9ad7e2273524ca5a0c4e2b14b490e7e59de105c39bad94bcf3262840aef1aa70b554147cee7ba1b4"
     "9afcfce563e3f63209bd6d55"},
    {32, 12, 16,
     "4703d418c1e0c41c85489d80bde4766293c79527e46e496b207eff9e01741ead21318cdf8b105f47"
     "32acd7b7ccf83953a21742607c"},
};

TEST(aesgcm_matches_for_every_key_iv_and_tag_length)
{
    uint8_t out[64], back[64];

    for (size_t i = 0; i < PH_LEN(gcms); i++) {
        const struct ph_bytes key = seq(gcms[i].key_len), iv = seq(gcms[i].iv_len);
        const size_t tag_len = gcms[i].tag_len;
        CHECK(ph_aesgcm_seal(key, iv, seq(20), tag_len, seq(37), out) == PH_OK);
        check_hex(out, 37 + tag_len, gcms[i].sealed);
        CHECK(ph_aesgcm_open(key, iv, seq(20), tag_len, (struct ph_bytes){out, 37 + tag_len},
                             back) == PH_OK);
        assert_memory_equal(back, seq(37).ptr, 37);
        CHECK(ph_aesgcm_open(key, iv, seq(19), tag_len, (struct ph_bytes){out, 37 + tag_len},
                             back) == PH_ERR_UNTRUSTED);
        CHECK(ph_aesgcm_open(key, iv, seq(20), tag_len, (struct ph_bytes){out, tag_len - 1},
                             back) == PH_ERR_UNTRUSTED);
    }
}

TEST(open_refuses_every_flipped_bit_and_wipes_what_it_wrote)
{
    static const uint8_t zero[20];
    uint8_t key[32], nonce[12], sealed[36], out[20];

    memcpy(key, seq(32).ptr, 32);
    memcpy(nonce, seq(12).ptr, 12);
    CHECK(ph_aes256gcm_seal(key, nonce, seq(5), seq(20), sealed) == PH_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 0xaa, sizeof(out));
        CHECK(ph_aes256gcm_open(key, nonce, seq(5), PH_BYTES_OF(sealed), out) == PH_ERR_UNTRUSTED);
        assert_memory_equal(out, zero, sizeof(out));
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof(sealed); len++)
        CHECK(ph_aes256gcm_open(key, nonce, seq(5), (struct ph_bytes){sealed, len}, out) ==
              (len < 16 ? PH_ERR_MALFORMED : PH_ERR_UNTRUSTED));
    CHECK(ph_aes256gcm_open(key, nonce, seq(4), PH_BYTES_OF(sealed), out) == PH_ERR_UNTRUSTED);
    nonce[0] ^= 1;
    CHECK(ph_aes256gcm_open(key, nonce, seq(5), PH_BYTES_OF(sealed), out) == PH_ERR_UNTRUSTED);
    nonce[0] ^= 1;
    key[31] ^= 1;
    CHECK(ph_aes256gcm_open(key, nonce, seq(5), PH_BYTES_OF(sealed), out) == PH_ERR_UNTRUSTED);
    key[31] ^= 1;
    CHECK(ph_aes256gcm_open(key, nonce, seq(5), PH_BYTES_OF(sealed), out) == PH_OK);
    assert_memory_equal(out, seq(20).ptr, 20);
}

TEST(seal_and_open_work_in_place)
{
    uint8_t buf[37 + 16];

    memcpy(buf, seq(37).ptr, 37);
    CHECK(ph_aesgcm_seal(seq(32), seq(12), seq(20), 16, (struct ph_bytes){buf, 37}, buf) == PH_OK);
    check_hex(buf, sizeof(buf), gcms[PH_LEN(gcms) - 1].sealed);
    CHECK(ph_aesgcm_open(seq(32), seq(12), seq(20), 16, PH_BYTES_OF(buf), buf) == PH_OK);
    assert_memory_equal(buf, seq(37).ptr, 37);
}

TEST(aesgcm_refuses_lengths_out_of_range)
{
    uint8_t out[64];

    for (size_t len = 0; len <= 40; len++)
        CHECK(ph_aesgcm_seal(seq(len), seq(12), seq(0), 16, seq(1), out) ==
              (len == 16 || len == 24 || len == 32 ? PH_OK : PH_ERR_MALFORMED));
    for (size_t len = 0; len <= 20; len++)
        CHECK(ph_aesgcm_seal(seq(16), seq(12), seq(0), len, seq(1), out) ==
              (len >= 12 && len <= 16 ? PH_OK : PH_ERR_UNSUPPORTED));
    CHECK(ph_aesgcm_seal(seq(16), seq(0), seq(0), 16, seq(1), out) == PH_ERR_MALFORMED);
    CHECK(ph_aesgcm_seal(seq(16), seq(1), seq(0), 16, seq(1), out) == PH_OK);
    CHECK(ph_aesgcm_seal(seq(16), seq(128), seq(0), 16, seq(1), out) == PH_OK);
    CHECK(ph_aesgcm_seal(seq(16), seq(129), seq(0), 16, seq(1), out) == PH_ERR_UNSUPPORTED);
}

/* [node] createCipheriv('aes-128-ctr', seq(16), 16 bytes 0xff): the counter wraps */
TEST(aes128ctr_matches_and_undoes_itself)
{
    uint8_t iv[16], out[40], back[40];

    memset(iv, 0xff, sizeof(iv));
    CHECK(ph_aes128ctr(seq(16).ptr, iv, seq(40), out) == PH_OK);
    check_hex(out, sizeof(out),
              "3c451d31ca0284246cdea892025db51cd6b02924939a4d9577569b79bdd5c666536731b6b1e59239");
    CHECK(ph_aes128ctr(seq(16).ptr, iv, PH_BYTES_OF(out), back) == PH_OK);
    assert_memory_equal(back, seq(40).ptr, 40);
}

/* RFC 7748 §5.2 and §6.1 */
TEST(x25519_matches_rfc7748)
{
    uint8_t out[32];

    CHECK(ph_x25519(unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4").ptr,
                    unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c").ptr,
                    out) == PH_OK);
    check_hex(out, 32, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");

    const uint8_t *bob =
        unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb").ptr;
    CHECK(ph_x25519_public(bob, out) == PH_OK);
    check_hex(out, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    CHECK(ph_x25519(bob,
                    unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a").ptr,
                    out) == PH_OK);
    check_hex(out, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* The points of order 1, 2, 4 and 8, in every encoding below 2^255 that gives them. */
TEST(x25519_refuses_low_order_points)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t out[32];

    for (size_t i = 0; i < PH_LEN(points); i++) {
        memset(out, 0x55, sizeof(out));
        CHECK(ph_x25519(seq(32).ptr, unhex(points[i]).ptr, out) == PH_ERR_UNTRUSTED);
        CHECK(out[0] == 0x55 && out[31] == 0x55);
    }
}

TEST(random_fills_all_of_the_buffer)
{
    uint8_t bytes[300] = {0}, seen[300] = {0};

    for (int round = 0; round < 8; round++) {
        ph_random(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof(seen); i++)
        CHECK(seen[i] != 0);
}

PH_TEST_MAIN(CASE(aes256gcm_matches_the_mode_s_own_vectors),
             CASE(aesgcm_matches_for_every_key_iv_and_tag_length),
             CASE(open_refuses_every_flipped_bit_and_wipes_what_it_wrote),
             CASE(seal_and_open_work_in_place), CASE(aesgcm_refuses_lengths_out_of_range),
             CASE(aes128ctr_matches_and_undoes_itself), CASE(x25519_matches_rfc7748),
             CASE(x25519_refuses_low_order_points), CASE(random_fills_all_of_the_buffer))
