#include "keyring.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"

enum { WITH_FLOORS = 3, WITH_WORKER_KEYS = 4, WITH_MARKS = 5 }; /* beside those of keys/cluster.c */

enum ph_err keyring_init(struct keyring *ring)
{
    struct ph_secret *mem;

    PH_TRY(ph_secret_new(sizeof(struct keyring_secrets), &mem));
    /* Pages of their own: aligned for anything. */
    *ring = (struct keyring){.mem = mem, .secrets = (void *)ph_secret_at(mem)};
    ph_random(ring->secrets->nonces, sizeof(ring->secrets->nonces));
    return PH_OK;
}

void keyring_begin(struct keyring *ring)
{
    ph_random(ring->secrets->seed, sizeof(ring->secrets->seed));
}

bool keyring_has_cluster(const struct keyring *ring)
{
    return ring->secrets->cluster.epoch_cnt > 0;
}

void keyring_found(struct keyring *ring, const struct ph_key_owners *owners)
{
    struct keyring_secrets *s = ring->secrets;

    keyring_begin(ring);
    ph_random(s->receipt, sizeof(s->receipt));
    ph_random(s->scratch, sizeof(s->scratch));
    ph_cluster_keys_found(&s->cluster, s->receipt, s->scratch);
    s->cluster.owners = *owners;
    ph_wipe(s->receipt, sizeof(s->receipt));
    ph_wipe(s->scratch, sizeof(s->scratch));
}

/* Seed and, where they are written, the worker's keys. Yields the length. */
static size_t encode_worker(const struct keyring_secrets *s, uint8_t *out)
{
    const struct worker_keys *keys = s->worker_next.written ? &s->worker_next : &s->worker;

    memcpy(out, keys->written ? keys->seed : s->seed, 32);
    if (!keys->written)
        return 32;
    out[32] = WITH_WORKER_KEYS;
    worker_keys_encode(keys, out + 33);
    return 33 + WORKER_KEYS_LEN;
}

size_t keyring_encode(const struct keyring *ring, const struct ph_cluster_keys *keys,
                      uint8_t out[static KEYRING_BYTES_MAX])
{
    uint8_t *p = out + encode_worker(ring->secrets, out);

    if (ring->floors.cnt == 0 && ring->marks == 0)
        return (size_t)(p - out) + ph_cluster_keys_encode(keys, p);
    *p++ = ring->marks > 0 ? WITH_MARKS : WITH_FLOORS;
    if (ring->marks > 0) {
        ph_put_u64be(p, ring->marks);
        p += 8;
    }
    const size_t len = ph_cluster_keys_encode(keys, p + 2);
    p[0] = (uint8_t)(len >> 8);
    p[1] = (uint8_t)len;
    p += 2 + len;
    return (size_t)(p - out) + floors_encode(&ring->floors, p);
}

const struct ph_cluster_keys *keyring_stored(const struct keyring *ring)
{
    const struct keyring_secrets *s = ring->secrets;

    return s->next.epoch_cnt > 0 ? &s->next : &s->cluster;
}

enum ph_err keyring_adopt(struct keyring *ring)
{
    struct keyring_secrets *s = ring->secrets;

    if (s->next.epoch_cnt == 0)
        return PH_ERR_NOT_FOUND;
    memcpy(&s->cluster, &s->next, sizeof(s->cluster));
    ph_wipe(&s->next, sizeof(s->next));
    return keyring_derive(ring);
}

enum ph_err keyring_worker_step(struct keyring *ring, enum ph_worker_key_step step)
{
    struct keyring_secrets *s = ring->secrets;

    return worker_keys_step(&s->worker, s->seed, step, &s->worker_next);
}

enum ph_err keyring_worker_adopt(struct keyring *ring)
{
    struct keyring_secrets *s = ring->secrets;

    if (!s->worker_next.written)
        return PH_ERR_NOT_FOUND;
    memcpy(&s->worker, &s->worker_next, sizeof(s->worker));
    memcpy(s->seed, s->worker.seed, sizeof(s->seed));
    ph_wipe(&s->worker_next, sizeof(s->worker_next));
    return keyring_derive(ring);
}

/* What follows the seed, where the worker's keys are written. */
static enum ph_err decode_worker(struct ph_reader *r, const uint8_t seed[static 32],
                                 struct worker_keys *out)
{
    struct ph_reader ahead = *r;
    struct ph_bytes keys;
    uint8_t version;

    if (!ph_read_u8(&ahead, &version) || version != WITH_WORKER_KEYS)
        return PH_OK;
    if (!ph_read_view(&ahead, WORKER_KEYS_LEN, &keys))
        return PH_ERR_MALFORMED;
    *r = ahead;
    return worker_keys_decode(seed, keys.ptr, out);
}

enum ph_err keyring_decode(struct keyring *ring, struct ph_bytes raw)
{
    struct ph_reader r = {raw};
    struct ph_bytes seed, keys;
    struct floors floors = {0};
    uint8_t version = 0;
    uint64_t marks = 0;
    uint16_t len;

    if (!ph_read_view(&r, 32, &seed))
        return PH_ERR_MALFORMED;
    PH_TRY(decode_worker(&r, seed.ptr, &ring->secrets->worker));
    keys = r.rest;
    if (ph_read_u8(&r, &version) && (version == WITH_FLOORS || version == WITH_MARKS)) {
        if (version == WITH_MARKS && (!ph_read_u64be(&r, &marks) || marks == 0))
            return PH_ERR_MALFORMED;
        if (!ph_read_u16be(&r, &len) || !ph_read_view(&r, len, &keys))
            return PH_ERR_MALFORMED;
        PH_TRY(floors_decode(r.rest, &floors));
    }
    const enum ph_err err = ph_cluster_keys_decode(keys, &ring->secrets->cluster);
    if (err != PH_OK) {
        floors_clear(&floors);
        return err;
    }
    memcpy(ring->secrets->seed, seed.ptr, seed.len);
    ring->floors = floors;
    ring->marks = marks;
    return PH_OK;
}

static enum ph_err derive_cluster(struct keyring *ring)
{
    struct keyring_secrets *s = ring->secrets;
    const struct ph_epoch_key *newest = ph_cluster_keys_newest(&s->cluster);

    if (!newest)
        return PH_OK;
    PH_TRY(ph_keys_cluster(s->cluster.identity, s->scratch));
    PH_TRY(ph_eth_address(s->scratch, &ring->cluster));
    PH_TRY(ph_keys_caller(newest->master, s->scratch));
    PH_TRY(ph_x25519_public(s->scratch, ring->caller_pub));
    PH_TRY(ph_keys_ohttp(newest->master, s->ohttp));
    PH_TRY(ph_x25519_public(s->ohttp, ring->ohttp_pub));
    return PH_OK;
}

enum ph_err keyring_derive(struct keyring *ring)
{
    struct keyring_secrets *s = ring->secrets;

    PH_TRY(worker_keys_signer(&s->worker, s->seed, s->receipt));
    PH_TRY(worker_keys_tls(&s->worker, s->seed, s->tls));
    ring->other = (struct ph_eth_address){{0}};
    if (s->worker.other_is != PH_WORKER_KEY_NONE)
        PH_TRY(ph_eth_address(s->worker.other, &ring->other));
    PH_TRY(ph_secp256k1_public(s->receipt, ring->signer_pub));
    ph_eth_address_of_public(ring->signer_pub, &ring->signer);
    PH_TRY(ph_p256_public(s->tls, ring->tls_pub));
    const enum ph_err err = derive_cluster(ring);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

enum ph_err keyring_open_older(const struct keyring *ring, struct ph_bytes head,
                               struct ph_ohttp_session *out)
{
    struct keyring_secrets *s = ring->secrets;
    enum ph_err err = PH_ERR_UNSUPPORTED;
    uint8_t public[32];

    for (uint32_t i = s->cluster.epoch_cnt - 1; err == PH_ERR_UNSUPPORTED && i > 0; i--) {
        err = ph_keys_ohttp(s->cluster.epoch[i - 1].master, s->scratch);
        if (err == PH_OK)
            err = ph_x25519_public(s->scratch, public);
        if (err == PH_OK)
            err = ph_ohttp_open_head(s->scratch, public, head, out);
    }
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

void keyring_clear(struct keyring *ring)
{
    ph_secret_free(PH_TAKE(ring->mem));
    floors_clear(&ring->floors);
}
