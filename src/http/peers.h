#ifndef PH_HTTP_PEERS_H
#define PH_HTTP_PEERS_H

/* How many connections each remote address holds. An IPv6 address counts by its /64, which is what
 * one subscriber gets; IPv4, also v4-mapped, by the whole address; Unix sockets are not counted.
 *
 * Layer: http. Tests: server_pressure_test.c.
 */

#include "base/bytes.h"

#include <sys/socket.h>

struct ph_http_peer; /* one address that holds at least one connection */

enum { PH_HTTP_PEER_BUCKETS = 1024 };

struct ph_http_peers { /* zero-initialise */
    struct ph_http_peer *buckets[PH_HTTP_PEER_BUCKETS];
    uint64_t seed; /* random: remote parties cannot aim at one bucket */
};

/* Count one more connection of `address`. PH_ERR_LIMIT: it has `max` already. *out is NULL where
 * nothing is counted; it goes to ph_http_peers_drop. */
PH_CHECKED enum ph_err ph_http_peers_take(struct ph_http_peers *peers,
                                          const struct sockaddr *address, uint32_t max,
                                          struct ph_http_peer **out);
void ph_http_peers_drop(struct ph_http_peers *peers, struct ph_http_peer *peer);

#endif
