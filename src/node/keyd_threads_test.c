/* The real phala-keyd, asked from several threads while a loop collects batches. PHALA_KEYD names
 * the executable. Runs under ThreadSanitizer too. */
#include "base/clock.h"
#include "base/test.h"
#include "codec/der.h"
#include "crypto/p256.h"
#include "node/keyd_client.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, SIGNATURES = 40, BATCHES = 120 };

static struct ph_keyd_client *start(void)
{
    const char *path = getenv("PHALA_KEYD");
    CHECK(path);
    const struct ph_keyd_config config = {.path = path, .state = "", .seal = "none"};
    struct ph_keyd_client *client = NULL;
    char why[PH_KEYD_WHY_LEN] = "";

    if (ph_keyd_client_start(&config, &client, why) != PH_OK)
        fail_msg("%s", why);
    return client;
}

struct signer {
    struct ph_keyd_client *client;
    pthread_t thread;
    uint8_t mark;
    int good;
    enum ph_err last;
    atomic_bool done;
};

static bool is_valid(struct ph_keyd_client *client, const uint8_t digest[32], struct ph_bytes der)
{
    struct ph_p256_pub *pub = NULL;
    uint8_t raw[64];

    const bool good = ph_p256_pub_new(ph_keyd_client_info(client)->tls_pub, &pub) == PH_OK &&
                      ph_der_ecdsa_sig(der, 32, raw) == PH_OK &&
                      ph_p256_verify_digest(pub, digest, raw) == PH_OK;
    ph_p256_pub_free(pub);
    return good;
}

/* Every signature is one of this thread's digest, not of another thread's. */
static void *sign_many(void *ctx)
{
    struct signer *s = ctx;

    for (int i = 0; i < SIGNATURES; i++) {
        uint8_t digest[32] = {s->mark, (uint8_t)i}, sig[PH_TLS_SIG_MAX];
        size_t len = 0;
        s->last = ph_keyd_client_tls_sign(s->client, PH_TLS_ECDSA_P256_SHA256, digest, sig, &len);
        if (s->last != PH_OK)
            break;
        s->good += is_valid(s->client, digest, (struct ph_bytes){sig, len});
    }
    atomic_store(&s->done, true);
    return NULL;
}

static void begin(struct signer *s, struct ph_keyd_client *client, uint8_t mark)
{
    *s = (struct signer){.client = client, .mark = mark};
    CHECK(pthread_create(&s->thread, NULL, sign_many, s) == 0);
}

/* Collect what is there; the tags come in order. */
static void collect(struct ph_keyd_client *client, uint64_t *next)
{
    struct ph_keyd_signed got;

    while (ph_keyd_client_poll(client, &got) == PH_OK) {
        CHECK(got.result == PH_OK && got.tag == *next);
        (*next)++;
    }
}

TEST(threads_and_the_loop_get_their_own_answers)
{
    struct ph_keyd_client *client = start();
    const struct ph_hash32 root = {{7}};
    struct signer signer[THREADS];
    uint64_t sent = 0, collected = 0;

    for (uint8_t i = 0; i < THREADS; i++)
        begin(&signer[i], client, i);
    while (collected < BATCHES) {
        if (sent < BATCHES && ph_keyd_client_sign_batch_send(client, sent, &root, 1, 5) == PH_OK)
            sent++;
        struct pollfd p = {.fd = ph_keyd_client_fd(client), .events = POLLIN};
        (void)poll(&p, 1, sent < BATCHES ? 0 : 20);
        collect(client, &collected);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(signer[i].thread, NULL) == 0);
        CHECK(signer[i].good == SIGNATURES);
    }
    ph_keyd_client_free(client);
}

TEST(a_thread_that_waits_keeps_nobody_else_from_going_on)
{
    struct ph_keyd_client *client = start();
    const struct ph_hash32 root = {{7}};
    struct signer signer;
    struct ph_keyd_signed got;
    uint64_t collected = 0;

    CHECK(kill(ph_keyd_client_pid(client), SIGSTOP) == 0);
    begin(&signer, client, 1);
    for (uint64_t i = 0; i < 20; i++) {
        CHECK(ph_keyd_client_sign_batch_send(client, i, &root, 1, 5) == PH_OK);
        CHECK(ph_keyd_client_poll(client, &got) == PH_ERR_AGAIN);
    }
    CHECK(!atomic_load(&signer.done));
    CHECK(kill(ph_keyd_client_pid(client), SIGCONT) == 0);
    while (collected < 20) {
        struct pollfd p = {.fd = ph_keyd_client_fd(client), .events = POLLIN};
        (void)poll(&p, 1, 20);
        collect(client, &collected);
    }
    CHECK(pthread_join(signer.thread, NULL) == 0 && signer.good == SIGNATURES);
    ph_keyd_client_free(client);
}

TEST(questions_about_secrets_do_not_wait_behind_others)
{
    struct ph_keyd_client *client = start();
    const struct ph_hash32 root = {{7}};
    const struct ph_owner_request request = {.name = "x"};
    struct ph_buf sealed = PH_BUF(1024);
    struct ph_keyd_signed got;
    const uint8_t sig[65] = {0};
    char why[PH_KEYD_WHY_LEN];

    CHECK(kill(ph_keyd_client_pid(client), SIGSTOP) == 0);
    CHECK(ph_keyd_client_sign_batch_send(client, 1, &root, 1, 5) == PH_OK);
    const int64_t stalled_ns = ph_clock_mono_ns() + (PH_KEYD_STALL_MS + 1) * INT64_C(1000000);
    while (ph_clock_mono_ns() < stalled_ns)
        (void)poll(NULL, 0, 10);
    /* Refused at once: had it been sent, it would be answered below as UNTRUSTED. */
    CHECK(ph_keyd_client_secrets_seal(client, &request, sig, PH_BYTES_LIT("x"), &sealed, why) ==
          PH_ERR_AGAIN);
    CHECK(strstr(why, "no answer in time"));
    CHECK(kill(ph_keyd_client_pid(client), SIGCONT) == 0);
    while (ph_keyd_client_poll(client, &got) == PH_ERR_AGAIN)
        (void)poll(NULL, 0, 10);
    CHECK(got.result == PH_OK);
    CHECK(ph_keyd_client_secrets_seal(client, &request, sig, PH_BYTES_LIT("x"), &sealed, why) !=
          PH_ERR_AGAIN);
    ph_keyd_client_free(client);
}

static void *end_keyd(void *ctx)
{
    (void)poll(NULL, 0, 50);
    CHECK(kill(ph_keyd_client_pid(ctx), SIGKILL) == 0);
    return NULL;
}

TEST(every_waiting_thread_learns_that_keyd_is_gone)
{
    struct ph_keyd_client *client = start();
    struct signer signer[THREADS];
    pthread_t killer;

    CHECK(kill(ph_keyd_client_pid(client), SIGSTOP) == 0);
    for (uint8_t i = 0; i < THREADS; i++)
        begin(&signer[i], client, i);
    CHECK(pthread_create(&killer, NULL, end_keyd, client) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(signer[i].thread, NULL) == 0);
        CHECK(signer[i].last == PH_ERR_CLOSED && signer[i].good == 0);
    }
    CHECK(pthread_join(killer, NULL) == 0);
    ph_keyd_client_free(client);
}

PH_TEST_MAIN(CASE(threads_and_the_loop_get_their_own_answers),
             CASE(a_thread_that_waits_keeps_nobody_else_from_going_on),
             CASE(questions_about_secrets_do_not_wait_behind_others),
             CASE(every_waiting_thread_learns_that_keyd_is_gone))
