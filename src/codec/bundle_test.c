#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/bundle.h"
#include "crypto/hash.h"

static bool hex_is(const uint8_t *bytes, size_t len, const char *want)
{
    char hex[65];
    ph_hex_encode((struct ph_bytes){bytes, len}, hex);
    return strcmp(hex, want) == 0;
}

TEST(bundle_hash_is_over_sorted_files_whatever_their_order)
{
    const struct ph_bundle_file files[] = {{"a/b.js", PH_BYTES_LIT("export default 1")},
                                           {"phat.json", PH_BYTES_LIT("{}")},
                                           {"worker.js", PH_BYTES_LIT("")}};
    const struct ph_bundle_file mixed[] = {files[2], files[0], files[1]};
    const struct ph_bundle_file twice[] = {files[1], files[0], files[1]};
    struct ph_hash32 hash, other;

    ph_bundle_hash(files, 3, &hash);
    CHECK(hex_is(hash.b, 32, "d49a75a141a1e9ba7e098432a5da2873550b7ddfaf71b360fcf1080fa0270ca5"));
    ph_bundle_hash(mixed, 3, &other);
    CHECK(memcmp(hash.b, other.b, 32) == 0);
    ph_bundle_hash(files, 0, &hash);
    CHECK(hex_is(hash.b, 32, "a6928afe94bbc9f20b4f78474e44a5fd5635596ad04006d536c7634d02742253"));
    ph_bundle_hash(twice, 3, &hash); /* a file twice is not the same as once */
    ph_bundle_hash(files, 2, &other);
    CHECK(memcmp(hash.b, other.b, 32) != 0);
}

TEST(an_archive_has_the_hash_of_its_files)
{
    static struct ph_tar tar;
    struct ph_buf archive = PH_BUF(4096);
    char why[128];
    struct ph_hash32 hash;

    CHECK(ph_tar_add(&archive, "worker.js", PH_BYTES_LIT("")) == PH_OK);
    CHECK(ph_tar_add(&archive, "phat.json", PH_BYTES_LIT("{}")) == PH_OK);
    CHECK(ph_tar_add(&archive, "a/b.js", PH_BYTES_LIT("export default 1")) == PH_OK);
    CHECK(ph_tar_finish(&archive) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&archive), &tar, why) == PH_OK);
    ph_bundle_hash_tar(&tar, &hash);
    CHECK(hex_is(hash.b, 32, "d49a75a141a1e9ba7e098432a5da2873550b7ddfaf71b360fcf1080fa0270ca5"));
    CHECK(ph_bytes_is(ph_tar_find(&tar, PH_BYTES_LIT("phat.json"))->data, "{}"));
    CHECK(!ph_tar_find(&tar, PH_BYTES_LIT("phat.jso")) && !ph_tar_find(&tar, PH_BYTES_LIT("b.js")));
    ph_buf_clear(&archive);
}

TEST(a_list_of_files_shows_one_of_them_under_the_hash)
{
    static struct ph_tar tar;
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf list PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf twice PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    const struct ph_bytes path = PH_BYTES_LIT("phat.json");
    struct ph_hash32 hash, file, want;
    char why[128];

    CHECK(ph_tar_add(&archive, "phat.json", PH_BYTES_LIT("{}")) == PH_OK);
    CHECK(ph_tar_add(&archive, "a/b.js", PH_BYTES_LIT("export default 1")) == PH_OK);
    CHECK(ph_tar_add(&archive, "worker.js", PH_BYTES_LIT("")) == PH_OK);
    CHECK(ph_tar_finish(&archive) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&archive), &tar, why) == PH_OK);
    CHECK(ph_bundle_list_tar(&tar, &list) == PH_OK);
    CHECK(ph_bundle_list_find(ph_buf_view(&list), path, &hash, &file) == PH_OK);
    CHECK(hex_is(hash.b, 32, "d49a75a141a1e9ba7e098432a5da2873550b7ddfaf71b360fcf1080fa0270ca5"));
    ph_sha256(PH_BYTES_LIT("{}"), want.b);
    CHECK(memcmp(file.b, want.b, 32) == 0);
    CHECK(ph_bundle_list_find(ph_buf_view(&list), PH_BYTES_LIT("phat.js"), &hash, &file) ==
          PH_ERR_NOT_FOUND);
    for (size_t len = 0; len < list.len; len++) /* never the same hash: whole entries at most */
        CHECK(ph_bundle_list_find((struct ph_bytes){list.ptr, len}, path, &hash, &file) != PH_OK ||
              !hex_is(hash.b, 32,
                      "d49a75a141a1e9ba7e098432a5da2873550b7ddfaf71b360fcf1080fa0270ca5"));
    CHECK(ph_buf_add(&twice, ph_buf_view(&list)) == PH_OK);
    CHECK(ph_buf_add(&twice, ph_buf_view(&list)) == PH_OK);
    CHECK(ph_bundle_list_find(ph_buf_view(&twice), path, &hash, &file) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(bundle_hash_is_over_sorted_files_whatever_their_order),
             CASE(an_archive_has_the_hash_of_its_files),
             CASE(a_list_of_files_shows_one_of_them_under_the_hash))
