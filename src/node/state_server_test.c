/* The state server with the real phala-keyd and files, and a phat's side that speaks the packets:
 * what is acknowledged is there for the next instance, and storage that lies is refused. PHALA_KEYD
 * names the executable. */

#include "node/state_server.h"

#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"
#include "ipc/state_packets.h"
#include "state/state.h"
#include "store/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char dir[64], url[128], blob_path[128], seal[160];
static int pages_fd = -1;
static struct ph_keyd_client *keyd;
static struct ph_loop *loop;
static struct ph_state_server *server;
static struct ph_phat_id phat = {{5, 5, 5}};

/* What the loop was told last. */
static struct {
    bool told;
    enum ph_state_event event;
    enum ph_err err;
    struct ph_state_tip tip;
    char why[PH_STATE_SERVER_WHY];
} news;

static void told(void *ctx, const struct ph_phat_id *id, enum ph_state_event event, enum ph_err err,
                 const struct ph_state_tip *tip, const char *why)
{
    (void)ctx;
    CHECK(memcmp(id->b, phat.b, sizeof(phat.b)) == 0);
    news.told = true;
    news.event = event;
    news.err = err;
    news.tip = *tip;
    (void)snprintf(news.why, sizeof(news.why), "%s", why);
    ph_loop_stop(loop);
}

static void hear(enum ph_state_event event)
{
    news.told = false;
    ph_loop_run(loop);
    CHECK(news.told);
    if (news.event != event)
        fail_msg("event %d: %s", (int)news.event, news.why);
}

static void start_keyd(void)
{
    char why[PH_KEYD_WHY_LEN];
    const struct ph_keyd_config config = {
        .path = getenv("PHALA_KEYD"), .state = blob_path, .seal = seal};
    CHECK(config.path && ph_keyd_client_start(&config, &keyd, why) == PH_OK);
}

static void start_server(size_t checkpoint_bytes)
{
    char why[PH_STATE_SERVER_WHY];
    const struct ph_state_server_config config = {
        .url = url, .pages_dir_fd = pages_fd, .keyd = keyd, .checkpoint_bytes = checkpoint_bytes};
    CHECK(ph_loop_new(&loop) == PH_OK);
    if (ph_state_server_start(&config, loop, told, NULL, &server, why) != PH_OK)
        fail_msg("%s", why);
}

static void stop_server(void)
{
    ph_state_server_stop(server);
    ph_loop_free(loop);
}

/* The phat's side. */
struct client {
    int fd;
    bool committed, lost;
    struct ph_state *state;
    struct ph_state_roots *roots;
};
static _Thread_local struct client client;

static struct ph_state_packet receive(uint8_t raw[static PH_STATE_PACKET_MAX])
{
    struct ph_state_packet p = {0};
    const ssize_t n = read(client.fd, raw, PH_STATE_PACKET_MAX);
    CHECK(n > 0 && ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &p) == PH_OK);
    return p;
}

static enum ph_err ask(enum ph_state_packet_kind kind, uint8_t a, uint32_t n, uint8_t *out)
{
    uint8_t head[PH_STATE_PACKET_HEAD], raw[PH_STATE_PACKET_MAX];

    ph_state_packet_head(kind, a, n, head);
    CHECK(write(client.fd, head, sizeof(head)) == (ssize_t)sizeof(head));
    for (;;) {
        const struct ph_state_packet p = receive(raw);
        if (p.kind == PH_STATE_COMMITTED) {
            client.committed = true;
            continue;
        }
        if (p.kind == PH_STATE_DATA)
            memcpy(out, p.data.ptr, p.data.len);
        return p.kind == PH_STATE_DATA     ? PH_OK
               : p.kind == PH_STATE_ABSENT ? PH_ERR_NOT_FOUND
                                           : PH_ERR_IO;
    }
}

static enum ph_err ask_page(void *ctx, uint32_t page, uint8_t out[static PH_STATE_PAGE])
{
    (void)ctx;
    return ask(PH_STATE_READ_PAGE, 0, page, out);
}

static enum ph_err ask_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    (void)ctx;
    return ask(PH_STATE_READ_NODE, at.level, at.n, out);
}

static void connect_client(void)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    client = (struct client){.fd = pair[1], .roots = ph_state_roots_new()};
    CHECK(client.roots &&
          ph_state_server_open(server, &phat, 10000, pair[0], client.roots) == PH_OK);
}

static void drop_client(void)
{
    ph_state_roots_unref(client.roots);
    (void)close(client.fd);
}

static void open_client(void)
{
    static const struct ph_state_source source = {NULL, ask_page, ask_node};
    static const struct ph_state_limits limits = {0};
    uint8_t raw[PH_STATE_PACKET_MAX], key[32];
    char why[256];

    connect_client();
    hear(PH_STATE_OPENED);
    const struct ph_state_packet p = receive(raw);
    CHECK(p.kind == PH_STATE_KEY);
    memcpy(key, p.data.ptr, 32);
    const struct ph_state_keys keys = ph_state_keys_of(p.n, key);
    if (ph_state_open(&phat, &keys, &news.tip, &source, &limits, &client.state, why) != PH_OK)
        fail_msg("%s", why);
}

static void close_client(void)
{
    ph_state_free(client.state);
    drop_client();
    hear(PH_STATE_ENDED);
}

static void run(const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(ph_state_db(client.state), sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static void send_record(struct ph_bytes record)
{
    uint8_t raw[PH_STATE_PACKET_MAX];

    ph_state_packet_head(PH_STATE_COMMIT, 0, (uint32_t)record.len, raw);
    CHECK(write(client.fd, raw, PH_STATE_PACKET_HEAD) == PH_STATE_PACKET_HEAD);
    while (record.len > 0) {
        const size_t n = record.len < PH_STATE_PACKET_DATA ? record.len : PH_STATE_PACKET_DATA;
        ph_state_packet_head(PH_STATE_PIECE, 0, 0, raw);
        memcpy(raw + PH_STATE_PACKET_HEAD, record.ptr, n);
        CHECK(write(client.fd, raw, PH_STATE_PACKET_HEAD + n) ==
              (ssize_t)(PH_STATE_PACKET_HEAD + n));
        record = (struct ph_bytes){record.ptr + n, record.len - n};
    }
}

static void commit(void)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    uint8_t raw[PH_STATE_PACKET_MAX];

    CHECK(ph_state_commit(client.state, 1, &record) == PH_OK);
    send_record(ph_buf_view(&record));
    CHECK(receive(raw).kind == PH_STATE_COMMITTED);
    ph_state_durable(client.state);
    /* A receipt can state it from now on. */
    struct ph_state_tip durable, sent;
    struct ph_receipt_state known;
    ph_state_tips(client.state, &durable, &sent);
    CHECK(ph_state_roots_newest(client.roots) == durable.index &&
          ph_state_roots_find(client.roots, durable.index, &known) == PH_OK &&
          memcmp(known.root.b, durable.root.b, sizeof(known.root.b)) == 0);
}

static int count_rows(void *ctx, int cnt, char **values, char **names)
{
    (void)cnt;
    (void)names;
    *(int *)ctx = (int)strtol(values[0], NULL, 10);
    return 0;
}

static int rows(void)
{
    int cnt = -1;
    CHECK(sqlite3_exec(ph_state_db(client.state), "SELECT count(*) FROM t", count_rows, &cnt,
                       NULL) == SQLITE_OK);
    return cnt;
}

static void fresh(size_t checkpoint_bytes)
{
    char command[160];

    if (pages_fd >= 0) {
        (void)close(pages_fd);
        (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
        CHECK(system(command) == 0);
    }
    (void)snprintf(dir, sizeof(dir), "/tmp/phala-state-XXXXXX");
    CHECK(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "file:%s/log", dir);
    (void)snprintf(blob_path, sizeof(blob_path), "%s/keyd.state", dir);
    (void)snprintf(seal, sizeof(seal), "simulator:%s/seal.key", dir);
    (void)snprintf(command, sizeof(command), "%s/pages", dir);
    CHECK(ph_dir_open(AT_FDCWD, command, &pages_fd) == PH_OK);
    start_keyd();
    start_server(checkpoint_bytes);
}

TEST(commits_are_there_for_the_next_instance_and_the_next_worker)
{
    struct ph_state_tip tip;

    for (int small = 0; small < 2; small++) { /* with checkpoints at every commit, and none */
        fresh(small ? 1 : 0);
        open_client();
        CHECK(news.tip.index == 0);
        run("CREATE TABLE t(x)");
        for (int i = 0; i < 30; i++) {
            run("INSERT INTO t VALUES(randomblob(3000))");
            commit();
        }
        CHECK(ph_state_server_tip(server, &phat, &tip) && tip.index == 30);
        run("INSERT INTO t VALUES(1)"); /* not committed: gone */
        close_client();
        CHECK(!ph_state_server_tip(server, &phat, &tip));
        CHECK(news.err == PH_OK && news.tip.index == 30);
        open_client();
        CHECK(rows() == 30);
        run("INSERT INTO t VALUES(2)");
        commit();
        close_client();
        stop_server(); /* phalad goes, and phala-keyd */
        ph_keyd_client_free(keyd);
        start_keyd();
        start_server(0);
        open_client();
        CHECK(news.tip.index == 31 && rows() == 31);
        close_client();
        stop_server();
        ph_keyd_client_free(keyd);
    }
}

enum { MANY = 12 };
static struct client many[MANY];

static void *commit_often(void *ctx)
{
    client = *(struct client *)ctx;
    run("CREATE TABLE t(x)");
    for (int i = 0; i < 20; i++) {
        run("INSERT INTO t VALUES(randomblob(3000))");
        commit();
    }
    *(struct client *)ctx = client;
    return NULL;
}

TEST(states_of_many_phats_are_served_at_once)
{
    pthread_t thread[MANY];

    fresh(100000);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            phat.b[0] = (uint8_t)i;
            open_client();
            CHECK(news.tip.index == (round == 0 ? 0 : 20));
            many[i] = client;
        }
        for (size_t i = 0; round == 0 && i < MANY; i++)
            CHECK(pthread_create(&thread[i], NULL, commit_often, &many[i]) == 0);
        for (size_t i = 0; round == 0 && i < MANY; i++)
            CHECK(pthread_join(thread[i], NULL) == 0);
        for (int i = 0; i < MANY; i++) {
            phat.b[0] = (uint8_t)i;
            client = many[i];
            CHECK(rows() == 20);
            close_client();
        }
    }
    phat.b[0] = 5;
    stop_server();
    ph_keyd_client_free(keyd);
}

static char content[1 << 16];

static int take_text(void *ctx, int cnt, char **values, char **names)
{
    (void)ctx;
    (void)cnt;
    (void)names;
    (void)snprintf(content, sizeof(content), "%s", values[0] ? values[0] : "");
    return 0;
}

/* All that the table holds, as a text. */
static void read_content(void)
{
    CHECK(sqlite3_exec(ph_state_db(client.state),
                       "SELECT group_concat(k || ':' || hex(substr(v, 1, 4)) || length(v)) "
                       "FROM (SELECT k, v FROM m ORDER BY k)",
                       take_text, NULL, NULL) == SQLITE_OK);
}

static void some_commits(uint32_t *rnd, int cnt)
{
    char sql[160];

    for (int i = 0; i < cnt; i++) {
        *rnd = *rnd * 1664525 + 1013904223;
        if (*rnd >> 28 == 0)
            run("DELETE FROM m WHERE k % 3 = 0; VACUUM");
        (void)snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO m VALUES(%u, randomblob(%u))",
                       *rnd >> 8 & 255, *rnd >> 16 & 8191);
        run(sql);
        commit();
    }
}

/* Copy or restore the log and pages, as hostile storage would. */
static void shell(const char *fmt)
{
    char command[400];
    (void)snprintf(command, sizeof(command), "cd %s && %s", dir, fmt);
    CHECK(system(command) == 0);
}

/* The pages' tip file with index and hash of the newest commit, and all else as it was before. */
static void name_newest(void)
{
    enum { NAMES = 8 + 8 + 32, ALL = NAMES + 32 + 4 + 4 + 8 };
    uint8_t tip[ALL + 32];
    char path[200];

    for (int i = 2; i > 0; i--) {
        (void)snprintf(path, sizeof(path),
                       "%s/pages%d/0505050000000000000000000000000000000000.tip", dir, i);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(fd >= 0 && pread(fd, tip + (i == 1 ? NAMES : 0), i == 1 ? ALL - NAMES : NAMES,
                               i == 1 ? NAMES : 0) > 0);
        (void)close(fd);
    }
    ph_sha256((struct ph_bytes){tip, ALL}, tip + ALL);
    (void)snprintf(path, sizeof(path), "%s/pages/0505050000000000000000000000000000000000.tip",
                   dir);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, tip, sizeof(tip)) == (ssize_t)sizeof(tip));
    (void)close(fd);
}

TEST(storage_that_goes_back_is_refused)
{
    fresh(0);
    open_client();
    run("CREATE TABLE t(x)");
    commit();
    close_client();
    shell("cp -a log log1 && cp -a pages pages1");
    open_client();
    run("INSERT INTO t VALUES(1)");
    commit();
    close_client();
    shell("cp -a log log2 && cp -a pages pages2");

    shell("rm -rf log && cp -a log1 log && rm -f pages/*"); /* the last commit is dropped */
    stop_server();
    start_server(0);
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(news.err == PH_ERR_UNTRUSTED && strstr(news.why, "rolled back"));
    drop_client();

    shell("rm -rf log && cp -a log1 log && cp pages2/* pages/"); /* the log alone */
    stop_server();
    start_server(0);
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(news.err == PH_ERR_UNTRUSTED && strstr(news.why, "rolled back"));
    drop_client();

    shell("rm -rf log && mkdir log"); /* all of it */
    shell("rm -f pages/*");
    stop_server();
    start_server(0);
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(news.err == PH_ERR_UNTRUSTED && strstr(news.why, "rolled back"));
    drop_client();

    shell("rm -rf log && cp -a log2 log && cp pages1/* pages/"); /* old pages as the newest */
    name_newest();
    stop_server();
    start_server(0);
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(news.err == PH_ERR_UNTRUSTED && strstr(news.why, "not those of commit"));
    drop_client();

    shell("rm -rf log && cp -a log2 log && rm -f pages/*"); /* and what is right opens */
    stop_server();
    start_server(0);
    open_client();
    CHECK(rows() == 1);
    close_client();
    stop_server();
    ph_keyd_client_free(keyd);
}

TEST(a_process_that_breaks_the_rules_is_cut_off)
{
    static const struct {
        enum ph_state_packet_kind kind;
        uint32_t n;
    } bad[] = {{PH_STATE_PIECE, 0},
               {PH_STATE_COMMIT, 1},
               {PH_STATE_COMMIT, UINT32_MAX},
               {PH_STATE_REPLACE, PH_STATE_HEAD_LEN + 1},
               {PH_STATE_REPLACE, UINT32_MAX},
               {PH_STATE_KEY, 0},
               {PH_STATE_COMMITTED, 0}};
    uint8_t raw[PH_STATE_PACKET_MAX];

    fresh(0);
    for (size_t i = 0; i < PH_LEN(bad) + 2; i++) {
        connect_client();
        hear(PH_STATE_OPENED);
        CHECK(receive(raw).kind == PH_STATE_KEY);
        if (i < PH_LEN(bad)) {
            ph_state_packet_head(bad[i].kind, 0, bad[i].n, raw);
            memset(raw + PH_STATE_PACKET_HEAD, 0, 32);
            const size_t len = bad[i].kind == PH_STATE_PIECE ? 1
                               : bad[i].kind == PH_STATE_KEY ? 32
                                                             : 0;
            CHECK(write(client.fd, raw, PH_STATE_PACKET_HEAD + len) > 0);
        } else if (i == PH_LEN(bad)) { /* a record of nonsense */
            uint8_t junk[PH_STATE_HEAD_LEN] = {1};
            send_record(PH_BYTES_OF(junk));
        } else { /* a commit under a key of its own */
            struct ph_state_head head = {.phat = phat, .index = 1, .key_epoch = 1};
            uint8_t record[PH_STATE_HEAD_LEN];
            const struct ph_state_tip nothing = {0};
            struct ph_tree *tree;
            CHECK(ph_tree_open(&nothing, ask_node, NULL, 16, &tree) == PH_OK);
            CHECK(ph_tree_root(tree, &head.root) == PH_OK);
            ph_tree_free(tree);
            ph_sha256((struct ph_bytes){0}, head.table_sha256.b);
            ph_state_head_encode(&head, record);
            send_record(PH_BYTES_OF(record));
        }
        CHECK(receive(raw).kind == PH_STATE_LOST);
        drop_client();
        hear(PH_STATE_ENDED);
        CHECK(news.err != PH_OK && news.why[0] != '\0');
        if (i == PH_LEN(bad) + 1) /* it reached the log, which phala-keyd then did not vouch for */
            break;
    }
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(strstr(news.why, "not committed by this phat"));
    drop_client();
    stop_server();
    ph_keyd_client_free(keyd);
}

TEST(one_writer_at_a_time)
{
    fresh(0);
    open_client();
    const struct client first = client;
    connect_client();
    hear(PH_STATE_REFUSED);
    CHECK(news.err == PH_ERR_CONFLICT);
    drop_client();
    client = first;
    run("CREATE TABLE t(x)");
    commit();
    close_client();
    stop_server();
    ph_keyd_client_free(keyd);
    shell("true");
}

TEST(postgresql_alone_brings_a_state_back_from_a_short_log)
{
    static char before[sizeof(content)];
    uint32_t rnd = 7;

    if (!getenv("PHALA_TEST_POSTGRES"))
        SKIP_BECAUSE("PHALA_TEST_POSTGRES names no server");
    fresh(0);
    stop_server();
    (void)snprintf(url, sizeof(url), "%s", getenv("PHALA_TEST_POSTGRES"));
    phat.b[1] = 9;
    for (int round = 0; round < 12; round++) {
        start_server(round % 3 == 0 ? 1 : 200000); /* a checkpoint at every commit, or at some */
        open_client();
        if (round == 0)
            run("CREATE TABLE m(k INTEGER PRIMARY KEY, v BLOB)");
        if (round > 0) {
            read_content();
            CHECK(strcmp(content, before) == 0);
        }
        some_commits(&rnd, 25);
        if (round == 4) /* the folder of a worker that then had no part in it for a while */
            shell("rm -rf old && cp -a pages old");
        read_content();
        memcpy(before, content, sizeof(before));
        close_client();
        stop_server();
        if (round % 2 == 1)
            shell("rm -f pages/*");
        if (round == 8)
            shell("rm -f pages/* && cp -a old/* pages/");
    }
    phat.b[1] = 5;
    ph_keyd_client_free(keyd);
}

PH_TEST_MAIN(CASE(commits_are_there_for_the_next_instance_and_the_next_worker),
             CASE(states_of_many_phats_are_served_at_once), CASE(storage_that_goes_back_is_refused),
             CASE(a_process_that_breaks_the_rules_is_cut_off), CASE(one_writer_at_a_time),
             CASE(postgresql_alone_brings_a_state_back_from_a_short_log))
