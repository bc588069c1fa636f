/* The firmware's log: format, digests, separators, replay. Every check is broken alone. Real logs:
 * eventlog_vectors_test.c. */

#include "attest/eventlog/ccel.h"

#include "attest/eventlog/tcg.h"
#include "base/hex.h"
#include "base/test.h"
#include "crypto/hash.h"

/* A log under construction. */
static uint8_t log_bytes[64 * 1024];
static size_t log_len;
static struct ph_rtmrs want; /* by the test's own arithmetic */

static void put(const void *bytes, size_t len)
{
    memcpy(log_bytes + log_len, bytes, len);
    log_len += len;
}

static void put_u32(uint32_t v)
{
    uint8_t b[4];
    ph_put_u32le(b, v);
    put(b, sizeof(b));
}

static void put_u16(uint16_t v)
{
    uint8_t b[2];
    ph_put_u16le(b, v);
    put(b, sizeof(b));
}

static void start(void)
{
    static const uint8_t tail[] = {0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 12, 0, 48, 0, 0};
    static const uint8_t sha1[20];

    log_len = 0;
    memset(&want, 0, sizeof(want));
    put_u32(0);
    put_u32(3);
    put(sha1, 20);
    put_u32(33);
    put("Spec ID Event03", 16);
    put(tail, sizeof(tail));
}

static void extend_want(uint32_t mr, const uint8_t digest[static 48])
{
    uint8_t both[96];
    memcpy(both, want.r[mr - 1], 48);
    memcpy(both + 48, digest, 48);
    ph_sha384(PH_BYTES_OF(both), want.r[mr - 1]);
}

static void add_digest(uint32_t mr, uint32_t type, struct ph_bytes data, const uint8_t digest[48])
{
    put_u32(mr);
    put_u32(type);
    put_u32(1);
    put_u16(12);
    put(digest, 48);
    put_u32((uint32_t)data.len);
    put(data.ptr, data.len);
    if (type != 3 && mr > 0)
        extend_want(mr, digest);
}

static void add(uint32_t mr, uint32_t type, struct ph_bytes data)
{
    uint8_t digest[48];
    ph_sha384(data, digest);
    add_digest(mr, type, data, digest);
}

static const uint8_t zero4[4];
static const uint8_t some_digest[48] = {1, 2, 3};

/* One event of each rule, in two registers; every log of the tests starts from it. */
static void boot(void)
{
    start();
    add_digest(0, 3, PH_BYTES_LIT("StartupLocality"), some_digest);
    add_digest(1, 0x8000000b, PH_BYTES_LIT("TdxTable"), some_digest);
    add(1, 0x80000001, PH_BYTES_LIT("variable"));
    add(1, 4, PH_BYTES_OF(zero4));
    add(2, 0x80000007, PH_BYTES_LIT("Calling EFI Application from Boot Option"));
    add(2, 4, PH_BYTES_OF(zero4));
}

static struct ph_event_claims claims;
static struct ph_event_why why;

static enum ph_err replay(void)
{
    memset(&claims, 0xee, sizeof(claims));
    why = (struct ph_event_why){.check = PH_CHECK_CNT};
    return ph_ccel_replay((struct ph_bytes){log_bytes, log_len}, &claims, &why);
}

static bool untouched(void)
{
    for (size_t i = 0; i < sizeof(claims); i++) {
        if (((const uint8_t *)&claims)[i] != 0xee)
            return false;
    }
    return true;
}

static bool refused(enum ph_err err, enum ph_check check, uint32_t event)
{
    return replay() == err && why.check == check && why.event == event && why.text[0] &&
           untouched();
}

TEST(a_log_replays_to_its_registers)
{
    boot();
    CHECK(replay() == PH_OK);
    CHECK(claims.kind == PH_EVENT_LOG_CCEL && claims.event_cnt == 6);
    CHECK(claims.recomputed_cnt == 4 && claims.unrecomputable_cnt == 1);
    CHECK(memcmp(&claims.rtmrs, &want, sizeof(want)) == 0);
    CHECK(!claims.has_app_id && !claims.boot_done);

    start(); /* a log without events is one of a TD that measured nothing */
    CHECK(replay() == PH_OK && claims.event_cnt == 0);
}

TEST(the_registers_of_a_quote_are_compared_one_by_one)
{
    bool match[4];

    boot();
    const struct ph_bytes log = {log_bytes, log_len};
    CHECK(ph_event_log_verify(log, &want, &claims, match, &why) == PH_OK);
    CHECK(match[0] && match[1] && match[2] && match[3] && why.check == PH_CHECK_CNT);
    for (unsigned i = 0; i < 4; i++) {
        struct ph_rtmrs quoted = want;
        quoted.r[i][47] ^= 1;
        memset(&claims, 0xee, sizeof(claims));
        CHECK(ph_event_log_verify(log, &quoted, &claims, match, &why) == PH_ERR_UNTRUSTED);
        CHECK(why.check == (enum ph_check)(PH_CHECK_RTMR0 + i) && untouched());
        for (unsigned j = 0; j < 4; j++)
            CHECK(match[j] == (j != i));
    }
    log_bytes[0] ^= 1; /* the Spec ID event's register is not read: nothing rests on it */
    CHECK(ph_event_log_verify(log, &want, &claims, match, &why) == PH_OK);
    log_bytes[4] ^= 1;
    CHECK(ph_event_log_verify(log, &want, &claims, match, &why) == PH_ERR_MALFORMED);
    CHECK(!match[0] && !match[1] && !match[2] && !match[3]);
}

TEST(padding_is_accepted_only_when_pure)
{
    boot();
    const size_t end = log_len;
    for (unsigned fill = 0; fill < 2; fill++) {
        memset(log_bytes + end, fill ? 0xff : 0, 1000);
        for (log_len = end + 1; log_len < end + 100; log_len++)
            CHECK(replay() == PH_OK && claims.event_cnt == 6);
        log_len = end + 1000;
        for (size_t at = end; at < log_len; at += 7) {
            log_bytes[at] ^= 1;
            CHECK(replay() != PH_OK && untouched());
            CHECK(why.check == PH_CHECK_EVENT_FORMAT && why.event == 6);
            log_bytes[at] ^= 1;
        }
    }
    memset(log_bytes + end, 0xff, 1000);
    memset(log_bytes + end + 500, 0, 500); /* both kinds, one after the other */
    CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 6));
}

TEST(every_truncation_is_malformed)
{
    boot();
    const size_t whole = log_len;
    size_t good = 0;
    for (size_t len = 0; len < whole; len++) {
        log_len = len;
        const enum ph_err err = replay();
        good += err == PH_OK; /* between two events, and where a cut leaves only zero bytes */
        CHECK(err == PH_OK || (err == PH_ERR_MALFORMED && untouched()));
    }
    CHECK(good >= 6 && good < 12);
}

TEST(limits_hold)
{
    static uint8_t big[PH_EVENT_LOG_MAX + 1];

    start();
    memcpy(big, log_bytes, log_len);
    CHECK(ph_ccel_replay((struct ph_bytes){big, PH_EVENT_LOG_MAX}, &claims, &why) == PH_OK);
    CHECK(ph_ccel_replay((struct ph_bytes){big, sizeof(big)}, &claims, &why) == PH_ERR_LIMIT);

    size_t at = log_len;
    start();
    add(1, 0xd, PH_BYTES_LIT(""));
    const size_t one = log_len - at;
    for (size_t i = 0; i < PH_EVENT_CNT_MAX; i++, at += one)
        memcpy(big + at, log_bytes + log_len - one, one);
    CHECK(ph_ccel_replay((struct ph_bytes){big, at}, &claims, &why) == PH_OK);
    CHECK(claims.event_cnt == PH_EVENT_CNT_MAX);
    memcpy(big + at, log_bytes + log_len - one, one);
    CHECK(ph_ccel_replay((struct ph_bytes){big, at + one}, &claims, &why) == PH_ERR_LIMIT);
}

TEST(only_sha_384_is_read)
{
    /* offsets in the Spec ID event: signature 32, major 53, algorithms 56, id 60, size 62, vendor
     * 64 */
    static const struct {
        size_t at;
        uint8_t value;
        enum ph_err err;
        const char *names;
    } wrong[] = {
        {32, 's', PH_ERR_MALFORMED, "start with a Spec ID event"},
        {47, 1, PH_ERR_MALFORMED, "start with a Spec ID event"},
        {53, 1, PH_ERR_MALFORMED, "start with a Spec ID event"},
        {56, 0, PH_ERR_MALFORMED, "no algorithm, or too many"},
        {56, 2, PH_ERR_UNSUPPORTED, "not SHA-384 alone"},
        {56, 8, PH_ERR_UNSUPPORTED, "not SHA-384 alone"},
        {56, 9, PH_ERR_MALFORMED, "no algorithm, or too many"},
        {60, 11, PH_ERR_UNSUPPORTED, "not SHA-384 alone"},
        {62, 32, PH_ERR_UNSUPPORTED, "not SHA-384 alone"},
        {64, 1, PH_ERR_MALFORMED, "do not add up"},
        {28, 20, PH_ERR_MALFORMED, "cut short"},
        {28, 30, PH_ERR_MALFORMED, "cut short"},
        {28, 32, PH_ERR_MALFORMED, "do not add up"},
        {28, 34, PH_ERR_MALFORMED, "do not add up"},
        {4, 4, PH_ERR_MALFORMED, "no Spec ID event"},
        {8, 1, PH_ERR_MALFORMED, "no Spec ID event"},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        boot();
        log_bytes[wrong[i].at] = wrong[i].value;
        CHECK(replay() == wrong[i].err && untouched());
        CHECK(why.check == PH_CHECK_EVENT_FORMAT);
        if (!strstr(why.text, wrong[i].names))
            fail_msg("case %zu: %s", i, why.text);
    }
    /* the digest of event 0, at 65: register 65, type 69, digests 73, algorithm 77 */
    boot();
    log_bytes[77] = 11;
    CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 0));
    boot();
    log_bytes[73] = 2;
    CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 0));
    boot();
    log_bytes[65] = 5;
    CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 0));
}

TEST(an_event_for_mrtd_extends_nothing)
{
    boot();
    add(0, 0x80000007, PH_BYTES_LIT("x"));
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_TYPE, 6));
}

TEST(digests_that_the_event_defines_are_computed_again)
{
    static const uint32_t defined[] = {5,          8,          0x12,       0x80000001, 0x80000006,
                                       0x80000007, 0x8000000c, 0x8000000d, 0x800000e0};
    static const uint32_t hidden[] = {0,          1,          6,          7,          9,
                                      0xa,        0xb,        0xc,        0xd,        0xe,
                                      0xf,        0x80000003, 0x80000004, 0x80000005, 0x80000008,
                                      0x80000009, 0x8000000a, 0x8000000b, 0x80000010, 0x12345678};
    for (size_t i = 0; i < PH_LEN(defined); i++) {
        boot();
        add(3, defined[i], PH_BYTES_LIT("what was measured"));
        CHECK(replay() == PH_OK && claims.recomputed_cnt == 5);
        log_bytes[log_len - 1] ^= 1;
        CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
    }
    for (size_t i = 0; i < PH_LEN(hidden); i++) {
        boot();
        add_digest(3, hidden[i], PH_BYTES_LIT("a label"), some_digest);
        CHECK(replay() == PH_OK && claims.recomputed_cnt == 4 && claims.unrecomputable_cnt == 2);
        CHECK(memcmp(&claims.rtmrs, &want, sizeof(want)) == 0);
    }
}

TEST(a_boot_variable_is_measured_by_its_value_or_whole)
{
    uint8_t var[16 + 16 + 8 + 3] = {[16] = 4, [24] = 3, [32] = 'B', [40] = 7, 8, 9};
    uint8_t digest[48];

    boot();
    add(1, 0x80000002, PH_BYTES_OF(var));
    CHECK(replay() == PH_OK && claims.recomputed_cnt == 5);
    ph_sha384((struct ph_bytes){var + 40, 3}, digest);
    boot();
    add_digest(1, 0x80000002, PH_BYTES_OF(var), digest);
    CHECK(replay() == PH_OK && claims.recomputed_cnt == 5);
    boot(); /* the digest of something else */
    add_digest(1, 0x80000002, PH_BYTES_OF(var), some_digest);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
    uint8_t empty[16 + 16 + 8] = {[16] = 4, [32] = 'B'}; /* a variable without a value */
    ph_sha384((struct ph_bytes){empty, 0}, digest);
    boot();
    add_digest(1, 0x80000002, PH_BYTES_OF(empty), digest);
    CHECK(replay() == PH_OK && claims.recomputed_cnt == 5);
    ph_sha384((struct ph_bytes){var + 40, 3}, digest);
    static const size_t lengths[] = {16, 24};
    for (size_t i = 0; i < PH_LEN(lengths); i++) { /* name and data lengths must add up */
        for (int by = -1; by <= 1; by += 2) {
            boot();
            var[lengths[i]] = (uint8_t)(var[lengths[i]] + by);
            add_digest(1, 0x80000002, PH_BYTES_OF(var), digest);
            CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
            var[lengths[i]] = (uint8_t)(var[lengths[i]] - by);
        }
    }
    /* lengths that leave something over, or wrap around: the digest of what a lax reader would take
     */
    var[24] = 2;
    ph_sha384((struct ph_bytes){var + 40, 2}, digest);
    boot();
    add_digest(1, 0x80000002, PH_BYTES_OF(var), digest);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
    var[16] = 0;
    var[23] = 0x80; /* 2^63 units: 2^64 bytes */
    var[24] = 11;
    ph_sha384((struct ph_bytes){var + 32, 11}, digest);
    boot();
    add_digest(1, 0x80000002, PH_BYTES_OF(var), digest);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
    memset(var + 16, 0xff, 8); /* a length near 2^64 */
    boot();
    add_digest(1, 0x80000002, PH_BYTES_OF(var), digest);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
}

TEST(separators_come_once_and_without_error)
{
    static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff}, error[4] = {1};

    boot();
    add(3, 4, PH_BYTES_OF(ones));
    add(4, 4, PH_BYTES_OF(zero4));
    CHECK(replay() == PH_OK);
    add(2, 4, PH_BYTES_OF(ones));
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DUPLICATE, 8));
    boot();
    add(1, 4, PH_BYTES_OF(zero4));
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DUPLICATE, 6));
    boot();
    add(3, 4, PH_BYTES_OF(error));
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_SEPARATOR, 6));
    boot();
    add(3, 4, PH_BYTES_LIT(""));
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_SEPARATOR, 6));
    boot(); /* the digest of the error value under data that says all is well */
    uint8_t digest[48];
    ph_sha384(PH_BYTES_OF(error), digest);
    add_digest(3, 4, PH_BYTES_OF(zero4), digest);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));
}

/* {u32 "AAEL", u32 size, text} */
static struct ph_bytes aael(const char *text, uint32_t size)
{
    static uint8_t b[256];
    ph_put_u32le(b, 0x4141454c);
    ph_put_u32le(b + 4, size);
    memcpy(b + 8, text, strlen(text));
    return (struct ph_bytes){b, 8 + strlen(text)};
}

TEST(entries_of_the_attestation_agent_are_measured_and_read)
{
    static const char text[] = "github.com/cc PullImage image:tag sha256:ab";
    struct ph_aael_entry e;

    boot();
    add(4, 6, aael(text, sizeof(text) - 1));
    CHECK(replay() == PH_OK && claims.recomputed_cnt == 5);
    log_bytes[log_len - 1] ^= 1;
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 6));

    CHECK(ph_aael_parse(aael(text, sizeof(text) - 1), &e) == PH_OK);
    CHECK(ph_bytes_is(e.domain, "github.com/cc") && ph_bytes_is(e.operation, "PullImage"));
    CHECK(ph_bytes_is(e.content, "image:tag sha256:ab"));
    CHECK(ph_aael_parse(aael("a b ", 4), &e) == PH_OK && e.content.len == 0);
    CHECK(ph_aael_parse(aael("a b c", 4), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("a b c", 6), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("a b", 3), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("a  c", 4), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael(" b c", 4), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("a b c\nd e f", 11), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("a b c\0d e", 9), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(aael("", 0), &e) == PH_ERR_MALFORMED);
    CHECK(ph_aael_parse(PH_BYTES_LIT("LOADED_IMAGE::"), &e) == PH_ERR_NOT_FOUND);
    CHECK(ph_aael_parse(PH_BYTES_LIT(""), &e) == PH_ERR_NOT_FOUND);
}

TEST(event_types_have_names)
{
    CHECK(strcmp(ph_tcg_event_name(4), "EV_SEPARATOR") == 0);
    CHECK(strcmp(ph_tcg_event_name(0x12345678), "unknown") == 0);
}

PH_TEST_MAIN(CASE(a_log_replays_to_its_registers),
             CASE(the_registers_of_a_quote_are_compared_one_by_one),
             CASE(padding_is_accepted_only_when_pure), CASE(every_truncation_is_malformed),
             CASE(limits_hold), CASE(only_sha_384_is_read), CASE(an_event_for_mrtd_extends_nothing),
             CASE(digests_that_the_event_defines_are_computed_again),
             CASE(a_boot_variable_is_measured_by_its_value_or_whole),
             CASE(separators_come_once_and_without_error),
             CASE(entries_of_the_attestation_agent_are_measured_and_read),
             CASE(event_types_have_names))
