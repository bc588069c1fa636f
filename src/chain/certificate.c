#include "chain/certificate.h"

#include "chain/typed.h"
#include "crypto/hash.h"

#include <stddef.h>

#define CLAIMS_TYPE                                                                                \
    "Claims(uint16 kind,bytes32 image,bytes32 platformId,uint8 tcbStatus,uint32 evalNo,"           \
    "uint40 evidenceTime,uint40 validUntil,uint40 tcbDate,uint32 flags)"

enum { CLAIMS_WORDS = 9 };

static struct ph_typed_domain domain_of(const struct ph_committee_of *where)
{
    return (struct ph_typed_domain){"PhalaVerifierCommittee", where->chain_id, &where->committee};
}

static struct ph_hash32 claims_hash(const struct ph_abi_verifier_committee_claims *c)
{
    const struct ph_typed_word words[CLAIMS_WORDS] = {
        ph_typed_uint(c->kind),        ph_typed_hash(&c->image),   ph_typed_hash(&c->platform_id),
        ph_typed_uint(c->tcb_status),  ph_typed_uint(c->eval_no),  ph_typed_uint(c->evidence_time),
        ph_typed_uint(c->valid_until), ph_typed_uint(c->tcb_date), ph_typed_uint(c->flags)};
    uint8_t raw[32 * (1 + CLAIMS_WORDS)];
    struct ph_hash32 hash;

    ph_keccak256(PH_BYTES_LIT(CLAIMS_TYPE), raw);
    for (size_t i = 0; i < CLAIMS_WORDS; i++)
        memcpy(raw + 32 * (i + 1), words[i].b, 32);
    ph_keccak256(PH_BYTES_OF(raw), hash.b);
    return hash;
}

void ph_certificate_digest(const struct ph_committee_of *where,
                           const struct ph_abi_verifier_committee_certificate *c,
                           struct ph_hash32 *out)
{
    const struct ph_typed_domain domain = domain_of(where);
    const struct ph_hash32 claims = claims_hash(&c->claims);
    const struct ph_typed_word words[] = {
        ph_typed_uint(c->set_id),         ph_typed_uint(c->time),      ph_typed_hash(&c->bind),
        ph_typed_hash(&c->evidence_hash), ph_typed_hash(&c->data_ref), ph_typed_hash(&claims)};

    ph_typed_digest(&domain,
                    "Certificate(uint64 setId,uint40 time,bytes32 bind,bytes32 evidenceHash,"
                    "bytes32 dataRef,Claims claims)" CLAIMS_TYPE,
                    words, PH_LEN(words), out);
}

void ph_verdict_digest(const struct ph_committee_of *where, const struct ph_hash32 *certificate,
                       bool genuine, struct ph_hash32 *out)
{
    const struct ph_typed_domain domain = domain_of(where);
    const struct ph_typed_word words[] = {ph_typed_hash(certificate), ph_typed_uint(genuine)};

    ph_typed_digest(&domain, "Verdict(bytes32 certificate,bool genuine)", words, PH_LEN(words),
                    out);
}

bool ph_claims_are_same(const struct ph_abi_verifier_committee_claims *a,
                        const struct ph_abi_verifier_committee_claims *b)
{
    const struct ph_hash32 x = claims_hash(a), y = claims_hash(b);

    return memcmp(x.b, y.b, sizeof(x.b)) == 0;
}

enum ph_err ph_certify_parse(struct ph_bytes raw, struct ph_abi_verifier_committee_certificate *c,
                             struct ph_bytes *evidence)
{
    struct ph_abi_verifier_committee_decide_on_chain_args args;
    _Alignas(max_align_t) uint8_t room[sizeof(args)];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    if (raw.len > PH_CERTIFY_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_abi_decode(ph_abi_verifier_committee_decide_on_chain.in, raw, &mem, &args));
    *c = args.c;
    *evidence = args.evidence;
    return PH_OK;
}

enum ph_err ph_certify_encode(const struct ph_abi_verifier_committee_certificate *c,
                              struct ph_bytes evidence, struct ph_buf *out)
{
    const struct ph_abi_verifier_committee_decide_on_chain_args args = {.c = *c,
                                                                        .evidence = evidence};

    if (evidence.len > PH_CERTIFY_EVIDENCE_MAX)
        return PH_ERR_LIMIT;
    return ph_abi_encode(ph_abi_verifier_committee_decide_on_chain.in, &args, out);
}

enum ph_err ph_certified_parse(struct ph_bytes raw, struct ph_certified *out)
{
    struct ph_abi_verifier_committee_challenge_args args;
    _Alignas(max_align_t) uint8_t room[sizeof(args) + sizeof(max_align_t) +
                                       PH_CERTIFICATE_SIGS_MAX * sizeof(struct ph_bytes)];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    if (raw.len > PH_CERTIFICATE_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_abi_decode(ph_abi_verifier_committee_challenge.in, raw, &mem, &args));
    if (args.signatures.cnt > PH_CERTIFICATE_SIGS_MAX)
        return PH_ERR_LIMIT;
    const struct ph_bytes *sigs = args.signatures.at;
    for (uint32_t i = 0; i < args.signatures.cnt; i++)
        if (sigs[i].len != 65)
            return PH_ERR_MALFORMED;
    out->c = args.c;
    out->sig_cnt = args.signatures.cnt;
    for (uint32_t i = 0; i < args.signatures.cnt; i++)
        memcpy(out->sig[i], sigs[i].ptr, 65);
    return PH_OK;
}

enum ph_err ph_certified_encode(const struct ph_certified *certified, struct ph_buf *out)
{
    struct ph_bytes sigs[PH_CERTIFICATE_SIGS_MAX];
    const struct ph_abi_verifier_committee_challenge_args args = {
        .c = certified->c, .signatures = {sigs, (uint32_t)certified->sig_cnt}};

    for (size_t i = 0; i < certified->sig_cnt; i++)
        sigs[i] = PH_BYTES_OF(certified->sig[i]);
    return ph_abi_encode(ph_abi_verifier_committee_challenge.in, &args, out);
}
