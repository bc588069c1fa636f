#include "http/peers.h"

#include <netinet/in.h>
#include <stdlib.h>

struct ph_http_peer {
    struct ph_http_peer *next;
    uint8_t key[16];
    uint32_t cnt;
};

static bool key_of(const struct sockaddr *address, uint8_t key[static 16])
{
    memset(key, 0, 16);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &in->sin_addr, 4);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    memcpy(key, &in6->sin6_addr, mapped ? 16 : 8);
    return true;
}

static struct ph_http_peer **bucket_of(struct ph_http_peers *peers, const uint8_t key[static 16])
{
    uint64_t h = peers->seed;

    for (int i = 0; i < 16; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    return &peers->buckets[(h >> 32 ^ h) % PH_HTTP_PEER_BUCKETS];
}

enum ph_err ph_http_peers_take(struct ph_http_peers *peers, const struct sockaddr *address,
                               uint32_t max, struct ph_http_peer **out)
{
    uint8_t key[16];

    if (!key_of(address, key)) {
        *out = NULL;
        return PH_OK;
    }
    struct ph_http_peer **bucket = bucket_of(peers, key), *peer = *bucket;
    while (peer && memcmp(peer->key, key, 16) != 0)
        peer = peer->next;
    if (peer ? peer->cnt >= max : max == 0)
        return PH_ERR_LIMIT;
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        if (!peer)
            return PH_ERR_NOMEM;
        memcpy(peer->key, key, 16);
        peer->next = *bucket;
        *bucket = peer;
    }
    peer->cnt++;
    *out = peer;
    return PH_OK;
}

void ph_http_peers_drop(struct ph_http_peers *peers, struct ph_http_peer *peer)
{
    if (!peer || --peer->cnt > 0)
        return;
    struct ph_http_peer **at = bucket_of(peers, peer->key);
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}
