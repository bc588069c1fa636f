/* A chain client for integration tests, driven over standard input, a line each; what happens goes
 * to standard output, a line each. The key that signs is a test's own, on the command line.
 *
 *   test_chain_rig DIR CHAIN_ID SECRET CONFIRMATIONS QUORUM POLL_MS CONTRACT URL…
 *
 *   submit KEY TO GAS DATA     -> submitted KEY | conflict KEY | error KEY …
 *   done BLOCK                    logs up to there are not needed again
 *   forget KEY
 *   status                     -> status HEAD FINAL QUEUED SENT MINED DONE
 *
 * Without being asked: ready; head NUMBER FINAL; undone NUMBER; log BLOCK INDEX TX TOPIC DATA;
 * tx KEY STATE OK HASH BLOCK NONCE; broken WHY.
 */

#include "node/chain_client.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/init.h"
#include "crypto/secp256k1.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    struct ph_loop *loop;
    struct ph_chain_client *client;
    uint8_t secret[32];
    char line[PH_TX_MAX * 2 + 1024];
    size_t line_len;
} rig;

static const char *hex(const void *bytes, size_t len)
{
    static char text[4][2 * 4096 + 1];
    static size_t at;

    at = (at + 1) % PH_LEN(text);
    ph_hex_encode((struct ph_bytes){bytes, len < 4096 ? len : 4096}, text[at]);
    return text[at];
}

static enum ph_err sign(void *ctx, struct ph_bytes unsigned_tx, uint8_t sig[static PH_ETH_SIG_LEN])
{
    struct ph_hash32 digest;

    (void)ctx;
    ph_tx_digest(unsigned_tx, &digest);
    return ph_eth_sign(rig.secret, &digest, sig);
}

static void on_ready(void *ctx)
{
    (void)ctx;
    puts("ready");
}

static void on_undone(void *ctx, uint64_t number)
{
    (void)ctx;
    printf("undone %llu\n", (unsigned long long)number);
}

static void on_log(void *ctx, const struct ph_eth_log *log)
{
    (void)ctx;
    printf("log %llu %llu 0x%s 0x%s 0x%s\n", (unsigned long long)log->block_number,
           (unsigned long long)log->index, hex(log->tx_hash.b, 32), hex(log->topics[0].b, 32),
           hex(log->data.ptr, log->data.len));
}

static void on_head(void *ctx, const struct ph_follow_head *head)
{
    (void)ctx;
    printf("head %llu %llu\n", (unsigned long long)head->number,
           (unsigned long long)head->final_number);
}

static void on_broken(void *ctx, const char *why)
{
    (void)ctx;
    printf("broken %s\n", why);
}

static void on_changed(void *ctx, const struct ph_hash32 *key, const struct ph_txman_outcome *o)
{
    static const char *const states[] = {"queued", "sent", "mined", "done", "refused"};

    (void)ctx;
    printf("tx 0x%s %s %d 0x%s %llu %llu\n", hex(key->b, 32), states[o->state], o->ok,
           hex(o->tx_hash.b, 32), (unsigned long long)o->block_number,
           (unsigned long long)o->nonce);
}

static bool read_hex(const char *text, void *out, size_t len)
{
    return text && ph_hex_decode(ph_bytes_str(text), out, len) == PH_OK;
}

static void do_submit(char **words)
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct ph_txman_order order = {.gas = words[2] ? strtoull(words[2], NULL, 10) : 0};

    if (!read_hex(words[0], order.key.b, 32) || !read_hex(words[1], order.to.b, 20) || !words[3] ||
        ph_rpc_data_of(ph_bytes_str(words[3]), &data) != PH_OK) {
        puts("error bad arguments");
        return;
    }
    order.data = ph_buf_view(&data);
    const enum ph_err err = ph_chain_client_submit(rig.client, &order);
    printf("%s %s %s\n",
           err == PH_OK             ? "submitted"
           : err == PH_ERR_CONFLICT ? "conflict"
                                    : "error",
           words[0], ph_err_name(err));
}

static void do_status(void)
{
    const struct ph_txman *m = ph_chain_client_txman(rig.client);
    const struct ph_follow_head *head = ph_chain_client_head(rig.client);

    printf("status %llu %llu", (unsigned long long)head->number,
           (unsigned long long)head->final_number);
    for (int state = PH_TXMAN_QUEUED; state <= PH_TXMAN_DONE; state++)
        printf(" %zu", ph_txman_count(m, (enum ph_txman_state)state));
    puts("");
}

static void do_line(char *line)
{
    char *words[6] = {NULL}, *save = NULL;
    size_t cnt = 0;

    for (char *w = strtok_r(line, " ", &save); w && cnt < PH_LEN(words);
         w = strtok_r(NULL, " ", &save))
        words[cnt++] = w;
    if (cnt == 0)
        return;
    if (strcmp(words[0], "submit") == 0)
        do_submit(words + 1);
    else if (strcmp(words[0], "status") == 0)
        do_status();
    else if (strcmp(words[0], "done") == 0 && words[1])
        (void)!ph_chain_client_done_to(rig.client, strtoull(words[1], NULL, 10));
    else if (strcmp(words[0], "forget") == 0) {
        struct ph_hash32 key;
        if (read_hex(words[1], key.b, 32))
            ph_txman_forget(ph_chain_client_txman(rig.client), &key);
    }
}

static void on_input(void *ctx, uint32_t events)
{
    char *end;

    (void)ctx;
    (void)events;
    const ssize_t n =
        read(STDIN_FILENO, rig.line + rig.line_len, sizeof(rig.line) - 1 - rig.line_len);
    if (n <= 0) {
        ph_loop_stop(rig.loop);
        return;
    }
    rig.line_len += (size_t)n;
    rig.line[rig.line_len] = '\0';
    char *begin = rig.line;
    while ((end = strchr(begin, '\n'))) {
        *end = '\0';
        do_line(begin);
        begin = end + 1;
    }
    rig.line_len -= (size_t)(begin - rig.line);
    memmove(rig.line, begin, rig.line_len);
}

static int run(int dir_fd, char **argv, int argc)
{
    const char *urls[PH_RPC_ENDPOINTS_MAX];
    struct ph_watch input = {0};
    char why[PH_CHAIN_WHY_LEN] = "";
    struct ph_chain_client_config config = {.urls = urls,
                                            .chain_id = strtoull(argv[2], NULL, 10),
                                            .address_cnt = 1,
                                            .confirmations = (uint32_t)strtoul(argv[4], NULL, 10),
                                            .quorum = strtoul(argv[5], NULL, 10),
                                            .poll_ms = (uint32_t)strtoul(argv[6], NULL, 10),
                                            .dir_fd = dir_fd,
                                            .journal = "chain.journal",
                                            .max_fee_cap = UINT64_C(500000000000),
                                            .min_priority = 1,
                                            .in_flight_max = 512,
                                            .bump_blocks = 3,
                                            .resend_ms = 400,
                                            .sign = sign,
                                            .ready = on_ready,
                                            .follow = {on_undone, on_log, on_head, on_broken, NULL},
                                            .changed = on_changed};

    for (int i = 8; i < argc && config.url_cnt < PH_RPC_ENDPOINTS_MAX; i++)
        urls[config.url_cnt++] = argv[i];
    if (!read_hex(argv[3], rig.secret, 32) || !read_hex(argv[7], config.addresses[0].b, 20) ||
        ph_eth_address(rig.secret, &config.sender) != PH_OK || ph_loop_new(&rig.loop) != PH_OK)
        return 2;
    config.loop = rig.loop;
    if (ph_chain_client_new(&config, &rig.client, why) != PH_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    if (ph_watch_add(rig.loop, &input, STDIN_FILENO, EPOLLIN, on_input, NULL) == PH_OK)
        ph_loop_run(rig.loop);
    ph_watch_del(rig.loop, &input);
    ph_chain_client_free(rig.client);
    ph_loop_free(rig.loop);
    return 0;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc < 9)
        return 2;
    ph_crypto_init();
    int dir_fd PH_OWNED(ph_closep) = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 ? 2 : run(dir_fd, argv, argc);
}
