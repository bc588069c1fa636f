#include "keys/escrow.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/hpke.h"

#include <stdio.h>

#define INFO_SHARE PH_BYTES_LIT("phala-backup-share-v1")
#define INFO_RETURN PH_BYTES_LIT("phala-backup-return-v1")
static const uint8_t magic[16] = "phala-backup-v1\n";

/* What a returned or sealed share is bound to. */
#define AAD(backup) PH_BYTES_OF((backup)->head.b)

static enum ph_err refuse(char why[static PH_ESCROW_WHY], enum ph_err err, const char *text)
{
    (void)snprintf(why, PH_ESCROW_WHY, "%s", text);
    return err;
}

static void commit_key(const uint8_t id[static 16], const uint8_t key[static 32],
                       uint8_t out[static 32])
{
    struct ph_sha256 h;

    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_LIT("phala-backup-key-v1"));
    ph_sha256_update(&h, (struct ph_bytes){id, 16});
    ph_sha256_update(&h, (struct ph_bytes){key, 32});
    ph_sha256_final(&h, out);
}

static void commit_share(const uint8_t id[static 16], const struct ph_shamir_share *share,
                         uint8_t out[static 32])
{
    struct ph_sha256 h;

    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_LIT("phala-backup-share-v1"));
    ph_sha256_update(&h, (struct ph_bytes){id, 16});
    ph_sha256_update(&h, (struct ph_bytes){&share->x, 1});
    ph_sha256_update(&h, PH_BYTES_OF(share->y));
    ph_sha256_final(&h, out);
}

/* Making. Secrets of it lie on the stack of phala-keyd, which wipes them. */
struct making {
    uint8_t key[32], id[16], random[(PH_KEY_HOLDERS_MAX - 1) * PH_SHAMIR_LEN];
    struct ph_shamir_share share[PH_KEY_HOLDERS_MAX];
    uint8_t plain[PH_CLUSTER_BYTES_MAX], sealed[PH_ESCROW_KEYS_MAX];
};

static enum ph_err put_head(const struct making *m, const struct ph_cluster_keys *keys,
                            const struct ph_key_act *act, const struct ph_eth_address *cluster,
                            uint64_t time_s, struct ph_buf *out)
{
    uint8_t number[8], commit[32];
    const uint8_t counts[2] = {(uint8_t)act->needed, (uint8_t)act->holder_cnt};

    PH_TRY(ph_buf_add(out, PH_BYTES_OF(magic)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(cluster->b)));
    ph_put_u32be(number, ph_cluster_keys_newest(keys)->epoch);
    PH_TRY(ph_buf_add(out, (struct ph_bytes){number, 4}));
    ph_put_u64be(number, time_s);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(number)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(m->id)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(counts)));
    commit_key(m->id, m->key, commit);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(commit)));
    for (uint32_t i = 0; i < act->holder_cnt; i++) {
        commit_share(m->id, &m->share[i], commit);
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(act->holder[i])));
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(commit)));
    }
    return PH_OK;
}

static enum ph_err put_keys(struct making *m, const struct ph_cluster_keys *keys,
                            const struct ph_hash32 *head, struct ph_buf *out)
{
    const size_t plain_len = ph_cluster_keys_encode(keys, m->plain);
    const size_t len = PH_GCM_NONCE_LEN + plain_len + PH_GCM_TAG_LEN;
    const uint8_t be[2] = {(uint8_t)(len >> 8), (uint8_t)len};

    ph_random(m->sealed, PH_GCM_NONCE_LEN);
    PH_TRY(ph_aes256gcm_seal(m->key, m->sealed, PH_BYTES_OF(head->b),
                             (struct ph_bytes){m->plain, plain_len}, m->sealed + PH_GCM_NONCE_LEN));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(be)));
    return ph_buf_add(out, (struct ph_bytes){m->sealed, len});
}

static enum ph_err put_shares(const struct making *m, const struct ph_key_act *act,
                              const struct ph_hash32 *head, struct ph_buf *out)
{
    uint8_t plain[PH_ESCROW_SHARE_LEN], sealed[PH_ESCROW_SEALED_LEN];
    enum ph_err err = PH_OK;

    for (uint32_t i = 0; err == PH_OK && i < act->holder_cnt; i++) {
        plain[0] = m->share[i].x;
        memcpy(plain + 1, m->share[i].y, PH_SHAMIR_LEN);
        err = ph_hpke_seal(act->holder[i], INFO_SHARE, PH_BYTES_OF(head->b), PH_BYTES_OF(plain),
                           sealed);
        if (err == PH_OK)
            err = ph_buf_add(out, PH_BYTES_OF(sealed));
    }
    ph_wipe(plain, sizeof(plain));
    return err;
}

static enum ph_err make(struct making *m, const struct ph_cluster_keys *keys,
                        const struct ph_key_act *act, const uint8_t signing[static 32],
                        const struct ph_eth_address *cluster, uint64_t time_s, struct ph_buf *out)
{
    struct ph_hash32 head, digest;
    uint8_t sig[PH_ETH_SIG_LEN];

    PH_TRY(put_head(m, keys, act, cluster, time_s, out));
    ph_sha256(ph_buf_view(out), head.b);
    PH_TRY(put_keys(m, keys, &head, out));
    PH_TRY(put_shares(m, act, &head, out));
    ph_keccak256(ph_buf_view(out), digest.b);
    PH_TRY(ph_eth_sign(signing, &digest, sig));
    return ph_buf_add(out, PH_BYTES_OF(sig));
}

enum ph_err ph_escrow_make(const struct ph_cluster_keys *keys, const struct ph_key_act *act,
                           const uint8_t signing[static 32], const struct ph_eth_address *cluster,
                           uint64_t time_s, struct ph_buf *out)
{
    struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    struct making m;

    ph_random(m.key, sizeof(m.key));
    ph_random(m.id, sizeof(m.id));
    ph_random(m.random, sizeof(m.random));
    ph_shamir_split(m.key, act->needed, act->holder_cnt, m.random, m.share);
    enum ph_err err = make(&m, keys, act, signing, cluster, time_s, &made);
    ph_wipe(&m, sizeof(m));
    if (err == PH_OK)
        err = ph_buf_add(out, ph_buf_view(&made));
    return err;
}

static bool read_head(struct ph_reader *r, struct ph_escrow *e)
{
    struct ph_bytes mark;
    uint8_t needed, cnt;

    if (!ph_read_view(r, sizeof(magic), &mark) || !ph_bytes_equal(mark, PH_BYTES_OF(magic)) ||
        !ph_read_copy(r, e->cluster.b, sizeof(e->cluster.b)) || !ph_read_u32be(r, &e->epoch) ||
        !ph_read_u64be(r, &e->time_s) || !ph_read_copy(r, e->id, sizeof(e->id)) ||
        !ph_read_u8(r, &needed) || !ph_read_u8(r, &cnt) || needed == 0 || needed > cnt ||
        cnt > PH_KEY_HOLDERS_MAX || !ph_read_copy(r, e->commit, sizeof(e->commit)))
        return false;
    e->needed = needed;
    e->holder_cnt = cnt;
    for (uint32_t i = 0; i < cnt; i++)
        if (!ph_read_copy(r, e->holder[i].key, 32) || !ph_read_copy(r, e->holder[i].commit, 32))
            return false;
    return true;
}

static bool read_rest(struct ph_reader *r, struct ph_escrow *e)
{
    uint16_t len;

    return ph_read_u16be(r, &len) && len <= PH_ESCROW_KEYS_MAX &&
           len >= PH_GCM_NONCE_LEN + PH_CLUSTER_BYTES_MIN + PH_GCM_TAG_LEN &&
           ph_read_view(r, len, &e->keys) &&
           ph_read_view(r, (size_t)e->holder_cnt * PH_ESCROW_SEALED_LEN, &e->shares);
}

enum ph_err ph_escrow_parse(struct ph_bytes raw, struct ph_escrow *out)
{
    struct ph_reader r = {raw};
    struct ph_escrow e = {0};
    struct ph_eth_address signer;
    struct ph_hash32 digest;
    struct ph_bytes sig;

    if (!read_head(&r, &e))
        return PH_ERR_MALFORMED;
    ph_sha256((struct ph_bytes){raw.ptr, raw.len - r.rest.len}, e.head.b);
    if (!read_rest(&r, &e))
        return PH_ERR_MALFORMED;
    const size_t said = raw.len - r.rest.len;
    if (!ph_read_view(&r, PH_ETH_SIG_LEN, &sig) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    ph_keccak256((struct ph_bytes){raw.ptr, said}, digest.b);
    if (ph_eth_recover(&digest, sig.ptr, &signer) != PH_OK ||
        memcmp(signer.b, e.cluster.b, sizeof(signer.b)) != 0)
        return PH_ERR_UNTRUSTED;
    *out = e;
    return PH_OK;
}

/* x and y that the head commits to for this place. */
static enum ph_err check_share(const struct ph_escrow *e, const uint8_t plain[static 33],
                               struct ph_shamir_share *out)
{
    struct ph_shamir_share share = {.x = plain[0]};
    uint8_t commit[32];

    memcpy(share.y, plain + 1, sizeof(share.y));
    commit_share(e->id, &share, commit);
    const bool ok = share.x >= 1 && share.x <= e->holder_cnt &&
                    ph_ct_equal(commit, e->holder[share.x - 1].commit, sizeof(commit));
    if (ok)
        *out = share;
    ph_wipe(&share, sizeof(share));
    return ok ? PH_OK : PH_ERR_UNTRUSTED;
}

enum ph_err ph_escrow_open_share(const struct ph_escrow *backup,
                                 const uint8_t holder_secret[static 32],
                                 struct ph_shamir_share *out)
{
    uint8_t public[32], plain[PH_ESCROW_SHARE_LEN];
    uint32_t i = 0;

    PH_TRY(ph_x25519_public(holder_secret, public));
    while (i < backup->holder_cnt && memcmp(backup->holder[i].key, public, sizeof(public)) != 0)
        i++;
    if (i == backup->holder_cnt)
        return PH_ERR_NOT_FOUND;
    const struct ph_bytes sealed = {backup->shares.ptr + (size_t)i * PH_ESCROW_SEALED_LEN,
                                    PH_ESCROW_SEALED_LEN};
    enum ph_err err =
        ph_hpke_open(PH_HPKE_AES256GCM, holder_secret, INFO_SHARE, AAD(backup), sealed, plain);
    if (err == PH_OK)
        err = plain[0] == i + 1 ? check_share(backup, plain, out) : PH_ERR_UNTRUSTED;
    ph_wipe(plain, sizeof(plain));
    return err;
}

enum ph_err ph_escrow_return(const struct ph_escrow *backup, const struct ph_shamir_share *share,
                             const uint8_t restore_key[static 32],
                             uint8_t out[static PH_ESCROW_SEALED_LEN])
{
    uint8_t plain[PH_ESCROW_SHARE_LEN] = {share->x};

    memcpy(plain + 1, share->y, PH_SHAMIR_LEN);
    const enum ph_err err =
        ph_hpke_seal(restore_key, INFO_RETURN, AAD(backup), PH_BYTES_OF(plain), out);
    ph_wipe(plain, sizeof(plain));
    return err;
}

enum ph_err ph_escrow_take(const struct ph_escrow *backup, const uint8_t restore_secret[static 32],
                           struct ph_bytes returned, struct ph_shamir_share *out,
                           char why[static PH_ESCROW_WHY])
{
    uint8_t plain[PH_ESCROW_SHARE_LEN];

    if (returned.len != PH_ESCROW_SEALED_LEN)
        return refuse(why, PH_ERR_MALFORMED, "restore: a share has 81 bytes");
    enum ph_err err =
        ph_hpke_open(PH_HPKE_AES256GCM, restore_secret, INFO_RETURN, AAD(backup), returned, plain);
    if (err == PH_ERR_UNTRUSTED)
        (void)refuse(why, err,
                     "restore: the share is not sealed to this phala-keyd for this backup: ask for "
                     "its key again");
    if (err == PH_OK) {
        err = check_share(backup, plain, out);
        if (err != PH_OK)
            (void)refuse(why, err, "restore: the share is not one of this backup");
    }
    ph_wipe(plain, sizeof(plain));
    return err;
}

static enum ph_err open_keys(const struct ph_escrow *backup, const uint8_t key[static 32],
                             struct ph_cluster_keys *out, char why[static PH_ESCROW_WHY])
{
    uint8_t plain[PH_ESCROW_KEYS_MAX], commit[32], secret[32];
    struct ph_eth_address cluster = {{0}};

    commit_key(backup->id, key, commit);
    if (!ph_ct_equal(commit, backup->commit, sizeof(commit)))
        return refuse(why, PH_ERR_UNTRUSTED,
                      "restore: the shares do not give the key that the backup commits to");
    const struct ph_bytes sealed = {backup->keys.ptr + PH_GCM_NONCE_LEN,
                                    backup->keys.len - PH_GCM_NONCE_LEN};
    enum ph_err err = ph_aes256gcm_open(key, backup->keys.ptr, AAD(backup), sealed, plain);
    if (err == PH_OK)
        err = ph_cluster_keys_decode((struct ph_bytes){plain, sealed.len - PH_GCM_TAG_LEN}, out);
    ph_wipe(plain, sizeof(plain));
    if (err == PH_OK)
        err = ph_keys_cluster(out->identity, secret);
    if (err == PH_OK)
        err = ph_eth_address(secret, &cluster);
    ph_wipe(secret, sizeof(secret));
    if (err != PH_OK)
        return refuse(why, err, "restore: the backup does not hold keys");
    if (memcmp(cluster.b, backup->cluster.b, sizeof(cluster.b)) == 0)
        return PH_OK;
    ph_wipe(out, sizeof(*out));
    return refuse(why, PH_ERR_UNTRUSTED,
                  "restore: the keys are another cluster's than the backup names");
}

enum ph_err ph_escrow_combine(const struct ph_escrow *backup, const struct ph_shamir_share *shares,
                              uint32_t cnt, struct ph_cluster_keys *out,
                              char why[static PH_ESCROW_WHY])
{
    struct ph_cluster_keys keys;
    uint8_t key[PH_SHAMIR_LEN];

    if (ph_shamir_combine(shares, cnt, key) != PH_OK)
        return refuse(why, PH_ERR_MALFORMED, "restore: no share may come twice");
    const enum ph_err err = open_keys(backup, key, &keys, why);
    ph_wipe(key, sizeof(key));
    if (err == PH_OK)
        memcpy(out, &keys, sizeof(keys));
    ph_wipe(&keys, sizeof(keys));
    return err;
}

void ph_escrow_report_data(const uint8_t restore_key[static 32], const uint8_t nonce[static 32],
                           const struct ph_eth_address *signer,
                           const struct ph_eth_address *cluster, uint8_t out[static 64])
{
    struct ph_sha256 h;

    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_LIT("phala-restore-v1"));
    ph_sha256_update(&h, (struct ph_bytes){restore_key, 32});
    ph_sha256_update(&h, (struct ph_bytes){nonce, 32});
    ph_sha256_update(&h, PH_BYTES_OF(signer->b));
    ph_sha256_update(&h, PH_BYTES_OF(cluster->b));
    ph_sha256_final(&h, out);
    memset(out + 32, 0, 32);
}
