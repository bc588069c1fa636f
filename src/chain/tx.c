#include "chain/tx.h"

#include "base/own.h"
#include "chain/rlp.h"
#include "crypto/hash.h"

/* EIP-2718: the first byte is the type. */
enum { TYPE_1559 = 2 };

static enum ph_err put_fields(const struct ph_tx *tx, struct ph_buf *out)
{
    const struct ph_bytes to = {tx->to.b, tx->creates ? 0 : sizeof(tx->to.b)};

    PH_TRY(ph_rlp_put_u64(out, tx->chain_id));
    PH_TRY(ph_rlp_put_u64(out, tx->nonce));
    PH_TRY(ph_rlp_put_u64(out, tx->max_priority_fee));
    PH_TRY(ph_rlp_put_u64(out, tx->max_fee));
    PH_TRY(ph_rlp_put_u64(out, tx->gas));
    PH_TRY(ph_rlp_put_string(out, to));
    PH_TRY(ph_rlp_put_u256(out, &tx->value));
    PH_TRY(ph_rlp_put_string(out, tx->data));
    return ph_rlp_put_list(out, (struct ph_bytes){0}); /* the access list */
}

/* The type and the list around `fields`. */
static enum ph_err put_typed(struct ph_bytes fields, struct ph_buf *out)
{
    struct ph_buf typed PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    const uint8_t type = TYPE_1559;

    PH_TRY(ph_buf_add(&typed, (struct ph_bytes){&type, 1}));
    PH_TRY(ph_rlp_put_list(&typed, fields));
    return ph_buf_add(out, ph_buf_view(&typed));
}

enum ph_err ph_tx_encode(const struct ph_tx *tx, struct ph_buf *out)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);

    PH_TRY(put_fields(tx, &fields));
    return put_typed(ph_buf_view(&fields), out);
}

static enum ph_err open_list(struct ph_bytes raw, struct ph_reader *fields)
{
    struct ph_reader r = {raw};
    uint8_t type;

    if (raw.len > PH_TX_MAX)
        return PH_ERR_LIMIT;
    if (!ph_read_u8(&r, &type))
        return PH_ERR_MALFORMED;
    if (type != TYPE_1559)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(ph_rlp_read_list(&r, fields));
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_to(struct ph_reader *r, struct ph_tx *tx)
{
    struct ph_bytes to;

    PH_TRY(ph_rlp_read_string(r, &to));
    if (to.len != 0 && to.len != sizeof(tx->to.b))
        return PH_ERR_MALFORMED;
    tx->creates = to.len == 0;
    if (!tx->creates)
        memcpy(tx->to.b, to.ptr, sizeof(tx->to.b));
    return PH_OK;
}

static enum ph_err read_fields(struct ph_reader *r, struct ph_tx *out)
{
    struct ph_tx tx = {0};
    struct ph_reader access_list;

    PH_TRY(ph_rlp_read_u64(r, &tx.chain_id));
    PH_TRY(ph_rlp_read_u64(r, &tx.nonce));
    PH_TRY(ph_rlp_read_u64(r, &tx.max_priority_fee));
    PH_TRY(ph_rlp_read_u64(r, &tx.max_fee));
    PH_TRY(ph_rlp_read_u64(r, &tx.gas));
    PH_TRY(read_to(r, &tx));
    PH_TRY(ph_rlp_read_u256(r, &tx.value));
    PH_TRY(ph_rlp_read_string(r, &tx.data));
    PH_TRY(ph_rlp_read_list(r, &access_list));
    if (access_list.rest.len != 0)
        return PH_ERR_UNSUPPORTED;
    *out = tx;
    return PH_OK;
}

enum ph_err ph_tx_parse(struct ph_bytes unsigned_tx, struct ph_tx *out)
{
    struct ph_reader fields;
    struct ph_tx tx;

    PH_TRY(open_list(unsigned_tx, &fields));
    PH_TRY(read_fields(&fields, &tx));
    if (fields.rest.len != 0)
        return PH_ERR_MALFORMED;
    *out = tx;
    return PH_OK;
}

void ph_tx_digest(struct ph_bytes unsigned_tx, struct ph_hash32 *out)
{
    ph_keccak256(unsigned_tx, out->b);
}

static enum ph_err put_sig(const uint8_t sig[static PH_ETH_SIG_LEN], struct ph_buf *fields)
{
    struct ph_u256 r, s;

    if (sig[64] != 27 && sig[64] != 28)
        return PH_ERR_MALFORMED;
    memcpy(r.b, sig, sizeof(r.b));
    memcpy(s.b, sig + 32, sizeof(s.b));
    PH_TRY(ph_rlp_put_u64(fields, sig[64] - (uint64_t)27));
    PH_TRY(ph_rlp_put_u256(fields, &r));
    return ph_rlp_put_u256(fields, &s);
}

enum ph_err ph_tx_sign_with(struct ph_bytes unsigned_tx, const uint8_t sig[static PH_ETH_SIG_LEN],
                            struct ph_buf *out)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct ph_reader list;
    struct ph_tx tx;

    PH_TRY(ph_tx_parse(unsigned_tx, &tx));
    PH_TRY(open_list(unsigned_tx, &list));
    PH_TRY(ph_buf_add(&fields, list.rest));
    PH_TRY(put_sig(sig, &fields));
    return put_typed(ph_buf_view(&fields), out);
}

enum ph_err ph_tx_parse_signed(struct ph_bytes signed_tx, struct ph_tx *out,
                               struct ph_eth_address *sender)
{
    struct ph_buf unsigned_tx PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct ph_reader fields;
    struct ph_u256 r, s;
    struct ph_hash32 digest;
    struct ph_eth_address signer;
    struct ph_tx tx;
    uint64_t parity;
    uint8_t sig[PH_ETH_SIG_LEN];

    PH_TRY(open_list(signed_tx, &fields));
    const struct ph_bytes whole = fields.rest;
    PH_TRY(read_fields(&fields, &tx));
    const struct ph_bytes body = {whole.ptr, whole.len - fields.rest.len};
    PH_TRY(ph_rlp_read_u64(&fields, &parity));
    PH_TRY(ph_rlp_read_u256(&fields, &r));
    PH_TRY(ph_rlp_read_u256(&fields, &s));
    if (fields.rest.len != 0 || parity > 1)
        return PH_ERR_MALFORMED;
    memcpy(sig, r.b, sizeof(r.b));
    memcpy(sig + 32, s.b, sizeof(s.b));
    sig[64] = (uint8_t)(27 + parity);
    PH_TRY(put_typed(body, &unsigned_tx));
    ph_tx_digest(ph_buf_view(&unsigned_tx), &digest);
    if (ph_eth_recover(&digest, sig, &signer) != PH_OK)
        return PH_ERR_UNTRUSTED;
    *out = tx;
    *sender = signer;
    return PH_OK;
}

void ph_tx_hash(struct ph_bytes signed_tx, struct ph_hash32 *out)
{
    ph_keccak256(signed_tx, out->b);
}
