#include "runtime/state_client.h"

#include "base/own.h"
#include "base/test.h"

#include <sys/socket.h>
#include <unistd.h>

/* The channel's other end is in the same thread: answers are sent before they are asked for. */

static struct ph_state_client client;
static int other;

static void begin(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    ph_state_client_init(&client, ends[0]);
    other = ends[1];
}

static void end(void)
{
    (void)close(client.fd);
    if (other >= 0)
        (void)close(other);
}

static void tell_with(enum ph_state_packet_kind kind, uint8_t a, uint32_t n, struct ph_bytes data)
{
    uint8_t raw[PH_STATE_PACKET_MAX];
    ph_state_packet_head(kind, a, n, raw);
    if (data.len > 0)
        memcpy(raw + PH_STATE_PACKET_HEAD, data.ptr, data.len);
    CHECK(write(other, raw, PH_STATE_PACKET_HEAD + data.len) > 0);
}

static void tell(enum ph_state_packet_kind kind, struct ph_bytes data)
{
    tell_with(kind, 0, 0, data);
}

static struct ph_state_packet asked(void)
{
    static uint8_t raw[PH_STATE_PACKET_MAX];
    struct ph_state_packet p = {0};
    const ssize_t n = read(other, raw, sizeof(raw));
    CHECK(n > 0 && ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &p) == PH_OK);
    return p;
}

TEST(reads_are_answered_and_commits_in_between_are_remembered)
{
    static const uint8_t page[PH_STATE_PAGE] = {1, 2, 3};
    uint8_t out[PH_STATE_PAGE];
    struct ph_state_keys keys;

    begin();
    const struct ph_state_source source = ph_state_client_source(&client);
    tell_with(PH_STATE_KEY, 1, 3, (struct ph_bytes){page, 32});
    tell_with(PH_STATE_KEY, 0, 7, (struct ph_bytes){page + 1, 32});
    CHECK(ph_state_client_keys(&client, &keys) == PH_OK && keys.cnt == 2);
    CHECK(keys.at[0].epoch == 3 && memcmp(keys.at[0].key, page, 32) == 0);
    CHECK(keys.at[1].epoch == 7 && memcmp(keys.at[1].key, page + 1, 32) == 0);
    tell(PH_STATE_COMMITTED, (struct ph_bytes){0});
    tell(PH_STATE_DATA, PH_BYTES_OF(page));
    CHECK(source.page(source.ctx, 77, out) == PH_OK && memcmp(out, page, sizeof(page)) == 0);
    CHECK(client.committed);
    struct ph_state_packet p = asked();
    CHECK(p.kind == PH_STATE_READ_PAGE && p.n == 77);
    tell(PH_STATE_ABSENT, (struct ph_bytes){0});
    CHECK(source.node(source.ctx, (struct ph_tree_at){2, 5}, out) == PH_ERR_NOT_FOUND);
    p = asked();
    CHECK(p.kind == PH_STATE_READ_NODE && p.a == 2 && p.n == 5);
    tell(PH_STATE_FAILED, (struct ph_bytes){0});
    CHECK(source.page(source.ctx, 1, out) == PH_ERR_IO && !client.lost);
    client.committed = false;
    CHECK(ph_state_client_take(&client) == PH_OK && !client.committed);
    tell(PH_STATE_COMMITTED, (struct ph_bytes){0});
    CHECK(ph_state_client_take(&client) == PH_OK && client.committed);
    end();
}

TEST(a_record_goes_in_pieces)
{
    static uint8_t record[2 * PH_STATE_PACKET_DATA + 1];
    size_t got = 0;

    begin();
    for (size_t i = 0; i < sizeof(record); i++)
        record[i] = (uint8_t)(i * 7);
    CHECK(ph_state_client_send(&client, PH_BYTES_OF(record)) == PH_OK);
    struct ph_state_packet p = asked();
    CHECK(p.kind == PH_STATE_COMMIT && p.n == sizeof(record));
    while (got < sizeof(record)) {
        p = asked();
        CHECK(p.kind == PH_STATE_PIECE && p.data.len <= sizeof(record) - got);
        CHECK(memcmp(p.data.ptr, record + got, p.data.len) == 0);
        got += p.data.len;
    }
    end();
}

TEST(whatever_ends_the_channel_stays_with_its_reason)
{
    static const enum ph_state_packet_kind wrong[] = {PH_STATE_DATA, PH_STATE_ABSENT,
                                                      PH_STATE_READ_PAGE};
    static const uint8_t zeros[PH_STATE_PAGE];
    struct ph_state_keys keys;
    uint8_t out[PH_STATE_PAGE];

    begin(); /* told */
    const struct ph_state_source source = ph_state_client_source(&client);
    tell(PH_STATE_LOST, PH_BYTES_LIT("a reason"));
    CHECK(source.page(source.ctx, 1, out) == PH_ERR_IO);
    CHECK(client.lost && strcmp(client.why, "a reason") == 0);
    CHECK(ph_state_client_take(&client) == PH_ERR_CLOSED);
    CHECK(ph_state_client_send(&client, PH_BYTES_OF(zeros)) == PH_ERR_CLOSED);
    end();

    begin(); /* told, then closed: the reason is found when writing fails */
    tell(PH_STATE_LOST, PH_BYTES_LIT("a reason"));
    (void)close(other);
    other = -1;
    CHECK(ph_state_client_send(&client, PH_BYTES_OF(zeros)) == PH_ERR_CLOSED);
    CHECK(strcmp(client.why, "a reason") == 0);
    end();

    begin(); /* closed */
    (void)close(other);
    other = -1;
    CHECK(ph_state_client_take(&client) == PH_ERR_CLOSED && client.lost);
    CHECK(strstr(client.why, "closed"));
    end();

    for (size_t i = 0; i < PH_LEN(wrong); i++) { /* an answer to nothing */
        begin();
        tell(wrong[i], (struct ph_bytes){zeros, wrong[i] == PH_STATE_DATA ? sizeof(zeros) : 0});
        CHECK(ph_state_client_take(&client) == PH_ERR_CLOSED && strstr(client.why, "no sense"));
        end();
    }
    begin(); /* no packet at all, and no key where one must be */
    CHECK(write(other, "nonsense!", 9) == 9);
    CHECK(ph_state_client_take(&client) == PH_ERR_CLOSED && strstr(client.why, "no sense"));
    end();
    begin();
    tell(PH_STATE_COMMITTED, (struct ph_bytes){0});
    CHECK(ph_state_client_keys(&client, &keys) == PH_ERR_CLOSED && client.lost);
    end();
    for (uint32_t epoch = 0; epoch < 2; epoch++) { /* epoch 0, and the same twice */
        begin();
        tell_with(PH_STATE_KEY, 1, epoch, (struct ph_bytes){zeros, 32});
        tell_with(PH_STATE_KEY, 0, epoch, (struct ph_bytes){zeros, 32});
        CHECK(ph_state_client_keys(&client, &keys) == PH_ERR_CLOSED && client.lost);
        end();
    }
}

PH_TEST_MAIN(CASE(reads_are_answered_and_commits_in_between_are_remembered),
             CASE(a_record_goes_in_pieces), CASE(whatever_ends_the_channel_stays_with_its_reason))
