/* A worker that is given the shares of a backup: which it takes, and what it says to the others. */

#include "restore.h"

#include "base/own.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "crypto/secp256k1.h"
#include "keys/escrow.h"

enum { HOLDERS = 3, NEEDED = 2 };

static const struct provider nothing_kept = {.kind = PROVIDER_NONE};
static uint8_t holder[HOLDERS][32];
static char why[CLUSTER_WHY_LEN];

/* A cluster, and a backup of its keys. */
struct source {
    struct ph_cluster_keys keys;
    struct ph_eth_address cluster;
    struct ph_buf backup;
};

static void source_init(struct source *s, uint8_t seed)
{
    const uint8_t identity[32] = {seed}, master[32] = {8};
    struct ph_key_act act = {
        .kind = PH_KEY_ACT_BACKUP, .needed = NEEDED, .holder_cnt = HOLDERS, .epoch = 1};
    uint8_t signing[32];

    *s = (struct source){.backup = PH_BUF(PH_ESCROW_MAX)};
    ph_cluster_keys_found(&s->keys, identity, master);
    CHECK(ph_keys_cluster(s->keys.identity, signing) == PH_OK);
    CHECK(ph_eth_address(signing, &s->cluster) == PH_OK);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        memset(holder[i], 0x30 + (int)i, 32);
        CHECK(ph_x25519_public(holder[i], act.holder[i]) == PH_OK);
    }
    CHECK(ph_escrow_make(&s->keys, &act, signing, &s->cluster, 1700000000, &s->backup) == PH_OK);
}

/* A worker that was started with --restore for the source's cluster. */
struct worker {
    struct restore restore;
    struct keyring ring;
    struct ph_buf request, reply;
};

static void worker_init(struct worker *w, const struct source *s)
{
    *w = (struct worker){.restore = {.wanted = true, .cluster = s->cluster},
                         .request = PH_BUF(1 << 16),
                         .reply = PH_BUF(1 << 16)};
    CHECK(keyring_init(&w->ring) == PH_OK);
    keyring_begin(&w->ring);
}

static void worker_clear(struct worker *w)
{
    keyring_clear(&w->ring);
    ph_buf_clear(&w->request);
    ph_buf_clear(&w->reply);
}

/* RESTORE: the key that shares are to be sealed to. */
static enum ph_err ask(struct worker *w, struct ph_msg_RESTORE_IS *out)
{
    struct ph_ipc_frame frame;

    why[0] = '\0';
    ph_buf_clear(&w->request);
    ph_buf_clear(&w->reply);
    CHECK(ph_encode_RESTORE(&w->request, 0, 1) == PH_OK);
    CHECK(ph_ipc_decode(ph_buf_view(&w->request), &frame) == PH_OK);
    PH_TRY(restore_is(&w->restore, &w->ring, &frame, &w->reply, why));
    CHECK(ph_ipc_decode(ph_buf_view(&w->reply), &frame) == PH_OK);
    CHECK(ph_get_RESTORE_IS(&frame, out) == PH_OK);
    return PH_OK;
}

static enum ph_err give(struct worker *w, struct ph_bytes backup, struct ph_bytes share,
                        struct ph_msg_RESTORED *out)
{
    const struct ph_msg_RESTORE_SHARE m = {.backup = backup, .share = share};
    struct ph_ipc_frame frame;

    why[0] = '\0';
    ph_buf_clear(&w->request);
    ph_buf_clear(&w->reply);
    CHECK(ph_encode_RESTORE_SHARE(&w->request, 0, 1, &m) == PH_OK);
    CHECK(ph_ipc_decode(ph_buf_view(&w->request), &frame) == PH_OK);
    PH_TRY(restore_share(&w->restore, &w->ring, &nothing_kept, &frame, &w->reply, why));
    CHECK(ph_ipc_decode(ph_buf_view(&w->reply), &frame) == PH_OK);
    CHECK(ph_get_RESTORED(&frame, out) == PH_OK);
    return PH_OK;
}

/* A holder opens their share and seals it to this key. */
static void returned_by(const struct source *s, uint32_t who, const uint8_t key[static 32],
                        uint8_t out[static PH_ESCROW_SEALED_LEN])
{
    struct ph_shamir_share share;
    struct ph_escrow backup;

    CHECK(ph_escrow_parse(ph_buf_view(&s->backup), &backup) == PH_OK);
    CHECK(ph_escrow_open_share(&backup, holder[who], &share) == PH_OK);
    CHECK(ph_escrow_return(&backup, &share, key, out) == PH_OK);
}

TEST(enough_shares_give_the_keys_and_nothing_is_used_before_it_is_kept)
{
    uint8_t share[PH_ESCROW_SEALED_LEN];
    struct ph_msg_RESTORE_IS is;
    struct ph_msg_RESTORED got;
    struct source s;
    struct worker w;

    source_init(&s, 7);
    worker_init(&w, &s);
    CHECK(ask(&w, &is) == PH_OK && is.needed == 0 && memcmp(is.cluster.b, s.cluster.b, 20) == 0);
    returned_by(&s, 2, is.key.b, share);
    CHECK(give(&w, ph_buf_view(&s.backup), PH_BYTES_OF(share), &got) == PH_OK);
    CHECK(got.have == 1 && got.needed == NEEDED && !keyring_has_cluster(&w.ring));
    CHECK(ask(&w, &is) == PH_OK && is.have == 1 && is.needed == NEEDED);
    returned_by(&s, 0, is.key.b, share);
    CHECK(give(&w, ph_buf_view(&s.backup), PH_BYTES_OF(share), &got) == PH_OK);
    CHECK(got.have == NEEDED && !keyring_has_cluster(&w.ring));
    returned_by(&s, 1, is.key.b, share);
    CHECK(give(&w, ph_buf_view(&s.backup), PH_BYTES_OF(share), &got) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "that are needed came"));

    CHECK(keyring_adopt(&w.ring) == PH_OK);
    CHECK(memcmp(&w.ring.secrets->cluster, &s.keys, sizeof(s.keys)) == 0);
    CHECK(ask(&w, &is) == PH_ERR_CONFLICT && strstr(why, "has the keys of a cluster"));
    worker_clear(&w);
    ph_buf_clear(&s.backup);
}

TEST(a_worker_that_was_not_started_for_it_takes_nothing)
{
    const uint8_t share[PH_ESCROW_SEALED_LEN] = {0};
    struct ph_msg_RESTORE_IS is;
    struct ph_msg_RESTORED got;
    struct source s;
    struct worker w;

    source_init(&s, 7);
    worker_init(&w, &s);
    CHECK(give(&w, ph_buf_view(&s.backup), PH_BYTES_OF(share), &got) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "ask for the key first"));
    w.restore.wanted = false;
    CHECK(ask(&w, &is) == PH_ERR_UNSUPPORTED && strstr(why, "--restore"));
    CHECK(give(&w, ph_buf_view(&s.backup), PH_BYTES_OF(share), &got) == PH_ERR_UNSUPPORTED);
    worker_clear(&w);
    ph_buf_clear(&s.backup);
}

TEST(every_other_share_and_backup_is_refused_by_name_and_leaves_what_is_there)
{
    uint8_t share[PH_ESCROW_SEALED_LEN];
    struct ph_msg_RESTORE_IS is;
    struct ph_msg_RESTORED got;
    struct source s, later, other;
    struct worker w;

    source_init(&s, 7);
    source_init(&later, 7); /* another backup of the same keys */
    source_init(&other, 9); /* of another cluster */
    worker_init(&w, &s);
    CHECK(ask(&w, &is) == PH_OK);
    const struct ph_bytes backup = ph_buf_view(&s.backup);
    returned_by(&other, 0, is.key.b, share);
    CHECK(give(&w, ph_buf_view(&other.backup), PH_BYTES_OF(share), &got) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "of another cluster"));

    returned_by(&s, 0, is.key.b, share);
    CHECK(give(&w, PH_BYTES_LIT("no backup"), PH_BYTES_OF(share), &got) == PH_ERR_MALFORMED);
    s.backup.ptr[40] ^= 1;
    CHECK(give(&w, backup, PH_BYTES_OF(share), &got) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "not signed by the cluster"));
    s.backup.ptr[40] ^= 1;
    share[40] ^= 1;
    CHECK(give(&w, backup, PH_BYTES_OF(share), &got) == PH_ERR_UNTRUSTED);
    share[40] ^= 1;
    CHECK(give(&w, backup, (struct ph_bytes){share, 80}, &got) == PH_ERR_MALFORMED);
    CHECK(w.restore.have == 0);

    CHECK(give(&w, backup, PH_BYTES_OF(share), &got) == PH_OK && got.have == 1);
    CHECK(give(&w, backup, PH_BYTES_OF(share), &got) == PH_ERR_CONFLICT);
    CHECK(strstr(why, "is here already"));
    returned_by(&later, 1, is.key.b, share);
    CHECK(give(&w, ph_buf_view(&later.backup), PH_BYTES_OF(share), &got) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "of another backup"));
    CHECK(w.restore.have == 1);
    returned_by(&s, 1, is.key.b, share);
    CHECK(give(&w, backup, PH_BYTES_OF(share), &got) == PH_OK && got.have == NEEDED);
    worker_clear(&w);
    ph_buf_clear(&s.backup);
    ph_buf_clear(&later.backup);
    ph_buf_clear(&other.backup);
}

PH_TEST_MAIN(CASE(enough_shares_give_the_keys_and_nothing_is_used_before_it_is_kept),
             CASE(a_worker_that_was_not_started_for_it_takes_nothing),
             CASE(every_other_share_and_backup_is_refused_by_name_and_leaves_what_is_there))
