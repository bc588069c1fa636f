/* Start-up: no configuration of OpenSSL's reaches the code that checks signatures, and threads
 * share everything that is made once. */

#include "crypto/init.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"
#include "crypto/test_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* One of everything. */
static bool all_work(void)
{
    uint8_t secret[32], xy[64], sig[65], sealed[32 + 16], out[32], shared[32];
    struct ph_hash32 digest = {{7}};
    struct ph_eth_address want, got;
    struct ph_p256_pub *pub = NULL;

    ph_random(secret, sizeof(secret));
    secret[0] &= 0x7f;
    bool ok = ph_p256_public(secret, xy) == PH_OK && ph_p256_pub_new(xy, &pub) == PH_OK &&
              ph_p256_sign_digest(secret, digest.b, sig) == PH_OK &&
              ph_p256_verify_digest(pub, digest.b, sig) == PH_OK;
    sig[5] ^= 1;
    ok = ok && ph_p256_verify_digest(pub, digest.b, sig) == PH_ERR_UNTRUSTED;
    ph_p256_pub_free(pub);
    ok = ok && ph_aes256gcm_seal(secret, xy, seq(3), (struct ph_bytes){xy, 32}, sealed) == PH_OK &&
         ph_aes256gcm_open(secret, xy, seq(3), PH_BYTES_OF(sealed), out) == PH_OK &&
         memcmp(out, xy, 32) == 0;
    ok = ok && ph_x25519_public(secret, out) == PH_OK && ph_x25519(secret, out, shared) == PH_OK;
    ok = ok && ph_eth_address(secret, &want) == PH_OK &&
         ph_eth_sign(secret, &digest, sig) == PH_OK &&
         ph_eth_recover(&digest, sig, &got) == PH_OK && memcmp(&want, &got, sizeof(got)) == 0;
    return ok && ph_scrypt(seq(3), seq(4), 16, 1, 1, out, sizeof(out)) == PH_OK;
}

/* With only the null provider active nothing of OpenSSL's works; main points OPENSSL_CONF there. */
TEST(openssl_conf_is_not_read)
{
    CHECK(getenv("OPENSSL_CONF") != NULL);
    CHECK(all_work());
}

static void *work(void *failures)
{
    for (int i = 0; i < 20; i++) {
        if (!all_work())
            __atomic_add_fetch((int *)failures, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

TEST(threads_share_contexts)
{
    pthread_t threads[4];
    int failures = 0;

    for (size_t i = 0; i < PH_LEN(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, work, &failures) == 0);
    for (size_t i = 0; i < PH_LEN(threads); i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(failures == 0);
}

TEST(init_may_be_called_again)
{
    ph_crypto_init();
    ph_crypto_init();
    CHECK(all_work());
}

int main(void)
{
    static const char conf[] = "openssl_conf = init\n[init]\nproviders = all\n[all]\nnull = on\n"
                               "[on]\nactivate = 1\n";
    /* Threads first: they race for the start-up. */
    const struct CMUnitTest cases[] = {CASE(threads_share_contexts), CASE(openssl_conf_is_not_read),
                                       CASE(init_may_be_called_again)};
    char path[] = "/tmp/ph_init_testXXXXXX";
    const int fd = mkstemp(path);

    if (fd < 0 || write(fd, conf, sizeof(conf) - 1) != sizeof(conf) - 1 || close(fd) != 0 ||
        setenv("OPENSSL_CONF", path, 1) != 0)
        return 1;
    (void)seq(1); /* fills the shared bytes before threads read them */
    const int failed = cmocka_run_group_tests(cases, NULL, NULL);
    (void)unlink(path);
    return failed;
}
