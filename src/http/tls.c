#include "http/tls.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    CHAIN_MAX = 8,
    RAW_LEN = 18 * 1024,       /* one full record and some */
    HANDSHAKE_MAX = 48 * 1024, /* one message of a peer: a certificate with evidence */
};

static const char priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"
    "+ECDHE-ECDSA:+GROUP-X25519:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:"
    "+SIGN-ECDSA-SECP256R1-SHA256:+COMP-NULL:%SERVER_PRECEDENCE";

struct ph_http_identity {
    size_t users; /* sessions, and who made it: all on one thread */
    struct ph_http_tls tls;
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_credentials_t mutual; /* NULL: not offered */
    gnutls_priority_t priority;
};

struct ph_http_session {
    gnutls_session_t session;
    struct ph_http_identity *identity;
    int fd;
    bool readable; /* the socket may hold bytes */
    bool hup;      /* the peer sends no more: read on until the end shows */
    bool resend;   /* GnuTLS holds a record that the socket did not take */
    size_t raw_off, raw_len;
    uint8_t raw[RAW_LEN];
};

static int sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *ctx,
                     unsigned flags, const gnutls_datum_t *hash, gnutls_datum_t *out)
{
    const struct ph_http_identity *id = ctx;
    size_t len = 80;

    (void)key;
    (void)flags;
    if (algorithm != GNUTLS_SIGN_ECDSA_SHA256 && algorithm != GNUTLS_SIGN_ECDSA_SECP256R1_SHA256)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    out->data = gnutls_malloc(len);
    if (!out->data)
        return GNUTLS_E_MEMORY_ERROR;
    if (id->tls.sign(id->tls.ctx, (struct ph_bytes){hash->data, hash->size}, out->data, &len) !=
        PH_OK) {
        gnutls_free(out->data);
        out->data = NULL;
        return GNUTLS_E_PK_SIGN_FAILED;
    }
    out->size = (unsigned)len;
    return 0;
}

static int key_info(gnutls_privkey_t key, unsigned flags, void *ctx)
{
    (void)key;
    (void)ctx;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
        return GNUTLS_PK_ECDSA;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
        return 256;
    if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) {
        unsigned algorithm = GNUTLS_FLAGS_TO_SIGN_ALGO(flags);
        return algorithm == GNUTLS_SIGN_ECDSA_SHA256 ||
               algorithm == GNUTLS_SIGN_ECDSA_SECP256R1_SHA256;
    }
    return -1;
}

static enum ph_err set_chain(struct ph_http_identity *id, struct ph_bytes text,
                             gnutls_certificate_credentials_t credentials)
{
    gnutls_datum_t pem = {(void *)(uintptr_t)text.ptr, (unsigned)text.len};
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned cnt = CHAIN_MAX, bits = 0;
    gnutls_privkey_t key = NULL;

    if (gnutls_pcert_list_import_x509_raw(chain, &cnt, &pem, GNUTLS_X509_FMT_PEM, 0) < 0)
        return PH_ERR_MALFORMED;
    bool good = cnt > 0 &&
                gnutls_pubkey_get_pk_algorithm(chain[0].pubkey, &bits) == GNUTLS_PK_ECDSA &&
                bits == 256 && gnutls_privkey_init(&key) == 0;
    good =
        good && gnutls_privkey_import_ext4(key, id, NULL, sign_hash, NULL, NULL, key_info, 0) == 0;
    /* On success the credentials own the chain and the key handle. */
    if (good && gnutls_certificate_set_key(credentials, NULL, 0, chain, (int)cnt, key) >= 0)
        return PH_OK;
    for (unsigned i = 0; i < cnt; i++)
        gnutls_pcert_deinit(&chain[i]);
    if (key)
        gnutls_privkey_deinit(key);
    return PH_ERR_MALFORMED;
}

enum ph_err ph_http_identity_new(const struct ph_http_tls *tls, struct ph_http_identity **out)
{
    struct ph_http_identity *id = calloc(1, sizeof(*id));

    if (!id)
        return PH_ERR_NOMEM;
    id->users = 1;
    id->tls = *tls;
    if (gnutls_certificate_allocate_credentials(&id->credentials) < 0 ||
        (tls->mutual_chain_pem.len > 0 &&
         gnutls_certificate_allocate_credentials(&id->mutual) < 0) ||
        gnutls_priority_init(&id->priority, priorities, NULL) < 0) {
        ph_http_identity_free(id);
        return PH_ERR_NOMEM;
    }
    enum ph_err err = set_chain(id, tls->cert_chain_pem, id->credentials);
    if (err == PH_OK && id->mutual)
        err = set_chain(id, tls->mutual_chain_pem, id->mutual);
    if (err != PH_OK) {
        ph_http_identity_free(id);
        return err;
    }
    id->tls.cert_chain_pem = id->tls.mutual_chain_pem = (struct ph_bytes){0};
    *out = id;
    return PH_OK;
}

void ph_http_identity_free(struct ph_http_identity *id)
{
    if (!id || --id->users > 0)
        return;
    if (id->credentials)
        gnutls_certificate_free_credentials(id->credentials);
    if (id->mutual)
        gnutls_certificate_free_credentials(id->mutual);
    if (id->priority)
        gnutls_priority_deinit(id->priority);
    free(id);
}

void *ph_http_identity_credentials(const struct ph_http_identity *id)
{
    return id->credentials;
}

/* The client's hello is read, nothing is answered: who offers the protocol of workers is shown
 * their chain and asked for his own, whose key the handshake then proves. */
static int on_hello(gnutls_session_t session)
{
    static const char mutual[] = PH_HTTP_ALPN_MUTUAL;
    const struct ph_http_session *s = gnutls_session_get_ptr(session);
    gnutls_datum_t chosen;

    if (gnutls_alpn_get_selected_protocol(session, &chosen) < 0 ||
        chosen.size != sizeof(mutual) - 1 || memcmp(chosen.data, mutual, chosen.size) != 0)
        return 0;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->identity->mutual);
}

/* GnuTLS pulls a record in two pieces; one recv fetches what is there. */
static ssize_t pull(gnutls_transport_ptr_t ptr, void *into, size_t len)
{
    struct ph_http_session *s = ptr;

    if (s->raw_off == s->raw_len) {
        if (!s->readable) {
            gnutls_transport_set_errno(s->session, EAGAIN);
            return -1;
        }
        ssize_t n = recv(s->fd, s->raw, sizeof(s->raw), 0);
        if (n <= 0) {
            if (n < 0) {
                s->readable = errno == EINTR;
                gnutls_transport_set_errno(s->session, errno);
            }
            return n;
        }
        s->raw_off = 0;
        s->raw_len = (size_t)n;
        /* Less than asked for: the socket is drained, and the next byte makes a new event. */
        if (s->raw_len < sizeof(s->raw) && !s->hup)
            s->readable = false;
    }
    size_t n = s->raw_len - s->raw_off < len ? s->raw_len - s->raw_off : len;
    memcpy(into, s->raw + s->raw_off, n);
    s->raw_off += n;
    return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int cnt)
{
    struct ph_http_session *s = ptr;
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)cnt};
    /* A record is one piece, as a rule; without a vector to copy the call is cheaper. */
    ssize_t n = cnt == 1 ? send(s->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                         : sendmsg(s->fd, &msg, MSG_NOSIGNAL);

    if (n < 0)
        gnutls_transport_set_errno(s->session, errno);
    return n;
}

enum ph_err ph_http_session_new(struct ph_http_identity *id, int fd, struct ph_http_session **out)
{
    static unsigned char http11[] = "http/1.1", mutual[] = PH_HTTP_ALPN_MUTUAL;
    static const gnutls_datum_t alpn[] = {{http11, sizeof(http11) - 1},
                                          {mutual, sizeof(mutual) - 1}};
    struct ph_http_session *s = malloc(sizeof(*s));

    if (!s)
        return PH_ERR_NOMEM;
    s->session = NULL;
    s->identity = id;
    id->users++;
    s->fd = fd;
    s->readable = true;
    s->hup = s->resend = false;
    s->raw_off = s->raw_len = 0;
    if (gnutls_init(&s->session,
                    GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0 ||
        gnutls_priority_set(s->session, id->priority) < 0 ||
        gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, id->credentials) < 0 ||
        gnutls_alpn_set_protocols(s->session, alpn, id->mutual ? 2 : 1, 0) < 0) {
        ph_http_session_free(s);
        return PH_ERR_NOMEM;
    }
    gnutls_handshake_set_timeout(s->session, 0); /* the connection's own timer decides */
    gnutls_handshake_set_max_packet_length(s->session, HANDSHAKE_MAX);
    gnutls_session_set_ptr(s->session, s);
    gnutls_handshake_set_post_client_hello_function(s->session, on_hello);
    gnutls_transport_set_ptr(s->session, s);
    gnutls_transport_set_pull_function(s->session, pull);
    gnutls_transport_set_vec_push_function(s->session, push);
    *out = s;
    return PH_OK;
}

void ph_http_session_free(struct ph_http_session *s)
{
    if (!s)
        return;
    if (s->session)
        gnutls_deinit(s->session);
    ph_http_identity_free(s->identity);
    free(s);
}

void ph_http_session_readable(struct ph_http_session *s, bool hup)
{
    s->hup |= hup;
    s->readable = true;
}

static bool is_again(ssize_t code)
{
    return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
}

enum ph_err ph_http_session_handshake(struct ph_http_session *s)
{
    for (int i = 0; i < 32; i++) {
        int code = gnutls_handshake(s->session);
        if (code == GNUTLS_E_SUCCESS)
            return PH_OK;
        if (is_again(code))
            return PH_ERR_AGAIN;
        if (gnutls_error_is_fatal(code)) {
            (void)gnutls_alert_send_appropriate(s->session, code);
            return PH_ERR_IO;
        }
    }
    return PH_ERR_IO; /* only endless warning alerts lead here */
}

enum ph_err ph_http_session_recv(struct ph_http_session *s, uint8_t *into, size_t len, size_t *got,
                                 bool *more)
{
    *more = false;
    for (int i = 0; i < 32; i++) {
        ssize_t n = gnutls_record_recv(s->session, into, len);
        if (n >= 0) {
            *got = (size_t)n;
            /* The peer's end, too, is read off the socket. */
            *more = n == 0 || s->readable || s->raw_off < s->raw_len ||
                    gnutls_record_check_pending(s->session) > 0;
            return PH_OK;
        }
        *more = false;
        if (is_again(n))
            return PH_ERR_AGAIN;
        /* Renegotiation is refused by not taking part in it; other warnings are passed over. */
        if (gnutls_error_is_fatal((int)n) || n == GNUTLS_E_REHANDSHAKE)
            return PH_ERR_IO;
    }
    return PH_ERR_IO;
}

enum ph_err ph_http_session_send(struct ph_http_session *s, struct ph_bytes data, size_t *sent)
{
    ssize_t n = s->resend ? gnutls_record_send(s->session, NULL, 0)
                          : gnutls_record_send(s->session, data.ptr, data.len);
    if (n >= 0) {
        s->resend = false;
        *sent = (size_t)n;
        return PH_OK;
    }
    if (!is_again(n))
        return PH_ERR_IO;
    s->resend = true;
    return PH_ERR_AGAIN;
}

void ph_http_session_bye(struct ph_http_session *s)
{
    if (!s->resend)
        (void)gnutls_bye(s->session, GNUTLS_SHUT_WR);
}

enum ph_err ph_http_tls_exporter(void *session, uint8_t out[static 32])
{
    static const char label[] = "EXPORTER-Channel-Binding";

    if (gnutls_protocol_get_version(session) != GNUTLS_TLS1_3 ||
        gnutls_prf_rfc5705(session, sizeof(label) - 1, label, 0, "", 32, (char *)out) < 0)
        return PH_ERR_UNSUPPORTED;
    return PH_OK;
}

enum ph_err ph_http_session_exporter(const struct ph_http_session *s, uint8_t out[static 32])
{
    return ph_http_tls_exporter(s->session, out);
}

struct ph_bytes ph_http_tls_peer(void *session)
{
    unsigned cnt = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &cnt);

    return chain && cnt > 0 ? (struct ph_bytes){chain[0].data, chain[0].size}
                            : (struct ph_bytes){0};
}

struct ph_bytes ph_http_session_peer(const struct ph_http_session *s)
{
    return ph_http_tls_peer(s->session);
}
