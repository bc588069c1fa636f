/* Recursive length prefix: the examples of its specification, and every way to write an item that
 * is not the shortest. */

#include "chain/rlp.h"

#include "base/own.h"
#include "base/test.h"

#define LOREM "Lorem ipsum dolor sit amet, consectetur adipisicing elit"

/* [YP] appendix B and the examples that ethereum.org gives for it. */
TEST(strings_are_written_as_the_specification_has_them)
{
    const struct {
        struct ph_bytes in, out;
    } rows[] = {
        {PH_BYTES_LIT(""), PH_BYTES_LIT("\x80")},
        {PH_BYTES_LIT("\x00"), PH_BYTES_LIT("\x00")},
        {PH_BYTES_LIT("\x7f"), PH_BYTES_LIT("\x7f")},
        {PH_BYTES_LIT("\x80"), PH_BYTES_LIT("\x81\x80")},
        {PH_BYTES_LIT("dog"), PH_BYTES_LIT("\x83"
                                           "dog")},
        {PH_BYTES_LIT(LOREM), PH_BYTES_LIT("\xb8\x38" LOREM)},
    };

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(100);
        struct ph_reader r;
        struct ph_bytes back;

        CHECK(ph_rlp_put_string(&out, rows[i].in) == PH_OK);
        CHECK(ph_bytes_equal(ph_buf_view(&out), rows[i].out));
        r.rest = ph_buf_view(&out);
        CHECK(ph_rlp_read_string(&r, &back) == PH_OK && r.rest.len == 0);
        CHECK(ph_bytes_equal(back, rows[i].in));
    }
}

TEST(lists_hold_items_and_say_how_long_they_are)
{
    struct ph_buf items PH_OWNED(ph_buf_clear) = PH_BUF(100);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(100);
    struct ph_reader r, in;
    struct ph_bytes item;

    CHECK(ph_rlp_put_string(&items, PH_BYTES_LIT("cat")) == PH_OK);
    CHECK(ph_rlp_put_string(&items, PH_BYTES_LIT("dog")) == PH_OK);
    CHECK(ph_rlp_put_list(&out, ph_buf_view(&items)) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), PH_BYTES_LIT("\xc8\x83"
                                                         "cat\x83"
                                                         "dog")));
    r.rest = ph_buf_view(&out);
    CHECK(ph_rlp_read_string(&r, &item) == PH_ERR_MALFORMED);
    CHECK(ph_rlp_read_list(&r, &in) == PH_OK && r.rest.len == 0);
    CHECK(ph_rlp_read_list(&in, &r) == PH_ERR_MALFORMED);
    CHECK(ph_rlp_read_string(&in, &item) == PH_OK && ph_bytes_is(item, "cat"));
    CHECK(ph_rlp_read_string(&in, &item) == PH_OK && ph_bytes_is(item, "dog"));
    CHECK(ph_rlp_read_string(&in, &item) == PH_ERR_MALFORMED);
}

TEST(integers_have_no_leading_zeros)
{
    static const uint64_t values[] = {0, 1, 127, 128, 255, 256, 1024, UINT32_MAX, UINT64_MAX};

    for (size_t i = 0; i < PH_LEN(values); i++) {
        struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(100);
        uint64_t back;
        CHECK(ph_rlp_put_u64(&out, values[i]) == PH_OK);
        struct ph_reader r = {ph_buf_view(&out)};
        CHECK(ph_rlp_read_u64(&r, &back) == PH_OK && back == values[i] && r.rest.len == 0);
    }
    struct ph_reader zero = {PH_BYTES_LIT("\x00")}, padded = {PH_BYTES_LIT("\x82\x00\x80")};
    struct ph_reader wide = {PH_BYTES_LIT("\x89\x01\x00\x00\x00\x00\x00\x00\x00\x00")};
    uint64_t v = 5;
    CHECK(ph_rlp_read_u64(&zero, &v) == PH_ERR_MALFORMED && zero.rest.len == 1);
    CHECK(ph_rlp_read_u64(&padded, &v) == PH_ERR_MALFORMED && padded.rest.len == 3);
    CHECK(ph_rlp_read_u64(&wide, &v) == PH_ERR_LIMIT && v == 5 && wide.rest.len == 10);
}

TEST(what_is_not_in_its_shortest_form_is_refused)
{
    const struct ph_bytes bad[] = {
        PH_BYTES_LIT(""),
        PH_BYTES_LIT("\x81\x00"), /* a byte below 0x80 stands for itself */
        PH_BYTES_LIT("\x81\x7f"),
        PH_BYTES_LIT("\x83xy"),       /* cut short */
        PH_BYTES_LIT("\xb8\x01\x80"), /* a short one written long */
        PH_BYTES_LIT("\xb8\x37" LOREM),
        PH_BYTES_LIT("\xb9\x00\x38" LOREM), /* a length with a leading zero */
        PH_BYTES_LIT("\xb8"),
        PH_BYTES_LIT("\xbf\xff\xff\xff\xff\xff\xff\xff\xff"), /* a length beyond everything */
        PH_BYTES_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        PH_BYTES_LIT("\xc1"),
        PH_BYTES_LIT("\xf8\x01\x80"),
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_reader r = {bad[i]};
        struct ph_rlp_item item = {0};
        CHECK(ph_rlp_read(&r, &item) == PH_ERR_MALFORMED);
        CHECK(r.rest.len == bad[i].len && item.payload.ptr == NULL);
    }
}

TEST(every_truncation_is_refused)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1000);
    static const uint8_t long_one[300] = {1};
    struct ph_rlp_item item;

    CHECK(ph_rlp_put_list(&out, PH_BYTES_OF(long_one)) == PH_OK);
    for (size_t n = 0; n < out.len; n++) {
        struct ph_reader r = {{out.ptr, n}};
        CHECK(ph_rlp_read(&r, &item) == PH_ERR_MALFORMED);
    }
}

TEST(a_full_buffer_stays_as_it_was)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4);

    CHECK(ph_rlp_put_string(&out, PH_BYTES_LIT("dog")) == PH_OK);
    CHECK(ph_rlp_put_string(&out, PH_BYTES_LIT("cat")) == PH_ERR_LIMIT);
    CHECK(ph_rlp_put_list(&out, PH_BYTES_LIT("")) == PH_ERR_LIMIT && out.len == 4);
}

PH_TEST_MAIN(CASE(strings_are_written_as_the_specification_has_them),
             CASE(lists_hold_items_and_say_how_long_they_are), CASE(integers_have_no_leading_zeros),
             CASE(what_is_not_in_its_shortest_form_is_refused), CASE(every_truncation_is_refused),
             CASE(a_full_buffer_stays_as_it_was))
