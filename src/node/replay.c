#include "node/replay.h"

#include "crypto/aead.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WINDOW_S = PH_REPLAY_PAST_S + PH_REPLAY_FUTURE_S + 1,
    KEY_LEN = 16,
    FIRST_CAP = 64,
};

struct key {
    uint8_t b[KEY_LEN]; /* all zero: free */
};

/* What was taken with one Date: a replay has the same. Open addressing, at most half full. */
struct second {
    struct key *keys;
    uint32_t cap, cnt;
};

struct ph_replay {
    uint8_t salt[32]; /* so that nobody can choose where his envelopes lie */
    int64_t floor_s;
    uint32_t cnt, max;
    struct second at[WINDOW_S]; /* by date modulo WINDOW_S */
};

enum ph_err ph_replay_new(int64_t now_s, uint32_t max, struct ph_replay **out)
{
    struct ph_replay *replay = calloc(1, sizeof(*replay));

    if (!replay)
        return PH_ERR_NOMEM;
    ph_random(replay->salt, sizeof(replay->salt));
    replay->floor_s = now_s + PH_REPLAY_FUTURE_S;
    replay->max = max;
    *out = replay;
    return PH_OK;
}

void ph_replay_free(struct ph_replay *replay)
{
    if (!replay)
        return;
    for (size_t i = 0; i < PH_LEN(replay->at); i++)
        free(replay->at[i].keys);
    free(replay);
}

static struct second *second_of(struct ph_replay *replay, int64_t date_s)
{
    return &replay->at[(uint64_t)date_s % WINDOW_S];
}

/* Forget what is refused by its date from now on. */
static void raise_floor(struct ph_replay *replay, int64_t floor_s)
{
    int64_t from = replay->floor_s + 1;

    if (floor_s <= replay->floor_s)
        return;
    /* Every slot once is all of them. */
    if (floor_s - from >= WINDOW_S)
        from = floor_s - WINDOW_S + 1;
    for (int64_t s = from; s <= floor_s; s++) {
        struct second *second = second_of(replay, s);
        replay->cnt -= second->cnt;
        free(second->keys);
        *second = (struct second){0};
    }
    replay->floor_s = floor_s;
}

static struct key key_of(const struct ph_replay *replay, const uint8_t enc[static 32])
{
    uint8_t mac[32];
    struct key key;

    ph_hmac_sha256(PH_BYTES_OF(replay->salt), (struct ph_bytes){enc, 32}, mac);
    memcpy(key.b, mac, sizeof(key.b));
    key.b[KEY_LEN - 1] |= 1; /* never the free one */
    return key;
}

/* Where the key lies, or would lie. */
static struct key *slot_of(const struct second *second, const struct key *key)
{
    static const struct key empty;
    struct ph_reader r = {PH_BYTES_OF(key->b)};
    uint64_t i = 0;

    (void)!ph_read_u64le(&r, &i);
    for (i %= second->cap;; i = (i + 1) % second->cap) {
        struct key *at = &second->keys[i];
        if (memcmp(at, &empty, sizeof(empty)) == 0 || memcmp(at, key, sizeof(*key)) == 0)
            return at;
    }
}

static enum ph_err grow(struct second *second)
{
    struct second bigger = {.cap = second->cap ? second->cap * 2 : FIRST_CAP, .cnt = second->cnt};
    static const struct key empty;

    bigger.keys = calloc(bigger.cap, sizeof(*bigger.keys));
    if (!bigger.keys)
        return PH_ERR_NOMEM;
    for (uint32_t i = 0; i < second->cap; i++)
        if (memcmp(&second->keys[i], &empty, sizeof(empty)) != 0)
            *slot_of(&bigger, &second->keys[i]) = second->keys[i];
    free(second->keys);
    *second = bigger;
    return PH_OK;
}

/* Room for one more: the oldest go, and their dates with them. */
static void make_room(struct ph_replay *replay)
{
    while (replay->cnt >= replay->max)
        raise_floor(replay, replay->floor_s + 1);
}

enum ph_err ph_replay_take(struct ph_replay *replay, int64_t now_s, int64_t date_s,
                           const uint8_t enc[static 32])
{
    const struct key key = key_of(replay, enc);

    raise_floor(replay, now_s - PH_REPLAY_PAST_S - 1);
    /* After the clock was set back, dates above it would share slots with those remembered. */
    if (date_s <= replay->floor_s || date_s > now_s + PH_REPLAY_FUTURE_S ||
        date_s > replay->floor_s + WINDOW_S)
        return PH_ERR_UNTRUSTED;
    struct second *second = second_of(replay, date_s);
    if (second->cnt > 0 && memcmp(slot_of(second, &key), &key, sizeof(key)) == 0)
        return PH_ERR_CONFLICT;
    make_room(replay);
    if (date_s <= replay->floor_s)
        return PH_ERR_UNTRUSTED;
    if (second->cnt * 2 >= second->cap)
        PH_TRY(grow(second));
    *slot_of(second, &key) = key;
    second->cnt++;
    replay->cnt++;
    return PH_OK;
}

int64_t ph_replay_wait_s(const struct ph_replay *replay, int64_t now_s)
{
    return replay->floor_s < now_s ? 0 : replay->floor_s + 1 - now_s;
}
