#include "log_lines.h"

#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>

/* Generated line 3, column 5 comes from src/a.js:2:1, line 3, column 9 from src/a.js:2:3. */
static const char map_text[] = "{\"version\":3,\"sources\":[\"src/a.js\"],\"names\":[],"
                               "\"mappings\":\";;IACA,IAAE\"}";

static struct ph_sourcemap *make_map(void)
{
    struct ph_sourcemap *map = NULL;
    CHECK(ph_sourcemap_parse(ph_bytes_str(map_text), &map) == PH_OK);
    return map;
}

static void check_mapped(const struct ph_sourcemap *map, const char *in, const char *expected)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_log_map_positions(ph_bytes_str(in), map, &out) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&out), expected));
}

TEST(positions_of_the_bundle_become_the_users)
{
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = make_map();
    check_mapped(map, "f@worker.js:3:5\ng@worker.js:3:9", "f@src/a.js:2:1\ng@src/a.js:2:3");
    check_mapped(map, "at worker.js:3:5", "at src/a.js:2:1");
}

TEST(what_is_not_a_mapped_position_stays)
{
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = make_map();
    static const char *const same[] = {"",
                                       "worker.js",
                                       "worker.js:",
                                       "worker.js:3",
                                       "worker.js:3:",
                                       "worker.js:x:5",
                                       "worker.js:1:1",
                                       "worker.js:0:5",
                                       "worker.js:99999999999:1",
                                       "wworkerworker.j"};
    for (size_t i = 0; i < PH_LEN(same); i++)
        check_mapped(map, same[i], same[i]);
    check_mapped(NULL, "worker.js:3:5", "worker.js:3:5");
}

TEST(lines_come_out_one_by_one_without_control_characters)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    uint64_t seq = 0;
    CHECK(ph_buf_add_str(
              &in, "{\"seq\":7,\"time\":\"t\",\"level\":\"warn\",\"call\":1,\"text\":"
                   "\"a\\u001b[2J\\u009b31m\\u202eb\\nc\"}\n{\"seq\":8,\"time\":0,\"level\":3,") ==
          PH_OK);
    CHECK(ph_log_next(&in, NULL, &out, &seq) == PH_OK && seq == 7);
    CHECK(ph_bytes_is(ph_buf_view(&out), "t warn  a?[2J?31m?b\nc\n"));
    CHECK(ph_log_next(&in, NULL, &out, &seq) == PH_ERR_AGAIN);
    CHECK(ph_buf_add_str(&in, "\"call\":2,\"text\":\"x\"}\n") == PH_OK);
    out.len = 0;
    CHECK(ph_log_next(&in, NULL, &out, &seq) == PH_OK && seq == 8);
    CHECK(out.len > 8 && memcmp(out.ptr + out.len - 8, "error x\n", 8) == 0);
    CHECK(in.len == 0);
}

TEST(a_line_that_is_none_is_refused_and_gone)
{
    static const char *const bad[] = {"x\n",
                                      "[]\n",
                                      "{}\n",
                                      "{\"seq\":-1,\"text\":\"\"}\n",
                                      "{\"seq\":1,\"text\":5}\n",
                                      "{\"seq\":1.5,\"text\":\"\"}\n"};
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    uint64_t seq = 5;
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_buf_add_str(&in, bad[i]) == PH_OK);
        CHECK(ph_log_next(&in, NULL, &out, &seq) == PH_ERR_MALFORMED);
        CHECK(in.len == 0 && out.len == 0 && seq == 5);
    }
}

PH_TEST_MAIN(CASE(positions_of_the_bundle_become_the_users),
             CASE(what_is_not_a_mapped_position_stays),
             CASE(lines_come_out_one_by_one_without_control_characters),
             CASE(a_line_that_is_none_is_refused_and_gone))
