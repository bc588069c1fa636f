#include "http/test_ws_server.h"

#include "base/test.h"
#include "http/tls.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool read_exact(struct test_ws_peer *p, void *into, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint8_t *to = (uint8_t *)into + at;
        const ssize_t n = p->session ? gnutls_record_recv(p->session, to, len - at)
                                     : recv(p->fd, to, len - at, 0);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool test_ws_write(struct test_ws_peer *p, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        const uint8_t *from = (const uint8_t *)bytes + at;
        const ssize_t n = p->session ? gnutls_record_send(p->session, from, len - at)
                                     : send(p->fd, from, len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool test_ws_ask(struct test_ws_peer *p)
{
    for (size_t at = 0; at + 1 < sizeof(p->head); at++) {
        if (!read_exact(p, p->head + at, 1))
            return false;
        p->head[at + 1] = 0;
        if (strstr(p->head, "\r\n\r\n"))
            return true;
    }
    return false;
}

bool test_ws_agree(struct test_ws_peer *p)
{
    static const char field[] = "Sec-WebSocket-Key: ";
    char text[128], answer[256];
    uint8_t digest[20];
    gnutls_datum_t raw = {digest, sizeof(digest)}, accept;

    if (!test_ws_ask(p))
        return false;
    const char *key = strstr(p->head, field);
    if (!key)
        return false;
    (void)snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                   key + strlen(field));
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) < 0 ||
        gnutls_base64_encode2(&raw, &accept) < 0)
        return false;
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
                   "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: %.28s\r\n\r\n",
                   (const char *)accept.data);
    gnutls_free(accept.data);
    return test_ws_write(p, answer, strlen(answer));
}

bool test_ws_frame(struct test_ws_peer *p, uint8_t first, const void *payload, size_t len)
{
    uint8_t head[10] = {first};
    size_t head_len = 2;

    if (len < 126) {
        head[1] = (uint8_t)len;
    } else if (len < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        head_len = 4;
    } else {
        head[1] = 127;
        ph_put_u64be(head + 2, len);
        head_len = 10;
    }
    return test_ws_write(p, head, head_len) && test_ws_write(p, payload, len);
}

bool test_ws_next(struct test_ws_peer *p, uint8_t *first, void *payload, size_t cap, size_t *len)
{
    uint8_t head[2], more[8], mask[4];

    if (!read_exact(p, head, 2) || !(head[1] & 0x80))
        return false;
    *len = head[1] & 0x7f;
    const size_t more_len = *len == 126 ? 2 : *len == 127 ? 8 : 0;
    if (!read_exact(p, more, more_len))
        return false;
    if (more_len > 0)
        *len = 0;
    for (size_t i = 0; i < more_len; i++)
        *len = *len << 8 | more[i];
    if (!read_exact(p, mask, sizeof(mask)))
        return false;
    for (size_t i = 0; i < *len; i++) {
        uint8_t c;
        if (!read_exact(p, &c, 1))
            return false;
        if (i < cap)
            ((uint8_t *)payload)[i] = c ^ mask[i % 4];
    }
    *first = head[0];
    return true;
}

void test_ws_wait(struct test_ws_peer *p)
{
    uint8_t c;

    while (read_exact(p, &c, 1)) {
    }
}

static bool shake_hands(const struct test_ws_server *server, struct test_ws_peer *p)
{
    gnutls_session_t session;

    if (gnutls_init(&session, GNUTLS_SERVER) < 0)
        return false;
    p->session = session;
    return gnutls_set_default_priority(session) >= 0 &&
           gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                                  ph_http_identity_credentials(server->identity)) >= 0 &&
           (gnutls_transport_set_int(session, p->fd), gnutls_handshake(session) >= 0);
}

static void *run(void *ctx)
{
    struct test_ws_server *server = ctx;
    int fd;

    for (unsigned turn = 0; (fd = accept(server->fd, NULL, NULL)) >= 0; turn++) {
        struct test_ws_peer peer = {.fd = fd, .turn = turn, .what = server->what};
        if (!server->identity || shake_hands(server, &peer))
            server->serve(&peer);
        if (peer.session)
            gnutls_deinit(peer.session);
        (void)close(fd);
    }
    return NULL;
}

void test_ws_server_open(struct test_ws_server *server, const struct tls_rig *tls,
                         void (*serve)(struct test_ws_peer *peer), const void *what)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *server = (struct test_ws_server){.serve = serve, .what = what};
    if (tls)
        CHECK(ph_http_identity_new(&tls->tls, &server->identity) == PH_OK);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(server->fd >= 0 && bind(server->fd, (struct sockaddr *)&address, len) == 0);
    CHECK(listen(server->fd, 16) == 0);
    CHECK(getsockname(server->fd, (struct sockaddr *)&address, &len) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pthread_create(&server->thread, NULL, run, server) == 0);
}

void test_ws_server_close(struct test_ws_server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->fd);
    ph_http_identity_free(server->identity);
}
