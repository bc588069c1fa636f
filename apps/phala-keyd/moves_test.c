/* An owner takes the phat's state, or brings one: who may, and who gets the key of the file. */

#include "test_roles.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "keys/hpke.h"
#include "keys/sealing.h"
#include "state/move.h"

static struct keyd keyd, other;
static const uint8_t owner_secret[32] = {[31] = 7}, reader_secret[32] = {9, 9};
static struct ph_phat_id phat;
static uint8_t reader[32]; /* X25519: whom an export is for */

/* What the owner signs, and the message with it. */
static struct asked {
    struct ph_owner_request request;
    uint8_t raw[PH_OWNER_REQUEST_LEN];
    struct ph_msg_STATE_MOVE m;
} asked;

static void begin(void)
{
    struct ph_eth_address owner;

    keyd_begin(&keyd, NULL);
    keyd_begin(&other, NULL);
    CHECK(ph_eth_address(owner_secret, &owner) == PH_OK);
    ph_phat_id_derive(&owner, "mine", &phat);
    CHECK(ph_x25519_public(reader_secret, reader) == PH_OK);
}

static void end(void)
{
    keyd_end(&keyd);
    keyd_end(&other);
    ph_buf_clear(&reply);
    asked = (struct asked){0};
}

static struct asked *ask(const char *action, const uint8_t content[static 32], struct ph_bytes head)
{
    struct asked *const a = &asked;
    struct ph_hash32 digest;

    *a = (struct asked){.request = {.name = "mine", .sequence = 3, .expires = 9}};
    (void)snprintf(a->request.action, sizeof(a->request.action), "%s", action);
    a->request.cluster = keyd.ring.cluster;
    memcpy(a->request.content.b, content, 32);
    ph_owner_request_digest(&a->request, &digest);
    CHECK(ph_eth_sign(owner_secret, &digest, a->m.owner_sig.b) == PH_OK);
    ph_owner_request_encode(&a->request, a->raw);
    a->m.request = PH_BYTES_OF(a->raw);
    a->m.head = head;
    return a;
}

static enum ph_err move(const struct asked *a, struct ph_msg_STATE_MOVE_IS *got)
{
    struct ph_buf out = PH_BUF(KEYD_DATAGRAM_MAX);

    PH_TRY(keyd_send(&keyd, ph_encode_STATE_MOVE(&out, 0, 1, &a->m), &out));
    CHECK(ph_get_STATE_MOVE_IS(&frame, got) == PH_OK);
    return PH_OK;
}

/* As the phat's process does: with the state key of the epoch. */
static enum ph_err open_token(enum ph_move_kind kind, struct ph_bytes bound, struct ph_bytes tokens,
                              uint8_t file_key[static 32])
{
    uint8_t state_key[32];

    CHECK(ph_keys_phat_state(keyd.ring.secrets->cluster.epoch[0].master, &phat, state_key) ==
          PH_OK);
    return ph_move_token_open(state_key, kind, bound, tokens, file_key);
}

TEST(an_exports_key_is_for_the_phats_process_and_the_reader_that_its_owner_named)
{
    uint8_t bound[32 + PH_EXPORT_WRAPPED_LEN], file_key[32], theirs[32];
    struct ph_msg_STATE_MOVE_IS got;

    begin();
    CHECK(move(ask("export", reader, (struct ph_bytes){0}), &got) == PH_OK);
    CHECK(got.wrapped.len == PH_EXPORT_WRAPPED_LEN && got.tokens.len == PH_MOVE_TOKEN_LEN);
    memcpy(bound, reader, 32);
    memcpy(bound + 32, got.wrapped.ptr, PH_EXPORT_WRAPPED_LEN);
    CHECK(open_token(PH_MOVE_EXPORT, PH_BYTES_OF(bound), got.tokens, file_key) == PH_OK);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, reader_secret, PH_BYTES_LIT(PH_EXPORT_INFO),
                       PH_BYTES_OF(phat.b), got.wrapped, theirs) == PH_OK);
    CHECK(memcmp(file_key, theirs, 32) == 0);
    /* As nothing else, and for nobody else. */
    CHECK(open_token(PH_MOVE_IMPORT, PH_BYTES_OF(bound), got.tokens, theirs) == PH_ERR_UNTRUSTED);
    bound[0] ^= 1;
    CHECK(open_token(PH_MOVE_EXPORT, PH_BYTES_OF(bound), got.tokens, theirs) == PH_ERR_UNTRUSTED);
    end();
}

TEST(an_export_that_its_owner_did_not_sign_is_refused)
{
    const uint8_t low_order[32] = {0};
    struct ph_msg_STATE_MOVE_IS got;

    begin();
    CHECK(move(ask("import", reader, (struct ph_bytes){0}), &got) == PH_ERR_UNTRUSTED &&
          strstr(why, "another action"));
    struct asked *a = ask("export", reader, (struct ph_bytes){0});
    a->m.request.len--;
    CHECK(move(a, &got) == PH_ERR_MALFORMED);
    a = ask("export", reader, (struct ph_bytes){0});
    a->m.owner_sig.b[64] = 9;
    CHECK(move(a, &got) == PH_ERR_UNTRUSTED && strstr(why, "no valid signature"));
    keyd.ring.cluster.b[0] ^= 1;
    a = ask("export", reader, (struct ph_bytes){0});
    keyd.ring.cluster.b[0] ^= 1;
    CHECK(move(a, &got) == PH_ERR_UNTRUSTED && strstr(why, "another cluster"));
    CHECK(move(ask("export", low_order, (struct ph_bytes){0}), &got) != PH_OK &&
          strstr(why, "the key that it is to be for is none"));
    end();
}

/* An import for `into`, its file key wrapped for the caller key of `from`. */
static void import_for(const struct keyd *from, const struct ph_phat_id *into,
                       const uint8_t file_key[static 32], uint8_t raw[static PH_IMPORT_HEAD_LEN])
{
    struct ph_import_head head = {.phat = *into, .over_index = 4, .from = {.page_cnt = 3}};
    uint8_t from_raw[PH_EXPORT_HEAD_LEN];

    ph_export_head_encode(&head.from, from_raw);
    ph_sha256(PH_BYTES_OF(from_raw), head.binding.b);
    ph_import_head_encode(&head, raw);
    CHECK(ph_hpke_seal(from->ring.caller_pub, PH_BYTES_LIT(PH_IMPORT_INFO),
                       (struct ph_bytes){raw, PH_IMPORT_BOUND_LEN}, (struct ph_bytes){file_key, 32},
                       raw + PH_IMPORT_BOUND_LEN) == PH_OK);
}

TEST(an_imports_key_reaches_the_phats_process_bound_to_the_head_that_was_signed)
{
    uint8_t raw[PH_IMPORT_HEAD_LEN], content[32], got_key[32];
    const uint8_t file_key[32] = {5, 6, 7};
    struct ph_msg_STATE_MOVE_IS got;

    begin();
    import_for(&keyd, &phat, file_key, raw);
    ph_sha256(PH_BYTES_OF(raw), content);
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_OK && got.wrapped.len == 0);
    CHECK(open_token(PH_MOVE_IMPORT, PH_BYTES_OF(raw), got.tokens, got_key) == PH_OK);
    CHECK(memcmp(got_key, file_key, 32) == 0);
    raw[30] ^= 1; /* over another commit */
    CHECK(open_token(PH_MOVE_IMPORT, PH_BYTES_OF(raw), got.tokens, got_key) == PH_ERR_UNTRUSTED);
    end();
}

TEST(an_import_of_another_head_phat_or_cluster_is_refused)
{
    const struct ph_phat_id theirs = {{1, 2, 3}};
    uint8_t raw[PH_IMPORT_HEAD_LEN], content[32];
    const uint8_t file_key[32] = {5, 6, 7};
    struct ph_msg_STATE_MOVE_IS got;

    begin();
    import_for(&keyd, &phat, file_key, raw);
    ph_sha256(PH_BYTES_OF(raw), content);
    raw[30] ^= 1;
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_ERR_UNTRUSTED &&
          strstr(why, "the head of another import"));
    ph_sha256(PH_BYTES_OF(raw), content); /* signed, but the key is wrapped for the one before */
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_ERR_UNTRUSTED &&
          strstr(why, "not wrapped for this cluster and this head"));
    import_for(&keyd, &theirs, file_key, raw);
    ph_sha256(PH_BYTES_OF(raw), content);
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_ERR_UNTRUSTED &&
          strstr(why, "for another phat"));
    import_for(&other, &phat, file_key, raw);
    ph_sha256(PH_BYTES_OF(raw), content);
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_ERR_UNTRUSTED &&
          strstr(why, "not wrapped for this cluster"));
    raw[0] ^= 1;
    CHECK(move(ask("import", content, PH_BYTES_OF(raw)), &got) == PH_ERR_MALFORMED);
    CHECK(move(ask("import", content, (struct ph_bytes){raw, 20}), &got) == PH_ERR_MALFORMED);
    end();
}

TEST(each_epoch_of_the_cluster_has_its_token)
{
    uint8_t bound[32 + PH_EXPORT_WRAPPED_LEN], file_key[32], next[32] = {3};
    struct ph_msg_STATE_MOVE_IS got;

    begin();
    CHECK(ph_cluster_keys_rotate(&keyd.ring.secrets->cluster, next) == PH_OK);
    CHECK(keyring_derive(&keyd.ring) == PH_OK);
    CHECK(move(ask("export", reader, (struct ph_bytes){0}), &got) == PH_OK);
    CHECK(got.tokens.len == 2 * PH_MOVE_TOKEN_LEN);
    memcpy(bound, reader, 32);
    memcpy(bound + 32, got.wrapped.ptr, PH_EXPORT_WRAPPED_LEN);
    CHECK(open_token(PH_MOVE_EXPORT, PH_BYTES_OF(bound), got.tokens, file_key) == PH_OK);
    end();
}

PH_TEST_MAIN(CASE(an_exports_key_is_for_the_phats_process_and_the_reader_that_its_owner_named),
             CASE(an_export_that_its_owner_did_not_sign_is_refused),
             CASE(an_imports_key_reaches_the_phats_process_bound_to_the_head_that_was_signed),
             CASE(an_import_of_another_head_phat_or_cluster_is_refused),
             CASE(each_epoch_of_the_cluster_has_its_token))
