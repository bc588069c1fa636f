/* Devices: certificates and evidence. */

#include "attest/nvidia/synth_nvidia.h"
#include "attest/synth/synth_p384.h"

#include "attest/synth/synth_priv.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/hash.h"

enum { LEAF, DEVICE, FACTORY, IDENTITY, ROOT };

static const uint8_t authority[3][48] = {
    {[0] = 1, [47] = 3}, {[0] = 1, [47] = 2}, {[0] = 1, [47] = 1}}; /* factory, identity, root */

enum ph_err ph_synth_nv_root(uint8_t spki_sha256[static 32])
{
    return ph_synth_p384_pin(authority[ROOT - FACTORY], spki_sha256);
}

static const char *const names[][PH_SYNTH_NV_CERTS] = {
    [PH_NVIDIA_HOPPER] = {"GH100 A01 GSP FMC LF", "GH100 A01 GSP BROM",
                          "NVIDIA GH100 Provisioner ICA 1", "NVIDIA GH100 Identity",
                          "NVIDIA Device Identity CA"},
    [PH_NVIDIA_BLACKWELL] = {"GB100 A01 GSP FMC LF", "GB100 A01 GSP BROM",
                             "NVIDIA GB100 Provisioner ICA 00000", "NVIDIA GB100 Identity",
                             "NVIDIA Device Identity CA"},
    [PH_NVIDIA_LS10] = {"LS_10 A01 FSP FMC LF", "LS_10 A01 FSP BROM",
                        "NVIDIA LS_10 Provisioner ICA 1", "NVIDIA GH100 Identity",
                        "NVIDIA Device Identity CA"},
};

void ph_synth_nv_device_init(struct ph_synth_nv_device *d, enum ph_nvidia_arch arch, uint8_t index)
{
    memset(d, 0, sizeof(*d));
    d->arch = arch;
    d->cert_cnt = PH_SYNTH_NV_CERTS;
    memset(d->fwid, 0xf1, sizeof(d->fwid));
    d->tcb_flags = 0x80; /* notConfigured, as production devices say */
    for (uint8_t i = 0; i < 2; i++) {
        d->secret[i][0] = (uint8_t)(2 + i);
        d->secret[i][1] = index;
        d->secret[i][2] = (uint8_t)arch;
        d->secret[i][47] = 1;
    }
    for (size_t i = 0; i < PH_SYNTH_NV_CERTS; i++) {
        const size_t above = i < ROOT ? i + 1 : ROOT;
        const uint8_t *const secret = i < FACTORY ? d->secret[i] : authority[i - FACTORY];
        d->cert[i] = (struct ph_synth_p384_cert){
            .subject = names[arch][i],
            .issuer = names[arch][above],
            .secret = secret,
            .issuer_secret = above < FACTORY ? d->secret[above] : authority[above - FACTORY],
            .serial = i == DEVICE ? 0x7a66a96e440d8c00u + index : 0x1000u + i,
            .not_before_s = 1600000000,
            .not_after_s = 253402300799, /* 9999-12-31 */
            .is_ca = i != LEAF,
            .no_basic_constraints = i == LEAF,
            .key_usage = i == LEAF ? 0x80 : (i == DEVICE ? 0x04 : 0x06),
        };
    }
    ph_synth_nv_report_init(&d->report, arch);
    if (arch == PH_NVIDIA_LS10) {
        uint8_t pdi[8];
        ph_put_u64be(pdi, d->cert[DEVICE].serial);
        ph_synth_nv_field(&d->report, 22, pdi, sizeof(pdi));
    }
}

static enum ph_err put_fwid(struct ph_buf *out, const uint8_t fwid[static 48])
{
    const size_t start = out->len;
    PH_TRY(ph_der_put_oid(out, "2.16.840.1.101.3.4.2.2")); /* SHA-384 */
    PH_TRY(ph_der_put(out, PH_DER_OCTET_STRING, (struct ph_bytes){fwid, 48}));
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}

static enum ph_err put_spki(struct ph_buf *out, const uint8_t *secret)
{
    uint8_t point[98] = {0, 4};
    const size_t start = out->len;
    PH_TRY(ph_synth_p384_public(secret, point + 2));
    PH_TRY(ph_der_put_oid(out, "1.2.840.10045.2.1"));
    PH_TRY(ph_der_put_oid(out, "1.3.132.0.34"));
    PH_TRY(ph_synth_wrap(out, start, PH_DER_SEQUENCE));
    PH_TRY(ph_der_put(out, PH_DER_BIT_STRING, PH_BYTES_OF(point)));
    return ph_synth_wrap(out, start, PH_DER_SEQUENCE);
}

/* The extension that names the firmware: see device_chain.c. */
static enum ph_err put_firmware(const struct ph_synth_nv_device *d, struct ph_buf *out)
{
    struct ph_buf value PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    const uint8_t flags[] = {0, d->tcb_flags, 0, 0, 1};

    if (d->arch == PH_NVIDIA_BLACKWELL) {
        PH_TRY(ph_der_put(&value, PH_DER_CONTEXT_PRIMITIVE(0), PH_BYTES_LIT("NVIDIA")));
        const size_t start = value.len;
        PH_TRY(put_fwid(&value, d->fwid));
        PH_TRY(ph_synth_wrap(&value, start, PH_DER_CONTEXT(6)));
        PH_TRY(ph_der_put(&value, PH_DER_CONTEXT_PRIMITIVE(7), PH_BYTES_OF(flags)));
        PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
        return ph_synth_put_ext(out, "2.23.133.5.4.1.1", false, ph_buf_view(&value));
    }
    PH_TRY(ph_der_put_u64(&value, 1));
    PH_TRY(put_spki(&value, d->composite_secret ? d->composite_secret : d->cert[DEVICE].secret));
    PH_TRY(put_fwid(&value, d->fwid));
    PH_TRY(ph_synth_wrap(&value, 0, PH_DER_SEQUENCE));
    return ph_synth_put_ext(out, "2.23.133.5.4.1", false, ph_buf_view(&value));
}

enum ph_err ph_synth_nv_cert(const struct ph_synth_nv_device *d, size_t i, struct ph_buf *out)
{
    struct ph_buf ext PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_synth_p384_cert c = d->cert[i];

    if (d->ready[i].len > 0)
        return ph_buf_add(out, d->ready[i]);
    if (i == LEAF && !d->no_fwid) {
        PH_TRY(put_firmware(d, &ext));
        c.extensions = ph_buf_view(&ext);
    }
    return ph_synth_p384_cert_make(&c, out);
}

enum ph_err ph_synth_nv_chain(const struct ph_synth_nv_device *d, struct ph_buf *out)
{
    for (size_t i = 0; i < d->cert_cnt; i++) {
        struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(8192);
        PH_TRY(ph_synth_nv_cert(d, i, &der));
        PH_TRY(ph_pem_encode("CERTIFICATE", ph_buf_view(&der), out));
    }
    return PH_OK;
}

enum ph_err ph_synth_nv_report(const struct ph_synth_nv_device *d, struct ph_buf *out)
{
    return ph_synth_nv_report_put(&d->report, d->report_secret ? d->report_secret : d->secret[LEAF],
                                  out);
}

enum ph_err ph_synth_nv_item(const struct ph_synth_nv_device *d, struct ph_buf *out)
{
    static const char *const archs[] = {"", "HOPPER", "BLACKWELL", "LS10"};
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_buf chain PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    const char *arch = d->stated_arch ? d->stated_arch : archs[d->arch];
    char nonce[65];

    PH_TRY(ph_synth_nv_report(d, &report));
    PH_TRY(ph_synth_nv_chain(d, &chain));
    ph_hex_encode(PH_BYTES_OF(d->report.nonce), nonce);
    PH_TRY(ph_buf_add_str(out, "{"));
    if (*arch)
        PH_TRY(ph_buf_addf(out, "\"arch\":\"%s\",", arch));
    if (!d->stated_nonce || *d->stated_nonce)
        PH_TRY(ph_buf_addf(out, "\"nonce\":\"%s\",", d->stated_nonce ? d->stated_nonce : nonce));
    PH_TRY(ph_buf_add_str(out, "\"evidence\":\""));
    PH_TRY(ph_base64_encode(ph_buf_view(&report), out));
    PH_TRY(ph_buf_add_str(out, "\",\"certificate\":\""));
    PH_TRY(ph_base64_encode(ph_buf_view(&chain), out));
    return ph_buf_add_str(out, "\"}");
}
