/* DER: what X.690 allows, every truncation, and each way in which BER is looser. */

#include "codec/der.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"

static struct ph_bytes unhex(const char *hex)
{
    static uint8_t store[8][512];
    static unsigned next;
    uint8_t *at = store[next++ % 8];
    const size_t len = strlen(hex) / 2;

    CHECK(len <= sizeof(store[0]) && ph_hex_decode(ph_bytes_str(hex), at, len) == PH_OK);
    return (struct ph_bytes){at, len};
}

/* The single element of a hex text. */
static struct ph_der element(const char *hex)
{
    struct ph_reader r = {unhex(hex)};
    struct ph_der e = {0};

    CHECK(ph_der_next(&r, &e) == PH_OK && r.rest.len == 0);
    return e;
}

TEST(elements_are_cut_off_with_their_header)
{
    const struct ph_bytes text = unhex("30060201010201020500");
    struct ph_reader r = {text}, inner;
    struct ph_der e;
    uint64_t n;

    CHECK(ph_der_peek(&r, PH_DER_SEQUENCE) && !ph_der_peek(&r, PH_DER_SET));
    CHECK(ph_der_expect(&r, PH_DER_SEQUENCE, &e) == PH_OK);
    CHECK(e.tag == 0x30 && e.whole.ptr == text.ptr && e.whole.len == 8 && e.value.len == 6);
    inner.rest = e.value;
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK(ph_der_expect(&inner, PH_DER_INTEGER, &e) == PH_OK && ph_der_u64(&e, &n) == PH_OK);
        CHECK(n == i);
    }
    CHECK(inner.rest.len == 0 && ph_der_next(&inner, &e) == PH_ERR_MALFORMED);
    CHECK(ph_der_expect(&r, PH_DER_BOOLEAN, &e) == PH_ERR_MALFORMED && r.rest.len == 2);
    CHECK(ph_der_expect(&r, PH_DER_NULL, &e) == PH_OK && e.value.len == 0 && r.rest.len == 0);
    CHECK(!ph_der_peek(&r, PH_DER_NULL));
}

TEST(lengths_of_every_size_are_read_and_written)
{
    static const size_t lens[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x12345};
    uint8_t *zeros PH_OWNED(ph_freep) = calloc(1, 0x12345);

    CHECK(zeros != NULL);
    for (size_t i = 0; i < PH_LEN(lens); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(0x20000);
        struct ph_der e;
        CHECK(ph_der_put(&buf, PH_DER_OCTET_STRING, (struct ph_bytes){zeros, lens[i]}) == PH_OK);
        struct ph_reader r = {ph_buf_view(&buf)};
        CHECK(ph_der_next(&r, &e) == PH_OK && e.value.len == lens[i] && r.rest.len == 0);
        for (size_t cut = 0; cut < buf.len; cut += 1 + cut / 16) {
            r.rest = (struct ph_bytes){buf.ptr, cut};
            CHECK(ph_der_next(&r, &e) == PH_ERR_MALFORMED && r.rest.len == cut);
        }
    }
}

TEST(what_only_ber_allows_is_refused)
{
    static const char *const bad[] = {
        "",
        "30",
        "308000000000",     /* indefinite length */
        "02810101",         /* long form of a short length */
        "0282000101",       /* leading zero in the length */
        "0282008001",       /* the same, and too short */
        "3085000000000100", /* five length octets */
        "02ff01",           /* reserved length octet */
        "1f0105",           /* tag of several octets */
        "0000",             /* end of contents */
        "0202ff",           /* contents past the end */
        "3084ffffffff",     /* 4 GiB */
    };
    uint8_t leading_zero[4 + 0x80] = {0x04, 0x82, 0x00, 0x80};
    struct ph_der e;

    struct ph_reader whole = {PH_BYTES_OF(leading_zero)};
    CHECK(ph_der_next(&whole, &e) == PH_ERR_MALFORMED);
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_reader r = {unhex(bad[i])};
        const struct ph_bytes before = r.rest;
        CHECK(ph_der_next(&r, &e) == PH_ERR_MALFORMED);
        CHECK(r.rest.ptr == before.ptr && r.rest.len == before.len);
    }
}

TEST(integers_are_minimal_and_not_negative)
{
    static const struct {
        const char *hex;
        uint64_t value;
    } good[] = {{"020100", 0},
                {"02017f", 127},
                {"02020080", 128},
                {"02087fffffffffffffff", INT64_MAX},
                {"020900ffffffffffffffff", UINT64_MAX},
                {"0a0105", 5}};
    static const char *const bad[] = {"0200",
                                      "020180",
                                      "0202ffff",
                                      "02020001",
                                      "0202007f",
                                      "0203000080",
                                      "020a0100000000000000ff00",
                                      "04017f",
                                      "0a00"};
    struct ph_der e;
    struct ph_bytes v;
    uint64_t n = 77;

    for (size_t i = 0; i < PH_LEN(good); i++) {
        e = element(good[i].hex);
        CHECK(ph_der_u64(&e, &n) == PH_OK && n == good[i].value);
    }
    n = 77;
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        e = element(bad[i]);
        CHECK(ph_der_u64(&e, &n) == PH_ERR_MALFORMED && n == 77);
    }
    e = element("020100");
    CHECK(ph_der_uint(&e, &v) == PH_OK && v.len == 0);
    e = element("02020080");
    CHECK(ph_der_uint(&e, &v) == PH_OK && v.len == 1 && v.ptr[0] == 0x80);
    e = element("020a0100000000000000ff00");
    CHECK(ph_der_uint(&e, &v) == PH_OK && v.len == 10);
}

TEST(booleans_bit_strings_and_times)
{
    struct ph_der e = element("0101ff");
    struct ph_bytes bits;
    int64_t s;
    bool b = false;

    CHECK(ph_der_bool(&e, &b) == PH_OK && b);
    e = element("010100");
    CHECK(ph_der_bool(&e, &b) == PH_OK && !b);
    static const char *const bad_bools[] = {"010101", "0100", "0102ffff", "0201ff"};
    for (size_t i = 0; i < PH_LEN(bad_bools); i++) {
        e = element(bad_bools[i]);
        CHECK(ph_der_bool(&e, &b) == PH_ERR_MALFORMED);
    }
    e = element("030300abcd");
    CHECK(ph_der_bits(&e, &bits) == PH_OK && bits.len == 2 && bits.ptr[0] == 0xab);
    e = element("030100");
    CHECK(ph_der_bits(&e, &bits) == PH_OK && bits.len == 0);
    static const char *const bad_bits[] = {"0300", "030304abc0", "0302ff00", "040300abcd"};
    for (size_t i = 0; i < PH_LEN(bad_bits); i++) {
        e = element(bad_bits[i]);
        CHECK(ph_der_bits(&e, &bits) == PH_ERR_MALFORMED);
    }
    e = element("170d3235303631393130333232375a");
    CHECK(ph_der_time(&e, &s) == PH_OK && s == 1750329147);
    e = element("180f32303235303631393130333232375a");
    CHECK(ph_der_time(&e, &s) == PH_OK && s == 1750329147);
    e = element("040d3235303631393130333232375a");
    CHECK(ph_der_time(&e, &s) == PH_ERR_MALFORMED);
}

TEST(ecdsa_signatures_become_fixed_width)
{
    uint8_t out[64];
    char hex[129];

    CHECK(ph_der_ecdsa_sig(unhex("3007020101020200ff"), 32, out) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(out), hex);
    assert_string_equal(hex, "0000000000000000000000000000000000000000000000000000000000000001"
                             "00000000000000000000000000000000000000000000000000000000000000ff");
    static const char *const bad[] = {
        "3007020101020200ff00",   /* bytes after it */
        "3009020101020200ff0500", /* and inside it */
        "3006020101020200ff",     /* too short a sequence */
        "3007020101020200",       "3003020101",         "300602010102017f00",
        "3007020101020300ff",     "3006020101028101ff", "3006020101020180", /* negative */
        "300702010102020001",                                               /* not minimal */
        "3106020101020101",
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_der_ecdsa_sig(unhex(bad[i]), 32, out) == PH_ERR_MALFORMED);
    }
    /* 33 significant bytes do not fit 32, but fit 48 */
    const char *wide = "3027022200"
                       "ff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
                       "020101";
    CHECK(ph_der_ecdsa_sig(unhex(wide), 32, out) == PH_ERR_MALFORMED);
    uint8_t out96[96];
    CHECK(ph_der_ecdsa_sig(unhex(wide), 48, out96) == PH_OK && out96[15] == 0xff);
    CHECK(ph_der_ecdsa_sig(unhex(wide), 67, out96) == PH_ERR_LIMIT);
}

TEST(signatures_survive_writing_and_reading)
{
    uint8_t sig[64], back[64];

    for (unsigned i = 0; i < 256; i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(80);
        memset(sig, 0, sizeof(sig));
        for (unsigned j = i % 32; j < 32; j++)
            sig[j] = (uint8_t)(i + j);
        sig[32 + i % 32] = (uint8_t)i;
        CHECK(ph_der_put_ecdsa_sig(&buf, sig, 32) == PH_OK);
        CHECK(ph_der_ecdsa_sig(ph_buf_view(&buf), 32, back) == PH_OK);
        assert_memory_equal(sig, back, sizeof(sig));
    }
}

static void check_put(const struct ph_buf *buf, const char *want)
{
    char hex[512];

    CHECK(buf->len < sizeof(hex) / 2);
    ph_hex_encode(ph_buf_view(buf), hex);
    assert_string_equal(hex, want);
}

TEST(oids_are_written_as_x690_says)
{
    static const struct {
        const char *dotted, *hex;
    } good[] = {
        {"1.2.840.10045.4.3.2", "06082a8648ce3d040302"},
        {"2.5.29.14", "0603551d0e"},
        {"2.999.3", "0603883703"},
        {"0.39", "060127"},
        {"1.2.840.113741.1.13.1", "06092a864886f84d010d01"},
        {"2.16.4294967295", "0606608fffffff7f"},
    };
    static const char *const bad[] = {
        "", "1", "1.", ".1", "3.1", "1.40", "1.2.", "1..2", "1.2.x", "1.2.4294967296", "a", "1.-2"};

    for (size_t i = 0; i < PH_LEN(good); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(64);
        CHECK(ph_der_put_oid(&buf, good[i].dotted) == PH_OK);
        check_put(&buf, good[i].hex);
    }
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(64);
        CHECK(ph_der_put_oid(&buf, bad[i]) == PH_ERR_MALFORMED && buf.len == 0);
    }
}

TEST(integers_and_times_are_written_as_they_are_read)
{
    static const uint64_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x8000, INT64_MAX, UINT64_MAX};
    /* 1949-12-31T23:59:59Z, 1950-01-01, 2049-12-31T23:59:59Z, 2050-01-01 */
    static const struct {
        int64_t s;
        uint8_t tag;
    } times[] = {{-631152001, PH_DER_GENERALIZED_TIME},
                 {-631152000, PH_DER_UTC_TIME},
                 {1750329147, PH_DER_UTC_TIME},
                 {2524607999, PH_DER_UTC_TIME},
                 {2524608000, PH_DER_GENERALIZED_TIME}};
    struct ph_der e;
    uint64_t n;
    int64_t s;

    for (size_t i = 0; i < PH_LEN(values); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(64);
        CHECK(ph_der_put_u64(&buf, values[i]) == PH_OK);
        struct ph_reader r = {ph_buf_view(&buf)};
        CHECK(ph_der_next(&r, &e) == PH_OK && ph_der_u64(&e, &n) == PH_OK && n == values[i]);
    }
    for (size_t i = 0; i < PH_LEN(times); i++) {
        struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(64);
        CHECK(ph_der_put_time(&buf, times[i].s) == PH_OK);
        struct ph_reader r = {ph_buf_view(&buf)};
        CHECK(ph_der_next(&r, &e) == PH_OK && e.tag == times[i].tag);
        CHECK(ph_der_time(&e, &s) == PH_OK && s == times[i].s);
    }
}

TEST(a_full_buffer_stays_as_it_was)
{
    uint8_t big[PH_DER_UINT_MAX + 1];
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(10);

    memset(big, 0x7f, sizeof(big));
    CHECK(ph_der_put_u64(&buf, 5) == PH_OK && buf.len == 3);
    CHECK(ph_der_put(&buf, PH_DER_OCTET_STRING, (struct ph_bytes){big, 6}) == PH_ERR_LIMIT);
    CHECK(ph_der_put_oid(&buf, "1.2.840.10045.4.3.2") == PH_ERR_LIMIT);
    CHECK(ph_der_put_time(&buf, 0) == PH_ERR_LIMIT);
    CHECK(ph_der_put_ecdsa_sig(&buf, big, 32) == PH_ERR_LIMIT);
    CHECK(buf.len == 3);
    CHECK(ph_der_put(&buf, PH_DER_OCTET_STRING, (struct ph_bytes){big, 5}) == PH_OK);
    struct ph_buf roomy PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_der_put_uint(&roomy, (struct ph_bytes){big, PH_DER_UINT_MAX}) == PH_OK);
    CHECK(ph_der_put_uint(&roomy, PH_BYTES_OF(big)) == PH_ERR_LIMIT);
    CHECK(ph_der_put_ecdsa_sig(&roomy, big, PH_DER_SCALAR_MAX + 1) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(elements_are_cut_off_with_their_header),
             CASE(lengths_of_every_size_are_read_and_written),
             CASE(what_only_ber_allows_is_refused), CASE(integers_are_minimal_and_not_negative),
             CASE(booleans_bit_strings_and_times), CASE(ecdsa_signatures_become_fixed_width),
             CASE(signatures_survive_writing_and_reading), CASE(oids_are_written_as_x690_says),
             CASE(integers_and_times_are_written_as_they_are_read),
             CASE(a_full_buffer_stays_as_it_was))
