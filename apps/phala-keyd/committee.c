#include "committee.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"

static enum ph_err need_committee(const struct keyd_chain *chain, char why[static CLUSTER_WHY_LEN])
{
    static const struct ph_eth_address unnamed;

    if (chain->is_set && memcmp(chain->network.committee.b, unnamed.b, sizeof(unnamed.b)) != 0)
        return PH_OK;
    return cluster_refuse(why, PH_ERR_NOT_FOUND,
                          "committee: the network's file names no contract of that name");
}

static struct ph_committee_of where_of(const struct keyd_chain *chain)
{
    return (struct ph_committee_of){chain->network.chain_id, chain->network.committee};
}

static enum ph_err read_request(struct ph_bytes request,
                                struct ph_abi_verifier_committee_certificate *c,
                                struct ph_bytes *evidence, char why[static CLUSTER_WHY_LEN])
{
    struct ph_hash32 hash;

    if (ph_certify_parse(request, c, evidence) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED,
                              "request: not abi.encode(Certificate, bytes) of at most 96 KiB");
    ph_keccak256(*evidence, hash.b);
    if (memcmp(hash.b, c->evidence_hash.b, sizeof(hash.b)) != 0)
        return cluster_refuse(why, PH_ERR_MALFORMED,
                              "request: the evidence is not the one that the certificate names");
    return PH_OK;
}

enum ph_err committee_certify(const struct keyd_chain *chain, const struct keyring *ring,
                              const struct ph_ipc_frame *frame, int64_t now_s, struct ph_buf *reply,
                              char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf encoded PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFICATE_MAX);
    struct ph_certified certified = {.sig_cnt = 1};
    struct ph_msg_CERTIFY m;
    struct ph_bytes evidence;
    struct ph_hash32 digest;

    PH_TRY(need_committee(chain, why));
    if (ph_get_CERTIFY(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "CERTIFY: fields do not fit");
    PH_TRY(read_request(m.request, &certified.c, &evidence, why));
    struct ph_abi_verifier_committee_certificate *c = &certified.c;
    if (c->time > (uint64_t)now_s + PH_CERTIFY_AHEAD_S ||
        c->time + PH_CERTIFY_EARLY_S < (uint64_t)now_s)
        return cluster_refuse(why, PH_ERR_CONFLICT,
                              "request: its time is to come, or more than ten minutes ago");
    const enum ph_err err = committee_judge(chain->network.chain_id, evidence, &c->bind,
                                            (int64_t)c->time, &c->claims, why);
    PH_TRY(err);
    /* Where anybody finds it: whoever stores by content, members among them, names it so. */
    ph_sha256(evidence, c->data_ref.b);
    const struct ph_committee_of where = where_of(chain);
    ph_certificate_digest(&where, c, &digest);
    PH_TRY(ph_eth_sign(ring->secrets->receipt, &digest, certified.sig[0]));
    PH_TRY(ph_certified_encode(&certified, &encoded));
    const struct ph_msg_CERTIFIED answer = {.evidence_hash = c->evidence_hash,
                                            .certified = ph_buf_view(&encoded)};
    return ph_encode_CERTIFIED(reply, 0, frame->id, &answer);
}

/* A certificate is true if its evidence proves, at its time, what it says. That nobody here can
 * judge it makes it neither. */
static enum ph_err is_genuine(uint64_t chain_id,
                              const struct ph_abi_verifier_committee_certificate *c,
                              struct ph_bytes evidence, bool *out, char why[static CLUSTER_WHY_LEN])
{
    struct ph_abi_verifier_committee_claims claims;

    const enum ph_err err =
        committee_judge(chain_id, evidence, &c->bind, (int64_t)c->time, &claims, why);
    if (err == PH_ERR_NOMEM || err == PH_ERR_UNSUPPORTED)
        return err;
    *out = err == PH_OK && ph_claims_are_same(&claims, &c->claims);
    return PH_OK;
}

enum ph_err committee_verdict(const struct keyd_chain *chain, const struct keyring *ring,
                              const struct ph_ipc_frame *frame, int64_t now_s, struct ph_buf *reply,
                              char why[static CLUSTER_WHY_LEN])
{
    struct ph_abi_verifier_committee_certificate c;
    struct ph_msg_VERDICT_IS answer = {0};
    struct ph_msg_VERDICT m;
    struct ph_bytes evidence;
    struct ph_hash32 digest;
    bool genuine = false;

    PH_TRY(need_committee(chain, why));
    if (ph_get_VERDICT(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "VERDICT: fields do not fit");
    PH_TRY(read_request(m.request, &c, &evidence, why));
    if (c.time > (uint64_t)now_s + PH_CERTIFY_AHEAD_S ||
        c.time + PH_VERDICT_LATE_S < (uint64_t)now_s)
        return cluster_refuse(why, PH_ERR_CONFLICT,
                              "request: the certificate's time is to come, or so long ago that "
                              "nobody decides about it any more");
    PH_TRY(is_genuine(chain->network.chain_id, &c, evidence, &genuine, why));
    const struct ph_committee_of where = where_of(chain);
    ph_certificate_digest(&where, &c, &answer.certificate);
    ph_verdict_digest(&where, &answer.certificate, genuine, &digest);
    answer.genuine = genuine;
    PH_TRY(ph_eth_sign(ring->secrets->receipt, &digest, answer.sig.b));
    return ph_encode_VERDICT_IS(reply, 0, frame->id, &answer);
}
