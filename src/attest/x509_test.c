/* Certificates, the SGX extension and revocation lists: everything outside the profile is refused.
 * Documents are taken apart into elements and put together again with one of them replaced. */

#include "attest/crl.h"
#include "attest/intel/pki.h"
#include "attest/intel/sgx_ext.h"
#include "attest/synth/synth.h"
#include "attest/x509.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"
#include "codec/der.h"

#include <stdlib.h>

static const uint8_t seed[32] = "x509 test";
/* Bytes in a static table. */
#define DER(lit)                                                                                   \
    {                                                                                              \
        (const uint8_t *)("" lit), sizeof(lit) - 1                                                 \
    }

enum { NOW = 1750000000, PARTS_MAX = 24 };

/* Elements of a constructed element: each can be dropped, replaced or repeated. */
struct parts {
    struct ph_bytes part[PARTS_MAX];
    size_t cnt;
};

static struct parts split(struct ph_bytes inside)
{
    struct parts p = {0};
    struct ph_reader r = {inside};
    struct ph_der e;
    while (r.rest.len > 0) {
        CHECK(p.cnt < PARTS_MAX && ph_der_next(&r, &e) == PH_OK);
        p.part[p.cnt++] = e.whole;
    }
    return p;
}

static struct ph_bytes inside(struct ph_bytes element)
{
    struct ph_reader r = {element};
    struct ph_der e;
    CHECK(ph_der_next(&r, &e) == PH_OK && r.rest.len == 0);
    return e.value;
}

/* Append an element of this tag around the parts. */
static void join(struct ph_buf *out, uint8_t tag, const struct parts *p)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    for (size_t i = 0; i < p->cnt; i++)
        CHECK(ph_buf_add(&body, p->part[i]) == PH_OK);
    CHECK(ph_der_put(out, tag, ph_buf_view(&body)) == PH_OK);
}

/* A signed document with other parts of its first element: Certificate or CertificateList. */
static void with_tbs(struct ph_buf *out, struct ph_bytes doc, const struct parts *tbs)
{
    struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct parts top = split(inside(doc));
    join(&made, PH_DER_SEQUENCE, tbs);
    top.part[0] = ph_buf_view(&made);
    join(out, PH_DER_SEQUENCE, &top);
}

/* The leaf of a synthetic PCK chain, and lists. */
struct fixture {
    struct ph_synth s;
    struct ph_synth_pki *pki;
    struct ph_buf leaf, root, crl;
};

static void setup(struct fixture *f)
{
    CHECK(ph_synth_defaults(&f->s, seed, NOW) == PH_OK);
    f->s.revoked_by_ca[0] = f->s.pck_serial;
    f->s.revoked_by_ca_cnt = 1;
    CHECK(ph_synth_pki_new(&f->s, &f->pki) == PH_OK);
    f->leaf = f->root = f->crl = PH_BUF(65536);
    struct ph_reader r = {ph_synth_pki_chain_pem(f->pki)};
    CHECK(ph_pem_next(&r, "CERTIFICATE", &f->leaf) == PH_OK);
    CHECK(ph_pem_next(&r, "CERTIFICATE", &f->root) == PH_OK);
    f->root.len = 0;
    CHECK(ph_pem_next(&r, "CERTIFICATE", &f->root) == PH_OK);
    CHECK(ph_buf_add(&f->crl, ph_synth_pki_parts(f->pki).pck_crl) == PH_OK);
}

static void teardown(struct fixture *f)
{
    ph_synth_pki_free(f->pki);
    ph_buf_clear(&f->leaf);
    ph_buf_clear(&f->root);
    ph_buf_clear(&f->crl);
}

enum { TBS_VERSION, TBS_SERIAL, TBS_ALG, TBS_ISSUER, TBS_VALIDITY, TBS_SUBJECT, TBS_KEY, TBS_EXTS };

static enum ph_err parse_as(const struct ph_x509_profile *profile, const struct fixture *f,
                            size_t which, struct ph_bytes replacement, struct ph_x509 *out)
{
    struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct parts tbs = split(inside(split(inside(ph_buf_view(&f->leaf))).part[0]));
    tbs.part[which] = replacement;
    with_tbs(&made, ph_buf_view(&f->leaf), &tbs);
    return ph_x509_parse(profile, ph_buf_view(&made), out);
}

static enum ph_err parse_with(const struct fixture *f, size_t which, struct ph_bytes replacement,
                              struct ph_x509 *out)
{
    return parse_as(&ph_x509_profile_intel, f, which, replacement, out);
}

TEST(a_certificate_is_read_whole)
{
    struct fixture f;
    struct ph_x509 x;
    setup(&f);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&f.leaf), &x) == PH_OK);
    CHECK(ph_bytes_is(x.cn, "Intel SGX PCK Certificate") && !x.is_ca && x.has_key_usage);
    CHECK(x.key_usage == (PH_X509_KU_DIGITAL_SIGNATURE | PH_X509_KU_NON_REPUDIATION));
    CHECK(x.not_before_s == f.s.pck_not_before_s && x.not_after_s == f.s.pck_not_after_s);
    CHECK(x.serial.len == 20 && memcmp(x.serial.ptr, f.s.pck_serial.b, 20) == 0);
    CHECK(x.aki.len == 20 && x.ski.len == 20 && x.vendor[0].len > 0);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&f.root), &x) == PH_OK);
    CHECK(x.is_ca && x.has_path_len && x.path_len == 1 && x.vendor[0].len == 0);
    CHECK(x.key_usage == (PH_X509_KU_CERT_SIGN | PH_X509_KU_CRL_SIGN));
    teardown(&f);
}

TEST(every_truncation_and_anything_after_is_refused)
{
    struct fixture f;
    struct ph_x509 x;
    struct ph_crl crl;
    setup(&f);
    for (size_t len = 0; len < f.leaf.len; len++)
        CHECK(ph_x509_parse(&ph_x509_profile_intel, (struct ph_bytes){f.leaf.ptr, len}, &x) ==
              PH_ERR_MALFORMED);
    for (size_t len = 0; len < f.crl.len; len++)
        CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, (struct ph_bytes){f.crl.ptr, len}, &crl) ==
              PH_ERR_MALFORMED);
    CHECK(ph_buf_add(&f.leaf, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&f.leaf), &x) == PH_ERR_MALFORMED);
    CHECK(ph_buf_add(&f.crl, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, ph_buf_view(&f.crl), &crl) == PH_ERR_MALFORMED);
    teardown(&f);
}

TEST(sizes_are_limited)
{
    struct ph_x509 x;
    struct ph_crl crl;
    uint8_t *big = calloc(1, PH_CRL_MAX + 1);
    CHECK(big);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, (struct ph_bytes){big, PH_X509_MAX}, &x) ==
          PH_ERR_MALFORMED);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, (struct ph_bytes){big, PH_X509_MAX + 1}, &x) ==
          PH_ERR_LIMIT);
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, (struct ph_bytes){big, PH_CRL_MAX + 1}, &crl) ==
          PH_ERR_LIMIT);
    free(big);
}

#define P256 "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OCTETS63 "012345678901234567890123456789012345678901234567890123456789012"
TEST(each_field_of_a_certificate_is_held_to_its_form)
{
    static const struct {
        size_t which;
        enum ph_err err;
        struct ph_bytes der;
    } rows[] = {
        {TBS_VERSION, PH_ERR_UNSUPPORTED, DER("\xa0\x03\x02\x01\x01")}, /* v2 */
        {TBS_VERSION, PH_ERR_MALFORMED, DER("\xa0\x06\x02\x01\x02\x02\x01\x02")},
        {TBS_VERSION, PH_ERR_MALFORMED, DER("")}, /* v1: the version is absent */
        {TBS_VERSION, PH_ERR_MALFORMED, DER("\xa0\x03\x02\x01\xff")}, /* negative */
        {TBS_SERIAL, PH_ERR_MALFORMED, DER("\x02\x01\x00")},          /* zero */
        {TBS_SERIAL, PH_ERR_MALFORMED, DER("\x02\x01\x80")},          /* negative */
        {TBS_SERIAL, PH_ERR_MALFORMED,                                /* 22 octets */
         DER("\x02\x16\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
             "\x01\x01\x01\x01\x01")},
        {TBS_SERIAL, PH_OK, /* 20 octets and a zero in front */
         DER("\x02\x15\x00\xff\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
             "\x01\x01\x01\x01")},
        {TBS_ALG, PH_ERR_UNSUPPORTED, /* ecdsa-with-SHA384 */
         DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
        {TBS_ALG, PH_ERR_MALFORMED, /* parameters */
         DER("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00")},
        {TBS_ISSUER, PH_ERR_MALFORMED, DER("\x30\x00")}, /* no common name */
        {TBS_ISSUER, PH_ERR_MALFORMED, DER("\x30\x02\x31\x00")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* two common names */
         DER("\x30\x18\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x31\x0a\x30\x08\x06"
             "\x03\x55\x04\x03\x0c\x01\x61")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* one byte behind it, and behind its set */
         DER("\x30\x0d\x31\x0b\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x05")},
        {TBS_SUBJECT, PH_ERR_MALFORMED,
         DER("\x30\x0d\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x05")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* a common name of another string type */
         DER("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x16\x01\x61")},
        {TBS_VALIDITY, PH_ERR_MALFORMED, /* one date */
         DER("\x30\x0f\x17\x0d"
             "250619103227Z")},
        {TBS_VALIDITY, PH_ERR_MALFORMED, /* month 13 */
         DER("\x30\x1e\x17\x0d"
             "251319103227Z\x17\x0d"
             "250619103227Z")},
        {TBS_KEY, PH_ERR_UNSUPPORTED, /* RSA */
         DER("\x30\x12\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x01"
             "\x00")},
        {TBS_KEY, PH_ERR_UNSUPPORTED, /* P-384 */
         DER("\x30\x15\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00"
             "\x22\x03\x01\x00")},
        {TBS_KEY, PH_ERR_UNSUPPORTED, /* 64 octets of a point */
         DER("\x30\x58" P256 "\x03\x41\x00\x04" OCTETS63)},
        {TBS_KEY, PH_OK, DER("\x30\x59" P256 "\x03\x42\x00\x04\x07" OCTETS63)},
        {TBS_KEY, PH_ERR_UNSUPPORTED, /* a hybrid form */
         DER("\x30\x59" P256 "\x03\x42\x00\x06\x07" OCTETS63)},
        {TBS_KEY, PH_ERR_MALFORMED, /* bits behind a whole octet */
         DER("\x30\x59" P256 "\x03\x42\x01\x04\x07" OCTETS63)},
        {TBS_KEY, PH_ERR_MALFORMED, /* an algorithm without a name, a curve without one */
         DER("\x30\x07\x30\x02\x05\x00\x03\x01\x00")},
        {TBS_KEY, PH_ERR_MALFORMED,
         DER("\x30\x10\x30\x0b\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x05\x00\x03\x01\x00")},
        {TBS_KEY, PH_ERR_UNSUPPORTED, /* a compressed point */
         DER("\x30\x1a\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce"
             "\x3d\x03\x01\x07\x03\x03\x00\x02\x01")},
        {TBS_EXTS, PH_ERR_MALFORMED, DER("\xa3\x02\x30\x00")}, /* no extension at all */
        {TBS_EXTS, PH_ERR_MALFORMED, DER("")},
        {TBS_EXTS, PH_ERR_MALFORMED, DER("\xa1\x02\x30\x00")}, /* unique identifier */
    };
    struct fixture f;
    struct ph_x509 x;
    setup(&f);
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        const enum ph_err err = parse_with(&f, rows[i].which, rows[i].der, &x);
        if (err != rows[i].err)
            fail_msg("row %zu: %s", i, ph_err_name(err));
    }
    teardown(&f);
}

/* AlgorithmIdentifier of an RSA key; one such key is 5, 3. */
#define RSA(null) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" null
#define USAGE(bits) "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04" bits
TEST(what_a_loose_profile_allows_is_held_to_its_form_too)
{
    static const struct {
        size_t which;
        enum ph_err err;
        struct ph_bytes der;
    } rows[] = {
        {TBS_SUBJECT, PH_OK, DER("\x30\x00")}, /* no common name */
        {TBS_SUBJECT, PH_OK,                   /* one, a PrintableString */
         DER("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01\x61")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* two */
         DER("\x30\x18\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x31\x0a\x30\x08\x06"
             "\x03\x55\x04\x03\x0c\x01\x61")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* an attribute of another type, with two values */
         DER("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x01\x61\x0c\x01\x61")},
        {TBS_SUBJECT, PH_ERR_MALFORMED, /* with none */
         DER("\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x0a")},
        {TBS_EXTS, PH_ERR_MALFORMED, /* no usage at all */
         DER("\xa3\x12\x30\x10" USAGE("\x03\x02\x00\x00"))},
        {TBS_EXTS, PH_OK, DER("\xa3\x12\x30\x10" USAGE("\x03\x02\x01\x04"))},
        {TBS_EXTS, PH_OK, DER("\xa3\x12\x30\x10" USAGE("\x03\x02\x02\x04"))},
        {TBS_EXTS, PH_ERR_MALFORMED, DER("\xa3\x12\x30\x10" USAGE("\x03\x02\x03\x04"))},
        {TBS_KEY, PH_OK,
         DER("\x30\x1a\x30\x0d" RSA("\x05\x00") "\x03\x09\x00\x30\x06\x02\x01\x05\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* without NULL */
         DER("\x30\x18\x30\x0b" RSA("") "\x03\x09\x00\x30\x06\x02\x01\x05\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* a NULL that is none */
         DER("\x30\x1b\x30\x0e" RSA(
             "\x05\x01\x00") "\x03\x09\x00\x30\x06\x02\x01\x05\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* a negative modulus */
         DER("\x30\x1a\x30\x0d" RSA("\x05\x00") "\x03\x09\x00\x30\x06\x02\x01\x85\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* a negative exponent */
         DER("\x30\x1a\x30\x0d" RSA("\x05\x00") "\x03\x09\x00\x30\x06\x02\x01\x05\x02\x01\x83")},
        {TBS_KEY, PH_ERR_MALFORMED, /* a third number */
         DER("\x30\x1d\x30\x0d" RSA(
             "\x05\x00") "\x03\x0c\x00\x30\x09\x02\x01\x05\x02\x01\x03\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* one behind the key */
         DER("\x30\x1d\x30\x0d" RSA(
             "\x05\x00") "\x03\x0c\x00\x30\x06\x02\x01\x05\x02\x01\x03\x02\x01\x03")},
        {TBS_KEY, PH_ERR_MALFORMED, /* bits behind a whole octet */
         DER("\x30\x1a\x30\x0d" RSA("\x05\x00") "\x03\x09\x01\x30\x06\x02\x01\x05\x02\x01\x02")},
    };
    struct ph_x509_profile loose = ph_x509_profile_intel;
    struct fixture f;
    struct ph_x509 x;
    setup(&f);
    loose.key_algs |= PH_X509_KEY_RSA;
    loose.loose_extensions = true;
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        const enum ph_err err = parse_as(&loose, &f, rows[i].which, rows[i].der, &x);
        if (err != rows[i].err)
            fail_msg("row %zu: %s", i, ph_err_name(err));
    }
    teardown(&f);
}

TEST(parameters_of_ecdsa_are_absent_or_null_where_that_is_allowed)
{
    static const struct {
        enum ph_err strict, null_too;
        struct ph_bytes der;
    } rows[] = {
        {PH_OK, PH_OK, DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")},
        {PH_ERR_MALFORMED, PH_OK, DER("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00")},
        {PH_ERR_MALFORMED, PH_ERR_MALFORMED,
         DER("\x30\x0d\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x01\x00")},
        {PH_ERR_MALFORMED, PH_ERR_MALFORMED,
         DER("\x30\x0e\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00\x05\x00")},
        {PH_ERR_MALFORMED, PH_ERR_MALFORMED, DER("\x30\x02\x05\x00")},
    };
    enum ph_x509_sig_alg alg;
    struct ph_bytes whole;
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_reader a = {rows[i].der}, b = a;
        const uint32_t one = PH_X509_SIG_ECDSA_SHA256;
        if (ph_x509_read_sig_alg(&a, one, &alg, &whole) != rows[i].strict ||
            ph_x509_read_sig_alg(&b, one | PH_X509_SIG_NULL_PARAMS, &alg, &whole) !=
                rows[i].null_too)
            fail_msg("row %zu", i);
    }
}

/* Parse the leaf with one more extension, or with other ones of its own. */
static enum ph_err parse_with_ext(const struct fixture *f, struct ph_bytes ext, bool keep)
{
    struct ph_buf list PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_buf wrap PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct parts tbs = split(inside(split(inside(ph_buf_view(&f->leaf))).part[0]));
    struct parts exts = split(inside(inside(tbs.part[TBS_EXTS])));
    struct ph_x509 x;
    if (!keep)
        exts.cnt = 0;
    exts.part[exts.cnt++] = ext;
    join(&list, PH_DER_SEQUENCE, &exts);
    CHECK(ph_der_put(&wrap, PH_DER_CONTEXT(3), ph_buf_view(&list)) == PH_OK);
    return parse_with(f, TBS_EXTS, ph_buf_view(&wrap), &x);
}

TEST(each_extension_is_held_to_its_form)
{
    static const struct {
        enum ph_err err;
        bool keep;
        struct ph_bytes der;
    } rows[] = {
        /* Unknown: fine unless critical. */
        {PH_OK, true, DER("\x30\x07\x06\x03\x55\x1d\x36\x04\x00")},
        {PH_ERR_UNSUPPORTED, true, DER("\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\xff\x04\x00")},
        {PH_OK, true, DER("\x30\x06\x06\x01\x2a\x04\x01\x00")},
        {PH_ERR_MALFORMED, true, DER("\x30\x05\x06\x00\x04\x01\x00")}, /* an empty name */
        {PH_ERR_MALFORMED, true, DER("\x30\x07\x06\x03\x55\x1d\x36\x04\x00\x05")}, /* a byte more */
        /* CRL distribution points: where to fetch, which is the caller's matter. */
        {PH_OK, true, DER("\x30\x07\x06\x03\x55\x1d\x1f\x04\x00")},
        {PH_OK, true, DER("\x30\x0a\x06\x03\x55\x1d\x1f\x01\x01\xff\x04\x00")},
        /* A critical flag that is written out false, and a wrong boolean. */
        {PH_ERR_MALFORMED, true, DER("\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\x00\x04\x00")},
        {PH_ERR_MALFORMED, true, DER("\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\x01\x04\x00")},
        {PH_ERR_MALFORMED, false, /* after one that is unknown */
         DER("\x30\x07\x06\x03\x55\x1d\x36\x04\x00"
             "\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\x00\x04\x00")},
        /* Key usage: twice, not critical, empty, padded, unused bits set, too long. */
        {PH_ERR_MALFORMED, true,
         DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x06\xc0")},
        {PH_OK, false, DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x06\xc0")},
        {PH_ERR_MALFORMED, false, DER("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x06\xc0")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0d\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x03\x03\x01\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x05\xc0")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x06\xc1")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x00\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0f\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x05\x03\x03\x07\x06\x80")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0f\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x05\x03\x03\x06\xc0\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\xc0")},
        {PH_OK, false, DER("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x00\x01")},
        /* Basic constraints: twice, not critical, FALSE written out, path length without CA. */
        {PH_ERR_MALFORMED, true, DER("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00")},
        {PH_OK, false, DER("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00")},
        {PH_ERR_MALFORMED, false, DER("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x02\x01\x00")},
        {PH_OK, false, DER("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff")},
        /* Subject key identifier: twice, empty. */
        {PH_ERR_MALFORMED, true, DER("\x30\x0a\x06\x03\x55\x1d\x0e\x04\x03\x04\x01\x01")},
        {PH_ERR_MALFORMED, false, DER("\x30\x09\x06\x03\x55\x1d\x0e\x04\x02\x04\x00")},
        /* Authority key identifier: twice, without key, with more than the key, empty key. */
        {PH_ERR_MALFORMED, true, DER("\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01")},
        {PH_ERR_MALFORMED, false, DER("\x30\x09\x06\x03\x55\x1d\x23\x04\x02\x30\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0f\x06\x03\x55\x1d\x23\x04\x08\x30\x06\x80\x01\x01\x82\x01\x01")},
        {PH_ERR_MALFORMED, false, DER("\x30\x0b\x06\x03\x55\x1d\x23\x04\x04\x30\x02\x80\x00")},
        /* The shortest of each: once, and twice. */
        {PH_OK, false, DER("\x30\x0a\x06\x03\x55\x1d\x0e\x04\x03\x04\x01\x01")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0a\x06\x03\x55\x1d\x0e\x04\x03\x04\x01\x01"
             "\x30\x0a\x06\x03\x55\x1d\x0e\x04\x03\x04\x01\x01")},
        {PH_OK, false, DER("\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01"
             "\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x01")},
        {PH_OK, false, DER("\x30\x0e\x06\x09\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x04\x01\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0e\x06\x09\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x04\x01\x00"
             "\x30\x0e\x06\x09\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x04\x01\x00")},
        /* SGX extension: twice, empty. */
        {PH_ERR_MALFORMED, true,
         DER("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x04\x02\x30\x00")},
        {PH_ERR_MALFORMED, false,
         DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x04\x00")},
    };
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        const enum ph_err err = parse_with_ext(&f, rows[i].der, rows[i].keep);
        if (err != rows[i].err)
            fail_msg("row %zu: %s", i, ph_err_name(err));
    }
    teardown(&f);
}

TEST(inner_and_outer_algorithm_and_the_signature_are_checked)
{
    static const struct ph_bytes sha384 = DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
    struct fixture f;
    struct ph_x509 x;
    setup(&f);
    for (size_t which = 1; which <= 2; which++) {
        struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(65536);
        struct parts top = split(inside(ph_buf_view(&f.leaf)));
        top.part[which] = which == 1 ? sha384 : PH_BYTES_LIT("\x03\x01\x00");
        join(&made, PH_DER_SEQUENCE, &top);
        CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&made), &x) ==
              (which == 1 ? PH_ERR_UNSUPPORTED : PH_ERR_MALFORMED));
    }
    teardown(&f);
}

/* The SGX extension of the leaf. */
static struct parts sgx_parts(const struct fixture *f)
{
    struct ph_x509 x;
    CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&f->leaf), &x) == PH_OK);
    return split(inside(x.vendor[0]));
}

static enum ph_err parse_sgx(const struct parts *p, struct ph_sgx_ext *out)
{
    struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    join(&made, PH_DER_SEQUENCE, p);
    return ph_sgx_ext_parse(ph_buf_view(&made), out);
}

TEST(the_sgx_extension_needs_every_field_once)
{
    struct fixture f;
    struct ph_sgx_ext x;
    setup(&f);
    const struct parts all = sgx_parts(&f);
    CHECK(all.cnt == 7 && parse_sgx(&all, &x) == PH_OK);
    CHECK(memcmp(x.fmspc, f.s.fmspc, 6) == 0 && memcmp(x.cpusvn, f.s.cpusvn, 16) == 0);
    CHECK(x.pcesvn == 11 && x.component[4] == 4 && x.type == PH_SGX_SCALABLE);
    CHECK(x.has_platform_instance && x.has_configuration && x.smt_enabled);
    for (size_t i = 0; i < all.cnt; i++) {
        struct parts p = all;
        p.part[i] = (struct ph_bytes){0}; /* absent: 6 and 7 may be */
        CHECK((parse_sgx(&p, &x) == PH_OK) == (i >= 5));
        p = all;
        p.part[p.cnt++] = all.part[i]; /* twice */
        CHECK(parse_sgx(&p, &x) == PH_ERR_MALFORMED);
    }
    teardown(&f);
}

TEST(the_sgx_extension_is_held_to_its_form)
{
#define ARC "\x06\x0a\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01"
    static const struct {
        size_t which;
        struct ph_bytes der;
    } rows[] = {
        {0, DER("\x30\x0e" ARC "\x01\x04\x00")},                 /* PPID of no bytes */
        {0, DER("\x30\x0f" ARC "\x08\x04\x01\x00")},             /* unknown field 8 */
        {0, DER("\x30\x0f" ARC "\x00\x04\x01\x00")},             /* unknown field 0 */
        {0, DER("\x30\x08\x06\x03\x55\x1d\x0f\x04\x01\x00")},    /* another arc */
        {0, DER("\x30\x12" ARC "\x01\x04\x01\x00\x04\x01\x00")}, /* more than a value */
        {2, DER("\x30\x11" ARC "\x03\x04\x03\x00\x00\x00")},     /* PCEID of 3 bytes */
        {3, DER("\x30\x0f" ARC "\x04\x04\x01\x00")},             /* FMSPC of 1 byte */
        {4, DER("\x30\x0f" ARC "\x05\x0a\x01\x03")},             /* type 3 */
        {4, DER("\x30\x0f" ARC "\x05\x02\x01\x01")},             /* INTEGER for ENUM */
        {5, DER("\x30\x0f" ARC "\x06\x04\x01\x00")},             /* short instance */
        {6, DER("\x30\x0f" ARC "\x07\x04\x01\x00")},             /* no SEQUENCE */
        {1, DER("\x30\x0f" ARC "\x02\x04\x01\x00")},             /* likewise */
        {1, DER("\x30\x0e" ARC "\x02\x30\x00")},                 /* TCB without SVNs */
    };
    struct fixture f;
    struct ph_sgx_ext x;
    setup(&f);
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct parts p = sgx_parts(&f);
        p.part[rows[i].which] = rows[i].der;
        if (parse_sgx(&p, &x) != PH_ERR_MALFORMED)
            fail_msg("row %zu", i);
    }
    teardown(&f);
}

/* The extension with one more element after the value of field `which`, or a longer name for it. */
static enum ph_err parse_stretched(const struct fixture *f, size_t which, bool longer_oid)
{
    static const uint8_t null[] = {0x05, 0x00};
    struct ph_buf oid PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_buf longer PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_buf field PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_sgx_ext x;
    struct parts p = sgx_parts(f), pair = split(inside(p.part[which]));
    if (longer_oid) {
        CHECK(ph_buf_add(&oid, inside(pair.part[0])) == PH_OK);
        CHECK(ph_buf_add(&oid, PH_BYTES_LIT("\x01")) == PH_OK);
        CHECK(ph_der_put(&longer, PH_DER_OID, ph_buf_view(&oid)) == PH_OK);
        pair.part[0] = ph_buf_view(&longer);
    } else {
        pair.part[pair.cnt++] = PH_BYTES_OF(null);
    }
    join(&field, PH_DER_SEQUENCE, &pair);
    p.part[which] = ph_buf_view(&field);
    return parse_sgx(&p, &x);
}

TEST(fields_of_the_sgx_extension_are_a_name_and_a_value)
{
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < 7; i++) {
        CHECK(parse_stretched(&f, i, false) == PH_ERR_MALFORMED);
        CHECK(parse_stretched(&f, i, true) == PH_ERR_MALFORMED);
    }
    teardown(&f);
}

/* The leaf's extension with other parts of the TCB (which = 1) or configuration (which = 6). */
static enum ph_err parse_nested(const struct fixture *f, size_t which, const struct parts *inner)
{
    struct ph_buf seq PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_buf field PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_sgx_ext x;
    struct parts p = sgx_parts(f), pair = split(inside(p.part[which]));
    join(&seq, PH_DER_SEQUENCE, inner);
    pair.part[1] = ph_buf_view(&seq);
    join(&field, PH_DER_SEQUENCE, &pair);
    p.part[which] = ph_buf_view(&field);
    return parse_sgx(&p, &x);
}

TEST(each_svn_and_flag_is_there_once_and_in_range)
{
    struct fixture f;
    setup(&f);
    const struct parts tcb = split(inside(split(inside(sgx_parts(&f).part[1])).part[1]));
    const struct parts config = split(inside(split(inside(sgx_parts(&f).part[6])).part[1]));
    CHECK(tcb.cnt == 18 && config.cnt == 3);
    CHECK(parse_nested(&f, 1, &tcb) == PH_OK && parse_nested(&f, 6, &config) == PH_OK);
    for (size_t i = 0; i < tcb.cnt; i++) {
        struct parts p = tcb;
        p.part[i] = (struct ph_bytes){0};
        CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
        p = tcb;
        p.part[p.cnt++] = tcb.part[i];
        CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
    }
    struct parts p = tcb;
#define SVN "\x06\x0b\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x02"
    p.part[0] = PH_BYTES_LIT("\x30\x12" SVN "\x01\x02\x03\x01\x00\x00"); /* 65536 */
    CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
    p.part[0] = PH_BYTES_LIT("\x30\x12" SVN "\x01\x02\x03\x00\xff\xff"); /* 65535 */
    CHECK(parse_nested(&f, 1, &p) == PH_OK);
    p.part[0] = PH_BYTES_LIT("\x30\x10" SVN "\x01\x02\x01\xff"); /* negative */
    CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
    p.part[0] = PH_BYTES_LIT("\x30\x10" SVN "\x13\x02\x01\x01"); /* component 19 */
    CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
    p.part[0] = PH_BYTES_LIT("\x30\x10" SVN "\x01\x0a\x01\x01"); /* no INTEGER */
    CHECK(parse_nested(&f, 1, &p) == PH_ERR_MALFORMED);
    p = config;
    p.part[p.cnt++] = config.part[0];
    CHECK(parse_nested(&f, 6, &p) == PH_ERR_MALFORMED);
#define FLAG "\x06\x0b\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01\x07"
    p = config;
    p.part[0] = PH_BYTES_LIT("\x30\x10" FLAG "\x04\x01\x01\xff"); /* flag 4 */
    CHECK(parse_nested(&f, 6, &p) == PH_ERR_MALFORMED);
    p.part[0] = PH_BYTES_LIT("\x30\x10" FLAG "\x01\x02\x01\x01"); /* no BOOLEAN */
    CHECK(parse_nested(&f, 6, &p) == PH_ERR_MALFORMED);
    p.part[0] = PH_BYTES_LIT("\x30\x10" FLAG "\x01\x01\x01\x01"); /* neither 0 nor ff */
    CHECK(parse_nested(&f, 6, &p) == PH_ERR_MALFORMED);
    teardown(&f);
}

TEST(chains_need_exactly_their_certificates)
{
    struct fixture f;
    struct ph_chain *chain = NULL;
    setup(&f);
    const struct ph_bytes pem = ph_synth_pki_chain_pem(f.pki);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_CHAIN_PEM_MAX);
    CHECK(ph_chain_parse_signer(pem, &chain) == PH_ERR_MALFORMED); /* three */
    CHECK(ph_chain_parse_pck(ph_synth_pki_parts(f.pki).tcb_info_chain_pem, NULL, &chain) ==
          PH_ERR_MALFORMED); /* two */
    CHECK(ph_chain_parse_pck((struct ph_bytes){0}, NULL, &chain) == PH_ERR_MALFORMED);
    /* Text before and after the blocks is what quotes carry. */
    CHECK(ph_buf_add_str(&text, "text\r\n") == PH_OK && ph_buf_add(&text, pem) == PH_OK &&
          ph_buf_add_str(&text, "\ntext") == PH_OK);
    CHECK(ph_chain_parse_pck(ph_buf_view(&text), NULL, &chain) == PH_OK);
    CHECK(chain->facts == (PH_FACT_ROOT_PROFILE | PH_FACT_CA_PROFILE | PH_FACT_LEAF_PROFILE |
                           PH_FACT_LINKS | PH_FACT_SGX_EXT | PH_FACT_ROOT_SIGNATURE |
                           PH_FACT_CA_SIGNATURE | PH_FACT_LEAF_SIGNATURE));
    ph_chain_free(chain);
    chain = NULL;
    CHECK(ph_buf_add(&text, pem) == PH_OK);
    CHECK(ph_chain_parse_pck(ph_buf_view(&text), NULL, &chain) == PH_ERR_MALFORMED); /* six */
    while (text.len <= PH_CHAIN_PEM_MAX)
        CHECK(ph_buf_add_str(&text, " ") == PH_OK);
    CHECK(ph_chain_parse_pck(ph_buf_view(&text), NULL, &chain) == PH_ERR_LIMIT);
    teardown(&f);
}

TEST(a_list_names_its_serials_and_no_others)
{
    struct fixture f;
    struct ph_crl crl;
    setup(&f);
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, ph_buf_view(&f.crl), &crl) == PH_OK);
    CHECK(crl.this_update_s == f.s.crl_issue_s && crl.next_update_s == f.s.crl_next_s);
    CHECK(ph_crl_has(&crl, PH_BYTES_OF(f.s.pck_serial.b)));
    CHECK(!ph_crl_has(&crl, PH_BYTES_OF(f.s.ca_serial.b)));
    CHECK(!ph_crl_has(&crl, (struct ph_bytes){f.s.pck_serial.b, 19}));
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, ph_synth_pki_parts(f.pki).root_ca_crl, &crl) ==
          PH_OK);
    CHECK(crl.entries.len == 0 && !ph_crl_has(&crl, PH_BYTES_OF(f.s.pck_serial.b)));
    teardown(&f);
}

TEST(null_parameters_of_ecdsa_are_read_where_they_are_allowed)
{
    static const uint8_t null[] = {0x30, 12,   0x06, 8,    0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0};
    static const uint8_t full[] = {0x30, 13,   0x06, 8,    0x2a, 0x86, 0x48, 0xce,
                                   0x3d, 0x04, 0x03, 0x02, 0x05, 1,    0};
    struct ph_reader r = {PH_BYTES_OF(null)};
    enum ph_x509_sig_alg alg;
    struct ph_bytes whole;

    CHECK(ph_x509_read_sig_alg(&r, PH_X509_SIG_ECDSA_SHA256, &alg, &whole) == PH_ERR_MALFORMED);
    r.rest = PH_BYTES_OF(null);
    const uint32_t loose = PH_X509_SIG_ECDSA_SHA256 | PH_X509_SIG_NULL_PARAMS;
    CHECK(ph_x509_read_sig_alg(&r, loose, &alg, &whole) == PH_OK);
    CHECK(alg == PH_X509_SIG_ECDSA_SHA256);
    r.rest = PH_BYTES_OF(full);
    CHECK(ph_x509_read_sig_alg(&r, loose, &alg, &whole) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(null_parameters_of_ecdsa_are_read_where_they_are_allowed),
             CASE(a_certificate_is_read_whole),
             CASE(every_truncation_and_anything_after_is_refused), CASE(sizes_are_limited),
             CASE(each_field_of_a_certificate_is_held_to_its_form),
             CASE(what_a_loose_profile_allows_is_held_to_its_form_too),
             CASE(parameters_of_ecdsa_are_absent_or_null_where_that_is_allowed),
             CASE(each_extension_is_held_to_its_form),
             CASE(inner_and_outer_algorithm_and_the_signature_are_checked),
             CASE(the_sgx_extension_needs_every_field_once),
             CASE(the_sgx_extension_is_held_to_its_form),
             CASE(fields_of_the_sgx_extension_are_a_name_and_a_value),
             CASE(each_svn_and_flag_is_there_once_and_in_range),
             CASE(chains_need_exactly_their_certificates),
             CASE(a_list_names_its_serials_and_no_others))
