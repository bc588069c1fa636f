#include "keys/cluster.h"

#include <assert.h>

enum { VERSION = 1, VERSION_OWNERS = 2 };

void ph_cluster_keys_found(struct ph_cluster_keys *keys, const uint8_t identity[static 32],
                           const uint8_t master[static PH_MASTER_LEN])
{
    ph_wipe(keys, sizeof(*keys));
    memcpy(keys->identity, identity, sizeof(keys->identity));
    keys->epoch_cnt = 1;
    keys->epoch[0].epoch = 1;
    memcpy(keys->epoch[0].master, master, PH_MASTER_LEN);
}

const uint8_t *ph_cluster_keys_master(const struct ph_cluster_keys *keys, uint32_t epoch)
{
    for (uint32_t i = 0; i < keys->epoch_cnt; i++)
        if (keys->epoch[i].epoch == epoch)
            return keys->epoch[i].master;
    return NULL;
}

const struct ph_epoch_key *ph_cluster_keys_newest(const struct ph_cluster_keys *keys)
{
    return keys->epoch_cnt > 0 ? &keys->epoch[keys->epoch_cnt - 1] : NULL;
}

enum ph_err ph_key_owners_check(const struct ph_key_owners *owners)
{
    if (owners->cnt > PH_KEY_OWNERS_MAX || owners->needed > owners->cnt ||
        (owners->needed == 0) != (owners->cnt == 0))
        return PH_ERR_MALFORMED;
    for (uint32_t i = 0; i < owners->cnt; i++)
        for (uint32_t j = 0; j < i; j++)
            if (memcmp(owners->owner[i].b, owners->owner[j].b, sizeof(owners->owner[i].b)) == 0)
                return PH_ERR_MALFORMED;
    return PH_OK;
}

enum ph_err ph_cluster_keys_rotate(struct ph_cluster_keys *keys,
                                   const uint8_t master[static PH_MASTER_LEN])
{
    const struct ph_epoch_key *newest = ph_cluster_keys_newest(keys);

    if (!newest || keys->epoch_cnt == PH_EPOCHS_MAX || newest->epoch == UINT32_MAX)
        return PH_ERR_LIMIT;
    struct ph_epoch_key *next = &keys->epoch[keys->epoch_cnt++];
    next->epoch = newest->epoch + 1;
    memcpy(next->master, master, PH_MASTER_LEN);
    return PH_OK;
}

enum ph_err ph_cluster_keys_retire(struct ph_cluster_keys *keys, uint32_t before)
{
    uint32_t gone = 0;

    if (!ph_cluster_keys_master(keys, before))
        return PH_ERR_NOT_FOUND;
    while (keys->epoch[gone].epoch != before)
        gone++;
    if (gone == 0)
        return PH_ERR_CONFLICT;
    keys->epoch_cnt -= gone;
    memmove(keys->epoch, keys->epoch + gone, keys->epoch_cnt * sizeof(keys->epoch[0]));
    ph_wipe(keys->epoch + keys->epoch_cnt, gone * sizeof(keys->epoch[0]));
    return PH_OK;
}

static bool same_cluster(const struct ph_cluster_keys *a, const struct ph_cluster_keys *b)
{
    return ph_ct_equal(a->identity, b->identity, sizeof(a->identity)) &&
           memcmp(&a->owners, &b->owners, sizeof(a->owners)) == 0;
}

enum ph_err ph_cluster_keys_merge(struct ph_cluster_keys *keys, const struct ph_cluster_keys *from)
{
    const uint32_t cnt = keys->epoch_cnt;

    if (!same_cluster(keys, from) || cnt == 0)
        return PH_ERR_UNTRUSTED;
    for (uint32_t i = 0; i < from->epoch_cnt; i++) {
        const uint8_t *here = ph_cluster_keys_master(keys, from->epoch[i].epoch);
        if (here && !ph_ct_equal(here, from->epoch[i].master, PH_MASTER_LEN))
            return PH_ERR_UNTRUSTED;
    }
    struct ph_cluster_keys all = *keys;
    enum ph_err err = PH_ERR_NOT_FOUND;
    for (uint32_t i = 0; i < from->epoch_cnt; i++) {
        if (from->epoch[i].epoch <= keys->epoch[cnt - 1].epoch)
            continue; /* here, or retired, or skipped over: nothing was ever sealed with it here */
        if (all.epoch_cnt == PH_EPOCHS_MAX) {
            err = PH_ERR_LIMIT;
            break;
        }
        all.epoch[all.epoch_cnt++] = from->epoch[i];
        err = PH_OK;
    }
    if (err == PH_OK)
        *keys = all;
    ph_wipe(&all, sizeof(all));
    return err;
}

static size_t encode_owners(const struct ph_key_owners *owners, uint8_t *out)
{
    out[0] = (uint8_t)owners->needed;
    out[1] = (uint8_t)owners->cnt;
    for (uint32_t i = 0; i < owners->cnt; i++)
        memcpy(out + 2 + (size_t)i * 20, owners->owner[i].b, 20);
    return 2 + (size_t)owners->cnt * 20;
}

size_t ph_cluster_keys_encode(const struct ph_cluster_keys *keys,
                              uint8_t out[static PH_CLUSTER_BYTES_MAX])
{
    size_t len = 0;

    assert(keys->epoch_cnt >= 1 && keys->epoch_cnt <= PH_EPOCHS_MAX);
    out[len++] = keys->owners.cnt > 0 ? VERSION_OWNERS : VERSION;
    memcpy(out + len, keys->identity, 32);
    len += 32;
    out[len++] = (uint8_t)keys->epoch_cnt;
    for (uint32_t i = 0; i < keys->epoch_cnt; i++) {
        ph_put_u32be(out + len, keys->epoch[i].epoch);
        memcpy(out + len + 4, keys->epoch[i].master, PH_MASTER_LEN);
        len += 4 + PH_MASTER_LEN;
    }
    if (keys->owners.cnt > 0)
        len += encode_owners(&keys->owners, out + len);
    return len;
}

static bool read_epochs(struct ph_reader *r, struct ph_cluster_keys *keys)
{
    for (uint32_t i = 0; i < keys->epoch_cnt; i++) {
        struct ph_epoch_key *at = &keys->epoch[i];
        if (!ph_read_u32be(r, &at->epoch) || !ph_read_copy(r, at->master, PH_MASTER_LEN) ||
            at->epoch <= (i > 0 ? at[-1].epoch : 0))
            return false;
    }
    return true;
}

static bool read_owners(struct ph_reader *r, struct ph_key_owners *owners)
{
    uint8_t needed, cnt;

    if (!ph_read_u8(r, &needed) || !ph_read_u8(r, &cnt) || cnt == 0 || cnt > PH_KEY_OWNERS_MAX)
        return false;
    owners->needed = needed;
    owners->cnt = cnt;
    for (uint32_t i = 0; i < cnt; i++)
        if (!ph_read_copy(r, owners->owner[i].b, sizeof(owners->owner[i].b)))
            return false;
    return ph_key_owners_check(owners) == PH_OK;
}

enum ph_err ph_cluster_keys_decode(struct ph_bytes raw, struct ph_cluster_keys *out)
{
    struct ph_reader r = {raw};
    struct ph_cluster_keys got = {0};
    uint8_t version, cnt = 0;

    const bool ok = ph_read_u8(&r, &version) && (version == VERSION || version == VERSION_OWNERS) &&
                    ph_read_copy(&r, got.identity, sizeof(got.identity)) && ph_read_u8(&r, &cnt) &&
                    cnt >= 1 && cnt <= PH_EPOCHS_MAX && (got.epoch_cnt = cnt) > 0 &&
                    read_epochs(&r, &got) && (version == VERSION || read_owners(&r, &got.owners)) &&
                    r.rest.len == 0;
    if (ok)
        memcpy(out, &got, sizeof(got));
    ph_wipe(&got, sizeof(got));
    return ok ? PH_OK : PH_ERR_MALFORMED;
}
