#include "chain/typed.h"

#include "crypto/hash.h"

#include <assert.h>

struct ph_typed_word ph_typed_uint(uint64_t v)
{
    struct ph_typed_word w = {{0}};

    ph_put_u64be(w.b + 24, v);
    return w;
}

struct ph_typed_word ph_typed_address(const struct ph_eth_address *address)
{
    struct ph_typed_word w = {{0}};

    memcpy(w.b + 12, address->b, sizeof(address->b));
    return w;
}

struct ph_typed_word ph_typed_hash(const struct ph_hash32 *hash)
{
    struct ph_typed_word w;

    memcpy(w.b, hash->b, sizeof(w.b));
    return w;
}

static void hash_struct(const char *type, const struct ph_typed_word *words, size_t word_cnt,
                        uint8_t out[static 32])
{
    struct ph_typed_word all[1 + PH_TYPED_WORDS_MAX];

    assert(word_cnt <= PH_TYPED_WORDS_MAX);
    ph_keccak256(ph_bytes_str(type), all[0].b);
    memcpy(all + 1, words, word_cnt * sizeof(*words));
    ph_keccak256((struct ph_bytes){all[0].b, (1 + word_cnt) * sizeof(*all)}, out);
}

void ph_typed_digest(const struct ph_typed_domain *domain, const char *type,
                     const struct ph_typed_word *words, size_t word_cnt, struct ph_hash32 *out)
{
    struct ph_typed_word of[4] = {
        [2] = ph_typed_uint(domain->chain_id), [3] = ph_typed_address(domain->contract)};
    uint8_t final[2 + 64] = {0x19, 0x01};

    ph_keccak256(ph_bytes_str(domain->name), of[0].b);
    ph_keccak256(PH_BYTES_LIT("1"), of[1].b);
    hash_struct(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)", of,
        PH_LEN(of), final + 2);
    hash_struct(type, words, word_cnt, final + 34);
    ph_keccak256(PH_BYTES_OF(final), out->b);
}
