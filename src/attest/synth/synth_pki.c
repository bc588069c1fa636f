/* Certificates, chains and revocation lists. */

#include "attest/synth/synth_priv.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/p256.h"

static const char *root_cn(const struct ph_synth *s)
{
    return s->root_cn ? s->root_cn : "Intel SGX Root CA";
}

static const char *ca_cn(const struct ph_synth *s)
{
    if (s->ca_cn)
        return s->ca_cn;
    return s->processor_ca ? "Intel SGX PCK Processor CA" : "Intel SGX PCK Platform CA";
}

struct cert {
    const struct ph_synth_serial *serial;
    const char *issuer, *subject;
    int64_t not_before_s, not_after_s;
    const uint8_t *secret, *issuer_secret;
    enum ph_synth_fault bad_sig, bad_aki; /* 0: none */
    bool is_ca, is_pck, has_sgx_ext;
    uint64_t path_len;
    uint8_t key_usage[2]; /* unused bits, bits */
};

static enum ph_err put_key(struct ph_buf *buf, const uint8_t key[static 64])
{
    uint8_t point[66] = {0, 4};
    const size_t start = buf->len;
    memcpy(point + 2, key, 64);
    PH_TRY(ph_der_put_oid(buf, "1.2.840.10045.2.1"));
    PH_TRY(ph_der_put_oid(buf, "1.2.840.10045.3.1.7"));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_der_put(buf, PH_DER_BIT_STRING, PH_BYTES_OF(point)));
    return ph_synth_wrap(buf, start, PH_DER_SEQUENCE);
}

static enum ph_err put_basic_constraints(struct ph_buf *buf, const struct cert *c)
{
    static const uint8_t yes = 0xff;
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    if (c->is_ca) {
        PH_TRY(ph_der_put(&value, PH_DER_BOOLEAN, (struct ph_bytes){&yes, 1}));
        PH_TRY(ph_der_put_u64(&value, c->path_len));
    }
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(buf, "2.5.29.19", true, ph_buf_view(&value));
}

static enum ph_err put_extensions(const struct ph_synth *s, struct ph_buf *buf,
                                  const struct cert *c, const uint8_t key[static 64])
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(64);
    uint8_t issuer_key[64], id[20];
    const size_t id_len = s->faults & PH_SYNTH_SHORT_KEY_IDS ? 1 : sizeof(id);
    const size_t start = buf->len;

    PH_TRY(ph_p256_public(c->issuer_secret, issuer_key));
    ph_synth_key_id(issuer_key, id);
    if (s->faults & (uint32_t)c->bad_aki)
        id[0] ^= 1;
    PH_TRY(ph_synth_put_aki(buf, (struct ph_bytes){id, id_len}));
    ph_synth_key_id(key, id);
    PH_TRY(ph_der_put(&value, PH_DER_OCTET_STRING, (struct ph_bytes){id, id_len}));
    PH_TRY(ph_synth_put_ext(buf, "2.5.29.14", false, ph_buf_view(&value)));
    value.len = 0;
    PH_TRY(ph_der_put(&value, PH_DER_BIT_STRING, PH_BYTES_OF(c->key_usage)));
    PH_TRY(ph_synth_put_ext(buf, "2.5.29.15", true, ph_buf_view(&value)));
    if (!c->is_pck || !(s->faults & PH_SYNTH_NO_PCK_CONSTRAINTS))
        PH_TRY(put_basic_constraints(buf, c));
    if (c->is_pck ? !(s->faults & PH_SYNTH_NO_SGX_EXT) : c->has_sgx_ext)
        PH_TRY(ph_synth_put_sgx_ext(s, buf));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    return ph_synth_wrap(buf, start, PH_DER_CONTEXT(3));
}

/* Append one certificate in PEM. */
static enum ph_err put_cert(const struct ph_synth *s, const struct cert *c, struct ph_buf *pem)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    uint8_t key[64];
    size_t at;

    PH_TRY(ph_p256_public(c->secret, key));
    PH_TRY(ph_der_put_u64(&buf, 2)); /* v3 */
    PH_TRY(ph_synth_wrap(&buf, 0, PH_DER_CONTEXT(0)));
    PH_TRY(ph_der_put_uint(&buf, PH_BYTES_OF(c->serial->b)));
    PH_TRY(ph_synth_put_sig_alg(&buf));
    PH_TRY(ph_synth_put_name(s, &buf, c->issuer));
    at = buf.len;
    PH_TRY(ph_der_put_time(&buf, c->not_before_s));
    PH_TRY(ph_der_put_time(&buf, c->not_after_s));
    PH_TRY(ph_synth_wrap(&buf, at, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_put_name(s, &buf, c->subject));
    PH_TRY(put_key(&buf, key));
    PH_TRY(put_extensions(s, &buf, c, key));
    PH_TRY(ph_synth_finish(s, c->bad_sig, c->issuer_secret, &buf, 0));
    return ph_pem_encode("CERTIFICATE", ph_buf_view(&buf), pem);
}

enum ph_err ph_synth_make_chains(const struct ph_synth *s, struct ph_synth_pki *pki)
{
    static const uint8_t ca_usage[2] = {1, 0x06}, leaf_usage[2] = {6, 0xc0};
    struct ph_buf root_pem PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct cert root = {.serial = &s->root_serial,
                        .issuer = root_cn(s),
                        .subject = root_cn(s),
                        .not_before_s = s->not_before_s,
                        .not_after_s = s->not_after_s,
                        .secret = s->keys.root,
                        .issuer_secret = s->keys.root,
                        .bad_sig = PH_SYNTH_BAD_ROOT_SIG,
                        .is_ca = true,
                        .path_len = 1};
    struct cert ca = {.serial = &s->ca_serial,
                      .issuer = root_cn(s),
                      .subject = ca_cn(s),
                      .not_before_s = s->ca_not_before_s,
                      .not_after_s = s->ca_not_after_s,
                      .secret = s->keys.pck_ca,
                      .issuer_secret = s->keys.root,
                      .bad_sig = PH_SYNTH_BAD_CA_SIG,
                      .bad_aki = PH_SYNTH_BAD_CA_AKI,
                      .is_ca = true,
                      .has_sgx_ext = s->faults & PH_SYNTH_ALL_SGX_EXT,
                      .path_len = s->faults & PH_SYNTH_BAD_CA_PATHLEN ? 1 : 0};
    struct cert pck = {.serial = &s->pck_serial,
                       .issuer = ca_cn(s),
                       .subject = s->pck_cn ? s->pck_cn : "Intel SGX PCK Certificate",
                       .not_before_s = s->pck_not_before_s,
                       .not_after_s = s->pck_not_after_s,
                       .secret = s->keys.pck,
                       .issuer_secret = s->keys.pck_ca,
                       .bad_sig = PH_SYNTH_BAD_PCK_SIG,
                       .bad_aki = PH_SYNTH_BAD_PCK_AKI,
                       .is_pck = true};
    struct cert signer = {.serial = &s->signer_serial,
                          .issuer = root_cn(s),
                          .subject = s->signer_cn ? s->signer_cn : "Intel SGX TCB Signing",
                          .not_before_s = s->signer_not_before_s,
                          .not_after_s = s->signer_not_after_s,
                          .secret = s->keys.tcb_signer,
                          .issuer_secret = s->keys.root,
                          .bad_sig = PH_SYNTH_BAD_SIGNER_SIG,
                          .bad_aki = PH_SYNTH_BAD_SIGNER_AKI,
                          .has_sgx_ext = s->faults & PH_SYNTH_ALL_SGX_EXT};

    memcpy(root.key_usage, s->faults & PH_SYNTH_BAD_ROOT_USAGE ? leaf_usage : ca_usage, 2);
    memcpy(ca.key_usage, ca_usage, 2);
    memcpy(pck.key_usage, s->faults & PH_SYNTH_BAD_PCK_USAGE ? ca_usage : leaf_usage, 2);
    memcpy(signer.key_usage, leaf_usage, 2);
    PH_TRY(put_cert(s, &pck, &pki->part[PH_SYNTH_PCK_CHAIN]));
    PH_TRY(put_cert(s, &ca, &pki->part[PH_SYNTH_PCK_CHAIN]));
    PH_TRY(put_cert(s, &root, &root_pem)); /* one certificate, in both chains */
    PH_TRY(ph_buf_add(&pki->part[PH_SYNTH_PCK_CHAIN], ph_buf_view(&root_pem)));
    if (s->faults & PH_SYNTH_PCK_IS_SIGNER) { /* a genuine PCK certificate under the root */
        signer.subject = pck.subject;
        signer.secret = pck.secret;
        signer.is_pck = true;
    }
    PH_TRY(put_cert(s, &signer, &pki->part[PH_SYNTH_SIGNER_CHAIN]));
    return ph_buf_add(&pki->part[PH_SYNTH_SIGNER_CHAIN], ph_buf_view(&root_pem));
}

struct crl {
    const char *issuer;
    const uint8_t *secret;
    int64_t this_update_s, next_update_s;
    const struct ph_synth_serial *revoked;
    size_t revoked_cnt;
    enum ph_synth_fault bad_sig, bad_aki;
};

static enum ph_err put_revoked(struct ph_buf *buf, const struct crl *c)
{
    static const uint8_t key_compromise[] = {0x0a, 0x01, 0x01};
    const size_t start = buf->len;

    for (size_t i = 0; i < c->revoked_cnt; i++) {
        const size_t one = buf->len;
        PH_TRY(ph_der_put_uint(buf, PH_BYTES_OF(c->revoked[i].b)));
        PH_TRY(ph_der_put_time(buf, c->this_update_s));
        const size_t ext = buf->len;
        PH_TRY(ph_synth_put_ext(buf, "2.5.29.21", false, PH_BYTES_OF(key_compromise)));
        PH_TRY(ph_synth_wrap(buf, ext, PH_DER_SEQUENCE));
        PH_TRY(ph_synth_wrap(buf, one, PH_DER_SEQUENCE));
    }
    return c->revoked_cnt > 0 ? ph_synth_wrap(buf, start, PH_DER_SEQUENCE) : PH_OK;
}

static enum ph_err put_crl(const struct ph_synth *s, const struct crl *c, struct ph_buf *buf)
{
    static const uint8_t number[] = {0x02, 0x01, 0x01};
    uint8_t key[64], id[20];

    PH_TRY(ph_der_put_u64(buf, 1)); /* v2 */
    PH_TRY(ph_synth_put_sig_alg(buf));
    PH_TRY(ph_synth_put_name(s, buf, c->issuer));
    PH_TRY(ph_der_put_time(buf, c->this_update_s));
    PH_TRY(ph_der_put_time(buf, c->next_update_s));
    PH_TRY(put_revoked(buf, c));
    const size_t start = buf->len;
    PH_TRY(ph_synth_put_ext(buf, "2.5.29.20", false, PH_BYTES_OF(number)));
    PH_TRY(ph_p256_public(c->secret, key));
    ph_synth_key_id(key, id);
    if (s->faults & (uint32_t)c->bad_aki)
        id[0] ^= 1;
    PH_TRY(ph_synth_put_aki(buf, PH_BYTES_OF(id)));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_SEQUENCE));
    PH_TRY(ph_synth_wrap(buf, start, PH_DER_CONTEXT(0)));
    return ph_synth_finish(s, c->bad_sig, c->secret, buf, 0);
}

enum ph_err ph_synth_make_crls(const struct ph_synth *s, struct ph_synth_pki *pki)
{
    const struct crl by_ca = {.issuer = ca_cn(s),
                              .secret = s->keys.pck_ca,
                              .this_update_s = s->crl_issue_s,
                              .next_update_s = s->crl_next_s,
                              .revoked = s->revoked_by_ca,
                              .revoked_cnt = s->revoked_by_ca_cnt,
                              .bad_sig = PH_SYNTH_BAD_PCK_CRL_SIG,
                              .bad_aki = PH_SYNTH_BAD_PCK_CRL_AKI};
    const struct crl by_root = {.issuer = root_cn(s),
                                .secret = s->keys.root,
                                .this_update_s = s->root_crl_issue_s,
                                .next_update_s = s->root_crl_next_s,
                                .revoked = s->revoked_by_root,
                                .revoked_cnt = s->revoked_by_root_cnt,
                                .bad_sig = PH_SYNTH_BAD_ROOT_CRL_SIG,
                                .bad_aki = PH_SYNTH_BAD_ROOT_CRL_AKI};
    PH_TRY(put_crl(s, &by_ca, &pki->part[PH_SYNTH_PCK_CRL]));
    return put_crl(s, &by_root, &pki->part[PH_SYNTH_ROOT_CRL]);
}
