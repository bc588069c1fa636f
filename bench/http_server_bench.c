/* The HTTP server alone, for wrk: every request is answered with 13 bytes and six fields, at once
 * or in the loop turn after it (the way answers of a phat arrive).
 *
 *   http_server_bench PORT now|later [CERT.pem KEY.pem]
 *
 * With a certificate it speaks TLS; the key is then used in this process, through the same callback
 * that asks another process in the product.
 */

#include "http/server.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { WAITING_MAX = 4096 };

static struct ph_http_req *waiting[WAITING_MAX];
static size_t waiting_cnt;
static bool later;

static void answer(struct ph_http_req *req)
{
    ph_http_respond(req, 200,
                    PH_BYTES_LIT("content-type: text/plain\n"
                                 "phala-receipt-id: 0123456789abcdef0123456789abcdef0123456789abcd"
                                 "ef0123456789ab\n"
                                 "cache-control: no-store\n"
                                 "x-frame-options: DENY\n"),
                    PH_BYTES_LIT("Hello, world\n"));
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    (void)ph_http_req_headers(req);
    if (!later || waiting_cnt == WAITING_MAX)
        answer(req);
    else
        waiting[waiting_cnt++] = req;
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    (void)ctx;
    (void)req;
    (void)data;
}

static void on_event(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    (void)req;
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    (void)ctx;
    (void)sent_all;
    for (size_t i = 0; i < waiting_cnt; i++)
        if (waiting[i] == req)
            waiting[i] = waiting[--waiting_cnt];
}

static enum ph_err sign(void *ctx, struct ph_bytes digest, uint8_t *sig, size_t *sig_len)
{
    gnutls_datum_t hash = {(void *)(uintptr_t)digest.ptr, (unsigned)digest.len}, out;

    if (gnutls_privkey_sign_hash(ctx, GNUTLS_DIG_SHA256, 0, &hash, &out) < 0 || out.size > 80)
        return PH_ERR_IO;
    memcpy(sig, out.data, out.size);
    *sig_len = out.size;
    gnutls_free(out.data);
    return PH_OK;
}

static bool load_tls(char **argv, struct ph_http_tls *tls)
{
    gnutls_datum_t cert, key;
    gnutls_privkey_t handle;

    if (gnutls_load_file(argv[0], &cert) < 0 || gnutls_load_file(argv[1], &key) < 0 ||
        gnutls_privkey_init(&handle) < 0 ||
        gnutls_privkey_import_x509_raw(handle, &key, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
        return false;
    *tls =
        (struct ph_http_tls){.cert_chain_pem = {cert.data, cert.size}, .sign = sign, .ctx = handle};
    return true;
}

int main(int argc, char **argv)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {.on_request = on_request,
                                            .on_body = on_body,
                                            .on_body_end = on_event,
                                            .on_writable = on_event,
                                            .on_closed = on_closed};
    struct ph_http_server *server;
    struct ph_http_tls tls;

    if ((argc != 3 && argc != 5) || (argc == 5 && !load_tls(argv + 3, &tls))) {
        (void)fprintf(stderr, "usage: %s PORT now|later [CERT.pem KEY.pem]\n", argv[0]);
        return 2;
    }
    later = strcmp(argv[2], "later") == 0;
    if (ph_http_server_open(&limits, &handler, &server) != PH_OK ||
        ph_http_server_listen(server, "127.0.0.1", (uint16_t)atoi(argv[1]), argc == 5 ? &tls : NULL,
                              0, NULL) != PH_OK) {
        perror("listen");
        return 1;
    }
    int outer = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    if (outer < 0 || epoll_ctl(outer, EPOLL_CTL_ADD, ph_http_server_fd(server), &event) != 0)
        return 1;
    for (;;) {
        (void)epoll_wait(outer, &event, 1, ph_http_server_timeout_ms(server));
        ph_http_server_run(server);
        for (size_t i = 0; i < waiting_cnt; i++)
            answer(waiting[i]);
        waiting_cnt = 0;
    }
}
