#include "keys/receipt.h"

#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/eip712_priv.h"

/* The table has no gap and fills the leaf. */
#define PH_F_(field, offset, size) +(size)
_Static_assert(0 PH_RECEIPT_LEAF(PH_F_) == PH_RECEIPT_LEAF_LEN, "leaf fields fill the leaf");
#undef PH_F_
#define PH_F_(field, offset, size) AT_##field = (offset),
enum { PH_RECEIPT_LEAF(PH_F_) };
#undef PH_F_

void ph_receipt_leaf_make(struct ph_receipt_leaf *out, enum ph_outcome outcome, uint16_t status,
                          const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                          const struct ph_hash32 *request_hash,
                          const struct ph_hash32 *response_hash, const struct ph_hash32 *nonce,
                          uint64_t time_ms)
{
    uint8_t *raw = out->raw;

    raw[AT_version] = 1;
    raw[AT_outcome] = (uint8_t)outcome;
    raw[AT_status] = (uint8_t)(status >> 8);
    raw[AT_status + 1] = (uint8_t)status;
    memcpy(raw + AT_phat, phat->b, 20);
    memcpy(raw + AT_bundle_hash, bundle_hash->b, 32);
    memcpy(raw + AT_request_hash, request_hash->b, 32);
    memcpy(raw + AT_response_hash, response_hash->b, 32);
    memcpy(raw + AT_nonce, nonce->b, 32);
    ph_put_u64be(raw + AT_time_ms, time_ms);
    memset(raw + AT_commit_index, 0, PH_RECEIPT_LEAF_LEN - AT_commit_index);
}

/* The text of a request or an answer: gathered on the stack and hashed in one go, which is what a
 * call's receipt costs most; only a target or header longer than the gap takes the slower way. */
struct text {
    struct ph_sha256 h;
    bool streams; /* h holds what did not fit */
    size_t len;
    uint8_t b[512];
};

static void flush_text(struct text *t)
{
    if (!t->streams)
        ph_sha256_init(&t->h);
    t->streams = true;
    ph_sha256_update(&t->h, (struct ph_bytes){t->b, t->len});
    t->len = 0;
}

static void put(struct text *t, struct ph_bytes bytes)
{
    if (bytes.len > sizeof(t->b) - t->len)
        flush_text(t);
    if (bytes.len > sizeof(t->b)) {
        ph_sha256_update(&t->h, bytes);
        return;
    }
    if (bytes.len > 0)
        memcpy(t->b + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
}

static void put_field(struct text *t, struct ph_bytes label, struct ph_bytes value)
{
    put(t, label);
    put(t, value);
    put(t, PH_BYTES_LIT("\n"));
}

/* The body's digest and a newline end both forms. */
static void put_end(struct text *t, const uint8_t body_sha256[static 32], struct ph_hash32 *out)
{
    char hex[65];

    ph_hex_encode((struct ph_bytes){body_sha256, 32}, hex);
    hex[64] = '\n';
    put(t, (struct ph_bytes){(const uint8_t *)hex, sizeof(hex)});
    if (!t->streams) {
        ph_sha256((struct ph_bytes){t->b, t->len}, out->b);
        return;
    }
    flush_text(t);
    ph_sha256_final(&t->h, out->b);
}

void ph_receipt_request_hash(struct ph_bytes method, struct ph_bytes target,
                             struct ph_bytes content_type, const uint8_t body_sha256[static 32],
                             struct ph_hash32 *out)
{
    struct text t;

    t.streams = false;
    t.len = 0;
    put_field(&t, PH_BYTES_LIT("phala-request-v1\n"), method);
    put_field(&t, PH_BYTES_LIT(""), target);
    put_field(&t, PH_BYTES_LIT("content-type: "), content_type);
    put_end(&t, body_sha256, out);
}

void ph_receipt_response_hash(uint16_t status, struct ph_bytes content_type,
                              struct ph_bytes content_encoding, struct ph_bytes location,
                              const uint8_t body_sha256[static 32], struct ph_hash32 *out)
{
    uint8_t digits[5];
    size_t at = sizeof(digits);
    unsigned rest = status;
    struct text t;

    do
        digits[--at] = (uint8_t)('0' + rest % 10);
    while ((rest /= 10) > 0);
    t.streams = false;
    t.len = 0;
    put_field(&t, PH_BYTES_LIT("phala-response-v1\n"),
              (struct ph_bytes){digits + at, sizeof(digits) - at});
    put_field(&t, PH_BYTES_LIT("content-type: "), content_type);
    put_field(&t, PH_BYTES_LIT("content-encoding: "), content_encoding);
    put_field(&t, PH_BYTES_LIT("location: "), location);
    put_end(&t, body_sha256, out);
}

void ph_receipt_leaf_hash(const struct ph_receipt_leaf *leaf, struct ph_hash32 *out)
{
    uint8_t raw[1 + PH_RECEIPT_LEAF_LEN];

    raw[0] = 0x00;
    memcpy(raw + 1, leaf->raw, PH_RECEIPT_LEAF_LEN);
    ph_sha256(PH_BYTES_OF(raw), out->b);
}

void ph_receipt_batch_digest(const struct ph_hash32 *root, uint32_t count, uint64_t time_ms,
                             struct ph_hash32 *out)
{
    uint8_t words[3 * 32];

    memcpy(words, root->b, 32);
    ph_eip712_word_uint(count, words + 32);
    ph_eip712_word_uint(time_ms, words + 64);
    ph_eip712_digest("ReceiptBatch(bytes32 root,uint32 count,uint64 time)", words, 3, out);
}

void ph_receipt_leaf_view(const struct ph_receipt_leaf *leaf, struct ph_receipt_fields *out)
{
    struct ph_reader r = {PH_BYTES_OF(leaf->raw)};
    uint8_t outcome = 0;

    const bool all =
        ph_read_u8(&r, &out->version) && ph_read_u8(&r, &outcome) &&
        ph_read_u16be(&r, &out->status) && ph_read_copy(&r, out->phat.b, 20) &&
        ph_read_copy(&r, out->bundle_hash.b, 32) && ph_read_copy(&r, out->request_hash.b, 32) &&
        ph_read_copy(&r, out->response_hash.b, 32) && ph_read_copy(&r, out->nonce.b, 32) &&
        ph_read_u64be(&r, &out->time_ms) && ph_read_u64be(&r, &out->commit_index) &&
        ph_read_copy(&r, out->state_root.b, 32);
    (void)all; /* the leaf has exactly the length that the table sums up to */
    out->outcome = outcome;
}

void ph_receipt_fields_leaf(const struct ph_receipt_fields *fields, struct ph_receipt_leaf *out)
{
    ph_receipt_leaf_make(out, PH_OUTCOME_ANSWERED, fields->status, &fields->phat,
                         &fields->bundle_hash, &fields->request_hash, &fields->response_hash,
                         &fields->nonce, fields->time_ms);
    out->raw[AT_version] = fields->version;
    out->raw[AT_outcome] = fields->outcome;
    ph_put_u64be(out->raw + AT_commit_index, fields->commit_index);
    memcpy(out->raw + AT_state_root, fields->state_root.b, 32);
}

enum ph_err ph_receipt_root(const struct ph_receipt *receipt, struct ph_hash32 *root)
{
    struct ph_hash32 leaf;

    if (receipt->leaf.raw[AT_version] != 1)
        return PH_ERR_UNSUPPORTED;
    if (receipt->path_len > PH_MERKLE_PATH_MAX)
        return PH_ERR_UNTRUSTED;
    ph_receipt_leaf_hash(&receipt->leaf, &leaf);
    return ph_merkle_lead(&leaf, receipt->index, receipt->count, receipt->path, receipt->path_len,
                          root);
}

enum ph_err ph_receipt_check(const struct ph_receipt *receipt, struct ph_eth_address *signer)
{
    struct ph_hash32 root, digest;

    if (ph_receipt_root(receipt, &root) != PH_OK)
        return PH_ERR_UNTRUSTED;
    ph_receipt_batch_digest(&root, receipt->count, receipt->batch_time_ms, &digest);
    if (ph_eth_recover(&digest, receipt->sig, signer) != PH_OK)
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}
