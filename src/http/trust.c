#include "http/trust.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

enum { CHAIN_MAX = 16 };

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt"; /* Debian */

struct ph_http_trust {
    gnutls_x509_trust_list_t list;
};

enum ph_err ph_http_trust_new(const char *ca_file, const char *extra_pem,
                              struct ph_http_trust **out)
{
    struct ph_http_trust *trust = calloc(1, sizeof(*trust));
    enum ph_err err = PH_OK;

    if (!trust)
        return PH_ERR_NOMEM;
    if (gnutls_x509_trust_list_init(&trust->list, 0) < 0) {
        free(trust);
        return PH_ERR_NOMEM;
    }
    int cnt = gnutls_x509_trust_list_add_trust_file(trust->list, ca_file ? ca_file : system_bundle,
                                                    NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    if (cnt == GNUTLS_E_FILE_ERROR)
        err = PH_ERR_IO;
    else if (cnt < 1)
        err = PH_ERR_MALFORMED;
    if (err == PH_OK && extra_pem) {
        gnutls_datum_t pem = {(void *)(uintptr_t)extra_pem, (unsigned)strlen(extra_pem)};
        if (gnutls_x509_trust_list_add_trust_mem(trust->list, &pem, NULL, GNUTLS_X509_FMT_PEM, 0,
                                                 0) < 1)
            err = PH_ERR_MALFORMED;
    }
    if (err != PH_OK) {
        ph_http_trust_free(trust);
        return err;
    }
    *out = trust;
    return PH_OK;
}

void ph_http_trust_free(struct ph_http_trust *trust)
{
    if (!trust)
        return;
    gnutls_x509_trust_list_deinit(trust->list, 1);
    free(trust);
}

static bool judge(const struct ph_http_trust *trust, gnutls_x509_crt_t *chain, unsigned cnt,
                  const char *host)
{
    gnutls_typed_vdata_st facts[] = {
        {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)(uintptr_t)host, 0},
        {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER, 0},
    };
    unsigned status = ~0u;
    int code = gnutls_x509_trust_list_verify_crt2(trust->list, chain, cnt, facts, PH_LEN(facts),
                                                  GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
                                                  &status, NULL);

    return code >= 0 && status == 0;
}

enum ph_err ph_http_trust_check(const struct ph_http_trust *trust, void *session, const char *host)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned shown = 0, cnt = 0;
    bool good = true;

    if (!session || !host[0] || gnutls_certificate_type_get(session) != GNUTLS_CRT_X509)
        return PH_ERR_UNTRUSTED;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &shown);
    if (!certs || shown == 0 || shown > CHAIN_MAX)
        return PH_ERR_UNTRUSTED;
    for (; good && cnt < shown; cnt++) {
        if (gnutls_x509_crt_init(&chain[cnt]) < 0) {
            good = false;
            break;
        }
        good = gnutls_x509_crt_import(chain[cnt], &certs[cnt], GNUTLS_X509_FMT_DER) == 0;
    }
    good = good && judge(trust, chain, cnt, host);
    for (unsigned i = 0; i < cnt; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return good ? PH_OK : PH_ERR_UNTRUSTED;
}
