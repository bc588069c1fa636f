/* HMAC, HKDF, PBKDF2 and scrypt. */

#include "crypto/aead.h"
#include "crypto/pkey.h"
#include "crypto/test_priv.h"

/* [node] createHmac(alg, seq(key_len)).update(seq(100)): keys below, at and over both block sizes
 */
static const struct {
    enum ph_hash_alg alg;
    size_t key_len;
    const char *mac;
} hmacs[] = {
    {PH_HASH_SHA1, 0, "8c497aaa72a3d2ce3d9dfacd0b9d8fa9a16ca3ab"},
    {PH_HASH_SHA1, 64, "794fa95b091d4b71849b76024958e3cf35f340b0"},
    {PH_HASH_SHA1, 65, "4dac5a73fae3f422f0b49359f834ec69f069b6d5"},
    {PH_HASH_SHA1, 128, "b90d35c894e4e82cfe4e0833403f343644d665dc"},
    {PH_HASH_SHA1, 129, "c49a0d010551b761aa1fd1c7104e837b81885cc7"},
    {PH_HASH_SHA1, 200, "b390f9d5c2d1040ad6d8789acd8a7b91fde975dc"},
    {PH_HASH_SHA256, 0, "0da5d92cccf6bc8e19bf718cc7299a5c4ac87f62d2258662241fd5642759eb03"},
    {PH_HASH_SHA256, 64, "e0fc11a31f1f2b329e227864906e9a8b39de647be9e0a456fe509e8b63f111af"},
    {PH_HASH_SHA256, 65, "b111d1e4b6591f801ff7643c4d592adb08869a9686d44f4217b01405b29830e9"},
    {PH_HASH_SHA256, 128, "14b4cd853dcd5943c296aaade910efc5f85eb6ec3e54d2b24f945495a27208d2"},
    {PH_HASH_SHA256, 129, "89c2d84b5584c9e2ba5388a9d82d2f9dc3509d4f57ba96e6e82b44add78b2912"},
    {PH_HASH_SHA256, 200, "26d5c8292040e68502b71baef5465fe0dc01a0e000e45e541995fe33b79dab50"},
    {PH_HASH_SHA384, 0,
     "740ae36efe6bdd476feba8eb19deb752fcae41b38851a10829dd604748be252af214bbd5a2f28437"
     "db09798cebd66aef"},
    {PH_HASH_SHA384, 64,
     "bf9e396f7a17b29c77f3f1a7f21119c35dbafb629505447069e09d78909963137efcb5875e61648a"
     "a606a6bbb35cc451"},
    {PH_HASH_SHA384, 65,
     "a0043a798cb52b54172e579ba70b984b43344f8eebd0ab4cd4f0dfce195b8a693da9ac47c87d5b96"
     "3968341e4e374c4c"},
    {PH_HASH_SHA384, 128,
     "4b846d168d071d95064aad5220ed6165ec7aed361696ba519bc66141f54c83121a5f6dc97707920c"
     "874b85a086df1556"},
    {PH_HASH_SHA384, 129,
     "110b227fbdb4ed90e3a6f4ee05b14c887bb5c353140221852cbaa3446d51176ae818c90d8de20770"
     "f0b2f255959911d4"},
    {PH_HASH_SHA384, 200,
     "3009645b68630959ab1010d3c6a285ef23f7055c75e95a96f9fb5fc461887a236ffe25d1b5a19911"
     "fcbf13ed5d717deb"},
    {PH_HASH_SHA512, 0,
     "4c78a810526f715bfe8fcd499c46e56aee9542078c6da9f4cfc19df64a9f0ab7a32a34460bf245bd"
     "e40b0c825d15c7c79a29a0fd2aa37b5298624eeb374d4c0c"},
    {PH_HASH_SHA512, 64,
     "01e0d9ee3fd66f328b4fe0abccc54a37c91eccbe159ee3a6ab68d80c9580e427d27b00d81df3652b"
     "ad61b7eb04ba2a2d64e79b366ff78c05e994486eecb2857a"},
    {PH_HASH_SHA512, 65,
     "e82d49a65cddec7eedf54410933e7170c1e9c12f8a717a98ff42f850dee6af3b9547acab20325e81"
     "7fc9afb7dc7e07a1c107650b8fa3168cebfbfda734611151"},
    {PH_HASH_SHA512, 128,
     "e3e9d216c5faac0ef891f9761c94e52ad2406e4b49891c5ab4cb08ed39dc6a042dfa15aaf9cbede3"
     "834af75ff791799f47f084e4ee595a3c0b1446cc3c83df8f"},
    {PH_HASH_SHA512, 129,
     "7a1ea5657ffb7a5a2ab55ace727d8d9ebd0f71b52122e793215b737611c539b824f8b40472ec02dd"
     "e3baf80ac591da41991cca1937be3df31a03c39ac4d4397b"},
    {PH_HASH_SHA512, 200,
     "3a4559a22b75b5e3dcb5c29938552a7ac2e0deecda72f0a9da12040731a45e1fd454a8008eeef186"
     "4799fe093347690580efc0ba327bef67f82a60a504e43230"},
};

TEST(hmac_matches_for_short_block_sized_and_long_keys)
{
    uint8_t out[PH_HASH_MAX_LEN];

    for (size_t i = 0; i < PH_LEN(hmacs); i++) {
        CHECK(ph_hmac(hmacs[i].alg, seq(hmacs[i].key_len), seq(100), out) == PH_OK);
        check_hex(out, ph_hash_len(hmacs[i].alg), hmacs[i].mac);
        if (hmacs[i].alg == PH_HASH_SHA256) {
            ph_hmac_sha256(seq(hmacs[i].key_len), seq(100), out);
            check_hex(out, 32, hmacs[i].mac);
        }
    }
}

/* RFC 4231 §4.3 */
TEST(hmac_matches_rfc4231)
{
    uint8_t out[32];

    ph_hmac_sha256(PH_BYTES_LIT("Jefe"), PH_BYTES_LIT("what do ya want for nothing?"), out);
    check_hex(out, sizeof(out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(hmac_verify_refuses_every_flipped_bit_and_every_other_length)
{
    uint8_t mac[PH_HASH_MAX_LEN + 1] = {0};

    CHECK(ph_hmac(PH_HASH_SHA384, seq(5), seq(9), mac) == PH_OK);
    for (size_t len = 0; len <= sizeof(mac); len++)
        CHECK(ph_hmac_verify(PH_HASH_SHA384, seq(5), seq(9), (struct ph_bytes){mac, len}) ==
              (len == 48 ? PH_OK : PH_ERR_UNTRUSTED));
    for (size_t bit = 0; bit < 8 * 48; bit++) {
        mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_hmac_verify(PH_HASH_SHA384, seq(5), seq(9), (struct ph_bytes){mac, 48}) ==
              PH_ERR_UNTRUSTED);
        mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* [node] hkdfSync(alg, seq(22), seq(13), seq(10), 100) */
static const struct {
    enum ph_hash_alg alg;
    const char *okm;
} hkdfs[] = {
    {PH_HASH_SHA1,
     "0d37512ecc1f7bc414a65c8a3d193ca66c6b621f0e31f45f7d77390b89ab4eadb3da9ec392f5ea0b"
     "480965f748719ffaaa5d49745f32960dfd70c86271498752255b9e0697e7b7390a771e246019e824"
     "b464a2a259804f2d1a3529f540b5329f6eda1f89"},
    {PH_HASH_SHA256,
     "b220e4a3cf7e01ec0dcd73e9102dd79eca3bd9bb2a07c5fbc831a3cbc0066b4498af7e7eab96d875"
     "9e3ab93a404efde6e5136c640c35b6412686dfa0247508e069c90d462b3b7b1c102314e2de96e5d4"
     "7d2184f067c00e25f57410e320e33a1fca187bfd"},
    {PH_HASH_SHA384,
     "08fbf5050546938c2e72f19aab24faea8e23c9ada36b0aa4734aae19b3239743d9d6615ca27d42a0"
     "1f64a51c0122c4b1a3ffad5bc7fd041aa7dc81a024ddda24f365a80b4482dd8f4774beb51e35cbcd"
     "d66db8822d936f40884515bd59a32dcd2db8adb2"},
    {PH_HASH_SHA512,
     "8ddb16533686818236fc669cd38bdd2141111a1c91aa216572013befce567671f25d72346cd015f3"
     "1f1926b6c50e93a94ee7bdda8dc8d148d2b9622e665f550f959e7a1015b581f699b06802939dd1ed"
     "0fa165ac509df01a608d1fc1fe55dc135ed26037"},
};

TEST(hkdf_matches_with_every_hash)
{
    uint8_t out[100];

    for (size_t i = 0; i < PH_LEN(hkdfs); i++) {
        CHECK(ph_hkdf(hkdfs[i].alg, seq(22), seq(13), seq(10), out, sizeof(out)) == PH_OK);
        check_hex(out, sizeof(out), hkdfs[i].okm);
    }
}

/* RFC 5869 A.1, A.3: with salt and info, and with neither. */
TEST(hkdf_matches_rfc5869)
{
    uint8_t out[42];

    CHECK(ph_hkdf_sha256(unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                         unhex("000102030405060708090a0b0c"), unhex("f0f1f2f3f4f5f6f7f8f9"), out,
                         sizeof(out)) == PH_OK);
    check_hex(out, sizeof(out),
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
              "34007208d5b887185865");
    CHECK(ph_hkdf_sha256(unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                         (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0}, out,
                         sizeof(out)) == PH_OK);
    check_hex(out, sizeof(out),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
              "9d201395faa4b61a96c8");
}

TEST(hkdf_gives_255_blocks_and_no_more)
{
    static uint8_t out[255 * 64 + 1];

    CHECK(ph_hkdf(PH_HASH_SHA256, seq(1), seq(1), seq(1), out, 255 * 32) == PH_OK);
    CHECK(ph_hkdf(PH_HASH_SHA256, seq(1), seq(1), seq(1), out, 255 * 32 + 1) == PH_ERR_LIMIT);
    CHECK(ph_hkdf(PH_HASH_SHA512, seq(1), seq(1), seq(1), out, 255 * 64) == PH_OK);
    CHECK(ph_hkdf(PH_HASH_SHA512, seq(1), seq(1), seq(1), out, 255 * 64 + 1) == PH_ERR_LIMIT);
    CHECK(ph_hkdf(PH_HASH_SHA256, seq(1), seq(1), seq(1), out, 0) == PH_OK);
}

/* [node] pbkdf2Sync('password', 'salt', 3, 100, alg) */
static const struct {
    enum ph_hash_alg alg;
    const char *key;
} pbkdf2s[] = {
    {PH_HASH_SHA1,
     "6b4e26125c25cf21ae35ead955f479ea2e71f6ff9e400029f04810eece31355533bb2ed348e604da"
     "707cc4562f85fe120c5c3f28ae007805d5e5fa11c0aa19fbfd399d4346298c4d98ad3f7af428400a"
     "1c420c887a81f168d3ae12d89112f6e7f205b7f3"},
    {PH_HASH_SHA256,
     "ad35240ac683febfaf3cd49d845473fbbbaa2437f5f82d5a415ae00ac76c6bfccf9a9b8d6d2fe4a1"
     "e700c4460b040dbed692c1cb85a747f35588c08930fcfc41ac48082086069b111a9c752f1856237f"
     "3af8adc86757f26c60870d3eb52a7c2060c3749b"},
    {PH_HASH_SHA384,
     "1bfb451b6087e5d24eeffb57d7284448da95b581d35a1887d9a6e756af559b1fb4798a4529502f87"
     "cdf71f435d66d25e344483fb1f24ab37be82ed35c43762d01520cd6457ab0240e0b334cfc688f5da"
     "7cc7febb0af6bbb4a7d1def8190116bea389efcb"},
    {PH_HASH_SHA512,
     "b6b07cb2cebf4ad84468391a543824fccffe0e0769dbe6bddf10a65673c4b648e612d44918f9ce9a"
     "19a1294cf5140628084ba994c3b21a4ef4741220b811c633cfc0641fccbcc4164f1bbfcb1f33f595"
     "ae9aa4a33ddcce570157775980362c0ee28aa340"},
};

TEST(pbkdf2_matches_with_every_hash)
{
    uint8_t out[100];

    for (size_t i = 0; i < PH_LEN(pbkdf2s); i++) {
        CHECK(ph_pbkdf2(pbkdf2s[i].alg, PH_BYTES_LIT("password"), PH_BYTES_LIT("salt"), 3, out,
                        sizeof(out)) == PH_OK);
        check_hex(out, sizeof(out), pbkdf2s[i].key);
    }
}

/* RFC 7914 §11 */
TEST(pbkdf2_matches_rfc7914)
{
    uint8_t out[64];

    CHECK(ph_pbkdf2_sha256(PH_BYTES_LIT("passwd"), PH_BYTES_LIT("salt"), 1, out, sizeof(out)) ==
          PH_OK);
    check_hex(out, sizeof(out),
              "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
              "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    CHECK(ph_pbkdf2_sha256(PH_BYTES_LIT("Password"), PH_BYTES_LIT("NaCl"), 80000, out,
                           sizeof(out)) == PH_OK);
    check_hex(out, sizeof(out),
              "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
              "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
}

/* RFC 7914 §12 */
TEST(scrypt_matches_rfc7914)
{
    uint8_t out[64];

    CHECK(ph_scrypt((struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0}, 16, 1, 1, out,
                    sizeof(out)) == PH_OK);
    check_hex(out, sizeof(out),
              "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
              "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    CHECK(ph_scrypt(PH_BYTES_LIT("password"), PH_BYTES_LIT("NaCl"), 1024, 8, 16, out,
                    sizeof(out)) == PH_OK);
    check_hex(out, sizeof(out),
              "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
              "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

TEST(kdf_parameters_out_of_range_are_refused)
{
    uint8_t out[32];
    const struct ph_bytes pw = PH_BYTES_LIT("pw"), salt = PH_BYTES_LIT("salt");

    CHECK(ph_pbkdf2_sha256(pw, salt, 0, out, sizeof(out)) == PH_ERR_MALFORMED);
    CHECK(ph_pbkdf2(PH_HASH_NONE, pw, salt, 1, out, sizeof(out)) == PH_ERR_UNSUPPORTED);
    CHECK(ph_hkdf(PH_HASH_NONE, pw, salt, salt, out, sizeof(out)) == PH_ERR_UNSUPPORTED);
    CHECK(ph_hmac(PH_HASH_NONE, pw, salt, (uint8_t[PH_HASH_MAX_LEN]){0}) == PH_ERR_UNSUPPORTED);
    static const struct {
        uint64_t n;
        uint32_t r, p;
        enum ph_err err;
    } bad[] = {
        {0, 8, 1, PH_ERR_MALFORMED},       {1, 8, 1, PH_ERR_MALFORMED},
        {1000, 8, 1, PH_ERR_MALFORMED},    {1024, 0, 1, PH_ERR_MALFORMED},
        {1024, 8, 0, PH_ERR_MALFORMED},    {1u << 20, 8, 1, PH_ERR_LIMIT},
        {1ull << 63, 8, 1, PH_ERR_LIMIT},  {16, 1u << 31, 1, PH_ERR_LIMIT},
        {16, 1, UINT32_MAX, PH_ERR_LIMIT},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_scrypt(pw, salt, bad[i].n, bad[i].r, bad[i].p, out, sizeof(out)) == bad[i].err);
}

PH_TEST_MAIN(CASE(hmac_matches_for_short_block_sized_and_long_keys), CASE(hmac_matches_rfc4231),
             CASE(hmac_verify_refuses_every_flipped_bit_and_every_other_length),
             CASE(hkdf_matches_with_every_hash), CASE(hkdf_matches_rfc5869),
             CASE(hkdf_gives_255_blocks_and_no_more), CASE(pbkdf2_matches_with_every_hash),
             CASE(pbkdf2_matches_rfc7914), CASE(scrypt_matches_rfc7914),
             CASE(kdf_parameters_out_of_range_are_refused))
