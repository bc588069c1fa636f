#include "wallets.h"

#include "owner_check.h"

#include "codec/bundle.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/sealing.h"

#include <stdlib.h>

static const char aad_text[] = "phala-wallet-ledger-v1";
enum { AAD_LEN = sizeof(aad_text) - 1 + 20, SEALED_FORM = 1 };

void wallets_clear(struct wallets *wallets)
{
    for (size_t i = 0; i < wallets->cnt; i++)
        free(wallets->at[i]);
    *wallets = (struct wallets){0};
}

static struct wallet *find(const struct wallets *wallets, const struct ph_phat_id *phat)
{
    for (size_t i = 0; i < wallets->cnt; i++)
        if (memcmp(wallets->at[i]->phat.b, phat->b, sizeof(phat->b)) == 0)
            return wallets->at[i];
    return NULL;
}

/* --- the ledger at rest ---------------------------------------------------------------------- */

static void make_aad(const struct ph_phat_id *phat, uint8_t out[static AAD_LEN])
{
    memcpy(out, aad_text, sizeof(aad_text) - 1);
    memcpy(out + sizeof(aad_text) - 1, phat->b, sizeof(phat->b));
}

static enum ph_err seal(struct keyring_secrets *s, const struct wallet *w,
                        uint8_t out[static WALLETS_SEALED_LEN])
{
    uint8_t plain[PH_WALLET_LEDGER_LEN], aad[AAD_LEN];

    ph_wallet_ledger_encode(&w->ledger, plain);
    make_aad(&w->phat, aad);
    out[0] = SEALED_FORM;
    ph_random(out + 1, PH_GCM_NONCE_LEN);
    enum ph_err err = ph_keys_wallet_ledger(s->cluster.identity, &w->phat, s->scratch);
    if (err == PH_OK)
        err = ph_aes256gcm_seal(s->scratch, out + 1, PH_BYTES_OF(aad), PH_BYTES_OF(plain),
                                out + 1 + PH_GCM_NONCE_LEN);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

static enum ph_err open_ledger(struct keyring_secrets *s, const struct ph_phat_id *phat,
                               struct ph_bytes sealed, struct ph_wallet_ledger *out)
{
    uint8_t plain[PH_WALLET_LEDGER_LEN], aad[AAD_LEN];
    struct ph_reader r = {sealed};
    struct ph_bytes nonce;
    uint8_t form;

    if (sealed.len != WALLETS_SEALED_LEN || !ph_read_u8(&r, &form) || form != SEALED_FORM ||
        !ph_read_view(&r, PH_GCM_NONCE_LEN, &nonce))
        return PH_ERR_MALFORMED;
    make_aad(phat, aad);
    enum ph_err err = ph_keys_wallet_ledger(s->cluster.identity, phat, s->scratch);
    if (err == PH_OK)
        err = ph_aes256gcm_open(s->scratch, nonce.ptr, PH_BYTES_OF(aad), r.rest, plain);
    ph_wipe(s->scratch, sizeof(s->scratch));
    PH_TRY(err);
    return ph_wallet_ledger_decode(PH_BYTES_OF(plain), out);
}

/* --- opening --------------------------------------------------------------------------------- */

/* The policy that the owner signed: in the phat.json of the bundle whose hash the request has. */
static enum ph_err read_policy(const struct ph_msg_WALLET_OPEN *m,
                               const struct ph_owner_request *req, struct ph_wallet_policy *out,
                               char why[static CLUSTER_WHY_LEN])
{
    struct ph_hash32 bundle, listed, shown;
    struct ph_json_why reason = {""};
    bool present = false;

    if (ph_bundle_list_find(m->files, PH_BYTES_LIT("phat.json"), &bundle, &listed) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "wallet: no list of a bundle's files");
    ph_sha256(m->manifest, shown.b);
    if (memcmp(bundle.b, req->content.b, sizeof(bundle.b)) != 0 ||
        memcmp(listed.b, shown.b, sizeof(listed.b)) != 0)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "wallet: not the phat.json of the bundle that the owner signed");
    const enum ph_err err = ph_wallet_policy_parse(m->manifest, out, &present, &reason);
    if (err != PH_OK)
        return cluster_refuse(why, err, reason.text);
    return present ? PH_OK
                   : cluster_refuse(why, PH_ERR_NOT_FOUND, "wallet: phat.json asks for none");
}

static enum ph_err add(struct wallets *wallets, struct keyring *ring, const struct ph_phat_id *phat,
                       struct ph_bytes sealed, struct wallet **out,
                       char why[static CLUSTER_WHY_LEN])
{
    if (wallets->cnt == WALLETS_MAX)
        return cluster_refuse(why, PH_ERR_LIMIT, "wallet: this worker has 512 of them open");
    struct wallet *w = calloc(1, sizeof(*w));
    if (!w)
        return cluster_refuse(why, PH_ERR_NOMEM, "wallet: out of memory");
    w->phat = *phat;
    if (sealed.len > 0 && open_ledger(ring->secrets, phat, sealed, &w->ledger) != PH_OK) {
        free(w);
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "wallet: the stored ledger is not one of this cluster and phat");
    }
    wallets->at[wallets->cnt++] = w;
    *out = w;
    return PH_OK;
}

static enum ph_err address_of(struct keyring_secrets *s, const struct ph_phat_id *phat,
                              struct ph_eth_address *out)
{
    enum ph_err err = ph_keys_wallet(s->cluster.identity, phat, s->scratch);

    if (err == PH_OK)
        err = ph_eth_address(s->scratch, out);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

static bool sends_here(const struct keyring *ring, const struct ph_wallet_policy *policy)
{
    return memcmp(policy->worker.b, ring->signer.b, sizeof(ring->signer.b)) == 0;
}

/* What this process knows is newer than what is stored. */
static enum ph_err enter(struct wallets *wallets, struct keyring *ring,
                         const struct ph_phat_id *phat, const struct ph_wallet_policy *policy,
                         uint64_t sequence, struct ph_bytes sealed,
                         char why[static CLUSTER_WHY_LEN])
{
    struct wallet *w = find(wallets, phat);

    if (!w)
        PH_TRY(add(wallets, ring, phat, sealed, &w, why));
    if (sequence < w->ledger.sequence)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "wallet: a newer bundle of this phat was signed for: this one's "
                              "policy is over");
    w->policy = *policy;
    w->ledger.sequence = sequence;
    return PH_OK;
}

enum ph_err wallet_open(struct wallets *wallets, struct keyring *ring,
                        const struct ph_ipc_frame *frame, struct ph_buf *reply,
                        char why[static CLUSTER_WHY_LEN])
{
    struct ph_msg_WALLET_IS answer = {0};
    struct ph_wallet_policy policy = {0};
    struct ph_eth_address address;
    struct ph_owner_request req;
    struct ph_msg_WALLET_OPEN m;
    struct ph_phat_id phat;

    if (ph_get_WALLET_OPEN(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WALLET_OPEN: fields do not fit");
    PH_TRY(keyd_owner_of(ring, m.request, &m.owner_sig, "deploy", &req, &phat, why));
    PH_TRY(read_policy(&m, &req, &policy, why));
    if (sends_here(ring, &policy) || find(wallets, &phat))
        PH_TRY(enter(wallets, ring, &phat, &policy, req.sequence, m.ledger, why));
    PH_TRY(address_of(ring->secrets, &phat, &address));
    answer.sends = sends_here(ring, &policy);
    memcpy(answer.address.b, address.b, sizeof(answer.address.b));
    return ph_encode_WALLET_IS(reply, 0, frame->id, &answer);
}

/* --- signing --------------------------------------------------------------------------------- */

static enum ph_err sign_with(struct keyring_secrets *s, const struct ph_phat_id *phat,
                             struct ph_bytes unsigned_tx, uint8_t sig[static PH_ETH_SIG_LEN])
{
    struct ph_hash32 digest;

    ph_tx_digest(unsigned_tx, &digest);
    enum ph_err err = ph_keys_wallet(s->cluster.identity, phat, s->scratch);
    if (err == PH_OK)
        err = ph_eth_sign(s->scratch, &digest, sig);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

enum ph_err wallet_sign(struct wallets *wallets, struct keyring *ring,
                        const struct ph_ipc_frame *frame, int64_t now_s, struct ph_buf *reply,
                        char why[static CLUSTER_WHY_LEN])
{
    uint8_t sealed[WALLETS_SEALED_LEN];
    struct ph_msg_WALLET_SIGNED answer = {.ledger = PH_BYTES_OF(sealed)};
    char reason[PH_WALLET_WHY_LEN] = "";
    struct ph_msg_WALLET_SIGN m;

    if (ph_get_WALLET_SIGN(frame, &m) != PH_OK)
        return cluster_refuse(why, PH_ERR_MALFORMED, "WALLET_SIGN: fields do not fit");
    struct wallet *w = find(wallets, &m.phat);
    if (!w)
        return cluster_refuse(why, PH_ERR_NOT_FOUND, "wallet: it is not open");
    if (!sends_here(ring, &w->policy))
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "wallet: phat.json names another worker in wallet.worker");
    const enum ph_err err = ph_wallet_judge(&w->policy, m.unsigned_tx, now_s, &w->ledger, reason);
    if (err != PH_OK)
        return cluster_refuse(why, err, reason);
    PH_TRY(seal(ring->secrets, w, sealed));
    PH_TRY(sign_with(ring->secrets, &w->phat, m.unsigned_tx, answer.sig.b));
    return ph_encode_WALLET_SIGNED(reply, 0, frame->id, &answer);
}
