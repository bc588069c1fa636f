#include "chain/anchor.h"

#include "base/own.h"
#include "crypto/hash.h"

static void hash_text(const char *text, uint8_t out[static 32])
{
    ph_keccak256(ph_bytes_str(text), out);
}

enum ph_err ph_anchor_terms_hash(const struct ph_abi_phat_anchor_terms *terms,
                                 struct ph_hash32 *out)
{
    const struct ph_abi_phat_anchor_is_open_args args = {.t = *terms};
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);

    /* All of its members are static: as an argument it is encoded as it is alone. */
    PH_TRY(ph_abi_encode(ph_abi_phat_anchor_is_open.in, &args, &raw));
    ph_keccak256(ph_buf_view(&raw), out->b);
    return PH_OK;
}

static void domain_separator(uint64_t chain_id, const struct ph_eth_address *anchor,
                             uint8_t out[static 32])
{
    uint8_t words[5 * 32] = {0};

    hash_text("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
              words);
    hash_text("PhalaPhatAnchor", words + 32);
    hash_text("1", words + 64);
    ph_put_u64be(words + 96 + 24, chain_id);
    memcpy(words + 128 + 12, anchor->b, sizeof(anchor->b));
    ph_keccak256(PH_BYTES_OF(words), out);
}

void ph_anchor_answer_digest(uint64_t chain_id, const struct ph_eth_address *anchor,
                             const struct ph_anchor_answer *answer, struct ph_hash32 *out)
{
    uint8_t words[6 * 32] = {0}, final[2 + 64] = {0x19, 0x01};

    hash_text("Answer(uint64 requestId,bytes32 terms,bytes32 codeHash,uint8 outcome,"
              "bytes32 resultHash)",
              words);
    ph_put_u64be(words + 32 + 24, answer->request_id);
    memcpy(words + 64, answer->terms.b, 32);
    memcpy(words + 96, answer->code_hash.b, 32);
    words[128 + 31] = answer->outcome;
    memcpy(words + 160, answer->result_hash.b, 32);
    domain_separator(chain_id, anchor, final + 2);
    ph_keccak256(PH_BYTES_OF(words), final + 34);
    ph_keccak256(PH_BYTES_OF(final), out->b);
}
