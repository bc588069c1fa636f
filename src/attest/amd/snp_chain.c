#include "attest/amd/snp_chain.h"

#include "attest/amd/snp_certs_priv.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/rsa.h"

#include <stdlib.h>

enum { CERTS = 3, RSA_4096_LEN = 512 };

void ph_snp_chain_free(struct ph_snp_chain *chain)
{
    if (!chain)
        return;
    ph_buf_clear(&chain->der);
    free(chain);
}

static void free_rsa(struct ph_rsa_pub **pub)
{
    ph_rsa_pub_free(*pub);
}

/* Append the DER of exactly `cnt` certificates, PEM or DER; end[] tells where each ends. */
static enum ph_err take_certs(struct ph_bytes in, size_t cnt, struct ph_buf *der, size_t *end)
{
    const bool is_der = in.len > 0 && in.ptr[0] == PH_DER_SEQUENCE;
    struct ph_reader r = {in};
    struct ph_buf extra PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);

    if (in.len > PH_SNP_CERTS_LEN_MAX)
        return PH_ERR_LIMIT;
    for (size_t i = 0; i < cnt; i++) {
        struct ph_der e;
        if (is_der) {
            PH_TRY(ph_der_next(&r, &e));
            PH_TRY(ph_buf_add(der, e.whole));
        } else {
            const enum ph_err err = ph_pem_next(&r, "CERTIFICATE", der);
            if (err != PH_OK)
                return err == PH_ERR_NOT_FOUND ? PH_ERR_MALFORMED : err;
        }
        end[i] = der->len;
    }
    if (is_der)
        return ph_der_end(&r);
    return ph_pem_next(&r, "CERTIFICATE", &extra) == PH_ERR_NOT_FOUND ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err parse_certs(struct ph_snp_chain *c, const struct ph_snp_chain_source *s)
{
    const bool given = s->chain.len > 0, pair = !given && s->ask.len > 0 && s->ark.len > 0;
    size_t end[CERTS];

    PH_TRY(take_certs(s->vek, 1, &c->der, end));
    if (given)
        PH_TRY(take_certs(s->chain, 2, &c->der, end + 1));
    if (pair) {
        PH_TRY(take_certs(s->ask, 1, &c->der, end + 1));
        PH_TRY(take_certs(s->ark, 1, &c->der, end + 2));
    }
    /* The buffer no longer moves: views into it are good. */
    const uint8_t *const der = c->der.ptr;
    PH_TRY(ph_x509_parse(&ph_snp_x509_profile, (struct ph_bytes){der, end[0]}, &c->vek));
    c->is_vlek = ph_bytes_is(c->vek.cn, "SEV-VLEK");
    struct ph_snp_issuers of;
    if (given || pair) {
        of.ask = (struct ph_bytes){der + end[0], end[1] - end[0]};
        of.ark = (struct ph_bytes){der + end[1], end[2] - end[1]};
    } else {
        of = ph_snp_builtin_issuers(ph_snp_vek_peek_product(&c->vek), c->is_vlek);
        if (of.ark.len == 0)
            return PH_ERR_UNSUPPORTED;
    }
    PH_TRY(ph_x509_parse(&ph_snp_x509_profile, of.ask, &c->ask));
    return ph_x509_parse(&ph_snp_x509_profile, of.ark, &c->ark);
}

static void add_fact(struct ph_snp_chain *c, enum ph_snp_fact fact, bool holds)
{
    if (holds)
        c->facts |= (uint32_t)fact;
}

/* The product in a name like "ARK-Milan"; PH_SNP_UNKNOWN if it does not begin with `prefix`. */
static enum ph_snp_product product_after(struct ph_bytes cn, const char *prefix)
{
    const size_t len = strlen(prefix);
    for (enum ph_snp_product p = PH_SNP_TURIN; p != PH_SNP_UNKNOWN; p--) {
        const struct ph_bytes name = ph_bytes_str(ph_snp_product_name(p));
        if (cn.len == len + name.len && memcmp(cn.ptr, prefix, len) == 0 &&
            memcmp(cn.ptr + len, name.ptr, name.len) == 0)
            return p;
    }
    return PH_SNP_UNKNOWN;
}

/* Without its extension a usage is 0, and a key that is not RSA's has no modulus. */
static bool is_ca(const struct ph_x509 *cert, uint32_t key_usage)
{
    return cert->is_ca && cert->key_usage == key_usage && cert->rsa_n.len == RSA_4096_LEN &&
           (cert->rsa_n.ptr[0] & 0x80) != 0 && cert->ski.len > 0;
}

/* The ARK may issue authorities, and lists; an ASK only certificates of signing keys. */
static bool is_ark(const struct ph_x509 *cert)
{
    return product_after(cert->cn, "ARK-") != PH_SNP_UNKNOWN &&
           is_ca(cert, PH_X509_KU_CERT_SIGN | PH_X509_KU_CRL_SIGN) && !cert->has_path_len;
}

static enum ph_snp_product ask_product(const struct ph_snp_chain *c)
{
    return product_after(c->ask.cn, c->is_vlek ? "SEV-VLEK-" : "SEV-");
}

static bool is_ask(const struct ph_x509 *cert)
{
    return (product_after(cert->cn, "SEV-") != PH_SNP_UNKNOWN ||
            product_after(cert->cn, "SEV-VLEK-") != PH_SNP_UNKNOWN) &&
           is_ca(cert, PH_X509_KU_CERT_SIGN) && cert->has_path_len && cert->path_len == 0;
}

/* A VCEK under an ASK, a VLEK under an ASVK, and no authority. */
static bool is_vek(const struct ph_snp_chain *c)
{
    const struct ph_x509 *cert = &c->vek;
    return (c->is_vlek || ph_bytes_is(cert->cn, "SEV-VCEK")) && ask_product(c) != PH_SNP_UNKNOWN &&
           cert->key_alg == PH_X509_KEY_P384 && !cert->is_ca &&
           (!cert->has_key_usage || cert->key_usage == PH_X509_KU_DIGITAL_SIGNATURE);
}

/* By name; and by key identifier, where the certificate has one: a VEK's does not. */
static bool is_linked(const struct ph_x509 *cert, const struct ph_x509 *issuer)
{
    return ph_bytes_equal(cert->issuer, issuer->subject) &&
           (cert->aki.len == 0 || ph_bytes_equal(cert->aki, issuer->ski));
}

/* A key that cannot be loaded stays NULL, and no signature verifies under it. */
static enum ph_err load_key(const struct ph_x509 *cert, struct ph_rsa_pub **out)
{
    const enum ph_err err = ph_rsa_pub_new(cert->rsa_n, cert->rsa_e, out);
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

/* Set `fact` if `key` signed. Only running out of memory is an error. */
static enum ph_err judge_signature(struct ph_snp_chain *c, enum ph_snp_fact fact,
                                   const struct ph_rsa_pub *key, struct ph_bytes tbs,
                                   struct ph_bytes sig)
{
    if (!key)
        return PH_OK;
    const enum ph_err err = ph_rsa_pss384_verify(key, tbs, sig);
    if (err == PH_ERR_NOMEM)
        return err;
    add_fact(c, fact, err == PH_OK);
    return PH_OK;
}

static void narrow(struct ph_snp_chain *c, const struct ph_x509 *cert)
{
    if (cert->not_before_s > c->not_before_s)
        c->not_before_s = cert->not_before_s;
    if (cert->not_after_s < c->not_after_s)
        c->not_after_s = cert->not_after_s;
}

static enum ph_err judge_certs(struct ph_snp_chain *c, const struct ph_rsa_pub *ark)
{
    struct ph_rsa_pub *ask PH_OWNED(free_rsa) = NULL;
    c->ark_product = product_after(c->ark.cn, "ARK-");
    add_fact(c, PH_SNP_FACT_ARK_PROFILE, is_ark(&c->ark));
    add_fact(c, PH_SNP_FACT_ASK_PROFILE, is_ask(&c->ask));
    add_fact(c, PH_SNP_FACT_VEK_PROFILE, is_vek(c));
    add_fact(c, PH_SNP_FACT_LINKS,
             is_linked(&c->vek, &c->ask) && is_linked(&c->ask, &c->ark) && c->ask.aki.len > 0 &&
                 is_linked(&c->ark, &c->ark) && ask_product(c) == c->ark_product);
    struct ph_snp_vek ext;
    if (ph_snp_vek_parse(&c->vek, c->is_vlek, &ext) == PH_OK && ext.product == c->ark_product) {
        c->ext = ext;
        add_fact(c, PH_SNP_FACT_EXTENSION, true);
    }
    narrow(c, &c->vek);
    narrow(c, &c->ask);
    narrow(c, &c->ark);
    ph_sha256(c->ark.spki, c->ark_spki_sha256);
    /* A key that is no point verifies nothing; so does one that is no P-384 key. */
    if (c->vek.key_alg == PH_X509_KEY_P384)
        (void)!ph_p384_pub_init(&c->key, c->vek.point.ptr);
    PH_TRY(load_key(&c->ask, &ask));
    PH_TRY(judge_signature(c, PH_SNP_FACT_ARK_SIGNATURE, ark, c->ark.tbs, c->ark.sig_bits));
    PH_TRY(judge_signature(c, PH_SNP_FACT_ASK_SIGNATURE, ark, c->ask.tbs, c->ask.sig_bits));
    return judge_signature(c, PH_SNP_FACT_VEK_SIGNATURE, ask, c->vek.tbs, c->vek.sig_bits);
}

static enum ph_err judge_crl(struct ph_snp_chain *c, const struct ph_rsa_pub *ark,
                             struct ph_bytes der)
{
    struct ph_crl crl;

    PH_TRY(ph_crl_parse(PH_X509_SIG_PSS_SHA384, der, &crl));
    c->has_crl = true;
    c->crl_this_s = crl.this_update_s;
    c->crl_next_s = crl.next_update_s;
    add_fact(c, PH_SNP_FACT_CRL_ISSUER,
             ph_bytes_equal(crl.issuer, c->ark.subject) && ph_bytes_equal(crl.aki, c->ark.ski));
    add_fact(c, PH_SNP_FACT_ASK_GOOD, !ph_crl_has(&crl, c->ask.serial));
    add_fact(c, PH_SNP_FACT_VEK_GOOD, !ph_crl_has(&crl, c->vek.serial));
    return judge_signature(c, PH_SNP_FACT_CRL_SIGNATURE, ark, crl.tbs, crl.sig_bits);
}

enum ph_err ph_snp_chain_new(const struct ph_snp_chain_source *source, struct ph_snp_chain **out,
                             enum ph_check *reterr)
{
    struct ph_snp_chain *c PH_OWNED(ph_snp_chain_freep) = calloc(1, sizeof(*c));
    struct ph_rsa_pub *ark PH_OWNED(free_rsa) = NULL;

    *reterr = PH_CHECK_SNP_VEK_FORMAT;
    if (!c)
        return PH_ERR_NOMEM;
    c->der = PH_BUF(CERTS * PH_X509_MAX);
    c->not_before_s = INT64_MIN;
    c->not_after_s = INT64_MAX;
    PH_TRY(parse_certs(c, source));
    PH_TRY(load_key(&c->ark, &ark));
    PH_TRY(judge_certs(c, ark));
    if (source->crl.len > 0) {
        *reterr = PH_CHECK_SNP_CRL_FORMAT;
        PH_TRY(judge_crl(c, ark, source->crl));
    }
    *out = PH_TAKE(c);
    return PH_OK;
}
