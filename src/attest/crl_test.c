/* Revocation lists: one that is good, and each rule of the reader broken alone. */

#include "attest/crl.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/der.h"

/* Bytes in a static table. */
#define DER(lit)                                                                                   \
    {                                                                                              \
        (const uint8_t *)("" lit), sizeof(lit) - 1                                                 \
    }
#define ECDSA_SHA256 "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define NUMBER "\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01"
#define KEY_ID "\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01"

/* What a list is made of: elements of its first part, then algorithm and signature around them. */
enum field {
    CRL_VERSION,
    CRL_ALG,
    CRL_ISSUER,
    CRL_THIS,
    CRL_NEXT,
    CRL_REVOKED,
    CRL_EXTS,
    CRL_AFTER, /* nothing */
    CRL_TBS_CNT,
    CRL_OUTER_ALG = CRL_TBS_CNT,
    CRL_SIG,
    CRL_END, /* nothing */
    CRL_FIELDS,
};
static const struct ph_bytes good[CRL_FIELDS] = {
    [CRL_VERSION] = DER("\x02\x01\x01"),
    [CRL_ALG] = DER(ECDSA_SHA256),
    [CRL_ISSUER] = DER("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
                       "CA"),
    [CRL_THIS] = DER("\x17\x0d"
                     "250619103227Z"),
    [CRL_NEXT] = DER("\x17\x0d"
                     "250719103227Z"),
    [CRL_REVOKED] = DER("\x30\x29\x30\x12\x02\x01\x05\x17\x0d"
                        "250619103227Z\x30\x13\x02\x02\x00\x80\x17\x0d"
                        "250619103228Z"),
    [CRL_EXTS] = DER("\xa0\x1c\x30\x1a" NUMBER KEY_ID),
    [CRL_OUTER_ALG] = DER(ECDSA_SHA256),
    [CRL_SIG] = DER("\x03\x09\x00\x30\x06\x02\x01\x07\x02\x01\x08"),
};
enum { THIS_S = 1750329147, NEXT_S = 1752921147 };
/* The good list with one field replaced. */
static void make(enum field which, struct ph_bytes by, struct ph_buf *out)
{
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(4096);

    out->len = 0;
    for (enum field i = 0; i < CRL_FIELDS; i++) {
        const struct ph_bytes v = i == which ? by : good[i];
        if (i == CRL_TBS_CNT)
            CHECK(ph_der_put(&body, PH_DER_SEQUENCE, ph_buf_view(&tbs)) == PH_OK);
        CHECK(ph_buf_add(i < CRL_TBS_CNT ? &tbs : &body, v) == PH_OK);
    }
    CHECK(ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&body)) == PH_OK);
}

static enum ph_err parse(struct ph_bytes der, struct ph_crl *out)
{
    return ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, der, out);
}

TEST(a_list_is_read_whole)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_crl crl;
    make(CRL_FIELDS, (struct ph_bytes){0}, &der);
    CHECK(parse(ph_buf_view(&der), &crl) == PH_OK);
    CHECK(ph_bytes_equal(crl.issuer, good[CRL_ISSUER]) && crl.has_number);
    CHECK(ph_bytes_is(crl.aki, "\x01") && crl.sig_alg == PH_X509_SIG_ECDSA_SHA256);
    CHECK(crl.this_update_s == THIS_S && crl.next_update_s == NEXT_S);
    CHECK(crl.sig[31] == 7 && crl.sig[63] == 8 && crl.tbs.len < der.len);
    CHECK(ph_crl_has(&crl, PH_BYTES_LIT("\x05")) && ph_crl_has(&crl, PH_BYTES_LIT("\x80")));
    CHECK(!ph_crl_has(&crl, PH_BYTES_LIT("\x06")) && !ph_crl_has(&crl, PH_BYTES_LIT("\0\x80")));
    CHECK(!ph_crl_has(&crl, PH_BYTES_LIT("")));
}

TEST(every_truncation_and_anything_after_is_refused)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_crl crl = {.next_update_s = 77};
    make(CRL_FIELDS, (struct ph_bytes){0}, &der);
    for (size_t len = 0; len < der.len; len++)
        CHECK(parse((struct ph_bytes){der.ptr, len}, &crl) == PH_ERR_MALFORMED);
    CHECK(ph_buf_add(&der, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(parse(ph_buf_view(&der), &crl) == PH_ERR_MALFORMED);
    CHECK(crl.next_update_s == 77); /* untouched */
}

TEST(an_entry_that_cannot_be_read_counts_as_revoked)
{
    const struct ph_crl crl = {.entries = PH_BYTES_LIT("\x30\x01\x02")};
    CHECK(ph_crl_has(&crl, PH_BYTES_LIT("\x05")));
    const struct ph_crl one = {.entries = PH_BYTES_LIT("\x30")};
    CHECK(ph_crl_has(&one, PH_BYTES_LIT("\x05")));
}

TEST(each_field_is_held_to_its_form)
{
    static const struct {
        enum field which;
        enum ph_err err;
        struct ph_bytes der;
    } rows[] = {
        {CRL_VERSION, PH_ERR_UNSUPPORTED, DER("\x02\x01\x00")},
        {CRL_VERSION, PH_ERR_MALFORMED, DER("")}, /* v1 */
        {CRL_ALG, PH_ERR_UNSUPPORTED, DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
        {CRL_NEXT, PH_ERR_MALFORMED, DER("")}, /* nextUpdate is optional in X.509 only */
        {CRL_THIS, PH_ERR_MALFORMED, DER("\x17\x01Z")},
        {CRL_REVOKED, PH_ERR_MALFORMED, DER("\x30\x00")}, /* empty, not absent */
        {CRL_REVOKED, PH_OK, DER("")},
        {CRL_REVOKED, PH_ERR_MALFORMED, DER("\x30\x05\x30\x03\x02\x01\x01")}, /* no date */
        {CRL_REVOKED, PH_OK,
         DER("\x30\x14\x30\x12\x02\x01\x01\x17\x0d"
             "250619103227Z")},
        {CRL_REVOKED, PH_ERR_MALFORMED, /* an empty list of extensions */
         DER("\x30\x16\x30\x14\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x00")},
        {CRL_REVOKED, PH_ERR_UNSUPPORTED, /* critical: certificate issuer, of indirect lists */
         DER("\x30\x22\x30\x20\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x0c\x30\x0a\x06\x03\x55\x1d\x1d\x01\x01\xff\x04\x00")},
        {CRL_REVOKED, PH_OK, /* critical, and known: reason code */
         DER("\x30\x25\x30\x23\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x0f\x30\x0d\x06\x03\x55\x1d\x15\x01\x01\xff\x04\x03\x0a"
             "\x01\x01")},
        {CRL_EXTS, PH_ERR_MALFORMED, DER("")},
        {CRL_EXTS, PH_ERR_MALFORMED, DER("\xa0\x02\x30\x00")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* cRLNumber alone */
         DER("\xa0\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* authority key identifier alone */
         DER("\xa0\x10\x30\x0e\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01")},
        {CRL_EXTS, PH_OK, /* both */
         DER("\xa0\x1c\x30\x1a\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01\x30\x0c\x06"
             "\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* cRLNumber twice */
         DER("\xa0\x28\x30\x26\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01\x30\x0a\x06"
             "\x03\x55\x1d\x14\x04\x03\x02\x01\x01\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30"
             "\x03\x80\x01\x01")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* authority key identifier twice */
         DER("\xa0\x2a\x30\x28\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01\x30\x0c\x06"
             "\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01\x30\x0c\x06\x03\x55\x1d\x23\x04"
             "\x05\x30\x03\x80\x01\x01")},
        {CRL_EXTS, PH_ERR_UNSUPPORTED, /* critical: delta CRL indicator */
         DER("\xa0\x11\x30\x0f\x30\x0d\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01"
             "\x01")},
        {CRL_VERSION, PH_ERR_MALFORMED, DER("\x02\x02\x00\x01")}, /* not the shortest form */
        {CRL_VERSION, PH_ERR_UNSUPPORTED, DER("\x02\x01\x02")},
        {CRL_ALG, PH_ERR_MALFORMED, DER("")},
        {CRL_ISSUER, PH_ERR_MALFORMED, DER("")},
        {CRL_ISSUER, PH_ERR_MALFORMED, DER("\x31\x00")},
        {CRL_THIS, PH_ERR_MALFORMED, DER("")},
        {CRL_THIS, PH_ERR_MALFORMED,
         DER("\x17\x0d"
             "251319103227Z")}, /* month 13 */
        {CRL_NEXT, PH_ERR_MALFORMED,
         DER("\x17\x0d"
             "250619103227+")},
        {CRL_NEXT, PH_ERR_MALFORMED, DER("\x02\x01\x01")},
        {CRL_REVOKED, PH_ERR_MALFORMED, /* a negative serial */
         DER("\x30\x14\x30\x12\x02\x01\x81\x17\x0d"
             "250619103227Z")},
        {CRL_REVOKED, PH_ERR_MALFORMED, /* something after an entry's extensions */
         DER("\x30\x27\x30\x25\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x0f\x30\x0d\x06\x03\x55\x1d"
             "\x15\x01\x01\xff\x04\x03\x0a\x01\x01\x05\x00")},
        {CRL_REVOKED, PH_OK, /* not critical, unknown */
         DER("\x30\x1f\x30\x1d\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x09\x30\x07\x06\x03\x55\x1d"
             "\x1d\x04\x00")},
        {CRL_REVOKED, PH_OK, /* critical, and known: invalidity date */
         DER("\x30\x22\x30\x20\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x0c\x30\x0a\x06\x03\x55\x1d"
             "\x18\x01\x01\xff\x04\x00")},
        {CRL_REVOKED, PH_ERR_MALFORMED, /* one byte behind an entry */
         DER("\x30\x15\x30\x12\x02\x01\x01\x17\x0d"
             "250619103227Z\x05")},
        {CRL_REVOKED, PH_ERR_MALFORMED, /* one byte behind the date, and behind an extension */
         DER("\x30\x15\x30\x13\x02\x01\x01\x17\x0d"
             "250619103227Z\x05")},
        {CRL_REVOKED, PH_ERR_MALFORMED,
         DER("\x30\x20\x30\x1e\x02\x01\x01\x17\x0d"
             "250619103227Z\x30\x0a\x30\x07\x06\x03\x55\x1d\x1d\x04\x00\x05")},
        {CRL_EXTS, PH_ERR_MALFORMED, DER("\xa0\x1d\x30\x1b" NUMBER KEY_ID "\x05")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* no key identifier, and then one */
         DER("\xa0\x27\x30\x25" NUMBER "\x30\x09\x06\x03\x55\x1d\x23\x04\x02\x30\x00" KEY_ID)},
        {CRL_EXTS, PH_ERR_MALFORMED, DER("\xa0\x1e\x30\x1a" NUMBER KEY_ID "\x05\x00")},
        {CRL_EXTS, PH_ERR_MALFORMED, DER("\xa1\x1c\x30\x1a" NUMBER KEY_ID)},
        {CRL_EXTS, PH_ERR_MALFORMED, /* cRLNumber is negative */
         DER("\xa0\x1c\x30\x1a\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x81" KEY_ID)},
        {CRL_EXTS, PH_ERR_MALFORMED, /* cRLNumber, and something after it */
         DER("\xa0\x1e\x30\x1c\x30\x0c\x06\x03\x55\x1d\x14\x04\x05\x02\x01\x01\x05\x00" KEY_ID)},
        {CRL_EXTS, PH_ERR_MALFORMED, /* an empty key identifier */
         DER("\xa0\x1b\x30\x19" NUMBER "\x30\x0b\x06\x03\x55\x1d\x23\x04\x04\x30\x02\x80\x00")},
        {CRL_EXTS, PH_ERR_MALFORMED, /* key identifier and serial number */
         DER("\xa0\x1f\x30\x1d" NUMBER "\x30\x0f\x06\x03\x55\x1d\x23\x04\x08\x30\x06\x80\x01\x01"
             "\x82\x01\x01")},
        {CRL_EXTS, PH_ERR_UNSUPPORTED, /* critical: issuing distribution point */
         DER("\xa0\x2b\x30\x29" NUMBER KEY_ID
             "\x30\x0d\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x03\x02\x01\x01")},
        {CRL_EXTS, PH_OK, /* the same, not critical */
         DER("\xa0\x28\x30\x26" NUMBER KEY_ID "\x30\x0a\x06\x03\x55\x1d\x1c\x04\x03\x02\x01\x01")},
        {CRL_AFTER, PH_ERR_MALFORMED, DER("\x05\x00")},
        {CRL_OUTER_ALG, PH_ERR_MALFORMED, DER("")},
        {CRL_OUTER_ALG, PH_ERR_UNSUPPORTED, /* another than inside */
         DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
        {CRL_SIG, PH_ERR_MALFORMED, DER("")},
        {CRL_SIG, PH_ERR_MALFORMED, DER("\x03\x09\x01\x30\x06\x02\x01\x07\x02\x01\x08")},
        {CRL_SIG, PH_ERR_MALFORMED, DER("\x03\x06\x00\x30\x03\x02\x01\x07")},
        {CRL_SIG, PH_ERR_MALFORMED, DER("\x03\x0b\x00\x30\x06\x02\x01\x07\x02\x01\x08\x05\x00")},
        {CRL_END, PH_ERR_MALFORMED, DER("\x05\x00")},
    };
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_crl crl;
    size_t wrong = 0;

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        make(rows[i].which, rows[i].der, &der);
        const enum ph_err err = parse(ph_buf_view(&der), &crl);
        if (err != rows[i].err)
            print_message("# row %zu: %s\n", i, ph_err_name(err));
        wrong += err != rows[i].err;
    }
    CHECK(wrong == 0);
}

/* Two algorithms may both be asked for; a list still names one, the same within and without. */
TEST(both_algorithms_of_a_list_are_the_same)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_crl crl;
    const uint32_t both = PH_X509_SIG_ECDSA_SHA256 | PH_X509_SIG_ECDSA_SHA384;
    make(CRL_OUTER_ALG, PH_BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"), &der);
    CHECK(ph_crl_parse(both, ph_buf_view(&der), &crl) == PH_ERR_MALFORMED);
    make(CRL_FIELDS, (struct ph_bytes){0}, &der);
    CHECK(ph_crl_parse(both, ph_buf_view(&der), &crl) == PH_OK);
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA384, ph_buf_view(&der), &crl) == PH_ERR_UNSUPPORTED);
}

PH_TEST_MAIN(CASE(a_list_is_read_whole), CASE(every_truncation_and_anything_after_is_refused),
             CASE(an_entry_that_cannot_be_read_counts_as_revoked),
             CASE(each_field_is_held_to_its_form), CASE(both_algorithms_of_a_list_are_the_same))
