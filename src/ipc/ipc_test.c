#include "base/own.h"
#include "base/test.h"
#include "ipc/messages.h"

#include <fcntl.h>
#include <sys/socket.h>

static void make_pair(struct ph_ipc_chan *a, struct ph_ipc_chan *b)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    ph_ipc_chan_init(a, fds[0]);
    ph_ipc_chan_init(b, fds[1]);
}

TEST(many_frames_travel_in_one_write_and_come_out_whole_and_in_order)
{
    struct ph_ipc_chan a PH_OWNED(ph_ipc_chan_clear), b PH_OWNED(ph_ipc_chan_clear);
    make_pair(&a, &b);

    for (uint64_t id = 1; id <= 100; id++) {
        const struct ph_msg_CALL call = {.kind = PH_CALL_FETCH,
                                         .wall_ms = 1000,
                                         .method = PH_BYTES_LIT("GET"),
                                         .url = PH_BYTES_LIT("http://x/"),
                                         .headers = PH_BYTES_LIT("a: b\n"),
                                         .body = PH_BYTES_LIT("body")};
        CHECK(ph_put_CALL(&a, PH_IPC_END, id, &call) == PH_OK);
    }
    CHECK(ph_put_CALL_CANCEL(&a, 0, 7) == PH_OK);
    CHECK(ph_ipc_flush(&a) == PH_OK && ph_ipc_queued(&a) == 0);

    struct ph_ipc_frame f;
    uint64_t seen = 0;
    while (ph_ipc_fill(&b) == PH_OK)
        while (ph_ipc_next(&b, &f) == PH_OK) {
            struct ph_msg_CALL got;
            if (f.type == PH_IPC_CALL_CANCEL) {
                CHECK(f.id == 7 && ph_get_CALL_CANCEL(&f) == PH_OK && seen == 100);
                seen++;
                continue;
            }
            CHECK(f.id == ++seen && f.flags == PH_IPC_END);
            CHECK(ph_get_CALL(&f, &got) == PH_OK && got.wall_ms == 1000);
            CHECK(ph_bytes_is(got.method, "GET") && ph_bytes_is(got.url, "http://x/"));
            CHECK(ph_bytes_is(got.headers, "a: b\n") && ph_bytes_is(got.body, "body"));
        }
    CHECK(seen == 101);
}

TEST(every_message_round_trips_through_its_table_row)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_msg_START start = {.cpu_ms = 1,
                                 .wall_ms = 2,
                                 .memory_mib = 3,
                                 .subrequests = 4,
                                 .secrets_len = 5,
                                 .flags = 6,
                                 .env_json = PH_BYTES_LIT("{}")};
    start.phat.b[19] = 7;
    start.bundle_hash.b[31] = 8;
    CHECK(ph_encode_START(&out, 9, 10, &start) == PH_OK);
    struct ph_ipc_frame f;
    struct ph_msg_START got;
    CHECK(ph_ipc_decode(ph_buf_view(&out), &f) == PH_OK && f.flags == 9 && f.id == 10);
    CHECK(ph_get_START(&f, &got) == PH_OK);
    CHECK(got.phat.b[19] == 7 && got.bundle_hash.b[31] == 8 && got.cpu_ms == 1 && got.wall_ms == 2);
    CHECK(got.memory_mib == 3 && got.subrequests == 4 && got.secrets_len == 5 && got.flags == 6);
    CHECK(ph_bytes_is(got.env_json, "{}"));

    /* Every truncation of the payload is refused, and writes nothing. */
    for (size_t len = 0; len < f.payload.len - 2; len++) {
        struct ph_ipc_frame cut = f;
        cut.payload.len = len;
        memset(&got, 0x5c, sizeof(got));
        CHECK(ph_get_START(&cut, &got) == PH_ERR_MALFORMED && got.flags == 0x5c);
    }
}

TEST(wrong_type_left_over_bytes_and_wrong_direction_are_refused)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_encode_SPAWNED(&out, 0, 0, &(struct ph_msg_SPAWNED){.pid = 1}) == PH_OK);
    struct ph_ipc_frame f;
    struct ph_msg_EXITED other;
    struct ph_msg_SPAWNED got;
    CHECK(ph_ipc_decode(ph_buf_view(&out), &f) == PH_OK);
    CHECK(ph_get_EXITED(&f, &other) == PH_ERR_MALFORMED);
    CHECK(ph_buf_add_str(&out, "x") == PH_OK);
    CHECK(ph_ipc_decode(ph_buf_view(&out), &f) == PH_ERR_MALFORMED);
    f.payload = PH_BYTES_LIT("\1\0\0\0x");
    CHECK(ph_get_SPAWNED(&f, &got) == PH_ERR_MALFORMED);
    CHECK(ph_ipc_allowed(PH_IPC_SPAWNED, PH_Z2D) && !ph_ipc_allowed(PH_IPC_SPAWNED, PH_D2Z));
    CHECK(!ph_ipc_allowed(0, PH_D2R) && !ph_ipc_allowed(39, PH_D2R) &&
          !ph_ipc_allowed(65535, PH_D2R));
    CHECK(strcmp(ph_ipc_name(PH_IPC_CALL), "CALL") == 0 && strcmp(ph_ipc_name(999), "?") == 0);
}

TEST(a_length_over_the_limit_closes_the_channel_before_it_is_allocated)
{
    struct ph_ipc_chan a PH_OWNED(ph_ipc_chan_clear), b PH_OWNED(ph_ipc_chan_clear);
    make_pair(&a, &b);
    uint8_t header[PH_IPC_HEADER_LEN];
    ph_ipc_header(header, PH_IPC_PAYLOAD_MAX + 1, PH_IPC_LOG, 0, 0);
    CHECK(write(a.fd, header, sizeof(header)) == (ssize_t)sizeof(header));
    struct ph_ipc_frame f;
    CHECK(ph_ipc_fill(&b) == PH_OK);
    CHECK(ph_ipc_next(&b, &f) == PH_ERR_MALFORMED);

    static uint8_t big[PH_IPC_PAYLOAD_MAX + 1];
    const struct ph_bytes part = PH_BYTES_OF(big);
    CHECK(ph_ipc_send(&a, PH_IPC_LOG, 0, 0, &part, 1) == PH_ERR_LIMIT);
    CHECK(ph_ipc_queued(&a) == 0);
}

TEST(a_peer_that_does_not_read_meets_the_queue_limit_and_one_that_left_is_noticed)
{
    struct ph_ipc_chan a PH_OWNED(ph_ipc_chan_clear), b PH_OWNED(ph_ipc_chan_clear);
    make_pair(&a, &b);
    static uint8_t chunk[PH_IPC_CHUNK_MAX];
    enum ph_err err = PH_OK;
    for (int i = 0; i < 2000 && err == PH_OK; i++) {
        err = ph_put_RESP_BODY(&a, 0, 1, &(struct ph_msg_RESP_BODY){.data = PH_BYTES_OF(chunk)});
        if (err == PH_OK) {
            const enum ph_err flushed = ph_ipc_flush(&a);
            CHECK(flushed == PH_OK || flushed == PH_ERR_AGAIN);
        }
    }
    CHECK(err == PH_ERR_LIMIT);
    ph_ipc_chan_clear(&b);
    CHECK(ph_ipc_flush(&a) == PH_ERR_CLOSED);
}

TEST(descriptors_travel_and_unexpected_ones_are_closed)
{
    int pair[2], fds[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    int pipe_fds[2];
    CHECK(pipe(pipe_fds) == 0);
    uint8_t buf[16];
    size_t len = 0, cnt = 0;

    CHECK(ph_ipc_send_fds(pair[0], PH_BYTES_LIT("hello"), pipe_fds, 2) == PH_OK);
    CHECK(ph_ipc_recv_fds(pair[1], buf, sizeof(buf), &len, fds, 2, &cnt) == PH_OK);
    CHECK(len == 5 && cnt == 2 && (fcntl(fds[0], F_GETFD) & FD_CLOEXEC));
    CHECK(write(fds[1], "x", 1) == 1 && read(pipe_fds[0], buf, 1) == 1 && buf[0] == 'x');

    CHECK(ph_ipc_send_fds(pair[0], PH_BYTES_LIT("hello"), pipe_fds, 2) == PH_OK);
    CHECK(ph_ipc_recv_fds(pair[1], buf, sizeof(buf), &len, fds, 1, &cnt) == PH_ERR_MALFORMED);
    CHECK(ph_ipc_send_fds(pair[0], PH_BYTES_LIT("more than sixteen bytes"), NULL, 0) == PH_OK);
    CHECK(ph_ipc_recv_fds(pair[1], buf, sizeof(buf), &len, fds, 1, &cnt) == PH_ERR_MALFORMED);
    (void)close(pair[0]);
    CHECK(ph_ipc_recv_fds(pair[1], buf, sizeof(buf), &len, fds, 1, &cnt) == PH_ERR_CLOSED);
    (void)close(pair[1]);
    for (int i = 0; i < 2; i++) {
        (void)close(fds[i]);
        (void)close(pipe_fds[i]);
    }
}

PH_TEST_MAIN(CASE(many_frames_travel_in_one_write_and_come_out_whole_and_in_order),
             CASE(every_message_round_trips_through_its_table_row),
             CASE(wrong_type_left_over_bytes_and_wrong_direction_are_refused),
             CASE(a_length_over_the_limit_closes_the_channel_before_it_is_allocated),
             CASE(a_peer_that_does_not_read_meets_the_queue_limit_and_one_that_left_is_noticed),
             CASE(descriptors_travel_and_unexpected_ones_are_closed))
