/* Threads whose first act is to verify, all at once: the generators' tables are made once, and a
 * prepared key is shared. Nothing of libcrypto runs here, whose locks would put the threads in
 * order. Signatures: RFC 6979 A.2.5 and A.2.6, digests of "sample". */

#include "crypto/p256.h"
#include "crypto/p384.h"
#include "crypto/test_priv.h"

#include <pthread.h>

#define XY256                                                                                      \
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"                             \
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define DIGEST256 "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
#define SIG256                                                                                     \
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"                             \
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define XY384                                                                                      \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a25451"     \
    "5480bc13"                                                                                     \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25"     \
    "33264720"
#define DIGEST384                                                                                  \
    "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312313bca4a9b5b890efee42c77"     \
    "b1ee25fe"
#define SIG384                                                                                     \
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e"     \
    "80fabe46"                                                                                     \
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a"     \
    "38628ac8"

enum { THREADS = 8 };

static uint8_t digest256[32], sig256[64], digest384[48], sig384[96];
static struct ph_p256_pub pub256;
static struct ph_p384_pub pub384;
static pthread_barrier_t barrier;

static void *verify(void *good)
{
    (void)pthread_barrier_wait(&barrier);
    for (int i = 0; i < 3; i++) {
        if (ph_p256_verify_digest(&pub256, digest256, sig256) != PH_OK ||
            ph_p384_verify_digest(&pub384, digest384, sig384) != PH_OK)
            return NULL;
    }
    return good;
}

TEST(first_verifications_at_once_agree)
{
    pthread_t thread[THREADS];
    void *good[THREADS];
    char yes;

    memcpy(digest256, unhex(DIGEST256).ptr, sizeof(digest256));
    memcpy(sig256, unhex(SIG256).ptr, sizeof(sig256));
    memcpy(digest384, unhex(DIGEST384).ptr, sizeof(digest384));
    memcpy(sig384, unhex(SIG384).ptr, sizeof(sig384));
    CHECK(ph_p256_pub_init(&pub256, unhex(XY256).ptr) == PH_OK);
    CHECK(ph_p384_pub_init(&pub384, unhex(XY384).ptr) == PH_OK);
    ph_p256_pub_prepare(&pub256);
    ph_p384_pub_prepare(&pub384);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, verify, &yes) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], &good[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(good[i] == &yes);
    CHECK(pthread_barrier_destroy(&barrier) == 0);
}

PH_TEST_MAIN(CASE(first_verifications_at_once_agree))
