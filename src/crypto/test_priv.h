#ifndef PH_CRYPTO_TEST_PRIV_H
#define PH_CRYPTO_TEST_PRIV_H

/* Hex in, hex out, for the tests of this module. Vectors marked [noble] come from @noble/hashes and
 * @noble/curves 1.4.0 (MIT), those marked [node] from node 20's crypto module: both independent of
 * the code under test. seq(n) is the bytes 0, 1, … 250, 0, 1, … of length n.
 */

#include "base/hex.h"
#include "base/test.h"

#include <string.h>

/* The bytes of a hex literal, in static storage that later calls reuse after 16 rounds. */
static inline struct ph_bytes unhex(const char *hex)
{
    static uint8_t store[16][1024];
    static unsigned next;
    uint8_t *at = store[next++ % 16];
    const size_t len = strlen(hex) / 2;

    CHECK(len <= sizeof(store[0]) && ph_hex_decode(ph_bytes_str(hex), at, len) == PH_OK);
    return (struct ph_bytes){at, len};
}

static inline struct ph_bytes seq(size_t len)
{
    static uint8_t bytes[1024];

    CHECK(len <= sizeof(bytes));
    /* Filled once: threads read it later. */
    for (size_t i = 0; bytes[sizeof(bytes) - 1] == 0 && i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i % 251);
    return (struct ph_bytes){bytes, len};
}

/* Fails with both values shown. */
static inline void check_hex(const uint8_t *got, size_t len, const char *want)
{
    char hex[2 * 1024 + 1];

    CHECK(len <= 1024);
    ph_hex_encode((struct ph_bytes){got, len}, hex);
    assert_string_equal(hex, want);
}

#endif
