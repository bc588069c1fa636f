#include "guest_cert.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "keys/dstack.h"
#include "keys/sealing.h"

#include <stdio.h>

/* Authorities are the same whenever they are written: programs may pin them. */
static const int64_t ca_from_s = 1735689600, ca_until_s = 2524607999; /* 2025 to 2049 */

/* dstack's extensions: the app's id, and what a certificate may be used for. */
#define OID_APP_ID "1.3.6.1.4.1.62397.1.3"
#define OID_USAGE "1.3.6.1.4.1.62397.1.4"
#define OID_QUOTE "1.3.6.1.4.1.62397.1.1"
#define OID_EVENT_LOG "1.3.6.1.4.1.62397.1.2"
#define OID_APP_INFO "1.3.6.1.4.1.62397.1.9"

enum { ORG_LEN = 64, EXT_MAX = 5, APP_INFO_MAX = 512 };

static enum ph_err fail(char why[static CLUSTER_WHY_LEN], enum ph_err err, const char *what)
{
    (void)snprintf(why, CLUSTER_WHY_LEN, "%s", what);
    return err;
}

/* HKDF-SHA256 of a seed, as dstack derives a key pair: the seed is random, or the app's key. */
static enum ph_err make_key(struct keyring *ring, const struct ph_msg_GUEST_TLS_KEY *m,
                            uint8_t key[static 32])
{
    uint8_t seed[32];
    enum ph_err err = PH_OK;

    if (m->random)
        ph_random(seed, sizeof(seed));
    else
        err = ph_keys_guest_app(ring->secrets->cluster.identity, &m->phat, seed);
    if (err == PH_OK)
        err = ph_dstack_kdf(PH_BYTES_OF(seed), m->path, key);
    ph_wipe(seed, sizeof(seed));
    return err;
}

enum ph_err guest_tls_key(struct keyring *ring, const struct ph_ipc_frame *frame,
                          struct ph_buf *reply, char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_GUEST_TLS_KEY m;
    struct ph_msg_GUEST_TLS_KEY_IS answer;
    uint8_t pub[64];

    if (ph_get_GUEST_TLS_KEY(frame, &m) != PH_OK)
        return fail(why, PH_ERR_MALFORMED, "GUEST_TLS_KEY: fields do not fit");
    enum ph_err err = make_key(ring, &m, answer.key.b);
    if (err == PH_OK)
        err = ph_p256_public(answer.key.b, pub);
    if (err == PH_OK) {
        answer.pub = PH_BYTES_OF(pub);
        err = ph_encode_GUEST_TLS_KEY_IS(reply, 0, frame->id, &answer);
    }
    ph_wipe(&answer, sizeof(answer));
    return err == PH_OK ? PH_OK : fail(why, err, "guest agent: no key could be derived");
}

/* One certificate being made: its extensions, each wrapped once more as dstack does. */
struct issue {
    struct ph_cert cert;
    struct ph_cert_ext ext[EXT_MAX];
    struct ph_buf value[EXT_MAX];
    uint8_t serial[32], spki[PH_CERT_SPKI_P256_LEN];
};

static void issue_clear(struct issue *issue)
{
    for (size_t i = 0; i < EXT_MAX; i++)
        ph_buf_clear(&issue->value[i]);
}

static void issue_begin(struct issue *issue, const uint8_t pub[static 64])
{
    *issue = (struct issue){0};
    ph_cert_spki_p256(pub, issue->spki);
    issue->cert.spki = PH_BYTES_OF(issue->spki);
    ph_sha256(issue->cert.spki, issue->serial); /* of an authority always the same */
    issue->serial[0] = (uint8_t)((issue->serial[0] & 0x7f) | 0x40);
    issue->cert.serial = (struct ph_bytes){issue->serial, 16};
    issue->cert.not_before_s = ca_from_s;
    issue->cert.not_after_s = ca_until_s;
}

static enum ph_err add_ext(struct issue *issue, const char *oid, struct ph_bytes value)
{
    struct ph_buf *buf = &issue->value[issue->cert.ext_cnt];

    *buf = PH_BUF(PH_CERT_PUT_MAX);
    PH_TRY(ph_der_put(buf, PH_DER_OCTET_STRING, value));
    issue->ext[issue->cert.ext_cnt++] = (struct ph_cert_ext){oid, ph_buf_view(buf)};
    return PH_OK;
}

/* Sign with the issuer's key. */
static enum ph_err issue_end(struct issue *issue, const uint8_t key[static 32], struct ph_buf *out)
{
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                      sig_der PH_OWNED(ph_buf_clear) = PH_BUF(PH_TLS_SIG_MAX);
    uint8_t digest[32], sig[64];

    issue->cert.ext = issue->ext;
    PH_TRY(ph_cert_put_tbs(&issue->cert, &tbs));
    ph_sha256(ph_buf_view(&tbs), digest);
    PH_TRY(ph_p256_sign_digest(key, digest, sig));
    PH_TRY(ph_der_put_ecdsa_sig(&sig_der, sig, 32));
    return ph_cert_put(ph_buf_view(&tbs), ph_buf_view(&sig_der), out);
}

struct authorities {
    char root[ORG_LEN], app[ORG_LEN];
    uint8_t root_key[32], app_key[32]; /* secret */
    uint8_t root_pub[64], app_pub[64];
};

static enum ph_err open_authorities(const struct keyring *ring, const struct ph_phat_id *phat,
                                    struct authorities *out)
{
    char hex[41];

    ph_hex_encode(PH_BYTES_OF(ring->cluster.b), hex);
    (void)snprintf(out->root, sizeof(out->root), "Phala cluster 0x%s", hex);
    ph_hex_encode(PH_BYTES_OF(phat->b), hex);
    (void)snprintf(out->app, sizeof(out->app), "Phala app %s", hex);
    PH_TRY(ph_keys_guest_ca(ring->secrets->cluster.identity, NULL, out->root_key));
    PH_TRY(ph_keys_guest_ca(ring->secrets->cluster.identity, phat, out->app_key));
    PH_TRY(ph_p256_public(out->root_key, out->root_pub));
    return ph_p256_public(out->app_key, out->app_pub);
}

static enum ph_err put_root(const struct authorities *a, struct ph_buf *out)
{
    struct issue issue PH_OWNED(issue_clear);

    issue_begin(&issue, a->root_pub);
    issue.cert.issuer.common_name = issue.cert.subject.common_name = a->root;
    issue.cert.usage = PH_CERT_USAGE_CA;
    issue.cert.path_len = 1;
    return issue_end(&issue, a->root_key, out);
}

static enum ph_err put_app(const struct authorities *a, const struct ph_phat_id *phat,
                           struct ph_buf *out)
{
    struct issue issue PH_OWNED(issue_clear);

    issue_begin(&issue, a->app_pub);
    issue.cert.issuer.common_name = a->root;
    issue.cert.subject.common_name = a->app;
    issue.cert.usage = PH_CERT_USAGE_CA;
    PH_TRY(add_ext(&issue, OID_APP_ID, PH_BYTES_OF(phat->b)));
    PH_TRY(add_ext(&issue, OID_USAGE, PH_BYTES_LIT("app:ca")));
    return issue_end(&issue, a->root_key, out);
}

/* Texts that end in NUL, one after the other. */
static enum ph_err split(struct ph_bytes texts, const char *out[static PH_GUEST_NAMES_MAX],
                         size_t *cnt)
{
    *cnt = 0;
    if (texts.len > 0 && texts.ptr[texts.len - 1] != '\0')
        return PH_ERR_MALFORMED;
    for (size_t at = 0; at < texts.len; at += strlen((const char *)texts.ptr + at) + 1) {
        if (*cnt == PH_GUEST_NAMES_MAX)
            return PH_ERR_LIMIT;
        out[(*cnt)++] = (const char *)texts.ptr + at;
    }
    return PH_OK;
}

static enum ph_err add_app_info(struct issue *issue, const struct keyring *ring,
                                const struct ph_msg_GUEST_CERT *m)
{
    struct ph_buf info PH_OWNED(ph_buf_clear) = PH_BUF(APP_INFO_MAX);

    PH_TRY(ph_dstack_app_info(&m->phat, &ring->signer, &ring->cluster, m->app_info, &info));
    return add_ext(issue, OID_APP_INFO, ph_buf_view(&info));
}

static enum ph_err put_leaf(const struct keyring *ring, const struct authorities *a,
                            const struct ph_msg_GUEST_CERT *m, struct ph_buf *out)
{
    const char *names[PH_GUEST_NAMES_MAX], *subject[PH_GUEST_NAMES_MAX];
    struct issue issue PH_OWNED(issue_clear) = {0};
    size_t subjects;

    PH_TRY(split(m->subject, subject, &subjects));
    if (subjects > 1 || m->pub.len != 64 || m->not_before > INT64_MAX || m->not_after > INT64_MAX ||
        m->not_before >= m->not_after)
        return PH_ERR_MALFORMED;
    issue_begin(&issue, m->pub.ptr);
    ph_random(issue.serial, 16); /* a key of a path may be certified often */
    issue.serial[0] = (uint8_t)((issue.serial[0] & 0x7f) | 0x40);
    PH_TRY(split(m->alt_names, names, &issue.cert.alt_name_cnt));
    issue.cert.alt_names = names;
    issue.cert.issuer.common_name = a->app;
    issue.cert.subject.common_name = subjects == 1 && *subject[0] ? subject[0] : NULL;
    issue.cert.not_before_s = (int64_t)m->not_before;
    issue.cert.not_after_s = (int64_t)m->not_after;
    issue.cert.usage = PH_CERT_USAGE_SIGNATURE;
    issue.cert.server_auth = (m->usage & PH_GUEST_SERVER_AUTH) != 0;
    issue.cert.client_auth = (m->usage & PH_GUEST_CLIENT_AUTH) != 0;
    PH_TRY(add_ext(&issue, OID_APP_ID, PH_BYTES_OF(m->phat.b)));
    PH_TRY(add_ext(&issue, OID_USAGE, PH_BYTES_LIT("app:custom")));
    if (m->quote.len > 0) {
        PH_TRY(add_ext(&issue, OID_QUOTE, m->quote));
        PH_TRY(add_ext(&issue, OID_EVENT_LOG, PH_BYTES_LIT("[]")));
    }
    if (m->app_info.len > 0)
        PH_TRY(add_app_info(&issue, ring, m));
    return issue_end(&issue, a->app_key, out);
}

enum ph_err guest_cert(struct keyring *ring, const struct ph_ipc_frame *frame, struct ph_buf *reply,
                       char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf leaf PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                       app PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                       root PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX);
    struct authorities a = {0};
    struct ph_msg_GUEST_CERT m;

    if (ph_get_GUEST_CERT(frame, &m) != PH_OK)
        return fail(why, PH_ERR_MALFORMED, "GUEST_CERT: fields do not fit");
    if (m.subject.len > PH_GUEST_SUBJECT_MAX + 1)
        return fail(why, PH_ERR_LIMIT, "GUEST_CERT: the subject is too long");
    enum ph_err err = open_authorities(ring, &m.phat, &a);
    if (err == PH_OK && m.pub.len > 0)
        err = put_leaf(ring, &a, &m, &leaf);
    if (err == PH_OK)
        err = put_app(&a, &m.phat, &app);
    if (err == PH_OK)
        err = put_root(&a, &root);
    ph_wipe(&a, sizeof(a));
    if (err != PH_OK)
        return fail(why, err,
                    "GUEST_CERT: dates, subject or alternative names cannot stand in a "
                    "certificate");
    const struct ph_msg_GUEST_CERT_IS answer = {
        .leaf = ph_buf_view(&leaf), .app = ph_buf_view(&app), .root = ph_buf_view(&root)};
    return ph_encode_GUEST_CERT_IS(reply, 0, frame->id, &answer);
}
