#ifndef PH_CRYPTO_INIT_H
#define PH_CRYPTO_INIT_H

/* Make ready what the libraries below otherwise make ready at first use: algorithm tables, the
 * P-256 group, the secp256k1 context. A process that gives up its privileges calls it before, so
 * that later calls need no file and no new thread; elsewhere it is optional. Idempotent, any
 * thread. Afterwards this module makes the system calls getrandom, getpid (OpenSSL's generator
 * reseeds in a child of fork), futex and those of malloc, and no other.
 *
 * No configuration file and no environment variable of OpenSSL is read: neither may change which
 * code checks a signature. Aborts when out of memory.
 *
 * Layer: crypto. Tests: init_test.c.
 */
void ph_crypto_init(void);

#endif
