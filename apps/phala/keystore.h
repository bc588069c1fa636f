#ifndef PH_CLI_KEYSTORE_H
#define PH_CLI_KEYSTORE_H

/* An owner's Ethereum key in a password-protected file: Web3 Secret Storage version 3, as geth,
 * cast and most wallets read and write it.
 *
 * Written: scrypt n=262144 r=8 p=1, aes-128-ctr, MAC keccak256(derived[16:32] || ciphertext). Read:
 * scrypt and pbkdf2 (hmac-sha256). The file is untrusted input: its cost parameters are bounded, so
 * that opening a foreign file takes at most 512 MiB and a few seconds.
 *
 * Spec: https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/.
 * Tests: keystore_test.c, keystore_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum {
    PH_KEYSTORE_TEXT_MAX = 64 << 10,        /* bytes of the file */
    PH_KEYSTORE_PASSWORD_MAX = 1024,        /* bytes */
    PH_KEYSTORE_SCRYPT_MEM_MAX = 512 << 20, /* bytes: 128 * n * r; geth writes 256 MiB */
    PH_KEYSTORE_SCRYPT_WORK_MAX = 8 << 20,  /* n * r * p; geth writes 2 Mi */
    PH_KEYSTORE_PBKDF2_MAX = 10000000,      /* rounds; common writers use 10,240 to 1,000,000 */
};

/* Why a keystore was refused, as a sentence without a final stop. */
struct ph_keystore_why {
    char text[256];
};

/**
 * Open a keystore.
 *
 * @text      JSON text of the file
 * @secret    32-byte secp256k1 secret; the caller wipes it
 * @address   address of that secret, computed, never taken from the file
 * @why       filled on every failure
 * Returns    PH_ERR_MALFORMED    not a version-3 keystore, or a field breaks its format
 *            PH_ERR_UNSUPPORTED  another version, cipher, key derivation or prf
 *            PH_ERR_LIMIT        text, password or cost parameters over the bounds above
 *            PH_ERR_UNTRUSTED    the MAC differs (wrong password or damaged file), or the "address"
 *                                in the file is not the secret's
 *            PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_keystore_open(struct ph_bytes text, struct ph_bytes password,
                                        uint8_t secret[static 32], struct ph_eth_address *address,
                                        struct ph_keystore_why *why);

/* The checks of ph_keystore_open that need no password; yields the "address" the file claims, or
 * PH_ERR_NOT_FOUND if it names none. */
PH_CHECKED enum ph_err ph_keystore_address(struct ph_bytes text, struct ph_eth_address *out,
                                           struct ph_keystore_why *why);

/**
 * Write a keystore for a secret.
 *
 * @password  1..PH_KEYSTORE_PASSWORD_MAX bytes
 * @out       receives the JSON text, with a final line feed
 * Returns    PH_ERR_MALFORMED  the secret is no secp256k1 scalar, or the password is empty
 *            PH_ERR_LIMIT      password too long, or `out` too small; PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_keystore_write(const uint8_t secret[static 32], struct ph_bytes password,
                                         struct ph_buf *out);

#endif
