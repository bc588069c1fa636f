#include "http/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPT_MAX = 64 };

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static socklen_t parse_address(const char *text, uint16_t port, union address *out)
{
    memset(out, 0, sizeof(*out));
    if (text[0] == '/') {
        out->un.sun_family = AF_UNIX;
        if (strlen(text) >= sizeof(out->un.sun_path))
            return 0;
        memcpy(out->un.sun_path, text, strlen(text));
        return sizeof(out->un);
    }
    if (inet_pton(AF_INET, text, &out->in.sin_addr) == 1) {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons(port);
        return sizeof(out->in);
    }
    if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1) {
        out->in6.sin6_family = AF_INET6;
        out->in6.sin6_port = htons(port);
        return sizeof(out->in6);
    }
    return 0;
}

static void describe(const union address *from, char out[static 64])
{
    if (from->any.sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &from->in.sin_addr, out, 64);
    else if (from->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from->in6.sin6_addr))
        (void)inet_ntop(AF_INET, from->in6.sin6_addr.s6_addr + 12, out, 64);
    else if (from->any.sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &from->in6.sin6_addr, out, 64);
    else
        (void)snprintf(out, 64, "unix");
}

/* A socket file that nobody listens on is left over from a killed process. */
static void remove_stale(const union address *address, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, &address->any, len) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->un.sun_path);
    (void)close(fd);
}

static int bind_unix(int fd, const union address *address, socklen_t len)
{
    remove_stale(address, len);
    /* The mode is right from the first moment: no other thread makes files in this process. */
    mode_t before = umask(0177);
    int rc = bind(fd, &address->any, len);
    (void)umask(before);
    return rc;
}

static int open_listener(const union address *address, socklen_t len)
{
    int on = 1, idle = 60, interval = 15, probes = 4;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    int rc = 0;
    if (address->any.sa_family == AF_UNIX) {
        rc = bind_unix(fd, address, len);
    } else {
        /* Accepted sockets inherit these. Keep-alive finds peers that vanished from a silent
         * stream. */
        rc |= setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        rc |= setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        rc |= setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        rc |= setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        rc |= setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        rc |= setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
        if (rc == 0)
            rc = bind(fd, &address->any, len);
    }
    if (rc != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static void listener_free(struct ph_http_listener *listener)
{
    if (!listener)
        return;
    if (listener->fd >= 0)
        (void)close(listener->fd);
    if (listener->unix_path)
        (void)unlink(listener->unix_path);
    free(listener->unix_path);
    ph_http_identity_free(listener->identity);
    free(listener);
}

void ph_http_listeners_close(struct ph_http_server *server)
{
    while (server->listeners) {
        struct ph_http_listener *listener = server->listeners;
        server->listeners = listener->next;
        listener_free(listener);
    }
}

static enum ph_err open_shaker(struct ph_http_server *server)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->shaker_source};

    if (server->shaker)
        return PH_OK;
    server->shaker_source = PH_HTTP_SRC_SHAKER;
    PH_TRY(ph_http_shaker_open(&server->shaker));
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, ph_http_shaker_fd(server->shaker), &event) == 0)
        return PH_OK;
    ph_http_shaker_close(server->shaker);
    server->shaker = NULL;
    return PH_ERR_IO;
}

static enum ph_err set_up(struct ph_http_listener *listener, const union address *address,
                          socklen_t len, const struct ph_http_tls *tls)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};

    if (tls) {
        PH_TRY(ph_http_identity_new(tls, &listener->identity));
        PH_TRY(open_shaker(listener->server));
    }
    listener->fd = open_listener(address, len);
    if (listener->fd < 0)
        return PH_ERR_IO;
    if (address->any.sa_family == AF_UNIX) {
        listener->unix_path = strdup(address->un.sun_path);
        if (!listener->unix_path) {
            (void)unlink(address->un.sun_path);
            return PH_ERR_NOMEM;
        }
    }
    if (epoll_ctl(listener->server->epoll_fd, EPOLL_CTL_ADD, listener->fd, &event) != 0)
        return PH_ERR_IO;
    return PH_OK;
}

enum ph_err ph_http_server_set_tls(struct ph_http_server *server, const struct ph_http_tls *tls)
{
    struct ph_http_identity *fresh;

    for (struct ph_http_listener *l = server->listeners; l; l = l->next) {
        if (!l->identity)
            continue;
        PH_TRY(ph_http_identity_new(tls, &fresh));
        ph_http_identity_free(l->identity);
        l->identity = fresh;
    }
    return PH_OK;
}

/* Connections point to their listener, so one that was closed stays, for the next of its tag. */
static struct ph_http_listener *retired(struct ph_http_server *server, uint32_t tag)
{
    struct ph_http_listener **at = &server->listeners;

    while (*at && !((*at)->retired && (*at)->tag == tag))
        at = &(*at)->next;
    return *at;
}

static enum ph_err again(struct ph_http_listener *listener, const union address *address,
                         socklen_t len)
{
    const enum ph_err err = set_up(listener, address, len, NULL);

    listener->retired = err != PH_OK;
    if (err != PH_OK && listener->fd >= 0) {
        (void)close(listener->fd);
        listener->fd = -1;
    }
    return err;
}

void ph_http_server_unlisten(struct ph_http_server *server, const char *path)
{
    for (struct ph_http_listener *l = server->listeners; l; l = l->next) {
        if (!l->unix_path || strcmp(l->unix_path, path) != 0)
            continue;
        if (l->fd >= 0)
            (void)close(l->fd);
        l->fd = -1;
        (void)unlink(l->unix_path);
        free(l->unix_path);
        l->unix_path = NULL;
        l->retired = true;
    }
}

enum ph_err ph_http_server_listen(struct ph_http_server *server, const char *address, uint16_t port,
                                  const struct ph_http_tls *tls, uint32_t tag, uint16_t *port_out)
{
    union address addr;
    socklen_t len = parse_address(address, port, &addr);

    if (len == 0) {
        errno = EINVAL;
        return PH_ERR_IO;
    }
    struct ph_http_listener *listener = retired(server, tag);
    if (listener)
        return again(listener, &addr, len);
    listener = calloc(1, sizeof(*listener));
    if (!listener)
        return PH_ERR_NOMEM;
    listener->kind = PH_HTTP_SRC_LISTENER;
    listener->fd = -1;
    listener->tag = tag;
    listener->server = server;
    enum ph_err err = set_up(listener, &addr, len, tls);
    if (err != PH_OK) {
        int why = errno;
        listener_free(listener);
        errno = why;
        return err;
    }
    listener->next = server->listeners;
    server->listeners = listener;
    if (port_out) {
        *port_out = 0;
        len = sizeof(addr);
        if (addr.any.sa_family != AF_UNIX && getsockname(listener->fd, &addr.any, &len) == 0)
            *port_out =
                ntohs(addr.any.sa_family == AF_INET ? addr.in.sin_port : addr.in6.sin6_port);
    }
    return PH_OK;
}

/* Out of descriptors: a waiting connection would keep the listener readable for ever. Take it with
 * the spare descriptor and close it. */
static void shed(struct ph_http_listener *listener)
{
    struct ph_http_server *server = listener->server;

    if (server->spare_fd < 0)
        return;
    (void)close(server->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void ph_http_listener_accept(struct ph_http_listener *listener)
{
    struct ph_http_server *server = listener->server;

    for (int i = 0; i < ACCEPT_MAX && listener->fd >= 0; i++) {
        union address from = {0};
        socklen_t len = sizeof(from);
        struct ph_http_peer *peer = NULL;
        char remote[64];
        int fd = accept4(listener->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                shed(listener);
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            return;
        }
        describe(&from, remote);
        if (server->conn_cnt >= server->limits.connections ||
            ph_http_peers_take(&server->peers, &from.any, server->limits.per_address, &peer) !=
                PH_OK) {
            (void)close(fd);
            continue;
        }
        if (ph_http_conn_new(listener, fd, peer, remote) != PH_OK) {
            ph_http_peers_drop(&server->peers, peer);
            (void)close(fd);
        }
    }
}
