#include "keys/receipt.h"

#include "base/own.h"
#include "crypto/secp256k1.h"
#include "keys/eip712_priv.h"

/* The table has no gap and fills the leaf. */
#define PH_F_(field, offset, size) +(size)
_Static_assert(0 PH_RECEIPT_LEAF(PH_F_) == PH_RECEIPT_LEAF_LEN, "leaf fields fill the leaf");
#undef PH_F_
#define PH_F_(field, offset, size) AT_##field = (offset),
enum { PH_RECEIPT_LEAF(PH_F_) };
#undef PH_F_
_Static_assert((int)AT_commit_index == (int)PH_RECEIPT_LEAF_CODE &&
                   (int)AT_outcome == (int)PH_RECEIPT_LEAF_FRONT,
               "what calls of a phat share comes first");
_Static_assert((1 + (int)PH_RECEIPT_LEAF_FRONT) % 64 == 0, "it fills blocks of SHA-256");

static const uint8_t tag[10] = {'p', 'h', 'a', 'l', 'a', '-', 'l', 'e', 'a', 'f'};

void ph_receipt_leaf_make(struct ph_receipt_leaf *out, enum ph_outcome outcome, uint16_t status,
                          const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                          const struct ph_hash32 *request_hash,
                          const struct ph_hash32 *response_hash, const struct ph_hash32 *nonce,
                          uint64_t time_ms, const struct ph_receipt_state *state)
{
    uint8_t *raw = out->raw;

    memcpy(raw + AT_tag, tag, sizeof(tag));
    raw[AT_version] = PH_RECEIPT_LEAF_VERSION;
    raw[AT_outcome] = (uint8_t)outcome;
    raw[AT_status] = (uint8_t)(status >> 8);
    raw[AT_status + 1] = (uint8_t)status;
    memcpy(raw + AT_phat, phat->b, 20);
    memcpy(raw + AT_bundle_hash, bundle_hash->b, 32);
    ph_put_u64be(raw + AT_commit_index, state->commit_index);
    memcpy(raw + AT_state_root, state->root.b, 32);
    memset(raw + AT_zero, 0, AT_outcome - AT_zero);
    memcpy(raw + AT_request_hash, request_hash->b, 32);
    memcpy(raw + AT_response_hash, response_hash->b, 32);
    memcpy(raw + AT_nonce, nonce->b, 32);
    ph_put_u64be(raw + AT_time_ms, time_ms);
}

/* The text of a request or an answer: gathered on the stack and hashed in one go, since hashing is
 * what a call's receipt costs most; only one longer than the gap takes the slower way. */
struct text {
    struct ph_sha256 *h; /* begun when `streams` */
    bool streams;
    size_t len;
    uint8_t b[512];
};

static void flush_text(struct text *t)
{
    if (!t->streams)
        ph_sha256_init(t->h);
    t->streams = true;
    ph_sha256_update(t->h, (struct ph_bytes){t->b, t->len});
    t->len = 0;
}

static void put(struct text *t, struct ph_bytes bytes)
{
    if (bytes.len > sizeof(t->b) - t->len)
        flush_text(t);
    if (bytes.len > sizeof(t->b)) {
        ph_sha256_update(t->h, bytes);
        return;
    }
    if (bytes.len > 0)
        memcpy(t->b + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
}

static void put_line(struct text *t, struct ph_bytes line)
{
    put(t, line);
    put(t, PH_BYTES_LIT("\n"));
}

static void put_request(struct text *t, struct ph_bytes method, struct ph_bytes target,
                        struct ph_bytes content_type)
{
    put(t, PH_BYTES_LIT("phala-request-v1\n"));
    put_line(t, method);
    put_line(t, target);
    put_line(t, content_type);
}

static void put_response(struct text *t, uint16_t status, struct ph_bytes content_type,
                         struct ph_bytes content_encoding, struct ph_bytes location)
{
    uint8_t digits[5];
    size_t at = sizeof(digits);
    unsigned rest = status;

    do
        digits[--at] = (uint8_t)('0' + rest % 10);
    while ((rest /= 10) > 0);
    put(t, PH_BYTES_LIT("phala-response-v1\n"));
    put_line(t, (struct ph_bytes){digits + at, sizeof(digits) - at});
    put_line(t, content_type);
    put_line(t, content_encoding);
    put_line(t, location);
}

static void put_body(struct text *t, struct ph_bytes body, struct ph_hash32 *out)
{
    put(t, body);
    if (!t->streams) {
        ph_sha256((struct ph_bytes){t->b, t->len}, out->b);
        return;
    }
    flush_text(t);
    ph_sha256_final(t->h, out->b);
}

/* Only what is set here: the gap itself is filled as it is used. */
static void text_init(struct text *t, struct ph_sha256 *h)
{
    t->h = h;
    t->streams = false;
    t->len = 0;
}

void ph_receipt_request_hash(struct ph_bytes method, struct ph_bytes target,
                             struct ph_bytes content_type, struct ph_bytes body,
                             struct ph_hash32 *out)
{
    struct ph_sha256 h PH_NO_INIT;
    struct text t PH_NO_INIT;

    text_init(&t, &h);
    put_request(&t, method, target, content_type);
    put_body(&t, body, out);
}

void ph_receipt_request_begin(struct ph_sha256 *h, struct ph_bytes method, struct ph_bytes target,
                              struct ph_bytes content_type)
{
    struct text t PH_NO_INIT;

    text_init(&t, h);
    put_request(&t, method, target, content_type);
    flush_text(&t);
}

void ph_receipt_response_hash(uint16_t status, struct ph_bytes content_type,
                              struct ph_bytes content_encoding, struct ph_bytes location,
                              struct ph_bytes body, struct ph_hash32 *out)
{
    struct ph_sha256 h PH_NO_INIT;
    struct text t PH_NO_INIT;

    text_init(&t, &h);
    put_response(&t, status, content_type, content_encoding, location);
    put_body(&t, body, out);
}

void ph_receipt_response_begin(struct ph_sha256 *h, uint16_t status, struct ph_bytes content_type,
                               struct ph_bytes content_encoding, struct ph_bytes location)
{
    struct text t PH_NO_INIT;

    text_init(&t, h);
    put_response(&t, status, content_type, content_encoding, location);
    flush_text(&t);
}

void ph_receipt_hash_both(const struct ph_sha256 *request, uint16_t status,
                          struct ph_bytes content_type, struct ph_bytes content_encoding,
                          struct ph_bytes location, struct ph_bytes body,
                          struct ph_hash32 *request_hash, struct ph_hash32 *response_hash)
{
    struct ph_sha256 h PH_NO_INIT, start PH_NO_INIT;
    struct text t PH_NO_INIT;

    text_init(&t, &h);
    put_response(&t, status, content_type, content_encoding, location);
    put(&t, body);
    if (t.streams) {
        flush_text(&t);
        ph_sha256_final(&h, response_hash->b);
        h = *request;
        ph_sha256_final(&h, request_hash->b);
        return;
    }
    ph_sha256_init(&start);
    ph_sha256_pair_from(request, &start, (struct ph_bytes){NULL, 0}, (struct ph_bytes){t.b, t.len},
                        request_hash->b, response_hash->b);
}

void ph_receipt_leaf_hash(const struct ph_receipt_leaf *leaf, struct ph_hash32 *out)
{
    uint8_t raw[1 + PH_RECEIPT_LEAF_LEN] PH_NO_INIT;

    raw[0] = 0x00;
    memcpy(raw + 1, leaf->raw, PH_RECEIPT_LEAF_LEN);
    ph_sha256(PH_BYTES_OF(raw), out->b);
}

static void set_front(struct ph_leaf_hasher *hasher, const struct ph_receipt_leaf *leaf)
{
    const struct ph_bytes front = {leaf->raw, PH_RECEIPT_LEAF_FRONT};

    if (hasher->set && memcmp(hasher->front, front.ptr, front.len) == 0)
        return;
    ph_sha256_init(&hasher->after);
    ph_sha256_update(&hasher->after, PH_BYTES_LIT("\0"));
    ph_sha256_update(&hasher->after, front);
    memcpy(hasher->front, front.ptr, front.len);
    hasher->set = true;
}

static struct ph_bytes behind_front(const struct ph_receipt_leaf *leaf)
{
    return (struct ph_bytes){leaf->raw + PH_RECEIPT_LEAF_FRONT,
                             PH_RECEIPT_LEAF_LEN - PH_RECEIPT_LEAF_FRONT};
}

void ph_receipt_leaf_hash_next(struct ph_leaf_hasher *hasher, const struct ph_receipt_leaf *leaf,
                               struct ph_hash32 *out)
{
    set_front(hasher, leaf);
    struct ph_sha256 h = hasher->after;
    ph_sha256_update(&h, behind_front(leaf));
    ph_sha256_final(&h, out->b);
}

void ph_receipt_leaf_hash_pair(struct ph_leaf_hasher *hasher_a, const struct ph_receipt_leaf *a,
                               struct ph_hash32 *out_a, struct ph_leaf_hasher *hasher_b,
                               const struct ph_receipt_leaf *b, struct ph_hash32 *out_b)
{
    if (hasher_a == hasher_b && memcmp(a->raw, b->raw, PH_RECEIPT_LEAF_FRONT) != 0) {
        /* It holds one front at a time. */
        ph_receipt_leaf_hash_next(hasher_a, a, out_a);
        ph_receipt_leaf_hash_next(hasher_b, b, out_b);
        return;
    }
    set_front(hasher_a, a);
    set_front(hasher_b, b);
    ph_sha256_pair_from(&hasher_a->after, &hasher_b->after, behind_front(a), behind_front(b),
                        out_a->b, out_b->b);
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
    struct ph_bytes front, zero;
    uint8_t outcome = 0;

    const bool all =
        ph_read_view(&r, sizeof(tag), &front) && ph_read_u8(&r, &out->version) &&
        ph_read_copy(&r, out->phat.b, 20) && ph_read_copy(&r, out->bundle_hash.b, 32) &&
        ph_read_u64be(&r, &out->state.commit_index) && ph_read_copy(&r, out->state.root.b, 32) &&
        ph_read_view(&r, AT_outcome - AT_zero, &zero) && ph_read_u8(&r, &outcome) &&
        ph_read_u16be(&r, &out->status) && ph_read_u64be(&r, &out->time_ms) &&
        ph_read_copy(&r, out->request_hash.b, 32) && ph_read_copy(&r, out->response_hash.b, 32) &&
        ph_read_copy(&r, out->nonce.b, 32);
    (void)all; /* the leaf has exactly the length that the table sums up to */
    out->outcome = outcome;
}

void ph_receipt_fields_leaf(const struct ph_receipt_fields *fields, struct ph_receipt_leaf *out)
{
    ph_receipt_leaf_make(out, PH_OUTCOME_ANSWERED, fields->status, &fields->phat,
                         &fields->bundle_hash, &fields->request_hash, &fields->response_hash,
                         &fields->nonce, fields->time_ms, &fields->state);
    out->raw[AT_version] = fields->version;
    out->raw[AT_outcome] = fields->outcome;
}

enum ph_err ph_receipt_root(const struct ph_receipt *receipt, struct ph_hash32 *root)
{
    struct ph_hash32 leaf;

    if (memcmp(receipt->leaf.raw + AT_tag, tag, sizeof(tag)) != 0 ||
        receipt->leaf.raw[AT_version] != PH_RECEIPT_LEAF_VERSION)
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
