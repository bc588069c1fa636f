/* The contract ABI: encodings as viem 2.57.0 makes them, and what Solidity would not have written.
 */

#include "abi_sample.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"

#define W(n) "00000000000000000000000000000000000000000000000000000000000000" n
#define JOB_TAIL                                                                                   \
    "1111111111111111111111111111111111111111111111111111111111111111" W("60") W("01") W("02")     \
        W("40") W("80")                                                                            \
            W("01") "6100000000000000000000000000000000000000000000000000000000000000" W(          \
                "02") "6263000000000000000000000000000000000000000000000000000000000000"
#define W3(n) "0000000000000000000000000000000000000000000000000000000000000" n
#define MIXED                                                                                      \
    "f97f743a" W("07") W3(                                                                         \
        "120") "deadbeef00000000000000000000000000000000000000000000000000000000" W3("160")        \
        W("03") W("04") W3("1c0") W3("200") W3("340") W(                                           \
            "02") "6869000000000000000000000000000000000000000000000000000000000000" W("02")       \
            W("01") "0000000000000000000000000000000000000010000000000000000000000000" W(          \
                "02") "0102000000000000000000000000000000000000000000000000000000000000" JOB_TAIL  \
                W("02") W("40") W3("180") JOB_TAIL                                                 \
        "2222222222222222222222222222222222222222222222222222222222222222" W("60") W("00") W("00")

static _Alignas(16) uint8_t room[1 << 16], bytes[1 << 14];

static struct ph_bytes hex(const char *text)
{
    CHECK(strlen(text) / 2 <= sizeof(bytes));
    CHECK(ph_hex_decode(ph_bytes_str(text), bytes, strlen(text) / 2) == PH_OK);
    return (struct ph_bytes){bytes, strlen(text) / 2};
}

static struct ph_abi_mem memory(void)
{
    return (struct ph_abi_mem){.ptr = room, .len = sizeof(room)};
}

/* What the vector says. */
static void fill(struct ph_abi_sample_mixed_args *out)
{
    static struct ph_bytes notes[2];
    static struct ph_u256 amounts[2];
    static struct ph_abi_sample_job jobs[2];

    notes[0] = PH_BYTES_LIT("a");
    notes[1] = PH_BYTES_LIT("bc");
    amounts[0] = ph_u256_of(1);
    amounts[1] = (struct ph_u256){.b = {[19] = 0x10}};
    memset(&jobs[0].id, 0x11, 32);
    jobs[0].notes = (struct ph_abi_list){notes, 2};
    jobs[0].done = true;
    memset(&jobs[1].id, 0x22, 32);
    *out = (struct ph_abi_sample_mixed_args){.small = 7,
                                             .text = PH_BYTES_LIT("hi"),
                                             .tag = {0xde, 0xad, 0xbe, 0xef},
                                             .amounts = {amounts, 2},
                                             .pair = {3, 4},
                                             .register_ = PH_BYTES_LIT("\1\2"),
                                             .job = jobs[0],
                                             .jobs = {jobs, 2}};
}

TEST(every_kind_of_argument_is_written_as_others_do)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_abi_sample_mixed_args args;

    fill(&args);
    CHECK(ph_abi_encode_call(&ph_abi_sample_mixed, &args, &out) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), hex(MIXED)));
}

TEST(every_kind_of_argument_is_read)
{
    struct ph_abi_mem mem = memory();
    struct ph_abi_sample_mixed_args a;
    const struct ph_bytes raw = hex(MIXED);

    CHECK(ph_abi_decode(ph_abi_sample_mixed.in, (struct ph_bytes){raw.ptr + 4, raw.len - 4}, &mem,
                        &a) == PH_OK);
    CHECK(a.small == 7 && ph_bytes_is(a.text, "hi") && a.tag[0] == 0xde && a.pair[1] == 4);
    CHECK(a.amounts.cnt == 2 && ((const struct ph_u256 *)a.amounts.at)[1].b[19] == 0x10);
    const struct ph_abi_sample_job *jobs = a.jobs.at;
    CHECK(a.jobs.cnt == 2 && jobs[0].done && !jobs[1].done && jobs[1].notes.cnt == 0);
    CHECK(ph_bytes_is(((const struct ph_bytes *)jobs[0].notes.at)[1], "bc"));
    CHECK(a.job.done && a.job.id.b[31] == 0x11 && a.register_.len == 2);
}

TEST(a_function_without_arguments_is_its_selector)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(100);

    CHECK(ph_abi_encode_call(&ph_abi_sample_paused, NULL, &out) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), hex("5c975abb")));
}

TEST(every_truncation_is_refused)
{
    struct ph_abi_sample_mixed_args a = {.small = 99};
    const struct ph_bytes raw = hex(MIXED);

    for (size_t n = 4; n < raw.len; n++) {
        struct ph_abi_mem mem = memory();
        CHECK(ph_abi_decode(ph_abi_sample_mixed.in, (struct ph_bytes){raw.ptr + 4, n - 4}, &mem,
                            &a) == PH_ERR_MALFORMED);
        CHECK(a.small == 99);
    }
}

/* Words where a value has to be clean: bits above a uint32, under a bytes4, a bool of 2, padding of
 * bytes; and offsets and counts that lead out. */
TEST(what_an_encoder_would_not_write_is_refused)
{
    static const size_t dirty[] = {0, 27, 2 * 32 + 4, 2 * 32 + 31, 9 * 32 + 32 + 2, 10 * 32 + 31};
    struct ph_abi_sample_mixed_args a;
    const struct ph_bytes raw = hex(MIXED);

    for (size_t i = 0; i < PH_LEN(dirty); i++) {
        struct ph_abi_mem mem = memory();
        bytes[4 + dirty[i]] ^= 0x40;
        CHECK(ph_abi_decode(ph_abi_sample_mixed.in, (struct ph_bytes){raw.ptr + 4, raw.len - 4},
                            &mem, &a) == PH_ERR_MALFORMED);
        bytes[4 + dirty[i]] ^= 0x40;
    }
    struct ph_abi_sample_transfer_result said;
    struct ph_abi_mem mem = memory();
    CHECK(ph_abi_decode(ph_abi_sample_transfer.out, hex(W("01")), &mem, &said) == PH_OK);
    CHECK(ph_abi_decode(ph_abi_sample_transfer.out, hex(W("02")), &mem, &said) == PH_ERR_MALFORMED);
}

TEST(lists_are_bounded_by_the_memory_given)
{
    struct ph_abi_sample_mixed_args a;
    const struct ph_bytes raw = hex(MIXED);
    size_t len = sizeof(a);

    for (;; len += 16) {
        struct ph_abi_mem mem = {.ptr = room, .len = len};
        const enum ph_err err = ph_abi_decode(
            ph_abi_sample_mixed.in, (struct ph_bytes){raw.ptr + 4, raw.len - 4}, &mem, &a);
        CHECK(mem.used <= len);
        if (err == PH_OK)
            break;
        CHECK(err == PH_ERR_LIMIT);
    }
    CHECK(len > sizeof(a));
}

TEST(a_value_that_its_type_does_not_hold_is_not_written)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_abi_sample_mixed_args args;
    struct ph_u256 wide = {.b = {[15] = 1}};

    fill(&args);
    args.small = UINT64_C(1) << 32;
    CHECK(ph_abi_encode(ph_abi_sample_mixed.in, &args, &out) == PH_ERR_LIMIT && out.len == 0);
    fill(&args);
    args.amounts = (struct ph_abi_list){&wide, 1};
    CHECK(ph_abi_encode(ph_abi_sample_mixed.in, &args, &out) == PH_ERR_LIMIT && out.len == 0);
}

TEST(an_event_is_read_from_topics_and_data)
{
    struct ph_abi_mem mem = memory();
    struct ph_abi_sample_seen_event seen;
    struct ph_hash32 topics[3] = {ph_abi_sample_seen_event.topic};
    const struct ph_bytes data = hex(W("05") W("40") W("03") "0a0b0c" W("00")); /* cut below */
    const struct ph_bytes whole = {data.ptr, 4 * 32};

    memset(topics[1].b + 12, 0x9d, 20);
    memset(topics[2].b, 0x75, 32);
    CHECK(ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 3, whole, &mem, &seen) == PH_OK);
    CHECK(seen.who.b[0] == 0x9d && seen.what.b[0] == 0x75 && seen.amount.b[31] == 5 &&
          ph_bytes_is(seen.data, "\x0a\x0b\x0c"));
    CHECK(ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 2, whole, &mem, &seen) ==
          PH_ERR_MALFORMED);
    topics[1].b[0] = 1; /* no address */
    CHECK(ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 3, whole, &mem, &seen) ==
          PH_ERR_MALFORMED);
    topics[0].b[0] ^= 1;
    CHECK(ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 3, whole, &mem, &seen) ==
          PH_ERR_NOT_FOUND);
}

TEST(a_custom_error_has_a_name)
{
    assert_string_equal(ph_abi_error_name(ph_abi_sample_errors, 1, hex("245aecd3" W("00"))),
                        "NotOwner(address)");
    CHECK(ph_abi_error_name(ph_abi_sample_errors, 1, hex("245aecd4")) == NULL);
    CHECK(ph_abi_error_name(ph_abi_sample_errors, 1, hex("245aec")) == NULL);
}

PH_TEST_MAIN(CASE(every_kind_of_argument_is_written_as_others_do),
             CASE(every_kind_of_argument_is_read),
             CASE(a_function_without_arguments_is_its_selector), CASE(every_truncation_is_refused),
             CASE(what_an_encoder_would_not_write_is_refused),
             CASE(lists_are_bounded_by_the_memory_given),
             CASE(a_value_that_its_type_does_not_hold_is_not_written),
             CASE(an_event_is_read_from_topics_and_data), CASE(a_custom_error_has_a_name))
