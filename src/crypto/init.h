#ifndef PH_CRYPTO_INIT_H
#define PH_CRYPTO_INIT_H

/* Make ready what the libraries below otherwise make ready at first use: algorithm tables, the
 * P-256 group, the secp256k1 context. A process that gives up its privileges calls it before, so
 * that later calls need no file and no new thread; elsewhere it is optional. Idempotent, any
 * thread.
 *
 * No configuration file and no environment variable of OpenSSL is read: neither may change which
 * code checks a signature. Aborts when out of memory.
 *
 * Layer: crypto.
 */
void ph_crypto_init(void);

#endif
