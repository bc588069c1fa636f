/* RSASSA-PSS in portable C: what libcrypto signs verifies, and no encoding but the right one. */

#include "crypto/rsa_priv.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#include <stdlib.h>

enum { E = 65537 };

static void key_freep(struct ph_rsa_key **key)
{
    ph_rsa_key_free(*key);
}

struct signed_text {
    struct ph_bytes n;
    uint8_t n_bytes[PH_RSA_MAX_LEN], sig[PH_RSA_MAX_LEN], em[PH_RSA_MAX_LEN], digest[48];
};

/* A fresh key's signature over "sample", and the encoding in it. */
static void sign(struct signed_text *out, unsigned bits)
{
    struct ph_rsa_key *key PH_OWNED(key_freep) = NULL;
    size_t sig_len = 0;

    CHECK(ph_rsa_key_generate(bits, &key) == PH_OK);
    CHECK(ph_rsa_pss384_sign(key, PH_BYTES_LIT("sample"), out->sig, &sig_len) == PH_OK);
    out->n = (struct ph_bytes){out->n_bytes, sig_len};
    CHECK(ph_rsa_key_n(key).len == sig_len);
    memcpy(out->n_bytes, ph_rsa_key_n(key).ptr, sig_len);
    ph_sha384(PH_BYTES_LIT("sample"), out->digest);
    CHECK(ph_rsa_portable_raise(out->n, E, (struct ph_bytes){out->sig, sig_len}, out->em) == PH_OK);
}

static enum ph_err check(const struct signed_text *s)
{
    return ph_rsa_portable_pss384_check((struct ph_bytes){s->em, s->n.len}, ph_rsa_bits(s->n),
                                        s->digest);
}

TEST(what_libcrypto_signs_verifies_whatever_the_length_of_the_modulus)
{
    static const unsigned sizes[] = {2048, 2050, 2054, 2056, 3070, 3072, 4096};

    for (size_t i = 0; i < PH_LEN(sizes); i++) {
        struct signed_text s;
        sign(&s, sizes[i]);
        CHECK(ph_rsa_bits(s.n) == sizes[i]);
        CHECK(check(&s) == PH_OK);
        s.digest[47] ^= 1;
        CHECK(check(&s) == PH_ERR_UNTRUSTED);
    }
}

/* RFC 8017 §9.1.1 with a salt of 0, 1, 2, …; `len` bytes, of which `bits` is one more than it has
 * bits. */
static void encode(uint8_t *em, size_t len, size_t bits, const uint8_t digest[static 48])
{
    const size_t em_len = (bits - 1 + 7) / 8, db_len = em_len - 49;
    uint8_t *const db = em + len - em_len, *const h = db + db_len;
    uint8_t text[8 + 48 + 48] = {0}, seed[52], mask[48];

    memset(em, 0, len);
    memcpy(text + 8, digest, 48);
    memcpy(text + 56, seq(48).ptr, 48);
    ph_sha384(PH_BYTES_OF(text), h);
    db[db_len - 49] = 1;
    memcpy(db + db_len - 48, seq(48).ptr, 48);
    memcpy(seed, h, 48);
    for (size_t i = 0; i < db_len; i++) {
        const uint8_t counter[4] = {0, 0, 0, (uint8_t)(i / 48)};
        memcpy(seed + 48, counter, 4);
        if (i % 48 == 0)
            ph_sha384(PH_BYTES_OF(seed), mask);
        db[i] ^= mask[i % 48];
    }
    db[0] &= (uint8_t)(0xff >> (8 * em_len - (bits - 1)));
    em[len - 1] = 0xbc;
}

/* One of them, 2049, is a byte longer than its encoding. */
TEST(moduli_of_every_length_in_bits_have_their_own_encoding)
{
    uint8_t em[257], digest[48];

    memcpy(digest, seq(48).ptr, 48);
    for (size_t bits = 2048; bits <= 2056; bits++) {
        const size_t len = (bits + 7) / 8;
        encode(em, len, bits, digest);
        CHECK(ph_rsa_portable_pss384_check((struct ph_bytes){em, len}, bits, digest) == PH_OK);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            em[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(ph_rsa_portable_pss384_check((struct ph_bytes){em, len}, bits, digest) ==
                  PH_ERR_UNTRUSTED);
            em[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

TEST(every_flipped_bit_of_the_encoding_is_refused)
{
    struct signed_text s;

    sign(&s, PH_RSA_MIN_BITS);
    for (size_t bit = 0; bit < PH_RSA_MIN_BITS; bit++) {
        s.em[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(check(&s) == PH_ERR_UNTRUSTED);
        s.em[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(a_signature_of_another_length_or_not_below_n_is_refused)
{
    struct signed_text s;
    uint8_t out[PH_RSA_MAX_LEN], big[PH_RSA_MAX_LEN + 1] = {0};

    sign(&s, PH_RSA_MIN_BITS);
    for (size_t len = 0; len < s.n.len; len++)
        CHECK(ph_rsa_portable_raise(s.n, E, (struct ph_bytes){s.sig, len}, out) ==
              PH_ERR_UNTRUSTED);
    memcpy(big + 1, s.sig, s.n.len); /* the same number */
    CHECK(ph_rsa_portable_raise(s.n, E, (struct ph_bytes){big, s.n.len + 1}, out) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_rsa_portable_raise(s.n, E, s.n, out) == PH_ERR_UNTRUSTED);
    memcpy(big, s.n.ptr, s.n.len);
    big[s.n.len - 1] ^= 1; /* n - 1, which is -1: an odd power of it is itself */
    CHECK(ph_rsa_portable_raise(s.n, E, (struct ph_bytes){big, s.n.len}, out) == PH_OK);
    assert_memory_equal(out, big, s.n.len);
}

TEST(any_public_exponent_up_to_32_bits_works)
{
    /* 2^e is below n for every e here but the last. */
    struct signed_text s;
    uint8_t base[PH_RSA_MAX_LEN], out[PH_RSA_MAX_LEN], want[PH_RSA_MAX_LEN];

    sign(&s, PH_RSA_MIN_BITS);
    for (uint32_t e = 3; e < 256; e += 2) {
        memset(base, 0, sizeof(base));
        memset(want, 0, sizeof(want));
        base[s.n.len - 1] = 2;
        want[s.n.len - 1 - e / 8] = (uint8_t)(1 << e % 8);
        CHECK(ph_rsa_portable_raise(s.n, e, (struct ph_bytes){base, s.n.len}, out) == PH_OK);
        assert_memory_equal(out, want, s.n.len);
    }
    base[s.n.len - 1] = 1;
    want[s.n.len - 1 - 255 / 8] = 0;
    want[s.n.len - 1] = 1;
    CHECK(ph_rsa_portable_raise(s.n, UINT32_MAX, (struct ph_bytes){base, s.n.len}, out) == PH_OK);
    assert_memory_equal(out, want, s.n.len);
}

PH_TEST_MAIN(CASE(what_libcrypto_signs_verifies_whatever_the_length_of_the_modulus),
             CASE(moduli_of_every_length_in_bits_have_their_own_encoding),
             CASE(every_flipped_bit_of_the_encoding_is_refused),
             CASE(a_signature_of_another_length_or_not_below_n_is_refused),
             CASE(any_public_exponent_up_to_32_bits_works))
