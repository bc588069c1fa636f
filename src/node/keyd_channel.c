/* The channel to phala-keyd: the process, and datagrams to and from it. */

#include "base/clock.h"
#include "base/own.h"
#include "node/keyd_client_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum {
    CHANNEL = 3, /* where phala-keyd finds its end */
    EXIT_WAIT_MS = 1000,
};

/* Starting and ending. */

/* The child between fork and exec: descriptors 0 to 3, nothing else, no environment. */
static void become_keyd(const struct ph_keyd_config *config, int channel)
{
    const char *argv[14 + 2 * PH_KEY_OWNERS_MAX] = {config->path, "--state", config->state,
                                                    "--seal", config->seal};
    size_t argc = 5;

    if (config->cluster_policy) {
        argv[argc++] = "--cluster-policy";
        argv[argc++] = config->cluster_policy;
    }
    if (config->network) {
        argv[argc++] = "--network";
        argv[argc++] = config->network;
    }
    if (config->join)
        argv[argc++] = "--join";
    if (config->restore) {
        argv[argc++] = "--restore";
        argv[argc++] = config->restore;
    }
    for (size_t i = 0; i < config->key_owner_cnt && i < PH_KEY_OWNERS_MAX; i++) {
        argv[argc++] = "--key-owner";
        argv[argc++] = config->key_owners[i];
    }
    char needed[16];
    if (config->key_owner_cnt > 0) {
        (void)snprintf(needed, sizeof(needed), "%u", config->key_owners_needed);
        argv[argc++] = "--key-owners-needed";
        argv[argc++] = needed;
    }
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
    (void)execve(config->path, (char *const *)(uintptr_t)argv, no_environment);
    _exit(127);
}

static enum ph_err watch(const struct ph_keyd_client *client, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};
    return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_keyd_spawn(struct ph_keyd_client *client, const struct ph_keyd_config *config)
{
    int pair[2];

    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->epoll_fd < 0 || client->event_fd < 0 || client->wake_fd < 0 ||
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

void ph_keyd_reap(pid_t pid)
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

/* Receiving. All with the lock held. */

uint64_t ph_keyd_next_id(struct ph_keyd_client *client)
{
    return client->next_id++;
}

static struct ph_keyd_batch *batch_at(struct ph_keyd_client *client, size_t i)
{
    return &client->batch[(client->batch_at + i) % PH_KEYD_BATCHES_MAX];
}

static void signal_fd(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof(one)); /* full is as good: it is readable */
}

static void take_signal(int fd)
{
    uint64_t n;
    (void)!read(fd, &n, sizeof(n));
}

static void settle_batch(struct ph_keyd_batch *b, const struct ph_ipc_frame *frame)
{
    struct ph_msg_SIGNED m;

    b->done = true;
    b->result = PH_ERR_IO;
    if (ph_get_SIGNED(frame, &m) == PH_OK) {
        memcpy(b->sig, m.sig.b, sizeof(b->sig));
        b->result = PH_OK;
    } else {
        struct ph_msg_KEYD_FAIL fail;
        if (ph_get_KEYD_FAIL(frame, &fail) == PH_OK)
            b->result = ph_keyd_fail_class(fail.err);
    }
}

/* Hand an answer to who asked. One that nobody waits for is of a call that gave up. */
static enum ph_err deliver(struct ph_keyd_client *client, const struct ph_ipc_frame *frame,
                           struct ph_bytes datagram)
{
    for (size_t i = 0; i < client->batch_cnt; i++)
        if (batch_at(client, i)->id == frame->id && !batch_at(client, i)->done) {
            settle_batch(batch_at(client, i), frame);
            if (!client->in_loop)
                signal_fd(client->event_fd); /* the loop would find the socket empty */
            return PH_OK;
        }
    for (struct ph_keyd_wait *w = client->waits; w; w = w->next)
        if (w->id == frame->id && !w->done) {
            PH_TRY(ph_buf_add(&w->answer, datagram));
            w->done = true;
            if (client->polling)
                signal_fd(client->wake_fd);
            (void)pthread_cond_broadcast(&client->changed);
        }
    return PH_OK;
}

void ph_keyd_gone(struct ph_keyd_client *client)
{
    client->closed = true;
    for (size_t i = 0; i < client->batch_cnt; i++)
        if (!batch_at(client, i)->done) {
            batch_at(client, i)->done = true;
            batch_at(client, i)->result = PH_ERR_CLOSED;
        }
    signal_fd(client->wake_fd);
    (void)pthread_cond_broadcast(&client->changed);
}

enum ph_err ph_keyd_receive_all(struct ph_keyd_client *client)
{
    while (!client->closed) {
        struct ph_ipc_frame frame;
        int fd = -1;
        size_t len, fd_cnt;
        const enum ph_err err =
            ph_ipc_recv_fds(client->sock, client->in, sizeof(client->in), &len, &fd, 0, &fd_cnt);
        if (err == PH_ERR_AGAIN)
            return err;
        const struct ph_bytes datagram = {client->in, len};
        if (err != PH_OK || ph_ipc_decode(datagram, &frame) != PH_OK ||
            deliver(client, &frame, datagram) != PH_OK)
            ph_keyd_gone(client);
    }
    return PH_ERR_CLOSED;
}

bool ph_keyd_is_stalled(struct ph_keyd_client *client)
{
    const int64_t limit_ns = ph_clock_mono_ns() - (int64_t)PH_KEYD_STALL_MS * 1000000;
    bool stalled = false;

    (void)pthread_mutex_lock(&client->lock);
    /* What has come since then counts. */
    (void)!ph_keyd_receive_all(client);
    for (size_t i = 0; i < client->batch_cnt; i++)
        stalled |= !batch_at(client, i)->done && batch_at(client, i)->sent_ns < limit_ns;
    for (const struct ph_keyd_wait *w = client->waits; w; w = w->next)
        stalled |= !w->done && w->sent_ns < limit_ns;
    (void)pthread_mutex_unlock(&client->lock);
    return stalled;
}

/* Waiting. */

/* Poll without the lock, which is held before and after. False: the time is up. */
static bool poll_unlocked(struct ph_keyd_client *client, short events, int64_t until_ns)
{
    struct pollfd p[2] = {{.fd = client->sock, .events = events},
                          {.fd = client->wake_fd, .events = POLLIN}};
    const int64_t left_ms = (until_ns - ph_clock_mono_ns() + 999999) / 1000000;

    if (left_ms <= 0)
        return false;
    (void)pthread_mutex_unlock(&client->lock);
    (void)poll(p, 2, (int)left_ms);
    (void)pthread_mutex_lock(&client->lock);
    return true;
}

/* Sleep until the thread that polls has news. */
static void sleep_until(struct ph_keyd_client *client, int64_t until_ns)
{
    const struct timespec at = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    (void)pthread_cond_timedwait(&client->changed, &client->lock, &at);
}

static enum ph_err send_all(struct ph_keyd_client *client, struct ph_bytes request, const int *fds,
                            size_t fd_cnt, int64_t until_ns)
{
    enum ph_err err = PH_ERR_CLOSED;

    while (!client->closed &&
           (err = ph_ipc_send_fds(client->sock, request, fds, fd_cnt)) == PH_ERR_AGAIN)
        if (!poll_unlocked(client, POLLOUT, until_ns))
            return PH_ERR_AGAIN;
    if (err == PH_ERR_CLOSED)
        ph_keyd_gone(client);
    return err;
}

static void await(struct ph_keyd_client *client, const struct ph_keyd_wait *w, int64_t until_ns)
{
    while (!w->done && ph_keyd_receive_all(client) == PH_ERR_AGAIN && !w->done &&
           ph_clock_mono_ns() < until_ns) {
        if (client->polling) {
            sleep_until(client, until_ns);
            continue;
        }
        client->polling = true;
        (void)poll_unlocked(client, POLLIN, until_ns);
        take_signal(client->wake_fd);
        client->polling = false;
    }
    /* Whoever sleeps polls from now on. */
    (void)pthread_cond_broadcast(&client->changed);
}

enum ph_err ph_keyd_exchange(struct ph_keyd_client *client, struct ph_bytes request, uint64_t id,
                             const int *fds, size_t fd_cnt, struct ph_buf *answer,
                             struct ph_ipc_frame *frame)
{
    struct ph_keyd_wait w = {
        .id = id, .sent_ns = ph_clock_mono_ns(), .answer = PH_BUF(PH_KEYD_DATAGRAM_MAX)};
    const int64_t until_ns = w.sent_ns + (int64_t)PH_KEYD_TIMEOUT_MS * 1000000;

    (void)pthread_mutex_lock(&client->lock);
    w.next = client->waits;
    client->waits = &w;
    enum ph_err err = send_all(client, request, fds, fd_cnt, until_ns);
    if (err == PH_OK) {
        await(client, &w, until_ns);
        err = w.done ? PH_OK : client->closed ? PH_ERR_CLOSED : PH_ERR_AGAIN;
    }
    struct ph_keyd_wait **at = &client->waits;
    while (*at != &w)
        at = &(*at)->next;
    *at = w.next;
    (void)pthread_mutex_unlock(&client->lock);
    if (err == PH_OK)
        err = ph_ipc_decode(ph_buf_view(&w.answer), frame);
    *answer = w.answer;
    return err;
}
