#include "node/tls.h"

#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { VALID_S = 7 * 86400, BACKDATE_S = 3600 };

enum ph_err ph_tls_sign(void *keyd, struct ph_bytes digest, uint8_t *sig, size_t *sig_len)
{
    if (digest.len != 32)
        return PH_ERR_UNSUPPORTED;
    return ph_keyd_client_tls_sign(keyd, PH_TLS_ECDSA_P256_SHA256, digest.ptr, sig, sig_len);
}

/* A serial per (key, second of issue): positive, and not guessable before the key is known. */
static void make_serial(const uint8_t tls_pub[static 64], int64_t now_s, uint8_t out[static 32])
{
    uint8_t seed[72];

    memcpy(seed, tls_pub, 64);
    ph_put_u64be(seed + 64, (uint64_t)now_s);
    ph_sha256(PH_BYTES_OF(seed), out);
    out[0] = (uint8_t)((out[0] & 0x7f) | 0x40);
}

enum ph_err ph_tls_self_signed(struct ph_keyd_client *keyd, const char *domain, int64_t now_s,
                               const struct ph_cert_ext *ext, size_t ext_cnt, struct ph_buf *out)
{
    static const struct ph_cert_name name = {.common_name = "Phala worker"};
    const uint8_t *tls_pub = ph_keyd_client_info(keyd)->tls_pub;
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                      cert PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX);
    uint8_t serial[32], spki[PH_CERT_SPKI_P256_LEN], digest[32], sig[PH_TLS_SIG_MAX];
    char wildcard[260];
    size_t sig_len = sizeof(sig);

    (void)snprintf(wildcard, sizeof(wildcard), "*.%.250s", domain ? domain : "");
    const char *const own[] = {domain, wildcard}, *const local[] = {"localhost", "127.0.0.1",
                                                                    "::1"};
    make_serial(tls_pub, now_s, serial);
    ph_cert_spki_p256(tls_pub, spki);
    const struct ph_cert c = {
        .serial = {serial, 16},
        .issuer = name,
        .subject = name,
        .not_before_s = now_s - BACKDATE_S,
        .not_after_s = now_s + VALID_S,
        .spki = PH_BYTES_OF(spki),
        .alt_names = domain ? own : local,
        .alt_name_cnt = domain ? PH_LEN(own) : PH_LEN(local),
        .ext = ext,
        .ext_cnt = ext_cnt,
    };
    PH_TRY(ph_cert_put_tbs(&c, &tbs));
    ph_sha256(ph_buf_view(&tbs), digest);
    PH_TRY(ph_keyd_client_tls_sign(keyd, PH_TLS_ECDSA_P256_SHA256, digest, sig, &sig_len));
    PH_TRY(ph_cert_put(ph_buf_view(&tbs), (struct ph_bytes){sig, sig_len}, &cert));
    return ph_pem_encode("CERTIFICATE", ph_buf_view(&cert), out);
}
