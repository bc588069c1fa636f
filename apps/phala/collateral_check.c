/* Intel's documents. */

#include "collateral_check.h"

#include "attest/intel/pki.h"
#include "attest/intel/tcb_docs.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"

#include <stdarg.h>
#include <stdio.h>

enum ph_err ph_check_bad(enum ph_err err, struct ph_json_why *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return err;
}

enum ph_err ph_check_window(const struct ph_check_by *by, const char *what, int64_t from_s,
                            int64_t until_s, struct ph_checked *out, struct ph_json_why *why)
{
    char time[21];

    ph_time_format_rfc3339(by->now_s < from_s ? from_s : until_s, time);
    if (by->now_s < from_s)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "%s is not valid before %s", what, time);
    if (by->now_s >= until_s)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "%s expired at %s", what, time);
    if (out->valid_until_s == 0 || until_s < out->valid_until_s)
        out->valid_until_s = until_s;
    return PH_OK;
}

static enum ph_err check_root(const struct ph_check_by *by, const struct ph_x509 *root,
                              struct ph_checked *out, struct ph_json_why *why)
{
    const struct ph_attest_roots *roots = by->roots;
    uint8_t hash[32];

    for (size_t i = 0; i < roots->cnt && i < PH_ATTEST_ROOTS_MAX; i++) {
        if (ph_bytes_equal(root->point, PH_BYTES_OF(roots->key[i])))
            return PH_OK;
    }
    ph_sha256(root->spki, hash);
    if (!by->policy->has_simulator_root_insecure ||
        memcmp(hash, by->policy->simulator_root_insecure, sizeof(hash)) != 0)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "its chain ends at a root that is not Intel's");
    out->insecure_simulator = true;
    return PH_OK;
}

/* The chain of a TCB signer: two certificates, linked and signed, up to a trusted root. */
static enum ph_err open_signer(const struct ph_check_by *by, struct ph_bytes pem,
                               struct ph_chain **chain, struct ph_checked *out,
                               struct ph_json_why *why)
{
    const uint32_t all = PH_FACT_ROOT_PROFILE | PH_FACT_LEAF_PROFILE | PH_FACT_LINKS |
                         PH_FACT_ROOT_SIGNATURE | PH_FACT_LEAF_SIGNATURE;
    const enum ph_err err = ph_chain_parse_signer(pem, chain);

    if (err != PH_OK)
        return ph_check_bad(err, why, "its issuer chain is not a TCB signer and a root");
    if (((*chain)->facts & all) != all)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "its issuer chain does not verify");
    PH_TRY(check_root(by, &(*chain)->root, out, why));
    return ph_check_window(by, "its issuer chain", (*chain)->not_before_s, (*chain)->not_after_s,
                           out, why);
}

static enum ph_err check_signature(const struct ph_p256_pub *key, const uint8_t digest[static 32],
                                   const uint8_t sig[static 64], struct ph_json_why *why)
{
    enum ph_err err = PH_ERR_UNTRUSTED;

    if (key)
        err = ph_p256_verify_digest(key, digest, sig);
    return err == PH_OK ? PH_OK : ph_check_bad(err, why, "its signature does not verify");
}

enum ph_err ph_check_tcb_info(const struct ph_check_by *by, const struct ph_collateral_key *key,
                              struct ph_bytes json, struct ph_bytes chain_pem,
                              struct ph_checked *out, struct ph_json_why *why)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_tcb_info *info PH_OWNED(ph_freep) = calloc(1, sizeof(*info));
    struct ph_checked c = {0};
    char is[13], want[13];

    if (!info)
        return ph_check_bad(PH_ERR_NOMEM, why, "out of memory");
    PH_TRY(ph_tcb_info_parse(json, info, why));
    ph_hex_encode(PH_BYTES_OF(info->fmspc), is);
    ph_hex_encode(PH_BYTES_OF(key->fmspc), want);
    if (memcmp(info->fmspc, key->fmspc, sizeof(info->fmspc)) != 0)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is of FMSPC %s, not %s", is, want);
    if (info->is_tdx != (key->tee == PH_TEE_TDX))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is of the other TEE");
    PH_TRY(open_signer(by, chain_pem, &chain, &c, why));
    PH_TRY(check_signature(chain->leaf_key, info->digest, info->sig, why));
    PH_TRY(ph_check_window(by, "it", info->issue_s, info->next_update_s, &c, why));
    *out = c;
    return PH_OK;
}

enum ph_err ph_check_qe_identity(const struct ph_check_by *by, const struct ph_collateral_key *key,
                                 struct ph_bytes json, struct ph_bytes chain_pem,
                                 struct ph_checked *out, struct ph_json_why *why)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_enclave_identity *qe PH_OWNED(ph_freep) = calloc(1, sizeof(*qe));
    struct ph_checked c = {0};

    if (!qe)
        return ph_check_bad(PH_ERR_NOMEM, why, "out of memory");
    PH_TRY(ph_enclave_identity_parse(json, qe, why));
    if (qe->id != (key->tee == PH_TEE_TDX ? PH_ENCLAVE_TD_QE : PH_ENCLAVE_QE))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is of another enclave");
    PH_TRY(open_signer(by, chain_pem, &chain, &c, why));
    PH_TRY(check_signature(chain->leaf_key, qe->digest, qe->sig, why));
    PH_TRY(ph_check_window(by, "it", qe->issue_s, qe->next_update_s, &c, why));
    *out = c;
    return PH_OK;
}

/* A list that `issuer` made. */
static enum ph_err check_crl(const struct ph_check_by *by, struct ph_bytes der,
                             const struct ph_x509 *issuer, struct ph_checked *out,
                             struct ph_json_why *why)
{
    struct ph_p256_pub key;
    uint8_t digest[32];
    struct ph_crl crl;

    const enum ph_err err = ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, der, &crl);
    if (err != PH_OK)
        return ph_check_bad(err, why, "it is no strict DER revocation list");
    if (!ph_crl_is_of(&crl, issuer))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is the list of another authority");
    const bool is_point = ph_p256_pub_init(&key, issuer->point.ptr) == PH_OK;
    ph_sha256(crl.tbs, digest);
    PH_TRY(check_signature(is_point ? &key : NULL, digest, crl.sig, why));
    return ph_check_window(by, "it", crl.this_update_s, crl.next_update_s, out, why);
}

enum ph_err ph_check_root_crl(const struct ph_check_by *by, struct ph_bytes der,
                              struct ph_bytes signer_chain_pem, struct ph_checked *out,
                              struct ph_json_why *why)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_checked c = {0};

    PH_TRY(open_signer(by, signer_chain_pem, &chain, &c, why));
    c.valid_until_s = 0; /* of the list alone: the chain is another document's */
    PH_TRY(check_crl(by, der, &chain->root, &c, why));
    *out = c;
    return PH_OK;
}

enum { CA_CERTS = 2 };

/* Certificates of a PEM text: CA first, as Intel's services send them. */
struct ca_chain {
    struct ph_buf der[CA_CERTS];
    struct ph_x509 cert[CA_CERTS];
};

static void ca_chain_clear(struct ca_chain *c)
{
    for (size_t i = 0; i < CA_CERTS; i++)
        ph_buf_clear(&c->der[i]);
}

static bool is_ca(const struct ph_x509 *c)
{
    return c->has_basic_constraints && c->is_ca && c->has_key_usage &&
           (c->key_usage & PH_X509_KU_CERT_SIGN) != 0 && (c->key_usage & PH_X509_KU_CRL_SIGN) != 0;
}

static bool is_signed_by(const struct ph_x509 *cert, const struct ph_x509 *issuer)
{
    struct ph_p256_pub key;

    return ph_bytes_equal(cert->issuer, issuer->subject) &&
           ph_p256_pub_init(&key, issuer->point.ptr) == PH_OK &&
           ph_p256_verify(&key, cert->tbs, cert->sig) == PH_OK;
}

static enum ph_err parse_ca_chain(struct ph_bytes pem, struct ca_chain *c)
{
    struct ph_reader r = {pem};

    for (size_t i = 0; i < CA_CERTS; i++) {
        c->der[i] = PH_BUF(PH_X509_MAX);
        PH_TRY(ph_pem_next(&r, "CERTIFICATE", &c->der[i]));
        PH_TRY(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&c->der[i]), &c->cert[i]));
    }
    return PH_OK;
}

enum ph_err ph_check_pck_crl(const struct ph_check_by *by, const struct ph_collateral_key *key,
                             struct ph_bytes der, struct ph_bytes chain_pem, struct ph_checked *out,
                             struct ph_json_why *why)
{
    struct ca_chain chain PH_OWNED(ca_chain_clear) = {0};
    const struct ph_x509 *ca = &chain.cert[0], *root = &chain.cert[1];
    struct ph_checked c = {0};

    if (parse_ca_chain(chain_pem, &chain) != PH_OK)
        return ph_check_bad(PH_ERR_MALFORMED, why, "its issuer chain is not a PCK CA and a root");
    if (!ph_bytes_is(ca->cn,
                     key->platform_ca ? "Intel SGX PCK Platform CA" : "Intel SGX PCK Processor CA"))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is the list of another PCK CA");
    if (!is_ca(ca) || !is_ca(root) || !is_signed_by(ca, root) || !is_signed_by(root, root))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "its issuer chain does not verify");
    PH_TRY(check_root(by, root, &c, why));
    PH_TRY(ph_check_window(by, "its issuer", ca->not_before_s, ca->not_after_s, &c, why));
    PH_TRY(ph_check_window(by, "its root", root->not_before_s, root->not_after_s, &c, why));
    PH_TRY(check_crl(by, der, ca, &c, why));
    *out = c;
    return PH_OK;
}
