#include "http/tls_rig.h"

#include "base/test.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <time.h>

#define GOOD(call) CHECK((call) >= 0)

static enum ph_err sign(void *ctx, struct ph_bytes digest, uint8_t *sig, size_t *sig_len)
{
    struct tls_rig *rig = ctx;
    gnutls_datum_t hash = {(void *)(uintptr_t)digest.ptr, (unsigned)digest.len}, out;

    (void)sem_post(&rig->asked);
    (void)pthread_mutex_lock(&rig->gate);
    rig->sign_cnt++;
    (void)pthread_mutex_unlock(&rig->gate);
    if (rig->refuse || digest.len != 32 ||
        gnutls_privkey_sign_hash(rig->key, GNUTLS_DIG_SHA256, 0, &hash, &out) < 0)
        return PH_ERR_IO;
    CHECK(out.size <= 80 && *sig_len == 80);
    memcpy(sig, out.data, out.size);
    *sig_len = out.size;
    gnutls_free(out.data);
    return PH_OK;
}

static gnutls_x509_privkey_t make_key(void)
{
    gnutls_x509_privkey_t key;

    GOOD(gnutls_x509_privkey_init(&key));
    GOOD(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    return key;
}

static gnutls_x509_crt_t make_cert(gnutls_x509_privkey_t key, const char *name, long from_s,
                                   long to_s)
{
    uint8_t serial[8] = {1};
    gnutls_x509_crt_t cert;

    GOOD(gnutls_rnd(GNUTLS_RND_NONCE, serial + 1, sizeof(serial) - 1));
    GOOD(gnutls_x509_crt_init(&cert));
    GOOD(gnutls_x509_crt_set_version(cert, 3));
    GOOD(gnutls_x509_crt_set_serial(cert, serial, sizeof(serial)));
    GOOD(gnutls_x509_crt_set_activation_time(cert, time(NULL) + from_s));
    GOOD(gnutls_x509_crt_set_expiration_time(cert, time(NULL) + to_s));
    GOOD(gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                       (unsigned)strlen(name)));
    GOOD(gnutls_x509_crt_set_key(cert, key));
    return cert;
}

static char *pem_of(gnutls_x509_crt_t cert)
{
    gnutls_datum_t pem;

    GOOD(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem));
    char *text = strndup((const char *)pem.data, pem.size);
    gnutls_free(pem.data);
    return text;
}

static void set_name(gnutls_x509_crt_t leaf, const char *name)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    bool ip = strcmp(name, "127.0.0.1") == 0;

    GOOD(gnutls_x509_crt_set_subject_alt_name(leaf, ip ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME,
                                              ip ? (const void *)loopback : name,
                                              ip ? 4 : (unsigned)strlen(name), 0));
}

void tls_rig_open(struct tls_rig *rig, const char *name, long from_s, long to_s)
{
    gnutls_x509_privkey_t root_key = make_key(), key = make_key();
    gnutls_x509_crt_t root = make_cert(root_key, "test root", -3600 + from_s, 3600 + to_s);
    gnutls_x509_crt_t leaf = make_cert(key, name, from_s, to_s);
    gnutls_privkey_t handle;

    *rig = (struct tls_rig){.gate = PTHREAD_MUTEX_INITIALIZER};
    (void)sem_init(&rig->asked, 0, 0);
    GOOD(gnutls_x509_crt_set_ca_status(root, 1));
    GOOD(gnutls_x509_crt_set_key_usage(root, GNUTLS_KEY_KEY_CERT_SIGN));
    GOOD(gnutls_x509_crt_sign2(root, root, root_key, GNUTLS_DIG_SHA256, 0));
    set_name(leaf, name);
    GOOD(gnutls_x509_crt_set_key_purpose_oid(leaf, GNUTLS_KP_TLS_WWW_SERVER, 0));
    GOOD(gnutls_x509_crt_set_key_usage(leaf, GNUTLS_KEY_DIGITAL_SIGNATURE));
    GOOD(gnutls_x509_crt_sign2(leaf, root, root_key, GNUTLS_DIG_SHA256, 0));
    rig->root_pem = pem_of(root);
    rig->chain_pem = pem_of(leaf);
    GOOD(gnutls_privkey_init(&handle));
    GOOD(gnutls_privkey_import_x509(handle, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE));
    rig->key = handle;
    rig->tls = (struct ph_http_tls){
        .cert_chain_pem = ph_bytes_str(rig->chain_pem), .sign = sign, .ctx = rig};
    gnutls_x509_crt_deinit(root);
    gnutls_x509_crt_deinit(leaf);
    gnutls_x509_privkey_deinit(root_key);
}

void tls_rig_close(struct tls_rig *rig)
{
    gnutls_privkey_deinit(rig->key);
    (void)sem_destroy(&rig->asked);
    (void)pthread_mutex_destroy(&rig->gate);
    free(rig->root_pem);
    free(rig->chain_pem);
}
