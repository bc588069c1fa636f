#include "attest/amd/snp_vek.h"

#include "attest/amd/snp_spec.h"
#include "codec/der.h"

/* Contents octets of 1.3.6.1.4.1.3704.1 and what follows. */
#define AMD 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01
static const uint8_t oid_struct_version[] = {AMD, 1};
static const uint8_t oid_product[] = {AMD, 2};
static const uint8_t oid_spl[9][10] = {{AMD, 3, 1}, {AMD, 3, 2}, {AMD, 3, 3},
                                       {AMD, 3, 4}, {AMD, 3, 5}, {AMD, 3, 6},
                                       {AMD, 3, 7}, {AMD, 3, 8}, {AMD, 3, 9}};
static const uint8_t oid_hwid[] = {AMD, 4};
static const uint8_t oid_csp_id[] = {AMD, 5};

const struct ph_x509_profile ph_snp_x509_profile = {
    .key_algs = PH_X509_KEY_RSA | PH_X509_KEY_P384,
    .sig_algs = PH_X509_SIG_PSS_SHA384,
    .vendor = {[PH_SNP_EXT_STRUCT_VERSION] = {oid_struct_version, sizeof(oid_struct_version)},
               [PH_SNP_EXT_PRODUCT] = {oid_product, sizeof(oid_product)},
               [PH_SNP_EXT_BOOTLOADER] = {oid_spl[0], 10},
               [PH_SNP_EXT_TEE] = {oid_spl[1], 10},
               [PH_SNP_EXT_SNP] = {oid_spl[2], 10},
               [PH_SNP_EXT_SPL4] = {oid_spl[3], 10},
               [PH_SNP_EXT_SPL5] = {oid_spl[4], 10},
               [PH_SNP_EXT_SPL6] = {oid_spl[5], 10},
               [PH_SNP_EXT_SPL7] = {oid_spl[6], 10},
               [PH_SNP_EXT_MICROCODE] = {oid_spl[7], 10},
               [PH_SNP_EXT_FMC] = {oid_spl[8], 10},
               [PH_SNP_EXT_HWID] = {oid_hwid, sizeof(oid_hwid)},
               [PH_SNP_EXT_CSP_ID] = {oid_csp_id, sizeof(oid_csp_id)}},
    .loose_extensions = true,
    .zero_serial = true,
};
_Static_assert((int)PH_SNP_EXT_CNT <= (int)PH_X509_VENDOR_MAX, "a place for each extension");

/* What may follow a product's name: "-B0". */
static bool is_stepping(struct ph_bytes s)
{
    return s.len == 3 && s.ptr[0] == '-' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z' && s.ptr[2] >= '0' &&
           s.ptr[2] <= '9';
}

enum ph_snp_product ph_snp_product_of_name(struct ph_bytes name)
{
    static const struct {
        const char *name;
        enum ph_snp_product product;
    } names[] = {{"Milan", PH_SNP_MILAN},
                 {"Genoa", PH_SNP_GENOA},
                 {"Bergamo", PH_SNP_GENOA},
                 {"Siena", PH_SNP_GENOA},
                 {"Turin", PH_SNP_TURIN}};

    for (size_t i = 0; i < PH_LEN(names); i++) {
        struct ph_reader r = {name};
        struct ph_bytes begin;
        if (ph_read_view(&r, strlen(names[i].name), &begin) && ph_bytes_is(begin, names[i].name) &&
            (r.rest.len == 0 || is_stepping(r.rest)))
            return names[i].product;
    }
    return PH_SNP_UNKNOWN;
}

/* The one element that fills an extension's value. */
static enum ph_err only(struct ph_bytes value, uint8_t tag, struct ph_der *out)
{
    struct ph_reader r = {value};
    PH_TRY(ph_der_expect(&r, tag, out));
    return ph_der_end(&r);
}

/* [VCEK] §3.1: security versions are INTEGERs of one byte's range. */
static enum ph_err read_u8(const struct ph_x509 *cert, enum ph_snp_ext ext, uint8_t *out)
{
    struct ph_der e;
    uint64_t v;
    PH_TRY(only(cert->vendor[ext], PH_DER_INTEGER, &e));
    PH_TRY(ph_der_u64(&e, &v));
    if (v > UINT8_MAX)
        return PH_ERR_MALFORMED;
    *out = (uint8_t)v;
    return PH_OK;
}

enum ph_snp_product ph_snp_vek_peek_product(const struct ph_x509 *cert)
{
    struct ph_der e;
    if (only(cert->vendor[PH_SNP_EXT_PRODUCT], PH_DER_IA5_STRING, &e) != PH_OK)
        return PH_SNP_UNKNOWN;
    return ph_snp_product_of_name(e.value);
}

static enum ph_err read_tcb(const struct ph_x509 *cert, struct ph_snp_vek *v)
{
    PH_TRY(read_u8(cert, PH_SNP_EXT_BOOTLOADER, &v->tcb.bootloader));
    PH_TRY(read_u8(cert, PH_SNP_EXT_TEE, &v->tcb.tee));
    PH_TRY(read_u8(cert, PH_SNP_EXT_SNP, &v->tcb.snp));
    PH_TRY(read_u8(cert, PH_SNP_EXT_MICROCODE, &v->tcb.microcode));
    for (enum ph_snp_ext ext = PH_SNP_EXT_SPL4; ext <= PH_SNP_EXT_SPL7; ext++) {
        uint8_t reserved = 0;
        if (cert->vendor[ext].len > 0)
            PH_TRY(read_u8(cert, ext, &reserved));
        if (reserved != 0)
            return PH_ERR_MALFORMED;
    }
    if (v->product == PH_SNP_TURIN)
        return read_u8(cert, PH_SNP_EXT_FMC, &v->tcb.fmc);
    return cert->vendor[PH_SNP_EXT_FMC].len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

/* The chip's id, as it is or inside an OCTET STRING: both are in use, and differ in length. */
static enum ph_err read_hwid(const struct ph_x509 *cert, struct ph_snp_vek *v)
{
    const size_t len = v->product == PH_SNP_TURIN ? PH_SNP_TURIN_CHIP_ID_LEN : 64;
    struct ph_bytes id = cert->vendor[PH_SNP_EXT_HWID];

    if (id.len != len) {
        struct ph_der e;
        PH_TRY(only(id, PH_DER_OCTET_STRING, &e));
        id = e.value;
    }
    if (id.len != len)
        return PH_ERR_MALFORMED;
    memcpy(v->chip_id, id.ptr, len);
    return PH_OK;
}

static enum ph_err read_csp_id(const struct ph_x509 *cert, struct ph_snp_vek *v)
{
    struct ph_der e;
    PH_TRY(only(cert->vendor[PH_SNP_EXT_CSP_ID], PH_DER_IA5_STRING, &e));
    if (e.value.len == 0 || e.value.len > PH_SNP_CSP_ID_MAX)
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < e.value.len; i++) {
        if (e.value.ptr[i] < 0x20 || e.value.ptr[i] > 0x7e)
            return PH_ERR_MALFORMED;
    }
    v->csp_id = e.value;
    return PH_OK;
}

enum ph_err ph_snp_vek_parse(const struct ph_x509 *cert, bool is_vlek, struct ph_snp_vek *out)
{
    struct ph_snp_vek v = {.product = ph_snp_vek_peek_product(cert)};
    uint8_t struct_version;

    PH_TRY(read_u8(cert, PH_SNP_EXT_STRUCT_VERSION, &struct_version));
    if (v.product == PH_SNP_UNKNOWN || struct_version != (v.product == PH_SNP_TURIN))
        return PH_ERR_MALFORMED;
    PH_TRY(read_tcb(cert, &v));
    if (cert->vendor[is_vlek ? PH_SNP_EXT_HWID : PH_SNP_EXT_CSP_ID].len > 0)
        return PH_ERR_MALFORMED;
    PH_TRY(is_vlek ? read_csp_id(cert, &v) : read_hwid(cert, &v));
    *out = v;
    return PH_OK;
}
