/* The real process, asked through phalad's client. */
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"
#include "ipc/messages.h"
#include "keys/receipt.h"
#include "node/test_keyd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Starting with these arguments is refused. */
static enum ph_err start_with(const char *state_path, const char *seal_spec)
{
    const struct ph_keyd_config config = {
        .path = keyd_path(), .state = state_path, .seal = seal_spec};
    struct ph_keyd_client *client = NULL;
    char why[PH_KEYD_WHY_LEN];

    const enum ph_err err = ph_keyd_client_start(&config, &client, why);
    ph_keyd_client_free(client);
    return err;
}

TEST(identity_stays_over_kill_and_restart)
{
    struct ph_keyd_client *client = start();
    const struct ph_keyd_info before = *ph_keyd_client_info(client);
    struct ph_hash32 root = {{1}};
    uint8_t sig[65];

    CHECK(before.flags == PH_KEYD_INSECURE_SIMULATOR);
    struct ph_eth_address of_public;
    ph_eth_address_of_public(before.signer_pub, &of_public);
    CHECK(memcmp(&of_public, &before.signer, 20) == 0);
    CHECK(kill(ph_keyd_client_pid(client), SIGKILL) == 0);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1, 1, sig) == PH_ERR_CLOSED);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1, 1, sig) == PH_ERR_CLOSED);
    ph_keyd_client_free(client);

    client = start();
    CHECK(memcmp(&before, ph_keyd_client_info(client), sizeof(before)) == 0);
    ph_keyd_client_free(client);
}

TEST(batches_are_signed_for_the_worker_and_never_back_in_time)
{
    struct ph_keyd_client *client = start();
    struct ph_hash32 root = {{1}}, digest;
    struct ph_eth_address signer;
    uint8_t sig[65];

    CHECK(ph_keyd_client_sign_batch(client, &root, 1024, 1000, sig) == PH_OK);
    ph_receipt_batch_digest(&root, 1024, 1000, &digest);
    CHECK(ph_eth_recover(&digest, sig, &signer) == PH_OK);
    CHECK(memcmp(&signer, &ph_keyd_client_info(client)->signer, 20) == 0);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1, 1000, sig) == PH_OK);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1, 999, sig) == PH_ERR_CONFLICT);
    CHECK(ph_keyd_client_sign_batch(client, &root, 0, 1001, sig) == PH_ERR_MALFORMED);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1025, 1001, sig) == PH_ERR_MALFORMED);
    CHECK(ph_keyd_client_sign_batch(client, &root, 1, 1001, sig) == PH_OK);
    ph_keyd_client_free(client);
}

static void await(struct ph_keyd_client *client, struct ph_keyd_signed *out)
{
    struct pollfd p = {.fd = ph_keyd_client_fd(client), .events = POLLIN};
    enum ph_err err;

    while ((err = ph_keyd_client_poll(client, out)) == PH_ERR_AGAIN)
        CHECK(poll(&p, 1, 10000) == 1);
    CHECK(err == PH_OK);
}

TEST(batches_sent_without_waiting_come_back_with_their_tags)
{
    struct ph_keyd_client *client = start();
    struct ph_hash32 root = {{1}}, digest;
    struct ph_eth_address signer;
    struct ph_keyd_signed got;
    uint8_t sig[65];
    size_t sent = 0;

    CHECK(ph_keyd_client_poll(client, &got) == PH_ERR_AGAIN);
    while (ph_keyd_client_sign_batch_send(client, 100 + sent, &root, 1, 1000 + sent) == PH_OK)
        sent++;
    CHECK(sent == PH_KEYD_BATCHES_MAX);
    /* A call in between waits for its own answer and keeps theirs. */
    CHECK(ph_keyd_client_sign_batch(client, &root, 2, 5000, sig) == PH_OK);
    /* It has emptied the socket: the event loop is woken all the same. */
    struct pollfd woken = {.fd = ph_keyd_client_fd(client), .events = POLLIN};
    CHECK(poll(&woken, 1, 0) == 1);
    for (size_t i = 0; i < sent; i++) {
        await(client, &got);
        CHECK(got.tag == 100 + i && got.result == PH_OK);
        ph_receipt_batch_digest(&root, 1, 1000 + i, &digest);
        CHECK(ph_eth_recover(&digest, got.sig, &signer) == PH_OK);
        CHECK(memcmp(&signer, &ph_keyd_client_info(client)->signer, 20) == 0);
    }
    CHECK(ph_keyd_client_poll(client, &got) == PH_ERR_AGAIN);
    CHECK(ph_keyd_client_sign_batch_send(client, 1, &root, 1, 4999) == PH_OK);
    await(client, &got);
    CHECK(got.tag == 1 && got.result == PH_ERR_CONFLICT);

    CHECK(kill(ph_keyd_client_pid(client), SIGSTOP) == 0);
    CHECK(ph_keyd_client_sign_batch_send(client, 2, &root, 1, 6000) == PH_OK);
    CHECK(kill(ph_keyd_client_pid(client), SIGKILL) == 0);
    await(client, &got);
    CHECK(got.tag == 2 && got.result == PH_ERR_CLOSED);
    CHECK(ph_keyd_client_poll(client, &got) == PH_ERR_CLOSED);
    ph_keyd_client_free(client);
}

TEST(an_answer_that_comes_too_late_is_nobodys)
{
    struct ph_keyd_client *client = start();
    struct ph_hash32 late = {{1}}, ours = {{2}}, digest;
    struct ph_eth_address signer;
    struct ph_keyd_signed got;
    uint8_t sig[65];

    CHECK(kill(ph_keyd_client_pid(client), SIGSTOP) == 0);
    CHECK(ph_keyd_client_sign_batch(client, &late, 1, 1000, sig) == PH_ERR_AGAIN);
    CHECK(ph_keyd_client_sign_batch_send(client, 7, &ours, 1, 1000) == PH_OK);
    CHECK(kill(ph_keyd_client_pid(client), SIGCONT) == 0);
    await(client, &got);
    ph_receipt_batch_digest(&ours, 1, 1000, &digest);
    CHECK(got.tag == 7 && got.result == PH_OK);
    CHECK(ph_eth_recover(&digest, got.sig, &signer) == PH_OK);
    CHECK(memcmp(&signer, &ph_keyd_client_info(client)->signer, 20) == 0);
    ph_keyd_client_free(client);
}

TEST(tls_signatures_verify_under_the_published_key)
{
    struct ph_keyd_client *client = start();
    struct ph_p256_pub *pub = NULL;
    uint8_t digest[32] = {5}, der[PH_TLS_SIG_MAX], raw[64];
    size_t len = 0;

    CHECK(ph_keyd_client_tls_sign(client, PH_TLS_ECDSA_P256_SHA256, digest, der, &len) == PH_OK);
    CHECK(ph_der_ecdsa_sig((struct ph_bytes){der, len}, 32, raw) == PH_OK);
    CHECK(ph_p256_pub_new(ph_keyd_client_info(client)->tls_pub, &pub) == PH_OK);
    CHECK(ph_p256_verify_digest(pub, digest, raw) == PH_OK);
    ph_p256_pub_free(pub);
    CHECK(ph_keyd_client_tls_sign(client, 0x0804, digest, der, &len) == PH_ERR_UNSUPPORTED);
    ph_keyd_client_free(client);
}

TEST(a_private_calls_envelope_opens_here)
{
    struct ph_keyd_client *client = start();
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_ohttp_session sender, opened;
    uint8_t keys[PH_OHTTP_KEYS_LEN];

    ph_ohttp_keys_encode(ph_keyd_client_info(client)->ohttp_x25519, keys);
    CHECK(ph_ohttp_seal_request(PH_BYTES_OF(keys), PH_BYTES_LIT("hello"), &out, &sender) == PH_OK);
    const struct ph_bytes head = {out.ptr, PH_OHTTP_HEAD_LEN};
    CHECK(ph_keyd_client_ohttp_open(client, head, &opened) == PH_OK);
    CHECK(memcmp(&opened, &sender, sizeof(opened)) == 0);
    out.ptr[0] ^= 1;
    CHECK(ph_keyd_client_ohttp_open(client, head, &opened) == PH_ERR_UNSUPPORTED);
    out.ptr[0] ^= 1;
    memset(out.ptr + 7, 0, 32);
    CHECK(ph_keyd_client_ohttp_open(client, head, &opened) == PH_ERR_UNTRUSTED);
    CHECK(ph_keyd_client_ohttp_open(client, (struct ph_bytes){out.ptr, 38}, &opened) ==
          PH_ERR_MALFORMED);
    ph_keyd_client_free(client);
}

/* A channel of our own, for what the client never sends. */
static pid_t start_raw(int *sock)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (pair[1] == 3 ? fcntl(3, F_SETFD, 0) != 0 : dup2(pair[1], 3) != 3)
            _exit(126);
        (void)execl(keyd_path(), "phala-keyd", "--state", blob_path, "--seal", seal, (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    *sock = pair[0];
    return pid;
}

static enum ph_err refusal_of(int sock)
{
    static uint8_t in[128 * 1024];
    struct ph_ipc_frame frame;
    struct ph_msg_KEYD_FAIL m;
    size_t len, fd_cnt;

    CHECK(ph_ipc_recv_fds(sock, in, sizeof(in), &len, NULL, 0, &fd_cnt) == PH_OK);
    CHECK(ph_ipc_decode((struct ph_bytes){in, len}, &frame) == PH_OK);
    CHECK(ph_get_KEYD_FAIL(&frame, &m) == PH_OK && m.message.len > 0);
    return (enum ph_err)m.err;
}

/* The real phala-keyd opens what was sealed to the key configuration of its public key, and gives
 * nothing for any other head. */

TEST(garbage_is_refused_and_the_process_goes_on_until_the_channel_closes)
{
    static uint8_t big[100 * 1024];
    struct ph_buf request_buf PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    int sock, status = -1;
    const pid_t pid = start_raw(&sock);

    CHECK(ph_ipc_send_fds(sock, PH_BYTES_LIT("?"), NULL, 0) == PH_OK);
    CHECK(refusal_of(sock) == PH_ERR_MALFORMED);
    CHECK(ph_ipc_send_fds(sock, PH_BYTES_OF(big), NULL, 0) == PH_OK);
    CHECK(refusal_of(sock) == PH_ERR_MALFORMED);
    const int fds[2] = {sock, sock};
    CHECK(ph_ipc_send_fds(sock, PH_BYTES_LIT("??"), fds, 2) == PH_OK);
    CHECK(refusal_of(sock) == PH_ERR_MALFORMED);
    /* Every type of message, with no payload and with one byte. */
    for (uint16_t type = 0; type < 80; type++) {
        uint8_t raw[PH_IPC_HEADER_LEN + 1] = {0};
        for (uint32_t extra = 0; extra < 2; extra++) {
            if (type == PH_IPC_KEYD_INFO && extra == 0)
                continue;
            ph_ipc_header(raw, extra, type, 0, 9);
            CHECK(ph_ipc_send_fds(sock, (struct ph_bytes){raw, PH_IPC_HEADER_LEN + extra}, NULL,
                                  0) == PH_OK);
            CHECK(refusal_of(sock) != PH_OK);
        }
    }
    /* A release without a pipe. */
    const struct ph_msg_SECRETS_RELEASE m = {0};
    CHECK(ph_encode_SECRETS_RELEASE(&request_buf, 0, 4, &m) == PH_OK);
    CHECK(ph_ipc_send_fds(sock, ph_buf_view(&request_buf), NULL, 0) == PH_OK);
    CHECK(refusal_of(sock) == PH_ERR_MALFORMED);

    (void)close(sock);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(the_process_is_locked_down)
{
    struct ph_keyd_client *client = start();
    char path[64], line[256];
    bool filter = false, no_new_privs = false, core = false;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", ph_keyd_client_pid(client));
    FILE *f = fopen(path, "r");
    CHECK(f);
    while (fgets(line, sizeof(line), f)) {
        filter = filter || strcmp(line, "Seccomp:\t2\n") == 0;
        no_new_privs = no_new_privs || strcmp(line, "NoNewPrivs:\t1\n") == 0;
    }
    (void)fclose(f);
    struct rlimit limit = {1, 1};
    core = prlimit(ph_keyd_client_pid(client), RLIMIT_CORE, NULL, &limit) == 0 &&
           limit.rlim_cur == 0 && limit.rlim_max == 0;
    CHECK(filter && no_new_privs && core);
    ph_keyd_client_free(client);
}

static void overwrite(const char *path, long at, uint8_t flip)
{
    FILE *f = fopen(path, "r+b");
    CHECK(f && fseek(f, at, SEEK_SET) == 0);
    const int c = fgetc(f);
    CHECK(c >= 0 && fseek(f, at, SEEK_SET) == 0 && fputc(c ^ flip, f) >= 0 && fclose(f) == 0);
}

TEST(a_changed_state_or_sealing_key_is_refused_not_replaced)
{
    static const char *const none[] = {"simulator:", "tpm", ""};

    overwrite(blob_path, 40, 1);
    CHECK(start_with(blob_path, seal) == PH_ERR_CLOSED);
    overwrite(blob_path, 40, 1);
    overwrite(blob_path, 0, 1);
    CHECK(start_with(blob_path, seal) == PH_ERR_CLOSED);
    overwrite(blob_path, 0, 1);
    overwrite(key_file, 3, 1);
    CHECK(start_with(blob_path, seal) == PH_ERR_CLOSED);
    overwrite(key_file, 3, 1);
    CHECK(start_with(blob_path, seal) == PH_OK);

    /* The sealing key is lost: keys must not silently become others. */
    char aside[160];
    (void)snprintf(aside, sizeof(aside), "%s.aside", key_file);
    CHECK(rename(key_file, aside) == 0);
    CHECK(start_with(blob_path, seal) == PH_ERR_CLOSED);
    CHECK(access(key_file, F_OK) != 0 && rename(aside, key_file) == 0);
    CHECK(start_with(blob_path, seal) == PH_OK);

    for (size_t i = 0; i < PH_LEN(none); i++)
        CHECK(start_with(blob_path, none[i]) == PH_ERR_CLOSED);
    CHECK(start_with("/nonexistent/dir/state", seal) == PH_ERR_CLOSED);
    if (access("/dev/sev-guest", F_OK) != 0)
        CHECK(start_with(blob_path, "snp") == PH_ERR_CLOSED);
}

TEST(keys_without_a_state_file_are_new_every_time_and_say_so)
{
    const struct ph_keyd_config config = {.path = keyd_path(), .state = "", .seal = "none"};
    struct ph_keyd_client *a = NULL, *b = NULL;
    char why[PH_KEYD_WHY_LEN];

    CHECK(ph_keyd_client_start(&config, &a, why) == PH_OK);
    CHECK(ph_keyd_client_start(&config, &b, why) == PH_OK);
    CHECK(ph_keyd_client_info(a)->flags == PH_KEYD_EPHEMERAL);
    CHECK(memcmp(&ph_keyd_client_info(a)->signer, &ph_keyd_client_info(b)->signer, 20) != 0);
    ph_keyd_client_free(a);
    ph_keyd_client_free(b);
}

TEST(a_missing_executable_is_an_error_at_the_start)
{
    const struct ph_keyd_config config = {.path = "/nonexistent", .state = blob_path, .seal = seal};
    struct ph_keyd_client *client = NULL;
    char why[PH_KEYD_WHY_LEN];

    CHECK(ph_keyd_client_start(&config, &client, why) == PH_ERR_CLOSED && !client);
    CHECK(strstr(why, "/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(identity_stays_over_kill_and_restart),
        CASE(batches_are_signed_for_the_worker_and_never_back_in_time),
        CASE(batches_sent_without_waiting_come_back_with_their_tags),
        CASE(an_answer_that_comes_too_late_is_nobodys),
        CASE(tls_signatures_verify_under_the_published_key),
        CASE(a_private_calls_envelope_opens_here),
        CASE(garbage_is_refused_and_the_process_goes_on_until_the_channel_closes),
        CASE(the_process_is_locked_down),
        CASE(a_changed_state_or_sealing_key_is_refused_not_replaced),
        CASE(keys_without_a_state_file_are_new_every_time_and_say_so),
        CASE(a_missing_executable_is_an_error_at_the_start),
    };
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
