/* The making half of ratls.h. */

#include "attest/ratls.h"

#include "codec/cbor.h"
#include "crypto/hash.h"

enum { HASH_SHA256 = 1 }; /* IANA: named information hash algorithms */

/* Head of a CBOR item in its shortest form: RFC 8949 §3. */
static enum ph_err put_head(struct ph_buf *out, uint8_t major, uint64_t value)
{
    uint8_t head[9];
    size_t len = 0;

    if (value < 24)
        len = 0;
    else if (value <= UINT8_MAX)
        len = 1;
    else
        len = value <= UINT16_MAX ? 2 : 4;
    head[0] = (uint8_t)(major << 5 | (len == 0 ? value : len == 4 ? 26 : 23 + len));
    for (size_t i = 0; i < len; i++)
        head[1 + i] = (uint8_t)(value >> 8 * (len - 1 - i));
    return ph_buf_add(out, (struct ph_bytes){head, 1 + len});
}

enum { MAJOR_UINT = 0, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, MAJOR_MAP = 5, MAJOR_TAG };

static enum ph_err put_string(struct ph_buf *out, uint8_t major, struct ph_bytes bytes)
{
    PH_TRY(put_head(out, major, bytes.len));
    return ph_buf_add(out, bytes);
}

enum ph_err ph_ratls_claims(struct ph_bytes spki, struct ph_buf *out,
                            uint8_t report_data[static 64])
{
    struct ph_buf entry = PH_BUF(64);
    uint8_t hash[PH_SHA256_LEN];
    const size_t from = out->len;

    ph_sha256(spki, hash);
    enum ph_err err = put_head(&entry, MAJOR_ARRAY, 2);
    if (err == PH_OK)
        err = put_head(&entry, MAJOR_UINT, HASH_SHA256);
    if (err == PH_OK)
        err = put_string(&entry, MAJOR_BYTES, PH_BYTES_OF(hash));
    if (err == PH_OK)
        err = put_head(out, MAJOR_MAP, 1);
    if (err == PH_OK)
        err = put_string(out, MAJOR_TEXT, PH_BYTES_LIT("pubkey-hash"));
    if (err == PH_OK)
        err = put_string(out, MAJOR_BYTES, ph_buf_view(&entry));
    ph_buf_clear(&entry);
    if (err != PH_OK)
        return err;
    ph_sha256((struct ph_bytes){out->ptr + from, out->len - from}, report_data);
    memset(report_data + PH_SHA256_LEN, 0, 64 - PH_SHA256_LEN);
    return PH_OK;
}

enum ph_err ph_ratls_tagged_evidence(enum ph_evidence_kind kind, struct ph_bytes quote,
                                     struct ph_bytes claims, struct ph_buf *out)
{
    if (kind != PH_EVIDENCE_INTEL && kind != PH_EVIDENCE_SNP)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(put_head(out, MAJOR_TAG,
                    kind == PH_EVIDENCE_INTEL ? PH_RATLS_TAG_INTEL : PH_RATLS_TAG_SNP));
    PH_TRY(put_head(out, MAJOR_ARRAY, 2));
    PH_TRY(put_string(out, MAJOR_BYTES, quote));
    return put_string(out, MAJOR_BYTES, claims);
}

void ph_ratls_dstack_report_data(struct ph_bytes spki, uint8_t report_data[static 64])
{
    static const char tag[] = "ratls-cert:";
    uint8_t all[sizeof(tag) - 1 + 512];
    const size_t len = spki.len < 512 ? spki.len : 512;

    memcpy(all, tag, sizeof(tag) - 1);
    memcpy(all + sizeof(tag) - 1, spki.ptr, len);
    ph_sha512((struct ph_bytes){all, sizeof(tag) - 1 + len}, report_data);
}
