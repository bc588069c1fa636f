/* XML Signature, narrowed to what manifests use: rim_parse.c has already held algorithms, reference
 * and shape against its tables, so what is left is digest, signature and chain. */

#include "attest/nvidia/rim.h"

#include "attest/judge.h"
#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/xml.h"
#include "attest/x509.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"
#include "crypto/p384.h"

static const struct ph_x509_profile profile = {.key_algs = PH_X509_KEY_P384,
                                               .sig_algs = PH_X509_SIG_ECDSA_SHA384};

enum role { LEAF, L3, CA, ROOT };

struct chain {
    struct ph_buf der[PH_RIM_CERT_CNT];
    struct ph_x509 cert[PH_RIM_CERT_CNT];
    struct ph_p384_pub *key[PH_RIM_CERT_CNT]; /* NULL if the key is no point */
};

static void chain_clear(struct chain *c)
{
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++) {
        ph_buf_clear(&c->der[i]);
        ph_p384_pub_free(c->key[i]);
    }
}

/* Base64 with line breaks, appended to `out`. PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
static enum ph_err decode(struct ph_bytes text, struct ph_buf *out)
{
    uint8_t digits[PH_BASE64_LEN(PH_RIM_CERT_MAX)];
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (n == sizeof(digits))
            return PH_ERR_LIMIT;
        digits[n++] = c;
    }
    return ph_base64_decode((struct ph_bytes){digits, n}, out);
}

enum ph_err ph_rim_cert_open(struct ph_bytes text, struct ph_buf *der, struct ph_x509 *out)
{
    PH_TRY(decode(text, der));
    return ph_x509_parse(&ph_x509_profile_nvidia, ph_buf_view(der), out);
}

static_assert(PH_RIM_CHECK_CNT < 32, "the shift is defined");
static const uint32_t all_held = (1u << PH_RIM_CHECK_CNT) - 1;

static void hold(struct ph_rim_proof *proof, enum ph_rim_check check, bool holds)
{
    if (holds)
        proof->held |= 1u << check;
    else if (proof->failed > check)
        proof->failed = check;
}

static enum ph_err open_chain(const struct ph_rim *rim, struct chain *c)
{
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++) {
        c->der[i] = PH_BUF(PH_RIM_CERT_MAX);
        PH_TRY(decode(rim->cert[i], &c->der[i]));
        PH_TRY(ph_x509_parse(&profile, ph_buf_view(&c->der[i]), &c->cert[i]));
        PH_TRY(ph_p384_pub_new(c->cert[i].point.ptr, &c->key[i]));
    }
    return PH_OK;
}

static bool starts_with(struct ph_bytes text, const char *start)
{
    const size_t n = strlen(start);
    return text.len >= n && memcmp(text.ptr, start, n) == 0;
}

static bool ends_with(struct ph_bytes text, const char *end)
{
    const size_t n = strlen(end);
    return text.len >= n && memcmp(text.ptr + text.len - n, end, n) == 0;
}

/* The names that NVIDIA's manifests carry; product names vary in them ("GH100", "LS10"). */
static bool name_is_of(enum role role, struct ph_bytes cn)
{
    switch (role) {
    case LEAF:
        return ph_bytes_is(cn, "HCC RIM L4 Signer") ||
               starts_with(cn, "NVIDIA Reference Value L4 ");
    case L3:
        return starts_with(cn, "NVIDIA Reference Value L3 ");
    case CA:
        return starts_with(cn, "NVIDIA Reference Value ") && ends_with(cn, " CA");
    case ROOT:
        return ph_bytes_is(cn, "NVIDIA CoRIM signing Root CA");
    }
    return false;
}

static bool has_profile(enum role role, const struct ph_x509 *cert)
{
    const uint32_t usage =
        role == LEAF ? PH_X509_KU_DIGITAL_SIGNATURE : PH_X509_KU_CERT_SIGN | PH_X509_KU_CRL_SIGN;

    if (!name_is_of(role, cert->cn) || !cert->has_basic_constraints || !cert->has_key_usage ||
        cert->key_usage != usage || cert->is_ca != (role != LEAF))
        return false;
    /* RFC 5280 §4.2.1.9: certificates that may still stand between this one and the leaf. */
    const uint64_t below = role == L3 ? 0 : (uint64_t)role - 1;
    return role == LEAF || !cert->has_path_len || cert->path_len >= below;
}

static bool is_issued_by(const struct ph_x509 *cert, const struct ph_x509 *issuer)
{
    return ph_bytes_equal(cert->issuer, issuer->subject) && issuer->ski.len > 0 &&
           ph_bytes_equal(cert->aki, issuer->ski);
}

static void judge_chain(const struct chain *c, struct ph_rim_proof *proof)
{
    bool profiles = true, links = true, signatures = true;

    proof->not_before_s = INT64_MIN;
    proof->not_after_s = INT64_MAX;
    for (size_t i = 0; i < PH_RIM_CERT_CNT; i++) {
        const size_t above = i < ROOT ? i + 1 : ROOT;
        profiles = profiles && has_profile((enum role)i, &c->cert[i]);
        links = links && is_issued_by(&c->cert[i], &c->cert[above]);
        signatures =
            signatures && ph_p384_verify(c->key[above], c->cert[i].tbs, c->cert[i].sig) == PH_OK;
        if (c->cert[i].not_before_s > proof->not_before_s)
            proof->not_before_s = c->cert[i].not_before_s;
        if (c->cert[i].not_after_s < proof->not_after_s)
            proof->not_after_s = c->cert[i].not_after_s;
    }
    ph_sha256(c->cert[ROOT].spki, proof->root_spki_sha256);
    hold(proof, PH_RIM_CHECK_PROFILE, profiles);
    hold(proof, PH_RIM_CHECK_LINKS, links);
    hold(proof, PH_RIM_CHECK_CHAIN_SIGNATURE, signatures);
}

static void add(void *ctx, struct ph_bytes piece)
{
    ph_sha384_update(ctx, piece);
}

/* XML Signature §3.2.1: the digest of what the Reference covers. */
static enum ph_err judge_digest(const struct ph_rim *rim, struct ph_rim_proof *proof)
{
    struct ph_buf signed_digest PH_OWNED(ph_buf_clear) = PH_BUF(PH_SHA384_LEN);
    uint8_t digest[PH_SHA384_LEN];
    struct ph_sha384 sha;

    ph_sha384_init(&sha);
    enum ph_err err =
        ph_xml_c14n_without(rim->doc, rim->signature_at, (struct ph_xml_sink){add, &sha});
    ph_sha384_final(&sha, digest);
    if (err == PH_OK)
        err = decode(rim->digest_value, &signed_digest);
    if (err == PH_ERR_NOMEM)
        return err;
    hold(proof, PH_RIM_CHECK_DIGEST,
         err == PH_OK && ph_bytes_equal(ph_buf_view(&signed_digest), PH_BYTES_OF(digest)));
    return PH_OK;
}

/* XML Signature §3.2.2: the leaf's signature over the canonical SignedInfo. RFC 6931 §2.3.6: r and
 * s, each of the field's length, one after the other. */
static enum ph_err judge_signature(const struct ph_rim *rim, const struct ph_p384_pub *leaf,
                                   struct ph_rim_proof *proof)
{
    struct ph_buf sig PH_OWNED(ph_buf_clear) = PH_BUF(PH_P384_SIG_LEN);
    uint8_t digest[PH_SHA384_LEN];
    struct ph_sha384 sha;

    ph_sha384_init(&sha);
    enum ph_err err =
        ph_xml_c14n_element(rim->doc, rim->signed_info_at, (struct ph_xml_sink){add, &sha});
    ph_sha384_final(&sha, digest);
    if (err == PH_OK)
        err = decode(rim->signature_value, &sig);
    if (err == PH_OK)
        err = sig.len == PH_P384_SIG_LEN ? ph_p384_verify_digest(leaf, digest, sig.ptr)
                                         : PH_ERR_MALFORMED;
    if (err == PH_ERR_NOMEM)
        return err;
    hold(proof, PH_RIM_CHECK_SIGNATURE, err == PH_OK);
    return PH_OK;
}

static enum ph_err prove(const struct ph_rim *rim, struct chain *c, struct ph_rim_proof *proof)
{
    PH_TRY(judge_digest(rim, proof));
    const enum ph_err err = open_chain(rim, c);
    if (err == PH_ERR_NOMEM)
        return err;
    hold(proof, PH_RIM_CHECK_CERTS, err == PH_OK);
    if (err != PH_OK)
        return PH_OK;
    judge_chain(c, proof);
    return judge_signature(rim, c->key[LEAF], proof);
}

enum ph_err ph_rim_prove(const struct ph_rim *rim, struct ph_rim_proof *out)
{
    static const uint32_t parsed = (1u << PH_RIM_CHECK_CERTS) - 1;
    struct chain c = {0};

    /* A zeroed manifest is one that was refused: nothing was found out about it. */
    const bool is_parsed = rim->measurement_cnt > 0 && rim->cert_cnt == PH_RIM_CERT_CNT;
    *out = (struct ph_rim_proof){.held = is_parsed ? parsed : 0,
                                 .failed = is_parsed ? PH_RIM_CHECK_CNT : PH_RIM_CHECK_XML};
    if (!is_parsed)
        return PH_OK;
    const enum ph_err err = prove(rim, &c, out);
    chain_clear(&c);
    return err;
}

enum ph_err ph_rim_decide(struct ph_rim_proof *proof, const struct ph_attest_roots *roots,
                          const struct ph_policy *policy, int64_t at_s)
{
    if ((proof->held >> PH_RIM_CHECK_CERTS & 1) != 0) {
        hold(proof, PH_RIM_CHECK_ROOT,
             ph_attest_root_is_trusted(roots, policy, PH_ROOT_NVIDIA_RIM, proof->root_spki_sha256,
                                       &proof->insecure_simulator));
        hold(proof, PH_RIM_CHECK_ISSUED, at_s >= proof->not_before_s);
        hold(proof, PH_RIM_CHECK_FRESH, at_s <= proof->not_after_s);
    }
    /* Every one, rather than none that failed: a proof that was never made proves nothing. */
    return proof->held == all_held && proof->failed == PH_RIM_CHECK_CNT ? PH_OK : PH_ERR_UNTRUSTED;
}

enum ph_err ph_rim_verify_signature(const struct ph_rim *rim, const struct ph_attest_roots *roots,
                                    const struct ph_policy *policy, int64_t at_s,
                                    struct ph_rim_proof *out)
{
    PH_TRY(ph_rim_prove(rim, out));
    return ph_rim_decide(out, roots, policy, at_s);
}
