#include "node/keyd_client_priv.h"

#include "base/clock.h"
#include "base/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum ph_err ph_keyd_fail_class(uint8_t err)
{
    /* Anything unknown is PH_ERR_IO; two classes have a meaning of their own in this header. */
    if (err == PH_OK || err > PH_ERR_AGAIN || err == PH_ERR_CLOSED || err == PH_ERR_AGAIN)
        return PH_ERR_IO;
    return (enum ph_err)err;
}

void ph_keyd_question_clear(struct ph_keyd_question *q)
{
    ph_buf_clear(&q->request);
    ph_buf_clear(&q->answer);
}

void ph_keyd_begin(struct ph_keyd_client *client, struct ph_keyd_question *q)
{
    (void)pthread_mutex_lock(&client->lock);
    q->id = ph_keyd_next_id(client);
    (void)pthread_mutex_unlock(&client->lock);
}

enum ph_err ph_keyd_ask(struct ph_keyd_client *client, struct ph_keyd_question *q, const int *fds,
                        size_t fd_cnt)
{
    return ph_keyd_exchange(client, ph_buf_view(&q->request), q->id, fds, fd_cnt, &q->answer,
                            &q->frame);
}

enum ph_err ph_keyd_ask_encoded(struct ph_keyd_client *client, struct ph_keyd_question *q,
                                enum ph_err encoded, const int *fds, size_t fd_cnt,
                                char why[static PH_KEYD_WHY_LEN])
{
    (void)snprintf(why, PH_KEYD_WHY_LEN, "phala-keyd does not answer");
    PH_TRY(encoded);
    return ph_keyd_ask(client, q, fds, fd_cnt);
}

enum ph_err ph_keyd_unless_stalled(struct ph_keyd_client *client, enum ph_err encoded)
{
    return encoded == PH_OK && ph_keyd_is_stalled(client) ? PH_ERR_AGAIN : encoded;
}

enum ph_err ph_keyd_refusal(const struct ph_keyd_question *q, char *why)
{
    struct ph_bytes message = PH_BYTES_LIT("phala-keyd answered out of turn");
    enum ph_err err = PH_ERR_IO;
    struct ph_msg_KEYD_FAIL m;

    if (ph_get_KEYD_FAIL(&q->frame, &m) == PH_OK) {
        err = ph_keyd_fail_class(m.err);
        if (m.err != PH_OK && m.err <= PH_ERR_AGAIN)
            message = m.message;
    }
    if (why)
        (void)snprintf(why, PH_KEYD_WHY_LEN, "%.*s",
                       (int)(message.len < PH_KEYD_WHY_LEN ? message.len : PH_KEYD_WHY_LEN - 1),
                       (const char *)message.ptr);
    return err;
}

/* The calls. */

enum ph_err ph_keyd_client_ask_info(struct ph_keyd_client *client)
{
    struct ph_msg_KEYD_INFO_IS m;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_KEYD_INFO(&q.request, 0, q.id));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_KEYD_INFO_IS(&q.frame, &m) != PH_OK || m.signer_pub.len != 64 || m.tls_pub.len != 64)
        return ph_keyd_refusal(&q, NULL);
    memcpy(client->info.signer.b, m.signer.b, sizeof(client->info.signer.b));
    memcpy(client->info.cluster.b, m.cluster.b, sizeof(client->info.cluster.b));
    client->info.epoch = m.epoch;
    memcpy(client->info.signer_pub, m.signer_pub.ptr, 64);
    memcpy(client->info.caller_x25519, m.caller_x25519.b, 32);
    memcpy(client->info.tls_pub, m.tls_pub.ptr, 64);
    memcpy(client->info.ohttp_x25519, m.ohttp_x25519.b, 32);
    client->info.flags = m.flags;
    client->info.policy = m.policy;
    return PH_OK;
}

enum ph_err ph_keyd_client_start(const struct ph_keyd_config *config, struct ph_keyd_client **out,
                                 char why[static PH_KEYD_WHY_LEN])
{
    struct ph_keyd_client *client = calloc(1, sizeof(*client));
    if (!client)
        return PH_ERR_NOMEM;
    client->sock = client->event_fd = client->wake_fd = client->epoll_fd = -1;
    client->pid = -1;
    client->next_id = 1;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&client->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&client->lock, NULL);

    enum ph_err err = ph_keyd_spawn(client, config);
    if (err == PH_OK)
        err = ph_keyd_client_ask_info(client);
    if (err != PH_OK) {
        const char *what = err == PH_ERR_CLOSED  ? "it ended at once: its own log says why"
                           : err == PH_ERR_AGAIN ? "it does not answer"
                                                 : strerror(errno);
        (void)snprintf(why, PH_KEYD_WHY_LEN, "%.150s: cannot be started: %.60s", config->path,
                       what);
        ph_keyd_client_free(client);
        return err;
    }
    *out = client;
    return PH_OK;
}

void ph_keyd_client_free(struct ph_keyd_client *client)
{
    if (!client)
        return;
    ph_closep(&client->epoll_fd);
    ph_closep(&client->event_fd);
    ph_closep(&client->wake_fd);
    ph_closep(&client->sock);
    if (client->pid > 0)
        ph_keyd_reap(client->pid);
    (void)pthread_cond_destroy(&client->changed);
    (void)pthread_mutex_destroy(&client->lock);
    free(client);
}

const struct ph_keyd_info *ph_keyd_client_info(const struct ph_keyd_client *client)
{
    return &client->info;
}

int ph_keyd_client_pid(const struct ph_keyd_client *client)
{
    return client->pid;
}

int ph_keyd_client_fd(const struct ph_keyd_client *client)
{
    return client->epoll_fd;
}

enum ph_err ph_keyd_client_sign_batch(struct ph_keyd_client *client, const struct ph_hash32 *root,
                                      uint32_t count, uint64_t time_ms, uint8_t sig[static 65])
{
    const struct ph_msg_SIGN_BATCH m = {.root = *root, .count = count, .time_ms = time_ms};
    struct ph_msg_SIGNED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_SIGN_BATCH(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_SIGNED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, NULL);
    memcpy(sig, got.sig.b, 65);
    return PH_OK;
}

static enum ph_err send_batch(struct ph_keyd_client *client, uint64_t tag,
                              const struct ph_msg_SIGN_BATCH *m)
{
    struct ph_buf request PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEYD_DATAGRAM_MAX);
    const uint64_t id = ph_keyd_next_id(client);

    if (client->closed)
        return PH_ERR_CLOSED;
    if (client->batch_cnt == PH_KEYD_BATCHES_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_encode_SIGN_BATCH(&request, 0, id, m));
    const enum ph_err err = ph_ipc_send_fds(client->sock, ph_buf_view(&request), NULL, 0);
    if (err == PH_ERR_CLOSED)
        ph_keyd_gone(client);
    if (err == PH_ERR_AGAIN)
        return PH_ERR_LIMIT; /* as many as the socket holds are under way */
    PH_TRY(err);
    const size_t slot = (client->batch_at + client->batch_cnt++) % PH_KEYD_BATCHES_MAX;
    client->batch[slot] =
        (struct ph_keyd_batch){.id = id, .tag = tag, .sent_ns = ph_clock_mono_ns()};
    return PH_OK;
}

enum ph_err ph_keyd_client_sign_batch_send(struct ph_keyd_client *client, uint64_t tag,
                                           const struct ph_hash32 *root, uint32_t count,
                                           uint64_t time_ms)
{
    const struct ph_msg_SIGN_BATCH m = {.root = *root, .count = count, .time_ms = time_ms};

    (void)pthread_mutex_lock(&client->lock);
    const enum ph_err err = send_batch(client, tag, &m);
    (void)pthread_mutex_unlock(&client->lock);
    return err;
}

enum ph_err ph_keyd_client_poll(struct ph_keyd_client *client, struct ph_keyd_signed *out)
{
    uint64_t count;

    (void)pthread_mutex_lock(&client->lock);
    (void)!read(client->event_fd, &count, sizeof(count));
    client->in_loop = true;
    enum ph_err err = ph_keyd_receive_all(client);
    client->in_loop = false;
    const struct ph_keyd_batch *b = &client->batch[client->batch_at];
    if (client->batch_cnt > 0 && b->done) {
        *out = (struct ph_keyd_signed){.tag = b->tag, .result = b->result};
        memcpy(out->sig, b->sig, sizeof(out->sig));
        client->batch_at = (client->batch_at + 1) % PH_KEYD_BATCHES_MAX;
        client->batch_cnt--;
        err = PH_OK;
    }
    (void)pthread_mutex_unlock(&client->lock);
    return err;
}

enum ph_err ph_keyd_client_tls_sign(struct ph_keyd_client *client, uint16_t scheme,
                                    const uint8_t digest[static 32],
                                    uint8_t sig[static PH_TLS_SIG_MAX], size_t *sig_len)
{
    const struct ph_msg_TLS_SIGN m = {.scheme = scheme, .digest = {digest, 32}};
    struct ph_msg_TLS_SIGNED got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_TLS_SIGN(&q.request, 0, q.id, &m));
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_TLS_SIGNED(&q.frame, &got) != PH_OK || got.sig.len > PH_TLS_SIG_MAX)
        return ph_keyd_refusal(&q, NULL);
    memcpy(sig, got.sig.ptr, got.sig.len);
    *sig_len = got.sig.len;
    return PH_OK;
}

/* Sentences for failures that phala-keyd did not put one to. */
static void explain(enum ph_err err, char why[static PH_KEYD_WHY_LEN])
{
    if (err != PH_OK && why[0] == '\0')
        (void)snprintf(why, PH_KEYD_WHY_LEN, "phala-keyd: %s",
                       err == PH_ERR_CLOSED  ? "it is gone"
                       : err == PH_ERR_AGAIN ? "no answer in time"
                       : err == PH_ERR_LIMIT ? "longer than it takes"
                                             : "the channel failed");
}

/* Ask what was encoded; `why` always holds a sentence when that fails. */
static enum ph_err ask_why(struct ph_keyd_client *client, struct ph_keyd_question *q,
                           enum ph_err encoded, const int *fds, size_t fd_cnt,
                           char why[static PH_KEYD_WHY_LEN])
{
    why[0] = '\0';
    const enum ph_err err = encoded == PH_OK ? ph_keyd_ask(client, q, fds, fd_cnt) : encoded;
    explain(err, why);
    return err;
}

/* The same, given up at once while phala-keyd is stalled: for the event loop. */
static enum ph_err ask_unless_stalled(struct ph_keyd_client *client, struct ph_keyd_question *q,
                                      enum ph_err encoded, const int *fds, size_t fd_cnt,
                                      char why[static PH_KEYD_WHY_LEN])
{
    return ask_why(client, q, ph_keyd_unless_stalled(client, encoded), fds, fd_cnt, why);
}

/* The answer is not what was asked for. */
static enum ph_err refusal_why(const struct ph_keyd_question *q, char why[static PH_KEYD_WHY_LEN])
{
    const enum ph_err err = ph_keyd_refusal(q, why);
    explain(err, why);
    return err;
}

enum ph_err ph_keyd_client_secrets_seal(struct ph_keyd_client *client,
                                        const struct ph_owner_request *request,
                                        const uint8_t owner_sig[static 65],
                                        struct ph_bytes envelope, struct ph_buf *sealed,
                                        char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_SECRETS_SEAL m = {.request = PH_BYTES_OF(raw), .envelope = envelope};
    struct ph_msg_SECRETS_SEALED got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(request, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ask_unless_stalled(client, &q, ph_encode_SECRETS_SEAL(&q.request, 0, q.id, &m), NULL, 0,
                              why));
    if (ph_get_SECRETS_SEALED(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    const enum ph_err err = ph_buf_add(sealed, got.sealed);
    explain(err, why);
    return err;
}

enum ph_err ph_keyd_client_secrets_release(struct ph_keyd_client *client,
                                           const struct ph_owner_request *deploy,
                                           const uint8_t owner_sig[static 65],
                                           struct ph_bytes sealed, int pipe_fd, uint32_t *len,
                                           char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_SECRETS_RELEASE m = {.request = PH_BYTES_OF(raw), .sealed = sealed};
    struct ph_msg_SECRETS_RELEASED got;
    PH_KEYD_QUESTION;

    ph_owner_request_encode(deploy, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    ph_keyd_begin(client, &q);
    PH_TRY(ask_unless_stalled(client, &q, ph_encode_SECRETS_RELEASE(&q.request, 0, q.id, &m),
                              &pipe_fd, 1, why));
    if (ph_get_SECRETS_RELEASED(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    *len = got.len;
    return PH_OK;
}

enum ph_err ph_keyd_client_state_skip(struct ph_keyd_client *client, struct ph_bytes head,
                                      char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_STATE_SKIP m = {.head = head};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_STATE_SKIP(&q.request, 0, q.id, &m), NULL, 0, why));
    return ph_get_STATE_ADVANCED(&q.frame) == PH_OK ? PH_OK : refusal_why(&q, why);
}

enum ph_err ph_keyd_client_state_known(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                       uint64_t *index, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_STATE_KNOWN m = {.phat = *phat};
    struct ph_msg_STATE_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_STATE_KNOWN(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_STATE_IS(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    if (!got.known)
        return PH_ERR_NOT_FOUND;
    *index = got.index;
    return PH_OK;
}

enum ph_err ph_keyd_client_peer_url(struct ph_keyd_client *client, struct ph_bytes url,
                                    struct ph_hash32 *mac, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_PEER_URL m = {.url = url};
    struct ph_msg_PEER_URL_MAC got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_PEER_URL(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_PEER_URL_MAC(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    *mac = got.mac;
    return PH_OK;
}

enum ph_err ph_keyd_client_state_key(struct ph_keyd_client *client, const struct ph_phat_id *phat,
                                     struct ph_bytes head, int channel_fd,
                                     char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_STATE_KEY m = {.phat = *phat, .head = head};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_STATE_KEY(&q.request, 0, q.id, &m), &channel_fd, 1, why));
    return ph_get_STATE_KEY_SENT(&q.frame) == PH_OK ? PH_OK : refusal_why(&q, why);
}

enum ph_err ph_keyd_client_state_advance(struct ph_keyd_client *client, struct ph_bytes head,
                                         char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_STATE_ADVANCE m = {.head = head};
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_STATE_ADVANCE(&q.request, 0, q.id, &m), NULL, 0, why));
    return ph_get_STATE_ADVANCED(&q.frame) == PH_OK ? PH_OK : refusal_why(&q, why);
}

/* Hand-over. */

enum ph_err ph_keyd_client_cluster_nonce(struct ph_keyd_client *client, uint8_t out[static 32],
                                         char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_CLUSTER_NONCE_IS got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_CLUSTER_NONCE(&q.request, 0, q.id), NULL, 0, why));
    if (ph_get_CLUSTER_NONCE_IS(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    memcpy(out, got.nonce.b, 32);
    return PH_OK;
}

static void copy_text(struct ph_bytes from, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%.*s", (int)(from.len < cap ? from.len : cap - 1),
                   (const char *)from.ptr);
}

enum ph_err ph_keyd_client_cluster_give(struct ph_keyd_client *client,
                                        const uint8_t exporter[static 32],
                                        struct ph_bytes certificate, struct ph_bytes join,
                                        struct ph_keyd_given *out, char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_CLUSTER_GIVE m = {.certificate = certificate, .join = join};
    struct ph_msg_CLUSTER_GIVEN got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    memcpy(m.exporter.b, exporter, 32);
    PH_TRY(ask_why(client, &q, ph_encode_CLUSTER_GIVE(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_CLUSTER_GIVEN(&q.frame, &got) != PH_OK || got.report_data.len != 64 ||
        got.sealed.len > sizeof(out->sealed))
        return refusal_why(&q, why);
    memcpy(out->joiner.b, got.joiner.b, sizeof(out->joiner.b));
    copy_text(got.measurement, out->measurement, sizeof(out->measurement));
    memcpy(out->report_data, got.report_data.ptr, 64);
    memcpy(out->sealed, got.sealed.ptr, got.sealed.len);
    out->sealed_len = got.sealed.len;
    return PH_OK;
}

enum ph_err ph_keyd_client_cluster_ask(struct ph_keyd_client *client,
                                       const uint8_t nonce[static 32],
                                       const uint8_t exporter[static 32],
                                       struct ph_bytes certificate, uint8_t key[static 32],
                                       uint8_t report_data[static 64],
                                       char why[static PH_KEYD_WHY_LEN])
{
    struct ph_msg_CLUSTER_ASK m = {.certificate = certificate};
    struct ph_msg_CLUSTER_ASKING got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    memcpy(m.nonce.b, nonce, 32);
    memcpy(m.exporter.b, exporter, 32);
    PH_TRY(ask_why(client, &q, ph_encode_CLUSTER_ASK(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_CLUSTER_ASKING(&q.frame, &got) != PH_OK || got.report_data.len != 64)
        return refusal_why(&q, why);
    memcpy(key, got.key.b, 32);
    memcpy(report_data, got.report_data.ptr, 64);
    return PH_OK;
}

enum ph_err ph_keyd_client_cluster_take(struct ph_keyd_client *client, struct ph_bytes certificate,
                                        struct ph_bytes give, char measurement[static 128],
                                        struct ph_buf *state, char why[static PH_KEYD_WHY_LEN])
{
    const struct ph_msg_CLUSTER_TAKE m = {.certificate = certificate, .give = give};
    struct ph_msg_CLUSTER_TAKEN got;
    PH_KEYD_QUESTION;

    ph_keyd_begin(client, &q);
    PH_TRY(ask_why(client, &q, ph_encode_CLUSTER_TAKE(&q.request, 0, q.id, &m), NULL, 0, why));
    if (ph_get_CLUSTER_TAKEN(&q.frame, &got) != PH_OK)
        return refusal_why(&q, why);
    copy_text(got.measurement, measurement, 128);
    return ph_buf_add(state, got.state);
}

enum ph_err ph_keyd_client_ohttp_open(struct ph_keyd_client *client, struct ph_bytes head,
                                      struct ph_ohttp_session *out)
{
    const struct ph_msg_OHTTP_OPEN m = {.head = head};
    struct ph_msg_OHTTP_OPENED got;
    PH_KEYD_QUESTION;

    if (head.len != PH_OHTTP_HEAD_LEN)
        return PH_ERR_MALFORMED;
    ph_keyd_begin(client, &q);
    PH_TRY(ph_encode_OHTTP_OPEN(&q.request, 0, q.id, &m));
    if (ph_keyd_is_stalled(client))
        return PH_ERR_AGAIN;
    PH_TRY(ph_keyd_ask(client, &q, NULL, 0));
    if (ph_get_OHTTP_OPENED(&q.frame, &got) != PH_OK)
        return ph_keyd_refusal(&q, NULL);
    struct ph_ohttp_session session = {.aead = (enum ph_hpke_aead)head.ptr[6]};
    const size_t key_len = ph_hpke_key_len(session.aead);
    if (key_len == 0 || got.key.len != key_len || got.secret.len != key_len ||
        got.nonce.len != sizeof(session.nonce))
        return PH_ERR_IO;
    memcpy(session.enc, head.ptr + PH_OHTTP_HEAD_LEN - 32, 32);
    memcpy(session.key, got.key.ptr, key_len);
    memcpy(session.nonce, got.nonce.ptr, sizeof(session.nonce));
    memcpy(session.secret, got.secret.ptr, key_len);
    *out = session;
    ph_wipe(&session, sizeof(session));
    ph_wipe(q.answer.ptr, q.answer.len);
    return PH_OK;
}
