/* Making a key on the stack and verifying with it touches no heap. */

#include "base/test_heap.h"
#include "crypto/p256.h"
#include "crypto/p384.h"
#include "crypto/test_priv.h"

#include <stdlib.h>

static const uint8_t digest[48] = {1, 2, 3};
static uint8_t secret[48] = {1}, xy[96], sig[96];

TEST(the_count_counts)
{
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    const unsigned long before = ph_test_heap();
    struct ph_p256_pub *pub = NULL;
    CHECK(ph_p256_public(secret, xy) == PH_OK && ph_p256_pub_new(xy, &pub) == PH_OK);
    ph_p256_pub_free(pub);
    CHECK(ph_test_heap() > before);
}

TEST(a_p256_key_is_made_prepared_and_used_without_the_heap)
{
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    struct ph_p256_pub pub;
    CHECK(ph_p256_public(secret, xy) == PH_OK);
    CHECK(ph_p256_sign_digest(secret, digest, sig) == PH_OK);
    const unsigned long before = ph_test_heap();
    const enum ph_err made = ph_p256_pub_init(&pub, xy);
    const enum ph_err good = ph_p256_verify_digest(&pub, digest, sig);
    ph_p256_pub_prepare(&pub);
    const enum ph_err again = ph_p256_verify_digest(&pub, digest, sig);
    const enum ph_err message = ph_p256_verify(&pub, (struct ph_bytes){digest, 48}, sig);
    sig[0] ^= 1;
    const enum ph_err bad = ph_p256_verify_digest(&pub, digest, sig);
    const unsigned long after = ph_test_heap();
    CHECK(made == PH_OK && good == PH_OK && again == PH_OK);
    CHECK(message == PH_ERR_UNTRUSTED && bad == PH_ERR_UNTRUSTED);
    CHECK(after == before);
}

TEST(a_p384_key_is_made_prepared_and_used_without_the_heap)
{
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    struct ph_p384_pub pub;
    CHECK(ph_p384_public(secret, xy) == PH_OK);
    CHECK(ph_p384_sign_digest(secret, digest, sig) == PH_OK);
    const unsigned long before = ph_test_heap();
    const enum ph_err made = ph_p384_pub_init(&pub, xy);
    const enum ph_err good = ph_p384_verify_digest(&pub, digest, sig);
    ph_p384_pub_prepare(&pub);
    const enum ph_err again = ph_p384_verify_digest(&pub, digest, sig);
    const enum ph_err message = ph_p384_verify(&pub, (struct ph_bytes){digest, 48}, sig);
    sig[0] ^= 1;
    const enum ph_err bad = ph_p384_verify_digest(&pub, digest, sig);
    const unsigned long after = ph_test_heap();
    CHECK(made == PH_OK && good == PH_OK && again == PH_OK);
    CHECK(message == PH_ERR_UNTRUSTED && bad == PH_ERR_UNTRUSTED);
    CHECK(after == before);
}

PH_TEST_MAIN(CASE(the_count_counts), CASE(a_p256_key_is_made_prepared_and_used_without_the_heap),
             CASE(a_p384_key_is_made_prepared_and_used_without_the_heap))
