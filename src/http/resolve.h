#ifndef PH_HTTP_RESOLVE_H
#define PH_HTTP_RESOLVE_H

/* Names to addresses with the system's resolver, on a bounded pool of threads, since getaddrinfo
 * blocks. Answers are picked up on the caller's thread. Nothing about addresses is decided here,
 * but that "localhost" and names under it are the loopback addresses, whatever the system says.
 *
 * Layer: http. Spec: RFC 6761 §6.3. Tests: resolve_test.c, client_test.c.
 */

#include "base/bytes.h"

#include <sys/socket.h>

enum {
    PH_HTTP_ADDRESSES_MAX = 16,
    PH_HTTP_RESOLVE_THREADS = 16,
    PH_HTTP_RESOLVE_QUEUE = 1024,
};

struct ph_http_addresses {
    size_t cnt;
    struct sockaddr_storage at[PH_HTTP_ADDRESSES_MAX];
};

struct ph_http_resolver;

PH_CHECKED enum ph_err ph_http_resolver_open(struct ph_http_resolver **out);
/* Questions under way are given up; a thread stuck in one goes away when it is answered. */
void ph_http_resolver_close(struct ph_http_resolver *resolver);
/* Readable when answers wait. */
int ph_http_resolver_fd(const struct ph_http_resolver *resolver);
/* Ask for `host`; the answer comes with `id` (not 0). PH_ERR_LIMIT: too many questions wait. */
PH_CHECKED enum ph_err ph_http_resolver_ask(struct ph_http_resolver *resolver, const char *host,
                                            uint64_t id);
/* The next answer: its id, or 0 if there is none. out->cnt 0: the name does not resolve. */
uint64_t ph_http_resolver_next(struct ph_http_resolver *resolver, struct ph_http_addresses *out);

#endif
