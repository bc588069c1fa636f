/* Secrets through the real process: who gets them, and which. */
#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/code_key.h"
#include "keys/secrets.h"
#include "node/keyd_secrets.h"
#include "node/test_keyd.h"

#include <fcntl.h>
#include <string.h>

#define DOC PH_BYTES_LIT("{\"API_KEY\":\"s3cret\"}")

static const uint8_t owner_secret[32] = {[31] = 7}, stranger_secret[32] = {[31] = 8};

static void sign(const struct ph_owner_request *req, const uint8_t secret[32], uint8_t sig[65])
{
    struct ph_hash32 digest;
    ph_owner_request_digest(req, &digest);
    CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK);
}

static struct ph_owner_request request(struct ph_keyd_client *client, const char *action)
{
    struct ph_owner_request req = {.name = "oracle", .sequence = 3, .expires = 1};
    (void)snprintf(req.action, sizeof(req.action), "%s", action);
    req.cluster = ph_keyd_client_info(client)->cluster;
    return req;
}

static struct ph_phat_id phat_of(const uint8_t secret[32], const char *name)
{
    struct ph_eth_address owner;
    struct ph_phat_id phat;
    CHECK(ph_eth_address(secret, &owner) == PH_OK);
    ph_phat_id_derive(&owner, name, &phat);
    return phat;
}

/* An owner's envelope for "oracle", and the signed request that goes with it. */
static void make_envelope(struct ph_keyd_client *client, const struct ph_secrets_for *bundles,
                          struct ph_buf *envelope, struct ph_owner_request *req, uint8_t sig[65])
{
    const struct ph_phat_id phat = phat_of(owner_secret, "oracle");
    char why[128];

    CHECK(ph_secrets_seal(ph_keyd_client_info(client)->caller_x25519, &phat, bundles, DOC, envelope,
                          why) == PH_OK);
    *req = request(client, "secrets");
    ph_sha256(ph_buf_view(envelope), req->content.b);
    sign(req, owner_secret, sig);
}

static void make_sealed_for(struct ph_keyd_client *client, const struct ph_secrets_for *bundles,
                            struct ph_buf *sealed)
{
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    struct ph_owner_request req;
    uint8_t sig[65];
    char why[PH_KEYD_WHY_LEN];

    make_envelope(client, bundles, &envelope, &req, sig);
    CHECK(ph_keyd_client_secrets_seal(client, &req, sig, ph_buf_view(&envelope), sealed, why) ==
          PH_OK);
}

static void make_sealed(struct ph_keyd_client *client, struct ph_buf *sealed)
{
    make_sealed_for(client, &(struct ph_secrets_for){0}, sealed);
}

/* Release into a fresh pipe; yields the error, and what an instance would read. */
static enum ph_err release(struct ph_keyd_client *client, const struct ph_owner_request *deploy,
                           const uint8_t secret[32], struct ph_bytes sealed, char *out, size_t cap)
{
    char why[PH_KEYD_WHY_LEN];
    uint8_t sig[65];
    uint32_t len = 0;
    int fds[2];

    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    sign(deploy, secret, sig);
    const enum ph_err err =
        ph_keyd_client_secrets_release(client, deploy, sig, sealed, fds[1], &len, why);
    (void)close(fds[1]);
    const ssize_t n = read(fds[0], out, cap - 1);
    CHECK(n == (ssize_t)len); /* and then end of file: phala-keyd closed its copy */
    out[n] = '\0';
    CHECK(read(fds[0], &(char){0}, 1) == 0);
    (void)close(fds[0]);
    CHECK(err == PH_OK || (n == 0 && why[0] != '\0'));
    return err;
}

TEST(secrets_reach_a_bundle_that_their_owner_signed_also_after_a_restart)
{
    struct ph_keyd_client *client = start();
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    char got[256];

    make_sealed(client, &sealed);
    const struct ph_owner_request deploy = request(client, "deploy");
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) == PH_OK);
    CHECK(ph_bytes_is(DOC, got));
    ph_keyd_client_free(client);

    client = start();
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) == PH_OK);
    CHECK(ph_bytes_is(DOC, got));
    ph_keyd_client_free(client);
}

TEST(secrets_are_not_released_for_anything_else)
{
    struct ph_keyd_client *client = start();
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    char got[256];

    make_sealed(client, &sealed);
    const struct ph_bytes blob = ph_buf_view(&sealed);
    const struct ph_owner_request good = request(client, "deploy");
    CHECK(release(client, &good, stranger_secret, blob, got, sizeof(got)) == PH_ERR_UNTRUSTED);

    struct ph_owner_request req = good;
    (void)snprintf(req.name, sizeof(req.name), "other"); /* the owner's other phat */
    CHECK(release(client, &req, owner_secret, blob, got, sizeof(got)) == PH_ERR_UNTRUSTED);
    req = request(client, "secrets"); /* signed, but no deploy */
    CHECK(release(client, &req, owner_secret, blob, got, sizeof(got)) == PH_ERR_UNTRUSTED);
    req = good;
    req.cluster.b[0] ^= 1; /* signed for another cluster */
    CHECK(release(client, &req, owner_secret, blob, got, sizeof(got)) == PH_ERR_UNTRUSTED);
    sealed.ptr[sealed.len - 1] ^= 1;
    CHECK(release(client, &good, owner_secret, blob, got, sizeof(got)) == PH_ERR_UNTRUSTED);
    sealed.ptr[sealed.len - 1] ^= 1;
    CHECK(release(client, &good, owner_secret, (struct ph_bytes){blob.ptr, 20}, got, sizeof(got)) ==
          PH_ERR_MALFORMED);
    CHECK(release(client, &good, owner_secret, blob, got, sizeof(got)) == PH_OK);
    ph_keyd_client_free(client);
}

/* The state file holds what phala-keyd asked for. */
static void keep(struct ph_keyd_client *client, const struct ph_owner_request *req,
                 const uint8_t secret[32], bool changes)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    char why[PH_KEYD_WHY_LEN];
    uint8_t sig[65];

    sign(req, secret, sig);
    CHECK(ph_keyd_secrets_kept(client, req, sig, &state, why) == PH_OK);
    CHECK((state.len > 0) == changes);
    if (!changes)
        return;
    const int fd = open(blob_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, state.ptr, state.len) == (ssize_t)state.len);
    (void)close(fd);
}

TEST(a_set_older_than_one_that_was_kept_is_never_released_also_after_a_restart)
{
    struct ph_keyd_client *client = start();
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    struct ph_buf known PH_OWNED(ph_buf_clear) = PH_BUF(65536), none = PH_BUF(65536);
    const struct ph_phat_id phat = phat_of(owner_secret, "oracle");
    char got[256], why[PH_KEYD_WHY_LEN];
    uint8_t sig[65];

    make_sealed(client, &sealed);
    const struct ph_owner_request deploy = request(client, "deploy");
    struct ph_owner_request newer = request(client, "secrets");
    keep(client, &newer, owner_secret, true);
    keep(client, &newer, owner_secret, false);
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) == PH_OK);

    sign(&newer, owner_secret, sig);
    newer.sequence++; /* not what was signed: another phat's, which is nobody's concern here */
    CHECK(ph_keyd_secrets_kept(client, &deploy, sig, &none, why) == PH_ERR_UNTRUSTED);
    keep(client, &newer, owner_secret, true);
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_keyd_secrets_known(client, &known, why) == PH_OK && known.len == 20 &&
          memcmp(known.ptr, phat.b, 20) == 0);
    ph_keyd_client_free(client);

    client = start();
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) ==
          PH_ERR_UNTRUSTED);
    struct ph_owner_request gone = request(client, "delete");
    gone.sequence = newer.sequence + 1;
    keep(client, &gone, owner_secret, true);
    ph_buf_clear(&known);
    CHECK(ph_keyd_secrets_known(client, &known, why) == PH_OK && known.len == 0);
    CHECK(release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got)) ==
          PH_ERR_UNTRUSTED);
    ph_keyd_client_free(client);
}

TEST(a_bundle_that_the_owner_did_not_name_gets_nothing)
{
    struct ph_keyd_client *client = start();
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    const struct ph_secrets_for two = {.cnt = 2, .bundle = {{{1}}, {{2}}}};
    struct ph_owner_request deploy = request(client, "deploy");
    char got[256];

    make_sealed_for(client, &two, &sealed);
    for (uint8_t i = 0; i < 4; i++) {
        deploy.content = (struct ph_hash32){{i}};
        const enum ph_err err =
            release(client, &deploy, owner_secret, ph_buf_view(&sealed), got, sizeof(got));
        CHECK(err == (i == 1 || i == 2 ? PH_OK : PH_ERR_UNTRUSTED));
        CHECK(err == PH_OK ? ph_bytes_is(DOC, got) : got[0] == '\0');
    }
    ph_keyd_client_free(client);
}

TEST(a_descriptor_that_is_no_pipe_or_is_full_gets_nothing)
{
    struct ph_keyd_client *client = start();
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    const struct ph_owner_request deploy = request(client, "deploy");
    char why[PH_KEYD_WHY_LEN], page[4096] = {0};
    uint8_t sig[65];
    uint32_t len;
    int fds[2];

    make_sealed(client, &sealed);
    sign(&deploy, owner_secret, sig);
    const int file = open(key_file, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(ph_keyd_client_secrets_release(client, &deploy, sig, ph_buf_view(&sealed), file, &len,
                                         why) == PH_ERR_IO);
    (void)close(file);
    CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    while (write(fds[1], page, sizeof(page)) > 0)
        ;
    CHECK(ph_keyd_client_secrets_release(client, &deploy, sig, ph_buf_view(&sealed), fds[1], &len,
                                         why) == PH_ERR_LIMIT);
    (void)close(fds[0]);
    CHECK(ph_keyd_client_secrets_release(client, &deploy, sig, ph_buf_view(&sealed), fds[1], &len,
                                         why) == PH_ERR_IO);
    (void)close(fds[1]);
    ph_keyd_client_free(client);
}

TEST(envelopes_are_taken_only_with_their_owners_word)
{
    struct ph_keyd_client *client = start();
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    struct ph_owner_request good;
    uint8_t sig[65];
    char why[PH_KEYD_WHY_LEN];

    make_envelope(client, &(struct ph_secrets_for){0}, &envelope, &good, sig);
#define SEAL(req)                                                                                  \
    ph_keyd_client_secrets_seal(client, &(req), sig, ph_buf_view(&envelope), &sealed, why)
    struct ph_owner_request req = good;
    sign(&req, stranger_secret, sig); /* then the phat is another one, for which it is not sealed */
    CHECK(SEAL(req) == PH_ERR_UNTRUSTED);
    req.content.b[0] ^= 1;
    sign(&req, owner_secret, sig);
    CHECK(SEAL(req) == PH_ERR_UNTRUSTED && strstr(why, "envelope"));
    req = good;
    req.sequence++; /* after signing */
    sign(&good, owner_secret, sig);
    CHECK(SEAL(req) == PH_ERR_UNTRUSTED);
    req = request(client, "deploy");
    req.content = good.content;
    sign(&req, owner_secret, sig);
    CHECK(SEAL(req) == PH_ERR_UNTRUSTED && strstr(why, "action"));
    sig[64] = 0;
    CHECK(SEAL(good) == PH_ERR_UNTRUSTED);
    sign(&good, owner_secret, sig);
    CHECK(sealed.len == 0 && SEAL(good) == PH_OK && sealed.len > 0);
    ph_keyd_client_free(client);
}

/* The key of code, released into a fresh pipe; yields the error and what lies there. */
static enum ph_err release_code(struct ph_keyd_client *client,
                                const struct ph_owner_request *deploy, uint32_t epoch,
                                struct ph_bytes wrapped, uint8_t key[static PH_CODE_KEY_LEN])
{
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t sig[65];
    int fds[2];

    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    sign(deploy, owner_secret, sig);
    const enum ph_err err = ph_keyd_code_release(client, deploy, sig, epoch, wrapped, fds[1], why);
    (void)close(fds[1]);
    CHECK(read(fds[0], key, PH_CODE_KEY_LEN) == (err == PH_OK ? PH_CODE_KEY_LEN : 0));
    (void)close(fds[0]);
    CHECK(err == PH_OK || strncmp(why, "code: its key", 13) == 0);
    return err;
}

TEST(the_key_of_code_reaches_the_bundle_that_it_is_for)
{
    struct ph_keyd_client *client = start();
    const struct ph_keyd_info *info = ph_keyd_client_info(client);
    const struct ph_phat_id phat = phat_of(owner_secret, "oracle"),
                            other = phat_of(owner_secret, "other");
    struct ph_code code = {.bundle_hash = {{1, 2}}, .epoch = info->epoch};
    const struct ph_hash32 another = {{3}};
    const uint8_t key[PH_CODE_KEY_LEN] = {9, 8, 7};
    uint8_t wrapped[PH_CODE_WRAPPED_LEN], got[PH_CODE_KEY_LEN], sig[65];
    struct ph_owner_request deploy = request(client, "deploy");
    char why[PH_KEYD_WHY_LEN];
    uint32_t epoch;

    deploy.content = code.bundle_hash;
    CHECK(ph_code_key_wrap(info->caller_x25519, &phat, &code.bundle_hash, code.epoch, key,
                           wrapped) == PH_OK);
    const struct ph_bytes whole = PH_BYTES_OF(wrapped);
    CHECK(release_code(client, &deploy, code.epoch, whole, got) == PH_OK);
    CHECK(memcmp(got, key, sizeof(key)) == 0);

    CHECK(release_code(client, &deploy, code.epoch + 1, whole, got) == PH_ERR_UNTRUSTED);
    CHECK(release_code(client, &deploy, code.epoch, (struct ph_bytes){wrapped, 79}, got) ==
          PH_ERR_MALFORMED);
    deploy.content = another; /* another bundle was signed */
    CHECK(release_code(client, &deploy, code.epoch, whole, got) == PH_ERR_UNTRUSTED);
    deploy.content = code.bundle_hash;
    (void)snprintf(deploy.name, sizeof(deploy.name), "other"); /* the owner's other phat */
    CHECK(release_code(client, &deploy, code.epoch, whole, got) == PH_ERR_UNTRUSTED);
    deploy = request(client, "secrets"); /* no deploy */
    deploy.content = code.bundle_hash;
    sign(&deploy, owner_secret, sig);
    CHECK(ph_keyd_code_release(client, &deploy, sig, code.epoch, whole, -1, why) != PH_OK);

    code.wrapped = whole;
    CHECK(ph_keyd_code_rewrap(client, &phat, &code, &epoch, wrapped, why) == PH_ERR_NOT_FOUND);
    code.epoch++;
    CHECK(ph_keyd_code_rewrap(client, &other, &code, &epoch, wrapped, why) == PH_ERR_UNTRUSTED);
    ph_keyd_client_free(client);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(secrets_reach_a_bundle_that_their_owner_signed_also_after_a_restart),
        CASE(secrets_are_not_released_for_anything_else),
        CASE(a_bundle_that_the_owner_did_not_name_gets_nothing),
        CASE(a_descriptor_that_is_no_pipe_or_is_full_gets_nothing),
        CASE(envelopes_are_taken_only_with_their_owners_word),
        CASE(the_key_of_code_reaches_the_bundle_that_it_is_for),
        CASE(a_set_older_than_one_that_was_kept_is_never_released_also_after_a_restart),
    };
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
