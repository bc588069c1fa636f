/* What an RA-TLS handshake costs: a certificate with evidence from each side, both judged. CPU time
 * of the whole process, so of both sides together. Run by hand: bench/ratls_bench [ROUNDS]. */

#include "attest/intel/verify.h"
#include "attest/ratls.h"
#include "attest/synth/synth.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "http/bound.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != PH_OK) {                                                                     \
            (void)fprintf(stderr, "failed: %s\n", #call);                                          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct side {
    uint8_t key[32];
    struct ph_buf pem;
    struct ph_http_tls tls;
};

static struct ph_synth synth;
static struct ph_synth_pki *pki;
static struct ph_http_server *server;
static atomic_bool stop;

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static enum ph_err sign(void *ctx, struct ph_bytes digest, uint8_t *out, size_t *len)
{
    const struct side *side = ctx;
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(80);
    uint8_t sig[64];

    PH_TRY(ph_p256_sign_digest(side->key, digest.ptr, sig));
    PH_TRY(ph_der_put_ecdsa_sig(&der, sig, 32));
    memcpy(out, der.ptr, der.len);
    *len = der.len;
    return PH_OK;
}

static void quote_over(const uint8_t report_data[static 64], struct ph_buf *out)
{
    struct ph_tdx_body body;

    ph_synth_tdx_body(&synth, &body);
    memcpy(body.report_data, report_data, 64);
    *out = PH_BUF(PH_QUOTE_MAX);
    MUST(ph_synth_tdx_quote(&synth, pki, &body, NULL, out));
}

/* As a worker's: evidence in both forms. */
static void make_side(struct side *side, uint8_t key, int64_t now_s)
{
    static const uint8_t serial[] = {1};
    struct ph_buf claims = PH_BUF(512), tcg = PH_BUF(PH_QUOTE_MAX), dstack = PH_BUF(PH_QUOTE_MAX),
                  quote, tbs = PH_BUF(PH_CERT_PUT_MAX), sig = PH_BUF(80),
                  der = PH_BUF(PH_CERT_PUT_MAX);
    uint8_t xy[64], spki[PH_CERT_SPKI_P256_LEN], report_data[64], digest[32], raw[64];

    side->key[31] = key;
    MUST(ph_p256_public(side->key, xy));
    ph_cert_spki_p256(xy, spki);
    MUST(ph_ratls_claims(PH_BYTES_OF(spki), &claims, report_data));
    quote_over(report_data, &quote);
    MUST(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&quote), ph_buf_view(&claims),
                                  &tcg));
    ph_buf_clear(&quote);
    ph_ratls_dstack_report_data(PH_BYTES_OF(spki), report_data);
    quote_over(report_data, &quote);
    MUST(ph_der_put(&dstack, PH_DER_OCTET_STRING, ph_buf_view(&quote)));
    const struct ph_cert_ext ext[] = {{PH_RATLS_OID_TAGGED_EVIDENCE, ph_buf_view(&tcg)},
                                      {PH_RATLS_OID_DSTACK "1", ph_buf_view(&dstack)}};
    const struct ph_cert c = {.serial = PH_BYTES_OF(serial),
                              .issuer = {.common_name = "bench"},
                              .subject = {.common_name = "bench"},
                              .not_before_s = now_s - 3600,
                              .not_after_s = now_s + 3600,
                              .spki = PH_BYTES_OF(spki),
                              .ext = ext,
                              .ext_cnt = PH_LEN(ext)};
    MUST(ph_cert_put_tbs(&c, &tbs));
    ph_sha256(ph_buf_view(&tbs), digest);
    MUST(ph_p256_sign_digest(side->key, digest, raw));
    MUST(ph_der_put_ecdsa_sig(&sig, raw, 32));
    MUST(ph_cert_put(ph_buf_view(&tbs), ph_buf_view(&sig), &der));
    side->pem = PH_BUF(1 << 16);
    MUST(ph_pem_encode("CERTIFICATE", ph_buf_view(&der), &side->pem));
    (void)printf("certificate of a side        %zu bytes\n", der.len);
    side->tls = (struct ph_http_tls){.cert_chain_pem = ph_buf_view(&side->pem),
                                     .sign = sign,
                                     .ctx = side,
                                     .mutual_chain_pem = ph_buf_view(&side->pem)};
    ph_buf_clear(&claims);
    ph_buf_clear(&tcg);
    ph_buf_clear(&dstack);
    ph_buf_clear(&quote);
    ph_buf_clear(&tbs);
    ph_buf_clear(&sig);
    ph_buf_clear(&der);
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    ph_http_respond(req, 200, (struct ph_bytes){0}, PH_BYTES_LIT("ok"));
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    (void)ctx;
    (void)req;
    (void)data;
}

static void on_other(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    (void)req;
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    (void)ctx;
    (void)req;
    (void)sent_all;
}

static void *serve(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&stop)) {
        struct pollfd p = {.fd = ph_http_server_fd(server), .events = POLLIN};
        (void)poll(&p, 1, 20);
        ph_http_server_run(server);
    }
    return NULL;
}

static void judge(struct ph_bytes certificate, const struct ph_evidence_args *args)
{
    static struct ph_verdict verdict;
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_json_why why;

    MUST(ph_ratls_open(certificate, &ratls, &why));
    if (ph_ratls_verify(ratls, args, &verdict) != PH_OK) {
        (void)fprintf(stderr, "%s\n", verdict.sentence);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200;
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {on_request, on_body,   on_other,
                                            on_other,   on_closed, NULL};
    const uint8_t seed[32] = {1};
    const int64_t now_s = (int64_t)time(NULL);
    struct side a = {0}, b = {0};
    char url[64], why[256];
    uint16_t port;
    pthread_t thread;

    MUST(ph_synth_defaults(&synth, seed, now_s));
    MUST(ph_synth_pki_new(&synth, &pki));
    make_side(&a, 5, now_s);
    make_side(&b, 6, now_s);
    struct ph_attest_roots roots = {.cnt = 1};
    ph_synth_pki_root(pki, roots.key[0]);
    const struct ph_evidence with = {.collateral = ph_synth_pki_parts(pki)};
    struct ph_evidence_args args = {
        .evidence = &with, .roots = &roots, .policy = ph_policy_builtin_hardware(), .now_s = now_s};

    MUST(ph_http_server_open(&limits, &handler, &server));
    MUST(ph_http_server_listen(server, "127.0.0.1", 0, &a.tls, 0, &port));
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        return 1;

    struct ph_buf peer = PH_BUF(1 << 16);
    double begin = cpu_ms();
    for (int i = 0; i < rounds; i++) {
        struct ph_http_bound *bound PH_OWNED(ph_http_bound_closep) = NULL;
        MUST(ph_http_bound_open(url, &b.tls, 10, &bound, why));
        if (i == 0)
            MUST(ph_buf_add(&peer, ph_http_bound_certificate(bound)));
    }
    const double shake = (cpu_ms() - begin) / rounds;
    begin = cpu_ms();
    for (int i = 0; i < rounds; i++)
        judge(ph_buf_view(&peer), &args);
    const double cold = (cpu_ms() - begin) / rounds;
    struct ph_collateral *collateral = NULL;
    struct ph_json_why where;
    MUST(ph_collateral_parse(&with.collateral, &collateral, &where));
    MUST(ph_attest_cache_new(16, &args.cache));
    args.collateral = collateral;
    judge(ph_buf_view(&peer), &args);
    begin = cpu_ms();
    for (int i = 0; i < rounds; i++)
        judge(ph_buf_view(&peer), &args);
    const double warm = (cpu_ms() - begin) / rounds;

    (void)printf("handshake, both sides        %.2f ms of CPU\n", shake);
    (void)printf("judging a certificate, cold  %.2f ms; collateral and chain kept %.2f ms\n", cold,
                 warm);
    (void)printf("all, both sides              %.2f ms; kept %.2f ms\n", shake + 2 * cold,
                 shake + 2 * warm);
    atomic_store(&stop, true);
    (void)pthread_join(thread, NULL);
    ph_http_server_close(server);
    return 0;
}
