#include "chain/anchor.h"

#include "base/own.h"
#include "chain/typed.h"
#include "crypto/hash.h"

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

void ph_anchor_answer_digest(uint64_t chain_id, const struct ph_eth_address *anchor,
                             const struct ph_anchor_answer *answer, struct ph_hash32 *out)
{
    const struct ph_typed_domain domain = {"PhalaPhatAnchor", chain_id, anchor};
    const struct ph_typed_word words[] = {
        ph_typed_uint(answer->request_id), ph_typed_hash(&answer->terms),
        ph_typed_hash(&answer->code_hash), ph_typed_uint(answer->outcome),
        ph_typed_hash(&answer->result_hash)};

    ph_typed_digest(&domain,
                    "Answer(uint64 requestId,bytes32 terms,bytes32 codeHash,uint8 outcome,"
                    "bytes32 resultHash)",
                    words, PH_LEN(words), out);
}
