#include "chain/consent.h"

#include "base/hex.h"

enum { TOKS = 32 };
/* What readers of JSON agree on. */
#define UINT_MAX_JSON UINT64_C(999999999999999999)

static const char *const keys[] = {"kind", "slot", "nonce", "deadline", "signature", NULL};

static enum ph_err read_signature(const struct ph_jdoc *doc, struct ph_consent *out,
                                  struct ph_json_why *why)
{
    struct ph_bytes text;

    PH_TRY(ph_jread_str(doc, 0, "", "signature", 2, 2 + 2 * PH_CONSENT_SIG_MAX, &text, why));
    const size_t prefix = text.ptr[0] == '0' && text.ptr[1] == 'x' ? 2 : 0;
    const size_t len = (text.len - prefix) / 2;
    if (len == 0 || len > PH_CONSENT_SIG_MAX || (text.len - prefix) % 2 != 0 ||
        ph_hex_decode((struct ph_bytes){text.ptr + prefix, text.len - prefix}, out->sig, len) !=
            PH_OK)
        return ph_jread_bad(why, "", "signature", "expected at most 1024 bytes in hexadecimal");
    out->sig_len = len;
    return PH_OK;
}

enum ph_err ph_consent_parse(struct ph_bytes text, struct ph_consent *out, struct ph_json_why *why)
{
    struct ph_consent c = {0};
    struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;
    uint64_t kind = 0, slot = 0;

    PH_TRY(ph_jread_open(text, PH_CONSENT_TEXT_MAX, toks, TOKS, &doc, why));
    PH_TRY(ph_jread_all_keys(&doc, 0, "", keys, why));
    PH_TRY(ph_jread_int(&doc, 0, "", "kind", 1, UINT16_MAX, &kind, why));
    PH_TRY(ph_jread_int(&doc, 0, "", "slot", 0, UINT8_MAX, &slot, why));
    PH_TRY(ph_jread_int(&doc, 0, "", "nonce", 0, UINT_MAX_JSON, &c.nonce, why));
    PH_TRY(ph_jread_int(&doc, 0, "", "deadline", 1, UINT_MAX_JSON, &c.deadline, why));
    PH_TRY(read_signature(&doc, &c, why));
    c.kind = (uint16_t)kind;
    c.slot = (uint8_t)slot;
    *out = c;
    return PH_OK;
}

static struct ph_typed_domain domain_of(const struct ph_registry_of *where)
{
    return (struct ph_typed_domain){"PhalaWorkerRegistry", where->chain_id, &where->registry};
}

void ph_consent_digest(const struct ph_registry_of *where, const struct ph_consent *consent,
                       const struct ph_eth_address *sign_key, struct ph_hash32 *out)
{
    const struct ph_typed_domain domain = domain_of(where);
    const struct ph_typed_word words[] = {
        ph_typed_uint(consent->kind), ph_typed_uint(consent->slot), ph_typed_address(sign_key),
        ph_typed_uint(consent->nonce), ph_typed_uint(consent->deadline)};

    ph_typed_digest(&domain,
                    "Register(uint16 kind,uint8 slot,address signKey,uint256 nonce,"
                    "uint256 deadline)",
                    words, PH_LEN(words), out);
}

enum ph_err ph_consent_check(const struct ph_registry_of *where, const struct ph_consent *consent,
                             const struct ph_eth_address *sign_key,
                             const struct ph_eth_address *operator_)
{
    struct ph_eth_address signer;
    struct ph_hash32 digest;

    if (consent->sig_len != PH_ETH_SIG_LEN)
        return PH_ERR_UNTRUSTED;
    ph_consent_digest(where, consent, sign_key, &digest);
    PH_TRY(ph_eth_recover(&digest, consent->sig, &signer));
    if (memcmp(signer.b, operator_->b, sizeof(signer.b)) != 0)
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}

void ph_worker_word_digest(const struct ph_registry_of *where, enum ph_worker_word word,
                           const struct ph_hash32 *worker_id, const struct ph_eth_address *carrier,
                           struct ph_hash32 *out)
{
    static const char *const types[] = {
        [PH_WORKER_RESTS] = "Rest(bytes32 workerId,address carrier)",
        [PH_WORKER_WAKES] = "Wake(bytes32 workerId,address carrier)",
    };
    const struct ph_typed_domain domain = domain_of(where);
    const struct ph_typed_word words[] = {ph_typed_hash(worker_id), ph_typed_address(carrier)};

    ph_typed_digest(&domain, types[word], words, PH_LEN(words), out);
}

void ph_worker_rotate_digest(const struct ph_registry_of *where, const struct ph_hash32 *worker_id,
                             const struct ph_eth_address *new_key, const struct ph_hash32 *beacon,
                             struct ph_hash32 *out)
{
    const struct ph_typed_domain domain = domain_of(where);
    const struct ph_typed_word words[] = {ph_typed_hash(worker_id), ph_typed_address(new_key),
                                          ph_typed_hash(beacon)};

    ph_typed_digest(&domain, "RotateKey(bytes32 workerId,address newKey,bytes32 beacon)", words,
                    PH_LEN(words), out);
}
