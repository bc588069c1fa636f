#include "attest/intel/pki.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"

#include <stdlib.h>

/* [PCK] §1.3: common names of the roles. */
#define CN_ROOT "Intel SGX Root CA"
#define CN_PLATFORM "Intel SGX PCK Platform CA"
#define CN_PROCESSOR "Intel SGX PCK Processor CA"
#define CN_PCK "Intel SGX PCK Certificate"
#define CN_SIGNER "Intel SGX TCB Signing"

enum { CERTS_MAX = 3 };

void ph_chain_free(struct ph_chain *chain)
{
    if (!chain)
        return;
    ph_p256_pub_free(chain->leaf_key);
    ph_p256_pub_free(chain->ca_key);
    ph_p256_pub_free(chain->root_key);
    ph_buf_clear(&chain->der);
    free(chain);
}

/* Cut the next certificate of a chain off and append its DER bytes: PEM, or concatenated DER, which
 * Intel's own sample quote carries. */
static enum ph_err next_cert(struct ph_reader *r, bool is_der, struct ph_buf *out)
{
    struct ph_der e;
    if (!is_der)
        return ph_pem_next(r, "CERTIFICATE", out);
    if (r->rest.len == 0)
        return PH_ERR_NOT_FOUND;
    PH_TRY(ph_der_next(r, &e));
    return ph_buf_add(out, e.whole);
}

/* Decode every certificate of `pem` into chain->der and parse exactly `cnt` of them. */
static enum ph_err parse_certs(struct ph_chain *chain, struct ph_bytes pem, size_t cnt,
                               struct ph_x509 certs[static CERTS_MAX])
{
    const bool is_der = pem.len > 0 && pem.ptr[0] == PH_DER_SEQUENCE;
    size_t end[CERTS_MAX], found = 0;
    struct ph_reader r = {pem};

    if (pem.len > PH_CHAIN_PEM_MAX)
        return PH_ERR_LIMIT;
    for (;;) {
        const enum ph_err err = next_cert(&r, is_der, &chain->der);
        if (err == PH_ERR_NOT_FOUND)
            break;
        PH_TRY(err);
        if (found == cnt)
            return PH_ERR_MALFORMED;
        end[found++] = chain->der.len;
    }
    if (found != cnt)
        return PH_ERR_MALFORMED;
    /* The buffer no longer moves: views into it are good. */
    for (size_t i = 0; i < cnt; i++) {
        const size_t start = i == 0 ? 0 : end[i - 1];
        PH_TRY(ph_x509_parse(&ph_x509_profile_intel,
                             (struct ph_bytes){chain->der.ptr + start, end[i] - start}, &certs[i]));
    }
    return PH_OK;
}

static bool is_ca_profile(const struct ph_x509 *c, uint64_t path_len)
{
    return c->has_basic_constraints && c->is_ca && c->has_path_len && c->path_len == path_len &&
           c->has_key_usage && c->key_usage == (PH_X509_KU_CERT_SIGN | PH_X509_KU_CRL_SIGN) &&
           c->vendor[0].len == 0;
}

static bool is_leaf_profile(const struct ph_x509 *c)
{
    return c->has_basic_constraints && !c->is_ca && c->has_key_usage &&
           c->key_usage == (PH_X509_KU_DIGITAL_SIGNATURE | PH_X509_KU_NON_REPUDIATION);
}

static bool is_root(const struct ph_x509 *c)
{
    return ph_bytes_is(c->cn, CN_ROOT) && ph_bytes_equal(c->issuer, c->subject) &&
           is_ca_profile(c, 1);
}

/* Issuer name and key identifiers of `c` point at `issuer`. */
static bool is_linked(const struct ph_x509 *c, const struct ph_x509 *issuer)
{
    return ph_bytes_equal(c->issuer, issuer->subject) && c->aki.len > 0 &&
           ph_bytes_equal(c->aki, issuer->ski) && c->ski.len > 0;
}

static void add_fact(struct ph_chain *chain, enum ph_chain_fact fact, bool holds)
{
    if (holds)
        chain->facts |= (uint32_t)fact;
}

/* Set `fact` if `key` signed it; NULL: nobody did. */
static void judge_signature(struct ph_chain *chain, enum ph_chain_fact fact,
                            const struct ph_p256_pub *key, struct ph_bytes tbs,
                            const uint8_t sig[static 64])
{
    add_fact(chain, fact, key && ph_p256_verify(key, tbs, sig) == PH_OK);
}

/* A key that is no point on the curve stays NULL, and no signature verifies under it. */
static enum ph_err load_key(const struct ph_x509 *c, struct ph_p256_pub **out)
{
    const enum ph_err err = ph_p256_pub_new(c->point.ptr, out);
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

static void narrow(struct ph_chain *chain, const struct ph_x509 *c)
{
    if (c->not_before_s > chain->not_before_s)
        chain->not_before_s = c->not_before_s;
    if (c->not_after_s < chain->not_after_s)
        chain->not_after_s = c->not_after_s;
}

/* The one certificate with this name; NULL if none has it, or several. */
static const struct ph_x509 *find_cn(const struct ph_x509 *certs, size_t cnt, const char *cn)
{
    const struct ph_x509 *found = NULL;
    for (size_t i = cnt; i-- > 0;) {
        if (!ph_bytes_is(certs[i].cn, cn))
            continue;
        if (found)
            return NULL;
        found = &certs[i];
    }
    return found;
}

static enum ph_err new_chain(struct ph_chain **out)
{
    struct ph_chain *chain = calloc(1, sizeof(*chain));
    if (!chain)
        return PH_ERR_NOMEM;
    chain->der = PH_BUF(CERTS_MAX * PH_X509_MAX);
    chain->not_before_s = INT64_MIN;
    chain->not_after_s = INT64_MAX;
    *out = chain;
    return PH_OK;
}

/* Platform CAs name the instance and its configuration, Processor CAs do not: [PCK] §1.3.5. */
static bool ext_fits_ca(const struct ph_sgx_ext *sgx, bool platform_ca)
{
    return sgx->has_platform_instance == platform_ca && sgx->has_configuration == platform_ca;
}

/* What the root of a PCK chain signed: itself and the CA. */
static void judge_root_signatures(struct ph_chain *chain, const struct ph_chain *known)
{
    const struct ph_x509 *root = &chain->root;
    struct ph_p256_pub key PH_NO_INIT;

    if (known && (known->facts & PH_FACT_ROOT_SIGNATURE) &&
        ph_bytes_equal(known->root.whole, root->whole)) {
        add_fact(chain, PH_FACT_ROOT_SIGNATURE, true);
        judge_signature(chain, PH_FACT_CA_SIGNATURE, known->root_key, chain->ca.tbs, chain->ca.sig);
        return;
    }
    (void)!ph_p256_pub_init(&key, root->point.ptr); /* what is no point verifies nothing */
    judge_signature(chain, PH_FACT_ROOT_SIGNATURE, &key, root->tbs, root->sig);
    judge_signature(chain, PH_FACT_CA_SIGNATURE, &key, chain->ca.tbs, chain->ca.sig);
}

static enum ph_err judge_pck(struct ph_chain *chain, const struct ph_chain *known)
{
    chain->platform_ca = ph_bytes_is(chain->ca.cn, CN_PLATFORM);
    add_fact(chain, PH_FACT_ROOT_PROFILE, is_root(&chain->root));
    add_fact(chain, PH_FACT_CA_PROFILE,
             is_ca_profile(&chain->ca, 0) &&
                 (chain->platform_ca || ph_bytes_is(chain->ca.cn, CN_PROCESSOR)));
    add_fact(chain, PH_FACT_LEAF_PROFILE,
             is_leaf_profile(&chain->leaf) && ph_bytes_is(chain->leaf.cn, CN_PCK));
    add_fact(chain, PH_FACT_LINKS,
             is_linked(&chain->leaf, &chain->ca) && is_linked(&chain->ca, &chain->root) &&
                 is_linked(&chain->root, &chain->root));
    if (ph_sgx_ext_parse(chain->leaf.vendor[0], &chain->sgx) == PH_OK)
        add_fact(chain, PH_FACT_SGX_EXT, ext_fits_ca(&chain->sgx, chain->platform_ca));
    narrow(chain, &chain->leaf);
    narrow(chain, &chain->ca);
    narrow(chain, &chain->root);

    PH_TRY(load_key(&chain->ca, &chain->ca_key));
    PH_TRY(load_key(&chain->leaf, &chain->leaf_key));
    judge_root_signatures(chain, known);
    judge_signature(chain, PH_FACT_LEAF_SIGNATURE, chain->ca_key, chain->leaf.tbs, chain->leaf.sig);
    return PH_OK;
}

enum ph_err ph_chain_parse_pck(struct ph_bytes pem, const struct ph_chain *known,
                               struct ph_chain **out)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_x509 certs[CERTS_MAX];
    PH_TRY(new_chain(&chain));
    PH_TRY(parse_certs(chain, pem, 3, certs));
    /* Roles by name, as Intel's library does: some chains list the root second. Without the
     * names, the order is leaf, CA, root, and the profile checks refuse it. */
    const struct ph_x509 *root = find_cn(certs, 3, CN_ROOT);
    if (!root)
        root = &certs[2];
    const struct ph_x509 *leaf = find_cn(certs, 3, CN_PCK);
    if (!leaf || leaf == root)
        leaf = root == &certs[0] ? &certs[1] : &certs[0];
    chain->root = *root;
    chain->leaf = *leaf;
    for (size_t i = 0; i < 3; i++) {
        if (&certs[i] != root && &certs[i] != leaf)
            chain->ca = certs[i];
    }
    PH_TRY(judge_pck(chain, known));
    *out = PH_TAKE(chain);
    return PH_OK;
}

enum ph_err ph_chain_parse_signer(struct ph_bytes pem, struct ph_chain **out)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_x509 certs[CERTS_MAX];

    PH_TRY(new_chain(&chain));
    PH_TRY(parse_certs(chain, pem, 2, certs));
    const struct ph_x509 *root = find_cn(certs, 2, CN_ROOT);
    if (!root)
        root = &certs[1];
    chain->root = *root;
    chain->leaf = root == &certs[0] ? certs[1] : certs[0];

    add_fact(chain, PH_FACT_ROOT_PROFILE, is_root(&chain->root));
    add_fact(chain, PH_FACT_LEAF_PROFILE,
             is_leaf_profile(&chain->leaf) && ph_bytes_is(chain->leaf.cn, CN_SIGNER) &&
                 chain->leaf.vendor[0].len == 0);
    add_fact(chain, PH_FACT_LINKS,
             is_linked(&chain->leaf, &chain->root) && is_linked(&chain->root, &chain->root));
    narrow(chain, &chain->leaf);
    narrow(chain, &chain->root);
    PH_TRY(load_key(&chain->root, &chain->root_key));
    PH_TRY(load_key(&chain->leaf, &chain->leaf_key));
    if (chain->root_key)
        ph_p256_pub_prepare(chain->root_key); /* itself, the signer, lists, CAs of PCK chains */
    judge_signature(chain, PH_FACT_ROOT_SIGNATURE, chain->root_key, chain->root.tbs,
                    chain->root.sig);
    judge_signature(chain, PH_FACT_LEAF_SIGNATURE, chain->root_key, chain->leaf.tbs,
                    chain->leaf.sig);
    *out = PH_TAKE(chain);
    return PH_OK;
}

bool ph_crl_is_of(const struct ph_crl *crl, const struct ph_x509 *issuer)
{
    return ph_bytes_equal(crl->issuer, issuer->subject) && ph_bytes_equal(crl->aki, issuer->ski);
}

void ph_chain_judge_crl(struct ph_chain *chain, const struct ph_crl *crl)
{
    add_fact(chain, PH_FACT_CRL_ISSUER, ph_crl_is_of(crl, &chain->ca));
    add_fact(chain, PH_FACT_NOT_REVOKED, !ph_crl_has(crl, chain->leaf.serial));
    judge_signature(chain, PH_FACT_CRL_SIGNATURE, chain->ca_key, crl->tbs, crl->sig);
}
