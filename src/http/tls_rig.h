#ifndef PH_HTTP_TLS_RIG_H
#define PH_HTTP_TLS_RIG_H

/* For tests: a throw-away root and a server certificate under it, made on the spot, with a signer
 * as another process would provide it.
 *
 * Layer: http, tests only.
 */

#include "http/server.h"

#include <pthread.h>
#include <semaphore.h>

struct tls_rig {
    struct ph_http_tls tls; /* for ph_http_server_listen */
    char *root_pem, *chain_pem;
    void *key;
    unsigned sign_cnt;
    bool refuse;          /* the signer says no */
    pthread_mutex_t gate; /* the signer waits while a test holds it */
    sem_t asked;          /* how often the signer was asked */
};

/* `name`: the subject's DNS name, or "127.0.0.1". Valid from `from_s` to `to_s` seconds from now.
 */
void tls_rig_open(struct tls_rig *rig, const char *name, long from_s, long to_s);
void tls_rig_close(struct tls_rig *rig);

#endif
