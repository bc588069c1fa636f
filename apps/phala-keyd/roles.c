#include "roles.h"

#include "committee.h"
#include "guest.h"
#include "guest_cert.h"
#include "job.h"
#include "mark_roles.h"
#include "moves.h"
#include "owner_check.h"
#include "secret_roles.h"
#include "state_roles.h"
#include "worker_key_roles.h"

#include "base/clock.h"
#include "base/own.h"
#include "codec/der.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"
#include "ipc/messages.h"
#include "keys/eip712.h"
#include "keys/ohttp.h"
#include "keys/receipt.h"
#include "keys/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum ph_err keyd_refuse(struct ph_buf *reply, uint64_t id, enum ph_err err, const char *message)
{
    const struct ph_msg_KEYD_FAIL fail = {.err = (uint8_t)err, .message = ph_bytes_str(message)};

    ph_buf_clear(reply);
    return ph_encode_KEYD_FAIL(reply, 0, id, &fail);
}

static enum ph_err do_info(struct job *job)
{
    const struct keyring *ring = &job->keyd->ring;
    struct ph_msg_KEYD_INFO_IS is = {.signer_pub = PH_BYTES_OF(ring->signer_pub),
                                     .tls_pub = PH_BYTES_OF(ring->tls_pub),
                                     .flags = job->keyd->flags};

    if (ph_get_KEYD_INFO(job->frame) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "KEYD_INFO takes no fields");
    memcpy(is.signer.b, ring->signer.b, sizeof(is.signer.b));
    memcpy(is.cluster.b, ring->cluster.b, sizeof(is.cluster.b));
    is.policy = job->keyd->cluster.policy_hash;
    if (keyring_has_cluster(ring))
        is.epoch = ph_cluster_keys_newest(&ring->secrets->cluster)->epoch;
    memcpy(is.caller_x25519.b, ring->caller_pub, sizeof(is.caller_x25519.b));
    memcpy(is.ohttp_x25519.b, ring->ohttp_pub, sizeof(is.ohttp_x25519.b));
    return ph_encode_KEYD_INFO_IS(job->reply, 0, job->frame->id, &is);
}

static enum ph_err do_sign_batch(struct job *job)
{
    struct ph_msg_SIGN_BATCH m;
    struct ph_msg_SIGNED answer;
    struct ph_hash32 digest;

    if (ph_get_SIGN_BATCH(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "SIGN_BATCH: fields do not fit");
    if (m.count == 0 || m.count > PH_RECEIPT_BATCH_MAX)
        return because(job, PH_ERR_MALFORMED, "SIGN_BATCH: count is not 1 to 1024");
    if (m.time_ms < job->keyd->last_batch_ms)
        return because(job, PH_ERR_CONFLICT, "SIGN_BATCH: time is before that of an earlier batch");
    ph_receipt_batch_digest(&m.root, m.count, m.time_ms, &digest);
    PH_TRY(ph_eth_sign(job->keyd->ring.secrets->receipt, &digest, answer.sig.b));
    job->keyd->last_batch_ms = m.time_ms;
    return ph_encode_SIGNED(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_tls_sign(struct job *job)
{
    struct ph_msg_TLS_SIGN m;
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PH_TLS_SIG_MAX);
    uint8_t sig[64];

    if (ph_get_TLS_SIGN(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "TLS_SIGN: fields do not fit");
    if (m.scheme != PH_TLS_ECDSA_P256_SHA256)
        return because(job, PH_ERR_UNSUPPORTED, "TLS_SIGN: scheme is not ecdsa_secp256r1_sha256");
    if (m.digest.len != PH_SHA256_LEN)
        return because(job, PH_ERR_MALFORMED, "TLS_SIGN: digest is not 32 bytes");
    PH_TRY(ph_p256_sign_digest(job->keyd->ring.secrets->tls, m.digest.ptr, sig));
    PH_TRY(ph_der_put_ecdsa_sig(&der, sig, 32));
    const struct ph_msg_TLS_SIGNED answer = {.sig = ph_buf_view(&der)};
    return ph_encode_TLS_SIGNED(job->reply, 0, job->frame->id, &answer);
}

/* Only workers with the cluster's keys can say where one of them is reached: storage cannot send
 * callers elsewhere. */
static enum ph_err do_peer_url(struct job *job)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    struct ph_msg_PEER_URL m;
    struct ph_msg_PEER_URL_MAC answer;

    if (ph_get_PEER_URL(job->frame, &m) != PH_OK || m.url.len < 8 ||
        m.url.len > KEYD_PEER_URL_MAX || memcmp(m.url.ptr, "http", 4) != 0)
        return because(job, PH_ERR_MALFORMED, "PEER_URL: not a URL of at most 255 bytes");
    PH_TRY(ph_keys_peers(s->cluster.identity, s->scratch));
    ph_hmac_sha256(PH_BYTES_OF(s->scratch), m.url, answer.mac.b);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return ph_encode_PEER_URL_MAC(job->reply, 0, job->frame->id, &answer);
}

static int64_t now_s(void)
{
    return ph_clock_wall_ms() / 1000;
}

static enum ph_err do_cluster_nonce(struct job *job)
{
    struct ph_msg_CLUSTER_NONCE_IS answer;

    if (ph_get_CLUSTER_NONCE(job->frame) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CLUSTER_NONCE takes no fields");
    PH_TRY(cluster_nonce(&job->keyd->cluster, now_s(), answer.nonce.b, job->why));
    return ph_encode_CLUSTER_NONCE_IS(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_cluster_give(struct job *job)
{
    struct ph_msg_CLUSTER_GIVE m;
    struct cluster_given given;

    if (ph_get_CLUSTER_GIVE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CLUSTER_GIVE: fields do not fit");
    PH_TRY(cluster_give(&job->keyd->cluster, &job->keyd->ring, m.exporter.b, m.certificate, m.join,
                        now_s(), &given, job->why));
    struct ph_msg_CLUSTER_GIVEN answer = {.measurement = ph_bytes_str(given.measurement),
                                          .report_data = PH_BYTES_OF(given.report_data),
                                          .sealed = {given.sealed, given.sealed_len}};
    memcpy(answer.joiner.b, given.joiner.b, sizeof(answer.joiner.b));
    return ph_encode_CLUSTER_GIVEN(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_cluster_ask(struct job *job)
{
    struct ph_msg_CLUSTER_ASK m;
    struct ph_msg_CLUSTER_ASKING answer;
    uint8_t report_data[64];

    if (ph_get_CLUSTER_ASK(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CLUSTER_ASK: fields do not fit");
    PH_TRY(cluster_ask(&job->keyd->cluster, &job->keyd->ring, m.nonce.b, m.exporter.b,
                       m.certificate, answer.key.b, report_data, job->why));
    answer.report_data = PH_BYTES_OF(report_data);
    return ph_encode_CLUSTER_ASKING(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_cluster_take(struct job *job)
{
    struct ph_msg_CLUSTER_TAKE m;
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    char measurement[CLUSTER_MEASUREMENT_LEN];

    if (ph_get_CLUSTER_TAKE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CLUSTER_TAKE: fields do not fit");
    const bool first = job->keyd->marks.due || !keyring_has_cluster(&job->keyd->ring);
    PH_TRY(cluster_take(&job->keyd->cluster, &job->keyd->ring, m.certificate, m.give, now_s(),
                        measurement, job->why));
    /* Who has the keys on disk must have what storage is held against there too: MARKS_SAVED
     * answers what the state file is to hold. */
    if (first)
        job->keyd->marks.due = true;
    else /* newer epochs of a cluster whose keys are here are its next ones */
        PH_TRY(provider_state(&job->keyd->provider, &job->keyd->ring,
                              keyring_stored(&job->keyd->ring), &state));
    const struct ph_msg_CLUSTER_TAKEN answer = {.measurement = ph_bytes_str(measurement),
                                                .state = ph_buf_view(&state)};
    return ph_encode_CLUSTER_TAKEN(job->reply, 0, job->frame->id, &answer);
}

/* What a worker does that still waits for the keys of a cluster. */
static bool works_alone(uint16_t type)
{
    return type == PH_IPC_KEYD_INFO || type == PH_IPC_TLS_SIGN || type == PH_IPC_CLUSTER_ASK ||
           type == PH_IPC_CLUSTER_TAKE || type == PH_IPC_RESTORE || type == PH_IPC_RESTORE_SHARE ||
           type == PH_IPC_KEYS_KEPT;
}

/* And what one does that was given them, and not told yet what the giver knows of storage. */
static bool works_untold(uint16_t type)
{
    return works_alone(type) || type == PH_IPC_MARKS_ASK || type == PH_IPC_MARKS_TAKE;
}

/* What leaves is good for one envelope; the private key stays. */
static enum ph_err do_ohttp_open(struct job *job)
{
    const struct keyring *ring = &job->keyd->ring;
    struct ph_msg_OHTTP_OPEN m;
    struct ph_ohttp_session s;

    if (ph_get_OHTTP_OPEN(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "OHTTP_OPEN: fields do not fit");
    enum ph_err err = ph_ohttp_open_head(ring->secrets->ohttp, ring->ohttp_pub, m.head, &s);
    if (err == PH_ERR_UNSUPPORTED)
        err = keyring_open_older(ring, m.head, &s);
    if (err != PH_OK)
        return because(job, err, "OHTTP_OPEN: not for the key configuration of this worker");
    const size_t key_len = ph_hpke_key_len(s.aead);
    const struct ph_msg_OHTTP_OPENED answer = {
        .key = {s.key, key_len}, .nonce = PH_BYTES_OF(s.nonce), .secret = {s.secret, key_len}};
    err = ph_encode_OHTTP_OPENED(job->reply, 0, job->frame->id, &answer);
    ph_wipe(&s, sizeof(s));
    return err;
}

static enum ph_err dispatch(struct job *job)
{
    if (!keyring_has_cluster(&job->keyd->ring) && !works_alone(job->frame->type))
        return because(job, PH_ERR_NOT_FOUND, "this worker has no keys of a cluster yet");
    if (job->keyd->marks.due && !works_untold(job->frame->type))
        return because(job, PH_ERR_CONFLICT,
                       "the hand-over is not over: what the giver knows of states was not taken");
    if (mark_role_has(job->frame->type))
        return mark_role(job);
    const struct key_means means = {&job->keyd->ring, &job->keyd->acts, &job->keyd->provider,
                                    &job->keyd->heads, job->keyd->plain};
    if (key_role_has(job->frame->type))
        return key_role(&means, job->frame, job->reply, job->why);
    const struct worker_key_means own = {&job->keyd->ring, &job->keyd->provider, &job->keyd->chain};
    if (worker_key_role_has(job->frame->type))
        return worker_key_role(&own, job->frame, job->reply, job->why);
    if (state_role_has(job->frame->type))
        return state_role(job);
    if (secret_role_has(job->frame->type))
        return secret_role(job);
    switch (job->frame->type) {
    case PH_IPC_RESTORE:
        return restore_is(&job->keyd->restore, &job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_RESTORE_SHARE:
        return restore_share(&job->keyd->restore, &job->keyd->ring, &job->keyd->provider,
                             job->frame, job->reply, job->why);
    case PH_IPC_CLUSTER_NONCE:
        return do_cluster_nonce(job);
    case PH_IPC_CLUSTER_GIVE:
        return do_cluster_give(job);
    case PH_IPC_CLUSTER_ASK:
        return do_cluster_ask(job);
    case PH_IPC_CLUSTER_TAKE:
        return do_cluster_take(job);
    case PH_IPC_KEYD_INFO:
        return do_info(job);
    case PH_IPC_PEER_URL:
        return do_peer_url(job);
    case PH_IPC_SIGN_BATCH:
        return do_sign_batch(job);
    case PH_IPC_TLS_SIGN:
        return do_tls_sign(job);
    case PH_IPC_OHTTP_OPEN:
        return do_ohttp_open(job);
    case PH_IPC_CHAIN_KEY:
        return chain_key(&job->keyd->chain, &job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_TX_SIGN:
        return chain_tx_sign(&job->keyd->chain, &job->keyd->ring, job->frame, now_s(), job->reply,
                             job->why);
    case PH_IPC_ANSWER_SIGN:
        return chain_answer_sign(&job->keyd->chain, &job->keyd->ring, job->frame, job->reply,
                                 job->why);
    case PH_IPC_WORKER_SAYS:
        return chain_worker_says(&job->keyd->chain, &job->keyd->ring, job->frame, job->reply,
                                 job->why);
    case PH_IPC_WALLET_OPEN:
        return wallet_open(&job->keyd->wallets, &job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_WALLET_SIGN:
        return wallet_sign(&job->keyd->wallets, &job->keyd->ring, job->frame, now_s(), job->reply,
                           job->why);
    case PH_IPC_CERTIFY:
        return committee_certify(&job->keyd->chain, &job->keyd->ring, job->frame, now_s(),
                                 job->reply, job->why);
    case PH_IPC_VERDICT:
        return committee_verdict(&job->keyd->chain, &job->keyd->ring, job->frame, now_s(),
                                 job->reply, job->why);
    case PH_IPC_GUEST_KEY:
        return guest_key(&job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_GUEST_SIGN:
        return guest_sign(&job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_STATE_MOVE:
        return state_move(&job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_GUEST_TLS_KEY:
        return guest_tls_key(&job->keyd->ring, job->frame, job->reply, job->why);
    case PH_IPC_GUEST_CERT:
        return guest_cert(&job->keyd->ring, job->frame, job->reply, job->why);
    default:
        return because(job, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
    }
}

enum ph_err keyd_answer(struct keyd *keyd, struct ph_bytes datagram, int fd, struct ph_buf *reply)
{
    struct ph_ipc_frame frame;
    struct job job = {.keyd = keyd, .frame = &frame, .fd = fd, .reply = reply};

    ph_buf_clear(reply);
    if (ph_ipc_decode(datagram, &frame) != PH_OK)
        return keyd_refuse(reply, 0, PH_ERR_MALFORMED, "not one whole frame");
    const enum ph_err err = dispatch(&job);
    if (err != PH_OK)
        return keyd_refuse(reply, frame.id, err, job.why);
    return PH_OK;
}
