/* SHA-1, SHA-2 and Keccak-256 around their block boundaries. */

#include "crypto/hash.h"

#include "crypto/pkey.h"
#include "crypto/test_priv.h"

/* [noble] keccak_256(seq(len)) */
static const struct {
    size_t len;
    const char *digest;
} keccaks[] = {
    {0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
    {1, "bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a"},
    {135, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62"},
    {136, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e"},
    {137, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db"},
    {271, "27eceb59ebc3dc8a04a5b135be641591a7278540e4556a2ba9f408194e666ec3"},
    {272, "8e2476e65823b24d96ebe239f2c1534cdf763e689e2410c3b1cb0c74e6177bfc"},
    {273, "3f02f134370e4debb95140ef49ddd3aed8c65ff1ed83a43f1b269421f179c5f9"},
    {1000, "af692982e84a5a9688359025660a7857cd28ee7c8d867cfa1677baf2e6d1f63b"},
};

TEST(keccak256_matches_at_every_rate_boundary)
{
    uint8_t out[PH_KECCAK256_LEN];

    for (size_t i = 0; i < PH_LEN(keccaks); i++) {
        ph_keccak256(seq(keccaks[i].len), out);
        check_hex(out, sizeof(out), keccaks[i].digest);
    }
    ph_keccak256(PH_BYTES_LIT("abc"), out);
    check_hex(out, sizeof(out), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

/* [node] createHash(alg).update(seq(len)) */
static const struct {
    enum ph_hash_alg alg;
    size_t len;
    const char *digest;
} hashes[] = {
    {PH_HASH_SHA1, 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {PH_HASH_SHA1, 55, "8ae2d46729cfe68ff927af5eec9c7d1b66d65ac2"},
    {PH_HASH_SHA1, 56, "636e2ec698dac903498e648bd2f3af641d3c88cb"},
    {PH_HASH_SHA1, 64, "c6138d514ffa2135bfce0ed0b8fac65669917ec7"},
    {PH_HASH_SHA1, 111, "bc544e24573d592290fdaff8ecf3f7f2b00cd483"},
    {PH_HASH_SHA1, 112, "e4ce142d09a84a8645338dd6535cbfaaf800d320"},
    {PH_HASH_SHA1, 128, "e6434bc401f98603d7eda504790c98c67385d535"},
    {PH_HASH_SHA1, 1000, "c9c960a0b925474fab83942cc27d504fc24ac37b"},
    {PH_HASH_SHA256, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {PH_HASH_SHA256, 55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
    {PH_HASH_SHA256, 56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
    {PH_HASH_SHA256, 64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
    {PH_HASH_SHA256, 111, "60780e9451bdc43cf4530ffc95cbb0c4eb24dae2c39f55f334d679e076c08065"},
    {PH_HASH_SHA256, 112, "09373f127d34e61dbbaa8bc4499c87074f2ddb10e1b465f506d7d70a15011979"},
    {PH_HASH_SHA256, 128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"},
    {PH_HASH_SHA256, 1000, "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"},
    {PH_HASH_SHA384, 0,
     "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fb"
     "d51ad2f14898b95b"},
    {PH_HASH_SHA384, 55,
     "dcedb6b590edb4efa849c801e6b6490657a5c1e64f69269f5f63c9267f6223de24cea7aaa6b267d9"
     "bcecc15147b6c875"},
    {PH_HASH_SHA384, 56,
     "7b9132d597b8873ad55bbc30f18ed3f2c9f340e7de69fb5774056c71a06d9bc2b14137e9e1c68b6b"
     "645fed28b188249d"},
    {PH_HASH_SHA384, 64,
     "9f2c9eb7116b3d7a4ba84a74a4d4eff8a5efcf54b6d7b662693c38577914c73a214766f0a175339b"
     "b0895a863824fc0a"},
    {PH_HASH_SHA384, 111,
     "f5f9fe110d809d34029de262a01b208356caec6e054c7f926b2591f6c9780579d4b59f5578c6f531"
     "a84f158a33660cef"},
    {PH_HASH_SHA384, 112,
     "33ba080ec0ccb378e4e95fed3b26c23aa1a280476e007519ee47f60cd9c5c8a65d627259a9aa2fd3"
     "3ca06d3c14ee5548"},
    {PH_HASH_SHA384, 128,
     "ca2385773319124534111a36d0581fc3f00815e907034b90cff9c3a861e126a741d5dfcff65a417b"
     "6d7296863ac0ec17"},
    {PH_HASH_SHA384, 1000,
     "7a2f8c7f12344964a13cb9260492b845e56615d6152b9eb9e54b580fc88405e64f31813bfda10de2"
     "a642fdf1676c61b4"},
    {PH_HASH_SHA512, 0,
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0"
     "ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {PH_HASH_SHA512, 55,
     "6856647f269c2ee3d8128f0b25427659d880641ef343300dd3cd4679168f58d6527fda70b4ebc854"
     "e2065e172b7d58c1536992c0810599259ba84a2b40c65414"},
    {PH_HASH_SHA512, 56,
     "8b12b2f6fe400a51d29656e2b8c42a1bbfe6fcf3e425da430db05d1a2dda14790dee20fa8b22d876"
     "2afffe4988a5c98a4430d22a17e41e23d90fa61ab75671a9"},
    {PH_HASH_SHA512, 64,
     "ee4320ebaf3fdb4f2c832b137200c08e235e0fa7bbd0eb1740c7063ba8a0d151da77e003398e1714"
     "a955d475b05e3e950b639503b452ec185de4229bc4873949"},
    {PH_HASH_SHA512, 111,
     "a1a111449b198d9b1f538bad7f3fc1022b3a5b1a5e90a0bc860de8512746cbc31599e6c834de3a32"
     "35327af0b51ff57bf7acf1974a73014d9c3953812edc7c8d"},
    {PH_HASH_SHA512, 112,
     "c5fbd731d19d2ae1180f001be72c2c1aaba1d7b094b3748880e24593b8e117a750e11c1bd867cc2f"
     "96dace8c8b74abd2d5c4f236be444e77d30d1916174070b9"},
    {PH_HASH_SHA512, 128,
     "1dffd5e3adb71d45d2245939665521ae001a317a03720a45732ba1900ca3b8351fc5c9b4ca513eba"
     "6f80bc7b1d1fdad4abd13491cb824d61b08d8c0e1561b3f7"},
    {PH_HASH_SHA512, 1000,
     "5096498d96f50f9a137c4db5b8b0cd38383ad55350fb5a98805fedc31fa1262f1f0cf4d6f12d7ecd"
     "8dedd933a4c9126344fe22e937a8ad35fdeae1e876ae698b"},
};

TEST(sha_matches_at_every_block_boundary)
{
    uint8_t out[PH_HASH_MAX_LEN];

    for (size_t i = 0; i < PH_LEN(hashes); i++) {
        CHECK(ph_hash(hashes[i].alg, seq(hashes[i].len), out) == PH_OK);
        check_hex(out, ph_hash_len(hashes[i].alg), hashes[i].digest);
    }
}

TEST(one_shot_sha2_agrees_with_the_general_form)
{
    uint8_t want[PH_HASH_MAX_LEN], got[PH_HASH_MAX_LEN];

    for (size_t len = 0; len < 300; len++) {
        CHECK(ph_hash(PH_HASH_SHA256, seq(len), want) == PH_OK);
        ph_sha256(seq(len), got);
        assert_memory_equal(got, want, PH_SHA256_LEN);
        CHECK(ph_hash(PH_HASH_SHA384, seq(len), want) == PH_OK);
        ph_sha384(seq(len), got);
        assert_memory_equal(got, want, PH_SHA384_LEN);
        CHECK(ph_hash(PH_HASH_SHA512, seq(len), want) == PH_OK);
        ph_sha512(seq(len), got);
        assert_memory_equal(got, want, PH_SHA512_LEN);
    }
}

TEST(incremental_sha256_does_not_depend_on_how_the_data_is_cut)
{
    const struct ph_bytes data = seq(200);
    uint8_t want[PH_SHA256_LEN], got[PH_SHA256_LEN];
    struct ph_sha256 ctx;

    ph_sha256(data, want);
    for (size_t cut = 0; cut <= data.len; cut++) {
        ph_sha256_init(&ctx);
        ph_sha256_update(&ctx, (struct ph_bytes){data.ptr, cut});
        ph_sha256_update(&ctx, (struct ph_bytes){NULL, 0});
        ph_sha256_update(&ctx, (struct ph_bytes){data.ptr + cut, data.len - cut});
        ph_sha256_final(&ctx, got);
        assert_memory_equal(got, want, sizeof(want));
    }
}

TEST(incremental_sha384_does_not_depend_on_how_the_data_is_cut)
{
    const struct ph_bytes data = seq(200);
    uint8_t want[PH_SHA384_LEN], got[PH_SHA384_LEN];
    struct ph_sha384 ctx;

    ph_sha384(data, want);
    for (size_t cut = 0; cut <= data.len; cut++) {
        ph_sha384_init(&ctx);
        ph_sha384_update(&ctx, (struct ph_bytes){data.ptr, cut});
        ph_sha384_update(&ctx, (struct ph_bytes){NULL, 0});
        ph_sha384_update(&ctx, (struct ph_bytes){data.ptr + cut, data.len - cut});
        ph_sha384_final(&ctx, got);
        assert_memory_equal(got, want, sizeof(want));
    }
}

TEST(hash_names_are_matched_whole_and_without_case)
{
    CHECK(ph_hash_by_name(PH_BYTES_LIT("SHA-1")) == PH_HASH_SHA1);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("sha-256")) == PH_HASH_SHA256);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("Sha-384")) == PH_HASH_SHA384);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("SHA-512")) == PH_HASH_SHA512);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("SHA-51")) == PH_HASH_NONE);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("SHA-5122")) == PH_HASH_NONE);
    CHECK(ph_hash_by_name(PH_BYTES_LIT("MD5")) == PH_HASH_NONE);
    CHECK(ph_hash_by_name((struct ph_bytes){NULL, 0}) == PH_HASH_NONE);
}

TEST(no_hash_is_refused)
{
    uint8_t out[PH_HASH_MAX_LEN];

    CHECK(ph_hash(PH_HASH_NONE, seq(3), out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_hash((enum ph_hash_alg)99, seq(3), out) == PH_ERR_UNSUPPORTED);
    CHECK(ph_hash_len(PH_HASH_NONE) == 0 && ph_hash_block_len((enum ph_hash_alg)99) == 0);
}

PH_TEST_MAIN(CASE(keccak256_matches_at_every_rate_boundary),
             CASE(sha_matches_at_every_block_boundary),
             CASE(one_shot_sha2_agrees_with_the_general_form),
             CASE(incremental_sha256_does_not_depend_on_how_the_data_is_cut),
             CASE(incremental_sha384_does_not_depend_on_how_the_data_is_cut),
             CASE(hash_names_are_matched_whole_and_without_case), CASE(no_hash_is_refused))
