#include "attest/nvidia/device_chain.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/hash.h"

#include <stdlib.h>

/* Vendor extensions of the profile, in this order; the last two are of OCSP responders. */
enum { EXT_COMPOSITE, EXT_TCB_INFO };
static const uint8_t oid_composite[] = {0x67, 0x81, 0x05, 0x05, 0x04, 0x01}; /* 2.23.133.5.4.1 */
static const uint8_t oid_tcb_info[] = {0x67, 0x81, 0x05, 0x05, 0x04, 0x01, 0x01};
static const uint8_t oid_ext_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};

const struct ph_x509_profile ph_x509_profile_nvidia = {
    .key_algs = PH_X509_KEY_P384,
    .sig_algs = PH_X509_SIG_ECDSA_SHA384,
    .vendor = {{oid_composite, sizeof(oid_composite)},
               {oid_tcb_info, sizeof(oid_tcb_info)},
               {oid_ext_key_usage, sizeof(oid_ext_key_usage)}},
    .loose_extensions = true,
};

void ph_nv_chain_free(struct ph_nv_chain *chain)
{
    if (!chain)
        return;
    ph_buf_clear(&chain->der);
    free(chain);
}

static enum ph_err parse_certs(struct ph_bytes pem, struct ph_nv_chain *chain)
{
    size_t end[PH_NV_CERT_CNT], found = 0;
    struct ph_reader r = {pem};

    if (pem.len > PH_NV_CHAIN_PEM_MAX)
        return PH_ERR_LIMIT;
    for (;;) {
        const enum ph_err err = ph_pem_next(&r, "CERTIFICATE", &chain->der);
        if (err == PH_ERR_NOT_FOUND)
            break;
        PH_TRY(err);
        if (found == PH_NV_CERT_CNT)
            return PH_ERR_MALFORMED;
        end[found++] = chain->der.len;
    }
    if (found != PH_NV_CERT_CNT)
        return PH_ERR_MALFORMED;
    /* The buffer no longer moves: views into it are good. */
    for (size_t i = 0; i < found; i++) {
        const size_t start = i == 0 ? 0 : end[i - 1];
        PH_TRY(ph_x509_parse(&ph_x509_profile_nvidia,
                             (struct ph_bytes){chain->der.ptr + start, end[i] - start},
                             &chain->cert[i]));
    }
    return PH_OK;
}

/* Cut `word` off the front of `name`. */
static bool skip_word(struct ph_bytes *name, const char *word)
{
    const size_t n = strlen(word);
    if (name->len < n || memcmp(name->ptr, word, n) != 0)
        return false;
    *name = (struct ph_bytes){name->ptr + n, name->len - n};
    return true;
}

static bool is_upper_or_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* Cut a chip's name off: "GH100", "GB100", "GB202", "LS_10". */
static enum ph_nvidia_arch skip_chip(struct ph_bytes *name)
{
    if (skip_word(name, "GH100"))
        return PH_NVIDIA_HOPPER;
    if (skip_word(name, "LS_10"))
        return PH_NVIDIA_LS10;
    if ((skip_word(name, "GB1") || skip_word(name, "GB2")) && name->len >= 2 &&
        is_upper_or_digit(name->ptr[0]) && is_upper_or_digit(name->ptr[1])) {
        *name = (struct ph_bytes){name->ptr + 2, name->len - 2};
        return PH_NVIDIA_BLACKWELL;
    }
    return PH_NVIDIA_UNKNOWN;
}

/* "GH100 A01 GSP FMC LF": chip, revision, processor, and `end`. */
static enum ph_nvidia_arch arch_of_firmware(struct ph_bytes cn, const char *end)
{
    const enum ph_nvidia_arch arch = skip_chip(&cn);

    if (cn.len < 5 || cn.ptr[0] != ' ' || cn.ptr[4] != ' ' || !is_upper_or_digit(cn.ptr[1]) ||
        !is_upper_or_digit(cn.ptr[2]) || !is_upper_or_digit(cn.ptr[3]))
        return PH_NVIDIA_UNKNOWN;
    cn = (struct ph_bytes){cn.ptr + 5, cn.len - 5};
    if (!skip_word(&cn, "GSP ") && !skip_word(&cn, "FSP "))
        return PH_NVIDIA_UNKNOWN;
    return ph_bytes_is(cn, end) ? arch : PH_NVIDIA_UNKNOWN;
}

static bool is_factory(struct ph_bytes cn, enum ph_nvidia_arch arch)
{
    if (!skip_word(&cn, "NVIDIA ") || skip_chip(&cn) != arch ||
        !skip_word(&cn, " Provisioner ICA ") || cn.len == 0)
        return false;
    for (size_t i = 0; i < cn.len; i++) {
        if (cn.ptr[i] < '0' || cn.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool is_identity(struct ph_bytes cn, enum ph_nvidia_arch arch)
{
    if (!skip_word(&cn, "NVIDIA "))
        return false;
    const enum ph_nvidia_arch of = skip_chip(&cn);
    /* One certificate vouches for Hopper's GPUs and for its switches. */
    return (of == arch || (of == PH_NVIDIA_HOPPER && arch == PH_NVIDIA_LS10)) &&
           ph_bytes_is(cn, " Identity");
}

static bool has_name(const struct ph_nv_chain *chain, enum ph_nv_role role)
{
    const struct ph_bytes cn = chain->cert[role].cn;

    if (chain->arch == PH_NVIDIA_UNKNOWN)
        return false;
    switch (role) {
    case PH_NV_LEAF:
        return true; /* the architecture comes from it */
    case PH_NV_DEVICE:
        return arch_of_firmware(cn, "BROM") == chain->arch;
    case PH_NV_FACTORY:
        return is_factory(cn, chain->arch);
    case PH_NV_IDENTITY:
        return is_identity(cn, chain->arch);
    case PH_NV_ROOT:
        return ph_bytes_is(cn, "NVIDIA Device Identity CA");
    }
    return false;
}

static bool has_profile(const struct ph_nv_chain *chain, enum ph_nv_role role)
{
    const struct ph_x509 *c = &chain->cert[role];

    if (!has_name(chain, role) || !c->has_key_usage)
        return false;
    if (role == PH_NV_LEAF)
        return !c->is_ca && c->key_usage == PH_X509_KU_DIGITAL_SIGNATURE;
    /* RFC 5280 §4.2.1.9: the path length counts the authorities below, without the leaf. */
    return c->is_ca && (c->key_usage & PH_X509_KU_CERT_SIGN) != 0 &&
           (c->key_usage & ~(uint32_t)(PH_X509_KU_CERT_SIGN | PH_X509_KU_CRL_SIGN)) == 0 &&
           (!c->has_path_len || c->path_len >= (uint64_t)role - 1);
}

bool ph_nv_is_issued_by(const struct ph_x509 *cert, const struct ph_x509 *issuer)
{
    return ph_bytes_equal(cert->issuer, issuer->subject) && cert->aki.len > 0 &&
           ph_bytes_equal(cert->aki, issuer->ski);
}

bool ph_nv_is_signed_by(const struct ph_x509 *issuer, struct ph_bytes tbs,
                        const uint8_t sig[static 96])
{
    struct ph_p384_pub key PH_NO_INIT;

    (void)!ph_p384_pub_init(&key, issuer->point.ptr); /* what is no point verifies nothing */
    return ph_p384_verify(&key, tbs, sig) == PH_OK;
}

/* FWID ::= SEQUENCE { hashAlg OID, digest OCTET STRING } */
static enum ph_err read_fwid(struct ph_reader *r, uint8_t out[static PH_NV_FWID_LEN])
{
    struct ph_reader in;
    struct ph_der oid, digest;

    PH_TRY(ph_der_enter(r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_expect(&in, PH_DER_OID, &oid));
    PH_TRY(ph_der_expect(&in, PH_DER_OCTET_STRING, &digest));
    PH_TRY(ph_der_end(&in));
    if (!PH_DER_IS_OID(oid.value, oid_sha384) || digest.value.len != PH_NV_FWID_LEN)
        return PH_ERR_UNSUPPORTED;
    memcpy(out, digest.value.ptr, PH_NV_FWID_LEN);
    return PH_OK;
}

/* CompositeDeviceID ::= SEQUENCE { version INTEGER, deviceID SubjectPublicKeyInfo, fwid FWID }:
 * Hopper and LS10. The device's key is the one that issued the leaf. */
static enum ph_err read_composite(struct ph_bytes value, const struct ph_x509 *device,
                                  uint8_t fwid[static PH_NV_FWID_LEN])
{
    struct ph_reader r = {value}, in;
    struct ph_der version, key;

    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    PH_TRY(ph_der_expect(&in, PH_DER_INTEGER, &version));
    PH_TRY(ph_der_expect(&in, PH_DER_SEQUENCE, &key));
    if (!ph_bytes_equal(key.whole, device->spki))
        return PH_ERR_MALFORMED;
    PH_TRY(read_fwid(&in, fwid));
    return ph_der_end(&in);
}

/* OperationalFlags ::= BIT STRING { notConfigured, notSecure, recovery, debug, … }. Blackwell in
 * production sets the first. */
static enum ph_err read_flags(const struct ph_der *e, bool *debug)
{
    enum { NOT_SECURE = 0x40, RECOVERY = 0x20, DEBUG = 0x10 };
    if (e->value.len < 1 || e->value.ptr[0] > 7)
        return PH_ERR_MALFORMED;
    if (e->value.len > 1)
        *debug = (e->value.ptr[1] & (NOT_SECURE | RECOVERY | DEBUG)) != 0;
    return PH_OK;
}

/* DiceTcbInfo ::= SEQUENCE { [0] vendor, … [6] fwids SEQUENCE OF FWID, [7] flags, … }, all
 * optional: Blackwell. */
static enum ph_err read_tcb_info(struct ph_bytes value, uint8_t fwid[static PH_NV_FWID_LEN],
                                 bool *debug)
{
    enum { FWIDS = 6, FLAGS = 7, TAG_MAX = 9 };
    struct ph_reader r = {value}, in, list;
    struct ph_der e;
    int last = -1;
    bool found = false;

    PH_TRY(ph_der_enter(&r, PH_DER_SEQUENCE, &in, NULL));
    PH_TRY(ph_der_end(&r));
    while (in.rest.len > 0) {
        PH_TRY(ph_der_next(&in, &e));
        const int tag = e.tag & 0x1f;
        if ((e.tag & 0xc0) != 0x80 || tag <= last || tag > TAG_MAX)
            return PH_ERR_MALFORMED;
        last = tag;
        if (e.tag == PH_DER_CONTEXT(FWIDS)) {
            list = (struct ph_reader){e.value};
            PH_TRY(read_fwid(&list, fwid)); /* the first counts */
            found = true;
        } else if (e.tag == PH_DER_CONTEXT_PRIMITIVE(FLAGS)) {
            PH_TRY(read_flags(&e, debug));
        }
    }
    return found ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_firmware(struct ph_nv_chain *chain)
{
    const struct ph_x509 *leaf = &chain->cert[PH_NV_LEAF];
    switch (chain->arch) {
    case PH_NVIDIA_HOPPER:
    case PH_NVIDIA_LS10:
        return read_composite(leaf->vendor[EXT_COMPOSITE], &chain->cert[PH_NV_DEVICE], chain->fwid);
    case PH_NVIDIA_BLACKWELL:
        return read_tcb_info(leaf->vendor[EXT_TCB_INFO], chain->fwid, &chain->debug);
    case PH_NVIDIA_UNKNOWN:
        return PH_ERR_UNSUPPORTED;
    }
    return PH_ERR_UNSUPPORTED;
}

/* The certificate and its issuer are those of a chain whose signatures were verified. */
static bool is_known(const struct ph_nv_chain *chain, size_t i, size_t above,
                     const struct ph_nv_chain *known)
{
    return known && (known->facts & PH_NV_FACT_SIGNATURES) != 0 &&
           ph_bytes_equal(chain->cert[i].whole, known->cert[i].whole) &&
           ph_bytes_equal(chain->cert[above].spki, known->cert[above].spki);
}

static void judge(struct ph_nv_chain *chain, const struct ph_nv_chain *known)
{
    bool profiles = true, links = true, signatures = true;

    chain->arch = arch_of_firmware(chain->cert[PH_NV_LEAF].cn, "FMC LF");
    chain->not_before_s = INT64_MIN;
    chain->not_after_s = INT64_MAX;
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++) {
        const struct ph_x509 *c = &chain->cert[i];
        const size_t above = i < PH_NV_ROOT ? i + 1 : PH_NV_ROOT;

        profiles = profiles && has_profile(chain, (enum ph_nv_role)i);
        links = links && ph_nv_is_issued_by(c, &chain->cert[above]);
        signatures = signatures && (is_known(chain, i, above, known) ||
                                    ph_nv_is_signed_by(&chain->cert[above], c->tbs, c->sig));
        if (c->not_before_s > chain->not_before_s)
            chain->not_before_s = c->not_before_s;
        if (c->not_after_s < chain->not_after_s)
            chain->not_after_s = c->not_after_s;
    }
    chain->facts = (profiles ? PH_NV_FACT_PROFILE : 0u) | (links ? PH_NV_FACT_LINKS : 0u) |
                   (signatures ? PH_NV_FACT_SIGNATURES : 0u) |
                   (read_firmware(chain) == PH_OK ? PH_NV_FACT_FWID : 0u);
    ph_sha256(chain->cert[PH_NV_ROOT].spki, chain->root_spki_sha256);
    ph_sha256(chain->cert[PH_NV_DEVICE].spki, chain->device_id);
    (void)!ph_p384_pub_init(&chain->leaf_key, chain->cert[PH_NV_LEAF].point.ptr);
}

enum ph_err ph_nv_chain_parse(struct ph_bytes pem, const struct ph_nv_chain *known,
                              struct ph_nv_chain **out)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = calloc(1, sizeof(*chain));
    if (!chain)
        return PH_ERR_NOMEM;
    chain->der = PH_BUF(PH_NV_CERT_CNT * PH_X509_MAX);
    PH_TRY(parse_certs(pem, chain));
    judge(chain, known);
    *out = PH_TAKE(chain);
    return PH_OK;
}
