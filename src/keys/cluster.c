#include "keys/cluster.h"

#include <assert.h>

enum { VERSION = 1 };

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

size_t ph_cluster_keys_encode(const struct ph_cluster_keys *keys,
                              uint8_t out[static PH_CLUSTER_BYTES_MAX])
{
    size_t len = 0;

    assert(keys->epoch_cnt >= 1 && keys->epoch_cnt <= PH_EPOCHS_MAX);
    out[len++] = VERSION;
    memcpy(out + len, keys->identity, 32);
    len += 32;
    out[len++] = (uint8_t)keys->epoch_cnt;
    for (uint32_t i = 0; i < keys->epoch_cnt; i++) {
        ph_put_u32be(out + len, keys->epoch[i].epoch);
        memcpy(out + len + 4, keys->epoch[i].master, PH_MASTER_LEN);
        len += 4 + PH_MASTER_LEN;
    }
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
    return r->rest.len == 0;
}

enum ph_err ph_cluster_keys_decode(struct ph_bytes raw, struct ph_cluster_keys *out)
{
    struct ph_reader r = {raw};
    struct ph_cluster_keys got = {0};
    uint8_t version, cnt = 0;

    const bool ok = ph_read_u8(&r, &version) && version == VERSION &&
                    ph_read_copy(&r, got.identity, sizeof(got.identity)) && ph_read_u8(&r, &cnt) &&
                    cnt >= 1 && cnt <= PH_EPOCHS_MAX && (got.epoch_cnt = cnt) > 0 &&
                    read_epochs(&r, &got);
    if (ok)
        memcpy(out, &got, sizeof(got));
    ph_wipe(&got, sizeof(got));
    return ok ? PH_OK : PH_ERR_MALFORMED;
}
