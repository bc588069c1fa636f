#include "base/own.h"
#include "base/test.h"
#include "codec/cert_put.h"
#include "codec/der.h"

static const uint8_t serial[] = {0, 7};
static uint8_t spki[PH_CERT_SPKI_P256_LEN];

static struct ph_cert sample(void)
{
    static const uint8_t xy[64] = {1, 2, 3};

    ph_cert_spki_p256(xy, spki);
    return (struct ph_cert){.serial = PH_BYTES_OF(serial),
                            .subject = {.common_name = "who"},
                            .issuer = {.organization = "org", .common_name = "by whom"},
                            .not_before_s = 1000,
                            .not_after_s = 2000,
                            .spki = PH_BYTES_OF(spki)};
}

static bool has(const struct ph_buf *in, struct ph_bytes what)
{
    return memmem(in->ptr, in->len, what.ptr, what.len) != NULL;
}

static struct ph_buf tbs_of(const struct ph_cert *c)
{
    struct ph_buf tbs = PH_BUF(PH_CERT_PUT_MAX);
    CHECK(ph_cert_put_tbs(c, &tbs) == PH_OK);
    return tbs;
}

TEST(what_is_left_out_leaves_no_trace)
{
    const struct ph_cert c = sample();
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = tbs_of(&c);

    CHECK(has(&tbs, PH_BYTES_LIT("\x02\x01\x07")) && has(&tbs, PH_BYTES_OF(spki)));
    CHECK(has(&tbs, PH_BYTES_LIT("by whom")) && has(&tbs, PH_BYTES_LIT("who")));
    CHECK(!has(&tbs, PH_BYTES_LIT("\x55\x1d")));
    CHECK(tbs.ptr[tbs.len - 1] == 0 && memcmp(tbs.ptr + tbs.len - sizeof(spki), spki, 91) == 0);
}

TEST(usages_names_and_extensions_are_written)
{
    static const char *const names[] = {"a.example", "127.0.0.1", "::1"};
    static const uint8_t value[] = {0xde, 0xad};
    const struct ph_cert_ext ext = {"1.2.3", PH_BYTES_OF(value)};
    struct ph_cert c = sample();

    c.usage = PH_CERT_USAGE_CA;
    c.path_len = 1;
    c.server_auth = c.client_auth = true;
    c.alt_names = names;
    c.alt_name_cnt = 3;
    c.ext = &ext;
    c.ext_cnt = 1;
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = tbs_of(&c);
    CHECK(has(&tbs, PH_BYTES_LIT("\x82\x09"
                                 "a.example\x87\x04\x7f\x00\x00\x01\x87\x10")));
    CHECK(has(&tbs, PH_BYTES_LIT("\x01\x01\xff\x04\x04\x03\x02\x01\x86")));
    CHECK(has(&tbs, PH_BYTES_LIT("\x30\x06\x01\x01\xff\x02\x01\x01")));
    CHECK(has(&tbs, PH_BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x01")));
    CHECK(has(&tbs, PH_BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x02")));
    CHECK(has(&tbs, PH_BYTES_LIT("\x30\x08\x06\x02\x2a\x03\x04\x02\xde\xad")));
    c.usage = PH_CERT_USAGE_SIGNATURE;
    struct ph_buf leaf PH_OWNED(ph_buf_clear) = tbs_of(&c);
    CHECK(has(&leaf, PH_BYTES_LIT("\x03\x02\x07\x80")) &&
          !has(&leaf, PH_BYTES_LIT("\x55\x1d\x13")));
}

TEST(what_cannot_be_written_is_refused_and_leaves_nothing)
{
    static const char *const bad[] = {"", "a b", "caf\xc3\xa9", "a\n"};
    static const uint8_t zero[2], longer[21] = {1};
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX);
    struct ph_cert c = sample();

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        c.alt_names = &bad[i];
        c.alt_name_cnt = 1;
        CHECK(ph_cert_put_tbs(&c, &out) == PH_ERR_MALFORMED && out.len == 0);
    }
    c = sample();
    c.serial = PH_BYTES_OF(zero);
    CHECK(ph_cert_put_tbs(&c, &out) == PH_ERR_MALFORMED);
    c.serial = PH_BYTES_OF(longer);
    CHECK(ph_cert_put_tbs(&c, &out) == PH_ERR_MALFORMED);
    c = sample();
    static uint8_t big[PH_CERT_PUT_MAX];
    const struct ph_cert_ext ext = {"1.2.3", PH_BYTES_OF(big)};
    c.ext = &ext;
    c.ext_cnt = 1;
    CHECK(ph_cert_put_tbs(&c, &out) == PH_ERR_LIMIT && out.len == 0);
}

TEST(a_certificate_is_the_three_parts)
{
    const struct ph_cert c = sample();
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = tbs_of(&c),
                      out PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX);
    struct ph_reader r, in;
    struct ph_der e;

    CHECK(ph_cert_put(ph_buf_view(&tbs), PH_BYTES_LIT("sig"), &out) == PH_OK);
    r.rest = ph_buf_view(&out);
    CHECK(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL) == PH_OK && ph_der_end(&r) == PH_OK);
    CHECK(ph_der_next(&in, &e) == PH_OK && ph_bytes_equal(e.whole, ph_buf_view(&tbs)));
    CHECK(ph_der_next(&in, &e) == PH_OK && e.tag == PH_DER_SEQUENCE);
    CHECK(ph_der_expect(&in, PH_DER_BIT_STRING, &e) == PH_OK);
    CHECK(ph_bytes_equal(e.value, PH_BYTES_LIT("\0sig")) && ph_der_end(&in) == PH_OK);
}

PH_TEST_MAIN(CASE(what_is_left_out_leaves_no_trace), CASE(usages_names_and_extensions_are_written),
             CASE(what_cannot_be_written_is_refused_and_leaves_nothing),
             CASE(a_certificate_is_the_three_parts))
