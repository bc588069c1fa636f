#include "attest/ratls.h"

#include "attest/dstack_doc.h"
#include "attest/judge.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/cbor.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "crypto/p384.h"

#include <stdio.h>
#include <stdlib.h>

/* Contents octets of object identifiers. */
static const uint8_t oid_tagged_evidence[] = {0x67, 0x81, 0x05, 0x05, 0x04, 0x09};
#define DSTACK_OID(n) 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xe7, 0x3d, 0x01, n
static const uint8_t oid_dstack_quote[] = {DSTACK_OID(1)};
static const uint8_t oid_dstack_app_id[] = {DSTACK_OID(3)};
static const uint8_t oid_dstack_attestation[] = {DSTACK_OID(8)};
static const uint8_t oid_ext_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_alt_name[] = {0x55, 0x1d, 0x11};

enum { EVIDENCE, QUOTE, APP_ID, ATTESTATION };
/* The last two only so that they are known when critical. */
static const struct ph_x509_profile profile = {
    .key_algs = PH_X509_KEY_P256 | PH_X509_KEY_P384,
    .sig_algs = PH_X509_SIG_ECDSA_SHA256 | PH_X509_SIG_ECDSA_SHA384 | PH_X509_SIG_NULL_PARAMS,
    .vendor =
        {
            [EVIDENCE] = {oid_tagged_evidence, sizeof(oid_tagged_evidence)},
            [QUOTE] = {oid_dstack_quote, sizeof(oid_dstack_quote)},
            [APP_ID] = {oid_dstack_app_id, sizeof(oid_dstack_app_id)},
            [ATTESTATION] = {oid_dstack_attestation, sizeof(oid_dstack_attestation)},
            {oid_ext_key_usage, sizeof(oid_ext_key_usage)},
            {oid_alt_name, sizeof(oid_alt_name)},
        },
    .loose_extensions = true,
    .bare_signature = true,
    .max_len = PH_RATLS_CERTIFICATE_MAX,
};

const char *ph_ratls_form_name(enum ph_ratls_form form)
{
    return form == PH_RATLS_TCG ? "tcg-dice" : "dstack";
}

static enum ph_err complain(struct ph_json_why *why, enum ph_err err, const char *what)
{
    (void)snprintf(why->text, sizeof(why->text), "certificate: %s", what);
    return err;
}

/* Lines of text may stand before a PEM block, as tools write them; quotes and JSON have chains in
 * PEM inside. */
static bool is_pem(struct ph_bytes bytes)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    const uint8_t *at =
        memmem(bytes.ptr, bytes.len < 4096 ? bytes.len : 4096, mark, sizeof(mark) - 1);

    for (const uint8_t *c = bytes.ptr; at && c < at; c++)
        if (*c >= 0x7f || (*c < ' ' && *c != '\n' && *c != '\r' && *c != '\t'))
            return false;
    return at && (at == bytes.ptr || at[-1] == '\n');
}

bool ph_ratls_is_certificate(struct ph_bytes bytes)
{
    struct ph_reader r = {bytes}, in;
    struct ph_bytes whole;

    return is_pem(bytes) || (ph_der_enter(&r, PH_DER_SEQUENCE, &in, &whole) == PH_OK &&
                             ph_der_peek(&in, PH_DER_SEQUENCE) && r.rest.len == 0);
}

static enum ph_err take_der(struct ph_bytes bytes, struct ph_ratls *ratls, struct ph_json_why *why)
{
    struct ph_reader r = {bytes};

    ratls->der = PH_BUF(PH_RATLS_CERTIFICATE_MAX);
    if (!ph_ratls_is_certificate(bytes))
        return complain(why, PH_ERR_MALFORMED, "expected one in DER or PEM");
    const bool is_der = ph_der_peek(&r, PH_DER_SEQUENCE);
    const enum ph_err err =
        is_der ? ph_buf_add(&ratls->der, bytes) : ph_pem_next(&r, "CERTIFICATE", &ratls->der);
    if (err != PH_OK)
        return complain(why, err == PH_ERR_NOT_FOUND ? PH_ERR_MALFORMED : err,
                        err == PH_ERR_LIMIT   ? "longer than 32 KiB"
                        : err == PH_ERR_NOMEM ? "out of memory"
                                              : "the PEM is damaged");
    return PH_OK;
}

static bool p256_signed(const struct ph_x509 *c, const uint8_t digest[static 32])
{
    struct ph_p256_pub *pub PH_OWNED(ph_freep) = malloc(sizeof(*pub));
    uint8_t sig[PH_P256_SIG_LEN];

    return pub && ph_der_ecdsa_sig(c->sig_bits, 32, sig) == PH_OK &&
           ph_p256_pub_init(pub, c->point.ptr) == PH_OK &&
           ph_p256_verify_digest(pub, digest, sig) == PH_OK;
}

static bool p384_signed(const struct ph_x509 *c, const uint8_t digest[static 48])
{
    struct ph_p384_pub *pub PH_OWNED(ph_freep) = malloc(sizeof(*pub));
    uint8_t sig[PH_P384_SIG_LEN];

    return pub && ph_der_ecdsa_sig(c->sig_bits, 48, sig) == PH_OK &&
           ph_p384_pub_init(pub, c->point.ptr) == PH_OK &&
           ph_p384_verify_digest(pub, digest, sig) == PH_OK;
}

/* FIPS 186-5 §6.4.1: a hash counts as a number, of which the leftmost bits are taken. So a shorter
 * one than the curve stands at the right; of a longer one the right is cut off. */
static enum ph_ratls_signature judge_signature(const struct ph_x509 *c)
{
    uint8_t digest[48] = {0};
    const bool p256 = c->key_alg == PH_X509_KEY_P256;

    if (!ph_bytes_equal(c->issuer, c->subject))
        return PH_RATLS_BY_ISSUER;
    if (c->sig_alg == PH_X509_SIG_ECDSA_SHA384)
        ph_sha384(c->tbs, digest);
    else
        ph_sha256(c->tbs, digest + (p256 ? 0 : 16));
    return (p256 ? p256_signed(c, digest) : p384_signed(c, digest)) ? PH_RATLS_BY_ITSELF
                                                                    : PH_RATLS_BY_NEITHER;
}

/* [hash id, hash] of the key. PH_ERR_UNSUPPORTED: a hash that is not known. */
static enum ph_err read_key_hash(struct ph_bytes value, struct ph_ratls *ratls)
{
    struct ph_reader r = {value};
    struct ph_cbor array, id, hash;
    struct ph_bytes whole;
    uint8_t want[PH_SHA512_LEN];
    size_t len;

    PH_TRY(ph_cbor_cut(&r, &whole));
    if (r.rest.len > 0)
        return PH_ERR_MALFORMED;
    r.rest = whole;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_ARRAY, &array));
    if (array.value != 2)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_UINT, &id));
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_BYTES, &hash));
    switch (id.value) { /* IANA: named information hash algorithms */
    case 1:
        ph_sha256(ratls->cert.spki, want);
        len = PH_SHA256_LEN;
        break;
    case 7:
        ph_sha384(ratls->cert.spki, want);
        len = PH_SHA384_LEN;
        break;
    case 8:
        ph_sha512(ratls->cert.spki, want);
        len = PH_SHA512_LEN;
        break;
    default:
        return PH_ERR_UNSUPPORTED;
    }
    ratls->names_key = ph_bytes_equal(hash.bytes, (struct ph_bytes){want, len});
    return PH_OK;
}

static enum ph_err read_claims(struct ph_bytes claims, struct ph_ratls *ratls)
{
    struct ph_reader r = {claims};
    struct ph_bytes whole, key, value, hash = {0};
    struct ph_cbor map, name, bytes;
    bool more;

    PH_TRY(ph_cbor_cut(&r, &whole)); /* keys come once */
    if (r.rest.len > 0 || claims.len > PH_RATLS_CLAIMS_MAX)
        return PH_ERR_MALFORMED;
    r.rest = whole;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_MAP, &map));
    for (;;) {
        PH_TRY(ph_cbor_more(&r, &map, &more));
        if (!more)
            break;
        PH_TRY(ph_cbor_cut(&r, &key));
        PH_TRY(ph_cbor_cut(&r, &value));
        struct ph_reader in_key = {key}, in_value = {value};
        PH_TRY(ph_cbor_next(&in_key, &name));
        const bool is_hash = name.type == PH_CBOR_TEXT && ph_bytes_is(name.bytes, "pubkey-hash");
        if (!is_hash && !(name.type == PH_CBOR_TEXT && ph_bytes_is(name.bytes, "nonce")))
            continue; /* other claims are whoever's who made the certificate */
        PH_TRY(ph_cbor_expect(&in_value, PH_CBOR_BYTES, &bytes));
        *(is_hash ? &hash : &ratls->nonce) = bytes.bytes;
    }
    return hash.len > 0 ? read_key_hash(hash, ratls) : PH_ERR_MALFORMED;
}

/* tag([quote, claims]). */
static enum ph_err read_tagged(struct ph_bytes value, struct ph_ratls *ratls)
{
    struct ph_reader r = {value};
    struct ph_cbor tag, array, quote, claims;
    struct ph_bytes whole;

    PH_TRY(ph_cbor_cut(&r, &whole));
    if (r.rest.len > 0)
        return PH_ERR_MALFORMED;
    r.rest = whole;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_TAG, &tag));
    if (tag.value != PH_RATLS_TAG_INTEL && tag.value != PH_RATLS_TAG_SNP)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_ARRAY, &array));
    if (array.value != 2)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_BYTES, &quote));
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_BYTES, &claims));
    PH_TRY(read_claims(claims.bytes, ratls));
    const enum ph_evidence_kind kind =
        tag.value == PH_RATLS_TAG_INTEL ? PH_EVIDENCE_INTEL : PH_EVIDENCE_SNP;
    if (ph_evidence_detect(quote.bytes) != kind)
        return PH_ERR_MALFORMED;
    ratls->form = PH_RATLS_TCG;
    ph_sha256(claims.bytes, ratls->report_data);
    return ph_evidence_of_bytes(kind, quote.bytes, &ratls->evidence);
}

/* dstack wraps what its extensions hold in one more OCTET STRING. */
static enum ph_err unwrap(struct ph_bytes value, struct ph_bytes *out)
{
    struct ph_reader r = {value};
    struct ph_der e;

    PH_TRY(ph_der_expect(&r, PH_DER_OCTET_STRING, &e));
    *out = e.value;
    return ph_der_end(&r);
}

static enum ph_err read_dstack(struct ph_ratls *ratls, struct ph_json_why *why)
{
    const struct ph_bytes *ext = ratls->cert.vendor;
    struct ph_bytes inner;

    ratls->form = PH_RATLS_DSTACK;
    ratls->names_key = true; /* the report data does */
    ph_ratls_dstack_report_data(ratls->cert.spki, ratls->report_data);
    if (ext[ATTESTATION].len > 0) {
        PH_TRY(unwrap(ext[ATTESTATION], &inner));
        return ph_dstack_doc_open(inner, &ratls->evidence, why);
    }
    PH_TRY(unwrap(ext[QUOTE], &inner));
    if (ph_evidence_detect(inner) != PH_EVIDENCE_INTEL)
        return PH_ERR_MALFORMED;
    return ph_evidence_of_bytes(PH_EVIDENCE_INTEL, inner, &ratls->evidence);
}

static enum ph_err read_evidence(struct ph_ratls *ratls, struct ph_json_why *why)
{
    const struct ph_bytes *ext = ratls->cert.vendor;
    enum ph_err err;

    if (ext[APP_ID].len > 0 && unwrap(ext[APP_ID], &ratls->app_id) != PH_OK)
        return complain(why, PH_ERR_MALFORMED, "its app id breaks its format");
    if (ext[EVIDENCE].len > 0)
        err = read_tagged(ext[EVIDENCE], ratls);
    else if (ext[ATTESTATION].len > 0 || ext[QUOTE].len > 0)
        err = read_dstack(ratls, why);
    else
        return complain(why, PH_ERR_NOT_FOUND, "no evidence is in it: not one for RA-TLS");
    if (err == PH_OK)
        return PH_OK;
    return complain(why, err,
                    err == PH_ERR_UNSUPPORTED ? "its evidence, or a hash in it, is of a kind that "
                                                "is not known here"
                    : err == PH_ERR_NOMEM     ? "out of memory"
                                              : "its evidence breaks its format");
}

enum ph_err ph_ratls_open(struct ph_bytes bytes, struct ph_ratls **out, struct ph_json_why *why)
{
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = calloc(1, sizeof(*ratls));

    if (!ratls)
        return complain(why, PH_ERR_NOMEM, "out of memory");
    PH_TRY(take_der(bytes, ratls, why));
    const enum ph_err err = ph_x509_parse(&profile, ph_buf_view(&ratls->der), &ratls->cert);
    if (err != PH_OK)
        return complain(why, err,
                        err == PH_ERR_UNSUPPORTED
                            ? "expected a key on P-256 or P-384, and a signature with ECDSA"
                        : err == PH_ERR_LIMIT ? "longer than 32 KiB"
                                              : "not X.509 v3 in DER, or an extension comes twice");
    ratls->signature = judge_signature(&ratls->cert);
    PH_TRY(read_evidence(ratls, why));
    *out = PH_TAKE(ratls);
    return PH_OK;
}

void ph_ratls_free(struct ph_ratls *ratls)
{
    if (!ratls)
        return;
    ph_evidence_free(ratls->evidence);
    ph_buf_clear(&ratls->der);
    free(ratls);
}

/* The certificate's own checks; true if all hold. */
static bool judge_certificate(struct ph_judge *j, const struct ph_ratls *ratls, int64_t now_s)
{
    const struct ph_x509 *c = &ratls->cert;

    (void)ph_judge_check(j, PH_CHECK_CERTIFICATE_STARTED, c->not_before_s <= now_s, c->tbs);
    (void)ph_judge_check(j, PH_CHECK_CERTIFICATE_FRESH, now_s <= c->not_after_s, c->tbs);
    (void)ph_judge_check(j, PH_CHECK_CERTIFICATE_SIGNATURE, ratls->signature != PH_RATLS_BY_NEITHER,
                         c->sig_bits);
    (void)ph_judge_check(j, PH_CHECK_CERTIFICATE_KEY, ratls->names_key, c->spki);
    return ph_judge_holds(j);
}

enum ph_err ph_ratls_verify(const struct ph_ratls *ratls, const struct ph_evidence_args *args,
                            struct ph_verdict *out)
{
    const struct ph_evidence *own = ph_evidence_view(ratls->evidence);
    struct ph_judge j = {.verdict = out, .trace = args->trace};
    struct ph_evidence_args a = *args;
    struct ph_evidence evidence = args->evidence ? *args->evidence : *own;

    ph_judge_start(&j, PH_GROUP_CERTIFICATE, args->policy ? args->policy : ph_policy_denies());
    if (!judge_certificate(&j, ratls, args->now_s)) {
        ph_judge_end(&j, "certificate");
        return PH_ERR_UNTRUSTED;
    }
    evidence.kind = own->kind;
    evidence.quote = own->quote;
    if (evidence.event_log.len == 0)
        evidence.event_log = own->event_log;
    evidence.nvidia = (struct ph_nvidia_parts){0};
    a.evidence = &evidence;
    a.report_data = ratls->report_data;
    a.report_data_unchecked = false;
    a.nonce = NULL;
    const enum ph_err err = ph_evidence_verify(&a, out);
    if (args->trace) {
        args->trace->has_certificate = true;
        (void)judge_certificate(&j, ratls, args->now_s);
    }
    if (out->valid_until_s == 0 || out->valid_until_s > ratls->cert.not_after_s)
        out->valid_until_s = ratls->cert.not_after_s;
    return err;
}

enum ph_err ph_ratls_show(const struct ph_ratls *ratls, struct ph_jput *out, const char *key,
                          struct ph_json_why *why)
{
    static const char *const signatures[] = {[PH_RATLS_BY_ISSUER] = "by-another-issuer",
                                             [PH_RATLS_BY_ITSELF] = "by-itself",
                                             [PH_RATLS_BY_NEITHER] = "wrong"};
    uint8_t spki_hash[PH_SHA256_LEN];

    ph_sha256(ratls->cert.spki, spki_hash);
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", "ra-tls-certificate");
    ph_jput_str(out, "form", ph_ratls_form_name(ratls->form));
    ph_jput_time(out, "not_before", ratls->cert.not_before_s);
    ph_jput_time(out, "not_after", ratls->cert.not_after_s);
    ph_jput_hex(out, "spki_sha256", PH_BYTES_OF(spki_hash));
    ph_jput_str(out, "signature", signatures[ratls->signature]);
    ph_jput_bool(out, "names_key", ratls->names_key);
    ph_jput_hex(out, "report_data", PH_BYTES_OF(ratls->report_data));
    if (ratls->nonce.len > 0)
        ph_jput_hex(out, "nonce", ratls->nonce);
    if (ratls->app_id.len > 0)
        ph_jput_hex(out, "app_id", ratls->app_id);
    PH_TRY(ph_evidence_show(ph_evidence_view(ratls->evidence), out, "evidence", why));
    ph_jput_close(out);
    return out->err;
}
