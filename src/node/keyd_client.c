#include "node/keyd_client.h"

#include "base/clock.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum {
    REQUEST_MAX = 80 * 1024, /* as phala-keyd takes them */
    CHANNEL = 3,             /* where phala-keyd finds its end */
    EXIT_WAIT_MS = 1000,
};

/* A batch that was sent; `done` when its signature (or refusal) lies here. Slots are handed out and
 * collected in the order of sending, which is the order phala-keyd answers in. */
struct batch {
    uint64_t id, tag;
    bool done;
    enum ph_err result;
    uint8_t sig[65];
};

struct ph_keyd_client {
    pthread_mutex_t lock; /* everything below except what never changes after the start */
    int sock, event_fd, epoll_fd;
    pid_t pid;
    struct ph_keyd_info info;
    uint64_t next_id;
    bool closed;
    struct batch batch[PH_KEYD_BATCHES_MAX]; /* ring */
    size_t batch_at, batch_cnt;
    struct ph_buf request;
    uint8_t in[REQUEST_MAX];
};

/* Starting. */

/* The child between fork and exec: descriptors 0 to 3, nothing else, no environment. */
static void become_keyd(const struct ph_keyd_config *config, int channel)
{
    char *const argv[] = {(char *)(uintptr_t)config->path,  (char *)(uintptr_t) "--state",
                          (char *)(uintptr_t)config->state, (char *)(uintptr_t) "--seal",
                          (char *)(uintptr_t)config->seal,  NULL};
    char *const no_environment[] = {NULL};
    sigset_t none;

    const int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
        _exit(127);
    if (channel == CHANNEL ? fcntl(channel, F_SETFD, 0) != 0 : dup2(channel, CHANNEL) < 0)
        _exit(127);
    (void)close_range(CHANNEL + 1, ~0U, 0);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(config->path, argv, no_environment);
    _exit(127);
}

static enum ph_err watch(const struct ph_keyd_client *client, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};
    return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? PH_OK : PH_ERR_IO;
}

static enum ph_err spawn(struct ph_keyd_client *client, const struct ph_keyd_config *config)
{
    int pair[2];

    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->epoll_fd < 0 || client->event_fd < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return PH_ERR_IO;
    client->sock = pair[0];
    client->pid = fork();
    if (client->pid == 0)
        become_keyd(config, pair[1]);
    (void)close(pair[1]);
    if (client->pid < 0 || fcntl(client->sock, F_SETFL, O_NONBLOCK) != 0)
        return PH_ERR_IO;
    PH_TRY(watch(client, client->sock));
    return watch(client, client->event_fd);
}

/* Receiving. All with the lock held. */

static struct batch *batch_by_id(struct ph_keyd_client *client, uint64_t id)
{
    for (size_t i = 0; i < client->batch_cnt; i++) {
        struct batch *b = &client->batch[(client->batch_at + i) % PH_KEYD_BATCHES_MAX];
        if (b->id == id && !b->done)
            return b;
    }
    return NULL;
}

/* The class in a refusal, which comes over a channel: anything unknown is PH_ERR_IO. */
static enum ph_err fail_class(const struct ph_ipc_frame *frame, struct ph_bytes *message)
{
    struct ph_msg_KEYD_FAIL m;

    if (ph_get_KEYD_FAIL(frame, &m) != PH_OK || m.err == PH_OK || m.err > PH_ERR_AGAIN)
        return PH_ERR_IO;
    *message = m.message;
    /* These two have a meaning of their own in this header. */
    return m.err == PH_ERR_CLOSED || m.err == PH_ERR_AGAIN ? PH_ERR_IO : (enum ph_err)m.err;
}

static void settle(struct batch *b, const struct ph_ipc_frame *frame)
{
    struct ph_msg_SIGNED m;
    struct ph_bytes message;

    b->done = true;
    if (ph_get_SIGNED(frame, &m) == PH_OK) {
        memcpy(b->sig, m.sig.b, sizeof(b->sig));
        b->result = PH_OK;
    } else {
        b->result = fail_class(frame, &message);
    }
}

/* Everything that was under way ends with this. */
static enum ph_err gone(struct ph_keyd_client *client)
{
    client->closed = true;
    for (size_t i = 0; i < client->batch_cnt; i++) {
        struct batch *b = &client->batch[(client->batch_at + i) % PH_KEYD_BATCHES_MAX];
        if (!b->done) {
            b->done = true;
            b->result = PH_ERR_CLOSED;
        }
    }
    return PH_ERR_CLOSED;
}

/* Take one datagram; a batch's answer is put to its batch and counts as nothing received. */
static enum ph_err receive(struct ph_keyd_client *client, struct ph_ipc_frame *frame, bool *settled)
{
    int fd = -1;
    size_t len, fd_cnt;

    *settled = false;
    const enum ph_err err =
        ph_ipc_recv_fds(client->sock, client->in, sizeof(client->in), &len, &fd, 0, &fd_cnt);
    if (err == PH_ERR_AGAIN)
        return err;
    if (err != PH_OK || ph_ipc_decode((struct ph_bytes){client->in, len}, frame) != PH_OK)
        return gone(client);
    struct batch *b = batch_by_id(client, frame->id);
    if (b) {
        settle(b, frame);
        *settled = true;
    }
    return PH_OK;
}

static enum ph_err wait_for(struct ph_keyd_client *client, short events, int64_t until_ns)
{
    struct pollfd p = {.fd = client->sock, .events = events};
    const int64_t left_ms = (until_ns - ph_clock_mono_ns() + 999999) / 1000000;

    if (left_ms <= 0)
        return PH_ERR_AGAIN;
    const int rc = poll(&p, 1, (int)left_ms);
    if (rc < 0 && errno != EINTR)
        return PH_ERR_IO;
    return PH_OK;
}

/* Send client->request, wait for the answer with this id. */
static enum ph_err exchange(struct ph_keyd_client *client, uint64_t id, const int *fds,
                            size_t fd_cnt, struct ph_ipc_frame *answer)
{
    const int64_t until_ns = ph_clock_mono_ns() + (int64_t)PH_KEYD_TIMEOUT_MS * 1000000;
    enum ph_err err;

    while ((err = ph_ipc_send_fds(client->sock, ph_buf_view(&client->request), fds, fd_cnt)) ==
           PH_ERR_AGAIN)
        PH_TRY(wait_for(client, POLLOUT, until_ns));
    if (err == PH_ERR_CLOSED)
        return gone(client);
    PH_TRY(err);
    for (;;) {
        bool settled;
        err = receive(client, answer, &settled);
        if (err == PH_OK && settled) {
            /* The event loop must learn of it, though the socket is empty again. */
            const uint64_t one = 1;
            if (write(client->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
                return PH_ERR_IO;
        } else if (err == PH_OK && answer->id == id) {
            return PH_OK;
        } else if (err == PH_ERR_AGAIN) {
            PH_TRY(wait_for(client, POLLIN, until_ns));
        } else if (err != PH_OK) {
            return err;
        }
    }
}

/* A refusal's class and sentence, when the answer is none of `type`. `why` may be NULL. */
static enum ph_err refusal(const struct ph_ipc_frame *answer, char *why)
{
    struct ph_bytes message = PH_BYTES_LIT("phala-keyd answered out of turn");
    const enum ph_err err = fail_class(answer, &message);

    if (why)
        (void)snprintf(why, PH_KEYD_WHY_LEN, "%.*s",
                       (int)(message.len < PH_KEYD_WHY_LEN ? message.len : PH_KEYD_WHY_LEN - 1),
                       (const char *)message.ptr);
    return err;
}

/* Begin a call: takes the lock and empties the request. */
static enum ph_err begin(struct ph_keyd_client *client, uint64_t *id)
{
    (void)pthread_mutex_lock(&client->lock);
    ph_buf_clear(&client->request);
    *id = client->next_id++;
    return client->closed ? PH_ERR_CLOSED : PH_OK;
}

static enum ph_err finish(struct ph_keyd_client *client, enum ph_err err)
{
    ph_buf_clear(&client->request);
    (void)pthread_mutex_unlock(&client->lock);
    return err;
}

/* The calls. */

static enum ph_err ask_info(struct ph_keyd_client *client)
{
    struct ph_ipc_frame answer;
    struct ph_msg_KEYD_INFO_IS m;
    uint64_t id;

    enum ph_err err = begin(client, &id);
    if (err == PH_OK)
        err = ph_encode_KEYD_INFO(&client->request, 0, id);
    if (err == PH_OK)
        err = exchange(client, id, NULL, 0, &answer);
    if (err == PH_OK && (ph_get_KEYD_INFO_IS(&answer, &m) != PH_OK || m.signer_pub.len != 64 ||
                         m.tls_pub.len != 64))
        err = refusal(&answer, NULL);
    if (err == PH_OK) {
        memcpy(client->info.signer.b, m.signer.b, sizeof(client->info.signer.b));
        memcpy(client->info.signer_pub, m.signer_pub.ptr, 64);
        memcpy(client->info.caller_x25519, m.caller_x25519.b, 32);
        memcpy(client->info.tls_pub, m.tls_pub.ptr, 64);
        client->info.flags = m.flags;
    }
    return finish(client, err);
}

enum ph_err ph_keyd_client_start(const struct ph_keyd_config *config, struct ph_keyd_client **out,
                                 char why[static PH_KEYD_WHY_LEN])
{
    struct ph_keyd_client *client = calloc(1, sizeof(*client));
    if (!client)
        return PH_ERR_NOMEM;
    client->sock = client->event_fd = client->epoll_fd = -1;
    client->pid = -1;
    client->next_id = 1;
    client->request = PH_BUF(REQUEST_MAX);
    (void)pthread_mutex_init(&client->lock, NULL);

    enum ph_err err = spawn(client, config);
    if (err == PH_OK)
        err = ask_info(client);
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

static void reap(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    for (int waited_ms = 0; waited_ms < EXIT_WAIT_MS; waited_ms += 5) {
        const pid_t rc = waitpid(pid, NULL, WNOHANG);
        if (rc == pid || (rc < 0 && errno != EINTR))
            return;
        (void)nanosleep(&pause, NULL);
    }
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void ph_keyd_client_free(struct ph_keyd_client *client)
{
    if (!client)
        return;
    ph_closep(&client->epoll_fd);
    ph_closep(&client->event_fd);
    ph_closep(&client->sock);
    if (client->pid > 0)
        reap(client->pid);
    ph_buf_clear(&client->request);
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

static enum ph_err encode_batch(struct ph_keyd_client *client, uint64_t id,
                                const struct ph_hash32 *root, uint32_t count, uint64_t time_ms)
{
    const struct ph_msg_SIGN_BATCH m = {.root = *root, .count = count, .time_ms = time_ms};
    return ph_encode_SIGN_BATCH(&client->request, 0, id, &m);
}

enum ph_err ph_keyd_client_sign_batch(struct ph_keyd_client *client, const struct ph_hash32 *root,
                                      uint32_t count, uint64_t time_ms, uint8_t sig[static 65])
{
    struct ph_ipc_frame answer;
    struct ph_msg_SIGNED m;
    uint64_t id;

    enum ph_err err = begin(client, &id);
    if (err == PH_OK)
        err = encode_batch(client, id, root, count, time_ms);
    if (err == PH_OK)
        err = exchange(client, id, NULL, 0, &answer);
    if (err == PH_OK && ph_get_SIGNED(&answer, &m) != PH_OK)
        err = refusal(&answer, NULL);
    if (err == PH_OK)
        memcpy(sig, m.sig.b, 65);
    return finish(client, err);
}

enum ph_err ph_keyd_client_sign_batch_send(struct ph_keyd_client *client, uint64_t tag,
                                           const struct ph_hash32 *root, uint32_t count,
                                           uint64_t time_ms)
{
    uint64_t id;

    enum ph_err err = begin(client, &id);
    if (err == PH_OK && client->batch_cnt == PH_KEYD_BATCHES_MAX)
        err = PH_ERR_LIMIT;
    if (err == PH_OK)
        err = encode_batch(client, id, root, count, time_ms);
    if (err == PH_OK)
        err = ph_ipc_send_fds(client->sock, ph_buf_view(&client->request), NULL, 0);
    if (err == PH_ERR_CLOSED)
        err = gone(client);
    if (err == PH_ERR_AGAIN)
        err = PH_ERR_LIMIT; /* as many as the socket holds are under way */
    if (err == PH_OK) {
        const size_t slot = (client->batch_at + client->batch_cnt++) % PH_KEYD_BATCHES_MAX;
        client->batch[slot] = (struct batch){.id = id, .tag = tag};
    }
    return finish(client, err);
}

enum ph_err ph_keyd_client_poll(struct ph_keyd_client *client, struct ph_keyd_signed *out)
{
    struct ph_ipc_frame frame;
    bool settled;
    uint64_t count;

    (void)pthread_mutex_lock(&client->lock);
    if (read(client->event_fd, &count, sizeof(count)) < 0)
        count = 0; /* nobody settled a batch for us */
    /* An answer that is no batch's is one that a call gave up on. */
    while (!client->closed && receive(client, &frame, &settled) == PH_OK)
        ;
    enum ph_err err = client->closed ? PH_ERR_CLOSED : PH_ERR_AGAIN;
    const struct batch *b = &client->batch[client->batch_at];
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
    struct ph_ipc_frame answer;
    uint64_t id;

    enum ph_err err = begin(client, &id);
    if (err == PH_OK)
        err = ph_encode_TLS_SIGN(&client->request, 0, id, &m);
    if (err == PH_OK)
        err = exchange(client, id, NULL, 0, &answer);
    if (err == PH_OK && (ph_get_TLS_SIGNED(&answer, &got) != PH_OK || got.sig.len > PH_TLS_SIG_MAX))
        err = refusal(&answer, NULL);
    if (err == PH_OK) {
        memcpy(sig, got.sig.ptr, got.sig.len);
        *sig_len = got.sig.len;
    }
    return finish(client, err);
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

enum ph_err ph_keyd_client_secrets_seal(struct ph_keyd_client *client,
                                        const struct ph_owner_request *request,
                                        const uint8_t owner_sig[static 65],
                                        struct ph_bytes envelope, struct ph_buf *sealed,
                                        char why[static PH_KEYD_WHY_LEN])
{
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_SECRETS_SEAL m = {.request = PH_BYTES_OF(raw), .envelope = envelope};
    struct ph_msg_SECRETS_SEALED got;
    struct ph_ipc_frame answer;
    uint64_t id;

    why[0] = '\0';
    ph_owner_request_encode(request, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    enum ph_err err = begin(client, &id);
    if (err == PH_OK)
        err = ph_encode_SECRETS_SEAL(&client->request, 0, id, &m);
    if (err == PH_OK)
        err = exchange(client, id, NULL, 0, &answer);
    if (err == PH_OK && ph_get_SECRETS_SEALED(&answer, &got) != PH_OK)
        err = refusal(&answer, why);
    if (err == PH_OK)
        err = ph_buf_add(sealed, got.sealed);
    explain(err, why);
    return finish(client, err);
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
    struct ph_ipc_frame answer;
    uint64_t id;

    why[0] = '\0';
    ph_owner_request_encode(deploy, raw);
    memcpy(m.owner_sig.b, owner_sig, sizeof(m.owner_sig.b));
    enum ph_err err = begin(client, &id);
    if (err == PH_OK)
        err = ph_encode_SECRETS_RELEASE(&client->request, 0, id, &m);
    if (err == PH_OK)
        err = exchange(client, id, &pipe_fd, 1, &answer);
    if (err == PH_OK && ph_get_SECRETS_RELEASED(&answer, &got) != PH_OK)
        err = refusal(&answer, why);
    if (err == PH_OK)
        *len = got.len;
    explain(err, why);
    return finish(client, err);
}
