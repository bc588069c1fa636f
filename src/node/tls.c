#include "node/tls.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { CERT_MAX = 4096, VALID_S = 365 * 86400, BACKDATE_S = 3600 };

#define BUF struct ph_buf PH_OWNED(ph_buf_clear)

enum ph_err ph_tls_sign(void *keyd, struct ph_bytes digest, uint8_t *sig, size_t *sig_len)
{
    if (digest.len != 32)
        return PH_ERR_UNSUPPORTED;
    return ph_keyd_client_tls_sign(keyd, PH_TLS_ECDSA_P256_SHA256, digest.ptr, sig, sig_len);
}

static enum ph_err put_algorithm(struct ph_buf *out)
{
    BUF oid = PH_BUF(CERT_MAX);
    PH_TRY(ph_der_put_oid(&oid, "1.2.840.10045.4.3.2")); /* ecdsa-with-SHA256 */
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&oid));
}

static enum ph_err put_name(struct ph_buf *out, const char *common_name)
{
    BUF pair = PH_BUF(CERT_MAX), rdn = PH_BUF(CERT_MAX), set = PH_BUF(CERT_MAX);
    PH_TRY(ph_der_put_oid(&pair, "2.5.4.3"));
    PH_TRY(ph_der_put(&pair, PH_DER_UTF8_STRING, ph_bytes_str(common_name)));
    PH_TRY(ph_der_put(&rdn, PH_DER_SEQUENCE, ph_buf_view(&pair)));
    PH_TRY(ph_der_put(&set, PH_DER_SET, ph_buf_view(&rdn)));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&set));
}

static enum ph_err put_spki(struct ph_buf *out, const uint8_t tls_pub[static 64])
{
    BUF algorithm = PH_BUF(CERT_MAX), parts = PH_BUF(CERT_MAX);
    uint8_t point[2 + 64] = {0, 4}; /* no unused bits, uncompressed */

    memcpy(point + 2, tls_pub, 64);
    PH_TRY(ph_der_put_oid(&algorithm, "1.2.840.10045.2.1"));
    PH_TRY(ph_der_put_oid(&algorithm, "1.2.840.10045.3.1.7"));
    PH_TRY(ph_der_put(&parts, PH_DER_SEQUENCE, ph_buf_view(&algorithm)));
    PH_TRY(ph_der_put(&parts, PH_DER_BIT_STRING, PH_BYTES_OF(point)));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&parts));
}

static enum ph_err put_alt_names(struct ph_buf *out, const char *domain)
{
    BUF names = PH_BUF(CERT_MAX), list = PH_BUF(CERT_MAX), ext = PH_BUF(CERT_MAX),
        exts = PH_BUF(CERT_MAX);
    enum { DNS_NAME = PH_DER_CONTEXT_PRIMITIVE(2), IP_ADDRESS = PH_DER_CONTEXT_PRIMITIVE(7) };

    if (domain) {
        char wildcard[260];
        (void)snprintf(wildcard, sizeof(wildcard), "*.%.250s", domain);
        PH_TRY(ph_der_put(&names, DNS_NAME, ph_bytes_str(domain)));
        PH_TRY(ph_der_put(&names, DNS_NAME, ph_bytes_str(wildcard)));
    } else {
        static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
        PH_TRY(ph_der_put(&names, DNS_NAME, PH_BYTES_LIT("localhost")));
        PH_TRY(ph_der_put(&names, IP_ADDRESS, PH_BYTES_OF(v4)));
        PH_TRY(ph_der_put(&names, IP_ADDRESS, PH_BYTES_OF(v6)));
    }
    PH_TRY(ph_der_put(&list, PH_DER_SEQUENCE, ph_buf_view(&names)));
    PH_TRY(ph_der_put_oid(&ext, "2.5.29.17"));
    PH_TRY(ph_der_put(&ext, PH_DER_OCTET_STRING, ph_buf_view(&list)));
    PH_TRY(ph_der_put(&exts, PH_DER_SEQUENCE, ph_buf_view(&ext)));
    BUF all = PH_BUF(CERT_MAX);
    PH_TRY(ph_der_put(&all, PH_DER_SEQUENCE, ph_buf_view(&exts)));
    return ph_der_put(out, PH_DER_CONTEXT(3), ph_buf_view(&all));
}

static enum ph_err put_tbs(struct ph_buf *out, const uint8_t tls_pub[static 64], const char *domain,
                           int64_t now_s)
{
    BUF tbs = PH_BUF(CERT_MAX), version = PH_BUF(64), validity = PH_BUF(CERT_MAX);
    uint8_t serial[32];

    /* A serial per (key, hour of issue): positive, and not guessable before the key is known. */
    uint8_t seed[72];
    memcpy(seed, tls_pub, 64);
    ph_put_u64be(seed + 64, (uint64_t)now_s);
    ph_sha256(PH_BYTES_OF(seed), serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);

    PH_TRY(ph_der_put_u64(&version, 2)); /* v3 */
    PH_TRY(ph_der_put(&tbs, PH_DER_CONTEXT(0), ph_buf_view(&version)));
    PH_TRY(ph_der_put_uint(&tbs, (struct ph_bytes){serial, 16}));
    PH_TRY(put_algorithm(&tbs));
    PH_TRY(put_name(&tbs, "Phala worker"));
    PH_TRY(ph_der_put_time(&validity, now_s - BACKDATE_S));
    PH_TRY(ph_der_put_time(&validity, now_s + VALID_S));
    PH_TRY(ph_der_put(&tbs, PH_DER_SEQUENCE, ph_buf_view(&validity)));
    PH_TRY(put_name(&tbs, "Phala worker"));
    PH_TRY(put_spki(&tbs, tls_pub));
    PH_TRY(put_alt_names(&tbs, domain));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&tbs));
}

enum ph_err ph_tls_self_signed(struct ph_keyd_client *keyd, const uint8_t tls_pub[static 64],
                               const char *domain, int64_t now_s, struct ph_buf *out)
{
    BUF parts = PH_BUF(CERT_MAX), cert = PH_BUF(CERT_MAX);
    uint8_t digest[32], bits[1 + PH_TLS_SIG_MAX] = {0};
    size_t sig_len;

    PH_TRY(put_tbs(&parts, tls_pub, domain, now_s));
    ph_sha256(ph_buf_view(&parts), digest);
    PH_TRY(ph_keyd_client_tls_sign(keyd, PH_TLS_ECDSA_P256_SHA256, digest, bits + 1, &sig_len));
    PH_TRY(put_algorithm(&parts));
    PH_TRY(ph_der_put(&parts, PH_DER_BIT_STRING, (struct ph_bytes){bits, 1 + sig_len}));
    PH_TRY(ph_der_put(&cert, PH_DER_SEQUENCE, ph_buf_view(&parts)));
    return ph_pem_encode("CERTIFICATE", ph_buf_view(&cert), out);
}
