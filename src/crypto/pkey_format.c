/* raw, SPKI, PKCS #8 and JWK. The structures are few and fixed, so they are read with the small DER
 * step below: the full reader lives in codec/, which this layer may not use, and OpenSSL's decoders
 * would accept BER, explicit curve parameters and every algorithm it knows. */

#include "crypto/pkey_priv.h"

enum { TAG_INTEGER = 0x02, TAG_BITS = 0x03, TAG_OCTETS = 0x04, TAG_SEQUENCE = 0x30 };
enum { TAG_0 = 0xa0, TAG_1 = 0xa1, TAG_1_PRIMITIVE = 0x81 };

/* AlgorithmIdentifier contents. RFC 5480 §2.1.1: id-ecPublicKey with namedCurve secp256r1; RFC 8410
 * §3: id-Ed25519 and id-X25519 without parameters. */
static const uint8_t alg_p256[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t alg_ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t alg_x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
/* The curve alone, as ECPrivateKey's optional parameters repeat it. */
static const struct ph_bytes curve_p256 = {alg_p256 + 9, sizeof(alg_p256) - 9};

static struct ph_bytes alg_of(enum ph_pkey_kind kind)
{
    switch (kind) {
    case PH_PKEY_P256:
        return PH_BYTES_OF(alg_p256);
    case PH_PKEY_ED25519:
        return PH_BYTES_OF(alg_ed25519);
    case PH_PKEY_X25519:
        return PH_BYTES_OF(alg_x25519);
    }
    return (struct ph_bytes){NULL, 0};
}

/* Cut one element with this tag off `r`: definite, minimal length below 64 KiB. */
static bool cut(struct ph_reader *r, uint8_t tag, struct ph_bytes *value)
{
    struct ph_reader at = *r;
    uint8_t got, n8;
    uint16_t len;

    if (!ph_read_u8(&at, &got) || got != tag || !ph_read_u8(&at, &n8))
        return false;
    if (n8 < 0x80) {
        len = n8;
    } else if (n8 == 0x81) {
        if (!ph_read_u8(&at, &n8) || n8 < 0x80)
            return false;
        len = n8;
    } else if (n8 != 0x82 || !ph_read_u16be(&at, &len) || len < 0x100) {
        return false;
    }
    if (!ph_read_view(&at, len, value))
        return false;
    *r = at;
    return true;
}

static bool next_is(const struct ph_reader *r, uint8_t tag)
{
    return r->rest.len > 0 && r->rest.ptr[0] == tag;
}

/* A public key in its raw form, compressed P-256 points included. */
enum ph_err ph_pkey_import_raw(enum ph_pkey_kind kind, struct ph_bytes raw, struct ph_pkey **out)
{
    uint8_t xy[PH_P256_PUB_LEN];

    if (kind != PH_PKEY_P256) {
        if (raw.len != 32)
            return PH_ERR_MALFORMED;
        return ph_pkey_from_public(kind, raw.ptr, out);
    }
    if (raw.len == 33) {
        PH_TRY(ph_p256_decompress(raw.ptr, xy));
        return ph_pkey_from_public(kind, xy, out);
    }
    if (raw.len != 65 || raw.ptr[0] != 0x04)
        return PH_ERR_MALFORMED;
    return ph_pkey_from_public(kind, raw.ptr + 1, out);
}

/* BIT STRING contents with whole bytes. */
static bool whole_bits(struct ph_bytes value, struct ph_bytes *out)
{
    struct ph_reader r = {value};
    uint8_t unused;

    if (!ph_read_u8(&r, &unused) || unused != 0)
        return false;
    *out = r.rest;
    return true;
}

enum ph_err ph_pkey_import_spki(enum ph_pkey_kind kind, struct ph_bytes der, struct ph_pkey **out)
{
    struct ph_reader r = {der};
    struct ph_bytes spki, alg, oid, bits, raw;

    if (!cut(&r, TAG_SEQUENCE, &spki) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    r.rest = spki;
    if (!cut(&r, TAG_SEQUENCE, &alg) || !cut(&r, TAG_BITS, &bits) || r.rest.len != 0 ||
        !whole_bits(bits, &raw))
        return PH_ERR_MALFORMED;
    r.rest = alg;
    if (!cut(&r, 0x06, &oid))
        return PH_ERR_MALFORMED;
    if (!ph_bytes_equal(alg, alg_of(kind)))
        return PH_ERR_UNSUPPORTED;
    return ph_pkey_import_raw(kind, raw, out);
}

/* RFC 5915 §3. *raw is the public half if the structure has it, else empty. */
static enum ph_err read_ec_private(struct ph_bytes der, struct ph_bytes *d, struct ph_bytes *raw)
{
    struct ph_reader r = {der}, inner;
    struct ph_bytes seq, version, params, bits, wrapped;

    if (!cut(&r, TAG_SEQUENCE, &seq) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    r.rest = seq;
    if (!cut(&r, TAG_INTEGER, &version) || !ph_bytes_is(version, "\x01") || !cut(&r, TAG_OCTETS, d))
        return PH_ERR_MALFORMED;
    if (next_is(&r, TAG_0)) {
        if (!cut(&r, TAG_0, &params))
            return PH_ERR_MALFORMED;
        if (!ph_bytes_equal(params, curve_p256))
            return PH_ERR_UNSUPPORTED;
    }
    *raw = (struct ph_bytes){NULL, 0};
    if (next_is(&r, TAG_1)) {
        if (!cut(&r, TAG_1, &wrapped))
            return PH_ERR_MALFORMED;
        inner.rest = wrapped;
        if (!cut(&inner, TAG_BITS, &bits) || inner.rest.len != 0 || !whole_bits(bits, raw))
            return PH_ERR_MALFORMED;
    }
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

/* The key octets of a PrivateKeyInfo, with the public half that some forms carry. */
static enum ph_err from_private_octets(enum ph_pkey_kind kind, struct ph_bytes octets,
                                       struct ph_bytes raw, struct ph_pkey **out)
{
    struct ph_reader r = {octets};
    struct ph_bytes d, ec_raw;
    struct ph_pkey *pub = NULL;
    uint8_t pub_bytes[PH_P256_PUB_LEN];

    if (kind == PH_PKEY_P256) {
        PH_TRY(read_ec_private(octets, &d, &ec_raw));
        if (ec_raw.len > 0)
            raw = ec_raw;
    } else if (!cut(&r, TAG_OCTETS, &d) || r.rest.len != 0) { /* RFC 8410 §7: CurvePrivateKey */
        return PH_ERR_MALFORMED;
    }
    if (raw.len > 0) {
        PH_TRY(ph_pkey_import_raw(kind, raw, &pub));
        memcpy(pub_bytes, pub->pub, sizeof(pub_bytes));
        ph_pkey_free(pub);
    }
    return ph_pkey_from_secret(kind, d, raw.len > 0 ? pub_bytes : NULL, out);
}

/* RFC 5958 §2 OneAsymmetricKey; version 1 is RFC 5208's PrivateKeyInfo. */
enum ph_err ph_pkey_import_pkcs8(enum ph_pkey_kind kind, struct ph_bytes der, struct ph_pkey **out)
{
    struct ph_reader r = {der};
    struct ph_bytes info, version, alg, oid, octets, ignored, bits, raw = {NULL, 0};

    if (!cut(&r, TAG_SEQUENCE, &info) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    r.rest = info;
    if (!cut(&r, TAG_INTEGER, &version) || version.len != 1 || version.ptr[0] > 1 ||
        !cut(&r, TAG_SEQUENCE, &alg) || !cut(&r, TAG_OCTETS, &octets) ||
        (next_is(&r, TAG_0) && !cut(&r, TAG_0, &ignored)))
        return PH_ERR_MALFORMED;
    if (version.ptr[0] == 1 && next_is(&r, TAG_1_PRIMITIVE) &&
        (!cut(&r, TAG_1_PRIMITIVE, &bits) || !whole_bits(bits, &raw)))
        return PH_ERR_MALFORMED;
    if (r.rest.len != 0)
        return PH_ERR_MALFORMED;
    r.rest = alg;
    if (!cut(&r, 0x06, &oid))
        return PH_ERR_MALFORMED;
    if (!ph_bytes_equal(alg, alg_of(kind)))
        return PH_ERR_UNSUPPORTED;
    return from_private_octets(kind, octets, raw, out);
}

enum ph_err ph_pkey_import_jwk(enum ph_pkey_kind kind, struct ph_bytes x, struct ph_bytes y,
                               struct ph_bytes d, struct ph_pkey **out)
{
    uint8_t pub[PH_P256_PUB_LEN] = {0};

    /* RFC 7518 §6.2.1.2: coordinates have the full 32 bytes. RFC 8037 §2: x alone, and required in
     * private keys too. */
    if (x.len != 32 || y.len != (kind == PH_PKEY_P256 ? 32 : 0))
        return PH_ERR_MALFORMED;
    memcpy(pub, x.ptr, 32);
    if (y.len > 0)
        memcpy(pub + 32, y.ptr, 32);
    if (d.len == 0 && !d.ptr)
        return ph_pkey_from_public(kind, pub, out);
    return ph_pkey_from_secret(kind, d, pub, out);
}

/* The fixed front of each exported form; what follows it completes the DER. */
static const uint8_t spki_p256[] = {0x30, 0x59, 0x30, 0x13}, spki_p256_bits[] = {0x03, 0x42, 0x00};
static const uint8_t spki_okp[] = {0x30, 0x2a, 0x30, 0x05}, spki_okp_bits[] = {0x03, 0x21, 0x00};
static const uint8_t pkcs8_p256[] = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13};
static const uint8_t pkcs8_p256_key[] = {0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
static const uint8_t pkcs8_p256_pub[] = {0xa1, 0x44, 0x03, 0x42, 0x00};
static const uint8_t pkcs8_okp[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05};
static const uint8_t pkcs8_okp_key[] = {0x04, 0x22, 0x04, 0x20};

/* Append all parts or none. */
static enum ph_err put_parts(struct ph_buf *out, const struct ph_bytes *parts, size_t cnt)
{
    size_t len = 0;
    uint8_t *at;

    for (size_t i = 0; i < cnt; i++)
        len += parts[i].len;
    PH_TRY(ph_buf_reserve(out, len, &at));
    for (size_t i = 0; i < cnt; i++) {
        memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    out->len += len;
    return PH_OK;
}

static const uint8_t uncompressed[] = {0x04};

enum ph_err ph_pkey_export_raw(const struct ph_pkey *key, struct ph_buf *out)
{
    const struct ph_bytes pub = {key->pub, ph_pkey_pub_len(key->kind)};

    if (key->kind != PH_PKEY_P256)
        return put_parts(out, (const struct ph_bytes[]){pub}, 1);
    return put_parts(out, (const struct ph_bytes[]){PH_BYTES_OF(uncompressed), pub}, 2);
}

enum ph_err ph_pkey_export_spki(const struct ph_pkey *key, struct ph_buf *out)
{
    const struct ph_bytes pub = {key->pub, ph_pkey_pub_len(key->kind)}, alg = alg_of(key->kind);

    if (key->kind != PH_PKEY_P256) {
        const struct ph_bytes okp[] = {PH_BYTES_OF(spki_okp), alg, PH_BYTES_OF(spki_okp_bits), pub};
        return put_parts(out, okp, PH_LEN(okp));
    }
    const struct ph_bytes p256[] = {PH_BYTES_OF(spki_p256), alg, PH_BYTES_OF(spki_p256_bits),
                                    PH_BYTES_OF(uncompressed), pub};
    return put_parts(out, p256, PH_LEN(p256));
}

enum ph_err ph_pkey_export_pkcs8(const struct ph_pkey *key, struct ph_buf *out)
{
    const struct ph_bytes pub = {key->pub, ph_pkey_pub_len(key->kind)}, alg = alg_of(key->kind);
    const struct ph_bytes d = PH_BYTES_OF(key->d);

    if (!key->is_private)
        return PH_ERR_UNSUPPORTED;
    if (key->kind != PH_PKEY_P256) {
        const struct ph_bytes okp[] = {PH_BYTES_OF(pkcs8_okp), alg, PH_BYTES_OF(pkcs8_okp_key), d};
        return put_parts(out, okp, PH_LEN(okp));
    }
    const struct ph_bytes p256[] = {
        PH_BYTES_OF(pkcs8_p256),   alg, PH_BYTES_OF(pkcs8_p256_key), d, PH_BYTES_OF(pkcs8_p256_pub),
        PH_BYTES_OF(uncompressed), pub};
    return put_parts(out, p256, PH_LEN(p256));
}

void ph_pkey_export_jwk(const struct ph_pkey *key, struct ph_pkey_jwk *out)
{
    memcpy(out->x, key->pub, 32);
    memcpy(out->y, key->pub + 32, 32);
    memcpy(out->d, key->d, 32);
}
