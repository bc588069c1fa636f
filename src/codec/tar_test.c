/* Bundles: archives of ours and of tar's make, each refusal alone, every truncation. */

#include "codec/tar.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

enum { BLOCK = 512 };

static struct ph_tar tar;
static char why[128];

static void add(struct ph_buf *buf, const char *path, const char *text)
{
    CHECK(ph_tar_add(buf, path, ph_bytes_str(text)) == PH_OK);
}

/* One file "a/b.js" with "hello", finished: 4 blocks. */
static void make_small(struct ph_buf *buf)
{
    add(buf, "a/b.js", "hello");
    CHECK(ph_tar_finish(buf) == PH_OK && buf->len == 4 * BLOCK);
}

/* Set the checksum of the header at `at` to what its bytes give: an independent sum. */
static void fix_checksum(uint8_t *at)
{
    unsigned sum = 0;

    memset(at + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += at[i];
    (void)snprintf((char *)at + 148, 8, "%06o", sum);
    at[155] = ' ';
}

static void refuse(struct ph_bytes archive, enum ph_err err, const char *reason)
{
    tar.file_cnt = 12345;
    const enum ph_err got = ph_tar_parse(archive, &tar, why);
    if (got != err || !strstr(why, reason))
        fail_msg("got %s \"%s\", expected \"%s\"", ph_err_name(got), why, reason);
    CHECK(tar.file_cnt == 12345);
}

TEST(files_come_back_sorted_with_their_bytes)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    char data[1025];

    memset(data, 'x', 1024);
    data[1024] = '\0';
    add(&buf, "worker.js", "export default {}");
    add(&buf, "a/\xc3\xa9.txt", "");
    add(&buf, "a-b", "1");
    add(&buf, "phat.json", data);
    add(&buf, "a/b/c", data + 512);
    CHECK(ph_tar_finish(&buf) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK && tar.file_cnt == 5);
    assert_string_equal(tar.files[0].path, "a-b");
    assert_string_equal(tar.files[1].path, "a/b/c");
    assert_string_equal(tar.files[2].path, "a/\xc3\xa9.txt");
    assert_string_equal(tar.files[3].path, "phat.json");
    assert_string_equal(tar.files[4].path, "worker.js");
    CHECK(tar.files[1].data.len == 512 && tar.files[2].data.len == 0 &&
          tar.files[3].data.len == 1024);
    CHECK(ph_bytes_is(tar.files[4].data, "export default {}"));
}

TEST(an_empty_archive_and_extra_zero_blocks_are_accepted)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    uint8_t *at;

    CHECK(ph_tar_finish(&buf) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK && tar.file_cnt == 0);
    CHECK(ph_buf_reserve(&buf, 18 * BLOCK, &at) == PH_OK); /* GNU tar pads to 20 blocks */
    memset(at, 0, 18 * BLOCK);
    buf.len += 18 * BLOCK;
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK && tar.file_cnt == 0);
    at[18 * BLOCK - 1] = 1;
    refuse(ph_buf_view(&buf), PH_ERR_MALFORMED, "end marker");
}

TEST(every_truncation_is_refused)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    make_small(&buf);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK);
    for (size_t n = 0; n < buf.len; n++) {
        uint8_t *exact PH_OWNED(ph_freep) = malloc(n > 0 ? n : 1);
        CHECK(exact != NULL);
        memcpy(exact, buf.ptr, n);
        CHECK(ph_tar_parse((struct ph_bytes){exact, n}, &tar, why) == PH_ERR_MALFORMED);
    }
}

TEST(every_changed_header_byte_is_refused)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    make_small(&buf);
    for (size_t i = 0; i < BLOCK; i++) {
        buf.ptr[i] ^= 0x01;
        /* The checksum's own terminator may be a NUL or a space, nothing else. */
        CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_ERR_MALFORMED);
        buf.ptr[i] ^= 0x01;
    }
}

/* A change to a valid header, with the checksum set right, and what is said of it. */
static const struct {
    const char *bytes; /* NULL: one byte 0x80 */
    size_t at, len;    /* len 0: the whole name */
    const char *reason;
} changes[] = {
    {"1", 156, 1, "only regular files"},  /* hard link */
    {"2", 156, 1, "only regular files"},  /* symbolic link */
    {"3", 156, 1, "only regular files"},  /* device */
    {"5", 156, 1, "only regular files"},  /* directory */
    {"x", 156, 1, "only regular files"},  /* pax header */
    {"g", 156, 1, "only regular files"},  /* pax global header */
    {"L", 156, 1, "only regular files"},  /* GNU long name */
    {"S", 156, 1, "only regular files"},  /* GNU sparse file */
    {"\0", 156, 1, "only regular files"}, /* before POSIX */
    {"7", 156, 1, "only regular files"},  /* contiguous file */
    {"x", 157, 1, "link target"},
    {"ustar  \0", 257, 8, "no POSIX ustar"}, /* GNU's own format */
    {"ustar\0"
     "01",
     257, 8, "no POSIX ustar"},
    {"\0\0\0\0\0\0\0\0", 257, 8, "no POSIX ustar"},
    {"/etc/passwd", 0, 0, "absolute"},
    {"../x", 0, 0, "\"..\""},
    {"a/../x", 0, 0, "\"..\""},
    {"a/..", 0, 0, "\"..\""},
    {"./b.js", 0, 0, "\".\""},
    {"a/./b", 0, 0, "\".\""},
    {"a//b", 0, 0, "empty segment"},
    {"a/", 0, 0, "empty segment"},
    {"a\\b", 0, 0, "backslash"},
    {"a\nb", 0, 0, "control character"},
    {"a\x7f", 0, 0, "control character"},
    {"a\x01", 0, 0, "control character"},
    {"\xff", 0, 0, "not UTF-8"},
    {"\xc0\xaf", 0, 0, "not UTF-8"},
    {"", 0, 0, "path is empty"},
    {"x", 50, 1, "after the end of its name"},
    {"x", 400, 1, "after the end of its name"},
    {"/etc", 345, 4, "absolute"},
    {"..", 345, 2, "\"..\""},
    {NULL, 124, 1, "size is not an octal"}, /* base-256 */
    {"00000000008", 124, 11, "size is not an octal"},
    {"-0000000005", 124, 11, "size is not an octal"},
    {"           ", 124, 11, "size is not an octal"},
    {"00000000005x", 124, 12, "size is not an octal"},
    {"00000000004", 124, 11, "padding"},
    {"77777777777", 124, 11, "longer than the archive"},
    {"00000003001", 124, 11, "longer than the archive"},
};

TEST(each_forbidden_header_is_refused_with_its_reason)
{
    for (size_t i = 0; i < PH_LEN(changes); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
        add(&buf, "a/b.js", "hello");
        CHECK(ph_tar_finish(&buf) == PH_OK);
        const char *bytes = changes[i].bytes ? changes[i].bytes : "\x80";
        if (changes[i].len == 0) {
            memset(buf.ptr, 0, 100);
            memcpy(buf.ptr, bytes, strlen(bytes));
        } else {
            memcpy(buf.ptr + changes[i].at, bytes, changes[i].len);
        }
        fix_checksum(buf.ptr);
        refuse(ph_buf_view(&buf), PH_ERR_MALFORMED, changes[i].reason);
    }
}

TEST(reasons_name_the_entry_without_its_control_characters)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    add(&buf, "ok", "1");
    add(&buf, "a/b.js", "hello");
    CHECK(ph_tar_finish(&buf) == PH_OK);
    buf.ptr[2 * BLOCK + 1] = '\n';
    fix_checksum(buf.ptr + 2 * BLOCK);
    refuse(ph_buf_view(&buf), PH_ERR_MALFORMED, "entry 2, \"a?b.js\": the path has a control");
}

TEST(a_path_twice_or_as_file_and_directory_is_refused)
{
    static const char *const pairs[][2] = {
        {"a", "a"}, {"a", "a/b"}, {"a/b/c", "a/b"}, {"x/y", "x/y"}, {"d", "d/e/f"}};

    for (size_t i = 0; i < PH_LEN(pairs); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
        add(&buf, pairs[i][0], "1");
        add(&buf, "a-between", "2");
        add(&buf, pairs[i][1], "3");
        CHECK(ph_tar_finish(&buf) == PH_OK);
        refuse(ph_buf_view(&buf), PH_ERR_MALFORMED,
               strcmp(pairs[i][0], pairs[i][1]) == 0 ? "twice" : "itself a file");
    }
}

TEST(files_are_limited_in_number)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    char path[16];

    for (int i = 0; i < PH_TAR_FILES_MAX; i++) {
        (void)snprintf(path, sizeof(path), "f%d", i);
        add(&buf, path, "");
    }
    const size_t full = buf.len;
    CHECK(ph_tar_finish(&buf) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK && tar.file_cnt == PH_TAR_FILES_MAX);
    buf.len = full;
    add(&buf, "one-more", "");
    CHECK(ph_tar_finish(&buf) == PH_OK);
    refuse(ph_buf_view(&buf), PH_ERR_LIMIT, "more than 256 files");
}

TEST(long_paths_are_split_and_joined_again)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    char path[PH_TAR_PATH_MAX + 2];

    memset(path, 'p', sizeof(path));
    path[PH_TAR_PATH_MAX + 1] = '\0';
    path[99] = '/';
    CHECK(ph_tar_add(&buf, path, PH_BYTES_LIT("1")) == PH_ERR_MALFORMED); /* 201 bytes */
    path[PH_TAR_PATH_MAX] = '\0';
    add(&buf, path, "1"); /* 99 + '/' + 100 */
    CHECK(ph_tar_finish(&buf) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK && tar.file_cnt == 1);
    assert_string_equal(tar.files[0].path, path);
    path[99] = 'p';
    path[98] = '/'; /* leaves 101 bytes for the name */
    CHECK(ph_tar_add(&buf, path, PH_BYTES_LIT("1")) == PH_ERR_LIMIT);
    buf.len = 0;
    path[100] = '\0';
    add(&buf, path, "1"); /* exactly a name field */
    CHECK(ph_tar_finish(&buf) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&buf), &tar, why) == PH_OK);
    assert_string_equal(tar.files[0].path, path);
}

TEST(add_refuses_the_paths_that_parse_refuses)
{
    static const char *const bad[] = {"",     "/a",  "a/",   "a//b", ".",   "..",
                                      "a/..", "./a", "a\\b", "a\tb", "\xff"};
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_buf tiny PH_OWNED(ph_buf_clear) = PH_BUF(2 * BLOCK - 1);

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_tar_add(&buf, bad[i], PH_BYTES_LIT("1")) == PH_ERR_MALFORMED && buf.len == 0);
    CHECK(ph_tar_add(&tiny, "a", PH_BYTES_LIT("1")) == PH_ERR_LIMIT && tiny.len == 0);
    CHECK(ph_tar_add(&tiny, "a", PH_BYTES_LIT("")) == PH_OK && tiny.len == BLOCK);
    CHECK(ph_tar_finish(&tiny) == PH_ERR_LIMIT && tiny.len == BLOCK);
}

PH_TEST_MAIN(CASE(files_come_back_sorted_with_their_bytes),
             CASE(an_empty_archive_and_extra_zero_blocks_are_accepted),
             CASE(every_truncation_is_refused), CASE(every_changed_header_byte_is_refused),
             CASE(each_forbidden_header_is_refused_with_its_reason),
             CASE(reasons_name_the_entry_without_its_control_characters),
             CASE(a_path_twice_or_as_file_and_directory_is_refused),
             CASE(files_are_limited_in_number), CASE(long_paths_are_split_and_joined_again),
             CASE(add_refuses_the_paths_that_parse_refuses))
